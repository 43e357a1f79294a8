"""Do bodies stream, within their limits, and is a request repeated only when it certainly never left?"""

import concurrent.futures
import json
import socket
import uuid
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest

from stage import http
from stage.gateway import Gateway
from stage.prefect import Server
from stage.raw import exchange
from stage.recorder import Recorder
from stage.scripted import Exchange, Scripted
from stage.tls import curl, tls_gateway
from stage.wait import until

MIB = 1 << 20


@pytest.fixture
def scripted(tmp_path: Path):
    """An upstream in the test's hand, and a gateway in front of it that logs in JSON."""
    upstream = Scripted()
    gateway = Gateway(tmp_path / "scripted", config=tmp_path / "scripted" / "lictor.toml")
    assert gateway.config
    gateway.config.write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n[log]\nformat = "json"\n[store]\nurl = "sqlite://{gateway.folder}/lictor.db"\n[workspaces.main]\nupstream = "{upstream.url}"\n'
    )
    gateway.start()
    yield upstream, gateway
    gateway.stop()
    upstream.close()


@pytest.fixture
def aside():
    """Does things at the same time."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield pool


# --- limits ---


def test_a_body_of_eight_mebibytes_passes_and_a_larger_one_does_not(recorded: Gateway, recorder: Recorder) -> None:
    key = recorded.newcomer("developer")[1]
    mark = recorder.mark()
    whole = b"[" + b" " * (8 * MIB - 2) + b"]"
    assert recorded.ask("POST", "/api/logs/", key=key, body=whole, headers={"Content-Type": "application/json"}).status == 200
    assert [len(each.body) for each in recorder.since(mark)] == [8 * MIB]
    refused = recorded.ask("POST", "/api/logs/", key=key, body=whole + b" ", headers={"Content-Type": "application/json"})
    assert (refused.status, refused.reason) == (413, "body-too-large")
    assert "limits.body_bytes" in refused.json()["detail"]
    assert len(recorder.since(mark)) == 1


def test_a_chunked_body_that_grows_too_large_is_never_whole_at_prefect(recorded: Gateway, recorder: Recorder) -> None:
    key = recorded.newcomer("developer")[1]
    mark = recorder.mark()
    chunk = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    head = f"POST /api/logs/ HTTP/1.1\r\nHost: 127.0.0.1:{recorded.port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    outcome = exchange(recorded.port, head.encode() + chunk * 9 + b"0\r\n\r\n", timeout=10)
    assert outcome.statuses == [413], outcome.words()
    assert [each.body for each in recorder.since(mark)] == [b""], "the recorder keeps only bodies that were whole"


def test_headers_beyond_64_kib_are_431(recorded: Gateway, recorder: Recorder) -> None:
    mark = recorder.mark()
    outcome = exchange(recorded.port, f"GET /api/flows/ HTTP/1.1\r\nHost: 127.0.0.1:{recorded.port}\r\nX-Long: {'x' * 70_000}\r\n\r\n".encode())
    assert outcome.statuses == [431] and recorder.since(mark) == [], outcome.words()


# --- streaming ---


def test_a_request_body_streams_to_prefect_while_it_is_sent(scripted: tuple[Scripted, Gateway]) -> None:
    upstream, gateway = scripted
    key = gateway.newcomer("developer")[1]
    head = f"POST /api/logs/ HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nAuthorization: Bearer {key}\r\nContent-Length: 8\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(head.encode() + b"[1, ")
        seen = upstream.next()
        assert seen.read(4) == b"[1, ", "the first half arrives before the second is sent"
        client.sendall(b" 2 ]")
        assert seen.read(4) == b" 2 ]"
        seen.answer()
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_answer_streams_to_the_client_while_prefect_writes_it(scripted: tuple[Scripted, Gateway], aside) -> None:
    upstream, gateway = scripted
    key = gateway.newcomer("viewer")[1]
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", f"/api/flow_runs/{uuid.uuid4()}/logs/download", headers=http.bearer(key))
    seen = upstream.next()
    seen.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
    response = connection.getresponse()
    assert response.read1() == b"first\n", "the first line arrives before the second is written"
    seen.send(b"7\r\nsecond\n\r\n0\r\n\r\n")
    assert response.read() == b"second\n"


def test_an_answer_that_breaks_off_is_not_passed_on_as_whole(scripted: tuple[Scripted, Gateway]) -> None:
    upstream, gateway = scripted
    key = gateway.newcomer("viewer")[1]
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", f"/api/flow_runs/{uuid.uuid4()}/logs/download", headers=http.bearer(key))
    seen = upstream.next()
    seen.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
    response = connection.getresponse()
    seen.close()
    with pytest.raises(IncompleteRead):
        response.read()


# --- connections to Prefect ---


def test_a_connection_is_used_again_and_one_that_prefect_closed_costs_nobody_a_request(scripted: tuple[Scripted, Gateway], aside) -> None:
    upstream, gateway = scripted
    key = gateway.newcomer("developer")[1]

    # One connection of the client's stays with one data thread, and so with one pool.
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=10)

    def write() -> int:
        connection.request("POST", "/api/variables/", body=b'{"name": "a", "value": 1}', headers={**http.bearer(key), "Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status

    def carry_out(seen: Exchange) -> Exchange:
        assert seen.read(int(seen.headers["content-length"])) == b'{"name": "a", "value": 1}'
        seen.answer()
        return seen

    first = aside.submit(write)
    seen = carry_out(upstream.next())
    assert first.result(10) == 200
    second = aside.submit(write)
    seen = carry_out(seen.again())
    assert second.result(10) == 200
    # As uvicorn does with a connection that was idle for long: without a word.
    seen.close()
    third = aside.submit(write)
    carry_out(upstream.next())
    assert third.result(10) == 200


def test_a_change_that_may_have_been_carried_out_is_not_sent_again(scripted: tuple[Scripted, Gateway], aside) -> None:
    upstream, gateway = scripted
    key = gateway.newcomer("developer")[1]
    pending = aside.submit(gateway.ask, "POST", "/api/variables/", key=key, body={"name": "a", "value": 1})
    seen = upstream.next()
    seen.read(int(seen.headers["content-length"]))
    seen.close()
    answer = pending.result(10)
    assert (answer.status, answer.reason) == (503, "upstream-unavailable")
    with pytest.raises(TimeoutError):
        upstream.next(0.5)


def test_prefects_words_in_an_error_reach_the_client_and_its_address_does_not(scripted: tuple[Scripted, Gateway], aside) -> None:
    upstream, gateway = scripted
    key = gateway.newcomer("viewer")[1]
    pending = aside.submit(gateway.ask, "GET", f"/api/flows/{uuid.uuid4()}", key=key)
    upstream.next().send(
        f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {upstream.url}/api/flows/?a=1\r\nServer: uvicorn\r\nSet-Cookie: a=b\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n".encode()
    )
    answer = pending.result(10)
    assert (answer.status, answer.headers["location"]) == (307, "/api/flows/?a=1")
    assert str(upstream.port) not in str(answer.headers)
    assert answer.headers["access-control-allow-origin"] is None and answer.headers["server"] is None


# --- what is told of it ---


def test_every_request_has_one_json_line_with_the_credentials_id_and_never_the_credential(scripted: tuple[Scripted, Gateway], aside) -> None:
    upstream, gateway = scripted
    name, key = gateway.newcomer("viewer")
    (made,) = gateway.cli_json("key", "list", "--for", name)
    pending = aside.submit(gateway.ask, "POST", "/api/flows/filter?limit=secret-query", key=key, body={}, headers={"User-Agent": 'a "client"'})
    upstream.next().answer()
    allowed = pending.result(10)
    refused = gateway.ask("DELETE", f"/api/flows/{uuid.uuid4()}", key=key)

    def lines() -> dict[str, dict]:
        parsed = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
        return {line["request"]: line for line in parsed if "request" in line}

    of = until("both lines", lambda: (seen := lines()).keys() >= {allowed.headers["x-request-id"], refused.headers["x-request-id"]} and seen)
    line = of[allowed.headers["x-request-id"]]
    assert (line["principal"], line["scheme"], line["credential"]) == (name, "key", made["id"])
    assert (line["method"], line["path"], line["operation"], line["status"], line["reason"]) == ("POST", "/api/flows/filter", "POST /flows/filter", 200, "-")
    assert line["user_agent"] == 'a "client"' and line["client_ip"] == "127.0.0.1" and line["micros"] > 0
    line = of[refused.headers["x-request-id"]]
    assert (line["status"], line["reason"], line["operation"]) == (403, "permission-denied", "DELETE /flows/{id}")
    assert key not in gateway.log() and "secret-query" not in gateway.log()


def test_the_next_page_of_events_leads_to_the_public_address(server: Server, tmp_path: Path) -> None:
    (tmp_path / "auth").write_text(server.auth or "")
    gateway = tls_gateway(tmp_path / "tls", server.url, workspace=f'auth_string_file = "{tmp_path}/auth"').start()
    try:
        key = gateway.newcomer("owner")[1]
        as_owner = ["--http2", "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]
        resource = f"lictor.test.{uuid.uuid4()}"
        events = [{"id": str(uuid.uuid4()), "occurred": "2026-01-01T00:00:00Z", "event": "test.page", "resource": {"prefect.resource.id": resource}} for _ in range(3)]
        assert curl(gateway, *as_owner, "-d", json.dumps(events), "/api/events").endswith(" 204")
        wanted = {"filter": {"occurred": {"since": "2025-12-31T00:00:00Z", "until": "2026-01-02T00:00:00Z"}, "resource": {"id": [resource]}}, "limit": 2}
        body = tmp_path / "page.json"

        def page() -> dict:
            assert curl(gateway, *as_owner, "-d", json.dumps(wanted), "/api/events/filter", body=body).endswith(" 200")
            return json.loads(body.read_text())

        first = until("all three events", lambda: (seen := page())["total"] == 3 and seen, 30, every=0.3)
        ours = f"https://localhost:{gateway.port}"
        assert first["next_page"].startswith(f"{ours}/api/events/filter/next?page-token=")
        assert curl(gateway, *as_owner, first["next_page"].removeprefix(ours), body=body).endswith(" 200")
        assert len(json.loads(body.read_text())["events"]) == 1
    finally:
        gateway.stop()
