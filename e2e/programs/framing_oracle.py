"""Does Prefect's own parser read the same messages in the same bytes? h11, which uvicorn reads HTTP/1 with, is the judge.

Arguments: the program that serves, how many connections, a seed. Prints how many messages were served and refused, and every difference.
"""

import json
import random
import subprocess
import sys

import h11

# Of each, how it is written by whoever keeps to RFC 9112, and how by others.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"), ("get", "PO ST", "P\u00d6ST", "CONNECT", "PRI", "")
TARGETS = ("/api/flows/filter", "/api/x?limit=1", "/", "/a%2e", "//x"), ("/a#b", "/\u00e9", "*", "http://a/b", "a", "/a b", "/a\tb", '/a"b', "")
VERSIONS = ("HTTP/1.1",), ("HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "")
HOSTS = ("Host: a", "host: a:4200"), ("Host : a", " Host: a", "Host: a\r\nHost: b", "Host:", "X: y")
LINES = (
    ("Accept: */*", "X-Test:  y ", "X-Test:", "X-Test: \u00e9", "Connection: keep-alive", "Expect: 100-continue", "Upgrade: h2c", "Content-Encoding: gzip", "X-Test: " + "y" * 300),
    (
        "X-Test: a\0b", "X-Test: a\x01b", "X Test: y", "X-Test\t: y", "\u00dc: y", ": y", "X-Test y", "X-Test: a\r\n b", "\tX: y", "X-Test: a\rb", "X-Test: a\nY: b",
        "Connection: close", "Connection: content-length", "Connection: transfer-encoding", "Transfer-Encoding: identity", "Content-Length : 5", "Content_Length: 5",
    ),
)
LENGTHS = ("{n}",), (
    "+{n}", "-{n}", "0{n}", "{n} ", "\t{n}", "{n}, {n}", "{n},", "0x{n}", "{n}.0", "\u0661", "", "{more}", "{less}", "99999999999999999999", "{n}\r\nContent-Length: {n}",
    "{n}\r\nContent-Length: {less}", "{n}\r\nTransfer-Encoding: chunked", "{n};", "{n}\x0b", "\u00a0{n}",
)
CODINGS = ("chunked", "Chunked", "CHUNKED"), (
    "chunked ", " chunked", "xchunked", "chunked, chunked", "gzip, chunked", "chunked, identity", '"chunked"', "chunked;q=1", "chunked\r\nTransfer-Encoding: chunked", "\x0bchunked", "chunk", "",
    "chunked\r\nContent-Length: 3",
)
SIZES = ("{n:x}", "{n:X}", "0{n:x}"), (
    "{n:x};a=b", "{n:x} ", " {n:x}", "0x{n:x}", "+{n:x}", "-{n:x}", "{n:x}\n", "{more:x}", "{less:x}", "{n:016x}", "1{n:016x}", "", "g", "{n:x}_", "\u0661",
)
ENDS = ("0\r\n\r\n",), ("00\r\n\r\n", "0\r\nX: y\r\n\r\n", "0;a\r\n\r\n", "0\n\n", "0\r\n", "0\r\n\r", "", "-0\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n")
BREAKS = ("\r\n",), ("\n", "\r", "\r\r\n", "\n\r")
BETWEEN = ("",), ("\r\n", "\n", " ", "\0", "x")
BODIES = ("", "{}", "[]", "GET /api/admin/settings HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n", "5\r\nhello\r\n", "\r\n", "a" * 40)


class Pen:
    """Writes messages that are right but for the faults it was given."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.faults = chance, chance.choice((0, 0, 0, 1, 1, 2))

    def of(self, choices: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
        """One of the right ones, or while there are faults to make, now and then a wrong one."""
        is_wrong = self.faults > 0 and self.chance.random() < 0.12
        self.faults -= is_wrong
        return self.chance.choice(choices[is_wrong])

    def chunks(self, body: str) -> str:
        """A body in two parts at the most."""
        at, written = self.chance.randrange(len(body) + 1), ""
        for part in filter(None, (body[:at], body[at:])):
            n = len(part)
            size = self.of(SIZES).format(n=n, more=n + self.chance.choice((1, 5, 16)), less=max(n - 1, 0))
            written += f"{size}{self.of(BREAKS)}{part}{self.of(BREAKS)}"
        return written + self.of(ENDS)

    def message(self) -> bytes:
        """A request and what stands behind it."""
        start = f"{self.of(METHODS)} {self.of(TARGETS)} {self.of(VERSIONS)}{self.of(BREAKS)}"
        lines, body = [self.of(HOSTS), *(self.of(LINES) for _ in range(self.chance.choice((0, 0, 1, 1, 2))))], self.chance.choice(BODIES)
        how, n = self.chance.random(), len(body)
        if how < 0.45:
            lines.append("Content-Length: " + self.of(LENGTHS).format(n=n, more=n + 3, less=max(n - 1, 0)))
        elif how < 0.85:
            lines.append("Transfer-Encoding: " + self.of(CODINGS))
            body = self.chunks(body)
        else:
            body = ""
        self.chance.shuffle(lines)
        return (start + "".join(line + self.of(BREAKS) for line in lines) + self.of(BREAKS) + body + self.of(BETWEEN)).encode("latin-1", "replace")


def pieces(chance: random.Random) -> list[bytes]:
    """What is sent on one connection, cut anywhere."""
    sent = b"".join(Pen(chance).message() for _ in range(chance.choice((1, 1, 2, 3))))
    if chance.random() < 0.1:
        at = chance.randrange(len(sent))
        sent = sent[:at] + bytes([chance.randrange(256)]) + sent[at + chance.choice((0, 1)):]
    cuts = sorted(chance.randrange(len(sent) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
    return [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


def read(sent: bytes) -> list[dict[str, object]]:
    """As Prefect would read it: every message that came to its end, up to the first that is none."""
    connection, seen = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20), []
    connection.receive_data(sent)
    connection.receive_data(b"")
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                headers = [[name.decode(), value.hex()] for name, value in request.headers]
                seen.append({"method": request.method.decode(), "target": request.target.decode("latin-1"), "headers": headers, "body": body.hex()})
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                if request.http_version == b"1.0" and (b"connection", b"keep-alive") in list(request.headers):
                    # Older clients ask for it and h11 never grants it; what follows is read all the same.
                    rest, connection = connection.trailing_data[0], h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
                    connection.receive_data(bytes(rest))
                    connection.receive_data(b"")
                else:
                    connection.start_next_cycle()
            else:
                return seen
    except h11.ProtocolError:
        return seen


def plain(message: dict[str, object]) -> dict[str, object]:
    """Without the order of headers of different names, which neither reader keeps for the other, and h11's name for the coding."""
    headers = sorted((name, bytes.fromhex(value).lower().hex() if name == "transfer-encoding" else value) for name, value in message["headers"])
    return {**message, "headers": headers}


def main() -> None:
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    asked = [pieces(chance) for _ in range(count)]
    lines = "".join(" ".join(piece.hex() for piece in connection) + "\n" for connection in asked)
    ran = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    told = {"served": 0, "second": 0, "with_body": 0, "refused": 0, "reasons": [], "wrong_in_all": 0, "wrong": []}
    reasons = set()
    for connection, line in zip(asked, ran.stdout.splitlines(), strict=True):
        served = json.loads(line)
        refused = [each["refused"] for each in served if "refused" in each]
        served = [each for each in served if "refused" not in each]
        expected = read(b"".join(connection))
        told["served"] += len(served)
        told["second"] += len(served) > 1
        told["with_body"] += sum(bool(each["body"]) for each in served)
        told["refused"] += bool(refused)
        reasons.update(refused)
        if [plain(each) for each in served] != [plain(each) for each in expected[: len(served)]]:
            told["wrong_in_all"] += 1
            if len(told["wrong"]) < 5:
                told["wrong"].append({"sent": b"".join(connection).decode("latin-1"), "served": served, "h11": expected})
    print(json.dumps({**told, "reasons": sorted(reasons)}))


main()
