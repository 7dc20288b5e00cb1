"""What a record says that can be found out again: place, size, the id in a figure, data, synthetic."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError
from replicortex.core.files import FIGURE_SUFFIXES
from replicortex.data import manifest
from replicortex.provenance import chain, packed
from replicortex.provenance.contents import Hashes, content_bytes

DATASET = ("name", "version", "id", "commit", "synthetic")


def is_at_its_place(path: Path, record: Mapping[str, Any]) -> bool:
    """Whether a result lies where its record says; of one outside this folder only the name counts."""
    recorded = chain.place_of(record["output"]["path"], path)
    here = packed.result_of(path)
    names = packed.result_of(recorded).name == here.name
    whole = os.path.abspath(here)  # noqa: PTH100 - links are kept
    if not Path(whole).is_relative_to(Path.cwd()):
        return names
    return names and os.path.abspath(recorded.parent) == os.path.dirname(whole)  # noqa: PTH100, PTH120


def not_its_own(record: Mapping[str, Any]) -> str:
    """Return what is told of a result beside which another's record lies."""
    return f"its record is that of {record['output']['path']}"


class Recomputed:
    """Compares what records say with what follows from the files and records that they come from.

    Parameters
    ----------
    steps
        Records by result, of all that is on the chains.
    hashes
        Where hashes come from.
    """

    def __init__(self, steps: Mapping[Path, dict[str, Any]], hashes: Hashes):
        self.steps, self.hashes = steps, hashes
        self._synthetic: dict[Path, bool] = {}
        self._manifests: dict[Path, manifest.Manifest | None] = {}

    def faults(self, path: Path, record: Mapping[str, Any]) -> Iterator[str]:
        """Yield what a record says wrongly, a sentence each."""
        if not is_at_its_place(path, record):
            yield not_its_own(record)
            return
        if self.hashes.of(path) == record["output"]["sha256"]:
            yield from self._content(path, record)
        for entry in chain.entries(record):
            yield from self._entry(path, entry)
        if record["synthetic"] != self.synthetic(path):
            yield f"its record says that it is {_kind(record['synthetic'])}, and it is not"

    def synthetic(self, path: Path) -> bool:
        """Whether anything that a result was made from is synthetic, down to the manifests."""
        if path not in self._synthetic:
            record = self.steps[path]
            self._synthetic[path] = record["synthetic"]  # a forged chain may be a circle
            inputs = [self._of_entry(path, entry) for entry in chain.entries(record)]
            self._synthetic[path] = any(inputs)
        return self._synthetic[path]

    def _content(self, path: Path, record: Mapping[str, Any]) -> Iterator[str]:
        found = content_bytes(path)
        if found != record["output"]["bytes"]:
            yield f"its record says {record['output']['bytes']} bytes, and it has {found}"
        if path.suffix in FIGURE_SUFFIXES and record["job"]["code"] is not None:
            carried = _carried(path)
            if carried != record["id"]:
                whose = f"the id {carried[:12]}" if carried else "no id"
                yield f"carries {whose}, its record has {record['id'][:12]}"

    def _entry(self, path: Path, entry: Mapping[str, Any]) -> Iterator[str]:
        """Yield what an input's entry says and the input does not: its dataset, whether synthetic."""
        source = chain.place_of(entry["path"], path)
        if "dataset" in entry:
            listed = self._manifest(source, entry["sha256"])
            for key in DATASET if listed is not None else ():
                said, is_so = entry["dataset"][key], getattr(listed, key)
                if said != is_so:
                    yield f"its record says {key} {said!r} of a dataset, {source} says {is_so!r}"
        elif "record" not in entry:
            return
        if entry.get("synthetic") != self._of_entry(path, entry):
            said = _kind(bool(entry.get("synthetic")))
            yield f"its record says that its input {source} is {said}, and that is not"

    def _of_entry(self, path: Path, entry: Mapping[str, Any]) -> bool:
        """Whether an input is synthetic; what the record says where the input is another one now."""
        source = chain.place_of(entry["path"], path)
        if "dataset" in entry:
            listed = self._manifest(source, entry["sha256"])
            return entry["dataset"]["synthetic"] if listed is None else listed.synthetic
        before = self.steps.get(source)
        if before is not None and before["output"]["sha256"] == entry["sha256"]:
            return self.synthetic(source)
        return bool(entry.get("synthetic"))

    def _manifest(self, path: Path, digest: str) -> manifest.Manifest | None:
        """Return a manifest that is here and the one that was read; else None."""
        if path not in self._manifests:
            self._manifests[path] = None
            if self.hashes.of(path) is not None:
                with suppress(StudyError):  # told where its own record is checked
                    self._manifests[path] = manifest.load(path)
        return self._manifests[path] if self.hashes.of(path) == digest else None


def _kind(synthetic: bool) -> str:
    return "made from synthetic data" if synthetic else "made from no synthetic data"


def _carried(figure: Path) -> str:
    """Return the record's id inside a figure; "" without one."""
    found = re.search(rb"replicortex:([0-9a-f]{64})", figure.read_bytes())
    return found[1].decode() if found else ""
