"""Follow and check the chain from a figure back to its datasets."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replicortex.codehash import code_hash, read_from
from replicortex.data import manifest
from replicortex.errors import StudyError
from replicortex.provenance import records

NOT_HERE = "not here"  # in place of a hash
BROKEN = "broken"
SHOWN = 3  # URLs and keys of a dataset in a tree for people


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
    if "reference" not in parts or path.parts[:1] != ("results",):
        return path
    end = len(parts) - 1 - parts[::-1].index("reference")
    return Path(*parts[: end + 1], *path.parts[2:])


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
    """Check each file and everything on its chain, raw data too; return what does not hold.

    A changed file is named itself, and what was made from it is not: the first cause only.

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
    hashes = Hashes()
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
        faults += _check(path, record, root, codes, hashes)
        for entry in _entries(record):
            source = place_of(entry["path"], path)
            if "dataset" in entry and not source.exists():
                what = "the dataset is not installed here: its files were not checked"
                faults.append(Fault(source.as_posix(), what, absent=True))
            elif "record" in entry or "dataset" in entry:
                waiting.append(source)
        if path.parent.name == "manifests" and hashes.of(path) == record["output"]["sha256"]:
            faults += _check_data(path)
    kept = {(fault.path, fault.what): fault for fault in faults if current or not fault.stale}
    return list(kept.values())


class Hashes:
    """Hashes of contents, each file read once in one check."""

    def __init__(self) -> None:
        self.known: dict[Path, str | None] = {}

    def of(self, path: Path) -> str | None:
        """Return the sha256 of a result's content; None when it is absent or broken."""
        if path not in self.known:
            try:
                self.known[path] = content_sha256(path)
            except (OSError, EOFError, zlib.error):  # a compressed copy that does not unpack
                self.known[path] = BROKEN
        return self.known[path]


def _check_data(path: Path) -> Iterator[Fault]:
    """Yield each file of a dataset whose bytes are not those of its manifest."""
    try:
        listed = manifest.load(path)
    except StudyError as error:
        yield Fault(path.as_posix(), str(error))
        return
    for name, entry in listed.files.items():
        annexed, user = listed.folder / listed.name / name, listed.folder / f"{listed.name}.user"
        place = user / name if user.is_symlink() else annexed
        if not place.is_file():
            what = "the raw file is not here: its bytes were not checked"
            yield Fault(place.as_posix(), what, absent=True)
        elif records.file_sha256(place) != entry.sha256:  # as it is: an archive is not unpacked
            yield Fault(place.as_posix(), f"the raw file is not the one that {path} lists")


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
    hashes: Hashes,
) -> Iterator[Fault]:
    name = path.as_posix()
    found = hashes.of(path)
    if found is None:
        yield Fault(name, "is not here, only its record: its bytes were not checked", absent=True)
    elif found != record["output"]["sha256"]:
        yield Fault(name, "the file was changed after it was made")
    own = records.Identity(record["job"], record["inputs"]).of_seed(record["seed"])
    if own != record["id"]:
        yield Fault(name, "the record's id does not follow from its parameters, code and inputs")
    for entry in _entries(record):
        source = place_of(entry["path"], path)
        found = hashes.of(source)
        # An intermediate that was dropped: its own record speaks for it.
        if found is None or found == entry["sha256"]:
            continue
        if "record" not in entry and "dataset" not in entry:  # such as a file of claims
            what = "is not the file that results were made from"
            committed = _committed(source, found, root)
            yield Fault(source.as_posix(), what + ", but committed since" * committed, committed)
        elif _holds(source, found):
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


def _committed(source: Path, found: str, root: Path) -> bool:
    """Whether the present commit holds a file of the repository with just this content."""
    command = ["git", "-C", str(root), "show", f"HEAD:{source.as_posix()}"]
    done = subprocess.run(command, capture_output=True)
    return done.returncode == 0 and records.sha256(done.stdout) == found


def _holds(source: Path, found: str) -> bool:
    """Whether a file is what its own record says; if not, that is told of the file itself."""
    try:
        return read_record(source)["output"]["sha256"] == found
    except StudyError:
        return False


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


def tree(path: Path, sources: Mapping[str, Any], seen: set[Path] | None = None) -> dict[str, Any]:
    """Return the whole lineage of a result as nested mappings; each step is told whole once.

    Parameters
    ----------
    path
        A result with its record.
    sources
        Declared datasets by name: they add title, licence and URL.
    seen
        Results told already.
    """
    seen = set() if seen is None else seen
    record = read_record(path)
    told = {"path": path.as_posix(), "record": record["id"]}
    if path in seen:
        return {**told, "as_above": True}
    seen.add(path)
    inputs: dict[str, list[dict[str, Any]]] = {}
    for name, part in record["inputs"].items():
        inputs[name] = []
        for entry in part:
            source = place_of(entry["path"], path)
            if "dataset" in entry:
                each = {**entry, **dataset_facts(entry, source, sources)}
            elif "record" in entry and has_record(source):
                each = tree(source, sources, seen)
            else:
                each = {"path": entry["path"], "sha256": entry["sha256"]}
            inputs[name].append(each)
    shown = ("output", "job", "seed", "modules", "synthetic", "run")
    return {**told, **{key: record[key] for key in shown}, "inputs": inputs}


def dataset_facts(
    entry: Mapping[str, Any], place: Path, sources: Mapping[str, Any]
) -> dict[str, Any]:
    """Return annex keys, licence and URLs of a dataset, as far as they are known here."""
    facts: dict[str, Any] = {}
    if place.exists() and records.file_sha256(place) == entry["sha256"]:
        facts["keys"] = {name: file.key for name, file in manifest.load(place).files.items()}
    declared = sources.get(entry["dataset"]["name"])
    if declared is not None:
        facts |= {"title": declared.title, "licence": declared.licence}
        urls = [declared.source.url, *(file.url for file in declared.files.values())]
        facts["urls"] = sorted({url for url in urls if url})
    return facts


def lineage(
    path: Path,
    depth: int = 0,
    seen: set[str] | None = None,
    sources: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Yield the lines of a tree: what a result was made by and from, down to dataset commits,
    annex keys, licences and URLs."""
    sources = sources or {}
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
            facts = dataset_facts(entry, place_of(entry["path"], path), sources)
            if "licence" in facts:
                yield f"{indent}    licence: {facts['licence']}"
            for url in facts.get("urls", [])[:SHOWN]:
                yield f"{indent}    from {url}"
            keys = list(facts.get("keys", {}).values())
            for key in keys[:SHOWN]:
                yield f"{indent}    key {key}"
            if len(keys) > SHOWN:
                yield f"{indent}    and {len(keys) - SHOWN} keys more (all of them with --json)"
        elif "record" in entry and has_record(place_of(entry["path"], path)):
            yield from lineage(place_of(entry["path"], path), depth + 1, seen, sources)
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
