"""Every route of the running Prefect app, HTTP and websockets, below the API mount; one JSON list on stdout."""

import json
import sys

from prefect.server.api.server import create_app


def walk(routes, prefix=""):
    for route in routes:
        # Newer FastAPI keeps included routers as they are, and spells their routes out when asked.
        if hasattr(route, "effective_route_contexts"):
            yield from (found for context in route.effective_route_contexts() for found in leaf(context, prefix))
        elif type(route).__name__ == "Mount":
            # A mount of files has no routes.
            yield from walk(getattr(route.app, "routes", ()), prefix + route.path)
        else:
            yield from leaf(route, prefix)


def leaf(route, prefix):
    path = route.path or getattr(getattr(route, "starlette_route", None), "path", "")
    for method in getattr(route, "methods", None) or ("SOCKET",):
        yield method, prefix + path


routes = sorted({(method, path) for method, path in walk(create_app().routes) if method != "HEAD"})
json.dump(routes, sys.stdout)
