"""Are the replicas of one Prefect Server shared out, left out while they are away, and is nothing ever sent to two of them?"""

import re
import threading
import uuid
from pathlib import Path

import pytest

from stage.gateway import Gateway
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.scripted import Exchange, Scripted
from stage.several import before
from stage.wait import free_port, until

FILTER = "/api/flows/filter"


def pair(folder: Path, *urls: str) -> Gateway:
    """A gateway before those replicas."""
    listed = ", ".join(f'"{url}"' for url in urls)
    return before(folder, {"main": f"upstreams = [{listed}]"}).start()


def counted(gateway: Gateway) -> dict[str, int]:
    """How many replicas are up, and how many are down."""
    text = gateway.ask("GET", "/lictor/metrics").body.decode()
    return {state: int(count) for state, count in re.findall(r'lictor_upstreams\{state="(\w+)"\} (\d+)', text)}


def asked(recorder: Recorder, mark: int, target: str = FILTER) -> int:
    """How many such requests came."""
    return sum(each.target == target for each in recorder.since(mark))


@pytest.fixture
def two():
    """Two replicas."""
    recorders = [Recorder(), Recorder()]
    yield recorders
    for recorder in recorders:
        recorder.die()


def test_requests_and_sockets_are_shared_out_and_a_replica_that_is_away_takes_none(two: list[Recorder], tmp_path: Path) -> None:
    gateway = pair(tmp_path, *(one.url for one in two))
    try:
        key = gateway.newcomer("owner")[1]
        marks = [one.mark() for one in two]
        for _ in range(60):
            assert gateway.ask("POST", FILTER, key=key, body={}).status == 200
        shares = [asked(one, mark) for one, mark in zip(two, marks, strict=True)]
        assert sum(shares) == 60 and min(shares) >= 15, shares
        sockets = [WebSocket(gateway.port, "/api/events/in") for _ in range(24)]
        assert all(socket.authenticate(key) for socket in sockets)
        held = [asked(one, mark, "/api/events/in") for one, mark in zip(two, marks, strict=True)]
        assert sum(held) == 24 and min(held) >= 3, held
        # One goes away: its sockets are sent around to the other, and no request is lost.
        port = two[0].port
        two[0].die()
        mark = two[1].mark()
        for _ in range(40):
            assert gateway.ask("POST", FILTER, key=key, body={}).status == 200
        assert asked(two[1], mark) == 40
        closed = until("its sockets are closed", lambda: [code for socket in sockets if (code := socket.until_closed(0.05)) is not None], 20)
        assert set(closed) == {1012}
        again = WebSocket(gateway.port, "/api/events/in")
        assert again.authenticate(key)
        until("it is counted out", lambda: counted(gateway) == {"up": 1, "down": 1})
        assert "the others take" in gateway.log()
        # It comes back, and has its share again.
        two[0] = Recorder(port)
        until("it is counted in", lambda: counted(gateway) == {"up": 2, "down": 0}, 20)
        mark = two[0].mark()
        until("it is asked again", lambda: gateway.ask("POST", FILTER, key=key, body={}).status == 200 and asked(two[0], mark) > 5, 20)
        assert "requests are sent to it again" in gateway.log()
    finally:
        gateway.stop()


class Faulty:
    """A replica that answers its health as it is told to, and hangs up on everything else once it has read it."""

    def __init__(self) -> None:
        self.scripted, self.seen, self.health = Scripted(), [], "200 OK"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                exchange = self.scripted.next(3600)
            except EOFError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(exchange,), daemon=True).start()

    def _serve(self, exchange: Exchange) -> None:
        if exchange.target == "/api/health":
            if self.health:
                exchange.answer(status=self.health)
            return
        self.seen.append(exchange.read(int(exchange.headers["content-length"])))
        exchange.close()


@pytest.fixture
def faulty():
    """A replica with a fault."""
    replica = Faulty()
    yield replica
    replica.scripted.close()


def test_what_may_have_been_carried_out_is_never_sent_to_another(faulty: Faulty, tmp_path: Path) -> None:
    sound = Recorder()
    gateway = pair(tmp_path, faulty.scripted.url, sound.url)
    try:
        key = gateway.newcomer("developer")[1]
        names = [uuid.uuid4().hex for _ in range(30)]
        statuses = {name: gateway.ask("POST", "/api/variables/", key=key, body={"name": name, "value": 1}) for name in names}
        bodies = [body.decode() for body in faulty.seen] + [each.body.decode() for each in sound.since(0)]
        for name, answer in statuses.items():
            times = sum(name in body for body in bodies)
            broken = any(name.encode() in body for body in faulty.seen)
            assert times == 1 and answer.status == (503 if broken else 200), (name, times, answer.status)
        assert faulty.seen, "the fault was never met"
    finally:
        gateway.stop()
        sound.die()


@pytest.mark.parametrize("health", ["", "500 Internal Server Error"], ids=["says nothing", "says that it is ill"])
def test_a_replica_that_listens_and_is_not_well_is_left_out(health: str, faulty: Faulty, tmp_path: Path) -> None:
    sound = Recorder()
    gateway = pair(tmp_path, faulty.scripted.url, sound.url)
    try:
        key = gateway.newcomer("developer")[1]
        assert counted(gateway) == {"up": 2, "down": 0}
        faulty.health = health
        until("it is counted out", lambda: counted(gateway) == {"up": 1, "down": 1}, 60)
        met = len(faulty.seen)
        for _ in range(20):
            assert gateway.ask("POST", FILTER, key=key, body={}).status == 200
        assert len(faulty.seen) == met
        faulty.health = "200 OK"
        until("it is counted in", lambda: counted(gateway) == {"up": 2, "down": 0}, 60)
    finally:
        gateway.stop()
        sound.die()


def test_when_none_is_well_the_first_that_comes_back_is_asked(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    gateway = pair(tmp_path, *(f"http://127.0.0.1:{port}" for port in ports))
    try:
        key = gateway.newcomer("developer")[1]
        answer = gateway.ask("POST", FILTER, key=key, body={})
        assert (answer.status, answer.reason) == (503, "upstream-unavailable")
        assert counted(gateway) == {"up": 0, "down": 2}
        back = Recorder(ports[1])
        # At once: what was found before is no reason to refuse.
        assert gateway.ask("POST", FILTER, key=key, body={}).status == 200
        until("it is counted in", lambda: counted(gateway)["up"] == 1, 20)
        report = gateway.run("doctor").stdout
        assert "FAIL  upstream main replica 1" in report and "upstream main replica 2" in report
        # The recorder has a token for everybody.
        assert "warn  upstream main replica 2 CSRF protection" in report and "unset PREFECT_SERVER_CSRF_PROTECTION_ENABLED" in report, report
        back.die()
    finally:
        gateway.stop()
