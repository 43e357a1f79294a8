"""The attacks on the admin API, and on the record of what is done."""

import re
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import http
from .attack_steps import Scene, steps
from .gateway import Gateway
from .raw import exchange
from .wait import until

API = "/lictor/api/v1"
EXECUTABLE = "<img src=x onerror=alert(1)>"


def ask(scene: Scene, method: str, path: str, body: Any = None, **more: Any) -> http.Answer:
    """One request as the identity of the attack."""
    return scene.gateway.ask(method, path, key=scene.key, body=body, **more)


def owner(scene: Scene) -> str:
    """The key of an owner, the same for all of these attacks."""
    if "owner" not in scene.cast.keys:
        scene.cast.keys["owner"] = scene.gateway.newcomer("owner")[1]
    return scene.cast.keys["owner"]


def is_stated(scene: Scene, answer: http.Answer, what: str) -> Iterator[str]:
    """Compares with the statuses that are stated."""
    if str(answer.status) not in scene.expected.split("|"):
        yield f"{what}: expected {scene.expected}, got {answer.status} {answer.body[:160]!r}"


@steps("ADM-001")
def what_looks_like_the_admin_api_is_not(scene: Scene) -> Iterator[str]:
    for path in ("/lictor/apix/v1/users", "/lictor/api/v1x/users", "/lictor//api/v1/users", "/lictor/api/v1//users", "/lictor/api/v1/..;/users", "/lictor/api/v1/%2e%2e/users", "/lictor/API/v1/users", "/lictor/api/v1/users%2f"):
        yield from is_stated(scene, ask(scene, "GET", path), path)


@steps("ADM-002")
def an_id_has_one_spelling(scene: Scene) -> Iterator[str]:
    for spelling in ("01", "+1", "1.0", "0x1"):
        yield from is_stated(scene, ask(scene, "GET", f"{API}/users/{spelling}"), spelling)
        if scene.gateway.ask("GET", f"{API}/users/{spelling}", key=owner(scene)).status != 404:
            yield f"an owner finds somebody at {spelling}"


@steps("ADM-003")
def nobody_assigns_a_role_to_themselves(scene: Scene) -> Iterator[str]:
    name = f"a-{scene.identity}"
    for path, body in ((f"/users/{name}", {"role": "owner"}), (f"/users/{name}", {"disabled": False, "account_role": "owner"}), (f"/users/{name}/account-role", {"account_role": "admin"}), (f"/users/{name}/account-role", {"account_role": "owner", "disabled": False})):
        method = "PUT" if path.endswith("account-role") else "PATCH"
        yield from is_stated(scene, ask(scene, method, API + path, body), f"{path} {body}")
        more = {**body, "created_at": "2020-01-01T00:00:00Z"}
        if scene.key and scene.gateway.ask(method, API + path, key=owner(scene), body=more).status != 400:
            yield f"a field that is not there was taken from an owner: {more}"
    if scene.key and ask(scene, "GET", f"{API}/me").json()["account_role"] != "member":
        yield "a member is more than that now"


@steps("ADM-005")
def the_last_owner_stays(scene: Scene) -> Iterator[str]:
    with alone(scene) as gateway:
        _, key = gateway.newcomer("owner")
        grants = gateway.ask("GET", f"{API}/grants", key=key).json()["items"]
        own = next(each["id"] for each in grants if each["for"] == "admin")
        for method, path, body in (("DELETE", "/users/admin", None), ("PATCH", "/users/admin", {"disabled": True}), ("DELETE", f"/grants/{own}", None)):
            yield from is_stated(scene, gateway.ask(method, API + path, key=key, body=body), f"{method} {path}")


@steps("ADM-006")
def what_others_wrote_is_text(scene: Scene) -> Iterator[str]:
    if scene.identity == "anonymous":
        if scene.gateway.ask("POST", f"{API}/users", key=owner(scene), body={"name": EXECUTABLE}).status != 422:
            yield "a user may be called by something that a browser would run"
        answer = scene.gateway.ask("POST", f"{API}/teams", key=owner(scene), body={"name": f"t-{uuid.uuid4().hex[:8]}", "description": EXECUTABLE}, headers={"Accept": "text/html"})
        if answer.headers["content-type"] != "application/json" or answer.headers["x-content-type-options"] != "nosniff":
            yield f"the API answers with what a browser may take for a page: {answer.headers['content-type']}"
        return
    scene.gateway.key(f"a-{scene.identity}", "--label", EXECUTABLE)
    headers = {"Cookie": f"lictor={scene.cast.session(scene.identity)}", "Accept": "text/html"}
    page = http.ask(scene.gateway.port, "GET", "/lictor/account/keys", headers=headers).body.decode()
    if EXECUTABLE in page or "&#60;img src=x" not in page and "&lt;img src=x" not in page:
        yield "the label of a key is not shown as text"


@steps("ADM-007")
def one_request_is_one_line_of_the_log(scene: Scene) -> Iterator[str]:
    mark, before = uuid.uuid4().hex, len(scene.gateway.log())
    forged = f"x%0d%0a2026-01-01T00:00:00Z%20forged%1b[2J%e2%80%a8{mark}"
    auth = f"Authorization: Bearer {scene.key}\r\n" if scene.key else ""
    for path, agent in ((f"/lictor/api/v1/users/{forged}", "plain"), ("/lictor/api/v1/me", f"a\x1b[2J{mark}"), ("/lictor/api/v1/me", f"\xe2\x80\xa8 forged {mark}"), (f"/lictor/api/v1/users/{'a' * 60_000}", "long")):
        exchange(scene.gateway.port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{scene.gateway.port}\r\n{auth}User-Agent: {agent}\r\n\r\n".encode("latin1"), quiet=0.05)
    last = scene.gateway.ask("GET", f"/lictor/{mark}").headers["x-request-id"]
    until("the last access line", lambda: last in scene.gateway.log()[before:])
    lines = scene.gateway.log()[before:].split("\n")
    if any("\x1b" in line or "\u2028" in line or "\r" in line for line in lines):
        yield "a line of the log holds a control character of the client's"
    if any(line and not re.match(r"\d{4}-\d\d-\d\dT|lictor: ", line) for line in lines) or any(line.startswith("2026-01-01T00:00:00Z") for line in lines):
        yield f"a request forged a line: {[line[:80] for line in lines]}"


@steps("ADM-009")
def no_change_is_answered_that_is_not_on_record(scene: Scene) -> Iterator[str]:
    # Each waits as long as the store's patience: once as somebody who may, once as somebody who may not.
    if scene.identity in ("anonymous", "worker"):
        return
    with locked(scene.gateway), ThreadPoolExecutor(2) as pool:
        prefect = pool.submit(ask, scene, "POST", "/api/flows/", {"name": "x"})
        made = pool.submit(scene.gateway.ask, "POST", f"{API}/users", key=owner(scene), body={"name": f"n-{uuid.uuid4().hex[:8]}"})
        reads = ask(scene, "POST", "/api/flows/filter", {})
        if scene.key and reads.status != 200:
            yield f"a read is not answered: {reads.status}"
        if scene.key and prefect.result().status != 503:
            yield f"a change of Prefect was answered with {prefect.result().status}"
        if made.result().status != 503:
            yield f"a change of the account was answered with {made.result().status}"


@steps("ADM-011")
def a_cursor_cannot_be_made_up(scene: Scene) -> Iterator[str]:
    for cursor in ("0", "-1", "1' OR '1'='1", str(uuid.uuid4()), "../..", "%00"):
        path = f"{API}/audit?cursor={cursor.replace(' ', '%20')}"
        yield from is_stated(scene, ask(scene, "GET", path), cursor)
        if scene.gateway.ask("GET", path, key=owner(scene)).status != 400:
            yield f"an owner is given a page by {cursor!r}"


@steps("ADM-013")
def an_empty_role_allows_nothing_and_a_misspelt_one_is_none(scene: Scene) -> Iterator[str]:
    key, role = owner(scene), f"r-{uuid.uuid4().hex[:8]}"
    made = lambda permissions: scene.gateway.ask("POST", f"{API}/roles", key=key, body={"name": role, "permissions": permissions})  # noqa: E731
    for wrong, status in ((["*"], 422), (["flwos:read"], 422), (["see_flows", ""], 422), (None, 400), ("see_flows", 400), ([None], 400), ({"allow": []}, 400)):
        if made(wrong).status != status:
            yield f"{wrong} is a list of permissions"
    if made([]).json()["allows"] != []:
        yield "an empty list allows something"
    name, its = scene.gateway.newcomer(None)
    given = scene.gateway.ask("POST", f"{API}/grants", key=key, body={"for": name, "role": role})
    seen = scene.gateway.ask("POST", "/api/flows/filter", key=its, body={})
    if given.status != 201 or seen.status != 403:
        yield f"an empty role allows a read: {seen.status}"
    if scene.gateway.ask("POST", f"{API}/roles", key=scene.key, body={"name": role + "x", "permissions": []}).status not in (401, 403):
        yield "somebody made a role who may not"


@steps("ADM-015")
def without_a_store_nobody_is_let_in_who_was_not_known(scene: Scene) -> Iterator[str]:
    with alone(scene) as gateway:
        read = lambda key: gateway.ask("POST", "/api/flows/filter", key=key, body={})  # noqa: E731
        # A key of another gateway is well-formed, and unknown here.
        asked_with = owner(scene)
        if scene.key:
            asked_with = gateway.newcomer(scene.identity)[1]
            until("the key is known", lambda: read(asked_with).status == 200)
        with sqlite3.connect(gateway.data / "lictor.db", timeout=10) as store:
            store.execute("ALTER TABLE principals RENAME TO principals_away")
            store.execute("ALTER TABLE changes RENAME TO changes_away")
        yield from is_stated(scene, read(asked_with), "a read")
        if read(owner(scene)).status != 503:
            yield "somebody unknown is told anything else than to come back"
        if gateway.ask("GET", f"{API}/users", key=asked_with).status not in (403, 503):
            yield "the admin API answers without a store"


@contextmanager
def alone(scene: Scene) -> Iterator[Gateway]:
    """A gateway on which nobody else is an owner, and which may be broken."""
    gateway = Gateway(Path(tempfile.mkdtemp(prefix="lictor-admin-")), "--upstream", scene.recorder.url, env={"LICTOR_UPSTREAM_AUTH_STRING": "admin:only-lictor-knows"})
    try:
        yield gateway.start()
    finally:
        gateway.stop()


@contextmanager
def locked(gateway: Gateway) -> Iterator[None]:
    """The store as it is when nothing can be written to it: somebody else holds its lock."""
    store = sqlite3.connect(gateway.data / "lictor.db", timeout=10, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        store.execute("ROLLBACK")
        store.close()
