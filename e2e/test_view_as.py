"""Does an owner see what somebody else may see, and change nothing while they look?"""

import re
import uuid

import pytest

from stage import http
from stage.desk import Desk, routes, text
from stage.gateway import ROOT, Gateway
from stage.recorder import Recorder
from stage.wait import PROMISE, until

VIEW_AS, END = "/lictor/admin/principal/view-as", "/lictor/view-as/end"
ROUTER = ROOT / "crates/lictor-web/src/router.rs"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """Two workspaces, two owners, an admin, and three to look at."""
    folder = tmp_path_factory.mktemp("viewed")
    gateway = Gateway(folder, config=folder / "lictor.toml")
    gateway.config.write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n[store]\nurl = "sqlite://{folder}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n'
        f'[workspaces.lab]\nupstream = "{recorder.url}"\nprefix = "/lab"\n'
    )
    gateway.start()
    for name, role in (("olga", "owner"), ("otto", "owner"), ("dora", "developer"), ("adam", None)):
        gateway.add_user(name, role)
    gateway.cli("user", "set-account-role", "adam", "admin")
    gateway.cli("service-account", "add", "robot")
    gateway.cli("grant", "add", "robot", "--role", "viewer", "--workspace", "lab")
    yield gateway
    gateway.stop()


def looking(gateway: Gateway, name: str, owner: str = "olga") -> Desk:
    """An owner's browser that views as somebody."""
    desk = Desk(gateway, owner)
    began = desk.post(VIEW_AS, name=name)
    assert (began.status, began.headers["location"]) == (303, "/lictor/account"), text(began)
    return desk


def api(desk: Desk, method: str, path: str, body: object = None) -> http.Answer:
    """Something of Prefect's, as its UI asks for it."""
    headers = {"Cookie": f"lictor={desk.cookie}", "Sec-Fetch-Site": "same-origin"}
    return http.ask(desk.gateway.port, method, path, body=body, headers=headers)


def told(gateway: Gateway, operation: str) -> tuple[str, str, str]:
    """Of the newest event: who, on what, and how it ended."""
    event = gateway.cli_json("audit", "list", "--operation", operation, "--limit", "1")[0]
    return event["actor"]["name"], event["object"], event["reason"] or event["outcome"]


def test_an_owner_sees_with_the_rights_of_another_and_then_with_their_own_again(office: Gateway) -> None:
    desk = looking(office, "robot")
    assert told(office, "view-as.begin") == ("olga", "robot", "allowed")
    assert api(desk, "POST", "/api/flows/filter", {}).reason == "not-a-member", "robot has no role in main"
    assert api(desk, "POST", "/lab/api/flows/filter", {}).status == 200
    assert b"recorded" not in api(desk, "GET", "/lab/api/admin/settings").body, "of the settings, a viewer's page gets what it starts with"
    other = Desk(office, "olga")
    assert api(other, "GET", "/api/admin/settings").status == 200, "another browser of the same owner looks with its own eyes"
    ended = desk.post(END)
    assert (ended.status, ended.headers["location"]) == (303, "/lictor/admin/principal?name=robot")
    assert told(office, "view-as.end") == ("olga", "robot", "allowed")
    assert b"recorded" in api(desk, "GET", "/lab/api/admin/settings").body
    assert desk.post(END).headers["location"] == "/lictor/admin", "there is nothing to end"


def test_nothing_is_changed_while_one_looks(office: Gateway, recorder: Recorder) -> None:
    desk, mark = looking(office, "otto"), recorder.mark()
    for method, path, body in (
        ("POST", "/api/flows/", {"name": "x"}),
        ("DELETE", f"/api/flows/{uuid.uuid4()}", None),
        ("PATCH", f"/api/deployments/{uuid.uuid4()}", {"paused": True}),
        ("POST", f"/api/flow_runs/{uuid.uuid4()}/set_state", {"state": {"type": "CANCELLING"}}),
        ("POST", "/api/logs/", []),
        ("POST", f"/api/work_queues/{uuid.uuid4()}/get_runs", {}),
    ):
        answer = api(desk, method, path, body)
        assert (answer.status, answer.reason) == (403, "view-only"), f"{method} {path}: {answer.status} {answer.reason}"
        assert "Stop viewing" in answer.json()["detail"]
    assert not recorder.since(mark)
    assert told(office, "POST /flows/") == ("olga", "/api/flows/", "view-only"), "who tried is on record, and not who was viewed"
    robot = looking(office, "robot")
    assert api(robot, "POST", "/lab/api/flows/", {"name": "x"}).reason == "permission-denied", "what a viewer could not do either is told as theirs"


def forms() -> list[str]:
    """Every path of ours that takes a form."""
    pages = re.findall(r'"(/lictor/[^"{]+)", (?:get\([^)]+\)\.)?post\(', ROUTER.read_text())
    return sorted({*pages, *(path for method, path in routes() if method == "POST")} - {"/lictor/sign-out"})


def test_the_forms_were_found() -> None:
    assert len(forms()) > 25 and "/lictor/account/sessions/end-all" in forms() and VIEW_AS in forms()


def test_no_form_and_no_operation_of_ours_counts_while_one_looks(office: Gateway) -> None:
    desk = looking(office, "otto")
    for path in forms():
        answer = desk.post(path, name="dora")
        assert (answer.status, answer.reason) == (403, "view-only"), f"{path}: {answer.status} {answer.reason}"
    for method, path in (("POST", "/lictor/api/v1/users"), ("DELETE", "/lictor/api/v1/users/dora"), ("PATCH", "/lictor/api/v1/users/dora")):
        assert api(desk, method, path, {"name": "eve"}).reason == "view-only", path
    assert office.cli_json("user", "show", "dora")["disabled"] is False
    left = desk.post("/lictor/sign-out")
    assert left.status == 303 and desk.get("/lictor/account").status == 303, "one may always leave"


def test_it_is_told_on_every_page_and_to_the_badge(office: Gateway) -> None:
    desk = looking(office, "robot")
    me = desk.get("/lab/lictor/me").json()
    assert (me["name"], me["viewing"], me["roles"], me["administers"]) == ("olga", "robot", ["viewer"], False)
    asked = api(desk, "GET", "/lictor/api/v1/me").json()
    assert (asked["name"], asked["viewing"], asked["account_role"]) == ("olga", "robot", "member")
    account = desk.see("/lictor/account")
    assert "You see what robot sees, and change nothing." in account and "What robot may do in lab" in account and "a grant to robot" in account and "Administration" not in account
    for path in ("/lictor/account/keys", "/lictor/account/sessions", "/lictor/account/password", "/lictor/account/factors"):
        assert "You see what robot sees, and change nothing." in desk.see(path), path
    assert "You see what robot" in text(desk.get("/lictor/no-such-page"))
    assert desk.get("/lictor/admin").reason == "permission-denied", "robot manages nothing"
    admin = looking(office, "adam")
    assert "You see what adam sees" in admin.see("/lictor/admin/people")
    assert "View as" not in admin.see("/lictor/admin/principal", name="dora"), "an admin may not"
    assert "You see what" not in Desk(office, "olga").see("/lictor/account")


def test_only_an_owner_views_as_somebody_and_not_as_whoever_sees_nothing(office: Gateway) -> None:
    adam, dora, olga = Desk(office, "adam"), Desk(office, "dora"), Desk(office, "olga")
    refused = adam.post(VIEW_AS, name="dora")
    assert (refused.status, refused.reason) == (403, "permission-denied") and "Only an owner views as somebody else" in text(refused)
    assert told(office, "view-as.begin") == ("adam", "dora", "permission-denied")
    assert dora.post(VIEW_AS, name="robot").reason == "permission-denied"
    gone = office.add_user(f"gone-{uuid.uuid4().hex[:6]}", "viewer")
    office.cli("user", "disable", gone)
    for name, status, words in (("olga", 409, "your own account"), (gone, 409, "is disabled, and sees nothing"), ("nobody-at-all", 404, "")):
        answer = olga.post(VIEW_AS, name=name)
        assert answer.status == status and words in text(answer), f"{name}: {answer.status} {text(answer)}"
    assert olga.post(VIEW_AS, name="dora", origin="cross-site").reason == "cross-origin"
    assert api(olga, "GET", "/api/admin/settings").status == 200


@pytest.mark.parametrize("lost", ["disabled", "removed", "no longer an owner"])
def test_a_view_that_has_lost_its_ground_ends_the_session_and_does_not_fall_back(lost: str, office: Gateway) -> None:
    owner, viewed = (office.add_user(f"{kind}-{uuid.uuid4().hex[:6]}", kind) for kind in ("owner", "viewer"))
    desk = looking(office, viewed, owner)
    assert api(desk, "POST", "/api/flows/filter", {}).status == 200
    if lost == "disabled":
        office.cli("user", "disable", viewed)
    elif lost == "removed":
        office.cli("user", "remove", viewed)
    else:
        office.cli("grant", "add", owner, "--role", "developer")
        office.cli("grant", "remove", owner, "--role", "owner")
    until("the session has ended", lambda: api(desk, "POST", "/api/flows/filter", {}).reason == "session-ended", PROMISE)
    assert api(desk, "POST", "/api/flows/", {"name": "x"}).reason == "session-ended"
    assert Desk(office, owner).get("/lictor/account").status == 200, "and may sign in again"
