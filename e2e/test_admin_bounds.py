"""How far does somebody get who manages one workspace, or all but owners, and wants more? On the pages, through the API, and by what roles bring along."""

import re
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from stage import http
from stage.desk import Desk, text
from stage.gateway import PASSWORD, Gateway
from stage.recorder import Recorder
from stage.staff import staffed
from stage.visitor import Visitor
from stage.wait import until

API = "/lictor/api/v1"
WEEK = 7 * 86400 * 10**6


@dataclass
class Scene:
    """A gateway with something of everybody's to attack."""

    gateway: Gateway
    ids: dict[str, str]

    def filled(self, text: str) -> str:
        """A text with the ids in it."""
        return re.sub(r"<([a-z-]+)>", lambda found: self.ids[found[1]], text)

    def state(self) -> list:
        """Everything that an attack could change."""
        lists = [("key", "list"), ("ban", "list"), ("user", "list"), ("service-account", "list"), ("grant", "list"), ("team", "list"), ("role", "list")]
        return [self.gateway.cli("export"), *(without_uses(self.gateway.cli_json(*each)) for each in lists), self.gateway.cli_json("user", "factors", "olga")]


def without_uses(listed: list[dict]) -> list[dict]:
    """A list without what changes by being looked at."""
    return [{name: value for name, value in each.items() if name != "last_used"} for each in listed]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """Besides the staff: `root`, a machine that owns; `etl`, a worker in main; the team `owners`, which makes owners; a role of main."""
    gateway = staffed(tmp_path_factory.mktemp("bounds"), recorder)
    cli, ids = gateway.cli, {}
    cli("role", "add", "shipper", "--based-on", "viewer", "--permission", "write_deployments")
    cli("service-account", "add", "root", "--role", "owner")
    cli("service-account", "add", "etl")
    cli("grant", "add", "etl", "--role", "worker", "--workspace", "main")
    cli("grant", "add", "vera", "--role", "shipper", "--workspace", "main")
    cli("grant", "add", "--team", "data", "--role", "developer")
    cli("team", "add", "owners")
    cli("grant", "add", "--team", "owners", "--role", "owner")
    gateway.add_user("tom")
    cli("team", "add-member", "owners", "tom")
    for name in ("olga", "root", "etl", "vera", "wanda", "adam"):
        ids[f"key-of-{name}"] = gateway.cli_json("key", "create", "--for", name, "--label", f"of {name}")["id"]
    for grant in gateway.cli_json("grant", "list"):
        ids[f"grant-of-{grant['for'] or grant['team']}-in-{grant['workspace'] or 'all'}"] = grant["id"]
    olga = Desk(gateway, "olga")
    page = olga.get("/lictor/admin/principal", name="olga").body.decode()
    ids["session-of-olga"] = re.search(r'name="session" value="([^"]+)"', page)[1]
    yield Scene(gateway, ids)
    gateway.stop()


# What a page takes, as an owner of the workspace lab alone: nothing of it is hers.
OF_WANDA = [
    ("people", "name=mole&role=owner&scope=lab"),
    ("people", "name=mole"),
    ("service-accounts", "name=mole&role=viewer&scope=lab"),
    ("principal/disable", "name=vera"),
    ("principal/disable", "name=olga"),
    ("principal/enable", "name=vera"),
    ("principal/remove", "name=vera"),
    ("principal/account-role", "name=wanda&role=admin"),
    ("principal/account-role", "name=olga&role=member"),
    ("principal/reset-link", "name=vera"),
    ("principal/reset-link", "name=olga"),
    ("principal/reset-link", "name=wanda"),
    ("principal/factors/reset-link", "name=vera"),
    ("principal/factors/remove", "name=vera"),
    ("principal/key", "name=etl&label=x&expires=30d"),
    ("principal/key", "name=root&label=x&expires=30d"),
    ("principal/key", "name=wanda&label=x&expires=30d"),
    ("teams", "name=moles&description="),
    ("team/add-members", "team=data&names=wanda"),
    ("team/add-members", "team=owners&names=wanda"),
    ("team/remove-member", "team=owners&name=tom"),
    ("team/remove", "name=data"),
    ("roles", "name=mole&base=owner"),
    ("roles/change", "name=shipper&base=owner&confirmed=yes"),
    ("roles/remove", "name=shipper"),
    ("roles/max-key-age", "role=viewer&days=1&confirmed=yes"),
    ("roles/max-key-age", "role=viewer&days=1"),
    ("roles/second-factor", "role=viewer&demand=required"),
    ("grants", "holder=principal&name=wanda&role=owner&scope=*"),
    ("grants", "holder=principal&name=wanda&role=owner&scope=main"),
    ("grants", "holder=team&name=data&role=owner&scope=*"),
    ("grants", "holder=team&name=data&role=owner&scope=main"),
    ("grants/remove", "grant=<grant-of-etl-in-main>"),
    ("grants/remove", "grant=<grant-of-olga-in-all>"),
    ("grants/remove", "grant=<grant-of-data-in-all>"),
    ("keys/revoke", "key=<key-of-olga>"),
    ("keys/revoke", "key=<key-of-etl>"),
    ("keys/disable", "key=<key-of-vera>"),
    ("keys/enable", "key=<key-of-vera>"),
    ("keys/rotate", "key=<key-of-wanda>&overlap=0"),
    ("keys/rotate", "key=<key-of-etl>&overlap=0"),
    ("sessions/end", "session=<session-of-olga>"),
    ("bans", "account=olga&seconds=3600"),
    ("bans", "address=192.0.2.7&seconds=3600"),
    ("bans/lift", "subject=olga"),
    ("providers/try", "provider=okta&claims=%7B%7D"),
]
# And what she may not look at.
HIDDEN_FROM_WANDA = [
    "keys", "keys/revoke?key=<key-of-etl>", "keys/disable?key=<key-of-olga>", "sessions", "bans", "providers", "audit", "audit?actor=wanda", "audit/export?format=csv", "audit/export?format=jsonl",
    "principal/factors?name=vera", "principal/factors?name=wanda", "principal/disable?name=vera", "principal/remove?name=etl", "grants/remove?grant=<grant-of-etl-in-main>",
]  # fmt: skip
BY_API_OF_WANDA = [
    ("POST", "/users", {"name": "mole", "role": "viewer", "workspace": "lab"}),
    ("PATCH", "/users/vera", {"disabled": True}),
    ("DELETE", "/users/vera", None),
    ("PUT", "/users/wanda/account-role", {"account_role": "admin"}),
    ("POST", "/users/vera/reset-link", {}),
    ("POST", "/users/wanda/reset-link", {}),
    ("GET", "/users/vera/factors", None),
    ("DELETE", "/users/vera/factors", None),
    ("POST", "/users/olga/factors/reset-link", {}),
    ("PATCH", "/service-accounts/etl", {"disabled": True}),
    ("PUT", "/service-accounts/etl/account-role", {"account_role": "admin"}),
    ("POST", "/keys", {"for": "etl"}),
    ("POST", "/keys", {"for": "root"}),
    ("POST", "/keys", {"for": "etl", "limits": {"workspace": "lab"}}),
    ("POST", "/keys/<key-of-root>/rotate", {}),
    ("POST", "/keys/<key-of-wanda>/rotate", {}),
    ("DELETE", "/keys/<key-of-olga>", None),
    ("GET", "/keys?for=wanda", None),
    ("GET", "/sessions", None),
    ("DELETE", "/sessions/<session-of-olga>", None),
    ("GET", "/bans", None),
    ("POST", "/bans", {"account": "olga", "seconds": 60}),
    ("GET", "/audit?actor=vera", None),
    ("PUT", "/teams/data/members/wanda", None),
    ("DELETE", "/teams/owners/members/tom", None),
    ("POST", "/teams", {"name": "moles"}),
    ("POST", "/roles", {"name": "mole", "permissions": [], "based_on": "owner"}),
    ("PUT", "/roles/shipper", {"permissions": ["manage_blocks"]}),
    ("DELETE", "/roles/shipper", None),
    ("PUT", "/roles/viewer/max-key-age", {"seconds": 1}),
    ("PUT", "/roles/viewer/second-factor", {"required": True}),
    ("POST", "/grants", {"for": "wanda", "role": "owner"}),
    ("POST", "/grants", {"for": "wanda", "role": "viewer", "workspace": "main"}),
    ("POST", "/grants", {"for": "wanda", "role": "viewer", "workspace": "nowhere"}),
    ("POST", "/grants", {"team": "data", "role": "owner"}),
    ("DELETE", "/grants/<grant-of-etl-in-main>", None),
    ("DELETE", "/grants/<grant-of-olga-in-all>", None),
]
# An admin of the account, of whom owners, what makes them and what they come in with are safe.
OF_ADAM = [
    ("people", "name=mole&role=owner&scope=*"),
    ("service-accounts", "name=mole&role=owner&scope=*"),
    ("principal/disable", "name=olga"),
    ("principal/disable", "name=tom"),
    ("principal/remove", "name=olga"),
    ("principal/remove", "name=root"),
    ("principal/account-role", "name=olga&role=member"),
    ("principal/account-role", "name=tom&role=admin"),
    ("principal/reset-link", "name=olga"),
    ("principal/reset-link", "name=tom"),
    ("principal/factors/reset-link", "name=olga"),
    ("principal/factors/remove", "name=tom"),
    ("principal/key", "name=olga&label=x&expires=30d"),
    ("principal/key", "name=root&label=x&expires=30d"),
    ("principal/key", "name=vera&label=x&expires=30d"),
    ("team/add-members", "team=owners&names=adam"),
    ("team/remove-member", "team=owners&name=tom"),
    ("team/remove", "name=owners"),
    ("roles/max-key-age", "role=owner&days=1&confirmed=yes"),
    ("roles/second-factor", "role=owner&demand=required"),
    ("roles/second-factor", "role=owner&demand=none"),
    ("grants", "holder=principal&name=adam&role=owner&scope=*"),
    ("grants", "holder=team&name=data&role=owner&scope=*"),
    ("grants/remove", "grant=<grant-of-olga-in-all>"),
    ("grants/remove", "grant=<grant-of-owners-in-all>"),
    ("grants/remove", "grant=<grant-of-root-in-all>"),
    ("keys/revoke", "key=<key-of-olga>"),
    ("keys/disable", "key=<key-of-root>"),
    ("keys/enable", "key=<key-of-root>"),
    ("keys/rotate", "key=<key-of-root>&overlap=0"),
    ("keys/rotate", "key=<key-of-olga>&overlap=0"),
    ("keys/rotate", "key=<key-of-vera>&overlap=0"),
    ("sessions/end", "session=<session-of-olga>"),
    ("bans", "account=olga&seconds=3600"),
    ("bans", "account=tom&address=192.0.2.7&seconds=3600"),
]
BY_API_OF_ADAM = [
    ("POST", "/keys/<key-of-root>/rotate", {}),
    ("POST", "/keys/<key-of-olga>/rotate", {}),
    ("POST", "/keys", {"for": "olga", "limits": {"read_only": True}}),
    ("PUT", "/users/adam/account-role", {"account_role": "owner"}),
    ("PUT", "/users/olga/account-role", {"account_role": "admin"}),
    ("PATCH", "/service-accounts/root", {"disabled": True}),
    ("POST", "/grants", {"for": "etl", "role": "owner", "workspace": None}),
    ("POST", "/users", {"name": "mole", "role": "owner"}),
]


def send(desk: Desk, path: str, fields: str) -> http.Answer:
    """A form as it stands."""
    pairs = [part.partition("=")[::2] for part in fields.split("&")]
    return desk.post(f"/lictor/admin/{path}", **{name: value.replace("%7B%7D", "{}") for name, value in pairs})


def hold(scene: Scene, who: str, forms: list[tuple[str, str]], calls: list[tuple[str, str, dict | None]]) -> None:
    """Tries all of it as somebody: each is refused, and nothing is otherwise afterwards."""
    desk, key = Desk(scene.gateway, who), scene.gateway.key(who)
    before = scene.state()
    for path, fields in forms:
        answer = send(desk, path, scene.filled(fields))
        # Of what is not theirs to know it is not said that it is there.
        assert answer.status in (403, 404), (path, fields, answer.status, text(answer)[:300])
    for method, path, body in calls:
        answer = scene.gateway.ask(method, API + scene.filled(path), key=key, body=body)
        assert answer.status in (403, 404) or answer.reason in ("state-conflict", "unusable-value"), (method, path, body, answer.status, answer.body)
    assert scene.state() == before


def test_an_owner_of_one_workspace_gets_no_further_than_its_grants(scene: Scene) -> None:
    hold(scene, "wanda", OF_WANDA, BY_API_OF_WANDA)
    desk = Desk(scene.gateway, "wanda")
    for path in HIDDEN_FROM_WANDA:
        answer = desk.get(f"/lictor/admin/{scene.filled(path)}")
        assert answer.status in (403, 404) and "192.0.2" not in text(answer), (path, answer.status)
    for page in ("principal?name=olga", "principal?name=etl", "team?name=data", "workspaces", "grants", "roles", "people", "service-accounts"):
        shown = desk.see(f"/lictor/admin/{page}")
        assert "worker in main" not in shown and "shipper in main" not in shown and "owner everywhere" not in shown and "of etl" not in shown, page
    # What is hers she does, and no role of hers reaches out of it.
    scene.gateway.cli("user", "add", "newcomer", "--password-stdin", stdin=PASSWORD + "\n")
    desk.do("/lictor/admin/grants", holder="principal", name="newcomer", role="owner", scope="lab")
    newcomer = Desk(scene.gateway, "newcomer")
    until("it holds", lambda: newcomer.get("/lictor/admin").status == 200, 10)
    assert newcomer.post("/lictor/admin/grants", holder="principal", name="newcomer", role="viewer", scope="main").reason == "permission-denied"
    scene.gateway.cli("user", "remove", "newcomer")


def test_what_was_refused_is_on_record_with_who_tried(scene: Scene) -> None:
    mark = Desk(scene.gateway, "wanda").post("/lictor/admin/principal/disable", name="olga").headers["x-request-id"]
    (event,) = [each for each in scene.gateway.cli_json("audit", "list", "--actor", "wanda", "--limit", "20") if each["request"] == mark]
    assert (event["operation"], event["object"], event["outcome"], event["reason"]) == ("user.disable", "olga", "refused", "permission-denied")


def test_an_admin_of_the_account_makes_unmakes_and_locks_out_no_owner(scene: Scene) -> None:
    hold(scene, "adam", OF_ADAM, BY_API_OF_ADAM)


def aged(gateway: Gateway, id: str) -> None:
    """Makes a key a week older."""
    store = sqlite3.connect(gateway.folder / "lictor.db", timeout=10)
    with store:
        store.execute("UPDATE api_keys SET created_at = created_at - ? WHERE id = ?", (WEEK, id))
    store.close()


def test_nobody_ends_by_a_roles_demands_the_keys_of_those_whom_they_do_not_manage(scene: Scene) -> None:
    gateway = scene.gateway
    bound, team = f"r{uuid.uuid4().hex[:6]}", f"t{uuid.uuid4().hex[:6]}"
    gateway.cli("role", "add", bound, "--based-on", "viewer")
    gateway.cli("role", "set-max-key-age", bound, "3d")
    gateway.cli("team", "add", team)
    gateway.cli("grant", "add", "--team", team, "--role", bound, "--workspace", "lab")
    for name in ("olga", "vera"):
        aged(gateway, scene.ids[f"key-of-{name}"])
    before = scene.state()
    wanda, adam = Desk(gateway, "wanda"), Desk(gateway, "adam")
    free = f"r{uuid.uuid4().hex[:6]}"
    gateway.cli("role", "add", free, "--permission", "see_flows")
    gateway.cli("grant", "add", "olga", "--role", free, "--workspace", "lab")
    tries = [
        (wanda, "grants", {"holder": "principal", "name": "vera", "role": bound, "scope": "lab"}),
        (wanda, "grants", {"holder": "principal", "name": "olga", "role": bound, "scope": "lab"}),
        (adam, "grants", {"holder": "principal", "name": "olga", "role": bound, "scope": "*"}),
        (adam, "team/add-members", {"team": team, "names": "olga"}),
        (adam, "roles/max-key-age", {"role": free, "days": "3", "confirmed": "yes"}),
        (adam, "roles/second-factor", {"role": free, "demand": "required"}),
    ]
    for desk, path, fields in tries:
        refused = desk.post(f"/lictor/admin/{path}", **fields)
        assert (refused.status, refused.reason) == (403, "permission-denied"), (path, fields, text(refused)[:300])
        assert "only whoever manages" in text(refused), text(refused)[:300]
    # Through the base of a role that is held already.
    gateway.cli("role", "set-max-key-age", "runner", "3d")
    rebased = adam.post("/lictor/admin/roles/change", name=free, base="runner", confirmed="yes")
    assert (rebased.status, rebased.reason) == (403, "permission-denied"), text(rebased)[:300]
    gateway.cli("role", "set-max-key-age", "runner", "none")
    gateway.cli("grant", "remove", "olga", "--role", free, "--workspace", "lab")
    gateway.cli("role", "remove", free)
    assert scene.state() == before, "keys that were good are good"
    # Whoever may manage them may: an admin those of a member, and an owner those of an owner.
    adam.do("/lictor/admin/grants", holder="principal", name="vera", role=bound, scope="lab")
    assert {key["label"]: key["state"] for key in gateway.cli_json("key", "list", "--for", "vera")}["of vera"] == "expired"
    Desk(gateway, "olga").do("/lictor/admin/team/add-members", team=team, names="olga")
    # And where no key would end, an owner of a workspace gives the role as any other.
    gateway.cli("user", "add", "young", "--password-stdin", stdin=PASSWORD + "\n")
    gateway.cli("key", "create", "--for", "young")
    wanda.do("/lictor/admin/grants", holder="principal", name="young", role=bound, scope="lab")


def test_an_admin_opens_no_way_around_single_sign_on(tmp_path: Path, recorder: Recorder) -> None:
    folder = tmp_path / "closed"
    gateway = staffed(folder, recorder)
    try:
        made = gateway.cli_json("key", "create", "--for", "adam")["key"]
        gateway.stop()
        config = folder / "lictor.toml"
        config.write_text(config.read_text() + '[sign_in]\nlocal_passwords = "break-glass"\nbreak_glass = "olga"\n')
        gateway.start()
        assert gateway.ask("POST", f"{API}/users", key=made, body={"name": "mole", "role": "developer"}).status == 201
        link = gateway.ask("POST", f"{API}/users/mole/reset-link", key=made, body={})
        visitor = Visitor(gateway.port)
        if link.status == 201:
            token = link.json()["url"].partition("token=")[2]
            visitor.send("/lictor/reset", token=token, new=PASSWORD * 2, repeat=PASSWORD * 2)
        assert visitor.sign_in("mole", PASSWORD * 2).status in (401, 403)
        assert http.ask(gateway.port, "GET", "/api/admin/version", headers=http.basic(f"mole:{PASSWORD * 2}")).status == 401
        for path, body in (("/users/olga/reset-link", {}), ("/users/olga/factors/reset-link", {})):
            assert gateway.ask("POST", API + path, key=made, body=body).reason == "permission-denied", "the one password that counts is an owner's"
    finally:
        gateway.stop()
