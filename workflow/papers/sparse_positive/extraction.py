"""From activations of whole feature spaces to the answers of chosen units; pictures to show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.sparse_positive.extraction_settings import LocalizerSettings, SceneSettings
from papers.sparse_positive.features import FLOC, SHARED, Space, of_person, packed
from papers.sparse_positive.scenes import shared_stimuli
from papers.sparse_positive.units import choose, directions, halves
from replicortex.data import nsd

PICTURES = "pictures"  # of figure 2A; answers to them are not kept
LOADINGS = ("space", "units", "unit", "first", "second", "share_first", "share_second")


def extracted(
    answered: Iterable[tuple[str, Mapping[str, np.ndarray]]],
    domains: np.ndarray,
    localizer: LocalizerSettings,
    turned: Collection[str] = (),
) -> dict[str, object]:
    """Choose units of each space and keep their answers.

    Parameters
    ----------
    answered
        Each space's name, and by set of pictures the activations of all units, (images, units):
        "floc" for the localizer, "pictures" for figure 2A.
    domains
        Of the localizer's images, in their order.
    localizer
        How units are chosen.
    turned
        Spaces of figure 2A.

    Returns
    -------
    "features": arrays of `features.packed`. "localizer": a row per space and set. "directions":
    figure 2A, a row per unit.
    """
    first = halves(domains)
    spaces: dict[str, Space] = {}
    rows: list[dict[str, Any]] = []
    loadings: list[dict[str, Any]] = []
    for name, activations in answered:
        sets = choose(name, activations[FLOC][first], domains[first], localizer)
        rows += sets.rows
        if name in turned and PICTURES in activations:
            loadings += directions(activations[PICTURES], sets.units, name)
        answers = {}
        for pictures, values in activations.items():
            if pictures != PICTURES:
                kept = values[~first] if pictures == FLOC else values
                answers[pictures] = {
                    units: kept[:, chosen].astype(np.float32)
                    for units, chosen in sets.units.items()
                }
        spaces[name] = Space(answers, {row["units"]: row["passing"] for row in sets.rows})
    return {
        "features": packed(spaces),
        "localizer": pd.DataFrame(rows),
        "directions": pd.DataFrame(loadings, columns=list(LOADINGS)),
    }


def nsd_pictures(manifest: Path, scenes: SceneSettings, side: int) -> dict[str, np.ndarray]:
    """Return NSD's pictures, uint8 (n, side, side, 3).

    "nsd<person>": each person's of figures 2 and 4, train, validation and test in this order;
    "nsdshared": those of figure 3, as `scenes.shared_stimuli` gives them.
    """
    design, coco = nsd.read_design(manifest), nsd.coco_ids(manifest)
    pictures = {}
    for person in scenes.people:
        parts = nsd.splits(design, coco, person, pool=scenes.pool, step=scenes.step)
        stimuli = np.concatenate(list(parts.values()))
        pictures[of_person(person)] = resized(nsd.read_images(manifest, stimuli), side)
    pictures[SHARED] = resized(nsd.read_images(manifest, shared_stimuli(design)), side)
    return pictures


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Return images with another side, uint8 (n, side, side, 3), each pixel a mean over its area."""
    from PIL import Image

    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))
            for image in images
        ]
    )
