"""Is a workspace that asks for a client certificate reached by nobody without one, whatever else they hold?"""

import json
from pathlib import Path

import pytest

from stage.gateway import PASSWORD, Gateway
from stage.http import bearer
from stage.mutual import FLOWS, Place, ask, request
from stage.pki import replace
from stage.recorder import Recorder
from stage.wait import until

LOCKED = {"Host": "locked.localhost"}
TOKEN = "put-your-own-token-here"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway with two workspaces, of which one asks for a certificate."""
    folder = tmp_path_factory.mktemp("required")
    (folder / "token").write_text(TOKEN)
    locked = f'[workspaces.locked]\nupstream = "{recorder.url}"\nhosts = ["locked.localhost"]\nclient_certificate = "required"'
    locked += f'\n[workspaces.sealed]\nupstream = "{recorder.url}"\nprefix = "/sealed"\nclient_certificate = "required"'
    decide = '[decide]\nproxies = ["127.0.0.1"]\ntoken_file = "token"'
    place = Place(folder, recorder, workspace=f"{locked}\n{decide}").start()
    yield place
    place.gateway.stop()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", FLOWS),
        ("DELETE", "/api/flows/7e5c0b9e-7d1c-4c6b-8f0e-3f0d6f0a9d11"),
        ("GET", "/api/health"),
        ("GET", "/api/no/such/thing"),
        ("GET", "/runs"),
        ("GET", "/assets/index.js"),
        ("GET", "/ui-settings"),
    ],
)
def test_a_key_alone_reaches_nothing_of_it(method: str, path: str, place: Place, recorder: Recorder) -> None:
    _, key = place.gateway.newcomer("owner")
    until("the key is known", lambda: ask(place, None, headers=bearer(key)).status == 200)
    mark = recorder.mark()
    for headers in ({}, bearer(key), {**bearer(key), "Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, bearer("lictor_no")):
        said = ask(place, None, method, path, headers={**LOCKED, **headers})
        assert (said.status, said.reason) == (403, "certificate-required"), headers
    assert recorder.since(mark) == []


def test_the_other_workspace_asks_for_none(place: Place) -> None:
    assert ask(place, None, headers=bearer(place.gateway.key("w-cn"))).status == 200


def test_a_certificate_opens_it_alone_and_beside_its_owners_key(place: Place) -> None:
    leaf = place.ca.issue("worker one")
    for headers in ({}, bearer(place.gateway.key("w-cn"))):
        assert ask(place, leaf, headers={**LOCKED, **headers}).status == 200
    for path in ("/api/health", "/assets/index.js"):
        assert ask(place, leaf, "GET", path, headers=LOCKED).status == 200
    other = ask(place, leaf, headers={**LOCKED, **bearer(place.gateway.key("w-dns"))})
    assert (other.status, other.reason) == (400, "two-credentials")


@pytest.mark.parametrize("path", [FLOWS, "/api/health"])
def test_a_certificate_of_nobodys_does_not_open_it(path: str, place: Place, recorder: Recorder) -> None:
    leaf, mark = place.ca.issue("somebody else"), recorder.mark()
    said = ask(place, leaf, "GET" if path.endswith("health") else "POST", path, headers={**LOCKED, **bearer(place.gateway.key("w-cn"))})
    assert (said.status, said.reason) == (401, "unknown-certificate")
    assert recorder.since(mark) == []


def test_a_disabled_owners_certificate_does_not_open_what_is_open_to_everybody(place: Place) -> None:
    leaf = place.ca.issue("x", "URI:urn:example:worker:7")
    assert ask(place, leaf, "GET", "/api/health", headers=LOCKED).status == 200
    place.gateway.cli("service-account", "disable", "w-uri")
    until("refused", lambda: ask(place, leaf, "GET", "/api/health", headers=LOCKED).reason == "principal-disabled")
    place.gateway.cli("service-account", "enable", "w-uri")


def test_by_its_prefix_it_asks_for_one_as_well(place: Place, recorder: Recorder) -> None:
    key, mark = place.gateway.key("w-cn"), recorder.mark()
    for path in (f"/sealed{FLOWS}", "/sealed/api/health", "/sealed/runs"):
        said = ask(place, None, "POST" if path.endswith("filter") else "GET", path, headers=bearer(key))
        assert (said.status, said.reason) == (403, "certificate-required"), path
    socket = place.socket(None, "/sealed/api/events/in")
    assert (socket.status, socket.headers["x-lictor-reason"]) == (403, "certificate-required")
    assert recorder.since(mark) == []
    assert ask(place, place.ca.issue("worker one"), path=f"/sealed{FLOWS}").status == 200


def test_by_clouds_ids_it_asks_its_members_for_one_and_tells_nobody_else_that_it_is_there(place: Place, recorder: Recorder) -> None:
    key, stranger = place.gateway.key("w-cn"), place.gateway.newcomer(None)[1]
    listed = until("the key is known", lambda: json.loads(ask(place, None, "GET", "/api/me/workspaces", headers=bearer(key)).body))
    (found,) = (each for each in listed if each["workspace_name"] == "locked")
    base = f"/api/accounts/{found['account_id']}/workspaces/{found['workspace_id']}"
    elsewhere = base[:-12] + "0" * 12
    mark = recorder.mark()
    for path in (f"{base}/flows/filter", f"{base}/health"):
        method = "POST" if path.endswith("filter") else "GET"
        assert ask(place, None, method, path, headers=bearer(key)).reason == "certificate-required"
        # As where there is nothing at all.
        for headers in ({}, bearer(stranger)):
            there, nowhere = (ask(place, None, method, each, headers=headers) for each in (path, path.replace(base, elsewhere)))
            assert (there.status, there.reason) == (nowhere.status, nowhere.reason) and there.reason != "certificate-required"
    socket = place.socket(None, f"{base}/events/in")
    assert not socket.authenticate(key) and socket.close_code == 1008 and "certificate-required" in socket.close_reason
    socket = place.socket(None, f"{base}/events/in", headers=bearer(key))
    assert socket.status != 101 or not socket.authenticate(None)
    assert recorder.since(mark) == []
    leaf = place.ca.issue("worker one")
    assert ask(place, leaf, path=f"{base}/flows/filter").status == 200
    socket = place.socket(leaf, f"{base}/events/in")
    assert socket.authenticate(key)


def test_sockets_are_refused_before_their_first_frame_without_one(place: Place, recorder: Recorder) -> None:
    mark, key = recorder.mark(), place.gateway.key("w-cn")
    for headers in (LOCKED, {**LOCKED, **bearer(key)}):
        socket = place.socket(None, headers=headers)
        assert (socket.status, socket.headers["x-lictor-reason"]) == (403, "certificate-required")
    assert recorder.since(mark) == []
    socket = place.socket(place.ca.issue("worker one"), headers=LOCKED)
    assert socket.status == 101 and socket.authenticate(key)


def test_a_revoked_certificate_closes_its_sockets_there_too(place: Place) -> None:
    leaf = place.ca.issue("worker one")
    connection, socket = place.connect(leaf), place.socket(leaf, headers=LOCKED)
    assert request(connection, headers=LOCKED).status == 200 and socket.authenticate(place.gateway.key("w-cn"))
    place.ca.revoke(leaf)
    replace(place.crl_file, place.ca.crl())
    until("refused", lambda: request(connection, headers=LOCKED).reason == "certificate-not-trusted")
    assert socket.until_closed(10.0) == 1008


def test_a_session_without_one_is_told_so_and_not_sent_round(place: Place) -> None:
    person = place.gateway.add_user("ada", "owner")
    form = f"name={person}&password={PASSWORD.replace(' ', '+')}".encode()
    connection = place.connect(None)
    connection.request("POST", "/lictor/sign-in", body=form, headers={**LOCKED, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"})
    signed_in = connection.getresponse()
    signed_in.read()
    assert signed_in.status == 303
    cookie = {"Cookie": signed_in.headers["set-cookie"].split(";")[0], "Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    connection.request("GET", "/runs", headers={**LOCKED, **cookie})
    said = connection.getresponse()
    assert (said.status, said.headers["location"], said.headers["x-lictor-reason"]) == (403, None, "certificate-required")
    assert b"lictor connect" in said.read()


def test_probes_and_our_own_pages_need_none(place: Place) -> None:
    for path in ("/lictor/health", "/lictor/ready", "/lictor/sign-in"):
        assert ask(place, None, "GET", path, headers={**LOCKED, "Accept": "text/html"}).status == 200


def test_a_decision_for_a_proxy_keeps_the_rule(place: Place) -> None:
    key = place.gateway.newcomer("owner")[1]
    question = {"X-Lictor-Token": TOKEN, "X-Original-Method": "GET", "X-Original-URI": "/api/flows/7e5c0b9e-7d1c-4c6b-8f0e-3f0d6f0a9d11", **bearer(key)}
    until("a yes", lambda: ask(place, None, "GET", "/lictor/decide/nginx", headers=question).status == 200)
    for shown in (None, place.ca.issue("worker one")):
        # What the asking connection shows is the proxy's own.
        said = ask(place, shown, "GET", "/lictor/decide/nginx", headers={**LOCKED, **question})
        assert (said.status, said.reason) == (403, "certificate-required") and said.headers["authorization"] is None


def test_an_attempt_without_one_is_on_record(place: Place) -> None:
    ask(place, None, headers={**LOCKED, **bearer(place.gateway.key("w-cn"))})
    assert until("the event", lambda: [each for each in place.gateway.cli_json("audit", "list", "--limit", "500") if each["reason"] == "certificate-required"])


@pytest.mark.parametrize(
    ("lines", "key"),
    [('client_certificate = "required"', "workspaces.main.client_certificate"), ('client_certificate = "sometimes"', "workspaces.main.client_certificate")],
)
def test_check_names_a_workspace_that_nobody_could_reach(lines: str, key: str, tmp_path: Path) -> None:
    config = tmp_path / "lictor.toml"
    config.write_text(f'listen = "127.0.0.1:1"\n[store]\nurl = "sqlite://{tmp_path}/l.db"\n[workspaces.main]\nupstream = "http://127.0.0.1:4200"\n{lines}\n')
    said = Gateway(tmp_path, config=config).run("check", "--json")
    assert key in {each["key"] for each in json.loads(said.stdout)["problems"]}
