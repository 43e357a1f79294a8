"""Does a stolen password open nothing, and does whoever has the second factor come in by it, and only so?"""

import json
import os
import re
import threading
import uuid
from pathlib import Path

import pytest

from stage import http
from stage.browser import answer_of
from stage.gateway import PASSWORD, ROOT, Gateway
from stage.provider import Provider
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.sso import Door, table
from stage.visitor import Visitor, said
from stage.wait import PROMISE, until

TOTP = "/lictor/account/factors/totp"
MODES = ("js", "nojs")


def do(gateway: Gateway, mode: str, deed: str, *words: str) -> dict:
    """A deed of factors.mjs, at a name that browsers have passkeys for."""
    return json.loads(answer_of("factors.mjs", f"http://localhost:{gateway.port}", mode, deed, *words))


def code(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows so many steps of half a minute from now."""
    return answer_of("code.mjs", secret, str(steps))


@pytest.fixture(scope="module")
def idp():
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder, idp: Provider):
    door = Door(tmp_path_factory.mktemp("factors"), recorder.url, table(idp)).start()
    yield door
    door.stop()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """Where a proof lasts ten seconds, and programs may do as before."""
    hasty = Door(tmp_path_factory.mktemp("hasty"), recorder.url, '[sign_in]\nconfirm_after = "10s"\nprograms_may_skip_second_factor = true\n').start()
    yield hasty
    hasty.stop()


def person(gateway: Gateway, role: str = "developer") -> str:
    """Somebody whom no other test knows."""
    return gateway.add_user(f"p-{uuid.uuid4().hex[:8]}", role)


def field(page: str, name: str) -> str:
    """The value of a hidden field."""
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def offered(browser: Visitor) -> tuple[str, str]:
    """The secret and the token of the page that adds an app."""
    page = browser.get(TOTP).body.decode()
    return re.search(r'data-copy="the secret">([A-Z2-7 ]+)<', page)[1], field(page, "token")


class Holder:
    """Somebody with an authenticator app and recovery codes."""

    def __init__(self, gateway: Gateway, name: str | None = None) -> None:
        self.gateway, self.name = gateway, name or person(gateway)
        self.browser = Visitor(gateway.port)
        assert self.browser.sign_in(self.name, PASSWORD).status == 303
        self.before = dict(self.browser.cookies)
        self.secret, token = offered(self.browser)
        added = self.browser.send(TOTP, token=token, code=code(self.secret), label="phone")
        assert added.status == 200, said(added)
        self.codes = re.findall(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}", added.body.decode())
        assert len(self.codes) == 10

    def half(self) -> Visitor:
        """A browser that has given the password."""
        browser = Visitor(self.gateway.port)
        answer = browser.sign_in(self.name, PASSWORD)
        assert (answer.status, answer.headers["location"]) == (303, "/lictor/confirm?next=%2F")
        return browser

    def events(self, operation: str) -> list[dict]:
        """What is on record of them."""
        return self.gateway.cli_json("audit", "list", "--actor", self.name, "--operation", operation)


@pytest.mark.parametrize("mode", MODES)
def test_an_app_is_added_and_its_codes_and_the_recovery_codes_count_once(mode: str, door: Door) -> None:
    name = person(door)
    made = do(door, mode, "app", name, PASSWORD)
    proofs = [event["object"].rpartition(" ")[2] for event in door.cli_json("audit", "list", "--actor", name, "--operation", "session.prove")]
    assert proofs == ["recovery-code", "recovery-code", "totp"]
    operations = [event["operation"] for event in door.cli_json("audit", "list", "--actor", name) if event["operation"].startswith("factor.")]
    assert operations == ["factor.remove", "factor.recovery-codes", "factor.add"]
    until("the refusal is on record", lambda: "wrong-second-factor" in {event["reason"] for event in door.cli_json("audit", "list", "--actor", name, "--operation", "credential.refuse")})
    kept = door.log() + door.cli("audit", "list", "--limit", "1000", "--json")
    database = b"".join(path.read_bytes() for path in door.data.glob("lictor.db*"))
    for secret in [made["secret"].replace(" ", ""), *made["codes"], *(each.replace("-", "") for each in made["codes"])]:
        assert secret not in kept and secret.encode() not in database


def test_a_passkey_signs_in_after_the_password_and_alone(door: Door) -> None:
    name = person(door)
    do(door, "js", "passkey", name, PASSWORD)
    starts = [event["object"].endswith("by passkey") for event in door.cli_json("audit", "list", "--actor", name, "--operation", "session.start")]
    assert starts == [True, False, False]


def test_a_passkeys_answer_is_worth_nothing_in_other_hands(door: Door) -> None:
    do(door, "js", "misuse", person(door), person(door), PASSWORD)


@pytest.mark.parametrize("mode", MODES)
def test_whoever_must_have_a_factor_is_led_to_add_one_and_can_do_nothing_else(mode: str, door: Door) -> None:
    role = f"careful-{mode}"
    door.cli("role", "add", role, "--based-on", "developer")
    name = person(door, role)
    browser = Visitor(door.port)
    browser.sign_in(name, PASSWORD)
    assert browser.status() == 200
    door.cli("role", "set-second-factor", role, "required")
    assert "a second factor is required" in door.cli("role", "show", role)
    until("a session of before is asked too", lambda: browser.status() == 401, PROMISE)
    do(door, mode, "required", name, PASSWORD)
    door.cli("role", "set-second-factor", role, "none")
    other = person(door, role)
    free = Visitor(door.port)
    free.sign_in(other, PASSWORD)
    until("nobody else is asked any more", lambda: free.status() == 200, PROMISE)


def test_a_sensitive_change_asks_again_a_while_later(hasty: Door) -> None:
    name = person(hasty)
    old = do(hasty, "js", "again", name, PASSWORD, "40")["before"]
    stale = hasty.ask("GET", "/lictor/account", headers={"Cookie": f"lictor={old}", "Accept": "text/html"})
    assert stale.headers["location"].startswith("/lictor/sign-in")
    # Every sensitive page asks, for the factor of whoever has one; a program is told so in JSON.
    holder = Holder(hasty)

    def leads_to(path: str) -> str:
        answer = holder.browser.get(path)
        return (answer.headers["location"] or "").partition("?")[0] if answer.status == 303 else str(answer.status)

    until("the proof is over", lambda: leads_to("/lictor/account/password") == "/lictor/confirm", 30)
    factor = re.search(r"factor=([0-9a-f-]+)", holder.browser.get("/lictor/account/factors").body.decode())[1]
    for path in [TOTP, f"/lictor/account/factors/remove?factor={factor}", "/lictor/account/keys/revoke?key=1"]:
        assert leads_to(path) == "/lictor/confirm", path
    for path, fields in [("keys", {"label": "x"}), ("keys/revoke", {"key": "1"}), ("password", {"current": PASSWORD}), ("factors/codes", {}), ("factors/remove", {"factor": factor}), ("factors/totp", {"code": "1"})]:
        assert holder.browser.send(f"/lictor/account/{path}", **fields).headers["location"].startswith("/lictor/confirm"), path
    same = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Cookie": "lictor=" + holder.browser.cookies["lictor"], "Accept": "*/*"}
    told = http.ask(hasty.port, "POST", "/lictor/account/keys", body=b"label=x", headers=same)
    assert (told.status, told.reason) == (403, "confirmation-required")
    before = holder.browser.cookies["lictor"]
    assert holder.browser.send("/lictor/confirm", password=PASSWORD).status == 401, "the password does not do"
    assert holder.browser.send("/lictor/confirm", code=holder.codes[0], next=TOTP).headers["location"] == TOTP
    assert leads_to(TOTP) == "200" and holder.browser.cookies["lictor"] != before
    # Managing others asks as well, on the pages and through the API.
    hasty.cli("grant", "add", holder.name, "--role", "owner")
    until("the proof is over again", lambda: leads_to(TOTP) == "/lictor/confirm", 30)
    page = holder.browser.get("/lictor/admin/bans").body.decode()
    assert 'href="/lictor/confirm?next=%2Flictor%2Fadmin%2Fbans"' in page, "told before a form is filled in"
    kept = holder.browser.send("/lictor/admin/bans", address="192.0.2.7", seconds="3600")
    assert (kept.status, kept.reason) == (403, "confirmation-required") and field(kept.body.decode(), "address") == "192.0.2.7"
    assert 'href="/lictor/confirm?next=%2Flictor%2Fadmin%2Fbans"' in kept.body.decode() and "Send it again" in kept.body.decode()
    told = http.ask(hasty.port, "POST", "/lictor/admin/bans", body=b"address=192.0.2.7&seconds=3600", headers={**same, "Cookie": "lictor=" + holder.browser.cookies["lictor"]})
    assert (told.status, told.reason) == (403, "confirmation-required") and told.headers["content-type"] == "application/json", "a program is told"
    form = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Cookie": "lictor=" + holder.browser.cookies["lictor"]}
    told = http.ask(hasty.port, "POST", "/lictor/api/v1/users", body=b'{"name": "smuggled"}', headers=form)
    assert (told.status, told.reason) == (403, "confirmation-required")
    assert http.ask(hasty.port, "GET", "/lictor/api/v1/users", headers=form).status == 200, "looking asks for nothing"
    assert hasty.cli_json("ban", "list") == [] and "smuggled" not in hasty.cli("user", "list")
    # Here programs may go on as before.
    assert http.ask(hasty.port, "GET", "/api/admin/version", headers=http.basic(f"{holder.name}:{PASSWORD}")).status == 200


def test_an_administrator_resets_the_factors_by_a_link_or_at_once(door: Door) -> None:
    holder = Holder(door)
    link = door.cli("user", "reset-factors", holder.name)
    assert link.startswith(f"{door.url}/lictor/reset-factors?token=")
    assert holder.browser.status() == 200, "until it is used nothing changes"
    door.cli("user", "reset-link", holder.name)
    assert holder.browser.get(link).status == 410, "another link is in its place"
    link = door.cli("user", "reset-factors", holder.name)
    assert holder.browser.get(link.replace("reset-factors?", "reset?")).status == 410, "it sets no password"
    do(door, "nojs", "reset", link, holder.name, PASSWORD)
    assert holder.browser.status() == 401
    assert [event["credential"]["kind"] for event in holder.events("user.reset-factors")] == ["reset-link"]
    again = Holder(door, holder.name)
    assert "removed 1 second factors" in door.cli("user", "reset-factors", holder.name, "--now")
    until("the session has ended", lambda: again.browser.status() == 401, PROMISE)
    assert again.half is not None and Visitor(door.port).sign_in(holder.name, PASSWORD).headers["location"] == "/"
    assert door.run("user", "reset-factors", "nobody").returncode != 0


def test_an_administrator_sees_the_factors_and_resets_them_through_the_api(door: Door) -> None:
    holder, (machine, key) = Holder(door), door.newcomer("owner")
    path = f"/lictor/api/v1/users/{holder.name}/factors"
    listed = door.ask("GET", path, key=key).json()
    (factor,) = listed["items"]
    assert (listed["required"], listed["recovery_codes"], factor["kind"], factor["label"], factor["last_used_at"]) == (False, 10, "totp", "phone", None)
    by_cli = door.cli_json("user", "factors", holder.name)
    assert by_cli == {"name": listed["name"], "required": False, "recovery_codes": 10, "factors": listed["items"]}
    assert "phone" in door.cli("user", "factors", holder.name) and "recovery codes left: 10" in door.cli("user", "factors", holder.name)
    shown = json.dumps(listed) + door.cli("user", "factors", holder.name)
    assert holder.secret.replace(" ", "") not in shown.replace(" ", "") and not any(code in shown for code in holder.codes)
    made = door.ask("POST", f"{path}/reset-link", key=key, body={"seconds": 600}).json()
    assert made["url"].startswith(f"{door.url}/lictor/reset-factors?token=")
    assert holder.browser.status() == 200, "until it is used nothing changes"
    token = made["url"].partition("token=")[2]
    assert holder.browser.send("/lictor/reset-factors", token=token).status == 303
    assert door.ask("GET", path, key=key).json()["items"] == []
    link = door.cli_json("audit", "list", "--operation", "user.reset-factors-link", "--limit", "1")[0]
    assert (link["actor"]["name"], link["object"].split()[0]) == (machine, holder.name)
    again = Holder(door, holder.name)
    assert door.ask("DELETE", path, key=key).status == 204
    until("the session has ended", lambda: again.browser.status() == 401, PROMISE)
    assert door.cli_json("audit", "list", "--operation", "user.reset-factors", "--limit", "1")[0]["actor"]["name"] == machine
    for nobody in (machine, "nobody-of-this-name", "No%20name"):
        assert door.ask("GET", f"/lictor/api/v1/users/{nobody}/factors", key=key).status == 404
    assert door.ask("POST", f"/lictor/api/v1/users/{machine}/factors/reset-link", key=key, body={}).reason == "state-conflict"
    assert door.run("user", "factors", machine).returncode != 0
    door.cli("user", "disable", holder.name)
    assert door.ask("POST", f"{path}/reset-link", key=key, body={}).reason == "state-conflict", "a link of somebody disabled would do nothing"


def test_a_role_demands_a_second_factor_by_the_api_and_the_pages(door: Door) -> None:
    _, key = door.newcomer("owner")
    role = f"careful-{uuid.uuid4().hex[:6]}"
    door.cli("role", "add", role, "--based-on", "viewer")
    member, owner = Visitor(door.port), Visitor(door.port)
    name = person(door, role)
    member.sign_in(name, PASSWORD)
    owner.sign_in(person(door, "owner"), PASSWORD)
    required = lambda: door.ask("GET", f"/lictor/api/v1/roles/{role}", key=key).json()["second_factor_required"]  # noqa: E731
    assert required() is False
    assert door.ask("PUT", f"/lictor/api/v1/roles/{role}/second-factor", key=key, body={"required": True}).status == 204
    assert required() is True and member.status() == 401, "it holds when the answer is there"
    assert door.ask("GET", f"/lictor/api/v1/users/{name}/factors", key=key).json()["required"] is True
    assert owner.send("/lictor/admin/roles/second-factor", role=role, demand="none").status == 303
    assert required() is False and member.status() == 200
    for wrong in ({"role": role, "demand": "perhaps"}, {"role": "no-such-role", "demand": "required"}, {"role": "", "demand": "required"}):
        assert owner.send("/lictor/admin/roles/second-factor", **wrong).status == 422, wrong
    assert door.ask("PUT", "/lictor/api/v1/roles/no-such-role/second-factor", key=key, body={"required": True}).status == 404


def test_an_administrator_sees_the_factors_and_resets_them_on_the_pages(door: Door) -> None:
    holder, owner = Holder(door), Visitor(door.port)
    owner.sign_in(person(door, "owner"), PASSWORD)
    page = owner.get(f"/lictor/admin/principal/factors?name={holder.name}").body.decode()
    assert "phone" in page and "authenticator app" in page and "Recovery codes left" in page and holder.secret not in page
    made = owner.send("/lictor/admin/principal/factors/reset-link", name=holder.name).body.decode()
    link = re.search(r"http://[^<\s]+(/lictor/reset-factors\?token=[A-Za-z0-9]+)", made)
    assert link and owner.get(link[1]).status == 200 and holder.browser.status() == 200
    assert owner.send("/lictor/admin/principal/factors/remove", name=holder.name).status == 303
    until("the session has ended", lambda: holder.browser.status() == 401, PROMISE)
    assert "They have none." in owner.get(f"/lictor/admin/principal/factors?name={holder.name}").body.decode()
    assert owner.get(link[1]).status == 200, "what is used once is the link, not the removal"


def test_half_a_session_opens_nothing(door: Door, recorder: Recorder) -> None:
    holder = Holder(door)
    half, mark = holder.half(), recorder.mark()
    for method, path in [("GET", "/api/admin/version"), ("POST", "/api/flows/filter"), ("GET", "/"), ("GET", "/v2/runs")]:
        assert half.status(method, path) in (401, 303), path
    assert half.get("/").headers["location"].startswith("/lictor/sign-in") and half.get("/lictor/me", Accept="application/json").status != 200
    for path in ["", "/keys", "/keys/revoke?key=1", "/sessions", "/password", "/factors", "/factors/totp", "/factors/passkey", "/factors/remove?factor=1"]:
        assert half.get(f"/lictor/account{path}").headers["location"].startswith("/lictor/confirm"), path
    for path in ["keys", "keys/revoke", "password", "sessions/end-all", "factors/codes", "factors/totp", "factors/passkey", "factors/remove"]:
        assert half.send(f"/lictor/account/{path}", label="x", key="1", factor="1").headers["location"].startswith("/lictor/confirm"), path
    assert not recorder.since(mark), "something reached Prefect"
    # A key beside it is no way around, nor is its owner asked for less by a program.
    assert half.ask("GET", "/api/admin/version", headers=http.bearer(door.key(holder.name))).status == 401
    # Given up, it is nobody's.
    value = half.cookies["lictor"]
    half.send("/lictor/sign-out")
    assert door.ask("GET", "/lictor/confirm", headers={"Cookie": f"lictor={value}", "Accept": "text/html"}).headers["location"].startswith("/lictor/sign-in")


def test_the_cookie_of_before_the_factor_is_dead_after_it(door: Door) -> None:
    holder = Holder(door)
    assert door.ask("GET", "/api/admin/version", headers={"Cookie": f"lictor={holder.before['lictor']}"}).status == 401, "the one that the app was added with"
    half = holder.half()
    before = half.cookies["lictor"]
    assert half.send("/lictor/confirm", code=code(holder.secret, 1), next="//evil.example").headers["location"] == "/"
    assert half.cookies["lictor"] != before and half.status() == 200
    assert door.ask("GET", "/api/admin/version", headers={"Cookie": f"lictor={before}"}).status == 401


def test_of_two_browsers_with_one_code_one_comes_in(door: Door) -> None:
    holder = Holder(door)
    one, two = holder.half(), holder.half()
    given, answers = code(holder.secret, 1), []
    threads = [threading.Thread(target=lambda browser=browser: answers.append(browser.send("/lictor/confirm", code=given).status)) for browser in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 401]


def test_guesses_must_wait_however_many_sessions_make_them(door: Door) -> None:
    holder = Holder(door)
    for _ in range(10):
        assert holder.half().send("/lictor/confirm", code="000000").status == 401
    refused = holder.half().send("/lictor/confirm", code=code(holder.secret, 1))
    assert refused.status == 429 and 40 <= int(refused.headers["retry-after"]) <= 60 and "Too many failed sign-ins" in said(refused)
    assert holder.browser.status() == 200, "whoever is in stays in"
    until("the ban is listed", lambda: [ban for ban in door.cli_json("ban", "list") if ban["account"] == holder.name])
    door.cli("ban", "lift", holder.name)
    until("the ban is lifted", lambda: holder.half().send("/lictor/confirm", code=holder.codes[0]).status == 303, PROMISE)


def test_nobody_adds_or_removes_a_factor_for_somebody_else(door: Door) -> None:
    holder, other = Holder(door), Holder(door)
    secret, token = offered(holder.browser)
    # Another's question, with the right code.
    stolen = other.browser.send(TOTP, token=token, code=code(secret, 1), label="stolen")
    assert stolen.status == 422 and "took too long" in said(stolen)
    # Another site, in this very browser.
    elsewhere = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site", "Cookie": "lictor=" + holder.browser.cookies["lictor"]}
    for path in [TOTP, "/lictor/account/factors/passkey", "/lictor/account/factors/codes", "/lictor/account/factors/remove", "/lictor/confirm", "/lictor/sign-in/passkey", "/lictor/reset-factors"]:
        forged = http.ask(door.port, "POST", path, body=f"token={token}&code={code(secret, 1)}".encode(), headers=elsewhere)
        assert (forged.status, forged.reason) == (403, "cross-origin"), path
    factor = re.search(r"factor=([0-9a-f-]+)", holder.browser.get("/lictor/account/factors").body.decode())[1]
    assert other.browser.send("/lictor/account/factors/remove", factor=factor).status == 404
    assert other.browser.get(f"/lictor/account/factors/remove?factor={factor}").status == 404
    assert other.browser.get("/lictor/account/factors/remove?factor=%0d%0aSet-Cookie:x").status == 404
    # A key manages nobody's factors.
    assert door.ask("GET", "/lictor/account/factors", key=door.key(holder.name)).status == 403


def test_a_password_alone_is_refused_to_programs_and_a_key_goes_on(door: Door) -> None:
    name = person(door)
    key = door.key(name)
    text = f"{name}:{PASSWORD}"
    assert http.ask(door.port, "GET", "/api/admin/version", headers=http.basic(text)).status == 200
    socket = WebSocket(door.port, "/api/events/out", headers=http.basic(text))
    assert socket.status == 101
    Holder(door, name)
    refused = http.ask(door.port, "GET", "/api/admin/version", headers=http.basic(text))
    assert (refused.status, refused.reason) == (401, "second-factor-required") and "use an API key in programs" in refused.json()["detail"]
    assert door.ask("GET", "/api/admin/version", key=key).status == 200
    assert socket.until_closed(10) == 1008, "the socket of before goes on"
    until("it is on record", lambda: "second-factor-required" in {event["reason"] for event in door.cli_json("audit", "list", "--actor", name, "--operation", "credential.refuse")})


def test_a_provider_that_has_asked_for_a_second_factor_is_believed_and_another_is_not(door: Door, idp: Provider) -> None:
    idp.people = {"sub": f"s-{uuid.uuid4().hex}", "preferred_username": f"sso-{uuid.uuid4().hex[:8]}", "groups": ["eng"]}
    name = idp.people["preferred_username"]
    first = Visitor(door.port)
    assert first.sign_on(idp).headers["location"] == "/" and first.is_signed_in()
    door.cli("role", "set-second-factor", "developer", "required")
    try:
        until("the session is asked for more", lambda: not first.is_signed_in(), PROMISE)
        for said_by, expected in [({}, "/lictor/confirm?next=%2F"), ({"amr": ["pwd"]}, "/lictor/confirm?next=%2F"), ({"amr": ["pwd", "mfa"]}, "/"), ({"acr": "mfa"}, "/")]:
            idp.people = {key: value for key, value in idp.people.items() if key not in ("amr", "acr")} | said_by
            browser = Visitor(door.port)
            assert browser.sign_on(idp).headers["location"] == expected, said_by
            assert browser.is_signed_in() == (expected == "/")
    finally:
        door.cli("role", "set-second-factor", "developer", "none")
    # There is no password to confirm by: signing in again is the proof.
    assert name in door.cli("user", "list")


def test_no_page_of_second_factors_has_a_serious_fault_of_accessibility(door: Door, tmp_path: Path) -> None:
    door.cli("role", "add", "careful", "--based-on", "viewer")
    door.cli("role", "set-second-factor", "careful", "required")
    visits = [{"name": door.add_user(f"ada-{at}", "developer"), "careful": door.add_user(f"grace-{at}", "careful")} for at in range(4)]
    link = door.cli("user", "reset-factors", "ada-0")
    people = {"password": PASSWORD, "visits": visits, "link": link.removeprefix(door.url)}
    (tmp_path / "people.json").write_text(json.dumps(people))
    pictures = [str(ROOT / "docs/images")] if os.environ.get("LICTOR_WRITE_DOCS") else []
    assert answer_of("factors_look.mjs", f"http://localhost:{door.port}", str(tmp_path / "people.json"), *pictures) == "14 pages"
