"""How many requests per second, and how much CPU for each, does Lictor take beside nginx? One interleaved run, medians, ratios."""

import argparse
import base64
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "e2e"))
os.environ["LICTOR_BIN"] = str(ROOT / "target/release/lictor")

from stage import http, prefect  # noqa: E402
from stage.gateway import Gateway  # noqa: E402
from stage.wait import free_port, until  # noqa: E402

PATH = "/api/flows/3f3f1c9e-0000-4000-8000-000000000001"
BODY = '{"id":"3f3f1c9e-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00Z","updated":"2026-01-01T00:00:00Z","name":"bench","tags":[],"labels":{},"padding":"' + "x" * 39 + '"}'
PASSWORD = "a-bench-password"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Case:
    """One thing to measure: where, with which headers, and whose CPU counts."""

    name: str
    port: int
    headers: dict[str, str] = field(default_factory=dict)
    pids: Callable[[], list[int]] = lambda: []
    rounds: list[tuple[float, float, float, float]] = field(default_factory=list)

    def median(self, index: int) -> float:
        """The median over the rounds."""
        return statistics.median(each[index] for each in self.rounds)


def children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [below for child in (task / "children").read_text().split() for below in children(int(child))]
    return found


def cpu(pids: list[int]) -> float:
    """CPU seconds used so far, user and system."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def milliseconds(text: str) -> float:
    """`690.00us`, `1.70ms` or `1.12s`, as milliseconds."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def measure(case: Case, seconds: int, connections: int) -> None:
    """One round of wrk; adds requests per second, p50, p99 (ms) and CPU seconds per 100,000 requests."""
    headers = [part for name, value in case.headers.items() for part in ("-H", f"{name}: {value}")]
    pids = case.pids()
    before = cpu(pids)
    ran = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20s", *headers, f"http://127.0.0.1:{case.port}{PATH}"],
        capture_output=True, text=True, check=True,
    ).stdout
    used = cpu(pids) - before
    if "Non-2xx" in ran or "Socket errors" in ran:
        print(f"  {case.name}: {[line.strip() for line in ran.splitlines() if 'Non-2xx' in line or 'errors' in line]}")
    requests = int(re.search(r"(\d+) requests in", ran)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", ran)[1])
    p50, p99 = (milliseconds(re.search(rf"\s{quantile}%\s+(\S+)", ran)[1]) for quantile in (50, 99))
    case.rounds.append((rate, p50, p99, used / max(requests, 1) * 100_000))


class Nginx:
    """One nginx with its own folder; `server` is the inside of its server block."""

    def __init__(self, folder: Path, server: str, workers: int = 2) -> None:
        folder.mkdir()
        self.port = free_port()
        conf = folder / "nginx.conf"
        conf.write_text(
            f"worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log; daemon off;\n"
            "events { worker_connections 1024; }\n"
            f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;\n"
            f"{server.replace('PORT', str(self.port))} }}\n"
        )
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(conf)], stderr=subprocess.DEVNULL)

    def pids(self) -> list[int]:
        """The master and its workers."""
        return children(self.process.pid)


def proxy(upstream: int, more: str = "") -> str:
    """An nginx that proxies over kept connections, as its manual says."""
    return (
        f"upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}\n"
        f'server {{ listen 127.0.0.1:PORT reuseport; {more} location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }} }}'
    )


def print_table(cases: list[Case], base: Case) -> None:
    """Medians, and the ratio of CPU to a peer's."""
    print(f"{'':34} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU s/100k':>11} {'CPU ÷ ' + base.name:>22} {'spread':>7}")
    for case in cases:
        used = [each[3] for each in case.rounds]
        ratio = f"{case.median(3) / base.median(3):.2f}" if base.median(3) and case.pids() else "–"
        spread = f"±{(max(used) - min(used)) / 2 / (case.median(3) or 1) * 100:.0f} %" if case.pids() else "–"
        shown = f"{case.median(3):.2f}" if case.pids() else "–"
        print(f"{case.name:34} {case.median(0):9.0f} {case.median(1):8.2f} {case.median(2):8.2f} {shown:>11} {ratio:>22} {spread:>7}")


def proxies(folder: Path, rounds: int, seconds: int, connections: int, started: list) -> None:
    """Lictor beside nginx, before a fixed answer."""
    fixed = Nginx(folder / "fixed", f"server {{ listen 127.0.0.1:PORT reuseport; location / {{ default_type application/json; return 200 '{BODY}'; }} }}")
    plain = Nginx(folder / "plain", proxy(fixed.port))
    users = folder / "htpasswd"
    subprocess.run(["htpasswd", "-nbB", "-C", "10", "bench", PASSWORD], check=True, stdout=users.open("w"))
    guarded = Nginx(folder / "guarded", proxy(fixed.port, f'auth_basic "x"; auth_basic_user_file {users};'))
    started += [fixed.process, plain.process, guarded.process]
    gateway = Gateway(folder / "lictor", "--upstream", f"http://127.0.0.1:{fixed.port}")
    started.append(gateway)
    gateway.start()
    key = gateway.newcomer("viewer")[1]
    gateway.add_user("bench", "viewer", PASSWORD)
    basic = {"Authorization": "Basic " + base64.b64encode(f"bench:{PASSWORD}".encode()).decode()}

    def lictor() -> list[int]:
        return children(gateway.process.pid)

    nginx = Case("nginx, no auth", plain.port, {}, plain.pids)
    cases = [
        Case("direct", fixed.port),
        nginx,
        Case("Lictor, key (Bearer)", gateway.port, http.bearer(key), lictor),
        Case("Lictor, key (Basic)", gateway.port, http.basic(key), lictor),
        Case("Lictor, password (Basic)", gateway.port, basic, lictor),
        Case("nginx, htpasswd bcrypt cost 10", guarded.port, basic, guarded.pids),
    ]
    for case in cases:
        until(case.name, lambda case=case: http.ask(case.port, "GET", PATH, headers=case.headers).status == 200)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for case in cases:
            measure(case, seconds, connections)
    print(f"\nA fixed {len(BODY)}-byte answer, {connections} connections, median of {rounds} interleaved rounds of {seconds} s")
    print_table(cases, nginx)


def with_prefect(folder: Path, rounds: int, seconds: int, started: list) -> None:
    """What Lictor adds to a real Prefect: 4 connections, so that Prefect's own queue does not drown it."""
    server = prefect.Server(folder / "prefect").start()
    started.append(server)
    server.wait()
    gateway = Gateway(folder / "before-prefect", "--upstream", server.url, env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""})
    started.append(gateway)
    gateway.start()
    key = gateway.newcomer("developer")[1]
    global PATH
    flow = gateway.ask("POST", "/api/flows/", key=key, body={"name": "bench"}).json()["id"]
    PATH = f"/api/flows/{flow}"
    alone = Case("Prefect alone", server.port, http.basic(server.auth or ""), lambda: children(server.process.pid))
    both = Case("Lictor before it (Lictor's CPU)", gateway.port, http.bearer(key), lambda: children(gateway.process.pid))
    for _ in range(rounds):
        for case in (alone, both):
            measure(case, seconds, 4)
    print(f"\nA real Prefect {server.version}, GET of one flow, 4 connections, median of {rounds} interleaved rounds of {seconds} s")
    print_table([alone, both], alone)


def main() -> None:
    """Runs it all and ends what it started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    chosen = parser.parse_args()
    started: list = []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        try:
            proxies(Path(folder), chosen.rounds, chosen.seconds, chosen.connections, started)
            with_prefect(Path(folder), min(chosen.rounds, 3), chosen.seconds, started)
        finally:
            for each in reversed(started):
                if hasattr(each, "kill"):
                    each.kill() if not isinstance(each, subprocess.Popen) else each.terminate()


if __name__ == "__main__":
    main()
