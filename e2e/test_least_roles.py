"""Is the least role that the guide names for a job enough for it? The roles are made as docs/guides/least-roles.md says, and real clients do the jobs."""

import re
import shlex
import shutil
import signal
import uuid
from pathlib import Path

import pytest

from stage.forms import FORMS, Caller
from stage.gateway import ROOT, Gateway
from stage.prefect import NEWEST, PROGRAMS, Client, end, refusals
from stage.wait import until
from test_worker import deployment_id, start_run, until_state

GUIDE = ROOT / "docs/guides/least-roles.md"
PROJECT = """
deployments:
- name: triggered
  entrypoint: served_flow.py:served
  work_pool: {name: POOL}
  triggers:
  - {type: event, name: when-it-lands, expect: [EVENT], posture: Reactive}
"""


@pytest.fixture(scope="module")
def roles(gateway: Gateway) -> set[str]:
    """Makes every role of the guide, by the guide's own commands."""
    text = GUIDE.read_text().replace("\\\n", " ")
    commands = [shlex.split(line) for line in re.findall(r"^\$ lictor (role add .*)$", text, re.MULTILINE)]
    for command in commands:
        gateway.cli(*command)
    return {command[2] for command in commands}


@pytest.fixture
def client(gateway: Gateway, roles: set[str], tmp_path: Path):
    """Makes a machine with one of the roles: its name, its key, its client."""

    def make(role: str, *limits: str) -> tuple[str, str, Client]:
        assert role in roles | {"viewer", "runner", "worker"}, f"the guide names no role {role}"
        name, _ = gateway.newcomer(role)
        key = gateway.key(name, *limits)
        return name, key, Client(tmp_path / name, NEWEST, **FORMS["auth string user:KEY"](gateway.url, Caller(name, "", key)))

    return make


def done(client: Client, *command: str, cwd: Path | None = None) -> str:
    """A command of Prefect's own that must succeed."""
    result = client.command("prefect", "--no-prompt", *command, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_an_event_starts_a_deployed_flow_with_nobody_holding_more_than_the_guide_says(gateway: Gateway, owner: str, client, tmp_path: Path) -> None:
    pool, event = f"pool-{uuid.uuid4().hex[:6]}", f"landed.{uuid.uuid4().hex[:8]}"
    _, _, keeper = client("pools")
    done(keeper, "work-pool", "create", pool, "--type", "process")
    _, _, deployer = client("deploy")
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(PROGRAMS / "served_flow.py", project)
    (project / "prefect.yaml").write_text(PROJECT.replace("POOL", pool).replace("EVENT", event))
    # Twice: the second deploys over what is there, its trigger included.
    for _ in range(2):
        done(deployer, "deploy", "--all", cwd=project)
    deployment = deployment_id(gateway, owner, "served/triggered")
    related = gateway.ask("GET", f"/api/automations/related-to/prefect.deployment.{deployment}", key=owner).json()
    assert [each["name"] for each in related] == ["when-it-lands"], related

    _, _, worker = client("worker", "--work-pool", pool)
    log = tmp_path / "worker.log"
    process = worker.begin("prefect", "worker", "start", "--pool", pool, log=log)
    _, emitter, _ = client("emit")
    try:
        happened = {"event": event, "resource": {"prefect.resource.id": "file"}}

        def started() -> str:
            import datetime

            sent = gateway.ask("POST", "/api/events", key=emitter, body=[{**happened, "id": str(uuid.uuid4()), "occurred": datetime.datetime.now(datetime.UTC).isoformat()}])
            assert sent.status == 204, sent.body
            runs = gateway.ask("POST", "/api/flow_runs/filter", key=owner, body={"flow_runs": {"deployment_id": {"any_": [deployment]}}}).json()
            return runs[0]["id"]

        run = until("a run, started by the event", lambda: _not_an_index_error(started), 90, every=1)
        until_state(gateway, owner, run, "COMPLETED", 120)
        assert process.poll() is None, log.read_text()[-3000:]
    finally:
        end(process, signal.SIGINT)
    assert not refusals(log), log.read_text()[-3000:]
    done(keeper, "work-pool", "pause", pool)


def _not_an_index_error(look):
    """`until` waits out failed assertions."""
    try:
        return look()
    except IndexError as error:
        raise AssertionError("nothing yet") from error


def test_a_flow_is_served_started_and_put_in_order(gateway: Gateway, owner: str, client, tmp_path: Path) -> None:
    _, _, server = client("serve")
    _, runner, _ = client("runner")
    _, operator_key, operator = client("operate")
    # A name of its own: other tests serve the same flow.
    program = tmp_path / "served_here.py"
    program.write_text((PROGRAMS / "served_flow.py").read_text().replace('name="served"', 'name="least"'))
    log = tmp_path / "serve.log"
    process = server.begin("python", str(program), log=log)
    try:
        deployment = deployment_id(gateway, owner, "served/least")
        until_state(gateway, owner, start_run(gateway, runner, deployment), "COMPLETED", 120)
        long = start_run(gateway, runner, deployment, seconds=120)
        until_state(gateway, owner, long, "RUNNING", 90)
        done(operator, "flow-run", "cancel", long)
        until_state(gateway, owner, long, "CANCELLED", 60)
        done(operator, "deployment", "schedule", "create", "served/least", "--interval", "3600")
        (schedule,) = gateway.ask("GET", f"/api/deployments/{deployment}/schedules", key=operator_key).json()
        done(operator, "deployment", "schedule", "pause", "served/least", schedule["id"])
        assert gateway.ask("GET", f"/api/deployments/{deployment}/schedules", key=owner).json()[0]["active"] is False
        assert process.poll() is None, log.read_text()[-3000:]
    finally:
        end(process, signal.SIGINT)
    assert not refusals(log), log.read_text()[-3000:]


def test_an_automation_is_written_by_its_author(gateway: Gateway, owner: str, client, tmp_path: Path) -> None:
    _, key, author = client("automate")
    flow = gateway.ask("POST", "/api/flows/", key=owner, body={"name": "least"}).json()["id"]
    deployment = gateway.ask("POST", "/api/deployments/", key=owner, body={"name": "automated", "flow_id": flow}).json()["id"]
    wanted = tmp_path / "automation.yaml"
    wanted.write_text(
        "name: starts-it\ndescription: a test\nenabled: true\ntrigger: {type: event, expect: [x.y], posture: Reactive, threshold: 1, within: 0}\n"
        f"actions: [{{type: run-deployment, source: selected, deployment_id: {deployment}}}]\n"
    )
    done(author, "automation", "create", "--from-file", str(wanted))
    assert "starts-it" in done(author, "automation", "ls")
    # And no more than that.
    refused = gateway.ask("POST", "/api/automations/", key=key, body={"name": "x", "trigger": {"type": "event", "posture": "Reactive", "expect": ["x"], "threshold": 1, "within": 0}, "actions": [{"type": "cancel-flow-run"}]})
    assert refused.reason == "permission-denied"
