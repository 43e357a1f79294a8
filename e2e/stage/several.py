"""How does one gateway stand before several Prefect Servers? By a configuration that names a workspace for each."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from .gateway import Gateway

AUTH = "admin:only-lictor-knows"


def before(folder: Path, workspaces: dict[str, str], more: str = "", port: int | None = None) -> Gateway:
    """A gateway, not yet started; each workspace has its lines of the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "auth").write_text(AUTH)
    gateway = Gateway(folder, config=folder / "lictor.toml", port=port)
    tables = "".join(f'[workspaces.{name}]\nauth_string_file = "auth"\n{lines}\n' for name, lines in workspaces.items())
    (folder / "lictor.toml").write_text(f'listen = "127.0.0.1:{gateway.port}"\n{more}\n[store]\nurl = "sqlite://{folder}/lictor.db"\n{tables}')
    return gateway


def member(gateway: Gateway, **roles: str) -> tuple[str, str]:
    """A machine with a role in each of those workspaces, and nowhere else: its name and key."""
    name = f"member-{uuid.uuid4().hex[:8]}"
    gateway.cli("service-account", "add", name)
    grant(gateway, name, **roles)
    # Last, since the gateway looks at the store anew for a key that it does not know.
    return name, gateway.key(name)


def grant(gateway: Gateway, name: str, **roles: str) -> None:
    """Gives somebody roles, by workspace."""
    for workspace, role in roles.items():
        gateway.cli("grant", "add", name, "--role", role, "--workspace", workspace)


@dataclass(frozen=True)
class Listed:
    """A workspace as a Cloud client is told of it."""

    account: str
    id: str
    handle: str

    @property
    def api(self) -> str:
        """The path of its API."""
        return f"/api/accounts/{self.account}/workspaces/{self.id}"

    @property
    def pages(self) -> str:
        """Where links of a client begin."""
        return f"/account/{self.account}/workspace/{self.id}"


def listed(gateway: Gateway, key: str) -> dict[str, Listed]:
    """The workspaces of a key's holder, by name."""
    answer = gateway.ask("GET", "/api/me/workspaces", key=key)
    assert answer.status == 200, answer.body
    return {one["workspace_name"]: Listed(one["account_id"], one["workspace_id"], f"{one['account_handle']}/{one['workspace_handle']}") for one in answer.json()}
