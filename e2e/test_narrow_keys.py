"""Does a key do what it was made for, and no more than its owner?"""

import pytest

from stage import http
from stage.gateway import CommandFailed, Gateway
from stage.recorder import Recorder
from stage.steps_sockets import opens
from stage.wait import until


def narrow(gateway: Gateway, role: str, *limits: str) -> str:
    """A narrow key of somebody with a role."""
    name, _ = gateway.newcomer(role)
    return gateway.key(name, *limits)


def reason(gateway: Gateway, key: str, method: str, path: str, body=None) -> str | None:
    """Why it was refused; nothing when it was not."""
    return gateway.ask(method, path, key=key, body={} if body is None and method != "GET" else body).reason


def test_a_read_only_key_reads_and_listens(recorded: Gateway, recorder: Recorder) -> None:
    key = narrow(recorded, "owner", "--read-only")
    assert reason(recorded, key, "POST", "/api/flow_runs/filter") is None
    opens(recorded.port, key, "/api/events/out").close()
    mark = recorder.mark()
    for method, path in (("POST", "/api/flows/"), ("POST", "/api/work_queues/"), ("POST", "/api/work_pools/p/get_scheduled_flow_runs"), ("POST", "/api/logs/"), ("PUT", "/api/admin/storage")):
        assert reason(recorded, key, method, path) == "key-too-narrow", path
    assert recorder.since(mark) == []


def test_a_key_of_one_permission_has_that_one(recorded: Gateway) -> None:
    key = narrow(recorded, "developer", "--permission", "see_flows", "--permission", "write_workspace_settings")
    assert reason(recorded, key, "POST", "/api/flows/filter") is None
    refused = recorded.ask("POST", "/api/flows/", key=key, body={"name": "x"})
    assert refused.reason == "key-too-narrow" and "run_flows" in refused.json()["detail"]
    # What its owner may not, it may not either.
    assert reason(recorded, key, "PUT", "/api/admin/storage") == "permission-denied"


def test_a_workers_key_that_is_bound_to_a_pool_serves_no_other(recorded: Gateway, recorder: Recorder) -> None:
    key = narrow(recorded, "worker", "--work-pool", "etl")
    assert reason(recorded, key, "POST", "/api/work_pools/etl/get_scheduled_flow_runs") is None
    opens(recorded.port, key, "/api/work_pools/etl/workers/connect").close()
    mark = recorder.mark()
    for path in ("/api/work_pools/other/get_scheduled_flow_runs", "/api/work_pools/other/workers/heartbeat", "/api/work_queues/q/get_runs"):
        assert reason(recorded, key, "POST", path) == "key-too-narrow", path
    with pytest.raises(AssertionError, match="1008 authorization_failed"):
        opens(recorded.port, key, "/api/work_pools/other/workers/connect")
    assert recorder.since(mark) == []


def test_a_key_is_good_in_its_networks_alone(recorded: Gateway, recorder: Recorder) -> None:
    away, here = narrow(recorded, "viewer", "--network", "192.0.2.0/24"), narrow(recorded, "viewer", "--network", "127.0.0.1")
    mark = recorder.mark()
    assert reason(recorded, away, "POST", "/api/flows/filter") == "key-from-elsewhere"
    with pytest.raises(AssertionError, match="1008 key-from-elsewhere"):
        opens(recorded.port, away)
    assert recorder.since(mark) == []
    assert reason(recorded, here, "POST", "/api/flows/filter") is None


def test_a_key_of_another_workspace_is_refused_and_one_of_none_is_not_made(recorded: Gateway) -> None:
    name, _ = recorded.newcomer("viewer")
    with pytest.raises(CommandFailed, match='no workspace "elsewhere"'):
        recorded.key(name, "--workspace", "elsewhere")
    assert reason(recorded, recorded.key(name, "--workspace", "default"), "POST", "/api/flows/filter") is None
    for wrong in (("--network", "10.0.0.0/99"), ("--permission", "see_everything")):
        with pytest.raises(CommandFailed):
            recorded.key(name, *wrong)


def test_a_narrow_key_manages_nothing_of_its_owners(recorded: Gateway) -> None:
    name = recorded.add_user("narrow-owner", "owner")
    key = recorded.key(name, "--read-only")
    assert http.ask(recorded.port, "GET", "/lictor/account", headers=http.bearer(key)).reason == "key-too-narrow"


def test_lists_and_can_tell_of_the_limits(recorded: Gateway) -> None:
    name, _ = recorded.newcomer("developer")
    recorded.key(name, "--read-only", "--work-pool", "etl", "--network", "10.1.2.3/8")
    made = until("the key", lambda: [key for key in recorded.cli_json("key", "list", "--for", name) if key["limits"]])[0]
    assert made["limits"] == {"read_only": True, "work_pools": ["etl"], "networks": ["10.0.0.0/8"]}
    assert "read-only, pool etl, 10.0.0.0/8" in recorded.cli("key", "list", "--for", name)
    assert recorded.run("can", name, "POST", "/api/flows/").returncode == 0
    refused = recorded.run("can", name, "POST", "/api/flows/", "--key", made["id"])
    assert refused.returncode == 3 and "key-too-narrow" in refused.stdout
