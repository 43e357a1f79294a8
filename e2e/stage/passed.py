"""How is a gateway made that believes a proxy about its client's certificate, and how does each proxy write it?"""

import base64
import ssl
from pathlib import Path
from urllib.parse import quote

from . import http
from .gateway import Gateway
from .mutual import FLOWS
from .neighbour import Neighbour
from .pki import Authority, Leaf
from .raw import WebSocket
from .recorder import Recorder

TOKEN = "put-your-own-token-here"
HEADERS = {"rfc9440": "Client-Cert", "pem": "X-Client-Cert", "base64": "X-Forwarded-Tls-Client-Cert", "xfcc": "X-Forwarded-Client-Cert"}
RULES = '[[certificates]]\ncommon_name = "worker one"\nprincipal = "w-one"\n[[certificates]]\ncommon_name = "worker two"\nprincipal = "w-two"\n'


def der(leaf: Leaf) -> bytes:
    """The certificate itself."""
    return ssl.PEM_cert_to_DER_cert(leaf.cert.read_text())


def written(form: str, leaf: Leaf) -> dict[str, str]:
    """The header in which a proxy of that kind passes a certificate on."""
    text = base64.b64encode(der(leaf)).decode()
    escaped = quote(leaf.cert.read_text(), safe="")
    xfcc = f'By=spiffe://example.org/gate;Hash={leaf.fingerprint};Subject="CN=a;b,c";Cert="{escaped}";Chain="{escaped}";URI='
    return {HEADERS[form]: {"rfc9440": f":{text}:", "pem": escaped, "base64": text, "xfcc": xfcc}[form]}


class Passed:
    """A gateway behind proxies on this machine, in plain HTTP, and the CA of its clients."""

    def __init__(self, folder: Path, upstream: Recorder, form: str = "pem", proxies: str = "127.0.0.1", more: str = "") -> None:
        self.folder, self.form = folder, form
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = Authority(folder / "ca")
        self.ca_file, self.crl_file = folder / "clients.pem", folder / "clients.crl"
        self.ca_file.write_text(self.ca.ca.read_text())
        self.crl_file.write_text(self.ca.crl())
        (folder / "token").write_text(TOKEN + "\n")
        config = folder / "lictor.toml"
        self.gateway = Gateway(folder, config=config)
        config.write_text(
            f'listen = "127.0.0.1:{self.gateway.port}"\ntrusted_proxies = ["127.0.0.1"]\n[store]\nurl = "sqlite://{folder}/lictor.db"\n'
            f'[certificate_header]\nproxies = ["{proxies}"]\ntoken_file = "token"\nformat = "{form}"\nca_file = "clients.pem"\ncrl_file = "clients.crl"\n'
            f'[workspaces.main]\nupstream = "{upstream.url}"\n[workspaces.locked]\nupstream = "{upstream.url}"\nhosts = ["locked.localhost"]\nclient_certificate = "required"\n{RULES}{more}'
        )
        for name in ("w-one", "w-two"):
            self.gateway.cli("service-account", "add", name, "--role", "worker")
        self.gateway.start()

    def as_proxy(self, leaf: Leaf | None, **more: str) -> http.Answer:
        """A request as the proxy passes it on."""
        shown = written(self.form, leaf) if leaf else {}
        return http.ask(self.gateway.port, "POST", FLOWS, body={}, headers={"X-Lictor-Token": TOKEN, **shown, **more})

    def nginx(self, recorder: Recorder, verify: str = "optional") -> "Nginx":
        """The real one, as the guide has it."""
        return Nginx(self, recorder, verify)


class Nginx(Neighbour):
    """nginx that ends TLS and asks for certificates."""

    def __init__(self, place: Passed, recorder: Recorder, verify: str) -> None:
        server = place.ca.issue("localhost", "DNS:localhost, DNS:locked.localhost", usage="serverAuth")
        self.ca = place.ca.ca
        swap = {
            "127.0.0.1:8443": "127.0.0.1:PORT",
            "server_name prefect.example.com": "server_name localhost locked.localhost",
            "/etc/nginx/tls/fullchain.pem": str(server.cert),
            "/etc/nginx/tls/privkey.pem": str(server.key),
            "/etc/nginx/tls/clients-ca.pem": str(place.ca.ca),
            "ssl_verify_client optional": f"ssl_verify_client {verify}",
        }
        super().__init__("nginx", place.folder / f"nginx-{verify}", place.gateway.port, recorder.port, file="nginx-certificates.conf", swap=swap)

    def context(self, leaf: Leaf | None) -> ssl.SSLContext:
        """What a client trusts and shows."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if leaf:
            context.load_cert_chain(leaf.cert, leaf.key)
        return context

    def ask(self, leaf: Leaf | None, headers: dict[str, str] | None = None) -> http.Answer:
        """One request through it."""
        import http.client as client

        connection = client.HTTPSConnection("localhost", self.port, context=self.context(leaf), timeout=10)
        try:
            connection.request("POST", FLOWS, body=b"{}", headers={"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return http.Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def socket(self, leaf: Leaf | None, **more) -> WebSocket:
        """A websocket through it."""
        return WebSocket(self.port, "/api/events/in", tls=self.context(leaf), **more)
