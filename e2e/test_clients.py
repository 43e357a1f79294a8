"""Do real clients of five versions work through Lictor, in every credential form, and does everything that they send arrive?"""

import json
import uuid

import pytest

from stage.forms import FORMS, SUPPORTED, Caller
from stage.gateway import PASSWORD, Gateway
from stage.prefect import NEWEST, Client, Server
from stage.wait import until

TASK_RUNS = 4  # three in the flow, one in its subflow; the subflow's placeholder is counted apart


@pytest.fixture(scope="module")
def developer(gateway: Gateway) -> Caller:
    """A person with a password and a key."""
    name = gateway.add_user(f"dev-{uuid.uuid4().hex[:6]}", "developer")
    return Caller(name, PASSWORD, gateway.key(name))


def arrived(ask, flow_run: str, mark: str) -> dict[str, int]:
    """What Prefect has of a flow run, seen through the API."""

    def count(path: str, body: dict) -> int:
        return ask("POST", path, body).json()

    runs = ask("POST", "/api/flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}}).json()
    children = ask("POST", "/api/flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run]}}}).json()
    ids = [run["id"] for run in runs + children]
    tasks = ask("POST", "/api/task_runs/filter", {"flow_runs": {"id": {"any_": ids}}}).json()
    logs = ask("POST", "/api/logs/filter", {"logs": {"flow_run_id": {"any_": ids}}}).json()
    events = ask("POST", "/api/events/filter", {"filter": {"resource": {"id": [f"lictor.test.{mark}"]}}}).json()["events"]
    return {
        "completed flow runs": sum(run["state_type"] == "COMPLETED" for run in runs + children),
        "completed task runs": sum(run["state_type"] == "COMPLETED" for run in tasks if run["name"].startswith("double")),
        "task logs": sum(mark in log["message"] and log["message"].startswith("doubling") for log in logs),
        "events": len(events),
        "artifacts": count("/api/artifacts/count", {"artifacts": {"key": {"any_": [f"a-{mark}"]}}}),
    }


COMPLETE = {"completed flow runs": 2, "completed task runs": TASK_RUNS, "task logs": TASK_RUNS, "events": 1, "artifacts": 1}


def run_everything(client: Client, ask, mark: str) -> None:
    """Runs the whole flow and waits until all of it has arrived."""
    ran = client.run("whole_flow.py", mark)
    assert ran.returncode == 0, ran.stderr[-3000:]
    result = json.loads(ran.stdout.splitlines()[-1])
    assert (result["total"], result["secret"], result["variable"], result["automation"]) == (12, f"secret of {mark}", "red", f"auto-{mark}")

    def all_there() -> bool:
        seen = arrived(ask, result["flow_run"], mark)
        assert seen == COMPLETE, seen
        return True

    until("everything arrived", all_there, 30, every=0.3)


PAIRS = [(version, form) for version, forms in SUPPORTED.items() for form in forms]


@pytest.mark.parametrize(("version", "form"), PAIRS, ids=[f"{version} {form}" for version, form in PAIRS])
def test_everything_of_a_flow_arrives(version: str, form: str, gateway: Gateway, owner: str, developer: Caller, tmp_path) -> None:
    client = Client(tmp_path, version, **FORMS[form](gateway.url, developer))
    run_everything(client, lambda method, path, body: gateway.ask(method, path, key=owner, body=body), uuid.uuid4().hex[:8])


@pytest.mark.parametrize("version", ["3.0.11", "3.2.15", "3.4.25", "3.6.29"])
def test_an_old_client_works_with_its_own_server_behind_lictor(version: str, tmp_path) -> None:
    # Servers before 3.3 know no auth string for sockets, and 3.0 none at all; setting one is harmless.
    server = Server(tmp_path / "server", version, auth="admin:only-lictor-knows").start()
    try:
        server.wait()
        gateway = Gateway(tmp_path / "gateway", "--upstream", server.url, env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""}).start()
        try:
            name, key = gateway.newcomer("developer")
            _, owner = gateway.newcomer("owner")
            client = Client(tmp_path / "client", version, **FORMS["URL userinfo"](gateway.url, Caller(name, "", key)))
            run_everything(client, lambda method, path, body: gateway.ask(method, path, key=owner, body=body), uuid.uuid4().hex[:8])
        finally:
            gateway.stop()
    finally:
        server.kill()


def test_an_api_key_alone_runs_flows_and_the_log_names_the_setting_for_the_rest(gateway: Gateway, owner: str, developer: Caller, tmp_path) -> None:
    client = Client(tmp_path, NEWEST, **FORMS["API key alone"](gateway.url, developer))
    before = len(gateway.log())
    ran = client.run("small_flow.py")
    assert ran.returncode == 0, ran.stderr[-3000:]
    run = gateway.ask("GET", f"/api/flow_runs/{ran.stdout.split()[0]}", key=owner).json()
    assert run["state_type"] == "COMPLETED"
    until("the log names the setting", lambda: "PREFECT_API_AUTH_STRING" in gateway.log()[before:])
    assert "socket-without-credential" in gateway.log()[before:]


@pytest.mark.smoke
def test_a_viewer_cannot_run_a_flow_and_is_told_why(gateway: Gateway, tmp_path) -> None:
    name, key = gateway.newcomer("viewer")
    ran = Client(tmp_path, NEWEST, **FORMS["auth string user:KEY"](gateway.url, Caller(name, "", key))).run("small_flow.py")
    assert ran.returncode != 0
    assert "permission-denied" in ran.stderr


@pytest.mark.parametrize("settings", [{"PREFECT_API_AUTH_STRING": "nobody:wrong password at all"}, {"PREFECT_API_KEY": "not-a-key"}, {}], ids=["wrong password", "no key", "nothing"])
def test_a_client_without_a_good_credential_is_refused(settings: dict[str, str], gateway: Gateway, tmp_path) -> None:
    ran = Client(tmp_path, NEWEST, PREFECT_API_URL=f"{gateway.url}/api", **settings).run("small_flow.py")
    assert ran.returncode != 0
    assert "401 Unauthorized" in ran.stderr


def test_a_run_shows_who_started_it_and_nobody_can_forge_that(gateway: Gateway, server: Server, owner: str) -> None:
    name, key = gateway.newcomer("developer")
    flow = gateway.ask("POST", "/api/flows/", key=key, body={"name": f"f-{uuid.uuid4().hex[:6]}"}).json()["id"]
    forged = {"Prefect-Automation-ID": str(uuid.uuid4()), "Prefect-Automation-Name": "QWRtaW4="}
    run = gateway.ask("POST", "/api/flow_runs/", key=key, body={"flow_id": flow, "state": {"type": "PENDING"}}, headers=forged)
    assert run.status in (200, 201), run.body
    seen = server.ask("GET", f"/api/flow_runs/{run.json()['id']}").json()
    assert seen["created_by"]["display_value"] == name
