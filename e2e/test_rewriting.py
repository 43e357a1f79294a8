"""Does Prefect read in a rewritten query or body what was granted, and everything else as it was sent? Python's own parsers say."""

import os
from pathlib import Path

from stage.oracle import judged

INPUTS = int(os.environ.get("LICTOR_REWRITING_INPUTS", "1000000"))
SEED = int(os.environ.get("LICTOR_REWRITING_SEED", "1"))


def test_prefect_sees_no_secret_flag_that_was_not_granted_and_nothing_else_changed(tmp_path: Path) -> None:
    seen = judged("rewrite", "rewrite_oracle.py", INPUTS, SEED, tmp_path)
    assert seen["forwarded"] > INPUTS / 5 and seen["refused"] > INPUTS / 20, seen
