"""Which gateways do the tests of single sign-on use? In front of the recording upstream, with providers that the test plays."""

import subprocess
from pathlib import Path

from .gateway import Gateway, binary
from .provider import CLIENT, SECRET, Provider

RULES = """
[[providers.{name}.rules]]
claim = "groups"
any_of = ["eng", "science"]
role = "developer"
[[providers.{name}.rules]]
claim = "groups"
equals = "looking"
role = "viewer"
"""


def table(provider: Provider, name: str = "idp", more: str = "", rules: str = RULES) -> str:
    """A provider in the configuration."""
    return f"""
[providers.{name}]
issuer = "{provider.issuer}"
client_id = "{CLIENT}"
client_secret_env = "IDP_SECRET"
label = "Example {name.upper()}"
{more}
{rules.replace("{name}", name)}"""


class Door(Gateway):
    """A gateway with a file of providers."""

    def __init__(self, folder: Path, upstream: str, tables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "providers.toml"
        self.file.write_text(tables)
        env = {"LICTOR_UPSTREAM_AUTH_STRING": "admin:only-lictor-knows", "IDP_SECRET": SECRET}
        super().__init__(folder, "--upstream", upstream, "--providers", str(self.file), env=env)

    def events(self, operation: str) -> list[dict]:
        """What is on record of an operation, newest first."""
        return self.cli_json("audit", "list", "--operation", operation)

    def run_bare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that names its own place."""
        return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, env=self.env, timeout=60, check=False)

    def grants(self, name: str) -> set[str]:
        """The roles that somebody has."""
        return {grant["role"] for grant in self.cli_json("grant", "list") if grant["for"] == name}
