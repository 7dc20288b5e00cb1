"""Damaged files for every reader: what is done to a file, and what a reader may answer.

A reader's entry (`Reader`) tells how to build an undamaged dataset, which of its files is damaged, and
which call reads it. Modules tests/unit/damaged_*.py hold the entries, in a dictionary READERS.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import sys
import tarfile
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HTML = b"<!DOCTYPE html>\n<html><head><title>403</title></head><body>403 Forbidden</body></html>\n"
CUTS, FLIPS = 10, 200


class Reader(NamedTuple):
    """How one reader of one file is tried.

    `build(folder)` writes the undamaged files. `file`, below that folder, is the one that is damaged;
    `read` gets the manifest of the folder, or with `whole=False` that file's path, and returns a
    value. `sealed`: the format has a checksum over all that is read, so that another value is never
    right. `plausible(good, found)`: whether a value that differs is well-formed; by default of the
    same types, kinds of number and axes, and as finite as the undamaged one.
    """

    build: Callable[[Path], None]
    file: str
    read: Callable[[Path], Any]
    whole: bool = True
    sealed: bool = False
    plausible: Callable[[Any, Any], bool] | None = None


def damages(raw: bytes, quick: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents: nothing, a web page, cuts, flipped bytes, files of other kinds."""
    yield "empty", b""
    yield "a web page", HTML
    cuts = [int(len(raw) * part) for part in ((np.arange(CUTS) + 0.5) / CUTS)]
    for at in cuts[6:7] if quick else [*cuts[:-1], len(raw) - 1]:
        yield f"cut at byte {at}", raw[:at]
    rng = np.random.default_rng(len(raw))
    # A third near the beginning, a sixth near the end: headers and directories lie there.
    places = rng.integers(0, len(raw), FLIPS)
    places[::3] = rng.integers(0, min(len(raw), 1024), len(places[::3]))
    places[1::6] = rng.integers(max(0, len(raw) - 512), len(raw), len(places[1::6]))
    masks = rng.integers(1, 256, FLIPS)
    for at, mask in list(zip(places.tolist(), masks.tolist(), strict=True))[
        : 3 if quick else FLIPS
    ]:
        flipped = bytearray(raw)
        flipped[at] ^= mask
        yield f"byte {at} xor {mask}", bytes(flipped)
    if not quick:
        for name, content in other_formats().items():
            yield f"another format: {name}", content


def other_formats() -> dict[str, bytes]:
    """Return sound files of many formats, which hold nothing that is wanted."""
    import h5py
    import nibabel
    from PIL import Image
    from scipy.io import savemat

    def made(write: Callable[[io.BytesIO], Any]) -> bytes:
        stream = io.BytesIO()
        write(stream)
        return stream.getvalue()

    def hdf5(stream: io.BytesIO) -> None:
        with h5py.File(stream, "w") as file:
            file["else"] = np.arange(6.0)

    def archive(stream: io.BytesIO) -> None:
        with zipfile.ZipFile(stream, "w") as file:
            file.writestr("readme.txt", "nothing")

    def tarball(stream: io.BytesIO) -> None:
        with tarfile.open(fileobj=stream, mode="w:gz") as file:
            member = tarfile.TarInfo("readme.txt")
            member.size = 7
            file.addfile(member, io.BytesIO(b"nothing"))

    grey = Image.fromarray(np.full((5, 7), 9, np.uint8))
    volume = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4)).to_bytes()
    surface = nibabel.freesurfer.MGHImage(np.zeros((2, 1, 1), np.float32), np.eye(4)).to_bytes()
    return {
        "hdf5": made(hdf5),
        "mat": made(lambda s: savemat(s, {"else": np.arange(6.0)})),
        "mat 7.3": b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400),
        "npz": made(lambda s: np.savez(s, other=np.arange(6.0))),
        "npy": made(lambda s: np.save(s, np.arange(6.0))),
        "npy of objects": made(lambda s: np.save(s, np.array([{}], dtype=object))),
        "zip": made(archive),
        "tar.gz": made(tarball),
        "gz of nothing": gzip.compress(b"", mtime=0),
        "gz of text": gzip.compress(b"nothing\n", mtime=0),
        "png": made(lambda s: grey.save(s, "PNG")),
        "nii": volume,
        "nii.gz": gzip.compress(volume, mtime=0),
        "mgh": surface,
        "mgz": gzip.compress(surface, mtime=0),
        "csv": b"a,b\n1,2\n3,4\n",
        "json": b'{"a": [1, 2]}',
        "zeros": bytes(4000),
        "letters of Latin-1": "a\tb\nb\xe4r\t1\n".encode("latin-1"),
    }


def tried(name: str, reader: Reader, folder: Path, quick: bool = False) -> list[str]:
    """Damage a reader's file in each way, and return what it answered wrongly, one line each."""
    from replicortex.core.errors import StudyError

    folder = folder / "data"
    folder.mkdir(parents=True)
    reader.build(folder)
    place = folder / reader.file
    raw = place.read_bytes()
    entry = _described(folder)
    manifest = folder.parent / "manifests/data@0.json"
    manifest.parent.mkdir()

    def answer(content: bytes) -> Any:
        place.write_bytes(content)
        entry["files"][reader.file] = _entry(content)
        manifest.write_text(json.dumps(entry))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader.read(manifest if reader.whole else place)

    good = answer(raw)
    assert same(good, answer(raw)), f"{name}: two readings of one file differ"
    assert plausible(good, good) and (reader.plausible is None or reader.plausible(good, good))
    before = _files(folder.parent)
    wrong = []
    for damage, content in damages(raw, quick):
        if content == raw:
            continue
        try:
            found = answer(content)
        except StudyError as error:
            if "\n" in str(error) or not str(error).strip():
                wrong.append(f"{name}, {damage}: not one sentence: {str(error)!r}")
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            said = (
                f"{type(error).__name__}: {str(error)[:100]} ({Path(at.filename).name}:{at.lineno})"
            )
            wrong.append(f"{name}, {damage}: {said}")
        else:
            if same(good, found):
                continue
            well_formed = (reader.plausible or plausible)(good, found)
            # Other bytes than the manifest's: what `snakemake datasets` refuses by their sha256.
            refused = _entry(content)["sha256"] != _entry(raw)["sha256"]
            if reader.sealed or not well_formed or not refused:
                wrong.append(f"{name}, {damage}: another value: {str(found)[:100]!r}")
        if _files(folder.parent) != before:
            wrong.append(f"{name}, {damage}: wrote {sorted(_files(folder.parent) - before)}")
            before = _files(folder.parent)
    return wrong


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, to the last bit and in type."""
    one, other = _plain(one), _plain(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        if one.dtype == object:
            return all(a == b or (a != a and b != b) for a, b in zip(one.flat, other.flat))  # noqa: B905
        return one.tobytes() == other.tobytes()
    return bool(one == other) or (one != one and other != other)


def plausible(good: Any, found: Any) -> bool:
    """Whether a value could be of another sound file: types, kinds and axes, and finite where good is."""
    good, found = _plain(good), _plain(found)
    if type(good) is not type(found):
        return False
    if isinstance(good, Mapping):
        return set(good) == set(found) and all(plausible(good[key], found[key]) for key in good)
    if isinstance(good, list):
        return len(good) == len(found) and all(map(plausible, good, found))
    if isinstance(good, np.ndarray):
        if good.dtype.kind != found.dtype.kind or good.ndim != found.ndim:
            return False
        if good.dtype.kind != "U" and good.dtype != found.dtype:
            return False
        finite = good.dtype.kind != "f" or not np.isfinite(good).all() or np.isfinite(found).all()
        return bool(finite)
    return True


def _plain(value: Any) -> Any:
    """Tables and records as dictionaries, tuples as lists."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return {str(name): value[name].to_numpy() for name in value.columns}
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    return list(value) if isinstance(value, tuple) else value


def _entry(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"key": digest, "size": len(content), "sha256": digest}


def _described(folder: Path) -> dict[str, Any]:
    files = {
        path.relative_to(folder).as_posix(): _entry(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    about = {"name": "data", "version": "1", "id": "i", "commit": "c", "synthetic": True}
    return {**about, "files": files}


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def registry() -> dict[str, Reader]:
    """Return all readers, of each module tests/unit/damaged_*.py."""
    import importlib

    here = Path(__file__).parent / "unit"
    sys.path[:0] = [part for part in (str(here), str(here.parent)) if part not in sys.path]
    found: dict[str, Reader] = {}
    for path in sorted(here.glob("damaged_*.py")):
        readers = importlib.import_module(path.stem).READERS
        assert not set(found) & set(readers), f"{path.name}: a name stands in two modules"
        found |= readers
    return found


def main(name: str, folder: str) -> None:
    """Try one reader in a process of its own, with 4 GiB to spend, and print what is wrong."""
    import resource

    reader = registry()[name]
    with Path("/proc/self/statm").open() as stream:
        used = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), resource.RLIM_INFINITY))
    print(json.dumps(tried(name, reader, Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
