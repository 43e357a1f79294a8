"""What does Lictor put into the pages of Prefect's UI, what may be kept by a browser, and what does it tell the badge?"""

import re
import uuid

import pytest

from stage.gateway import Gateway
from stage.person import BROWSER, browser, sign_in

PROGRAM = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
SEES_SETTINGS = {"viewer": False, "runner": False, "developer": False, "owner": True, "worker": False}


def person(gateway: Gateway, role: str | None) -> tuple[str, dict[str, str]]:
    """Somebody of that role, and the headers of their browser."""
    name = gateway.add_user(f"u-{uuid.uuid4().hex[:6]}", role)
    return name, browser(sign_in(gateway.port, name))


@pytest.mark.parametrize("path", ["/v2/", "/v2/runs", "/dashboard"])
def test_a_page_has_our_script_first_and_is_asked_for_anew(path: str, gateway: Gateway) -> None:
    _, headers = person(gateway, "viewer")
    # What would have Prefect send less than the page, or send it in a form that cannot be read.
    headers |= {"Accept-Encoding": "gzip, br", "If-None-Match": "*", "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT", "Range": "bytes=0-9"}
    page = gateway.ask("GET", path, headers=headers)
    text = page.body.decode()
    assert page.status == 200 and re.search(r'<head>\s*<script src="/lictor/ui\.js\?v=[^"]+"></script>', text) and "<base" not in text
    assert (page.headers["cache-control"], page.headers["etag"], page.headers["last-modified"]) == ("no-store", None, None)
    assert int(page.headers["content-length"]) == len(page.body)
    assert "script-src 'self' 'unsafe-eval';" in page.headers["content-security-policy"] and "frame-ancestors 'none'" in page.headers["content-security-policy"]
    head = gateway.ask("HEAD", path, headers=headers)
    assert (head.status, head.body) == (200, b"")
    script = gateway.ask("GET", re.search(r'src="(/lictor/ui[^"]+)', text)[1])
    assert script.status == 200 and script.headers["content-type"].startswith("text/javascript") and b"x-lictor-reason" in script.body


def test_files_are_kept_by_their_names_and_none_of_them_is_a_page(gateway: Gateway) -> None:
    page = gateway.ask("GET", "/v2/", headers=person(gateway, "viewer")[1]).body.decode()
    script = re.search(r'src="(/v2/assets/[^"]+)', page)[1]
    kept = {script: "public, max-age=31536000, immutable", "/v2/ico/favicon-32x32.png": "public, max-age=86400", "/completed.svg": "public, max-age=86400", "/v2/completed.svg": "public, max-age=86400"}
    for path, how in kept.items():
        file = gateway.ask("GET", path)
        assert (file.status, file.headers["cache-control"], file.headers["x-content-type-options"]) == (200, how, "nosniff"), path
        again = gateway.ask("GET", path, headers={"If-None-Match": file.headers["etag"]})
        assert (again.status, again.headers["cache-control"]) == (304, how), path
    for path in ("/v2/assets/gone.js", "/assets/gone.js", "/gone.svg", "/v2/mockServiceWorker.js"):
        for headers in (BROWSER, PROGRAM):
            gone = gateway.ask("GET", path, headers=headers)
            assert (gone.status, gone.headers["cache-control"]) == (404, "no-store") and b'id="root"' not in gone.body and b'id="app"' not in gone.body, path


@pytest.mark.parametrize("role", SEES_SETTINGS)
def test_the_servers_settings_are_reduced_for_who_may_not_see_them(role: str, gateway: Gateway) -> None:
    _, headers = person(gateway, role)
    answer = gateway.ask("GET", "/api/admin/settings", headers={**headers, **PROGRAM})
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    assert ("database" in answer.json()["server"]) == SEES_SETTINGS[role]
    key = gateway.newcomer(role)[1]
    assert gateway.ask("GET", "/api/admin/settings", key=key).status == (200 if SEES_SETTINGS[role] else 403)


def test_the_badge_is_told_who_is_signed_in_and_nobody_else_is(gateway: Gateway) -> None:
    name, headers = person(gateway, "viewer")
    gateway.cli("grant", "add", name, "--role", "runner")
    answer = gateway.ask("GET", "/lictor/me", headers={**headers, **PROGRAM})
    assert answer.json()["name"] == name and set(answer.json()["roles"]) <= {"runner", "viewer"} and answer.json()["workspace"] == "default"
    assert answer.headers["cache-control"] == "no-store" and not answer.headers["access-control-allow-origin"]
    assert gateway.ask("GET", "/lictor/me", headers=PROGRAM).reason == "authentication-required"
    assert gateway.ask("GET", "/lictor/me", key=gateway.newcomer("owner")[1], headers=PROGRAM).status == 403
    nobody, headers = person(gateway, None)
    assert gateway.ask("GET", "/lictor/me", headers={**headers, **PROGRAM}).json() == {"name": nobody, "workspace": "default", "roles": [], "workspaces": [], "administers": False, "viewing": None}


def test_every_refusal_of_ours_is_marked_and_says_what_is_lacking(gateway: Gateway) -> None:
    _, headers = person(gateway, "viewer")
    refused = gateway.ask("POST", "/api/variables/", headers={**headers, **PROGRAM}, body={"name": "x", "value": 1})
    assert (refused.status, refused.reason) == (403, "permission-denied")
    assert refused.json()["detail"] == refused.json()["exception_message"] and "Lacking: write_variables" in refused.json()["detail"]
    unknown = gateway.ask("POST", "/api/flows/filter", headers={"Cookie": "lictor=gone", **PROGRAM}, body={})
    assert unknown.status == 401 and unknown.reason and isinstance(unknown.json()["detail"], str)
    # Prefect's own refusals are not.
    theirs = gateway.ask("GET", f"/api/flows/{uuid.uuid4()}", headers={**headers, **PROGRAM})
    assert (theirs.status, theirs.reason) == (404, None)
