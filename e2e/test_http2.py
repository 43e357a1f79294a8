"""Does HTTP/2 carry what HTTP/1.1 does, over TLS and on the same port?"""

import subprocess

import pytest

from stage.gateway import PASSWORD, Gateway
from stage.recorder import Recorder
from stage.wait import until


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway with a certificate of its own making, in front of the recording upstream."""
    folder = tmp_path_factory.mktemp("tls")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(make, check=True, capture_output=True)
    config = folder / "lictor.toml"
    gateway = Gateway(folder, config=config)
    config.write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n[tls]\ncert_file = "cert.pem"\nkey_file = "key.pem"\n'
        f'[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n'
    )
    gateway.add_user("root", "owner")
    gateway._is_ready = lambda: curl(gateway, "--http1.1", "/lictor/ready").endswith("200")  # its own probe speaks plain HTTP
    gateway.start()
    yield gateway
    gateway.stop()


def curl(gateway: Gateway, *arguments: str) -> str:
    """The answer's headers, then its HTTP version and status on the last line."""
    *options, path = arguments
    command = ["curl", "--silent", "--max-time", "10", "--cacert", str(gateway.folder / "cert.pem"), "--dump-header", "-", "--output", "/dev/null", "--write-out", "%{http_version} %{http_code}", *options]
    return subprocess.run([*command, f"https://localhost:{gateway.port}{path}"], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(("option", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_both_versions_are_spoken_on_one_port(option: str, version: str, tls: Gateway, recorder: Recorder) -> None:
    key = tls.newcomer("viewer")[1]
    mark = recorder.mark()
    said = curl(tls, option, "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json", "-d", '{"limit": 1}', "/api/flows/filter")
    assert said.splitlines()[-1] == f"{version} 200"
    (seen,) = recorder.since(mark)
    assert (seen.method, seen.target, seen.body) == ("POST", "/api/flows/filter", b'{"limit": 1}')
    assert (seen.header("x-forwarded-proto"), seen.header("host")) == ("https", f"localhost:{tls.port}")


def test_a_refusal_over_http2_reaches_nothing(tls: Gateway, recorder: Recorder) -> None:
    key = tls.newcomer("viewer")[1]
    mark = recorder.mark()
    for options in (["-X", "DELETE"], ["-H", "Host: evil.example"]):
        said = curl(tls, "--http2", "-H", f"Authorization: Bearer {key}", *options, "/api/flows/00000000-0000-4000-8000-000000000007")
        assert not said.endswith("200"), (options, said)
    assert [each for each in recorder.since(mark) if each.method == "DELETE" or "evil" in each.text()] == []


def test_a_session_over_tls_is_bound_to_the_host_and_to_tls(tls: Gateway) -> None:
    form = ["-H", "Sec-Fetch-Site: same-origin", "--data-urlencode", "name=root", "--data-urlencode", f"password={PASSWORD}", "-d", "next=/"]
    said = until("signed in", lambda: curl(tls, "--http2", *form, "/lictor/sign-in"))
    (cookie,) = [line for line in said.splitlines() if line.lower().startswith("set-cookie:")]
    assert cookie.split(":", 1)[1].strip().startswith("__Host-lictor=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
