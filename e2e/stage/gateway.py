"""How is the real binary run? One `Gateway` is one process on a folder of its own, with the command line at its side."""

import json
import os
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any

from . import http
from .wait import free_port, until

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a quiet harbour at noon"


def binary() -> Path:
    """The program under test."""
    return Path(os.environ.get("LICTOR_BIN", ROOT / "target/debug/lictor"))


class CommandFailed(AssertionError):
    """A command of the program ended with an error."""

    def __init__(self, arguments: tuple[str, ...], result: subprocess.CompletedProcess[str]) -> None:
        super().__init__(f"lictor {' '.join(arguments)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        self.stderr = result.stderr
        self.stdout = result.stdout
        self.code = result.returncode


class Gateway:
    """`lictor up` (or `lictor serve`) and the folder that it works on."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None, config: Path | None = None, port: int | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.port = port or free_port()
        self.config = config
        self.arguments = arguments
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.out, self.err = folder / "out.log", folder / "err.log"

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """How it is started."""
        if self.config:
            return [str(binary()), "serve", "--config", str(self.config)]
        return [str(binary()), "up", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *self.arguments]

    def start(self, seconds: float = 60) -> "Gateway":
        """Starts it and waits until it is ready."""
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=self.env, start_new_session=True)
        until("the gateway is ready", self._is_ready, seconds)
        return self

    def _is_ready(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise SystemExit(f"lictor ended with {self.process.returncode}:\n{self.log()[-4000:]}")
        return http.ask(self.port, "GET", "/lictor/ready", timeout=2).status == 200

    def wait_until_up(self, seconds: float = 120) -> None:
        """Waits for the last lines of `up`: Prefect answers too."""
        until("the last lines of `lictor up`", lambda: "Lictor is up." in self.out.read_text().split("\f")[-1], seconds)

    def stop(self, seconds: float = 30) -> int:
        """Ends it as a service manager would."""
        if not self.process or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it as a power cut would; a Prefect of its own goes on."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def log(self) -> str:
        """Everything it printed so far."""
        return "".join(path.read_text(errors="replace") for path in (self.out, self.err) if path.exists())

    # --- the command line ---

    def run(self, *arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command on this gateway's store, whatever it answers."""
        place = ["--config", str(self.config)] if self.config else ["--data", str(self.data)]
        return subprocess.run([str(binary()), *arguments, *place], input=stdin or "", capture_output=True, text=True, env={**self.env, **(env or {})}, timeout=240, check=False)

    def cli(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs a command that must succeed; answers what it printed."""
        result = self.run(*arguments, stdin=stdin)
        if result.returncode != 0:
            raise CommandFailed(arguments, result)
        return result.stdout.strip()

    def cli_json(self, *arguments: str, stdin: str | None = None) -> Any:
        """The same with `--json`."""
        return json.loads(self.cli(*arguments, "--json", stdin=stdin))

    def add_user(self, name: str, role: str | None = None, password: str = PASSWORD) -> str:
        """A person with a password."""
        self.cli("user", "add", name, *(["--role", role] if role else []), "--password-stdin", stdin=password + "\n")
        return name

    def add_service_account(self, name: str, role: str | None = None) -> str:
        """A machine, and a key of its own."""
        self.cli("service-account", "add", name, *(["--role", role] if role else []))
        return self.key(name)

    def key(self, name: str, *more: str) -> str:
        """A new key for somebody."""
        return self.cli("key", "create", "--for", name, *more)

    def newcomer(self, role: str | None) -> tuple[str, str]:
        """A service account that no other test knows, and its key."""
        name = f"{role or 'nobody'}-{uuid.uuid4().hex[:8]}"
        return name, self.add_service_account(name, role)

    def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> http.Answer:
        """One request, as the holder of a key."""
        headers = {**(http.bearer(key) if key else {}), **more.pop("headers", {})}
        return http.ask(self.port, method, path, headers=headers, **more)


def under(path: str, folder: Path, upstream: str, auth: str = "admin:only-lictor-knows") -> Gateway:
    """A gateway that clients find under a path, not yet started. `url` stays its own address."""
    port = free_port()
    return Gateway(folder, "--upstream", upstream, "--public-url", f"http://127.0.0.1:{port}{path}/", env={"LICTOR_UPSTREAM_AUTH_STRING": auth}, port=port)
