"""Is what Lictor judged what Prefect would do? Spoilt paths by the thousand, and Prefect's own router as the judge."""

import json
import os
import random
import re
import socket
import subprocess
import uuid
from pathlib import Path

import pytest

from stage.gateway import Gateway
from stage.prefect import PROGRAMS, bin_of, clean_env
from stage.recorder import Recorder
from stage.wait import until

INPUTS = int(os.environ.get("LICTOR_ROUTING_INPUTS", "5000"))
SEED = int(os.environ.get("LICTOR_ROUTING_SEED", "3"))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
NAMES = (str(uuid.UUID(int=7)), uuid.UUID(int=7).hex, "a", "filter", "health", "count", "a b", "é", "..", "a.svg", "name", "next", "%41", "api")
PIECES = (
    "%2f", "%2F", "%5c", "/", "//", "/./", "/../", "%2e", ".", "..", ";", ";x=1", "%00", "%0a", "%0d%0a", "%20", "+", "%25", "%252f", "\\", "%c3%a9", "\xe9", "%ff",
    "#", "#x", "?", "?a=/../", "%3f", "%23", "*", "%61", "~", "@", ":", "'", "%E2%80%AE", "%", "%4", "%zz", "{", "}", "|", "^", "`", '"', "<", "&", "=", "/api", "/lictor", "/v2", ".svg", "/filter", "/assets/x.js",
)  # fmt: skip


def spoilt(random: random.Random, rows: list[dict]) -> tuple[str, str]:
    """A method and a target: a row's own, more or less spoilt."""
    row = random.choice(rows)
    target = "/api" + re.sub(r"\{[^}]*\}", lambda _: random.choice(NAMES), row["template"])
    if random.random() < 0.1:
        target = random.choice(("/", "/v2/runs", "/docs", "/openapi.json", "/ui-settings", "/assets/x.js", "/lictor/account", "http://h" + target, target[1:]))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        target = target or "/"
        at = random.randrange(1, len(target) + 1)
        match random.randrange(6):
            case 0 | 1:
                target = target[:at] + random.choice(PIECES) + target[at:]
            case 2:
                target = target[: at - 1] + f"%{ord(target[at - 1]):02x}" + target[at:]
            case 3:
                target = target[: at - 1] + target[at - 1].swapcase() + target[at:]
            case 4:
                target = target[: at - 1] + target[at:]
            case _:
                target = target.rstrip("/") if target.endswith("/") else target + "/"
    return (row["verb"] if row["verb"] != "SOCKET" and random.random() < 0.8 else random.choice(METHODS)), target or "/"


class Line:
    """One kept-alive connection, opened anew when the gateway closed it."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.connection: socket.socket | None = None

    def ask(self, method: str, target: str) -> tuple[int, str]:
        """The status, and the request's id."""
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        length = "" if method in ("GET", "HEAD") else "Content-Length: 0\r\n"
        self.connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n{length}\r\n".encode("latin1"))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        headers = {line.partition(b":")[0].decode().lower(): line.partition(b":")[2].strip().decode() for line in head.split(b"\r\n")[1:]}
        while method != "HEAD" and len(body) < int(headers.get("content-length", 0)):
            body += self._more()
        if headers.get("connection") == "close" or "transfer-encoding" in headers:
            self.connection.close()
            self.connection = None
        return int(head.split()[1]), headers["x-request-id"]

    def _more(self) -> bytes:
        assert self.connection
        received = self.connection.recv(65536)
        assert received, "the connection ended in the middle of an answer"
        return received


@pytest.fixture
def json_gateway(tmp_path: Path, recorder: Recorder):
    """A gateway in front of the recording upstream whose access lines name the operation."""
    gateway = Gateway(tmp_path / "json", config=tmp_path / "json" / "lictor.toml")
    assert gateway.config
    gateway.config.write_text(f'listen = "127.0.0.1:{gateway.port}"\n[log]\nformat = "json"\n[store]\nurl = "sqlite://{gateway.folder}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n')
    gateway.start()
    yield gateway
    gateway.stop()


def shape(template: str) -> str:
    """A template without its parameters' names."""
    return re.sub(r"\{[^}]*\}", "{}", template)


@pytest.mark.parametrize("version", ["3.8.8", "3.4.25"])
def test_prefect_would_run_the_endpoint_that_lictor_judged(version: str, json_gateway: Gateway, recorder: Recorder, tmp_path: Path) -> None:
    rows = json_gateway.cli_json("operation", "list")
    key = json_gateway.newcomer("owner")[1]
    chance, line = random.Random(SEED), Line(json_gateway.port, key)
    sent: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {}
    for _ in range(INPUTS):
        asked, mark = spoilt(chance, rows), recorder.mark()
        status, request = line.ask(*asked)
        reached = recorder.since(mark)
        if len(reached) == 2:
            # What an automation does is read before it is enabled.
            assert [(each.method, each.target) for each in reached] == [("GET", reached[1].target.partition("?")[0]), ("PATCH", reached[1].target)], asked
            assert reached[1].target.startswith("/api/automations/"), asked
            reached = reached[1:]
        assert len(reached) == 0 or (len(reached) == 1 and status == 200), (asked, status, [each.target for each in reached])
        if reached:
            sent[request] = (asked, (reached[0].method, reached[0].target))
    assert len(sent) > INPUTS / 10, f"only {len(sent)} of {INPUTS} reached Prefect: too few to mean something"

    def judged() -> dict[str, str]:
        lines = (json.loads(text) for text in json_gateway.log().splitlines() if text.startswith('{"at"'))
        return {each["request"]: each["operation"] for each in lines}

    operation = until("an access line for each", lambda: (seen := judged()).keys() >= sent.keys() and seen, 20)
    ends, answers = oracle(version, tmp_path, [target for _, target in sent.values()])
    wrong = []
    for (request, (asked, target)), endpoint in zip(sent.items(), answers, strict=True):
        if endpoint in ("404", "405", "file"):
            continue  # nothing runs there in this version
        verb, _, template = operation[request].partition(" ")
        place = "" if template.startswith("/{") or template == "/ui-settings" else "/api"
        if place and endpoint not in ends.get((verb, shape("/api" + template)), ()):
            wrong.append((asked, target, operation[request], endpoint))
        if not place and "prefect.server.api." in endpoint and not endpoint.startswith("prefect.server.api.server."):
            wrong.append((asked, target, operation[request], endpoint))
    assert wrong == [], f"seed {SEED}: Lictor judged one thing and Prefect would do another"


def oracle(version: str, home: Path, targets: list[tuple[str, str]]) -> tuple[dict[tuple[str, str], list[str]], list[str]]:
    """What each template leads to, and what each target would run, by Prefect's own router."""
    ran = subprocess.run(
        [bin_of(version) / "python", PROGRAMS / "route_oracle.py"], input="\n".join(json.dumps(each) for each in targets), env=clean_env(home / "oracle", version),
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    ends, answers = map(json.loads, ran.stdout.splitlines()[-2:])
    by_shape: dict[tuple[str, str], list[str]] = {}
    for route, names in ends.items():
        verb, _, path = route.partition(" ")
        by_shape.setdefault((verb, shape(path)), []).extend(names)
    return by_shape, answers
