"""What does the other end say to bytes that no client library would send? Raw HTTP/1.1 and raw websockets."""

import base64
import json
import os
import socket
import ssl
import struct
from dataclasses import dataclass


@dataclass
class Outcome:
    """What came back on a connection: statuses in order, and whether it was closed."""

    statuses: list[int]
    closed: bool
    head: str = ""
    body: bytes = b""
    close_code: int | None = None
    close_reason: str = ""

    def words(self) -> str:
        """For messages."""
        parts = [str(status) for status in self.statuses] + (["closed"] if self.closed else [])
        return " ".join(parts) + (f" close {self.close_code} {self.close_reason}" if self.close_code is not None else "")


def exchange(port: int, data: bytes, timeout: float = 3.0, quiet: float = 0.4) -> Outcome:
    """Sends bytes, then reads until the other end closes or has been quiet for a moment after a whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        received, closed = b"", False
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            closed = True
        try:
            while not closed:
                connection.settimeout(quiet if complete(received) else timeout)
                chunk = connection.recv(65536)
                if not chunk:
                    closed = True
                received += chunk
        except TimeoutError:
            pass
        except ConnectionResetError:
            closed = True
    return parse(received, closed)


def complete(received: bytes) -> bool:
    """Whether at least one whole final answer is there."""
    return any(status >= 200 for status in parse(received, False).statuses)


def parse(received: bytes, closed: bool) -> Outcome:
    """Splits what came into answers; what is no answer ends the reading."""
    statuses, head, body, rest = [], "", b"", received
    while rest.startswith(b"HTTP/1.") and b"\r\n\r\n" in rest:
        raw_head, _, rest = rest.partition(b"\r\n\r\n")
        text = raw_head.decode("latin1")
        status = int(text.split(" ", 2)[1])
        statuses.append(status)
        head = head or text
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in text.split("\r\n")[1:]}
        if status == 101:
            break
        if headers.get("transfer-encoding", "").lower() == "chunked":
            taken, rest = unchunk(rest)
        else:
            length = int(headers.get("content-length", 0)) if status >= 200 else 0
            # An answer to HEAD has a length and no body; the next answer starts at once.
            length = 0 if rest.startswith(b"HTTP/1.") or (not rest and closed) else length
            taken, rest = rest[:length], rest[length:]
        body = body or taken
    return Outcome(statuses, closed, head, body)


def unchunk(data: bytes) -> tuple[bytes, bytes]:
    """One chunked body, and what follows it."""
    body = b""
    while b"\r\n" in data:
        size_text, _, data = data.partition(b"\r\n")
        size = int(size_text.split(b";")[0] or b"0", 16)
        if size == 0:
            return body, data.partition(b"\r\n")[2]
        body, data = body + data[:size], data[size + 2 :]
    return body, b""


class WebSocket:
    """A websocket client that can also misbehave."""

    def __init__(self, port: int, path: str, *, headers: dict[str, str] | None = None, protocol: str | None = "prefect", timeout: float = 5.0, raw: bytes | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if tls:
            self.connection = tls.wrap_socket(self.connection, server_hostname="localhost")
        self.stream = self.connection.makefile("rb")
        self.connection.sendall(raw if raw is not None else upgrade(port, path, headers, protocol))
        self.status, self.headers = self._read_head()
        self.close_code: int | None = None
        self.close_reason = ""

    def _read_head(self) -> tuple[int, dict[str, str]]:
        try:
            line = self.stream.readline()
        except ConnectionResetError:
            line = b""
        if not line:
            return 0, {}
        headers = {}
        while (raw := self.stream.readline()) not in (b"\r\n", b""):
            name, _, value = raw.decode("latin1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(line.split()[1]), headers

    def send(self, payload: bytes | str | dict, opcode: int = 1, first: int = 0x80) -> None:
        """One masked frame."""
        self.connection.sendall(frame(payload, opcode, first))

    def receive(self, timeout: float = 5.0) -> tuple[int, bytes] | None:
        """The next frame, or None when the socket is over or silent; a close frame is remembered."""
        self.connection.settimeout(timeout)
        try:
            head = self._exactly(2)
            length = head[1] & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._exactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._exactly(8))
            payload = self._exactly(length)
        except (EOFError, ConnectionError):
            self.close_code = self.close_code or 0
            return None
        except TimeoutError:
            return None
        opcode = head[0] & 0x0F
        if opcode == 8:
            self.close_code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
            self.close_reason = payload[2:].decode("utf-8", "replace")
        return opcode, payload

    def _exactly(self, count: int) -> bytes:
        data = self.stream.read(count)
        if data is None or len(data) < count:
            raise EOFError
        return data

    def json(self, timeout: float = 5.0) -> dict | None:
        """The next text frame as JSON; pings are answered on the way."""
        while got := self.receive(timeout):
            opcode, payload = got
            if opcode == 9:
                self.send(payload, opcode=10)
            elif opcode == 1:
                return json.loads(payload)
            elif opcode == 8:
                return None
        return None

    def until_closed(self, timeout: float = 5.0) -> int | None:
        """Reads on until the other end closes; answers the code, 0 for a cut, None when it stays open."""
        while self.close_code is None:
            if self.receive(timeout) is None and self.close_code is None:
                return None
        return self.close_code

    def authenticate(self, token: str | None, timeout: float = 10.0) -> bool:
        """Sends the first frame; answers whether it was welcomed."""
        self.send({"type": "auth", "token": token})
        return (self.json(timeout) or {}).get("type") == "auth_success"

    def close(self) -> None:
        """Hangs up."""
        self.stream.close()
        self.connection.close()


def upgrade(port: int, path: str, headers: dict[str, str] | None = None, protocol: str | None = "prefect") -> bytes:
    """A proper upgrade request; a header given replaces the usual one, None leaves it out."""
    usual: dict[str, str | None] = {
        "Host": f"127.0.0.1:{port}", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol": protocol, **(headers or {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in usual.items() if value is not None)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode("latin1")


def frame(payload: bytes | str | dict, opcode: int = 1, first: int = 0x80) -> bytes:
    """One masked frame; `first` carries FIN and the reserved bits."""
    data = json.dumps(payload).encode() if isinstance(payload, dict) else payload.encode() if isinstance(payload, str) else payload
    mask = os.urandom(4)
    length = len(data)
    head = bytes([first | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65536:
        head += bytes([0x80 | 126]) + struct.pack("!H", length)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", length)
    repeated = (mask * (length // 4 + 1))[:length]
    return head + mask + (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")
