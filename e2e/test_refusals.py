"""Does a refused request reach nothing? Every operation of the table, as a role that lacks what it needs, and as nobody."""

import json
import re
import subprocess
import uuid

import pytest

from stage.gateway import Gateway, binary
from stage.raw import WebSocket
from stage.recorder import Recorder

ROLES = ("viewer", "runner", "developer", "worker")


def operations() -> list[dict]:
    """The table."""
    shown = subprocess.run([binary(), "operation", "list", "--json"], capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)


def path_of(row: dict) -> str:
    """A path that matches a row."""
    return "/api" + re.sub(r"\{[^}]*\}", lambda _: str(uuid.UUID(int=7)), row["template"])


def body_of(row: dict) -> dict | None:
    """A body that asks for nothing that the row's own permission does not cover."""
    if "/bulk_" in row["template"]:
        return {kind: {"id": {"any_": [str(uuid.UUID(int=7))]}} for kind in ("flow_runs", "flows", "deployments")}
    return {} if row["verb"] in ("POST", "PUT", "PATCH") else None


def suffices(row: dict, held: set[str]) -> bool:
    """Whether these permissions are enough for a row: `a, b` needs both, `a or b` either."""
    if " or " in row["needs"]:
        return bool(held & set(row["needs"].split(" or ")))
    return row["needs"] != "nobody" and set(re.findall(r"[a-z]+_[a-z_]+", row["needs"])) <= held


def refused(gateway: Gateway, row: dict, key: str | None) -> tuple[int, str]:
    """Sends a row's request; answers the status (or the close code) and the reason."""
    if row["verb"] != "SOCKET":
        answer = gateway.ask(row["verb"], path_of(row), key=key, body=body_of(row))
        return answer.status, answer.reason or ""
    socket = WebSocket(gateway.port, path_of(row))
    socket.send({"type": "auth", "token": key})
    socket.until_closed(5)
    socket.close()
    return socket.close_code or 0, socket.close_reason


@pytest.fixture(scope="module")
def keys(recorded: Gateway) -> dict[str, str]:
    """A key for each role."""
    return {role: recorded.newcomer(role)[1] for role in ROLES}


@pytest.fixture(scope="module")
def roles(recorded: Gateway) -> dict[str, set[str]]:
    """What each role may, as the command line shows it."""
    return {role["name"]: set(role["permissions"]) for role in recorded.cli_json("role", "list")}


@pytest.mark.smoke
def test_nobody_reaches_anything_but_what_is_public(recorded: Gateway, recorder: Recorder) -> None:
    mark, wrong = recorder.mark(), []
    for row in operations():
        if row["needs"] == "public":
            continue
        status, reason = refused(recorded, row, None)
        if status not in (401, 1008):
            wrong.append((row["operation"], status, reason))
    assert wrong == []
    assert [each.target for each in recorder.since(mark)] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_lacks_the_permission_reaches_nothing(role: str, recorded: Gateway, recorder: Recorder, keys, roles) -> None:
    mark, wrong, tried = recorder.mark(), [], 0
    for row in operations():
        if suffices(row, roles[role]) or row["needs"] == "public":
            continue
        tried += 1
        status, reason = refused(recorded, row, keys[role])
        if status not in (403, 1008):
            wrong.append((row["operation"], row["needs"], status, reason))
    assert tried >= 5, "a role that may everything proves nothing"
    assert wrong == []
    assert [each.target for each in recorder.since(mark)] == []


@pytest.mark.parametrize("role", ["owner", *ROLES])
def test_a_role_that_has_the_permission_is_let_through(role: str, recorded: Gateway, recorder: Recorder, keys, roles) -> None:
    key = keys.get(role) or recorded.newcomer(role)[1]
    wrong = []
    for row in operations():
        if row["verb"] == "SOCKET" or not suffices(row, roles[role]):
            continue
        mark = recorder.mark()
        status, reason = refused(recorded, row, key)
        if row["operation"] == "GET /events/filter/next":
            # It asks with a token that only a page before it can have given.
            assert (status, reason, recorder.since(mark)) == (400, "unknown-page-token", [])
        # What an automation does is read before it is enabled.
        elif status != 200 or len(recorder.since(mark)) != (2 if row["operation"] == "PATCH /automations/{id}" else 1):
            wrong.append((row["operation"], status, reason))
    assert wrong == []


def test_what_reaches_prefect_carries_lictors_credential_and_not_the_callers(recorded: Gateway, recorder: Recorder, keys) -> None:
    mark = recorder.mark()
    headers = {"Cookie": "lictor=x; prefect_ui_version=v2", "Prefect-Automation-ID": "x", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil"}
    headers["Cookie"] = "prefect_ui_version=v2"
    assert recorded.ask("POST", "/api/flows/filter", key=keys["viewer"], body={}, headers=headers).status == 200
    (seen,) = recorder.since(mark)
    assert (seen.header("authorization") or "").startswith("Basic ")
    assert keys["viewer"] not in seen.text() and "6.6.6.6" not in seen.text() and "evil" not in seen.text()
    assert seen.header("prefect-automation-id") is None
    assert seen.header("cookie") == "prefect_ui_version=v2"
    assert seen.header("host") == f"127.0.0.1:{recorded.port}"


def test_a_foreign_api_path_or_upgrade_is_unknown(recorded: Gateway, recorder: Recorder, keys) -> None:
    mark = recorder.mark()
    assert recorded.ask("GET", "/api/nothing/of/that/name", key=keys["developer"]).reason == "unknown-operation"
    socket = WebSocket(recorded.port, "/api/flows/filter", headers={"Authorization": f"Bearer {keys['developer']}"})
    assert socket.status == 403, socket.status
    assert recorder.since(mark) == []
