"""How does a person ask, when no real browser is needed? With the headers that browsers send, and the cookie of a session."""

import urllib.parse

from . import http
from .gateway import PASSWORD

BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}


def sign_in(port: int, name: str, prefix: str = "") -> http.Answer:
    """What the sign-in form answers."""
    form = urllib.parse.urlencode({"name": name, "password": PASSWORD, "next": "/"}).encode()
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    return http.ask(port, "POST", f"{prefix}/lictor/sign-in", body=form, headers=headers)


def browser(signed_in: http.Answer) -> dict[str, str]:
    """The headers of a navigation with the session that was just begun."""
    return {"Cookie": signed_in.headers["set-cookie"].split(";")[0], **BROWSER}
