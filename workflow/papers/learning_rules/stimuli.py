"""The stimuli of the brain data, as every measure sees them: named images, resized and cropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.data import objects92, things


def images(
    stimuli: str, *, images: Path, events: Path | None = None
) -> tuple[list[str], list[np.ndarray]]:
    """Return names and pictures (uint8, height x width x 3, any size) of all stimuli, in order.

    Parameters
    ----------
    stimuli
        "objects92" or "things".
    images
        Manifest of the data set that holds the pictures.
    events
        Manifest of the order of presentation; things only, which selects 720 pictures by it.
    """
    if stimuli == "objects92":
        names, pictures = objects92.read_images(images)
    elif stimuli == "things":
        if events is None:
            raise StudyError("stimuli: 'things' needs the manifest of its events")
        names, pictures = things.read_images(images, things.select(events))
    else:
        raise StudyError(
            f"stimuli: '{stimuli}' is unknown{nearest(stimuli, ['objects92', 'things'])}"
        )
    return list(names), list(pictures)
