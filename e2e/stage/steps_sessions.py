"""The attacks on sessions, and on what a browser can be made to send."""

import http.client
import re
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from urllib.parse import urlencode

from . import http as plain
from .attack import sign_in
from .attack_steps import Scene, steps
from .gateway import PASSWORD, Gateway
from .raw import WebSocket
from .wait import PROMISE, until


def as_session(cookie: str, **more: str) -> dict[str, str]:
    """A browser's headers."""
    return {"Cookie": f"lictor={cookie}", **more}


def newcomer(scene: Scene, role: str = "developer") -> str:
    """A person that no other attack knows."""
    return scene.gateway.add_user(f"b-{uuid.uuid4().hex[:10]}", role)


@steps("CSRF-008")
def a_sibling_is_not_the_same_origin(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    for headers in ({"Origin": "https://other.localhost", "Sec-Fetch-Site": "same-site"}, {"Origin": "https://other.localhost"}, {"Sec-Fetch-Site": "same-site"}, {}):
        cookie = as_session(scene.cast.session(scene.identity), **headers)
        answer = scene.gateway.ask("POST", "/api/flows/filter", body={}, headers=cookie)
        if answer.status not in ((401, 403) if scene.identity == "anonymous" else (403,)):
            yield f"{headers}: {answer.status}"
    if scene.recorder.since(mark):
        yield "a cross-origin write reached Prefect"


@steps("CSRF-010")
def a_foreign_page_cannot_sign_anybody_in(scene: Scene) -> Iterator[str]:
    form = urlencode({"name": "a-viewer", "password": scene.cast.passwords["viewer"]}).encode()
    for headers in ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        answer = plain.ask(scene.gateway.port, "POST", "/lictor/sign-in", body=form, headers={"Content-Type": "application/x-www-form-urlencoded", **headers})
        if answer.status != 403 or answer.headers.get("set-cookie"):
            yield f"{headers}: {answer.status} {answer.headers.get('set-cookie')}"


@steps("SESS-001")
def a_preset_cookie_does_not_survive(scene: Scene) -> Iterator[str]:
    name = newcomer(scene)
    preset = sign_in(scene.gateway.port, name, PASSWORD)
    form = urlencode({"name": name, "password": PASSWORD}).encode()
    headers = as_session(preset, Origin=scene.gateway.url, **{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"})
    answer = plain.ask(scene.gateway.port, "POST", "/lictor/sign-in", body=form, headers=headers)
    cookie = answer.headers.get("set-cookie") or ""
    if not cookie.startswith("lictor=") or preset in cookie:
        yield f"the id is not new: {answer.status} {cookie[:20]}"


@steps("SESS-002")
def a_session_ends_with_sign_out(scene: Scene) -> Iterator[str]:
    cookie = sign_in(scene.gateway.port, newcomer(scene), PASSWORD)
    same = {"Origin": scene.gateway.url, "Sec-Fetch-Site": "same-origin"}
    if scene.gateway.ask("GET", "/api/admin/version", headers=as_session(cookie)).status != 200:
        yield "the session did not work to begin with"
    same["Content-Type"] = "application/x-www-form-urlencoded"
    answer = scene.gateway.ask("POST", "/lictor/sign-out", body=b"", headers=as_session(cookie, **same))
    if answer.status not in (200, 303):
        yield f"sign-out: {answer.status} {answer.reason}"
    until("the session has ended", lambda: scene.gateway.ask("GET", "/api/admin/version", headers=as_session(cookie)).status == 401, PROMISE)
    socket = WebSocket(scene.gateway.port, "/api/events/out", headers=as_session(cookie, Origin=scene.gateway.url))
    if socket.status == 101:
        yield "an ended session opened a socket"
    socket.close()


@steps("SESS-003")
def the_cookie_is_a_host_cookie_over_tls(scene: Scene) -> Iterator[str]:
    if scene.identity != "anonymous":
        return
    folder = scene.gateway.folder / f"tls-{uuid.uuid4().hex[:6]}"
    folder.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )
    gateway = from_config(folder, scene, '[tls]\ncert_file = "cert.pem"\nkey_file = "key.pem"\n', "")
    with_tls = ssl.create_default_context(cafile=str(folder / "cert.pem"))

    def over_tls(method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=with_tls, timeout=10)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    gateway._is_ready = lambda: over_tls("GET", "/lictor/ready").status == 200
    gateway.start()
    try:
        gateway.add_user("alice", "viewer")
        origin = f"https://127.0.0.1:{gateway.port}"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        answer = over_tls("POST", "/lictor/sign-in", urlencode({"name": "alice", "password": PASSWORD}).encode(), headers)
        cookie = answer.headers.get("set-cookie") or ""
        if not cookie.startswith("__Host-lictor="):
            yield f"no __Host- cookie: {answer.status} {cookie[:30]}"
        for word in ("secure", "httponly", "samesite=lax", "path=/"):
            if not re.search(rf";\s*{word}(;|$)", cookie.lower()):
                yield f"the cookie lacks {word}"
        if "domain" in cookie.lower():
            yield "the cookie names a domain"
    finally:
        gateway.stop()


def from_config(folder, scene: Scene, tables: str, top: str) -> Gateway:
    """A gateway of a configuration file, in front of the recording upstream."""
    gateway = Gateway(folder, config=folder / "lictor.toml")
    assert gateway.config
    gateway.config.write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n{top}[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{scene.recorder.url}"\n{tables}'
    )
    return gateway


@steps("SESS-004")
def a_session_ends_by_itself(scene: Scene) -> Iterator[str]:
    if scene.identity != "viewer":
        return
    folder = scene.gateway.folder / f"short-{uuid.uuid4().hex[:6]}"
    folder.mkdir()
    gateway = from_config(folder, scene, '[sessions]\nidle = "2s"\nabsolute = "5s"\n', "").start()
    try:
        gateway.add_user("alice", "viewer")
        idle, busy = sign_in(gateway.port, "alice", PASSWORD), sign_in(gateway.port, "alice", PASSWORD)

        def works(cookie: str) -> bool:
            return gateway.ask("GET", "/api/admin/version", headers=as_session(cookie)).status == 200

        if not works(idle):
            yield "a fresh session does not work"
        until("the used session ends at its absolute age", lambda: not works(busy), 8, every=0.3)
        if works(idle):
            yield "an idle session still works after its idle time"
    finally:
        gateway.stop()


@steps("SESS-005")
def a_session_follows_its_owners_role(scene: Scene) -> Iterator[str]:
    name = newcomer(scene, "developer")
    cookie = sign_in(scene.gateway.port, name, PASSWORD)
    write = as_session(cookie, Origin=scene.gateway.url, **{"Sec-Fetch-Site": "same-origin"})

    def status() -> int:
        return scene.gateway.ask("POST", "/api/variables/", body={"name": "a", "value": "b"}, headers=write).status

    if status() != 200:
        yield f"a developer's session could not write: {status()}"
    scene.gateway.cli("grant", "add", name, "--role", "viewer")
    scene.gateway.cli("grant", "remove", name, "--role", "developer")
    until("the write is refused", lambda: status() == 403, PROMISE)
