"""Do stock clients take Lictor for Prefect Cloud, and does one key then do everything, in the workspace that they chose and in no other?"""

import json
import re
import shutil
import signal
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stage.gateway import Gateway
from stage.prefect import NEWEST, PROGRAMS, VERSIONS, Client, Server, end, refusals
from stage.several import before, listed, member
from stage.wait import until
from test_clients import run_everything


@pytest.fixture(scope="module")
def second(folder: Path):
    """Another Prefect Server, for another workspace."""
    (folder / "second-server").mkdir()
    server = Server(folder / "second-server").start().wait()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def cloud(folder: Path, server: Server, second: Server):
    """A gateway before two servers: `main` at the root, `team` under a prefix."""
    gateway = before(folder / "cloud", {"main": f'upstream = "{server.url}"', "team": f'upstream = "{second.url}"\nprefix = "/team-a"'}).start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def chief(cloud: Gateway) -> str:
    """The key of an owner of both."""
    return cloud.newcomer("owner")[1]


def client(gateway: Gateway, home: Path, version: str, key: str, workspace: str | None = None) -> Client:
    """A client that knows where its Cloud is, and perhaps which workspace it is in."""
    settings = {"PREFECT_CLOUD_API_URL": f"{gateway.url}/api"}
    if workspace:
        settings |= {"PREFECT_API_URL": f"{gateway.url}{listed(gateway, key)[workspace].api}", "PREFECT_API_KEY": key}
    return Client(home, version, **settings)


def done(ran) -> str:
    """What a command said that succeeded, without line breaks."""
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-3000:]
    return " ".join((ran.stdout + ran.stderr).split())


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_of_a_flow_arrives_with_the_key_alone(version: str, cloud: Gateway, chief: str, second: Server, server: Server, tmp_path: Path) -> None:
    _, key = member(cloud, team="developer")
    mark = uuid.uuid4().hex[:8]
    at = listed(cloud, key)["team"].api.removesuffix("/api")
    run_everything(client(cloud, tmp_path, version, key, "team"), lambda method, path, body: cloud.ask(method, path.replace("/api", at, 1), key=chief, body=body), mark)
    counted = {name: one.ask("POST", "/api/artifacts/count", {"artifacts": {"key": {"any_": [f"a-{mark}"]}}}).json() for name, one in (("main", server), ("team", second))}
    assert counted == {"main": 0, "team": 1}


@pytest.mark.parametrize("version", [VERSIONS[0], NEWEST])
def test_the_simplest_form_names_no_workspace_at_all(version: str, cloud: Gateway, chief: str, tmp_path: Path) -> None:
    _, key = member(cloud, main="developer")
    api = f"{cloud.url}/api"
    simple = Client(tmp_path, version, PREFECT_CLOUD_API_URL=api, PREFECT_API_URL=api, PREFECT_API_KEY=key)
    ran = simple.run("small_flow.py")
    assert ran.returncode == 0, ran.stderr[-3000:]
    # Task runs come over the socket that a key alone does not open otherwise.
    wanted = {"flow_runs": {"id": {"any_": [ran.stdout.split()[0]]}}}
    until("all task runs arrived", lambda: cloud.ask("POST", "/api/task_runs/count", key=chief, body=wanted).json() == 10, 30, every=0.3)
    assert "Created work pool" in done(simple.command("prefect", "work-pool", "create", f"pool-{uuid.uuid4().hex[:6]}", "--type", "process"))


# With the pydantic-settings of today, 3.0 reads no profile, and so remembers no login.
def test_the_oldest_client_logs_in_with_a_good_key_alone(cloud: Gateway, tmp_path: Path) -> None:
    """It does not read again what it wrote into its profile, so this is all of the login that can be seen of it."""
    name, key = member(cloud, main="developer", team="viewer")
    person = client(cloud, tmp_path, VERSIONS[0], key)
    assert "Using workspace 'lictor/team'" in done(person.command("prefect", "cloud", "login", "--key", key, "--workspace", "lictor/team"))
    assert person.command("prefect", "cloud", "login", "--key", "lictor_" + "x" * 43, "--workspace", "lictor/team").returncode != 0


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_a_client_logs_in_lists_and_changes_workspaces(version: str, cloud: Gateway, tmp_path: Path) -> None:
    name, key = member(cloud, main="developer", team="viewer")
    person = client(cloud, tmp_path, version, key)
    assert "Using workspace 'lictor/team'" in done(person.command("prefect", "cloud", "login", "--key", key, "--workspace", "lictor/team"))
    assert "* lictor/team" in (ls := done(person.command("prefect", "cloud", "workspace", "ls"))) and "lictor/main" in ls
    profile = re.search(r'active = "(.*)"', (tmp_path / "profiles.toml").read_text())
    assert profile and f"Connected to Prefect Cloud using profile '{profile[1]}'" in done(person.command("prefect", "profile", "use", profile[1]))
    assert "Successfully set workspace to 'lictor/main'" in done(person.command("prefect", "cloud", "workspace", "set", "--workspace", "lictor/main"))
    ran = person.run("small_flow.py")
    assert ran.returncode == 0, ran.stderr[-3000:]
    run = cloud.ask("GET", f"/api/flow_runs/{ran.stdout.split()[0]}", key=key)
    assert run.json()["state_type"] == "COMPLETED" and run.json()["created_by"]["display_value"] == name
    # The link that the client prints leads to the page of the run, and the account before it to the workspace's own address.
    page = re.search(r"http://127\.0\.0\.1:\d+(/account/\S+/runs/flow-run/\S+)", ran.stderr + ran.stdout)
    assert page or version in ("3.2.15",), ran.stderr
    if page:
        answer = cloud.ask("GET", page[1], key=key)
        assert (answer.status, answer.headers["location"]) == (303, f"/runs/flow-run/{ran.stdout.split()[0]}"), answer.body


def test_a_key_of_one_workspace_neither_sees_nor_enters_the_other(cloud: Gateway, chief: str, tmp_path: Path) -> None:
    _, key = member(cloud, team="owner")
    person = client(cloud, tmp_path, NEWEST, key)
    refused = person.command("prefect", "cloud", "login", "--key", key, "--workspace", "lictor/main")
    said = " ".join((refused.stdout + refused.stderr).split())
    assert refused.returncode != 0 and "Workspace 'lictor/main' not found" in said and "lictor/team" in said
    mistyped = key[:-1] + ("x" if key[-1] != "x" else "y")
    wrong = person.command("prefect", "cloud", "login", "--key", mistyped, "--workspace", "lictor/team")
    said = " ".join((wrong.stdout + wrong.stderr).split())
    assert wrong.returncode != 0 and "Unable to authenticate with Prefect Cloud" in said, said
    done(person.command("prefect", "cloud", "login", "--key", key, "--workspace", "lictor/team"))
    assert "main" not in done(person.command("prefect", "cloud", "workspace", "ls"))
    other = listed(cloud, chief)["main"].api
    forced = Client(tmp_path, NEWEST, PREFECT_CLOUD_API_URL=f"{cloud.url}/api", PREFECT_API_URL=f"{cloud.url}{other}", PREFECT_API_KEY=key)
    tried = forced.run("small_flow.py")
    assert tried.returncode != 0 and "not-a-member" in tried.stderr, tried.stderr[-2000:]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_worker_runs_and_cancels_in_the_workspace_of_its_address(version: str, cloud: Gateway, chief: str, second: Server, tmp_path: Path) -> None:
    developer, worker = member(cloud, team="developer")[1], member(cloud, team="worker")[1]
    pool, at = f"pool-{uuid.uuid4().hex[:6]}", listed(cloud, chief)["team"].api
    maker = client(cloud, tmp_path / "maker", version, developer, "team")
    assert f"Created work pool '{pool}'" in done(maker.command("prefect", "work-pool", "create", pool, "--type", "process"))
    shutil.copy(PROGRAMS / "served_flow.py", tmp_path / "maker")
    done(maker.command("prefect", "--no-prompt", "deploy", "served_flow.py:served", "-n", pool, "-p", pool))
    log = tmp_path / "worker.log"
    process = client(cloud, tmp_path / "worker", version, worker, "team").begin("prefect", "worker", "start", "--pool", pool, log=log)
    try:
        done(maker.command("prefect", "deployment", "run", f"served/{pool}", "--watch"))
        deployment = cloud.ask("GET", f"{at}/deployments/name/served/{pool}", key=chief).json()["id"]

        def states() -> list[str]:
            seen = cloud.ask("POST", f"{at}/flow_runs/filter", key=chief, body={"flow_runs": {"deployment_id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_DESC"})
            return [run["state_type"] for run in seen.json()]

        assert states() == ["COMPLETED"]
        long = until("a run is started", lambda: cloud.ask("POST", f"{at}/deployments/{deployment}/create_flow_run", key=developer, body={"state": {"type": "SCHEDULED"}, "parameters": {"seconds": 120}}).json()["id"], 30, every=0.5)
        until("it runs", lambda: cloud.ask("GET", f"{at}/flow_runs/{long}", key=chief).json()["state_type"] == "RUNNING", 90, every=0.3)
        assert cloud.ask("POST", f"{at}/flow_runs/{long}/set_state", key=developer, body={"state": {"type": "CANCELLING"}}).status in (200, 201)
        until("it is cancelled", lambda: cloud.ask("GET", f"{at}/flow_runs/{long}", key=chief).json()["state_type"] == "CANCELLED", 60, every=0.3)
        assert process.poll() is None, log.read_text()[-3000:]
    finally:
        end(process, signal.SIGINT)
    assert not refusals(log), log.read_text()[-3000:]
    assert second.ask("POST", "/api/work_pools/filter", {"work_pools": {"name": {"any_": [pool]}}}).json()[0]["name"] == pool


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stream_of_events_is_that_of_the_workspace(version: str, cloud: Gateway, chief: str, tmp_path: Path) -> None:
    developer = member(cloud, main="developer", team="developer")[1]
    log, mark = tmp_path / "stream.log", uuid.uuid4().hex[:8]
    stream = client(cloud, tmp_path, version, developer, "team").begin("prefect", "events", "stream", "--format", "json", log=log)
    try:

        def seen() -> str:
            for workspace, one in listed(cloud, chief).items():
                event = {"event": f"of.{workspace}.{mark}", "resource": {"prefect.resource.id": f"lictor.{mark}"}, "id": str(uuid.uuid4()), "occurred": datetime.now(UTC).isoformat()}
                assert cloud.ask("POST", f"{one.api}/events", key=developer, body=[event]).status == 204
            return f"of.team.{mark}" in log.read_text() and log.read_text()

        assert f"of.main.{mark}" not in until("the event is streamed", seen, 60, every=0.5)
    finally:
        end(stream, signal.SIGINT)


def test_the_doctor_knows_what_cloud_mode_needs_of_prefect(cloud: Gateway) -> None:
    report = cloud.run("doctor").stdout
    for workspace in ("main", "team"):
        assert f"ok    upstream {workspace} CSRF protection" in report, report


def test_pages_of_events_lead_on_at_the_same_address(cloud: Gateway, chief: str) -> None:
    mark = uuid.uuid4().hex[:8]
    for workspace, one in listed(cloud, chief).items():
        events = [{"event": f"{workspace}.{mark}", "resource": {"prefect.resource.id": f"lictor.{mark}"}, "id": str(uuid.uuid4()), "occurred": f"2030-01-01T00:00:{second:02}Z"} for second in range(3)]
        assert cloud.ask("POST", f"{one.api}/events", key=chief, body=events).status == 204
    team = listed(cloud, chief)["team"].api
    asked = {"filter": {"event": {"name": [f"team.{mark}", f"main.{mark}"]}, "occurred": {"since": "2029-01-01T00:00:00Z", "until": "2031-01-01T00:00:00Z"}}, "limit": 2}
    for at in (team, "/team-a/api"):

        def first() -> dict:
            page = cloud.ask("POST", f"{at}/events/filter", key=chief, body=asked).json()
            assert page["total"] == 3, page
            return page

        page = until("the events are there", first, 30, every=0.3)
        assert page["next_page"].startswith(f"{cloud.url}{at}/events/filter/next?"), page["next_page"]
        following = cloud.ask("GET", page["next_page"].removeprefix(cloud.url), key=chief)
        assert following.status == 200 and len(following.json()["events"]) == 1, json.dumps(following.json())
        # A link is for the workspace that it was given in.
        assert cloud.ask("GET", page["next_page"].removeprefix(cloud.url).replace(at, "/api"), key=chief).reason == "unknown-page-token"
    # Prefect's redirect to a path with a slash stays at the address too.
    assert cloud.ask("POST", f"{team}/flows", key=chief, body={"name": mark}).headers.get("location", f"{team}/flows/") == f"{team}/flows/"
