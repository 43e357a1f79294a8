"""Do certificates change under load without a failed request, and does plain HTTP lead nowhere but to https?"""

import concurrent.futures
import http.client
import os
import signal
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from stage import http as plain
from stage.gateway import Gateway
from stage.pki import Authority, Leaf, replace
from stage.raw import WebSocket, exchange
from stage.recorder import Recorder
from stage.tls import curl, tls_gateway
from stage.wait import free_port, until


class Place:
    """A gateway whose certificate comes from a CA that renews it."""

    def __init__(self, folder: Path, recorder: Recorder, **more: str) -> None:
        self.ca = Authority(folder / "ca")
        self.gateway = tls_gateway(folder / "gateway", recorder.url, **more)
        self.cert, self.key = self.gateway.folder / "cert.pem", self.gateway.folder / "key.pem"
        self.use(self.renewed("first"))
        self.context = ssl.create_default_context(cafile=str(self.ca.ca))
        self.gateway._is_ready = lambda: self.ask("/lictor/ready").status == 200

    def renewed(self, name: str) -> Leaf:
        """A new certificate, with a key of its own."""
        return self.ca.issue(name, "DNS:localhost", usage="serverAuth")

    def use(self, leaf: Leaf) -> None:
        """Puts it where the gateway reads it: one file after the other."""
        replace(self.cert, leaf.cert.read_text())
        replace(self.key, leaf.key.read_text())

    def ask(self, path: str, key: str = "") -> http.client.HTTPResponse:
        """One request on a connection of its own."""
        connection = http.client.HTTPSConnection("localhost", self.gateway.port, context=self.context, timeout=10)
        try:
            connection.request("GET", path, headers=plain.bearer(key) if key else {})
            response = connection.getresponse()
            response.read()
            return response
        finally:
            connection.close()

    def shown(self) -> str:
        """The common name of the certificate that is in use."""
        with self.connect() as connection:
            return dict(each[0] for each in connection.getpeercert()["subject"])["commonName"]

    def connect(self, session: ssl.SSLSession | None = None, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection and nothing on it."""
        import socket

        return (context or self.context).wrap_socket(socket.create_connection(("127.0.0.1", self.gateway.port), timeout=10), server_hostname="localhost", session=session)


@pytest.fixture
def place(tmp_path: Path, recorder: Recorder):
    """A gateway of the test's own."""
    place = Place(tmp_path, recorder)
    place.gateway.start()
    yield place
    place.gateway.stop()


def test_certificates_change_under_load_and_no_request_fails(place: Place, recorder: Recorder) -> None:
    leaves, key = [place.renewed(f"number {at}") for at in range(12)], place.gateway.newcomer("owner")[1]
    done, mark, flows = threading.Event(), recorder.mark(), "/api/flows/filter"
    command = ["curl", "--silent", "--fail", "--max-time", "10", "--cacert", place.ca.ca, "--output", "/dev/null", "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json", "-d", "{}"]

    def keep_asking(how: str) -> int:
        count = 0
        while not done.is_set():
            if how.startswith("--"):
                said = subprocess.run([*command, how, f"https://localhost:{place.gateway.port}{flows}"], capture_output=True, text=True, check=False)
                assert said.returncode == 0, f"curl {how}: {said.returncode} {said.stderr}"
            else:
                assert place.ask(how, key).status == 200
            count += 1
        return count

    open_since_before = http.client.HTTPSConnection("localhost", place.gateway.port, context=place.context, timeout=10)
    socket = WebSocket(place.gateway.port, "/api/events/in", tls=place.context)
    assert until("the key is known", lambda: place.ask("/api/flows/x", key).status == 200) and socket.authenticate(key)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(keep_asking, how) for how in ("/lictor/health", "/api/flows/7e5c0b9e-7d1c-4c6b-8f0e-3f0d6f0a9d11", "--http1.1", "--http2")]
        try:
            for at, leaf in enumerate(leaves):
                place.use(leaf)
                until(f"certificate {at} is in use", lambda at=at: place.shown() == f"number {at}")
                open_since_before.request("GET", "/lictor/health")
                response = open_since_before.getresponse()
                assert (response.status, response.read()) == (200, b'{"status":"alive"}')
                socket.send(b"%d" % at, opcode=9)
                assert socket.receive() == (10, b"%d" % at), "the open socket goes on"
        finally:
            done.set()
    counts = [each.result() for each in asked]
    assert min(counts) > 5 and sum(counts) > 100 and len(recorder.since(mark)) >= sum(counts[1:]), counts
    assert "the last good ones stay" not in place.gateway.log()


@pytest.mark.parametrize("broken", ["half", "empty", "no certificate", "another's key"])
def test_a_file_that_cannot_be_used_keeps_the_last_good_certificate(broken: str, place: Place) -> None:
    good, text = place.renewed("second"), place.cert.read_text()
    if broken == "another's key":
        replace(place.key, good.key.read_text())
    else:
        replace(place.cert, {"half": text[: len(text) // 2], "empty": "", "no certificate": "hello\n"}[broken])
    until("the warning", lambda: "the last good ones stay" in place.gateway.log())
    warning = next(line for line in place.gateway.log().splitlines() if "the last good ones stay" in line)
    assert ("key_file" if broken == "another's key" else str(place.cert)) in warning
    assert place.shown() == "first"
    said = place.gateway.run("check")
    assert said.returncode == 1 and ("tls.key_file" if broken == "another's key" else "tls.cert_file") in said.stdout
    assert "FAIL" in place.gateway.run("doctor").stdout
    # Nothing else changed, so there is nothing else to tell; looked at for longer than it takes to look.
    assert place.gateway.log().count("the last good ones stay") == 1
    assert 'lictor_tls_reload_failures_total 1' in _metrics(place)
    place.use(good)
    until("the repaired certificate is in use", lambda: place.shown() == "second")
    assert place.gateway.log().count("the last good ones stay") == 1


def _metrics(place: Place) -> str:
    connection = http.client.HTTPSConnection("localhost", place.gateway.port, context=place.context, timeout=10)
    connection.request("GET", "/lictor/metrics")
    return connection.getresponse().read().decode()


def test_the_expiry_is_in_the_metrics_and_in_doctor(place: Place) -> None:
    with place.connect() as connection:
        ends = ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"])
    assert f'lictor_tls_expires_at_seconds{{of="certificate"}} {int(ends)}' in _metrics(place)
    assert "tls certificate: expires in 1 days" in place.gateway.run("doctor").stdout


def test_sighup_reads_the_files_at_once_and_ends_nothing(place: Place) -> None:
    assert place.gateway.process
    before = place.gateway.log().count("the certificate files were read")
    os.kill(place.gateway.process.pid, signal.SIGHUP)
    until("they were read", lambda: place.gateway.log().count("the certificate files were read") > before)
    assert place.ask("/lictor/health").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_of_the_terms_before_are_not_resumed(version: ssl.TLSVersion, place: Place) -> None:
    context = ssl.create_default_context(cafile=str(place.ca.ca))
    context.minimum_version = context.maximum_version = version

    def session() -> ssl.SSLSession:
        with place.connect(context=context) as connection:
            # TLS 1.3 hands its tickets out after the handshake.
            connection.sendall(b"GET /lictor/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while connection.recv(4096):
                pass
            return connection.session

    with place.connect(session(), context) as resumed:
        assert resumed.session_reused
    old = session()
    place.use(place.renewed("second"))
    until("the new certificate is in use", lambda: place.shown() == "second")
    with place.connect(old, context) as fresh:
        assert not fresh.session_reused


def test_plain_http_is_redirected_and_nothing_forwarded(tmp_path: Path, recorder: Recorder) -> None:
    port = free_port()
    place = Place(tmp_path, recorder, tls=f'redirect_from = "127.0.0.1:{port}"', workspace='hosts = ["localhost"]')
    place.gateway.start()
    try:
        mark = recorder.mark()
        for method in ("GET", "POST", "DELETE"):
            said = plain.ask(port, method, "/api/flows/?a=%20b&c", headers={"Host": "localhost"}, body=b"{}" if method == "POST" else None)
            assert (said.status, said.headers["location"]) == (308, f"https://localhost:{place.gateway.port}/api/flows/?a=%20b&c")
            assert said.headers["strict-transport-security"] is None
        said = plain.ask(port, "GET", "/", headers={"Host": "evil.example"})
        assert (said.status, said.reason, said.headers["location"]) == (421, "unknown-host", None)
        for raw in (b"GET //evil.example HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost/@evil.example\r\n\r\n", b"GET /%0d%0aX:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            outcome = exchange(port, raw)
            assert outcome.statuses == [400] and "location" not in outcome.head.lower(), raw
        # One answer a connection: what was sent behind it is not read.
        assert exchange(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2).statuses == [308]
        assert recorder.since(mark) == []
    finally:
        place.gateway.stop()


@pytest.mark.parametrize(
    ("top", "tls", "expected"),
    [
        ('public_url = "https://localhost"', "", "max-age=31536000"),
        ("", "", None),
        ("", 'hsts = "30d"', "max-age=2592000"),
        ('public_url = "https://localhost"', 'hsts = "off"', None),
    ],
)
def test_browsers_are_told_to_insist_on_https(top: str, tls: str, expected: str | None, tmp_path: Path, recorder: Recorder) -> None:
    place = Place(tmp_path, recorder, top=top, tls=tls)
    place.gateway.start()
    try:
        for path in ("/lictor/health", "/api/health", "/api/flows/"):
            assert place.ask(path).headers["strict-transport-security"] == expected
    finally:
        place.gateway.stop()


def test_a_self_signed_certificate_is_nothing_to_insist_on(tmp_path: Path, recorder: Recorder) -> None:
    gateway = tls_gateway(tmp_path / "self", recorder.url, top='public_url = "https://localhost"').start()
    try:
        assert "strict-transport-security" not in curl(gateway, "/lictor/health")
    finally:
        gateway.stop()


def test_up_makes_a_certificate_that_clients_can_trust_and_keeps_it(tmp_path: Path, recorder: Recorder) -> None:
    gateway = Gateway(tmp_path / "up", "--tls", "--upstream", recorder.url)
    ca = gateway.data / "tls/ca.pem"

    def ask(host: str) -> int:
        connection = http.client.HTTPSConnection(host, gateway.port, context=ssl.create_default_context(cafile=str(ca)), timeout=5)
        connection.request("GET", "/lictor/ready")
        return connection.getresponse().status

    gateway._is_ready = lambda: ca.exists() and ask("localhost") == 200
    gateway.start()
    gateway.wait_until_up()
    assert f"export PREFECT_API_SSL_CERT_FILE={ca}" in gateway.out.read_text()
    assert f"PREFECT_API_URL=https://127.0.0.1:{gateway.port}/api" in gateway.out.read_text()
    assert ask("127.0.0.1") == 200
    for secret in ("key.pem", "ca-key.pem"):
        assert (gateway.data / "tls" / secret).stat().st_mode & 0o077 == 0
    before = {path.name: path.read_text() for path in ca.parent.iterdir()}
    gateway.stop()
    gateway.start()
    try:
        assert {path.name: path.read_text() for path in ca.parent.iterdir()} == before
        assert "tls certificate: valid for 89 days" in gateway.run("doctor").stdout
        # A lost certificate is made again; who trusts the CA does not notice.
        (ca.parent / "cert.pem").unlink()
        gateway.stop()
        gateway.start()
        assert ask("localhost") == 200 and ca.read_text() == before["ca.pem"]
    finally:
        gateway.stop()
