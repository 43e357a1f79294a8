"""The attacks on credentials."""

import base64
import datetime
import http.client
import statistics
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import http as plain
from .attack_steps import Scene, steps
from .gateway import PASSWORD
from .wait import PROMISE, until

PATH = "/api/admin/version"


def get(scene: Scene, headers: dict[str, str], path: str = PATH, source: str | None = None) -> plain.Answer:
    """One request, perhaps from another address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", scene.gateway.port, timeout=10, source_address=(source, 0) if source else None)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    answer = plain.Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


def expect(scene: Scene, what: str, headers: dict[str, str], *statuses: int, path: str = PATH) -> Iterator[str]:
    """Refused as stated, and nothing reached Prefect."""
    mark = scene.recorder.mark()
    answer = get(scene, headers, path, source=somewhere())
    if answer.status not in statuses:
        yield f"{what}: {answer.status} {answer.reason}"
    if answer.status != 200 and scene.recorder.since(mark):
        yield f"{what}: refused, and yet Prefect was asked"


_addresses = iter(f"127.{a}.{b}.{c}" for a in range(10, 250) for b in range(1, 250) for c in range(1, 250))


def somewhere() -> str:
    """An address that has not failed yet, so that the throttle of one test does not judge another."""
    return next(_addresses)


def person(scene: Scene, password: str | None = PASSWORD) -> str:
    """A user that no other attack knows."""
    name = f"p-{uuid.uuid4().hex[:10]}"
    return scene.gateway.add_user(name, "viewer", password or PASSWORD)


@steps("AUTH-006")
def look_alike_names_are_not_the_name(scene: Scene) -> Iterator[str]:
    for name in ("A-VIEWER", "A-Viewer", "a-viewer\0", "a-ｖiewer", "a-vıewer", "a-viewer ", " a-viewer", "a-viewer\u200b"):
        raw = base64.b64encode(f"{name}:{scene.cast.passwords['viewer']}".encode()).decode()
        yield from expect(scene, repr(name), {"Authorization": f"Basic {raw}"}, 401)


@steps("AUTH-008")
def failures_of_an_attacker_do_not_lock_the_victim_out(scene: Scene) -> Iterator[str]:
    if scene.identity != "anonymous":
        return  # the attacker is the same whoever the file calls it
    victim, attacker = person(scene), somewhere()
    if get(scene, plain.basic(f"{victim}:{PASSWORD}"), source=somewhere()).status != 200:
        yield "the victim could not get in to begin with"
    key = scene.gateway.key(victim)
    with ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(lambda number: get(scene, plain.basic(f"{victim}:wrong-{number}"), source=attacker).status, range(100)))
    if not seen <= {401, 429, 503}:
        yield f"the attacker saw {seen}"
    if 429 not in seen:
        yield f"a hundred failures were never throttled: {seen}"
    if get(scene, plain.bearer(key), source=somewhere()).status != 200:
        yield "the victim's key no longer works"
    if get(scene, plain.basic(f"{victim}:{PASSWORD}"), source=somewhere()).status != 200:
        yield "the victim's password no longer works from an address where it worked"


def four_kinds(scene: Scene) -> dict[str, str]:
    """A name nobody has, one with a password, a disabled one, a machine without a password."""
    known, disabled, machine = person(scene), person(scene), f"m-{uuid.uuid4().hex[:10]}"
    scene.gateway.cli("user", "disable", disabled)
    scene.gateway.add_service_account(machine, "viewer")
    return {"unknown": f"u-{uuid.uuid4().hex[:10]}", "known": known, "disabled": disabled, "without a password": machine}


@steps("AUTH-009")
def an_unknown_name_takes_as_long_as_a_known_one(scene: Scene) -> Iterator[str]:
    if scene.identity != "anonymous":
        return
    names, took = four_kinds(scene), {}
    for kind, name in names.items():
        seconds = []
        for number in range(5):
            began = time.perf_counter()
            get(scene, plain.basic(f"{name}:not the password {number}"), source=somewhere())
            seconds.append(time.perf_counter() - began)
        took[kind] = statistics.median(seconds)
    # Two busy cores: what must not be is the factor of a hundred that a skipped Argon2id makes.
    if max(took.values()) > 2.5 * min(took.values()):
        yield f"medians differ: { {kind: f'{seconds * 1000:.1f} ms' for kind, seconds in took.items()} }"


@steps("AUTH-010")
def all_failures_look_the_same(scene: Scene) -> Iterator[str]:
    if scene.identity != "anonymous":
        return
    answers = {}
    for kind, name in four_kinds(scene).items():
        answer = get(scene, plain.basic(f"{name}:not the password"), source=somewhere())
        body = answer.json()
        body.pop("request_id")
        headers = sorted((key.lower(), value) for key, value in answer.headers.items() if key.lower() not in ("date", "x-request-id", "content-length"))
        answers[kind] = (answer.status, body, headers)
    for kind, answer in answers.items():
        if answer != answers["unknown"]:
            yield f"{kind} differs from unknown: {answer} / {answers['unknown']}"
    if answers["unknown"][0] != 401:
        yield f"not 401: {answers['unknown']}"


@steps("AUTH-013")
def equal_concatenations_are_judged_alone(scene: Scene) -> Iterator[str]:
    if scene.identity != "anonymous":
        return
    stem = f"ab-{uuid.uuid4().hex[:6]}"
    scene.gateway.add_user(stem, "viewer", "c-and-then-a-long-tail")
    texts = [f"{stem}:c-and-then-a-long-tail", f"{stem}c:-and-then-a-long-tail", f"{stem[:-1]}:{stem[-1]}c-and-then-a-long-tail"]
    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(lambda text: get(scene, plain.basic(text), source=somewhere()).status, texts * 4))
    if seen != [200, 401, 401] * 4:
        yield f"judged together: {seen}"


@steps("AUTH-014")
def the_old_password_ends_with_the_change(scene: Scene) -> Iterator[str]:
    name = person(scene)
    old = plain.basic(f"{name}:{PASSWORD}")
    for _ in range(3):
        if get(scene, old).status != 200:
            yield "the password did not work to begin with"
    scene.gateway.cli("user", "set-password", name, "--password-stdin", stdin="another long enough secret\n")
    until("the old password is refused", lambda: get(scene, old, source=somewhere()).status == 401, PROMISE)
    if get(scene, plain.basic(f"{name}:another long enough secret"), source=somewhere()).status != 200:
        yield "the new password does not work"


@steps("AUTH-015")
def schemes_are_read_one_way(scene: Scene) -> Iterator[str]:
    if not scene.key:
        yield from expect(scene, "no credential", {"Authorization": "basic"}, 401, 400)
        return
    token = base64.b64encode(scene.key.encode()).decode()
    for scheme in ("basic", "BASIC", "BaSiC", "Basic"):
        yield from expect(scene, scheme, {"Authorization": f"{scheme} {token}"}, 200)
    for odd in (f"Basic  {token}", f"Basic\t{token}", f"Basic\u00a0{token}", f"Basic{token}", f"Basic={token}", f"Digest {token}"):
        yield from expect(scene, repr(odd[:9]), {"Authorization": odd}, 200, 401, 400)


@steps("AUTH-016")
def keys_end_with_their_owner(scene: Scene) -> Iterator[str]:
    gateway = scene.gateway
    disabled, disabled_key = gateway.newcomer("viewer")
    removed, removed_key = gateway.newcomer("viewer")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    expired_key = gateway.key(disabled, "--expires", soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
    gateway.cli("service-account", "remove", removed)
    until("a removed account's key is refused", lambda: get(scene, plain.bearer(removed_key)).status == 401, PROMISE)
    until("an expired key is refused", lambda: get(scene, plain.bearer(expired_key)).status == 401, 4.0)
    gateway.cli("service-account", "disable", disabled)
    until("a disabled account's key is refused", lambda: get(scene, plain.bearer(disabled_key)).status == 401, PROMISE)
    yield from ()


@steps("AUTH-017")
def only_the_whole_key_is_the_key(scene: Scene) -> Iterator[str]:
    key = scene.key or scene.cast.keys["viewer"]
    swapped = key[:-1] + ("0" if key[-1] != "0" else "1")
    for what, text in {"cut": key[:-1], "longer": key + "a", "prefix": key[:10], "other check": swapped, "upper case": key.upper(), "doubled": key + key, "space inside": key[:9] + " " + key[9:]}.items():
        yield from expect(scene, what, plain.bearer(text), 401)
        yield from expect(scene, f"{what}, Basic", plain.basic(text), 401)


@steps("AUTH-018")
def a_key_elsewhere_is_no_credential(scene: Scene) -> Iterator[str]:
    key = scene.key or scene.cast.keys["viewer"]
    yield from expect(scene, "query", {}, 401, path=f"{PATH}?api_key={key}")
    yield from expect(scene, "token query", {}, 401, path=f"{PATH}?token={key}&access_token={key}")
    yield from expect(scene, "cookie", {"Cookie": f"api_key={key}"}, 401)
    yield from expect(scene, "session cookie", {"Cookie": f"lictor={key}"}, 401)
    yield from expect(scene, "path", {}, 400, 401, path=f"/{key}{PATH}")


@steps("AUTH-019")
def a_key_is_not_a_person_at_a_browser(scene: Scene) -> Iterator[str]:
    headers = plain.bearer(scene.key) if scene.key else {}
    for path in ("/lictor/account", "/lictor/account/password", "/lictor/admin"):
        answer = get(scene, headers, path)
        if answer.status == 200 or "set-cookie" in {name.lower() for name in answer.headers}:
            yield f"{path}: {answer.status} {answer.headers.get('set-cookie')}"


@steps("AUTH-021")
def there_is_no_first_run_page(scene: Scene) -> Iterator[str]:
    for _ in range(2):
        for path in ("/lictor/setup", "/lictor/install", "/setup"):
            answer = scene.gateway.ask("POST", path, key=scene.key, body={"name": "eve", "password": PASSWORD})
            if answer.status not in (401, 403, 404, 405, 409):
                yield f"{path}: {answer.status}"
    if any(user["name"] == "eve" for user in scene.gateway.cli_json("user", "list")):
        yield "eve was made"


@steps("AUTH-022")
def there_are_no_default_credentials(scene: Scene) -> Iterator[str]:
    for text in ("admin:admin", "admin:password", "prefect:prefect", "admin:pass", "admin:", "lictor:lictor", ":", "root:root"):
        yield from expect(scene, text, plain.basic(text), 401)
