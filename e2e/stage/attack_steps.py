"""How are the attacks run that are told in words? Each id has its function; socket scripts that read like one are run as written."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .attack import Attack, Cast, judge
from .gateway import Gateway
from .raw import Outcome, WebSocket
from .recorder import Recorded, Recorder
from .wait import until

Steps = Callable[["Scene"], Iterator[str]]
STEPS: dict[str, Steps] = {}
PROVENANCE = ("x-remote-user", "remote-user", "x-forwarded-user", "x-auth-request-user", "proxy-authorization", "x-forwarded-prefix", "x-original-url", "x-rewrite-url", "forwarded")
FORGED = {"prefect-automation-id": "00000000-0000-4000-8000-000000000001", "prefect-automation-name": "QWRtaW4="}


@dataclass
class Scene:
    """One attack, run as one identity."""

    attack: Attack
    identity: str
    cast: Cast
    gateway: Gateway
    recorder: Recorder

    @property
    def expected(self) -> str:
        """The stated outcome."""
        return self.attack.expected[self.identity]

    @property
    def key(self) -> str | None:
        """The identity's key."""
        return self.cast.keys.get(self.identity)

    @property
    def basic(self) -> str:
        """What a client of this identity puts into PREFECT_API_AUTH_STRING."""
        return self.key or ""

    def socket(self, path: str = "/api/events/out", **more) -> WebSocket:
        """Opens a socket on the gateway."""
        return WebSocket(self.gateway.port, path, **more)

    def check(self, outcome: Outcome) -> Iterator[str]:
        """Compares with the stated outcome."""
        if not judge(self.expected, outcome):
            yield f"expected {self.expected}, got {outcome.words()} {outcome.body[:160]!r}"

    def check_socket(self, socket: WebSocket, mark: int, timeout: float = 5.0) -> Iterator[str]:
        """Compares how a socket fared with the stated outcome; a refused one must not have reached Prefect."""
        if socket.status == 101:
            socket.until_closed(timeout if "allow" not in self.expected else 0.3)
        seen = f"HTTP {socket.status}" if socket.status != 101 else f"close {socket.close_code} {socket.close_reason}"
        socket.close()
        if not socket_as_expected(self.expected, socket):
            yield f"expected {self.expected}, got {seen}"
        if "allow" not in self.expected and self.recorder.since(mark):
            yield f"refused, and yet Prefect was sent {[each.target for each in self.recorder.since(mark)]}"


def socket_as_expected(expected: str, socket: WebSocket) -> bool:
    """Reads "401|close 1008", "close 1003|1008", "400|426", "allow (own pool)"."""
    if expected.startswith("allow"):
        return socket.status == 101 and socket.close_code is None
    for option in expected.split("|"):
        code = re.search(r"\d{3,4}", option)
        if code and len(code[0]) == 3 and socket.status == int(code[0]):
            return True
        if code and len(code[0]) == 4 and socket.status == 101 and socket.close_code == int(code[0]):
            return True
    return False


def steps(*ids: str) -> Callable[[Steps], Steps]:
    """Registers a function for attacks."""

    def register(function: Steps) -> Steps:
        for each in ids:
            assert each not in STEPS, each
            STEPS[each] = function
        return function

    return register


def has(attack_id: str) -> bool:
    """Whether an attack can be run."""
    try:
        find(attack_id)
    except KeyError:
        return False
    return True


def find(attack_id: str) -> Steps:
    """The function of an attack."""
    from . import steps_admin, steps_credentials, steps_dos, steps_escalation, steps_framing, steps_http2, steps_jwt, steps_mtls, steps_sessions, steps_sign_on, steps_sockets, steps_upstream  # noqa: F401  (they register themselves)

    if attack_id in STEPS:
        return STEPS[attack_id]
    if attack_id.startswith("WS-"):
        return as_written
    raise KeyError(attack_id)


def as_written(scene: Scene) -> Iterator[str]:
    """Runs "handshake GET path …", "send text {…}", and the few words that stand for a frame."""
    mark, socket = scene.recorder.mark(), None
    for line in scene.attack.request["steps"]:
        if found := re.match(r"handshake GET (\S+)(.*)", line):
            socket = scene.socket(found[1])
        elif found := re.match(r"send text (.*)", line):
            yield from _say(scene, socket, json.loads(scene.cast.fill(found[1], scene.identity)))
        elif "filter" in line:
            yield from _say(scene, socket, {"type": "filter", "filter": {}})
        elif line.startswith("auth as worker"):
            yield from _say(scene, socket, {"type": "auth", "token": scene.key})
        elif "worker.hello.v1" in line:
            yield from _say(scene, socket, HELLO)
        elif not line.startswith("pool p has"):
            yield f"a step that nobody can read: {line}"
    assert socket
    if "worker.hello.v1" in str(scene.attack.request) and scene.identity == "worker":
        yield from _pool_untouched(scene, mark)
    yield from scene.check_socket(socket, mark)


def _pool_untouched(scene: Scene, mark: int) -> Iterator[str]:
    """A worker's greeting reaches Prefect without its power over the pool."""

    def greetings() -> list[bytes]:
        return [payload for each in scene.recorder.since(mark) for _, payload in each.frames if b"worker.hello.v1" in payload]

    for payload in until("the greeting at Prefect", greetings, 5):
        sent = json.loads(payload)["payload"]
        if sent["create_pool_if_not_found"] or sent["default_base_job_template"]:
            yield f"the greeting kept its power over the pool: {sent}"


def _say(scene: Scene, socket: WebSocket | None, message: dict) -> Iterator[str]:
    assert socket
    if socket.status != 101 or socket.close_code is not None:
        return
    try:
        socket.send(message)
    except OSError:
        return
    if message.get("type") == "auth" and scene.expected.startswith("allow"):
        welcome = socket.json(10)
        if (welcome or {}).get("type") != "auth_success":
            yield f"no auth_success but {welcome} {socket.close_code} {socket.close_reason}"


HELLO = {
    "type": "worker.hello.v1",
    "payload": {
        "consumer_id": "00000000-0000-4000-8000-000000000009", "worker_name": "w", "worker_type": "process", "heartbeat_interval_seconds": 30,
        "supported_channel_versions": ["v1"], "requested_capabilities": ["heartbeat"], "work_queue_names": [], "handled_cleanup_kinds": [],
        "max_cleanup_concurrency": 0, "create_pool_if_not_found": True, "default_base_job_template": {"job_configuration": {"command": "id"}},
    },
}


def leaks(recorded: Recorded, cast: Cast) -> list[str]:
    """What reached Prefect and must not have: a client's credential, a spoofed identity, hop-by-hop headers."""
    text, wrong = recorded.text(), []
    wrong += [f"a credential of the client reached Prefect: {secret[:10]}…" for secret in cast.secrets() if secret in text and secret != "only-lictor-knows"]
    wrong += [f"{name} reached Prefect" for name in PROVENANCE if recorded.header(name)]
    # Lictor sets these two itself, to say who started a run; the client's own must not come through.
    wrong += [f"a forged {name} reached Prefect" for name, forged in FORGED.items() if recorded.header(name) == forged]
    if (authorization := recorded.header("authorization") or "") and not authorization.startswith("Basic "):
        wrong.append(f"Authorization is not Lictor's own: {authorization[:20]}")
    wrong += [f"{name} is there twice" for name in ("host", "authorization", "content-length") if [key.lower() for key, _ in recorded.headers].count(name) > 1]
    return wrong


def reached(recorder: Recorder, mark: int) -> list[Recorded]:
    """What came since; waits a moment for what is on its way."""
    return until("a request at Prefect", lambda: recorder.since(mark))
