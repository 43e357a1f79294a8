"""What is in a big store? Ten thousand principals, a hundred thousand keys, a million events, spread as in a grown company.

The tables are made by the program itself; the rows are put beside what it made, for a million changes through its own
operations would take a day. Digests are real: each key of `Filled.keys` opens the door.
"""

import hashlib
import random
import sqlite3
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WORKSPACES = ("main", "research", "staging", "finance", "lab")
DAY = 86_400 * 1_000_000
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
OPERATIONS = (
    ("POST /deployments/{id}/create_flow_run", 30), ("POST /flow_runs/{id}/set_state", 25), ("POST /flow_runs/", 15), ("PATCH /deployments/{id}", 8),
    ("POST /block_documents/", 4), ("DELETE /flow_runs/{id}", 4), ("session.start", 8), ("key.create", 3), ("key.revoke", 2), ("grant.add", 1),
)  # fmt: skip


@dataclass
class Sizes:
    """How much of everything."""

    principals: int = 10_000
    keys: int = 100_000
    events: int = 1_000_000
    sessions: int = 4_000
    teams: int = 200
    roles: int = 10


@dataclass
class Filled:
    """What the measurements need to know of it."""

    keys: list[str] = field(default_factory=list)
    someone: str = ""
    machine: str = ""
    team: str = ""


def made_at(chance: random.Random, micros: int) -> str:
    """An id as Lictor makes them: UUID version 7."""
    value = (micros // 1000) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62)
    return str(uuid.UUID(int=value))


def secret(chance: random.Random) -> str:
    """A key in clear, with the check characters that it must have."""
    text = "lictor_" + "".join(chance.choices(ALPHABET, k=32))
    check, rest = "", zlib.crc32(text.encode())
    for _ in range(6):
        check, rest = ALPHABET[rest % 62] + check, rest // 62
    return text + check


def fill(database: Path, sizes: Sizes, now: int) -> Filled:
    """Fills a store that the program has made and that nobody has open."""
    chance, filled = random.Random(6), Filled()
    store = sqlite3.connect(database)
    store.execute("PRAGMA synchronous = OFF")
    with store:
        people = list(principals(chance, sizes, now))
        many(store, "principals (id, kind, name, disabled, created_at)", people)
        users = [one for one in people if one[1] == "user"]
        machines = [one for one in people if one[1] != "user"]
        filled.someone, filled.machine = users[len(users) // 2][2], machines[0][2]
        # Most sign in elsewhere; a password that nobody knows is as long as one that somebody does.
        phc = "$argon2id$v=19$m=19456,t=2,p=1$" + "c" * 22 + "$" + "d" * 43
        many(store, "passwords (id, principal, hash, must_change, changed_at)", ((made_at(chance, one[4]), one[0], phc, 0, one[4]) for one in users[::3]))
        filled.team = access(store, chance, sizes, people, now)
        many(store, "api_keys (id, principal, label, digest, hint, created_at, expires_at, revoked_at, last_used_at, last_used_ip, last_used_client_version)", keys(chance, sizes, (users, machines), filled, now))
        many(store, "sessions (id, principal, digest, created_at, last_seen_at, expires_at, client_ip, user_agent, proved_at, factor)", sessions(chance, sizes, users, now))
        many(store, "audit (id, at, actor_id, actor_kind, actor_name, credential_kind, credential_id, client_ip, operation, object, workspace, outcome, reason, status, request, demands)", events(chance, sizes, people, now))
        store.execute("UPDATE changes SET version = version + 1")
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return filled


def many(store: sqlite3.Connection, into: str, rows: Iterator[tuple] | list[tuple]) -> None:
    places = ", ".join("?" * (into.count(",") + 1))
    store.executemany(f"INSERT INTO {into} VALUES ({places})", rows)


def principals(chance: random.Random, sizes: Sizes, now: int) -> Iterator[tuple]:
    for at in range(sizes.principals - 1):
        created = now - chance.randrange(30 * DAY, 800 * DAY)
        kind, name = ("service-account", f"svc-{at:05}") if at % 5 == 0 else ("user", f"{chance.choice(ALPHABET[36:])}.person{at:05}@example.com")
        yield made_at(chance, created), kind, name, int(at % 50 == 7), created


def access(store: sqlite3.Connection, chance: random.Random, sizes: Sizes, people: list[tuple], now: int) -> str:
    """Roles, teams, and who has what; answers the largest team's name."""
    own = [f"custom-{at:02}" for at in range(sizes.roles)]
    many(store, "roles (name, description, permissions, base)", ((name, "As one department wants it.", '["see_flows"]', "viewer") for name in own))
    roles = ["viewer", "runner", "developer", "worker", *own]
    created = now - 700 * DAY
    teams = [(made_at(chance, created), f"team-{at:03}", "", created) for at in range(sizes.teams)]
    many(store, "teams (id, name, description, created_at)", teams)

    def place() -> tuple[str, str]:
        return ("everywhere", "") if chance.random() < 0.2 else ("workspace", chance.choice(WORKSPACES))

    # A quarter of everybody is in the first team, as in a company where all may look.
    members = {(teams[0][0], one[0]) for one in people[::4]} | {(chance.choice(teams)[0], one[0]) for one in people}
    many(store, "team_members (team, principal, source, created_at)", ((team, one, "", created) for team, one in sorted(members)))
    given = {(team[0], chance.choice(roles), *place()) for team in teams for _ in range(2)}
    many(store, "team_grants (id, team, role, scope, workspace, created_at)", ((made_at(chance, created), *one, created) for one in sorted(given)))
    given = {(one[0], chance.choice(roles), *place()) for one in people for _ in range(chance.choice((0, 1, 1, 2)))}
    many(store, "grants (id, principal, role, scope, workspace, created_at)", ((made_at(chance, created), *one, created) for one in sorted(given)))
    return teams[0][1]


def keys(chance: random.Random, sizes: Sizes, owners: tuple[list[tuple], list[tuple]], filled: Filled, now: int) -> Iterator[tuple]:
    for at in range(sizes.keys):
        owner = chance.choice(owners[at % 2])  # half of them of the fifth that are machines
        created = now - chance.randrange(DAY, 700 * DAY)
        lives = chance.choice((None, 90, 365, 800))
        used = chance.random() < 0.8
        revoked = now - DAY if chance.random() < 0.15 else None
        text = secret(chance)
        if lives is None and not revoked and not owner[3] and len(filled.keys) < 1000:
            filled.keys.append(text)
        yield (
            made_at(chance, created), owner[0], f"pipeline {at % 977}", hashlib.sha256(text.encode()).hexdigest(), text[-4:], created, lives and created + lives * DAY, revoked,
            chance.randrange(created, now) if used else None, "10.1.2.3" if used else "", "3.8.8" if used else "",
        )  # fmt: skip


def sessions(chance: random.Random, sizes: Sizes, users: list[tuple], now: int) -> Iterator[tuple]:
    for _ in range(sizes.sessions):
        began = now - chance.randrange(0, DAY // 4)
        digest = hashlib.sha256(chance.randbytes(16)).hexdigest()
        yield made_at(chance, began), chance.choice(users)[0], digest, began, began, now + 7 * DAY, "10.4.5.6", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", began, ""


def events(chance: random.Random, sizes: Sizes, people: list[tuple], now: int) -> Iterator[tuple]:
    names, weights = zip(*OPERATIONS, strict=True)
    step = 365 * DAY // max(sizes.events, 1)
    for at in range(sizes.events):
        moment = now - (sizes.events - at) * step
        # A few machines do most of what is done.
        who = people[min(int(chance.paretovariate(0.6)), len(people)) - 1]
        refused = chance.random() < 0.04
        yield (
            made_at(chance, moment), moment, who[0], who[1], who[2], "key", who[0], "10.1.2.3", chance.choices(names, weights)[0], "7c9a4e1e-0000-7000-8000-000000000000",
            chance.choice(WORKSPACES), "refused" if refused else "allowed", "permission-denied" if refused else "", 403 if refused else 201, None, "",
        )  # fmt: skip
