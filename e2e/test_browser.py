"""Do people of every role see every page of Prefect's UI, learn why something is refused, and come back after signing in again?"""

import json
import os
import uuid
from pathlib import Path

import pytest

from stage.browser import drive
from stage.edge import PREFIX
from stage.gateway import PASSWORD, ROOT, Gateway, under
from stage.prefect import Server
from stage.several import before, grant
from stage.wait import until

ROLES = ("viewer", "runner", "developer", "owner", "worker")


@pytest.fixture(scope="module")
def things(gateway: Gateway, owner: str) -> dict[str, str]:
    """Something to see on every page: a flow, a deployment with a schedule, a run, a pool, a variable."""
    name = uuid.uuid4().hex[:6]

    def made(path: str, body: dict[str, object]) -> str:
        """The id of something new. Prefect on SQLite answers 503 when its database is busy, and its own clients ask again."""
        return until(f"{path} made something", lambda: gateway.ask("POST", path, key=owner, body=body).json()["id"], 30, every=0.5)

    gateway.ask("POST", "/api/work_pools/", key=owner, body={"name": "pool", "type": "process"})
    gateway.ask("POST", "/api/variables/", key=owner, body={"name": f"v_{name}", "value": "red"})
    flow = made("/api/flows/", {"name": f"seen-{name}"})
    schedules = [{"schedule": {"interval": 86400}, "active": False}]
    deployment = made("/api/deployments/", {"name": "seen", "flow_id": flow, "work_pool_name": "pool", "schedules": schedules})
    run = made(f"/api/deployments/{deployment}/create_flow_run", {})
    return {"flow": flow, "deployment": deployment, "run": run}


@pytest.fixture(params=["root", "path"])
def place(request: pytest.FixtureRequest, gateway: Gateway) -> tuple[Gateway, str]:
    """A gateway at the root of its host, or under a path of it, and where browsers find it."""
    if request.param == "root":
        return gateway, gateway.url
    prefixed = request.getfixturevalue("prefixed")
    return prefixed, prefixed.url + PREFIX


def person(gateway: Gateway, role: str) -> str:
    """A person of that role, whom no other test knows."""
    return gateway.add_user(f"{role[0]}-{uuid.uuid4().hex[:6]}", role)


def crawl(url: str, people: list[dict[str, object]], things: dict[str, str]) -> int:
    """Opens pages of both UIs; answers how many."""
    return drive("pages.mjs", json.dumps({"url": url, "password": PASSWORD, "people": people, **things})).count("opened ")


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_both_uis_opens_for_every_role(role: str, gateway: Gateway, things: dict[str, str]) -> None:
    name = person(gateway, role)
    assert crawl(gateway.url, [{"name": name, "role": role, "every": True}], things) == 32
    changes = [event for event in gateway.cli_json("audit", "list", "--actor", name) if " " in event["operation"]]
    assert changes == [], "looking changed something"


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_both_uis_opens_under_a_path(role: str, prefixed: Gateway, things: dict[str, str]) -> None:
    assert crawl(prefixed.url + PREFIX, [{"name": person(prefixed, role), "role": role, "every": True}], things) == 32


@pytest.mark.parametrize("version", ["3.0.11", "3.4.25", "3.6.29"])
def test_the_ui_of_an_older_server_works_under_a_path(version: str, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server", version).start()
    try:
        server.wait()
        gateway = under(PREFIX, tmp_path / "gateway", server.url, server.auth or "").start()
        try:
            # Without UI v2, its pages are unknown ones of UI v1.
            assert crawl(gateway.url + PREFIX, [{"name": person(gateway, "developer"), "role": "developer"}], {"flow": "-", "deployment": "-", "run": "-"}) == 2
        finally:
            gateway.stop()
    finally:
        server.kill()


def test_a_refused_click_says_why_and_the_badge_leads_out(place: tuple[Gateway, str], things: dict[str, str]) -> None:
    gateway, url = place
    name = gateway.add_user("vera" if "LICTOR_WRITE_DOCS" in os.environ else f"v-{uuid.uuid4().hex[:6]}", "viewer")
    pictures = str(ROOT / "docs/images") if "LICTOR_WRITE_DOCS" in os.environ and url == gateway.url else ""
    seen = drive("note.mjs", json.dumps({"url": url, "name": name, "password": PASSWORD, "pictures": pictures, **things}))
    assert seen.splitlines() == ["seen in light", "seen in dark"]


def test_an_owner_sees_what_a_developer_sees_and_changes_nothing(place: tuple[Gateway, str], things: dict[str, str]) -> None:
    gateway, url = place
    pictures = str(ROOT / "docs/images") if "LICTOR_WRITE_DOCS" in os.environ and url == gateway.url else ""
    viewed = gateway.add_user("dora" if pictures else f"d-{uuid.uuid4().hex[:6]}", "developer")
    owner = gateway.add_user("olga" if pictures else f"o-{uuid.uuid4().hex[:6]}", "owner")
    seen = drive("view_as.mjs", json.dumps({"url": url, "name": owner, "password": PASSWORD, "viewed": viewed, "pictures": pictures, **things}))
    assert seen.splitlines() == ["viewed in light", "viewed in dark", "viewed in light, without scripts"]


def test_an_ended_session_comes_back_to_the_same_page(place: tuple[Gateway, str], things: dict[str, str]) -> None:
    gateway, url = place
    seen = drive("return.mjs", json.dumps({"url": url, "name": person(gateway, "viewer"), "password": PASSWORD, **things}))
    assert seen.count("back on ") == 2


def test_a_person_signs_in_changes_the_password_and_signs_out(gateway: Gateway) -> None:
    name = f"n-{uuid.uuid4().hex[:6]}"
    gateway.cli("user", "add", name, "--role", "viewer", "--password-stdin", "--must-change", stdin=PASSWORD + "\n")
    drive("session.mjs", gateway.url, name, PASSWORD, "a second long enough secret")


def test_a_runner_starts_a_run_from_the_ui(gateway: Gateway, owner: str, things: dict[str, str]) -> None:
    name = gateway.add_user(f"r-{uuid.uuid4().hex[:6]}", "runner")
    run = drive("runner.mjs", gateway.url, name, PASSWORD, things["deployment"])
    assert gateway.ask("GET", f"/api/flow_runs/{run}", key=owner).json()["created_by"]["display_value"] == name


def test_the_badge_leads_from_one_workspace_to_the_other_with_one_sign_in(server: Server, tmp_path: Path) -> None:
    # Two workspaces before one server: which of them a page is of, only its address says.
    upstream = f'upstream = "{server.url}"'
    gateway = before(tmp_path, {"main": upstream, "team": f'{upstream}\nprefix = "/team-a"', "lab": f'{upstream}\nprefix = "/lab"'}).start()
    try:
        name = gateway.add_user(f"s-{uuid.uuid4().hex[:6]}")
        grant(gateway, name, main="viewer", team="developer")
        assert drive("switch.mjs", json.dumps({"url": gateway.url, "name": name, "password": PASSWORD})) == "switched"
    finally:
        gateway.stop()
