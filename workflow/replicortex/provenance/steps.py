"""The jobs of a run, put together again from the records of their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.provenance import chain, records

UNNAMED = "a machine"


@dataclass
class Step:
    """One job: what it was, what it read and what it made."""

    key: str  # the same for all results of the job
    record: dict[str, Any]  # of one of its results; all tell the same job, inputs and run
    inputs: dict[str, list[Input]]
    outputs: dict[Path, dict[str, Any]] = field(default_factory=dict)  # records by place

    @property
    def call(self) -> str:
        """Module and function."""
        call: str = self.record["job"]["call"]
        return call

    @property
    def rule(self) -> str:
        """The rule as it was named when the job ran."""
        rule: str = self.record["run"]["rule"]
        return rule

    @property
    def seeds(self) -> list[int]:
        """The seeds of its results."""
        return sorted({r["seed"] for r in self.outputs.values() if r["seed"] is not None})


@dataclass(frozen=True)
class Input:
    """One file that a job read."""

    place: Path  # where it would lie for whoever reads the record
    entry: dict[str, Any]  # as the record tells it
    step: str | None  # key of the job that made it, where its record is here


def steps(results: Iterable[Path], hosts: bool = False) -> dict[str, Step]:
    """Return all jobs behind some results by key, each after those that it needs.

    Parameters
    ----------
    results
        Results with records.
    hosts
        Whether their records tell the machines' names and the numbers of Slurm's jobs too, which
        say nothing to whom pages and crates are published for.

    Raises
    ------
    StudyError
        When a result has no record.
    """
    recorded = dict(_records(list(results)))
    if not hosts:
        recorded = {
            place: record | {"run": _public(record["run"])} for place, record in recorded.items()
        }
    keys = {place: _key(record) for place, record in recorded.items()}
    found: dict[str, Step] = {}
    for place, record in recorded.items():
        key = keys[place]
        if key not in found:
            inputs = {
                name: [
                    Input(source, entry, keys.get(source))
                    for entry in part
                    for source in [chain.place_of(entry["path"], place)]
                ]
                for name, part in record["inputs"].items()
            }
            found[key] = Step(key, record, inputs)
        found[key].outputs[place] = record
    return {step.key: step for step in _sorted(found)}


def _records(waiting: list[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield results with their records, back to where records end; those first named must have one.

    Raises
    ------
    StudyError
        When one of them has none, or it was changed.
    """
    first, seen = set(waiting), set(waiting)
    while waiting:
        path = waiting.pop()
        try:
            record = chain.read_record(path)
        except StudyError:
            if path in first:
                raise
            continue  # a step that was not kept
        yield path, record
        for entry in chain.entries(record):
            source = chain.place_of(entry["path"], path)
            if source not in seen and ("record" in entry or "dataset" in entry):
                seen.add(source)
                waiting.append(source)


def _public(run: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in run.items() if not name.startswith("slurm_")}
    return kept | {"host": UNNAMED}


def _key(record: dict[str, Any]) -> str:
    """Return what all results of one job have in common: job, inputs and rule, whatever the seed.

    Packs of one rule are rules of their own: two of them differ in nothing but their seeds.
    """
    identity = records.Identity(record["job"], record["inputs"])
    return sha256(f"{identity.id} {record['run']['rule']}")


def _sorted(found: dict[str, Step]) -> Iterator[Step]:
    """Yield steps after those that they read, else by rule and place: the same order for the same run."""
    done: set[str] = set()
    for first in sorted(found.values(), key=lambda step: (step.rule, min(step.outputs))):
        waiting = [(first, False)]
        while waiting:
            step, ready = waiting.pop()
            if ready:
                yield step
            elif step.key not in done:
                done.add(step.key)
                waiting.append((step, True))
                needed = {each.step for part in step.inputs.values() for each in part}
                waiting += [
                    (found[key], False) for key in sorted(filter(None, needed), reverse=True)
                ]
