"""What does a request cost through Lictor, and what through its peers? Requests per second and CPU per request, side by side.

Every peer is driven by wrk in turn, round after round, so that a machine whose speed drifts slows them all alike. The figure
to trust is the proxy's own CPU time per request (from /proc, workers included) as a ratio within the run.
"""

import argparse
import base64
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICTOR = ROOT / "target/release/lictor"
PREFECT = ROOT / ".venvs/3.8.8/bin/prefect"
PASSWORD = "a sentence nobody guesses 42"
TICKS = os.sysconf("SC_CLK_TCK")
ANY = ssl._create_unverified_context()
PATH = "/api/flows/00000000-0000-4000-8000-000000000000"
BODY = '{"id":"00000000-0000-4000-8000-000000000000","name":"' + "x" * 137 + '"}'  # 200 bytes

NGINX = """
worker_processes {workers};
pid {dir}/{name}.pid;
error_log {dir}/{name}.err;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
    keepalive_requests 1000000000;
    upstream prefect {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
    server {{ listen 127.0.0.1:{port} {options}; location / {{ {location} }} }}
}}
"""
PROXY = 'proxy_pass http://prefect; proxy_http_version 1.1; proxy_set_header Connection "";'


@dataclass
class Peer:
    name: str
    port: int
    header: str | None
    pids: list[int]
    path: str = PATH
    script: str | None = None
    scheme: str = "http"
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def round(self, connections: int, seconds: float) -> None:
        began = cpu_seconds(self.pids)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}", "--latency", "--timeout", "10s"]
        if self.header:
            command += ["-H", self.header]
        if self.script:
            command += ["-s", self.script]
        said = subprocess.run([*command, f"{self.scheme}://127.0.0.1:{self.port}{self.path}"], capture_output=True, text=True, check=True).stdout
        spent = cpu_seconds(self.pids) - began
        if "Non-2xx" in said:
            sys.exit(f"{self.name} answered other than 200:\n{said}")
        self.note(int(re.search(r"(\d+) requests in", said)[1]), spent)
        self.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]))
        self.p50.append(micros(re.search(r"\s50%\s+(\S+)", said)[1]))
        self.p99.append(micros(re.search(r"\s99%\s+(\S+)", said)[1]))

    def h2load(self, connections: int, seconds: float, options: list[str], log: Path) -> None:
        """The same with h2load, which speaks HTTP/2 and can keep a pace."""
        began = cpu_seconds(self.pids)
        command = ["h2load", f"-c{connections}", f"-D{seconds:g}", f"--log-file={log}", *options]
        if self.header:
            command += ["-H", self.header]
        subprocess.run([*command, f"{self.scheme}://127.0.0.1:{self.port}{self.path}"], capture_output=True, check=True)
        spent = cpu_seconds(self.pids) - began
        lines = [line.split() for line in log.read_text().splitlines()]
        log.unlink()
        if strange := {status for _, status, _ in lines} - {"200"}:
            sys.exit(f"{self.name} answered {strange}")
        took = sorted(int(micros) for _, _, micros in lines)
        self.note(len(took), spent)
        self.rates.append(len(took) / seconds)
        self.p50.append(took[len(took) // 2])
        self.p99.append(took[len(took) * 99 // 100])

    def note(self, requests: int, spent: float) -> None:
        self.cpu.append(spent / max(requests, 1) * 100_000)


def micros(text: str) -> float:
    read = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    # wrk has no figure when too few requests ended within the round.
    return float(read[1]) * {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}[read[2]] if read else float("nan")


def cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory(pids: list[int]) -> float:
    """Proportional set size in MiB: what these processes would free by ending."""
    total = 0
    for pid in pids:
        total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
    return total / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, seconds: float = 120) -> None:
    pause = threading.Event()
    for _ in range(int(seconds * 10)):
        try:
            urllib.request.urlopen(url, timeout=2, context=ANY).close()
            return
        except OSError:
            pause.wait(0.1)
    sys.exit(f"{url} does not answer")


class Stage:
    """Processes of one run, ended with it."""

    def __init__(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="lictor-bench-"))
        self.running: list[subprocess.Popen] = []

    def nginx(self, name: str, location: str, upstream: int = 1, workers: int = 2, options: str = "reuseport") -> tuple[int, list[int]]:
        port = free_port()
        conf = self.dir / f"{name}.conf"
        conf.write_text(NGINX.format(dir=self.dir, name=name, workers=workers, upstream=upstream, port=port, options=options, location=location))
        os.chmod(self.dir, 0o755)
        server = subprocess.Popen([shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-c", conf, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        self.running.append(server)
        pause = threading.Event()
        while len(children := self.children(server.pid)) < workers:
            pause.wait(0.05)
        return port, [server.pid, *children]

    @staticmethod
    def children(pid: int) -> list[int]:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def lictor(self, name: str, upstream: str, *options: str) -> tuple[int, list[int], str]:
        port, data = free_port(), self.dir / name
        log = open(self.dir / f"{name}.log", "wb")
        server = subprocess.Popen([LICTOR, "up", "--data", data, "--listen", f"127.0.0.1:{port}", "--upstream", upstream, *options], stdout=log, stderr=log)
        self.running.append(server)
        wait_for(f"{'https' if '--tls' in options else 'http'}://127.0.0.1:{port}/lictor/ready")
        return port, [server.pid], self.cli(name, "key", "create", "--for", "admin")

    def cli(self, name: str, *words: str, stdin: str = "") -> str:
        command = [LICTOR, *words, "--data", self.dir / name]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()

    def origin(self) -> int:
        """What answers behind the gate: the same 200 bytes to everything."""
        port, _ = self.nginx(f"origin-{len(self.running)}", f"default_type application/json; return 200 '{BODY}';", workers=1, options="backlog=1024")
        return port

    def prefect(self) -> int:
        port = free_port()
        env = {"PATH": os.environ["PATH"], "HOME": str(self.dir), "PREFECT_HOME": str(self.dir / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        log = open(self.dir / "prefect.log", "wb")
        self.running.append(subprocess.Popen([PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)], env=env, stdout=log, stderr=log, start_new_session=True))
        wait_for(f"http://127.0.0.1:{port}/api/health")
        return port

    def end(self) -> None:
        for server in reversed(self.running):
            server.terminate()
        for server in self.running:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def table(title: str, peers: list[Peer], base: Peer) -> None:
    print(f"\n{title}\n{'':34} {'req/s':>9} {'p50 us':>9} {'p99 us':>9} {'CPU s/100k':>11} {'÷ ' + base.name.split(',')[0]:>9}")
    median = statistics.median
    for peer in peers:
        cpu = median(peer.cpu) if peer.pids else float("nan")
        ratio = f"{cpu / median(base.cpu):9.2f}" if peer.pids else f"{'':9}"
        print(f"{peer.name:34} {median(peer.rates):9.0f} {median(peer.p50):9.0f} {median(peer.p99):9.0f} {cpu:11.2f} {ratio}")


def gate(stage: Stage, rounds: int, seconds: float) -> None:
    origin = stage.origin()
    plain, plain_pids = stage.nginx("plain", PROXY, origin)
    users = stage.dir / "users"
    subprocess.run(["htpasswd", "-bcB", "-C", "10", users, "bench", "bench"], check=True, capture_output=True)
    os.chmod(users, 0o644)
    bcrypt, bcrypt_pids = stage.nginx("bcrypt", f'auth_basic "x"; auth_basic_user_file {users}; {PROXY}', origin)
    lictor, lictor_pids, key = stage.lictor("lictor", f"http://127.0.0.1:{origin}")
    stage.cli("lictor", "user", "add", "bench", "--role", "owner", "--password-stdin", stdin=f"{PASSWORD}\n")
    basic = base64.b64encode(f"bench:{PASSWORD}".encode()).decode()
    print(f"memory when idle, MiB: Lictor {memory(lictor_pids):.1f}, nginx {memory(plain_pids):.1f}")
    nginx = Peer("nginx, no authentication", plain, None, plain_pids)
    peers = [
        Peer("direct to the upstream", origin, None, []),
        nginx,
        Peer("Lictor, API key", lictor, f"Authorization: Bearer {key}", lictor_pids),
        Peer("Lictor, Basic with a password", lictor, f"Authorization: Basic {basic}", lictor_pids),
        Peer("nginx, bcrypt htpasswd (cost 10)", bcrypt, "Authorization: Basic YmVuY2g6YmVuY2g=", bcrypt_pids),
    ]
    for _ in range(rounds):
        for peer in peers:
            peer.round(64, seconds)
    table(f"64 connections, fixed 200-byte answer, median of {rounds} rounds of {seconds:g} s", peers, nginx)
    print(f"memory after it, MiB: Lictor {memory(lictor_pids):.1f}, nginx {memory(plain_pids):.1f}")


def tls(stage: Stage, rounds: int, seconds: float) -> None:
    """Both end TLS, with the same certificate; HTTP/1.1 by wrk, HTTP/2 by h2load."""
    origin = stage.origin()
    lictor, lictor_pids, key = stage.lictor("tls", f"http://127.0.0.1:{origin}", "--tls")
    folder = stage.dir / "tls" / "tls"
    options = f"ssl http2 reuseport; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem"
    plain, plain_pids = stage.nginx("tls-plain", PROXY, origin, options=options)
    bearer = f"Authorization: Bearer {key}"
    for name, is_h2 in (("HTTP/1.1", False), ("HTTP/2", True)):
        if is_h2 and not shutil.which("h2load"):
            print("\nno h2load (Debian: nghttp2-client): HTTP/2 is left out", file=sys.stderr)
            return
        nginx = Peer(f"nginx, TLS {name}", plain, None, plain_pids, scheme="https")
        peers = [nginx, Peer(f"Lictor, TLS {name}, API key", lictor, bearer, lictor_pids, scheme="https")]
        for _ in range(rounds):
            for peer in peers:
                if is_h2:
                    peer.h2load(64, seconds, ["-m1"], stage.dir / "h2load.log")
                else:
                    peer.round(64, seconds)
        table(f"TLS, {name}, 64 connections", peers, nginx)


def paced(stage: Stage, rounds: int, seconds: float) -> None:
    """How long requests take that come at a pace far below what anybody can serve."""
    if not shutil.which("h2load"):
        print("\nno h2load (Debian: nghttp2-client): the paced run is left out", file=sys.stderr)
        return
    origin = stage.origin()
    plain, plain_pids = stage.nginx("paced", PROXY, origin)
    lictor, lictor_pids, key = stage.lictor("paced-gate", f"http://127.0.0.1:{origin}")
    nginx = Peer("nginx, no authentication", plain, None, plain_pids)
    peers = [
        Peer("direct to the upstream", origin, None, []),
        nginx,
        Peer("Lictor, API key", lictor, f"Authorization: Bearer {key}", lictor_pids),
    ]
    for _ in range(rounds):
        for peer in peers:
            peer.h2load(20, seconds, ["--h1", "--rps=100"], stage.dir / "h2load.log")
    table("2,000 requests a second from 20 connections", peers, nginx)


def revoked(stage: Stage, times: int) -> None:
    """How long a running gateway goes on taking a key after `lictor key revoke` has ended."""
    lictor, _, _ = stage.lictor("revoked", f"http://127.0.0.1:{stage.origin()}")
    took = []
    for _ in range(times):
        key = stage.cli("revoked", "key", "create", "--for", "admin")
        if status(lictor, key) != 200:
            sys.exit("a fresh key is refused")
        stage.cli("revoked", "key", "revoke", key[-4:])
        began = time.monotonic()
        while status(lictor, key) == 200:
            pass
        took.append((time.monotonic() - began) * 1000)
    print(f"\nA revoked key is refused after, ms (of {times}): median {statistics.median(took):.0f}, most {max(took):.0f}")


def status(port: int, key: str) -> int:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asked.request("GET", PATH, headers={"Authorization": f"Bearer {key}"})
    answered = asked.getresponse().status
    asked.close()
    return answered


def bodies(stage: Stage, rounds: int, seconds: float) -> None:
    """What it costs to read a body, decide, and write it anew: a filter of 2 KiB, streamed on one route and inspected on the other."""
    origin = stage.origin()
    lictor, pids, key = stage.lictor("bodies", f"http://127.0.0.1:{origin}")
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(50)]
    body = json.dumps({"block_documents": {"id": {"any_": ids}}, "limit": 200, "offset": 0})
    script = stage.dir / "post.lua"
    script.write_text(f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[{body}]]\n")
    bearer = f"Authorization: Bearer {key}"
    streamed = Peer("streamed", lictor, bearer, pids, "/api/flows/filter", str(script))
    inspected = Peer("inspected and written anew", lictor, bearer, pids, "/api/block_documents/filter", str(script))
    for _ in range(rounds):
        for peer in (streamed, inspected):
            peer.round(64, seconds)
    table(f"Lictor with a JSON body of {len(body)} bytes", [streamed, inspected], streamed)


def prefect(stage: Stage, rounds: int, seconds: float) -> None:
    if not PREFECT.exists():
        print(f"\nno {PREFECT.relative_to(ROOT)}: run scripts/setup.sh to see Prefect itself", file=sys.stderr)
        return
    server = stage.prefect()
    lictor, pids, key = stage.lictor("before-prefect", f"http://127.0.0.1:{server}")
    alone = Peer("Prefect 3.8 alone", server, None, [], "/api/admin/version")
    behind = Peer("Lictor and Prefect 3.8", lictor, f"Authorization: Bearer {key}", pids, "/api/admin/version")
    for _ in range(rounds):
        for peer in (alone, behind):
            peer.round(4, seconds)
    table("4 connections, GET /api/admin/version of a real Prefect Server", [alone, behind], behind)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4)
    chosen = options.parse_args()
    stage = Stage()
    try:
        gate(stage, chosen.rounds, chosen.seconds)
        tls(stage, chosen.rounds, chosen.seconds)
        paced(stage, chosen.rounds, chosen.seconds)
        bodies(stage, chosen.rounds, chosen.seconds)
        revoked(stage, 20)
        prefect(stage, chosen.rounds, chosen.seconds)
    finally:
        stage.end()


if __name__ == "__main__":
    main()
