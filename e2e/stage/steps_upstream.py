"""What if Prefect itself answers wrongly, restarts, or changes? Attacks from the other side of the gate."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import http
from .attack_steps import Scene, steps
from .gateway import Gateway
from .recorder import Recorder
from .scripted import Exchange, Scripted
from .wait import until

MEBIBYTE = 1 << 20


@contextmanager
def scripted(scene: Scene) -> Iterator[tuple[Scripted, Callable[..., "Future[http.Answer]"]]]:
    """An upstream in the test's hand, and a way to ask the gateway before it, as the scene's identity, at the same time."""
    folder, upstream = Path(tempfile.mkdtemp()), Scripted()
    gateway = Gateway(folder, "--upstream", upstream.url).start()
    key = gateway.newcomer(scene.identity)[1]
    try:
        with ThreadPoolExecutor(8) as aside:
            yield upstream, lambda method, path, **more: aside.submit(gateway.ask, method, path, key=key, **more)
            upstream.close()
    finally:
        gateway.stop()
        shutil.rmtree(folder)


def raw_answer(upstream: Scripted, data: bytes) -> Exchange:
    """Answers the next request with these bytes."""
    exchange = upstream.next()
    try:
        exchange.send(data)
    except OSError:
        pass  # it has heard enough
    return exchange


def refused(answer: http.Answer, *statuses: int) -> Iterator[str]:
    if answer.status not in statuses:
        yield f"expected {statuses}, got {answer.status} {answer.body[:100]!r}"


def cut_or_refused(future: "Future[http.Answer]") -> Iterator[str]:
    """502, or an answer that visibly breaks off."""
    try:
        answer = future.result(20)
    except Exception:  # noqa: BLE001  (http.client has a class for each way to break off)
        return
    yield from refused(answer, 502)


@steps("UP-001")
def an_error_after_which_it_hangs_up(scene: Scene) -> Iterator[str]:
    with scripted(scene) as (upstream, ask):
        first = ask("POST", "/api/flows/filter", body={})
        failed = upstream.next()
        failed.answer(b'{"exception_message":"x"}', "500 Internal Server Error")
        yield from refused(first.result(10), 500)
        # The next request must come on a connection of its own, whether that one is still open or not.
        second = ask("POST", "/api/flows/filter", body={"limit": 1})
        fresh = upstream.next()
        failed.close()
        fresh.answer(b"[]")
        yield from refused(second.result(10), 200)
        fresh.close()


@steps("UP-004")
def headers_of_the_connection_on_an_answer(scene: Scene) -> Iterator[str]:
    with scripted(scene) as (upstream, ask):
        asked = ask("GET", "/api/version")
        raw_answer(
            upstream,
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nUpgrade: h2c\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
            b"Set-Cookie: prefect=1\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\n{}",
        )
        answer = asked.result(10)
        yield from refused(answer, 200)
        shown = {name.lower() for name in answer.headers} & {"x-secret", "upgrade", "keep-alive", "proxy-authenticate", "access-control-allow-origin"}
        if shown:
            yield f"Prefect's own {sorted(shown)} reached the client"


@steps("UP-005")
def bytes_that_split_an_answer(scene: Scene) -> Iterator[str]:
    for value in (b"a\rX-Split: 1", b"a\0b", b"a\r\n X-Folded: 1"):
        with scripted(scene) as (upstream, ask):
            asked = ask("GET", "/api/version")
            raw_answer(upstream, b"HTTP/1.1 200 OK\r\nX-Test: " + value + b"\r\nContent-Length: 2\r\n\r\n{}")
            yield from refused(asked.result(10), 502)


@steps("UP-006")
def an_answer_of_two_lengths(scene: Scene) -> Iterator[str]:
    for head, body in (
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
        (b"Content-Length: 2\r\nContent-Length: 9\r\n", b"{}"),
        (b"Content-Length: 9\r\n", b"{}"),
        (b"Transfer-Encoding: chunked\r\n", b"9\r\n{}"),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n"),
    ):
        with scripted(scene) as (upstream, ask):
            asked = ask("GET", "/api/version")
            exchange = raw_answer(upstream, b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body)
            exchange.close()
            for wrong in cut_or_refused(asked):
                yield f"{head!r} {body!r}: {wrong}"
    # What comes behind a whole answer is nobody's.
    with scripted(scene) as (upstream, ask):
        asked = ask("GET", "/api/version")
        raw_answer(upstream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTOLEN")
        yield from refused(asked.result(10), 200)
        for _ in range(3):
            following = ask("GET", "/api/version")
            upstream.next().answer(b'"own"')
            if (body := following.result(10).body) != b'"own"':
                yield f"the next caller was answered {body!r}"


@steps("UP-008")
def a_restart_under_load(scene: Scene) -> Iterator[str]:
    folder, upstream = Path(tempfile.mkdtemp()), Recorder()
    port = upstream.port
    gateway = Gateway(folder, "--upstream", upstream.url).start()
    key = gateway.newcomer(scene.identity)[1]
    answers: list[http.Answer] = []
    sent, over = [0], threading.Event()

    def load() -> None:
        while not over.is_set():
            sent[0] += 1
            answers.append(gateway.ask("POST", "/api/flows/filter", key=key, body={}))

    workers = [threading.Thread(target=load) for _ in range(4)]
    try:
        for worker in workers:
            worker.start()
        until("load", lambda: len(answers) > 100, 20)
        upstream.die()
        until("a 503", lambda: any(answer.status == 503 for answer in answers), 20)
        back = until("the port is free again", lambda: Recorder(port), 10)
        until("it answers again", lambda: answers[-1].status == 200, 20)
        over.set()
        for worker in workers:
            worker.join(10)
        for answer in answers:
            if answer.status not in (200, 503) or (answer.status == 503 and not (answer.headers["retry-after"] and answer.headers["prefect-maintenance"] == "true")):
                yield f"a client would not wait this out: {answer.status} {answer.headers.items()}"
        if (arrived := upstream.mark() + back.mark()) > sent[0]:
            yield f"{sent[0]} requests were sent, and {arrived} arrived"
        back.die()
    finally:
        over.set()
        gateway.stop()
        shutil.rmtree(folder)


@steps("UP-009")
def prefect_without_lictor(scene: Scene) -> Iterator[str]:
    # Whether other hosts reach it is the network's affair; that it would answer them is found out and said.
    folder = Path(tempfile.mkdtemp())
    config = folder / "lictor.toml"
    config.write_text(f'listen = "127.0.0.1:1"\n[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{scene.recorder.url}"\n')
    result = Gateway(folder, config=config).run("doctor")
    shutil.rmtree(folder)
    if "PASSES BY LICTOR" not in result.stdout:
        yield f"the doctor does not warn: {result.returncode} {result.stdout}"


@steps("UP-010")
def a_route_that_is_new(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    for method, path in (("POST", "/api/flows/brand_new"), ("PUT", "/api/flows/"), ("GET", "/api/brand_new"), ("DELETE", "/api/work_pools/")):
        answer = scene.gateway.ask(method, path, key=scene.key)
        if answer.reason != ("unknown-operation" if scene.key else "authentication-required"):
            yield f"{method} {path}: {answer.status} {answer.reason}"
    if scene.recorder.since(mark):
        yield "Prefect was asked"


@steps("UP-011")
def another_version_of_prefect(scene: Scene) -> Iterator[str]:
    # The command decides without asking any Prefect; the gateway must come to the same.
    for method, path in (("POST", "/api/flows/filter"), ("POST", "/api/flows/"), ("DELETE", "/api/flows/00000000-0000-4000-8000-000000000001"), ("GET", "/api/admin/settings"), ("POST", "/api/admin/database/clear"), ("POST", "/api/logs/"), ("PUT", "/api/admin/storage")):  # fmt: skip
        said = scene.gateway.run("can", f"a-{scene.identity}", method, path).returncode == 0
        done = scene.gateway.ask(method, path, key=scene.key, body={} if method in ("POST", "PUT") else None)
        if said != (done.status not in (403, 404)):
            yield f"{method} {path}: the table says {said}, the gateway {done.status} {done.reason}"


@steps("DOS-011")
def an_answer_without_an_end(scene: Scene) -> Iterator[str]:
    with scripted(scene) as (upstream, ask):
        asked = ask("POST", "/api/events/filter", body={}, timeout=60)
        exchange = upstream.next()
        try:
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"%x\r\n" % MEBIBYTE + b" " * MEBIBYTE + b"\r\n"
            for _ in range(200):
                exchange.send(chunk)
            yield "200 MiB were taken in"
        except OSError:
            pass
        yield from refused(asked.result(30), 502)


@steps("DOS-012")
def too_many_headers(scene: Scene) -> Iterator[str]:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(10_000))
    for data in (
        b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-Large: " + b"a" * MEBIBYTE + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX Bad: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"nonsense\r\n\r\n",
    ):
        with scripted(scene) as (upstream, ask):
            asked = ask("GET", "/api/version")
            raw_answer(upstream, data)
            for wrong in refused(asked.result(20), 502):
                yield f"{data[:40]!r}: {wrong}"

