"""What is lost when Prefect or Lictor is killed in mid-flow? No task run, and no audit event of an answered change."""

import threading
import uuid

import pytest

from stage.forms import FORMS, Caller
from stage.gateway import Gateway
from stage.prefect import NEWEST, PROGRAMS, Client, Server, end
from stage.raw import WebSocket
from stage.steps_sockets import opens
from stage.wait import until


@pytest.fixture
def pair(tmp_path):
    """A Prefect Server and a gateway of this test's own."""
    server = Server(tmp_path / "server").start().wait()
    gateway = Gateway(tmp_path / "gateway", "--upstream", server.url, env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""}).start()
    yield server, gateway
    gateway.stop()
    server.kill()


@pytest.mark.parametrize("who", ["Prefect", "Lictor"])
def test_killing_it_in_mid_flow_loses_no_task_run(who: str, pair: tuple[Server, Gateway], tmp_path) -> None:
    server, gateway = pair
    name, key = gateway.newcomer("developer")
    _, owner = gateway.newcomer("owner")
    client = Client(tmp_path / "client", NEWEST, **FORMS["auth string user:KEY"](gateway.url, Caller(name, "", key)))
    log = tmp_path / "flow.log"
    process = client.begin("python", str(PROGRAMS / "small_flow.py"), "0.7", log=log)

    def task_runs(run: str) -> list[dict]:
        return gateway.ask("POST", "/api/task_runs/filter", key=owner, body={"flow_runs": {"id": {"any_": [run]}}}).json()

    try:
        run = until("the flow run's id", lambda: next((line.strip() for line in log.read_text().splitlines() if len(line.strip()) == 36), None), 60)
        until("two task runs", lambda: len(task_runs(run)) >= 2, 30)
        if who == "Prefect":
            server.kill()
            until("a 503 of Lictor's own", lambda: gateway.ask("POST", "/api/flows/filter", key=owner, body={}).status == 503, 10)
            server.start().wait()
        else:
            gateway.kill()
            gateway.start()
        assert process.wait(180) == 0, log.read_text()[-4000:]
    finally:
        end(process)
    assert "done" in log.read_text()

    def all_there() -> bool:
        seen = [each["state_type"] for each in task_runs(run)]
        assert seen == ["COMPLETED"] * 10, seen
        return True

    until("all ten task runs", all_there, 30, every=0.3)
    assert gateway.ask("GET", f"/api/flow_runs/{run}", key=owner).json()["state_type"] == "COMPLETED"


@pytest.mark.parametrize("attempt", range(2))
def test_a_power_cut_under_write_load_loses_no_event_of_an_answered_change(attempt: int, own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer("developer")
    answered: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                answer = own_gateway.ask("POST", "/api/variables/", key=key, body={"name": uuid.uuid4().hex, "value": 1}, timeout=5)
            except OSError:
                return
            if answer.status == 200:
                answered.append(answer.headers["x-request-id"])

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    until("load", lambda: len(answered) > 200 * (attempt + 1), 30, every=0.01)
    own_gateway.kill()
    stop.set()
    for writer in writers:
        writer.join(10)
    recorded = {event["request"] for event in own_gateway.cli_json("audit", "list", "--actor", name, "--limit", str(len(answered) + 1000))}
    missing = set(answered) - recorded
    assert len(answered) > 200 and missing == set(), f"{len(missing)} of {len(answered)} answered changes have no event"


def test_prefect_away_is_503_with_retry_after_and_never_401(pair: tuple[Server, Gateway]) -> None:
    server, gateway = pair
    _, key = gateway.newcomer("developer")
    server.kill()
    answer = until("503", lambda: (seen := gateway.ask("POST", "/api/flows/filter", key=key, body={})).status == 503 and seen, 10)
    assert answer.headers["retry-after"] and answer.headers["prefect-maintenance"] == "true"
    assert answer.json()["detail"] == answer.json()["exception_message"]


def test_sockets_outlive_a_restart_of_prefect(pair: tuple[Server, Gateway]) -> None:
    server, gateway = pair
    _, key = gateway.newcomer("developer")
    open_before = opens(gateway.port, key, "/api/events/out")
    server.kill()
    # Neither 1000 nor 1001: after those Prefect's clients never come back.
    assert open_before.until_closed(10) == 1012, f"{open_before.close_code} {open_before.close_reason}"
    # Who comes now is held, for as long as a client can be kept waiting, and then let in to be sent around again.
    patient = [WebSocket(gateway.port, "/api/events/in", timeout=60) for _ in range(2)]
    for socket in patient:
        socket.send({"type": "auth", "token": key})
    given_up = patient.pop()
    given_up.send(b"still there?", opcode=9)
    assert given_up.receive(5) == (10, b"still there?"), "pings are answered while a socket is held"
    assert (given_up.json(40) or {}).get("type") == "auth_success"
    assert given_up.until_closed(5) == 1012
    # Who comes while Prefect starts is let in when it is there.
    late = WebSocket(gateway.port, "/api/events/in", timeout=60)
    late.send({"type": "auth", "token": key})
    server.start()
    assert (late.json(60) or {}).get("type") == "auth_success"
    server.wait()
    late.send({"occurred": "2026-01-01T00:00:00Z", "event": "test.held", "resource": {"prefect.resource.id": "held"}, "id": str(uuid.uuid4())})
    wanted = {"filter": {"event": {"name": ["test.held"]}, "occurred": {"since": "2025-12-31T00:00:00Z", "until": "2026-01-02T00:00:00Z"}}}
    until("the event that was sent on it", lambda: gateway.ask("POST", "/api/events/filter", key=key, body=wanted).json()["total"] == 1, 30, every=0.3)
