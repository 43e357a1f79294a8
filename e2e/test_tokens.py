"""Do tokens of listed issuers open what their rules say, for as long as they may, and does anything else open nothing?"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stage import http
from stage.issuer import AUDIENCE, Issuer, rule, signed
from stage.pki import Authority
from stage.prefect import NEWEST, Client, Server
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.signing import SigningKey, unsigned
from stage.sso import Door
from stage.wait import until

PATH = "/api/admin/version"
MAIN = {"repository_id": "4711", "ref": "refs/heads/main"}


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer("actions")
    yield issuer
    issuer.close()


def tables(issuer: Issuer, *more: str) -> str:
    return signed(issuer, "ci", rule("ci", "deployer", **MAIN), rule("ci", "reader", repository_id="4711", ref="refs/heads/try"), rule("ci", "nobody", ref="ghost"), *more)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder, issuer: Issuer):
    door = Door(tmp_path_factory.mktemp("tokens"), recorder.url, tables(issuer)).start()
    door.cli("service-account", "add", "deployer", "--role", "developer")
    door.cli("service-account", "add", "reader", "--role", "viewer")
    yield door
    door.stop()


def ask(door: Door, token: str, path: str = PATH, method: str = "GET") -> http.Answer:
    return door.ask(method, path, key=token, **({} if method == "GET" else {"body": {"name": "a"}}))


def socket(door: Door, token: str, **more) -> WebSocket:
    socket = WebSocket(door.port, "/api/events/in", **more)
    assert socket.authenticate(token), f"{socket.status} {socket.close_code} {socket.close_reason}"
    return socket


# --- what it opens ---


def test_a_token_is_the_account_that_its_rule_names_over_http_and_on_sockets(door: Door, issuer: Issuer, recorder: Recorder) -> None:
    token = issuer.token(**MAIN)
    assert ask(door, token).status == 200 and ask(door, token, "/api/flows/", "POST").status == 200
    assert door.ask("GET", PATH, headers=http.basic(token)).status == 200, "as PREFECT_API_AUTH_STRING sends it"
    assert door.ask("GET", PATH, headers=http.basic(f"deployer:{token}")).status == 200
    assert ask(door, token, "/api/me").status == 200 and len(ask(door, token, "/api/me/workspaces").json()) == 1, "as PREFECT_API_KEY in Cloud mode"
    assert door.ask("GET", PATH, headers=http.basic(f"reader:{token}")).reason == "key-of-another"
    mark = recorder.mark()
    socket(door, token).close()
    socket(door, f"deployer:{token}").close()
    with_header = WebSocket(door.port, "/api/events/in", headers={"Authorization": f"Bearer {token}"})
    assert with_header.authenticate(None)
    with_header.close()
    assert not any(token in each.text() for each in recorder.since(mark)), "it is not passed on to Prefect"
    reader = issuer.token(repository_id="4711", ref="refs/heads/try")
    assert ask(door, reader).status == 200 and ask(door, reader, "/api/flows/", "POST").reason == "permission-denied"
    [event, *_] = [each for each in door.events("POST /flows/") if each["outcome"] == "allowed"]
    assert (event["actor"]["name"], event["credential"]["kind"]) == ("deployer", "token") and event["credential"]["id"].startswith("ci:")
    assert token not in door.log() and reader not in door.log()


def test_a_real_client_runs_a_flow_with_nothing_but_a_token(tmp_path: Path, server: Server, issuer: Issuer) -> None:
    door = Door(tmp_path / "real", server.url, tables(issuer)).start()
    api = f"{door.url}/api"
    try:
        door.cli("service-account", "add", "deployer", "--role", "developer")
        token = issuer.token(**MAIN)
        forms = {"auth string": {"PREFECT_API_AUTH_STRING": token}, "Cloud mode": {"PREFECT_CLOUD_API_URL": api, "PREFECT_API_KEY": token}}
        for form, settings in forms.items():
            client = Client(tmp_path / form, NEWEST, PREFECT_API_URL=api, **settings)
            ran = client.run("small_flow.py")
            assert ran.returncode == 0 and "done" in ran.stdout, ran.stderr[-3000:]
            run = next(line for line in ran.stdout.splitlines() if len(line) == 36)
            found = ask(door, token, f"/api/flow_runs/{run}").json()
            assert found["created_by"]["display_value"] == "deployer", form

            def steps(run: str = run) -> list[dict]:
                return door.ask("POST", "/api/task_runs/filter", key=token, body={"flow_runs": {"id": {"any_": [run]}}}).json()

            # They travel by a socket alone.
            until("all task runs have arrived", lambda steps=steps: len(steps()) == 10, 60, every=0.3)
    finally:
        door.stop()


def test_the_second_request_asks_nobody_and_tokens_go_on_while_the_issuer_is_down(tmp_path: Path, recorder: Recorder) -> None:
    issuer = Issuer("down")
    door = Door(tmp_path / "down", recorder.url, signed(issuer, "ci", rule("ci", "deployer", **MAIN))).start()
    try:
        door.cli("service-account", "add", "deployer", "--role", "developer")
        first, second = issuer.token(**MAIN), issuer.token(**MAIN)
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(lambda _: ask(door, first).status, range(64))) == {200}
        assert (issuer.count("openid-configuration"), issuer.count("keys")) == (1, 1), "many who come at once share one fetch"
        issuer.close()
        assert ask(door, first).status == 200 and ask(door, second).status == 200
        stranger = issuer.token(SigningKey("another"), **MAIN)
        assert ask(door, stranger).reason == "invalid-token", "by the keys that were kept"
    finally:
        door.stop()


def test_an_issuer_that_was_never_reached_is_503_and_not_a_false_401(tmp_path: Path, recorder: Recorder) -> None:
    issuer = Issuer("away")
    door = Door(tmp_path / "away", recorder.url, signed(issuer, "ci", rule("ci", "deployer", **MAIN))).start()
    try:
        issuer.close()
        answer = ask(door, issuer.token(**MAIN))
        assert (answer.status, answer.reason) == (503, "issuer-unavailable") and answer.headers["retry-after"]
        (door.data / "providers.toml").write_text(door.file.read_text())
        assert "FAIL  issuer ci" in door.run("doctor").stdout
    finally:
        door.stop()


def test_keys_are_rotated_and_unknown_ones_send_nobody_back_more_than_once(door: Door, issuer: Issuer) -> None:
    old = issuer.token(**MAIN)
    assert ask(door, old).status == 200
    issuer.rotate(keep=True)
    before = issuer.count("keys")
    assert ask(door, issuer.token(**MAIN)).status == 200, "the new key was fetched"
    assert issuer.count("keys") == before + 1
    spoilt = [issuer.token(header={"kid": f"made-up-{number}"}, **MAIN) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda token: ask(door, token).reason, spoilt)) == {"invalid-token"}
    assert issuer.count("keys") == before + 1
    assert ask(door, old).status == 200


# --- what it does not open ---

BAD: dict[str, tuple[str, Callable[[Issuer], str]]] = {
    "unsigned": ("invalid-token", lambda it: unsigned(it.claims(**MAIN))),
    "HS256 with the public key": ("invalid-token", lambda it: it.key.sign_as_secret(it.claims(**MAIN))),
    "another key of that id": ("invalid-token", lambda it: it.token(SigningKey(it.key.kid), **MAIN)),
    "another issuer": ("unknown-issuer", lambda it: it.token(iss="https://token.actions.githubusercontent.com", **MAIN)),
    "an issuer that begins the same": ("unknown-issuer", lambda it: it.token(iss=it.issuer + "/", **MAIN)),
    "no issuer": ("invalid-token", lambda it: it.token(iss=None, **MAIN)),
    "another audience": ("invalid-token", lambda it: it.token(aud="https://other.example.com", **MAIN)),
    "no audience": ("invalid-token", lambda it: it.token(aud=None, **MAIN)),
    "others beside us": ("invalid-token", lambda it: it.token(aud=[AUDIENCE, "https://other.example.com"], **MAIN)),
    "no subject": ("invalid-token", lambda it: it.token(sub=None, **MAIN)),
    "no end": ("invalid-token", lambda it: it.token(exp=None, **MAIN)),
    "over": ("expired-token", lambda it: it.token(exp=int(time.time()) - 61, iat=int(time.time()) - 300, nbf=None, **MAIN)),
    "not begun": ("expired-token", lambda it: it.token(nbf=int(time.time()) + 120, **MAIN)),
    "too long": ("invalid-token", lambda it: it.token(exp=int(time.time()) + 100_000, **MAIN)),
    "an ID token": ("invalid-token", lambda it: it.token(nonce="n", **MAIN)),
    "bound to a key": ("invalid-token", lambda it: it.token(cnf={"jkt": "x"}, **MAIN)),
    "one of two tests": ("unmatched-token", lambda it: it.token(repository_id="4712", ref="refs/heads/main")),
    "a value that begins the same": ("unmatched-token", lambda it: it.token(repository_id="4711", ref="refs/heads/main2")),
    "an account that is not there": ("unmatched-token", lambda it: it.token(ref="ghost")),
    "a word with dots": ("invalid-token", lambda it: "a.b.c"),
    "an opaque one": ("malformed-credential", lambda it: "xoxb-12345678"),
    "a huge one": ("malformed-credential", lambda it: it.token(filler="x" * 9000, **MAIN)),
}


@pytest.mark.parametrize("reason,make", BAD.values(), ids=BAD)
def test_a_bad_token_opens_nothing(reason: str, make: Callable[[Issuer], str], door: Door, issuer: Issuer, recorder: Recorder) -> None:
    token, mark = make(issuer), recorder.mark()
    answer = ask(door, token)
    assert (answer.status, answer.reason) == (401, reason), answer.body
    said = answer.json()["detail"]
    assert said and "refs/heads" not in said, "what is wrong is told, and nothing that the token says"
    attempt = WebSocket(door.port, "/api/events/in")
    assert not attempt.authenticate(token) and attempt.close_code == 1008
    assert not recorder.since(mark)
    assert token not in door.log()


def test_a_refused_token_falls_through_to_nothing_and_is_on_record(door: Door, issuer: Issuer) -> None:
    bad = issuer.token(aud="https://other.example.com", **MAIN)
    door.add_user("tess", "owner")
    from stage.attack import sign_in
    from stage.gateway import PASSWORD

    cookie = sign_in(door.port, "tess", PASSWORD)
    answer = door.ask("GET", PATH, key=bad, headers={"Cookie": f"lictor={cookie}"})
    assert (answer.status, answer.reason) == (401, "invalid-token"), "a good session beside it helps nothing"
    until("it is on record", lambda: any(each["reason"] == "invalid-token" for each in door.events("credential.refuse")))
    good = issuer.token(**MAIN)
    assert door.ask("GET", PATH, key=good, headers={"Cookie": f"lictor={cookie}"}).reason == "two-credentials"


# --- until when ---


def test_a_disabled_account_a_removed_rule_and_the_end_close_what_was_open(tmp_path: Path, recorder: Recorder, issuer: Issuer) -> None:
    door = Door(tmp_path / "ends", recorder.url, tables(issuer)).start()
    try:
        door.cli("service-account", "add", "deployer", "--role", "developer")
        token = issuer.token(**MAIN)
        opened = socket(door, token)
        door.cli("service-account", "disable", "deployer")
        assert opened.until_closed(5) == 1008 and "principal-disabled" in opened.close_reason
        until("it is refused", lambda: ask(door, token).reason == "principal-disabled")
        door.cli("service-account", "enable", "deployer")
        until("it is let in again", lambda: ask(door, token).status == 200)
        now = int(time.time())
        ending = issuer.token(iat=now - 290, nbf=None, exp=now - 56, **MAIN)
        opened = socket(door, ending)
        assert opened.until_closed(20) == 1008 and "expired-token" in opened.close_reason
        assert ask(door, ending).reason == "expired-token"
        opened, began = socket(door, token), time.monotonic()
        door.file.write_text(door.file.read_text().replace("4711", "4712"))
        assert opened.until_closed(15) == 1008 and "unmatched-token" in opened.close_reason
        assert time.monotonic() - began < 10, "the file is read every other second, and a socket asks each second"
        assert ask(door, token).reason == "unmatched-token"
        door.file.write_text("")
        until("the issuer is gone", lambda: ask(door, token).reason == "unknown-issuer", 15)
        told = door.log().count("stay as they were")
        door.file.write_text("[issuers.ci]\n")
        until("a broken file changes nothing", lambda: door.log().count("stay as they were") > told, 15)
        assert ask(door, token).reason == "unknown-issuer"
    finally:
        door.stop()


# --- where keys are behind a token and a CA of their own ---


def test_a_clusters_keys_are_fetched_with_its_ca_and_a_token_that_is_renewed(tmp_path: Path, recorder: Recorder) -> None:
    ca = Authority(tmp_path / "ca", "cluster CA")
    leaf, shown = ca.issue("localhost", "DNS:localhost", usage="serverAuth"), tmp_path / "token"
    cluster = Issuer("cluster", cert=leaf.cert, cert_key=leaf.key, shown="new")
    shown.write_text("old\n")
    name = "https://kubernetes.default.svc.cluster.local"
    files = f'jwks_url = "{cluster.issuer}/keys"\nca_file = "{ca.ca}"\njwks_token_file = "{shown}"'
    worker = rule("k8s", "worker-a", **{"kubernetes.io.namespace": "prefect", "kubernetes.io.serviceaccount.name": "worker"})
    door = Door(tmp_path / "k8s", recorder.url, f'[issuers.k8s]\npreset = "kubernetes"\naudiences = ["{AUDIENCE}"]\n{files}\n{worker}').start()
    try:
        door.cli("service-account", "add", "worker-a", "--role", "viewer")
        inside = {"namespace": "prefect", "serviceaccount": {"name": "worker", "uid": "1"}, "pod": {"name": "w-1"}}
        token = cluster.token(header={"typ": None}, iss=name, sub="system:serviceaccount:prefect:worker", **{"kubernetes.io": inside})
        assert ask(door, token).reason == "issuer-unavailable", "the token for the keys is not the one of now"
        shown.write_text("new\n")
        until("the renewed token is read", lambda: ask(door, token).status == 200, 15)
        other = cluster.token(header={"typ": None}, iss=name, sub="x", **{"kubernetes.io": {**inside, "namespace": "default"}})
        assert ask(door, other).reason == "unmatched-token"
    finally:
        door.stop()
        cluster.close()


# --- before anybody comes ---


def test_rules_are_tried_on_claims_and_the_doctor_looks_at_issuers(door: Door, issuer: Issuer, tmp_path: Path) -> None:
    file = tmp_path / "claims.json"
    place = ["--providers", str(door.file)]
    file.write_text(json.dumps(issuer.claims(**MAIN)))
    found = json.loads(door.cli("issuer", "whose", "ci", str(file), *place, "--json"))
    assert (found["principal"], found["kind"], found["rules"], found["problem"]) == ("deployer", "service-account", [1], None)
    stranger = door.run("issuer", "whose", "ci", "-", *place, stdin=json.dumps(issuer.claims(aud="x", repository_id="1")))
    assert stranger.returncode == 3 and "unmatched-token" in stranger.stdout and "(aud)" in stranger.stdout
    assert door.cli("issuer", "whose", "ci", str(file), *place).splitlines() == ["service-account deployer", "  rules that fit  1"]
    assert door.run("issuer", "whose", "none", str(file), *place).returncode != 0
    [listed] = json.loads(door.cli("issuer", "list", *place, "--json"))
    assert (listed["name"], listed["proof"], len(listed["rules"])) == ("ci", "signature", 3)
    config = tmp_path / "lictor.toml"
    text = f'listen = "127.0.0.1:0"\n[store]\nurl = "sqlite://{door.data}/lictor.db"\n[workspaces.main]\nupstream = "http://127.0.0.1:1"\n{tables(issuer)}'
    config.write_text(text)
    assert door.run_bare("check", "--config", str(config)).returncode == 0
    doctor = door.run_bare("doctor", "--config", str(config)).stdout
    assert "ok    issuer ci" in doctor and "there is no service-account nobody" in doctor
    config.write_text(text.replace("equals", "eqals"))
    check = door.run_bare("check", "--config", str(config))
    assert check.returncode == 1 and "issuers.ci.rules[0].all_of[0].eqals: unknown key" in check.stdout
