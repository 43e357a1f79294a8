"""Do the known attacks on gateways fail, with the stated outcome, and reach nothing? The file is e2e/attacks/attacks.jsonl."""

import collections

import pytest

from stage import attack_steps
from stage.attack import IDENTITIES, ON, Attack, Cast, admitted, judge, load
from stage.raw import exchange

ATTACKS = load()
RAW = [each for each in ATTACKS if each.raw and each.kind in ON]
STEPS = [each for each in ATTACKS if not each.raw and each.kind in ON]


@pytest.fixture(scope="module")
def cast(recorded):
    """Everybody that the file speaks of."""
    cast = Cast(recorded)
    yield cast


@pytest.mark.parametrize("attack", RAW, ids=lambda each: each.id)
def test_raw_bytes_get_the_stated_answer_and_reach_nothing_else(attack: Attack, cast: Cast, recorded, recorder) -> None:
    wrong = []
    for identity in IDENTITIES:
        expected = attack.expected[identity]
        if expected == "n/a":
            continue
        mark = recorder.mark()
        data = attack.request["bytes"]
        # Where a second answer may come, it is waited for a little longer.
        outcome = exchange(recorded.port, cast.fill(data, identity), quiet=0.3 if data.count("HTTP/1") > 1 else 0.05)
        if not judge(expected, outcome):
            wrong.append(f"{identity}: expected {expected}, got {outcome.words()} {outcome.body[:160]!r}")
        reached = recorder.since(mark)
        wrong += [f"{identity}: smuggled to Prefect: {each.text()!r}" for each in reached if each.header("x-smuggled")]
        if not admitted(expected):
            wrong += [f"{identity}: refused, and yet Prefect was sent {each.method} {each.target}" for each in reached]
        wrong += [f"{identity}: {leak}" for each in reached for leak in attack_steps.leaks(each, cast)]
        if "x-smuggled" in attack.request["bytes"].lower() and "then" not in expected and len(outcome.statuses) > 1 and not admitted(expected):
            wrong.append(f"{identity}: the smuggled request was answered: {outcome.words()}")
    assert not wrong, f"{attack.id} {attack.what}\n" + "\n".join(wrong)


@pytest.mark.parametrize("attack", STEPS, ids=lambda each: each.id)
def test_steps_end_as_stated(attack: Attack, cast: Cast, recorded, recorder) -> None:
    run = attack_steps.find(attack.id)
    wrong = []
    for identity in IDENTITIES:
        if attack.expected[identity] != "n/a":
            wrong += [f"{identity}: {each}" for each in run(attack_steps.Scene(attack, identity, cast, recorded, recorder))]
    assert not wrong, f"{attack.id} {attack.what}\n" + "\n".join(wrong)


def test_every_attack_of_a_class_that_is_on_is_run(capsys) -> None:
    later = collections.Counter(each.kind for each in ATTACKS if each.kind not in ON)
    with capsys.disabled():
        print(f"\n{len(RAW) + len(STEPS)} attacks run; classes not on yet: " + ", ".join(f"{kind} ({count})" for kind, count in sorted(later.items())))
    unknown = [each.id for each in STEPS if not attack_steps.has(each.id)]
    assert not unknown, f"no steps are written for {unknown}"


def test_no_secret_is_in_the_log_after_all_attacks(cast: Cast, recorded) -> None:
    log = recorded.log()
    assert len(log) > 10_000, "the access lines of the attacks should be here"
    assert [secret[:12] + "…" for secret in cast.secrets() if secret in log] == []
