"""Stimuli and answers of brains: recordings of V4, subjects of NSD."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from papers.hierarchical_ot.embedding_settings import SharedImages
from replicortex.data import macaque_v4, nsd_regions

SIDE = 32  # pixels of the images on which our networks are trained
SESSIONS = ("210322", "210325")


def v4(recordings: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the images that two sessions of V4 share (n, side, side, 3), and counts (n, neurons) of each.

    A session's responses are paired with its images by their numbers (`macaque_v4.read_images`), the
    sessions with each other by the images' pixels.
    """
    images = [macaque_v4.read_images(recordings, session)[1] for session in SESSIONS]
    places = macaque_v4.shared_images(*images)
    counts = {
        f"v4_{session}": macaque_v4.read_responses(recordings, session)[place]
        for session, place in zip(SESSIONS, places, strict=True)
    }
    return images[0][places[0]], counts


def v4_alone(recordings: Path, session: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return all images of one session of V4 (n, side, side, 3), and its counts (n, neurons)."""
    counts = macaque_v4.read_responses(recordings, session)
    return macaque_v4.read_images(recordings, session)[1], {f"v4_{session}": counts}


def brain_images(betas: Path, brain: SharedImages) -> np.ndarray:
    """Return the numbers of the images that all subjects saw often enough."""
    return nsd_regions.common_images(betas, brain.subjects, brain.repeats)


def shrunk(images: np.ndarray) -> np.ndarray:
    """Return images, uint8, averaged down to 32 x 32 pixels."""
    from PIL import Image

    small = [Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image) for image in small])
