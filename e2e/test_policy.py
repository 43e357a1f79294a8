"""Can the policy be trusted? Held against real servers, tried on what is on record, and known for what runs by itself."""

import json
import signal
import socket
import threading
import uuid
from pathlib import Path

import pytest

from stage import http
from stage.escalation import Stage
from stage.gateway import Gateway
from stage.prefect import NEWEST, Server, bin_of
from stage.scripted import Exchange, Scripted
from stage.wait import free_port, until

CONFIG = 'listen = "127.0.0.1:4300"\n[store]\nurl = "sqlite://HERE/lictor.db"\n[workspaces.main]\nupstream = "UPSTREAM"\nauth_string_env = "UPSTREAM_AUTH"\n'
NO_CHANNEL = {"SOCKET /work_pools/{work_pool_name}/workers/connect"}
LACKING_SOCKETS = {"3.0.11": NO_CHANNEL | {"SOCKET /logs/out"}, "3.4.25": NO_CHANNEL, "3.6.29": NO_CHANNEL, NEWEST: set()}


def before(folder: Path, url: str, auth: str | None) -> Gateway:
    """The command line with a configuration for that server; the gateway itself is not started."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "lictor.toml"
    file.write_text(CONFIG.replace("HERE", str(folder)).replace("UPSTREAM\"\nauth", f"{url}\"\nauth"))
    return Gateway(folder, config=file, env={"UPSTREAM_AUTH": auth or ""})


def python_of(version: str) -> str:
    """The Python that runs a version."""
    return str(bin_of(version) / "python")


@pytest.fixture(scope="module", params=["3.0.11", "3.4.25", "3.6.29", NEWEST])
def any_server(request: pytest.FixtureRequest, folder: Path):
    """A real server of each version, one at a time."""
    if request.param == NEWEST:
        yield request.getfixturevalue("server")
        return
    server = Server(folder / f"policy-{request.param}", request.param).start().wait()
    yield server
    server.kill()


def test_every_route_of_a_real_server_is_judged(any_server: Server, tmp_path: Path) -> None:
    lictor = before(tmp_path / "verify", any_server.url, any_server.auth)
    (found,) = lictor.cli_json("policy", "verify")["workspaces"]
    assert (found["workspace"], found["version"], found["not_judged"]) == ("main", any_server.version, [])
    assert found["judged"] > 170 and found["by"] == "its openapi.json"
    assert {each["operation"] for each in found["sockets"] if each["there"] is False} == LACKING_SOCKETS[any_server.version]
    assert all(each["there"] is not None for each in found["sockets"])
    # The table holds other versions' rows as well, and says so.
    expected = {"3.0.11": "POST /flows/bulk_delete", "3.4.25": "GET /admin/storage", "3.6.29": "GET /admin/storage", NEWEST: "POST /admin/database/drop"}
    assert expected[any_server.version] in found["not_there"] and "POST /flows/" not in found["not_there"]
    (whole,) = lictor.cli_json("policy", "verify", "--python", python_of(any_server.version))["workspaces"]
    # Sockets, documents and the root's routes are in no OpenAPI.
    assert whole["not_judged"] == [] and whole["judged"] > found["judged"] + 5
    assert set(whole["not_there"]) >= LACKING_SOCKETS[any_server.version]


def test_verify_speaks_to_people_and_asks_no_python_of_another_version(server: Server, gateway: Gateway, tmp_path: Path) -> None:
    # The one of `lictor up --upstream`, found by its data directory.
    said = gateway.cli("policy", "verify")
    assert f"default: Prefect Server {server.version} at {server.url}" in said and "sockets     5 of the table's 5 are there" in said
    assert "not there   POST /admin/database/drop" in said and "give --python" in said
    lictor = before(tmp_path / "verify", server.url, server.auth)
    other = lictor.run("policy", "verify", "--python", python_of("3.6.29"))
    assert other.returncode == 1 and f"has Prefect 3.6.29, and {server.url} is {server.version}" in other.stderr
    nothing = lictor.run("policy", "verify", "--python", "/bin/true")
    assert nothing.returncode == 1 and "/bin/true does not say Prefect's routes" in nothing.stderr
    refused = lictor.run("policy", "verify", env={"UPSTREAM_AUTH": "admin:wrong"})
    assert refused.returncode == 1 and "refuses Lictor's credential" in refused.stderr
    away = before(tmp_path / "away", f"http://127.0.0.1:{free_port()}", None).run("policy", "verify", env={"UPSTREAM_AUTH": "a:b"})
    assert away.returncode == 1 and "cannot connect" in away.stderr


def test_what_only_prefects_own_app_tells_of_is_named_with_what_becomes_of_it(server: Server, tmp_path: Path) -> None:
    routes = [["POST", "/api/flows/"], ["SOCKET", "/api/flow_runs/{id}/watch"], ["GET", "/backup"], ["POST", "/backup"], ["GET", "/ui-settings"]]
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho starting\necho '{json.dumps({'version': server.version, 'routes': routes})}'\n")
    python.chmod(0o755)
    result = before(tmp_path / "verify", server.url, server.auth).run("policy", "verify", "--python", str(python))
    assert result.returncode == 3, result.stderr
    assert "NOT JUDGED  SOCKET /api/flow_runs/{id}/watch: refused (unknown-operation)" in result.stdout
    assert "NOT JUDGED  GET /backup: forwarded for every member, as a page of Prefect's UI" in result.stdout
    assert "NOT JUDGED  POST /backup: refused (unknown-operation)" in result.stdout and result.stdout.count("NOT JUDGED") == 3


def test_a_route_that_the_table_lacks_is_named(server: Server, tmp_path: Path) -> None:
    document = server.ask("GET", "/openapi.json").json()
    document["paths"]["/flow_runs/{id}/teleport"] = {"post": {}, "get": {}}
    upstream = Scripted()
    sockets = {"/api/events/in": "101 Switching Protocols", "/api/logs/out": "403 Forbidden", "/api/events/out": "502 Bad Gateway"}

    def answer() -> None:
        for _ in range(7):
            asked = upstream.next(30)
            if "upgrade" in asked.headers:
                asked.answer(b"", sockets.get(asked.target, "404 Not Found"))
            else:
                asked.answer(json.dumps("9.9.9" if asked.target.endswith("version") else document).encode())
            asked.close()

    answering = threading.Thread(target=answer)
    answering.start()
    result = before(tmp_path / "verify", upstream.url, "a:b").run("policy", "verify", "--json")
    answering.join(30)
    upstream.close()
    assert result.returncode == 3, result.stderr
    (found,) = json.loads(result.stdout)["workspaces"]
    fate = "refused (unknown-operation)"
    assert found["not_judged"] == [{"route": f"{method} /api/flow_runs/{{id}}/teleport", "fate": fate} for method in ("GET", "POST")]
    assert {each["operation"]: each["there"] for each in found["sockets"]} == {
        "SOCKET /events/in": True, "SOCKET /events/out": None, "SOCKET /logs/out": False,
        "SOCKET /task_runs/subscriptions/scheduled": False, "SOCKET /work_pools/{work_pool_name}/workers/connect": False,
    }  # fmt: skip
    assert any("HTTP 502" in note for note in found["notes"]) and any("not one that Lictor was tested with" in note for note in found["notes"])


# --- who answers for what runs by itself ---


@pytest.fixture(scope="module")
def stage(server: Server, gateway: Gateway, owner: str) -> Stage:
    return Stage(server, gateway, owner).fill()


@pytest.fixture
def author(stage: Stage) -> tuple[str, str]:
    """A developer of the test's own: the name, and a key."""
    return stage.gateway.newcomer("developer")


def automation(*actions: dict) -> dict:
    """An automation on an event of anybody's making, not enabled."""
    trigger = {"type": "event", "posture": "Reactive", "expect": ["evil.fire"], "threshold": 1, "within": 0}
    return {"name": f"a-{uuid.uuid4().hex[:8]}", "enabled": False, "trigger": trigger, "actions": list(actions)}


def listed(gateway: Gateway, *more: str) -> dict[str, dict]:
    """The automations by name."""
    shown = gateway.run("audit", "automations", "--json", *more)
    assert shown.returncode in (0, 3), shown.stderr
    return {each["name"]: each for each in json.loads(shown.stdout)}


def saved(stage: Stage, key: str, body: dict) -> str:
    """Makes an automation; its id."""
    made = stage.ask(key, "POST", "/api/automations/", body)
    assert made.status == 201, made.body
    # Prefect's own answer, whole.
    assert made.json()["name"] == body["name"] and made.json()["actions"]
    return made.json()["id"]


def runs(stage: Stage) -> dict:
    """The action that runs the deployment."""
    return {"type": "run-deployment", "source": "selected", "deployment_id": stage.deployment}


def test_an_automation_whose_author_loses_a_right_has_lapsed(stage: Stage, author) -> None:
    name, key = author
    body = automation(runs(stage), {"type": "pause-deployment", "source": "selected", "deployment_id": stage.deployment})
    made = saved(stage, key, body)
    harmless = {**automation({"type": "do-nothing"}), "name": f"a-{uuid.uuid4().hex[:8]}\x1b[2J"}
    saved(stage, key, harmless)
    mine = listed(stage.gateway)[body["name"]]
    assert (mine["id"], mine["owner"]["name"], mine["standing"], mine["enabled"]) == (made, name, "held", None)
    assert mine["needs"] == [["run_deployments"], ["write_deployments", "write_schedules"]]
    # The author keeps what it takes to save automations, and loses what this one does.
    role = f"r-{uuid.uuid4().hex[:8]}"
    stage.gateway.cli("role", "add", role, "--permission", "see_automations", "--permission", "manage_automations", "--permission", "write_schedules")
    stage.gateway.cli("grant", "add", name, "--role", role)
    stage.gateway.cli("grant", "remove", name, "--role", "developer")
    lapsed = listed(stage.gateway, "--lapsed")
    assert lapsed[body["name"]]["lacking"] == ["run_deployments"] and harmless["name"] not in lapsed
    assert stage.gateway.run("audit", "automations", "--lapsed").returncode == 3
    text = stage.gateway.run("audit", "automations", "--lapsed").stdout
    assert "lapsed: the owner lacks run_deployments" in text
    assert "\x1b" not in stage.gateway.run("audit", "automations").stdout
    stage.gateway.cli("service-account", "disable", name)
    assert listed(stage.gateway)[harmless["name"]]["why"] == "the owner is disabled"
    stage.gateway.cli("service-account", "remove", name)
    gone = listed(stage.gateway)[body["name"]]
    assert (gone["why"], gone["owner"]["name"]) == ("the owner was removed", name)
    assert gone["lacking"] == ["manage_automations", "run_deployments", "write_schedules"]


def test_whoever_changes_what_an_automation_does_answers_for_it(stage: Stage, author) -> None:
    name, key = author
    body = automation({"type": "do-nothing"})
    made = saved(stage, key, body)
    other, other_key = stage.gateway.newcomer("developer")
    assert stage.ask(other_key, "PATCH", f"/api/automations/{made}", {"enabled": True}).status == 204
    assert listed(stage.gateway)[body["name"]]["owner"]["name"] == name
    renamed = automation(runs(stage))
    assert stage.ask(other_key, "PUT", f"/api/automations/{made.upper()}", renamed).status == 204
    now = listed(stage.gateway)
    assert body["name"] not in now
    assert (now[renamed["name"]]["owner"]["name"], now[renamed["name"]]["id"], now[renamed["name"]]["needs"]) == (other, made, [["run_deployments"]])
    # What Prefect does not take changes nothing.
    assert stage.ask(key, "PUT", f"/api/automations/{made}", {"name": "x"}).status == 422
    assert stage.ask(key, "PUT", f"/api/automations/{uuid.uuid4()}", automation({"type": "do-nothing"})).status == 404
    assert listed(stage.gateway)[renamed["name"]]["owner"]["name"] == other
    assert stage.ask(key, "DELETE", f"/api/automations/{made}").status == 204
    assert renamed["name"] not in listed(stage.gateway)


def test_the_triggers_of_a_deployment_come_and_go_with_it(stage: Stage, author) -> None:
    _, key = author
    # As `prefect deploy` does: all that the deployment owns is deleted, and its triggers are made anew.
    resource = f"prefect.deployment.{stage.deployment}"
    before_it, trigger = automation(runs(stage)), automation(runs(stage))
    saved(stage, key, {**before_it, "owner_resource": resource})
    assert stage.ask(key, "DELETE", f"/api/automations/owned-by/{resource}").status == 202
    saved(stage, key, {**trigger, "owner_resource": resource})
    now = listed(stage.gateway, "--upstream")
    assert before_it["name"] not in now and now[trigger["name"]]["standing"] == "held"


def test_prefect_is_asked_for_what_nobody_answers_for(stage: Stage, author) -> None:
    _, key = author
    direct, mine, gone = automation({"type": "do-nothing"}), automation({"type": "do-nothing"}), automation({"type": "do-nothing"})
    assert stage.directly("POST", "/api/automations/", direct).status == 201
    saved(stage, key, mine)
    assert stage.directly("DELETE", f"/api/automations/{saved(stage, key, gone)}").status == 204
    assert direct["name"] not in listed(stage.gateway)
    now = listed(stage.gateway, "--upstream", "--workspace", "default")
    assert (now[direct["name"]]["standing"], now[direct["name"]]["owner"], now[direct["name"]]["enabled"]) == ("unowned", None, False)
    assert (now[mine["name"]]["standing"], now[mine["name"]]["enabled"]) == ("held", False)
    assert now[gone["name"]]["standing"] == "gone"
    assert direct["name"] in listed(stage.gateway, "--upstream", "--lapsed")
    assert stage.gateway.run("audit", "automations", "--workspace", "mian").returncode == 1


def test_nobody_enables_what_they_may_not_do(stage: Stage, author) -> None:
    _, key = author
    made = saved(stage, key, automation({**runs(stage), "job_variables": {"command": "id"}}))
    keeper = stage.with_role("see_automations", "manage_automations", "run_deployments")
    path = f"/api/automations/{made}"
    for body in ({"enabled": True}, {}, {"enabled": "yes"}):
        stage.refused(keeper, "PATCH", path, body, "reconfigure_flow_runs")
    viewer = stage.gateway.newcomer("viewer")[1]
    stage.refused(viewer, "PATCH", path, {"enabled": False}, "manage_automations")
    assert stage.ask(stage.owner, "GET", path).json()["enabled"] is False
    # Stopping it needs no more than keeping automations.
    assert stage.ask(keeper, "PATCH", path, {"enabled": False}).status == 204
    assert stage.ask(key, "PATCH", path, {"enabled": True}).status == 204
    assert stage.ask(stage.owner, "GET", path).json()["enabled"] is True
    # Nor by an automation that enables another.
    stage.refused(keeper, "POST", "/api/automations/", automation({"type": "resume-automation", "source": "selected", "automation_id": made}), "reconfigure_flow_runs")
    assert stage.ask(keeper, "PATCH", f"/api/automations/{uuid.uuid4()}", {"enabled": True}).status == 404


# --- what would a changed policy have denied ---


def replayed(gateway: Gateway, folder: Path, changes: str, *more: str) -> tuple[int, dict]:
    """The exit code, and what was printed."""
    file = folder / "changes.toml"
    file.write_text(changes)
    result = gateway.run("policy", "replay", "--since", "1h", "--with", str(file), "--json", *more)
    assert result.returncode in (0, 3), result.stderr
    return result.returncode, json.loads(result.stdout)


def told_of(found: dict, name: str) -> list[tuple[str, str, int, list[str]]]:
    """What would be otherwise for somebody."""
    return sorted((each["would_be"], each["operation"], each["count"], each["lacking"]) for each in found["changes"] if each["who"]["name"] == name)


RUN = "POST /deployments/{id}/create_flow_run"


def test_taking_a_role_away_shows_exactly_what_was_done_with_it(stage: Stage, author, tmp_path: Path) -> None:
    name, key = author
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    first = [stage.ask(key, "POST", path, {}) for _ in range(3)]
    assert {each.status for each in first} == {201}
    assert stage.ask(key, "PATCH", f"/api/flow_runs/{first[0].json()['id']}", {"name": "renamed"}).status == 204
    # Reads are not on record.
    assert stage.ask(key, "POST", "/api/flows/filter", {}).status == 200
    other = stage.gateway.newcomer("developer")[1]
    assert stage.ask(other, "POST", path, {}).status == 201
    code, found = replayed(stage.gateway, tmp_path, f'[[grant]]\nprincipal = "{name}"\nrole = "developer"\nremove = true\n')
    assert code == 3 and {each["who"]["name"] for each in found["changes"]} == {name}
    assert [each[:3] for each in told_of(found, name)] == [("denied", "PATCH /flow_runs/{id}", 1), ("denied", RUN, 3)]
    assert {each["reason"] for each in found["changes"]} == {"not-a-member"} and found["otherwise"] == 4
    assert any("reads" in note and "not on record" in note for note in found["notes"])
    # Nothing was changed by asking.
    assert stage.ask(key, "POST", path, {}).status == 201
    code, found = replayed(stage.gateway, tmp_path, "")
    assert (code, found["changes"]) == (0, []) and found["judged"] > 4


def test_a_run_with_job_variables_on_record_would_be_denied(stage: Stage, author, tmp_path: Path) -> None:
    name, key = author
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    for body in ({"job_variables": {"command": "id"}}, {"name": "plain"}):
        assert stage.ask(key, "POST", path, body).status == 201
    events = stage.gateway.cli_json("audit", "list", "--actor", name, "--operation", RUN)
    assert [event["demands"] for event in events] == [[], [["reconfigure_flow_runs"]]]
    held = stage.gateway.cli_json("role", "show", "developer")["permissions"]
    less = json.dumps([each for each in held if each != "reconfigure_flow_runs"])
    changes = f'[[role]]\nname = "careful"\npermissions = {less}\n[[grant]]\nprincipal = "{name}"\nrole = "developer"\nremove = true\n[[grant]]\nprincipal = "{name}"\nrole = "careful"\n'
    code, found = replayed(stage.gateway, tmp_path, changes)
    assert (code, told_of(found, name)) == (3, [("denied", RUN, 1, ["reconfigure_flow_runs"])])
    text = stage.gateway.run("policy", "replay", "--since", "1h", "--with", str(tmp_path / "changes.toml"))
    assert text.returncode == 3 and "lacking reconfigure_flow_runs" in text.stdout and "note: reads" in text.stdout, text.stdout


def test_what_was_refused_would_be_allowed_and_a_secret_would_be_masked(stage: Stage, tmp_path: Path) -> None:
    name, key = stage.gateway.newcomer("runner")
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    stage.refused(key, "POST", path, {"job_variables": {"command": "id"}}, "reconfigure_flow_runs")
    stage.refused(key, "DELETE", f"/api/flows/{stage.flow}", None, "manage_flows")
    code, found = replayed(stage.gateway, tmp_path, f'[[role]]\nname = "bold"\nbased_on = "runner"\npermissions = ["reconfigure_flow_runs"]\n[[grant]]\nprincipal = "{name}"\nrole = "bold"\n')
    assert (code, told_of(found, name)) == (3, [("allowed", RUN, 1, ["reconfigure_flow_runs"])])
    reader, secret = stage.gateway.newcomer("developer")
    assert stage.ask(secret, "POST", "/api/block_documents/filter", {"include_secrets": True}).status == 200
    demoted = f'[[grant]]\nprincipal = "{reader}"\nrole = "developer"\nremove = true\n[[grant]]\nprincipal = "{reader}"\nrole = "viewer"\n'
    code, found = replayed(stage.gateway, tmp_path, demoted)
    assert (code, told_of(found, reader)) == (3, [("masked", "POST /block_documents/filter", 1, ["see_secret_blocks"])])


def test_what_was_done_by_a_team_is_told_when_the_team_loses_its_role_or_a_member(stage: Stage, tmp_path: Path) -> None:
    name, key = stage.gateway.newcomer(None)
    other, _ = stage.gateway.newcomer(None)
    team = f"t-{uuid.uuid4().hex[:8]}"
    stage.gateway.cli("team", "add", team)
    stage.gateway.cli("team", "add-member", team, name, other)
    stage.gateway.cli("grant", "add", "--team", team, "--role", "runner")
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    until("the team's role counts", lambda: stage.ask(key, "POST", path, {}).status == 201)
    for changes, denied in (
        (f'[[grant]]\nteam = "{team}"\nrole = "runner"\nremove = true\n', 1),
        (f'[[member]]\nteam = "{team}"\nprincipal = "{name}"\nremove = true\n', 1),
        (f'[[member]]\nteam = "{team}"\nprincipal = "{other}"\nremove = true\n', 0),
        (f'[[grant]]\nteam = "{team}"\nrole = "runner"\nremove = true\n[[grant]]\nprincipal = "{name}"\nrole = "runner"\n', 0),
    ):
        code, found = replayed(stage.gateway, tmp_path, changes)
        # Refused attempts of the time before the role counted are no part of it.
        assert (code, sum(each["count"] for each in found["changes"])) == (3 if denied else 0, denied), (changes, found)


def test_the_limits_of_a_key_hold_in_a_replay(stage: Stage, author, tmp_path: Path) -> None:
    name, _ = author
    narrow = stage.gateway.key(name, "--permission", "run_deployments")
    path = f"/api/deployments/{stage.deployment}/create_flow_run"
    until("the key is known", lambda: stage.ask(narrow, "POST", path, {}).status == 201)
    refused = stage.ask(narrow, "DELETE", f"/api/flows/{uuid.uuid4()}")
    assert refused.reason == "key-too-narrow"
    # More for its owner is not more for the key.
    code, found = replayed(stage.gateway, tmp_path, f'[[grant]]\nprincipal = "{name}"\nrole = "owner"\n')
    assert (code, found["changes"]) == (0, [])


def test_a_slip_in_the_file_is_named_with_its_key(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "changes.toml"
    for text, said in (
        ('[[grant]]\nprincipal = "nobody-at-all"\nrole = "viewer"\n', "grant 1, key principal: there is no user or service account nobody-at-all"),
        ('[[role]]\nname = "viewer"\npermissions = []\n', "role 1, key name: viewer comes with Lictor"),
        ('[[grant]]\nprincipal = "admin"\nrole = "viewer"\nworkspace = "mian"\n', "grant 1, key workspace: there is no workspace mian; there is default"),
        ('[[grant]]\nprinciple = "admin"\nrole = "viewer"\n', f"{file}:2: unknown field `principle`"),
    ):
        file.write_text(text)
        result = stage.gateway.run("policy", "replay", "--with", str(file))
        assert result.returncode == 1 and said in result.stderr, result.stderr
    missing = stage.gateway.run("policy", "replay", "--with", str(tmp_path / "none.toml"))
    assert missing.returncode == 1 and "none.toml" in missing.stderr


# --- what if Prefect, or the gateway, fails in between ---


@pytest.fixture
def scripted(tmp_path: Path):
    """An upstream that says what the test tells it to, a gateway before it, and a developer's key."""
    upstream = Scripted()
    gateway = Gateway(tmp_path / "scripted", "--upstream", upstream.url).start()
    key = gateway.newcomer("developer")[1]
    until("the key is known", lambda: gateway.ask("GET", "/api/nothing", key=key).status == 403)
    yield upstream, gateway, key
    gateway.stop()
    upstream.close()


def while_asking(gateway: Gateway, key: str, method: str, path: str, body: dict):
    """A request that is under way; what it answers."""
    answers: list[http.Answer] = []
    asking = threading.Thread(target=lambda: answers.append(gateway.ask(method, path, key=key, body=body)))
    asking.start()

    def finish() -> http.Answer:
        asking.join(30)
        return answers[0]

    return finish


def test_an_owner_is_on_record_before_the_answer_leaves(scripted) -> None:
    upstream, gateway, key = scripted
    finish = while_asking(gateway, key, "POST", "/api/automations/", automation(RUNS))
    asked, made = upstream.next(), str(uuid.uuid4())
    # What is compressed could not be read.
    assert "accept-encoding" not in asked.headers
    asked.answer(json.dumps({"id": made}).encode(), "201 Created")
    assert finish().status == 201
    gateway.kill()
    (kept,) = json.loads(gateway.run("audit", "automations", "--json").stdout)
    assert (kept["id"], kept["needs"]) == (made, [["run_deployments"]])


RUNS = {"type": "run-deployment", "source": "selected", "deployment_id": str(uuid.uuid4())}


def hang_up(gateway: Gateway, upstream: Scripted, key: str, path: str, body: dict) -> Exchange:
    """Asks, and is gone before the answer; what reached Prefect meanwhile."""
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    caller = socket.create_connection(("127.0.0.1", gateway.port))
    port = caller.getsockname()[1]
    caller.sendall(head.encode() + sent)
    asked = upstream.next()
    caller.close()
    pair = (f":{gateway.port:04X}", f":{port:04X}")

    def is_over() -> bool:
        """The kernel knows the connection no more on the gateway's side."""
        lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return not any(words[1].endswith(pair[0]) and words[2].endswith(pair[1]) for words in lines)

    until("the gateway has seen that the caller is gone", is_over)
    return asked


def test_who_hangs_up_before_the_answer_is_on_record_all_the_same(scripted) -> None:
    upstream, gateway, key = scripted
    asked, made = hang_up(gateway, upstream, key, "/api/automations/", automation(RUNS)), str(uuid.uuid4())
    asked.answer(json.dumps({"id": made}).encode(), "201 Created")
    (kept,) = until("the owner is on record", lambda: gateway.cli_json("audit", "automations"))
    assert kept["id"] == made
    (event,) = gateway.cli_json("audit", "list", "--operation", "POST /automations/")
    assert (event["outcome"], event["status"], event["demands"]) == ("allowed", 201, [["run_deployments"]])


def test_a_change_whose_caller_is_gone_is_waited_for_when_the_gateway_stops(scripted) -> None:
    upstream, gateway, key = scripted
    asked = hang_up(gateway, upstream, key, "/api/variables/", {"name": "a", "value": 1})
    assert gateway.process
    gateway.process.send_signal(signal.SIGTERM)
    until("it takes no more callers", lambda: is_deaf(gateway.port))
    asked.answer(b'{"id": "x"}', "201 Created")
    assert gateway.process.wait(30) == 0
    (event,) = gateway.cli_json("audit", "list", "--operation", "POST /variables/")
    assert (event["outcome"], event["status"]) == ("allowed", 201)


def is_deaf(port: int) -> bool:
    """Whether nobody answers there any more."""
    try:
        http.ask(port, "GET", "/lictor/health", timeout=1)
    except OSError:
        return True
    return False


def test_a_read_ends_with_its_caller(scripted) -> None:
    upstream, gateway, key = scripted
    asked = hang_up(gateway, upstream, key, "/api/flows/filter", {})
    # Prefect is left alone with it: nobody waits for the answer.
    assert asked.read(2) == b"{}" and asked.read(1) == b""


def test_an_answer_that_does_not_say_what_was_made_is_not_passed_on(scripted) -> None:
    upstream, gateway, key = scripted
    finish = while_asking(gateway, key, "POST", "/api/automations/", automation(RUNS))
    upstream.next().answer(b'{"name": "a"}', "201 Created")
    answer = finish()
    assert (answer.status, answer.reason) == (502, "upstream-malformed")
    assert gateway.cli_json("audit", "automations") == []


@pytest.mark.parametrize(("status", "reason"), [("503 Service Unavailable", "upstream-unavailable"), ("404 Not Found", "not-found"), ("200 OK", "upstream-malformed")])
def test_what_an_automation_does_must_be_known_before_it_is_enabled(status: str, reason: str, scripted) -> None:
    upstream, gateway, key = scripted
    finish = while_asking(gateway, key, "PATCH", f"/api/automations/{uuid.uuid4()}", {"enabled": True})
    asked = upstream.next()
    assert asked.method == "GET"
    asked.answer(b"no JSON", status)
    assert finish().reason == reason
