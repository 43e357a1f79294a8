"""Do workers, served flows and deployments work, each with the role that it should need and no more?"""

import json
import shutil
import signal
import uuid
from pathlib import Path

import pytest

from stage.forms import FORMS, Caller
from stage.gateway import Gateway
from stage.prefect import NEWEST, PROGRAMS, Client, end, refusals
from stage.wait import until


def client_of(gateway: Gateway, home: Path, role: str, *limits: str) -> tuple[str, str, Client]:
    """A machine with a role: its name, its key (perhaps a narrow one), its client."""
    name, key = gateway.newcomer(role)
    key = gateway.key(name, *limits) if limits else key
    return name, key, Client(home, NEWEST, **FORMS["auth string user:KEY"](gateway.url, Caller(name, "", key)))


def runs_of(gateway: Gateway, key: str, deployment: str) -> list[dict]:
    """The flow runs of a deployment."""
    return gateway.ask("POST", "/api/flow_runs/filter", key=key, body={"flow_runs": {"deployment_id": {"any_": [deployment]}}}).json()


def deployment_id(gateway: Gateway, key: str, name: str) -> str:
    """A deployment's id, once it is there."""
    return until(f"deployment {name}", lambda: gateway.ask("GET", f"/api/deployments/name/{name}", key=key).json()["id"], 60, every=0.3)


def start_run(gateway: Gateway, key: str, deployment: str, **parameters: int) -> str:
    """Starts a run; answers its id. Prefect on SQLite answers 503 when its database is busy, and its own clients ask again."""

    def started() -> str:
        answer = gateway.ask("POST", f"/api/deployments/{deployment}/create_flow_run", key=key, body={"state": {"type": "SCHEDULED"}, "parameters": parameters})
        assert answer.status in (200, 201), (answer.status, answer.body)
        return answer.json()["id"]

    return until("a run is started", started, 30, every=0.5)


def until_state(gateway: Gateway, key: str, run: str, state: str, seconds: float = 60) -> dict:
    """Awaits a state of a flow run."""

    def reached() -> dict:
        seen = gateway.ask("GET", f"/api/flow_runs/{run}", key=key).json()
        assert seen["state_type"] == state, seen["state_type"]
        return seen

    return until(f"{state} of {run}", reached, seconds, every=0.3)


@pytest.fixture(scope="module")
def deployed(gateway: Gateway, owner: str, tmp_path_factory) -> str:
    """A work pool and a deployment in it, made with `prefect deploy` as Developer; answers the deployment's id."""
    home = tmp_path_factory.mktemp("deployer")
    _, _, client = client_of(gateway, home, "developer")
    made = client.command("prefect", "work-pool", "create", "fleet", "--type", "process")
    assert made.returncode == 0, made.stdout + made.stderr
    project = home / "project"
    project.mkdir()
    shutil.copy(PROGRAMS / "served_flow.py", project)
    done = client.command("prefect", "--no-prompt", "deploy", "served_flow.py:served", "-n", "by-worker", "-p", "fleet", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    return deployment_id(gateway, owner, "served/by-worker")


def test_a_worker_polls_runs_and_cancels(gateway: Gateway, owner: str, deployed: str, tmp_path) -> None:
    _, runner, _ = client_of(gateway, tmp_path / "runner", "runner")
    _, _, worker = client_of(gateway, tmp_path / "worker", "worker", "--work-pool", "fleet", "--network", "127.0.0.0/8")
    log = tmp_path / "worker.log"
    process = worker.begin("prefect", "worker", "start", "--pool", "fleet", log=log)
    try:
        short = start_run(gateway, runner, deployed)
        until_state(gateway, owner, short, "COMPLETED", 90)
        # Its own task, and what stands for its subflow.
        until("its task runs", lambda: gateway.ask("POST", "/api/task_runs/count", key=owner, body={"flow_runs": {"id": {"any_": [short]}}}).json() == 2)
        _, developer, _ = client_of(gateway, tmp_path / "dev", "developer")
        long = start_run(gateway, developer, deployed, seconds=120)
        until_state(gateway, owner, long, "RUNNING", 90)
        cancelled = gateway.ask("POST", f"/api/flow_runs/{long}/set_state", key=developer, body={"state": {"type": "CANCELLING"}})
        assert cancelled.status in (200, 201), cancelled.body
        until_state(gateway, owner, long, "CANCELLED", 60)
        assert process.poll() is None, log.read_text()[-3000:]
    finally:
        end(process, signal.SIGINT)
    assert not refusals(log), log.read_text()[-3000:]


def test_a_worker_key_can_do_no_more(gateway: Gateway, deployed: str, tmp_path) -> None:
    _, worker, _ = client_of(gateway, tmp_path, "worker")
    for method, path, body in [
        ("DELETE", f"/api/deployments/{deployed}", None),
        ("POST", "/api/work_pools/", {"name": "mine", "type": "process"}),
        ("DELETE", "/api/work_pools/fleet", None),
        ("POST", "/api/automations/", {}),
        ("GET", "/api/admin/settings", None),
    ]:
        assert gateway.ask(method, path, key=worker, body=body).reason == "permission-denied", (method, path)


def test_a_flow_is_served_by_a_developer(gateway: Gateway, owner: str, tmp_path) -> None:
    name, key, client = client_of(gateway, tmp_path / "developer", "developer")
    process = client.begin("python", str(PROGRAMS / "served_flow.py"), log=tmp_path / "serve.log")
    try:
        deployment = deployment_id(gateway, owner, "served/served")
        run = start_run(gateway, key, deployment)
        assert until_state(gateway, owner, run, "COMPLETED", 90)["created_by"]["display_value"] == name
        # Cancellation comes over the events socket: it must still be open, and ours.
        long = start_run(gateway, key, deployment, seconds=120)
        until_state(gateway, owner, long, "RUNNING", 90)
        gateway.ask("POST", f"/api/flow_runs/{long}/set_state", key=key, body={"state": {"type": "CANCELLING"}})
        until_state(gateway, owner, long, "CANCELLED", 60)
        assert process.poll() is None
    finally:
        end(process, signal.SIGINT)
    until("the deployment is paused when it is served no more", lambda: gateway.ask("GET", f"/api/deployments/{deployment}", key=owner).json()["paused"], 20)


def test_a_runner_can_start_a_run_and_change_nothing_else(gateway: Gateway, owner: str, deployed: str, tmp_path) -> None:
    name, key, client = client_of(gateway, tmp_path, "runner")
    started = client.command("prefect", "deployment", "run", "served/by-worker")
    assert started.returncode == 0, started.stdout + started.stderr
    mine = [run for run in runs_of(gateway, owner, deployed) if run["created_by"] and run["created_by"]["display_value"] == name]
    assert len(mine) == 1, [run["created_by"] for run in runs_of(gateway, owner, deployed)]
    for method, path, body in [
        ("POST", "/api/flows/", {"name": uuid.uuid4().hex}),
        ("POST", "/api/variables/", {"name": "x", "value": 1}),
        ("PATCH", f"/api/deployments/{deployed}", {"paused": True}),
        ("DELETE", f"/api/flow_runs/{mine[0]['id']}", None),
        ("PATCH", "/api/work_pools/fleet", {"is_paused": True}),
    ]:
        assert gateway.ask(method, path, key=key, body=body).reason == "permission-denied", (method, path)


def test_the_record_says_who_started_the_run(gateway: Gateway, deployed: str, tmp_path) -> None:
    name, key, _ = client_of(gateway, tmp_path, "runner")
    run = gateway.ask("POST", f"/api/deployments/{deployed}/create_flow_run", key=key, body={}).json()["id"]
    (event,) = [each for each in gateway.cli_json("audit", "list", "--actor", name) if "create_flow_run" in each["operation"]]
    assert json.dumps(event).find(deployed) > 0 and event["status"] == 201, event
    assert run
