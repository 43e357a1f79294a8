"""What becomes of a session that began at a provider? Rechecked, ended, and left alone while the provider is away."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from stage.gateway import PASSWORD
from stage.provider import Claims, Provider
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.signing import SigningKey, unsigned
from stage.sso import Door, table
from stage.steps_sockets import opens
from stage.visitor import Visitor, said
from stage.wait import until


@pytest.fixture
def idp():
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def door(tmp_path: Path, recorder: Recorder, idp: Provider):
    door = Door(tmp_path / "sso", recorder.url, table(idp, more='recheck = "1s"')).start()
    yield door
    door.stop()


@pytest.fixture
def ada(door: Door, idp: Provider) -> Visitor:
    """A person who is signed in."""
    idp.people = {"sub": "sub-ada", "preferred_username": "ada", "groups": ["eng"]}
    visitor = Visitor(door.port)
    answer = visitor.sign_on(idp)
    assert answer.status == 303, said(answer)
    return visitor


# --- rechecking ---


def test_whoever_left_the_group_loses_the_role_the_session_and_the_socket(door: Door, idp: Provider, ada: Visitor) -> None:
    key = door.key("ada")
    socket = WebSocket(door.port, "/api/events/in")
    socket.send({"type": "auth", "token": f"ada:{key}"})
    assert socket.json(5) == {"type": "auth_success"}
    idp.people["groups"] = ["looking"]
    until("the role follows the group", lambda: door.grants("ada") == {"viewer"}, 10)
    assert ada.status() == 200 and ada.status("POST", "/api/flows/") == 403
    idp.people["groups"] = []
    until("nothing is left of the rules", lambda: door.grants("ada") == set(), 10)
    until("the session has ended", lambda: not ada.is_signed_in(), 2)
    socket.until_closed(5)
    assert socket.close_code == 1008
    assert door.ask("GET", "/api/admin/version", key=key).reason == "not-a-member"


def test_a_session_that_the_provider_ended_ends_here(idp: Provider, ada: Visitor) -> None:
    idp.refresh_tokens.clear()
    until("the session has ended", lambda: not ada.is_signed_in(), 10)


def test_a_rotated_refresh_token_is_kept(idp: Provider, ada: Visitor) -> None:
    until("three rechecks, each with the token of the one before", lambda: len(idp.token_requests) >= 4, 15)
    assert ada.is_signed_in() and len({form.get("refresh_token") for form, _ in idp.token_requests}) == len(idp.token_requests)


TROUBLE: dict[str, Callable[[Provider], None]] = {
    "is down": lambda idp: idp.close(),
    "answers 500": lambda idp: idp.answers.update({"token": (500, "text/html", b"<h1>Oops</h1>")}),
    "answers with a login page": lambda idp: idp.answers.update({"token": (200, "text/html", b"<h1>Sign in</h1>")}),
    "answers with too much": lambda idp: idp.answers.update({"token": (200, "application/json", b"{" + b" " * 300_000 + b"}")}),
    "hangs": lambda idp: idp.hangs.add("token"),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_a_provider_in_trouble_ends_no_session_no_key_and_no_password(trouble: Callable[[Provider], None], door: Door, idp: Provider, ada: Visitor) -> None:
    door.add_user("bob", "viewer")
    key = door.key("ada")
    trouble(idp)
    until("the recheck has failed", lambda: "its sessions go on" in door.log(), 20)
    assert ada.is_signed_in() and ada.status() == 200 and door.grants("ada") == {"developer"}
    assert door.ask("GET", "/api/admin/version", key=key).status == 200
    assert Visitor(door.port).sign_in("bob", PASSWORD).status == 303


def test_nobody_new_comes_in_while_the_provider_is_away_and_the_page_says_so(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    door = Door(tmp_path / "away", recorder.url, table(idp)).start()
    try:
        idp.hangs.add("openid-configuration")
        began = time.monotonic()
        answer = Visitor(door.port).get("/lictor/sso/idp/begin")
        assert (answer.status, answer.reason) == (503, "provider-unavailable") and time.monotonic() - began < 8
        assert "cannot be asked at the moment" in said(answer) and 'name="password"' in answer.body.decode()
        assert "retry-after" in answer.headers
        # The next ones do not wait for it again.
        began = time.monotonic()
        assert all(Visitor(door.port).get("/lictor/sso/idp/begin").status == 503 for _ in range(20)) and time.monotonic() - began < 4
    finally:
        door.stop()


# --- keys and answers of the provider ---


def test_the_provider_changes_its_keys(door: Door, idp: Provider, ada: Visitor) -> None:
    idp.rotate()
    assert Visitor(door.port).sign_on(idp).status == 303, "new keys are fetched when they are needed"
    asked = idp.asked.count("keys")
    for _ in range(20):
        idp.sign = lambda claims: idp.key.sign(claims, kid="nobody")
        assert Visitor(door.port).sign_on(idp).reason == "sign-on-rejected"
    assert idp.asked.count("keys") - asked <= 1, "unknown keys do not send us back each time"


SPOILT: dict[str, tuple[str, tuple[int, str, bytes]]] = {
    "the keys are gone": ("keys", (404, "application/json", b"{}")),
    "the keys are huge": ("keys", (200, "application/json", b'{"keys": [' + b" " * 300_000 + b"]}")),
    "the keys are none": ("keys", (200, "application/json", b'{"keys": []}')),
    "the keys are a list": ("keys", (200, "application/json", b"[]")),
    "the keys are elsewhere": ("keys", (302, "application/json", b"http://127.0.0.1:1/keys")),
    "the keys are for encryption": ("keys", (200, "application/json", json.dumps({"keys": [SigningKey("idp-1").jwk(use="enc")]}).encode())),
    "the token answer is huge": ("token", (200, "application/json", b"{" + b" " * 300_000 + b"}")),
    "the token answer is a page": ("token", (200, "text/html", b'{"access_token": "x"}')),
    "the token answer is no object": ("token", (200, "application/json", b"[1]")),
    "the token answer has no tokens": ("token", (200, "application/json", b"{}")),
    "the token answer has a member twice": ("token", (200, "application/json", b'{"access_token": "a", "access_token": "b", "token_type": "Bearer"}')),
    "the token answer is another kind": ("token", (200, "application/json", b'{"access_token": "a", "token_type": "mac"}')),
    "the token answer leads elsewhere": ("token", (307, "application/json", b"http://127.0.0.1:1/token")),
    "the metadata is somebody else's": ("openid-configuration", (200, "application/json", b'{"issuer": "https://evil.example"}')),
    "the metadata is elsewhere": ("openid-configuration", (301, "application/json", b"http://127.0.0.1:1/")),
    "the metadata is no JSON": ("openid-configuration", (200, "application/json", b"<html>")),
}


@pytest.fixture(scope="module")
def spoilt_door(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """One gateway for all of them; each has a provider of its own, so that nothing is remembered from another."""
    folder = tmp_path_factory.mktemp("spoilt")
    providers = {name: Provider(f"p{at}") for at, name in enumerate(SPOILT)}
    door = Door(folder, recorder.url, "".join(table(idp, idp.name) for idp in providers.values())).start()
    yield door, providers
    door.stop()
    for idp in providers.values():
        idp.close()


@pytest.mark.parametrize("name", SPOILT)
def test_an_answer_that_is_not_as_it_should_be_signs_nobody_in(name: str, spoilt_door: tuple[Door, dict[str, Provider]]) -> None:
    door, providers = spoilt_door
    idp, (path, answer) = providers[name], SPOILT[name]
    idp.answers[path] = answer
    visitor = Visitor(door.port)
    begun = visitor.get(f"/lictor/sso/{idp.name}/begin")
    ended = visitor.back(idp.name, idp.authorize(begun.headers["location"])) if begun.status == 303 else begun
    assert ended.status in (400, 503) and ended.reason in ("sign-on-rejected", "provider-unavailable"), said(ended)
    assert not visitor.is_signed_in()


def test_as_soon_as_its_answers_are_right_people_come_in(spoilt_door: tuple[Door, dict[str, Provider]]) -> None:
    door, providers = spoilt_door
    for idp in providers.values():
        idp.answers.clear()
        until(f"{idp.name} is believed again", lambda idp=idp: Visitor(door.port).sign_on(idp, idp.name).status == 303, 10, every=0.5)


# --- signing out ---


def test_signing_out_here_offers_to_sign_out_there(door: Door, idp: Provider, ada: Visitor) -> None:
    page = ada.send("/lictor/sign-out")
    assert page.status == 200 and "Sign out of Example IDP as well" in said(page)
    assert f"{idp.issuer}/end?" in page.body.decode() and "id_token_hint=eyJ" in page.body.decode() and "post_logout_redirect_uri=" in page.body.decode()
    assert "lictor" not in ada.cookies and not ada.is_signed_in()
    door.add_user("bob", "viewer")
    bob = Visitor(door.port)
    bob.sign_in("bob", PASSWORD)
    assert bob.send("/lictor/sign-out").status == 303


def test_who_has_no_password_here_is_told_so_and_not_asked_for_it(door: Door, idp: Provider, ada: Visitor) -> None:
    page = ada.get("/lictor/account/password")
    assert page.status == 200 and "has no password here" in said(page) and "<input" not in page.body.decode()
    assert ada.send("/lictor/account/password", current="", new="a long enough one", repeat="a long enough one").status == 422


def tell(door: Door, token: str, provider: str = "idp") -> int:
    """The provider's own request."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = door.ask("POST", f"/lictor/sso/{provider}/back-channel-logout", body=f"logout_token={token}".encode(), headers=form)
    assert answer.status == 200 or answer.json()["error"] == "invalid_request"
    assert answer.headers["cache-control"] == "no-store"
    return answer.status


def test_the_provider_ends_a_session_within_a_second(door: Door, idp: Provider, ada: Visitor) -> None:
    first, second = idp.sessions[list(idp.sessions)[0]], Visitor(door.port)
    assert second.sign_on(idp).status == 303
    assert tell(door, idp.logout_token(sid=first)) == 200
    until("the first session has ended", lambda: not ada.is_signed_in() and ada.status() == 401, 1)
    assert second.is_signed_in(), "another session of the same person goes on"
    assert tell(door, idp.logout_token(sid=None)) == 200
    until("all sessions have ended", lambda: not second.is_signed_in(), 1)
    assert tell(door, idp.logout_token()) == 200, "there may be nothing to end"
    assert {event["actor"]["name"] for event in door.events("session.end")} == {"sso:idp"}


def test_the_provider_ends_the_open_sockets_of_the_person_it_names(door: Door, idp: Provider, ada: Visitor) -> None:
    """A socket is opened by a key, which goes on: its holder connects again, and is told by 1012 to do so."""
    bystander = opens(door.port, door.add_service_account("bystander", "viewer"))
    key = door.key("ada")
    for token in (idp.logout_token(sid=idp.sessions[list(idp.sessions)[0]]), idp.logout_token(sid=None)):
        sockets = [opens(door.port, key, path) for path in ("/api/events/out", "/api/logs/out")]
        assert tell(door, token) == 200
        assert [socket.until_closed(10) for socket in sockets] == [1012, 1012]
        assert "signed out" in (sockets[0].close_reason or "")
    again = opens(door.port, key)
    assert tell(door, idp.logout_token(sub="nobody", sid=None)) == 200
    for socket in (bystander, again):
        socket.send({"type": "filter", "filter": {}})
        assert socket.receive(1.5) is None and socket.close_code is None, "the socket of another was closed too"


def test_a_bad_logout_token_ends_nothing(door: Door, idp: Provider, ada: Visitor) -> None:
    sid, now = idp.sessions[list(idp.sessions)[0]], int(time.time())
    good = idp.logout_token(sub="nobody")
    bad: dict[str, str] = {
        "nothing": "", "a word": "x", "an ID token": idp.key.sign({"iss": idp.issuer, "aud": "lictor", "sub": "sub-ada", "iat": now, "exp": now + 60, "nonce": "n"}),
        "no signature": unsigned({"iss": idp.issuer}), "another key": idp.logout_token(key=SigningKey("idp-1")), "another issuer": idp.logout_token(iss="https://evil.example"),
        "another audience": idp.logout_token(aud="somebody-else"), "a nonce": idp.logout_token(nonce="n"), "no event": idp.logout_token(events=None),
        "another event": idp.logout_token(events={"http://schemas.openid.net/event/other": {}}), "nobody": idp.logout_token(sub=None, sid=None),
        "no id": idp.logout_token(jti=None), "long ago": idp.logout_token(iat=now - 3600, exp=None), "expired": idp.logout_token(exp=now - 3600),
        "the future": idp.logout_token(iat=now + 3600), "another type": idp.logout_token(header={"typ": "at+jwt"}), "HS256": idp.key.sign_as_secret({"iss": idp.issuer}),
    }  # fmt: skip
    assert {name: tell(door, token) for name, token in bad.items()} == dict.fromkeys(bad, 400)
    assert (tell(door, good), tell(door, good)) == (200, 400), "each counts once"
    assert door.ask("POST", "/lictor/sso/nobody/back-channel-logout", body=b"logout_token=x", headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 404
    assert ada.is_signed_in()
    assert tell(door, idp.logout_token(sid=sid)) == 200


# --- the configuration ---


def test_providers_and_rules_change_while_it_runs_and_a_broken_file_changes_nothing(door: Door, idp: Provider, ada: Visitor) -> None:
    good = door.file.read_text()
    door.file.write_text(good.replace('role = "developer"', 'role = "owner"'))
    until("the rule is another one", lambda: door.grants("ada") == {"owner"}, 10)
    door.file.write_text('[providers.idp]\nissuer = "http://idp.example"\n')
    until("the log says what is wrong", lambda: "providers.idp.issuer" in door.log() and "stay as they were" in door.log(), 10)
    assert "Continue with Example IDP" in said(Visitor(door.port).get("/lictor/sign-in"))
    assert Visitor(door.port).sign_on(idp).status == 303
    door.file.unlink()
    until("there is no provider any more", lambda: "Continue with" not in said(Visitor(door.port).get("/lictor/sign-in")), 10)
    assert Visitor(door.port).get("/lictor/sso/idp/begin").status == 404


def test_only_the_break_glass_account_has_a_password_and_its_use_is_loud(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    folder = tmp_path / "closed"
    closed = '[sign_in]\nlocal_passwords = "break-glass"\nbreak_glass = "root"\n'
    door = Door(folder, recorder.url, closed + table(idp)).start()
    try:
        assert "no enabled user of this name" in door.log(), "it would be too late on the day that it is needed"
        idp.people = {"sub": "r", "preferred_username": "root", "groups": ["eng"]}
        assert Visitor(door.port).sign_on(idp).status == 303
        door.add_user("root", "owner")
        door.add_user("bob", "viewer")
        answer = Visitor(door.port).sign_in("bob", PASSWORD)
        assert (answer.status, answer.reason) == (401, "passwords-closed") and "Passwords are not accepted here" in said(answer)
        assert door.events("sign-in.break-glass") == []
        assert Visitor(door.port).sign_in("root", PASSWORD).status == 303
        (event,) = door.events("sign-in.break-glass")
        assert event["object"] == "root" and "BREAK GLASS" in door.log()
        assert Visitor(door.port).sign_on(idp).status == 303
        assert door.ask("GET", "/api/admin/version", key=door.key("bob")).status == 200
    finally:
        door.stop()


def test_who_was_not_seen_at_the_provider_for_long_keeps_nothing_but_the_account(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    idp.refreshes = False
    more = 'session_without_refresh = "2s"\ngrants_last = "3s"\nrecheck = "1s"'
    door = Door(tmp_path / "short", recorder.url, table(idp, more=more)).start()
    try:
        visitor = Visitor(door.port)
        assert visitor.sign_on(idp).status == 303
        (name,) = [user["name"] for user in door.cli_json("user", "list") if user["name"] != "admin"]
        key = door.key(name)
        until("the session has ended, for nothing could recheck it", lambda: not visitor.is_signed_in())
        until("the key has no role any more", lambda: door.ask("GET", "/api/admin/version", key=key).reason == "not-a-member", 10)
        assert visitor.sign_on(idp).status == 303 and door.ask("GET", "/api/admin/version", key=key).status == 200
    finally:
        door.stop()


def test_a_provider_that_is_gone_is_forgotten_by_a_command(door: Door, idp: Provider, ada: Visitor) -> None:
    door.file.unlink()
    until("there is no provider any more", lambda: "Continue with" not in said(Visitor(door.port).get("/lictor/sign-in")), 10)
    assert ada.is_signed_in()
    assert door.cli_json("provider", "forget", "idp") == {"provider": "idp", "people": 1, "sessions": 1}
    until("the session has ended", lambda: not ada.is_signed_in(), 1)
    assert door.grants("ada") == set()


def test_no_token_is_kept_or_logged_in_clear(door: Door, idp: Provider, ada: Visitor) -> None:
    seen: list[str] = []
    sign = idp.sign
    idp.sign = lambda claims: seen.append(sign(claims)) or seen[-1]  # type: ignore[func-returns-value]
    until("some rechecks", lambda: len(seen) >= 2, 10)
    ada.send("/lictor/sign-out")
    secrets = [*seen, *(token.rsplit(".", 1)[1] for token in seen), *idp.refresh_tokens, *idp.sessions, *(form.get("code") or "" for form, _ in idp.token_requests), *(form.get("code_verifier") or "" for form, _ in idp.token_requests)]
    kept = b"".join(path.read_bytes() for path in door.data.glob("lictor.db*")) + door.log().encode()
    assert len(secrets) > 6 and b"external_sessions" in kept and [secret[:12] for secret in secrets if secret and secret.encode() in kept] == []


TEAMS = """
[[providers.{name}.rules]]
claim = "groups"
equals = "eng"
team = "data"
[[providers.{name}.rules]]
claim = "groups"
equals = "looking"
role = "viewer"
workspace = "default"
[[providers.{name}.rules]]
claim = "groups"
equals = "eng"
team = "absent"
"""


def test_a_rule_puts_people_into_a_team_and_out_of_it_again(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    door = Door(tmp_path / "teams", recorder.url, table(idp, more='recheck = "1s"', rules=TEAMS)).start()
    try:
        door.cli("team", "add", "data")
        door.cli("grant", "add", "--team", "data", "--role", "runner")
        idp.people = {"sub": "kim", "preferred_username": "kim", "groups": ["eng", "looking"]}
        visitor = Visitor(door.port)
        assert visitor.sign_on(idp).status == 303, "a team that is not there keeps nobody out"
        assert "a team that does not exist" in door.log()
        page = said(visitor.get("/lictor/account"))
        assert "runner" in page and "viewer" in page
        idp.people["groups"] = ["looking"]
        until("the team is left", lambda: "runner" not in said(visitor.get("/lictor/account")), 10)
        assert visitor.status() == 200
    finally:
        door.stop()


def test_a_sign_in_that_began_at_one_replica_is_completed_at_another_once(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    doors = []
    for name in ("one", "two"):
        door = Door(tmp_path / name, recorder.url, "")
        door.config = tmp_path / name / "lictor.toml"
        door.config.write_text(f'listen = "127.0.0.1:{door.port}"\n[store]\nurl = "sqlite://{tmp_path}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n{table(idp)}')
        doors.append(door.start())
    try:
        first, second = Visitor(doors[0].port), Visitor(doors[1].port)
        query = idp.authorize(first.begin("idp"))
        # A browser's cookies are the host's, whatever the port.
        second.cookies = dict(first.cookies)
        answer = second.back("idp", query)
        assert answer.status == 303, said(answer)
        assert first.back("idp", query).reason == "sign-on-expired"
        first.cookies = dict(second.cookies)
        until("the session is good at the other replica", first.is_signed_in, 1)
        assert tell(doors[0], idp.logout_token(sid=None)) == 200
        until("it ends at both", lambda: not second.is_signed_in() and not first.is_signed_in(), 1)
    finally:
        for door in doors:
            door.stop()


def test_everything_stands_under_the_path_of_the_public_url(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    door = Door(tmp_path / "path", recorder.url, table(idp))
    door.arguments += ("--public-url", f"http://127.0.0.1:{door.port}/tools/prefect/")
    door._is_ready = lambda: door.ask("GET", "/tools/prefect/lictor/ready").status == 200  # type: ignore[method-assign]
    door.start()
    try:
        visitor = Visitor(door.port)
        page = visitor.get("/tools/prefect/lictor/sign-in?next=%2Fruns").body.decode()
        assert 'href="/tools/prefect/lictor/sso/idp/begin?next=%2Fruns"' in page
        location = visitor.get("/tools/prefect/lictor/sso/idp/begin?next=%2Fruns").headers["location"]
        assert parse_qs(urlsplit(location).query)["redirect_uri"] == [f"{door.url}/tools/prefect/lictor/sso/idp/callback"]
        answer = visitor.get(f"/tools/prefect/lictor/sso/idp/callback?{idp.authorize(location)}")
        assert (answer.status, answer.headers["location"]) == (303, "/tools/prefect/runs"), said(answer)
        out = visitor.send("/tools/prefect/lictor/sign-out").body.decode()
        assert "prefect%2Flictor%2Fsign-in" in out and 'href="/tools/prefect/lictor/sign-in"' in out
    finally:
        door.stop()


def test_doctor_says_whether_people_could_sign_in(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    door = Door(tmp_path / "doctor", recorder.url, "")
    file = tmp_path / "lictor.toml"

    def checks(tables: str) -> dict[str, tuple[str, str]]:
        file.write_text(f'listen = "127.0.0.1:{door.port}"\n[store]\nurl = "sqlite://{tmp_path}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n{tables}')
        ran = door.run_bare("doctor", "--config", str(file), "--json")
        return {check["check"]: (check["level"], check["found"]) for check in json.loads(ran.stdout)["checks"]}

    level, found = checks(table(idp))["provider idp"]
    assert level == "ok" and "1 keys" in found and "can sign out there" in found
    idp.published = []
    assert checks(table(idp))["provider idp"][0] == "fail"
    idp.answers["openid-configuration"] = (200, "application/json", b'{"issuer": "https://other"}')
    level, found = checks(table(idp))["provider idp"]
    assert level == "fail" and "must agree to the letter" in found


# --- claims from elsewhere ---


def test_groups_come_from_an_access_token_only_when_it_verifies(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    more = 'preset = "keycloak"'
    door = Door(tmp_path / "access", recorder.url, table(idp, more=more)).start()
    idp.people = {"sub": "kim", "preferred_username": "kim"}
    access: dict[str, Callable[[Claims], str]] = {
        "wrong key": lambda claims: SigningKey("idp-1").sign(claims), "no key": unsigned, "somebody else": lambda claims: idp.key.sign({**claims, "sub": "other"}),
        "another issuer": lambda claims: idp.key.sign({**claims, "iss": "https://evil.example"}), "expired": lambda claims: idp.key.sign({**claims, "exp": 1}),
    }  # fmt: skip
    try:
        grant = idp._grant

        def with_access(signer: Callable[[Claims], str]) -> None:
            def granted(session: Claims, nonce: str | None) -> Claims:
                tokens = grant(session, nonce)
                now = int(time.time())
                token = signer({"iss": idp.issuer, "aud": "account", "sub": "kim", "iat": now, "exp": now + 60, "groups": ["eng"]})
                idp.sessions[token] = "s"
                return {**tokens, "access_token": token}

            idp._grant = granted  # type: ignore[method-assign]

        idp.spoil = lambda claims: {name: value for name, value in claims.items() if name != "at_hash"}
        for what, signer in access.items():
            with_access(signer)
            assert Visitor(door.port).sign_on(idp).reason == "sign-on-refused", what
        with_access(lambda claims: idp.key.sign(claims, typ="at+jwt"))
        answer = Visitor(door.port).sign_on(idp)
        assert answer.status == 303, said(answer)
    finally:
        door.stop()


def test_groups_that_did_not_fit_are_fetched_from_the_graph(tmp_path: Path, recorder: Recorder, idp: Provider) -> None:
    door = Door(tmp_path / "graph", recorder.url, table(idp, more=f'preset = "entra"\ngraph_url = "{idp.issuer}/v1.0"')).start()
    try:
        idp.people = {"sub": "kim", "preferred_username": "kim", "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}
        idp.answers["getMemberObjects"] = (200, "application/json", json.dumps({"value": ["0-1-2", "eng"]}).encode())
        answer = Visitor(door.port).sign_on(idp)
        assert answer.status == 303, said(answer)
        idp.answers["getMemberObjects"] = (403, "application/json", b"{}")
        assert Visitor(door.port).sign_on(idp).reason == "provider-unavailable"
        assert door.grants("kim") == {"developer"}, "what could not be asked is not taken away"
    finally:
        door.stop()
