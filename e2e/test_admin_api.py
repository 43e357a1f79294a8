"""What may a program manage, and as whom? The admin API: each operation as somebody who may and as somebody who may not, and what it refuses to read."""

import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stage import http, person
from stage.gateway import PASSWORD, ROOT, Gateway
from stage.wait import PROMISE, until

API = "/lictor/api/v1"
UNTESTED = Path(__file__).parent / "api_operations_without_a_test.txt"
WORKSPACE = "default"


@dataclass
class Cast:
    """Somebody of each kind, and a name that nobody has yet whenever one is needed."""

    gateway: Gateway
    keys: dict[str, str]

    def ask(self, who: str | None, method: str, path: str, **more: Any) -> http.Answer:
        """One request as somebody; as nobody with `None`."""
        return self.gateway.ask(method, API + path, key=who and self.keys[who], **more)

    def made(self, path: str, body: dict) -> dict:
        """What the owner makes for a test."""
        answer = self.ask("owner", "POST", path, body=body)
        assert answer.status == 201, answer.body
        return answer.json()

    def user(self) -> str:
        """A new user."""
        return self.made("/users", {"name": fresh(), "role": "viewer"})["name"]

    def machine(self) -> str:
        """A new service account."""
        return self.made("/service-accounts", {"name": fresh()})["name"]

    def team(self) -> str:
        """A new team."""
        return self.made("/teams", {"name": fresh("t")})["name"]

    def role(self) -> str:
        """A new role."""
        return self.made("/roles", {"name": fresh("r"), "permissions": ["see_flows"]})["name"]

    def grant(self) -> str:
        """A new grant in the workspace."""
        return self.made("/grants", {"for": self.user(), "role": "runner", "workspace": WORKSPACE})["id"]

    def key(self) -> str:
        """A new key of a new service account."""
        return self.made("/keys", {"for": self.machine(), "label": "ci"})["id"]

    def session(self) -> str:
        """A new session of a new user."""
        name = self.gateway.add_user(fresh(), "viewer")
        assert person.sign_in(self.gateway.port, name).status == 303
        sessions = self.ask("owner", "GET", "/sessions?limit=1000").json()["items"]
        return next(each["id"] for each in sessions if each["for"] == name)

    def ban(self) -> str:
        """A new ban of a new user."""
        return self.made("/bans", {"account": self.user(), "seconds": 60})["account"]

    def member(self) -> str:
        """The path of a new member of a new team."""
        team, name = self.team(), self.user()
        assert self.ask("owner", "PUT", f"/teams/{team}/members/{name}").status == 204
        return f"/teams/{team}/members/{name}"


def fresh(kind: str = "n") -> str:
    """A name that nothing has."""
    return f"{kind}-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def cast(recorded: Gateway) -> Cast:
    """An owner, an admin, an owner of the workspace alone, and a member who is a developer."""
    keys = {}
    for who, role in (("owner", "owner"), ("admin", None), ("workspace-owner", None), ("member", "developer")):
        name, keys[who] = recorded.newcomer(role)
        if who == "admin":
            recorded.cli("service-account", "set-account-role", name, "admin")
        if who == "workspace-owner":
            recorded.cli("grant", "add", name, "--role", "owner", "--workspace", WORKSPACE)
    cast = Cast(recorded, keys)
    expected = {"owner": "owner", "admin": "admin", "workspace-owner": "member", "member": "member"}
    until("the roles hold", lambda: {who: cast.ask(who, "GET", "/me").json().get("account_role") for who in keys} == expected)
    return cast


@dataclass
class Case:
    """One operation: how it is asked for, and whether an owner of the workspace alone may."""

    method: str
    path: Callable[[Cast], str]
    body: Callable[[Cast], dict] | None = None
    in_workspace: bool = False

    def ask(self, cast: Cast, who: str | None) -> http.Answer:
        """Asks for it on something new."""
        path = self.path(cast)
        return cast.ask(who, self.method, path, **({"body": self.body(cast)} if self.body else {}))


def get(path: str | Callable[[Cast], str], in_workspace: bool = False) -> Case:
    """Something to read."""
    return Case("GET", (lambda _: path) if isinstance(path, str) else path, in_workspace=in_workspace)


CASES = {
    "list_users": get("/users", True),
    "add_user": Case("POST", lambda _: "/users", lambda _: {"name": fresh()}),
    "show_user": get(lambda c: f"/users/{c.user()}", True),
    "change_user": Case("PATCH", lambda c: f"/users/{c.user()}", lambda _: {"disabled": True}),
    "remove_user": Case("DELETE", lambda c: f"/users/{c.user()}"),
    "set_account_role_of_user": Case("PUT", lambda c: f"/users/{c.user()}/account-role", lambda _: {"account_role": "admin"}),
    "make_reset_link": Case("POST", lambda c: f"/users/{c.user()}/reset-link", lambda _: {}),
    "list_factors": get(lambda c: f"/users/{c.user()}/factors"),
    "remove_factors": Case("DELETE", lambda c: f"/users/{c.user()}/factors"),
    "make_factor_reset_link": Case("POST", lambda c: f"/users/{c.user()}/factors/reset-link", lambda _: {"seconds": 60}),
    "list_service_accounts": get("/service-accounts", True),
    "add_service_account": Case("POST", lambda _: "/service-accounts", lambda _: {"name": fresh(), "role": "worker", "workspace": WORKSPACE}),
    "show_service_account": get(lambda c: f"/service-accounts/{c.machine()}", True),
    "change_service_account": Case("PATCH", lambda c: f"/service-accounts/{c.machine()}", lambda _: {"disabled": True}),
    "remove_service_account": Case("DELETE", lambda c: f"/service-accounts/{c.machine()}"),
    "set_account_role_of_service_account": Case("PUT", lambda c: f"/service-accounts/{c.machine()}/account-role", lambda _: {"account_role": "admin"}),
    "list_teams": get("/teams", True),
    "add_team": Case("POST", lambda _: "/teams", lambda _: {"name": fresh("t"), "description": "of a test"}),
    "show_team": get(lambda c: f"/teams/{c.team()}", True),
    "remove_team": Case("DELETE", lambda c: f"/teams/{c.team()}"),
    "add_member": Case("PUT", lambda c: f"/teams/{c.team()}/members/{c.user()}"),
    "remove_member": Case("DELETE", lambda c: c.member()),
    "list_roles": get("/roles", True),
    "add_role": Case("POST", lambda _: "/roles", lambda _: {"name": fresh("r"), "permissions": ["see_flows"], "based_on": "viewer"}),
    "show_role": get("/roles/viewer", True),
    "change_role": Case("PUT", lambda c: f"/roles/{c.role()}", lambda _: {"permissions": []}),
    "remove_role": Case("DELETE", lambda c: f"/roles/{c.role()}"),
    "set_max_key_age": Case("PUT", lambda c: f"/roles/{c.role()}/max-key-age", lambda _: {"seconds": 3600}),
    "set_second_factor": Case("PUT", lambda c: f"/roles/{c.role()}/second-factor", lambda _: {"required": True}),
    "list_grants": get("/grants", True),
    "add_grant": Case("POST", lambda _: "/grants", lambda c: {"for": c.user(), "role": "owner", "workspace": WORKSPACE}, in_workspace=True),
    "show_grant": get(lambda c: f"/grants/{c.grant()}", True),
    "remove_grant": Case("DELETE", lambda c: f"/grants/{c.grant()}", in_workspace=True),
    "list_keys": get("/keys"),
    "make_key": Case("POST", lambda _: "/keys", lambda c: {"for": c.machine(), "label": "ci", "expires_at": "2099-01-31T00:00:00Z", "limits": {"read_only": True, "networks": ["127.0.0.1"]}}),
    "show_key": get(lambda c: f"/keys/{c.key()}"),
    "revoke_key": Case("DELETE", lambda c: f"/keys/{c.key()}"),
    "rotate_key": Case("POST", lambda c: f"/keys/{c.key()}/rotate", lambda _: {"overlap_seconds": 60}),
    "disable_key": Case("POST", lambda c: f"/keys/{c.key()}/disable"),
    "enable_key": Case("POST", lambda c: f"/keys/{c.key()}/enable"),
    "list_sessions": get("/sessions"),
    "end_session": Case("DELETE", lambda c: f"/sessions/{c.session()}"),
    "list_bans": get("/bans"),
    "add_ban": Case("POST", lambda _: "/bans", lambda c: {"account": c.user(), "seconds": 60}),
    "lift_bans": Case("DELETE", lambda c: f"/bans/{c.ban()}"),
    "list_workspaces": get("/workspaces", True),
    "list_automations": get("/automations", True),
    "list_audit": get("/audit?limit=5&outcome=allowed"),
}  # fmt: skip
FOR_ANYBODY = {"me"}


def test_every_operation_has_somebody_who_may_and_somebody_who_may_not(cast: Cast) -> None:
    described = cast.ask("member", "GET", "/openapi.json").json()
    assert described["openapi"].startswith("3.1.")
    operations = {operation["operationId"]: (method.upper(), path) for path, item in described["paths"].items() for method, operation in item.items()}
    listed = {line for line in UNTESTED.read_text().splitlines() if line and not line.startswith("#")}
    assert set(operations) - set(CASES) - FOR_ANYBODY == listed
    assert not (set(CASES) | FOR_ANYBODY) - set(operations), "a case of an operation that is not there"
    assert {name: case.method for name, case in CASES.items()} == {name: operations[name][0] for name in CASES}
    assert listed == set(), "an operation without such a test needs one"


@pytest.mark.parametrize("operation", CASES)
def test_an_operation_is_done_for_an_admin_and_refused_to_a_member(cast: Cast, operation: str) -> None:
    case = CASES[operation]
    done = case.ask(cast, "admin")
    assert done.status in (200, 201, 204), (done.status, done.body)
    assert done.headers["cache-control"] == "no-store"
    refused = case.ask(cast, "member")
    assert (refused.status, refused.reason) == (403, "permission-denied"), refused.body
    assert "admin or owner" in refused.json()["detail"]
    nobody = case.ask(cast, None)
    assert (nobody.status, nobody.reason) == (401, "authentication-required")
    if case.method != "GET":
        me = cast.ask("member", "GET", "/me").json()["name"]
        newest = cast.ask("owner", "GET", f"/audit?limit=1&actor={me}").json()["items"][0]
        assert (newest["outcome"], newest["reason"], newest["request"]) == ("refused", "permission-denied", refused.headers["x-request-id"])


@pytest.mark.parametrize("operation", CASES)
def test_an_owner_of_one_workspace_manages_what_is_granted_there_and_no_more(cast: Cast, operation: str) -> None:
    answer = CASES[operation].ask(cast, "workspace-owner")
    if CASES[operation].in_workspace:
        assert answer.status in (200, 201, 204), (answer.status, answer.body)
    else:
        assert (answer.status, answer.reason) == (403, "permission-denied"), answer.body


def test_an_owner_of_one_workspace_neither_sees_nor_gives_what_holds_elsewhere(cast: Cast) -> None:
    seen = cast.ask("workspace-owner", "GET", "/grants?limit=1000").json()["items"]
    assert seen and {each["workspace"] for each in seen} == {WORKSPACE}
    everywhere = {"for": cast.user(), "role": "viewer"}
    assert cast.ask("workspace-owner", "POST", "/grants", body=everywhere).status == 403
    given = next(each for each in cast.ask("owner", "GET", "/grants?limit=1000").json()["items"] if each["workspace"] is None)
    assert cast.ask("workspace-owner", "DELETE", f"/grants/{given['id']}").status == 404
    team = cast.team()
    cast.made("/grants", {"team": team, "role": "viewer"})
    assert cast.ask("workspace-owner", "GET", f"/teams/{team}").json()["grants"] == []


def test_an_admin_makes_no_owner_and_touches_none(cast: Cast) -> None:
    me, owner = (cast.ask(who, "GET", "/me").json()["name"] for who in ("admin", "owner"))
    own_key = next(each["id"] for each in cast.ask("owner", "GET", f"/keys?for={owner}").json()["items"])
    team = cast.team()
    tries = [
        ("POST", "/grants", {"for": me, "role": "owner"}),
        ("POST", "/grants", {"team": team, "role": "owner"}),
        ("POST", "/users", {"name": fresh(), "role": "owner"}),
        ("PATCH", f"/service-accounts/{owner}", {"disabled": True}),
        ("PUT", f"/service-accounts/{owner}/account-role", {"account_role": "member"}),
        ("DELETE", f"/service-accounts/{owner}", None),
        ("POST", "/users/admin/reset-link", {}),
        ("POST", "/users/admin/factors/reset-link", {}),
        ("DELETE", "/users/admin/factors", None),
        ("PUT", "/roles/owner/second-factor", {"required": False}),
        ("POST", "/keys", {"for": owner}),
        ("POST", f"/keys/{own_key}/rotate", {}),
        ("POST", f"/keys/{own_key}/disable", None),
        ("DELETE", f"/keys/{own_key}", None),
        ("POST", "/bans", {"account": "admin", "seconds": 60}),
        ("PUT", "/roles/owner/max-key-age", {"seconds": 1}),
    ]
    for method, path, body in tries:
        answer = cast.ask("admin", method, path, body=body)
        assert (answer.status, answer.reason) == (403, "permission-denied"), (method, path, answer.body)
    demoted = cast.ask("owner", "PUT", f"/service-accounts/{owner}/account-role", body={"account_role": "member"})
    assert (demoted.status, demoted.reason) == (409, "state-conflict"), "an owner is one by a grant, and stays one until that is taken away"
    cast.made("/grants", {"team": team, "role": "owner"})
    assert cast.ask("admin", "PUT", f"/teams/{team}/members/{me}").status == 403
    assert cast.ask("admin", "DELETE", f"/teams/{team}").status == 403
    assert cast.ask("admin", "GET", "/me").json()["account_role"] == "admin"
    assert cast.ask("owner", "DELETE", f"/teams/{team}").status == 204


def test_nobody_makes_a_key_in_the_name_of_another_person(cast: Cast) -> None:
    for who in ("owner", "admin"):
        answer = cast.ask(who, "POST", "/keys", body={"for": cast.user()})
        assert (answer.status, answer.reason) == (403, "permission-denied"), answer.body


def test_what_is_done_holds_at_once_and_is_on_record_as_by_the_command_line(cast: Cast) -> None:
    made = cast.made("/keys", {"for": cast.machine(), "label": "held"})
    name = made["for"]
    assert cast.gateway.ask("GET", f"{API}/me", key=made["key"]).json()["name"] == name
    assert cast.ask("admin", "POST", f"/keys/{made['id']}/disable").status == 204
    assert cast.gateway.ask("GET", f"{API}/me", key=made["key"]).reason == "disabled-key"
    assert cast.ask("admin", "POST", f"/keys/{made['id']}/enable").status == 204
    assert cast.ask("admin", "PATCH", f"/service-accounts/{name}", body={"disabled": True}).json()["disabled"] is True
    assert cast.gateway.ask("GET", f"{API}/me", key=made["key"]).reason == "principal-disabled"
    admin = cast.ask("admin", "GET", "/me").json()
    events = cast.ask("owner", "GET", f"/audit?actor={admin['id']}&limit=3").json()["items"]
    assert [each["operation"] for each in events] == ["service-account.disable", "key.enable", "key.disable"]
    assert {each["client_ip"] for each in events} == {"127.0.0.1"} and all(each["credential"]["kind"] == "key" and each["request"] for each in events)


def test_a_key_is_shown_once_and_named_by_its_id_alone(cast: Cast) -> None:
    made = cast.made("/keys", {"for": cast.machine(), "label": fresh("label")})
    shown = cast.ask("owner", "GET", f"/keys/{made['id']}")
    assert made["key"].startswith("lictor_") and made["key"] not in shown.body.decode() and shown.json()["masked"].endswith(made["key"][-4:])
    # On the command line the label and the end name it too.
    for other in (made["label"], made["key"][-4:], made["id"].upper(), "+" + made["id"], "0" + made["id"], made["id"][:8]):
        for method, more in (("GET", ""), ("DELETE", ""), ("POST", "/disable")):
            assert cast.ask("owner", method, f"/keys/{other}{more}").status == 404, other
    assert cast.ask("owner", "GET", f"/keys/{made['id']}").json()["state"] == "active"


def test_a_reset_link_lets_its_user_in(cast: Cast) -> None:
    name = cast.user()
    link = cast.ask("admin", "POST", f"/users/{name}/reset-link", body={"seconds": 600}).json()
    assert link["url"].startswith(f"{cast.gateway.url}/lictor/reset?token=")
    page = http.ask(cast.gateway.port, "GET", link["url"].removeprefix(cast.gateway.url), headers={"Accept": "text/html"})
    assert page.status == 200 and name in page.body.decode()


def test_the_command_line_does_the_same(cast: Cast) -> None:
    role, name, cli = fresh("r"), cast.user(), cast.gateway.cli
    cli("role", "add", role, "--permission", "see_flows")
    cli("role", "change", role, "--based-on", "worker", "--permission", "see_artifacts", "--description", "changed")
    shown = cast.ask("owner", "GET", f"/roles/{role}").json()
    assert (shown["based_on"], shown["permissions"], shown["description"]) == ("worker", ["see_artifacts"], "changed")
    assert cast.gateway.run("role", "change", "viewer", "--permission", "see_flows").returncode == 1
    for rank in ("admin", "member"):
        cli("user", "set-account-role", name, rank)
        until("the account role holds", lambda rank=rank: cast.ask("owner", "GET", f"/users/{name}").json()["account_role"] == rank, PROMISE)
    owner = cast.gateway.run("user", "set-account-role", name, "owner")
    assert owner.returncode == 2 and "grant add" in owner.stderr
    nowhere = cast.gateway.run("service-account", "add", fresh(), "--role", "viewer", "--workspace", "nowhere")
    assert nowhere.returncode == 1 and "no workspace" in nowhere.stderr
    events = cast.ask("owner", "GET", "/audit?actor=console&limit=4").json()["items"]
    assert [each["operation"] for each in events] == ["account-role.set", "account-role.set", "role.change", "role.add"]


# --- who is heard ---


def test_passwords_and_sessions_are_heard_and_narrow_keys_are_not(cast: Cast) -> None:
    name = cast.gateway.add_user(fresh(), "owner")
    assert http.ask(cast.gateway.port, "GET", f"{API}/users", headers=http.basic(f"{name}:{PASSWORD}")).status == 200
    narrow = cast.gateway.key(name, "--read-only")
    assert cast.gateway.ask("GET", f"{API}/users", key=narrow).reason == "key-too-narrow"
    cookie = {"Cookie": person.sign_in(cast.gateway.port, name).headers["set-cookie"].split(";")[0]}
    assert cast.gateway.ask("GET", f"{API}/users", headers=cookie).status == 200
    body = {"name": fresh("t")}
    for origin in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}):
        assert cast.gateway.ask("POST", f"{API}/teams", headers={**cookie, **origin}, body=body).reason == "cross-origin"
    assert cast.gateway.ask("POST", f"{API}/teams", headers={**cookie, "Sec-Fetch-Site": "same-origin"}, body=body).status == 201


def test_a_first_password_is_changed_before_anything_is_managed(cast: Cast) -> None:
    name = fresh()
    cast.gateway.cli("user", "add", name, "--role", "owner", "--must-change", "--password-stdin", stdin=PASSWORD + "\n")
    answer = http.ask(cast.gateway.port, "GET", f"{API}/users", headers=http.basic(f"{name}:{PASSWORD}"))
    assert answer.reason == "password-change-required"


# --- what is read ---


def test_a_body_that_reads_two_ways_or_says_too_much_changes_nothing(cast: Cast) -> None:
    name, kind = fresh(), {"Content-Type": "application/json"}
    bodies = [
        b"", b"[]", b"null", b"{", b"{} {}", b'{"name": 1}', f'{{"name":"{name}","name":"{name}"}}'.encode(), f'{{"name":"{name}","id":"x"}}'.encode(),
        f'{{"name":"{name}","account_role":"owner"}}'.encode(), f'{{"name":"{name}","disabled":false}}'.encode(), f'{{"Name":"{name}"}}'.encode(),
        f'{{"name":"{name}","role":"\\ud800"}}'.encode(), b"\xef\xbb\xbf" + f'{{"name":"{name}"}}'.encode(), f'{{"name":"{name}"}}'.encode("utf-16"),
        f'{{"name":"{name}","x":{"[" * 100}{"]" * 100}}}'.encode(),
    ]  # fmt: skip
    for body in bodies:
        answer = cast.ask("owner", "POST", "/users", body=body, headers=kind)
        assert (answer.status, answer.reason) == (400, "malformed-body"), (body, answer.body)
    unusable = [{"name": "Alice"}, {"name": name, "role": "no-such-role"}, {"name": name, "workspace": WORKSPACE}, {"name": name, "role": "viewer", "workspace": "no"}]
    for body in unusable:
        answer = cast.ask("owner", "POST", "/users", body=body)
        assert (answer.status, answer.reason) == (422, "unusable-value"), (body, answer.body)
    good = f'{{"name":"{name}"}}'.encode()
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {}):
        assert cast.ask("owner", "POST", "/users", body=good, headers=headers).status == 415
    assert cast.ask("owner", "POST", "/users", body=b'{"name":"' + b"a" * 20_000 + b'"}', headers=kind).status == 413
    assert cast.ask("owner", "GET", f"/users/{name}").status == 404


def test_names_and_ids_have_one_spelling(cast: Cast) -> None:
    user = cast.user()
    for path in ("/users/01", "/users/+1", f"/users/{user.upper()}", f"/users/{user}%20", "/teams/01", "/roles/Viewer", "/grants/01", "/sessions/+1", f"/service-accounts/{user}"):
        assert cast.ask("owner", "GET" if "sessions" not in path else "DELETE", path).status == 404, path
    for path in (f"/users/{user}/", "/users/", "/userss", "/USERS", ""):
        assert cast.ask("owner", "GET", path).status == 404, path
    for path in ("//users", "/users/..%2f", "/users/%2e%2e/roles", "/users;x"):
        assert cast.ask("owner", "GET", path).status == 400, path


def test_lists_are_read_to_their_end_and_cursors_cannot_be_made_up(cast: Cast) -> None:
    for _ in range(3):
        cast.user()
    for path, key in (("/users", "name"), ("/grants", "id"), ("/audit", "id")):
        seen, cursor = [], ""
        for _ in range(4):
            page = cast.ask("owner", "GET", f"{path}?limit=2{cursor}").json()
            seen += [each[key] for each in page["items"]]
            cursor = f"&cursor={page['next']}"
            if page["next"] is None:
                break
        assert len(seen) == len(set(seen)) > 2
    whole = cast.ask("owner", "GET", "/users?limit=1000").json()
    assert [each["name"] for each in whole["items"]] == sorted(each["name"] for each in whole["items"])
    for path in ("/users?cursor=A", "/grants?cursor=%00", "/audit?cursor=1", f"/audit?cursor={uuid.uuid4()}", "/bans?cursor=01", "/keys?cursor=+1"):
        answer = cast.ask("owner", "GET", path)
        assert (answer.status, answer.reason) == (400, "unknown-cursor"), (path, answer.body)
    for path in ("/users?limit=1&limit=2", "/users?sort=name", "/audit?limit=-1", "/audit?limit=x", "/users?limit="):
        answer = cast.ask("owner", "GET", path)
        assert (answer.status, answer.reason) == (400, "malformed-query"), path
    for path in ("/users?limit=0", "/audit?limit=1001", "/audit?since=yesterday", "/audit?outcome=maybe"):
        assert cast.ask("owner", "GET", path).status == 422, path


def test_a_conflict_is_named(own_gateway: Gateway) -> None:
    gateway = own_gateway
    _, key = gateway.newcomer("owner")
    ask = lambda method, path, body=None: gateway.ask(method, API + path, key=key, body=body)  # noqa: E731
    last = [("PATCH", "/users/admin", {"disabled": True}), ("DELETE", "/users/admin", None)]
    grant = next(each["id"] for each in ask("GET", "/grants").json()["items"] if each["for"] == "admin")
    for method, path, body in [*last, ("DELETE", f"/grants/{grant}", None)]:
        answer = ask(method, path, body)
        assert (answer.status, answer.reason) == (409, "last-owner"), (path, answer.body)
    assert ask("POST", "/users", {"name": "admin"}).reason == "name-taken"
    assert ask("DELETE", "/roles/viewer").reason == "state-conflict"
    assert ask("POST", "/roles", {"name": "narrow", "permissions": []}).json()["allows"] == []
    for permissions in (["*"], ["flwos:read"], ["See_flows"]):
        assert ask("PUT", "/roles/narrow", {"permissions": permissions}).reason == "unusable-value"
    assert ask("POST", "/grants", {"for": "admin", "role": "narrow"}).status == 201
    assert ask("DELETE", "/roles/narrow").reason == "state-conflict"


# --- against its own description ---


@pytest.mark.parametrize("choice", ["exclude", "include"], ids=["all-else", "what-shuts-passwords-out"])
def test_a_fuzzer_finds_no_answer_that_is_not_described(own_gateway: Gateway, tmp_path: Path, choice: str) -> None:
    # It learns ids from the lists, and would revoke its own key; the last owner's password it can only ban, or ask more than it of.
    choose = [word for operation in ("add_ban", "set_second_factor") for word in (f"--{choice}-operation-id", operation)]
    own_gateway.cli("user", "set-password", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    _, key = own_gateway.newcomer("owner")
    auth = http.bearer(key) if choice == "include" else http.basic(f"admin:{PASSWORD}")
    document = tmp_path / "openapi.json"
    document.write_bytes(own_gateway.ask("GET", f"{API}/openapi.json", headers=auth).body)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection"
    command = [
        ROOT / ".venvs/api/bin/schemathesis", "run", document, "--url", own_gateway.url, "-H", f"Authorization: {auth['Authorization']}", "--checks", checks,
        "--phases", "coverage,fuzzing", "-n", "10", "--seed", "7", "--generation-database", "none", "--no-color", *choose,
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240, check=False)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert own_gateway.ask("GET", f"{API}/me", headers=auth).json()["account_role"] == "owner", "it went on as an owner to the end"
