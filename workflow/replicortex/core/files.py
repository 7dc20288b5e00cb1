"""Results on disk: one writer per format, each giving the same bytes for the same values.

Every file is written under a temporary name beside its place and renamed when complete.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replicortex.core.reading import reading

if TYPE_CHECKING:
    import numpy as np

FIGURE_SUFFIXES = (".pdf", ".png", ".svg")


@dataclass
class Tensors:
    """Named arrays with a description, stored as safetensors."""

    arrays: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


def canonical_json(value: Any, indent: int | None = None) -> str:
    """Return JSON with sorted keys and no NaN: equal values give equal text."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(
        value,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=separators,
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write(path: Path, value: Any, record_id: str = "") -> None:
    """Write a value in the format that the path's suffix names.

    Parameters
    ----------
    path
        Where to write; .csv .json .npz .safetensors .txt .html .pdf .png .svg.
    value
        A table, mapping of arrays, `Tensors`, figure, text or JSON value, as the suffix asks.
    record_id
        Identity of the job, embedded in figures.

    Raises
    ------
    TypeError
        When no writer is known for the suffix.
    """
    path = Path(path)
    if path.suffix in FIGURE_SUFFIXES:
        content = figure_bytes(value, path.suffix, record_id)
    elif path.suffix in _ENCODERS:
        content = _ENCODERS[path.suffix](value)
    else:
        raise TypeError(f"{path}: no writer for '{path.suffix}'; known: {', '.join(_ENCODERS)}")
    write_bytes(path, content)


def figure_bytes(figure: Any, suffix: str, record_id: str) -> bytes:
    """Return a Matplotlib figure as PDF, PNG or SVG bytes that carry the record's id.

    `replicortex.plotting.style.Pages` become one PDF.
    """
    from matplotlib import style

    note = f"replicortex:{record_id}"
    known: dict[str, dict[str, Any]] = {
        ".png": {"Software": None, "Replicortex": note},
        ".pdf": {"CreationDate": None, "Producer": None, "Creator": None, "Keywords": note},
        ".svg": {"Date": None, "Creator": None, "Keywords": [note]},
    }
    stream = io.BytesIO()
    # "default": a matplotlibrc in the user's or the present folder changes no figure.
    settings = {"svg.hashsalt": "replicortex", "pdf.fonttype": 42}
    pages = getattr(figure, "figures", None)
    with style.context(["default", settings]):
        if pages is None:
            figure.savefig(stream, format=suffix[1:], metadata=known[suffix])
        else:
            from matplotlib.backends.backend_pdf import PdfPages

            with PdfPages(stream, metadata=known[suffix]) as file:
                for page in pages:
                    file.savefig(page)
    return stream.getvalue()


def _csv(table: Any) -> bytes:
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text.encode()


def _npz(arrays: dict[str, Any]) -> bytes:
    """Return arrays by name as an npz archive, sorted and without the time."""
    import zipfile

    import numpy as np

    stream = io.BytesIO()
    # numpy.savez stamps the present time into the archive.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as target:
                np.lib.format.write_array(target, np.asanyarray(arrays[name]), allow_pickle=False)
    return stream.getvalue()


def _safetensors(value: Tensors) -> bytes:
    """Return arrays and description as safetensors, sorted; tensors of torch are taken to the CPU."""
    import numpy as np
    from safetensors.numpy import save

    arrays = {
        name: np.ascontiguousarray(
            array.detach().cpu().numpy() if hasattr(array, "detach") else array
        )
        for name, array in sorted(value.arrays.items())
    }
    # Two metadata keys would come in random order: one key holds them all.
    return save(arrays, metadata={"replicortex": canonical_json(value.metadata)})


def _json(value: Any) -> bytes:
    return (canonical_json(value, indent=1) + "\n").encode()


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    ".csv": _csv,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".json": _json,
    ".txt": str.encode,
    ".html": str.encode,
    ".mmd": str.encode,
}


AGAIN = "remove it, and run the study again: its job writes it anew"


def read_tensors(
    path: Path, names: Collection[str] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the description of a `Tensors` file.

    Parameters
    ----------
    names
        The arrays wanted; None: all. Without any, only the description is read.

    Raises
    ------
    StudyError
        When the file is none, or lacks one of them.
    """
    from safetensors import safe_open

    with (
        reading(path, "arrays of a job (safetensors)", AGAIN),
        safe_open(path, framework="numpy") as stream,
    ):
        metadata = json.loads((stream.metadata() or {}).get("replicortex", "{}"))
        wanted = stream.keys() if names is None else names
        return {name: stream.get_tensor(name) for name in wanted}, metadata


def read_arrays(path: Path, remedy: str = AGAIN) -> dict[str, np.ndarray]:
    """Return the arrays of an npz file by name; never objects.

    Raises
    ------
    StudyError
        When the file is no npz of plain arrays.
    """
    import zipfile

    import numpy as np

    with reading(path, "an npz of plain arrays", remedy):
        if not zipfile.is_zipfile(path) and Path(path).read_bytes():
            raise ValueError("it is no archive, or was cut short")  # NumPy would tell of pickles
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        odd = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
        if odd:
            raise ValueError(f"'{odd[0]}' in it is no array")
        return arrays
