"""Write config/RERUNS.md, "change this, rerun that", from the changes that the tests try.

python tests/workflow/write_reruns.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "config/RERUNS.md"
HEADS = "| change | where | runs again |\n| --- | --- | --- |\n"
OPENING = """# Change this, rerun that

Written by `python tests/workflow/write_reruns.py` from the changes that the tests try at `demo`: each runs
exactly the jobs named here, and no other. In brackets, how many of a kind where it is not one.
"""


def table() -> str:
    """Return the page."""
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    import test_reruns

    parts = [OPENING]
    for paper, changes in test_reruns.CHANGES.items():
        parts.append(f"\n## {paper}\n\n{HEADS}")
        parts += [f"| {what} | {_row(paper, *change)} |\n" for what, change in changes.items()]
    return "".join(parts)


def _row(paper: str, apply: Any, jobs: Mapping[str, int]) -> str:
    changed = f"`{apply.file}`" if hasattr(apply, "file") else "–"
    told = [
        _plain(rule, paper) + (f" ({count})" if count > 1 else "") for rule, count in jobs.items()
    ]
    return f"{changed} | {', '.join(told) or 'nothing'}"


def _plain(rule: str, paper: str) -> str:
    """Return a rule's name without its paper and the number of its pack."""
    return re.sub(rf"^{paper}_|_{paper}$|_\d+$", "", rule).replace("_", " ")


if __name__ == "__main__":
    TARGET.write_text(table())
