"""Does a person's machine get a key by a browser's word, do real clients run with what it wrote, and is nobody tricked into giving one away?"""

import json
import shlex
import stat
import uuid
from pathlib import Path

import pytest

from stage.browser import drive as browse
from stage.gateway import PASSWORD, Gateway
from stage.login import CODE, GRANT, Machine, allow, program, show
from stage.pki import Authority, replace
from stage.prefect import NEWEST, Client, end
from stage.recorder import Recorder
from stage.several import before
from stage.steps_sockets import opens
from stage.tls import curl, tls_gateway
from stage.visitor import Visitor, said
from stage.wait import free_port, until
from test_clients import run_everything

OTHERS = '# mine\nactive = "old" # at home\n\n[profiles.old]\n# kept\nPREFECT_API_URL = "http://127.0.0.1:1/api"\n'


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway in front of the recording upstream, of this module's own: codes are counted by address."""
    gateway = Gateway(tmp_path_factory.mktemp("login"), "--upstream", recorder.url, env={"LICTOR_UPSTREAM_AUTH_STRING": "admin:x"}).start()
    yield gateway
    gateway.stop()


def person(gateway: Gateway, role: str = "developer") -> tuple[str, Visitor]:
    """Somebody new, signed in."""
    name, visitor = gateway.add_user(f"p-{uuid.uuid4().hex[:8]}", role), Visitor(gateway.port)
    assert visitor.sign_in(name, PASSWORD).status == 303
    return name, visitor


@pytest.fixture(scope="module")
def signed_in(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that logged in where a real Prefect is."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    waiting = machine.begin(gateway.url)
    allow(person(gateway)[1], waiting.code)
    waiting.end()
    return machine


# Each client in its own way: 3.0 reads no profile with the pydantic-settings of today, and takes the variables.
@pytest.mark.parametrize("version", ["3.2.15", "3.4.25", "3.6.29", NEWEST])
def test_a_real_client_runs_with_the_profile_and_all_of_it_arrives(version: str, gateway: Gateway, owner: str, signed_in: Machine, tmp_path: Path) -> None:
    client = Client(tmp_path, version)
    (tmp_path / "profiles.toml").write_bytes(signed_in.profiles.read_bytes())
    run_everything(client, lambda method, path, body=None: gateway.ask(method, path, key=owner, body=body), uuid.uuid4().hex[:8])
    shown = client.command("prefect", "profile", "inspect")
    assert shown.returncode == 0 and f"PREFECT_API_URL='{gateway.url}/api'" in shown.stdout, shown.stdout + shown.stderr


def test_the_oldest_client_runs_with_the_variables(gateway: Gateway, owner: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    waiting = machine.begin(gateway.url, "--env")
    allow(person(gateway)[1], waiting.code)
    lines = waiting.end().splitlines()
    assert not machine.profiles.exists()
    client = Client(tmp_path / "client", "3.0.11", **dict(shlex.split(line)[1].split("=", 1) for line in lines))
    run_everything(client, lambda method, path, body=None: gateway.ask(method, path, key=owner, body=body), uuid.uuid4().hex[:8])


@pytest.mark.smoke
def test_a_machine_logs_in_is_known_and_logs_out(quick: Gateway, tmp_path: Path) -> None:
    machine, (name, visitor) = Machine(tmp_path), person(quick)
    machine.profiles.write_text(OTHERS)
    machine.profiles.chmod(0o644)
    waiting = machine.begin(quick.url, "--json")
    assert f"{quick.url}/lictor/device\n" in waiting.log.read_text()
    page = said(show(visitor, waiting.code.lower()))
    assert "alice@" in page and f"acts as {name}" in page and "127.0.0.1" in page
    allow(visitor, waiting.code, label="my laptop", expires="1d")
    done = json.loads(waiting.end())
    profile = f"127-0-0-1-{quick.port}"
    assert (done["name"], done["profile"], done["key"]["label"], done["overridden_by"]) == (name, profile, "my laptop", [])
    text, key = machine.profiles.read_text(), machine.key(profile)
    assert text.startswith(OTHERS.replace('"old" #', f'"{profile}" #')) and machine.is_private()
    assert key not in waiting.log.read_text() + waiting.out.read_text()

    who = machine.json("whoami")
    assert (who["name"], who["gateway"], who["profile"], who["key"]["label"]) == (name, quick.url, profile, "my laptop")
    assert who["workspaces"] == [{"workspace": "default", "roles": ["developer"]}]
    (listed,) = quick.cli_json("key", "list", "--for", name)
    assert listed["expires_at"] == who["key"]["expires_at"] == done["key"]["expires_at"]
    assert name in machine.run("whoami").stdout and "my laptop" in machine.run("whoami").stdout
    socket = opens(quick.port, key)

    assert quick.ask("POST", "/api/flows/filter", key=key, body={}).status == 200
    out = machine.run("logout")
    assert out.returncode == 0 and f"the key is revoked, and the profile \"{profile}\" is removed" in out.stdout, out
    assert quick.ask("POST", "/api/flows/filter", key=key, body={}).reason == "revoked-key"
    assert socket.until_closed(5) == 1008
    left = machine.profiles.read_text()
    assert "[profiles.old]\n# kept" in left and profile not in left and "active" not in left
    assert "no profile is active" in machine.run("whoami").stderr
    did = [event["operation"] for event in quick.cli_json("audit", "list", "--actor", name)]
    assert [each for each in did if each.startswith(("key.", "device."))] == ["key.revoke", "key.create", "device.allow"]


def test_nothing_secret_of_a_login_is_logged_or_on_record(quick: Gateway) -> None:
    _, visitor = person(quick)
    begun = program(quick.port, "/lictor/device/code", label="secretive").json()
    allow(visitor, begun["user_code"])
    got = until("the key", lambda: program(quick.port, "/lictor/device/token", grant_type=GRANT, device_code=begun["device_code"]).json().get("access_token"), 30, every=6)
    written = quick.log() + quick.cli("audit", "list", "--limit", "1000", "--json")
    assert "device.allow" in written
    for secret in (got, begun["device_code"], begun["user_code"]):
        assert secret not in written
        for kept in quick.data.glob("lictor.db*"):
            assert secret.encode() not in kept.read_bytes(), kept


def test_what_is_denied_or_given_up_makes_no_key(quick: Gateway, tmp_path: Path) -> None:
    name, visitor = person(quick)
    machine = Machine(tmp_path)
    denied = machine.begin(quick.url)
    assert "device-denied" in visitor.send("/lictor/device", code=denied.code, decision="deny").headers["location"]
    assert denied.process.wait(60) == 1 and "it was denied in the browser" in denied.log.read_text()
    given_up = machine.begin(quick.url)
    assert given_up.interrupt() == 130 and "no key was made" in given_up.log.read_text()
    # Nobody comes for it any more, so a yes makes no key either.
    allow(visitor, given_up.code)
    assert quick.cli_json("key", "list", "--for", name) == []
    assert "PREFECT" not in machine.profiles.read_text()


def test_a_program_that_asks_too_often_is_slowed_down_and_a_code_is_used_once(quick: Gateway) -> None:
    _, visitor = person(quick)
    begun = program(quick.port, "/lictor/device/code").json()

    def ask() -> str:
        return program(quick.port, "/lictor/device/token", grant_type=GRANT, device_code=begun["device_code"]).json().get("error", "")

    assert ask() == "authorization_pending" and ask() == "slow_down"
    allow(visitor, begun["user_code"])
    until("the key", lambda: ask() == "", 60, every=16)
    assert ask() == "invalid_grant"
    assert visitor.send("/lictor/device", code=begun["user_code"]).status == 404


def test_the_browser_is_opened_where_there_is_one_and_the_page_stays_the_gateways(quick: Gateway, tmp_path: Path) -> None:
    _, visitor = person(quick)
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" >{opened}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    machine = Machine(tmp_path / "machine", BROWSER=str(browser))
    waiting = machine.begin(quick.url, "--no-browser")
    waiting.interrupt()
    assert not opened.exists()
    waiting = machine.begin(quick.url)
    url = until("a browser is opened", lambda: opened.exists() and opened.read_text())
    assert url == f"{quick.url}/lictor/device?code={waiting.code}"
    page = visitor.get(url)
    assert page.status == 200 and f'value="{waiting.code}"' in page.body.decode()
    waiting.interrupt()


def test_a_profile_that_cannot_be_kept_is_told_before_anybody_is_asked(quick: Gateway, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.profiles.write_text("active = ")
    ran = machine.run("login", quick.url)
    assert ran.returncode == 1 and "left as they are" in ran.stderr and not CODE.search(ran.stderr)
    for url, told in [("http://192.0.2.1", "plain HTTP to another machine"), ("ftp://x", "must be a URL")]:
        assert told in machine.run("login", url).stderr


def test_what_is_no_lictor_is_told_apart(recorder: Recorder, tmp_path: Path) -> None:
    ran = Machine(tmp_path).run("login", recorder.url)
    assert ran.returncode == 1 and "does not answer as Lictor does" in ran.stderr, ran.stderr


def test_behind_a_private_ca_the_profile_names_it_and_clients_and_commands_trust_it(tmp_path: Path, server) -> None:
    (tmp_path / "auth").write_text(server.auth)
    gateway = tls_gateway(tmp_path / "gateway", server.url, workspace=f'auth_string_file = "{tmp_path}/auth"')
    authority = Authority(tmp_path / "ca")
    leaf = authority.issue("localhost", "DNS:localhost", usage="serverAuth")
    replace(gateway.folder / "cert.pem", leaf.cert.read_text())
    replace(gateway.folder / "key.pem", leaf.key.read_text())
    gateway.start()
    try:
        machine, url, ca = Machine(tmp_path / "machine"), f"https://localhost:{gateway.port}", authority.ca
        assert "does not answer" in machine.run("login", url).stderr
        waiting = machine.begin(url, "--ca-file", str(ca), "--profile", "secure")
        cookies = tmp_path / "cookies"

        def send(path: str, **fields: str) -> str:
            data = [word for name, value in fields.items() for word in ("--data-urlencode", f"{name}={value}")]
            return curl(gateway, "--cookie", str(cookies), "--cookie-jar", str(cookies), "--header", "Sec-Fetch-Site: same-origin", *data, path)

        assert send("/lictor/sign-in", name="root", password=PASSWORD).endswith("303")
        assert "device-allowed" in send("/lictor/device", code=waiting.code, decision="allow", label="x", expires="1d")
        waiting.end()
        assert machine.json("whoami")["gateway"] == url
        client = Client(tmp_path / "client", NEWEST)
        (client.home / "profiles.toml").write_bytes(machine.profiles.read_bytes())
        ran = client.run("small_flow.py")
        assert ran.returncode == 0, ran.stderr[-2000:]
        assert "is revoked" in machine.run("logout").stdout
    finally:
        gateway.stop()


def test_a_logout_that_does_not_reach_the_gateway_changes_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    text = '[profiles.gate]\nPREFECT_API_URL = "http://127.0.0.1:1/api"\nPREFECT_API_KEY = "lictor_x"\nPREFECT_LOGGING_LEVEL = "DEBUG"\n'
    machine.profiles.write_text(text)
    ran = machine.run("logout", "--profile", "gate")
    assert ran.returncode == 1 and "nothing was changed" in ran.stderr and machine.profiles.read_text() == text
    ran = machine.run("logout", "--profile", "gate", "--only-here")
    assert ran.returncode == 0 and "keeps its other settings" in ran.stdout
    assert machine.profiles.read_text() == '[profiles.gate]\nPREFECT_LOGGING_LEVEL = "DEBUG"\n'
    assert "no profile" in machine.run("whoami", "--profile", "other").stderr


def test_what_the_environment_sets_comes_first_and_is_said(quick: Gateway, tmp_path: Path) -> None:
    name, key = quick.newcomer("viewer")
    machine = Machine(tmp_path, PREFECT_API_URL=f"{quick.url}/api", PREFECT_API_AUTH_STRING=f"{name}:{key}")
    who = machine.json("whoami")
    assert (who["name"], who["kind"], who["profile"]) == (name, "service-account", None)
    assert "comes from the environment" in machine.run("logout").stderr
    waiting = machine.begin(quick.url)
    allow(person(quick)[1], waiting.code)
    assert "this shell sets PREFECT_API_URL and PREFECT_API_AUTH_STRING" in waiting.end()


def test_a_narrow_key_tells_of_itself_and_ends_itself(quick: Gateway, tmp_path: Path) -> None:
    machine, (name, visitor) = Machine(tmp_path), person(quick)
    waiting = machine.begin(quick.url, "--profile", "narrow")
    allow(visitor, waiting.code, read_only="yes")
    waiting.end()
    assert machine.json("whoami")["key"]["limits"] == "read-only"
    assert quick.ask("POST", "/api/variables/", key=machine.key("narrow"), body={"name": "x", "value": 1}).reason == "key-too-narrow"
    quick.cli("key", "revoke", quick.cli_json("key", "list", "--for", name)[0]["id"])
    until("it is revoked", lambda: "revoked-key" in machine.run("whoami").stderr)
    out = machine.run("logout")
    assert out.returncode == 0 and "the key was of no use any more" in out.stdout


def test_an_address_does_not_ask_for_codes_without_end(own_gateway: Gateway) -> None:
    answers = [program(own_gateway.port, "/lictor/device/code") for _ in range(31)]
    assert [answer.status for answer in answers] == [200] * 30 + [429]
    assert answers[-1].reason == "too-many-codes"


def test_a_member_of_one_workspace_of_several_is_led_to_that_one(recorder: Recorder, tmp_path: Path) -> None:
    workspaces = {"main": f'upstream = "{recorder.url}"', "research": f'upstream = "{recorder.url}"\nprefix = "/research"'}
    gateway = before(tmp_path / "gateway", workspaces).start()
    try:
        gateway.add_user("alice")
        gateway.cli("grant", "add", "alice", "--role", "viewer", "--workspace", "research")
        visitor, machine = Visitor(gateway.port), Machine(tmp_path / "machine")
        assert visitor.sign_in("alice", PASSWORD).status == 303
        waiting = machine.begin(gateway.url, "--profile", "lab")
        assert "only in main" not in said(show(visitor, waiting.code))
        allow(visitor, waiting.code)
        waiting.end()
        assert f'PREFECT_API_URL = "{gateway.url}/research/api"' in machine.profiles.read_text()
        assert machine.json("whoami")["workspaces"] == [{"workspace": "research", "roles": ["viewer"]}]
        assert gateway.ask("POST", "/research/api/flows/filter", key=machine.key("lab"), body={}).status == 200
        assert "is revoked" in machine.run("logout").stdout
    finally:
        gateway.stop()


def drive(*arguments: str) -> dict:
    """A deed of login.mjs."""
    return json.loads(browse("login.mjs", *arguments))


@pytest.mark.parametrize("mode", ["js", "nojs"])
def test_a_person_with_a_real_browser_lets_a_program_in(mode: str, quick: Gateway, tmp_path: Path) -> None:
    name, machine = quick.add_user(f"p-{uuid.uuid4().hex[:8]}", "developer"), Machine(tmp_path)
    waiting = machine.begin(quick.url, "--profile", "gate")
    drive(quick.url, mode, "device", f"{quick.url}/lictor/device?code={waiting.code}", name, PASSWORD, waiting.code)
    waiting.end()
    who = machine.json("whoami")
    assert (who["name"], who["key"]["label"]) == (name, "by browser")


# What the client runs when a person chooses the browser in `prefect cloud login`; the browser is told to the test instead.
BROWSER_LOGIN = """
import asyncio, inspect, sys, webbrowser
webbrowser.open_new_tab = lambda url: print("OPEN", url, flush=True)
try:
    from prefect.cli._cloud_utils import login_api, login_with_browser
except ImportError:
    from prefect.cli.cloud import login_api, login_with_browser
# A fault of the client's: the FastAPI that 3.8.8 needs has no such attribute, on which its browser login rests.
if not hasattr(login_api, "extra"):
    login_api.extra = {}
from rich.console import Console
arguments = [Console()] if inspect.signature(login_with_browser).parameters else []
print("KEY", asyncio.run(login_with_browser(*arguments)), flush=True)
"""


def browser_login(quick: Gateway, home: Path, version: str, mode: str, deed: str) -> tuple[int, str, dict, str]:
    """Logs a client in by a real browser; answers its exit code, what it printed, what the browser saw, and whose key it should be."""
    name = quick.add_user(f"p-{uuid.uuid4().hex[:8]}", "developer")
    client, log = Client(home, version, PREFECT_CLOUD_API_URL=f"{quick.url}/api"), home / "login.log"
    process = client.begin("python", "-c", BROWSER_LOGIN, log=log)
    try:
        url = until("the client opens a browser", lambda: [line for line in log.read_text().splitlines() if line.startswith("OPEN ")], 60)[0][5:]
        assert url.startswith(f"{quick.url}/auth/client?callback=http")
        seen = drive(quick.url, mode, deed, url, name, PASSWORD)
        # Without scripts nothing reaches it, and it would wait for two minutes.
        code = end(process, seconds=60) if mode == "nojs" else process.wait(60)
    finally:
        end(process)
    return code, log.read_text(), seen, name


@pytest.mark.parametrize("version", ["3.0.11", "3.4.25", NEWEST])
def test_the_clients_own_browser_login_gets_a_key(version: str, quick: Gateway, tmp_path: Path) -> None:
    code, printed, seen, name = browser_login(quick, tmp_path, version, "js", "client")
    assert code == 0, printed
    key = next(line for line in printed.splitlines() if line.startswith("KEY "))[4:]
    assert quick.ask("POST", "/api/flows/filter", key=key, body={}).status == 200
    (listed,) = quick.cli_json("key", "list", "--for", name)
    assert listed["label"] == "prefect cloud login, Chrome on Linux" and listed["expires_at"]
    assert key not in seen["left"], "the key stays on a page that is left open"


def test_the_clients_browser_login_is_told_of_a_no(quick: Gateway, tmp_path: Path) -> None:
    code, printed, _, name = browser_login(quick, tmp_path, NEWEST, "js", "refuse")
    assert code == 1 and "it was denied in the browser" in printed, printed
    assert quick.cli_json("key", "list", "--for", name) == []


def test_without_scripts_or_without_the_client_the_key_is_shown_to_paste(quick: Gateway, tmp_path: Path) -> None:
    seen = browser_login(quick, tmp_path, NEWEST, "nojs", "client")[2]
    words = shlex.split(seen["command"])
    assert words[:-1] == [f"PREFECT_CLOUD_API_URL={quick.url}/api", "prefect", "cloud", "login", "--key"]
    assert quick.ask("POST", "/api/flows/filter", key=words[-1], body={}).status == 200
    name = quick.add_user(f"p-{uuid.uuid4().hex[:8]}", "developer")
    seen = drive(quick.url, "js", "client", f"{quick.url}/auth/client?callback=http%3A//localhost:{free_port()}", name, PASSWORD)
    assert "does not answer" in seen["told"] and quick.ask("POST", "/api/flows/filter", key=shlex.split(seen["command"])[-1], body={}).status == 200
