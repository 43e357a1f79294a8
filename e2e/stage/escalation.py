"""Who tries what, past Lictor and through it? The stage of the escalation tests: a real Prefect with something in it."""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from . import http
from .gateway import Gateway
from .prefect import Server
from .wait import until


TEMPLATE = {"job_configuration": {"command": "{{ command }}"}, "variables": {"type": "object", "properties": {"command": {"type": "string"}}}}
COMMAND = {"job_variables": {"command": "id"}}


def patiently(ask: Callable[[], http.Answer]) -> http.Answer:
    """Asks again while Prefect's SQLite is busy (503), as Prefect's own client does."""
    return until("an answer of a Prefect that is not busy", lambda: (answer := ask()).status != 503 and answer, 30, every=0.3)


@dataclass
class Stage:
    """A real Prefect with something in it, and the gateway before it."""

    server: Server
    gateway: Gateway
    owner: str
    flow: str = ""
    deployment: str = ""
    pool: str = ""
    roles: dict[str, str] = field(default_factory=dict)

    def fill(self) -> "Stage":
        """Puts a flow, a pool and a deployment there."""
        self.flow = self.ask(self.owner, "POST", "/api/flows/", {"name": f"escalation-{uuid.uuid4().hex[:8]}"}).json()["id"]
        made = self.ask(self.owner, "POST", "/api/work_pools/", {"name": f"pool-{uuid.uuid4().hex[:8]}", "type": "process", "base_job_template": TEMPLATE})
        self.pool = made.json()["name"]
        self.deployment = self.deploy()
        return self

    def deploy(self) -> str:
        """A deployment in the pool."""
        made = self.ask(self.owner, "POST", "/api/deployments/", {"name": f"d-{uuid.uuid4().hex[:6]}", "flow_id": self.flow, "work_pool_name": self.pool})
        assert made.status in (200, 201), made.body
        return made.json()["id"]

    def directly(self, method: str, path: str, body=None) -> http.Answer:
        """As whoever reaches Prefect without Lictor."""
        secret = base64.b64encode((self.server.auth or "").encode()).decode()
        return patiently(lambda: http.ask(self.server.port, method, path, body=body, headers={"Authorization": f"Basic {secret}"}))

    def ask(self, key: str, method: str, path: str, body=None) -> http.Answer:
        """Through Lictor."""
        return patiently(lambda: self.gateway.ask(method, path, key=key, body=body))

    def refused(self, key: str, method: str, path: str, body, lacking: str) -> None:
        """Refused, and the answer names what is lacking."""
        answer = self.ask(key, method, path, body)
        assert (answer.status, answer.reason) == (403, "permission-denied"), (path, body, answer.status, answer.body[:300])
        assert lacking in answer.json()["detail"], answer.json()

    def run(self) -> str:
        """A run to be changed, of the owner's."""
        made = self.ask(self.owner, "POST", f"/api/deployments/{self.deployment}/create_flow_run", {})
        assert made.status == 201, made.body
        return made.json()["id"]

    def read_run(self, run: str) -> dict:
        """The run as it is now."""
        return self.ask(self.owner, "GET", f"/api/flow_runs/{run}").json()

    def with_role(self, *permissions: str) -> str:
        """The key of somebody who holds exactly these permissions."""
        role = f"r-{uuid.uuid4().hex[:8]}"
        self.gateway.cli("role", "add", role, *(word for permission in permissions for word in ("--permission", permission)))
        name, key = self.gateway.newcomer(None)
        self.gateway.cli("grant", "add", name, "--role", role)
        until("the role counts", lambda: self.ask(key, "GET", "/api/admin/version").status == 200)
        return key

    def key(self, role: str) -> str:
        """The key of somebody with a built-in role, or with the permissions named."""
        if role not in self.roles:
            self.roles[role] = self.with_role(*role.split()) if "_" in role else self.gateway.newcomer(role)[1]
        return self.roles[role]
