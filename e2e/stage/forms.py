"""In which forms can a Prefect client present its credential, and since which version?"""

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Somebody with all kinds of credentials."""

    name: str
    password: str
    key: str


Settings = Callable[[str, Caller], dict[str, str]]


def _api(url: str) -> dict[str, str]:
    return {"PREFECT_API_URL": f"{url}/api"}


FORMS: dict[str, Settings] = {
    "auth string user:password": lambda url, who: {**_api(url), "PREFECT_API_AUTH_STRING": f"{who.name}:{who.password}"},
    "auth string user:KEY": lambda url, who: {**_api(url), "PREFECT_API_AUTH_STRING": f"{who.name}:{who.key}"},
    "auth string KEY": lambda url, who: {**_api(url), "PREFECT_API_AUTH_STRING": who.key},
    "custom headers with a bearer": lambda url, who: {**_api(url), "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps({"Authorization": f"Bearer {who.key}"})},
    "URL userinfo": lambda url, who: _api(url.replace("http://", f"http://{who.name}:{who.key}@")),
    "API key alone": lambda url, who: {**_api(url), "PREFECT_API_KEY": who.key},
}
COMPLETE = [form for form in FORMS if form != "API key alone"]
# Which forms carry a credential to every socket that the version opens (prefect-protocol.md 1.2 and 2.3).
SUPPORTED: dict[str, list[str]] = {
    "3.8.8": COMPLETE,
    "3.6.29": COMPLETE,
    "3.4.25": ["custom headers with a bearer", "URL userinfo"],
    "3.2.15": ["URL userinfo"],
    "3.0.11": ["URL userinfo"],
}
