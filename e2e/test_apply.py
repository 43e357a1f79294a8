"""Is access what a file says, and nothing else changed? `lictor apply` and `lictor export`, on running gateways."""

from pathlib import Path

import pytest

from stage.gateway import ROOT, CommandFailed, Gateway
from stage.recorder import Recorder
from stage.wait import PROMISE, until

API = "/lictor/api/v1"
FILE = """
[roles.deployer]
description = "Deploys, and no more"
permissions = ["see_flows", "see_deployments", "write_deployments"]
max_key_age = "90d"

[roles.auditor]
based_on = "viewer"
second_factor = "required"

[roles.owner]
max_key_age = "30d"
second_factor = "required"

[roles.worker]
second_factor = "required"

[users.alice]
roles = ["developer@default"]
account_role = "admin"

[users."bob@example.com"]
disabled = true

[service_accounts.ci]
roles = ["deployer", "deployer@default"]

[teams.data]
description = "Data \\"engineering\\""
members = ["alice", "ci"]
roles = ["auditor"]
"""


@pytest.fixture
def other(tmp_path: Path, recorder: Recorder):
    """Another gateway, on an empty store."""
    gateway = Gateway(tmp_path / "other", "--upstream", recorder.url, env={"LICTOR_UPSTREAM_AUTH_STRING": "admin:only-lictor-knows"}).start()
    yield gateway
    gateway.stop()


def apply(gateway: Gateway, text: str, *more: str) -> list[tuple[str, str]]:
    """What was changed."""
    file = gateway.folder / "access.toml"
    file.write_text(text)
    return [(each["change"], each["what"]) for each in gateway.cli_json("apply", str(file), *more)["changes"]]


def refused(gateway: Gateway, text: str, *more: str) -> str:
    """Why nothing was changed."""
    before = gateway.cli("export")
    with pytest.raises(CommandFailed) as failed:
        apply(gateway, text, *more)
    assert gateway.cli("export") == before
    return failed.value.stderr


def policy(gateway: Gateway) -> list:
    """Who may what, as the lists say it: without ids and times, and without the owner that `lictor up` made."""
    grants = [[each["for"], each["team"], each["role"], each["workspace"]] for each in gateway.cli_json("grant", "list")]
    people = [[each["name"], each["kind"], each["disabled"], each["account_role"]] for kind in ("user", "service-account") for each in gateway.cli_json(kind, "list")]
    teams = [[each["name"], each["description"], sorted(one["name"] for one in each["members"])] for each in gateway.cli_json("team", "list")]
    roles = [gateway.cli_json("role", "show", name) for name in ("owner", "worker", "viewer", *(each["name"] for each in gateway.cli_json("role", "list") if not each["built_in"]))]
    return [sorted(grants, key=str), sorted(people), sorted(teams), roles]


def test_a_file_is_planned_then_applied_as_a_whole_and_once_is_enough(own_gateway: Gateway) -> None:
    gateway = own_gateway
    before = policy(gateway)
    planned = apply(gateway, FILE, "--dry-run")
    assert policy(gateway) == before, "a dry run changes nothing"
    assert ("add", "role deployer: see_deployments, write_deployments, see_flows") in planned and ("add", "service-account ci") in planned
    assert {change for change, _ in planned} == {"add", "change"}
    events = len(gateway.cli_json("audit", "list", "--limit", "1000"))
    assert apply(gateway, FILE) == planned
    made = gateway.cli_json("audit", "list", "--limit", "1000")
    assert len(made) - events == len(planned), "each change has its event"
    assert {each["actor"]["name"] for each in made[: len(planned)]} == {"console"}
    assert apply(gateway, FILE) == [] and gateway.run("apply", str(gateway.folder / "access.toml")).stdout.startswith("nothing to change")
    assert len(gateway.cli_json("audit", "list", "--limit", "1000")) == len(made)
    assert [each["account_role"] for each in gateway.cli_json("user", "list") if each["name"] == "alice"] == ["admin"]
    key = gateway.key("ci")
    until("the machine may what its roles and its team allow", lambda: gateway.ask("POST", "/api/variables/filter", key=key, body={}).status == 200)
    # The team's role is taken away in the file, and so what came through it.
    changed = apply(gateway, FILE.replace('roles = ["auditor"]', "roles = []"))
    assert changed == [("remove", "team data is auditor")]
    until("within a second it may not", lambda: gateway.ask("POST", "/api/variables/filter", key=key, body={}).status == 403, PROMISE)


def test_what_a_file_lists_no_more_is_removed_and_what_it_never_listed_stays(own_gateway: Gateway) -> None:
    gateway = own_gateway
    gateway.add_service_account("by-hand", "viewer")
    gateway.cli("team", "add", "by-hand")
    apply(gateway, FILE)
    gateway.cli("grant", "add", "ci", "--role", "viewer")
    gateway.cli("grant", "add", "alice", "--role", "viewer")
    gateway.cli("team", "add-member", "data", "by-hand")
    gateway.cli("user", "disable", "alice")
    # What was done by hand to what is listed is undone, but for what the file says nothing of.
    undone = apply(gateway, FILE)
    assert sorted(undone) == [("remove", "alice is viewer"), ("remove", "by-hand in team data"), ("remove", "ci is viewer")]
    assert [each["disabled"] for each in gateway.cli_json("user", "list") if each["name"] == "alice"] == [True], "nobody is enabled by a file that does not say so"
    less = FILE[: FILE.index("[service_accounts.ci]")] + '[teams.data]\nmembers = ["alice"]\nroles = ["auditor"]\n'
    less = less.replace('[roles.deployer]\ndescription = "Deploys, and no more"\npermissions = ["see_flows", "see_deployments", "write_deployments"]\nmax_key_age = "90d"\n', "")
    removed = apply(gateway, less)
    assert removed == [("remove", "ci in team data"), ("remove", "service-account ci, with its keys"), ("remove", "role deployer")]
    assert apply(gateway, less) == []
    assert {("remove", "team data"), ("remove", "user alice, with its keys"), ("remove", "role auditor"), ("remove", "the greatest age of keys of role owner"), ("remove", "the demand of role worker for a second factor")} <= set(apply(gateway, ""))
    assert "second_factor_required" not in gateway.cli_json("role", "show", "owner") and "second_factor_required" not in gateway.cli_json("role", "show", "worker")
    names = {each["name"] for kind in ("user", "service-account", "team") for each in gateway.cli_json(kind, "list")}
    assert names == {"admin", "by-hand"}
    assert apply(gateway, "") == []


def test_an_export_makes_the_same_policy_of_an_empty_store(own_gateway: Gateway, other: Gateway) -> None:
    gateway = own_gateway
    apply(gateway, FILE)
    key = gateway.add_service_account("by-hand", "viewer")
    gateway.cli("grant", "add", "--team", "data", "--role", "worker", "--workspace", "default")
    exported = gateway.cli("export")
    assert key not in exported and "lictor_" not in exported and "argon2" not in exported
    assert apply(gateway, exported) == [], "it is so already"
    assert apply(other, exported)
    assert policy(other) == policy(gateway)
    assert other.cli("export") == exported
    assert apply(other, exported) == []
    shown = [gateway.cli_json("role", "show", name) for name in ("owner", "auditor", "deployer", "viewer")]
    assert [(each.get("second_factor_required"), each.get("max_key_age_seconds")) for each in shown] == [(True, 30 * 86400), (True, None), (None, 90 * 86400), (None, None)]
    # And through a pipe.
    piped = other.run("apply", "-", "--dry-run", stdin=exported)
    assert piped.returncode == 0 and piped.stdout.startswith("nothing to change"), piped.stderr


def test_a_wrong_file_changes_nothing_and_names_each_problem_with_its_line(own_gateway: Gateway) -> None:
    gateway = own_gateway
    wrong = """\
[roles.viewer]
permissions = ["see_flows"]
second_factor = "perhaps"
max_key_age = "36526d"
[roles.own]
permissions = ["flwos:read", 1]
based_on = "admin"
max_key_age = "a year"
[roles.Bad]
[users.alice]
roles = ["no-such-role", "viewer@nowhere", "viewer", "viewer"]
account_role = "owner"
disabled = "yes"
password = "secret"
[users."A B"]
[service_accounts.alice]
[service_accounts.admin]
[teams.data]
members = ["nobody", "alice"]
roles = "viewer"
description = "a\\nb"
[teams.x.y]
z = 1
[keys.ci]
"""
    said = refused(gateway, wrong)
    lines = {int(line.split(":")[0].removeprefix("line ")) for line in said.splitlines() if line.startswith("line ")}
    assert lines == {2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 24}, said
    assert sum(line.startswith("line 6:") for line in said.splitlines()) == 2 and sum(line.startswith("line 11:") for line in said.splitlines()) == 3
    assert "secret" not in said and "nothing was changed" in said
    for broken, line in (("[users.alice\nroles = []", 1), ("[users.alice]\n[users.alice]\n", 2), ("[users.alice]\nroles = []\nroles = []\n", 3), ("\n\nx = ", 3), ("x = 1", 1), ("[users]\nalice = 1", 2)):
        said = refused(gateway, broken)
        assert f"line {line}:" in said, (broken, said)


def test_the_last_owner_stays_whatever_a_file_says(own_gateway: Gateway) -> None:
    gateway = own_gateway
    for text in ("[users.admin]\nroles = []\n", '[users.admin]\nroles = ["viewer"]\n[service_accounts.root]\nroles = ["owner"]\n', "[users.admin]\ndisabled = true\n"):
        for more in ((), ("--dry-run",)):
            assert "last enabled user with the role owner everywhere" in refused(gateway, text, *more)
    # One may take the place of another, in one file.
    gateway.add_user("olga")
    apply(gateway, '[users.olga]\nroles = ["owner"]\n[users.admin]\nroles = []\n')
    assert [each["for"] for each in gateway.cli_json("grant", "list") if each["role"] == "owner"] == ["olga"]
    apply(gateway, '[users.olga]\nroles = ["owner"]\n')
    assert "last enabled user" in refused(gateway, "")


def test_no_step_of_a_plan_leaves_nobody_who_owns(own_gateway: Gateway) -> None:
    gateway = own_gateway
    gateway.add_user("olga", "owner")
    gateway.cli("user", "disable", "olga")
    # Whoever is to go stands first in the file, and by name.
    swapped = apply(gateway, '[users.admin]\ndisabled = true\nroles = []\n[users.olga]\ndisabled = false\n[users.zoe]\nroles = ["owner"]\n')
    assert swapped == [("add", "user zoe"), ("change", "olga is enabled"), ("add", "zoe is owner"), ("change", "admin is disabled"), ("remove", "admin is owner")]
    # The one that a team makes an owner counts as one too, and comes before the one that goes.
    through = apply(gateway, '[users.zoe]\nroles = []\n[users.olga]\nroles = []\n[users.ann]\n[teams.root]\nmembers = ["ann"]\nroles = ["owner"]\n[users.admin]\n')
    assert through.index(("add", "team root is owner")) < through.index(("remove", "olga is owner")) and ("remove", "zoe is owner") in through


def test_the_file_of_the_guide_is_taken_as_it_stands(own_gateway: Gateway) -> None:
    guide = (ROOT / "docs/guides/access-file.md").read_text()
    file = guide.split("```toml\n")[1].split("```")[0].replace("@research", "@default")
    assert apply(own_gateway, file) and apply(own_gateway, file) == []
    assert [each["disabled"] for each in own_gateway.cli_json("user", "list") if each["name"] == "bob@example.com"] == [True]


def test_a_role_that_somebody_has_otherwise_is_not_removed(own_gateway: Gateway) -> None:
    gateway = own_gateway
    apply(gateway, '[roles.own]\npermissions = ["see_flows"]\n')
    gateway.cli("grant", "add", "admin", "--role", "own")
    assert "still granted" in refused(gateway, "")
    assert "no role" in refused(gateway, '[users.alice]\nroles = ["own"]\n'), "it would go with this file"
