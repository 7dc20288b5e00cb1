"""Pictures that somebody else took: decoded as a viewer shows them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.reading import reading

Mode = Literal["RGB", "L"]


def read(path: Path, mode: Mode = "RGB") -> np.ndarray:
    """Return a picture file, as `decoded` does.

    Raises
    ------
    StudyError
        When it is absent, damaged or no picture.
    """
    with reading(path, "a picture"):
        return decoded(path.read_bytes(), mode)


def decoded(content: bytes, mode: Mode = "RGB") -> np.ndarray:
    """Return a picture's pixels as it is shown: uint8 (height, width, 3), or (height, width) for L.

    Turned or mirrored as its EXIF orientation says; 16-bit grey is scaled to 8 bits (Pillow alone
    would clip it to white). An animation gives its first picture. Call it within `reading`.

    Raises
    ------
    StudyError
        When its values have no scale that is known (floats, 32-bit integers).
    Exception
        Whatever Pillow raises at damage.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        opened = Image.open(io.BytesIO(content))
    except UnidentifiedImageError:
        raise ValueError("of no format that is known") from None
    with opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I") or picture.mode == "F":
            picture = Image.fromarray(_eight_bits(np.asarray(picture), picture.mode))
        return np.asarray(picture.convert(mode))


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    # Some versions of Pillow open 16-bit grey as 32-bit integers.
    if mode == "F" or values.min() < 0 or values.max() > 65535:
        raise StudyError(
            f"a picture of 8 or 16 bits per channel expected, found values of mode {mode} from "
            f"{values.min()} to {values.max()}; save it with 8 bits"
        )
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
