"""How is a gateway with TLS made and spoken to? With a certificate of its own, and with curl, which speaks both versions of HTTP."""

import subprocess
from pathlib import Path

from .gateway import Gateway


def tls_gateway(folder: Path, upstream: str, *, workspace: str = "", more: str = "", tls: str = "", top: str = "") -> Gateway:
    """`lictor serve` with a certificate for localhost, not yet started; `workspace`, `more`, `tls` and `top` are lines of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(make, check=True, capture_output=True)
    config = folder / "lictor.toml"
    gateway = Gateway(folder, config=config)
    config.write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n{top}\n[tls]\ncert_file = "cert.pem"\nkey_file = "key.pem"\n{tls}\n'
        f'[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{upstream}"\n{workspace}\n{more}\n'
    )
    gateway.add_user("root", "owner")
    gateway._is_ready = lambda: curl(gateway, "--http1.1", "/lictor/ready").endswith("200")  # its own probe speaks plain HTTP
    return gateway


def curl(gateway: Gateway, *arguments: str, body: Path | None = None) -> str:
    """The answer's headers, then its HTTP version and status on the last line; its body goes into `body`."""
    *options, path = arguments
    command = ["curl", "--silent", "--max-time", "20", "--cacert", str(gateway.folder / "cert.pem"), "--dump-header", "-", "--output", str(body or "/dev/null"), "--write-out", "%{http_version} %{http_code}"]
    result = subprocess.run([*command, *options, f"https://localhost:{gateway.port}{path}"], capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else f"{result.stdout}\ncurl: error {result.returncode}"
