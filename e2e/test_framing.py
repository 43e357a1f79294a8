"""Is every message that Lictor serves the one that Prefect's own parser reads in the same bytes? Thousands of connections, nearly right, cut anywhere."""

import os
from pathlib import Path

from stage.oracle import judged

CONNECTIONS = int(os.environ.get("LICTOR_FRAMING_CONNECTIONS", "40000"))
SEED = int(os.environ.get("LICTOR_FRAMING_SEED", "1"))


def test_what_is_served_is_what_prefect_would_have_read(tmp_path: Path) -> None:
    seen = judged("messages", "framing_oracle.py", CONNECTIONS, SEED, tmp_path)
    # That these inputs show something: many are served, bodies and second messages too, and many are refused, for each reason.
    assert seen["served"] > CONNECTIONS / 5 and seen["with_body"] > CONNECTIONS / 20 and seen["second"] > CONNECTIONS / 50 and seen["refused"] > CONNECTIONS / 5, seen
    assert {"malformed-framing", "malformed-host", "malformed-target", "method-not-allowed"} <= set(seen["reasons"]), seen
