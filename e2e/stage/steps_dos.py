"""Who is kept waiting, and who pays? Attacks on time, memory and connections, at a scale that a test machine bears."""

import datetime
import resource
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import http
from .attack_steps import Scene, steps
from .gateway import Gateway
from .http2 import END_HEADERS, Http2
from .raw import exchange
from .steps_http2 import MEBIBYTE, fields, memory
from .tls import curl, tls_gateway

# Nothing is presented in these, or it plays no part: one run is enough for all identities.
_done: set[str] = set()


def once(scene: Scene) -> bool:
    """Whether this attack has not been run yet."""
    first = scene.attack.id not in _done
    _done.add(scene.attack.id)
    return first


def held(port: int, count: int, begin: bytes, stack: ExitStack) -> list[socket.socket]:
    """So many connections that have begun to say something."""
    connections = []
    for _ in range(count):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        connection.sendall(begin)
        connections.append(connection)
    return connections


def drips(connections: list[socket.socket], over: threading.Event) -> None:
    """A byte a second on each, for as long as they are let."""
    while not over.wait(1):
        for connection in connections:
            try:
                connection.sendall(b"a")
            except OSError:
                pass  # cut off: the aim of the defence


def until_cut(connections: list[socket.socket], seconds: float) -> Iterator[str]:
    """Each is answered 408 or closed within that time."""
    began = datetime.datetime.now()
    over = threading.Event()
    dripping = threading.Thread(target=drips, args=(connections, over))
    dripping.start()
    try:
        for connection in connections:
            connection.settimeout(max(0.1, seconds - (datetime.datetime.now() - began).total_seconds()))
            try:
                said = connection.recv(64)
                if said and not said.startswith(b"HTTP/1.1 408"):
                    yield f"answered {said!r}"
            except TimeoutError:
                yield f"still open after {seconds} s"
                return
            except OSError:
                pass  # closed, with a reset
    finally:
        over.set()
        dripping.join()


def still_serves(gateway: Gateway) -> Iterator[str]:
    """Others are served at once."""
    began = datetime.datetime.now()
    status = gateway.ask("GET", "/api/health").status
    seconds = (datetime.datetime.now() - began).total_seconds()
    if status != 200 or seconds > 2:
        yield f"meanwhile others got {status} after {seconds:.1f} s"


@steps("DOS-001")
def headers_that_never_end(scene: Scene) -> Iterator[str]:
    if once(scene):
        with ExitStack() as stack:
            slow = held(scene.gateway.port, 300, b"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Slow: ", stack)
            yield from still_serves(scene.gateway)
            yield from until_cut(slow, 13)


@steps("DOS-002")
def bodies_that_never_end(scene: Scene) -> Iterator[str]:
    if scene.key is None or not once(scene):
        return
    for path in ("/api/logs/", f"/api/deployments/{scene.attack.id}/create_flow_run"):
        with ExitStack() as stack:
            key = scene.cast.keys["developer"]
            begin = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{scene.gateway.port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {MEBIBYTE}\r\n\r\n["
            slow = held(scene.gateway.port, 100, begin.encode(), stack)
            yield from still_serves(scene.gateway)
            yield from until_cut(slow, 14)
    client = Http2(scene.gateway.port)
    client.headers(1, fields(scene, ("content-type", "application/json"), method="POST", path="/api/logs/"), END_HEADERS)
    client.data(1, b"[")
    if (ended := client.ended(1, timeout=14)).code not in (408, 403):
        yield f"over HTTP/2: {ended.words()}"
    client.close()


@contextmanager
def large_answers() -> Iterator[int]:
    """An upstream whose every answer has 64 MiB; its port."""

    def serve(connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MEBIBYTE))
            for _ in range(64):
                connection.sendall(bytes(MEBIBYTE))
        except OSError:
            pass  # nobody reads it: what the test is about

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@contextmanager
def gateway_before(port: int) -> Iterator[Gateway]:
    """A gateway of the attack's own."""
    folder = Path(tempfile.mkdtemp())
    gateway = Gateway(folder, "--upstream", f"http://127.0.0.1:{port}").start()
    try:
        yield gateway
    finally:
        gateway.stop()
        shutil.rmtree(folder)


@steps("DOS-003")
def answers_that_nobody_reads(scene: Scene) -> Iterator[str]:
    if scene.key is None or not once(scene):
        return
    with large_answers() as upstream, gateway_before(upstream) as gateway, ExitStack() as stack:
        key = gateway.newcomer(scene.identity)[1]
        gateway.ask("GET", "/api/no/such", key=key)
        before = memory(gateway)
        begin = f"GET /api/flow_runs/x/logs/download HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        readers = held(gateway.port, 200, begin.encode(), stack)
        for reader in readers:
            if not reader.recv(12).endswith(b"200"):
                yield "no answer began"
        if gateway.ask("GET", "/api/health").status != 200:
            yield "meanwhile nobody else is served"
        if memory(gateway) - before > 200 * MEBIBYTE // 4:
            yield f"two hundred readers took {(memory(gateway) - before) // MEBIBYTE} MiB"


@steps("DOS-004")
def a_body_beyond_all_measure(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    auth = f"Authorization: Bearer {scene.key}\r\n" if scene.key else ""
    for path in ("/api/logs/", "/api/flow_runs/", "/api/block_documents/filter"):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{scene.gateway.port}\r\n{auth}Content-Type: application/json\r\nContent-Length: {60 * MEBIBYTE}\r\n\r\n"
        # Answered from the head alone.
        outcome = exchange(scene.gateway.port, head.encode(), timeout=5)
        wanted = (401,) if scene.key is None else (413, 403)
        if not outcome.statuses or outcome.statuses[0] not in wanted:
            yield f"{path}: {outcome.words()}"
    if scene.recorder.since(mark):
        yield "Prefect was asked"


@steps("DOS-005")
def connections_that_say_nothing(scene: Scene) -> Iterator[str]:
    if not once(scene):
        return
    before = memory(scene.gateway)
    count = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    with ExitStack() as stack:
        held(scene.gateway.port, count, b"", stack)
        yield from still_serves(scene.gateway)
        if memory(scene.gateway) - before > 32 * MEBIBYTE:
            yield f"{count} idle connections took {(memory(scene.gateway) - before) // MEBIBYTE} MiB"


@steps("DOS-006")
def handshakes_that_stop_half_way(scene: Scene) -> Iterator[str]:
    if not once(scene):
        return
    folder = Path(tempfile.mkdtemp())
    gateway = tls_gateway(folder, scene.recorder.url).start()
    try:
        with ExitStack() as stack:
            # The first bytes of a ClientHello that promises 512.
            slow = held(gateway.port, 300, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", stack)
            if not curl(gateway, "--http2", "/api/health").endswith("200"):
                yield "meanwhile nobody else is served"
            for connection in slow[:3]:
                connection.settimeout(13)
                try:
                    if connection.recv(64) not in (b"", b"\x15\x03\x03\x00\x02\x02\x32"):
                        yield "something was answered"
                except TimeoutError:
                    yield "a handshake may last for ever"
                except OSError:
                    pass  # closed, with a reset
    finally:
        gateway.stop()
        shutil.rmtree(folder)


@steps("DOS-007")
def sign_ins_without_number(scene: Scene) -> Iterator[str]:
    if not once(scene):
        return
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

    # On a gateway of its own: the address is banned afterwards.
    def attempt(number: int) -> int:
        return http.ask(gateway.port, "POST", "/lictor/sign-in", body=f"name=flood-{number}&password=wrong+and+long+{number}&next=/".encode(), headers=headers, timeout=60).status

    with gateway_before(scene.recorder.port) as gateway, ThreadPoolExecutor(32) as many:
        answers = [many.submit(attempt, number) for number in range(200)]
        yield from still_serves(gateway)
        statuses = [answer.result(60) for answer in answers]
    if 429 not in statuses or set(statuses) - {401, 429, 503}:
        yield f"200 sign-ins ended with {sorted(set(statuses))}"


@steps("DOS-010")
def a_thousand_cookies(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    cookies = "; ".join(f"c{number}={'v' * 10}" for number in range(1000))
    answer = scene.gateway.ask("GET", "/api/version", key=scene.key, headers={"Cookie": cookies})
    if answer.status not in (431, 400) or scene.recorder.since(mark):
        yield f"{answer.status} {answer.reason}"
