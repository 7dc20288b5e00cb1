"""An interpreter in which nothing was imported yet."""

import subprocess
import sys
from pathlib import Path


def said(root: Path, code: str) -> str:
    """Run code in an interpreter of its own, beside the packages, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root / "workflow", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
