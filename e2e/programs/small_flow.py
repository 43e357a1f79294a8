"""One flow with ten tasks, slow enough to be interrupted; prints its id."""

import sys
import time

from prefect import flow, get_run_logger, task
from prefect.runtime import flow_run

PAUSE = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0


@task
def step(number: int) -> int:
    get_run_logger().info("step %s", number)
    time.sleep(PAUSE)
    return number


@flow
def ten_steps() -> int:
    print(flow_run.get_id(), flush=True)
    return sum(step(number) for number in range(10))


if __name__ == "__main__":
    assert ten_steps() == 45
    print("done", flush=True)
