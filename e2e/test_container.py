"""Does what the image would hold run as nobody, where nothing can be written, with the very words of the examples?

There is no container engine in this stage: the image's file system is made by the script that makes it in the build, and entered by chroot.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from stage import http
from stage.gateway import ROOT, binary
from stage.mutual import FLOWS, Place
from stage.pki import replace
from stage.raw import WebSocket
from stage.recorder import Recorder
from stage.wait import free_port, until

CONTAINER = ROOT / "deploy/container"
NOBODY = 65532


class Image:
    """The file system of the image, and its entry point."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "rootfs"
        subprocess.run(["sh", CONTAINER / "rootfs.sh", binary(), self.root], check=True, capture_output=True, timeout=60)
        if os.geteuid() == 0:
            os.chown(self.root / "var/lib/lictor", NOBODY, NOBODY)
        words = instructions()
        self.entry, self.command = json.loads(words["ENTRYPOINT"]), json.loads(words["CMD"])

    def at(self, path: str) -> Path:
        """A path of the container."""
        return self.root / path.lstrip("/")

    def mount(self, path: str, source: Path) -> None:
        """Puts a copy there, for the container's user to read."""
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        target.chmod(0o644)

    def argv(self, arguments: list[str]) -> list[str]:
        """As a container engine would start it: another root, nobody's account."""
        enter = ["chroot", f"--userspec={NOBODY}:{NOBODY}"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
        return [*enter, str(self.root), *self.entry, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command in it."""
        return subprocess.run(self.argv(list(arguments)), capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/usr/sbin:/usr/bin:/bin"})

    @contextlib.contextmanager
    def running(self, arguments: list[str], log: Path):
        """A command that goes on."""
        with log.open("wb") as out:
            process = subprocess.Popen(self.argv(arguments), stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/bin"})
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()


def instructions() -> dict[str, str]:
    """The last of each instruction of the Dockerfile."""
    lines = [line for line in (CONTAINER / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    return {word: rest for word, _, rest in (line.partition(" ") for line in lines)}


def documents(name: str) -> list[dict]:
    """A YAML file, read by the reader that Prefect brings along."""
    read = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))"
    said = subprocess.run([ROOT / ".venvs/3.8.8/bin/python", "-c", read, CONTAINER / name], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(said.stdout)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Made once."""
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder):
    """A gateway outside, for the half in the container."""
    place = Place(tmp_path_factory.mktemp("gateway"), recorder).start()
    yield place
    place.gateway.stop()


def sidecars() -> dict[str, list[str]]:
    """What the examples start beside a worker."""
    (compose,) = documents("compose.yaml")
    (pod,) = documents("kubernetes/worker.yaml")
    (beside,) = pod["spec"]["template"]["spec"]["initContainers"]
    return {"compose": compose["services"]["connect"]["command"], "kubernetes": beside["args"]}


@pytest.mark.parametrize("example", ["compose", "kubernetes"])
def test_the_sidecar_of_each_example_runs_and_takes_renewals(example: str, image: Image, place: Place, tmp_path: Path, recorder: Recorder) -> None:
    port, log, first, second = free_port(), tmp_path / "connect.log", place.ca.issue("worker one"), place.ca.issue("worker one")
    for path, source in (("tls.crt", first.cert), ("tls.key", first.key), ("ca.crt", place.folder / "cert.pem")):
        image.mount(f"/etc/lictor/worker/{path}", source)
    words = sidecars()[example]
    arguments = [word.replace("127.0.0.1:4200", f"127.0.0.1:{port}") if "127.0.0.1:4200" in word else f"https://localhost:{place.gateway.port}" if word.startswith("https://") else word for word in words]
    assert len([one for one, other in zip(words, arguments, strict=True) if one != other]) == 2
    image.mount("/etc/hosts", Path("/etc/hosts"))
    mark = recorder.mark()
    with image.running(arguments, log) as process:
        until("it listens", lambda: "clients set PREFECT_API_URL" in log.read_text() or process.poll() is not None, 20)
        assert http.ask(port, "POST", FLOWS, body={}).status == 200, log.read_text()
        assert WebSocket(port, "/api/events/in").authenticate(None)
        status = Path(f"/proc/{process.pid}/status").read_text() if os.geteuid() == 0 else f"Uid:\t{NOBODY}"
        assert f"Uid:\t{NOBODY}" in status
        for path, source in (("tls.crt", second.cert), ("tls.key", second.key)):
            target = image.at(f"/etc/lictor/worker/{path}")
            replace(target, source.read_text())
            target.chmod(0o644)
        until("the new certificate is in use", lambda: "the credential has changed" in log.read_text(), 10)
        assert http.ask(port, "POST", FLOWS, body={}).status == 200
    assert recorder.since(mark)


def test_the_gateway_of_the_examples_runs_on_its_configuration_and_writes_its_store_alone(image: Image, place: Place, tmp_path: Path, recorder: Recorder) -> None:
    for path, source in (("tls/tls.crt", place.folder / "cert.pem"), ("tls/tls.key", place.folder / "key.pem"), ("clients/ca.crt", place.ca.ca)):
        image.mount(f"/etc/lictor/{path}", source)
    (tmp_path / "auth").write_text("admin:secret\n")
    image.mount("/run/secrets/upstream-auth", tmp_path / "auth")
    written = (CONTAINER / "lictor.toml").read_text()
    (tmp_path / "lictor.toml").write_text(written)
    image.mount("/etc/lictor/lictor.toml", tmp_path / "lictor.toml")
    said = image.run("check", *image.command[1:])
    assert said.returncode == 0, said.stdout + said.stderr
    port, log = free_port(), tmp_path / "serve.log"
    for old, new in (("0.0.0.0:4200", f"127.0.0.1:{port}"), ("http://prefect:4200", recorder.url)):
        assert old in written
        written = written.replace(old, new)
    (tmp_path / "lictor.toml").write_text(written)
    image.mount("/etc/lictor/lictor.toml", tmp_path / "lictor.toml")
    assert image.run("service-account", "add", "worker-eu", "--role", "worker", "--config", "/etc/lictor/lictor.toml").returncode == 0
    before = {path for path in image.root.rglob("*") if not path.is_relative_to(image.at("/var/lib/lictor"))}
    leaf = place.ca.issue("x", "DNS:worker-eu.example.com")
    with image.running(image.command, log):
        connection = HTTPSConnection("localhost", port, context=place.context(leaf), timeout=10)

        def status() -> int:
            connection.close()
            connection.request("POST", FLOWS, body=b"{}", headers={"Content-Type": "application/json"})
            return connection.getresponse().status

        until("it answers", lambda: status() == 200, 30)
    assert {path for path in image.root.rglob("*") if not path.is_relative_to(image.at("/var/lib/lictor"))} == before
    assert image.at("/var/lib/lictor/lictor.db").exists()


def test_the_image_holds_the_program_its_libraries_and_nothing_to_run_besides(image: Image) -> None:
    words = instructions()
    assert words["FROM"] == "scratch" and words["USER"] == f"{NOBODY}:{NOBODY}" and image.at(image.entry[0]).exists()
    programs = {path.name for path in image.root.rglob("*") if path.is_file() and os.access(path, os.X_OK)}
    assert {name for name in programs if ".so" not in name} == {"lictor"}
    assert image.run("--version").stdout.startswith("lictor ")
    assert not any(path.stat().st_mode & 0o6000 for path in image.root.rglob("*") if path.is_file())


def test_what_the_build_copies_is_there_and_not_left_out() -> None:
    copied = [line.split()[1:-1] for line in (CONTAINER / "Dockerfile").read_text().splitlines() if line.startswith("COPY ") and "--from" not in line]
    kept = {line[1:] for line in (CONTAINER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in (word for words in copied for word in words):
        assert (ROOT / source).exists() and source in kept, source


def test_every_container_of_ours_runs_as_nobody_and_writes_nothing() -> None:
    (compose,) = documents("compose.yaml")
    for name in ("lictor", "connect"):
        service = compose["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"], name
    assert compose["services"]["worker"]["network_mode"] == "service:connect" and "ports" not in compose["services"]["prefect"]
    pods = [document["spec"]["template"]["spec"] for name in ("worker", "gateway") for document in documents(f"kubernetes/{name}.yaml") if document["kind"] == "Deployment"]
    ours = [one for pod in pods for one in [*pod.get("initContainers", []), *pod["containers"]] if one["image"] == "lictor"]
    assert len(ours) == 2
    for one in ours:
        context = one["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] == NOBODY and context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_gateways_example_mounts_what_its_configuration_names() -> None:
    (compose,) = documents("compose.yaml")
    deployment = documents("kubernetes/gateway.yaml")[0]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    mounted = {
        "compose": [volume.split(":")[1] for volume in compose["services"]["lictor"]["volumes"]],
        "kubernetes": [mount["mountPath"] for mount in container["volumeMounts"]],
    }
    named = [line.split('"')[1].removeprefix("sqlite://") for line in (CONTAINER / "lictor.toml").read_text().splitlines() if '"/' in line or "sqlite" in line]
    assert len(named) == 5
    for example, places in mounted.items():
        for path in named:
            assert any(Path(path).is_relative_to(place) for place in places), (example, path)
