"""Where do letters go in the tests? To a real SMTP server of this machine, with STARTTLS or TLS and a password, which keeps what it takes."""

import email
import email.policy
import socket
import ssl
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from .pki import Leaf
from .wait import free_port

USER, PASSWORD = "lictor@example.com", "only-the-mail-server-knows"


class Post:
    """A mail server."""

    def __init__(self, leaf: Leaf | None = None, *, starttls: bool = True, port: int | None = None) -> None:
        self.port = port or free_port()
        self.letters: list[EmailMessage] = []
        self.envelopes: list[list[str]] = []
        self.refusing = False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if leaf else None
        if context:
            context.load_cert_chain(leaf.cert, leaf.key)
        inside = {"require_starttls": True, "tls_context": context} if context and starttls else {}
        authentic = {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": starttls} if context else {}
        outside = context if context and not starttls else None

        class Server(Controller):
            def factory(self) -> SMTP:
                return SMTP(self.handler, hostname="localhost", **inside, **authentic)

        self.server = Server(self, hostname="127.0.0.1", port=self.port, ssl_context=outside, server_hostname="localhost")

    def start(self) -> "Post":
        """Begins to take letters."""
        if self.server.ssl_context:
            # The controller looks whether it answers, and trusts no CA of ours.
            self.server._trigger_server = self._greet
        self.server.start()
        return self

    def _greet(self) -> None:
        nobody = ssl.create_default_context()
        nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain, nobody.wrap_socket(plain) as tls:
            tls.recv(64)

    def stop(self) -> None:
        """Ends."""
        self.server.stop()

    @staticmethod
    def _authenticate(_server, _session, _envelope, _mechanism, data) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802
        """Keeps a letter, or does not."""
        if self.refusing:
            return "451 not now"
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.envelopes.append(list(envelope.rcpt_tos))
        return "250 kept"
