"""A test mode: which files a job opens below the data and results folders, and which of them its
rule does not declare. The variable REPLICORTEX_WATCH has the runner turn it on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError
from replicortex.data import manifest
from replicortex.provenance import records


class Watch:
    """Records each file that is opened below some folders while it is on.

    An audit hook cannot be taken away again: off, it does nothing.
    """

    def __init__(self, folders: list[Path]):
        self.folders = [os.path.abspath(folder) for folder in folders]  # noqa: PTH100
        self.opened: set[Path] = set()
        self.on = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event != "open" or isinstance(arguments[0], int):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100 - links are kept
        if any(path.startswith(folder + os.sep) for folder in self.folders):
            self.opened.add(Path(path))


@contextmanager
def watching(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any], datasets: bool, state: Path
) -> Iterator[None]:
    """Fail at the end when a job has opened what its rule does not declare.

    Parameters
    ----------
    inputs, outputs
        Paths or lists of paths by name.
    datasets
        Whether the job installs a dataset, so that the whole data folder is its own.
    state
        Folder of resumable states, which no rule declares.

    Raises
    ------
    StudyError
        Naming the undeclared files.
    """
    data = Path(os.environ.get("REPLICORTEX_DATA", "data"))
    declared = set(_declared(inputs, outputs))
    own = [state.absolute(), *([data.absolute()] if datasets else [])]
    watch = Watch([data, Path("results")])
    with _watched(watch):
        yield
    undeclared = sorted(
        path
        for path in watch.opened
        if path not in declared
        and not any(path.is_relative_to(folder) for folder in own)
        and not any(_being_written(path, each) for each in declared)
    )
    if undeclared:
        named = ", ".join(os.path.relpath(path) for path in undeclared)
        raise StudyError(f"opened without being declared as an input: {named}")


def _declared(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Iterator[Path]:
    """Yield inputs, outputs, their records, and the files of datasets whose manifest is an input."""
    for given in (inputs, outputs):
        for value in given.values():
            for path in value if isinstance(value, list) else [value]:
                yield path.absolute()
                yield records.path_of(path).absolute()
                if given is inputs and path.parent.name == "manifests":
                    yield from _of_dataset(path)


def _of_dataset(path: Path) -> Iterator[Path]:
    listed = manifest.load(path)
    yield from (each.absolute() for each in path.parent.glob(f"{listed.name}.files-*.json"))
    for name in listed.files:
        for folder in (listed.name, f"{listed.name}.user"):
            place = (listed.folder / folder / name).absolute()
            yield place
            yield place.resolve()


def _being_written(path: Path, result: Path) -> bool:
    """Whether a file is a result under its temporary name."""
    return path.parent == result.parent and path.name.startswith(f".{result.name}.")


@contextmanager
def _watched(watch: Watch) -> Iterator[None]:
    """Turn a watch on, and have readers that are not Python's tell it what they open."""
    kept = [(module, name, getattr(module, name)) for module, name in _behind()]
    for module, name, reader in kept:
        setattr(module, name, _telling(reader))
    watch.on = True
    try:
        yield
    finally:
        watch.on = False
        for module, name, reader in kept:
            setattr(module, name, reader)


def _behind() -> Iterator[tuple[Any, str]]:
    """Yield readers that open files without Python's knowing, as far as this environment has them."""
    with suppress(ImportError):
        import safetensors

        yield safetensors, "safe_open"
    with suppress(ImportError):
        import h5py

        yield h5py, "File"
    with suppress(ImportError):
        import av

        yield av, "open"


def _telling(reader: Any) -> Any:
    def opened(place: Any, *rest: Any, **named: Any) -> Any:
        if isinstance(place, (str, bytes, os.PathLike)):
            sys.audit("open", place, "r", 0)
        return reader(place, *rest, **named)

    return opened
