"""What reached Prefect? An upstream that writes down every byte it is sent and answers something plausible to all of it."""

import base64
import hashlib
import json
import socket
import struct
import threading
from dataclasses import dataclass, field

ANSWER = b'{"id":"00000000-0000-4000-8000-000000000000","name":"recorded","count":0}'


@dataclass
class Recorded:
    """One request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    # Its body came to the end that it had announced: what Prefect acts on. Of the rest it has seen a head, and its framework ends the request.
    whole: bool = False
    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def text(self) -> str:
        """All of it, to look for things that must not be there."""
        head = "\r\n".join(f"{key}: {value}" for key, value in self.headers)
        frames = b"".join(payload for _, payload in self.frames)
        return f"{self.method} {self.target}\r\n{head}\r\n\r\n" + (self.body + frames).decode("latin1")


class Recorder:
    """The recording upstream: threads, blocking sockets, no cleverness."""

    def __init__(self, port: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.requests: list[Recorded] = []
        self.open_connections: dict[int, socket.socket] = {}
        self.early: set[str] = set()
        self._lock = threading.Lock()
        self._count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stops answering new connections."""
        # Whoever waits in accept would keep the socket, and its port, beyond a close.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def die(self) -> None:
        """Is gone, with every connection that it has."""
        self.close()
        with self._lock:
            gone = list(self.open_connections.values())
        for connection in gone:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other end was quicker

    def mark(self) -> int:
        """Where the record stands now."""
        with self._lock:
            return len(self.requests)

    def since(self, mark: int) -> list[Recorded]:
        """What came since then."""
        with self._lock:
            return self.requests[mark:]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self._count += 1
                number = self._count
                self.open_connections[number] = connection
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        stream = connection.makefile("rb")
        try:
            while self._one(connection, stream, number):
                pass
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self.open_connections.pop(number, None)
            connection.close()

    def _one(self, connection: socket.socket, stream, number: int) -> bool:
        line = stream.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin1").split(" ", 2)
        headers: list[tuple[str, str]] = []
        while (raw := stream.readline()) not in (b"\r\n", b"\n", b""):
            name, _, value = raw.decode("latin1").rstrip("\r\n").partition(":")
            headers.append((name, value.strip()))
        recorded = Recorded(method, target, headers, b"", number)
        with self._lock:
            self.requests.append(recorded)
        early = target in self.early
        if early:
            # As Prefect does: a whole answer before the body was read, and no word of closing.
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        if (recorded.header("upgrade") or "").lower() == "websocket":
            self._socket(connection, stream, recorded)
            return False
        recorded.body = self._body(stream, recorded)
        recorded.whole = len(recorded.body) >= int(recorded.header("content-length") or 0)
        if not early:
            length = b"" if method == "HEAD" else ANSWER
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: uvicorn\r\nAccess-Control-Allow-Origin: *\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(length), length)
            )
        return True

    @staticmethod
    def _body(stream, recorded: Recorded) -> bytes:
        if (recorded.header("transfer-encoding") or "").lower() == "chunked":
            body = b""
            while size := int(stream.readline().split(b";")[0], 16):
                body += stream.read(size)
                stream.readline()
            while stream.readline() not in (b"\r\n", b""):
                pass
            return body
        return stream.read(int(recorded.header("content-length") or 0))

    @staticmethod
    def _socket(connection: socket.socket, stream, recorded: Recorded) -> None:
        """Prefect's handshake, then silence; pings are answered."""
        accept = base64.b64encode(hashlib.sha1((recorded.header("sec-websocket-key") or "").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        protocol = b"Sec-WebSocket-Protocol: prefect\r\n" if recorded.header("sec-websocket-protocol") else b""
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n" + protocol + b"\r\n")
        while head := stream.read(2):
            opcode, length = head[0] & 0x0F, head[1] & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", stream.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", stream.read(8))
            mask = stream.read(4) if head[1] & 0x80 else b"\0\0\0\0"
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(stream.read(length)))
            recorded.frames.append((opcode, payload))
            if opcode == 1 and b'"auth"' in payload:
                reply = json.dumps({"type": "auth_success"}).encode()
                connection.sendall(bytes([0x81, len(reply)]) + reply)
            elif opcode == 1 and b"traceback-please" in payload:
                reason = struct.pack("!H", 1011) + b"Traceback (most recent call last)"
                connection.sendall(bytes([0x88, len(reason)]) + reason)
            elif opcode == 1 and b"flood-please" in payload:
                for _ in range(512):
                    connection.sendall(b"\x81\x7f" + struct.pack("!Q", 1 << 19) + b"x" * (1 << 19))
            elif opcode == 9:
                connection.sendall(bytes([0x8A, len(payload)]) + payload)
            elif opcode == 8:
                connection.sendall(bytes([0x88, len(payload)]) + payload)
                return
