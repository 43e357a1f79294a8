"""What stands before an upstream in the tests? TLS, or a socket's file: bytes are carried on as they come."""

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from .pki import Authority, Leaf


class Front:
    """A listener whose connections lead to a port of this machine."""

    def __init__(self, listener: socket.socket, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.listener, self.target, self.tls = listener, port, tls
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def with_tls(cls, port: int, leaf: Leaf, clients: Authority | None = None) -> "Front":
        """TLS with that certificate; with `clients`, for those alone who show one of theirs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.cert, leaf.key)
        if clients:
            context.load_verify_locations(clients.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return cls(socket.create_server(("127.0.0.1", 0)), port, context)

    @classmethod
    def at_file(cls, port: int, path: Path) -> "Front":
        """A socket's file."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(64)
        return cls(listener, port)

    @property
    def url(self) -> str:
        """Where it is."""
        name = self.listener.getsockname()
        return f"https://localhost:{name[1]}" if isinstance(name, tuple) else f"unix:{name}"

    def close(self) -> None:
        """Stops listening."""
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError):
            near = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            far = socket.create_connection(("127.0.0.1", self.target))
            self.connections += 1
            threading.Thread(target=self._carry, args=(far, near), daemon=True).start()
            self._carry(near, far)

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65_536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
