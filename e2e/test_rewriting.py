"""Does Prefect read in a rewritten query or body what was granted, and everything else as it was sent? Python's own parsers say."""

import json
import os
import subprocess
from pathlib import Path

from stage.gateway import binary
from stage.prefect import NEWEST, PROGRAMS, bin_of, clean_env

INPUTS = int(os.environ.get("LICTOR_REWRITING_INPUTS", "1000000"))
SEED = int(os.environ.get("LICTOR_REWRITING_SEED", "1"))


def test_prefect_sees_no_secret_flag_that_was_not_granted_and_nothing_else_changed(tmp_path: Path) -> None:
    rewrite = binary().parent / "examples" / "rewrite"
    assert rewrite.exists(), f"{rewrite} is missing: run `cargo build -p lictor-proxy --example rewrite`"
    command = [bin_of(NEWEST) / "python", PROGRAMS / "rewrite_oracle.py", rewrite, str(INPUTS), str(SEED)]
    ran = subprocess.run(command, env=clean_env(tmp_path, NEWEST), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen = json.loads(ran.stdout)
    assert seen["wrong_in_all"] == 0, f"seed {SEED}: {json.dumps(seen['wrong'], indent=1)}"
    assert seen["forwarded"] > INPUTS / 5 and seen["refused"] > INPUTS / 20, seen
