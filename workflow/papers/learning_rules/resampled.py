"""Intervals over resampled stimuli and people: of rho, its change, and differences from backpropagation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replicortex.analysis.bootstrap import percentile_interval

LAYERS = ("conv1", "conv2", "conv3", "fc1")
KEYS = ["rule", "epoch", "px", "arm", "bn", "pooling", "layer", "roi"]
REFERENCE = "bp"
COMPARED = {
    "stdp": "bp_relu_first",
    "stdp_stated": "stdp",
}  # of the best layer, beside backpropagation
KINDS = ("value", "change", "relative_change")
BLOCK = 1000  # quantities whose draws are sorted at once: a matter of memory

Cell = tuple[str, int, int, str, str, str, str, str]
Numbers = dict[int, np.ndarray]  # seed -> the estimate, then each draw


def intervals(draws: list[tuple[pd.DataFrame, np.ndarray]], curves: pd.DataFrame) -> pd.DataFrame:
    """Return intervals of rho, of its change since epoch 0, and of differences from backpropagation.

    Parameters
    ----------
    draws
        Of each network the cells (columns "seed" and `KEYS`) and rho in each resample, (cells, draws).
    curves
        rho of each cell, and of the layer "best".

    Returns
    -------
    One row a cell and quantity: "value", "change", "relative_change" (of the layer "best" alone), and
    these with "minus_bp", "change_minus_bp", ... in the same view. Cells with batch statistics have
    "..._minus_bp_running" for the layer "best": backpropagation with running statistics, as the paper
    compares them. STDP also has "minus_bp_relu_first", and the stated rule "minus_stdp". For filled
    BatchNorm statistics the change is that from the same network with running ones.

    All networks saw the same resamples, so that differences are taken draw by draw, seed by seed, and
    averaged over the seeds that have both sides ("seeds": how many). The best layer is chosen anew in
    each draw, as in the measure itself. A relative change from a start that is not above 0, in any
    draw, has no interval.
    """
    cells = pd.concat([part for part, _ in draws], ignore_index=True)
    values = np.concatenate([part for _, part in draws])
    best, values_of_best = _best(cells, values)
    cells = pd.concat([cells, best], ignore_index=True)
    # A left merge keeps the order of the cells; a curve that stood there twice is refused.
    found_rho = cells.merge(curves, on=["seed", *KEYS], how="left", validate="many_to_one")["rho"]
    numbers = np.concatenate([values, values_of_best])
    numbers = np.column_stack([found_rho.to_numpy(), numbers])
    found: dict[Cell, Numbers] = {
        cell: {seed: numbers[place] for seed, place in zip(part["seed"], part.index, strict=True)}
        for cell, part in cells.groupby(KEYS, sort=False)[["seed"]]
    }
    rows: list[tuple] = []
    ends: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    for cell in found:
        for quantity, by_seed in _quantities(cell, found):
            if by_seed:
                rows.append((*cell, quantity, len(by_seed)))
                waiting.append(np.mean(list(by_seed.values()), axis=0))
            if len(waiting) == BLOCK:
                ends.append(_ends(waiting))
                waiting = []
    made = pd.DataFrame(rows, columns=[*KEYS, "quantity", "seeds"])
    columns = ["estimate", "lower", "upper", "draws"]
    made[columns] = np.concatenate([*ends, _ends(waiting)])
    return made.astype({"draws": int})[[*KEYS, "quantity", *columns, "seeds"]]


def _best(cells: pd.DataFrame, values: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Return cells and draws of the best layer, where all layers were drawn at all.

    A silent layer has no draws and wins none.
    """
    if not set(LAYERS) <= set(cells["layer"]):
        return cells[:0], values[:0]
    keys = ["seed", *(key for key in KEYS if key != "layer")]
    places = list(cells.groupby(keys, sort=False).indices.values())
    chosen = cells.iloc[[place[0] for place in places]].assign(layer="best")
    return chosen, np.stack([values[place].max(axis=0) for place in places])


def _quantities(cell: Cell, found: dict[Cell, Numbers]) -> list[tuple[str, Numbers]]:
    """Return each quantity of a cell, by seed."""
    rule, epoch, px, arm, bn, pooling, layer, roi = cell
    kinds = KINDS if layer == "best" else KINDS[:2]
    if not epoch and bn != "filled":
        kinds = KINDS[:1]
    rows = []
    for kind in kinds:
        own = _of(kind, cell, found)
        rows.append((kind, own))
        if rule == REFERENCE:
            continue
        word = "minus_bp" if kind == "value" else f"{kind}_minus_bp"
        rows.append((word, _less(own, _of(kind, (REFERENCE, *cell[1:]), found))))
        if kind == "value" and layer == "best" and rule in COMPARED:
            other = COMPARED[rule]
            rows.append((f"minus_{other}", _less(own, _of(kind, (other, *cell[1:]), found))))
        if bn == "batch" and layer == "best":
            published = (REFERENCE, epoch, px, arm, "running", pooling, layer, roi)
            rows.append((f"{word}_running", _less(own, _of(kind, published, found))))
    return rows


def _of(kind: str, cell: Cell, found: dict[Cell, Numbers]) -> Numbers:
    """Return "value", "change" or "relative_change" of a cell by seed; seeds without a start are left out."""
    here = found.get(cell, {})
    if kind == "value":
        return here
    rule, _, px, arm, bn, *rest = cell
    start = found.get((rule, 0, px, arm, "running" if bn == "filled" else bn, *rest), {})
    if kind == "change":
        return _less(here, start)
    return {
        seed: np.where(start[seed] > 0, here[seed] / start[seed] - 1, np.nan)
        for seed in here
        if seed in start
    }


def _less(one: Numbers, other: Numbers) -> Numbers:
    return {seed: one[seed] - other[seed] for seed in one if seed in other}


def _ends(means: list[np.ndarray]) -> np.ndarray:
    """Return estimate, both ends of the interval over draws, and their number: (quantities, 4).

    The ends are empty where a draw has no number.

    Parameters
    ----------
    means
        Of each quantity the estimate, then each draw.
    """
    if not means:
        return np.empty((0, 4))
    numbers = np.stack(means)
    draws = numbers[:, 1:]
    ends = np.full((len(numbers), 2), np.nan)
    whole = ~np.isnan(draws).any(axis=1)
    if whole.any():
        ends[whole] = np.column_stack(percentile_interval(draws[whole].T))
    return np.column_stack([numbers[:, 0], ends, np.full(len(numbers), draws.shape[1])])
