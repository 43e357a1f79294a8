"""How is the certified provider run? npm's `oidc-provider` on node, and a gateway that trusts it."""

import base64
import hashlib
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from . import http
from .provider import CLIENT, SECRET
from .sso import Door
from .visitor import Visitor
from .wait import free_port, until

FOLDER = Path(__file__).resolve().parents[1] / "provider"


class Certified:
    """The provider, and a gateway that trusts it."""

    def __init__(self, folder: Path, upstream: str, tables: Callable[[int], str]) -> None:
        self.port = free_port()
        self.door = Door(folder, upstream, tables(self.port))
        self.log = (folder / "provider.log").open("wb")
        self.process = subprocess.Popen(["node", FOLDER / "server.mjs", str(self.port), self.door.url], stdout=self.log, stderr=subprocess.STDOUT)
        until("the provider answers", lambda: http.ask(self.port, "GET", "/.well-known/openid-configuration").status == 200, 30)
        self.door.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def put_in(self, name: str, *groups: str) -> None:
        """Puts somebody into exactly these groups."""
        assert http.ask(self.port, "PUT", f"/groups/{name}", body=list(groups)).status == 204

    def pass_through(self, address: str, name: str) -> str:
        """Signs in there, beginning at that address, as a browser does: every redirection followed by hand; where it leads back to."""
        there = Visitor(self.port)
        answer = there.get(address)
        for _ in range(12):
            if answer.status in (302, 303):
                location = answer.headers["location"]
                if location.startswith(self.door.url):
                    return location
                answer = there.get(location)
                continue
            # The provider's own forms for tests: who is it, and does that person agree?
            page = answer.body.decode()
            action = page.split('action="')[1].split('"')[0]
            prompt = "login" if 'value="login"' in page else "consent"
            fields = {"prompt": prompt, **({"login": name, "password": "any"} if prompt == "login" else {})}
            answer = there.send(action.removeprefix(self.url), **fields)
        raise AssertionError(f"no way through the provider: {answer.status}")

    def id_token(self, name: str) -> str:
        """The ID token of a sign-in, as whoever runs the client could have it."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        back = f"{self.door.url}/lictor/sso/certified/callback"
        asked = {"client_id": CLIENT, "redirect_uri": back, "response_type": "code", "scope": "openid", "nonce": "a-nonce", "code_challenge": challenge, "code_challenge_method": "S256"}
        location = self.pass_through(f"/auth?{urlencode(asked)}", name)
        code = parse_qs(urlsplit(location).query)["code"][0]
        client = base64.b64encode(f"{CLIENT}:{urlencode({'': SECRET})[1:]}".encode()).decode()
        body = urlencode({"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {client}"}
        answer = http.ask(self.port, "POST", "/token", body=body, headers=headers)
        assert answer.status == 200, answer.body
        return answer.json()["id_token"]

    def close(self) -> None:
        """Ends both."""
        self.door.stop()
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
