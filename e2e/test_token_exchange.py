"""Is a token exchanged for a key that ends with it, and refused as RFC 6749 and RFC 8693 say?"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from stage import http
from stage.issuer import Issuer, asked, rule, signed
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.sso import Door
from stage.wait import until

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
PATH = "/api/admin/version"


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer("actions")
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder, issuer: Issuer):
    rules = signed(issuer, "ci", *(rule("ci", name, job=name) for name in ("deployer", "crowd")), more='exchanged_key_life = "10m"')
    door = Door(tmp_path_factory.mktemp("exchange"), recorder.url, rules).start()
    for name in ("deployer", "crowd"):
        door.cli("service-account", "add", name, "--role", "developer")
    yield door
    door.stop()


def exchange(door: Door, token: str, *, headers: dict[str, str] | None = None, **more: str | None) -> http.Answer:
    fields = {"grant_type": GRANT, "subject_token": token, "subject_token_type": JWT, **more}
    body = urlencode({name: value for name, value in fields.items() if value is not None}).encode()
    return door.ask("POST", "/lictor/token", body=body, headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})


def test_a_token_becomes_a_key_that_opens_everything_and_ends_with_it(door: Door, issuer: Issuer) -> None:
    now = int(time.time())
    answer = exchange(door, issuer.token(job="deployer", exp=now + 120))
    given = answer.json()
    assert (answer.status, given["token_type"], given["issued_token_type"]) == (200, "Bearer", ACCESS_TOKEN)
    assert 90 <= given["expires_in"] <= 120 and "scope" not in given and answer.headers["cache-control"] == "no-store"
    key = given["access_token"]
    assert door.ask("GET", PATH, key=key).status == 200 and door.ask("GET", PATH, headers=http.basic(key)).status == 200
    socket = WebSocket(door.port, "/api/events/in")
    assert socket.authenticate(key)
    [row] = [each for each in door.cli_json("key", "list", "--for", "deployer") if each["masked"].endswith(key[-4:])]
    assert (row["issuer"], row["label"], row["state"]) == ("ci", "token of ci", "active")
    [event] = [each for each in door.events("key.exchange") if row["id"] in each["object"]]
    assert (event["actor"]["name"], event["credential"]["kind"], event["client_ip"]) == ("deployer", "token", "127.0.0.1")
    assert door.ask("POST", "/lictor/keys/rotate", key=key).reason == "key-of-token"
    assert door.run("key", "rotate", row["id"]).returncode != 0
    assert door.cli_json("key", "list", "--expiring", "14d") == [], "nobody needs to see to it"
    door.cli("key", "revoke", row["id"])
    assert socket.until_closed(5) == 1008
    long = exchange(door, issuer.token(job="deployer", exp=now + 3600)).json()
    assert 570 <= long["expires_in"] <= 600, "no longer than configured"
    assert key not in door.log() and long["access_token"] not in door.log()


def test_the_keys_that_an_issuer_gave_go_with_it(tmp_path: Path, recorder: Recorder, issuer: Issuer) -> None:
    door = Door(tmp_path / "gone", recorder.url, signed(issuer, "ci", rule("ci", "deployer", job="deployer"))).start()
    try:
        door.cli("service-account", "add", "deployer", "--role", "developer")
        key, own = exchange(door, issuer.token(job="deployer")).json()["access_token"], door.key("deployer")
        socket = WebSocket(door.port, "/api/events/in")
        assert socket.authenticate(key)
        door.file.write_text("")
        assert socket.until_closed(15) == 1008 and "unknown-issuer" in socket.close_reason
        assert door.ask("GET", PATH, key=key).reason == "unknown-issuer" and door.ask("GET", PATH, key=own).status == 200
    finally:
        door.stop()


def test_a_key_may_be_asked_for_that_does_less(door: Door, issuer: Issuer) -> None:
    answer = exchange(door, issuer.token(job="deployer"), scope="see_flows run_flows", audience="default")
    assert set(answer.json()["scope"].split()) == {"see_flows", "run_flows"}
    key = answer.json()["access_token"]
    assert door.ask("POST", "/api/flows/filter", key=key, body={}).status == 200
    assert door.ask("POST", "/api/variables/filter", key=key, body={}).reason == "key-too-narrow"
    [row] = [each for each in door.cli_json("key", "list", "--for", "deployer") if each["masked"].endswith(key[-4:])]
    assert row["limits"] == {"permissions": ["see_flows", "run_flows"], "workspace": "default"}


def test_each_refusal_has_its_error(door: Door, issuer: Issuer, recorder: Recorder) -> None:
    good = issuer.token(job="deployer")
    mark = recorder.mark()
    for fields, error in (
        ({"grant_type": None}, "invalid_request"), ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"subject_token": None}, "invalid_request"), ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": good, "actor_token_type": JWT}, "invalid_request"), ({"resource": "https://a.example"}, "invalid_target"),
        ({"audience": "nowhere"}, "invalid_target"), ({"scope": "see_flows admin"}, "invalid_scope"),
        ({"subject_token": issuer.token(job="deployer", aud="other")}, "invalid_request"), ({"subject_token": issuer.token(job="else")}, "invalid_request"),
        ({"subject_token": issuer.token(job="deployer", exp=int(time.time()) - 30)}, "invalid_request"), ({"subject_token": "a.b.c"}, "invalid_request"),
        ({"subject_token": "x" * 20_000}, "invalid_request"), ({"subject_token": door.key("deployer")}, "invalid_request"),
    ):  # fmt: skip
        answer = exchange(door, **{"token": good, **fields})
        said = answer.json()
        assert (answer.status, said["error"]) == (400, error), (fields, said)
        assert said["error_description"] and answer.headers["cache-control"] == "no-store" and "access_token" not in said
    assert not recorder.since(mark)
    assert {each["reason"] for each in door.events("credential.refuse")} >= {"invalid-token", "unmatched-token", "expired-token"}


def test_no_other_credential_counts_and_no_other_form_is_read(door: Door, issuer: Issuer) -> None:
    good, key = issuer.token(job="deployer"), door.key("deployer")
    for headers in (http.bearer(key), http.bearer(good), http.bearer("a.b.c"), {"Cookie": "lictor=" + "a" * 43}):
        answer = exchange(door, good, headers=headers)
        assert (answer.status, answer.json()["error"]) == (400, "invalid_request"), headers
    fields = {"grant_type": GRANT, "subject_token": good, "subject_token_type": JWT}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = urlencode(fields) + "&" + urlencode({"subject_token": issuer.token(job="crowd")})
    assert door.ask("POST", "/lictor/token", body=twice.encode(), headers=form).json()["error"] == "invalid_request"
    assert door.ask("POST", "/lictor/token", body=json.dumps(fields).encode(), headers={"Content-Type": "application/json"}).json()["error"] == "invalid_request"
    assert door.ask("POST", "/lictor/token?" + urlencode(fields), headers=form).json()["error"] == "invalid_request"
    assert door.ask("GET", "/lictor/token?" + urlencode(fields)).status == 405


def test_one_token_does_not_fill_the_store_with_keys(door: Door, issuer: Issuer) -> None:
    token = issuer.token(job="crowd")
    answers = [exchange(door, token) for _ in range(12)]
    assert [answer.status for answer in answers] == [200] * 10 + [503] * 2
    assert answers[-1].json()["error"] == "temporarily_unavailable" and answers[-1].headers["retry-after"]
    others = [issuer.token(job="crowd") for _ in range(60)]
    with ThreadPoolExecutor(8) as pool:
        given = [answer.status for answer in pool.map(lambda other: exchange(door, other), others)].count(200)
    assert 40 <= given <= 50, "sixty a minute for one account"
    assert exchange(door, issuer.token(job="deployer")).status == 200, "others go on"


# --- tokens that mean nothing to anybody but their issuer ---


@pytest.fixture
def word(tmp_path: Path, recorder: Recorder):
    """A gateway that asks two issuers about tokens."""
    issuer, other = Issuer("asked"), Issuer("prefixed")
    tables = asked(issuer, "asked", rule("asked", "opaque", client_id="batch"), more='introspection_cache = "4s"')
    tables += asked(other, "prefixed", rule("prefixed", "opaque", client_id="batch"), more='token_prefix = "pre_"\naudiences = ["us"]')
    door = Door(tmp_path / "word", recorder.url, tables).start()
    door.cli("service-account", "add", "opaque", "--role", "developer")
    yield door, issuer, other
    door.stop()
    for each in (issuer, other):
        if not each.is_closed:
            each.close()


def test_an_opaque_token_counts_by_its_issuers_word_for_as_long_as_that_is_believed(word: tuple[Door, Issuer, Issuer]) -> None:
    door, issuer, other = word
    token = issuer.opaque_token(client_id="batch", exp=int(time.time()) + 600)
    assert [door.ask("GET", PATH, key=token).status for _ in range(20)] == [200] * 20
    assert issuer.introspected.count(token) <= 2, "remembered"
    socket = WebSocket(door.port, "/api/events/in")
    assert socket.authenticate(token)
    asked_before = len(issuer.introspected)
    until("its issuer is asked again while a socket is open", lambda: len(issuer.introspected) > asked_before + 2, 30)
    socket.send(b"still here", opcode=9)
    assert socket.receive(10) == (10, b"still here"), "and the socket stays open"
    issuer.opaque.pop(token)
    assert socket.until_closed(15) == 1008 and "invalid-token" in socket.close_reason
    until("the token is refused", lambda: door.ask("GET", PATH, key=token).reason == "invalid-token", 10)
    assert not other.introspected and token not in door.log()


def test_an_issuer_says_no_in_many_ways_and_is_asked_once(word: tuple[Door, Issuer, Issuer]) -> None:
    door, issuer, other = word
    now = int(time.time())
    for claims in (
        {"active": False}, {"active": "true"}, {"active": 1}, {"token_type": "refresh_token"}, {"iss": "https://other.example"}, {"cnf": {"jkt": "x"}},
        {"exp": now - 100}, {"nbf": now + 600}, {"exp": now + 10_000_000}, {"exp": "soon"}, {"aud": ["us", "others"]},
    ):  # fmt: skip
        token = issuer.opaque_token(**{"client_id": "batch", **claims})
        answers = [door.ask("GET", PATH, key=token) for _ in range(3)]
        assert {answer.reason for answer in answers} <= {"invalid-token", "expired-token"}, (claims, answers[0].body)
        assert issuer.introspected.count(token) == 1, "and it is not asked again at once"
    assert door.ask("GET", PATH, key=issuer.opaque_token(client_id="else")).reason == "unmatched-token"
    assert door.ask("GET", PATH, key="nobody-issued-this-one").reason == "invalid-token"
    before = len(issuer.introspected)
    for private in ("a-lonely-password", "pnu_" + "x" * 36, "pnb_" + "x" * 36, "lictor_" + "x" * 38):
        assert door.ask("GET", PATH, key=private).status == door.ask("GET", PATH, headers=http.basic(private)).status == 401
    assert len(issuer.introspected) == before, "what was meant for others, or for nobody, is shown to no issuer"
    assert door.ask("GET", PATH, key=other.opaque_token("pre_", client_id="batch", aud="us")).status == 200
    assert door.ask("GET", PATH, key=other.opaque_token("pre_", client_id="batch", aud="them")).reason == "invalid-token"
    assert len(issuer.introspected) == before, "an issuer is not shown the tokens of another"
    assert door.ask("GET", PATH, key="lictor_" + "a" * 38).reason == "mistyped-key" and len(issuer.introspected) == before


def test_guessers_do_not_make_an_issuer_busy_and_those_who_have_tokens_go_on(word: tuple[Door, Issuer, Issuer]) -> None:
    door, issuer, _ = word
    token, late = (issuer.opaque_token(client_id="batch") for _ in range(2))
    assert door.ask("GET", PATH, key=token).status == 200
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: door.ask("GET", PATH, key=f"a-guess-of-nobodys-token-{number}"), range(100)))
    assert {answer.reason for answer in answers} == {"invalid-token", "too-many-failures"}
    assert len(issuer.introspected) <= 1 + 60 + 8 and next(answer for answer in answers if answer.status == 429).headers["retry-after"]
    assert door.ask("GET", PATH, key=token).status == 200 and door.ask("GET", PATH, key=late).status == 429


def test_the_doctor_asks_who_speaks_for_tokens(word: tuple[Door, Issuer, Issuer]) -> None:
    door, issuer, _ = word
    (door.data / "providers.toml").write_text(door.file.read_text())
    assert "ok    issuer asked" in door.run("doctor").stdout
    (door.data / "providers.toml").write_text(door.file.read_text().replace('"lictor"', '"somebody"'))
    assert "FAIL  issuer asked" in door.run("doctor").stdout, "it does not know us by that name"
    issuer.opaque["lictor-doctor"] = {"active": True}
    (door.data / "providers.toml").write_text(door.file.read_text())
    assert "calls a token active that nobody issued" in door.run("doctor").stdout


def test_while_the_issuer_is_away_its_word_is_believed_no_longer_than_configured(word: tuple[Door, Issuer, Issuer]) -> None:
    door, issuer, _ = word
    token = issuer.opaque_token(client_id="batch")
    assert door.ask("GET", PATH, key=token).status == 200
    unseen = issuer.opaque_token(client_id="batch")
    issuer.close()
    answer = door.ask("GET", PATH, key=unseen)
    assert (answer.status, answer.reason) == (503, "issuer-unavailable"), "not a false 401"
    until("its word is too old", lambda: door.ask("GET", PATH, key=token).reason == "issuer-unavailable", 15)


def test_an_opaque_token_is_exchanged_too(word: tuple[Door, Issuer, Issuer]) -> None:
    door, issuer, _ = word
    answer = exchange(door, issuer.opaque_token(client_id="batch", exp=int(time.time()) + 60), subject_token_type=ACCESS_TOKEN)
    assert answer.status == 200 and answer.json()["expires_in"] <= 60
    assert door.ask("GET", PATH, key=answer.json()["access_token"]).status == 200
