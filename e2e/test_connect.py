"""Does a Prefect that can show no certificate work through `lictor connect`, while certificates are renewed and revoked?"""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from stage import prefect
from stage.connect import Connect
from stage.gateway import binary
from stage.mutual import FLOWS, Place
from stage.pki import replace
from stage.prefect import NEWEST, PROGRAMS, Client, end
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.wait import until

SOCKETS = ("/api/events/in", "/api/events/out", "/api/logs/out", "/api/task_runs/subscriptions/scheduled", "/api/work_pools/p/workers/connect")


@pytest.fixture
def place(tmp_path: Path, recorder: Recorder):
    """A gateway that lets nobody in without a certificate, in front of the recording upstream."""
    place = Place(tmp_path / "gateway", recorder, mode="required")
    place.start(place.printed)
    yield place
    place.gateway.stop()


@pytest.fixture
def link(tmp_path: Path, place: Place):
    """The other half."""
    place.gateway.cli("grant", "add", "w-cn", "--role", "owner")
    link = Connect(tmp_path / "link", place.gateway, place.ca.issue("worker one"))
    until("the role is known", lambda: WebSocket(link.port, SOCKETS[3]).status == 101)
    yield link
    link.stop()


def test_requests_cross_whole_and_carry_nothing_of_the_hop(link: Connect, place: Place, recorder: Recorder) -> None:
    mark = recorder.mark()
    body = json.dumps({"limit": 3, "pad": "x" * 200_000}).encode()
    answer = link.ask("POST", FLOWS, body=body, headers={"Content-Type": "application/json", "Connection": "x-inner", "X-Inner": "1", "Keep-Alive": "5"})
    assert (answer.status, answer.headers["connection"], answer.headers["keep-alive"]) == (200, None, None)
    (seen,) = until("it at Prefect", lambda: recorder.since(mark))
    assert json.loads(seen.body)["limit"] == 3 and seen.header("host") == f"localhost:{place.gateway.port}"
    until("the access line", lambda: "w-cn" in place.gateway.log())


def test_all_five_sockets_cross_with_frames_and_pings_in_order(link: Connect, recorder: Recorder) -> None:
    for path in SOCKETS:
        mark = recorder.mark()
        socket = WebSocket(link.port, path)
        assert socket.authenticate(None), (path, socket.status, socket.close_reason)
        for at in range(20):
            socket.send(b"%d" % at, opcode=9)
        pongs = [socket.receive() for _ in range(20)]
        assert pongs == [(10, b"%d" % at) for at in range(20)], path
        assert until("Prefect's side", lambda mark=mark: recorder.since(mark)), path
        socket.close()


def test_an_upgrade_that_is_refused_is_an_answer(link: Connect) -> None:
    socket = WebSocket(link.port, "/api/no/such/socket")
    assert (socket.status, socket.headers["x-lictor-reason"]) == (403, "unknown-operation")


def test_a_renewed_certificate_is_used_at_once_and_sockets_come_again_with_it(link: Connect, place: Place) -> None:
    old, new = place.ca.issue("worker one"), place.ca.issue("worker one")
    link.renew(old)
    socket = WebSocket(link.port, SOCKETS[0])
    assert socket.authenticate(None) and link.ask("POST", FLOWS, body={}).status == 200
    link.renew(new)
    assert socket.until_closed(3.0) == 0, "cut off, so that clients connect again"
    place.ca.revoke(old)
    replace(place.crl_file, place.ca.crl())
    until("the list is in force", lambda: place.gateway.log().count("the certificate files were read"))
    assert link.ask("POST", FLOWS, body={}).status == 200
    until("the new one is in the log", lambda: new.fingerprint in place.gateway.log())


def test_a_broken_renewal_keeps_the_last_good_one(link: Connect) -> None:
    replace(link.key, "half")
    until("it is told", lambda: "the last good one stays in use" in link.log(), 10)
    assert link.ask("POST", FLOWS, body={}).status == 200


def test_a_revoked_certificate_opens_nothing(link: Connect, place: Place, recorder: Recorder) -> None:
    leaf = place.ca.issue("worker one")
    link.renew(leaf)
    assert link.ask("POST", FLOWS, body={}).status == 200
    place.ca.revoke(leaf)
    replace(place.crl_file, place.ca.crl())
    until("refused", lambda: link.ask("POST", FLOWS, body={}).status in (401, 503))
    mark = recorder.mark()
    answer = link.ask("POST", FLOWS, body={})
    assert (answer.status, answer.headers["prefect-maintenance"]) == (503, "true")
    assert recorder.since(mark) == [] and "the gateway does not answer" in link.log() and "Revoked" in link.log()


def test_a_gateway_that_is_away_is_waited_for(link: Connect, place: Place) -> None:
    place.gateway.stop()
    for _ in range(3):
        answer = link.ask("POST", FLOWS, body={})
        assert (answer.status, answer.headers["retry-after"], answer.headers["prefect-maintenance"]) == (503, "3", "true")
    assert link.log().count("the gateway does not answer") == 1
    place.gateway.start()
    assert link.ask("POST", FLOWS, body={}).status == 200 and "the gateway answers again" in link.log()


def test_a_token_comes_from_its_file_each_time_it_changes(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path / "gateway", recorder).start()
    first, second = place.gateway.key("w-cn"), place.gateway.key("w-cn")
    link = Connect(tmp_path / "link", place.gateway, first)
    try:
        assert link.ask("POST", FLOWS, body={}, headers={"Authorization": "Bearer whatever"}).status == 200
        link.renew(second)
        place.gateway.cli("key", "revoke", first[-4:])
        assert link.ask("POST", FLOWS, body={}).status == 200
        socket = WebSocket(link.port, SOCKETS[0])
        assert socket.authenticate(None)
        assert first not in link.log() and second not in link.log()
    finally:
        link.stop()
        place.gateway.stop()


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_page_in_a_browser_gets_nothing_through(headers: dict[str, str], link: Connect, recorder: Recorder) -> None:
    mark = recorder.mark()
    assert link.ask("POST", FLOWS, body={}, headers=headers).status in (403, 421)
    assert WebSocket(link.port, SOCKETS[0], headers=headers).status in (400, 403, 421)
    assert recorder.since(mark) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["https://localhost:1", "--listen", "0.0.0.0:0", "--token-file", "/dev/null"], "--allow-other-hosts"),
        (["http://localhost:1", "--token-file", "/dev/null"], "write https://host"),
        (["https://localhost:1"], "--cert"),
        (["https://localhost:1", "--cert", "a"], "--key"),
        (["https://localhost:1", "--listen", "127.0.0.1:0", "--token-file", "/dev/null"], "holds no token"),
        (["https://localhost:1", "--listen", "127.0.0.1:0", "--cert", "/no/cert", "--key", "/no/key"], "/no/key"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: list[str], said: str) -> None:
    result = subprocess.run([binary(), "connect", *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode != 0 and said in result.stderr


def test_a_worker_runs_through_it_while_its_certificate_is_renewed_and_until_it_is_revoked(tmp_path: Path, server: prefect.Server) -> None:
    auth = tmp_path / "auth"
    auth.write_text(server.auth or "")
    place = Place(tmp_path / "gateway", server, mode="optional", workspace=f'auth_string_file = "{auth}"').start()
    first, second = place.ca.issue("worker one"), place.ca.issue("worker one")
    link, owners = Connect(tmp_path / "link", place.gateway, first), Connect(tmp_path / "owners", place.gateway, place.gateway.newcomer("owner")[1])
    process = None
    try:
        deployer = Client(tmp_path / "deployer", NEWEST, PREFECT_API_URL=f"{owners.url}/api")
        made = deployer.command("prefect", "work-pool", "create", "linked", "--type", "process")
        assert made.returncode == 0, made.stdout + made.stderr
        project = tmp_path / "project"
        project.mkdir()
        shutil.copy(PROGRAMS / "served_flow.py", project)
        done = deployer.command("prefect", "--no-prompt", "deploy", "served_flow.py:served", "-n", "linked", "-p", "linked", cwd=project)
        assert done.returncode == 0, done.stdout + done.stderr
        deployment = owners.ask("GET", "/api/deployments/name/served/linked").json()["id"]

        def start() -> str:
            answer = owners.ask("POST", f"/api/deployments/{deployment}/create_flow_run", body={"state": {"type": "SCHEDULED"}})
            assert answer.status in (200, 201), answer.body
            return answer.json()["id"]

        def state(run: str) -> str:
            return owners.ask("GET", f"/api/flow_runs/{run}").json()["state_type"]

        worker, log = Client(tmp_path / "worker", NEWEST, PREFECT_API_URL=f"{link.url}/api"), tmp_path / "worker.log"
        process = worker.begin("prefect", "worker", "start", "--pool", "linked", log=log)
        run = until("a run is started", start, 30, every=0.5)
        until("the run is done", lambda: state(run) == "COMPLETED", 90, every=0.5)
        link.renew(second)
        place.ca.revoke(first)
        replace(place.crl_file, place.ca.crl())
        run = until("another run is started", start, 30, every=0.5)
        until("the run under the new certificate is done", lambda: state(run) == "COMPLETED", 90, every=0.5)
        assert process.poll() is None, log.read_text()[-3000:]
        assert first.fingerprint in place.gateway.log() and second.fingerprint in place.gateway.log()
        place.ca.revoke(second)
        replace(place.crl_file, place.ca.crl())
        until("the worker is refused", lambda: link.ask("POST", FLOWS, body={}).status in (401, 503))
        run = until("a run that nobody takes", start, 30, every=0.5)
        marker = len(place.gateway.log())
        until("the worker has asked in vain", lambda: "the gateway does not answer" in link.log() or "refused the credential" in link.log(), 60)
        assert state(run) == "SCHEDULED" and second.fingerprint not in place.gateway.log()[marker:].replace("certificate-not-trusted", "")
    finally:
        if process:
            end(process, signal.SIGINT)
        for each in (link, owners):
            each.stop()
        place.gateway.stop()
