"""A flow to serve, to deploy, to run and to cancel."""

import time

from prefect import flow, task


@task
def tick(number: int) -> int:
    return number


@flow
def inner() -> str:
    return "inner"


@flow
def served(seconds: int = 0) -> str:
    tick(1)
    inner()
    for _ in range(seconds * 10):
        time.sleep(0.1)
    return "served"


if __name__ == "__main__":
    served.serve(name="served")
