"""Who manages what, where the management itself is tested? Two workspaces, a provider, and somebody of each kind."""

from pathlib import Path

from .gateway import Gateway
from .recorder import Recorder

RULES = """
[providers.okta]
label = "Okta"
issuer = "https://okta.example.com"
client_id = "lictor"
client_secret_file = "secret"
[[providers.okta.rules]]
claim = "groups"
any_of = ["eng", "science"]
role = "developer"
[[providers.okta.rules]]
claim = "email"
matches = ".*@example[.]com"
role = "viewer"
workspace = "lab"
team = "data"
"""


def staffed(folder: Path, recorder: Recorder) -> Gateway:
    """A gateway with two workspaces, a provider, an owner, an admin, an owner of one workspace, and a member."""
    folder.mkdir(exist_ok=True)
    gateway = Gateway(folder, config=folder / "lictor.toml")
    (folder / "lictor.toml").write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n'
        f'[workspaces.lab]\nupstream = "{recorder.url}"\nhosts = ["lab.example.com"]\n{RULES}'
    )
    (folder / "secret").write_text("only-lictor-knows")
    (folder / "secret").chmod(0o600)
    gateway.start()
    gateway.add_user("olga", "owner")
    gateway.add_user("adam")
    gateway.cli("user", "set-account-role", "adam", "admin")
    gateway.add_user("wanda")
    gateway.cli("grant", "add", "wanda", "--role", "owner", "--workspace", "lab")
    gateway.add_user("vera", "viewer")
    gateway.cli("team", "add", "data")
    return gateway
