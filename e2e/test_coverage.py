"""Does the table know every route that a supported Prefect Server has, sockets and the UI's own included?"""

import json
import re
import subprocess

import pytest

from stage.gateway import binary
from stage.prefect import Client

# What stands beside the API on Prefect's root app is not in the table: it is a page, a file, or a document.
BESIDE = ("/docs", "/redoc", "/openapi.json", "/ui-settings", "/docs/oauth2-redirect")


def shape(template: str) -> str:
    """A template with its parameters' names taken out: they differ between versions, and do not matter."""
    return re.sub(r"\{[^}]*\}", "{}", template)


@pytest.fixture(scope="module")
def table() -> set[tuple[str, str]]:
    """The rows of the table."""
    shown = subprocess.run([binary(), "operation", "list", "--json"], capture_output=True, text=True, check=True)
    return {(row["verb"], shape(row["template"])) for row in json.loads(shown.stdout)}


@pytest.mark.parametrize("version", ["3.0.11", "3.4.25", "3.6.29", "3.8.8"])
def test_every_route_of_a_real_server_is_in_the_table(version: str, table, tmp_path) -> None:
    dumped = Client(tmp_path, version).run("dump_routes.py")
    assert dumped.returncode == 0, dumped.stderr[-2000:]
    routes = [(method, path) for method, path in json.loads(dumped.stdout.splitlines()[-1])["routes"]]
    api = [(method, path.removeprefix("/api")) for method, path in routes if path.startswith("/api/")]
    assert len(api) > 170, "the walk of the app's mounts found too little"
    assert sum(method == "SOCKET" for method, _ in api) >= 3
    missing = sorted(each for each in ((method, shape(path)) for method, path in api) if each not in table)
    assert missing == []
    outside = sorted({path for _, path in routes if not path.startswith("/api/")} - {*BESIDE, "/", "", "/v2", "/{full_path:path}"})
    assert [path for path in outside if not path.startswith(("/v2", "/assets", "/ico"))] == []


def test_the_table_can_miss_a_route(table) -> None:
    assert ("GET", "/new_endpoint_of_next_release") not in table
