"""Why a result would be made again: what its records say against what the workflow asks for now.

Everything is told from records and contents alone, so that it works in a fresh clone, where the
engine has no notes of its own and takes whatever lies there for current.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replicortex.core.codehash import RULES, module_hashes
from replicortex.core.errors import StudyError
from replicortex.core.scales import SCALES
from replicortex.provenance import chain, packed, records
from replicortex.provenance.contents import Hashes
from replicortex.provenance.differences import apart
from replicortex.provenance.plan import Planned, planned

MANY = 3  # paths told by name


@dataclass(frozen=True)
class Again:
    """One job that would run, and why."""

    rule: str
    outputs: list[str]
    reasons: list[str]


def lines(again: list[Again]) -> Iterator[str]:
    """Yield all jobs for people: those with the same reasons together."""
    groups: dict[tuple[str, ...], list[Again]] = {}
    for job in again:
        groups.setdefault(tuple(job.reasons), []).append(job)
    for reasons, jobs in groups.items():
        rules = _some(list(dict.fromkeys(job.rule for job in jobs)))
        yield f"{rules} ({len(jobs)} job{'s' * (len(jobs) > 1)}, {_some(jobs[0].outputs, 1)})"
        yield from (f"    {reason}" for reason in reasons)


def why(
    file: Path | None, settings: Mapping[str, Any], root: Path, hashes: Hashes | None = None
) -> list[Again]:
    """Return the jobs that would run to have a result as the present study defines it.

    Parameters
    ----------
    file
        A result, kept or not; None for the whole study.
    settings
        As `snakemake --config` takes them. The scale is taken from the run's name where that is one.
    root
        The repository.
    hashes
        Where hashes come from.

    Raises
    ------
    StudyError
        When the workflow cannot be planned, or the run's scale is not known.
    """
    asked = dict(settings)
    reference = Path()
    targets: list[str] = []
    if file is not None:
        recorded = _recorded(file)
        targets = [recorded.as_posix()]
        if recorded.parts[0] == "results":
            _settle(asked, recorded.parts[1])
        if chain.place_of(recorded.as_posix(), file) != recorded:
            reference = file
    return _Why(planned(targets, asked, root), reference, hashes or Hashes()).run(targets)


def _recorded(file: Path) -> Path:
    """Return the path at which the workflow makes a result."""
    if chain.has_record(file):
        return Path(chain.read_record(file)["output"]["path"])
    if file.is_absolute() and file.is_relative_to(Path.cwd()):
        return file.relative_to(Path.cwd())
    return file


def _settle(settings: dict[str, Any], run: str) -> None:
    """Take the scale from the name of a run."""
    if run in SCALES:
        settings.setdefault("scale", run)
    elif "scale" not in settings:
        raise StudyError(
            f"audit why: results/{run} is named after no scale; say which one it was made at: "
            f"--config scale=small name={run}"
        )
    if run != settings["scale"]:
        settings.setdefault("name", run)


class _Why:
    def __init__(self, jobs: list[Planned], reference: Path, hashes: Hashes):
        self.jobs, self.reference, self.hashes = jobs, reference, hashes
        self.maker = {output: job for job in jobs for output in job.outputs}
        self.again: dict[int, list[str]] = {}

    def run(self, targets: list[str]) -> list[Again]:
        """Return the jobs that would run again for some targets, in their order."""
        for job in self.jobs:  # each after those that it needs
            if job.job is not None:
                reasons = [*self._own(job, targets), *self._after(job)]
                if reasons:
                    self.again[id(job)] = list(dict.fromkeys(reasons))
        self._absent()
        return [
            Again(job.rule, job.outputs, self.again[id(job)])
            for job in self.jobs
            if id(job) in self.again
        ]

    def _place(self, path: str) -> Path:
        return chain.place_of(path, self.reference)

    def _here(self, path: str) -> bool:
        place = self._place(path)
        return place.exists() or packed.path_of(place).exists()

    def _own(self, job: Planned, targets: list[str]) -> list[str]:
        """Return why a job would run by itself, whatever runs before it."""
        missing = [path for path in job.outputs if not chain.has_record(self._place(path))]
        if len(missing) == len(job.outputs):
            made_here = any(self._here(path) for path in job.outputs)
            if job.job and job.job["code"] is None and not made_here:
                return []  # a dataset, got when a job that runs needs it
            return ["was made without a record" if made_here else "was never made here"]
        reasons = [f"has no record: {_some(missing)}"] if missing else []
        absent = [path for path in job.outputs if path in targets and not self._here(path)]
        if absent or (not targets and self._final(job) and not self._here(job.outputs[0])):
            reasons.append(f"is not here: {_some(absent or job.outputs)}")
        for path in job.outputs:
            if path not in missing:
                reasons += self._changed(job, chain.read_record(self._place(path)))
                break  # all results of one job have the same parameters and inputs
        return reasons

    def _final(self, job: Planned) -> bool:
        """Whether no other job reads what this one makes."""
        return not any(path in other.inputs for other in self.jobs for path in job.outputs)

    def _changed(self, job: Planned, record: dict[str, Any]) -> list[str]:
        """Return what differs between a job's record and the plan: numbers, code, environment, data."""
        then, now = record["job"], job.job or {}
        reasons = [
            f"parameter {key}: {a} then, {b} now"
            for key, a, b in apart(then.get("arguments"), now.get("arguments"))
        ]
        for name in ("call", "environment", "datasets", "threads", "runner"):
            for key, a, b in apart({name: then.get(name)}, {name: now.get(name)}):
                reasons.append(f"{key.replace('.', ' ')}: {_short(a)} then, {_short(b)} now")
        if then.get("code") != now.get("code"):
            reasons += _modules(record, now)
        return reasons + self._inputs(job, record)

    def _inputs(self, job: Planned, record: dict[str, Any]) -> list[str]:
        """Return which inputs are other files than those recorded, or have other contents."""
        recorded = {entry["path"]: entry["sha256"] for entry in chain.entries(record)}
        reasons = []
        for verb, paths in (
            ("reads now", sorted({*job.inputs} - {*recorded})),
            ("read then", sorted({*recorded} - {*job.inputs})),
        ):
            if paths:
                reasons.append(f"{verb} {_some(paths)}")
        changed = []
        for path in job.inputs:
            found = self.hashes.of(self._place(path)) if path in recorded else None
            if found is not None and found != recorded[path]:
                changed.append(path)
        return reasons + ([f"its input was changed: {_some(changed)}"] if changed else [])

    def _after(self, job: Planned) -> list[str]:
        """Return the jobs that run before it and hand it something."""
        makers = [self.maker[path] for path in job.inputs if path in self.maker]
        rules = {maker.rule for maker in makers if id(maker) in self.again}
        return [f"after {_some(sorted(rules))}"] if rules else []

    def _absent(self) -> None:
        """Add jobs whose results are not here and are read by one that runs."""
        for job in reversed(self.jobs):
            if id(job) not in self.again:
                continue
            for path in job.inputs:
                maker = self.maker.get(path)
                if maker is not None and id(maker) not in self.again and not self._here(path):
                    self.again[id(maker)] = ["is not here, and a job that would run reads it"]


def _modules(record: dict[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return which modules differ, by the rules of the record; what else makes another hash."""
    then, rules = record["modules"], records.code_rules(record)
    present = module_hashes(now["call"].partition(":")[0], rules=rules) if now.get("code") else {}
    names = sorted(name for name in {*then, *present} if then.get(name) != present.get(name))
    reasons = [f"code: {', '.join(f'workflow/{name}' for name in names)}"] if names else []
    if rules != RULES:
        reasons.append(f"code: hashed by rules {rules} then, {RULES} now")
    return reasons


def _short(value: Any) -> Any:
    """Return a value for people: a long hash by its start."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else value


def _some(names: list[str], most: int = MANY) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
