"""May the members of a team what the team may, exactly as long as they are in it, and is it said why?"""

import uuid

import pytest

from stage.gateway import CommandFailed, Gateway
from stage.recorder import Recorder
from stage.steps_sockets import opens
from stage.wait import PROMISE, until

# A second is the promise; the rest is the command's own start and this machine's slowness.
READ = ("POST", "/api/flows/filter")
FLOW = ("POST", "/api/flows/")
DEPLOYMENT = "7e5c0b9e-7d1c-4c6b-8f0e-3f0d6f0a9d11"
RUN = ("POST", f"/api/deployments/{DEPLOYMENT}/create_flow_run")


def reason(gateway: Gateway, key: str, request: tuple[str, str]) -> str | None:
    """Why it was refused; nothing when it was not."""
    return gateway.ask(*request, key=key, body={}).reason


def team(gateway: Gateway, *roles: str, members: tuple[str, ...] = ()) -> str:
    """A team that no other test knows."""
    name = f"team-{uuid.uuid4().hex[:8]}"
    gateway.cli("team", "add", name)
    if members:
        gateway.cli("team", "add-member", name, *members)
    for role in roles:
        gateway.cli("grant", "add", "--team", name, "--role", role)
    return name


@pytest.mark.smoke
def test_a_member_may_what_the_team_may_and_others_may_not(own_gateway: Gateway, recorder: Recorder) -> None:
    machine, machines_key = own_gateway.newcomer(None)
    person = own_gateway.add_user("alice")
    persons_key = own_gateway.key(person)
    _, strangers_key = own_gateway.newcomer(None)
    name = team(own_gateway, members=(machine, person))
    until("the members are known", lambda: {reason(own_gateway, key, READ) for key in (machines_key, persons_key)} == {"not-a-member"}, PROMISE)
    own_gateway.cli("grant", "add", "--team", name, "--role", "runner")
    for key in (machines_key, persons_key):
        until("a member reads", lambda key=key: reason(own_gateway, key, READ) is None, PROMISE)
        assert reason(own_gateway, key, RUN) is None
        assert reason(own_gateway, key, FLOW) == "permission-denied"
    mark = recorder.mark()
    assert reason(own_gateway, strangers_key, READ) == "not-a-member"
    assert recorder.since(mark) == []
    # What somebody has of their own is added to it.
    own_gateway.cli("grant", "add", person, "--role", "developer")
    until("both count", lambda: reason(own_gateway, persons_key, FLOW) is None and reason(own_gateway, persons_key, RUN) is None, PROMISE)
    assert reason(own_gateway, machines_key, FLOW) == "permission-denied"


def ways(name: str, member: str) -> dict[str, tuple[str, ...]]:
    """Everything that takes from a member what a team gave."""
    return {
        "a removed membership": ("team", "remove-member", name, member),
        "a removed grant of a team": ("grant", "remove", "--team", name, "--role", "viewer"),
        "a removed team": ("team", "remove", name),
    }


@pytest.mark.smoke
@pytest.mark.parametrize("way", ["a removed membership", "a removed grant of a team", "a removed team"])
def test_what_a_team_gave_stops_within_a_second_and_open_sockets_close(way: str, own_gateway: Gateway, recorder: Recorder) -> None:
    member, key = own_gateway.newcomer(None)
    bystander, bystanders_key = own_gateway.newcomer("viewer")
    name = team(own_gateway, "viewer", members=(member, bystander))
    until("a member reads", lambda: reason(own_gateway, key, READ) is None, PROMISE)
    sockets = [opens(own_gateway.port, key, path) for path in ("/api/events/out", "/api/logs/out")]
    other = opens(own_gateway.port, bystanders_key)
    own_gateway.cli(*ways(name, member)[way])
    until(f"{way} refuses HTTP", lambda: reason(own_gateway, key, READ) == "not-a-member", PROMISE)
    for socket in sockets:
        assert socket.until_closed(PROMISE) == 1008, f"{socket.close_code} {socket.close_reason}"
    mark = recorder.mark()
    assert reason(own_gateway, key, RUN) == "not-a-member"
    assert recorder.since(mark) == []
    # Who holds the same role in another way goes on.
    assert reason(own_gateway, bystanders_key, READ) is None
    other.send({"type": "filter", "filter": {}})
    assert other.receive(0.3) is None and other.close_code is None, "the socket of another was closed too"


def test_a_membership_that_is_lost_narrows_to_what_is_left(own_gateway: Gateway) -> None:
    member, key = own_gateway.newcomer("viewer")
    name = team(own_gateway, "developer", members=(member,))
    until("it writes", lambda: reason(own_gateway, key, FLOW) is None, PROMISE)
    listening = opens(own_gateway.port, key, "/api/events/out")
    emitting = opens(own_gateway.port, key, "/api/events/in")
    own_gateway.cli("team", "remove-member", name, member)
    until("it writes no more", lambda: reason(own_gateway, key, FLOW) == "permission-denied", PROMISE)
    assert reason(own_gateway, key, READ) is None
    assert emitting.until_closed(PROMISE) == 1008, "a socket that only the team allowed"
    listening.send({"type": "filter", "filter": {}})
    assert listening.receive(0.3) is None and listening.close_code is None, "a viewer may go on listening"


def test_a_role_on_top_of_a_built_in_one_allows_what_both_do(own_gateway: Gateway) -> None:
    member, key = own_gateway.newcomer(None)
    settings = ("GET", "/api/admin/settings")
    own_gateway.cli("role", "add", "auditor", "--based-on", "viewer", "--permission", "see_workspace_settings")
    shown, viewer = own_gateway.cli_json("role", "show", "auditor"), own_gateway.cli_json("role", "show", "viewer")
    assert (shown["based_on"], shown["added_permissions"]) == ("viewer", ["see_workspace_settings"])
    assert set(shown["permissions"]) == {*viewer["permissions"], "see_workspace_settings"}
    name = team(own_gateway, "auditor", members=(member,))
    until("what the base allows", lambda: reason(own_gateway, key, READ) is None, PROMISE)
    assert own_gateway.ask(*settings, key=key).reason is None
    assert reason(own_gateway, key, FLOW) == "permission-denied"
    with pytest.raises(CommandFailed, match="still granted"):
        own_gateway.cli("role", "remove", "auditor")
    own_gateway.cli("grant", "remove", "--team", name, "--role", "auditor")
    own_gateway.cli("role", "remove", "auditor")
    until("it is gone", lambda: reason(own_gateway, key, READ) == "not-a-member", PROMISE)


def test_a_narrow_key_of_a_member_stays_narrow(own_gateway: Gateway) -> None:
    member, _ = own_gateway.newcomer(None)
    key = own_gateway.key(member, "--read-only")
    team(own_gateway, "owner", members=(member,))
    until("it reads", lambda: reason(own_gateway, key, READ) is None, PROMISE)
    assert reason(own_gateway, key, FLOW) == "key-too-narrow"


def test_principal_show_and_can_name_the_team(own_gateway: Gateway) -> None:
    member, _ = own_gateway.newcomer("viewer")
    name = team(own_gateway, "runner", members=(member,))
    shown = own_gateway.cli_json("principal", "show", member)
    assert shown["kind"] == "service-account" and shown["teams"] == [{"name": name, "sources": ["by-hand"]}]
    assert [(grant["role"], grant["team"]) for grant in shown["grants"]] == [("viewer", None), ("runner", name)]
    [workspace] = shown["workspaces"]
    given = {each["permission"]: [by["team"] for by in each["given_by"]] for each in workspace["permissions"]}
    assert given["see_flows"] == [None, name] and given["run_deployments"] == [name] and "manage_flows" not in given
    assert len(shown["keys"]) == 1 and "key" not in shown["keys"][0]
    said = own_gateway.run("can", member, *RUN)
    assert said.returncode == 0 and f"gives it (team {name}, " in said.stdout, said.stdout
    own_gateway.cli("team", "remove", name)
    said = own_gateway.run("can", member, *RUN)
    assert said.returncode == 3 and name not in said.stdout


def test_the_last_owner_is_not_lost_through_a_team(own_gateway: Gateway) -> None:
    person = own_gateway.add_user("alice")
    name = team(own_gateway, "owner", members=(person,))
    # She is an owner through the team, so that the first one may go.
    own_gateway.cli("user", "remove", "admin")
    for command in (
        ("team", "remove", name), ("team", "remove-member", name, person), ("grant", "remove", "--team", name, "--role", "owner"),
        ("user", "disable", person), ("user", "remove", person),
    ):  # fmt: skip
        with pytest.raises(CommandFailed, match="last enabled user"):
            own_gateway.cli(*command)
    key = own_gateway.key(person)
    until("she still owns it", lambda: own_gateway.ask("GET", "/api/admin/settings", key=key).reason is None, PROMISE)


def test_every_change_of_a_team_is_on_record(own_gateway: Gateway) -> None:
    member, _ = own_gateway.newcomer(None)
    name = team(own_gateway, "viewer", members=(member,))
    for way in ("a removed membership", "a removed grant of a team", "a removed team"):
        own_gateway.cli(*ways(name, member)[way])
    events = [event for event in own_gateway.cli_json("audit", "list", "--limit", "50") if name in event["object"]]
    assert {event["actor"]["name"] for event in events} == {"console"}
    assert [(event["operation"], event["object"]) for event in reversed(events)] == [
        ("team.add", name),
        ("team.add-member", f"{member} in {name}"),
        ("grant.add", f"team {name} is viewer everywhere"),
        ("team.remove-member", f"{member} in {name}"),
        ("grant.remove", f"team {name} is viewer everywhere"),
        ("team.remove", name),
    ]
