"""Does a person in a real browser sign in, see every page, change nothing as Viewer, and start a run as Runner?"""

import json
import subprocess
import uuid
from pathlib import Path

import pytest

from stage.gateway import PASSWORD, Gateway

SCRIPTS = Path(__file__).parent / "browser"


def drive(script: str, *arguments: str) -> str:
    """Runs a script in a browser; it must succeed."""
    ran = subprocess.run(["node", SCRIPTS / script, *arguments], capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout[-1500:] + ran.stderr[-4000:]
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def things(gateway: Gateway, owner: str) -> dict[str, str]:
    """Something to see on every page: a flow, a deployment, a run, a pool, a variable."""
    name = uuid.uuid4().hex[:6]
    gateway.ask("POST", "/api/work_pools/", key=owner, body={"name": "pool", "type": "process"})
    gateway.ask("POST", "/api/variables/", key=owner, body={"name": f"v_{name}", "value": "red"})
    flow = gateway.ask("POST", "/api/flows/", key=owner, body={"name": f"seen-{name}"}).json()["id"]
    deployment = gateway.ask("POST", "/api/deployments/", key=owner, body={"name": "seen", "flow_id": flow, "work_pool_name": "pool"}).json()["id"]
    run = gateway.ask("POST", f"/api/deployments/{deployment}/create_flow_run", key=owner, body={}).json()["id"]
    return {"flow": flow, "deployment": deployment, "run": run}


def test_a_viewer_opens_every_page_of_both_uis(gateway: Gateway, things: dict[str, str]) -> None:
    name = gateway.add_user(f"v-{uuid.uuid4().hex[:6]}", "viewer")
    opened = drive("pages.mjs", gateway.url, name, PASSWORD, json.dumps(things))
    assert opened.count("opened ") == 32
    changes = [event for event in gateway.cli_json("audit", "list", "--actor", name) if " " in event["operation"]]
    assert changes == [], "a Viewer changed something"


def test_a_person_signs_in_changes_the_password_and_signs_out(gateway: Gateway) -> None:
    name = f"n-{uuid.uuid4().hex[:6]}"
    gateway.cli("user", "add", name, "--role", "viewer", "--password-stdin", "--must-change", stdin=PASSWORD + "\n")
    drive("session.mjs", gateway.url, name, PASSWORD, "a second long enough secret")


def test_a_runner_starts_a_run_from_the_ui(gateway: Gateway, owner: str, things: dict[str, str]) -> None:
    name = gateway.add_user(f"r-{uuid.uuid4().hex[:6]}", "runner")
    run = drive("runner.mjs", gateway.url, name, PASSWORD, things["deployment"])
    assert gateway.ask("GET", f"/api/flow_runs/{run}", key=owner).json()["created_by"]["display_value"] == name
