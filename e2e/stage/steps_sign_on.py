"""The attacks on signing in at an identity provider. Whoever the file sends is nobody yet, so each is run once, as anonymous."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from . import http
from .attack_steps import Scene, steps
from .gateway import PASSWORD
from .provider import Claims, Provider
from .sso import Door, table
from .visitor import Visitor, said
from .wait import until

BY_ADDRESS = """
[[providers.mail.rules]]
claim = "email"
matches = '.*@good\\.com'
role = "viewer"
"""


@dataclass
class House:
    """A gateway with two providers, and a third that goes by addresses."""

    door: Door
    idp: Provider
    other: Provider
    mail: Provider

    def visitor(self) -> Visitor:
        """A new browser."""
        return Visitor(self.door.port)


@contextmanager
def house(scene: Scene) -> Iterator[House]:
    """A house of the attack's own, so that nothing is remembered from another."""
    idp, other, mail = Provider("idp"), Provider("other"), Provider("mail")
    tables = table(idp, more='recheck = "1s"') + table(other, "other") + table(mail, "mail", rules=BY_ADDRESS)
    door = Door(scene.gateway.folder / f"sign-on-{uuid.uuid4().hex[:6]}", scene.recorder.url, tables).start()
    try:
        yield House(door, idp, other, mail)
    finally:
        door.stop()
        for provider in (idp, other, mail):
            provider.close()


def refused(what: str, answer: http.Answer, visitor: Visitor, expected: str) -> Iterator[str]:
    """An error as stated, and no session."""
    stated = [option.split()[0] for option in expected.split("|")]
    if str(answer.status) not in stated:
        yield f"{what}: expected {expected}, got {answer.status} {answer.reason}: {said(answer)[:200]}"
    if "lictor" in visitor.cookies or visitor.is_signed_in():
        yield f"{what}: a session was made"


def only_once(scene: Scene) -> bool:
    """Whether this is the identity as whom it is run."""
    return scene.identity == "anonymous"


@steps("OIDC-001", "OIDC-025")
def an_answer_of_another_form(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        visitor = at.visitor()
        query = at.idp.authorize(visitor.begin("idp"))
        code = parse_qs(query)["code"][0]
        yield from refused("no state", visitor.back("idp", f"code={code}"), visitor, scene.expected)
        # A browser keeps the fragment to itself: what arrives is an empty answer.
        yield from refused("a fragment", visitor.back("idp", ""), visitor, scene.expected)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "null", "Sec-Fetch-Site": "cross-site"}
        yield from refused("a form", visitor.ask("POST", "/lictor/sso/idp/callback", body=query.encode(), headers=form), visitor, scene.expected)
        yield from refused("a token in its stead", visitor.back("idp", query.replace("code=", "id_token=")), visitor, scene.expected)


@steps("OIDC-002")
def an_answer_in_another_browser(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        attacker, victim = at.visitor(), at.visitor()
        query = at.idp.authorize(attacker.begin("idp"))
        yield from refused("without a cookie", victim.back("idp", query), victim, scene.expected)
        victim.begin("idp")
        yield from refused("with a cookie of one's own", victim.back("idp", query), victim, scene.expected)


@steps("OIDC-003")
def an_answer_twice(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        first, second = at.visitor(), at.visitor()
        query = at.idp.authorize(first.begin("idp"))
        second.cookies = dict(first.cookies)
        if (answer := first.back("idp", query)).status != 303:
            yield f"the first was refused: {said(answer)}"
        yield from refused("the same answer and cookie again", second.back("idp", query), second, scene.expected)


@steps("OIDC-005")
def a_nonce_of_another_sign_in(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        seen: list[str] = []

        def replayed(claims: Claims) -> Claims:
            seen.append(claims["nonce"])
            return {**claims, "nonce": seen[0]}

        at.idp.spoil = replayed
        if at.visitor().sign_on(at.idp).status != 303:
            yield "the first was refused"
        for what, spoil in (
            ("replayed", replayed), ("missing", lambda claims: {name: value for name, value in claims.items() if name != "nonce"}),
            ("wrong", lambda claims: {**claims, "nonce": "x"}), ("a list", lambda claims: {**claims, "nonce": [claims["nonce"]]}),
        ):  # fmt: skip
            at.idp.spoil = spoil
            visitor = at.visitor()
            yield from refused(what, visitor.sign_on(at.idp), visitor, scene.expected)


@steps("OIDC-006")
def pkce_is_never_left_out(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        asked = [parse_qs(urlsplit(at.visitor().begin("idp")).query) for _ in range(2)]
        if any(each["code_challenge_method"] != ["S256"] for each in asked) or asked[0]["code_challenge"] == asked[1]["code_challenge"]:
            yield f"not S256, each time another: {asked}"
        if at.visitor().sign_on(at.idp).status != 303 or len(at.idp.token_requests[-1][0]["code_verifier"]) < 43:
            yield "no verifier of 43 characters"
        # A code that was asked for with another challenge is of no use.
        visitor = at.visitor()
        query = at.idp.authorize(visitor.begin("idp"))
        at.idp.codes[parse_qs(query)["code"][0]]["code_challenge"] = "A" * 43
        yield from refused("another's challenge", visitor.back("idp", query), visitor, "400")
        metadata = {**at.other.metadata(), "code_challenge_methods_supported": ["plain"]}
        at.other.answers["openid-configuration"] = (200, "application/json", json.dumps(metadata).encode())
        if at.visitor().get("/lictor/sso/other/begin").status != 503:
            yield "a provider that offers plain alone was asked"


@steps("OIDC-007")
def an_answer_of_another_provider(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        redirects = {parse_qs(urlsplit(at.visitor().begin(name)).query)["redirect_uri"][0] for name in ("idp", "other")}
        if len(redirects) != 2:
            yield f"one address for two providers: {redirects}"
        for what, more in (("another iss", {"iss": at.other.issuer}), ("no iss", {"iss": None})):
            visitor = at.visitor()
            yield from refused(what, visitor.sign_on(at.idp, **more), visitor, scene.expected)
        visitor = at.visitor()
        query = at.other.authorize(visitor.begin("other"))
        yield from refused("at the other's address", visitor.back("idp", query), visitor, scene.expected)
        if any("code" in form for form, _ in at.idp.token_requests):
            yield "a code was taken to the wrong provider"


@steps("OIDC-008")
def nowhere_else_afterwards(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        for where in ("//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "/\t/evil.example", "/\x00", "javascript:alert(1)", "data:text/html,x", "@evil.example", "/lictor/../..//evil.example", "/%2e%2e//evil.example"):
            answer = at.visitor().sign_on(at.idp, next_path=where)
            if (answer.status, answer.headers["location"]) != (303, "/"):
                yield f"{where!r} led to {answer.status} {answer.headers['location']!r}"


@steps("OIDC-009")
def an_address_binds_nobody(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        at.door.add_user("root@good.com", "owner")
        for verified in ({"email_verified": False}, {}, {"email_verified": "false"}, {"email_verified": "true"}, {"email_verified": 1}):
            at.mail.people = {"sub": uuid.uuid4().hex, "email": "root@good.com", **verified}
            visitor = at.visitor()
            yield from refused(f"{verified}", visitor.sign_on(at.mail, "mail"), visitor, "403")
        # Verified, it lets in; and still it is not the account of that name.
        at.mail.people = {"sub": "somebody", "email": "root@good.com", "email_verified": True}
        visitor = at.visitor()
        if visitor.sign_on(at.mail, "mail").status != 303 or "root@good.com-2" not in said(visitor.get("/lictor/account")):
            yield "a verified address did not make an account of its own"


@steps("OIDC-010")
def an_address_reads_one_way(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        for address in ("a@good.com@evil.com", "a@evil.com\n@good.com", "a@evil.com\x00@good.com", "a@GOOD.com", "a@good.com.", "a@xn--good-xyz.com", "a@evilgood.com@good.com", "a b@good.com", ["a@good.com@evil.com"]):
            at.mail.people = {"sub": uuid.uuid4().hex, "email": address, "email_verified": True}
            visitor = at.visitor()
            yield from refused(repr(address), visitor.sign_on(at.mail, "mail"), visitor, scene.expected)
        at.mail.people["email"] = "a@good.com"
        if at.visitor().sign_on(at.mail, "mail").status != 303:
            yield "the right address was refused"


@steps("OIDC-011")
def one_subject_of_two_issuers(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        at.idp.people = at.other.people = {"sub": "1", "preferred_username": "one", "groups": ["eng"]}
        statuses = [at.visitor().sign_on(at.idp).status, at.visitor().sign_on(at.other, "other").status]
        users = [user["name"] for user in at.door.cli_json("user", "list") if user["name"].startswith("one")]
        if statuses != [303, 303] or sorted(users) != ["one", "one-2"]:
            yield f"{statuses} {users}"


@steps("OIDC-014")
def tokens_that_do_not_belong_together(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        at.idp.spoil = lambda claims: {**claims, "at_hash": "A" * 22}
        visitor = at.visitor()
        yield from refused("at_hash", visitor.sign_on(at.idp), visitor, scene.expected)
        at.other.people, at.other.userinfo = {"sub": "one"}, {"sub": "two", "groups": ["eng"]}
        visitor = at.visitor()
        yield from refused("userinfo", visitor.sign_on(at.other, "other"), visitor, scene.expected)


@steps("OIDC-016")
def keys_that_change_or_are_none(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        if at.visitor().sign_on(at.idp).status != 303:
            yield "the first sign-in was refused"
        at.idp.rotate()
        if at.visitor().sign_on(at.idp).status != 303:
            yield "new keys were not fetched"
        # Removed at once, and within the minute: closed, and the keys that were good are what counts.
        at.idp.rotate()
        visitor = at.visitor()
        yield from refused("a second change within a minute", visitor.sign_on(at.idp), visitor, "400")
        huge = b'{"keys": [' + b" " * 10_000_000 + b"]}"
        for what, answer in (("404", (404, "text/html", b"")), ("10 MB", (200, "application/json", huge)), ("no JSON", (200, "application/json", b"{")), ("a redirection", (302, "application/json", f"{at.idp.issuer}/keys".encode()))):
            at.other.answers["keys"] = answer
            visitor = at.visitor()
            yield from refused(what, visitor.sign_on(at.other, "other"), visitor, "503|400")
        at.other.answers.clear()
        until("the keys are fetched again", lambda: at.visitor().sign_on(at.other, "other").status == 303, 10, every=0.5)
        metadata = {**at.mail.metadata(), "jwks_uri": "http://192.0.2.1/keys"}
        at.mail.answers["openid-configuration"] = (200, "application/json", json.dumps(metadata).encode())
        if (status := at.visitor().get("/lictor/sso/mail/begin").status) != 503:
            yield f"keys over plain HTTP: {status}"


@steps("OIDC-017")
def nobody_makes_us_ask_elsewhere(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        for name in ("token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint", "authorization_endpoint"):
            metadata = {**at.idp.metadata(), name: "http://169.254.169.254/latest"}
            at.idp.answers["openid-configuration"] = (200, "application/json", json.dumps(metadata).encode())
            answer = at.visitor().get("/lictor/sso/idp/begin")
            if str(answer.status) != scene.expected:
                yield f"{name}: {answer.status}"
        file = at.door.folder / "check.toml"
        for issuer in ("http://169.254.169.254", "http://10.0.0.1/realm", "http://evil.example", "file:///etc/passwd"):
            file.write_text(f'listen = "127.0.0.1:1"\nstore.url = "sqlite:///tmp/x.db"\n[workspaces.main]\nupstream = "http://127.0.0.1:4200"\n[providers.a]\nissuer = "{issuer}"\nclient_id = "x"\n[[providers.a.rules]]\neveryone = true\nrole = "viewer"\n')
            checked = at.door.run_bare("check", "--config", str(file))
            if checked.returncode != 1 or "providers.a.issuer" not in checked.stdout:
                yield f"{issuer} was not refused: {checked.stdout}{checked.stderr}"


@steps("OIDC-018")
def a_provider_that_is_down(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        visitor = at.visitor()
        visitor.sign_on(at.idp)
        at.door.add_user("bob", "viewer")
        key = at.door.key("bob")
        late = at.visitor()
        query = at.idp.authorize(late.begin("idp"))
        at.idp.close()
        began = time.monotonic()
        yield from refused("a new sign-in", late.back("idp", query), late, "503")
        if time.monotonic() - began > 8:
            yield f"a new sign-in waited for {time.monotonic() - began:.1f} s"
        until("the recheck has failed", lambda: "its sessions go on" in at.door.log(), 20)
        if not visitor.is_signed_in() or at.door.ask("GET", "/api/admin/version", key=key).status != 200:
            yield "a session or a key ended with the provider"
        if at.visitor().sign_in("bob", PASSWORD).status != 303:
            yield "a password ended with the provider"


@steps("OIDC-019")
def a_group_that_was_left(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        at.idp.people = {"sub": "ada", "preferred_username": "ada", "groups": ["eng"]}
        visitor = at.visitor()
        visitor.sign_on(at.idp)
        if visitor.status("POST", "/api/flows/") != 200:
            yield "a developer could not write"
        at.idp.people["groups"] = ["looking"]
        until("the role is gone", lambda: visitor.status("POST", "/api/flows/") == 403)


@steps("OIDC-023")
def a_token_answer_that_is_none(scene: Scene) -> Iterator[str]:
    if not only_once(scene):
        return
    with house(scene) as at:
        for what, answer in (("huge", (200, "application/json", b"{" + b" " * 1_000_000 + b"}")), ("a page", (200, "text/html", b'{"access_token": "a"}')), ("a form", (200, "application/x-www-form-urlencoded", urlencode({"access_token": "a"}).encode()))):
            at.idp.answers["token"] = answer
            visitor = at.visitor()
            yield from refused(what, visitor.sign_on(at.idp), visitor, scene.expected)
        at.idp.answers.clear()
        at.idp.hangs.add("token")
        visitor, began = at.visitor(), time.monotonic()
        yield from refused("slow", visitor.sign_on(at.idp), visitor, f"{scene.expected}|503")
        if time.monotonic() - began > 8:
            yield f"a slow answer was waited for {time.monotonic() - began:.1f} s"
