"""Do two replicas on one PostgreSQL agree within a second?"""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from stage.gateway import ROOT, Gateway
from stage.recorder import Recorder
from stage.steps_sockets import opens
from stage.wait import PROMISE, until


@pytest.fixture(scope="module")
def postgres(folder: Path):
    """A PostgreSQL: the one of `make test`, or one of our own."""
    if url := os.environ.get("LICTOR_TEST_POSTGRES_URL"):
        yield url
        return
    place = folder / "postgres"
    started = subprocess.run([ROOT / "scripts/postgres.sh", "start", place], capture_output=True, text=True, check=True)
    yield started.stdout.strip().splitlines()[-1]
    subprocess.run([ROOT / "scripts/postgres.sh", "stop", place], check=True, capture_output=True)


@pytest.fixture(scope="module")
def replicas(postgres: str, folder: Path, recorder: Recorder):
    """Two gateways on one database of their own."""
    name = f"e2e_{uuid.uuid4().hex[:8]}"
    subprocess.run([shutil.which("psql") or "psql", postgres, "-qc", f"CREATE DATABASE {name}"], check=True, capture_output=True)
    base, _, _ = postgres.partition("?")
    url = base.rsplit("/", 1)[0] + f"/{name}" + postgres[len(base) :]
    pair = []
    for letter in "ab":
        home = folder / f"replica-{letter}"
        gateway = Gateway(home, config=home / "lictor.toml")
        assert gateway.config
        gateway.config.write_text(f'listen = "127.0.0.1:{gateway.port}"\n[store]\nurl = "{url}"\n[workspaces.main]\nupstream = "{recorder.url}"\n')
        pair.append(gateway.start())
    yield pair
    for gateway in pair:
        gateway.stop()


def test_a_key_made_on_one_replica_works_on_the_other(replicas: list[Gateway]) -> None:
    here, there = replicas
    _, key = here.newcomer("viewer")
    until("the key works on both", lambda: all(each.ask("POST", "/api/flows/filter", key=key, body={}).status == 200 for each in replicas), PROMISE)
    assert there.ask("POST", "/api/variables/", key=key, body={}).reason == "permission-denied"


def test_a_key_revoked_on_one_replica_stops_on_the_other_within_a_second(replicas: list[Gateway]) -> None:
    here, there = replicas
    name, key = here.newcomer("viewer")
    until("the key works there", lambda: there.ask("POST", "/api/flows/filter", key=key, body={}).status == 200, PROMISE)
    socket = opens(there.port, key)
    here.cli("key", "revoke", str(here.cli_json("key", "list", "--for", name)[0]["id"]))
    until("it is refused there", lambda: there.ask("POST", "/api/flows/filter", key=key, body={}).reason == "revoked-key", PROMISE)
    assert socket.until_closed(1.0) == 1008


def test_a_membership_removed_on_one_replica_stops_on_the_other_within_a_second(replicas: list[Gateway]) -> None:
    here, there = replicas
    name, key = here.newcomer(None)
    for command in (("team", "add", "data"), ("team", "add-member", "data", name), ("grant", "add", "--team", "data", "--role", "viewer")):
        here.cli(*command)
    until("it works there", lambda: there.ask("POST", "/api/flows/filter", key=key, body={}).status == 200, PROMISE)
    socket = opens(there.port, key)
    here.cli("team", "remove-member", "data", name)
    until("it is refused there", lambda: there.ask("POST", "/api/flows/filter", key=key, body={}).reason == "not-a-member", PROMISE)
    assert socket.until_closed(1.0) == 1008


def test_changes_through_both_replicas_are_in_one_record(replicas: list[Gateway]) -> None:
    name, key = replicas[0].newcomer("developer")
    for gateway in replicas:
        until("the key works", lambda gateway=gateway: gateway.ask("POST", "/api/flows/filter", key=key, body={}).status == 200, PROMISE)
        assert gateway.ask("POST", "/api/variables/", key=key, body={"name": "a", "value": 1}).status == 200
    assert [event["operation"] for event in replicas[0].cli_json("audit", "list", "--actor", name)].count("POST /variables/") == 2


def test_a_store_moves_from_a_file_to_running_replicas(replicas: list[Gateway], own_gateway: Gateway, tmp_path: Path) -> None:
    """Last, for it replaces everything."""
    _, key = own_gateway.newcomer("viewer")
    mine = replicas[0].newcomer("viewer")[1]
    socket = opens(replicas[1].port, mine)
    own_gateway.cli("backup", str(tmp_path / "backup.jsonl"))
    replicas[0].cli("restore", str(tmp_path / "backup.jsonl"), "--replace")
    works = lambda one, key: one.ask("POST", "/api/flows/filter", key=key, body={}).status == 200
    until("both let the file's people in and nobody else", lambda: all(works(each, key) and not works(each, mine) for each in replicas))
    assert socket.until_closed(10) == 1008
