"""The attacks on what an operation does beyond its name, as far as they are told in words."""

from collections.abc import Iterator

from .attack import NOT_ADMITTED, UUID
from .attack_steps import Scene, steps

READS = (
    ("POST", "/api/flow_runs/filter"), ("GET", f"/api/flow_runs/{UUID.format(4)}"), ("POST", "/api/deployments/filter"), ("GET", f"/api/flow_runs/{UUID.format(4)}/logs/download"),
)  # fmt: skip
# What people do, and no worker was ever seen to.
HUMAN = (
    ("POST", f"/api/deployments/{UUID.format(2)}/create_flow_run", {"job_variables": {"command": "id"}}), ("POST", "/api/deployments/", {"name": "d", "flow_id": UUID.format(1)}),
    ("PATCH", f"/api/deployments/{UUID.format(2)}", {"entrypoint": "evil.py:flow"}), ("POST", "/api/work_pools/", {"name": "p", "type": "process"}),
    ("PATCH", "/api/work_pools/p", {"base_job_template": {}}), ("POST", "/api/flow_runs/", {"flow_id": UUID.format(1), "work_pool_name": "other"}),
    ("POST", "/api/block_documents/", {}), ("POST", "/api/variables/", {"name": "a", "value": 1}), ("POST", "/api/automations/", {"actions": []}),
    ("POST", "/api/flow_runs/bulk_delete", {}), ("GET", "/api/admin/settings", None), ("PUT", "/api/admin/storage", {}),
)  # fmt: skip


@steps("ESC-040")
def who_reads_runs_reads_their_parameters(scene: Scene) -> Iterator[str]:
    for method, path in READS:
        mark = scene.recorder.mark()
        answer = scene.gateway.ask(method, path, key=scene.key, body={} if method == "POST" else None)
        if (answer.status in NOT_ADMITTED) == scene.expected.startswith("allow"):
            yield f"{method} {path}: expected {scene.expected}, got {answer.status} {answer.reason}"
        if answer.status != 200 and scene.recorder.since(mark):
            yield f"{method} {path}: refused, and yet Prefect was asked"


@steps("ESC-052")
def a_stolen_worker_key_does_nobodys_work(scene: Scene) -> Iterator[str]:
    mark = scene.recorder.mark()
    for method, path, body in HUMAN:
        answer = scene.gateway.ask(method, path, key=scene.key, body=body)
        if answer.status != 403:
            yield f"{method} {path}: {answer.status} {answer.reason}"
    if scene.recorder.since(mark):
        yield f"refused, and yet Prefect was sent {[each.target for each in scene.recorder.since(mark)]}"
