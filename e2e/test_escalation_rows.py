"""Does each known way up work on Prefect alone, fail through Lictor for who lacks the right, and stay open for who holds it?

One row for each, on a real Prefect. What needs more than one request stands below the rows, and in test_escalation.py."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from stage import http
from stage.escalation import TEMPLATE, Stage
from stage.gateway import Gateway
from stage.prefect import Server
from stage.raw import WebSocket
from stage.steps_sockets import opens
from stage.wait import until

EVIL = {**TEMPLATE, "job_configuration": {"command": "evil"}}


@pytest.fixture(scope="module")
def stage(server: Server, gateway: Gateway, owner: str) -> Stage:
    return Stage(server, gateway, owner).fill()


def fresh() -> str:
    """A name that nothing has."""
    return f"n{uuid.uuid4().hex[:10]}"


def a_task_run(stage: Stage) -> str:
    """A task run of a run of the owner's."""
    made = stage.ask(stage.owner, "POST", "/api/task_runs/", {"flow_run_id": stage.run(), "task_key": "t", "dynamic_key": fresh(), "name": fresh()})
    return made.json()["id"]


def a_paused_run(stage: Stage) -> str:
    """A run that waits for somebody's approval."""
    run = stage.run()
    paused = stage.ask(stage.owner, "POST", f"/api/flow_runs/{run}/set_state", {"state": {"type": "PAUSED", "name": "Paused"}, "force": True})
    assert paused.json()["status"] == "ACCEPT", paused.body
    return run


def a_block_type(stage: Stage) -> str:
    """A block type of nobody's."""
    return stage.ask(stage.owner, "POST", "/api/block_types/", {"name": fresh(), "slug": fresh()}).json()["id"]


def a_block(stage: Stage) -> str:
    """A block document."""
    kind = a_block_type(stage)
    schema = stage.ask(stage.owner, "POST", "/api/block_schemas/", {"fields": {"type": "object", "title": fresh(), "properties": {"url": {"type": "string"}}}, "block_type_id": kind}).json()["id"]
    made = stage.ask(stage.owner, "POST", "/api/block_documents/", {"name": fresh(), "data": {"url": "https://good"}, "block_type_id": kind, "block_schema_id": schema})
    return made.json()["id"]


def a_limit(stage: Stage) -> str:
    """A global concurrency limit with one slot."""
    name = fresh()
    assert stage.ask(stage.owner, "POST", "/api/v2/concurrency_limits/", {"name": name, "limit": 9}).status == 201
    return name


def an_automation(stage: Stage) -> str:
    """An alert."""
    trigger = {"type": "event", "posture": "Reactive", "expect": ["never"], "threshold": 1, "within": 0}
    return stage.ask(stage.owner, "POST", "/api/automations/", {"name": fresh(), "trigger": trigger, "actions": [{"type": "do-nothing"}]}).json()["id"]


def a_variable(stage: Stage) -> str:
    """A variable."""
    name = fresh()
    assert stage.ask(stage.owner, "POST", "/api/variables/", {"name": name, "value": "hidden"}).status == 201
    return name


Request = tuple[str, str, object]


@dataclass(frozen=True)
class Row:
    """One way up: who may not, what that lacks, who may, and the request, which is made anew for each."""

    what: str
    lacks: str
    lacking: str
    holds: str
    request: Callable[[Stage], Request]


ROWS = [
    Row("forge a task run's state", "see_flows control_flow_runs", "run_flows", "worker", lambda s: ("POST", f"/api/task_runs/{a_task_run(s)}/set_state", {"state": {"type": "COMPLETED"}, "force": True})),
    Row("approve a paused run", "runner", "control_flow_runs", "see_flows control_flow_runs", lambda s: ("POST", f"/api/flow_runs/{a_paused_run(s)}/resume", {})),
    Row("answer for a run that waits for input", "runner", "run_flows", "worker", lambda s: ("POST", f"/api/flow_runs/{s.run()}/input", {"key": fresh(), "value": "{}"})),
    Row("set another's task's states by a run below it", "runner", "run_flows", "developer", lambda s: ("POST", f"/api/deployments/{s.deployment}/create_flow_run", {"parent_task_run_id": a_task_run(s)})),
    Row("deploy other code", "worker", "write_deployments", "developer", lambda s: ("POST", "/api/deployments/", {"name": fresh(), "flow_id": s.flow, "work_pool_name": s.pool, "entrypoint": "evil.py:f", "pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": "id"}}]})),
    Row("change a deployment's code", "runner", "write_schedules", "developer", lambda s: ("PATCH", f"/api/deployments/{s.deployment}", {"entrypoint": "evil.py:f", "job_variables": {"command": "id"}})),
    Row("schedule a deployment", "runner", "write_schedules", "see_deployments write_schedules", lambda s: ("POST", f"/api/deployments/{s.deployment}/schedules", [{"active": False, "schedule": {"interval": 3600}}])),
    Row("make a work pool with a command", "worker", "write_work_pools", "developer", lambda s: ("POST", "/api/work_pools/", {"name": fresh(), "type": "process", "base_job_template": EVIL})),
    Row("change a work pool's command", "worker", "write_work_pools", "developer", lambda s: ("PATCH", f"/api/work_pools/{s.pool}", {"base_job_template": EVIL})),
    Row("make a queue in a work pool", "worker", "write_work_queues", "developer", lambda s: ("POST", f"/api/work_pools/{s.pool}/queues", {"name": fresh()})),
    Row("keep a ghost worker online", "viewer", "write_workers", "worker", lambda s: ("POST", f"/api/work_pools/{s.pool}/workers/heartbeat", {"name": fresh()})),
    Row("take a pool's work", "see_flows see_deployments", "see_work_queues", "worker", lambda s: ("POST", f"/api/work_pools/{s.pool}/get_scheduled_flow_runs", {})),
    Row("change a block that others use", "worker", "manage_blocks", "developer", lambda s: ("PATCH", f"/api/block_documents/{a_block(s)}", {"data": {"url": "https://evil"}, "merge_existing_data": False})),
    Row("put a script behind a block type's link", "developer", "write_workspace_settings", "owner", lambda s: ("PATCH", f"/api/block_types/{a_block_type(s)}", {"documentation_url": "javascript:alert(1)"})),
    Row("register a block type", "worker", "manage_blocks", "developer", lambda s: ("POST", "/api/block_types/", {"name": fresh(), "slug": fresh(), "documentation_url": "https://docs.example"})),
    Row("read a variable", "see_flows see_deployments", "see_variables", "worker", lambda s: ("GET", f"/api/variables/name/{a_variable(s)}", None)),
    Row("change a variable", "worker", "write_variables", "developer", lambda s: ("PATCH", f"/api/variables/name/{a_variable(s)}", {"value": "changed"})),
    Row("read a variable by the form's check", "see_flows see_deployments", "see_variables", "viewer", lambda s: ("POST", "/api/ui/schemas/validate", {"schema": {"type": "object", "properties": {"x": {"type": "integer"}}}, "values": {"x": {"__prefect_kind": "workspace_variable", "variable_name": a_variable(s)}}})),
    Row("check templates", "see_flows", "see_automations", "viewer", lambda s: ("POST", "/api/automations/templates/validate", "{{ flow_run.name }}")),
    Row("silence an alert", "runner", "manage_automations", "developer", lambda s: ("PATCH", f"/api/automations/{an_automation(s)}", {"enabled": False})),
    Row("delete an alert", "runner", "manage_automations", "developer", lambda s: ("DELETE", f"/api/automations/{an_automation(s)}", None)),
    Row("write another run's logs", "viewer", "run_flows", "worker", lambda s: ("POST", "/api/logs/", [{"name": "n", "level": 20, "message": "forged", "timestamp": "2026-01-01T00:00:00Z", "flow_run_id": s.run()}])),
    Row("leave a markdown artifact", "viewer", "write_artifacts", "worker", lambda s: ("POST", "/api/artifacts/", {"key": f"a-{fresh()}", "type": "markdown", "data": "![x](https://evil.example/x.png)"})),
    Row("read the server's settings", "developer", "see_workspace_settings", "owner", lambda s: ("GET", "/api/admin/settings", None)),
    Row("send all results elsewhere", "developer", "write_workspace_settings", "owner", lambda s: ("DELETE", "/api/admin/storage", None)),
    Row("take concurrency slots", "viewer", "take_concurrency_slots", "worker", lambda s: ("POST", "/api/v2/concurrency_limits/increment", {"names": [a_limit(s)], "slots": 1})),
    Row("delete a concurrency limit", "worker", "manage_concurrency_limits", "developer", lambda s: ("DELETE", f"/api/v2/concurrency_limits/{a_limit(s)}", None)),
    Row("relabel somebody's run", "viewer", "run_flows", "worker", lambda s: ("PATCH", f"/api/flow_runs/{s.run()}/labels", {"team": "mine"})),
    Row("count what may not be read", "see_deployments", "see_flows", "viewer", lambda s: ("POST", "/api/flow_runs/count", {})),
    Row("delete a run", "worker", "manage_flows", "developer", lambda s: ("DELETE", f"/api/flow_runs/{s.run()}", None)),
    Row("emit events of one's own", "viewer", "manage_events", "worker", lambda s: ("POST", "/api/events", [{"id": str(uuid.uuid4()), "occurred": "2026-01-01T00:00:00Z", "event": "mine", "resource": {"prefect.resource.id": "mine"}}])),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.what for row in ROWS])
def test_a_way_up_is_closed_for_who_lacks_the_right_and_open_for_who_holds_it(row: Row, stage: Stage) -> None:
    alone = stage.directly(*row.request(stage))
    assert alone.status < 300, f"Prefect alone does not do it: {alone.status} {alone.body[:300]!r}"
    method, path, body = row.request(stage)
    stage.refused(stage.key(row.lacks), method, path, body, row.lacking)
    through = stage.ask(stage.key(row.holds), method, path, body)
    assert through.status == alone.status, (through.status, through.reason, through.body[:300])


def test_strangers_read_no_schema(stage: Stage) -> None:
    for path in ("/openapi.json", "/docs", "/redoc"):
        assert http.ask(stage.server.port, "GET", path).status == 200
        assert stage.gateway.ask("GET", path).status == 401
        assert stage.ask(stage.key("viewer"), "GET", path).status == 200


SECRET_ROUTES = (
    ("GET", "/api/block_documents/{id}?include_secrets=true", None),
    ("GET", "/api/block_types/slug/{slug}/block_documents?include_secrets=true", None),
    ("GET", "/api/block_types/slug/{slug}/block_documents/name/{name}?include_secrets=true", None),
    ("POST", "/api/block_documents/filter", {"include_secrets": True}),
)


def test_a_secret_is_masked_on_all_four_routes(stage: Stage) -> None:
    kind, name, secret = stage.ask(stage.owner, "GET", "/api/block_types/slug/secret"), fresh(), f"hidden-{uuid.uuid4().hex}"
    if kind.status == 404:
        assert stage.ask(stage.owner, "POST", "/api/block_types/install_system_block_types").status == 200
        kind = stage.ask(stage.owner, "GET", "/api/block_types/slug/secret")
    (schema, *_) = stage.ask(stage.owner, "POST", "/api/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind.json()["id"]]}}}).json()
    made = stage.ask(stage.owner, "POST", "/api/block_documents/", {"name": name, "data": {"value": secret}, "block_type_id": kind.json()["id"], "block_schema_id": schema["id"]})
    assert made.status == 201, made.body
    for method, path, body in SECRET_ROUTES:
        path = path.format(id=made.json()["id"], slug="secret", name=name)
        assert secret in stage.directly(method, path, body).body.decode(), path
        masked = stage.ask(stage.key("viewer"), method, path, body)
        assert masked.status == 200 and name in masked.body.decode() and secret not in masked.body.decode(), path
        assert secret in stage.ask(stage.key("worker"), method, path, body).body.decode(), path
    # What was masked and is written back as it was read destroys nothing: Prefect knows its own mask.
    read = stage.ask(stage.key("see_blocks manage_blocks"), "GET", f"/api/block_documents/{made.json()['id']}").json()["data"]
    assert stage.ask(stage.key("see_blocks manage_blocks"), "PATCH", f"/api/block_documents/{made.json()['id']}", {"data": read}).status == 204
    assert secret in stage.directly("GET", f"/api/block_documents/{made.json()['id']}?include_secrets=true").body.decode()


def greeting() -> dict:
    """A worker's first words, as Prefect's worker says them."""
    payload = {
        "consumer_id": str(uuid.uuid4()), "worker_name": fresh(), "worker_type": "process", "heartbeat_interval_seconds": 30, "supported_channel_versions": ["work_pool_worker_channel.v1"],
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
        "create_pool_if_not_found": True, "default_base_job_template": EVIL,
    }  # fmt: skip
    return {"type": "worker.hello.v1", "id": str(uuid.uuid4()), "sent_at": "2026-01-01T00:00:00Z", "payload": payload}


def connects(port: int, token: str, pool: str) -> None:
    """Says the greeting on the channel of a pool, and waits for what comes of it."""
    socket = opens(port, token, f"/api/work_pools/{pool}/workers/connect")
    socket.send(greeting())
    socket.receive(10)
    socket.close()


def test_a_workers_greeting_makes_and_fills_no_pool(stage: Stage) -> None:
    def command(pool: str) -> str | None:
        answer = stage.ask(stage.owner, "GET", f"/api/work_pools/{pool}")
        return answer.json()["base_job_template"].get("job_configuration", {}).get("command") if answer.status == 200 else None

    alone, narrowed, granted, empty = fresh(), fresh(), fresh(), fresh()
    connects(stage.server.port, stage.server.auth or "", alone)
    until("Prefect alone makes the pool", lambda: command(alone) == "evil", 20)
    assert stage.ask(stage.owner, "POST", "/api/work_pools/", {"name": empty, "type": "process", "base_job_template": {}}).status == 201
    for pool in (narrowed, empty):
        connects(stage.gateway.port, stage.key("worker"), pool)
    connects(stage.gateway.port, stage.key("developer"), granted)
    until("a developer's worker makes its pool", lambda: command(granted) == "evil", 20)
    assert command(narrowed) is None and command(empty) is None


def test_background_tasks_go_to_those_alone_who_run_tasks(stage: Stage) -> None:
    path, key = "/api/task_runs/subscriptions/scheduled", f"task-{fresh()}"

    def subscribe(port: int, token: str) -> WebSocket:
        socket = opens(port, token, path)
        socket.send({"type": "subscribe", "keys": [key], "client_id": fresh()})
        return socket

    def delayed() -> str:
        made = stage.ask(stage.owner, "POST", "/api/task_runs/", {"task_key": key, "dynamic_key": fresh(), "name": fresh(), "state": {"type": "SCHEDULED", "state_details": {"deferred": True}}})
        assert made.status in (200, 201), made.body
        return made.json()["id"]

    alone = subscribe(stage.server.port, stage.server.auth or "")
    first = delayed()
    assert (alone.json(20) or {}).get("id") == first, "Prefect alone hands the task to whoever asks"
    alone.send({"type": "ack"})
    alone.close()
    for role in ("viewer", "worker"):
        with pytest.raises(AssertionError, match="1008 permission-denied: lacking run_tasks"):
            opens(stage.gateway.port, stage.key(role), path)
    served = subscribe(stage.gateway.port, stage.key("developer"))
    second = delayed()
    assert (served.json(20) or {}).get("id") == second
    served.send({"type": "ack"})
    served.close()


def test_nobody_empties_the_database_of_an_old_server(tmp_path) -> None:
    server = Server(tmp_path / "server", "3.4.25").start().wait()
    gateway = Gateway(tmp_path / "gateway", "--upstream", server.url, env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""}).start()
    try:
        _, owner = gateway.newcomer("owner")
        flow = gateway.ask("POST", "/api/flows/", key=owner, body={"name": "kept"}).json()["id"]
        for what in ("clear", "drop"):
            assert gateway.ask("POST", f"/api/admin/database/{what}", key=owner, body={"confirm": True}).reason == "operation-closed"
        assert gateway.ask("GET", f"/api/flows/{flow}", key=owner).status == 200
        # With no more than the shared password.
        assert server.ask("POST", "/api/admin/database/clear", {"confirm": True}).status == 204
        assert gateway.ask("GET", f"/api/flows/{flow}", key=owner).status == 404
    finally:
        gateway.stop()
        server.kill()


@pytest.mark.parametrize(("method", "path", "body"), [
    ("PUT", "/api/saved_searches/", b'{"name": "s", "filters": [{"object": "flow", "property": "p", "type": "t", "operation": "o", "value": "\\ud800"}]}'),
    ("POST", "/api/block_schemas/", b'{"fields": {"type": "object", "title": "\\ud800"}, "block_type_id": "%s"}'),
    ("POST", "/api/task_runs/", b'{"task_key": "t", "dynamic_key": "d", "labels": {"a": "\\ud800"}}'),
])  # fmt: skip
def test_no_body_spoils_a_list_for_everybody(method: str, path: str, body: bytes, stage: Stage) -> None:
    if b"%s" in body:
        body = body.replace(b"%s", a_block_type(stage).encode())
    answer = stage.gateway.ask(method, path, key=stage.owner, body=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.reason) == (400, "malformed-body")
    assert stage.ask(stage.owner, "POST", path.rstrip("/") + "/filter", {}).status == 200


def test_a_value_is_not_found_by_searching_where_it_is_not_shown(stage: Stage) -> None:
    name, secret = fresh(), f"hidden{uuid.uuid4().hex}"
    search = {"filter": {"text": {"query": secret}}}
    alone = opens(stage.server.port, stage.server.auth or "", "/api/events/out")
    alone.send({"type": "filter", "filter": {**search["filter"], "occurred": {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}}, "backfill": False})
    assert stage.ask(stage.owner, "POST", "/api/variables/", {"name": name, "value": secret}).status == 201

    def changed_and_found() -> bool:
        # Only events after the subscription are told, so it is changed until one has arrived.
        assert stage.ask(stage.owner, "PATCH", f"/api/variables/name/{name}", {"value": secret}).status == 204
        return (alone.json(1) or {}).get("type") == "event"

    until("Prefect alone finds it", changed_and_found, 30)
    blind = stage.key("see_events see_flows")
    for path in ("/api/events/filter", "/api/events/count-by/day"):
        stage.refused(blind, "POST", path, search, "see_variables")
        # Prefect on an older SQLite answers 500; what counts is that it was asked.
        assert stage.ask(stage.key("viewer"), "POST", path, search).reason is None
    socket = opens(stage.gateway.port, blind, "/api/events/out")
    socket.send({"type": "filter", **search})
    assert socket.until_closed(5) == 1008 and "permission-denied" in socket.close_reason
    plain = opens(stage.gateway.port, blind, "/api/events/out")
    plain.send({"type": "filter", "filter": {"event": {"name": ["mine.told"]}}, "backfill": False})
    heard = {"id": str(uuid.uuid4()), "occurred": "2026-11-24T00:00:00Z", "event": "mine.told", "resource": {"prefect.resource.id": "r"}}

    def told() -> bool:
        assert stage.ask(stage.owner, "POST", "/api/events", [{**heard, "id": str(uuid.uuid4()), "occurred": now()}]).status == 204
        return (plain.json(2) or {}).get("type") == "event"

    until("an event that the filter asks for", told, 30)


def now() -> str:
    """The time, as Prefect's events have it."""
    import datetime

    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")


def test_the_event_that_fired_an_automation_shows_no_variable(stage: Stage) -> None:
    name, secret = fresh(), f"hidden{uuid.uuid4().hex}"
    trigger = {"type": "event", "posture": "Reactive", "expect": ["prefect.variable.created"], "match_related": {}, "threshold": 1, "within": 0}
    author = stage.key("see_events see_automations manage_automations")
    made = stage.ask(author, "POST", "/api/automations/", {"name": fresh(), "trigger": trigger, "actions": [{"type": "do-nothing"}]})
    assert made.status == 201, made.body
    wanted = {"filter": {"event": {"name": ["prefect.automation.triggered"]}, "resource": {"id": [f"prefect.automation.{made.json()['id']}"]}}}

    def fired() -> bool:
        # The triggers' own view of automations is refreshed now and then.
        stage.ask(stage.owner, "DELETE", f"/api/variables/name/{name}")
        assert stage.ask(stage.owner, "POST", "/api/variables/", {"name": name, "value": secret}).status == 201
        return secret in stage.directly("POST", "/api/events/filter", wanted).body.decode()

    try:
        until("Prefect alone tells the value to whoever made the automation", fired, 60, every=1)
        seen = stage.ask(author, "POST", "/api/events/filter", wanted)
        assert seen.status == 200 and seen.json()["events"] and secret not in seen.body.decode()
        assert secret in stage.ask(stage.key("viewer"), "POST", "/api/events/filter", wanted).body.decode()
    finally:
        stage.ask(stage.owner, "DELETE", f"/api/automations/{made.json()['id']}")
