"""Is a big store still pleasant to use? The server's time for the first page of each list, and what a change costs.

Times are those of a client that keeps its connection open, on loopback, after one request that warms up; with them stands
the gateway's own CPU time (from /proc). What takes longer than 200 ms is marked.
"""

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from big_store import DAY, WORKSPACES, Filled, Sizes, fill
from compare import LICTOR, cpu_seconds, free_port, wait_for

PASSWORD = "a quiet harbour at noon"
LONG = 0.2
API = "/lictor/api/v1"
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


class Running:
    """A gateway on the store, with its owner signed in."""

    def __init__(self, folder: Path, url: str, program: Path) -> None:
        self.folder, self.program, self.port, self.origin = folder, program, free_port(), free_port()
        self.config = folder / "lictor.toml"
        (folder / "auth").write_text("admin:only-lictor-knows")
        places = "".join(f'[workspaces.{name}]\nauth_string_file = "auth"\nupstream = "http://127.0.0.1:{self.origin}"\n' + (f'prefix = "/{name}"\n' if at else "") for at, name in enumerate(WORKSPACES))
        self.config.write_text(f'listen = "127.0.0.1:{self.port}"\n[store]\nurl = "{url}"\n{places}')
        self.process: subprocess.Popen | None = None
        self.headers: dict[str, str] = {}
        self.key = ""

    def cli(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run([self.program, *arguments, "--config", self.config], input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"lictor {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def start(self) -> float:
        began = time.monotonic()
        log = (self.folder / "gateway.log").open("wb")
        self.process = subprocess.Popen([self.program, "serve", "--config", self.config], stdout=log, stderr=log)
        wait_for(f"http://127.0.0.1:{self.port}/lictor/ready")
        return time.monotonic() - began

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(30)

    def sign_in(self) -> None:
        form = urllib.parse.urlencode({"name": "olga", "password": PASSWORD, "next": "/"})
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        client.request("POST", "/lictor/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"})
        answer = client.getresponse()
        if answer.status != 303:
            sys.exit(f"olga cannot sign in: {answer.status} {answer.read()[:300]!r}")
        self.headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], **BROWSER}
        self.key = self.cli("key", "create", "--for", "olga", "--label", "bench")

    def cpu(self) -> float:
        return cpu_seconds([self.process.pid])

    def memory(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def row(what: str, times: list[float], cpu: float, bound: float | None = LONG) -> bool:
    is_long = bound is not None and statistics.median(times) > bound
    took = f"{statistics.median(times) * 1000:9.1f} {max(times) * 1000:9.1f}" if times else f"{'–':>9} {'–':>9}"
    print(f"{what:58} {took} {max(cpu, 0.0) * 1000:9.1f}{'  <-- over 200 ms' if is_long else ''}", flush=True)
    return is_long


def measure(gateway: Running, what: str, rounds: int, ask: Callable[[http.client.HTTPConnection], None]) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    ask(client)
    began, times = gateway.cpu(), []
    for _ in range(rounds):
        at = time.perf_counter()
        ask(client)
        times.append(time.perf_counter() - at)
    client.close()
    return row(what, times, (gateway.cpu() - began) / rounds)


def get(path: str, headers: dict[str, str]) -> Callable[[http.client.HTTPConnection], None]:
    def ask(client: http.client.HTTPConnection) -> None:
        client.request("GET", path, headers=headers)
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {body[:300]!r}")

    return ask


def pages(filled: Filled, year: str) -> list[tuple[str, str]]:
    admin = "/lictor/admin"
    someone, team = urllib.parse.quote(filled.someone), filled.team
    return [
        ("overview", admin), ("people", f"{admin}/people"), ("people, searched", f"{admin}/people?q=person09"), ("service accounts", f"{admin}/service-accounts"),
        ("teams", f"{admin}/teams"), ("a team of 2,500", f"{admin}/team?name={team}"), ("roles", f"{admin}/roles"), ("grants", f"{admin}/grants"), ("grants, searched", f"{admin}/grants?q=person09"),
        ("keys", f"{admin}/keys"), ("keys, searched", f"{admin}/keys?q=person09"), ("keys that end soon", f"{admin}/keys?show=ending"), ("sessions", f"{admin}/sessions"), ("bans", f"{admin}/bans"),
        ("workspaces", f"{admin}/workspaces"), ("a user", f"{admin}/principal?name={someone}"), ("a service account", f"{admin}/principal?name={filled.machine}"),
        ("what would break: disabling", f"{admin}/principal/disable?name={someone}"), ("what would break: a team", f"{admin}/team/remove?name={team}"), ("what would break: a role", f"{admin}/roles/remove?name=custom-03"),
        ("record, the last day", f"{admin}/audit"), ("record, of one actor", f"{admin}/audit?actor={filled.machine}"), ("record, refusals of a year", f"{admin}/audit?outcome=refused&since={year}"),
        ("record, one operation of a year", f"{admin}/audit?operation=key.revoke&since={year}"), ("record, all of a year", f"{admin}/audit?since={year}"),
    ]  # fmt: skip


def lists(filled: Filled) -> list[str]:
    names = ["users", "service-accounts", "teams", "roles", "grants", "keys", "sessions", "bans", "workspaces", "audit"]
    return [f"{API}/{name}" for name in names] + [f"{API}/keys?for={filled.machine}", f"{API}/audit?outcome=refused", f"{API}/teams/{filled.team}"]


def all_lists(gateway: Running, filled: Filled, rounds: int, now: int) -> int:
    year = time.strftime("%Y-%m-%dT%H:%M", time.gmtime((now - 364 * DAY) / 1e6))
    bearer = {"Authorization": f"Bearer {gateway.key}"}
    long = sum(measure(gateway, f"page: {what}", rounds, get(path, gateway.headers)) for what, path in pages(filled, urllib.parse.quote(year)))
    return long + sum(measure(gateway, f"api:  {path.removeprefix(API)}", rounds, get(path, bearer)) for path in lists(filled))


def commands(gateway: Running) -> None:
    for arguments in (("user", "list"), ("key", "list"), ("audit", "list"), ("grant", "list"), ("export",)):
        before, began = os.times(), time.perf_counter()
        gateway.cli(*arguments)
        spent, after = time.perf_counter() - began, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        row(f"command: lictor {' '.join(arguments)} (all of it)", [spent], cpu, None)


def holds(gateway: Running, key: str, status: int) -> float:
    """How long until a request with the key is answered so, seen by another connection than the one that made the change."""
    began, pause = time.perf_counter(), threading.Event()
    while time.perf_counter() - began < 30:
        client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        client.request("GET", f"{API}/me", headers={"Authorization": f"Bearer {key}"})
        answer = client.getresponse()
        answer.read()
        if answer.status == status:
            return time.perf_counter() - began
        pause.wait(0.01)
    sys.exit(f"a change did not hold within 30 s: {status} was not answered")


def changes(gateway: Running, filled: Filled, rounds: int) -> None:
    """Each made by another process, as by another replica; the CPU is what the gateway spent to take it in."""
    made: list[str] = []

    def change(what: str, arguments: Callable[[int], tuple[str, ...]], proof: Callable[[int], tuple[str, int] | None]) -> None:
        times, cpu = [], []
        for at in range(rounds):
            before = gateway.cpu()
            said = gateway.cli(*arguments(at))
            if what == "a key is made":
                made.append(said)
            proven = proof(at)
            times += [holds(gateway, *proven)] if proven else []
            threading.Event().wait(1.0)
            cpu.append(gateway.cpu() - before)
        row(f"change: {what}" + (", until it holds" if times else ", to take it in"), times, statistics.median(cpu), None)

    change("a key is made", lambda at: ("key", "create", "--for", "olga", "--label", f"made-{at}"), lambda at: (made[at], 200))
    change("a key is revoked", lambda at: ("key", "revoke", f"made-{at}"), lambda at: (made[at], 401))
    change("a grant", lambda at: ("grant", "add", filled.machine, "--role", "worker", "--workspace", WORKSPACES[at % 5]), lambda _: None)
    change("a role of one's own", lambda at: ("role", "add", f"bench-{time.time_ns()}", "--based-on", "viewer"), lambda _: None)


def per_request(gateway: Running, keys: list[str], requests: int = 3000) -> float:
    """CPU for one request whose key is known and whose answer is ours: no upstream is in it."""
    client = http.client.HTTPConnection("127.0.0.1", gateway.port)
    began = gateway.cpu()
    for at in range(requests):
        get(f"{API}/me", {"Authorization": f"Bearer {keys[at % len(keys)]}"})(client)
    return (gateway.cpu() - began) / requests


def make(folder: Path, sizes: Sizes, program: Path, now: int) -> tuple[Running, Filled]:
    gateway = Running(folder, f"sqlite://{folder}/lictor.db", program)
    gateway.cli("user", "add", "olga", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    return gateway, fill(folder / "lictor.db", sizes, now)


def small(folder: Path, program: Path, now: int) -> float:
    folder.mkdir()
    gateway, filled = make(folder, Sizes(principals=30, keys=60, events=100, sessions=5, teams=2), program, now)
    try:
        gateway.start()
        gateway.sign_in()
        return per_request(gateway, filled.keys[:10])
    finally:
        gateway.stop()


def run(folder: Path, chosen: argparse.Namespace) -> int:
    now = time.time_ns() // 1000
    began = time.monotonic()
    gateway, filled = make(folder, Sizes(), chosen.program, now)
    if chosen.postgres:
        gateway.cli("backup", "--output", str(folder / "backup"))
        gateway = Running(folder, chosen.postgres, chosen.program)
        gateway.cli("restore", str(folder / "backup"))
    print(f"a store of 10,000 principals, 100,000 keys and 1,000,000 events, made in {time.monotonic() - began:.0f} s")
    try:
        print(f"start: ready after {gateway.start():.2f} s, {gateway.cpu():.2f} s of CPU, {gateway.memory():.0f} MiB of memory\n")
        gateway.sign_in()
        print(f"{'':58} {'median ms':>9} {'worst ms':>9} {'CPU ms':>9}")
        long = all_lists(gateway, filled, chosen.rounds, now)
        commands(gateway)
        changes(gateway, filled, 5)
        few = small(folder / "small", chosen.program, now)
        many = per_request(gateway, filled.keys)
        print(f"\nCPU for one request with a key: {few * 1e6:.0f} us with some ten keys, {many * 1e6:.0f} us with 100,000")
        print(f"after all of it: {gateway.memory():.0f} MiB of memory; {long} lists over 200 ms")
    finally:
        gateway.stop()
    return 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--program", type=Path, default=LICTOR)
    options.add_argument("--postgres", help="an empty database, as postgres://…, to measure on instead of SQLite")
    options.add_argument("--keep", type=Path, help="make the store in this folder, and leave it there")
    chosen = options.parse_args()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="lictor-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        sys.exit(run(folder, chosen))
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
