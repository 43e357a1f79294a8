"""Does each address lead to its own workspace alone, and does who has no grant in one learn nothing of it?"""

import json
import urllib.parse
import uuid

import pytest

from stage import http
from stage.gateway import Gateway
from stage.person import BROWSER, browser, sign_in
from stage.raw import WebSocket, exchange
from stage.recorder import Recorder
from stage.several import Listed, before, grant, listed, member
from stage.wait import free_port

TOKEN = "a-token-of-the-proxys-own"
SOCKETS = ("/events/in", "/events/out", "/logs/out", "/task_runs/subscriptions/scheduled", "/work_pools/pool/workers/connect")
FILTER = "/flows/filter"


class House:
    """Three workspaces behind one gateway, each before a recorder of its own."""

    def __init__(self, folder) -> None:
        self.upstreams = {name: Recorder() for name in ("main", "team", "lab")}
        url = {name: f'upstream = "{upstream.url}"' for name, upstream in self.upstreams.items()}
        tables = {"main": url["main"], "team": f'{url["team"]}\nprefix = "/team-a"', "lab": f'{url["lab"]}\nhosts = ["lab.test"]'}
        folder.mkdir(parents=True)
        (folder / "token").write_text(TOKEN)
        self.gateway = before(folder, tables, '[decide]\nproxies = ["127.0.0.0/8"]\ntoken_file = "token"').start()
        self.owner = self.gateway.newcomer("owner")[1]
        self.all = listed(self.gateway, self.owner)

    def went(self, method: str, path: str, *, key: str | None, host: str | None = None, **more) -> tuple[http.Answer, list[str]]:
        """What was answered, and which Prefect got which target."""
        marks = {name: upstream.mark() for name, upstream in self.upstreams.items()}
        headers = {**({"Host": host} if host else {}), **more.pop("headers", {})}
        answer = self.gateway.ask(method, path, key=key, headers=headers, **more)
        return answer, [f"{name} {seen.target}" for name, upstream in self.upstreams.items() for seen in upstream.since(marks[name])]

    def reached(self) -> int:
        """How many requests came to any Prefect."""
        return sum(upstream.mark() for upstream in self.upstreams.values())


@pytest.fixture(scope="module")
def house(folder):
    """The house, shared."""
    house = House(folder / "house")
    yield house
    house.gateway.stop()
    for upstream in house.upstreams.values():
        upstream.close()


def test_host_prefix_and_ids_each_lead_to_one_workspace_and_what_was_decided_on_is_what_is_sent(house: House) -> None:
    lab, team, main = house.all["lab"], house.all["team"], house.all["main"]
    for path, host, went in [
        (f"/api{FILTER}?a=1", None, f"main /api{FILTER}?a=1"),
        (f"/team-a/api{FILTER}?a=1", None, f"team /api{FILTER}?a=1"),
        (f"/api{FILTER}", "lab.test", f"lab /api{FILTER}"),
        (f"/api{FILTER}", "LAB.test:80", f"lab /api{FILTER}"),
        (f"{lab.api}{FILTER}?a=1", None, f"lab /api{FILTER}?a=1"),
        (f"{team.api}{FILTER}", "lab.test", f"team /api{FILTER}"),
        (f"/team-a{main.api}{FILTER}", None, f"main /api{FILTER}"),
    ]:
        answer, seen = house.went("POST", path, key=house.owner, host=host, body={})
        assert (answer.status, seen) == (200, [went]), (path, host, answer.body)
    for path in ("/Team-a/api/flows/filter", "/team-ab/api/flows/filter", "/team-a/team-a/api/flows/filter", "/api/team-a/flows/filter"):
        answer, seen = house.went("POST", path, key=house.owner, body={})
        assert (answer.reason, seen) == ("unknown-operation", []), path


def test_grants_count_in_the_workspace_that_the_address_names(house: House) -> None:
    name, viewer = member(house.gateway, main="viewer", lab="viewer", team="developer")
    for workspace, at in (("main", "/api"), ("team", "/team-a/api"), ("main", house.all["main"].api), ("team", house.all["team"].api), ("lab", house.all["lab"].api)):
        answer, seen = house.went("POST", f"{at}/flows/", key=viewer, body={"name": "x"})
        assert (answer.status, seen) == ((200, ["team /api/flows/"]) if workspace == "team" else (403, [])), (at, answer.body)
    narrow = house.gateway.key(name, "--workspace", "lab")
    assert set(listed(house.gateway, narrow)) == {"lab"}
    assert house.went("POST", f"{house.all['lab'].api}{FILTER}", key=narrow, body={})[0].status == 200
    assert house.went("POST", f"/team-a/api{FILTER}", key=narrow, body={})[0].reason == "key-too-narrow"
    events = [event for event in house.gateway.cli_json("audit", "list", "--actor", name) if event["operation"] == "POST /flows/"]
    assert {(event["workspace"], event["outcome"]) for event in events} == {("main", "refused"), ("lab", "refused"), ("team", "allowed")}


def test_who_has_no_grant_in_a_workspace_cannot_tell_it_from_one_that_is_not_there(house: House) -> None:
    _, stranger = member(house.gateway, main="owner")
    assert list(listed(house.gateway, stranger)) == ["main"]
    theirs, none = house.all["lab"], Listed(house.all["lab"].account, str(uuid.uuid4()), "")
    for method, rest in [("POST", FILTER), ("GET", "/health"), ("GET", "/admin/version"), ("GET", "/nothing/at/all"), ("DELETE", "/flows/x"), ("GET", ""), ("GET", "/collections/work_pool_types"), ("OPTIONS", "/health"), ("HEAD", "/health"), ("PROPFIND", "/health")]:
        answers = [house.went(method, f"{one.api}{rest}", key=stranger, body={} if method == "POST" else None) for one in (theirs, none)]
        told = [(answer.status, answer.reason, answer.headers.keys(), {**answer.json(), "request_id": ""} if answer.body else None) for answer, _ in answers]
        assert told[0] == told[1] and not any(seen for _, seen in answers), (method, rest, told)
        assert told[0][1] in ("not-a-member", "cross-origin", "method-not-allowed"), told
        anonymous = [house.went(method, f"{one.api}{rest}", key=None, body={} if method == "POST" else None)[0] for one in (theirs, none)]
        assert anonymous[0].reason == anonymous[1].reason in ("authentication-required", "cross-origin", "method-not-allowed"), (method, rest)
    for path in (f"{theirs.pages}/runs", f"{none.pages}/runs"):
        assert house.gateway.ask("GET", path, key=stranger).reason == "not-a-member"
        assert house.gateway.ask("GET", path).reason == "authentication-required"
    # By its own address too: that it is there is no secret of an address, and all else is.
    for path, host in ((f"/team-a/api{FILTER}", None), (f"/api{FILTER}", "lab.test")):
        answer, seen = house.went("POST", path, key=stranger, host=host, body={})
        assert (answer.reason, seen) == ("not-a-member", []), path


@pytest.mark.parametrize("path", SOCKETS)
def test_sockets_open_through_every_address_and_for_members_alone(path: str, house: House) -> None:
    _, stranger = member(house.gateway, main="owner")
    port, lab = house.gateway.port, house.all["lab"]
    none = Listed(lab.account, str(uuid.uuid4()), "")
    for at, name in (("/team-a/api", "team"), (lab.api, "lab"), (house.all["main"].api, "main")):
        mark = house.upstreams[name].mark()
        socket = WebSocket(port, f"{at}{path}")
        assert socket.authenticate(house.owner), (at, socket.status, socket.close_reason)
        assert [seen.target for seen in house.upstreams[name].since(mark)] == [f"/api{path}"]
        socket.close()
        # As a Cloud client sends it: in the header, without subprotocol and frame.
        socket = WebSocket(port, f"{at}{path}", headers={"Authorization": f"bearer {house.owner}"}, protocol=None)
        assert socket.status == 101
        socket.close()
    reached = house.reached()
    closes = []
    for one in (lab, none):
        refused = WebSocket(port, f"{one.api}{path}", headers=http.bearer(stranger))
        assert (refused.status, refused.headers.get("x-lictor-reason")) == (403, "not-a-member")
        told = WebSocket(port, f"{one.api}{path}")
        assert told.status == 101 and not told.authenticate(stranger)
        closes.append((told.close_code, told.close_reason))
    assert closes[0] == closes[1] and closes[0][0] == 1008 and ("not-a-member" in closes[0][1] or closes[0][1] == "authorization_failed"), closes
    assert house.reached() == reached


def attacks(house: House) -> list[str]:
    """Paths that two readers could lead to different workspaces."""
    team, lab, main = house.all["team"], house.all["lab"], house.all["main"]
    account = team.account
    return [
        f"/%74eam-a/api{FILTER}", f"/team%2da/api{FILTER}", f"/team-a%2fapi{FILTER}", f"/team-a//api{FILTER}", f"/team-a/../team-a/api{FILTER}",
        f"/team-a/..{lab.api}{FILTER}", f"/team-a/%2e%2e/api{FILTER}", f"/team-a;x=1/api{FILTER}", f"/team-a\\api{FILTER}", f"//team-a/api{FILTER}",
        f"{main.api}/../{lab.id}{FILTER}", f"{main.api}/..%2f{lab.id}{FILTER}", f"{main.api}/%2e%2e/{lab.id}{FILTER}", f"{main.api}/../../../../..{lab.api}{FILTER}",
        f"/api/accounts/{account}/workspaces/{lab.id[:-1]}%{ord(lab.id[-1]):x}{FILTER}", f"/api/%61ccounts/{account}/workspaces/{lab.id}{FILTER}",
        f"/api/accounts/{account}/workspaces%2f{lab.id}{FILTER}", f"/api/accounts/{account}//workspaces/{lab.id}{FILTER}", f"/api/accounts/./{account}/workspaces/{lab.id}{FILTER}",
        f"/%61pi/accounts/{account}/workspaces/{lab.id}{FILTER}", f"{lab.api};v=1{FILTER}", f"{lab.api}%00{FILTER}", f"{lab.api}\\..{FILTER}",
    ]


def test_no_spelling_leads_past_a_workspaces_address(house: House) -> None:
    reached = house.reached()
    for target in attacks(house):
        head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{house.gateway.port}\r\nAuthorization: Bearer {house.owner}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        said = exchange(house.gateway.port, head.encode("latin1"))
        assert said.statuses == [400] and b"ambiguous-path" in said.body, (target, said)
    assert house.reached() == reached


def test_ids_in_another_spelling_or_of_another_account_are_nobodys(house: House) -> None:
    lab = house.all["lab"]
    for account, workspace in [(lab.account.upper(), lab.id), (lab.account, lab.id.upper()), (lab.account, lab.id.replace("-", "")), (lab.id, lab.account), (str(uuid.uuid4()), lab.id), (lab.account, "lab"), ("lictor", "lab"), (lab.account, f"{lab.id}-"), (lab.account, "urn:uuid:" + lab.id)]:
        answer, seen = house.went("POST", f"/api/accounts/{account}/workspaces/{workspace}{FILTER}", key=house.owner, body={})
        expected = 200 if (account, workspace) == (lab.account, lab.id) else 403
        assert answer.status == expected and (seen == [] if expected == 403 else seen), (account, workspace)
    # Ids are read once; what stands behind them is a path of the workspace, and it has none such.
    for rest in (f"{lab.api.removeprefix('/api')}{FILTER}", "/me/workspaces", "/me", "/team-a/api/flows/filter"):
        answer, seen = house.went("GET", f"{house.all['main'].api}{rest}", key=house.owner)
        assert (answer.reason, seen) == ("unknown-operation", []), rest
    # What is outside the API is not to be had by ids.
    for rest in ("/../lictor/me", "/ui-settings"):
        assert house.went("GET", f"{lab.api}{rest}", key=house.owner)[1] == []


def test_no_header_names_a_workspace(house: House) -> None:
    claims = {"X-Forwarded-Prefix": "/team-a", "X-Forwarded-Host": "lab.test", "X-Original-URI": house.all["lab"].api, "X-Prefect-Workspace-Id": house.all["lab"].id, "X-Forwarded-Uri": "/team-a/api/flows/filter"}
    answer, seen = house.went("POST", f"/api{FILTER}", key=house.owner, body={}, headers=claims)
    assert (answer.status, seen) == (200, [f"main /api{FILTER}"])


def test_a_proxy_that_asks_is_told_of_the_workspace_that_its_path_names_and_of_ids_nothing(house: House) -> None:
    _, key = member(house.gateway, team="viewer", lab="viewer")
    flow = f"/flows/{uuid.uuid4()}"

    def decided(target: str, host: str = "gate.test") -> http.Answer:
        asking = {"X-Lictor-Token": TOKEN, "X-Original-Method": "GET", "X-Original-URI": target, "Host": host}
        return house.gateway.ask("GET", "/lictor/decide/nginx", key=key, headers=asking)

    for target, host, status, reason in [
        (f"/team-a/api{flow}", "gate.test", 200, None),
        (f"/api{flow}", "lab.test", 200, None),
        (f"/api{flow}", "gate.test", 403, "not-a-member"),
        # With the ids in it, a proxy would forward it to a Prefect that does not know them.
        (f"{house.all['lab'].api}{flow}", "gate.test", 403, "ambiguous-path"),
        (f"/%74eam-a/api{flow}", "gate.test", 403, "ambiguous-path"),
        ("/team-a/api/collections/work_pool_types", "gate.test", 403, "ambiguous-path"),
    ]:
        answer = decided(target, host)
        assert (answer.status, answer.reason) == (status, reason), (target, host, answer.body)


def person(house: House, *workspaces: str) -> tuple[str, dict[str, str]]:
    """A signed-in browser of a viewer there alone."""
    name = house.gateway.add_user(f"p-{uuid.uuid4().hex[:6]}")
    grant(house.gateway, name, **dict.fromkeys(workspaces, "viewer"))
    return name, browser(sign_in(house.gateway.port, name))


def test_a_session_is_for_its_hosts_own_workspaces_and_not_for_ids(house: House) -> None:
    _, headers = person(house, "main", "team", "lab")
    headers = {**headers, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Accept": "application/json"}
    for path, status in ((f"/api{FILTER}", 200), (f"/team-a/api{FILTER}", 200), (f"{house.all['lab'].api}{FILTER}", 403), (f"{house.all['team'].api}{FILTER}", 403)):
        answer, seen = house.went("POST", path, key=None, body={}, headers=headers)
        assert answer.status == status and bool(seen) == (status == 200), (path, answer.body)
    assert answer.reason == "session-at-cloud-address"


def test_one_sign_in_serves_every_prefix_and_leads_back_to_it(house: House) -> None:
    asked = house.gateway.ask("GET", "/team-a/v2/runs?a=1", headers=BROWSER)
    assert (asked.status, urllib.parse.unquote(asked.headers["location"])) == (303, "/lictor/sign-in?next=/team-a/v2/runs?a=1")
    name, headers = person(house, "main", "team")
    for path in ("/v2/runs", "/team-a/v2/runs"):
        assert house.went("GET", path, key=None, headers=headers)[0].status == 200, path
    assert house.gateway.ask("GET", "/team-a/lictor/account?x=1", headers=headers).headers["location"] == "/lictor/account?x=1"
    assert house.gateway.ask("POST", "/team-a/lictor/sign-out", headers=headers).status == 404
    program = {**headers, "Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    for path, here in (("/lictor/me", "main"), ("/team-a/lictor/me", "team")):
        me = house.gateway.ask("GET", path, headers=program).json()
        assert (me["name"], me["workspace"]) == (name, here)
        assert me["workspaces"] == [{"name": "main", "link": "/", "is_here": here == "main"}, {"name": "team", "link": "/team-a/", "is_here": here == "team"}]
    refused = house.gateway.ask("GET", "/lictor/me", headers={**program, "Cookie": program["Cookie"], "Host": "lab.test"})
    assert refused.reason == "not-a-member" and b"lab" not in refused.body
    page = house.gateway.ask("GET", "/lictor/account", headers=headers).body.decode()
    assert 'href="/team-a/"' in page and "do in team" in page and "do in lab" not in page


def test_a_link_of_a_client_leads_to_the_page_and_nowhere_else(house: House) -> None:
    _, headers = person(house, "main", "team", "lab")
    team, lab, main = (house.all[name] for name in ("team", "lab", "main"))
    port = house.gateway.port
    for path, to in [
        (f"{main.pages}/runs/flow-run/3f?tab=logs", "/runs/flow-run/3f?tab=logs"),
        (f"{main.pages}", "/"),
        (f"{team.pages}/flows/flow/3f", "/team-a/flows/flow/3f"),
        (f"{team.pages}/https:/evil.example/", "/team-a/https:/evil.example/"),
        (f"{main.pages}/evil.example?next=//evil.example", "/evil.example?next=//evil.example"),
        (f"{main.pages}/%2520", None),
        (f"{main.pages}//evil.example/", None),
        (f"{main.pages}/%2f/evil.example", None),
        (f"{main.pages}/\\evil.example", None),
        (f"{lab.pages}/runs", f"http://lab.test:{port}/runs"),
    ]:
        answer = house.gateway.ask("GET", path, headers=headers)
        assert (answer.status, answer.headers.get("location")) == ((303, to) if to else (400, None)), path
    stranger = house.gateway.ask("GET", f"{main.pages}/runs", headers=BROWSER)
    assert urllib.parse.unquote(stranger.headers["location"]) == f"/lictor/sign-in?next={main.pages}/runs"


def test_who_the_caller_is(house: House) -> None:
    name, key = member(house.gateway, lab="viewer")
    answer = house.gateway.ask("GET", "/api/me", key=key)
    assert answer.status == 200 and (answer.json()["handle"], answer.json()["kind"]) == (name, "service-account")
    assert house.gateway.ask("GET", "/api/me").reason == "authentication-required"
    assert house.gateway.ask("GET", "/api/me", key=key + "x").status == 401
    assert house.gateway.ask("POST", "/api/me", key=house.owner).reason == "unknown-operation"
    nobody = house.gateway.newcomer(None)[1]
    assert house.gateway.ask("GET", "/api/me/workspaces", key=nobody).json() == []
    revoked = house.gateway.key(name)
    house.gateway.cli("key", "revoke", revoked[-4:])
    assert house.gateway.ask("GET", "/api/me/workspaces", key=revoked).reason == "revoked-key"


def test_types_of_work_pools_are_where_prefect_has_them(house: House) -> None:
    for at in ("/api", "/team-a/api", house.all["lab"].api):
        answer, seen = house.went("GET", f"{at}/collections/work_pool_types", key=house.owner)
        assert answer.status == 200 and [one.split()[1] for one in seen] == ["/api/collections/views/aggregate-worker-metadata"]
    for method, path in (("POST", "/api/telemetry/v1/metrics"), ("POST", f"{house.all['lab'].api}/telemetry/v1/metrics"), ("POST", "/api/slas/apply-resource-slas/x"), ("GET", f"/api/accounts/{house.all['lab'].account}/ip_allowlist")):
        answer, seen = house.went(method, path, key=house.owner)
        assert (answer.reason, seen) == ("unknown-operation", []) and answer.json()["detail"] == answer.json()["exception_message"], path


def test_ids_are_the_same_after_a_restart_and_on_another_replica(house: House, folder) -> None:
    (folder / "second").mkdir()
    port = free_port()
    config = (house.gateway.folder / "lictor.toml").read_text().replace(str(house.gateway.port), str(port)).replace('"auth"', f'"{house.gateway.folder}/auth"').replace('"token"', f'"{house.gateway.folder}/token"')
    (folder / "second/lictor.toml").write_text(config)
    second = Gateway(folder / "second", config=folder / "second/lictor.toml", port=port).start()
    try:
        assert listed(second, house.owner) == house.all
    finally:
        second.stop()


def test_without_a_workspace_at_the_root_only_our_own_pages_are_there(folder) -> None:
    recorder = Recorder()
    gateway = before(folder / "rootless", {"team": f'upstream = "{recorder.url}"\nprefix = "/team-a"'}, 'account = "acme"').start()
    try:
        key = gateway.newcomer("owner")[1]
        assert listed(gateway, key)["team"].handle == "acme/team"
        for method, path in (("POST", "/api/flows/filter"), ("GET", "/v2/"), ("GET", "/ui-settings"), ("GET", "/api/health")):
            assert gateway.ask(method, path, key=key).reason == "not-found", path
            assert gateway.ask(method, path).reason == "authentication-required", path
        assert gateway.ask("GET", "/", headers=BROWSER).headers["location"] == "/lictor/sign-in?next=%2F"
        headers = browser(sign_in(gateway.port, gateway.add_user("vera", "viewer")))
        assert gateway.ask("GET", "/", headers=headers).headers["location"] == "/lictor/account"
        assert gateway.ask("GET", "/lictor/me", headers=headers).reason == "not-found"
        assert gateway.ask("POST", "/team-a/api/flows/filter", key=key, body={}).status == 200
        refused = WebSocket(gateway.port, "/api/events/out", headers=http.bearer(key))
        assert refused.status == 403
        assert len(recorder.since(0)) == 1
    finally:
        gateway.stop()
        recorder.close()


def test_two_workspaces_with_one_address_are_told_before_the_start(folder) -> None:
    gateway = before(folder / "clash", {"a": 'upstream = "http://127.0.0.1:1"\nprefix = "/x"', "b": 'upstream = "http://127.0.0.1:2"\nprefix = "/x/y"'})
    checked = gateway.run("check", "--json")
    assert checked.returncode == 1 and [one["key"] for one in json.loads(checked.stdout)["problems"]] == ["workspaces.b.prefix"]
