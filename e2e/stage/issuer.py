"""Who issues tokens in the tests? One that only publishes keys, as GitHub does, and speaks for its opaque tokens when asked."""

import base64
import secrets
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .provider import CLIENT, SECRET, Claims, Provider
from .signing import SigningKey

AUDIENCE = "https://prefect.example.com"


class Issuer(Provider):
    """An issuer on loopback, over TLS when it has a certificate."""

    def __init__(self, name: str = "issuer", path: str = "", *, cert: Path | None = None, cert_key: Path | None = None, shown: str | None = None) -> None:
        super().__init__(name, path)
        self.opaque: dict[str, Claims] = {}
        self.introspected: list[str] = []
        # What must be shown to see the keys.
        self.shown = shown
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, cert_key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.issuer = self.issuer.replace("http:", "https:").replace("127.0.0.1", "localhost")

    def metadata(self) -> Claims:
        """No more than GitHub's says."""
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", "id_token_signing_alg_values_supported": ["RS256"]}

    def claims(self, **changes: Any) -> Claims:
        """The claims of a job's token, with some changed or (by null) left out."""
        now = int(time.time())
        claims: Claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "repo:org/app:ref:refs/heads/main", "iat": now, "nbf": now, "exp": now + 300, "jti": secrets.token_hex(8), **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: SigningKey | None = None, header: Claims | None = None, **changes: Any) -> str:
        """A job's token."""
        return (key or self.key).sign(self.claims(**changes), **(header or {}))

    def opaque_token(self, prefix: str = "", **claims: Any) -> str:
        """A token that means nothing to anybody but its issuer."""
        token = prefix + secrets.token_urlsafe(24)
        self.opaque[token] = {"active": True, "token_type": "Bearer", "iss": self.issuer, **claims}
        return token

    def count(self, what: str) -> int:
        """How often something was asked for."""
        return self.asked.count(what)

    def more(self, path: str, form: dict[str, str], headers: Any) -> tuple[int, Claims] | None:
        """What it answers besides a provider."""
        if path == "keys" and self.shown and headers.get("Authorization") != f"Bearer {self.shown}":
            return 401, {"error": "unauthorized"}
        if path != "introspect":
            return None
        name, _, secret = base64.b64decode(headers.get("Authorization", "").removeprefix("Basic ")).decode().partition(":")
        if (unquote(name), unquote(secret)) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        self.introspected.append(form["token"])
        return 200, self.opaque.get(form["token"], {"active": False})


def rule(name: str, account: str, **claims: str) -> str:
    """A rule that leads from these claims to a service account."""
    tests = ", ".join(f'{{ claim = "{claim}", equals = "{value}" }}' for claim, value in claims.items())
    return f'[[issuers.{name}.rules]]\nall_of = [{tests}]\nservice_account = "{account}"\n'


def signed(issuer: Issuer, name: str, *rules: str, more: str = "") -> str:
    """The table of an issuer whose signature counts."""
    return f'[issuers.{name}]\nissuer = "{issuer.issuer}"\naudiences = ["{AUDIENCE}"]\ntoken_type = "jwt"\n{more}\n' + "".join(rules)


def asked(issuer: Issuer, name: str, *rules: str, more: str = "") -> str:
    """The table of an issuer that is asked about each token."""
    return (
        f'[issuers.{name}]\nissuer = "{issuer.issuer}"\nintrospection_url = "{issuer.issuer}/introspect"\nclient_id = "{CLIENT}"\n'
        f'client_secret_env = "IDP_SECRET"\n{more}\n' + "".join(rules)
    )
