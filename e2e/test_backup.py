"""Is a running gateway's store taken out, and put back so that the same people and keys are let in, and no others?"""

from pathlib import Path

from stage.gateway import PASSWORD, Gateway
from stage.visitor import Visitor
from stage.wait import until


def works(gateway: Gateway, key: str) -> bool:
    return gateway.ask("POST", "/api/flows/filter", key=key, body={}).status == 200


def test_a_running_gateway_is_put_back_to_what_it_was(own_gateway: Gateway, tmp_path: Path) -> None:
    name, key = own_gateway.newcomer("viewer")
    leaked = own_gateway.key(name)
    own_gateway.add_user("ada", "viewer")
    ada = Visitor(own_gateway.port)
    assert ada.sign_in("ada", PASSWORD).status == 303
    file = tmp_path / "backup.jsonl"
    said = own_gateway.cli("backup", str(file))
    assert "users and service accounts" in said and file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert key not in text and leaked not in text and PASSWORD not in text
    own_gateway.cli("service-account", "remove", name)
    late, late_key = own_gateway.newcomer("viewer")
    until("the account is gone", lambda: not works(own_gateway, key))
    refused = own_gateway.run("restore", str(file))
    assert refused.returncode == 1 and "--replace" in refused.stderr
    own_gateway.cli("restore", str(file), "--replace")
    until("the account is back", lambda: works(own_gateway, key) and works(own_gateway, leaked))
    assert not works(own_gateway, late_key), "what came after the backup is gone"
    assert not ada.is_signed_in(), "everybody signs in anew"
    assert Visitor(own_gateway.port).sign_in("ada", PASSWORD).status == 303
    own_gateway.cli("key", "revoke", own_gateway.cli_json("key", "list", "--for", name)[1]["id"])
    before = own_gateway.cli_json("audit", "list", "--limit", "1000")
    assert "stay revoked" in own_gateway.cli("restore", str(file), "--replace")
    until("one key goes on and one does not", lambda: works(own_gateway, key) != works(own_gateway, leaked))
    kept = {event["id"] for event in own_gateway.cli_json("audit", "list", "--limit", "1000")}
    assert {event["id"] for event in before} <= kept, "the record is never shortened"
    assert {"store.backup", "store.restore", "key.revoke"} <= {event["operation"] for event in own_gateway.cli_json("audit", "list", "--limit", "1000")}


def test_a_damaged_backup_changes_nothing_and_says_where(own_gateway: Gateway, tmp_path: Path) -> None:
    _, key = own_gateway.newcomer("viewer")
    file = tmp_path / "backup.jsonl"
    own_gateway.cli("backup", str(file))
    again = own_gateway.run("backup", str(file))
    assert again.returncode == 1 and "is there already" in again.stderr, "a backup is never written over"
    lines = file.read_text().splitlines(keepends=True)
    for what, text in {"cut": "".join(lines[:-3]), "changed": "".join(lines).replace('"viewer"', '"owner"'), "no backup": "hello\n", "empty": ""}.items():
        (tmp_path / what).write_text(text)
        refused = own_gateway.run("restore", str(tmp_path / what), "--replace")
        assert refused.returncode == 1 and "nothing was changed" in refused.stderr, f"{what}: {refused.stderr}"
    absent = own_gateway.run("restore", str(tmp_path / "nowhere"))
    assert absent.returncode == 1 and "nowhere" in absent.stderr
    assert works(own_gateway, key)
