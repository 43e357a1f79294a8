"""What if Prefect answers slowly, in pieces, or not at all? An upstream that says exactly what the test tells it to."""

import socket
from typing import BinaryIO


class Exchange:
    """One request that reached the upstream; the test answers it by hand."""

    def __init__(self, connection: socket.socket, stream: BinaryIO) -> None:
        self.connection, self.stream = connection, stream
        line = stream.readline().decode("latin1")
        if not line:
            raise EOFError("the gateway closed the connection")
        self.method, self.target, _ = line.split(" ", 2)
        self.headers: dict[str, str] = {}
        while (raw := stream.readline()) not in (b"\r\n", b""):
            name, _, value = raw.decode("latin1").partition(":")
            self.headers[name.lower()] = value.strip()

    def read(self, count: int) -> bytes:
        """So many bytes of the body."""
        return self.stream.read(count)

    def send(self, data: bytes) -> None:
        """Bytes as they stand."""
        self.connection.sendall(data)

    def answer(self, body: bytes = b"{}", status: str = "200 OK") -> None:
        """A whole answer; the connection stays open."""
        self.send(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def again(self) -> "Exchange":
        """The next request on the same connection."""
        return Exchange(self.connection, self.stream)

    def close(self) -> None:
        """Hangs up without a word."""
        self.stream.close()
        self.connection.close()


class Scripted:
    """Listens, and does nothing by itself."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def next(self, seconds: float = 10) -> Exchange:
        """The next request on a new connection."""
        self.listener.settimeout(seconds)
        connection, _ = self.listener.accept()
        connection.settimeout(seconds)
        return Exchange(connection, connection.makefile("rb"))

    def close(self) -> None:
        """Refuses whoever comes from now on."""
        self.listener.close()
