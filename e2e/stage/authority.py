"""Who issues our certificate in the tests? Pebble, the strict test server of the ACME protocol's authors, with names that lead to this machine."""

import http.server
import json
import os
import ssl
import subprocess
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .gateway import Gateway
from .pki import Authority
from .recorder import Recorder
from .wait import free_port, until

NAMES = ("gate.example.com", "prefect.example.com")


class Pebble:
    """The authority, asked at `dir`; it looks at challenges at two ports of this machine."""

    def __init__(self, folder: Path, *, http_port: int, tls_port: int, external: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.management = folder, free_port(), free_port()
        # Who vouches for its own address, and not for what it issues.
        self.ca = Authority(folder / "front-ca", "the authority's own CA")
        self.leaf = self.ca.issue("localhost", "DNS:localhost, IP:127.0.0.1", usage="serverAuth")
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.leaf.cert),
            "privateKey": str(self.leaf.key),
            "httpPort": http_port,
            "tlsPort": tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": external is not None,
            "externalAccountMACKeys": external or {},
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        self.dns, self.process, self.log_file = Names(folder), None, folder / "pebble.log"
        self.start()

    def start(self) -> None:
        """Starts it, knowing nothing of what it issued before."""
        env = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "1", "PEBBLE_AUTHZREUSE": "0"}
        with self.log_file.open("ab") as log:
            command = ["/usr/bin/pebble", "-strict", "-config", str(self.folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{self.dns.port}"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
        until("the authority answers", lambda: self.fetch("dir", self.port), 20)

    def fetch(self, path: str, port: int = 0) -> str:
        """What is at a path of its management, or of another port."""
        context = ssl.create_default_context(cafile=str(self.ca.ca))
        with urllib.request.urlopen(f"https://localhost:{port or self.management}/{path}", context=context, timeout=5) as answer:
            return answer.read().decode()

    @property
    def directory(self) -> str:
        """Where clients begin."""
        return f"https://localhost:{self.port}/dir"

    def root(self, folder: Path) -> Path:
        """Who vouches for what it issues."""
        path = folder / "issuing-root.pem"
        path.write_text(self.fetch("roots/0"))
        return path

    def orders(self) -> int:
        """How many certificates were asked for; a request that is sent again because its nonce was refused is one."""
        return self.log_file.read_text().count("Added order ")

    def stop(self) -> None:
        """Is away."""
        assert self.process
        self.process.terminate()
        self.process.wait(10)

    def close(self) -> None:
        """Ends for good."""
        self.stop()
        self.dns.stop()


class Names:
    """A name server to which every name is this machine."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        off = [word for each in ("http01", "https01", "tlsalpn01") for word in (f"-{each}", "")]
        command = ["/usr/bin/pebble-challtestsrv", *off, "-defaultIPv6", "", "-dns01", f"127.0.0.1:{self.port}", "-management", f"127.0.0.1:{free_port()}"]
        with (folder / "names.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(10)


class Advisor:
    """The same authority with renewal information (RFC 9773), which Debian's Pebble does not have: it says when to renew, and what is ordered then."""

    def __init__(self, pebble: Pebble) -> None:
        self.pebble, self.asked, self.due = pebble, [], False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Two answers."""

            def do_GET(self) -> None:  # noqa: N802
                """The directory, or a window."""
                if self.path == "/dir":
                    directory = json.loads(outer.pebble.fetch("dir", outer.pebble.port))
                    answer = {**directory, "renewalInfo": f"https://localhost:{outer.port}/renewal-info"}
                else:
                    outer.asked.append(self.path.rsplit("/", 1)[1])
                    start = datetime.now(UTC) + (timedelta(hours=-2) if outer.due and len(set(outer.asked)) == 1 else timedelta(days=300))
                    answer = {"suggestedWindow": {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}}
                body = json.dumps(answer).encode()
                self.send_response(200)
                for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Retry-After", "60")):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pebble.leaf.cert, pebble.leaf.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def directory(self) -> str:
        """Where clients begin."""
        return f"https://localhost:{self.port}/dir"

    def close(self) -> None:
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()


class Issued:
    """A gateway whose certificate the authority issues."""

    def __init__(self, folder: Path, upstream: Recorder, pebble: Pebble, challenge: str, *, port: int, plain: int, store: Path | None = None, acme: str = "", more: str = "", directory: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.pebble, self.plain, config = pebble, plain, folder / "lictor.toml"
        (folder / "authority.pem").write_text(pebble.ca.ca.read_text())
        self.gateway = Gateway(folder, config=config, port=port)
        names = ", ".join(f'"{name}"' for name in NAMES)
        config.write_text(
            f'listen = "127.0.0.1:{port}"\npublic_url = "https://{NAMES[0]}"\n[tls]\nredirect_from = "127.0.0.1:{plain}"\n'
            f'[tls.acme]\ndirectory = "{directory or pebble.directory}"\nca_file = "authority.pem"\ndomains = [{names}]\ncontact = ["ops@example.com"]\n'
            f'agree_to_terms = true\nchallenge = "{challenge}"\n{acme}\n[store]\nurl = "sqlite://{store or folder / "lictor.db"}"\n[workspaces.main]\nupstream = "{upstream.url}"\n{more}'
        )
        self.gateway._is_ready = self.listens

    def listens(self) -> bool:
        """Whether its door is open, with whatever certificate."""
        if self.gateway.process and self.gateway.process.poll() is not None:
            raise SystemExit(self.gateway.log()[-3000:])
        return bool(self.shown())

    def handshake(self, *, root: Path | None = None, name: str = NAMES[0], alpn: list[str] | None = None) -> ssl.SSLSocket:
        """A connection; with `root`, one that is verified."""
        import socket

        context = ssl.create_default_context(cafile=str(root)) if root else ssl._create_unverified_context()
        if alpn:
            context.set_alpn_protocols(alpn)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.gateway.port), timeout=10), server_hostname=name)

    def shown(self) -> bytes:
        """The certificate that is shown, in DER."""
        with self.handshake() as connection:
            return connection.getpeercert(binary_form=True)

    def ask(self, root: Path, path: str = "/lictor/health") -> int:
        """One request over a connection that is verified."""
        with self.handshake(root=root) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAMES[0]}\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while part := connection.recv(65_536):
                received += part
        assert received.startswith(b"HTTP/1.1 "), received
        return int(received.split(b" ", 2)[1])

    def is_issued(self, root: Path) -> bool:
        """Whether the certificate in force is the authority's."""
        with self.handshake(root=root):
            return True
