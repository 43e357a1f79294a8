"""Do the proxies that people already have decide as Lictor does, and let nothing through that they cannot see?"""

import uuid
from pathlib import Path

import pytest

from stage import http
from stage.gateway import PASSWORD, Gateway
from stage.neighbour import FILES, Neighbour
from stage.raw import WebSocket
from stage.recorder import Recorded, Recorder
from stage.steps_sockets import opens
from stage.wait import until

UPSTREAM_AUTH = "admin:only-lictor-knows"
# As the configurations have it.
TOKEN = "put-your-own-token-here"
FLOW = "/api/flows/7e5c0b9e-7d1c-4c6b-8f0e-3f0d6f0a9d11"


def configured(folder: Path, recorder: Recorder, decide: str) -> Gateway:
    """A gateway with a configuration file, not yet started."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "auth").write_text(UPSTREAM_AUTH)
    (folder / "token").write_text(TOKEN + "\n")
    gateway = Gateway(folder, config=folder / "lictor.toml")
    (folder / "lictor.toml").write_text(
        f'listen = "127.0.0.1:{gateway.port}"\ntrusted_proxies = ["127.0.0.1"]\n{decide}\n[store]\nurl = "sqlite://{folder}/lictor.db"\n'
        f'[workspaces.main]\nupstream = "{recorder.url}"\nauth_string_file = "auth"\n'
    )
    return gateway


@pytest.fixture(scope="module")
def deciding(folder: Path, recorder: Recorder):
    """A gateway that decides for proxies on this machine."""
    gateway = configured(folder / "deciding", recorder, '[decide]\nproxies = ["127.0.0.0/8"]\ntoken_file = "token"').start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module", params=sorted(FILES))
def neighbour(request, folder: Path, deciding: Gateway, recorder: Recorder):
    """A real proxy with the configuration of the guide."""
    proxy = Neighbour(request.param, folder / request.param, deciding.port, recorder.port)
    yield proxy
    proxy.stop()


def only(recorder: Recorder, mark: int) -> Recorded:
    """The one request that reached Prefect."""
    (request,) = until("it reached Prefect", lambda: recorder.since(mark))
    return request


def through(proxy: Neighbour, method: str, path: str, key: str | None = None, **more) -> http.Answer:
    """A request through the proxy."""
    headers = {**(http.bearer(key) if key else {}), **more.pop("headers", {})}
    return http.ask(proxy.port, method, path, headers=headers, **more)


def test_what_is_allowed_goes_on_with_prefects_credential_and_the_callers_name(neighbour: Neighbour, deciding: Gateway, recorder: Recorder) -> None:
    name, key = deciding.newcomer("viewer")
    mark = recorder.mark()
    forged = {"X-Lictor-User": "root", "X-Lictor-Roles": "owner", "Cookie": "other=1"}
    assert through(neighbour, "GET", f"{FLOW}?x=%20y", key, headers=forged).status == 200
    reached = only(recorder, mark)
    assert (reached.method, reached.target) == ("GET", f"{FLOW}?x=%20y")
    assert reached.header("authorization") == http.basic(UPSTREAM_AUTH)["Authorization"]
    assert (reached.header("x-lictor-user"), reached.header("x-lictor-roles")) == (name, "viewer")
    assert key not in reached.text() and "other=1" not in reached.text() and "root" not in reached.text()


def test_health_needs_nobody_and_nobody_is_named(neighbour: Neighbour, recorder: Recorder) -> None:
    mark = recorder.mark()
    assert through(neighbour, "GET", "/api/health", headers={"X-Lictor-User": "root"}).status == 200
    assert only(recorder, mark).header("x-lictor-user") == "-"


def test_nothing_refused_reaches_prefect(neighbour: Neighbour, deciding: Gateway, recorder: Recorder) -> None:
    _, viewer = deciding.newcomer("viewer")
    revoked_name, revoked = deciding.newcomer("viewer")
    deciding.cli("key", "revoke", deciding.cli_json("key", "list", "--for", revoked_name)[0]["id"])
    until("it is revoked", lambda: through(neighbour, "GET", FLOW, revoked).reason == "revoked-key", 1)
    mark = recorder.mark()
    for method, path, key, status, reason in [
        ("GET", FLOW, None, 401, "authentication-required"),
        ("GET", FLOW, viewer[:-1], 401, "mistyped-key"),
        ("GET", FLOW, revoked, 401, "revoked-key"),
        ("DELETE", FLOW, viewer, 403, "permission-denied"),
        ("GET", "/api/no/such/operation", viewer, 403, "unknown-operation"),
        ("GET", "/api/flows/%2e%2e/admin/settings", viewer, 400, "ambiguous-path"),
        ("GET", "/api//flows", viewer, 400, "ambiguous-path"),
        ("POST", "/api/flows/", viewer, 403, "permission-denied"),
    ]:
        answer = through(neighbour, method, path, key, body={"name": "x"} if method == "POST" else None)
        assert (answer.status, answer.reason) == (status, reason), (method, path, answer.body)
    assert recorder.since(mark) == []


def test_what_a_decision_cannot_see_goes_through_lictor_with_its_body(neighbour: Neighbour, deciding: Gateway, recorder: Recorder) -> None:
    _, runner = deciding.newcomer("runner")
    path = f"/api/deployments/{uuid.uuid4()}/create_flow_run"
    mark = recorder.mark()
    assert through(neighbour, "POST", path, runner, body={"parameters": {"x": 1}}).status == 200
    reached = [request for request in recorder.since(mark) if request.method == "POST"]
    assert len(reached) == 1 and b'"x":1' in reached[0].body
    assert reached[0].header("prefect-automation-name"), "it came through Lictor"
    refused = through(neighbour, "POST", path, runner, body={"job_variables": {"image": "x"}})
    assert (refused.status, refused.reason) == (403, "permission-denied")


def test_a_socket_that_speaks_first_in_frames_is_lictors_and_closes_when_its_key_ends(neighbour: Neighbour, deciding: Gateway) -> None:
    name, key = deciding.newcomer("viewer")
    socket = opens(neighbour.port, key, "/api/events/out")
    deciding.cli("key", "revoke", deciding.cli_json("key", "list", "--for", name)[0]["id"])
    assert socket.until_closed(2) == 1008, socket.close_reason
    stranger = WebSocket(neighbour.port, "/api/events/out")
    assert not stranger.authenticate("lictor_no") and stranger.close_code == 1008


def test_a_person_is_sent_to_sign_in_and_a_session_opens_the_ui(neighbour: Neighbour, deciding: Gateway, recorder: Recorder) -> None:
    person = deciding.add_user(f"person-{uuid.uuid4().hex[:8]}", "viewer")
    page = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    sent = through(neighbour, "GET", "/runs?page=2", headers=page)
    assert sent.status in (302, 303) and sent.headers["location"] == "/lictor/sign-in?next=%2Fruns%3Fpage%3D2"
    form = f"name={person}&password={PASSWORD.replace(' ', '+')}".encode()
    signed_in = through(neighbour, "POST", "/lictor/sign-in", body=form, headers={"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"})
    assert signed_in.status == 303, signed_in.body
    cookie = {"Cookie": signed_in.headers["set-cookie"].split(";")[0]}
    mark = recorder.mark()
    assert through(neighbour, "GET", "/runs", headers={**page, **cookie}).status == 200
    assert only(recorder, mark).header("x-lictor-user") == person
    deciding.cli("grant", "add", person, "--role", "owner")
    elsewhere = {**cookie, "Sec-Fetch-Site": "cross-site"}
    until("the grant", lambda: through(neighbour, "DELETE", FLOW, headers={**cookie, "Sec-Fetch-Site": "same-origin"}).status == 200)
    assert through(neighbour, "DELETE", FLOW, headers=elsewhere).reason == "cross-origin"


def test_a_change_is_on_record_as_decided(neighbour: Neighbour, deciding: Gateway, recorder: Recorder) -> None:
    name, key = deciding.newcomer("owner")
    mark = recorder.mark()
    assert through(neighbour, "DELETE", FLOW, key).status == 200
    assert only(recorder, mark).method == "DELETE"
    (event,) = deciding.cli_json("audit", "list", "--actor", name)
    assert (event["operation"], event["object"], event["status"], event["reason"], event["outcome"]) == ("DELETE /flows/{id}", FLOW, 0, "decided", "allowed")
    assert event["client_ip"] == "127.0.0.1"


def test_nobody_asks_for_a_decision_through_the_proxy(neighbour: Neighbour, deciding: Gateway) -> None:
    _, key = deciding.newcomer("owner")
    answer = through(neighbour, "GET", "/lictor/decide/nginx", key, headers={"X-Original-Method": "GET", "X-Original-URI": "/"})
    assert answer.status == 404 and "authorization" not in answer.headers


# --- the shapes, without a proxy ---


def asks(gateway: Gateway, kind: str, method: str, uri: str, key: str | None = None, **headers: str) -> http.Answer:
    """A question as each proxy's documentation has it."""
    sent = {"X-Lictor-Token": TOKEN, **(http.bearer(key) if key else {}), **headers}
    if kind == "envoy":
        return http.ask(gateway.port, method, f"/lictor/decide/envoy{uri}", headers={**sent, "Content-Length": "0"})
    if kind in ("traefik", "caddy"):
        said = {"X-Forwarded-Method": method, "X-Forwarded-Uri": uri, "X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Host": "prefect.example.com"}
        return http.ask(gateway.port, "GET", f"/lictor/decide/{kind}", headers={**said, **sent})
    return http.ask(gateway.port, "GET", f"/lictor/decide/{kind}", headers={"X-Original-Method": method, "X-Original-URI": uri, **sent})


KINDS = ["nginx", "traefik", "caddy", "envoy", "haproxy"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_is_decided_alike(kind: str, deciding: Gateway) -> None:
    name, viewer = deciding.newcomer("viewer")
    yes = asks(deciding, kind, "GET", f"{FLOW}?a=1", viewer)
    assert yes.status == 200 and (yes.headers["x-lictor-user"], yes.headers["x-lictor-roles"]) == (name, "viewer")
    assert yes.headers["authorization"] == http.basic(UPSTREAM_AUTH)["Authorization"] and yes.headers["cache-control"] == "no-store"
    for method, uri, key, reason in [
        ("GET", FLOW, None, "authentication-required"),
        ("DELETE", FLOW, viewer, "permission-denied"),
        ("GET", "/api/events/in", None, "frame-not-seen"),
        ("GET", "/api/events/out", viewer, "frame-not-seen"),
        ("POST", "/api/deployments/x/create_flow_run", deciding.newcomer("owner")[1], "body-not-seen"),
        ("GET", "/api/events/filter/next?page-token=x", deciding.newcomer("owner")[1], "body-not-seen"),
        ("GET", "/api/block_documents/7e5c?include_secrets=yes", viewer, "permission-denied"),
        ("GET", "/lictor/account", viewer, "not-found"),
        ("OPTIONS", FLOW, viewer, "cross-origin"),
        ("GET", "/api/%66lows/x", viewer, "ambiguous-path"),
        ("GET", "/api/flows/../x", viewer, "ambiguous-path"),
    ]:
        answer = asks(deciding, kind, method, uri, key)
        assert answer.reason == reason and answer.status >= 400, (method, uri, answer.status, answer.reason)
        assert "authorization" not in answer.headers and (kind != "nginx" or answer.status in (401, 403)), (uri, answer.status)


@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_is_redirected_and_nginx_is_told_where_to(kind: str, deciding: Gateway) -> None:
    answer = asks(deciding, kind, "GET", "/runs?a=b", Accept="text/html")
    where = "/lictor/sign-in?next=%2Fruns%3Fa%3Db"
    if kind == "nginx":
        assert (answer.status, answer.headers["x-lictor-location"]) == (401, where)
    else:
        assert (answer.status, answer.headers["location"]) == (302, where)


def test_a_socket_whose_credential_is_in_its_header_is_decided(deciding: Gateway) -> None:
    _, viewer = deciding.newcomer("viewer")
    assert asks(deciding, "traefik", "GET", "/api/logs/out", viewer).status == 200
    assert asks(deciding, "traefik", "GET", "/api/logs/out").reason == "frame-not-seen"
    # A worker's greeting may make a pool.
    _, worker = deciding.newcomer("worker")
    assert asks(deciding, "traefik", "GET", "/api/work_pools/p/workers/connect", worker).reason == "frame-not-seen"
    assert asks(deciding, "traefik", "GET", "/api/work_pools/p/workers/connect", deciding.newcomer("owner")[1]).status == 200


def test_the_address_that_the_proxy_names_counts(deciding: Gateway) -> None:
    name, _ = deciding.newcomer("viewer")
    key = deciding.key(name, "--network", "192.0.2.0/24")
    assert asks(deciding, "traefik", "GET", FLOW, key).status == 200
    assert asks(deciding, "traefik", "GET", FLOW, key, **{"X-Forwarded-For": "198.51.100.1"}).reason == "key-from-elsewhere"
    assert asks(deciding, "nginx", "GET", FLOW, key).reason == "key-from-elsewhere"


@pytest.mark.parametrize("kind", ["nginx", "traefik", "caddy", "haproxy"])
def test_a_question_without_a_request_is_refused(kind: str, deciding: Gateway) -> None:
    _, key = deciding.newcomer("owner")
    answer = http.ask(deciding.port, "GET", f"/lictor/decide/{kind}", headers={"X-Lictor-Token": TOKEN, **http.bearer(key)})
    assert answer.reason == "malformed-decision" and answer.status == (403 if kind == "nginx" else 400)


@pytest.mark.parametrize("decide", ["", '[decide]\nproxies = ["192.0.2.0/24"]\ntoken_file = "token"'])
def test_unless_it_is_listed_a_proxy_finds_nothing_there(decide: str, tmp_path: Path, recorder: Recorder) -> None:
    gateway = configured(tmp_path / "own", recorder, decide).start()
    try:
        _, key = gateway.newcomer("owner")
        for kind in KINDS:
            answer = asks(gateway, kind, "GET", FLOW, key)
            assert (answer.status, answer.reason) == (404, "not-found"), kind
            assert "authorization" not in answer.headers
    finally:
        gateway.stop()


@pytest.mark.parametrize("token", ["", "put-your-own-token-her", "Put-your-own-token-here"])
def test_a_client_behind_the_proxy_is_not_the_proxy(token: str, deciding: Gateway) -> None:
    _, key = deciding.newcomer("owner")
    for kind in KINDS:
        answer = asks(deciding, kind, "GET", FLOW, key, **{"X-Lictor-Token": token})
        assert answer.status == 404 and "authorization" not in answer.headers, kind


@pytest.mark.parametrize(("decide", "problem"), [
    ('[decide]\nproxies = ["127.0.0.1"]', "decide.token_file"),
    ('[decide]\ntoken_file = "token"', "decide.proxies"),
    ('[decide]\nproxies = ["127.0.0.1"]\ntoken_file = "short"', "16 or more"),
    ('[decide]\nproxies = ["everywhere"]\ntoken_file = "token"', "not a network"),
])
def test_a_configuration_that_would_let_anybody_ask_is_refused(decide: str, problem: str, tmp_path: Path, recorder: Recorder) -> None:
    gateway = configured(tmp_path / "own", recorder, decide)
    (tmp_path / "own" / "short").write_text("secret")
    checked = gateway.run("check")
    assert checked.returncode != 0 and problem in checked.stdout + checked.stderr
