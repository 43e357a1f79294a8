"""Is a certificate in a header believed from the listed proxy alone, and held to CA and revocation lists like any other?"""

import json
from pathlib import Path

import pytest

from stage import http
from stage.gateway import Gateway
from stage.http import bearer
from stage.mutual import FLOWS
from stage.passed import HEADERS, RULES, TOKEN, Passed, written
from stage.pki import PAST, YESTERDAY, Authority, replace
from stage.recorder import Recorder
from stage.wait import until

LOCKED = {"Host": "locked.localhost"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway behind nginx."""
    place = Passed(tmp_path_factory.mktemp("passed"), recorder, more=f'[decide]\nproxies = ["127.0.0.1"]\ntoken_file = "token"\n')
    yield place
    place.gateway.stop()


@pytest.fixture(scope="module", params=["optional", "optional_no_ca"])
def nginx(request, place: Passed, recorder: Recorder):
    """The real one: it verifies certificates first, or leaves that to Lictor."""
    proxy = place.nginx(recorder, request.param)
    yield proxy
    proxy.stop()


@pytest.fixture
def own(tmp_path: Path, recorder: Recorder):
    """A gateway of the test's own."""
    place = Passed(tmp_path / "own", recorder)
    yield place
    place.gateway.stop()


def test_through_nginx_a_certificate_is_whose_the_rules_say(nginx, place: Passed, recorder: Recorder) -> None:
    leaf, mark = place.ca.issue("worker one"), recorder.mark()
    assert nginx.ask(leaf).status == 200 and nginx.ask(leaf, LOCKED).status == 200
    line = until("the access line", lambda: [each for each in place.gateway.log().splitlines() if leaf.fingerprint in each])[-1]
    assert "w-one" in line and "certificate" in line
    sent = until("it at Prefect", lambda: recorder.since(mark))[0].text().lower()
    assert "x-client-cert" not in sent and "certificate" not in sent and TOKEN not in sent
    socket = nginx.socket(leaf)
    assert socket.authenticate(None) and socket.until_closed(0.3) is None
    socket.close()


def test_through_nginx_nobody_is_somebody_by_a_header_of_their_own(nginx, place: Passed, recorder: Recorder) -> None:
    theirs, mark = place.ca.issue("worker one"), recorder.mark()
    forged = {**written("pem", theirs), "X-Lictor-Token": TOKEN}
    for headers in ({}, forged, {**forged, "x_client_cert": forged["X-Client-Cert"]}):
        said = nginx.ask(None, headers)
        assert (said.status, said.reason) == (401, "authentication-required")
        said = nginx.ask(None, {**LOCKED, **headers})
        assert (said.status, said.reason) == (403, "certificate-required")
    # Beside a certificate of the caller's own, the forged one is gone.
    assert nginx.ask(place.ca.issue("somebody"), forged).reason == "unknown-certificate"
    assert recorder.since(mark) == []


@pytest.mark.parametrize("kind", ["another CA", "expired", "for servers only"])
def test_what_nginx_takes_is_verified_again(kind: str, nginx, place: Passed, tmp_path: Path, recorder: Recorder) -> None:
    mark = recorder.mark()
    if kind == "another CA":
        leaf = Authority(tmp_path / "other").issue("worker one")
    elif kind == "expired":
        leaf = place.ca.issue("worker one", start=PAST, end=YESTERDAY)
    else:
        leaf = place.ca.issue("worker one", usage="serverAuth")
    said = nginx.ask(leaf, bearer(place.gateway.key("w-one")))
    # With `optional`, nginx answers itself: its word for a certificate that it does not take is 400.
    assert (said.status, said.reason) in [(401, "certificate-not-trusted"), (400, None)]
    assert recorder.since(mark) == []


def test_a_revoked_certificate_is_refused_and_closes_its_sockets_though_nginx_knows_no_list(nginx, place: Passed) -> None:
    leaf, other = place.ca.issue("worker one"), place.ca.issue("worker two")
    socket, stays = nginx.socket(leaf, headers=LOCKED), nginx.socket(other, headers=LOCKED)
    assert nginx.ask(leaf).status == 200 and socket.authenticate(place.gateway.key("w-one")) and stays.authenticate(None)
    place.ca.revoke(leaf)
    replace(place.crl_file, place.ca.crl())
    assert until("refused", lambda: (one := nginx.ask(leaf)).status == 401 and one).reason == "certificate-not-trusted"
    assert socket.until_closed(10.0) == 1008 and "certificate-not-trusted" in socket.close_reason
    assert nginx.ask(other).status == 200 and stays.until_closed(0.3) is None


@pytest.mark.parametrize("form", sorted(HEADERS))
def test_each_form_is_read_and_counts_beside_the_token_alone(form: str, tmp_path: Path, recorder: Recorder) -> None:
    place = Passed(tmp_path / form, recorder, form)
    try:
        leaf, mark = place.ca.issue("worker one"), recorder.mark()
        assert place.as_proxy(leaf).status == 200 and len(until("it at Prefect", lambda: recorder.since(mark))) == 1
        mark = recorder.mark()
        for token in ("", "put-your-own-token-her", TOKEN.upper()):
            assert place.as_proxy(leaf, **{"X-Lictor-Token": token}).reason == "authentication-required"
        assert http.ask(place.gateway.port, "POST", FLOWS, body={}, headers=written(form, leaf)).reason == "authentication-required"
        stranger = Authority(tmp_path / "stranger").issue("worker one")
        assert place.as_proxy(stranger).reason == "certificate-not-trusted"
        assert place.as_proxy(place.ca.issue("nobody in particular")).reason == "unknown-certificate"
        for text in ("SUCCESS", "1", "CN=worker one", ":AAAA:", "AAAA", 'Cert="AAAA"', "%2D"):
            said = place.as_proxy(None, **{HEADERS[form]: text})
            assert (said.status, said.reason) in [(400, "malformed-header"), (401, "unknown-certificate")], text
        assert recorder.since(mark) == []
        assert place.as_proxy(None).reason == "authentication-required"
    finally:
        place.gateway.stop()


def test_a_header_that_stands_twice_is_refused(place: Passed) -> None:
    one, two = (written("pem", place.ca.issue(name))["X-Client-Cert"] for name in ("worker one", "worker two"))
    import http.client as client

    connection = client.HTTPConnection("127.0.0.1", place.gateway.port, timeout=10)
    connection.putrequest("POST", FLOWS)
    for name, value in (("X-Lictor-Token", TOKEN), ("X-Client-Cert", one), ("X-Client-Cert", two), ("Content-Length", "0")):
        connection.putheader(name, value)
    connection.endheaders()
    said = connection.getresponse()
    assert (said.status, said.headers["x-lictor-reason"]) == (400, "malformed-header")


def test_from_an_address_that_is_not_listed_it_is_just_a_header(tmp_path: Path, recorder: Recorder) -> None:
    place = Passed(tmp_path / "elsewhere", recorder, proxies="192.0.2.7")
    try:
        leaf, mark = place.ca.issue("worker one"), recorder.mark()
        # Nor does naming a listed address in the chain of proxies make one.
        for more in ({}, {"X-Forwarded-For": "192.0.2.7"}):
            assert place.as_proxy(leaf, **more).reason == "authentication-required"
            assert place.as_proxy(leaf, **LOCKED, **more).reason == "certificate-required"
        assert recorder.since(mark) == []
        assert place.as_proxy(leaf, **bearer(place.gateway.key("w-two"))).status == 200
    finally:
        place.gateway.stop()


def test_beside_a_key_of_another_it_is_two_credentials(place: Passed) -> None:
    leaf = place.ca.issue("worker one")
    said = place.as_proxy(leaf, **bearer(place.gateway.key("w-two")))
    assert (said.status, said.reason) == (400, "two-credentials")
    assert place.as_proxy(leaf, **bearer(place.gateway.key("w-one"))).status == 200


def test_a_foreign_page_cannot_use_it(place: Passed) -> None:
    assert place.as_proxy(place.ca.issue("worker one"), **{"Origin": "https://evil.example"}).reason == "cross-origin"


def test_a_decision_rests_on_the_certificate_that_the_proxy_passes_on(place: Passed) -> None:
    leaf = place.ca.issue("worker one")

    def asks(shown, token: str = TOKEN) -> http.Answer:
        headers = {"X-Lictor-Token": token, "X-Original-Method": "GET", "X-Original-URI": "/api/flows/7e5c0b9e-7d1c-4c6b-8f0e-3f0d6f0a9d11", **LOCKED}
        return http.ask(place.gateway.port, "GET", "/lictor/decide/nginx", headers={**headers, **(written("pem", shown) if shown else {})})

    said = asks(leaf)
    assert (said.status, said.headers["x-lictor-user"]) == (200, "w-one")
    assert asks(None).reason == "certificate-required" and asks(place.ca.issue("nobody")).reason == "unknown-certificate"
    assert asks(leaf, "somebody-elses-token").status == 404


def test_rules_and_lists_that_change_hold_here_too(own: Passed) -> None:
    leaf = own.ca.issue("worker one")
    assert own.as_proxy(leaf).status == 200
    replace(own.crl_file, "half a list")
    until("the warning", lambda: "the last good ones stay" in own.gateway.log())
    assert own.as_proxy(leaf).status == 200 and own.gateway.run("check").returncode == 1
    assert "certificate_header.crl_file" in own.gateway.run("check").stdout
    replace(own.crl_file, own.ca.crl(stale=True))
    until("nobody is let in by a list that is out of date", lambda: own.as_proxy(leaf).reason == "certificate-not-trusted")
    assert 'of="passed_crl"' in http.ask(own.gateway.port, "GET", "/lictor/metrics").body.decode()
    assert "FAIL  revocation list: certificate_header.crl_file" in own.gateway.run("doctor").stdout
    replace(own.crl_file, own.ca.crl())
    until("let in again", lambda: own.as_proxy(leaf).status == 200)
    assert own.gateway.config
    replace(own.gateway.config, own.gateway.config.read_text().replace(RULES, ""))
    until("the rules are gone", lambda: own.as_proxy(leaf).reason == "unknown-certificate")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('proxies = ["127.0.0.1"]\ntoken_file = "token"\nformat = "pem"', "certificate_header.ca_file"),
        ('proxies = ["127.0.0.1"]\nca_file = "ca.pem"\nformat = "pem"', "certificate_header.token_file"),
        ('proxies = ["127.0.0.1"]\ntoken_file = "token"\nca_file = "ca.pem"', "certificate_header.format"),
        ('proxies = ["127.0.0.1"]\ntoken_file = "token"\nca_file = "ca.pem"\nformat = "der"', "certificate_header.format"),
        ('proxies = ["0.0.0.0/0"]\ntoken_file = "token"\nca_file = "ca.pem"\nformat = "pem"', "certificate_header.proxies"),
        ('token_file = "token"\nca_file = "ca.pem"\nformat = "pem"', "certificate_header.proxies"),
        ('proxies = ["127.0.0.1"]\ntoken_file = "token"\nca_file = "ca.pem"\nformat = "pem"\nheader = "Authorization"', "certificate_header.header"),
        ('proxies = ["127.0.0.1"]\ntoken_file = "token"\nca_file = "ca.pem"\nformat = "pem"\nheader = "X_Client_Cert"', "certificate_header.header"),
        ('proxies = ["127.0.0.1"]\ntoken_file = "token"\nca_file = "ca.pem"\nformat = "pem"\nverified = true', "certificate_header.verified"),
    ],
)
def test_check_names_what_would_believe_anybody(table: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    Authority(tmp_path / "ca").ca.rename(tmp_path / "ca.pem")
    config = tmp_path / "lictor.toml"
    config.write_text(f'listen = "127.0.0.1:1"\n[store]\nurl = "sqlite://{tmp_path}/l.db"\n[workspaces.main]\nupstream = "http://127.0.0.1:4200"\n[certificate_header]\n{table}\n')
    said = json.loads(Gateway(tmp_path, config=config).run("check", "--json").stdout)
    assert [each["key"] for each in said["problems"]] == [key]
