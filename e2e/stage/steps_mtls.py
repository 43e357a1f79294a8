"""The attacks on client certificates. Each identity bears one of its own; the anonymous bear one that no rule names."""

import functools
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .attack_steps import Scene, steps
from .http import bearer
from .mutual import Place, ask, turned_away
from .pki import FUTURE, LATER, PAST, YESTERDAY, Authority, Leaf, replace
from .recorder import Recorder
from .wait import until

ROLES = ("viewer", "developer", "worker")


class Stage:
    """One gateway that requires a certificate and one that does not, shared by these attacks."""

    def __init__(self, recorder: Recorder) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lictor-mtls-"))
        self.required, self.optional = Place(self.folder / "required", recorder, mode="required"), Place(self.folder / "optional", recorder)
        self.bearers = {}
        for place in (self.required, self.optional):
            rules = "".join(f'[[certificates]]\ncommon_name = "m-{role}"\nprincipal = "m-{role}"\n' for role in ROLES)
            place.gateway.config.write_text(place.gateway.config.read_text() + rules)
            for role in ROLES:
                place.gateway.cli("service-account", "add", f"m-{role}", "--role", role)
            self.bearers[place.folder] = {identity: place.ca.issue(f"m-{identity}") for identity in (*ROLES, "anonymous")}
            place.start(place.printed)

    def leaf(self, place: Place, identity: str) -> Leaf:
        """Its certificate there."""
        return self.bearers[place.folder][identity]


@functools.cache
def stage(recorder: Recorder) -> Stage:
    """Made once; its processes end with the tests'."""
    import atexit

    made = Stage(recorder)
    for place in (made.required, made.optional):
        atexit.register(place.gateway.stop)
    return made


def let_in(scene: Scene, place: Place, leaf: Leaf | None, what: str) -> Iterator[str]:
    """Complains when the handshake ends well and the request is answered with anything but 401, or anything reaches Prefect."""
    mark = scene.recorder.mark()
    if not turned_away(place, leaf) and (status := ask(place, leaf).status) != 401:
        yield f"{what}: {status}"
    if scene.recorder.since(mark):
        yield f"{what}: it reached Prefect"


@steps("MTLS-001")
def without_one_where_one_is_required(scene: Scene) -> Iterator[str]:
    place = stage(scene.recorder).required
    yield from let_in(scene, place, None, "no certificate")
    if ask(place, place.printed).status != 200:
        yield "with a certificate it did not work either"


@steps("MTLS-003")
def one_that_is_not_good(scene: Scene) -> Iterator[str]:
    place, name = stage(scene.recorder).optional, f"m-{scene.identity}"
    yield from let_in(scene, place, place.ca.issue(name, start=PAST, end=YESTERDAY), "expired")
    yield from let_in(scene, place, place.ca.issue(name, start=FUTURE, end=LATER), "not yet valid")
    revoked = place.ca.issue(name)
    place.ca.revoke(revoked)
    replace(place.crl_file, place.ca.crl())
    until("the list is in force", lambda: turned_away(place, revoked))
    yield from let_in(scene, place, revoked, "revoked")
    own, second = stage(scene.recorder).leaf(place, scene.identity), Authority(Path(tempfile.mkdtemp()) / "second", "second CA")
    try:
        replace(place.ca_file, place.ca.ca.read_text() + second.ca.read_text())
        replace(place.crl_file, place.ca.crl(stale=True) + second.crl())
        until("the stale list is in force", lambda: turned_away(place, own))
        yield from let_in(scene, place, own, "stale list")
        replace(place.crl_file, place.ca.crl())
        until("the good list is in force", lambda: not turned_away(place, own))
        yield from let_in(scene, place, second.issue(name), "no list of its CA")
    finally:
        replace(place.ca_file, place.ca.ca.read_text())


@steps("MTLS-004")
def a_malformed_list(scene: Scene) -> Iterator[str]:
    place = stage(scene.recorder).optional
    told = place.gateway.log().count("the last good ones stay")
    replace(place.crl_file, place.ca.crl(malformed=True))
    until("the list is refused", lambda: place.gateway.log().count("the last good ones stay") > told)
    own = ask(place, stage(scene.recorder).leaf(place, scene.identity)).status
    if own != (401 if scene.identity == "anonymous" else 200):
        yield f"the last good list is not in force: {own}"
    replace(place.crl_file, place.ca.crl())
    if place.gateway.process.poll() is not None:
        yield "the process has ended"


@steps("MTLS-006")
def the_same_subject_from_another_ca(scene: Scene) -> Iterator[str]:
    place = stage(scene.recorder).optional
    folder = Path(tempfile.mkdtemp())
    yield from let_in(scene, place, Authority(folder / "b", "CA B").issue(f"m-{scene.identity}"), "another CA")
    yield from let_in(scene, place, Authority(folder / "same", "test CA").issue(f"m-{scene.identity}"), "another CA of the same name")


@steps("MTLS-007")
def a_ticket_from_where_none_is_required(scene: Scene) -> Iterator[str]:
    made, request = stage(scene.recorder), b"GET /api/admin/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = made.optional.context(None)
        context.load_verify_locations(str(made.required.folder / "cert.pem"))
        context.minimum_version = context.maximum_version = version

        def say(place: Place, session: ssl.SSLSession | None, context: ssl.SSLContext = context) -> tuple[bytes, ssl.SSLSession | None, bool]:
            plain = socket.create_connection(("127.0.0.1", place.gateway.port), timeout=10)
            try:
                with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                    connection.sendall(request)
                    answer = b""
                    while got := connection.recv(4096):
                        answer += got
                    return answer, connection.session, bool(connection.session_reused)
            except (ssl.SSLError, ConnectionError):
                return b"", None, False

        def taken(say=say) -> ssl.SSLSession:
            answer, session, _ = say(made.optional, None)
            assert b" 401 " in answer and session, f"{version.name}: the first connection did not work: {answer[:60]!r}"
            assert say(made.optional, session)[2], "the ticket is not taken"
            return session

        # A revocation list that another attack changed may be read between the two connections: tickets end with the settings that gave them.
        session = until(f"{version.name}: a ticket is taken where it was given", taken)
        answer, _, reused = say(made.required, session)
        if reused or (answer and b" 401 " not in answer):
            yield f"{version.name}: resumed elsewhere: {reused} {answer[:60]!r}"


@steps("MTLS-008")
def names_that_are_not_the_host(scene: Scene) -> Iterator[str]:
    """One policy for the whole listener: no name chooses another."""
    place = stage(scene.recorder).required
    for name in ("other.example", None, "LOCALHOST", "localhost.", "127.0.0.1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for host in (b"localhost", b"other.example"):
            answer = b""
            try:
                with context.wrap_socket(socket.create_connection(("127.0.0.1", place.gateway.port), timeout=10), server_hostname=name) as connection:
                    connection.sendall(b"POST /api/flows/filter HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                    answer = connection.recv(4096)
            except (ssl.SSLError, ConnectionError):
                pass
            if answer:
                yield f"SNI {name}, Host {host!r}: {answer[:60]!r}"


@steps("MTLS-009")
def a_hello_in_single_bytes(scene: Scene) -> Iterator[str]:
    place = stage(scene.recorder).required
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = place.context(None).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", place.gateway.port), timeout=10) as connection:
        first, answer = True, b""
        try:
            while True:
                try:
                    client.do_handshake()
                    client.write(b"GET /api/admin/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(16_384))
                    answer = client.read(4096)
                    break
                except ssl.SSLWantReadError:
                    said = outgoing.read()
                    if first:
                        said, first = b"".join(said[:3] + b"\x00\x01" + said[at : at + 1] for at in range(5, len(said))), False
                    connection.sendall(said)
                    got = connection.recv(16_384)
                    if not got:
                        break
                    incoming.write(got)
        except (ssl.SSLError, ConnectionError):
            pass
    if answer:
        yield f"answered: {answer[:60]!r}"
    if place.gateway.process.poll() is not None:
        yield "the process has ended"


@steps("MTLS-010")
def beside_the_key_of_another(scene: Scene) -> Iterator[str]:
    made, mark = stage(scene.recorder), scene.recorder.mark()
    place = made.optional
    said = ask(place, made.leaf(place, scene.identity), headers=bearer(place.gateway.key("w-dns")))
    expected = (401, "unknown-certificate") if scene.identity == "anonymous" else (400, "two-credentials")
    if (said.status, said.reason) != expected:
        yield f"{said.status} {said.reason}"
    if scene.recorder.since(mark):
        yield "it reached Prefect"
