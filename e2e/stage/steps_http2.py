"""The attacks on HTTP/2, frame by frame."""

from collections.abc import Iterator
from pathlib import Path

from .attack_steps import Scene, steps
from .gateway import Gateway
from .http2 import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, WINDOW_UPDATE, Ended, Fields, Http2, frame, literal

MEBIBYTE = 1 << 20


def fields(scene: Scene, *more: tuple[str, bytes | str], method: str = "GET", path: str = "/api/version", scheme: str = "http") -> Fields:
    """An ordinary request of the scene's identity, and what is added to it."""
    pseudo = [(":method", method), (":scheme", scheme), (":authority", f"127.0.0.1:{scene.gateway.port}"), (":path", path)]
    credential = [("authorization", f"Bearer {scene.key}")] if scene.key else []
    return [*pseudo, *credential, *more]


def asked(scene: Scene, wanted: Fields, body: bytes | None = None) -> Iterator[str]:
    """Sends one request on a connection of its own, and compares how it ends."""
    mark, client = scene.recorder.mark(), Http2(scene.gateway.port)
    client.headers(1, wanted, END_HEADERS | (END_STREAM if body is None else 0))
    if body is not None:
        client.data(1, body, END_STREAM)
    ended = client.ended(1)
    client.close()
    yield from compared(scene, ended)
    # Bodies stream: a head may be on its way before its body turns out to be false. What may not be is a request that Prefect would act on.
    if sent := [each.target for each in scene.recorder.since(mark) if body is None or each.whole]:
        yield f"refused, and yet Prefect was sent {sent}"


def compared(scene: Scene, ended: Ended) -> Iterator[str]:
    if not ended.is_one_of(scene.expected):
        yield f"expected {scene.expected}, got {ended.words()}"


def memory(gateway: Gateway) -> int:
    """Bytes of memory that a gateway holds."""
    assert gateway.process
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


@steps("H2-001")
def a_transfer_encoding(scene: Scene) -> Iterator[str]:
    yield from asked(scene, fields(scene, ("transfer-encoding", "chunked"), method="POST", path="/api/logs/"), b"[]")


@steps("H2-003")
def a_line_break_in_a_value(scene: Scene) -> Iterator[str]:
    for value in (b"a\r\nb: c", b"a\nb: c", b"a\0b"):
        yield from asked(scene, fields(scene, ("x-test", value)))


@steps("H2-005")
def another_host(scene: Scene) -> Iterator[str]:
    yield from asked(scene, fields(scene, ("host", "evil.example")))


@steps("H2-006")
def a_pseudo_header_twice(scene: Scene) -> Iterator[str]:
    for name, value in ((":path", "/api/admin/settings"), (":method", "DELETE"), (":authority", "evil.example")):
        first, *rest = fields(scene)
        yield from asked(scene, [first, (name, value), *rest])


@steps("H2-007")
def a_pseudo_header_after_a_header(scene: Scene) -> Iterator[str]:
    pseudo = fields(scene)
    yield from asked(scene, [*pseudo[:3], ("x-test", "y"), *pseudo[3:]])


@steps("H2-008")
def a_body_of_another_length(scene: Scene) -> Iterator[str]:
    for announced in ("10", "1"):
        yield from asked(scene, fields(scene, ("content-length", announced), ("content-type", "application/json"), method="POST", path="/api/logs/"), b"[]")


@steps("H2-010")
def a_strange_scheme(scene: Scene) -> Iterator[str]:
    for scheme in ("javascript", "file", "httpx", "wss"):
        yield from asked(scene, fields(scene, scheme=scheme))


@steps("H2-011")
def a_path_without_its_slash(scene: Scene) -> Iterator[str]:
    for path in ("api/admin/settings", "@evil.example", "*"):
        yield from asked(scene, fields(scene, path=path))


@steps("H2-013")
def headers_without_an_end(scene: Scene) -> Iterator[str]:
    before, client = memory(scene.gateway), Http2(scene.gateway.port)
    client.send_raw(frame(HEADERS, END_STREAM, 1, literal(fields(scene))))
    more = frame(CONTINUATION, 0, 1, literal([("x-test", "a" * 4000)]) * 4)
    for _ in range(4000):
        if not client.send_raw(more):
            break
    yield from compared(scene, client.ended(1))
    client.close()
    if memory(scene.gateway) - before > 16 * MEBIBYTE:
        yield f"took {(memory(scene.gateway) - before) // MEBIBYTE} MiB"


@steps("H2-014")
def empty_frames(scene: Scene) -> Iterator[str]:
    before, client = memory(scene.gateway), Http2(scene.gateway.port, timeout=20)
    client.headers(1, fields(scene, ("content-type", "application/json"), method="POST", path="/api/logs/"), END_HEADERS)
    for _ in range(100):
        if not client.send_raw(frame(0, 0, 1, b"") * 1000):
            break
    ended = client.ended(None, timeout=3)
    client.close()
    yield from compared(scene, ended)
    if memory(scene.gateway) - before > 16 * MEBIBYTE:
        yield f"took {(memory(scene.gateway) - before) // MEBIBYTE} MiB"


@steps("H2-015")
def headers_that_unfold(scene: Scene) -> Iterator[str]:
    before, client = memory(scene.gateway), Http2(scene.gateway.port)
    # One entry of the dynamic table, then a byte for each time it is named again (RFC 7541 §6.1, §6.2.1).
    entry = b"\x40" + b"\x06x-bomb" + b"\x7f" + bytes([4000 - 127 & 127 | 128, (4000 - 127) >> 7]) + b"a" * 4000
    client.send_raw(frame(HEADERS, END_STREAM, 1, literal(fields(scene)) + entry))
    client.send_raw(frame(CONTINUATION, END_HEADERS, 1, b"\xbe" * 16000))
    yield from compared(scene, client.ended(1))
    client.close()
    if memory(scene.gateway) - before > 16 * MEBIBYTE:
        yield f"took {(memory(scene.gateway) - before) // MEBIBYTE} MiB"


@steps("H2-016")
def resets_that_the_server_makes(scene: Scene) -> Iterator[str]:
    client, wanted = Http2(scene.gateway.port), fields(scene)
    for number in range(1, 6001, 2):
        # A window that grows by nothing is an error of this stream alone (RFC 9113 §6.9.1), after the request has begun.
        if not (client.headers(number, wanted, END_HEADERS) and client.send_raw(frame(WINDOW_UPDATE, 0, number, bytes(4)))):
            break
    yield from compared(scene, client.ended(None))
    client.close()
