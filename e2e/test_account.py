"""Do Lictor's own pages work for a person, with scripts and without, by keyboard and by ear, and do their keys work for a program?"""

import json
import os
import shlex
import subprocess
import uuid
from pathlib import Path

import pytest

from stage import http
from stage.browser import answer_of
from stage.attack import sign_in
from stage.gateway import PASSWORD, ROOT, Gateway
from stage.login import program
from stage.prefect import PROGRAMS, Client, Server, bin_of
from stage.recorder import Recorder
from stage.wait import PROMISE, until

FRESH = "a second long enough secret"
MODES = ("js", "nojs")


def do(gateway: Gateway, mode: str, deed: str, *words: str) -> dict:
    """A deed of account.mjs."""
    return json.loads(answer_of("account.mjs", gateway.url, mode, deed, *words))


def person(gateway: Gateway, role: str = "developer") -> str:
    """Somebody whom no other test knows."""
    return gateway.add_user(f"p-{uuid.uuid4().hex[:8]}", role)


def setup(made: dict, versions: str, place: str) -> str:
    """What the page says to copy."""
    (text,) = [each["text"] for each in made["setups"] if versions in each["versions"] and each["place"] == place]
    return text


def variables(shell: str) -> dict[str, str]:
    """The settings of a shell's exports."""
    return dict(shlex.split(line)[1].split("=", 1) for line in shell.splitlines())


@pytest.fixture(scope="module")
def made(gateway: Gateway) -> dict:
    """A key made on the page, by somebody with an at sign in the name."""
    name = gateway.add_user(f"p-{uuid.uuid4().hex[:6]}@example.com", "developer")
    return {"name": name, **do(gateway, "js", "make", name, PASSWORD, "laptop")}


def test_a_key_made_without_scripts_works_and_is_the_same_page(gateway: Gateway, made: dict) -> None:
    name = person(gateway)
    again = do(gateway, "nojs", "make", name, PASSWORD, "laptop")
    assert gateway.ask("POST", "/api/flows/count", key=again["key"], body={}).status == 200

    def shape(page: dict, who: str) -> list[str]:
        return [each["text"].replace(page["key"], "KEY").replace(who.replace("@", "%40"), "NAME").replace(who, "NAME") for each in page["setups"]]

    assert shape(again, name) == shape(made, made["name"])
    (listed,) = gateway.cli_json("key", "list", "--for", name)
    assert (listed["label"], listed["state"], listed["limits"]) == ("laptop", "active", None)


# The oldest and the newest client of each row of the table.
@pytest.mark.parametrize(("versions", "version"), [("the key alone", "3.8.8"), ("the key alone", "3.0.11"), ("3.6.20", "3.8.8"), ("3.6.20", "3.6.29"), ("3.4.25 to", "3.4.25"), ("in the address", "3.2.15"), ("in the address", "3.0.11")])
def test_the_copied_set_up_runs_a_flow_whose_task_runs_arrive(versions: str, version: str, gateway: Gateway, owner: str, made: dict, tmp_path: Path) -> None:
    client = Client(tmp_path, version)
    script = setup(made, versions, "Shell") + f"\nexec {bin_of(version)}/python {PROGRAMS}/small_flow.py"
    ran = subprocess.run(["bash", "-c", script], env=client.env, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0, ran.stderr[-3000:]
    run = ran.stdout.splitlines()[0]

    def arrived() -> bool:
        tasks = gateway.ask("POST", "/api/task_runs/filter", key=owner, body={"flow_runs": {"id": {"any_": [run]}}}).json()
        return sum(task["state_type"] == "COMPLETED" for task in tasks) == 10

    until("ten task runs arrived", arrived, 30, every=0.3)


COUNT = "import asyncio\nfrom prefect.client.orchestration import get_client\nasync def main():\n  async with get_client() as client: print(len(await client.read_flows()))\nasyncio.run(main())"


# Not 3.0, which reads no profile with the pydantic-settings of today.
@pytest.mark.parametrize(("versions", "version"), [("the key alone", "3.2.15"), ("3.6.20", "3.8.8"), ("3.4.25 to", "3.4.25"), ("in the address", "3.2.15")])
def test_every_other_place_of_the_set_up_says_the_same_and_works(versions: str, version: str, made: dict, tmp_path: Path) -> None:
    wanted = variables(setup(made, versions, "Shell"))
    # A profile, as its commands make it.
    profile = Client(tmp_path / "profile", version)
    ran = subprocess.run(["bash", "-ec", setup(made, versions, "Prefect profile")], env=profile.env, cwd=profile.home, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    ran = profile.command("prefect", "work-pool", "ls")
    assert ran.returncode == 0 and "work pools" in ran.stdout.lower(), ran.stdout + ran.stderr[-2000:]
    if versions == "3.6.20":
        # A .env file beside the program; older clients ignore it with the pydantic-settings of today.
        dotenv = Client(tmp_path / "dotenv", version)
        (dotenv.home / ".env").write_text(setup(made, versions, ".env file") + "\n")
        ran = dotenv.command("python", "-c", COUNT)
        assert ran.returncode == 0 and ran.stdout.strip().isdigit(), ran.stderr[-2000:]
    # What is for containers is read as their programs read it.
    docker = shlex.split(setup(made, versions, "Docker"))
    assert dict(word.split("=", 1) for at, word in enumerate(docker) if docker[at - 1] == "-e") == wanted
    program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"
    read = subprocess.run([bin_of("3.8.8") / "python", "-c", program], input=setup(made, versions, "Kubernetes"), capture_output=True, text=True, check=True)
    assert json.loads(read.stdout)["stringData"] == wanted


@pytest.mark.parametrize("mode", MODES)
def test_a_narrow_key_only_reads(mode: str, gateway: Gateway) -> None:
    key = do(gateway, mode, "narrow", person(gateway), PASSWORD)["key"]
    assert gateway.ask("POST", "/api/flows/count", key=key, body={}).status == 200
    refused = gateway.ask("POST", "/api/variables/", key=key, body={"name": "x", "value": 1})
    assert (refused.status, refused.reason) == (403, "key-too-narrow")
    assert gateway.ask("GET", "/lictor/account", key=key).reason == "key-too-narrow"


@pytest.mark.parametrize("mode", MODES)
def test_a_key_is_revoked_once_its_last_use_was_seen(mode: str, gateway: Gateway) -> None:
    name = person(gateway)
    key = gateway.key(name, "--label", "pipeline")
    gateway.ask("POST", "/api/flows/count", key=key, body={}, headers={"User-Agent": "prefect/3.4.25 (API 0.8.4)"})
    until("the use is written down", lambda: gateway.cli_json("key", "list", "--for", name)[0]["last_used"])
    asked = do(gateway, mode, "revoke", name, PASSWORD, "pipeline")["asked"]
    assert "from 127.0.0.1, Prefect 3.4.25" in asked
    until("the key is dead", lambda: gateway.ask("POST", "/api/flows/count", key=key, body={}).reason == "revoked-key", PROMISE)


@pytest.mark.parametrize("mode", MODES)
def test_sessions_are_ended_one_by_one_and_all_at_once(mode: str, gateway: Gateway) -> None:
    name = person(gateway)
    do(gateway, mode, "sessions", name, PASSWORD)
    ended = [event["operation"] for event in gateway.cli_json("audit", "list", "--actor", name) if event["operation"] == "session.end"]
    assert len(ended) == 3


@pytest.mark.parametrize("mode", MODES)
def test_a_password_is_changed_and_ends_the_other_sessions(mode: str, gateway: Gateway) -> None:
    name = person(gateway)
    other = sign_in(gateway.port, name, PASSWORD)
    do(gateway, mode, "password", name, PASSWORD, FRESH)
    until("the other session has ended", lambda: gateway.ask("GET", "/api/admin/version", headers={"Cookie": f"lictor={other}"}).status == 401, PROMISE)
    assert sign_in(gateway.port, name, FRESH)


@pytest.mark.parametrize("mode", MODES)
def test_a_first_password_is_changed_before_anything_else(mode: str, gateway: Gateway) -> None:
    name = f"p-{uuid.uuid4().hex[:8]}"
    gateway.cli("user", "add", name, "--role", "viewer", "--password-stdin", "--must-change", stdin=PASSWORD + "\n")
    do(gateway, mode, "password", name, PASSWORD, FRESH)
    assert sign_in(gateway.port, name, FRESH)


@pytest.mark.parametrize("mode", MODES)
def test_a_reset_link_sets_a_password_once(mode: str, gateway: Gateway) -> None:
    name = person(gateway)
    session = sign_in(gateway.port, name, PASSWORD)
    link = gateway.cli("user", "reset-link", name)
    assert link.startswith(f"{gateway.url}/lictor/reset?token=")
    do(gateway, mode, "reset", link, name, FRESH)
    assert gateway.ask("GET", "/api/admin/version", headers={"Cookie": f"lictor={session}"}).status == 401
    events = [event for event in gateway.cli_json("audit", "list", "--actor", name) if event["operation"] == "user.reset-password"]
    assert [event["credential"]["kind"] for event in events] == ["reset-link"]
    token = link.partition("token=")[2]
    assert token not in gateway.log() and token not in gateway.cli("audit", "list", "--limit", "1000", "--json")


@pytest.mark.parametrize("mode", MODES)
def test_a_keyboard_alone_signs_in_and_makes_a_key(mode: str, gateway: Gateway) -> None:
    do(gateway, mode, "keyboard", person(gateway), PASSWORD)


def test_the_pages_follow_prefects_choice_of_theme(gateway: Gateway) -> None:
    do(gateway, "js", "theme", person(gateway), PASSWORD)


def configured(folder: Path, upstream: str, top: str = "", store: Path | None = None) -> Gateway:
    """A gateway of a configuration file."""
    folder.mkdir()
    gateway = Gateway(folder, config=folder / "lictor.toml")
    store = store or folder
    (folder / "lictor.toml").write_text(f'listen = "127.0.0.1:{gateway.port}"\n{top}\n[store]\nurl = "sqlite://{store}/lictor.db"\n[workspaces.main]\nupstream = "{upstream}"\n')
    return gateway


def test_no_page_has_a_serious_fault_of_accessibility(server: Server, recorder: Recorder, tmp_path: Path) -> None:
    # In front of a real Prefect, whose font the pages use.
    own_gateway = Gateway(tmp_path / "own", "--upstream", server.url, env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""}).start()
    plain = configured(tmp_path / "plain", recorder.url, 'public_url = "http://prefect.example.com"').start()
    try:
        look(own_gateway, plain, tmp_path)
    finally:
        own_gateway.stop()
        plain.stop()


def look(own_gateway: Gateway, plain: Gateway, tmp_path: Path) -> None:
    """Makes what there is to see, and looks at every page."""
    own_gateway.add_user("alice", "developer")
    own_gateway.cli("user", "add", "fresh", "--role", "viewer", "--password-stdin", "--must-change", stdin=PASSWORD + "\n")
    key = own_gateway.key("alice", "--label", "nightly pipeline", "--read-only", "--expires", "90d")
    own_gateway.cli("key", "revoke", own_gateway.cli_json("key", "create", "--for", "alice", "--label", "old laptop")["id"])
    own_gateway.ask("POST", "/api/flows/count", key=key, body={}, headers={"User-Agent": "prefect/3.8.8 (API 0.8.4)"})
    until("the use is written down", lambda: own_gateway.cli_json("key", "list", "--for", "alice")[0]["last_used"])
    code = program(own_gateway.port, "/lictor/device/code", label="alice@carbon", machine="carbon").json()["user_code"]
    people = {"name": "alice", "code": code, "password": PASSWORD, "fresh": "fresh", "link": own_gateway.cli("user", "reset-link", "alice"), "plain": plain.url}
    (tmp_path / "people.json").write_text(json.dumps(people))
    pictures = []
    if os.environ.get("LICTOR_WRITE_DOCS"):
        (ROOT / "docs/images").mkdir(exist_ok=True)
        pictures = [str(ROOT / "docs/images")]
    assert answer_of("look.mjs", own_gateway.url, str(tmp_path / "people.json"), *pictures) == "19 pages"


def guess(gateway: Gateway, name: str, password: str = "wrong") -> http.Answer:
    """One sign-in over the form."""
    from urllib.parse import urlencode

    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    return http.ask(gateway.port, "POST", "/lictor/sign-in", body=urlencode({"name": name, "password": password}).encode(), headers=headers)


def test_a_ban_is_told_to_the_second_listed_and_lifted_on_a_running_gateway(own_gateway: Gateway) -> None:
    name = own_gateway.add_user("alice", "developer")
    key, session = own_gateway.key(name), sign_in(own_gateway.port, name, PASSWORD)
    assert [guess(own_gateway, name).status for _ in range(10)] == [401] * 10
    refused = guess(own_gateway, name)
    assert refused.status == 429 and 50 <= int(refused.headers["retry-after"]) <= 60
    as_basic = http.ask(own_gateway.port, "GET", "/api/admin/version", headers=http.basic(f"{name}:{PASSWORD}x"))
    assert as_basic.status == 429 and 50 <= int(as_basic.headers["retry-after"]) <= 60
    (ban,) = until("the ban is listed", lambda: own_gateway.cli_json("ban", "list"))
    assert (ban["account"], ban["address"], ban["cause"]) == (name, "127.0.0.1", "failures")
    # Sessions and keys go on, and so does who signed in here a moment ago.
    assert guess(own_gateway, name, PASSWORD).status == 303
    assert own_gateway.ask("GET", "/api/admin/version", key=key).status == 200
    assert own_gateway.ask("GET", "/api/admin/version", headers={"Cookie": f"lictor={session}"}).status == 200
    own_gateway.cli("ban", "lift", name)
    until("the ban is lifted", lambda: guess(own_gateway, name).status == 401, PROMISE)
    assert own_gateway.cli_json("ban", "list") == []


def test_a_ban_outlives_a_restart_and_an_administrators_holds_at_once(own_gateway: Gateway) -> None:
    name = own_gateway.add_user("alice", "developer")
    assert [guess(own_gateway, name).status for _ in range(10)] == [401] * 10
    until("the ban is stored", lambda: own_gateway.cli_json("ban", "list"))
    own_gateway.stop()
    own_gateway.start()
    assert guess(own_gateway, name, PASSWORD).status == 429
    own_gateway.cli("ban", "lift", "127.0.0.1")
    until("the ban is lifted", lambda: guess(own_gateway, name, PASSWORD).status == 303, PROMISE)
    own_gateway.cli("ban", "add", "127.0.0.1", "--for", "1h")
    until("the address is banned", lambda: guess(own_gateway, name, PASSWORD).status == 429, PROMISE)
    assert 3500 <= int(guess(own_gateway, name, PASSWORD).headers["retry-after"]) <= 3600
    operations = [event["operation"] for event in own_gateway.cli_json("audit", "list") if event["operation"].startswith("ban.")]
    assert operations == ["ban.add", "ban.lift", "ban.begin"]


def test_a_ban_holds_on_another_replica_and_is_lifted_there_too(recorder: Recorder, tmp_path: Path) -> None:
    one = configured(tmp_path / "one", recorder.url).start()
    two = configured(tmp_path / "two", recorder.url, store=tmp_path / "one").start()
    try:
        name = one.add_user("alice", "developer")
        assert [guess(one, name).status for _ in range(10)] == [401] * 10
        until("the ban is stored", lambda: two.cli_json("ban", "list"))
        # Few guesses, and wrong ones: ten would be a ban of this replica's own, and a right one would be remembered.
        until("the other replica refuses", lambda: guess(two, name).status == 429, 1.0, every=0.2)
        assert 40 <= int(guess(two, name).headers["retry-after"]) <= 60
        two.cli("ban", "lift", name)
        for replica in (one, two):
            until("the ban is lifted", lambda replica=replica: guess(replica, name, PASSWORD).status == 303, PROMISE)
    finally:
        one.stop()
        two.stop()
