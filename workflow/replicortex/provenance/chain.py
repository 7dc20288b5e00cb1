"""Follow and check the chain from a figure back to its datasets."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from replicortex.codehash import code_hash, read_from
from replicortex.errors import StudyError
from replicortex.provenance import records

NOT_HERE = "not here"  # in place of a hash


@dataclass(frozen=True)
class Fault:
    """One thing that does not hold, and where."""

    path: str
    what: str
    stale: bool = False  # information, unless the present code is asked for
    absent: bool = False  # information: a step that was not kept, so that its bytes go unchecked

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def results_below(folder: Path) -> list[Path]:
    """Return the result files below a folder: everything but records, states and leftovers."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.endswith(records.SUFFIX)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def place_of(recorded: str, beside: Path) -> Path:
    """Return where a recorded path lies for a result: below results/reference for a kept one.

    Parameters
    ----------
    recorded
        As records have it: results/<run>/<paper>/..., or a path below data/.
    beside
        The result whose record names it.
    """
    path = Path(recorded)
    parts = beside.parts
    # A paper may have a folder of that name as well.
    ends = [k for k, pair in enumerate(pairwise(parts)) if pair == ("results", "reference")]
    if not ends or path.parts[:1] != ("results",):
        return path
    return Path(*parts[: ends[-1] + 2], *path.parts[2:])


def content_sha256(path: Path) -> str | None:
    """Return the sha256 of a result's content, kept compressed or not; None when it is absent."""
    packed = path if path.suffix == ".gz" else path.with_name(f"{path.name}.gz")
    if path.exists() and path != packed:
        return records.file_sha256(path)
    if not packed.exists():
        return None
    with gzip.open(packed) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(files: list[Path], root: Path, current: bool = False) -> list[Fault]:
    """Check each file and everything on its chain; return what does not hold.

    Parameters
    ----------
    files
        Result files.
    root
        The repository, whose git objects hold the code at each record's commit.
    current
        Whether code that has changed since counts as a fault.
    """
    faults: list[Fault] = []
    seen: set[Path] = set()
    waiting = list(files)
    codes: dict[tuple[str, str], str | None] = {}
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            record = read_record(path)
        except StudyError as error:
            faults.append(Fault(path.as_posix(), str(error).partition(": ")[2]))
            continue
        faults += _check(path, record, root, codes)
        for entry in _entries(record):
            if "record" in entry:
                waiting.append(place_of(entry["path"], path))
    return [fault for fault in faults if current or not fault.stale]


def _file_of(path: Path) -> Path:
    return records.path_of(path.with_name(path.name.removesuffix(".gz")))


def has_record(path: Path) -> bool:
    """Whether the record of a result, kept compressed or not, is here."""
    return _file_of(path).exists()


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of a result, kept compressed or not.

    Raises
    ------
    StudyError
        When there is none, or it was changed.
    """
    if not has_record(path):
        raise StudyError(f"{path}: has no record")
    return records.read(_file_of(path))


def _entries(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in record["inputs"].values():
        yield from part


def _check(
    path: Path,
    record: dict[str, Any],
    root: Path,
    codes: dict[tuple[str, str], str | None],
) -> Iterator[Fault]:
    name = path.as_posix()
    found = content_sha256(path)
    if found is None:
        yield Fault(name, "is not here, only its record: its bytes were not checked", absent=True)
    elif found != record["output"]["sha256"]:
        yield Fault(name, "the file was changed after it was made")
    own = records.Identity(record["job"], record["inputs"]).of_seed(record["seed"])
    if own != record["id"]:
        yield Fault(name, "the record's id does not follow from its parameters, code and inputs")
    for entry in _entries(record):
        source = place_of(entry["path"], path)
        found = content_sha256(source)
        # An intermediate that was dropped: its own record speaks for it.
        if found is not None and found != entry["sha256"]:
            what = f"its input {source} is not the one that it was made from"
            yield Fault(name, what)
    code = record["job"]["code"]
    if code is None:
        return
    module = record["job"]["call"].partition(":")[0]
    commit = record["run"]["git"]["commit"]
    if record["run"]["git"]["dirty"] == "yes":
        yield Fault(
            name, f"was made from files that commit {commit[:12]} does not hold", stale=True
        )
    elif commit:
        key = (module, commit)
        if key not in codes:
            codes[key] = _code_at(module, commit, root) if _has(commit, root) else NOT_HERE
        if codes[key] == NOT_HERE:
            what = f"commit {commit[:12]} is not in this repository: its code was not checked"
            yield Fault(name, what, absent=True)
        elif codes[key] != code:
            yield Fault(
                name, f"the code of {module} at commit {commit[:12]} is not the recorded one"
            )
    try:
        present = code_hash(module, read_from(root / "workflow"))
    except (ModuleNotFoundError, SyntaxError):
        present = None
    if present != code:
        yield Fault(name, f"the code of {module} has changed since", stale=True)


def _has(commit: str, root: Path) -> bool:
    """Whether a commit is in the repository; a shallow or another clone lacks it."""
    command = ["git", "-C", str(root), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def _code_at(module: str, commit: str, root: Path) -> str | None:
    def read(path: str) -> bytes | None:
        done = subprocess.run(
            ["git", "-C", str(root), "show", f"{commit}:workflow/{path}"], capture_output=True
        )
        return done.stdout if done.returncode == 0 else None

    try:
        return code_hash(module, read)
    except (ModuleNotFoundError, SyntaxError):
        return None


def lineage(path: Path, depth: int = 0, seen: set[str] | None = None) -> Iterator[str]:
    """Yield the lines of a tree: what a result was made by and from, down to dataset commits."""
    seen = set() if seen is None else seen
    indent = "  " * depth
    record = read_record(path)
    yield f"{indent}{path}  [{record['id'][:12]}]"
    if record["id"] in seen:
        yield f"{indent}  (as above)"
        return
    seen.add(record["id"])
    run = record["run"]
    seed = f", seed {record['seed']}" if record["seed"] is not None else ""
    yield f"{indent}  made by {record['job']['call']}{seed}, code {str(record['job']['code'])[:12]}"
    where = run.get("gpu") or run["cpu"]
    yield (
        f"{indent}  on {run['host']} ({where}), commit {run['git']['commit'][:12] or 'unknown'}"
        f"{' with changes' if run['git']['dirty'] == 'yes' else ''}, {run['wall_seconds']} s"
    )
    if record["synthetic"]:
        yield f"{indent}  from synthetic data"
    for entry in _entries(record):
        if "dataset" in entry:
            data = entry["dataset"]
            yield (
                f"{indent}  dataset {data['name']} {data['version']}: "
                f"{data['id']}@{data['commit'][:12]}"
            )
        elif "record" in entry and records.path_of(place_of(entry["path"], path)).exists():
            yield from lineage(place_of(entry["path"], path), depth + 1, seen)
        else:
            yield f"{indent}  {entry['path']}  sha256 {entry['sha256'][:12]}"


def records_of(result: Path) -> Iterator[dict[str, Any]]:
    """Yield the record of a result and of every step before it that has one here, each once.

    Raises
    ------
    StudyError
        When the result itself has no record.
    """
    waiting, seen = [result], {result}
    while waiting:
        path = waiting.pop(0)
        record = read_record(path)
        yield record
        for entry in _entries(record):
            source = place_of(entry["path"], path)
            if "record" in entry and source not in seen and records.path_of(source).exists():
                seen.add(source)
                waiting.append(source)


def find_record(figure: Path, results: Path) -> Path:
    """Return the result that a figure file, wherever it lies, is a copy of.

    Raises
    ------
    StudyError
        When the file carries no id, or no record below `results` has that id.
    """
    if records.path_of(figure).exists():
        return figure
    wanted = embedded_id(figure)
    digest = records.file_sha256(figure)
    for file in sorted(results.rglob(f"*{figure.suffix}{records.SUFFIX}")):
        record = json.loads(file.read_text())
        same = (
            record["output"]["sha256"] == digest
            or Path(record["output"]["path"]).name == figure.name
        )
        if record["id"] == wanted and same:
            return file.with_name(file.name.removesuffix(records.SUFFIX))
    raise StudyError(
        f"{figure}: no record below {results} has the id {wanted[:12]} that it carries"
    )


def embedded_id(figure: Path) -> str:
    """Return the record id inside a PNG, PDF or SVG.

    Raises
    ------
    StudyError
        When there is none.
    """
    import re

    found = re.search(rb"replicortex:([0-9a-f]{64})", figure.read_bytes())
    if not found:
        raise StudyError(f"{figure}: carries no record id; it was not made by this workflow")
    return found.group(1).decode()
