"""How is a proxy that people already have run? The real one, with the configuration that the guide hands out."""

import socket
import subprocess
from pathlib import Path

from .wait import free_port, until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy/behind-your-proxy"
FILES = {"nginx": "nginx.conf", "caddy": "Caddyfile", "haproxy": "haproxy.cfg"}


class Neighbour:
    """nginx, Caddy or HAProxy between a client and the recording upstream, asking a gateway for decisions."""

    def __init__(self, kind: str, folder: Path, gateway: int, prefect: int, *, file: str = "", swap: dict[str, str] | None = None) -> None:
        """`file` is another configuration than the usual one, and `swap` what else is written differently in it."""
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        text = (DEPLOY / (file or FILES[kind])).read_text()
        usual = {"127.0.0.1:4200": f"127.0.0.1:{prefect}", "127.0.0.1:8080": f"127.0.0.1:{self.port}"}
        for written, real in {"127.0.0.1:4300": f"127.0.0.1:{gateway}", **(usual if swap is None else swap)}.items():
            assert written in text
            text = text.replace(written, real.replace("PORT", str(self.port)))
        config = folder / FILES[kind]
        self.log = folder / f"{kind}.log"
        if kind == "nginx":
            places = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            text = f"pid {folder}/nginx.pid; daemon off; error_log {folder}/error.log info; events {{}} http {{ access_log off; {places}\n{text}\n}}"
            command = ["/usr/sbin/nginx", "-e", str(folder / "error.log"), "-c", str(config)]
        elif kind == "caddy":
            text = "{\n\tadmin off\n\tauto_https off\n}\n" + text
            command = ["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
        else:
            text = text.replace("lua-load lictor.lua", f"lua-load {DEPLOY / 'lictor.lua'}")
            command = ["/usr/sbin/haproxy", "-db", "-f", str(config)]
        config.write_text(text)
        with self.log.open("ab") as log:
            env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env, start_new_session=True)
        until(f"{kind} listens", self._listens, 20)

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"it ended:\n{self.log.read_text()[-3000:]}")
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def stop(self) -> None:
        """Ends it."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
