"""Where do real Prefect servers and clients come from? From one virtual environment per version, in a clean environment."""

import os
import re
import signal
import subprocess
from pathlib import Path

from . import http
from .wait import free_port, until

ROOT = Path(__file__).resolve().parents[2]
NEWEST = "3.8.8"
VERSIONS = ("3.0.11", "3.2.15", "3.4.25", "3.6.29", NEWEST)
PROGRAMS = Path(__file__).resolve().parents[1] / "programs"


def bin_of(version: str) -> Path:
    """The programs of one version."""
    return ROOT / ".venvs" / version / "bin"


def clean_env(home: Path, version: str) -> dict[str, str]:
    """Nothing of this machine's own Prefect settings, and no waiting for the network."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{bin_of(version)}:/usr/bin:/bin",
        "HOME": str(home),
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_CLI_COLORS": "false",
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
    }


class Server:
    """One real, unmodified Prefect Server."""

    def __init__(self, folder: Path, version: str = NEWEST, auth: str | None = "admin:only-lictor-knows") -> None:
        self.version, self.auth, self.port = version, auth, free_port()
        self.env = clean_env(folder, version)
        (folder / ".prefect").mkdir(exist_ok=True)
        if auth:
            self.env["PREFECT_SERVER_API_AUTH_STRING"] = auth
        self.log_file = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        """Starts it; `wait` says when it answers."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [bin_of(self.version) / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)],
                env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )
        return self

    def wait(self, seconds: float = 120) -> "Server":
        """Waits until it answers."""
        until(f"Prefect {self.version} answers", self._answers, seconds, every=0.2)
        return self

    def _answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise SystemExit(f"Prefect {self.version} ended:\n{self.log_file.read_text()[-3000:]}")
        return http.ask(self.port, "GET", "/api/health", timeout=3).status == 200

    def ask(self, method: str, path: str, body=None) -> http.Answer:
        """Asks it directly, past the gateway."""
        return http.ask(self.port, method, path, body=body, headers=http.basic(self.auth) if self.auth else {})

    def kill(self) -> None:
        """Ends it at once, with whatever it started."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


class Client:
    """A person's machine: a version of Prefect, and the settings that carry the credential."""

    def __init__(self, home: Path, version: str, **settings: str) -> None:
        self.version, self.home = version, home
        self.env = {**clean_env(home, version), **settings}

    def run(self, program: str, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Runs one of our programs to its end."""
        return self.command("python", str(PROGRAMS / program), *arguments, timeout=timeout)

    def command(self, *command: str, timeout: float = 240, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs any command of that environment to its end."""
        return subprocess.run(
            [str(bin_of(self.version) / command[0]), *command[1:]], env=self.env, cwd=cwd or self.home,
            capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
        )

    def begin(self, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """Starts a command that goes on."""
        with log.open("ab") as out:
            return subprocess.Popen(
                # A job in the background of a script ignores interrupts, and so would all that it starts.
                ["env", "--default-signal=INT", str(bin_of(self.version) / command[0]), *command[1:]], env=self.env, cwd=self.home,
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
            )


def refusals(log: Path) -> list[str]:
    """What a client wrote down of requests and sockets that were refused it; three digits alone may be part of a time or an id."""
    return re.findall(r"401 Unauthorized|403 Forbidden|HTTP 40[13]\b", log.read_text())


def end(process: subprocess.Popen[bytes], how: int = signal.SIGTERM, seconds: float = 30) -> int:
    """Ends a process that `begin` started, and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, how)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(10)
