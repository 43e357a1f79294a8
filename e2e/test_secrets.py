"""Who may read the secrets of blocks? Every spelling of the flag, on a recording upstream and on a real Prefect Server."""

import json
import uuid

import pytest

from stage.gateway import Gateway
from stage.recorder import Recorder

BLOCK = "/api/block_documents/00000000-0000-4000-8000-000000000007"
QUERIES = ["include_secrets=true", "include_secrets=1", "include_secrets=YES", "include%5fsecrets=%74rue", "include_secrets=false&include_secrets=on"]
BODIES = ['{"include_secrets": true}', '{"include\\u005fsecrets": 1}', '{"limit": 3, "include_secrets": "yes"}']


@pytest.fixture(scope="module")
def keys(recorded: Gateway) -> dict[str, str]:
    """A key of each role that matters here."""
    return {role: recorded.newcomer(role)[1] for role in ("viewer", "developer")}


@pytest.mark.parametrize("query", QUERIES)
def test_the_flag_in_a_query_reaches_prefect_only_for_those_who_may_and_in_our_spelling(query: str, recorded: Gateway, recorder: Recorder, keys: dict[str, str]) -> None:
    for role, forwarded in (("viewer", f"{BLOCK}?name=a"), ("developer", f"{BLOCK}?name=a&include_secrets=true")):
        mark = recorder.mark()
        assert recorded.ask("GET", f"{BLOCK}?name=a&{query}", key=keys[role]).status == 200
        assert [each.target for each in recorder.since(mark)] == [forwarded]


@pytest.mark.parametrize("body", BODIES)
def test_the_flag_in_a_body_reaches_prefect_only_for_those_who_may_and_in_our_spelling(body: str, recorded: Gateway, recorder: Recorder, keys: dict[str, str]) -> None:
    for role, expected in (("viewer", None), ("developer", True)):
        mark = recorder.mark()
        headers = {"Content-Type": "application/json"}
        assert recorded.ask("POST", "/api/block_documents/filter", key=keys[role], body=body.encode(), headers=headers).status == 200
        (seen,) = recorder.since(mark)
        sent = json.loads(seen.body)
        assert sent.get("include_secrets") is expected
        assert sent.get("limit") == json.loads(body).get("limit")


@pytest.mark.parametrize("body", ['{"include_secrets": false, "include_secrets": true}', "[]", "{", '{"a": 18446744073709551616}', '{"a": NaN}', "﻿{}"])
def test_a_body_that_reads_in_two_ways_is_refused_and_reaches_nothing(body: str, recorded: Gateway, recorder: Recorder, keys: dict[str, str]) -> None:
    mark = recorder.mark()
    headers = {"Content-Type": "application/json"}
    answer = recorded.ask("POST", "/api/block_documents/filter", key=keys["developer"], body=body.encode(), headers=headers)
    assert (answer.status, answer.reason) == (400, "malformed-body")
    assert recorder.since(mark) == []


def test_a_real_secret_is_masked_for_a_viewer_and_its_reveal_is_on_record(gateway: Gateway, owner: str) -> None:
    kind = gateway.ask("GET", "/api/block_types/slug/secret", key=owner).json()["id"]
    schemas = gateway.ask("POST", "/api/block_schemas/filter", key=owner, body={"block_schemas": {"block_type_id": {"any_": [kind]}}}).json()
    block = {"name": f"s-{uuid.uuid4().hex[:6]}", "data": {"value": "the very secret"}, "block_type_id": kind, "block_schema_id": schemas[0]["id"]}
    made = gateway.ask("POST", "/api/block_documents/", key=owner, body=block).json()["id"]
    path = f"/api/block_documents/{made}?include_secrets=true"
    _, viewer = gateway.newcomer("viewer")
    name, developer = gateway.newcomer("developer")
    assert b"the very secret" not in gateway.ask("GET", path, key=viewer).body
    assert b"the very secret" in gateway.ask("GET", path, key=developer).body
    events = gateway.cli_json("audit", "list", "--actor", name)
    assert [event["operation"] for event in events] == ["GET /block_documents/{id}"]
