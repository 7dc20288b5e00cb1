"""What is measured of each network: smoothness, weights, distances, similarity, patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.topographic.images import of_each_class
from papers.topographic.measuring_settings import Measured
from replicortex.analysis.grid import grid_weights
from replicortex.analysis.moran import morans_i
from replicortex.core.files import read_tensors
from replicortex.data import floc as localizer

COLUMNS = ["arm", "objective", "rho", "seed", "measure", "parameter", "value"]
THRESHOLD_D = 1.0  # d' from which a unit counts as selective [assumed]


def measures(
    *, embeddings: list[Path], measured: Measured, floc: Path | None = None
) -> dict[str, list[pd.DataFrame]]:
    """Measure networks one by one.

    Parameters
    ----------
    embeddings
        Files that `embed` wrote.
    measured
        Section `measured` of the configuration: rdm_images (of each class), taus.
    floc
        Manifest of the localizer images, for their categories: in the order of the file, in which the
        embeddings have them too.

    Returns
    -------
    "measures": one tidy table per network, `COLUMNS`. "parameter" is a threshold or a category.
    """
    categories = None if floc is None else localizer.read(floc)[1]
    return {"measures": [of_network(path, measured, categories) for path in embeddings]}


def of_network(path: Path, measured: Measured, categories: np.ndarray | None) -> pd.DataFrame:
    """Return the table of one network."""
    arrays, metadata = read_tensors(path)
    test, bias = arrays["test"].astype(np.float64), arrays["bias"].astype(np.float64)
    side = round(test.shape[1] ** 0.5)
    rook = grid_weights(side)
    rows: list[tuple[str, Any, float]] = []
    for name, value in metadata["accuracies"].items():
        rows.append(("accuracy", name, value))
    rows.append(("moran", "", float(morans_i(test, rook).mean())))
    rows.append(("moran_without_bias", "", float(morans_i(test - bias, rook).mean())))
    weight = arrays["weight"].astype(np.float64)
    rows.append(("row_norm", "", float(np.linalg.norm(weight, axis=1).mean())))
    rows.append(("neighbour_cosine", "", neighbour_cosine(weight, side)))
    rows.append(("bias_sd", "", float(bias.std())))
    correlation = unit_correlations(test)
    distance = pair_distances(side)
    for tau in measured.taus:
        rows.append(("distance", tau, distance_above(correlation, distance, tau)))
    chosen = of_each_class(arrays["labels"], 0, measured.rdm_images, "measured.rdm_images")
    labels = arrays["labels"][chosen]
    for name, outputs in (("", test[chosen]), ("_without_bias", test[chosen] - bias)):
        within, across = class_cosines(outputs, labels)
        for what, values in (("within", within), ("across", across)):
            rows.append((f"cosine_{what}{name}", "", float(values.mean())))
            rows.append((f"cosine_{what}_sd{name}", "", float(values.std())))
    strength = np.abs(test)
    share = strength.sum(1) ** 2 / (side**2 * (strength**2).sum(1))
    rows.append(("participation", "", float(share.mean())))
    if categories is not None and "floc" in arrays:
        rows += patches(arrays["floc"].astype(np.float64), categories, side)
    table = pd.DataFrame(rows, columns=["measure", "parameter", "value"])
    for name in ("seed", "rho", "objective", "arm"):
        table.insert(0, name, metadata[name])
    return table[COLUMNS]


def neighbour_cosine(weight: np.ndarray, side: int) -> float:
    """Return the mean cosine of afferent vectors (units, inputs) over undirected Moore pairs."""
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    near = grid_weights(side, "moore")
    return float(((unit @ unit.T) * near).sum() / near.sum())


def unit_correlations(test: np.ndarray) -> np.ndarray:
    """Return Pearson's r of every two units (units, units); 0 for a unit that never changes [code]."""
    centred = test - test.mean(0)
    norm = np.linalg.norm(centred, axis=0)
    constant = norm <= 1e-12 * np.linalg.norm(test, axis=0)
    unit = np.where(constant, 0, centred / np.where(constant, 1, norm))
    return unit.T @ unit


def pair_distances(side: int) -> np.ndarray:
    """Return the Euclidean distance of every two units (units, units), grid spacing 1."""
    row, column = np.divmod(np.arange(side**2), side)
    return np.hypot(row[:, None] - row, column[:, None] - column)


def distance_above(correlation: np.ndarray, distance: np.ndarray, tau: float) -> float:
    """Return the mean distance of unordered pairs with r >= tau; NaN when there is none."""
    upper = np.triu_indices(len(distance), 1)
    chosen = correlation[upper] >= tau
    return float(distance[upper][chosen].mean()) if chosen.any() else float("nan")


def class_cosines(outputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cosines of all unordered pairs of rows: of one class, and of two."""
    unit = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    first, second = np.triu_indices(len(labels), 1)
    cosines = (unit @ unit.T)[first, second]
    same = labels[first] == labels[second]
    return cosines[same], cosines[~same]


def d_prime(answers: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return (mean in - mean out) / sqrt((variance in + variance out) / 2) of each unit.

    Parameters
    ----------
    answers
        (images, units).
    chosen
        Whether each image is of the category.
    """
    one, other = answers[chosen], answers[~chosen]
    spread = np.sqrt((one.var(0, ddof=1) + other.var(0, ddof=1)) / 2)
    gap = one.mean(0) - other.mean(0)
    return np.where(spread > 0, gap / np.where(spread > 0, spread, 1), 0)


def patches(answers: np.ndarray, categories: np.ndarray, side: int) -> list[tuple[str, str, float]]:
    """Return selective units and their patches, for each kind of localizer image.

    "selective": share of units with d' >= 1; "patch": units in the largest patch of such units that
    share an edge; "moran_selectivity": Moran's I of the map of d'.
    """
    from scipy.ndimage import label

    rook = grid_weights(side)
    rows = []
    for kind in sorted(set(categories)):
        d = d_prime(answers, categories == kind)
        selective = (d >= THRESHOLD_D).reshape(side, side)
        numbered, count = label(selective)
        largest = int(np.bincount(numbered.ravel())[1:].max()) if count else 0
        rows.append(("selective", kind, float(selective.mean())))
        rows.append(("patch", kind, float(largest)))
        rows.append(("moran_selectivity", kind, float(morans_i(d[None], rook)[0])))
    return rows
