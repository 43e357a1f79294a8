"""Does single sign-on work with a certified provider, in a real browser? The provider is npm's `oidc-provider`, run by node."""

import os
from collections.abc import Iterator

import pytest

from stage.browser import drive
from stage.certified import Certified
from stage.gateway import ROOT
from stage.provider import CLIENT
from stage.recorder import Recorder
from stage.steps_sockets import opens
from stage.visitor import Visitor
from stage.wait import until


def tables(port: int) -> str:
    return f"""
[providers.certified]
issuer = "http://127.0.0.1:{port}"
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


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Certified]:
    certified = Certified(tmp_path_factory.mktemp("certified"), recorder.url, tables)
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
    """Signs in with a new browser."""
    visitor = Visitor(certified.door.port)
    visitor.get(certified.pass_through(visitor.begin("certified"), name), **{"Sec-Fetch-Site": "cross-site"})
    return visitor
