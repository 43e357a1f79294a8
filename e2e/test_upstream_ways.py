"""Is Prefect reached over TLS only where its certificate is right, and by a socket's file?"""

import json
import tempfile
from pathlib import Path

import pytest

from stage.front import Front
from stage.gateway import Gateway
from stage.pki import Authority
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.wait import free_port, until

FLOWS = "/api/flows/filter"


def gateway_before(folder: Path, upstream: str, more: str = "") -> Gateway:
    """A gateway by a configuration, not yet started."""
    folder.mkdir(parents=True, exist_ok=True)
    config, port = folder / "lictor.toml", free_port()
    config.write_text(f'listen = "127.0.0.1:{port}"\n[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{upstream}"\n{more}\n')
    return Gateway(folder, config=config, port=port)


def crosses(gateway: Gateway, recorder: Recorder) -> None:
    """Requests and sockets reach Prefect."""
    key, mark = gateway.newcomer("owner")[1], recorder.mark()
    for _ in range(3):
        assert gateway.ask("POST", FLOWS, key=key, body={"limit": 1}).status == 200
    socket = WebSocket(gateway.port, "/api/events/in")
    assert socket.authenticate(key)
    socket.send({"id": "x"})
    until("the frame at Prefect", lambda: any(payload == b'{"id": "x"}' for each in recorder.since(mark) for _, payload in each.frames))
    socket.close()
    assert [each.target for each in recorder.since(mark)] == [FLOWS, FLOWS, FLOWS, "/api/events/in"]


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    """Who vouches for the upstream."""
    return Authority(tmp_path / "ca")


def test_an_upstream_over_tls(tmp_path: Path, ca: Authority, recorder: Recorder) -> None:
    front = Front.with_tls(recorder.port, ca.issue("prefect", "DNS:localhost", usage="serverAuth"))
    gateway = gateway_before(tmp_path / "gateway", front.url, f'ca_file = "{ca.ca}"').start()
    try:
        crosses(gateway, recorder)
        assert front.connections >= 2, "one for requests, one for the socket"
        assert f"{front.url} is" in gateway.run("doctor").stdout
    finally:
        gateway.stop()
        front.close()


@pytest.mark.parametrize("wrong", ["for another name", "of another CA", "expired", "plain HTTP"])
def test_an_upstream_that_is_not_who_it_should_be_is_sent_nothing(wrong: str, tmp_path: Path, ca: Authority, recorder: Recorder) -> None:
    issuer = Authority(tmp_path / "other", "another CA") if wrong == "of another CA" else ca
    dates = {"start": "20200101000000Z", "end": "20200102000000Z"} if wrong == "expired" else {}
    leaf = issuer.issue("prefect", "DNS:other.example" if wrong == "for another name" else "DNS:localhost", usage="serverAuth", **dates)
    front = Front.with_tls(recorder.port, leaf)
    url = recorder.url.replace("http:", "https:") if wrong == "plain HTTP" else front.url
    gateway = gateway_before(tmp_path / "gateway", url, f'ca_file = "{ca.ca}"').start()
    try:
        key, mark = gateway.newcomer("owner")[1], recorder.mark()
        answer = gateway.ask("POST", FLOWS, key=key, body={})
        assert (answer.status, answer.reason) == (503, "upstream-unavailable")
        assert all(FLOWS not in each.text() for each in recorder.since(mark))
        assert "FAIL  upstream main" in gateway.run("doctor").stdout
    finally:
        gateway.stop()
        front.close()


def test_an_upstream_that_wants_a_certificate_gets_ours(tmp_path: Path, ca: Authority, recorder: Recorder) -> None:
    front = Front.with_tls(recorder.port, ca.issue("prefect", "DNS:localhost", usage="serverAuth"), clients=ca)
    ours = ca.issue("lictor")
    keys = f'ca_file = "{ca.ca}"\nclient_cert_file = "{ours.cert}"\nclient_key_file = "{ours.key}"'
    gateway, without = gateway_before(tmp_path / "with", front.url, keys).start(), gateway_before(tmp_path / "without", front.url, f'ca_file = "{ca.ca}"').start()
    try:
        crosses(gateway, recorder)
        assert without.ask("POST", FLOWS, key=without.newcomer("owner")[1], body={}).status == 503
    finally:
        for each in (gateway, without):
            each.stop()
        front.close()


def test_an_upstream_at_a_sockets_file(recorder: Recorder) -> None:
    # Its path must be short.
    folder = Path(tempfile.mkdtemp(prefix="l-"))
    front = Front.at_file(recorder.port, folder / "prefect.sock")
    gateway = gateway_before(folder / "gateway", front.url).start()
    try:
        crosses(gateway, recorder)
        assert f"{front.url} is" in gateway.run("doctor").stdout
    finally:
        gateway.stop()
        front.close()


@pytest.mark.parametrize(
    ("upstream", "more", "key"),
    [
        ("http://127.0.0.1:1", 'ca_file = "/dev/null"', "workspaces.main.upstream"),
        ("https://127.0.0.1:1", 'ca_file = "/dev/null"', "workspaces.main.upstream"),
        ("https://127.0.0.1:1", 'client_cert_file = "/dev/null"', "workspaces.main.client_key_file"),
        ("https://127.0.0.1:1", 'ca_file = "/no/such"', "workspaces.main.ca_file"),
        ("unix:prefect.sock", "", "workspaces.main.upstream"),
        ("https://127.0.0.1:1/api", "", "workspaces.main.upstream"),
    ],
)
def test_check_names_the_key_that_is_wrong(upstream: str, more: str, key: str, tmp_path: Path) -> None:
    gateway = gateway_before(tmp_path / "gateway", upstream, more)
    assert [each["key"] for each in json.loads(gateway.run("check", "--json").stdout)["problems"]] == [key]
