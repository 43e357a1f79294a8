"""Does the command line change a running gateway within a second, and do `up`, `check` and `doctor` say what is so?"""

import re
import subprocess
import uuid
from pathlib import Path

import pytest

from stage import http
from stage.attack import sign_in
from stage.gateway import PASSWORD, CommandFailed, Gateway
from stage.prefect import Server, bin_of
from stage.wait import PROMISE, free_port, until

READ = ("POST", "/api/flows/filter")


@pytest.mark.smoke
def test_changes_take_effect_on_a_running_gateway_within_a_second(own_gateway: Gateway) -> None:
    name = own_gateway.add_user("alice")
    key = own_gateway.key(name, "--label", "laptop")
    until("no role yet", lambda: own_gateway.ask(*READ, key=key, body={}).reason == "not-a-member", PROMISE)
    own_gateway.cli("role", "add", "reader", "--permission", "see_flows")
    own_gateway.cli("grant", "add", name, "--role", "reader")
    until("the role counts", lambda: own_gateway.ask(*READ, key=key, body={}).status == 200, PROMISE)
    assert own_gateway.ask("POST", "/api/deployments/filter", key=key, body={}).reason == "permission-denied"
    assert http.ask(own_gateway.port, *READ, body={}, headers=http.basic(f"alice:{PASSWORD}")).status == 200
    until("last use is noted", lambda: own_gateway.cli_json("key", "list", "--for", name)[0]["last_used"], 10)


def test_every_command_on_people_is_felt_by_a_running_gateway(own_gateway: Gateway) -> None:
    name = own_gateway.add_user("carol", "viewer")

    def status(password: str = PASSWORD) -> int:
        return http.ask(own_gateway.port, *READ, body={}, headers=http.basic(f"carol:{password}")).status

    until("she may read", lambda: status() == 200, PROMISE)
    shown = own_gateway.cli_json("user", "show", name)
    assert shown["name"] == name and PASSWORD not in str(shown)
    assert name in [each["name"] for each in own_gateway.cli_json("user", "list")]
    own_gateway.cli("user", "disable", name)
    until("disabled", lambda: status() == 401, PROMISE)
    own_gateway.cli("user", "enable", name)
    until("enabled", lambda: status() == 200, PROMISE)
    other = "another harbour, at dusk"
    own_gateway.cli("user", "set-password", name, "--password-stdin", stdin=other + "\n")
    until("the old password is refused", lambda: status() == 401, PROMISE)
    assert status(other) == 200
    assert [each["role"] for each in own_gateway.cli_json("grant", "list", name)] == ["viewer"]
    own_gateway.cli("user", "remove", name)
    until("removed", lambda: status(other) == 401, PROMISE)
    assert name not in [each["name"] for each in own_gateway.cli_json("user", "list")]
    done = [event["operation"] for event in own_gateway.cli_json("audit", "list", "--limit", "100") if event["object"] == name or name in str(event["object"])]
    assert len(done) >= 5, done


def test_a_role_of_ones_own_follows_its_making_and_its_end(own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer(None)
    own_gateway.cli("role", "add", "variables", "--permission", "see_variables", "--permission", "write_variables")
    assert set(own_gateway.cli_json("role", "show", "variables")["permissions"]) == {"see_variables", "write_variables"}
    own_gateway.cli("grant", "add", name, "--role", "variables")
    until("it counts", lambda: own_gateway.ask("POST", "/api/variables/", key=key, body={"name": "a", "value": 1}).status == 200, PROMISE)
    with pytest.raises(CommandFailed, match="variables"):
        own_gateway.cli("role", "remove", "variables")
    own_gateway.cli("grant", "remove", name, "--role", "variables")
    own_gateway.cli("role", "remove", "variables")
    until("it is gone", lambda: own_gateway.ask("POST", "/api/variables/", key=key, body={"name": "a", "value": 1}).reason == "not-a-member", PROMISE)


def test_a_grant_is_for_a_workspace_that_exists(own_gateway: Gateway) -> None:
    name, key = own_gateway.newcomer(None)
    with pytest.raises(CommandFailed, match='no workspace "defualt"; there is default'):
        own_gateway.cli("grant", "add", name, "--role", "viewer", "--workspace", "defualt")
    own_gateway.cli("grant", "add", name, "--role", "viewer", "--workspace", "default")
    until("it counts", lambda: own_gateway.ask(*READ, key=key, body={}).status == 200, PROMISE)


def test_people_of_an_htpasswd_file_sign_in_with_the_passwords_they_had(own_gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    for option, name in (("-B", "dora"), ("-m", "emil"), ("-s", "fred"), ("-5", "gina")):
        made = subprocess.run(["htpasswd", "-bn", option, name, PASSWORD], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        with file.open("a") as lines:
            lines.write(made.stdout.strip() + "\n")
    own_gateway.cli("import", "htpasswd", str(file), "--role", "viewer")
    for _ in range(2):  # the second time by the Argon2id hash that the first one left
        for name in ("dora", "emil", "fred", "gina"):
            answer = http.ask(own_gateway.port, *READ, body={}, headers=http.basic(f"{name}:{PASSWORD}"))
            assert answer.status == 200, (name, answer.reason)
            assert http.ask(own_gateway.port, *READ, body={}, headers=http.basic(f"{name}:not this one")).status == 401


def test_the_last_owner_cannot_be_removed(own_gateway: Gateway) -> None:
    for command in (("user", "remove", "admin"), ("user", "disable", "admin"), ("grant", "remove", "admin", "--role", "owner")):
        with pytest.raises(CommandFailed, match="owner"):
            own_gateway.cli(*command)


def test_can_explains_a_decision(own_gateway: Gateway) -> None:
    name, _ = own_gateway.newcomer("viewer")
    yes, no = own_gateway.run("can", name, "POST", "/api/flows/filter"), own_gateway.run("can", name, "DELETE", f"/api/flows/{uuid.uuid4()}")
    assert "see_flows" in yes.stdout and "viewer" in yes.stdout
    assert "write_flows" in no.stdout or "manage_flows" in no.stdout, no.stdout


def test_secrets_alone_are_printed_on_stdout(own_gateway: Gateway) -> None:
    own_gateway.add_user("bob", "viewer")
    made = own_gateway.run("key", "create", "--for", "bob")
    assert re.fullmatch(r"\S+\n", made.stdout)
    assert made.stdout.strip() not in str(own_gateway.cli_json("key", "list"))
    assert made.stdout.strip() not in own_gateway.log()


def test_up_with_a_prefect_of_its_own_starts_twice(folder: Path, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "up", env={"PATH": f"{bin_of('3.8.8')}:/usr/bin:/bin"}).start(120)
    gateway.wait_until_up()
    first = gateway.out.read_text()
    password = re.search(r"password\s+(\S+)", first)
    assert password and f"PREFECT_API_URL={gateway.url}/api" in first and "admin" in first
    assert sign_in(gateway.port, "admin", password[1])
    name, key = gateway.newcomer("viewer")
    assert gateway.ask(*READ, key=key, body={}).status == 200
    assert "default: Prefect Server 3.8.8 at http://127.0.0.1" in gateway.cli("policy", "verify")
    assert gateway.stop() == 0
    # What Lictor started is gone with it.
    gateway.out.write_text("")
    gateway.start(120)
    gateway.wait_until_up()
    assert "password " not in gateway.out.read_text()
    until("the key of the first start works", lambda: gateway.ask(*READ, key=key, body={}).status == 200, 30)
    assert gateway.stop() == 0
    assert password[1] not in gateway.err.read_text()


def test_a_first_password_must_be_changed_before_anything_else(own_gateway: Gateway) -> None:
    password = re.search(r"password\s+(\S+)", until("the last lines", lambda: "Lictor is up." in own_gateway.out.read_text() and own_gateway.out.read_text(), 30))
    assert password
    cookie = sign_in(own_gateway.port, "admin", password[1])
    assert own_gateway.ask(*READ, body={}, headers={"Cookie": f"lictor={cookie}", "Origin": own_gateway.url, "Sec-Fetch-Site": "same-origin"}).reason == "password-change-required"


def config(folder: Path, text: str) -> Gateway:
    """A gateway that is not started."""
    gateway = Gateway(folder, config=folder / "lictor.toml")
    assert gateway.config
    gateway.config.write_text(text.replace("PORT", str(gateway.port)).replace("HERE", str(folder)))
    return gateway


GOOD = 'listen = "127.0.0.1:PORT"\n[store]\nurl = "sqlite://HERE/lictor.db"\n[workspaces.main]\nupstream = "UPSTREAM"\n'


def test_check_names_every_problem_with_its_key(tmp_path: Path) -> None:
    bad = config(tmp_path / "bad", 'listen = "nowhere"\nlisten_adress = 1\n[store]\nurl = "mysql://x"\n[workspaces.main]\nupstream = "ftp://x"\n[limits]\nsockets = "many"\n')
    result = bad.run("check")
    assert result.returncode != 0
    said = result.stdout + result.stderr
    for key in ("listen", "listen_adress", "store.url", "workspaces.main.upstream", "limits.sockets"):
        assert key in said, said
    good = config(tmp_path / "good", GOOD.replace("UPSTREAM", "http://127.0.0.1:4200"))
    assert good.run("check").returncode == 0


def test_doctor_warns_of_a_prefect_that_anybody_reaches(server: Server, recorder, tmp_path: Path) -> None:
    closed = config(tmp_path / "closed", GOOD.replace("UPSTREAM", server.url) + 'auth_string_env = "UPSTREAM_AUTH"\n')
    healthy = closed.run("doctor", env={"UPSTREAM_AUTH": server.auth or ""})
    assert server.version in healthy.stdout + healthy.stderr, healthy.stdout + healthy.stderr
    wrong = closed.run("doctor", env={"UPSTREAM_AUTH": "admin:wrong"})
    assert wrong.returncode != 0
    away = config(tmp_path / "away", GOOD.replace("UPSTREAM", f"http://127.0.0.1:{free_port()}")).run("doctor")
    assert away.returncode != 0
    open_to_all = config(tmp_path / "open", GOOD.replace("UPSTREAM", recorder.url)).run("doctor")
    assert "without" in (open_to_all.stdout + open_to_all.stderr).lower()


def test_doctor_finds_the_prefect_that_lictor_up_stands_in_front_of(server: Server, gateway: Gateway) -> None:
    said = gateway.run("doctor")
    assert said.returncode == 0 and server.version in said.stdout and "without Lictor: refused" in said.stdout, said.stdout + said.stderr


def test_metrics_and_access_lines_never_name_raw_paths_or_secrets(own_gateway: Gateway) -> None:
    _, key = own_gateway.newcomer("viewer")
    marker = uuid.uuid4().hex
    for path in (f"/api/variables/name/{marker}", f"/api/no/{marker}", "/api/flows/filter"):
        own_gateway.ask("GET", path, key=key)
    metrics = own_gateway.ask("GET", "/lictor/metrics").body.decode()
    assert marker not in metrics and key not in metrics
    until("an access line", lambda: marker in own_gateway.log())
    assert key not in own_gateway.log()
