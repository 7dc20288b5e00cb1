"""Follow the chain from a figure back to its datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from replicortex.core.digests import file_sha256
from replicortex.core.errors import StudyError
from replicortex.data import manifest
from replicortex.provenance import packed, records

MOST = 3  # URLs and keys of a dataset in a tree for people


VIEWS = ("audit", "report.html")  # of a run: made from its records, and without one themselves


def results_below(folder: Path, absent: bool = False) -> list[Path]:
    """Return the result files below a folder: everything but records, states and leftovers.

    Parameters
    ----------
    folder
        A run, or a part of one.
    absent
        Whether to name as well what has a record and is not here.
    """
    files = {path for path in folder.rglob("*") if _counts(path, folder) and path.is_file()}
    recorded = {path for path in files if path.name.endswith(records.SUFFIX)}
    found = files - recorded
    if absent:
        recorded |= {path for path in records.archived_below(folder) if _counts(path, folder)}
        results = {path.with_name(path.name.removesuffix(records.SUFFIX)) for path in recorded}
        found |= {result for result in results if packed.held(result) is None}
    return sorted(found)


def _counts(path: Path, folder: Path) -> bool:
    """Whether a path below a folder is no view of it, no state and no leftover."""
    parts = path.relative_to(folder).parts
    return parts[0] not in VIEWS and not any(part.startswith(".") for part in parts)


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
    ends = [k for k, pair in enumerate(pairwise(parts)) if pair == records.KEPT]
    if not ends or path.parts[:1] != ("results",):
        return path
    return Path(*parts[: ends[-1] + 2], *path.parts[2:])


def _file_of(path: Path) -> Path:
    return records.path_of(packed.result_of(path))


def has_record(path: Path) -> bool:
    """Whether the record of a result, kept compressed or not, is here."""
    return records.exists(_file_of(path))


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


def recorded(path: Path) -> str:
    """Return the sha256 that a result had when it was made."""
    digest: str = read_record(path)["output"]["sha256"]
    return digest


def entries(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield path, sha256 and origin of each input file of a step."""
    for part in record["inputs"].values():
        yield from part


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
    named = {"path": path.as_posix(), "record": record["id"]}
    if path in seen:
        return {**named, "as_above": True}
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
    copied = ("output", "job", "seed", "modules", "synthetic", "run")
    return {**named, **{key: record[key] for key in copied}, "inputs": inputs}


def dataset_facts(
    entry: Mapping[str, Any], place: Path, sources: Mapping[str, Any]
) -> dict[str, Any]:
    """Return annex keys, licence and URLs of a dataset, as far as they are known here."""
    facts: dict[str, Any] = {}
    if place.exists() and file_sha256(place) == entry["sha256"]:
        facts["keys"] = {name: file.key for name, file in manifest.load(place).files.items()}
    declared = sources.get(entry["dataset"]["name"])
    if declared is not None:
        facts |= {"title": declared.title, "licence": declared.licence}
        if declared.card:
            facts["card"] = declared.card
        urls = [declared.source.url, *(file.url for file in declared.files.values())]
        if declared.source.name:
            urls.append(f"the package {declared.source.name} {declared.source.version}")
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
    for entry in entries(record):
        if "dataset" in entry:
            data = entry["dataset"]
            yield (
                f"{indent}  dataset {data['name']} {data['version']}: "
                f"{data['id']}@{data['commit'][:12]}"
            )
            facts = dataset_facts(entry, place_of(entry["path"], path), sources)
            if "licence" in facts:
                yield f"{indent}    licence: {facts['licence']}"
            for url in facts.get("urls", [])[:MOST]:
                yield f"{indent}    from {url}"
            keys = list(facts.get("keys", {}).values())
            for key in keys[:MOST]:
                yield f"{indent}    key {key}"
            if len(keys) > MOST:
                yield f"{indent}    and {len(keys) - MOST} keys more (all of them with --json)"
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
        for entry in entries(record):
            source = place_of(entry["path"], path)
            if "record" in entry and source not in seen and has_record(source):
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
    digest = file_sha256(figure)
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
