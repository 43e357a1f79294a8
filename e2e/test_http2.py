"""Does HTTP/2 carry what HTTP/1.1 does, over TLS and on the same port?"""

from pathlib import Path

import pytest

from stage.gateway import PASSWORD, Gateway
from stage.recorder import Recorder
from stage.tls import curl, tls_gateway
from stage.wait import until


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway with TLS in front of the recording upstream."""
    gateway = tls_gateway(tmp_path_factory.mktemp("tls"), recorder.url).start()
    yield gateway
    gateway.stop()


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


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
@pytest.mark.parametrize(("role", "megabytes", "status"), [("developer", 9, 413), ("viewer", 1, 403), (None, 7, 403)])
def test_a_refusal_arrives_though_the_body_is_still_being_sent(role: str | None, megabytes: int, status: int, option: str, tls: Gateway, recorder: Recorder, tmp_path: Path) -> None:
    key = tls.newcomer(role)[1]
    large = tmp_path / "large"
    large.write_bytes(b"[" + b" " * (megabytes << 20) + b"]")
    mark, answer = recorder.mark(), tmp_path / "answer"
    # Without `Expect: 100-continue` curl sends at once, as Prefect's client does.
    said = curl(tls, option, "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json", "-H", "Expect:", "--data-binary", f"@{large}", "/api/logs/", body=answer)
    assert said.splitlines()[-1].endswith(f" {status}"), said
    assert b'"reason"' in answer.read_bytes()
    assert recorder.since(mark) == []


def test_a_session_over_tls_is_bound_to_the_host_and_to_tls(tls: Gateway) -> None:
    form = ["-H", "Sec-Fetch-Site: same-origin", "--data-urlencode", "name=root", "--data-urlencode", f"password={PASSWORD}", "-d", "next=/"]
    said = until("signed in", lambda: curl(tls, "--http2", *form, "/lictor/sign-in"))
    (cookie,) = [line for line in said.splitlines() if line.lower().startswith("set-cookie:")]
    assert cookie.split(":", 1)[1].strip().startswith("__Host-lictor=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
