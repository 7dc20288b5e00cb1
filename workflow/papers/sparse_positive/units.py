"""Which units of a feature space are chosen, on the first half of the localizer images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from papers.sparse_positive.extraction_settings import LocalizerSettings
from replicortex.analysis.localizer import localize, top
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

DOMAINS = {"face": "faces", "scene": "places"}
RANDOM = "random"
UNTRAINED = ("space", "draw", "units", "of", "passing", "share")


class Sets(NamedTuple):
    """Places of the units of each set, and what the table of the localizer says of them."""

    units: dict[str, np.ndarray]
    rows: list[dict[str, Any]]


def halves(domains: np.ndarray) -> np.ndarray:
    """Return which images localize: every second one of each domain. The others are encoded."""
    rank = np.zeros(len(domains), dtype=int)
    for domain in sorted(set(domains.tolist())):
        rank[domains == domain] = np.arange((domains == domain).sum())
    return rank % 2 == 0


def choose(
    name: str, activations: np.ndarray, domains: np.ndarray, settings: LocalizerSettings
) -> Sets:
    """Return face, scene and random units of one space.

    Parameters
    ----------
    name
        Of the space: names its random streams.
    activations
        (images, units), to the localizing half.
    settings
        How many, and by which tests.

    Returns
    -------
    Places of the units of each set: those that pass first, by mean t from the largest; random ones
    in their own order. A row for face and for scene units: how many pass, and how many would with
    permuted labels.

    Raises
    ------
    StudyError
        When no unit passes and none may fill up, or a unit's activation is not finite.
    """
    rows, sets = [], {}
    for units, domain in DOMAINS.items():
        found = localize(activations, domains, domain, settings.q)
        sets[units], passing = top(found, settings.units, fill=settings.fill)
        if not len(sets[units]):
            raise StudyError(
                f"{name}: no unit prefers {domain}; localizer.fill: true takes the next by mean t"
            )
        mixed = generator(0, "labels", name, units).permutation(domains)
        by_chance = localize(activations, mixed, domain, settings.q).selective
        rows.append(
            {
                "space": name,
                "units": units,
                "of": activations.shape[1],
                "q": settings.q,
                "passing": int(found.selective.sum()),
                "passing_permuted": int(by_chance.sum()),
                "taken": len(sets[units]),
                "share_passing": passing,
                "mean_t": float(found.t[sets[units]].mean()),
            }
        )
    live = np.flatnonzero(np.ptp(activations, axis=0) > 0)
    count = min(settings.units, len(live))
    sets[RANDOM] = np.sort(generator(0, "units", name).choice(live, count, replace=False))
    return Sets(sets, rows)


def passing_by_draw(
    space: str, draw: int, activations: np.ndarray, domains: np.ndarray, q: float
) -> list[dict[str, Any]]:
    """Return how many units pass the localizer in one draw of a network's weights: a row per set.

    `activations`: (images, units) of the space's units, to the localizing half.
    """
    rows = []
    for units, domain in DOMAINS.items():
        passing = int(localize(activations, domains, domain, q).selective.sum())
        of = activations.shape[1]
        cell = {"space": space, "draw": draw, "units": units}
        rows.append({**cell, "of": of, "passing": passing, "share": passing / of})
    return rows


def directions(
    activations: np.ndarray, sets: Mapping[str, np.ndarray], name: str
) -> list[dict[str, Any]]:
    """Figure 2A: loadings of units on the first two components of other images.

    Parameters
    ----------
    activations
        (images, units) of all units, to images that are not of the localizer.
    sets
        Unit set -> places of its units.
    name
        Of the space.

    Returns
    -------
    A row per unit: its loadings, and each component's share of the variance. Face units have
    positive means.

    Raises
    ------
    StudyError
        When there are fewer than three images.
    """
    if len(activations) < 3:
        raise StudyError(
            f"{name}: two components of {len(activations)} images are asked for; lower "
            "spaces.every_picture"
        )
    centred = activations - activations.mean(0)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    first = vectors[:, -2:][:, ::-1]
    loadings = centred.T @ first / np.sqrt(np.maximum(values[-2:][::-1], 1e-300))
    # A component's sign is arbitrary: let face units have positive means.
    loadings = loadings * np.where(loadings[sets["face"]].mean(0) < 0, -1.0, 1.0)
    shares = values[-2:][::-1] / values.clip(min=0).sum()
    return [
        {
            "space": name,
            "units": units,
            "unit": int(unit),
            "first": float(loadings[unit, 0]),
            "second": float(loadings[unit, 1]),
            "share_first": float(shares[0]),
            "share_second": float(shares[1]),
        }
        for units, chosen in sets.items()
        for unit in chosen
    ]
