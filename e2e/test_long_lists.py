"""Is a list that is longer than a page read whole, each entry once, with a filter and without, forwards and back?"""

import re
from html import unescape
from pathlib import Path

import pytest

from stage.desk import Desk
from stage.gateway import Gateway
from stage.recorder import Recorder

API = "/lictor/api/v1"
EACH = 65  # of two kinds: a page has fifty


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway with 130 service accounts, each in the team, with a role and a key."""
    folder: Path = tmp_path_factory.mktemp("long")
    gateway = Gateway(folder, "--upstream", recorder.url).start()
    gateway.add_user("olga", "owner")
    names = NAMES
    accounts = "".join(f'[service_accounts.{name}]\nroles = ["{"viewer" if name.startswith("red") else "runner"}"]\n' for name in names)
    file = folder / "access.toml"
    file.write_text(accounts + f'[teams.all]\nmembers = [{", ".join(repr(name) for name in names)}]\n'.replace("'", '"'))
    gateway.cli("apply", str(file))
    key = gateway.key("olga")
    for name in names:
        made = gateway.ask("POST", f"{API}/keys", key=key, body={"for": name, "label": f"of {name}"})
        assert made.status == 201, made.body
    yield gateway, key
    gateway.stop()


NAMES = [f"{colour}-{at:03}" for at in range(EACH) for colour in ("red", "blue")]


@pytest.fixture(scope="module")
def olga(long: tuple[Gateway, str]) -> Desk:
    """The owner, in a browser."""
    return Desk(long[0], "olga")


def source(olga: Desk, path: str, **query: str) -> str:
    """A page as it is sent."""
    answer = olga.get(path, **query)
    assert answer.status == 200, answer.reason
    return answer.body.decode()


def turned(olga: Desk, path: str, rel: str, **query: str) -> list[str]:
    """The pages that one gets to by a link, without a script."""
    pages = [source(olga, path, **query)]
    while way := re.search(rf'<a [^>]*rel="{rel}" href="([^"]+)"', pages[-1]):
        assert len(pages) < 20, "the pages go round"
        pages.append(source(olga, unescape(way[1])))
    return pages


def named(page: str, column: str) -> list[str]:
    """The names in a column."""
    cells = re.findall(rf'<td data-column="{column}"[^>]*>(.*?)</td>', page, re.S)
    return [found[0] for cell in cells if (found := re.findall(r"(?:red|blue)-\d{3}", cell))]


@pytest.mark.parametrize(
    ("path", "column", "query", "total"),
    [
        ("/lictor/admin/service-accounts", "Name", {}, 2 * EACH),
        ("/lictor/admin/service-accounts", "Name", {"q": "red-"}, EACH),
        ("/lictor/admin/grants", "Who", {"q": "-0"}, 2 * EACH),
        ("/lictor/admin/grants", "Who", {"q": "is runner everywhere"}, EACH),
        ("/lictor/admin/keys", "Owner", {"q": "of "}, 2 * EACH),
        ("/lictor/admin/keys", "Owner", {"q": "of blue"}, EACH),
        ("/lictor/admin/team", "Name", {"name": "all"}, 2 * EACH),
    ],
)
def test_a_list_of_several_pages_is_turned_whole_there_and_back(path: str, column: str, query: dict[str, str], total: int, olga: Desk) -> None:
    forth = turned(olga, path, "next", **query)
    seen = [name for page in forth for name in named(page, column)]
    assert len(forth) == -(-total // 50) and len(seen) == len(set(seen)) == total
    assert all(f"{total} in all" in page for page in forth)
    last = re.search(r'<a [^>]*rel="prev" href="([^"]+)"', forth[-1])
    assert last, "the last page has a way back"
    back = turned(olga, unescape(last[1]), "prev")
    assert len(back) == len(forth) - 1
    assert [named(page, column) for page in reversed(back)] == [named(page, column) for page in forth[:-1]]


@pytest.mark.parametrize(("path", "key", "total"), [("/service-accounts", "name", 2 * EACH), ("/grants", "for", 2 * EACH), ("/keys", "for", 2 * EACH), ("/teams/all", "members", 2 * EACH)])
def test_the_api_tells_each_entry_of_a_long_list_once(path: str, key: str, total: int, long: tuple[Gateway, str]) -> None:
    gateway, bearer = long
    if key == "members":
        found = [each["name"] for each in gateway.ask("GET", API + path, key=bearer).json()["members"]]
    else:
        found, cursor = [], ""
        while True:
            page = gateway.ask("GET", f"{API}{path}?limit=23{cursor}", key=bearer).json()
            found += [each[key] for each in page["items"] if each[key] in NAMES]
            cursor = f"&cursor={page['next']}"
            if page["next"] is None:
                break
    assert len(found) == total and sorted(found) == sorted(NAMES)


def test_the_api_pages_the_keys_of_one_alone(long: tuple[Gateway, str]) -> None:
    gateway, bearer = long
    for _ in range(4):
        gateway.ask("POST", f"{API}/keys", key=bearer, body={"for": "olga", "label": "more"})
    found, cursor = [], ""
    for _ in range(5):
        page = gateway.ask("GET", f"{API}/keys?for=olga&limit=2{cursor}", key=bearer).json()
        found += page["items"]
        cursor = f"&cursor={page['next']}"
        if page["next"] is None:
            break
    assert len({each["id"] for each in found}) == len(found) == 5 and {each["for"] for each in found} == {"olga"}


def test_the_record_is_turned_whole_with_a_filter(olga: Desk, long: tuple[Gateway, str]) -> None:
    asked = {"operation": "key.create"}
    pages = turned(olga, "/lictor/admin/audit", "next", **asked)
    rows = [row for page in pages for row in re.findall(r'<td data-column="On"[^>]*>(.*?)</td>', page, re.S)]
    listed = long[0].cli_json("audit", "list", "--operation", "key.create", "--limit", "1000")
    assert len(rows) == len(set(rows)) == len(listed) > 2 * EACH
    last = re.search(r'<a [^>]*rel="prev" href="([^"]+)"', pages[-1])
    assert last, "the last page has a way back"
    ids = [re.findall(r'<td data-column="On"[^>]*>(.*?)</td>', page, re.S) for page in reversed(turned(olga, unescape(last[1]), "prev"))]
    assert ids == [re.findall(r'<td data-column="On"[^>]*>(.*?)</td>', page, re.S) for page in pages[:-1]]
