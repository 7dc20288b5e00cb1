"""Why two results differ: the first step on their chains that does, and what differs there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from replicortex.core import git
from replicortex.core.errors import StudyError
from replicortex.provenance import chain, records
from replicortex.provenance.history import History

HARDWARE = ("host", "cpu", "kernels", "gpu", "driver", "cuda", "python")
MISSING = "(none)"


def differences(one: Path, other: Path, root: Path) -> Iterator[str]:
    """Yield lines on the first steps that differ; one line when nothing does.

    A step differs first when its inputs are the same bytes on both sides and its output is not, or
    when one of its inputs is another dataset.

    Parameters
    ----------
    one, other
        Two results with records, such as one figure of two runs.
    root
        The repository, whose git objects hold the code of both.

    Raises
    ------
    StudyError
        When a result has no record.
    """
    first, second = chain.read_record(one), chain.read_record(other)
    if first["output"]["sha256"] == second["output"]["sha256"]:
        yield f"{one} and {other} are the same bytes"
        return
    found = list(dict.fromkeys(_walk((one, first), (other, second), root, set())))
    yield from found or [f"{one} and {other} differ, and nothing on their chains tells why"]


def runs(one: Path, other: Path, root: Path) -> Iterator[str]:
    """Yield lines on the first steps at which two runs differ, each once.

    Parameters
    ----------
    one, other
        Folders of results: two runs, or one paper of each.
    root
        The repository.

    Raises
    ------
    StudyError
        When one of them has no results.
    """
    first, second = (
        {path.relative_to(folder): path for path in chain.results_below(folder, absent=True)}
        for folder in (one, other)
    )
    for folder, found in ((one, first), (other, second)):
        if not found:
            raise StudyError(f"audit diff: there are no results below {folder}")
    printed: set[str] = set()
    equal = 0
    seen: set[tuple[Path, Path]] = set()
    for name in sorted(first.keys() & second.keys()):
        mine, theirs = ((path, chain.read_record(path)) for path in (first[name], second[name]))
        if mine[1]["output"]["sha256"] == theirs[1]["output"]["sha256"]:
            equal += 1
            continue
        lines = [line for line in _walk(mine, theirs, root, seen) if line not in printed]
        printed.update(lines)
        yield from lines
    for folder, more in (
        (one, first.keys() - second.keys()),
        (other, second.keys() - first.keys()),
    ):
        if more:
            yield f"only in {folder}: {min(more)}" + f" and {len(more) - 1} more" * (len(more) > 1)
    yield f"{equal} of {len(first.keys() & second.keys())} results that both have are the same bytes"


Step = tuple[Path, dict[str, Any]]


def _walk(one: Step, other: Step, root: Path, seen: set[tuple[Path, Path]]) -> Iterator[str]:
    """Yield what tells two results apart, as far back as both have records; each pair is seen once."""
    if (one[0], other[0]) in seen:
        return
    seen.add((one[0], other[0]))
    deeper = False
    names = sorted({*one[1]["inputs"], *other[1]["inputs"]})
    for name in names:
        mine, theirs = (step[1]["inputs"].get(name, []) for step in (one, other))
        if len(mine) != len(theirs):
            yield f"{one[0]}: {len(mine)} inputs '{name}', {len(theirs)} on the other side"
            deeper = True
            continue
        for a, b in zip(mine, theirs, strict=True):
            if a["sha256"] == b["sha256"]:
                continue
            deeper = True
            if "dataset" in a and "dataset" in b:
                yield f"{one[0]}: data: {_dataset(a['dataset'])} against {_dataset(b['dataset'])}"
                continue
            steps = [
                (place, chain.read_record(place))
                for place in (
                    chain.place_of(a["path"], one[0]),
                    chain.place_of(b["path"], other[0]),
                )
                if chain.has_record(place)
            ]
            if len(steps) == 2:
                yield from _walk(steps[0], steps[1], root, seen)
            else:
                yield f"{one[0]}: input {a['path']} is another file, without a record here"
    if not deeper:
        yield from _here(one, other, root)


def _dataset(facts: Mapping[str, str]) -> str:
    return f"{facts['name']} {facts['version']} ({facts['commit'][:12]})"


def _here(one: Step, other: Step, root: Path) -> Iterator[str]:
    """Yield what differs between two jobs that were given the same bytes."""
    (path, first), (_, second) = one, other
    mine, theirs = first["job"], second["job"]
    for key, a, b in apart(mine.get("arguments"), theirs.get("arguments")):
        yield f"{path}: parameter {key}: {a} against {b}"
    for name in ("call", "threads", "runner"):
        if mine.get(name) != theirs.get(name):
            yield f"{path}: {name}: {mine.get(name)} against {theirs.get(name)}"
    if mine.get("environment") != theirs.get("environment"):
        yield f"{path}: environment: {mine.get('environment')} against {theirs.get('environment')}"
    if mine["code"] != theirs["code"]:
        yield from _code(path, first, second, root)
    if first["seed"] != second["seed"]:
        yield f"{path}: seed: {first['seed']} against {second['seed']}"
    for name in HARDWARE:
        a, b = (record["run"].get(name, MISSING) for record in (first, second))
        if a != b:
            yield f"{path}: {name}: {a} against {b}"


def apart(one: Any, other: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield place and both values wherever two nested values differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            inner = f"{at}.{key}" if at else str(key)
            yield from apart(one.get(key, MISSING), other.get(key, MISSING), inner)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from apart(a, b, f"{at}[{number}]")
    elif one != other:
        yield at, one, other


def _code(path: Path, first: dict[str, Any], second: dict[str, Any], root: Path) -> Iterator[str]:
    """Yield the modules that differ, and the difference of their sources where git has both."""
    rules = max(records.code_rules(record) for record in (first, second))
    with History(root) as history:
        mine, theirs = (_modules(record, rules, history) for record in (first, second))
    if mine is None or theirs is None:
        yield f"{path}: code: hashed by other rules, and git does not hold it to hash it again"
        return
    commits = [record["run"]["git"]["commit"] for record in (first, second)]
    without = _without(commits, root)
    for name in sorted({*mine, *theirs}):
        if mine.get(name) == theirs.get(name):
            continue
        yield f"{path}: code of {name}"
        if not without:
            arguments = ("diff", "--no-ext-diff", "--unified=1", *commits, "--", f"workflow/{name}")
            yield from (f"    {line}" for line in git.ask(root, *arguments).splitlines()[4:])
    if without:
        yield f"    (what differs there is not shown: {without})"


def _modules(record: dict[str, Any], rules: int, history: History) -> dict[str, str] | None:
    """Return the hash of each module by a version of the rules; None where they cannot be had."""
    if records.code_rules(record) == rules:
        hashes: dict[str, str] = record["modules"]
        return hashes
    source = record["run"]["git"]
    module = record["job"]["call"].partition(":")[0]
    return history.modules(module, source["commit"], rules) if source["dirty"] == "no" else None


def _without(commits: list[str], root: Path) -> str:
    """Return why git cannot show what differs between two commits; "" when it can."""
    if not all(commits):
        return "a record names no commit, for git could not tell it when the result was made"
    if trouble := git.trouble(root):
        return trouble
    for commit in commits:
        try:
            git.ask(root, "cat-file", "-e", f"{commit}^{{commit}}")
        except git.GitError:
            return f"commit {commit[:12]} is not in this repository"
    return ""
