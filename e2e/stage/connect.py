"""How is `lictor connect` run? One process beside a client, between it and a gateway with TLS."""

import signal
import subprocess
from pathlib import Path
from typing import Any

from . import http
from .gateway import Gateway, binary
from .pki import Leaf, replace
from .wait import free_port, until


class Connect:
    """`lictor connect` with a certificate, or with a token in a file."""

    def __init__(self, folder: Path, gateway: Gateway, credential: Leaf | str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.err = free_port(), folder / "connect.log"
        self.cert, self.key, self.token = folder / "cert.pem", folder / "key.pem", folder / "token"
        self.use(credential)
        shown = ["--token-file", self.token] if isinstance(credential, str) else ["--cert", self.cert, "--key", self.key]
        command = [binary(), "connect", f"https://localhost:{gateway.port}", "--listen", f"127.0.0.1:{self.port}", "--ca", gateway.folder / "cert.pem", *shown]
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(command, stderr=err, stdin=subprocess.DEVNULL)
        until("connect listens", lambda: "clients set PREFECT_API_URL" in self.log(), 20)

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://127.0.0.1:{self.port}"

    def use(self, credential: Leaf | str) -> None:
        """Puts another credential into its files."""
        if isinstance(credential, str):
            replace(self.token, credential + "\n")
        else:
            replace(self.cert, credential.cert.read_text())
            replace(self.key, credential.key.read_text())

    def renew(self, credential: Leaf | str) -> None:
        """The same, and waits until it is in use."""
        before = self.log().count("the credential has changed: ")
        self.use(credential)
        until("the new credential is in use", lambda: self.log().count("the credential has changed: ") > before, 10)

    def log(self) -> str:
        """Everything it printed."""
        return self.err.read_text()

    def ask(self, method: str, path: str, **more: Any) -> http.Answer:
        """One request through it."""
        return http.ask(self.port, method, path, **more)

    def stop(self) -> int:
        """Ends it as a service manager would."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)
