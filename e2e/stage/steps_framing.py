"""The framing attacks that take more than one connection."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import http
from .attack_steps import Scene, steps
from .wait import until


EARLY = "/api/flow_runs/count"


def half_an_upload(scene: Scene) -> tuple[socket.socket, bytes]:
    """Announces 100 bytes, sends 10; Prefect answers early and waits for the rest."""
    connection = socket.create_connection(("127.0.0.1", scene.gateway.port), timeout=5)
    head = f"POST {EARLY} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {scene.key}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    connection.sendall(head.replace("Host: 127.0.0.1", f"Host: 127.0.0.1:{scene.gateway.port}").encode() + b'{"limit": ')
    try:
        return connection, connection.recv(4096)
    except (TimeoutError, ConnectionResetError):
        return connection, b""


@steps("FRM-051")
def an_unfinished_upload_keeps_its_connection_to_itself(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    scene.recorder.early.add(EARLY)
    connection, answer = half_an_upload(scene)
    scene.recorder.early.discard(EARLY)
    if b" 404 " not in answer:
        yield f"the early answer did not come through: {answer[:100]!r}"
    uploads = {each.connection for each in scene.recorder.since(mark) if each.target == EARLY}
    if not uploads:
        yield "the upload never reached Prefect"
    for _ in range(50):
        answer = http.ask(scene.gateway.port, "GET", "/api/health")
        if answer.status != 200:
            yield f"another caller got {answer.status}"
    shared = [each.target for each in scene.recorder.since(mark) if each.connection in uploads and each.target != EARLY]
    if shared:
        yield f"rode on the unfinished upload's connection: {shared}"
    connection.close()
    until("the upload's connection to Prefect is closed", lambda: not uploads & scene.recorder.open_connections.keys(), 3)


@steps("FRM-052")
def aborted_uploads_leave_no_sockets(scene: Scene) -> Iterator[str]:
    if scene.identity != "viewer":
        return  # a thousand times is enough once: the identity plays no part
    scene.recorder.early.add(EARLY)
    with ThreadPoolExecutor(32) as pool:
        for connection, _ in pool.map(lambda _: half_an_upload(scene), range(1000)):
            connection.close()
    scene.recorder.early.discard(EARLY)
    until("the aborted uploads' connections are gone", lambda: len(scene.recorder.open_connections) <= 64)
    yield from ()
