"""The attacks on tokens. Each identity has a service account that a rule leads to; no rule leads from an anonymous one's claims."""

import base64
import functools
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import http
from .attack import UUID
from .attack_steps import Scene, steps
from .issuer import AUDIENCE, Issuer, rule, signed
from .recorder import Recorder
from .signing import OtherKey, SigningKey, b64, encode, unsigned
from .sso import Door

ROLES = ("viewer", "developer", "worker")
PATH = f"/api/flows/{UUID.format(1)}"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass
class Stage:
    """A gateway that trusts three issuers: a workload's, another, and one whose access tokens say that they are. Beside them, an attacker's."""

    door: Door
    ours: Issuer
    other: Issuer
    typed: Issuer
    attacker: Issuer
    keys: dict[str, OtherKey]


@functools.cache
def stage(recorder: Recorder) -> Stage:
    """Made once; its process ends with the tests'."""
    import atexit

    ours, other, typed, attacker = Issuer("ours"), Issuer("other"), Issuer("typed"), Issuer("attacker")
    keys = {alg: OtherKey(alg, f"ours-{alg}") for alg in OtherKey.MAKE}
    ours.published += [key.jwk() for key in keys.values()]
    # What no token may be verified with, though it is published.
    ours.published.append({"kty": "oct", "kid": "shared", "k": b64(b"shared secret of everybody"), "alg": "HS256"})
    tables = "".join(signed(issuer, name, *(rule(name, f"j-{role}", who=role) for role in ROLES)) for name, issuer in (("ours", ours), ("other", other)))
    tables += signed(typed, "typed", *(rule("typed", f"j-{role}", who=role) for role in ROLES)).replace('token_type = "jwt"', 'token_type = "at+jwt"')
    door = Door(Path(tempfile.mkdtemp(prefix="lictor-jwt-")), recorder.url, tables).start()
    atexit.register(door.stop)
    for role in ROLES:
        door.cli("service-account", "add", f"j-{role}", "--role", role)
    return Stage(door, ours, other, typed, attacker, keys)


def ask(at: Stage, token: str) -> http.Answer:
    """The request of the file."""
    return at.door.ask("GET", PATH, key=token)


def shut(scene: Scene, tokens: dict[str, str], also: tuple[int, ...] = ()) -> Iterator[str]:
    """None of the tokens opens anything; the identity's good one does, so that this shows something."""
    at = stage(scene.recorder)
    yield from opens(scene, at.ours.token(who=scene.identity), "a good token")
    for what, token in tokens.items():
        mark, answer = scene.recorder.mark(), ask(at, token)
        if answer.status not in (401, *also):
            yield f"{what}: {answer.status} {answer.reason}"
        if scene.recorder.since(mark):
            yield f"{what}: it reached Prefect"
    if at.attacker.asked:
        yield f"the attacker was asked for {at.attacker.asked}"
    if at.door.process.poll() is not None:
        yield "the process has ended"


def opens(scene: Scene, token: str, what: str) -> Iterator[str]:
    """The token is its account's; an anonymous one's is nobody's."""
    status, wanted = ask(stage(scene.recorder), token).status, 401 if scene.identity == "anonymous" else 200
    if status != wanted:
        yield f"{what}: {status} instead of {wanted}"


def raw(key: SigningKey, header: str, payload: str) -> str:
    """A token of these very texts."""
    return key.sign_text(f"{b64(header.encode())}.{b64(payload.encode())}")


def head(at: Stage, **more: Any) -> str:
    """The usual header."""
    return json.dumps({"alg": "RS256", "kid": at.ours.key.kid, "typ": "JWT", **more})


@steps("JWT-002")
def no_signature_in_any_case(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    claims = at.ours.claims(who=scene.identity)
    tokens = {"none": unsigned(claims)}
    for alg in ("None", "nOnE", "NONE", "none ", "", None, 0, ["none"]):
        message = encode({"alg": alg, "typ": "JWT", "kid": at.ours.key.kid}, claims)
        tokens[f"{alg!r}, empty"], tokens[f"{alg!r}, signed"] = message + ".", at.ours.key.sign_text(message)
    yield from shut(scene, tokens)


@steps("JWT-003")
def the_public_key_as_a_secret(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    key, claims, tokens = at.ours.key, at.ours.claims(who=scene.identity), {}
    der = base64.b64decode(b"".join(key.public.splitlines()[1:-1]))
    secrets = {"PEM": key.public, "PEM without its last line feed": key.public.strip(), "DER": der, "JWK": json.dumps(key.jwk()).encode(), "modulus": key.modulus, "empty": b"", "oct": b"shared secret of everybody"}
    for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        for what, secret in secrets.items():
            for kid in (key.kid, "shared", None):
                message = encode({"alg": alg, "typ": "JWT", **({"kid": kid} if kid else {})}, claims)
                tokens[f"{alg} {what} {kid}"] = f"{message}.{b64(hmac.new(secret, message.encode(), digest).digest())}"
    yield from shut(scene, tokens)


@steps("JWT-005")
def a_key_in_the_header(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    theirs, claims = at.attacker.key, at.ours.claims(who=scene.identity)
    x5c = [base64.b64encode(b"not even a certificate").decode()]
    tokens = {
        "jwk": theirs.sign(claims, jwk=theirs.jwk()), "jwk without kid": theirs.sign(claims, kid=None, jwk=theirs.jwk(kid=None)),
        "jwk of our kid": theirs.sign(claims, kid=at.ours.key.kid, jwk=theirs.jwk(kid=at.ours.key.kid)), "x5c": theirs.sign(claims, x5c=x5c),
        "jwk beside a good signature": at.ours.key.sign(claims, jwk=at.ours.key.jwk()),
    }  # fmt: skip
    yield from shut(scene, tokens)


@steps("JWT-006")
def a_key_elsewhere(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    theirs, claims, url = at.attacker.key, at.ours.claims(who=scene.identity), f"{at.attacker.issuer}/keys"
    tokens = {name: theirs.sign(claims, **{name: url}) for name in ("jku", "x5u")}
    tokens["their kid and jku"] = theirs.sign(claims, kid="their-own", jku=url)
    tokens["jku beside a good signature"] = at.ours.key.sign(claims, jku=url)
    tokens["their issuer"] = at.attacker.token(who=scene.identity)
    yield from shut(scene, tokens)


@steps("JWT-008")
def a_kid_that_is_looked_up_elsewhere(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    empty, claims = b"", at.ours.claims(who=scene.identity)
    kids = ["../../../../dev/null", "/dev/null", "' or 1=1 --", "\u0000", f"{at.ours.key.kid}\u0000", f"{at.ours.key.kid} ", at.ours.key.kid.upper(), "", "k" * 4000, f"{at.attacker.issuer}/keys"]
    tokens = {f"kid {kid[:20]!r}": at.attacker.key.sign(claims, kid=kid) for kid in kids}
    for kid in kids[:4]:
        message = encode({"alg": "HS256", "kid": kid, "typ": "JWT"}, claims)
        tokens[f"empty secret, kid {kid!r}"] = f"{message}.{b64(hmac.new(empty, message.encode(), hashlib.sha256).digest())}"
    for kid in (7, ["a"], {"a": 1}, True):
        tokens[f"kid {kid}"] = at.ours.key.sign(claims, kid=kid)
    yield from shut(scene, tokens)
    # Refused before anything is read.
    yield from shut(scene, {"1 MiB": at.attacker.key.sign(claims, kid="k" * (1 << 20))}, also=(400, 431))


@steps("JWT-010", "JWT-011")
def an_extension_that_must_be_understood(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    claims = at.ours.claims(who=scene.identity)
    tokens = {
        "crit x": at.ours.key.sign(claims, crit=["x"], x=1), "crit exp": at.ours.key.sign(claims, crit=["exp"], exp=1), "crit empty": at.ours.key.sign(claims, crit=[]),
        "crit b64": at.ours.key.sign(claims, crit=["b64"], b64=False), "b64 alone": at.ours.key.sign(claims, b64=False), "b64 true": at.ours.key.sign(claims, crit=["b64"], b64=True),
    }  # fmt: skip
    header = b64(head(at, crit=["b64"], b64=False).encode())
    tokens["unencoded"] = at.ours.key.sign_text(f"{header}.{json.dumps(claims, separators=(',', ':')).replace('.', '')}")
    tokens["twice in the header"] = raw(at.ours.key, head(at)[:-1] + ', "alg": "RS256"}', json.dumps(claims))
    yield from shut(scene, tokens)


@steps("JWT-012")
def no_end(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    yield from shut(scene, {"missing": at.ours.token(exp=None, who=scene.identity), "null": raw(at.ours.key, head(at), json.dumps({**at.ours.claims(who=scene.identity), "exp": None}))})


@steps("JWT-013")
def about_the_end(scene: Scene) -> Iterator[str]:
    at, now = stage(scene.recorder), int(time.time())
    over = {"iat": now - 300, "nbf": None}
    yield from shut(scene, {"61 s ago": at.ours.token(exp=now - 61, who=scene.identity, **over)})
    # Not 59: a slow machine needs a moment to ask.
    yield from opens(scene, at.ours.token(exp=int(time.time()) - 50, who=scene.identity, **over), "50 s ago")


@steps("JWT-015")
def times_that_cannot_be(scene: Scene) -> Iterator[str]:
    at, now = stage(scene.recorder), int(time.time())
    claims = at.ours.claims(who=scene.identity)
    tokens = {"iat in the far future": at.ours.token(iat=now + 10_000, exp=now + 10_300, who=scene.identity)}
    texts = ["253402300799", "-1", "-9223372036854775808", f"{now + 60}.5", f'"{now + 60}"', "1e400", "1e10", "9223372036854775807", "18446744073709551616", "true", "[]", "{}", "NaN", "Infinity", f"[{now + 60}]", f"+{now + 60}", f"0{now + 60}"]
    for name in ("exp", "nbf", "iat"):
        for text in texts if name == "exp" else ('"soon"', "1e400", "NaN", "[]", f"{now}.5"):
            payload = json.dumps({**claims, name: "HERE"}).replace('"HERE"', text)
            tokens[f"{name} {text}"] = raw(at.ours.key, head(at), payload)
    yield from shut(scene, tokens)


@steps("JWT-016")
def an_audience_that_is_not_us(scene: Scene) -> Iterator[str]:
    at, who = stage(scene.recorder), scene.identity
    audiences = {"wrong": "https://other.example", "list without us": ["a", "b"], "list with others": [AUDIENCE, "b"], "prefix": AUDIENCE + "/x", "empty list": [], "number": 7, "object": {AUDIENCE: 1}, "other case": AUDIENCE.upper()}
    tokens = {what: at.ours.token(aud=audience, who=who) for what, audience in audiences.items()}
    tokens["missing"] = at.ours.token(aud=None, who=who)
    tokens["twice"] = raw(at.ours.key, head(at), json.dumps(at.ours.claims(who=who))[:-1] + f', "aud": "{AUDIENCE}"}}')
    yield from shut(scene, tokens)
    yield from opens(scene, at.ours.token(aud=[AUDIENCE], who=who), "a list with us alone")


@steps("JWT-017")
def an_issuer_that_is_not_one(scene: Scene) -> Iterator[str]:
    at, who = stage(scene.recorder), scene.identity
    issuers = [at.ours.issuer + "/", at.ours.issuer + ".evil", at.ours.issuer.upper(), at.ours.issuer.replace("127.0.0.1", "localhost"), "https://idp.example.evil", "", [at.ours.issuer], at.other.issuer]
    yield from shut(scene, {f"iss {issuer}": at.ours.token(iss=issuer, who=who) for issuer in issuers} | {"missing": at.ours.token(iss=None, who=who)})


@steps("JWT-018")
def an_id_token(scene: Scene) -> Iterator[str]:
    at, who = stage(scene.recorder), scene.identity
    marks: list[dict[str, Any]] = [{"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}, {"typ": "ID"}, {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}]
    tokens = {f"{mark}": at.ours.token(who=who, **mark) for mark in marks}
    tokens |= {f"typ {typ}": at.ours.token(header={"typ": typ}, who=who) for typ in ("logout+jwt", "dpop+jwt", "secevent+jwt", "x")}
    tokens |= {f"typed {typ}": at.typed.token(header={"typ": typ}, who=who) for typ in ("JWT", "jwt", None, "", "at", "at+jwt;x")}
    tokens["sender-constrained"] = at.ours.token(who=who, cnf={"x5t#S256": "x"})
    yield from shut(scene, tokens)
    yield from opens(scene, at.typed.token(header={"typ": "at+jwt"}, who=who), "an access token")


@steps("JWT-019")
def a_key_of_another_issuer(scene: Scene) -> Iterator[str]:
    at, who = stage(scene.recorder), scene.identity
    claims = at.ours.claims(who=who)
    tokens = {"their key": at.other.key.sign(claims), "their key, our kid": at.other.key.sign(claims, kid=at.ours.key.kid), "their key, no kid": at.other.key.sign(claims, kid=None)}
    tokens["our key, their issuer"] = at.ours.key.sign(at.other.claims(who=who))
    yield from shut(scene, tokens)


@steps("JWT-021")
def base64_that_is_not_canonical(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    key, claims = at.ours.key, at.ours.claims(who=scene.identity)
    good = key.sign(claims)
    header, payload, signature = good.split(".")
    tokens = {
        "padded signature": good + "==", "a bit behind the signature": good[:-1] + last_bit(good[-1]), "no signature": f"{header}.{payload}.",
        "standard alphabet": f"{header}.{payload}.{base64.b64encode(base64.urlsafe_b64decode(signature + '==')).decode()}", "a dot behind": good + ".", "a dot before": "." + good,
    }  # fmt: skip
    # What is signed is the text, so that these signatures are right.
    for what, change in {"padded": lambda text: text + "=" * (-len(text) % 4 or 4), "slash": lambda text: text[:-1] + "/", "plus": lambda text: text + "+", "escaped": lambda text: text + "%3D", "tilde": lambda text: text + "~"}.items():
        tokens[f"{what} header"] = key.sign_text(f"{change(header)}.{payload}")
        tokens[f"{what} payload"] = key.sign_text(f"{header}.{change(payload)}")
    for length in range(3):
        filled = b64(json.dumps({**claims, "filler": "x" * length}).encode())
        if len(filled) % 4:
            tokens[f"a bit behind the payload {length}"] = key.sign_text(f"{header}.{filled[:-1]}{last_bit(filled[-1])}")
    yield from shut(scene, tokens)
    yield from shut(scene, {"a blank inside": f"{header}. {payload}.{signature}", "a tab inside": f"{header}.\t{payload}.{signature}"}, also=(400,))


def last_bit(letter: str) -> str:
    """The letter of base64url whose lowest bit is the other."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) ^ 1]


@steps("JWT-022", "JWT-023", "JWT-024")
def another_serialisation(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    good = at.ours.token(who=scene.identity)
    header, payload, signature = good.split(".")
    general = {"payload": payload, "signatures": [{"protected": header, "signature": signature}]}
    flat = {"payload": payload, "protected": header, "signature": signature}
    tight = {"separators": (",", ":")}
    pbes2 = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 2**31 - 1, "p2s": b64(b"salt" * 4)}
    tokens = {
        "JSON": json.dumps(general, **tight), "flattened JSON": json.dumps(flat, **tight), "base64 of JSON": b64(json.dumps(flat).encode()),
        "five parts": f"{good}.{payload}.{signature}", "nested": at.ours.key.sign_text(f"{b64(head(at, cty='JWT').encode())}.{b64(good.encode())}"), "cty": at.ours.key.sign(at.ours.claims(who=scene.identity), cty="JWT"),
        "PBES2": ".".join([b64(json.dumps(pbes2).encode()), b64(b"k" * 40), b64(b"i" * 12), b64(b"c" * 40), b64(b"t" * 16)]),
        "dir": ".".join([b64(b'{"alg":"dir","enc":"A128GCM","zip":"DEF"}'), "", b64(b"i" * 12), b64(b"c" * 4000), b64(b"t" * 16)]),
        "zip": at.ours.key.sign(at.ours.claims(who=scene.identity), zip="DEF"), "enc in a signed one": at.ours.key.sign(at.ours.claims(who=scene.identity), enc="A128GCM"), "two parts": f"{header}.{payload}",
    }  # fmt: skip
    began = time.monotonic()
    yield from shut(scene, tokens)
    if time.monotonic() - began > 20:
        yield "it took so long that something was derived"


@steps("JWT-026")
def signatures_of_nobody(scene: Scene) -> Iterator[str]:
    at = stage(scene.recorder)
    key, claims = at.keys["ES256"], at.ours.claims(who=scene.identity)
    message = encode({"alg": "ES256", "kid": key.kid, "typ": "JWT"}, claims)
    good = key.signature(message.encode())
    r, s = int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big")
    pair = lambda one, other: one.to_bytes(32, "big") + other.to_bytes(32, "big")  # noqa: E731
    forged = {
        "zero": bytes(64), "r zero": pair(0, s), "s zero": pair(r, 0), "order": pair(P256_ORDER, P256_ORDER), "r and the order": pair(r, P256_ORDER), "s beyond the order": pair(r, min(s + P256_ORDER, 2**256 - 1)), "ones": pair(1, 1),
        "DER": key.signature(message.encode(), der=True), "cut": good[:-1], "longer": good + b"\0", "padded numbers": b"\0" + good[:32] + b"\0" + good[32:], "empty": b"",
    }  # fmt: skip
    yield from shut(scene, {what: f"{message}.{b64(signature)}" for what, signature in forged.items()})
    yield from opens(scene, f"{message}.{b64(good)}", "the good one")


@steps("JWT-030")
def vectors(scene: Scene) -> Iterator[str]:
    """Made ones, for Wycheproof's own are in no package: each algorithm's good token, and what is near it."""
    at, who = stage(scene.recorder), scene.identity
    for alg, key in at.keys.items():
        claims = at.ours.claims(who=who)
        good = key.sign(claims)
        yield from opens(scene, good, alg)
        message, _, signature = good.rpartition(".")
        data = base64.urlsafe_b64decode(signature + "==")
        tokens = {f"{alg}: bit {at_bit}": f"{message}.{b64(flipped(data, at_bit))}" for at_bit in (0, 7, len(data) * 4, len(data) * 8 - 1)}
        tokens |= {f"{alg}: cut to {length}": f"{message}.{b64(data[:length])}" for length in (0, 1, len(data) // 2, len(data) - 1)}
        tokens[f"{alg}: doubled"] = f"{message}.{b64(data + data)}"
        tokens[f"{alg}: of another message"] = f"{key.sign({**claims, 'who': 'developer', 'more': 1}).rpartition('.')[0]}.{signature}"
        for other in ("RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "EdDSA", "ES512", "ES256K"):
            if other != alg:
                tokens[f"{alg} called {other}"] = key.sign(claims, alg=other)
        for other, another in at.keys.items():
            if other != alg:
                tokens[f"{alg} by the key of {other}"] = key.sign(claims, kid=another.kid)
        yield from shut(scene, tokens)


def flipped(data: bytes, bit: int) -> bytes:
    """The data with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)
