"""Every route of Prefect's own app, HTTP and websockets, and Prefect's version: one JSON object on the last line of stdout."""

import json
import sys

import prefect
from prefect.server.api.server import create_app


def leaves(routes, prefix=""):
    """Method, path and endpoint of every route."""
    for route in routes:
        # Newer FastAPI keeps included routers as they are, and spells their routes out when asked.
        if hasattr(route, "effective_route_contexts"):
            for context in route.effective_route_contexts():
                yield from leaf(context, prefix)
        elif type(route).__name__ == "Mount":
            # A mount of files has no routes.
            yield from leaves(getattr(route.app, "routes", ()), prefix + route.path)
        else:
            yield from leaf(route, prefix)


def leaf(route, prefix):
    inner = getattr(route, "starlette_route", None)
    path = route.path or getattr(inner, "path", "")
    endpoint = getattr(route, "endpoint", None) or getattr(inner, "endpoint", None)
    for method in getattr(route, "methods", None) or ("SOCKET",):
        yield method, prefix + path, endpoint


if __name__ == "__main__":
    routes = sorted({(method, path) for method, path, _ in leaves(create_app().routes) if method != "HEAD"})
    json.dump({"version": prefect.__version__, "routes": routes}, sys.stdout)
