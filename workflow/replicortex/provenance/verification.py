"""Recompute every hash on the chains of results, and name the first cause of whatever fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from replicortex.core.codehash import joined, read_from, source_hashes
from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.data import annex, manifest
from replicortex.provenance import chain, listed, packed, records
from replicortex.provenance.contents import Hashes
from replicortex.provenance.history import History
from replicortex.provenance.recomputed import Recomputed, is_at_its_place, not_its_own
from replicortex.provenance.signatures import signature

Kind = Literal["fault", "stale", "text", "absent", "unlisted", "signed", "git"]
MEANINGS = {
    "fault": "does not hold",
    "stale": "holds at its own commit; the present code or claims differ",
    "text": "differs in text that counts for nothing",
    "absent": "was not at hand to check",
    "unlisted": "has no list of its files: what is missing there cannot be told",
    "signed": "was kept by a signed commit, or by one that is not",
    "git": "could not be checked, since git cannot tell",
}

CHANGED = "the file was changed after it was made"


@dataclass(frozen=True)
class Fault:
    """One thing that was found, and where: `fault`, or information of another kind."""

    path: str
    what: str
    kind: Kind = "fault"

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"

    def counts(self, current: bool) -> bool:
        """Whether it is an error; what is stale is one where the present code is asked for."""
        return self.kind == "fault" or (current and self.kind == "stale")


def verify(
    files: list[Path], root: Path, hashes: Hashes | None = None, below: Iterable[Path] = ()
) -> list[Fault]:
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
    below
        Folders of results, or results: nothing of them may differ from the lists of their runs.
    """
    with History(root) as history:
        check = _Check(root, hashes or Hashes(), history)
        return check.run(files, below)


class _Check:
    def __init__(self, root: Path, hashes: Hashes, history: History):
        self.root, self.hashes, self.history = root, hashes, history
        self.lists = listed.Lists(self.hashes)
        self.read = read_from(root / "workflow")
        self.steps: dict[Path, dict[str, Any]] = {}
        self.found: dict[tuple[str, str], Fault] = {}
        # Results by path, hash, commit and version of the hash rules.
        self.sources: dict[tuple[str, str, str, int], list[str]] = {}

    def run(self, files: list[Path], below: Iterable[Path]) -> list[Fault]:
        """Return the faults of some results and of all behind them; `below` as in `verify`."""
        self._collect(files)
        self.hashes.fill(self._contents())
        recomputed = Recomputed(self.steps, self.hashes)
        for path, record in self.steps.items():
            self._add(*self._step(path, record, recomputed))
        self._add(*self._made_again())
        self._add(*(Fault(path.as_posix(), what) for path, what in self.lists.spoilt.items()))
        for folder in below:
            for unit in listed.units(folder):
                self._add(*self._list(unit, folder, files))
        faulty = self._faulty()
        # What a forged record says of sources says nothing of them.
        self.sources = {
            key: held
            for key, named in self.sources.items()
            if (held := [name for name in named if name not in faulty])
        }
        self._add(*self._code())
        if self.history.trouble:  # once, not for each result
            what = f"{self.history.trouble}; no code was checked against the commit that it names"
            self._add(Fault(self.root.as_posix(), what, "git"))
        return list(self.found.values())

    def _add(self, *faults: Fault) -> None:
        for fault in faults:
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
                own = place.endswith(records.SUFFIX) or place == str(path)
                if not chain.has_record(path) and self.lists.is_missing(path):
                    what = listed.missing(path)
                if own:
                    self._add(Fault(path.as_posix(), what))
                else:
                    self._add(*self._alone(path, Fault(place, what)))
                continue
            self.steps[path] = record
            for entry in chain.entries(record):
                source = chain.place_of(entry["path"], path)
                if source in seen:
                    continue
                seen.add(source)
                if "dataset" in entry and not source.exists() and not source.is_symlink():
                    what = "the dataset is not installed here: its files were not checked"
                    self._add(Fault(source.as_posix(), what, "absent"))
                elif "record" in entry or "dataset" in entry:
                    waiting.append(source)

    def _alone(self, path: Path, of_list: Fault) -> Iterator[Fault]:
        """Yield what is wrong with a result whose list of inputs cannot be read, and the list's fault."""
        record = records.read(records.path_of(packed.result_of(path)), whole=False)
        if not is_at_its_place(path, record):
            yield Fault(path.as_posix(), not_its_own(record))  # whose list lies there
            return
        yield of_list
        if self.lists.is_missing(path):
            yield Fault(path.as_posix(), listed.missing(path))
        elif self.hashes.of(path) not in (None, record["output"]["sha256"]):
            yield Fault(path.as_posix(), CHANGED)

    def _contents(self) -> Iterator[Path]:
        for path, record in self.steps.items():
            yield path
            for entry in chain.entries(record):
                yield chain.place_of(entry["path"], path)

    def _step(self, path: Path, record: dict[str, Any], recomputed: Recomputed) -> Iterator[Fault]:
        """Yield the faults of one result: its bytes, its id, what follows from its inputs, code and data."""
        name = path.as_posix()
        found = self.hashes.of(path)
        if found is None and self.lists.is_missing(path):
            yield Fault(name, listed.missing(path))
        elif found is None:
            what = "is not here, only its record: its bytes were not checked"
            yield Fault(name, what, "absent")
        elif found != record["output"]["sha256"]:
            yield Fault(name, CHANGED)
        own = records.Identity(record["job"], record["inputs"]).of_seed(record["seed"])
        if own != record["id"]:
            yield Fault(
                name, "the record's id does not follow from its parameters, code and inputs"
            )
        for what in recomputed.faults(path, record):
            yield Fault(name, what)
        for entry in chain.entries(record):
            yield from self._input(path, entry)
        if record["job"]["code"] is not None:
            yield from self._recorded_code(name, record)
        if path.parent.name == "manifests" and found == record["output"]["sha256"]:
            yield from self._data(path)

    def _input(self, path: Path, entry: dict[str, Any]) -> Iterator[Fault]:
        """Yield the fault of one input: another content than the one that was read."""
        source = chain.place_of(entry["path"], path)
        found = self.hashes.of(source)
        if found == entry["sha256"]:
            return
        if "record" not in entry and "dataset" not in entry:  # such as a file of claims
            yield self._of_repository(source, found)
        elif found is None:
            return  # an intermediate that was dropped: its own record speaks for it
        elif self._holds(source, found):
            what = f"its input {source} is not the one that it was made from"
            yield Fault(path.as_posix(), what)

    def _of_repository(self, source: Path, found: str | None) -> Fault:
        """Return what is told of a file of the repository that is another one now, or is gone."""
        content = self.history.read("HEAD", source.as_posix())
        committed = None if content is None else sha256(content)
        what = "is not the file that results were made from" if found else "is missing"
        if self.history.trouble:
            what = f"{what}; whether that was committed, git cannot tell"
            return Fault(source.as_posix(), what, "absent")
        if committed == found:
            return Fault(source.as_posix(), f"{what}, but committed since", "stale")
        return Fault(source.as_posix(), what)

    def _signature(self, unit: Path) -> Iterator[Fault]:
        try:
            state, what = signature(unit, self.root)
        except StudyError:  # git cannot tell, which is told once
            return
        kinds: dict[str, Kind] = {"bad": "fault", "unchecked": "absent"}
        yield Fault(unit.as_posix(), what, kinds.get(state, "signed"))

    def _holds(self, source: Path, found: str) -> bool:
        """Whether a file is what its own record says; if not, that is told of the file itself."""
        record = self.steps.get(source)
        return (
            record is not None
            and record["output"]["sha256"] == found
            and is_at_its_place(source, record)
        )

    def _made_again(self) -> Iterator[Fault]:
        """Yield results whose records are not those that others name with the same content."""
        found: dict[Path, list[Path]] = {}
        faulty = self._faulty()
        for path, record in self.steps.items():
            for entry in chain.entries(record):
                source = chain.place_of(entry["path"], path)
                other = self.steps.get(source)
                if (
                    other is not None
                    and "record" in entry
                    and other["output"]["sha256"] == entry["sha256"]
                    and other["id"] != entry["record"]
                    and source.as_posix() not in faulty
                ):
                    found.setdefault(source, []).append(path)
        for source, readers in found.items():
            more = f" and {len(readers) - 1} more" if len(readers) > 1 else ""
            what = (
                "was made again by another job, with the same content, since it was read for "
                f"{readers[0]}{more}"
            )
            yield Fault(source.as_posix(), what, "stale")

    def _list(self, unit: Path, folder: Path, files: list[Path]) -> Iterator[Fault]:
        """Compare a folder with its list: what is missing, and for a kept run what is another."""
        if not (unit / listed.NAME).exists():
            if folder.is_dir():  # of one result nothing can be missing
                yield Fault(unit.as_posix(), MEANINGS["unlisted"], "unlisted")
            return
        if listed.is_kept(unit):
            yield from self._signature(unit)
        named = self._faulty()
        for path, what in self.lists.faults(unit, folder, files):
            if path.as_posix() not in named:
                yield Fault(path.as_posix(), what)

    def _faulty(self) -> set[str]:
        return {fault.path for fault in self.found.values() if fault.kind == "fault"}

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
        elif git["dirty"] != "no" or not commit:
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
            declared = manifest.load(path)
        except StudyError as error:
            where, _, what = str(error).partition(": ")
            yield Fault(where, what)
            return
        folder, user = declared.folder / declared.name, declared.folder / f"{declared.name}.user"
        commit = annex.commit(folder)
        if not commit:
            what = "git cannot tell the dataset's commit here: it was not checked"
            yield Fault(folder.as_posix(), what, "absent")
        elif commit != declared.commit:
            yield Fault(
                folder.as_posix(),
                f"the dataset was moved to commit {commit[:12]}, {path} says {declared.commit[:12]}",
            )
        places = {
            name: user / name if user.is_symlink() else folder / name for name in declared.files
        }
        self.hashes.fill(places.values(), raw=True)
        for name, entry in declared.files.items():
            place = places[name]
            found = self.hashes.of(place, raw=True)
            if found is None and place.is_dir():
                yield Fault(place.as_posix(), "is a folder where a raw file is expected")
            elif found is None:
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
