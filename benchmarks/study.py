"""What a user waits for: `make` from a clean clone, nothing to do, and one changed mark.

    python benchmarks/study.py            the whole study at demo, environment included
    python benchmarks/study.py --fast     the plan of one paper in this environment, to see that it works

Clones the commit that is checked out here into an empty folder, with packages from pip's cache where
they are there. (a) `make`; (b) `make` again, with nothing to do; (c) the marks of one figure are made
larger in its module, and that figure is asked for: where one job draws all figures of a paper, as at
`demo`, and where each has its own, as at all other scales. There is no peer: goals are times.
`functions` says where the time of the demo went, by the function that jobs call.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine, versions, write

from replicortex.provenance import records

ROOT = Path(__file__).resolve().parents[1]
GOALS = {
    "make": 180.0,
    "nothing to do": 3.0,
    "a changed mark, all figures in one job": 10.0,
    "a changed mark, a job for each figure": 10.0,
}
ALONE = ["--config", "papers={learning_rules: {figures_per_job: 1}}"]
FIGURE = "results/demo/learning_rules/figures/change.png"
MODULE = "workflow/papers/learning_rules/figures/change.py"
MARKS = re.compile(r"markersize=(\d+(?:\.\d+)?)")


def measure(clone: Path) -> dict[str, float]:
    """Return the seconds of each step, in the order in which a user meets them."""
    made = called(["make"], clone)
    again = called(["make"], clone)
    module = clone / MODULE
    text = module.read_text()
    draw = [str(clone / ".venv/bin/snakemake"), "--cores", "2", FIGURE]
    module.write_text(with_larger_marks(text))
    together = called(draw, clone)
    module.write_text(text)
    called([*draw, *ALONE], clone)
    module.write_text(with_larger_marks(text))
    alone = called([*draw, *ALONE], clone)
    return dict(zip(GOALS, (made, again, together, alone), strict=True))


def with_larger_marks(text: str) -> str:
    """Return the source of a figure with its marks half as large again.

    Raises
    ------
    ValueError
        No line of the module gives the size of a mark.
    """
    found = MARKS.search(text)
    if not found:
        raise ValueError(f"{MODULE}: a line with `markersize=` and a number expected")
    return text[: found.start(1)] + f"{1.5 * float(found[1]):g}" + text[found.end(1) :]


def called(command: list[str], folder: Path) -> float:
    """Return the seconds that a command took; its output is shown where it fails.

    It gets no variable that would change how Python or its threads run: a user has none.
    """
    told = re.compile(r"PYTHON|.*_NUM_THREADS$")
    clean = {key: value for key, value in os.environ.items() if not told.match(key)}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)
    took = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return round(took, 2)


def functions(run: Path) -> list[dict[str, Any]]:
    """Return jobs and seconds of each function of a run, the longest first."""
    jobs: dict[tuple[Any, ...], tuple[str, float]] = {}
    for path in run.rglob(f"*{records.SUFFIX}"):
        record = records.read(path)
        own = record["run"]
        key = (own["rule"], record["job"]["code"], own["wall_seconds"], own["ended"])
        jobs[key] = (record["job"]["call"], own["wall_seconds"])
    found: dict[str, list[float]] = {}
    for call, seconds in jobs.values():
        found.setdefault(call, []).append(seconds)
    rows = [
        {"function": call, "jobs": len(each), "seconds": round(sum(each), 1)}
        for call, each in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["seconds"], row["function"]))


def main() -> int:
    """Measure in a clone, write the JSON, and say which goals are met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fast", action="store_true", help="one plan: shows that it runs")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/study.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        if chosen.fast:
            engine = Path(sys.executable).parent / "snakemake"
            plan = [str(engine), "--dry-run", "--quiet", "--config", "run=topographic"]
            seconds, spent = {"a plan of one paper": called(plan, clone)}, []
        else:
            seconds = measure(clone)
            spent = functions(clone / "results/demo")
    report = {
        "fast": chosen.fast,
        "machine": machine(),
        "versions": versions("snakemake", "torch"),
        "seconds": seconds,
        "goals": GOALS,
        "functions": spent,
    }
    write(chosen.out, report)
    for what, took in seconds.items():
        goal = GOALS.get(what)
        print(f"{what}: {took} s" + (f", {goal:.0f} s wanted" if goal else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
