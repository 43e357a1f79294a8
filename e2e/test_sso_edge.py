"""Does an edge in front of Lictor sign people in by a signed header, or by a plain one from its own network, and nobody else?"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stage import http
from stage.provider import Claims, Provider
from stage.raw import exchange
from stage.recorder import Recorder
from stage.signing import BalancerKey, SigningKey, unsigned
from stage.sso import Door
from stage.visitor import Visitor, said

HEADER = "Cf-Access-Jwt-Assertion"
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prefect/50dc6c495c0c9188"


def tables(edge: Provider) -> str:
    return f"""
[edges.cf]
preset = "cloudflare"
issuer = "{edge.issuer}"
audience = "tag-of-this-application"
keys_url = "{edge.issuer}/keys"
[[edges.cf.rules]]
claim = "email"
matches = '.*@example\\.com'
role = "viewer"
[edges.balanced]
preset = "alb"
issuer = "https://idp.example"
audience = "client-at-the-provider"
signer = "{BALANCER}"
keys_url = "{edge.issuer}/balancer"
[[edges.balanced.rules]]
claim = "groups"
equals = "eng"
role = "viewer"
[edges.near]
label = "The house"
header = "X-Remote-Person"
groups_header = "X-Remote-Groups"
networks = ["127.0.0.1"]
[[edges.near.rules]]
claim = "groups"
equals = "eng"
role = "runner"
[edges.far]
header = "X-Remote-Person"
networks = ["10.0.0.0/8"]
[[edges.far.rules]]
everyone = true
role = "owner"
"""


@pytest.fixture(scope="module")
def edge():
    provider = Provider("edge")
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder, edge: Provider):
    door = Door(tmp_path_factory.mktemp("edge"), recorder.url, tables(edge)).start()
    yield door
    door.stop()


def assertion(edge: Provider, key: SigningKey | None = None, **changes: object) -> str:
    now = int(time.time())
    claims: Claims = {"iss": edge.issuer, "aud": ["tag-of-this-application"], "sub": "u-1", "email": "ada@example.com", "iat": now - 3600, "exp": now + 3600, "type": "app", **changes}
    return (key or edge.key).sign({name: value for name, value in claims.items() if value is not None})


def enter(door: Door, name: str, **headers: str) -> tuple[Visitor, http.Answer]:
    visitor = Visitor(door.port)
    return visitor, visitor.get(f"/lictor/sso/{name}/begin?next=%2Fruns", **headers)


def test_whom_a_signed_header_names_is_signed_in_when_they_ask_for_it(door: Door, edge: Provider) -> None:
    page = said(Visitor(door.port).get("/lictor/sign-in"))
    assert "Continue with Cloudflare Access" in page and "Continue with The house" in page
    visitor, answer = enter(door, "cf", **{HEADER: assertion(edge)})
    assert (answer.status, answer.headers["location"]) == (303, "/runs"), said(answer)
    assert "ada@example.com" in said(visitor.get("/lictor/account")) and visitor.status() == 200
    assert door.grants("ada@example.com") == {"viewer"}
    again, answer = enter(door, "cf", **{HEADER: assertion(edge, email="new@example.com")})
    assert answer.status == 303 and "ada@example.com" in said(again.get("/lictor/account")), "bound to the subject, not to the address"
    assert visitor.send("/lictor/sign-out").status == 303 and not visitor.is_signed_in()


BAD: dict[str, Callable[[Provider], dict[str, str]]] = {
    "no header": lambda edge: {},
    "another header": lambda edge: {"X-Goog-Iap-Jwt-Assertion": assertion(edge)},
    "a word": lambda edge: {HEADER: "ada"},
    "another key": lambda edge: {HEADER: assertion(edge, SigningKey("edge-1"))},
    "no signature": lambda edge: {HEADER: unsigned({"iss": edge.issuer, "aud": "tag-of-this-application", "sub": "u-1"})},
    "HS256 with the public key": lambda edge: {HEADER: edge.key.sign_as_secret({"iss": edge.issuer, "aud": "tag-of-this-application", "sub": "u-1"})},
    "another application's": lambda edge: {HEADER: assertion(edge, aud=["another-tag"])},
    "nobody's application": lambda edge: {HEADER: assertion(edge, aud=None)},
    "another team's": lambda edge: {HEADER: assertion(edge, iss="https://evil.cloudflareaccess.com")},
    "over": lambda edge: {HEADER: assertion(edge, exp=int(time.time()) - 3600)},
    "without an end": lambda edge: {HEADER: assertion(edge, exp=None)},
    "a machine's": lambda edge: {HEADER: assertion(edge, sub="", common_name="service")},
}


@pytest.mark.parametrize("headers", BAD.values(), ids=BAD)
def test_a_bad_assertion_signs_nobody_in(headers: Callable[[Provider], dict[str, str]], door: Door, edge: Provider) -> None:
    visitor, answer = enter(door, "cf", **headers(edge))
    assert (answer.status, answer.reason) == (400, "sign-on-rejected"), said(answer)
    assert "lictor" not in visitor.cookies


def test_an_assertion_that_comes_twice_counts_for_nobody(door: Door, edge: Provider) -> None:
    for first, second in ((assertion(edge), assertion(edge, sub="u-2")), (assertion(edge),) * 2):
        lines = f"GET /lictor/sso/cf/begin HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nAccept: text/html\r\n{HEADER}: {first}\r\n{HEADER.lower()}: {second}\r\n\r\n"
        outcome = exchange(door.port, lines.encode())
        assert outcome.statuses == [400] and "set-cookie" not in outcome.head.lower()


# --- an AWS load balancer ---


@pytest.fixture(scope="module")
def balancer(edge: Provider) -> BalancerKey:
    """Its key, published under its id."""
    key = BalancerKey("6f1e8a52-0c4a-4c5b-9d0e-7b9c3f9f1a2b")
    edge.answers[key.kid] = (200, "text/plain", key.public)
    return key


def balanced(key: BalancerKey, header: Claims | None = None, **claims: object) -> dict[str, str]:
    end = int(time.time()) + 120
    said = {"client": "client-at-the-provider", "iss": "https://idp.example", "signer": BALANCER, "exp": end, **(header or {})}
    return {"X-Amzn-Oidc-Data": key.sign(said, {"sub": "u-9", "preferred_username": "lin", "groups": ["eng"], "iss": "https://idp.example", "exp": end, **claims})}


def test_whom_a_load_balancer_vouches_for_is_signed_in(door: Door, balancer: BalancerKey) -> None:
    assert "Continue with AWS" in said(Visitor(door.port).get("/lictor/sign-in"))
    visitor, answer = enter(door, "balanced", **balanced(balancer))
    assert (answer.status, answer.headers["location"]) == (303, "/runs"), said(answer)
    assert "lin" in said(visitor.get("/lictor/account")) and visitor.status() == 200 and door.grants("lin") == {"viewer"}
    assert enter(door, "balanced", **balanced(balancer, sub="u-10", groups=["sales"]))[1].reason == "sign-on-refused"


def test_a_load_balancer_s_bad_assertion_signs_nobody_in(door: Door, edge: Provider, balancer: BalancerKey) -> None:
    stranger = BalancerKey(balancer.kid)
    unknown = BalancerKey("00000000-0000-4000-8000-000000000000")
    past = int(time.time()) - 3600
    bad = {
        "nothing": {}, "the assertion of another kind of edge": {"X-Amzn-Oidc-Data": assertion(edge)},
        "another's load balancer": balanced(balancer, {"signer": BALANCER.replace("123456789012", "210987654321")}),
        "no signer": balanced(balancer, {"signer": None}), "another client": balanced(balancer, {"client": "other"}), "another issuer": balanced(balancer, {"iss": "https://evil.example"}),
        "over": balanced(balancer, {"exp": past}, exp=past), "without an end": balanced(balancer, {"exp": None}), "nobody": balanced(balancer, sub=None),
        "another key of that id": balanced(stranger), "a key that is not published": balanced(unknown),
        "an id that leads elsewhere": balanced(balancer, {"kid": "../keys"}), "another algorithm": balanced(balancer, {"alg": "HS256"}),
    }  # fmt: skip
    keys = edge.asked.count("keys")
    for what, headers in bad.items():
        visitor, answer = enter(door, "balanced", **headers)
        assert (answer.status, answer.reason) == (400, "sign-on-rejected"), f"{what}: {said(answer)}"
        assert not visitor.is_signed_in()
    assert edge.asked.count(balancer.kid) == 1, "a key is fetched once"
    assert edge.asked.count("keys") == keys, "no id leads elsewhere"


def test_a_flood_of_unknown_keys_does_not_become_one_at_the_publisher(door: Door, edge: Provider, balancer: BalancerKey) -> None:
    before = len(edge.asked)
    for number in range(40):
        headers = balanced(balancer, {"kid": f"unknown-{number}"})
        assert enter(door, "balanced", **headers)[1].reason in ("sign-on-rejected", "provider-unavailable")
    assert len(edge.asked) - before <= 10
    assert enter(door, "balanced", **balanced(balancer))[1].status == 303, "the key that is known goes on"


def test_the_rules_decide_about_whom_the_edge_vouches_for(door: Door, edge: Provider) -> None:
    for email in ("eve@evil.example", "eve@example.com@evil.example", "eve@example.com.evil.example"):
        visitor, answer = enter(door, "cf", **{HEADER: assertion(edge, sub=email, email=email)})
        assert (answer.status, answer.reason) == (403, "sign-on-refused") and not visitor.is_signed_in()


def test_a_plain_header_counts_from_its_own_network_alone(door: Door) -> None:
    visitor, answer = enter(door, "near", **{"X-Remote-Person": "kim", "X-Remote-Groups": "all, eng"})
    assert answer.status == 303 and "kim" in said(visitor.get("/lictor/account")) and door.grants("kim") == {"runner"}
    assert enter(door, "near", **{"X-Remote-Person": "lee", "X-Remote-Groups": "all"})[1].reason == "sign-on-refused"
    assert enter(door, "near")[1].reason == "sign-on-rejected"
    for more in ({}, {"X-Forwarded-For": "10.1.2.3"}, {"Forwarded": "for=10.1.2.3"}, {"X-Real-IP": "10.1.2.3"}):
        visitor, answer = enter(door, "far", **{"X-Remote-Person": "root", **more})
        assert answer.reason == "sign-on-rejected" and not visitor.is_signed_in(), more


def test_a_trusted_proxy_cannot_be_made_to_vouch_for_an_address(tmp_path: Path, recorder: Recorder, edge: Provider) -> None:
    door = Door(tmp_path / "proxied", recorder.url, "")
    door.config = tmp_path / "lictor.toml"
    door.config.write_text(
        f'listen = "127.0.0.1:{door.port}"\ntrusted_proxies = ["127.0.0.1"]\nallow_plain_http_sessions = true\n[store]\nurl = "sqlite://{tmp_path}/lictor.db"\n'
        f'[workspaces.main]\nupstream = "{recorder.url}"\n{tables(edge)}'
    )
    door.start()
    try:
        visitor, answer = enter(door, "far", **{"X-Remote-Person": "root", "X-Forwarded-For": "10.1.2.3"})
        assert answer.reason == "sign-on-rejected" and not visitor.is_signed_in(), "the address is the client's, the header is not"
    finally:
        door.stop()


def test_the_header_alone_opens_nothing_and_an_edge_is_no_provider(door: Door, edge: Provider) -> None:
    visitor = Visitor(door.port)
    assert visitor.get("/lictor/account", **{HEADER: assertion(edge)}).status == 303
    assert visitor.get("/api/admin/version", **{HEADER: assertion(edge)}).status == 401
    cross = visitor.get("/lictor/sso/cf/begin", **{HEADER: assertion(edge), "Sec-Fetch-Site": "cross-site"})
    assert cross.headers["location"].startswith("/lictor/sign-in") and "lictor" not in visitor.cookies
    assert visitor.get("/lictor/sso/cf/callback?code=x&state=" + "a" * 43).status == 404
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert door.ask("POST", "/lictor/sso/cf/back-channel-logout", body=b"logout_token=x", headers=form).status == 404
