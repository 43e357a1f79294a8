"""How does a script of `e2e/browser` run? With node, to its end, which must be good."""

import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "browser"


def drive(script: str, *arguments: str | Path, seconds: float = 290) -> str:
    """Runs a script; answers what it printed."""
    ran = subprocess.run(["node", SCRIPTS / script, *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    assert ran.returncode == 0, ran.stdout[-1500:] + ran.stderr[-4000:]
    return ran.stdout.strip()


def answer_of(script: str, *arguments: str | Path) -> str:
    """The same; answers the last line, which is what it found."""
    return drive(script, *arguments).splitlines()[-1]
