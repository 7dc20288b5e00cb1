"""What the engine needs before the first job: parsing, and planning every job at `full`.

    python benchmarks/parsing.py [--out FILE]

Against the engine's own start on an empty workflow, in the same run: a part of the same work, no peer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import machine, timed, versions, write

from replicortex.core.study import PLAN_ALONE
from replicortex.provenance.plan import planned

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
REPEATS = 5
FULL = {"scale": "full", "device": "cuda"}  # licensed data need not be at hand for a plan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text("rule all:\n    input: []\n")
        jobs = len(planned([], FULL, ROOT, placed=False))
        words = [f"{key}={value}" for key, value in FULL.items()]
        calls = {
            "empty": (folder, ["--list"]),
            "parse": (ROOT, ["--list"]),
            "plan": (
                ROOT,
                ["--dry-run", "--quiet", "all", "--forceall", "--config", *words],
            ),
        }
        found = {what: seconds(place, arguments) for what, (place, arguments) in calls.items()}
    empty = found["empty"]["seconds"]
    report = {
        "machine": machine(),
        "versions": versions("snakemake"),
        "jobs": jobs,
        "seconds": found,
        "beyond_the_engines_start": {
            what: round(found[what]["seconds"] - empty, 3) for what in ("parse", "plan")
        },
    }
    write(options.out, report)
    print(json.dumps(report["beyond_the_engines_start"] | {"jobs": jobs}, indent=2))
    return 0


def seconds(place: Path, arguments: list[str]) -> dict:
    def call() -> None:
        subprocess.run(
            [str(BIN / "snakemake"), *arguments],
            cwd=place,
            env={**os.environ, PLAN_ALONE: "yes"},
            check=True,
            capture_output=True,
        )

    return timed(call, REPEATS)[1]


if __name__ == "__main__":
    sys.exit(main())
