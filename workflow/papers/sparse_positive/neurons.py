"""Macaque V4: spike counts of one session with their images (Cowley et al. 2023)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError


def read(manifest: Path, session: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (n, side, side, 3), and mean spike counts, (n, neurons).

    Raises
    ------
    StudyError
        When images and responses do not belong together, or a response is not finite.
    """
    from PIL import Image

    listed = manifests.load(manifest)
    responses = np.load(listed.path(f"responses_{session}.npy"), allow_pickle=False).T
    with zipfile.ZipFile(listed.path(f"images_{session}.zip")) as packed:
        names = sorted(name for name in packed.namelist() if name.endswith(".jpg"))
        images = [
            np.asarray(
                Image.open(io.BytesIO(packed.read(name)))
                .convert("RGB")
                .resize((side, side), Image.Resampling.BOX)
            )
            for name in names
        ]
    if len(images) != len(responses):
        raise StudyError(f"V4 {session}: {len(images)} images but {len(responses)} responses")
    if not np.isfinite(responses).all():
        raise StudyError(f"V4 {session}: a response is not finite")
    return np.stack(images), responses
