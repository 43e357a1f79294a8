"""How does a person's browser behave? It keeps cookies, follows nothing by itself, and says where a request comes from."""

import re
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from . import http

PAGE = {"Accept": "text/html,application/xhtml+xml"}


class Visitor:
    """One browser, at one gateway."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> http.Answer:
        """One request with the cookies there are; keeps what the answer sets."""
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        answer = http.ask(self.port, method, path, body=body, headers={**PAGE, **cookie, **(headers or {})})
        for line in answer.headers.get_all("set-cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
        return answer

    def get(self, path: str, **headers: str) -> http.Answer:
        """Opens an address: of the gateway, or a whole one that leads to it."""
        parts = urlsplit(path)
        return self.ask("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)

    def send(self, path: str, **fields: str) -> http.Answer:
        """Sends a form of the gateway's own."""
        same = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return self.ask("POST", path, body=urlencode(fields).encode(), headers=same)

    # --- at an identity provider ---

    def begin(self, provider: str, next_path: str = "/") -> str:
        """Follows a provider's button; answers where it leads."""
        answer = self.get(f"/lictor/sso/{provider}/begin?{urlencode({'next': next_path})}")
        assert answer.status == 303, f"begin: {answer.status} {answer.reason} {said(answer)}"
        return answer.headers["location"]

    def back(self, provider: str, query: str) -> http.Answer:
        """Comes back with the provider's answer."""
        return self.get(f"/lictor/sso/{provider}/callback?{query}", **{"Sec-Fetch-Site": "cross-site"})

    def sign_on(self, provider, name: str = "idp", next_path: str = "/", **more: str | None) -> http.Answer:
        """Signs in at a provider that the test plays; answers the last answer."""
        return self.back(name, provider.authorize(self.begin(name, next_path), **more))

    def sign_in(self, name: str, password: str) -> http.Answer:
        """Signs in with a password."""
        return self.send("/lictor/sign-in", name=name, password=password)

    def is_signed_in(self) -> bool:
        """Whether the account page opens."""
        return self.get("/lictor/account").status == 200

    def status(self, method: str = "GET", path: str = "/api/admin/version") -> int:
        """What something of Prefect's answers."""
        same = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
        return self.ask(method, path, body=b"{}" if method == "POST" else None, headers=same).status


def said(answer: http.Answer) -> str:
    """The words of a page."""
    text = re.sub(r"<(style|title)[^>]*>.*?</\1>", " ", answer.body.decode(errors="replace"), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
