"""How does a test use the admin pages? As a browser without scripts: signed in, with forms of our own origin."""

import html
import re
from pathlib import Path
from urllib.parse import urlencode

from . import http
from .attack import sign_in
from .gateway import PASSWORD, ROOT, Gateway

ROUTER = ROOT / "crates/lictor-web/src/admin.rs"


def routes() -> list[tuple[str, str]]:
    """Every method and path of the admin pages, as the router lists them."""
    found = []
    for path, handlers in re.findall(r'\.route\("([^"]+)", (.+)\)\n', Path(ROUTER).read_text()):
        found += [(method.upper(), path) for method in ("get", "post") if re.search(rf"\b{method}\(", handlers)]
    return found


class Desk:
    """Somebody signed in at a gateway."""

    def __init__(self, gateway: Gateway, name: str, password: str = PASSWORD) -> None:
        self.gateway, self.name = gateway, name
        self.cookie = sign_in(gateway.port, name, password)

    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"lictor={self.cookie}", "Accept": "text/html"}

    def get(self, path: str, **query: str) -> http.Answer:
        """A page."""
        return http.ask(self.gateway.port, "GET", f"{path}?{urlencode(query)}" if query else path, headers=self._headers())

    def post(self, path: str, *, origin: str = "same-origin", **fields: str) -> http.Answer:
        """A form, sent from a page of ours unless said otherwise."""
        headers = {**self._headers(), "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": origin}
        return http.ask(self.gateway.port, "POST", path, body=urlencode(fields).encode(), headers=headers)

    def see(self, path: str, **query: str) -> str:
        """What a page says; it must be there."""
        answer = self.get(path, **query)
        assert answer.status == 200, f"{path}: {answer.status} {answer.reason} {text(answer)[:500]}"
        return text(answer)

    def do(self, path: str, **fields: str) -> str:
        """Sends a form that must be done; answers what the next page says was done."""
        answer = self.post(path, **fields)
        assert answer.status == 303, f"{path}: {answer.status} {answer.reason} {text(answer)[:1500]}"
        page = self.get(answer.headers["location"]).body.decode()
        told = re.search(r'<p class="box good" role="status">([^<]+)</p>', page)
        assert told, page
        return html.unescape(told[1])


def text(answer: http.Answer) -> str:
    """The words of a page, one blank between them."""
    body = re.sub(r"<(style|script).*?</\1>", " ", answer.body.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def link(answer: http.Answer, words: str) -> str:
    """Where a link with these words leads."""
    found = re.search(rf'href="([^"]+)"[^>]*>{re.escape(words)}<', answer.body.decode())
    assert found, f"no link {words!r} in {text(answer)[:1000]}"
    return html.unescape(found[1])
