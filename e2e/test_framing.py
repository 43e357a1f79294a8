"""Is every message that Lictor serves the one that Prefect's own parser reads in the same bytes? Thousands of connections, nearly right, cut anywhere."""

import json
import os
import subprocess
from pathlib import Path

from stage.gateway import binary
from stage.prefect import NEWEST, PROGRAMS, bin_of, clean_env

CONNECTIONS = int(os.environ.get("LICTOR_FRAMING_CONNECTIONS", "40000"))
SEED = int(os.environ.get("LICTOR_FRAMING_SEED", "1"))


def test_what_is_served_is_what_prefect_would_have_read(tmp_path: Path) -> None:
    messages = binary().parent / "examples" / "messages"
    assert messages.exists(), f"{messages} is missing: run `cargo build -p lictor-proxy --example messages`"
    command = [bin_of(NEWEST) / "python", PROGRAMS / "framing_oracle.py", messages, str(CONNECTIONS), str(SEED)]
    ran = subprocess.run(command, env=clean_env(tmp_path, NEWEST), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen = json.loads(ran.stdout)
    assert seen["wrong_in_all"] == 0, f"seed {SEED}: {json.dumps(seen['wrong'], indent=1)}"
    # That these inputs show something: many are served, bodies and second messages too, and many are refused, for each reason.
    assert seen["served"] > CONNECTIONS / 5 and seen["with_body"] > CONNECTIONS / 20 and seen["second"] > CONNECTIONS / 50 and seen["refused"] > CONNECTIONS / 5, seen
    assert {"malformed-framing", "malformed-host", "malformed-target", "method-not-allowed"} <= set(seen["reasons"]), seen
