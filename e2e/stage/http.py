"""How does a test ask? One small HTTP client with nothing clever in it: no redirects, no retries, no cookies of its own."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str | None:
        """Lictor's reason code, when it refused."""
        return self.headers.get("x-lictor-reason")


def ask(port: int, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 30) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, body=body, headers=sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def basic(text: str) -> dict[str, str]:
    """`Authorization: Basic`, of the whole text as Prefect's clients send it."""
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def bearer(key: str) -> dict[str, str]:
    """`Authorization: Bearer`."""
    return {"Authorization": f"Bearer {key}"}
