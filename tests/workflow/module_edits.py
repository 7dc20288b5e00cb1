"""What an edit of each module would run again, from code hashes and the plan of the study.

The engine plans once; each edit is then tried in memory. test_reruns.py asks the engine itself for
a sample of the same edits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from replicortex.core.codehash import ROOT, code_hash, module_hashes, read_from
from replicortex.data import declared
from replicortex.provenance.plan import Planned, planned

EDIT = "\n\nEDITED = True\n"


@cache
def plan(run: str = "all") -> tuple[Planned, ...]:
    """Return all jobs of the papers that run at `demo`, each after those that it needs."""
    return tuple(planned([], {"scale": "demo", "run": run}, ROOT.parent, alone=True))


@cache
def modules() -> tuple[str, ...]:
    """Return every module of the library and of the papers, by path; packages hold nothing."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
    return tuple(
        sorted(
            path.as_posix()
            for path in found
            if path.parts[0] in ("papers", "replicortex") and path.name != "__init__.py"
        )
    )


@cache
def generators() -> dict[str, str]:
    """Return the module that makes each synthetic dataset."""
    entries = declared.load(ROOT.parent / "config/datasets.yaml")
    sources = {name: getattr(entry.source, "generator", None) for name, entry in entries.items()}
    return {name: call.partition(":")[0] for name, call in sources.items() if call}


@cache
def rerun(module: str, run: str = "all") -> dict[str, int]:
    """Return how many jobs of each rule an edit of a module would run again."""
    changed = _changed(module)
    again: set[str] = set()  # outputs that are made anew
    counts: Counter[str] = Counter()
    for job in plan(run):
        if job.job is None:
            continue
        own = job.job["call"].partition(":")[0]
        data = job.job["arguments"].get("name") if job.job["code"] is None else None
        if (
            (job.job["code"] is not None and own in changed)
            or generators().get(data) in changed
            or again & set(job.inputs)
        ):
            again.update(job.outputs)
            counts[job.rule] += 1
    return dict(counts)


def _changed(module: str) -> set[str]:
    """Return the modules of jobs and generators whose hash an edit of another changes."""

    def edited(path: str) -> bytes | None:
        source = _read(path)
        return source + EDIT.encode() if path == module and source is not None else source

    return {
        name
        for name in _called()
        if module in _behind(name) and code_hash(name, edited) != _hash(name)
    }


_read = cache(read_from(ROOT))


@cache
def _hash(name: str) -> str:
    return code_hash(name, _read)


@cache
def _called() -> frozenset[str]:
    jobs = {job.job["call"].partition(":")[0] for job in plan() if job.job}
    return frozenset({*jobs, *generators().values()})


@cache
def _behind(name: str) -> frozenset[str]:
    return frozenset(module_hashes(name, rules=1))  # these leave nothing out


def paper_of(rule: str, papers: Iterable[str]) -> str | None:
    """Return the paper whose rule it is; the longest name that begins it, for `toy` and `toy_two`."""
    own = [paper for paper in papers if rule.startswith(f"{paper}_") or rule == f"judge_{paper}"]
    return max(own, key=len, default=None)


def path_of(module: str) -> Path:
    """Return where a module lies in the repository."""
    return Path("workflow", module)
