"""The lineage of a result in one line a step: rule, files, code, data, when and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from replicortex.provenance import chain
from replicortex.provenance.steps import Step, steps

HEAD = ("step", "jobs", "files", "code", "data", "ended", "where")


def overview(result: Path) -> Iterator[str]:
    """Yield the lines of a result's lineage, from the result back to the data.

    Jobs of one function that ran the same code, at the same commit and on the same machine, are one
    step: a training of many seeds is one line.

    Raises
    ------
    StudyError
        When the result has no record.
    """
    record = chain.read_record(result)
    yield f"{result}  [{record['id'][:12]}]{'  from synthetic data' if record['synthetic'] else ''}"
    found: dict[tuple[str, ...], list[Step]] = {}
    for step in reversed(steps([result], hosts=True).values()):
        found.setdefault((step.call, str(step.record["job"]["code"]), _where(step)), []).append(
            step
        )
    rows = [HEAD, *(_row(group) for group in found.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()
    yield "Each file, with dataset commits, keys, licences and URLs: --files"


def _row(group: list[Step]) -> tuple[str, ...]:
    """Return the cells of a step, in the order of HEAD."""
    first = group[0]
    ended = sorted(filter(None, (step.record["run"].get("ended") for step in group)))
    return (
        _rule([step.rule for step in group]),
        str(len(group)),
        str(sum(len(step.outputs) for step in group)),
        (first.record["job"]["code"] or "-")[:8],
        ", ".join(sorted({name for step in group for name in _data(step.record)})) or "-",
        ended[-1][:16].replace("T", " ") if ended else "not recorded",
        _where(first),
    )


def _rule(names: list[str]) -> str:
    """Return the words that the names of some rules begin with: x_train_0, x_train_1 -> x_train."""
    words = [name.split("_") for name in names]
    if len(set(names)) == 1:  # a pack is no word of it
        return "_".join(words[0][:-1] if words[0][-1].isdigit() else words[0])
    common = takewhile(lambda place: len(set(place)) == 1, zip(*words, strict=False))
    return "_".join(place[0] for place in common) or names[0]


def _data(record: dict[str, Any]) -> Iterable[str]:
    """Yield the datasets that a job itself read, with their versions (a commit's first digits)."""
    for entry in chain.entries(record):
        if "dataset" in entry:
            yield f"{entry['dataset']['name']} {entry['dataset']['version'][:16]}"


def _where(step: Step) -> str:
    """Return machine and commit of a job."""
    run = step.record["run"]
    commit = run["git"]["commit"][:8] or "unknown"
    changes = " with changes" if run["git"]["dirty"] == "yes" else ""
    return f"{run['host']} ({run.get('gpu') or run['cpu']}), commit {commit}{changes}"
