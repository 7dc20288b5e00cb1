"""What the audit costs: a record, verifying a run against sha256sum on the same files, its pages.

    python benchmarks/audit.py            2,000 jobs, 400 MB of results
    python benchmarks/audit.py --fast     a few seconds, to see that it works

The run is made up: records as the runner writes them, random bytes as results. sha256sum (GNU coreutils)
reads the same files in one process, and in as many as `verify` has threads; `verify` also reads every
record, follows every chain and compares every hash. Files lie in the page cache for both. Exit status 1
when verify finds a fault.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import comparison, machine, timed, versions, write

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from synthetic_run import many_jobs

from replicortex.pages.build import build
from replicortex.provenance import chain, records
from replicortex.provenance.contents import Hashes
from replicortex.provenance.crate import export
from replicortex.provenance.verification import verify

ROOT = Path(__file__).resolve().parents[1]
FULL = {"jobs": 2_000, "bytes": 200_000, "repeats": 3, "records": 50}
FAST = {"jobs": 20, "bytes": 2_000, "repeats": 1, "records": 3}
CACHE = Path("hashes.json")


def measure(sizes: dict[str, int]) -> dict[str, Any]:
    """Time each step in the present folder, which is empty."""
    run = Path("results/many")
    many_jobs(run, sizes["jobs"], sizes["bytes"])
    results = chain.results_below(run)
    sizes_of = [records.path_of(path).stat().st_size for path in results]
    total = sum(path.stat().st_size for path in results)
    time.sleep(2.1)  # what was written a moment ago is not remembered

    faults, ours = timed(lambda: verify(results, ROOT), sizes["repeats"])
    _, theirs = timed(lambda: _sha256sum(results), sizes["repeats"])
    cores = min(8, os.cpu_count() or 1)
    _, at_once = timed(lambda: _sha256sum(results, cores), sizes["repeats"])

    def remembered() -> None:
        hashes = Hashes(CACHE)
        verify(results, ROOT, hashes)
        hashes.remember()

    _, again = timed(remembered, sizes["repeats"])
    start = time.perf_counter()
    build(run, Path("page"), ROOT)
    page = time.perf_counter() - start
    start = time.perf_counter()
    export(run, Path("crate"), ROOT)
    crate = time.perf_counter() - start
    told_by = subprocess.run(["sha256sum", "--version"], capture_output=True, text=True, check=True)
    row = comparison(
        f"verify {len(results):,} results, {total / 1e6:.0f} MB, with their records and chains",
        peer={
            "name": "GNU coreutils",
            "version": told_by.stdout.splitlines()[0].split()[-1],
            "options": f"sha256sum of the results alone, {cores} processes",
        },
        ours=ours["seconds"],
        theirs=at_once["seconds"],
        threads=cores,
    )
    return {
        "comparisons": [row],
        "files": len(results),
        "megabytes": round(total / 1e6, 1),
        "faults": sum(each.kind == "fault" for each in faults),
        "record": {"largest_bytes": max(sizes_of), **_record(results[0], sizes["records"])},
        "verify": {**ours, "megabytes_per_second": round(total / 1e6 / ours["seconds"], 1)},
        "sha256sum": {**theirs, "megabytes_per_second": round(total / 1e6 / theirs["seconds"], 1)},
        "sha256sum_at_once": at_once | {"processes": cores},
        "verify_times_sha256sum": round(ours["seconds"] / theirs["seconds"], 2),
        "verify_remembered": again,
        "page_seconds": round(page, 2),
        "crate_seconds": round(crate, 2),
    }


def _sha256sum(files: list[Path], processes: int = 1) -> None:
    names = b"\0".join(os.fsencode(path) for path in files)
    each = -(-len(files) // processes)
    command = ["xargs", "-0", f"-P{processes}", f"-n{each}", "sha256sum"]
    subprocess.run(command, input=names, capture_output=True, check=True)


def _record(result: Path, repeats: int) -> dict[str, float]:
    """Time what the runner does for one result besides computing and writing it."""
    record = records.read(records.path_of(result))
    identity = records.Identity(record["job"], record["inputs"])
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        digest = records.file_sha256(result)
        facts = records.run_facts("rule", 1.0) | {"git": record["run"]["git"]}
        records.write(result, identity, digest, record["seed"], facts)
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": round(statistics.median(seconds), 4),
        "largest_seconds": round(max(seconds), 4),
    }


def main() -> int:
    """Run the benchmark; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    out = options.out.resolve()
    sizes = FAST if options.fast else FULL
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = measure(sizes)
        os.chdir(out.parent)
    report = {
        "fast": options.fast,
        "sizes": sizes,
        "machine": machine(),
        "versions": versions("replicortex", "snakemake"),
        **found,
    }
    write(out, report)
    print(
        f"{found['files']} files, {found['megabytes']} MB: verify {found['verify']['seconds']} s, sha256sum "
        f"{found['sha256sum']['seconds']} s, remembered {found['verify_remembered']['seconds']} s; a record "
        f"{found['record']['seconds']} s"
    )
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
