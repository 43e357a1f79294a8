"""Do people sign in at an identity provider, as whom the rules say, and does nobody else?"""

import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from stage.provider import CLIENT, Claims, Provider
from stage.recorder import Recorder
from stage.signing import SigningKey, unsigned
from stage.sso import Door, table
from stage.visitor import Visitor, said
from stage.wait import until


@pytest.fixture(scope="module")
def idp():
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def other():
    """A provider of another shape: groups in userinfo alone, no refresh tokens, only client_secret_post, no RFC 9207, a path of its own."""
    provider = Provider("other", "/realms/lab")
    provider.refreshes, provider.names_issuer, provider.auth_methods = False, False, ["client_secret_post"]
    provider.people, provider.userinfo = {"sub": "person-1", "email": "eve@x.example"}, {"realm_access": {"roles": ["lab"]}}
    yield provider
    provider.close()


LAB = """
[[providers.lab.rules]]
claim = "realm_access.roles"
matches = "la."
role = "runner"
"""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder, idp: Provider, other: Provider):
    tables = table(idp, more='recheck = "1s"') + table(other, "lab", rules=LAB)
    door = Door(tmp_path_factory.mktemp("sso"), recorder.url, tables).start()
    yield door
    door.stop()


@pytest.fixture
def person(door: Door, idp: Provider):
    """A person whom nobody here knows yet, and their browser; the provider behaves again afterwards."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    idp.people = {"sub": f"sub-{name}", "preferred_username": name, "groups": ["eng"]}
    yield Visitor(door.port)
    idp.spoil, idp.sign = (lambda claims: claims), (lambda claims: idp.key.sign(claims))
    idp.userinfo = {}
    idp.answers.clear()


def named(idp: Provider) -> str:
    return idp.people["preferred_username"]


# --- coming in ---


def test_only_an_address_that_the_provider_vouches_for_is_noted_for_notices(door: Door, idp: Provider, person: Visitor) -> None:
    name = named(idp)

    def noted(verified: object) -> str | None:
        person.cookies.clear()
        idp.people = {**idp.people, "email": f"{name}@x.example", "email_verified": verified}
        assert person.sign_on(idp).status == 303
        return door.cli_json("user", "show", name)["email"]

    assert noted(False) is None and noted("true") is None
    assert noted(True) == f"{name}@x.example"
    door.cli("user", "set-email", name, "hand@x.example")
    assert noted(True) == "hand@x.example"


def test_a_person_signs_in_and_has_the_role_that_the_rule_gives(door: Door, idp: Provider, person: Visitor) -> None:
    page = person.get("/lictor/sign-in?next=%2Fruns")
    assert "Continue with Example IDP" in said(page) and "/lictor/sso/idp/begin?next=%2Fruns" in page.body.decode()
    answer = person.sign_on(idp, next_path="/runs?state=Failed")
    assert (answer.status, answer.headers["location"]) == (303, "/runs?state=Failed"), said(answer)
    assert [name for name in person.cookies if name != "lictor"] == [], "the sign-in's own cookie is gone"
    assert named(idp) in said(person.get("/lictor/account"))
    assert (person.status(), person.status("POST", "/api/flows/")) == (200, 200)
    assert door.grants(named(idp)) == {"developer"}
    assert [event["object"] for event in door.events("user.add")][0] == named(idp)
    assert "through idp" in door.events("session.start")[0]["object"]


def test_the_request_to_the_provider_is_bound_to_this_browser(door: Door, idp: Provider, person: Visitor) -> None:
    first, second = (parse_qs(urlsplit(person.begin("idp")).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"] and first["response_type"] == ["code"] and first["client_id"] == [CLIENT]
    assert first["redirect_uri"] == [f"{door.url}/lictor/sso/idp/callback"] and "openid" in first["scope"][0].split()
    assert all(len(first[name][0]) >= 43 and first[name] != second[name] for name in ("state", "nonce", "code_challenge"))
    assert "response_mode" not in first
    assert person.sign_on(idp).status == 303
    form, _ = idp.token_requests[-1]
    assert 43 <= len(form["code_verifier"]) <= 128


def test_two_tabs_sign_in_at_once(idp: Provider, person: Visitor) -> None:
    first, second = person.begin("idp"), person.begin("idp")
    assert person.back("idp", idp.authorize(first)).status == 303
    assert person.back("idp", idp.authorize(second)).status == 303
    assert person.is_signed_in()


def test_the_same_person_has_one_account_whatever_they_are_called(door: Door, idp: Provider, person: Visitor) -> None:
    assert person.sign_on(idp).status == 303
    name = named(idp)
    idp.people = {**idp.people, "preferred_username": "somebody-else", "email": "new@x.example"}
    assert Visitor(door.port).sign_on(idp).status == 303
    users = [user["name"] for user in door.cli_json("user", "list")]
    assert users.count(name) == 1 and "somebody-else" not in users


def test_a_name_or_address_never_leads_to_an_account_that_was_there(door: Door, idp: Provider, other: Provider, person: Visitor) -> None:
    door.add_user("root", "owner")
    for claims in ({"preferred_username": "root"}, {"preferred_username": "ROOT"}, {"email": "root", "email_verified": True, "preferred_username": "root"}):
        idp.people = {"sub": f"sub-{uuid.uuid4().hex}", "groups": ["looking"], **claims}
        visitor = Visitor(door.port)
        assert visitor.sign_on(idp).status == 303
        page = said(visitor.get("/lictor/account"))
        assert "root-" in page and "owner" not in page
    assert door.grants("root") == {"owner"}
    # The same subject of two issuers is two people.
    idp.people = {"sub": "person-1", "preferred_username": "eve@x.example", "groups": ["eng"]}
    assert Visitor(door.port).sign_on(idp).status == 303 and Visitor(door.port).sign_on(other, "lab").status == 303
    assert {"eve@x.example", "eve@x.example-2"} <= {user["name"] for user in door.cli_json("user", "list")}


def test_a_provider_of_another_shape_works_as_well(door: Door, other: Provider) -> None:
    visitor = Visitor(door.port)
    answer = visitor.sign_on(other, "lab")
    assert answer.status == 303, said(answer)
    form, authorization = other.token_requests[-1]
    assert form["client_secret"] and not authorization
    assert "runner" in said(visitor.get("/lictor/account"))


# --- being refused ---


def test_nobody_comes_in_without_a_rule_and_the_page_says_why(door: Door, idp: Provider, person: Visitor) -> None:
    cases: list[tuple[Claims, str]] = [
        ({"groups": ["marketing", "s3cret-group"]}, "groups came with 2 values, none of which fits"),
        ({}, "The claim groups is missing"),
        ({"groups": []}, "an empty list"),
        ({"groups": {"eng": True}}, "neither a text nor a list"),
        ({"hasgroups": True}, "too long for a token"),
    ]
    for claims, words in cases:
        idp.people = {"sub": "stranger", "preferred_username": "stranger", **claims}
        answer = person.sign_on(idp)
        page = said(answer)
        assert (answer.status, answer.reason) == (403, "sign-on-refused"), page
        assert words in page and "preferred_username" in page and "Example IDP knows you" in page
        assert "s3cret-group" not in page and "marketing" not in page
        assert not person.is_signed_in()
    assert "stranger" not in [user["name"] for user in door.cli_json("user", "list")], "nobody is made whom no rule lets in"
    assert until("the refusal is on record", lambda: [event for event in door.events("credential.refuse") if event["reason"] == "sign-on-refused"])


STRANGER = SigningKey("idp-1")
BAD: dict[str, Callable[[Provider], None]] = {
    "iss is wrong": lambda idp: spoil(idp, iss="https://evil.example"),
    "iss is missing": lambda idp: spoil(idp, iss=None),
    "iss has one slash more": lambda idp: spoil(idp, iss=idp.issuer + "/"),
    "aud is wrong": lambda idp: spoil(idp, aud="somebody-else"),
    "aud is missing": lambda idp: spoil(idp, aud=None),
    "aud is empty": lambda idp: spoil(idp, aud=[]),
    "aud is several without azp": lambda idp: spoil(idp, aud=[CLIENT, "somebody-else"]),
    "azp is wrong": lambda idp: spoil(idp, aud=[CLIENT, "somebody-else"], azp="somebody-else"),
    "nonce is wrong": lambda idp: spoil(idp, nonce="a" * 43),
    "nonce is missing": lambda idp: spoil(idp, nonce=None),
    "exp is past": lambda idp: spoil(idp, exp=int(time.time()) - 3600),
    "exp is missing": lambda idp: spoil(idp, exp=None),
    "exp is a text": lambda idp: spoil(idp, exp="9999999999"),
    "iat is in the future": lambda idp: spoil(idp, iat=int(time.time()) + 3600),
    "iat is long ago": lambda idp: spoil(idp, iat=int(time.time()) - 3600),
    "iat is missing": lambda idp: spoil(idp, iat=None),
    "nbf is in the future": lambda idp: spoil(idp, nbf=int(time.time()) + 3600),
    "sub is missing": lambda idp: spoil(idp, sub=None),
    "sub is empty": lambda idp: spoil(idp, sub=""),
    "at_hash is wrong": lambda idp: spoil(idp, at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "signed with another key of the same kid": lambda idp: sign(idp, lambda claims: STRANGER.sign(claims, kid=idp.key.kid)),
    "signed with an unknown kid": lambda idp: sign(idp, lambda claims: idp.key.sign(claims, kid="nobody")),
    "its signature is another token's": lambda idp: sign(idp, lambda claims: idp.key.sign({**claims, "sub": "x"}).rsplit(".", 1)[0] + "." + idp.key.sign(claims).rsplit(".", 1)[1]),
    "alg is none": lambda idp: sign(idp, unsigned),
    "alg is none and the signature is kept": lambda idp: sign(idp, lambda claims: unsigned(claims) + idp.key.sign(claims).rsplit(".", 1)[1]),
    "alg is HS256 with the public key": lambda idp: sign(idp, lambda claims: idp.key.sign_as_secret(claims)),
    "alg is another of the same family": lambda idp: sign(idp, lambda claims: idp.key.sign(claims, alg="RS512")),
    "the key comes in the header": lambda idp: sign(idp, lambda claims: STRANGER.sign(claims, kid="evil", jwk=STRANGER.jwk())),
    "the key is named by a URL": lambda idp: sign(idp, lambda claims: STRANGER.sign(claims, kid="evil", jku=f"{idp.issuer}/keys")),
    "a demand that nobody understands": lambda idp: sign(idp, lambda claims: idp.key.sign(claims, crit=["x"], x=1)),
    "a logout token": lambda idp: sign(idp, lambda _: idp.logout_token()),
    "no token": lambda idp: sign(idp, lambda _: ""),
    "a word": lambda idp: sign(idp, lambda _: "token"),
}


def spoil(idp: Provider, **changes: object) -> None:
    idp.spoil = lambda claims: {name: value for name, value in {**claims, **changes}.items() if value is not None}


def sign(idp: Provider, signer: Callable[[Claims], str]) -> None:
    idp.sign = signer


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_id_token_signs_nobody_in(bad: Callable[[Provider], None], idp: Provider, person: Visitor) -> None:
    bad(idp)
    answer = person.sign_on(idp)
    assert (answer.status, answer.reason) == (400, "sign-on-rejected"), said(answer)
    assert not person.is_signed_in() and "lictor" not in person.cookies


ANSWERS: dict[str, tuple[dict[str, str | None], str]] = {
    "no state": ({"state": None}, "sign-on-rejected"),
    "a state of nobody": ({"state": "a" * 43}, "sign-on-expired"),
    "a state that is none": ({"state": "../../x"}, "sign-on-expired"),
    "no code": ({"code": None}, "sign-on-rejected"),
    "another code": ({"code": "abc"}, "sign-on-rejected"),
    "another issuer (mix-up)": ({"iss": "https://evil.example"}, "sign-on-rejected"),
    "no issuer, where it was announced": ({"iss": None}, "sign-on-rejected"),
    "an error": ({"code": None, "error": "access_denied", "error_description": "<script>alert(1)</script>"}, "provider-refused"),
}


@pytest.mark.parametrize(("changes", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_a_bad_answer_signs_nobody_in(changes: dict[str, str | None], reason: str, idp: Provider, person: Visitor) -> None:
    answer = person.sign_on(idp, **changes)
    assert (answer.status in (400, 403), answer.reason) == (True, reason), said(answer)
    assert "<script>" not in answer.body.decode() and not person.is_signed_in()


def test_an_answer_counts_once_and_in_the_browser_that_began(door: Door, idp: Provider, other: Provider, person: Visitor) -> None:
    query = idp.authorize(person.begin("idp"))
    thief = Visitor(door.port)
    assert thief.back("idp", query).reason == "sign-on-expired"
    thief.cookies = dict(person.cookies)
    assert person.back("idp", query).status == 303
    # Even with the cookie, and with a code that is still good.
    code = idp.authorize(Visitor(door.port).begin("idp")).split("code=")[1].split("&")[0]
    old = "&".join(part if not part.startswith("code=") else f"code={code}" for part in query.split("&"))
    assert thief.back("idp", old).reason == "sign-on-expired" and not thief.is_signed_in()
    # At another provider's address.
    visitor = Visitor(door.port)
    assert visitor.back("lab", idp.authorize(visitor.begin("idp"))).reason == "sign-on-expired"
    assert visitor.back("idp", other.authorize(visitor.begin("lab"))).reason == "sign-on-expired"
    assert visitor.back("idp", idp.authorize(visitor.begin("idp")) + "&state=x").reason == "sign-on-rejected"
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "null"}
    posted = visitor.ask("POST", "/lictor/sso/idp/callback", body=idp.authorize(visitor.begin("idp")).encode(), headers=form)
    assert posted.status == 400 and not visitor.is_signed_in()


def test_another_site_cannot_begin_a_sign_in(door: Door, person: Visitor) -> None:
    answer = person.get("/lictor/sso/idp/begin?next=%2Fruns", **{"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"].startswith("/lictor/sign-in") and not person.cookies
    assert person.get("/lictor/sso/nobody/begin").status == 404


def test_userinfo_of_somebody_else_is_refused(door: Door, other: Provider) -> None:
    other.userinfo["sub"] = "somebody-else"
    try:
        answer = Visitor(door.port).sign_on(other, "lab")
        assert (answer.status, answer.reason) == (400, "sign-on-rejected") and "userinfo" in said(answer)
    finally:
        del other.userinfo["sub"]
