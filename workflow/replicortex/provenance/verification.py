"""Recompute every hash on the chains of results, and name the first cause of whatever fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from replicortex.core.codehash import joined, read_from, source_hashes
from replicortex.core.errors import StudyError
from replicortex.data import annex, manifest
from replicortex.provenance import chain, records
from replicortex.provenance.contents import Hashes
from replicortex.provenance.history import History

Kind = Literal["fault", "stale", "text", "absent", "git"]
TOLD = {
    "fault": "does not hold",
    "stale": "holds at its own commit; the present code or claims differ",
    "text": "differs in text that counts for nothing",
    "absent": "was not at hand to check",
    "git": "could not be checked, since git cannot tell",
}


@dataclass(frozen=True)
class Fault:
    """One thing that was found, and where: `fault`, or information of one of four kinds."""

    path: str
    what: str
    kind: Kind = "fault"

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"

    def counts(self, current: bool) -> bool:
        """Whether it is an error; what is stale is one where the present code is asked for."""
        return self.kind == "fault" or (current and self.kind == "stale")


def verify(files: list[Path], root: Path, hashes: Hashes | None = None) -> list[Fault]:
    """Check each file and everything on its chain, raw data too; return what was found.

    A changed file is named itself, and what was made from it is not: the first cause only.

    Parameters
    ----------
    files
        Result files.
    root
        The repository, whose git objects hold the code at each record's commit.
    hashes
        Where hashes come from; without, each file is read.
    """
    with History(root) as history:
        check = _Check(root, hashes or Hashes(), history)
        return check.run(files)


class _Check:
    def __init__(self, root: Path, hashes: Hashes, history: History):
        self.root, self.hashes, self.history = root, hashes, history
        self.read = read_from(root / "workflow")
        self.steps: dict[Path, dict[str, Any]] = {}
        self.found: dict[tuple[str, str], Fault] = {}
        # Results by path, hash, commit and version of the hash rules.
        self.sources: dict[tuple[str, str, str, int], list[str]] = {}

    def run(self, files: list[Path]) -> list[Fault]:
        self._collect(files)
        self.hashes.fill(self._contents())
        for path, record in self.steps.items():
            for fault in self._step(path, record):
                self._add(fault)
        for fault in self._code():
            self._add(fault)
        if self.history.trouble:  # once, not for each result
            what = f"{self.history.trouble}; no code was checked against the commit that it names"
            self._add(Fault(self.root.as_posix(), what, "git"))
        return list(self.found.values())

    def _add(self, fault: Fault) -> None:
        self.found.setdefault((fault.path, fault.what), fault)

    def _collect(self, files: list[Path]) -> None:
        """Read the records of all steps on the chains."""
        waiting, seen = list(files), set(files)
        while waiting:
            path = waiting.pop()
            try:
                record = chain.read_record(path)
            except StudyError as error:
                place, _, what = str(error).partition(": ")
                listed = not place.endswith(records.SUFFIX) and place != str(path)
                self._add(Fault(place if listed else path.as_posix(), what))
                continue
            self.steps[path] = record
            for entry in chain.entries(record):
                source = chain.place_of(entry["path"], path)
                if source in seen:
                    continue
                seen.add(source)
                if "dataset" in entry and not source.exists():
                    what = "the dataset is not installed here: its files were not checked"
                    self._add(Fault(source.as_posix(), what, "absent"))
                elif "record" in entry or "dataset" in entry:
                    waiting.append(source)

    def _contents(self) -> Iterator[Path]:
        for path, record in self.steps.items():
            yield path
            for entry in chain.entries(record):
                yield chain.place_of(entry["path"], path)

    def _step(self, path: Path, record: dict[str, Any]) -> Iterator[Fault]:
        name = path.as_posix()
        found = self.hashes.of(path)
        if found is None:
            what = "is not here, only its record: its bytes were not checked"
            yield Fault(name, what, "absent")
        elif found != record["output"]["sha256"]:
            yield Fault(name, "the file was changed after it was made")
        own = records.Identity(record["job"], record["inputs"]).of_seed(record["seed"])
        if own != record["id"]:
            yield Fault(
                name, "the record's id does not follow from its parameters, code and inputs"
            )
        for entry in chain.entries(record):
            yield from self._input(path, entry)
        if record["job"]["code"] is not None:
            yield from self._recorded_code(name, record)
        if path.parent.name == "manifests" and found == record["output"]["sha256"]:
            yield from self._data(path)

    def _input(self, path: Path, entry: dict[str, Any]) -> Iterator[Fault]:
        source = chain.place_of(entry["path"], path)
        found = self.hashes.of(source)
        # An intermediate that was dropped: its own record speaks for it.
        if found is None or found == entry["sha256"]:
            return
        if "record" not in entry and "dataset" not in entry:  # such as a file of claims
            what = "is not the file that results were made from"
            if self._committed(source, found):
                yield Fault(source.as_posix(), f"{what}, but committed since", "stale")
            else:
                yield Fault(source.as_posix(), what)
        elif self._holds(source, found):
            what = f"its input {source} is not the one that it was made from"
            yield Fault(path.as_posix(), what)

    def _committed(self, source: Path, found: str) -> bool:
        """Whether the present commit holds a file of the repository with just this content."""
        content = self.history.read("HEAD", source.as_posix())
        return content is not None and records.sha256(content) == found

    def _holds(self, source: Path, found: str) -> bool:
        """Whether a file is what its own record says; if not, that is told of the file itself."""
        record = self.steps.get(source)
        return record is not None and record["output"]["sha256"] == found

    def _recorded_code(self, name: str, record: dict[str, Any]) -> Iterator[Fault]:
        """Compare recorded code with the commit's; note its modules for the present code."""
        module = record["job"]["call"].partition(":")[0]
        git = record["run"]["git"]
        commit = git["commit"]
        rules = records.code_rules(record)
        for source, digest in record["modules"].items():
            at = commit if git["dirty"] == "no" else ""
            self.sources.setdefault((source, digest, at, rules), []).append(name)
        if git["dirty"] == "yes":
            what = f"was made from files that commit {commit[:12]} does not hold"
            yield Fault(name, what, "stale")
        elif git["dirty"] != "no":
            what = "its record names no commit (git could not tell it): its code was not checked"
            yield Fault(name, what, "absent")
        elif commit and not self.history.has(commit):
            if self.history.trouble:
                return
            what = f"commit {commit[:12]} is not in this repository: its code was not checked"
            yield Fault(name, what, "absent")
        elif commit:
            own = self.history.modules(module, commit, rules)
            if own is None or own != record["modules"] or joined(own) != record["job"]["code"]:
                what = f"the code of {module} at commit {commit[:12]} is not the recorded one"
                yield Fault(name, what)

    def _code(self) -> Iterator[Fault]:
        """Compare each module that results ran on with the present one: one line a source."""
        stale: dict[str, list[str]] = {}
        text: dict[str, set[str]] = {}
        for (source, digest, commit, rules), results in self.sources.items():
            content = self.read(source)
            if content is None or digest not in _own_hashes(source, content, rules):
                stale.setdefault(source, []).extend(results)
            elif commit:
                before = self.history.read(commit, f"workflow/{source}")
                if before is not None and before != content:
                    text.setdefault(source, set()).add(commit[:12])
        for source, results in sorted(stale.items()):
            gone = "is gone" if self.read(source) is None else "has changed"
            more = f" and {len(results) - 1} more" if len(results) > 1 else ""
            what = f"{gone} since the code that made {sorted(results)[0]}{more}"
            yield Fault(f"workflow/{source}", what, "stale")
        for source, commits in sorted(text.items()):
            if source not in stale:
                what = (
                    f"its text differs from commit {', '.join(sorted(commits))}, "
                    "in nothing that counts (comments, docstrings, layout)"
                )
                yield Fault(f"workflow/{source}", what, "text")

    def _data(self, path: Path) -> Iterator[Fault]:
        """Yield each file of a dataset whose bytes are not those of its manifest."""
        try:
            listed = manifest.load(path)
        except StudyError as error:
            place, _, what = str(error).partition(": ")
            yield Fault(place, what)
            return
        folder, user = listed.folder / listed.name, listed.folder / f"{listed.name}.user"
        commit = annex.commit(folder)
        if commit and commit != listed.commit:
            yield Fault(
                folder.as_posix(),
                f"the dataset was moved to commit {commit[:12]}, {path} says {listed.commit[:12]}",
            )
        places = {
            name: user / name if user.is_symlink() else folder / name for name in listed.files
        }
        self.hashes.fill(places.values(), raw=True)
        for name, entry in listed.files.items():
            place = places[name]
            found = self.hashes.of(place, raw=True)
            if found is None:
                what = "the raw file is not here: its bytes were not checked"
                yield Fault(place.as_posix(), what, "absent")
            elif found != entry.sha256:
                yield Fault(place.as_posix(), f"the raw file is not the one that {path} lists")


def _own_hashes(source: str, content: bytes, rules: int) -> frozenset[str]:
    """Return the hashes that one present source may have; none when it cannot be parsed."""
    try:
        return source_hashes(source, content, rules)
    except (SyntaxError, ValueError):  # a null byte
        return frozenset()


def counting(found: Iterable[Fault], current: bool) -> list[Fault]:
    """Return what is an error among all that was found."""
    return [fault for fault in found if fault.counts(current)]
