"""A flow that uses everything a flow uses; prints one JSON line with what must have arrived. Runs on every Prefect from 3.0 on."""

import json
import sys
import uuid

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.events import emit_event
from prefect.runtime import flow_run
from prefect.variables import Variable

MARK = sys.argv[1] if len(sys.argv) > 1 else uuid.uuid4().hex
TASKS = 4


@task
def double(number: int) -> int:
    get_run_logger().info("doubling %s for %s", number, MARK)
    return number * 2


@flow
def inner(number: int) -> int:
    return double(number)


@flow
def everything() -> dict:
    get_run_logger().info("the flow of %s", MARK)
    numbers = [double.submit(number) for number in range(TASKS - 1)]
    total = sum(future.result() for future in numbers) + inner(3)
    create_markdown_artifact(markdown=f"# {MARK}", key=f"a-{MARK}")
    Secret(value=f"secret of {MARK}").save(f"s-{MARK}", overwrite=True)
    secret = Secret.load(f"s-{MARK}").get()
    Variable.set(f"v_{MARK}", "red", overwrite=True)
    variable = Variable.get(f"v_{MARK}")
    with concurrency(f"c-{MARK}", occupy=1):
        pass
    emit_event(event="lictor.test", resource={"prefect.resource.id": f"lictor.test.{MARK}"})
    return {"flow_run": str(flow_run.get_id()), "total": total, "secret": str(secret), "variable": variable}


async def with_automation() -> str:
    """Makes an automation and reads it back."""
    from prefect.events.actions import DoNothing
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    trigger = EventTrigger(expect={"never.happens"}, match={}, posture=Posture.Reactive, threshold=1)
    made = AutomationCore(name=f"auto-{MARK}", trigger=trigger, actions=[DoNothing()])
    async with get_client() as client:
        made_id = await client.create_automation(made)
        read = await client.read_automation(made_id)
        return read.name


if __name__ == "__main__":
    import asyncio

    from prefect.client.orchestration import get_client as client_of

    async def limit() -> None:
        async with client_of() as client:
            from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

            await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=f"c-{MARK}", limit=1))

    asyncio.run(limit())
    result = everything()
    result["automation"] = asyncio.run(with_automation())
    print(json.dumps(result))
