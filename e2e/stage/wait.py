"""When has it happened? Conditions are awaited with a deadline, never slept for."""

import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds until a change holds everywhere. One is promised, and is what it takes; the rest is for a machine that is busy with something else: speed is a matter for `bench/`.
PROMISE = 4.0


class NotInTime(AssertionError):
    """The condition did not come true."""


def until(what: str, condition: Callable[[], T], seconds: float = 10.0, every: float = 0.05) -> T:
    """Answers the first true value of `condition`; an exception counts as not yet, and is told at the end."""
    deadline = time.monotonic() + seconds
    pause, seen = threading.Event(), None
    while True:
        try:
            seen = condition()
            if seen:
                return seen
        except (OSError, AssertionError, KeyError, ValueError) as error:
            seen = error
        if time.monotonic() >= deadline:
            raise NotInTime(f"{what}: not within {seconds} s; last seen: {seen!r}")
        pause.wait(every)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
