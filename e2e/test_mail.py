"""Does whoever should hear that a key ends hear of it by mail, once, and does no letter get lost or go out in clear?"""

import json
import re
from pathlib import Path

import pytest

from stage.gateway import PASSWORD, CommandFailed, Gateway
from stage.pki import Authority
from stage.post import PASSWORD as MAIL_PASSWORD
from stage.post import Post
from stage.recorder import Recorder
from stage.visitor import Visitor
from stage.wait import until

USER = "lictor%40example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private CA."""
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture
def post(authority: Authority):
    """A mail server with STARTTLS and a password."""
    post = Post(authority.issue("localhost", "DNS:localhost", usage="serverAuth")).start()
    yield post
    post.stop()


def gateway_with(folder: Path, recorder: Recorder, authority: Authority, url: str, more: str = 'to = ["ops@example.com"]', store: Path | None = None) -> Gateway:
    """A gateway that sends mail, not yet started."""
    folder.mkdir()
    gateway = Gateway(folder, config=folder / "lictor.toml")
    (folder / "mail-password").write_text(MAIL_PASSWORD + "\n")
    password = 'password_file = "mail-password"' if "@" in url else ""
    (folder / "lictor.toml").write_text(
        f'listen = "127.0.0.1:{gateway.port}"\n[mail]\nurl = "{url}"\nfrom = "Lictor <lictor@example.com>"\n{password}\nca_file = "{authority.ca}"\n{more}\n'
        f'[store]\nurl = "sqlite://{store or folder}/lictor.db"\n[workspaces.main]\nupstream = "{recorder.url}"\n'
    )
    return gateway


def ending(gateway: Gateway, name: str, label: str, seconds: int = 60) -> str:
    """A key that is past the half of its life very soon; its id."""
    return gateway.cli_json("key", "create", "--for", name, "--label", label, "--expires", f"{seconds}s")["id"]


def test_the_owner_or_the_administrators_hear_of_each_key_once_on_all_replicas(tmp_path: Path, recorder: Recorder, authority: Authority, post: Post) -> None:
    url = f"smtp://{USER}@localhost:{post.port}"
    one = gateway_with(tmp_path / "one", recorder, authority, url)
    two = gateway_with(tmp_path / "two", recorder, authority, url, store=tmp_path / "one")
    one.cli("user", "add", "alice", "--role", "viewer", "--email", "alice@example.com", "--password-stdin", stdin=PASSWORD + "\n")
    one.cli("service-account", "add", "ci", "--role", "viewer")
    post.refusing = True
    one.start()
    two.start()
    try:
        keys = {"alice": ending(one, "alice", "lap top"), "ci": ending(one, "ci", "pipeline")}
        until("a server that says no is told of", lambda: "it is tried again" in one.log() + two.log(), 60)
        post.refusing = False
        until("both have heard", lambda: len(post.letters) >= 2, 60)
        told = {letter["to"]: letter.get_content() for letter in post.letters}
        assert set(told) == {"alice@example.com", "ops@example.com"}
        assert keys["alice"] in told["alice@example.com"] and "lap top" in told["alice@example.com"]
        assert keys["ci"] in told["ops@example.com"] and f"http://127.0.0.1:{one.port}/lictor/account/keys" in told["ops@example.com"] + told["alice@example.com"]
        assert {str(letter["from"]) for letter in post.letters} == {"Lictor <lictor@example.com>"} and all(letter["auto-submitted"] == "auto-generated" for letter in post.letters)
        # A restart forgets nothing, and what comes next is the next thing to tell.
        one.stop()
        one.start()
        third = ending(two, "ci", "third", 40)
        until("the third is told of", lambda: any(third in letter.get_content() for letter in post.letters), 90)
        texts = [letter.get_content() for letter in post.letters]
        assert [sum(key in text for text in texts) for key in (*keys.values(), third)] == [1, 1, 1]
        assert MAIL_PASSWORD not in one.log() + two.log()
    finally:
        one.stop()
        two.stop()


def test_a_link_for_a_new_password_is_mailed_to_its_user_alone(tmp_path: Path, recorder: Recorder, authority: Authority, post: Post) -> None:
    gateway = gateway_with(tmp_path / "one", recorder, authority, f"smtp://{USER}@localhost:{post.port}").start()
    try:
        gateway.add_user("alice", "viewer")
        with pytest.raises(CommandFailed, match="has no address"):
            gateway.cli("user", "reset-link", "alice", "--mail")
        gateway.cli("user", "set-email", "alice", "alice@example.com")
        assert gateway.cli_json("user", "show", "alice")["email"] == "alice@example.com"
        printed = gateway.cli("user", "reset-link", "alice", "--mail")
        (letter,) = post.letters
        (link,) = re.findall(r"http://\S+", letter.get_content().split("once, until")[1])
        assert post.envelopes == [["alice@example.com"]] and link not in printed
        token = link.partition("token=")[2]
        fresh = "a second long enough secret"
        assert Visitor(gateway.port).send("/lictor/reset", token=token, new=fresh, repeat=fresh).status == 303
        assert Visitor(gateway.port).sign_in("alice", fresh).status == 303
        gateway.cli("user", "set-email", "alice", "none")
        assert gateway.cli_json("user", "show", "alice")["email"] is None
        operations = [event["operation"] for event in gateway.cli_json("audit", "list")]
        assert operations.count("user.set-email") == 2
        assert gateway.run("user", "set-email", "alice", "not an address").returncode == 2
    finally:
        gateway.stop()


def checked(gateway: Gateway) -> list[tuple[str, str]]:
    """What the doctor finds of mail."""
    return [(each["level"], each["found"]) for each in json.loads(gateway.run("doctor", "--json").stdout)["checks"] if each["check"] == "mail"]


def test_the_doctor_tries_the_server_out_and_sends_nothing(tmp_path: Path, recorder: Recorder, authority: Authority, post: Post) -> None:
    leaf = authority.issue("localhost", "DNS:localhost", usage="serverAuth")
    over_tls, plain = Post(leaf, starttls=False).start(), Post().start()
    try:
        good = gateway_with(tmp_path / "good", recorder, authority, f"smtp://{USER}@localhost:{post.port}")
        assert checked(good) == [("ok", f"localhost:{post.port} takes our connection")]
        assert checked(gateway_with(tmp_path / "tls", recorder, authority, f"smtps://{USER}@localhost:{over_tls.port}"))[0][0] == "ok"
        # Without a password and on this machine alone, a letter may go as it is.
        assert [level for level, _ in checked(gateway_with(tmp_path / "plain", recorder, authority, f"smtp://localhost:{plain.port}", ""))] == ["ok", "warn"]
        (tmp_path / "good/mail-password").write_text("wrong")
        assert checked(good)[0][0] == "fail"
        # A server without STARTTLS, one of another CA, and none at all.
        for name, url, ca in [("clear", f"smtp://{USER}@localhost:{plain.port}", authority), ("other", f"smtp://{USER}@localhost:{post.port}", Authority(tmp_path / "other-ca")), ("none", f"smtp://{USER}@localhost:1", authority)]:
            assert checked(gateway_with(tmp_path / name, recorder, ca, url))[0][0] == "fail", name
        assert post.letters == over_tls.letters == plain.letters == []
    finally:
        over_tls.stop()
        plain.stop()


def test_check_names_what_is_wrong_with_mail(tmp_path: Path, recorder: Recorder, authority: Authority) -> None:
    for name, url, more, told in [
        ("inline", "smtp://lictor:secret@mail.example.com", "", "must not hold the password"),
        ("scheme", "http://mail.example.com", "", "smtps://user@host"),
        ("nobody", "smtp://mail.example.com", 'to = ["nobody"]', "no address of mail"),
        ("key", "smtp://mail.example.com", "tls = false", "mail.tls"),
        ("password", "smtp://mail.example.com", 'password = "x"', "secrets do not belong in this file"),
    ]:
        ran = gateway_with(tmp_path / name, recorder, authority, url, more).run("check")
        assert ran.returncode == 1 and told in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    gateway = gateway_with(tmp_path / "good", recorder, authority, "smtp://mail.example.com")
    assert gateway.run("check").returncode == 0
