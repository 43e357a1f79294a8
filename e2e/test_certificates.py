"""Are client certificates whose the rules say, and nobody's once their CA takes them back?"""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from stage.gateway import Gateway
from stage.http import bearer
from stage.mutual import FLOWS, Place, ask, request, turned_away
from stage.pki import FUTURE, LATER, PAST, YESTERDAY, Authority, replace
from stage.recorder import Recorder
from stage.tls import curl
from stage.wait import PROMISE, until

@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway where a certificate is optional."""
    place = Place(tmp_path_factory.mktemp("certificates"), recorder).start()
    yield place
    place.gateway.stop()


@pytest.fixture
def own(tmp_path: Path, recorder: Recorder):
    """One of the test's own, whose CA it may upset."""
    place = Place(tmp_path / "own", recorder).start()
    yield place
    place.gateway.stop()


@pytest.mark.parametrize(
    ("name", "san", "who"),
    [
        ("x", "DNS:other.example.org, DNS:worker.EXAMPLE.org", "w-dns"),
        ("x", "URI:urn:example:worker:7, DNS:x", "w-uri"),
        ("x", "URI:spiffe://example.org/prefect/worker", "w-spiffe"),
        ("worker one", "", "w-cn"),
        ("both", "DNS:worker.example.org", "w-dns"),
    ],
)
def test_a_certificate_is_whose_a_rule_says(name: str, san: str, who: str, place: Place) -> None:
    leaf = place.ca.issue(name, san)
    assert ask(place, leaf).status == 200
    line = until("the access line", lambda: [each for each in place.gateway.log().splitlines() if leaf.fingerprint in each])[-1]
    assert who in line and "certificate" in line and FLOWS in line


def test_a_fingerprint_is_read_as_openssl_prints_it(place: Place) -> None:
    assert ask(place, place.printed).status == 200
    assert "HTTP/2 200" in curl(place.gateway, "--http2", "--cert", str(place.printed.cert), "--key", str(place.printed.key), "-H", "Content-Type: application/json", "-d", "{}", FLOWS).replace("HTTP/2 200 ", "HTTP/2 200")


@pytest.mark.parametrize(
    ("name", "san", "reason"),
    [
        ("stranger", "", "unknown-certificate"),
        ("x", "DNS:worker.example.org.evil.example", "unknown-certificate"),
        ("x", "DNS:a.worker.example.org", "unknown-certificate"),
        ("x", "DNS:*.example.org", "unknown-certificate"),
        ("worker.example.org", "", "unknown-certificate"),
        ("worker one two", "", "unknown-certificate"),
        ("x", "URI:urn:example:worker:77", "unknown-certificate"),
        ("x", "URI:spiffe://example.org/prefect/worker, URI:spiffe://example.org/other", "unknown-certificate"),
        ("worker one", "DNS:worker.example.org", "ambiguous-certificate"),
        ("ghost", "", "unknown-certificate"),
    ],
)
def test_what_no_single_rule_names_is_nobody_and_falls_through_to_nothing(name: str, san: str, reason: str, place: Place, recorder: Recorder) -> None:
    leaf, key, mark = place.ca.issue(name, san), place.gateway.newcomer("owner")[1], recorder.mark()
    for headers in ({}, bearer(key)):
        said = ask(place, leaf, headers=headers)
        assert (said.status, said.reason) == (401, reason)
    assert recorder.since(mark) == []


def test_a_refused_certificate_is_on_record(place: Place) -> None:
    leaf = place.ca.issue("somebody unheard of")
    ask(place, leaf)
    found = until("the event", lambda: [each for each in place.gateway.cli_json("audit", "list", "--limit", "500") if each["reason"] == "unknown-certificate"])
    assert any((each["credential"] or {}).get("kind") == "certificate" for each in found)


@pytest.mark.parametrize("kind", ["another CA", "expired", "not yet valid", "for servers only", "revoked"])
def test_a_certificate_that_is_not_good_ends_the_handshake(kind: str, place: Place, tmp_path: Path, recorder: Recorder) -> None:
    san, mark = "DNS:worker.example.org", recorder.mark()
    if kind == "another CA":
        leaf = Authority(tmp_path / "other").issue("x", san)
    elif kind == "expired":
        leaf = place.ca.issue("x", san, start=PAST, end=YESTERDAY)
    elif kind == "not yet valid":
        leaf = place.ca.issue("x", san, start=FUTURE, end=LATER)
    elif kind == "for servers only":
        leaf = place.ca.issue("x", san, usage="serverAuth")
    else:
        leaf = place.ca.issue("x", san)
        assert ask(place, leaf).status == 200
        place.ca.revoke(leaf)
        replace(place.crl_file, place.ca.crl())
        until("the new list is in force", lambda: turned_away(place, leaf))
        mark = recorder.mark()
    assert turned_away(place, leaf)
    assert recorder.since(mark) == []


def test_a_ca_without_a_list_vouches_for_nobody(own: Place, tmp_path: Path) -> None:
    second = Authority(tmp_path / "second", "second CA")
    leaf = second.issue("x", "DNS:worker.example.org")
    replace(own.ca_file, own.ca.ca.read_text() + second.ca.read_text())
    replace(own.crl_file, own.ca.crl() + second.crl())
    until("both CAs are known", lambda: not turned_away(own, leaf))
    assert ask(own, leaf).status == 200
    replace(own.crl_file, own.ca.crl())
    until("its list is gone", lambda: turned_away(own, leaf))
    assert ask(own, own.printed).status == 200


def test_without_a_certificate_a_key_does(place: Place) -> None:
    assert ask(place, None).status == 401
    assert ask(place, None, headers=bearer(place.gateway.key("w-dns"))).status == 200


def test_two_principals_on_one_request_are_two_credentials(place: Place, recorder: Recorder) -> None:
    leaf, mark = place.ca.issue("worker one"), recorder.mark()
    said = ask(place, leaf, headers=bearer(place.gateway.key("w-dns")))
    assert (said.status, said.reason) == (400, "two-credentials")
    assert recorder.since(mark) == []
    said = ask(place, leaf, headers=bearer("lictor_" + "0" * 38))
    assert said.status == 401 and recorder.since(mark) == []
    assert ask(place, leaf, headers=bearer(place.gateway.key("w-cn"))).status == 200
    socket = place.socket(leaf)
    assert not socket.authenticate(place.gateway.key("w-dns")) and socket.close_code == 1008 and "two-credentials" in socket.close_reason


def test_a_narrow_key_beside_its_owners_certificate_stays_narrow(place: Place) -> None:
    leaf = place.ca.issue("worker one")
    narrow = place.gateway.key("w-cn", "--read-only")
    assert ask(place, leaf, headers=bearer(narrow)).status == 200
    said = ask(place, leaf, "POST", "/api/logs/", headers=bearer(narrow))
    assert said.reason == "key-too-narrow"


def test_no_header_makes_a_certificate(place: Place) -> None:
    pem = place.printed.cert.read_text().replace("\n", "%0A")
    for name in ("X-Client-Cert", "X-SSL-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "X-SSL-Client-S-DN"):
        assert ask(place, None, headers={name: pem}).status == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": "https://a.localhost"}])
def test_a_foreign_page_cannot_use_a_browsers_certificate(headers: dict[str, str], place: Place, recorder: Recorder) -> None:
    mark = recorder.mark()
    said = ask(place, place.printed, headers=headers)
    assert (said.status, said.reason) == (403, "cross-origin")
    socket = place.socket(place.printed, headers=headers)
    assert socket.status == 403
    assert recorder.since(mark) == []
    assert ask(place, place.printed, headers={"Origin": f"https://localhost:{place.gateway.port}", "Sec-Fetch-Site": "same-origin"}).status == 200


def test_a_disabled_principal_has_no_certificate(own: Place) -> None:
    leaf = own.ca.issue("worker one")
    connection = own.connect(leaf)
    assert request(connection).status == 200
    own.gateway.cli("service-account", "disable", "w-cn")
    said = until("refused", lambda: (one := request(connection)).status == 401 and one, PROMISE)
    assert said.reason == "principal-disabled"


def test_a_revoked_certificate_is_refused_on_open_connections_and_closes_its_sockets(own: Place, recorder: Recorder) -> None:
    leaf, other = own.ca.issue("worker one"), own.ca.issue("x", "DNS:worker.example.org")
    connection, unharmed = own.connect(leaf), own.connect(other)
    assert request(connection).status == 200 and request(unharmed).status == 200
    socket, stays = own.socket(leaf), own.socket(other)
    assert socket.authenticate(None) and stays.authenticate(None)
    own.ca.revoke(leaf)
    replace(own.crl_file, own.ca.crl())
    said = until("the next request is refused", lambda: (one := request(connection)).status == 401 and one, PROMISE)
    assert said.reason == "certificate-not-trusted"
    assert socket.until_closed(2.0) == 1008 and "certificate-not-trusted" in socket.close_reason
    assert turned_away(own, leaf)
    assert request(unharmed).status == 200 and stays.until_closed(0.5) is None


def rewritten(place: Place, old: str, new: str) -> None:
    """Puts another configuration in the place of the one that is there."""
    assert place.gateway.config
    text = place.gateway.config.read_text()
    assert old in text
    replace(place.gateway.config, text.replace(old, new))


def test_rules_that_change_hold_for_open_connections_and_sockets(own: Place) -> None:
    leaf, other = own.ca.issue("worker one"), own.ca.issue("x", "DNS:worker.example.org")
    connection, unharmed = own.connect(leaf), own.connect(other)
    assert request(connection).status == 200 and request(unharmed).status == 200
    borne, keyed, stays = own.socket(leaf), own.socket(leaf), own.socket(other)
    assert borne.authenticate(None) and keyed.authenticate(own.gateway.key("w-cn")) and stays.authenticate(None)
    rewritten(own, 'principal = "w-cn"', 'principal = "w-uri"')
    assert borne.until_closed(10.0) == 1008 and keyed.until_closed(10.0) == 1008
    until("it is another's", lambda: request(connection).status == 200 and "w-uri" in own.gateway.log())
    rewritten(own, '[[certificates]]\ncommon_name = "worker one"\nprincipal = "w-uri"\n', "")
    said = until("it is nobody's", lambda: (one := request(connection)).status == 401 and one)
    assert said.reason == "unknown-certificate"
    assert request(unharmed).status == 200 and stays.until_closed(0.3) is None


def test_rules_that_cannot_be_read_change_nothing_and_are_told_once(own: Place) -> None:
    assert own.gateway.process and own.gateway.config
    good = own.gateway.config.read_text()
    for broken in (good.replace('san_uri = "urn:example:worker:7"', 'san_uri = "*"'), good[: good.index("[[certificates]]") + 20], "[[[", ""):
        before = own.gateway.log().count("the certificate rules stay as they were")
        if not broken:
            own.gateway.config.unlink()
        else:
            replace(own.gateway.config, broken)
        until("the warning", lambda before=before: own.gateway.log().count("the certificate rules stay as they were") == before + 1, 10)
        assert ask(own, own.printed).status == 200 and ask(own, own.ca.issue("worker one")).status == 200
    own.gateway.config.write_text(good.replace('principal = "w-printed"', 'principal = "w-dns"'))
    os.kill(own.gateway.process.pid, signal.SIGHUP)
    until("the rules are read", lambda: "the certificate rules have changed" in own.gateway.log(), 10)
    assert ask(own, own.printed).status == 200


def test_a_ca_that_is_taken_out_takes_its_clients_with_it(own: Place, tmp_path: Path) -> None:
    leaf = own.ca.issue("worker one")
    connection, socket = own.connect(leaf), own.socket(leaf)
    assert request(connection).status == 200 and socket.authenticate(None)
    other = Authority(tmp_path / "other", "another CA")
    replace(own.crl_file, own.ca.crl() + other.crl())
    replace(own.ca_file, other.ca.read_text())
    until("refused", lambda: request(connection).status == 401, 2.0)
    assert socket.until_closed(2.0) == 1008


def test_a_list_that_is_out_of_date_lets_nobody_in(own: Place) -> None:
    connection = own.connect(own.printed)
    assert request(connection).status == 200
    replace(own.crl_file, own.ca.crl(stale=True))
    until("refused", lambda: request(connection).status == 401, 2.0)
    assert turned_away(own, own.printed)
    assert "a revocation list is out of date" in own.gateway.log()
    replace(own.crl_file, own.ca.crl())
    until("let in again", lambda: not turned_away(own, own.printed))
    assert ask(own, own.printed).status == 200


@pytest.mark.parametrize("broken", ["", "not a list", "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", "half"])
def test_a_broken_list_changes_nothing_and_is_told_once(broken: str, own: Place) -> None:
    leaf = own.ca.issue("worker one")
    own.ca.revoke(leaf)
    replace(own.crl_file, own.ca.crl())
    until("revoked", lambda: turned_away(own, leaf))
    text = own.ca.crl()
    replace(own.crl_file, text[: len(text) // 2] if broken == "half" else broken)
    until("the warning", lambda: "the last good ones stay" in own.gateway.log())
    assert ask(own, own.printed).status == 200 and turned_away(own, leaf)
    assert own.gateway.log().count("the last good ones stay") == 1
    assert own.gateway.run("check").returncode == 1
    assert "tls.client.crl_file" in own.gateway.run("check").stdout


def test_a_required_certificate_is_required_of_everybody(tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path / "required", recorder, mode="required")
    place.start(place.printed)
    try:
        assert turned_away(place, None)
        assert ask(place, place.printed).status == 200
    finally:
        place.gateway.stop()


def test_sockets_open_by_certificate_with_and_without_the_protocol(place: Place) -> None:
    for protocol in ("prefect", None):
        socket = place.socket(place.printed, "/api/events/in", protocol=protocol)
        assert socket.status == 101
        if protocol:
            assert socket.authenticate(None)
        assert socket.until_closed(0.3) is None
        socket.close()


def test_can_tells_whose_a_certificate_is(place: Place) -> None:
    leaf = place.ca.issue("worker one")
    said = json.loads(place.gateway.run("can", "w-cn", "POST", FLOWS, "--certificate", str(leaf.cert), "--json").stdout)
    assert said["allowed"] is True and said["certificate"] == leaf.fingerprint
    said = place.gateway.run("can", "w-dns", "POST", FLOWS, "--certificate", str(leaf.cert))
    assert said.returncode == 1 and "belongs to w-cn" in said.stderr


def test_doctor_names_who_is_nobody_and_what_is_due(own: Place) -> None:
    said = own.gateway.run("doctor").stdout
    assert "certificates: nobody-of-this-name is nobody" in said and "tls.client.crl_file is good until" in said
    replace(own.crl_file, own.ca.crl(stale=True))
    assert "FAIL  revocation list" in own.gateway.run("doctor").stdout


def test_check_names_each_wrong_key(tmp_path: Path, recorder: Recorder) -> None:
    more = '[tls.client]\nmode = "perhaps"\n[[certificates]]\nsan_dns = "*.example.org"\nprincipal = "w"\n[[certificates]]\nfingerprint = "ab"\nspiffe_id = "spiffe://x"\n[[certificates]]\nsan_prefix = "x"\nprincipal = "w"'
    folder = tmp_path / "wrong"
    folder.mkdir()
    (folder / "lictor.toml").write_text(f'listen = "127.0.0.1:1"\n[store]\nurl = "sqlite://{folder}/l.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n{more}\n')
    gateway = Gateway(folder, config=folder / "lictor.toml")
    keys = {each["key"] for each in json.loads(gateway.run("check", "--json").stdout)["problems"]}
    assert {"tls.client.mode", "tls.client.ca_file", "tls.cert_file", "certificates[0].san_dns", "certificates[1]", "certificates[1].principal", "certificates[1].fingerprint", "certificates[1].spiffe_id", "certificates[2]", "certificates[2].san_prefix"} <= keys


def test_openssl_agrees_on_what_is_asked_for(place: Place) -> None:
    said = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{place.gateway.port}", "-CAfile", place.folder / "cert.pem"], input="", capture_output=True, text=True, timeout=20, check=False).stdout
    assert "Acceptable client certificate CA names\nCN = test CA" in said
