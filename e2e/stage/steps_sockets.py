"""The websocket attacks that are not a plain script."""

import datetime
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from . import http
from .attack_steps import Scene, steps
from .raw import WebSocket, exchange, frame, upgrade
from .wait import until

FILTER = {"type": "filter", "filter": {}}


@steps("WS-011", "WS-012")
def a_cookie_opens_no_socket(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    origin = "https://evil.example" if scene.attack.id == "WS-011" else "null"
    if scene.identity == "anonymous":
        # Nobody's session: whatever is said, nothing opens.
        socket = scene.socket(headers={"Origin": origin})
        if socket.status == 101:
            socket.send({"type": "auth", "token": None})
    else:
        socket = scene.socket(headers={"Origin": origin, "Cookie": f"lictor={scene.cast.session(scene.identity)}"})
    yield from scene.check_socket(socket, mark)
    if scene.identity != "anonymous":
        same = scene.socket(headers={"Origin": scene.gateway.url, "Cookie": f"lictor={scene.cast.session(scene.identity)}"})
        if same.status == 101:
            yield "a cookie of the same origin opened a socket"
        same.close()


@steps("WS-015")
def both_frames_in_one_write(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    socket = scene.socket()
    socket.connection.sendall(frame({"type": "auth", "token": scene.key}) + frame(FILTER))
    if scene.key:
        if (socket.json(10) or {}).get("type") != "auth_success":
            yield f"not welcomed: {socket.close_code} {socket.close_reason}"
        else:
            until("the filter at Prefect", lambda: any(b'"filter"' in payload for each in scene.recorder.since(mark) for _, payload in each.frames))
    yield from scene.check_socket(socket, mark)


@steps("WS-016")
def the_filter_comes_first(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    socket = scene.socket()
    socket.connection.sendall(frame(FILTER) + (frame({"type": "auth", "token": scene.key}) if scene.key else b""))
    yield from scene.check_socket(socket, mark)


_silent: dict[str, tuple[float, int | None]] = {}


@steps("WS-017")
def the_first_frame_never_comes(scene: Scene) -> Iterator[str]:
    # The identity plays no part in it: nothing is ever presented. One wait is enough for all.
    if _silent:
        return
    mark = scene.recorder.mark()
    began = datetime.datetime.now()
    socket = scene.socket(timeout=15)
    socket.until_closed(14)
    seconds = (datetime.datetime.now() - began).total_seconds()
    _silent["seen"] = (seconds, socket.close_code)
    if seconds > 11.5:
        yield f"closed only after {seconds:.1f} s"
    yield from scene.check_socket(socket, mark)


@steps("WS-019")
def the_first_frame_is_binary(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    socket = scene.socket()
    socket.send({"type": "auth", "token": scene.key}, opcode=2)
    yield from scene.check_socket(socket, mark)


@steps("WS-021")
def the_token_is_no_string(scene: Scene) -> Iterator[str]:
    for token in (5, [], {}, None, True, 1.5, [scene.key], {"token": scene.key}, "x" * 100_000):
        mark = scene.recorder.mark()
        socket = scene.socket()
        socket.send({"type": "auth", "token": token})
        # A frame over the limit may also be refused as too big.
        if isinstance(token, str) and socket.until_closed() == 1009:
            continue
        yield from scene.check_socket(socket, mark)


@steps("WS-024")
def frames_that_are_no_frames(scene: Scene) -> Iterator[str]:
    auth = {"type": "auth", "token": scene.key}
    spoiled = {
        "RSV1": frame(auth, first=0xC0), "RSV2": frame(auth, first=0xA0), "RSV3": frame(auth, first=0x90), "opcode 3": frame(auth, opcode=3),
        "opcode 15": frame(b"", opcode=15), "continuation first": frame(auth, opcode=0), "bad UTF-8": frame(b'{"type":"auth","token":"\xff\xfe"}'),
        "unmasked": b"\x81\x02{}", "long ping": frame(b"x" * 126, opcode=9), "fragmented ping": frame(b"x", opcode=9, first=0),
        "one-byte close": frame(b"\x03", opcode=8), "close 1005": frame(struct.pack("!H", 1005), opcode=8),
    }
    for name, data in spoiled.items():
        mark = scene.recorder.mark()
        socket = scene.socket()
        socket.connection.sendall(data)
        for wrong in scene.check_socket(socket, mark):
            yield f"{name}: {wrong}"


@steps("WS-025")
def a_bomb_of_zeros_is_not_inflated(scene: Scene) -> Iterator[str]:
    socket = scene.socket(headers={"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"})
    if "sec-websocket-extensions" in socket.headers:
        yield f"an extension was negotiated: {socket.headers['sec-websocket-extensions']}"
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(b"\0" * (64 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    socket.send(bomb[:16_000], first=0xC0)
    if socket.until_closed() not in (1002, 1009):
        yield f"the deflated frame was not refused: {socket.close_code}"
    socket.close()


@steps("WS-026")
def a_second_auth_frame_changes_nobody(scene: Scene) -> Iterator[str]:
    socket = scene.socket()
    if not socket.authenticate(scene.key):
        yield "the first frame was not welcomed"
        return
    mark = scene.recorder.mark()
    socket.send({"type": "auth", "token": scene.cast.keys["worker" if scene.identity == "viewer" else "viewer"]})
    yield from scene.check_socket(socket, mark)


@steps("WS-027")
def two_identities_on_one_socket_are_refused(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    other = scene.cast.keys["viewer" if scene.identity == "worker" else "worker"]
    socket = scene.socket(headers={"Authorization": f"Bearer {other}"})
    token = scene.key or scene.cast.keys["viewer"]
    socket.send({"type": "auth", "token": token})
    yield from scene.check_socket(socket, mark)


@steps("WS-029", "WS-030", "WS-031", "WS-032", "WS-033", "WS-034")
def an_upgrade_that_is_none(scene: Scene) -> Iterator[str]:
    port, authorization = scene.gateway.port, {"Authorization": f"Bearer {scene.key}"} if scene.key else {}
    for name, data in spoiled_upgrades(port, scene.attack.id, authorization):
        mark = scene.recorder.mark()
        outcome = exchange(port, data)
        for wrong in scene.check(outcome):
            yield f"{name}: {wrong}"
        if scene.recorder.since(mark):
            yield f"{name}: Prefect was dialled"


def spoiled_upgrades(port: int, attack_id: str, more: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """The upgrade requests of one attack."""
    path = "/api/events/out"
    good = upgrade(port, path, more)
    match attack_id:
        case "WS-029":
            yield "HTTP/1.0", good.replace(b"HTTP/1.1", b"HTTP/1.0")
        case "WS-030":
            yield "Content-Length", upgrade(port, path, {**more, "Content-Length": "5"}) + b"hello"
            yield "chunked", upgrade(port, path, {**more, "Transfer-Encoding": "chunked"}) + b"0\r\n\r\n"
        case "WS-031":
            for value in ("WebSocket, h2c", "h2c, websocket", "websocket/13"):
                yield value, upgrade(port, path, {**more, "Upgrade": value})
        case "WS-032":
            for version in ("777", "12", "", "13, 8", None):
                yield f"version {version}", upgrade(port, path, {**more, "Sec-WebSocket-Version": version})
            for key in (None, "c2hvcnQ=", "not base64 at all!!!!!!!", ""):
                yield f"key {key}", upgrade(port, path, {**more, "Sec-WebSocket-Key": key})
            yield "two keys", good.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            yield "two versions", good.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
        case "WS-033":
            yield "non-ASCII", upgrade(port, path, more, protocol="\xff\xfe")
        case "WS-034":
            for byte in "\x1c\x85\x0b\x00\x7f":
                if byte != "\x85":
                    yield repr(byte), upgrade(port, path, {**more, "X-A": f"a{byte}Sec-WebSocket-Protocol: prefect"})


@steps("WS-038")
def a_credential_that_expires_closes_its_socket(scene: Scene) -> Iterator[str]:
    # A key with an expiry stands in for the token of the file: the promise is the same.
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4)
    key = scene.gateway.key(f"a-{scene.identity}", "--expires", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    socket = scene.socket(timeout=15)
    if not socket.authenticate(key):
        yield f"not welcomed before it expired: {socket.close_code} {socket.close_reason}"
        return
    if socket.until_closed(10) != 1008:
        yield f"not closed with 1008 within 5 s of its expiry but {socket.close_code}"
    socket.close()


@steps("WS-039")
def sockets_that_say_nothing_never_reach_prefect(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    sockets = [scene.socket() for _ in range(120)]
    answer = http.ask(scene.gateway.port, "GET", "/api/health", timeout=5)
    if answer.status != 200:
        yield f"/api/health answered {answer.status} beside 120 silent sockets"
    if any(each.header("upgrade") for each in scene.recorder.since(mark)):
        yield "a silent socket reached Prefect"
    for socket in sockets:
        socket.close()


@steps("WS-040")
def one_principal_cannot_hold_all_sockets(scene: Scene) -> Iterator[str]:
    mark, sockets, refused = scene.recorder.mark(), [], []
    for _ in range(120):
        socket = scene.socket()
        if socket.status == 101 and socket.authenticate(scene.key):
            sockets.append(socket)
        else:
            refused.append((socket.status, socket.close_code))
            socket.close()
    if http.ask(scene.gateway.port, "GET", "/api/health", timeout=5).status != 200:
        yield "HTTP no longer works"
    if len([each for each in scene.recorder.since(mark) if each.header("upgrade")]) >= 99:
        yield "99 sockets or more reached Prefect"
    if not refused or any(seen[0] not in (429, 503) and seen[1] != 1013 for seen in refused):
        yield f"{len(sockets)} opened; the others got {set(refused)}"
    for socket in sockets:
        socket.close()
    until("the places are free again", lambda: scene.gateway.ask("GET", "/api/health").status == 200)


@steps("WS-041")
def a_slow_reader_does_not_fill_the_memory(scene: Scene) -> Iterator[str]:
    assert scene.gateway.process
    before = resident(scene.gateway.process.pid)
    socket = scene.socket()
    if not socket.authenticate(scene.key):
        yield f"not welcomed: {socket.close_code} {socket.close_reason}"
        return
    socket.send({"type": "filter", "filter": {}, "note": "flood-please"})
    # Nothing is read for a while, and 256 MiB wait on the other side: where do they pile up?
    threading.Event().wait(1.0)
    grown = resident(scene.gateway.process.pid) - before
    socket.close()
    if grown > 8 << 20:
        yield f"the gateway grew by {grown >> 20} MiB"


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * 4096


@steps("WS-043")
def what_prefect_says_in_closing_stays_inside(scene: Scene) -> Iterator[str]:
    socket = scene.socket()
    if not socket.authenticate(scene.key):
        yield f"not welcomed: {socket.close_code} {socket.close_reason}"
        return
    socket.send({"type": "filter", "filter": {}, "note": "traceback-please"})
    if socket.until_closed() not in (1011, 1012):
        yield f"closed with {socket.close_code}"
    if "Traceback" in socket.close_reason:
        yield f"the reason came through: {socket.close_reason}"
    socket.close()


def opens(port: int, key: str, path: str = "/api/events/out") -> WebSocket:
    """A socket that was welcomed."""
    socket = WebSocket(port, path)
    assert socket.authenticate(key), f"{path}: HTTP {socket.status}, close {socket.close_code} {socket.close_reason}"
    return socket
