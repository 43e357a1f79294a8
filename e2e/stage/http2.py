"""How is HTTP/2 spoken wrongly? Frame by frame, over plain TCP with prior knowledge (RFC 9113 §3.3)."""

import socket
import struct
from dataclasses import dataclass

import hpack

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR = 0, 1

Fields = list[tuple[str, bytes | str]]


@dataclass
class Ended:
    """How a stream, or its connection, ended."""

    how: str  # "status", "reset", "goaway", "closed" or "silent"
    code: int = 0

    def words(self) -> str:
        """For people."""
        return f"{self.how} {self.code}"

    def is_one_of(self, expected: str) -> bool:
        """Reads "h2 PROTOCOL_ERROR|400", "GOAWAY|close", "allow"."""
        for option in expected.split("|"):
            if option.isdigit() and self.how == "status" and self.code == int(option):
                return True
            if option == "h2 PROTOCOL_ERROR" and self.how in ("reset", "goaway") and self.code == PROTOCOL_ERROR:
                return True
            if option == "GOAWAY" and self.how == "goaway" and self.code != NO_ERROR:
                return True
            if option == "close" and self.how == "closed":
                return True
            if option == "allow" and self.how == "status" and self.code < 400:
                return True
        return False


class Http2:
    """A client that says what it is told to, well-formed or not."""

    def __init__(self, port: int, timeout: float = 5.0) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.send_raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b""))

    def send_raw(self, data: bytes) -> bool:
        """Bytes as they stand; whether the other end still took them."""
        try:
            self.connection.sendall(data)
        except OSError:
            return False
        return True

    def headers(self, stream: int, fields: Fields, flags: int = END_STREAM | END_HEADERS) -> bool:
        """A HEADERS frame with these fields, in this order, each literal and not indexed."""
        return self.send_raw(frame(HEADERS, flags, stream, literal(fields)))

    def data(self, stream: int, payload: bytes, flags: int = 0) -> bool:
        """A DATA frame."""
        return self.send_raw(frame(DATA, flags, stream, payload))

    def ended(self, stream: int | None, timeout: float = 5.0) -> Ended:
        """Reads on until the stream is answered or reset, or the connection ends; `None`: until the connection ends."""
        self.connection.settimeout(timeout)
        while True:
            try:
                kind, flags, on, payload = self._frame()
            except TimeoutError:
                return Ended("silent")
            except (OSError, EOFError):
                return Ended("closed")
            if kind == SETTINGS and not flags & ACK:
                self.send_raw(frame(SETTINGS, ACK, 0, b""))
            elif kind == GOAWAY:
                return Ended("goaway", struct.unpack("!II", payload[:8])[1])
            elif kind == RST_STREAM and on == stream:
                return Ended("reset", struct.unpack("!I", payload)[0])
            elif kind == HEADERS:
                fields = dict(self.decoder.decode(payload))
                if on == stream:
                    return Ended("status", int(fields[":status"]))

    def _frame(self) -> tuple[int, int, int, bytes]:
        head = self._exactly(9)
        length = int.from_bytes(head[:3], "big")
        return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            more = self.connection.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def close(self) -> None:
        """Hangs up."""
        self.connection.close()


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame (RFC 9113 §4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(fields: Fields) -> bytes:
    """A field section of literals without indexing (RFC 7541 §6.2.2): no compressor would write what the attacks need."""
    out = b""
    for name, value in fields:
        value = value.encode() if isinstance(value, str) else value
        out += b"\0" + _length(len(name)) + name.encode() + _length(len(value)) + value
    return out


def _length(number: int) -> bytes:
    """An integer with a prefix of seven bits (RFC 7541 §5.1)."""
    if number < 127:
        return bytes([number])
    out, rest = b"\x7f", number - 127
    while rest >= 128:
        out, rest = out + bytes([rest % 128 | 128]), rest // 128
    return out + bytes([rest])
