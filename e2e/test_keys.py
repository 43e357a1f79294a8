"""Do keys rotate, rest, grow old and die as they should, on live sockets and live workers too?"""

import json
import shutil
import signal
import zlib
from pathlib import Path

import pytest

from stage import http
from stage.forms import FORMS, Caller
from stage.gateway import CommandFailed, Gateway
from stage.prefect import NEWEST, PROGRAMS, Client, end, refusals
from stage.recorder import Recorder
from stage.steps_sockets import opens
from stage.wait import PROMISE, until

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def reads(gateway: Gateway, key: str) -> str | None:
    """Why a read is refused; nothing when it is not."""
    return gateway.ask("POST", "/api/flows/filter", key=key, body={}).reason


def id_of(gateway: Gateway, name: str, at: int = 0) -> str:
    """The id of one of somebody's keys, oldest first."""
    return gateway.cli_json("key", "list", "--for", name)[at]["id"]


def report(gateway: Gateway, key: str) -> http.Answer:
    """A report of a leaked key, by nobody in particular."""
    return http.ask(gateway.port, "POST", "/lictor/report-leak", body={"key": key})


def test_both_keys_are_good_during_the_overlap_and_the_list_tells_who_uses_which(own_gateway: Gateway) -> None:
    name, old = own_gateway.newcomer("viewer")
    first = id_of(own_gateway, name)
    new = own_gateway.cli("key", "rotate", first, "--overlap", "1h")
    assert new.startswith("lictor_") and len(new) == 45 and new != old
    assert reads(own_gateway, new) is None
    listed = {key["id"]: key for key in own_gateway.cli_json("key", "list", "--for", name)}
    second = listed[first]["replaced_by"]
    assert listed[second]["replaces"] == first and listed[first]["used_since_replaced"] is None
    assert "not used since" in own_gateway.cli("key", "show", first)
    assert reads(own_gateway, old) is None
    until("the old one's use is seen", lambda: own_gateway.cli_json("key", "show", first)["used_since_replaced"], 15)
    assert "still used" in own_gateway.cli("key", "list", "--for", name)
    with pytest.raises(CommandFailed, match=f"rotated already: {second} replaces it"):
        own_gateway.cli("key", "rotate", first)


def test_the_old_key_ends_with_the_overlap_on_its_sockets_too(own_gateway: Gateway) -> None:
    name, old = own_gateway.newcomer("viewer")
    socket = opens(own_gateway.port, old)
    new = own_gateway.cli("key", "rotate", id_of(own_gateway, name), "--overlap", "1s")
    until("the old one has ended", lambda: reads(own_gateway, old) == "expired-key")
    assert socket.until_closed(5) == 1008, socket.close_reason
    assert reads(own_gateway, new) is None


@pytest.mark.smoke
def test_a_disabled_key_stops_within_a_second_and_comes_back(own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer("viewer")
    other = own_gateway.key(name)
    sockets = [opens(own_gateway.port, key, path) for path in ("/api/events/out", "/api/logs/out")]
    which = id_of(own_gateway, name)
    own_gateway.cli("key", "disable", which)
    until("disabled", lambda: reads(own_gateway, key) == "disabled-key", PROMISE)
    for socket in sockets:
        assert socket.until_closed(PROMISE) == 1008 and "disabled-key" in socket.close_reason, socket.close_reason
    assert reads(own_gateway, other) is None
    own_gateway.cli("key", "enable", which)
    until("enabled", lambda: reads(own_gateway, key) is None, PROMISE)


def test_no_key_outlives_the_roles_of_its_owner(own_gateway: Gateway) -> None:
    own_gateway.cli("role", "add", "short-lived", "--based-on", "viewer")
    name, key = own_gateway.newcomer("short-lived")
    bystander = own_gateway.newcomer("viewer")[1]
    socket = opens(own_gateway.port, key)
    own_gateway.cli("role", "set-max-key-age", "short-lived", "90d")
    assert "90d at the latest (role short-lived)" in own_gateway.cli("principal", "show", name)
    assert "the role short-lived lets no key grow older" in own_gateway.cli("key", "list", "--for", name)
    made = own_gateway.run("key", "create", "--for", name, "--expires", "91d")
    assert made.returncode == 1 and 'role "short-lived" end after 90d at the latest' in made.stderr
    bounded = own_gateway.run("key", "create", "--for", name)
    assert bounded.returncode == 0 and "short-lived lets no key grow older" in bounded.stderr
    assert reads(own_gateway, key) is None
    own_gateway.cli("role", "set-max-key-age", "short-lived", "1s")
    until("too old", lambda: reads(own_gateway, key) == "expired-key", PROMISE + 1)
    assert socket.until_closed(5) == 1008, socket.close_reason
    assert reads(own_gateway, bystander) is None
    own_gateway.cli("role", "set-max-key-age", "short-lived", "none")
    until("no bound any more", lambda: reads(own_gateway, key) is None, PROMISE)


def test_keys_that_end_soon_are_told_of_by_list_metric_doctor_and_log(tmp_path: Path, recorder: Recorder) -> None:
    gateway = Gateway(tmp_path / "own", "--upstream", recorder.url).start()
    try:
        name, _ = gateway.newcomer("viewer")
        for expires in ("2d", "10d", "30d"):
            gateway.key(name, "--expires", expires, "--label", expires)

        def gauges() -> list[str]:
            text = http.ask(gateway.port, "GET", "/lictor/metrics").body.decode()
            return [line for line in text.splitlines() if line.startswith("lictor_keys_expiring")]

        until("the gauge", lambda: sorted(gauges()) == ['lictor_keys_expiring{within="14d"} 2', 'lictor_keys_expiring{within="3d"} 1'], PROMISE)
        listed = gateway.cli_json("key", "list", "--expiring", "14d")
        assert [key["label"] for key in listed] == ["2d", "10d"]
        # It fails on the upstream, which is no Prefect; what it says of keys is another check.
        told = [each for each in json.loads(gateway.run("doctor", "--json").stdout)["checks"] if each["check"] == "keys"]
        assert [each["level"] for each in told] == ["warn", "warn"] and "lictor key rotate" in told[0]["found"]
        gateway.stop()
        gateway.start()
        until("the log tells of both", lambda: gateway.log().count("replace it with `lictor key rotate") == 2)
        # The old key of a pair is nobody's concern any more; its successor of two days is.
        new = gateway.cli("key", "rotate", listed[0]["id"])
        until("the successor is good", lambda: reads(gateway, new) is None, PROMISE)
        assert sorted(gauges()) == ['lictor_keys_expiring{within="14d"} 2', 'lictor_keys_expiring{within="3d"} 1']
    finally:
        gateway.stop()


def test_a_narrow_key_of_a_machine_rotates_itself_into_one_as_narrow(own_gateway: Gateway) -> None:
    name, _ = own_gateway.newcomer("developer")
    key = own_gateway.key(name, "--read-only", "--label", "dash")
    answer = own_gateway.ask("POST", "/lictor/keys/rotate", key=key)
    assert answer.status == 201 and answer.headers["cache-control"] == "no-store", answer.body
    new = answer.json()
    assert reads(own_gateway, new["key"]) is None
    assert own_gateway.ask("POST", "/api/flows/", key=new["key"], body={"name": "x"}).reason == "key-too-narrow"
    shown = own_gateway.cli_json("key", "show", new["id"])
    assert (shown["limits"], shown["label"], shown["replaces"]) == ({"read_only": True}, "dash", new["replaces"]["id"])
    for again in (key, new["key"]):
        assert own_gateway.ask("POST", "/lictor/keys/rotate", key=again).reason == "key-rotated"
    assert own_gateway.ask("GET", "/lictor/account", key=new["key"]).reason == "key-too-narrow"
    (event,) = own_gateway.cli_json("audit", "list", "--operation", "key.rotate")
    assert event["actor"]["name"] == name and event["client_ip"] == "127.0.0.1"
    person = own_gateway.key(own_gateway.add_user("somebody", "viewer"))
    assert own_gateway.ask("POST", "/lictor/keys/rotate", key=person).status == 403


@pytest.mark.smoke
def test_whoever_finds_a_key_kills_it_with_its_sockets(own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer("viewer")
    other = own_gateway.key(name)
    socket = opens(own_gateway.port, key)
    unknown = next(made for made in map(make_key, range(100)) if made != key)
    answers = [report(own_gateway, unknown), report(own_gateway, key), report(own_gateway, key)]
    assert {(answer.status, answer.body) for answer in answers} == {(202, answers[0].body)}
    assert reads(own_gateway, key) == "revoked-key" and reads(own_gateway, other) is None
    assert socket.until_closed(PROMISE) == 1008
    (event,) = own_gateway.cli_json("audit", "list", "--operation", "key.report-leak")
    assert event["client_ip"] == "127.0.0.1" and key not in json.dumps(event)
    assert report(own_gateway, key[:-1]).status == 400 and report(own_gateway, key[:-1]).reason == "mistyped-key"
    until("an address is bounded", lambda: report(own_gateway, unknown).reason == "too-many-reports", 10)


def make_key(seed: int) -> str:
    """A key that nobody has, by the rule that the guide publishes for scanners."""
    body = "lictor_" + f"{seed:032d}"
    rest, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = DIGITS[digit] + check
    return body + check


def test_the_published_rule_for_scanners_finds_keys_and_nothing_else(own_gateway: Gateway) -> None:
    _, key = own_gateway.newcomer("viewer")
    rest = zlib.crc32(key[:39].encode())
    check = "".join(DIGITS[rest // 62**place % 62] for place in reversed(range(6)))
    assert key[39:] == check
    assert report(own_gateway, make_key(1)).status == 202


# --- live workers ---


def machine(home: Path, gateway: Gateway, name: str, key: str) -> Client:
    """The settings of a machine."""
    return Client(home, NEWEST, **FORMS["auth string user:KEY"](gateway.url, Caller(name, "", key)))


@pytest.fixture(scope="module")
def deployed(gateway: Gateway, owner: str, tmp_path_factory) -> str:
    """A deployment on a work pool; answers its id."""
    home = tmp_path_factory.mktemp("deployer")
    name, key = gateway.newcomer("developer")
    client = machine(home, gateway, name, key)
    made = client.command("prefect", "work-pool", "create", "rotating", "--type", "process")
    assert made.returncode == 0, made.stdout + made.stderr
    project = home / "project"
    project.mkdir()
    shutil.copy(PROGRAMS / "served_flow.py", project)
    done = client.command("prefect", "--no-prompt", "deploy", "served_flow.py:served", "-n", "rotating", "-p", "rotating", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    return gateway.ask("GET", "/api/deployments/name/served/rotating", key=owner).json()["id"]


def start_run(gateway: Gateway, key: str, deployment: str) -> str:
    """Starts a run; Prefect on SQLite answers 503 when its database is busy, and its own clients ask again."""

    def started() -> str:
        answer = gateway.ask("POST", f"/api/deployments/{deployment}/create_flow_run", key=key, body={"state": {"type": "SCHEDULED"}})
        assert answer.status in (200, 201), (answer.status, answer.body)
        return answer.json()["id"]

    return until("a run is started", started, 30, every=0.5)


def state_of(gateway: Gateway, key: str, run: str) -> str:
    """The state of a run."""
    return gateway.ask("GET", f"/api/flow_runs/{run}", key=key).json()["state_type"]


def test_a_worker_changes_its_key_during_the_overlap_and_loses_nothing(gateway: Gateway, owner: str, deployed: str, tmp_path: Path) -> None:
    name, old = gateway.newcomer("worker")
    first = machine(tmp_path / "first", gateway, name, old).begin("prefect", "worker", "start", "--pool", "rotating", log=tmp_path / "first.log")
    second = None
    try:
        before = start_run(gateway, owner, deployed)
        until("the first run", lambda: state_of(gateway, owner, before) == "COMPLETED", 90, every=0.3)
        new = gateway.cli("key", "rotate", id_of(gateway, name))
        # Still on the old key, while both are good.
        between = start_run(gateway, owner, deployed)
        until("the run of the overlap", lambda: state_of(gateway, owner, between) == "COMPLETED", 60, every=0.3)
        assert end(first, signal.SIGINT) == 0, (tmp_path / "first.log").read_text()[-2000:]
        waiting = start_run(gateway, owner, deployed)
        second = machine(tmp_path / "second", gateway, name, new).begin("prefect", "worker", "start", "--pool", "rotating", log=tmp_path / "second.log")
        until("the run that waited", lambda: state_of(gateway, owner, waiting) == "COMPLETED", 90, every=0.3)
        gateway.cli("key", "revoke", id_of(gateway, name))
        after = start_run(gateway, owner, deployed)
        until("the run after the old key's end", lambda: state_of(gateway, owner, after) == "COMPLETED", 60, every=0.3)
        assert second.poll() is None
    finally:
        end(first, signal.SIGINT)
        if second:
            end(second, signal.SIGINT)
    for log in ("first.log", "second.log"):
        assert not refusals(tmp_path / log), (tmp_path / log).read_text()[-3000:]


def test_a_leak_report_ends_a_live_worker_and_its_sockets(gateway: Gateway, owner: str, deployed: str, tmp_path: Path) -> None:
    name, key = gateway.newcomer("worker")
    log = tmp_path / "worker.log"
    worker = machine(tmp_path / "worker", gateway, name, key).begin("prefect", "worker", "start", "--pool", "rotating", log=log)
    try:
        run = start_run(gateway, owner, deployed)
        until("it works", lambda: state_of(gateway, owner, run) == "COMPLETED", 90, every=0.3)
        socket = opens(gateway.port, key)
        assert report(gateway, key).status == 202
        assert socket.until_closed(PROMISE) == 1008
        # A worker that is told 401 ends; so do Prefect's own behind any other gate.
        until("the worker has ended", lambda: worker.poll() is not None, 60, every=0.3)
        assert "401 Unauthorized" in refusals(log), log.read_text()[-3000:]
    finally:
        end(worker, signal.SIGINT)
