"""Aggregate the scores of all networks: curves, best layers, intervals, tests over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.learning_rules.scores import read_brain
from replicortex.analysis import permutation
from replicortex.analysis.bootstrap import percentile_interval
from replicortex.analysis.rank import spearman
from replicortex.errors import StudyError

VIEW = ["epoch", "px", "arm", "bn", "pooling"]
LAYERS = ["conv1", "conv2", "conv3", "fc1"]
REFERENCE = "bp"


def statistics(
    *,
    scores: list[Path],
    draws: list[Path],
    partial: list[Path],
    history: list[Path],
    brain: Path,
    rules: list[str],
    aliases: dict[str, Any],
    evaluation: dict[str, Any],
) -> dict[str, pd.DataFrame]:
    """Return the study's tables.

    Parameters
    ----------
    scores, draws, partial
        Files of each network, as `scores` wrote them.
    history
        Histories of each training.
    brain
        File that `brain` wrote.
    rules
        Learning rules in their order.
    aliases
        `roi`: which ROI counts as early, which as late.
    evaluation
        Section `evaluation`; its `px` is used.

    Returns
    -------
    "curves": rho per seed, mean over people, with the layer "best" [code]: the highest of the
    layers' means. "best_over_seeds": the convention of the all-ROI figures [code]: means over
    people and seeds, then the highest layer. "intervals": 95 % percentile intervals over resampled
    stimuli, mean over seeds. "tests": exact sign-flip tests and Cohen's d over seeds. "history",
    "displacement", "partial" and "matched" (checkpoints of equal test accuracy).
    """
    people = pd.concat([pd.read_csv(path) for path in scores], ignore_index=True)
    trained = pd.concat([pd.read_csv(path) for path in history], ignore_index=True)
    curves = over_people(people)
    large = evaluation["px"]["large"]
    return {
        "curves": curves,
        "best_over_seeds": best_over_seeds(curves),
        "intervals": intervals([_read_draws(path) for path in draws], curves),
        "tests": tests(curves, rules, aliases["roi"], large),
        "history": trained,
        "displacement": displacement(trained),
        "partial": pd.concat([*map(pd.read_csv, partial), low_level(brain)], ignore_index=True),
        "matched": matched(curves, trained, rules, aliases["roi"], large),
    }


def over_people(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over people of each cell, and beside the layers the best of them."""
    keys = ["rule", "seed", *VIEW, "layer", "roi"]
    curves = scores.groupby(keys, sort=False, as_index=False)["rho"].mean()
    curves["winner"] = curves["layer"]
    return pd.concat([curves, _best(curves, ["rule", "seed", *VIEW, "roi"])], ignore_index=True)


def _best(curves: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    rows = curves.loc[curves.dropna(subset="rho").groupby(keys, sort=False)["rho"].idxmax()]
    return rows.assign(winner=rows["layer"], layer="best")


def best_over_seeds(curves: pd.DataFrame) -> pd.DataFrame:
    """Return, per rule and view, the layer with the highest mean over people and seeds."""
    keys = ["rule", *VIEW, "roi"]
    fixed = curves[curves["layer"] != "best"]
    means = fixed.groupby([*keys, "layer"], sort=False, as_index=False)["rho"].mean()
    return _best(means, keys)[[*keys, "rho", "winner"]].reset_index(drop=True)


def _read_draws(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    with np.load(path) as arrays:
        cells = {name: arrays[name] for name in arrays.files if name != "rho"}
        return pd.DataFrame(cells), arrays["rho"].astype(np.float64)


def intervals(draws: list[tuple[pd.DataFrame, np.ndarray]], curves: pd.DataFrame) -> pd.DataFrame:
    """Return intervals of rho, of its change since epoch 0, and of its difference from BP.

    All networks saw the same resamples, so that differences are taken draw by draw; seeds are
    averaged within each draw.
    """
    keys = ["rule", *VIEW, "layer", "roi"]
    cells = pd.concat([part for part, _ in draws], ignore_index=True)
    values = np.concatenate([part for _, part in draws])
    groups = cells.groupby(keys, sort=False).indices
    means = {cell: values[rows].mean(axis=0) for cell, rows in groups.items()}
    plain = curves.groupby(keys, sort=False)["rho"].mean().to_dict()
    rows = []
    for cell, drawn in means.items():
        rule, epoch, *_, layer, roi = cell
        px, arm, bn, pooling = cell[2:6]
        start = (rule, 0, px, arm, "running" if bn == "filled" else bn, pooling, layer, roi)
        other = (REFERENCE, *cell[1:])
        compared = {"value": (drawn, plain[cell])}
        if start in means and (epoch or bn == "filled"):
            compared["change"] = (drawn - means[start], plain[cell] - plain[start])
        if other in means and rule != REFERENCE:
            compared["minus_bp"] = (drawn - means[other], plain[cell] - plain[other])
        for quantity, (sample, estimate) in compared.items():
            lower, upper = percentile_interval(sample)
            rows.append((*cell, quantity, estimate, float(lower), float(upper), len(sample)))
    columns = [*keys, "quantity", "estimate", "lower", "upper", "draws"]
    return pd.DataFrame(rows, columns=columns)


def tests(curves: pd.DataFrame, rules: list[str], roi: dict[str, str], large: int) -> pd.DataFrame:
    """Return tests over seeds: change since epoch 0, and difference from BP.

    Exact sign-flip over all 2^n assignments; one-sided as the paper has it (a loss in the early
    ROI, a gain in the late one, more than BP), and two-sided. Fewer than two seeds: no test.
    """
    fixed = curves[
        (curves["arm"] == "native")
        & (curves["pooling"] == "global")
        & (curves["px"] == large)
        & (curves["bn"] != "filled")
    ]
    values = fixed.set_index(["rule", "bn", "layer", "roi", "epoch", "seed"])["rho"].sort_index()
    last = int(curves["epoch"].max())
    rows = []
    for rule in rules:
        for bn in fixed["bn"].unique():
            for layer in [*LAYERS, "best"]:
                for word, region in roi.items():
                    for epoch in sorted({1, last} & set(fixed["epoch"])):
                        cell = (bn, layer, region)
                        after = _seeds(values, (rule, *cell, epoch))
                        side = "less" if word == "early" else "greater"
                        change = _test(_seeds(values, (rule, *cell, 0)), after, side, paired=True)
                        name = ("change", rule, "epoch 0", epoch, large, *cell)
                        rows.append((*name, side, *change))
                        if rule != REFERENCE and REFERENCE in rules:
                            base = _seeds(values, (REFERENCE, *cell, epoch))
                            differs = _test(base, after, "greater", paired=False)
                            name = ("minus_bp", rule, REFERENCE, epoch, large, *cell)
                            rows.append((*name, "greater", *differs))
    columns = ["comparison", "rule", "reference", "epoch", "px", "bn", "layer", "roi"]
    columns += ["alternative", "mean", "sd", "n", "p", "p_two_sided", "cohens_d"]
    return pd.DataFrame(rows, columns=columns)


def _seeds(values: pd.Series, cell: tuple) -> pd.Series:
    try:
        return values.loc[cell].dropna()
    except KeyError:
        return pd.Series(dtype=float)


def _test(before: pd.Series, after: pd.Series, side: str, paired: bool) -> tuple:
    """Return mean, s.d., n, one-sided p, two-sided p and Cohen's d of the difference by seed."""
    difference = (after - before).dropna().to_numpy()
    n = len(difference)
    if n < 2:
        mean = float(difference[0]) if n else np.nan
        return mean, np.nan, n, np.nan, np.nan, np.nan
    try:
        d = (
            permutation.cohens_d_paired(difference)
            if paired
            else permutation.cohens_d(after.to_numpy(), before.to_numpy())
        )
    except StudyError:
        d = np.nan  # no spread over seeds
    return (
        float(difference.mean()),
        float(difference.std(ddof=1)),
        n,
        permutation.sign_flip(difference, side),
        permutation.sign_flip(difference, "two-sided"),
        d,
    )


def displacement(history: pd.DataFrame) -> pd.DataFrame:
    """Return the relative displacement of the weights, one row per layer."""
    keys = ["rule", "seed", "epoch"]
    columns = [name for name in history if name.startswith("displacement_")]
    tidy = history.melt(keys, columns, var_name="layer", value_name="displacement")
    tidy["layer"] = tidy["layer"].str.removeprefix("displacement_")
    return tidy


def low_level(brain: Path) -> pd.DataFrame:
    """Return rho of each low-level model alone, mean over people: rows beside the networks'."""
    brains = read_brain(brain)
    rows = []
    for name, vector in brains.models.items():
        for roi, people in brains.rois.items():
            rows.append((name, roi, "none", float(spearman(vector[None], people).mean())))
    return pd.DataFrame(rows, columns=["rule", "roi", "control", "rho"])


def matched(
    curves: pd.DataFrame,
    history: pd.DataFrame,
    rules: list[str],
    roi: dict[str, str],
    large: int,
) -> pd.DataFrame:
    """Return each training's score at the checkpoint nearest in test accuracy to a rule's end.

    Rules differ in how much they learn (75 against 39 %); this compares them at equal accuracy.
    """
    last = history["epoch"].max()
    ends = history[history["epoch"] == last].groupby("rule")["test_accuracy"].mean()
    kept = curves[
        (curves["arm"] == "native")
        & (curves["pooling"] == "global")
        & (curves["bn"] == "running")
        & (curves["px"] == large)
        & curves["roi"].isin(roi.values())
    ]
    parts = []
    for target in rules:
        distance = (history["test_accuracy"] - ends[target]).abs()
        nearest = history.loc[distance.groupby([history["rule"], history["seed"]]).idxmin()]
        nearest = nearest[["rule", "seed", "epoch", "test_accuracy"]]
        part = nearest.merge(kept, on=["rule", "seed", "epoch"])
        parts.append(part.assign(target_rule=target, target_accuracy=ends[target]))
    columns = ["rule", "seed", "target_rule", "target_accuracy", "epoch", "test_accuracy"]
    return pd.concat(parts, ignore_index=True)[[*columns, "roi", "layer", "rho"]]
