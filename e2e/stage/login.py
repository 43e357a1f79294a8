"""How does a person's machine sign in? `lictor login` on a home of its own, and a browser somewhere else that says yes or no."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

from . import http
from .gateway import binary
from .visitor import Visitor, said
from .wait import until

CODE = re.compile(r"^    ([B-Z]{4}-[B-Z]{4})$", re.M)
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Waiting:
    """`lictor login` while it waits."""

    def __init__(self, process: subprocess.Popen[str], log: Path, out: Path) -> None:
        self.process, self.log, self.out = process, log, out
        self.code = until("the code is printed", self._code, 20)

    def _code(self) -> str | None:
        found = CODE.search(self.log.read_text())
        assert found or self.process.poll() is None, self.log.read_text()
        return found[1] if found else None

    def end(self, seconds: float = 60) -> str:
        """Waits for its end, which must be a good one; answers standard output."""
        code = self.process.wait(seconds)
        assert code == 0, self.log.read_text()
        return self.out.read_text()

    def interrupt(self) -> int:
        """Ctrl-C; answers the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


class Machine:
    """A machine of somebody's, on which the command line and Prefect's client share a home."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.profiles = home / "profiles.toml"
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PREFECT_HOME": str(home), "USER": "alice", **env}
        self.count = 0

    def begin(self, url: str, *arguments: str) -> Waiting:
        """Begins `lictor login`."""
        self.count += 1
        log, out = self.home / f"login-{self.count}.err", self.home / f"login-{self.count}.out"
        command = ["env", "--default-signal=INT", str(binary()), "login", url, *arguments]
        with log.open("w") as err, out.open("w") as stdout:
            process = subprocess.Popen(command, stdout=stdout, stderr=err, stdin=subprocess.DEVNULL, env=self.env, text=True, start_new_session=True)
        return Waiting(process, log, out)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on this machine."""
        return subprocess.run([str(binary()), *arguments], env=self.env, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)

    def json(self, *arguments: str):
        """The same, which must succeed."""
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def key(self, profile: str) -> str:
        """The key in a profile."""
        table = self.profiles.read_text().split(f"[profiles.{profile}]")[1].split("[")[0]
        return re.search(r'PREFECT_API_KEY = "(\w+)"', table)[1]

    def is_private(self) -> bool:
        """Whether nobody else can read the profiles."""
        return os.stat(self.profiles).st_mode & 0o777 == 0o600


def show(visitor: Visitor, code: str) -> http.Answer:
    """The page that says who asks."""
    page = visitor.send("/lictor/device", code=code)
    assert page.status == 200, said(page)
    return page


def allow(visitor: Visitor, code: str, label: str = "laptop", expires: str = "30d", **more: str) -> None:
    """A person looks, and says yes."""
    show(visitor, code)
    answer = visitor.send("/lictor/device", code=code, decision="allow", label=label, expires=expires, **more)
    assert answer.headers["location"].endswith("/lictor/device?done=device-allowed"), said(answer)


def program(port: int, path: str, **fields: str) -> http.Answer:
    """What a program sends that is not ours."""
    from urllib.parse import urlencode

    body = urlencode({"client_id": "lictor", **fields}).encode()
    return http.ask(port, "POST", path, body=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
