"""Aggregate the scores of all networks: curves, best layers, intervals, tests over seeds."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.learning_rules.resampled import intervals
from papers.learning_rules.scores import read_brain
from papers.learning_rules.settings.sizes import Sizes
from replicortex.analysis.intervals import cohens_d, cohens_d_paired
from replicortex.analysis.permutation import sign_flip
from replicortex.analysis.rank import spearman
from replicortex.core.errors import StudyError
from replicortex.core.files import read_arrays
from replicortex.core.tables import join

VIEW = ["epoch", "px", "arm", "bn", "pooling"]
LAYERS = ["conv1", "conv2", "conv3", "fc1"]
REFERENCE = "bp"


def aggregate(
    *,
    scores: list[Path],
    draws: list[Path],
    partial: list[Path],
    history: list[Path],
    brain: Path,
    rules: list[str],
    roi: dict[str, str],
    px: Sizes,
    accuracy_within: float,
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
    roi
        Which ROI counts as "early", which as "late".
    px
        Sizes of the stimuli that are tested.
    accuracy_within
        How far from each other accuracies may lie that count as equal, a fraction.

    Returns
    -------
    "curves": rho per seed, mean over people, with the layer "best" [code]: the highest of the
    layers' means, and which layer that was. "best_over_seeds": the convention of the all-ROI
    figures [code]: means over people and seeds, then the highest layer. "intervals": 95 %
    percentile intervals over resampled stimuli and people, mean over seeds (module `resampled`).
    "tests": exact sign-flip tests and Cohen's d over seeds. "history", "displacement", "partial" (also
    each low-level model alone) and "matched" (checkpoints of equal test accuracy).

    A rho that a silent layer does not have stays empty here: it wins no best layer, and its seed
    counts in no interval or test, whose number of seeds says so.
    """
    people, trained = join(scores), join(history)
    curves = over_people(people)
    alone = low_level(brain)
    return {
        "curves": curves,
        "best_over_seeds": best_over_seeds(curves),
        "intervals": intervals([_read_draws(path) for path in draws], curves),
        "tests": tests(curves, rules, roi, px.both),
        "history": trained,
        "displacement": displacement(trained),
        "partial": pd.concat([join(partial), alone], ignore_index=True).astype(
            dict.fromkeys(("seed", "epoch", "px"), "Int64")
        ),
        "matched": matched(curves, trained, rules, roi, px.large, accuracy_within),
    }


def over_people(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over people of each cell, and beside the layers the best of them.

    A cell that lacks a person's rho has no mean: it would be of other people than its neighbour's.
    """
    keys = ["rule", "seed", *VIEW, "layer", "roi"]
    curves = mean_of_all(scores.groupby(keys, sort=False)["rho"]).reset_index()
    curves["winner"] = curves["layer"]
    return pd.concat([curves, _best(curves, ["rule", "seed", *VIEW, "roi"])], ignore_index=True)


def mean_of_all(groups: Any) -> pd.Series:
    """Return each group's mean, NaN where any of its values is: pandas would leave that one out.

    Parameters
    ----------
    groups
        One column of a table, grouped.
    """
    return groups.mean().where(groups.count() == groups.size())


def _best(curves: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    rows = curves.loc[curves.dropna(subset="rho").groupby(keys, sort=False)["rho"].idxmax()]
    return rows.assign(winner=rows["layer"], layer="best")


def best_over_seeds(curves: pd.DataFrame) -> pd.DataFrame:
    """Return, per rule and view, the layer with the highest mean over people and seeds.

    A layer that is silent in some seed has no mean over all of them, and cannot win.
    """
    keys = ["rule", *VIEW, "roi"]
    fixed = curves[curves["layer"] != "best"]
    means = mean_of_all(fixed.groupby([*keys, "layer"], sort=False)["rho"]).reset_index()
    return _best(means, keys)[[*keys, "rho", "winner"]].reset_index(drop=True)


def _read_draws(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    cells = read_arrays(path)
    rho = cells.pop("rho")
    return pd.DataFrame(cells), rho.astype(np.float64)


def tests(
    curves: pd.DataFrame, rules: list[str], roi: dict[str, str], sizes: list[int]
) -> pd.DataFrame:
    """Return tests over seeds, in the early and the late ROI, after one epoch and after the last.

    "change": since the network's own epoch 0. "minus_bp": difference from backpropagation.
    "filling": BatchNorm statistics filled without training, against running ones, at epoch 0.
    "bn_mode": statistics of the evaluation batch against running ones.

    Exact sign-flip over all 2^n assignments; one-sided as the paper has it (early: a loss, and
    more left than BP), the mirror image in the late ROI, which it did not test, and two-sided.
    Cohen's d: of the paired differences within a rule (d_z), of two samples between rules [assumed].
    Fewer than two seeds: no test.
    """
    last = int(curves["epoch"].max())
    later = sorted({min(1, last), last} & set(curves["epoch"]) - {0})
    fixed = curves[(curves["arm"] == "native") & (curves["pooling"] == "global")]
    for column, asked in (("px", sizes), ("roi", roi.values()), ("epoch", [0, *later])):
        fixed = fixed[fixed[column].isin(list(asked))]
    keys = ["rule", "px", "layer", "roi", "bn", "epoch"]
    values = {cell: part.set_index("seed")["rho"].dropna() for cell, part in fixed.groupby(keys)}
    rows = []
    for rule, px, layer, (word, region) in product(rules, sizes, [*LAYERS, "best"], roi.items()):
        loss, gain = ("less", "greater") if word == "early" else ("greater", "less")
        cell = (px, layer, region)
        for epoch, bn in product(later, ("running", "batch")):
            after = (rule, *cell, bn, epoch)
            pairs = [("change", "epoch 0", (rule, *cell, bn, 0), loss)]
            if rule != REFERENCE:
                pairs += [("minus_bp", REFERENCE, (REFERENCE, *after[1:]), gain)]
            if bn == "batch":
                pairs += [("bn_mode", "running", (rule, *cell, "running", epoch), gain)]
            for name, reference, before, side in pairs:
                tested = (name, rule, reference, epoch, px, bn, layer, region, side)
                rows += _row(tested, values.get(before), values.get(after))
        unfilled, filled = ((rule, *cell, bn, 0) for bn in ("running", "filled"))
        tested = ("filling", rule, "running", 0, px, "filled", layer, region, loss)
        rows += _row(tested, values.get(unfilled), values.get(filled))
    columns = ["comparison", "rule", "reference", "epoch", "px", "bn", "layer", "roi"]
    columns += ["alternative", "mean", "sd", "n", "p", "p_two_sided", "cohens_d"]
    return pd.DataFrame(rows, columns=columns)


def _row(tested: tuple, before: pd.Series | None, after: pd.Series | None) -> list[tuple]:
    if before is None or after is None:
        return []  # a view or a rule that this study has not
    return [(*tested, *_test(before, after, tested[-1], paired=tested[0] != "minus_bp"))]


def _test(before: pd.Series, after: pd.Series, side: str, paired: bool) -> tuple:
    """Return mean, s.d., n, one-sided p, two-sided p and Cohen's d of the difference by seed.

    Parameters
    ----------
    before, after
        rho by seed; seeds that stand in both count.
    side
        "less" or "greater".
    paired
        Whether d is that of paired differences, not of two samples.
    """
    both = pd.concat([before, after], axis=1, join="inner").to_numpy()
    difference = both[:, 1] - both[:, 0]
    n = len(difference)
    if n < 2:
        mean = float(difference[0]) if n else np.nan
        return mean, np.nan, n, np.nan, np.nan, np.nan
    try:
        d = cohens_d_paired(difference) if paired else cohens_d(both[:, 1], both[:, 0])
    except StudyError:
        d = np.nan  # no spread over seeds
    return (
        float(difference.mean()),
        float(difference.std(ddof=1)),
        n,
        sign_flip(difference, side),
        sign_flip(difference, "two-sided"),
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
    within: float,
) -> pd.DataFrame:
    """Return each training's score at the checkpoint nearest in test accuracy to a rule's end.

    Rules differ in how much they learn (75 against 39 %); this compares them at equal accuracy.
    The target is the rule's mean over seeds after the last epoch; of two checkpoints as near, the
    earlier. A checkpoint further than `within` from the target is not of equal accuracy: its rho stays
    empty. Large stimuli, running statistics, global and grid pooling.

    Raises
    ------
    StudyError
        When a seed of a rule has no test accuracy after the last epoch.
    """
    last = history["epoch"].max()
    ends = mean_of_all(history[history["epoch"] == last].groupby("rule")["test_accuracy"])
    kept = curves[
        (curves["arm"] == "native")
        & curves["pooling"].isin(["global", "grid"])
        & (curves["bn"] == "running")
        & (curves["px"] == large)
        & curves["roi"].isin(roi.values())
    ]
    parts = []
    for target in rules:
        if np.isnan(ends[target]):
            raise StudyError(
                f"histories of '{target}': a seed has no test_accuracy after epoch {last}, so that no "
                "checkpoint is as accurate as all its seeds on average"
            )
        distance = (history["test_accuracy"] - ends[target]).abs()
        nearest = history.loc[distance.groupby([history["rule"], history["seed"]]).idxmin()]
        nearest = nearest[["rule", "seed", "epoch", "test_accuracy"]]
        part = nearest.merge(kept, on=["rule", "seed", "epoch"], validate="one_to_many")
        equal = (part["test_accuracy"] - ends[target]).abs() <= within
        part["rho"] = part["rho"].where(equal)
        parts.append(part.assign(target_rule=target, target_accuracy=ends[target]))
    columns = ["rule", "seed", "target_rule", "target_accuracy", "epoch", "test_accuracy"]
    return pd.concat(parts, ignore_index=True)[[*columns, "pooling", "roi", "layer", "rho"]]
