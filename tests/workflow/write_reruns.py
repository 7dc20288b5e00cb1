"""Write config/RERUNS.md, "change this, rerun that", from the changes that the tests try.

python tests/workflow/write_reruns.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "config/RERUNS.md"
OPENING = """# Change this, rerun that

Written by `python tests/workflow/write_reruns.py` from the changes that the tests try at `demo`: each runs
exactly the jobs named here, and no other. In brackets, how many of a kind where it is not one.
"""
CODE = """
## Code

An edit of one module, each of the papers and of the library. A comment, a docstring, layout and the
sentence of an error are no edit. A fixture's dataset is made again where the code that makes it changed.

| edited | runs again |
| --- | --- |
"""


def table() -> str:
    """Return the page."""
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    import changes

    parts = [OPENING]
    for paper, own in changes.by_paper().items():
        parts.append(f"\n## {paper}\n\n| change | where | runs again |\n| --- | --- | --- |\n")
        parts += [f"| {what} | {_row(paper, *change)} |\n" for what, change in own.items()]
    return "".join([*parts, CODE, *_edits()])


def _row(paper: str, apply: Any, jobs: Mapping[str, int]) -> str:
    changed = f"`{apply.file}`" if hasattr(apply, "file") else "–"
    return f"{changed} | {_jobs(jobs, paper)}"


def _edits() -> Iterable[str]:
    """Yield a row for each set of jobs, with all modules whose edit runs just these."""
    import module_edits as edits

    from replicortex.core import papers
    from replicortex.core.codehash import ROOT

    known = papers.folders(ROOT.parent)
    together: dict[tuple[str, ...], list[str]] = {}
    for module in edits.modules():
        by_paper: dict[str, dict[str, int]] = {}
        for rule, count in sorted(edits.rerun(module).items()):
            by_paper.setdefault(edits.paper_of(rule, known) or "", {})[rule] = count
        texts = [
            f"{paper}: {_jobs(jobs, paper)}" if paper else _jobs(jobs, paper)
            for paper, jobs in sorted(by_paper.items(), reverse=True)
        ]
        place = module.split("/")[0 if module.startswith("replicortex") else 1]
        together.setdefault((place, "; ".join(texts) or "nothing"), []).append(module)
    for (_, jobs), names in together.items():
        yield f"| {', '.join(f'`{edits.path_of(name)}`' for name in names)} | {jobs} |\n"


def _jobs(jobs: Mapping[str, int], paper: str) -> str:
    each = [
        _plain(rule, paper) + (f" ({count})" if count > 1 else "") for rule, count in jobs.items()
    ]
    return ", ".join(each) or "nothing"


def _plain(rule: str, paper: str) -> str:
    """Return a rule's name without its paper and the number of its pack."""
    own = rf"^{paper}_|_{paper}$|" if paper else ""
    return re.sub(rf"{own}_\d+$", "", rule).replace("_", " ")


if __name__ == "__main__":
    TARGET.write_text(table())
