"""Are the access tokens of a certified provider decided right: JWTs by its resource indicators, opaque ones by introspection?"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from stage import http
from stage.certified import Certified
from stage.provider import CLIENT
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.wait import until

PATH = "/api/admin/version"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OURS = "https://prefect.example.com"


def tables(port: int) -> str:
    issuer = f"http://127.0.0.1:{port}"
    rule = '[[issuers.{name}.rules]]\nclaim = "client_id"\nequals = "job"\nservice_account = "job-runner"\n'
    signed = f'[issuers.signed]\nissuer = "{issuer}"\naudiences = ["{OURS}", "{OURS}/es", "{OURS}/short"]\nclock_leeway = "1s"\n' + rule.format(name="signed")
    asked = f'[issuers.opaque]\nintrospection_url = "{issuer}/token/introspection"\nclient_id = "{CLIENT}"\nclient_secret_env = "IDP_SECRET"\naudiences = ["urn:opaque:lictor"]\nintrospection_cache = "2s"\n'
    return signed + asked + rule.format(name="opaque")


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Certified]:
    certified = Certified(tmp_path_factory.mktemp("certified-tokens"), recorder.url, tables)
    certified.door.cli("service-account", "add", "job-runner", "--role", "developer")
    yield certified
    certified.close()


def as_client(certified: Certified, path: str, **fields: str) -> http.Answer:
    job = base64.b64encode(b"job:the+job%27s+own+secret").decode()
    return http.ask(certified.port, "POST", path, body=urlencode(fields).encode(), headers={**FORM, "Authorization": f"Basic {job}"})


def token(certified: Certified, resource: str) -> str:
    answer = as_client(certified, "/token", grant_type="client_credentials", resource=resource)
    assert answer.status == 200, answer.body
    return answer.json()["access_token"]


def ask(certified: Certified, bearer: str) -> http.Answer:
    return certified.door.ask("GET", PATH, key=bearer)


def header(jwt: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(jwt.partition(".")[0] + "=="))


def test_its_jwt_access_tokens_open_what_their_rule_says(certified: Certified) -> None:
    for resource, alg in ((OURS, "RS256"), (f"{OURS}/es", "ES256")):
        jwt = token(certified, resource)
        assert (header(jwt)["typ"], header(jwt)["alg"]) == ("at+jwt", alg)
        assert ask(certified, jwt).status == 200
        socket = WebSocket(certified.door.port, "/api/events/in")
        assert socket.authenticate(jwt)
        socket.close()
    assert ask(certified, token(certified, "https://another.example.com")).reason == "invalid-token", "for somebody else"
    short = token(certified, f"{OURS}/short")
    assert ask(certified, short).status == 200
    until("it has expired", lambda: ask(certified, short).reason == "expired-token", 15)


def test_its_opaque_access_tokens_open_it_until_it_revokes_them(certified: Certified) -> None:
    opaque = token(certified, "urn:opaque:lictor")
    assert "." not in opaque and ask(certified, opaque).status == 200
    assert ask(certified, token(certified, "urn:opaque:another")).reason == "invalid-token", "for somebody else"
    assert as_client(certified, "/token/revocation", token=opaque).status == 200
    until("its word has changed", lambda: ask(certified, opaque).reason == "invalid-token", 15)
    assert ask(certified, "never-issued-by-anybody").reason == "invalid-token"


def test_they_are_exchanged(certified: Certified) -> None:
    for bearer, kind in ((token(certified, OURS), "jwt"), (token(certified, "urn:opaque:lictor"), "access_token")):
        fields = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": bearer, "subject_token_type": f"urn:ietf:params:oauth:token-type:{kind}"}
        answer = certified.door.ask("POST", "/lictor/token", body=urlencode(fields).encode(), headers=FORM)
        assert answer.status == 200 and 500 < answer.json()["expires_in"] <= 600, answer.body
        assert ask(certified, answer.json()["access_token"]).status == 200


def test_its_id_tokens_are_no_access_tokens(certified: Certified, tmp_path: Path) -> None:
    """A real ID token, of a real sign-in, for this gateway as its audience."""
    certified.put_in("ada", "staff")
    jwt = certified.id_token("ada")
    claims = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))
    assert claims["aud"] == CLIENT and claims["nonce"]
    certified.door.file.write_text(certified.door.file.read_text().replace(f'"{OURS}/short"]', f'"{CLIENT}"]\ntoken_type = "jwt"').replace('"client_id"\nequals = "job"', '"sub"\nequals = "ada"', 1))
    until("the file is read", lambda: "identity providers and issuers of tokens have changed" in certified.door.log(), 15)
    answer = ask(certified, jwt)
    assert (answer.status, answer.reason) == (401, "invalid-token") and "ID token" in answer.json()["detail"]
