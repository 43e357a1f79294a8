"""Does single sign-on work with a certified provider, in a real browser? The provider is npm's `oidc-provider`, run by node."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stage import http
from stage.gateway import ROOT
from stage.provider import CLIENT, SECRET
from stage.recorder import Recorder
from stage.sso import Door
from stage.steps_sockets import opens
from stage.visitor import Visitor
from stage.wait import free_port, until
from test_browser import drive

FOLDER = Path(__file__).parent / "provider"


class Certified:
    """The provider, and a gateway that trusts it."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self.port = free_port()
        tables = f"""
[providers.certified]
issuer = "http://127.0.0.1:{self.port}"
client_id = "{CLIENT}"
client_secret_env = "IDP_SECRET"
label = "Certified"
scopes = ["openid", "profile", "groups"]
recheck = "1s"
[[providers.certified.rules]]
claim = "groups"
matches = "prefect-(readers|staff)"
role = "viewer"
"""
        self.door = Door(folder, upstream, tables)
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

    def close(self) -> None:
        """Ends both."""
        self.door.stop()
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Certified]:
    certified = Certified(tmp_path_factory.mktemp("certified"), recorder.url)
    yield certified
    certified.close()


def test_a_person_signs_in_and_out_and_is_signed_out_in_a_real_browser(certified: Certified) -> None:
    certified.put_in("grace", "prefect-readers", "all-hands")
    assert drive("sso.mjs", certified.door.url, certified.url, "grace").count("signed") == 3
    ended = [event for event in certified.door.events("session.end") if event["actor"]["name"] == "sso:certified"]
    assert len(ended) >= 1, "the provider's own word ended a session"
    socket = opens(certified.door.port, certified.door.key("grace"))
    assert drive("sso.mjs", certified.door.url, certified.url, "grace").count("signed") == 3
    assert socket.until_closed(10) == 1012, "and an open socket of hers"


def test_its_pages_have_no_serious_fault_of_accessibility(certified: Certified) -> None:
    certified.put_in("ada", "prefect-readers")
    certified.put_in("eve", "all-hands")
    folder = [str(ROOT / "docs/images")] if os.environ.get("LICTOR_WRITE_DOCS") else []
    assert drive("sso_look.mjs", certified.door.url, certified.url, "ada", "eve", *folder).endswith("3 pages")


def test_whoever_leaves_the_group_is_out_at_the_next_recheck(certified: Certified) -> None:
    certified.put_in("linus", "prefect-staff")
    visitor = sign_on(certified, "linus")
    assert visitor.is_signed_in() and certified.door.grants("linus") == {"viewer"}
    certified.put_in("linus", "all-hands")
    until("the session has ended", lambda: not visitor.is_signed_in(), 15)
    assert certified.door.grants("linus") == set()


def test_nobody_outside_the_groups_comes_in(certified: Certified) -> None:
    certified.put_in("mallory", "prefect-staff-alumni")
    visitor = sign_on(certified, "mallory")
    assert not visitor.is_signed_in()
    assert "mallory" not in [user["name"] for user in certified.door.cli_json("user", "list")]


def sign_on(certified: Certified, name: str) -> Visitor:
    """Signs in as a browser does: two cookie jars, and every redirection followed by hand."""
    visitor, there = Visitor(certified.door.port), Visitor(certified.port)
    answer = there.get(visitor.begin("certified"))
    for _ in range(12):
        if answer.status in (302, 303):
            location = answer.headers["location"]
            if location.startswith(certified.door.url):
                visitor.get(location, **{"Sec-Fetch-Site": "cross-site"})
                return visitor
            answer = there.get(location)
            continue
        # The provider's own forms for tests: who is it, and does that person agree?
        page = answer.body.decode()
        action = page.split('action="')[1].split('"')[0]
        prompt = "login" if 'value="login"' in page else "consent"
        fields = {"prompt": prompt, **({"login": name, "password": "any"} if prompt == "login" else {})}
        answer = there.send(action.removeprefix(certified.url), **fields)
    raise AssertionError(f"no way through the provider: {answer.status}")
