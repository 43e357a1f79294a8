"""Which gateways and servers do the tests share? Servers cost seconds and hundreds of MB, so each is started once, when first asked for."""

from pathlib import Path

import pytest

from stage import prefect
from stage.edge import PREFIX
from stage.gateway import Gateway, binary, under
from stage.recorder import Recorder


def pytest_sessionstart(session: pytest.Session) -> None:
    """The program must be there: a test run without it says so once."""
    if not binary().exists():
        pytest.exit(f"{binary()} is missing: run `cargo build -p lictor`", 2)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run."""
    return tmp_path_factory.mktemp("stage")


@pytest.fixture(scope="session")
def recorder():
    """The recording upstream."""
    upstream = Recorder()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def recorded(folder: Path, recorder: Recorder):
    """A gateway in front of the recording upstream."""
    gateway = Gateway(folder / "recorded", "--upstream", recorder.url, env={"LICTOR_UPSTREAM_AUTH_STRING": UPSTREAM_AUTH}).start()
    yield gateway
    gateway.stop()


UPSTREAM_AUTH = "admin:only-lictor-knows"


@pytest.fixture(scope="session")
def server(folder: Path):
    """The newest Prefect Server, shared."""
    server = prefect.Server(folder / "server").start().wait()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def gateway(folder: Path, server: prefect.Server):
    """A gateway in front of it, shared."""
    gateway = Gateway(folder / "gateway", "--upstream", server.url, env={"LICTOR_UPSTREAM_AUTH_STRING": server.auth or ""}).start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def prefixed(folder: Path, server: prefect.Server):
    """A gateway in front of the same server, found under a path."""
    gateway = under(PREFIX, folder / "prefixed", server.url, server.auth or "").start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def owner(gateway: Gateway) -> str:
    """The key of an owner of the shared gateway."""
    return gateway.newcomer("owner")[1]


@pytest.fixture
def own_gateway(tmp_path: Path, recorder: Recorder):
    """A gateway of the test's own, in front of the recording upstream."""
    gateway = Gateway(tmp_path / "own", "--upstream", recorder.url, env={"LICTOR_UPSTREAM_AUTH_STRING": UPSTREAM_AUTH}).start()
    yield gateway
    gateway.stop()
