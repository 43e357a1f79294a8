"""What would a request do beyond its operation? Each attack works on Prefect alone, and is refused through Lictor for the role that lacks the right."""

import base64
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from stage.escalation import COMMAND, Stage
from stage.gateway import Gateway
from stage.prefect import Server
from stage.raw import WebSocket
from stage.steps_sockets import opens
from stage.wait import until


@pytest.fixture(scope="module")
def stage(server: Server, gateway: Gateway, owner: str) -> Stage:
    return Stage(server, gateway, owner).fill()


@pytest.fixture(scope="module")
def keys(stage: Stage) -> Callable[[str], str]:
    """A key for a built-in role."""
    return stage.key


def test_job_variables_of_a_run_are_a_shell_on_the_worker(stage: Stage, keys) -> None:
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    assert stage.directly("POST", path, COMMAND).json()["job_variables"] == {"command": "id"}
    stage.refused(keys("runner"), "POST", path, COMMAND, "reconfigure_flow_runs")
    stage.refused(keys("runner"), "POST", path + "/bulk", [{}, COMMAND], "reconfigure_flow_runs")
    # What a runner is for goes on working.
    mine = stage.ask(keys("runner"), "POST", path, {"name": "mine", "tags": ["a"], "parameters": {}, "idempotency_key": uuid.uuid4().hex})
    assert mine.status == 201 and mine.json()["name"] == "mine"
    assert stage.ask(keys("developer"), "POST", path, COMMAND).json()["job_variables"] == {"command": "id"}


def test_what_only_repeats_the_deployments_own_settings_reconfigures_nothing(stage: Stage, keys) -> None:
    own = {"work_queue_name": "default", "job_variables": {"command": "echo"}, "enforce_parameter_schema": False}
    pool = stage.ask(stage.owner, "GET", f"/api/deployments/{stage.deployment}").json()["work_pool_name"]
    made = stage.ask(stage.owner, "POST", "/api/deployments/", {"name": f"d-{uuid.uuid4().hex[:6]}", "flow_id": stage.flow, "work_pool_name": pool, **own})
    path = f"/api/deployments/{made.json()['id']}/create_flow_run"
    # As the forms of Prefect's UI send it.
    form = {"name": "by-form", "tags": [], "parameters": {}, "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": None}}, "empirical_policy": {"retries": 0, "retry_delay": 0}}
    run = stage.ask(keys("runner"), "POST", path, {**form, **own})
    assert run.status == 201, run.body
    # They are the deployment's, as they would be without the form; the run itself carries none.
    assert run.json()["work_queue_name"] == "default" and not run.json()["job_variables"]
    for other in ({"work_queue_name": "other"}, {"job_variables": {"command": "id"}}, {"job_variables": {"command": "echo", "env": {"LD_PRELOAD": "x"}}}):
        stage.refused(keys("runner"), "POST", path, {**form, **own, **other}, "reconfigure_flow_runs")


def test_another_queue_an_unchecked_parameter_and_a_finished_state_are_no_runners_business(stage: Stage, keys) -> None:
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    for body in ({"work_queue_name": "other"}, {"enforce_parameter_schema": False}, {"state": {"type": "COMPLETED"}}):
        stage.refused(keys("runner"), "POST", path, body, "reconfigure_flow_runs")
    assert stage.directly("POST", path, {"state": {"type": "COMPLETED"}}).json()["state_type"] == "COMPLETED"


def test_a_run_without_a_deployment_names_its_pool_and_command(stage: Stage, keys) -> None:
    pool = stage.ask(stage.owner, "GET", f"/api/deployments/{stage.deployment}").json()["work_pool_name"]
    body = {"flow_id": stage.flow, "work_pool_name": pool, **COMMAND}
    assert stage.directly("POST", "/api/flow_runs/", body).status == 201
    stage.refused(keys("worker"), "POST", "/api/flow_runs/", body, "reconfigure_flow_runs")
    # A subflow of a run that a worker started.
    assert stage.ask(keys("worker"), "POST", "/api/flow_runs/", {"flow_id": stage.flow, "state": {"type": "PENDING"}, "parameters": {}}).status == 201


def test_job_variables_are_no_more_to_be_had_afterwards(stage: Stage, keys) -> None:
    run = stage.run()
    assert stage.directly("PATCH", f"/api/flow_runs/{run}", COMMAND).status == 204
    stage.refused(keys("worker"), "PATCH", f"/api/flow_runs/{run}", {"job_variables": {"command": "whoami"}}, "reconfigure_flow_runs")
    assert stage.ask(keys("worker"), "PATCH", f"/api/flow_runs/{run}", {"infrastructure_pid": "host:1"}).status == 204
    assert stage.read_run(run)["job_variables"] == {"command": "id"}


def test_who_controls_runs_cancels_and_pauses_and_forges_nothing(stage: Stage) -> None:
    operator = stage.with_role("see_flows", "control_flow_runs")
    run = stage.run()
    path = f"/api/flow_runs/{run}/set_state"
    for body in ({"state": {"type": "COMPLETED"}}, {"state": {"type": "CANCELLING"}, "force": True}, {"state": {"type": "SCHEDULED", "data": {"type": "reference", "storage_key": "../../x"}}}):
        stage.refused(operator, "POST", path, body, "run_flows")
    assert stage.read_run(run)["state_type"] == "SCHEDULED"
    assert stage.ask(operator, "POST", path, {"state": {"type": "CANCELLING", "name": "Cancelling"}}).status in (200, 201)
    assert stage.read_run(run)["state_type"] in ("CANCELLING", "CANCELLED")
    stage.refused(operator, "POST", "/api/flow_runs/bulk_set_state", {"flow_runs": {}, "state": {"type": "CANCELLING"}}, "write_workspace_settings")
    stage.refused(operator, "DELETE", f"/api/flow_runs/{run}", None, "manage_flows")


@pytest.mark.parametrize("kind", ["flow_runs", "flows", "deployments"])
def test_an_empty_filter_deletes_nothing(kind: str, stage: Stage, keys) -> None:
    run = stage.run()
    for body in (None, {}, {kind: {}}, {kind: {"id": {"any_": []}}}, {kind: {"operator": "or_", "id": {"any_": [str(uuid.uuid4())]}}}):
        stage.refused(keys("developer"), "POST", f"/api/{kind}/bulk_delete", body, "write_workspace_settings")
    assert stage.read_run(run)["id"] == run
    assert stage.ask(keys("developer"), "POST", f"/api/{kind}/bulk_delete", {kind: {"id": {"any_": [str(uuid.uuid4())]}}}).status == 200


def test_named_runs_are_deleted_together(stage: Stage, keys) -> None:
    runs = [stage.run() for _ in range(2)]
    assert stage.ask(keys("developer"), "POST", "/api/flow_runs/bulk_delete", {"flow_runs": {"id": {"any_": runs}}}).status == 200
    until("both are gone", lambda: all(stage.ask(stage.owner, "GET", f"/api/flow_runs/{run}").status == 404 for run in runs), 20, every=0.2)


def test_who_writes_schedules_pauses_and_plans_and_touches_no_code(stage: Stage) -> None:
    planner = stage.with_role("see_deployments", "see_flows", "write_schedules")
    path = f"/api/deployments/{stage.deployment}"
    made = stage.ask(planner, "POST", f"{path}/schedules", [{"active": False, "schedule": {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"}}])
    assert made.status in (200, 201), made.body
    schedule = made.json()[0]["id"]
    assert stage.ask(planner, "PATCH", f"{path}/schedules/{schedule}", {"active": True}).status == 204
    assert stage.ask(planner, "PATCH", path, {"paused": True}).status == 204
    assert stage.ask(stage.owner, "GET", path).json()["paused"] is True
    assert stage.ask(planner, "POST", f"{path}/resume_deployment").status == 200
    assert stage.ask(planner, "DELETE", f"{path}/schedules/{schedule}").status == 204
    for body in ({"entrypoint": "evil.py:flow"}, {"paused": False, "pull_steps": []}, {"job_variables": {"command": "id"}}):
        stage.refused(planner, "PATCH", path, body, "write_deployments")
    assert stage.ask(stage.owner, "GET", path).json()["entrypoint"] is None


def automation(*actions: dict) -> dict:
    """An automation on an event of anybody's making."""
    trigger = {"type": "event", "posture": "Reactive", "expect": ["evil.fire"], "threshold": 1, "within": 0}
    return {"name": f"a-{uuid.uuid4().hex[:8]}", "enabled": False, "trigger": trigger, "actions": list(actions)}


def test_an_automation_does_nothing_that_its_author_may_not(stage: Stage, keys) -> None:
    author = stage.with_role("see_automations", "manage_automations")
    runs = {"type": "run-deployment", "source": "selected", "deployment_id": stage.deployment}
    assert stage.directly("POST", "/api/automations/", automation({**runs, **COMMAND})).status == 201
    for action, lacking in (
        (runs, "run_deployments"),
        ({"type": "change-flow-run-state", "state": "COMPLETED"}, "run_flows"),
        ({"type": "call-webhook", "block_document_id": str(uuid.uuid4())}, "see_secret_blocks"),
        ({"type": "pause-deployment", "source": "selected", "deployment_id": stage.deployment}, "write_schedules"),
    ):
        stage.refused(author, "POST", "/api/automations/", automation({"type": "do-nothing"}, action), lacking)
    harmless = stage.ask(author, "POST", "/api/automations/", automation({"type": "do-nothing"}))
    assert harmless.status == 201, harmless.body
    stage.refused(author, "PUT", f"/api/automations/{harmless.json()['id']}", automation(runs), "run_deployments")
    dumps = {**runs, "parameters": {"x": {"__prefect_kind": "jinja", "template": "{{ variables }}"}}}
    blind = stage.with_role("see_automations", "manage_automations", "run_deployments")
    stage.refused(blind, "POST", "/api/automations/", automation(dumps), "see_variables")
    assert stage.ask(keys("developer"), "POST", "/api/automations/", automation({**runs, **COMMAND})).status == 201


def test_a_variable_in_a_parameters_clothes_shows_its_value_to_nobody_who_may_not_see_it(stage: Stage) -> None:
    name = f"v{uuid.uuid4().hex[:8]}"
    assert stage.ask(stage.owner, "POST", "/api/variables/", {"name": name, "value": "worth-hiding"}).status == 201
    body = {"parameters": {"x": {"__prefect_kind": "workspace_variable", "variable_name": name}}}
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    assert stage.directly("POST", path, body).json()["parameters"] == {"x": "worth-hiding"}
    stage.refused(stage.with_role("see_deployments", "run_deployments"), "POST", path, body, "see_variables")


def event(name: str, resource: str) -> dict:
    """An event as a client sends it."""
    return {"id": str(uuid.uuid4()), "occurred": "2026-01-01T00:00:00Z", "event": name, "resource": {"prefect.resource.id": resource}}


def seen_events(stage: Stage, resource: str) -> list[str]:
    """The names of the events about a resource that Prefect has."""
    wanted = {"filter": {"occurred": {"since": "2025-12-31T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, "resource": {"id": [resource]}}}
    return [each["event"] for each in stage.ask(stage.owner, "POST", "/api/events/filter", wanted).json()["events"]]


def test_events_of_prefects_own_come_from_runs_and_workers_alone(stage: Stage, keys) -> None:
    emitter = stage.with_role("manage_events", "see_events")
    resource = f"lictor.test.{uuid.uuid4()}"
    stage.refused(emitter, "POST", "/api/events", [event("mine.done", resource), event("prefect.flow-run.Failed", resource)], "write_workers")
    assert stage.ask(emitter, "POST", "/api/events", [event("mine.done", resource)]).status == 204
    socket = opens(stage.gateway.port, emitter, "/api/events/in")
    socket.send(event("mine.streamed", resource))
    until("both of its own events", lambda: sorted(seen_events(stage, resource)) == ["mine.done", "mine.streamed"], 30, every=0.3)
    socket.send(event("prefect.flow-run.Failed", resource))
    assert socket.until_closed(5) == 1008 and "permission-denied" in socket.close_reason
    # A worker's runs tell of themselves.
    assert stage.ask(keys("worker"), "POST", "/api/events", [event("prefect.task-run.Running", resource)]).status == 204
    until("the worker's", lambda: "prefect.task-run.Running" in seen_events(stage, resource), 30, every=0.3)


def test_a_variables_value_is_in_no_event_that_one_who_may_not_see_it_reads(stage: Stage) -> None:
    blind = stage.with_role("see_events")
    name, value = f"v{uuid.uuid4().hex[:8]}", f"hidden-{uuid.uuid4().hex}"
    live = {key: opens(stage.gateway.port, key, "/api/events/out") for key in (blind, stage.owner)}
    for socket in live.values():
        # As Prefect's client does: without an end in the future, nothing that is yet to happen is told.
        socket.send({"type": "filter", "filter": {"event": {"prefix": ["prefect.variable."]}, "occurred": {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}}})
    assert stage.ask(stage.owner, "POST", "/api/variables/", {"name": name, "value": value}).status == 201

    def told_of_it(socket: WebSocket) -> str:
        while name not in (message := str(socket.receive(30))):
            assert message != "None", "no event came"
        return message

    def changed_and_told() -> bool:
        # Only events after the subscription are told, so it is changed until one has arrived.
        assert stage.ask(stage.owner, "PATCH", f"/api/variables/name/{name}", {"value": value}).status == 204
        return all(reading.done() for reading in readings.values())

    with ThreadPoolExecutor(2) as aside:
        readings = {key: aside.submit(told_of_it, socket) for key, socket in live.items()}
        until("an event of it on both sockets", changed_and_told, 30, every=0.3)
    told = {key: reading.result() for key, reading in readings.items()}
    assert value in told[stage.owner] and value not in told[blind]
    wanted = {"filter": {"event": {"prefix": ["prefect.variable."]}}, "limit": 1}
    until("a second page", lambda: stage.ask(stage.owner, "POST", "/api/events/filter", wanted).json()["next_page"], 30, every=0.3)
    newest = {**wanted, "limit": 50}
    until("it is stored", lambda: value in stage.ask(stage.owner, "POST", "/api/events/filter", newest).body.decode(), 30, every=0.3)
    first = stage.ask(blind, "POST", "/api/events/filter", newest)
    assert first.status == 200 and value not in first.body.decode() and name in first.body.decode()
    page = stage.ask(blind, "POST", "/api/events/filter", wanted).json()["next_page"]
    following = stage.ask(blind, "GET", page.partition(stage.gateway.url)[2])
    assert following.status == 200 and value not in following.body.decode()


def test_a_page_token_is_good_for_whom_it_was_given(stage: Stage, keys) -> None:
    resource = f"lictor.test.{uuid.uuid4()}"
    assert stage.ask(stage.owner, "POST", "/api/events", [event("mine", resource) for _ in range(3)]).status == 204
    until("the events", lambda: len(seen_events(stage, resource)) == 3, 30, every=0.3)
    wanted = {"filter": {"occurred": {"since": "2025-12-31T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, "resource": {"id": [resource]}}, "limit": 2}
    viewer = keys("viewer")
    link = stage.ask(viewer, "POST", "/api/events/filter", wanted).json()["next_page"].removeprefix(stage.gateway.url)
    assert len(stage.ask(viewer, "GET", link).json()["events"]) == 1
    # Prefect itself takes any filter that somebody writes.
    everything = {"filter": {}, "count": 0, "page_size": 100_000}
    for forged in (base64.b64encode(str(everything).encode()).decode(), link.partition("page-token=")[2].replace("e", "f", 1), ""):
        assert stage.ask(viewer, "GET", f"/api/events/filter/next?page-token={forged}").reason == "unknown-page-token"
    assert stage.ask(keys("developer"), "GET", link).reason == "unknown-page-token"
    assert stage.ask(viewer, "GET", f"{link}&page_size=9").reason == "unknown-page-token"


def test_a_socket_follows_a_change_of_rights(stage: Stage) -> None:
    name, key = stage.gateway.newcomer("worker")
    stage.gateway.cli("role", "add", role := f"r-{uuid.uuid4().hex[:8]}", "--permission", "manage_events")
    stage.gateway.cli("grant", "add", name, "--role", role)
    socket = opens(stage.gateway.port, key, "/api/events/in")
    stage.gateway.cli("grant", "remove", name, "--role", "worker")
    # It may still emit events of its own, but no more those of Prefect: so it is sent to connect again.
    assert socket.until_closed(2) == 1012 and "rights changed" in socket.close_reason
    again = opens(stage.gateway.port, key, "/api/events/in")
    again.send(event("prefect.flow-run.Failed", "x"))
    assert again.until_closed(5) == 1008


def test_a_schema_cannot_stop_the_server(stage: Stage, keys) -> None:
    letters = "a" * 40 + "!"
    body = {"schema": {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}, "n": {"type": "integer"}}}, "values": {"x": letters, "n": "no number"}}
    answer = stage.gateway.ask("POST", "/api/ui/schemas/validate", key=keys("viewer"), body=body, timeout=20)
    assert answer.status == 200 and answer.json()["valid"] is False
    # It is checked, but for the expression.
    assert [error["property"] for error in answer.json()["errors"]] == ["n"]


def test_no_body_poisons_the_list_of_runs_for_everybody(stage: Stage) -> None:
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    for poison in (b'{"parameters": {"n": 123456789012345678901234567890}}', b'{"parameters": {"u": "\\ud800"}}', b'{"parameters": {"a": 1, "a": 2}}', b'{"parameters": {"n": NaN}}'):
        answer = stage.gateway.ask("POST", path, key=stage.owner, body=poison, headers={"Content-Type": "application/json"})
        assert (answer.status, answer.reason) == (400, "malformed-body"), poison
    run = stage.run()
    labels = stage.gateway.ask("PATCH", f"/api/flow_runs/{run}/labels", key=stage.owner, body=b'{"n": 123456789012345678901234567890}', headers={"Content-Type": "application/json"})
    assert labels.reason == "malformed-body"
    assert stage.ask(stage.owner, "PATCH", f"/api/flow_runs/{run}/labels", {"team": "a"}).status == 204
    assert stage.ask(stage.owner, "POST", "/api/flow_runs/filter", {}).status == 200


def test_numbers_reach_prefect_as_they_were_written(stage: Stage, gateway: Gateway, recorded: Gateway, recorder) -> None:
    key = recorded.newcomer("developer")[1]
    mark = recorder.mark()
    body = b'{"parameters": {"n": 9007199254740993, "d": 0.10000000000000000555, "z": 1.0}}'
    assert recorded.ask("POST", f"/api/deployments/{stage.deployment}/create_flow_run", key=key, body=body, headers={"Content-Type": "application/json"}).status == 200
    (seen,) = recorder.since(mark)
    assert seen.body == body.replace(b" ", b"") and seen.header("content-type") == "application/json"


def test_can_says_what_a_body_may_hold(stage: Stage) -> None:
    name, _ = stage.gateway.newcomer("runner")
    said = stage.gateway.run("can", name, "POST", f"/api/deployments/{stage.deployment}/create_flow_run").stdout
    assert "may not     send `job_variables`" in said and "reconfigure_flow_runs" in said, said
    assert "may         send `__prefect_kind`" in said, said
