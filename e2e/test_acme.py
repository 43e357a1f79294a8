"""Does a real certificate authority issue our certificate, by both of its challenges, once for all replicas, and again in time?"""

import json
import os
import signal
import sqlite3
import ssl
import threading
from pathlib import Path

import pytest

from stage import http
from stage.authority import NAMES, Advisor, Issued, Pebble
from stage.gateway import Gateway
from stage.mutual import RULES
from stage.pki import Authority
from stage.recorder import Recorder
from stage.wait import free_port, until

ISSUED = "a certificate was issued"
FAILED = "no certificate could be had"


@pytest.fixture
def ports() -> dict[str, int]:
    """Where the authority looks, and what leads there."""
    return {"http_port": free_port(), "tls_port": free_port()}


@pytest.fixture
def pebble(tmp_path: Path, ports: dict[str, int]):
    """An authority of the test's own."""
    pebble = Pebble(tmp_path / "authority", **ports)
    yield pebble
    pebble.close()


def at(folder: Path, recorder: Recorder, pebble: Pebble, challenge: str, ports: dict[str, int], **more) -> Issued:
    """A gateway at both ports, not yet started."""
    return Issued(folder, recorder, pebble, challenge, port=ports["tls_port"], plain=ports["http_port"], **more)


def hang_up(place: Issued) -> None:
    """SIGHUP."""
    assert place.gateway.process
    os.kill(place.gateway.process.pid, signal.SIGHUP)


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_a_certificate_is_issued_kept_sealed_and_used_again_after_a_restart(challenge: str, pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    place, mark = at(tmp_path / "gateway", recorder, pebble, challenge, ports), recorder.mark()
    place.gateway.start()
    try:
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        with place.handshake(root=root, name=NAMES[1]) as connection:
            names = {name for _, name in connection.getpeercert()["subjectAltName"]}
            assert names == set(NAMES)
        assert place.ask(root) == 200 and pebble.orders() == 1 and recorder.since(mark) == []
        shown = place.shown()
        for file in tmp_path.glob("gateway/lictor.db*"):
            assert b"PRIVATE KEY" not in file.read_bytes() and b"key_pkcs8" not in file.read_bytes()
        kept = dict(sqlite3.connect(tmp_path / "gateway/lictor.db").execute("SELECT name, value FROM acme").fetchall())
        assert {name.split("/")[0] for name in kept} == {"account", "certificate", "state"}, "challenges are over, and so is the turn"
        said = place.gateway.run("doctor").stdout
        assert "acme certificate: valid for" in said and "acme directory" in said and "acme attempts" not in said
        assert place.gateway.run("check").returncode == 0
        place.gateway.stop()
        place.gateway.start()
        assert place.shown() == shown, "from the first handshake on"
        assert pebble.orders() == 1
    finally:
        place.gateway.stop()


def test_a_challenge_by_tls_is_answered_where_clients_must_show_a_certificate_and_nothing_else_is(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    clients = Authority(tmp_path / "clients")
    more = f'[tls.client]\nca_file = "{clients.ca}"\nmode = "required"\n{RULES}'
    place = at(tmp_path / "gateway", recorder, pebble, "tls-alpn-01", ports, more=more)
    place.gateway.start()
    try:
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        with pytest.raises((ssl.SSLError, OSError)):
            place.ask(root)
        # Neither of these is a challenge that is under way, and none of them reaches HTTP.
        for name, alpn in ((NAMES[0], ["acme-tls/1"]), ("localhost", ["acme-tls/1"]), (NAMES[0], ["h2", "acme-tls/1"])):
            with pytest.raises((ssl.SSLError, OSError)):
                place.handshake(name=name, alpn=alpn)
    finally:
        place.gateway.stop()


def test_plain_http_answers_the_authority_alone(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    place = at(tmp_path / "gateway", recorder, pebble, "http-01", ports)
    place.gateway.start()
    try:
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        for path in ("/.well-known/acme-challenge/", "/.well-known/acme-challenge/nothing", "/.well-known/acme-challenge/../../lictor/metrics"):
            assert http.ask(place.plain, "GET", path).status in (308, 400), path
    finally:
        place.gateway.stop()


def test_what_the_authority_does_not_find_is_said_waited_out_and_tried_again_when_asked(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    wrong = {**ports, "http_port": free_port()}
    place = at(tmp_path / "gateway", recorder, pebble, "http-01", wrong)
    place.gateway.start()
    try:
        until("it is told", lambda: FAILED in place.gateway.log(), 60)
        assert "the authority did not find" in place.gateway.log() and place.gateway.log().count(FAILED) == 1
        said = place.gateway.run("doctor").stdout
        assert "acme attempts: the last 1 failed" in said and "none was issued for these names yet" in said
        assert pebble.orders() == 1
        config = place.gateway.config
        assert config
        place.gateway.stop()
        config.write_text(config.read_text().replace(f'127.0.0.1:{wrong["http_port"]}', f'127.0.0.1:{ports["http_port"]}'))
        # The port is right now. Its turn comes when it is due, or when it is asked.
        place.gateway.start()
        assert pebble.orders() == 1
        hang_up(place)
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        assert pebble.orders() == 2 and "acme attempts" not in place.gateway.run("doctor").stdout
    finally:
        place.gateway.stop()


def test_replicas_answer_for_each_other_and_one_of_them_orders(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    store = tmp_path / "store.db"
    # The authority reaches the second one alone.
    first = Issued(tmp_path / "first", recorder, pebble, "http-01", port=free_port(), plain=free_port(), store=store)
    second = at(tmp_path / "second", recorder, pebble, "http-01", ports, store=store)
    first.gateway.start()
    try:
        until("the first one's attempt has failed", lambda: FAILED in first.gateway.log(), 60)
        second.gateway.start()
        hang_up(first)
        root = pebble.root(tmp_path)
        until("both use what the first one ordered", lambda: first.is_issued(root) and second.is_issued(root), 60)
        assert first.shown() == second.shown()
        assert ISSUED in first.gateway.log() and ISSUED not in second.gateway.log()
        assert pebble.orders() == 2, "one in vain, and one for both"
    finally:
        first.gateway.stop()
        second.gateway.stop()


def test_many_replicas_that_start_at_once_order_once(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    store = tmp_path / "store.db"
    answering = at(tmp_path / "0", recorder, pebble, "tls-alpn-01", ports, store=store)
    replicas = [answering, *[Issued(tmp_path / str(number), recorder, pebble, "tls-alpn-01", port=free_port(), plain=free_port(), store=store) for number in (1, 2)]]
    starting = [threading.Thread(target=place.gateway.start) for place in replicas]
    try:
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join(90)
        root = pebble.root(tmp_path)
        until("all use it", lambda: all(place.is_issued(root) for place in replicas), 60)
        assert len({place.shown() for place in replicas}) == 1 and pebble.orders() == 1
        assert sum(place.gateway.log().count(ISSUED) for place in replicas) == 1
    finally:
        for place in replicas:
            place.gateway.stop()


def test_a_certificate_is_renewed_when_the_authority_says_so_and_no_request_fails(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    advisor = Advisor(pebble)
    place = at(tmp_path / "gateway", recorder, pebble, "http-01", ports, directory=advisor.directory)
    place.gateway.start()
    done, failed, count = threading.Event(), [], [0]
    try:
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        until("the authority was asked when to renew", lambda: advisor.asked, 20)
        before = place.shown()

        def keep_asking() -> None:
            while not done.is_set():
                try:
                    assert place.ask(root) == 200
                    count[0] += 1
                except (OSError, AssertionError, ValueError) as error:
                    failed.append(repr(error))

        asking = threading.Thread(target=keep_asking)
        asking.start()
        advisor.due = True
        hang_up(place)
        until("another certificate is in force", lambda: place.shown() != before, 60)
        again = count[0]
        until("requests go on", lambda: count[0] > again + 5, 20)
        done.set()
        asking.join(30)
        # Pebble itself does not know what an order may replace, so that it is asked again without.
        assert failed == [] and pebble.orders() == 3 and len(set(advisor.asked)) == 2
        assert place.gateway.log().count(ISSUED) == 2
    finally:
        done.set()
        place.gateway.stop()
        advisor.close()


def test_a_renewal_that_fails_keeps_the_last_good_certificate_and_an_authority_that_forgot_us_is_met_anew(pebble: Pebble, ports: dict[str, int], tmp_path: Path, recorder: Recorder) -> None:
    advisor = Advisor(pebble)
    place = at(tmp_path / "gateway", recorder, pebble, "http-01", ports, directory=advisor.directory)
    place.gateway.start()
    try:
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        until("the authority was asked when to renew", lambda: advisor.asked, 20)
        before = place.shown()
        # Renewal is due, the directory answers, and all that it names is away.
        directory, fetch = pebble.fetch("dir", pebble.port), pebble.fetch
        pebble.fetch = lambda path, port=0: directory if path == "dir" else fetch(path, port)
        pebble.stop()
        advisor.due = True
        hang_up(place)
        until("it is told", lambda: FAILED in place.gateway.log(), 60)
        assert place.shown() == before and place.ask(root) == 200
        assert "acme attempts: the last 1 failed" in place.gateway.run("doctor").stdout
        pebble.fetch = fetch
        pebble.start()
        hang_up(place)
        root = pebble.root(tmp_path)
        until("the new authority's certificate is in force", lambda: place.is_issued(root), 60)
        assert place.gateway.log().count("an account with the certificate authority was made") == 2
        metrics = until("the metrics", lambda: _metrics(place, root))
        assert "lictor_acme_failures_total 1" in metrics and 'lictor_tls_expires_at_seconds{of="certificate"}' in metrics
    finally:
        place.gateway.stop()
        advisor.close()


def _metrics(place: Issued, root: Path) -> str:
    with place.handshake(root=root) as connection:
        connection.sendall(f"GET /lictor/metrics HTTP/1.1\r\nHost: {NAMES[0]}\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received.decode()


def test_an_account_is_bound_to_one_that_the_authority_knows(tmp_path: Path, ports: dict[str, int], recorder: Recorder) -> None:
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    pebble = Pebble(tmp_path / "authority", **ports, external={"our-id": key})
    (tmp_path / "external").write_text(key + "\n")
    place = at(tmp_path / "gateway", recorder, pebble, "http-01", ports, acme=f'external_key_id = "our-id"\nexternal_key_file = "{tmp_path}/external"')
    stranger = at(tmp_path / "stranger", recorder, pebble, "http-01", {"http_port": free_port(), "tls_port": free_port()})
    place.gateway.start()
    stranger.gateway.start()
    try:
        root = pebble.root(tmp_path)
        until("the certificate is in force", lambda: place.is_issued(root), 60)
        until("without it there is none", lambda: FAILED in stranger.gateway.log() and "externalAccount" in stranger.gateway.log(), 60)
    finally:
        place.gateway.stop()
        stranger.gateway.stop()
        pebble.close()


GOOD = {"domains": '["gate.example.com"]', "agree_to_terms": "true", "challenge": '"tls-alpn-01"'}


@pytest.mark.parametrize(
    ("change", "top", "key"),
    [
        ({"agree_to_terms": None}, "", "tls.acme.agree_to_terms"),
        ({"agree_to_terms": "false"}, "", "tls.acme.agree_to_terms"),
        ({"domains": None}, "", "tls.acme.domains"),
        ({"domains": '["*.example.com"]'}, "", "tls.acme.domains[0]"),
        ({"domains": '["192.0.2.7"]'}, "", "tls.acme.domains[0]"),
        ({"domains": '["localhost"]'}, "", "tls.acme.domains[0]"),
        ({"challenge": None}, "", "tls.acme.challenge"),
        ({"challenge": '"dns-01"'}, "", "tls.acme.challenge"),
        ({"challenge": '"http-01"'}, "", "tls.acme.challenge"),
        ({"directory": '"http://authority.example.com/dir"'}, "", "tls.acme.directory"),
        ({"contact": '["somebody"]'}, "", "tls.acme.contact[0]"),
        ({"external_key_id": '"x"'}, "", "tls.acme.external_key_file"),
        ({}, 'cert_file = "/dev/null"\nkey_file = "/dev/null"', "tls.cert_file"),
        ({}, "", None),
    ],
)
def test_check_names_what_is_wrong_with_it(change: dict[str, str | None], top: str, key: str | None, tmp_path: Path) -> None:
    lines = "\n".join(f"{name} = {value}" for name, value in {**GOOD, **change}.items() if value is not None)
    config = tmp_path / "lictor.toml"
    config.write_text(f'listen = "127.0.0.1:1"\n[store]\nurl = "sqlite://{tmp_path}/l.db"\n[workspaces.main]\nupstream = "http://127.0.0.1:4200"\n[tls]\n{top}\n[tls.acme]\n{lines}\n')
    said = json.loads(Gateway(tmp_path, config=config).run("check", "--json").stdout)
    assert [each["key"] for each in said["problems"]] == ([key] if key else [])
