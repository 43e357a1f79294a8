"""What are the attacks, as whom are they sent, and was the outcome the stated one?"""

import base64
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import http
from .gateway import Gateway
from .raw import Outcome

FOLDER = Path(__file__).resolve().parents[1] / "attacks"
IDENTITIES = ("anonymous", "viewer", "developer", "worker")
ON = (
    "path-confusion", "method-confusion", "header-trust", "request-smuggling", "websocket", "authentication", "session-csrf-cors", "query-body-rbac", "prefect-escalation", "http2", "upstream", "dos",
    "mtls", "oidc", "jwt", "admin-audit",
)  # fmt: skip
PASSWORDS = "pa:ss:word:is long"
UUID = "3f3f1c9e-0000-4000-8000-00000000000{}"
NOT_ADMITTED = {400, 401, 403, 404, 405, 408, 413, 415, 416, 421, 422, 426, 429, 431, 501, 505}


@dataclass(frozen=True)
class Attack:
    """One line of the file."""

    id: str
    kind: str
    what: str
    request: dict
    expected: dict
    why_changed: str | None

    @property
    def raw(self) -> bool:
        """Whether it is bytes to send as they stand."""
        return self.request["kind"] == "raw"


def load() -> list[Attack]:
    """Every attack, with our changes of expectation laid over it."""
    written = tomllib.loads((FOLDER / "changes.toml").read_text())
    changes = {each: change for ids, change in written.items() for each in ids.split()}
    attacks = []
    for line in (FOLDER / "attacks.jsonl").read_text().splitlines():
        row = json.loads(line)
        change = changes.pop(row["id"], None)
        if change and "append" in change:
            row["request"]["bytes"] += change["append"]
        expected = {**row["expected"], **(change.get("expected", {}) if change else {})}
        attacks.append(Attack(row["id"], row["class"], row["description"], row["request"], expected, change and change["reason"]))
    assert not changes, f"changes.toml names attacks that are not there: {sorted(changes)}"
    return attacks


class Cast:
    """The identities of the file, made on one gateway: each has a name, a password or a key, and perhaps a session."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.keys, self.sessions = {}, {}
        # A worker is a user here, since a service account never signs in and the file gives a worker sessions too.
        for role in ("viewer", "developer", "worker"):
            gateway.add_user(f"a-{role}", role, password=PASSWORDS)
            self.keys[role] = gateway.key(f"a-{role}")
            self.sessions[role] = sign_in(gateway.port, f"a-{role}", PASSWORDS)
        self.passwords = dict.fromkeys(self.keys, PASSWORDS)

    def auth(self, identity: str) -> str:
        """The `Authorization` line of an identity, or nothing."""
        return f"Authorization: Bearer {self.keys[identity]}\r\n" if identity in self.keys else ""

    def session(self, identity: str) -> str:
        """A session's cookie value; what nobody was given for the anonymous."""
        return self.sessions.get(identity, "not-a-session-of-anybody")

    def fill(self, text: str, identity: str) -> bytes:
        """Puts what the placeholders stand for into a request."""
        values = {
            "HOST": f"127.0.0.1:{self.gateway.port}", "AUTH": self.auth(identity), "SESSION": self.session(identity),
            "TOKEN": self.keys.get(identity, ""), "FLOW": UUID.format(1), "DEPLOYMENT": UUID.format(2), "BLOCK": UUID.format(3),
            "FLOW_RUN": UUID.format(4), "AUTOMATION": UUID.format(5), "OTHER_DEPLOYMENT": UUID.format(6), "BLOCK_NAME": "a-block",
            "HOST_PARENT": "localhost", "FORGED_TOKEN": "forged",
        }
        # The file's session cookie and pages are ours by other names.
        text = recount(text, f"127.0.0.1:{self.gateway.port}")
        text = text.replace("__Host-gw=", "lictor=").replace("/_gw/", "/lictor/").replace("/lictor/login", "/lictor/sign-in")
        text = re.sub(r"\{B64:viewer:pa:ss:word\}", lambda _: base64.b64encode(f"a-{identity}:{PASSWORDS}".encode()).decode(), text)
        text = re.sub(r"\{B64:([^}]*)\}", lambda found: base64.b64encode(found[1].encode()).decode(), text)
        text = re.sub(r"\{SESSION:(\w+)\}", lambda found: self.session(found[1]), text)
        text = re.sub(r"\{KEY:(\w+)\}", lambda found: self.keys[found[1]], text)
        text = re.sub(r"\{([A-Z_]+)\}", lambda found: values.get(found[1], found[0]), text)
        if "{LEN}" in text:
            text = text.replace("{LEN}", str(len(text.partition("\r\n\r\n")[2].encode("latin1"))))
        return text.encode("latin1")

    def secrets(self) -> list[str]:
        """What must never be in a log."""
        return [*self.keys.values(), *self.sessions.values(), *self.passwords.values(), "only-lictor-knows"]


def recount(text: str, host: str) -> str:
    """Where a body holds {HOST}, the file counted it as nine characters: the length is told anew, so that it stays as right or wrong as it was."""
    head, _, body = text.partition("\r\n\r\n")
    length = re.search(r"\r\nContent-Length: (\d+)\r\n", head + "\r\n")
    if not length or int(length[1]) != len(body.replace("{HOST}", "9" * 9)) or "{HOST}" not in body:
        return text
    return text.replace(f"Content-Length: {length[1]}", f"Content-Length: {len(body.replace('{HOST}', host))}", 1)


def sign_in(port: int, name: str, password: str) -> str:
    """The cookie value of a new session."""
    from urllib.parse import urlencode

    form = urlencode({"name": name, "password": password}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    answer = http.ask(port, "POST", "/lictor/sign-in", body=form, headers=headers)
    cookie = answer.headers.get("set-cookie") or ""
    assert answer.status == 303 and cookie.startswith("lictor="), f"sign-in as {name}: {answer.status} {answer.reason} {answer.body[:300]!r}"
    return cookie.partition("=")[2].partition(";")[0]


def judge(expected: str, outcome: Outcome, statuses: list[int] | None = None) -> bool:
    """Whether an outcome is one of those that the expectation names ("400|close", "allow then 401", "403|204 without ACAO")."""
    if expected == "n/a":
        return True
    seen = [status for status in (outcome.statuses if statuses is None else statuses) if status >= 200 or status == 101]
    if " then " in expected:
        wanted = expected.split(" then ")
        return len(seen) >= len(wanted) and all(one(want, outcome, [status]) for want, status in zip(wanted, seen, strict=False))
    return any(one(option.strip(), outcome, seen) for option in expected.split("|"))


def one(option: str, outcome: Outcome, seen: list[int]) -> bool:
    """Whether one alternative of an expectation holds."""
    if "without ACAO" in option:
        return option.startswith(str(seen[:1] and seen[0])) and "access-control-allow-origin" not in outcome.head.lower()
    if option.startswith("allow"):
        return bool(seen) and seen[0] not in NOT_ADMITTED and seen[0] < 500
    if option == "close":
        return not seen and outcome.closed
    if option == "100":
        return outcome.statuses[:1] == [100]
    match = re.match(r"\d{3}", option)
    return bool(match) and bool(seen) and seen[0] == int(match[0])


def admitted(expected: str) -> bool:
    """Whether an expectation lets anything reach Prefect."""
    return "allow" in expected or expected == "n/a"
