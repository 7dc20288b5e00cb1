"""What the engine needs before the first job: parsing, and planning every job at `full`.

    python benchmarks/parsing.py [--out FILE]

Against the engine's own start on an empty workflow, in the same run: a part of the same work, no peer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from common import machine, timed, versions, write

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
REPEATS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text("rule all:\n    input: []\n")
        (folder / "licensed").mkdir()
        config = json.dumps(full(folder / "licensed"))
        jobs = count(config)
        calls = {
            "empty": (folder, ["--list"]),
            "parse": (ROOT, ["--list"]),
            "plan": (
                ROOT,
                ["--dry-run", "--quiet", "all", "--forceall", "--config", *words(config)],
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


def full(licensed: Path) -> dict:
    """Return the configuration of `full` on GPUs, with every licensed dataset at hand."""
    declared = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())
    users = [name for name, entry in declared.items() if entry["source"]["kind"] == "user"]
    return {"scale": "full", "device": "cuda", "user_data": dict.fromkeys(users, str(licensed))}


def words(config: str) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in json.loads(config).items()]


def count(config: str) -> int:
    """Return how many jobs the plan has."""
    sys.path.insert(0, str(ROOT / "workflow"))
    from replicortex.provenance.plan import planned

    return len(planned([], json.loads(config), ROOT))


def seconds(place: Path, arguments: list[str]) -> dict:
    def call() -> None:
        subprocess.run(
            [str(BIN / "snakemake"), *arguments], cwd=place, check=True, capture_output=True
        )

    return timed(call, REPEATS)[1]


if __name__ == "__main__":
    sys.exit(main())
