"""Does everything work under a path of a shared host, and is nothing outside the path ever taken for something inside?"""

import html
import re
import urllib.parse
import uuid
from pathlib import Path

import pytest

from stage import http
from stage.edge import KINDS, PREFIX, Edge
from stage.forms import FORMS, Caller
from stage.gateway import Gateway, under
from stage.person import BROWSER, browser, sign_in
from stage.prefect import NEWEST, Client, Server
from stage.raw import WebSocket, exchange
from stage.recorder import Recorder
from stage.wait import free_port, until

SOCKETS = ("/events/in", "/events/out", "/logs/out", "/task_runs/subscriptions/scheduled", "/work_pools/pool/workers/connect")


@pytest.fixture(scope="module")
def recorded(folder: Path, recorder: Recorder):
    """A gateway under the path, in front of the recording upstream."""
    gateway = under(PREFIX, folder / "recorded-prefix", recorder.url).start()
    yield gateway
    gateway.stop()


def signed_in(gateway: Gateway, port: int | None = None) -> dict[str, str]:
    """The headers of a viewer's browser with a session."""
    answer = sign_in(port or gateway.port, gateway.add_user(f"p-{uuid.uuid4().hex[:6]}", "viewer"), PREFIX)
    assert (answer.status, answer.headers["location"]) == (303, f"{PREFIX}/"), answer.body
    assert "Path=/;" in answer.headers["set-cookie"]
    return browser(answer)


def test_what_is_under_the_path_reaches_prefect_without_it_and_what_was_stripped_before_as_it_is(recorded: Gateway, recorder: Recorder) -> None:
    key = recorded.newcomer("viewer")[1]
    mark = recorder.mark()
    for path in (f"{PREFIX}/api/flows/filter?a=1", "/api/flows/filter?a=1"):
        assert recorded.ask("POST", path, key=key, body={}).status == 200
    assert [seen.target for seen in recorder.since(mark)] == ["/api/flows/filter?a=1"] * 2
    # A key for everything inside is none for what only looks like it.
    for path in ("/prefectx/api/flows/filter", "/Prefect/api/flows/filter", f"{PREFIX}{PREFIX}/api/flows/filter", f"/api{PREFIX}/flows/filter"):
        assert recorded.ask("POST", path, key=key, body={}).reason == "unknown-operation", path
    assert len(recorder.since(mark)) == 2


def test_a_key_made_under_the_path_is_set_up_for_it_and_a_reset_link_leads_there(recorded: Gateway) -> None:
    person = signed_in(recorded)
    form = {**person, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    page = http.ask(recorded.port, "POST", f"{PREFIX}/lictor/account/keys", body=b"label=laptop&expires=never", headers=form)
    text = html.unescape(page.body.decode())
    address = re.search(r"export PREFECT_API_URL='(http://[^']*)'", text)
    assert page.status == 200 and address and address[1].endswith(f"{PREFIX}/api"), text[:3000]
    key = re.search(r"lictor_[0-9A-Za-z]{38}", text)
    assert key and f"{key[0]}@" in text and recorded.ask("POST", f"{PREFIX}/api/flows/filter", key=key[0], body={}).status == 200
    revoked = http.ask(recorded.port, "POST", f"{PREFIX}/lictor/account/sessions/end-others", body=b"", headers=form)
    assert (revoked.status, revoked.headers["location"]) == (303, f"{PREFIX}/lictor/account/sessions?done=others-ended")
    link = recorded.cli("user", "reset-link", recorded.add_user(f"p-{uuid.uuid4().hex[:6]}", "viewer"))
    path = urllib.parse.urlsplit(link)
    assert path.path == f"{PREFIX}/lictor/reset"
    opened = http.ask(recorded.port, "GET", f"{path.path}?{path.query}", headers=BROWSER)
    assert opened.status == 200 and f'action="{PREFIX}/lictor/reset"' in opened.body.decode()


ATTACKS = (
    "/%70refect/api/flows/filter", "/prefec%74/api/flows/filter", "/prefect%2fapi/flows/filter", "/prefect%2Fapi/flows/filter", "/prefect//api/flows/filter", "//prefect/api/flows/filter",
    "/prefect/./api/flows/filter", "/prefect/../api/flows/filter", "/x/../prefect/api/flows/filter", "/prefect/%2e%2e/api/flows/filter", "/prefect/..%2fapi/flows/filter",
    "/prefect\\api/flows/filter", "/prefect%5capi/flows/filter", "/prefect;v=1/api/flows/filter", "/prefect%00/api/flows/filter", "/prefect/api/flows/..;/admin/settings",
    "/prefect/lictor/..%2f/api/flows/filter", "/prefect%20/../api/flows/filter",
)


@pytest.mark.parametrize("target", ATTACKS)
def test_a_path_that_two_readers_could_put_inside_or_outside_reaches_nothing(target: str, recorded: Gateway, recorder: Recorder) -> None:
    key = recorded.newcomer("owner")[1]
    mark = recorder.mark()
    head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{recorded.port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    said = exchange(recorded.port, head.encode("latin1"))
    assert said.statuses == [400] and b"ambiguous-path" in said.body, said
    assert recorder.since(mark) == []


def test_no_header_says_where_we_are(recorded: Gateway, recorder: Recorder) -> None:
    mark = recorder.mark()
    key = recorded.newcomer("viewer")[1]
    claims = {"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil", "X-Forwarded-Path": "/evil", "X-Original-URL": "/api/admin/settings", "X-Rewrite-URL": "/api/admin/settings"}
    assert recorded.ask("POST", f"{PREFIX}/api/flows/filter", key=key, body={}, headers=claims).status == 200
    (seen,) = recorder.since(mark)
    assert seen.target == "/api/flows/filter" and "evil" not in seen.text() and "settings" not in seen.text()
    answer = recorded.ask("GET", f"{PREFIX}/v2/runs?a=1", headers={**BROWSER, **claims})
    assert answer.headers["location"] == f"{PREFIX}/lictor/sign-in?next=%2Fv2%2Fruns%3Fa%3D1"


@pytest.mark.parametrize("path", SOCKETS)
def test_all_five_sockets_open_under_the_path(path: str, recorded: Gateway, recorder: Recorder) -> None:
    key, mark = recorded.newcomer("owner")[1], recorder.mark()
    socket = WebSocket(recorded.port, f"{PREFIX}/api{path}")
    assert socket.authenticate(key), (socket.status, socket.close_reason)
    assert [seen.target for seen in recorder.since(mark)] == [f"/api{path}"]
    socket.close()


def test_strangers_are_sent_to_sign_in_and_back_without_leaving_the_path(prefixed: Gateway) -> None:
    for asked, back in ((PREFIX, "/"), (f"{PREFIX}/", "/"), (f"{PREFIX}/v2/runs?state=Failed", "/v2/runs?state=Failed"), ("/v2/flows", "/v2/flows")):
        answer = prefixed.ask("GET", asked, headers=BROWSER)
        assert (answer.status, answer.headers["location"]) == (303, f"{PREFIX}/lictor/sign-in?next={urllib.parse.quote(back, safe='')}"), asked
        page = prefixed.ask("GET", answer.headers["location"], headers=BROWSER).body.decode()
        assert page.count(f'action="{PREFIX}/lictor/sign-in"') == 1
        assert not [link for link in re.findall(r'(?:href|src|action)="(/[^"]*)', page) if not link.startswith(f"{PREFIX}/lictor/")]


def test_prefects_redirects_stay_under_the_path(prefixed: Gateway) -> None:
    headers = signed_in(prefixed)
    for path, to in (("/", "/v2/"), ("/v2", "/v2/")):
        answer = prefixed.ask("GET", f"{PREFIX}{path}", headers=headers)
        assert (answer.status, answer.headers["location"]) == (307, f"{PREFIX}{to}")


@pytest.mark.parametrize(("start", "loader"), [("/v2/", "/v2/"), ("/dashboard", "/")])
def test_every_file_of_the_ui_is_asked_for_under_the_path(start: str, loader: str, prefixed: Gateway) -> None:
    page = prefixed.ask("GET", f"{PREFIX}{start}", headers=signed_in(prefixed))
    text = page.body.decode()
    head = text[text.index("<head>") + 6 :].lstrip()
    assert head.startswith(f'<script src="{PREFIX}/lictor/ui.js?v=')
    assert (f'<base href="{PREFIX}/">' in text) == (start == "/dashboard")
    links = re.findall(r'<(?:link|script)[^>]* (?:href|src)="(/[^"]*)', text)
    assert len(links) > 5 and all(link.startswith(f"{PREFIX}/") for link in links)
    loaders = 0
    for link in links:
        file = prefixed.ask("GET", link)
        if file.status != 200:
            # Prefect's own pages name icons that it does not have.
            assert file.status == 404 and "/favicon" in link and file.headers["cache-control"] == "no-store", link
            continue
        if link.endswith(".js") and "/assets/" in link:
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable" and not file.headers["etag"]
            loaders += len(re.findall(rb"function\((\w+)\)\{return[`\"]" + f"{PREFIX}{loader}".encode() + rb"[`\"]\+\1\}", file.body))
            assert not re.search(rb"function\((\w+)\)\{return[`\"]" + loader.encode() + rb"[`\"]\+\1\}", file.body)
        if link.endswith(".css"):
            outside = [path for path in re.findall(rb"url\([\"']?(/[^)]*)", file.body) if not path.startswith(PREFIX.encode())]
            assert outside == [], link
    assert loaders == 1, "the helper that loads parts of the program"


def test_the_uis_settings_and_the_links_of_events_name_the_path(prefixed: Gateway) -> None:
    settings = prefixed.ask("GET", f"{PREFIX}/ui-settings", headers=signed_in(prefixed))
    assert (settings.json()["api_url"], settings.json()["auth"], settings.headers["cache-control"]) == (f"{PREFIX}/api", None, "no-store")
    for page, named in (("docs", f"url: '{PREFIX}/openapi.json'"), ("redoc", f'spec-url="{PREFIX}/openapi.json"')):
        assert named in prefixed.ask("GET", f"{PREFIX}/{page}", headers=signed_in(prefixed)).body.decode()
    key = prefixed.newcomer("owner")[1]
    for _ in range(3):
        event = {"occurred": "2026-01-01T00:00:00Z", "event": "lictor.page", "id": str(uuid.uuid4()), "resource": {"prefect.resource.id": "lictor.page"}}
        assert prefixed.ask("POST", f"{PREFIX}/api/events", key=key, body=[event]).status == 204
    asked = {"filter": {"event": {"name": ["lictor.page"]}, "occurred": {"since": "2025-12-31T00:00:00Z"}}, "limit": 1}
    page = until("a next page", lambda: (found := prefixed.ask("POST", f"{PREFIX}/api/events/filter", key=key, body=asked).json())["next_page"] and found)
    url = urllib.parse.urlsplit(page["next_page"])
    assert (url.netloc, url.path) == (f"127.0.0.1:{prefixed.port}", f"{PREFIX}/api/events/filter/next")
    assert len(prefixed.ask("GET", f"{url.path}?{url.query}", key=key).json()["events"]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_proxy_in_front_may_strip_the_path_or_pass_it_on(kind: str, server: Server, tmp_path: Path) -> None:
    port = free_port()
    public = f"http://127.0.0.1:{port}{PREFIX}"
    gateway = Gateway(tmp_path / "gateway", "--upstream", server.url, "--public-url", f"{public}/", env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""}).start()
    edge = Edge(kind, tmp_path / "edge", port, gateway.url)
    try:
        edge.wait()
        name, key = gateway.newcomer("developer")
        ran = Client(tmp_path / "client", NEWEST, **FORMS["auth string user:KEY"](public, Caller(name, "", key))).run("small_flow.py")
        assert ran.returncode == 0, ran.stderr[-3000:]
        run = ran.stdout.split()[0]
        owner = gateway.newcomer("owner")[1]
        # Task runs come over one socket, logs over HTTP.
        counted = lambda: gateway.ask("POST", "/api/task_runs/count", key=owner, body={"flow_runs": {"id": {"any_": [run]}}}).json() == 10  # noqa: E731
        until("all task runs arrived", counted, 30, every=0.3)
        socket = WebSocket(port, f"{PREFIX}/api/logs/out")
        assert socket.authenticate(key), (socket.status, socket.close_reason)
        socket.close()
        page = http.ask(port, "GET", f"{PREFIX}/v2/", headers=signed_in(gateway, port))
        assert page.status == 200 and f'<script src="{PREFIX}/lictor/ui.js'.encode() in page.body
        for link in re.findall(r'<script[^>]* src="([^"]*)"', page.body.decode()):
            assert http.ask(port, "GET", link).status == 200, link
    finally:
        edge.stop()
        gateway.stop()
