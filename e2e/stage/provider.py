"""What if an identity provider misbehaves? One that does as the test says, and is right in everything else.

The test is the person's browser: it carries the address of Lictor's redirection to `authorize`, and the answer back."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from .signing import SigningKey, b64

Claims = dict[str, Any]
CLIENT, SECRET = "lictor", "s3cret:with/odd+letters"


class Provider:
    """An OpenID provider on loopback."""

    def __init__(self, name: str = "idp", path: str = "") -> None:
        self.name = name
        self.key = SigningKey(f"{name}-1")
        self.published = [self.key.jwk()]
        self.people: Claims = {"sub": "person-1", "preferred_username": "ada", "groups": ["eng"]}
        self.userinfo: Claims = {}
        self.refreshes = True
        self.names_issuer = True
        self.auth_methods: list[str] | None = ["client_secret_basic", "client_secret_post"]
        # What the test spoils: the claims of an ID token, the token itself, a whole answer by its path.
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = lambda claims: self.key.sign(claims)
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.hangs: set[str] = set()
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: dict[str, Claims] = {}
        self.sessions: dict[str, str] = {}
        self.asked: list[str] = []
        self.token_requests: list[tuple[dict[str, str], str]] = []
        self.is_closed = False
        self._go_on = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self.server.server_address[1]
        self.issuer = f"http://127.0.0.1:{self.port}{path}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Goes away, open connections included."""
        self.is_closed = True
        self._go_on.set()
        self.server.shutdown()
        self.server.server_close()

    def metadata(self) -> Claims:
        """What it says of itself."""
        said = {
            "issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "userinfo_endpoint": f"{self.issuer}/userinfo", "end_session_endpoint": f"{self.issuer}/end",
            "response_types_supported": ["code"], "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            "authorization_response_iss_parameter_supported": self.names_issuer, "code_challenge_methods_supported": ["plain", "S256"],
        }  # fmt: skip
        return {**said, **({"token_endpoint_auth_methods_supported": self.auth_methods} if self.auth_methods is not None else {})}

    # --- the person's browser ---

    def authorize(self, location: str, **more: str | None) -> str:
        """The person signs in: the query of the answer, with parameters added, changed, or (by null) left out."""
        asked = dict(parse_qsl(urlsplit(location).query, strict_parsing=True))
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], **({"iss": self.issuer} if self.names_issuer else {}), **more}
        return urlencode({name: value for name, value in answer.items() if value is not None})

    # --- its own side ---

    def rotate(self, *, keep: bool = False) -> None:
        """Signs with another key from now on."""
        self.key = SigningKey(f"{self.name}-{len(self.published) + 1}-{secrets.token_hex(2)}")
        self.published = [*(self.published if keep else []), self.key.jwk()]

    def logout_token(self, key: SigningKey | None = None, header: Claims | None = None, **changes: Any) -> str:
        """A logout token about the last session, with claims changed, or (by null) left out."""
        now = int(time.time())
        claims: Claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8), "sub": self.people["sub"],
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return (key or self.key).sign(claims, **{"typ": "logout+jwt", **(header or {})})

    def more(self, path: str, form: dict[str, str], headers: Any) -> tuple[int, Claims] | None:
        """What else it answers: nothing."""
        return None

    def _tokens(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self.refresh_tokens:
                return 400, {"error": "invalid_grant"}
            return 200, self._grant(self.refresh_tokens.pop(form["refresh_token"]), None)
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked.get("code_challenge_method") != "S256" or asked.get("code_challenge") != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, self._grant({"sid": secrets.token_hex(4)}, asked.get("nonce"))

    def _is_client(self, form: dict[str, str], authorization: str) -> bool:
        methods = self.auth_methods or ["client_secret_basic"]
        if authorization.startswith("Basic ") and "client_secret_basic" in methods:
            name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            return (unquote(name), unquote(secret)) == (CLIENT, SECRET)
        return "client_secret_post" in methods and (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)

    def _grant(self, session: Claims, nonce: str | None) -> Claims:
        access, now = secrets.token_urlsafe(16), int(time.time())
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims: Claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "at_hash": b64(half), **self.people, **session}
        if nonce is not None:
            claims["nonce"] = nonce
        self.sessions[access] = session["sid"]
        tokens: Claims = {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": self.sign(self.spoil(claims))}
        if self.refreshes:
            tokens["refresh_token"] = secrets.token_urlsafe(16)
            self.refresh_tokens[tokens["refresh_token"]] = session
        return tokens

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                self.reply({name: values[0] for name, values in parse_qs(body).items()})

            def reply(self, form: dict[str, str]) -> None:
                path = urlsplit(self.path).path.rsplit("/", 1)[-1]
                provider.asked.append(path)
                if path in provider.hangs:
                    provider._go_on.wait(30)
                if path in provider.hangs or provider.is_closed:
                    self.close_connection = True
                    return
                status, kind, body = provider.answers.get(path) or self.right(path, form)
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", body.decode())
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def right(self, path: str, form: dict[str, str]) -> tuple[int, str, bytes]:
                status, said = 200, {}
                authorization = self.headers.get("Authorization", "")
                if more := provider.more(path, form, self.headers):
                    status, said = more
                elif path == "openid-configuration":
                    said = provider.metadata()
                elif path == "keys":
                    said = {"keys": provider.published}
                elif path == "token":
                    provider.token_requests.append((form, authorization))
                    status, said = provider._tokens(form, authorization)
                elif path == "userinfo":
                    known = authorization.removeprefix("Bearer ") in provider.sessions
                    status, said = (200, {"sub": provider.people["sub"], **provider.userinfo}) if known else (401, {"error": "invalid_token"})
                else:
                    status = 404
                return status, "application/json", json.dumps(said).encode()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
