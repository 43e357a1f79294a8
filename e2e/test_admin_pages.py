"""Can everything be managed on the admin pages, by whoever may and nobody else, and is it the same change as on the command line?"""

import csv
import html
import io
import json
import os
import re
import sqlite3
import uuid
from pathlib import Path
from urllib.parse import urlencode
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest

from stage import http
from stage.browser import drive
from stage.desk import Desk, link, routes, text
from stage.gateway import PASSWORD, ROOT, Gateway
from stage.recorder import Recorder
from stage.staff import staffed
from stage.steps_sockets import opens
from stage.wait import until

ROUTES = routes()


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """The gateway that these tests share."""
    gateway = staffed(tmp_path_factory.mktemp("managed"), recorder)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def olga(managed: Gateway) -> Desk:
    """The owner."""
    return Desk(managed, "olga")


def fresh() -> str:
    """A name that no other test knows."""
    return f"p-{uuid.uuid4().hex[:8]}"


def newest(gateway: Gateway, operation: str) -> dict:
    """The newest event of an operation."""
    return gateway.cli_json("audit", "list", "--operation", operation, "--limit", "1")[0]


def test_the_router_was_read() -> None:
    assert len(ROUTES) > 40 and ("GET", "/lictor/admin/audit/export") in ROUTES and ("POST", "/lictor/admin/keys/revoke") in ROUTES


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_member_is_refused_on_every_page_and_form(method: str, path: str, managed: Gateway, vera: Desk) -> None:
    answer = vera.get(path) if method == "GET" else vera.post(path, name="olga")
    assert (answer.status, answer.reason) == (403, "permission-denied"), text(answer)[:300]
    assert "ask an owner for it" in text(answer) and "olga" not in text(answer)
    if method == "POST":
        event = newest(managed, "admin.form")
        assert (event["actor"]["name"], event["object"], event["outcome"]) == ("vera", path, "refused")


@pytest.fixture(scope="module")
def vera(managed: Gateway) -> Desk:
    """The member."""
    return Desk(managed, "vera")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_else_comes_in_and_no_form_counts_from_elsewhere(method: str, path: str, managed: Gateway, olga: Desk) -> None:
    page = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    body = b"name=olga" if method == "POST" else None
    nobody = http.ask(managed.port, method, path, headers=page, body=body)
    if method == "GET":
        assert nobody.status == 303 and nobody.headers["location"] == f"/lictor/sign-in?next={path.replace('/', '%2F').replace('-', '%2D')}", "nobody is signed in"
    else:
        assert (nobody.status, nobody.reason) == (401, "authentication-required") and "/lictor/sign-in?next=" in nobody.body.decode()
    key = managed.key("olga")
    by_key = http.ask(managed.port, method, path, headers={**page, **http.bearer(key)}, body=body)
    assert (by_key.status, by_key.reason) == (403, "permission-denied"), "a key is for programs"
    if method == "POST":
        for origin in ("cross-site", "same-site", "none"):
            foreign = olga.post(path, origin=origin, name="vera")
            assert (foreign.status, foreign.reason) == (403, "cross-origin"), (origin, text(foreign)[:300])


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "GET"])
def test_every_page_opens_for_an_owner_and_says_what_is_missing(path: str, olga: Desk) -> None:
    answer = olga.get(path)
    needs = re.search(r"/(principal|team|disable|remove|revoke|rotate|change|export|factors)$", path)
    assert answer.status == (404 if needs else 200), text(answer)[:300]
    assert "script-src 'self'" in answer.headers["content-security-policy"] and answer.headers["cache-control"] == "no-store"


def test_the_way_in_is_shown_to_those_who_manage_something(managed: Gateway, olga: Desk, vera: Desk) -> None:
    wanda = Desk(managed, "wanda")
    for desk, administers in ((olga, True), (wanda, True), (vera, False)):
        assert ('href="/lictor/admin"' in desk.get("/lictor/account").body.decode()) is administers
    for desk, administers in ((olga, True), (vera, False)):
        assert desk.get("/lictor/me").json()["administers"] is administers


def test_a_user_is_added_given_a_link_disabled_enabled_and_removed(managed: Gateway, olga: Desk) -> None:
    name = fresh()
    assert olga.do("/lictor/admin/people", name=name, role="viewer", scope="lab") == "Added."
    assert newest(managed, "user.add")["actor"]["name"] == "olga"
    page = olga.see("/lictor/admin/principal", name=name)
    assert "viewer" in page and "in lab" in page and "by hand" in page
    made = olga.post("/lictor/admin/principal/reset-link", name=name)
    url = re.search(r"http://[^<\s]+/lictor/reset\?token=[A-Za-z0-9_-]+", made.body.decode())
    assert url and url[0].startswith(managed.url), text(made)
    assert http.ask(managed.port, "GET", url[0].removeprefix(managed.url), headers={"Accept": "text/html"}).status == 200
    password = fresh() * 3
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    token = url[0].partition("token=")[2]
    assert http.ask(managed.port, "POST", "/lictor/reset", headers=headers, body=f"token={token}&new={password}&repeat={password}".encode()).status == 303
    desk = Desk(managed, name, password)
    asked = olga.see("/lictor/admin/principal/disable", name=name)
    assert "What would break" in asked and "Sessions" in asked and "127.0.0.1" in asked
    assert olga.do("/lictor/admin/principal/disable", name=name).startswith("Disabled")
    until("the session has ended", lambda: desk.get("/lictor/account").status == 303, 10)
    assert "disabled" in olga.see("/lictor/admin/principal", name=name)
    assert olga.do("/lictor/admin/principal/enable", name=name) == "Enabled."
    assert "This cannot be undone" in olga.see("/lictor/admin/principal/remove", name=name)
    assert olga.do("/lictor/admin/principal/remove", name=name) == "Removed."
    assert olga.get("/lictor/admin/principal", name=name).status == 404
    assert [newest(managed, f"user.{done}")["object"] for done in ("disable", "enable", "remove")] == [name] * 3


def test_a_machine_gets_a_key_that_is_shown_once_and_revoked_knowingly(managed: Gateway, olga: Desk) -> None:
    name = fresh()
    olga.do("/lictor/admin/service-accounts", name=name, role="worker", scope="*")
    wrong = olga.post("/lictor/admin/principal/key", name=name, label="", expires="date", until="2001-01-01")
    assert wrong.status == 422 and "Say what the key is for" in text(wrong) and "This day is over" in text(wrong)
    made = olga.post("/lictor/admin/principal/key", name=name, label="nightly pipeline", expires="90d", workspace="main")
    key = re.search(r"lictor_[A-Za-z0-9_]{20,}", made.body.decode())
    assert made.status == 200 and key and "PREFECT_API_URL" in made.body.decode()
    client = {"User-Agent": "prefect/3.4.25 (API 0.8.4)"}
    assert managed.ask("POST", "/api/work_pools/filter", key=key[0], body={}, headers=client).status == 200
    managed.ask("POST", f"/api/flow_runs/{uuid.uuid4()}/set_state", key=key[0], body={"state": {"type": "RUNNING"}}, headers=client)
    until("the use is written down", lambda: managed.cli_json("key", "list", "--for", name)[0]["last_used"])
    (listed,) = managed.cli_json("key", "list", "--for", name)
    keys = olga.see("/lictor/admin/keys", q="nightly pipe")
    assert name in keys and "Prefect 3.4.25" in keys and "from 127.0.0.1" in keys and key[0] not in keys
    assert "nightly pipeline" not in olga.see("/lictor/admin/keys", q=name, show="ending"), "in 90 days is not soon"
    assert "48 hours" in olga.see("/lictor/admin/keys/rotate", key=listed["id"])
    assert olga.post("/lictor/admin/keys/rotate", key=listed["id"], overlap="-1").status == 422
    rotated = olga.post("/lictor/admin/keys/rotate", key=listed["id"], overlap="172800")
    successor = re.search(r"lictor_[A-Za-z0-9_]{20,}", rotated.body.decode())
    assert rotated.status == 200 and successor and successor[0] != key[0]
    assert all(managed.ask("POST", "/api/work_pools/filter", key=each, body={}).status == 200 for each in (key[0], successor[0])), "both are good"
    assert newest(managed, "key.rotate")["actor"]["name"] == "olga"
    again = olga.post("/lictor/admin/keys/rotate", key=listed["id"], overlap="0")
    assert again.status == 422 and "was rotated already" in text(again), text(again)[:600]
    assert "until it is enabled again" in olga.see("/lictor/admin/keys/disable", key=listed["id"])
    olga.do("/lictor/admin/keys/disable", key=listed["id"])
    until("it is out of use", lambda: managed.ask("POST", "/api/work_pools/filter", key=key[0], body={}).status == 401, 10)
    olga.do("/lictor/admin/keys/enable", key=listed["id"])
    asked = olga.see("/lictor/admin/keys/revoke", key=listed["id"])
    assert "POST /flow_runs/{id}/set_state 1" in asked and "Prefect 3.4.25" in asked and "may run workers" in asked, asked
    assert olga.do("/lictor/admin/keys/revoke", key=listed["id"]) == "The key is revoked."
    until("the key is dead", lambda: managed.ask("POST", "/api/work_pools/filter", key=key[0], body={}).reason == "revoked-key", 10)
    assert newest(managed, "key.revoke")["actor"]["name"] == "olga"


def test_a_key_is_made_for_less_than_its_owner_may(managed: Gateway, olga: Desk) -> None:
    name = fresh()
    olga.do("/lictor/admin/service-accounts", name=name, role="worker", scope="*")
    path, common = "/lictor/admin/principal/key", {"name": name, "label": "narrow", "expires": "90d"}
    wrong = olga.post(path, **common, permissions="see_flows, fly", networks="10.0.0.0/8,here")
    assert wrong.status == 422 and 'There is no permission "fly"' in text(wrong) and '"here" is no network' in text(wrong)
    assert managed.cli_json("key", "list", "--for", name) == []
    made = olga.post(path, **common, permissions="see_flows, see_work_pools", work_pools="etl", networks="127.0.0.1, ::1")
    (listed,) = managed.cli_json("key", "list", "--for", name)
    assert made.status == 200 and listed["limits"] == {"permissions": ["see_flows", "see_work_pools"], "work_pools": ["etl"], "networks": ["127.0.0.1/32", "::1/128"]}, listed


def test_grants_are_given_and_taken(managed: Gateway, olga: Desk) -> None:
    name = managed.add_user(fresh())
    wrong = olga.post("/lictor/admin/grants", holder="principal", name="No Name", role="", scope="nowhere")
    told = text(wrong)
    assert wrong.status == 422 and all(part in told for part in ("is not usable", "Choose a role", "Choose where")), told
    assert "There is no" in text(olga.post("/lictor/admin/grants", holder="principal", name=fresh(), role="viewer", scope="*")).replace("No user", "There is no user")
    assert olga.do("/lictor/admin/grants", holder="principal", name=name, role="runner", scope="lab") == "The role is granted."
    (grant,) = managed.cli_json("grant", "list", name)
    assert (grant["role"], grant["workspace"]) == ("runner", "lab")
    assert f"{name} runner in lab" in olga.see("/lictor/admin/grants", q=name)
    assert "What would break" in olga.see("/lictor/admin/grants/remove", grant=grant["id"])
    assert olga.do("/lictor/admin/grants/remove", grant=grant["id"]) == "The grant is removed."
    assert managed.cli_json("grant", "list", name) == []


def test_a_team_is_made_filled_granted_and_removed(managed: Gateway, olga: Desk) -> None:
    team, one, other = f"t{uuid.uuid4().hex[:6]}", managed.add_user(fresh()), managed.add_user(fresh())
    olga.do("/lictor/admin/teams", name=team, description="Those who <b>test</b>")
    assert text(olga.post("/lictor/admin/teams", name=team, description="")).count("is taken") + 1
    assert olga.do("/lictor/admin/team/add-members", team=team, names=f"{one}, {other}") == "They are in the team."
    assert olga.post("/lictor/admin/team/add-members", team=team, names=f"{one} {fresh()}").status == 422
    olga.do("/lictor/admin/grants", holder="team", name=team, role="viewer", scope="*")
    raw = olga.get("/lictor/admin/team", name=team).body.decode()
    assert "<b>test" not in raw and one in raw
    assert f"team {team}" in olga.see("/lictor/admin/principal", name=one)
    olga.do("/lictor/admin/team/remove-member", team=team, name=other)
    assert [member["name"] for member in managed.cli_json("team", "show", team)["members"]] == [one]
    asked = olga.see("/lictor/admin/team/remove", name=team)
    assert one in asked and "viewer" in asked
    olga.do("/lictor/admin/team/remove", name=team)
    assert olga.get("/lictor/admin/team", name=team).status == 404


def test_a_role_is_made_read_changed_knowingly_and_removed(managed: Gateway, olga: Desk) -> None:
    role, holder = f"r{uuid.uuid4().hex[:6]}", managed.add_user(fresh())
    olga.do("/lictor/admin/roles", name=role, description="deploys", base="viewer", write_deployments="yes", manage_automations="yes")
    assert role in olga.see("/lictor/admin/roles") and "manage_concurrency_limits" in olga.see("/lictor/admin/roles")
    olga.do("/lictor/admin/grants", holder="principal", name=holder, role=role, scope="*")
    shown = olga.post("/lictor/admin/roles/change", name=role, description="runs", base="viewer", run_deployments="yes")
    told = text(shown)
    assert shown.status == 200 and "run_deployments" in told and "write_deployments" in told and f"{holder} is {role} everywhere" in told
    (before,) = [one for one in managed.cli_json("role", "list") if one["name"] == role]
    assert before["description"] == "deploys", "nothing has changed yet"
    assert olga.do("/lictor/admin/roles/change", name=role, description="runs", base="viewer", run_deployments="yes", confirmed="yes") == "The role is changed."
    (after,) = [one for one in managed.cli_json("role", "list") if one["name"] == role]
    assert after["description"] == "runs"
    assert olga.post("/lictor/admin/roles/change", name="viewer", confirmed="yes").status == 422
    assert olga.post("/lictor/admin/roles/remove", name=role).reason == "state-conflict", "somebody has it"
    (grant,) = managed.cli_json("grant", "list", holder)
    olga.do("/lictor/admin/grants/remove", grant=grant["id"])
    asked = olga.post("/lictor/admin/roles/max-key-age", role=role, days="30")
    assert asked.status == 200 and "none would end now" in text(asked) and "30d" not in olga.see("/lictor/admin/roles"), "nothing has changed yet"
    olga.do("/lictor/admin/roles/max-key-age", role=role, days="30", confirmed="yes")
    assert "30d" in olga.see("/lictor/admin/roles")
    assert olga.post("/lictor/admin/roles/max-key-age", role=role, days="many").status == 422
    olga.do("/lictor/admin/roles/max-key-age", role=role, days="")
    assert olga.do("/lictor/admin/roles/remove", name=role) == "The role is removed."


def test_an_automation_that_would_lose_its_owner_is_shown_first(own_gateway: Gateway, recorder: Recorder) -> None:
    own_gateway.add_user("olga", "owner")
    own_gateway.cli("service-account", "add", "etl", "--role", "developer")
    made = {"name": "restart", "trigger": {"type": "event"}, "actions": [{"type": "run-deployment", "deployment_id": str(uuid.uuid4())}]}
    created = own_gateway.ask("POST", "/api/automations/", key=own_gateway.key("etl"), body=made)
    assert created.status < 300, created.body
    until("it is on record", lambda: own_gateway.cli_json("audit", "automations"), 10)
    olga = Desk(own_gateway, "olga")
    (grant,) = own_gateway.cli_json("grant", "list", "etl")
    for path, query in (("principal/disable", {"name": "etl"}), ("principal/remove", {"name": "etl"}), ("grants/remove", {"grant": grant["id"]})):
        asked = olga.see(f"/lictor/admin/{path}", **query)
        assert "No automation that is on record" not in asked and "the owner" in asked, asked


def test_keys_that_a_bound_would_end_at_once_are_shown_first(managed: Gateway, olga: Desk) -> None:
    role, name = f"r{uuid.uuid4().hex[:6]}", fresh()
    managed.cli("role", "add", role, "--based-on", "viewer")
    managed.cli("service-account", "add", name, "--role", role)
    old, young = (managed.cli_json("key", "create", "--for", name, "--label", label) for label in ("from last week", "of today"))
    with sqlite3.connect(managed.folder / "lictor.db", timeout=10) as store:
        store.execute("UPDATE api_keys SET created_at = created_at - ? WHERE id = ?", (7 * 86400 * 10**6, old["id"]))
    store.close()
    asked = text(olga.post("/lictor/admin/roles/max-key-age", role=role, days="3"))
    assert "One key in use is older, and would end at once" in asked and "from last week" in asked and "of today" not in asked
    # By the role that it is based on too.
    assert "from last week" in text(olga.post("/lictor/admin/roles/max-key-age", role="viewer", days="3"))
    assert "from last week" not in text(olga.post("/lictor/admin/roles/max-key-age", role=role, days="8"))
    olga.do("/lictor/admin/roles/max-key-age", role=role, days="3", confirmed="yes")
    states = {key["label"]: key["state"] for key in managed.cli_json("key", "list", "--for", name)}
    assert states == {"from last week": "expired", "of today": "active"} and young["id"] != old["id"]
    olga.do("/lictor/admin/roles/max-key-age", role=role, days="")


def test_sockets_that_are_open_are_shown_before_they_would_close(managed: Gateway, olga: Desk) -> None:
    role, name, team = f"r{uuid.uuid4().hex[:6]}", fresh(), f"t{uuid.uuid4().hex[:6]}"
    managed.cli("role", "add", role, "--based-on", "worker")
    managed.cli("service-account", "add", name)
    managed.cli("grant", "add", name, "--role", role, "--workspace", "main")
    managed.cli("team", "add", team)
    managed.cli("team", "add-member", team, name)
    (key, id), (_, idle) = ((made["key"], made["id"]) for made in (managed.cli_json("key", "create", "--for", name) for _ in range(2)))
    (grant,) = managed.cli_json("grant", "list", name)
    socket = opens(managed.port, key, "/api/work_pools/gpu/workers/connect")

    def told(path: str, **query: str) -> str:
        return olga.see(f"/lictor/admin/{path}", **query)

    pages = [("keys/revoke", {"key": id}), ("keys/disable", {"key": id}), ("principal/disable", {"name": name}), ("principal/remove", {"name": name}), ("grants/remove", {"grant": grant["id"]}), ("team/remove", {"name": team})]
    for path, query in pages:
        until(f"{path} shows it", lambda path=path, query=query: f"{name} a worker of the pool gpu main 127.0.0.1" in told(path, **query), 10)
    changed = text(olga.post("/lictor/admin/roles/change", name=role, base="viewer"))
    assert "a worker of the pool gpu" in changed
    assert "No websocket is open" in told("keys/revoke", key=idle), "it came with another key"
    assert "a worker of the pool gpu" not in text(Desk(managed, "wanda").get("/lictor/admin/team/remove", name=team)), "it is in a workspace that is not hers"
    assert "a worker of the pool gpu" not in text(Desk(managed, "wanda").post("/lictor/admin/roles/change", name=role, base="viewer"))
    socket.close()
    for path, query in pages:
        until(f"{path} shows it no more", lambda path=path, query=query: "No websocket is open" in told(path, **query), 10)


def hidden(answer: http.Answer) -> dict[str, str]:
    """The fields of a form that is only to be sent again."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.body.decode())
    return {html.unescape(name): html.unescape(value) for name, value in found}


def test_whoever_signs_in_again_comes_back_to_the_page_where_they_were(managed: Gateway) -> None:
    page = {"Accept": "text/html"}
    for path in ("/lictor/admin/audit?actor=vera&outcome=refused", "/lictor/admin/principal?name=vera", "/lictor/admin/keys?show=ending&q=a%20b%26c", "/lictor/admin/principal/disable?name=vera"):
        away = http.ask(managed.port, "GET", path + "&done=added", headers=page)
        leads_to = urlsplit(away.headers["location"])
        (next_,) = parse_qs(leads_to.query)["next"]
        assert (away.status, leads_to.path, unquote(next_)) == (303, "/lictor/sign-in", unquote(path)), away.headers
        form = urlencode({"name": "olga", "password": PASSWORD, "next": next_}).encode()
        back = http.ask(managed.port, "POST", "/lictor/sign-in", body=form, headers={**page, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"})
        assert (back.status, back.headers["location"]) == (303, next_)
        cookie = back.headers["set-cookie"].split(";")[0]
        assert http.ask(managed.port, "GET", back.headers["location"], headers={**page, "Cookie": cookie}).status == 200
    for elsewhere in ("/lictor/admin/audit?actor=%0d%0aX:1", "/lictor/admin/keys?q=" + "a" * 3000, "/lictor/admin/keys?%2f%2fevil.example=1"):
        location = http.ask(managed.port, "GET", elsewhere, headers=page).headers["location"]
        assert location.startswith("/lictor/sign-in?next=%2F") and "evil" not in location and "\r" not in location, location


def test_a_form_is_kept_when_the_session_has_ended_and_sent_again(managed: Gateway) -> None:
    desk, name = Desk(managed, "olga"), fresh()
    desk.post("/lictor/sign-out")
    entered = {"name": name, "role": "viewer", "scope": "lab", "extra": '"><i>x\u202e'}
    kept = desk.post("/lictor/admin/people", **entered)
    raw = kept.body.decode()
    assert (kept.status, kept.reason) == (401, "authentication-required") and "Nothing was changed" in text(kept)
    assert hidden(kept) == entered and "<i>x" not in raw and "\u202e</dd>" not in raw and 'action="/lictor/admin/people"' in raw
    assert name not in "".join(re.findall(r'href="([^"]+)"', raw)), "nothing of it stands in an address"
    assert kept.headers["cache-control"] == "no-store" and name not in str(managed.cli_json("user", "list"))
    # Of another site nothing is taken, and nothing is shown.
    foreign = desk.post("/lictor/admin/people", origin="cross-site", **entered)
    assert (foreign.status, foreign.reason) == (403, "cross-origin") and name not in text(foreign)
    # Each form leads to the page that has it.
    for path, fields, place in (
        ("principal/account-role", {"name": "vera", "role": "admin"}, "/lictor/admin/principal?name=vera"),
        ("principal/factors/remove", {"name": "vera"}, "/lictor/admin/principal/factors?name=vera"),
        ("team/add-members", {"team": "data", "names": "vera"}, "/lictor/admin/team?name=data"),
        ("grants/remove", {"grant": "1"}, "/lictor/admin/grants"),
        ("keys/revoke", {"key": "1"}, "/lictor/admin/keys"),
        ("roles/max-key-age", {"role": "viewer", "days": "1"}, "/lictor/admin/roles"),
    ):
        leave = link(desk.post(f"/lictor/admin/{path}", **fields), "Leave it")
        assert unquote(leave) == place, path
    again = Desk(managed, "olga")
    assert again.do("/lictor/admin/people", **hidden(kept)) == "Added."


def test_sessions_are_seen_and_ended(managed: Gateway, olga: Desk) -> None:
    name = managed.add_user(fresh(), "viewer")
    desk = Desk(managed, name)
    page = olga.get("/lictor/admin/principal", name=name).body.decode()
    session = re.search(r'name="session" value="([^"]+)"', page)
    assert session and name in olga.see("/lictor/admin/sessions") and desk.cookie not in page
    assert olga.do("/lictor/admin/sessions/end", session=session[1]) == "The session has ended."
    until("it has ended", lambda: desk.get("/lictor/account").status == 303, 10)
    assert olga.post("/lictor/admin/sessions/end", session=session[1]).status == 404


def test_bans_begin_and_are_lifted(managed: Gateway, olga: Desk) -> None:
    name = managed.add_user(fresh(), "viewer")
    assert "Name a user, an address" in text(olga.post("/lictor/admin/bans", seconds="3600"))
    wrong = text(olga.post("/lictor/admin/bans", account="no", address="nowhere", seconds="7"))
    assert "is no address" in wrong and "Choose how long" in wrong
    assert olga.do("/lictor/admin/bans", account=name, seconds="3600") == "The ban has begun."
    assert f"{name} an administrator's doing" in olga.see("/lictor/admin/bans")
    assert [ban["account"] for ban in managed.cli_json("ban", "list")] == [name]
    assert olga.do("/lictor/admin/bans/lift", subject=name) == "The bans are lifted."
    assert managed.cli_json("ban", "list") == []


def test_rules_are_tried_on_claims_and_nothing_comes_of_it(managed: Gateway, olga: Desk) -> None:
    before = managed.cli_json("user", "list")
    assert "groups is or holds eng or science" in olga.see("/lictor/admin/providers")

    def tried(claims: str) -> tuple[int, str]:
        answer = olga.post("/lictor/admin/providers/try", provider="okta", claims=claims)
        return answer.status, text(answer)

    status, told = tried('{"groups": ["eng"], "email": "ann@example.com", "email_verified": true}')
    assert status == 200 and "developer everywhere, viewer in lab" in told and "Teams data" in told, told
    status, told = tried('{"groups": ["eng"], "email": "ann@example.com"}')
    assert status == 200 and "Roles developer everywhere Teams none" in told and "does not fit" in told, told
    status, told = tried('{"groups": ["sales"]}')
    assert status == 200 and "They would not come in" in told and "which fits no rule" in told, told
    for wrong in ("", "[]", "groups: eng", '{"groups": "eng", "groups": "ops"}'):
        assert tried(wrong)[0] == 422, wrong
    assert olga.post("/lictor/admin/providers/try", provider="other", claims="{}").status == 422
    assert managed.cli_json("user", "list") == before
    assert "only-lictor-knows" not in olga.get("/lictor/admin/providers").body.decode()


def test_workspaces_tell_their_hosts_and_grants(managed: Gateway, olga: Desk, recorder: Recorder) -> None:
    page = olga.see("/lictor/admin/workspaces")
    assert "lab.example.com" in page and recorder.url in page and "any that no other workspace has" in page


def test_the_record_is_filtered_paged_drawn_and_exported(managed: Gateway, olga: Desk) -> None:
    name = fresh()
    for at in range(55):
        olga.post("/lictor/admin/people", name=name if at == 0 else "olga")
    vera = Desk(managed, "vera")
    for _ in range(53):
        vera.post("/lictor/admin/bans", seconds="1")
    first = olga.get("/lictor/admin/audit", actor="vera", operation="admin.form", outcome="refused")
    assert first.body.decode().count("<code>admin.form</code>") == 50 and "<svg role=\"img\"" in first.body.decode()
    second = olga.get(link(first, "Next page"))
    assert second.status == 200 and 0 < second.body.decode().count("<code>admin.form</code>") <= 50
    assert olga.get("/lictor/admin/audit", since="yesterday").status == 422
    assert "Nothing on record is like this" in olga.see("/lictor/admin/audit", until="2001-01-01T00:00")
    assert olga.get("/lictor/admin/audit", before="made-up").reason == "unknown-cursor"
    exported = olga.get(link(first, "Export as JSON lines"))
    lines = [json.loads(line) for line in exported.body.decode().splitlines()]
    listed = managed.cli_json("audit", "list", "--actor", "vera", "--operation", "admin.form", "--limit", "10000")
    assert lines == [event for event in listed if event["outcome"] == "refused"] and len(lines) >= 53
    table = list(csv.DictReader(io.StringIO(olga.get(link(first, "Export as CSV")).body.decode())))
    assert [row["id"] for row in table] == [event["id"] for event in lines]


def test_what_others_wrote_is_no_formula_no_markup_and_turns_nothing_round(managed: Gateway, olga: Desk) -> None:
    # She may not lift bans, and what she tried is on record as she wrote it.
    refused = Desk(managed, "wanda").post("/lictor/admin/bans/lift", subject="=cmd|'/c calc'!a0\u202e<i>x")
    assert refused.reason == "permission-denied"
    assert newest(managed, "ban.lift")["object"].startswith("=cmd|")
    exported = olga.get("/lictor/admin/audit/export", format="csv").body.decode()
    cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row if "cmd|" in cell]
    assert cells and all(cell.startswith("'=") for cell in cells), cells
    raw = olga.get("/lictor/admin/audit").body.decode()
    assert "<i>x" not in raw and "\u202e" not in raw and "\\u{202e}" in raw


def test_an_admin_manages_all_but_owners(managed: Gateway) -> None:
    adam, name = Desk(managed, "adam"), fresh()
    adam.do("/lictor/admin/people", name=name, role="developer", scope="*")
    adam.do("/lictor/admin/principal/account-role", name=name, role="admin")
    adam.do("/lictor/admin/principal/account-role", name=name, role="member")
    owners = adam.get("/lictor/admin/principal", name="olga")
    assert owners.status == 200 and "Disable" not in text(owners)
    for path, fields in (
        ("principal/disable", {"name": "olga"}),
        ("principal/remove", {"name": "olga"}),
        ("principal/reset-link", {"name": "olga"}),
        ("principal/key", {"name": "olga", "label": "x", "expires": "30d"}),
        ("principal/account-role", {"name": "olga", "role": "member"}),
        ("grants", {"holder": "principal", "name": "adam", "role": "owner", "scope": "*"}),
        ("roles/max-key-age", {"role": "owner", "days": "1"}),
    ):
        refused = adam.post(f"/lictor/admin/{path}", **fields)
        assert (refused.status, refused.reason) == (403, "permission-denied"), path
    assert adam.post("/lictor/admin/principal/key", name=name, label="x", expires="30d").reason == "permission-denied", "nobody makes a key in another's name"


def test_an_owner_of_a_workspace_sees_and_manages_its_grants_alone(managed: Gateway) -> None:
    wanda, name = Desk(managed, "wanda"), managed.add_user(fresh(), "viewer")
    nav = wanda.see("/lictor/admin")
    assert "who has which role in lab" in nav and "Sessions" not in nav and "Audit" not in nav
    for path in ("keys", "sessions", "bans", "providers", "audit", "audit/export"):
        assert wanda.get(f"/lictor/admin/{path}").reason == "permission-denied", path
    wanda.do("/lictor/admin/grants", holder="principal", name=name, role="runner", scope="lab")
    page = wanda.see("/lictor/admin/principal", name=name)
    assert "runner" in page and "everywhere" not in page
    assert "everywhere" not in wanda.see("/lictor/admin/grants").replace("Grants everywhere", "")
    for scope in ("*", "main"):
        assert wanda.post("/lictor/admin/grants", holder="principal", name=name, role="viewer", scope=scope).reason == "permission-denied"
    everywhere = next(grant["id"] for grant in managed.cli_json("grant", "list", name) if grant["workspace"] is None)
    assert wanda.get("/lictor/admin/grants/remove", grant=everywhere).status == 404
    assert wanda.post("/lictor/admin/grants/remove", grant=everywhere).status == 404
    for path in ("people", "teams", "roles"):
        assert wanda.post(f"/lictor/admin/{path}", name=f"x{fresh()}").reason == "permission-denied"


def test_long_lists_are_shown_a_page_at_a_time(managed: Gateway, olga: Desk) -> None:
    mark = uuid.uuid4().hex[:6]
    names = sorted(f"{mark}-{at:03}" for at in range(53))
    for name in names:
        olga.post("/lictor/admin/service-accounts", name=name)
    first = olga.get("/lictor/admin/service-accounts", q=mark)
    second = olga.get(link(first, "Next page"))
    found = [re.findall(rf">({mark}-\d+)</a>", page.body.decode()) for page in (first, second)]
    assert found[0] + found[1] == names and len(found[0]) == 50
    assert "Next page" not in text(second)
    assert "None has this in the name" in olga.see("/lictor/admin/service-accounts", q="%")


def test_automations_whose_owner_lost_the_right_are_listed_on_the_page_and_by_the_api(managed: Gateway, olga: Desk) -> None:
    name, reader = fresh(), managed.key("olga")
    managed.cli("service-account", "add", name, "--role", "developer")
    made = {"name": f"of {name}", "trigger": {"type": "event"}, "actions": [{"type": "run-deployment", "deployment_id": str(uuid.uuid4())}]}
    assert managed.ask("POST", "/api/automations/", key=managed.key(name), body=made).status == 200

    def listed(**query: str) -> list[dict]:
        return [each for each in managed.ask("GET", f"/lictor/api/v1/automations?{urlencode(query)}", key=reader).json()["items"] if each["name"] == made["name"]]

    (held,) = listed(workspace="main")
    assert (held["owner"]["name"], held["lapsed"], held["why"], held["lacking"]) == (name, False, "", []) and held["needs"]
    assert f"of {name} main {name}" in olga.see("/lictor/admin/automations") and made["name"] not in olga.see("/lictor/admin/automations", show="lapsed")
    assert listed(lapsed="true") == listed(workspace="lab") == []
    assert made["name"] not in Desk(managed, "wanda").see("/lictor/admin/automations"), "an owner of lab is not told of main"
    managed.cli("grant", "remove", name, "--role", "developer")
    (lapsed,) = listed(lapsed="true")
    assert lapsed["lapsed"] and lapsed["why"] == "the owner has no role there" and "manage_automations" in lapsed["lacking"]
    assert "the owner has no role there" in olga.see("/lictor/admin/automations", show="lapsed")
    managed.cli("service-account", "remove", name)
    assert "the owner was removed" in olga.see("/lictor/admin/automations", show="lapsed")
    told = managed.cli_json("audit", "automations")
    assert [each["why"] for each in told if each["name"] == made["name"]] == ["the owner was removed"]


@pytest.mark.parametrize("mode", ["js", "nojs"])
def test_a_browser_does_every_task_as_owner_and_none_as_member(mode: str, tmp_path: Path, recorder: Recorder) -> None:
    gateway = staffed(tmp_path / "gateway", recorder)
    try:
        gateway.cli("service-account", "add", "etl-worker", "--role", "developer")
        gateway.cli("grant", "add", "etl-worker", "--role", "worker")
        gateway.cli("team", "add-member", "data", "etl-worker")
        gateway.cli("grant", "add", "--team", "data", "--role", "runner")
        key = gateway.cli_json("key", "create", "--for", "etl-worker", "--label", "nightly pipeline", "--expires", "20d")
        client = {"User-Agent": "prefect/3.8.8 (API 0.8.4)"}
        made = {"name": "restart the nightly run", "trigger": {"type": "event"}, "actions": [{"type": "run-deployment", "deployment_id": str(uuid.uuid4())}]}
        gateway.ask("POST", "/api/automations/", key=key["key"], body=made, headers=client)
        worker = opens(gateway.port, key["key"], "/api/work_pools/nightly/workers/connect")
        of_vera = gateway.key("vera")
        for at in range(6):
            gateway.ask("POST", f"/api/flow_runs/{uuid.uuid4()}/set_state", key=key["key"], body={"state": {"type": "RUNNING"}}, headers=client)
            gateway.ask("DELETE", f"/api/work_pools/pool-{at}", key=of_vera)
        until("the use is written down", lambda: gateway.cli_json("key", "list", "--for", "etl-worker")[0]["last_used"])
        people = {"password": PASSWORD, "member": "vera", "machine": "etl-worker", "key": key["id"]}
        (tmp_path / "people.json").write_text(json.dumps(people))
        pictures = [str(ROOT / "docs/images")] if os.environ.get("LICTOR_WRITE_DOCS") and mode == "js" else []
        assert drive("admin.mjs", gateway.url, mode, tmp_path / "people.json", *pictures) == "13 tasks, 20 pages"
        assert worker.close_code is None, "whoever only looked has closed nothing"
        worker.close()
    finally:
        gateway.stop()
