"""Which endpoint would Prefect run? Reads `[method, raw target]` lines, answers with the endpoint's name: by the app itself, with every handler replaced.

The last line but one of its output is what each template leads to, so that a template can be held against an endpoint.
"""

import asyncio
import json
import sys
from urllib.parse import unquote

import fastapi.routing
import starlette.routing
import starlette.staticfiles
from dump_routes import leaves
from prefect.server.api.server import create_app


async def reached(self, scope, receive, send):
    """Instead of a handler: say which one it was."""
    methods = getattr(self, "methods", None)
    scope["reached"].append("405" if methods and scope["method"] not in methods else name_of(scope.get("endpoint") or self.endpoint))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def file(self, scope, receive, send):
    """Instead of a static file."""
    scope["reached"].append("file")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def name_of(endpoint) -> str:
    """A function's own name, with its module."""
    return f"{endpoint.__module__}.{endpoint.__qualname__}"


async def ask(app, method: str, target: str) -> str:
    """As uvicorn hands a request over: the path is decoded once, whole (`uvicorn/protocols/http`)."""
    raw, _, query = target.partition("?")
    found: list[str] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": unquote(raw), "raw_path": raw.encode(),
        "query_string": query.encode(), "root_path": "", "headers": [(b"host", b"prefect")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "reached": found,
    }  # fmt: skip
    statuses: list[int] = []

    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return found[0] if found else str(statuses[0])


async def main() -> None:
    app = create_app()
    ends: dict[str, list[str]] = {}
    for method, path, endpoint in leaves(app.routes):
        ends.setdefault(f"{method} {path}", []).append(name_of(endpoint))
    for kind in (fastapi.routing.APIRoute, starlette.routing.Route):
        kind.handle = reached
    starlette.staticfiles.StaticFiles.__call__ = file
    answers = [await ask(app, *json.loads(line)) for line in sys.stdin]
    print(json.dumps(ends))
    print(json.dumps(answers))


asyncio.run(main())
