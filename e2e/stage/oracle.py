"""Who judges what a program of ours makes of many inputs? A script in Prefect's own environment, with Prefect's own parsers."""

import json
import subprocess
from pathlib import Path
from typing import Any

from .gateway import binary
from .prefect import NEWEST, PROGRAMS, bin_of, clean_env


def judged(example: str, oracle: str, inputs: int, seed: int, home: Path) -> dict[str, Any]:
    """What the oracle says of an example of lictor-proxy's; no input of that seed may be read in two ways."""
    program = binary().parent / "examples" / example
    assert program.exists(), f"{program} is missing: run `cargo build -p lictor-proxy --example {example}`"
    command = [bin_of(NEWEST) / "python", PROGRAMS / oracle, program, str(inputs), str(seed)]
    ran = subprocess.run(command, env=clean_env(home, NEWEST), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen = json.loads(ran.stdout)
    assert seen["wrong_in_all"] == 0, f"seed {seed}: {json.dumps(seen['wrong'], indent=1)}"
    return seen
