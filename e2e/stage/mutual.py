"""How is a gateway with client certificates made and spoken to?"""

import http.client
import ssl
from pathlib import Path

from .pki import Authority, Leaf
from .prefect import Server
from .raw import WebSocket
from .recorder import Recorder
from .tls import tls_gateway

FLOWS = "/api/flows/filter"
RULES = """
[[certificates]]
san_dns = "Worker.example.org"
principal = "w-dns"
[[certificates]]
san_uri = "urn:example:worker:7"
principal = "w-uri"
[[certificates]]
spiffe_id = "spiffe://example.org/prefect/worker"
principal = "w-spiffe"
[[certificates]]
common_name = "worker one"
principal = "w-cn"
[[certificates]]
common_name = "both"
principal = "w-dns"
[[certificates]]
common_name = "ghost"
principal = "nobody-of-this-name"
"""


class Place:
    """A gateway that asks for client certificates, and the CAs around it."""

    def __init__(self, folder: Path, upstream: Recorder | Server, mode: str = "optional", workspace: str = "") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = Authority(folder / "ca")
        self.printed = self.ca.issue("printed")
        self.ca_file, self.crl_file = folder / "clients.pem", folder / "clients.crl"
        self.ca_file.write_text(self.ca.ca.read_text())
        self.crl_file.write_text(self.ca.crl())
        printed = ":".join(self.printed.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
        client = f'[tls.client]\nca_file = "clients.pem"\nmode = "{mode}"\ncrl_file = "clients.crl"\n'
        rules = f'{RULES}[[certificates]]\nfingerprint = "{printed}"\nprincipal = "w-printed"\n'
        self.gateway = tls_gateway(folder, upstream.url, workspace=workspace, more=client + rules)
        # rustls takes no CA for a server's certificate, as openssl's self-signed ones are; the file holds its issuer too, to be trusted.
        server = self.ca.issue("localhost", "DNS:localhost", usage="serverAuth")
        (folder / "cert.pem").write_text(server.cert.read_text() + self.ca.ca.read_text())
        (folder / "key.pem").write_text(server.key.read_text())
        for name in ("w-dns", "w-uri", "w-spiffe", "w-cn", "w-printed"):
            self.gateway.cli("service-account", "add", name, "--role", "worker")

    def start(self, leaf: Leaf | None = None) -> "Place":
        """Starts the gateway; `leaf` is for one that lets nobody in without."""
        self.gateway._is_ready = lambda: ask(self, leaf, "GET", "/lictor/ready").status == 200
        self.gateway.start()
        return self

    def context(self, leaf: Leaf | None) -> ssl.SSLContext:
        """What a client trusts and shows."""
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        if leaf:
            context.load_cert_chain(leaf.cert, leaf.key)
        return context

    def connect(self, leaf: Leaf | None) -> http.client.HTTPSConnection:
        """A connection that stays open."""
        return http.client.HTTPSConnection("localhost", self.gateway.port, context=self.context(leaf), timeout=10)

    def socket(self, leaf: Leaf | None, path: str = "/api/events/in", **more) -> WebSocket:
        """A websocket."""
        return WebSocket(self.gateway.port, path, tls=self.context(leaf), **more)


class Said:
    """What came back."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.body, self.headers = response.status, response.read(), response.headers
        self.reason = self.headers.get("x-lictor-reason")


def request(connection: http.client.HTTPSConnection, method: str = "POST", path: str = FLOWS, headers: dict[str, str] | None = None) -> Said:
    """One request on an open connection."""
    connection.request(method, path, body=b"{}" if method == "POST" else None, headers={"Content-Type": "application/json", **(headers or {})})
    return Said(connection.getresponse())


def ask(place: Place, leaf: Leaf | None, method: str = "POST", path: str = FLOWS, headers: dict[str, str] | None = None) -> Said:
    """One request on a connection of its own."""
    connection = place.connect(leaf)
    try:
        return request(connection, method, path, headers)
    finally:
        connection.close()


def turned_away(place: Place, leaf: Leaf | None) -> bool:
    """Whether the handshake ended in an alert. TLS 1.3 clients learn of it at the first read."""
    try:
        ask(place, leaf)
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return True
    return False
