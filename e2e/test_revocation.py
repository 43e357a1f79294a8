"""Does what was taken away stop working within a second, on HTTP and on sockets that are open?"""

import pytest

from stage.gateway import Gateway
from stage.steps_sockets import opens
from stage.wait import PROMISE, until

# A second is the promise; the rest is the command's own start and this machine's slowness.


def works(gateway: Gateway, key: str) -> bool:
    """Whether a key is still good for a read."""
    return gateway.ask("POST", "/api/flows/filter", key=key, body={}).status == 200


def ways(gateway: Gateway, name: str, key: str) -> dict[str, tuple[str, ...]]:
    """Everything that takes access away."""
    listed = gateway.cli_json("key", "list", "--for", name)
    return {
        "a revoked key": ("key", "revoke", str(listed[0]["id"])),
        "a disabled account": ("service-account", "disable", name),
        "a removed account": ("service-account", "remove", name),
        "a removed grant": ("grant", "remove", name, "--role", "viewer"),
    }


@pytest.mark.smoke
@pytest.mark.parametrize("way", ["a revoked key", "a disabled account", "a removed account", "a removed grant"])
def test_what_is_taken_away_stops_within_a_second(way: str, own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer("viewer")
    bystander = own_gateway.newcomer("viewer")[1]
    assert works(own_gateway, key)
    sockets = [opens(own_gateway.port, key, path) for path in ("/api/events/out", "/api/logs/out")]
    other = opens(own_gateway.port, bystander)
    own_gateway.cli(*ways(own_gateway, name, key)[way])
    until(f"{way} refuses HTTP", lambda: not works(own_gateway, key), PROMISE)
    for socket in sockets:
        assert socket.until_closed(PROMISE) == 1008, f"{socket.close_code} {socket.close_reason}"
    assert works(own_gateway, bystander)
    other.send({"type": "filter", "filter": {}})
    assert other.receive(0.3) is None and other.close_code is None, "the socket of another was closed too"


def test_a_disabled_user_is_let_in_again_when_enabled(own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer("viewer")
    own_gateway.cli("service-account", "disable", name)
    until("disabled", lambda: own_gateway.ask("POST", "/api/flows/filter", key=key, body={}).status == 401, PROMISE)
    own_gateway.cli("service-account", "enable", name)
    until("enabled", lambda: works(own_gateway, key), PROMISE)


def test_a_removed_grant_is_403_and_a_revoked_key_is_401(own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer("viewer")
    own_gateway.cli("grant", "remove", name, "--role", "viewer")
    until("403", lambda: own_gateway.ask("POST", "/api/flows/filter", key=key, body={}).reason == "not-a-member", PROMISE)
    own_gateway.cli("key", "revoke", str(own_gateway.cli_json("key", "list", "--for", name)[0]["id"]))
    until("401", lambda: own_gateway.ask("POST", "/api/flows/filter", key=key, body={}).reason == "revoked-key", PROMISE)
