"""Compare networks: consistency across seeds, ensembles, maps, t-SNE; tables of everything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.topographic.conditions import ENSEMBLE
from papers.topographic.images import ANIMATE, of_each_class
from papers.topographic.measures import COLUMNS
from papers.topographic.measuring_settings import Measured, NoiseSettings, Votes
from replicortex.analysis.intervals import jackknifed
from replicortex.analysis.rdm import correlation_distance, upper
from replicortex.core.errors import StudyError
from replicortex.core.files import read_tensors
from replicortex.core.randomness import generator
from replicortex.core.tables import join

CONDITION = ["arm", "objective", "rho"]
TRUCK = 9  # CIFAR-10's last class


def aggregate(
    *,
    embeddings: list[Path],
    measures: list[Path],
    history: list[Path],
    measured: Measured,
    ensemble: Votes,
    noise: NoiseSettings,
) -> dict[str, pd.DataFrame]:
    """Return the paper's tables.

    Parameters
    ----------
    embeddings, measures, history
        Files of all networks, in the same order.
    measured, ensemble, noise
        Sections of the configuration.

    Returns
    -------
    "measures": all measures of all networks (`measures.COLUMNS`), and, by network too,
    "rdm_consistency" (correlation of RDMs between seeds: what their mean owes to the network's; raw and
    without bias), "silhouette" by class and by animacy, "moran_by_dropout" and
    "participation_by_dropout" (with dropout less without), and "clamped" (share of steps at which
    lambda met its bound). "summary": mean, sd and n
    over seeds. "ensembles": accuracy of single networks and of the mean of their votes, the boost
    with its 95 % interval (bootstrap over networks and images), and `over_control`, the boost beyond
    that at rho 0, with its own. "maps": one map per condition of
    the first seed. "tsne": places of images. "history": training by epoch.
    """
    table = join(measures)
    table["parameter"] = table["parameter"].astype("string").fillna("")
    consistency, maps, places, silhouettes = [], [], [], []
    voters: dict[float, list[Path]] = {}
    for condition, group in _conditions(embeddings):
        consistency += _consistency(condition, group, measured.rdm_images)
        if condition["arm"] in ("main", "no_dropout"):
            maps.append(_map(condition, group[0]))
        if condition["arm"] in ("main", ENSEMBLE) and condition["objective"] == "ce":
            voters.setdefault(condition["rho"], []).extend(group)
        if condition["arm"] == "main" and condition["rho"] in measured.tsne_rhos:
            places.append(_tsne(condition, group[0], measured))
            for network in group:
                silhouettes += _silhouettes(condition, network, measured)
    trained = join(history)
    own = [*consistency, *silhouettes, *_by_dropout(table), *_clamped(trained)]
    extra = pd.DataFrame(own, columns=COLUMNS)
    table = pd.concat([table, extra], ignore_index=True)
    grouped = table.groupby([*CONDITION, "measure", "parameter"], sort=False, dropna=False)["value"]
    summary = grouped.agg(mean="mean", sd="std", n="count").reset_index()
    return {
        "measures": table,
        "summary": summary,
        "ensembles": pd.DataFrame(
            against_control(
                [
                    made
                    for rho, group in voters.items()
                    for made in _ensembles(rho, group, ensemble, noise)
                ]
            )
        ),
        "maps": pd.concat(maps, ignore_index=True),
        "tsne": pd.concat(places, ignore_index=True),
        "history": trained,
    }


def _clamped(history: pd.DataFrame) -> list[list]:
    """Return the share of steps at which lambda met its bound: there a network's rho is not realised."""
    grouped = history.groupby([*CONDITION, "seed"], sort=False)[["clamp_hits", "steps"]].sum()
    return [
        _row(row, row["seed"], "clamped", "", row["clamp_hits"] / row["steps"])
        for row in grouped.reset_index().to_dict("records")
    ]


def _by_dropout(table: pd.DataFrame) -> list[list]:
    """Return what dropout adds to a measure, for each seed that was trained with it and without."""
    keys = ["objective", "rho", "seed"]
    found = []
    for measure in ("moran", "participation"):
        own = table[table["measure"] == measure]
        both = own[own["arm"] == "main"].merge(
            own[own["arm"] == "no_dropout"], on=keys, validate="one_to_one"
        )
        found += [
            _row({"arm": "main", **row}, row["seed"], f"{measure}_by_dropout", "", row["gain"])
            for row in both.assign(gain=both["value_x"] - both["value_y"]).to_dict("records")
        ]
    return found


def _conditions(files: list[Path]) -> Iterator[tuple[dict[str, Any], list[Path]]]:
    """Yield each condition with the files of its networks.

    Raises
    ------
    StudyError
        When a folder has networks of several conditions, or networks that were shown images of other
        classes: rows of their outputs would be compared.
    """

    def place(path: Path) -> str:
        return path.parent.as_posix()

    for _, listed in groupby(files, key=place):
        paths = list(listed)
        shown, described = read_tensors(paths[0], ["labels"])
        condition = {name: described[name] for name in CONDITION}
        for path in paths:
            arrays, own = read_tensors(path, ["labels"])
            if {name: own[name] for name in CONDITION} != condition:
                raise StudyError(f"{path}: a network of another condition than {condition}")
            # Rows of one image are compared across networks.
            if not np.array_equal(arrays["labels"], shown["labels"]):
                raise StudyError(f"{path}: was shown other images than {paths[0]}")
        yield condition, paths


def _row(condition: dict[str, Any], seed: int, measure: str, parameter: str, value: float) -> list:
    return [
        condition["arm"],
        condition["objective"],
        condition["rho"],
        seed,
        measure,
        parameter,
        value,
    ]


def _consistency(condition: dict[str, Any], group: list[Path], each: int) -> list[list]:
    """Return rows of a condition: RDM consistency of each network with those of the other seeds.

    Pearson's r of RDMs (1 - r between outputs, upper triangle) over `each` images of a class; raw, and
    less the sheet's bias. One network has none. Of all networks at once, RDMs alone are in memory.
    """
    rows: list[list] = []
    if len(group) < 2:
        return rows
    for name, shift in (("rdm_consistency", 0), ("rdm_consistency_without_bias", 1)):
        vectors, seeds = [], []
        for path in group:
            arrays, described = read_tensors(path, ["labels", "test", "bias"])
            seeds.append(described["seed"])
            chosen = of_each_class(arrays["labels"], 0, each, "measured.rdm_images")
            outputs = arrays["test"][chosen].astype(np.float64) - shift * arrays["bias"]
            vectors.append(upper(correlation_distance(outputs, undefined="nan")))
        for seed, value in zip(seeds, _of_seeds(np.corrcoef(vectors)), strict=True):
            rows.append(_row(condition, seed, name, "", float(value)))
    return rows


def _of_seeds(together: np.ndarray) -> np.ndarray:
    """Return what the mean over pairs of seeds owes to each seed, (seeds,), of a matrix (seeds, seeds).

    Jackknife pseudo-values: their mean is that over pairs, and an interval over them knows that pairs share
    seeds. Means over the pairs of a seed would have, with three seeds, half the spread of pairs. Two
    seeds have one pair, which is said of both.
    """
    one, other = np.triu_indices(len(together), 1)
    if len(together) < 3:
        return np.full(len(together), together[one, other].mean())
    return jackknifed(together[one, other], np.stack([one, other], axis=1))


def _map(condition: dict[str, Any], network: Path) -> pd.DataFrame:
    """Return what a network's sheet answers to the first truck: "unit", "value", and "limit" of the colours.

    "limit" is the largest absolute answer to one image of each class, the same in all rows.
    """
    arrays, described = read_tensors(network, ["labels", "test"])
    truck = int(np.flatnonzero(arrays["labels"] == TRUCK)[0])
    exemplars = of_each_class(arrays["labels"], 0, 1, "maps")
    values = arrays["test"][truck].astype(np.float64)
    # Limits come from one exemplar of each class, as the code has them.
    limit = float(np.abs(arrays["test"][exemplars]).max())
    table = pd.DataFrame({"unit": np.arange(len(values)), "value": values, "limit": limit})
    for name in reversed(CONDITION):
        table.insert(0, name, condition[name])
    return table.assign(seed=described["seed"])


def _first_of_each_class(network: Path, measured: Measured) -> tuple[np.ndarray, np.ndarray, int]:
    """Return embeddings (images, units) and classes (images,) of each class's first images, and the seed."""
    arrays, described = read_tensors(network, ["labels", "test"])
    chosen = of_each_class(arrays["labels"], 0, measured.tsne_images, "measured.tsne_images")
    return arrays["test"][chosen], arrays["labels"][chosen], described["seed"]


def _tsne(condition: dict[str, Any], network: Path, measured: Measured) -> pd.DataFrame:
    """Return places of images in the plane."""
    from sklearn.manifold import TSNE

    outputs, labels, seed = _first_of_each_class(network, measured)
    maker = TSNE(
        2,
        perplexity=min(30.0, (len(outputs) - 1) / 3),
        random_state=measured.tsne_seed,
        init="pca",
        n_jobs=1,
    )
    found = maker.fit_transform(outputs)
    table = pd.DataFrame({"x": found[:, 0], "y": found[:, 1], "label": labels})
    for name in reversed(CONDITION):
        table.insert(0, name, condition[name])
    return table.assign(seed=seed)


def _silhouettes(condition: dict[str, Any], network: Path, measured: Measured) -> list[list]:
    """Return how far apart classes, and animate and inanimate images, lie in the embedding."""
    from sklearn.metrics import silhouette_score

    outputs, labels, seed = _first_of_each_class(network, measured)
    groups = {"class": labels, "animacy": np.array(ANIMATE)[labels]}
    return [
        _row(
            condition,
            seed,
            "silhouette",
            name,
            float(silhouette_score(outputs, group)),
        )
        for name, group in groups.items()
    ]


def _ensembles(
    rho: float, group: list[Path], ensemble: Votes, noise: NoiseSettings
) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Return a row of the table of ensembles for each kind of noise and vote, with its draws."""
    found, condition = [], {"objective": "ce", "rho": rho}
    shown, _ = read_tensors(group[0], ["labels"])
    chosen = of_each_class(shown["labels"], 0, noise.images, "noise.images")
    labels = shown["labels"][chosen]
    conditions = [("none", 0.0)]
    conditions += [(kind, level) for kind in noise.kinds for level in noise.levels]
    for kind, level in conditions:
        answers = f"answers/{kind}/{level:g}"
        read = (read_tensors(path, [answers])[0][answers] for path in group)
        scores = np.stack([one.astype(np.float64) for one in read])
        for rule, votes in (("logits", scores), ("probabilities", softmax(scores))):
            row, draws = boost(votes, labels, ensemble.draws, ensemble.seed)
            named = {**condition, "noise": kind, "level": level, "vote": rule, "n": len(group)}
            found.append(({**named, **row}, draws))
    return found


def against_control(made: list[tuple[dict[str, Any], np.ndarray]]) -> list[dict[str, Any]]:
    """Return rows of ensembles with what each gains beyond the one without topography.

    Draws of equal number take the same images (`boost`), so that their differences are paired.
    `over_control` is NaN where there is no control of as many networks.
    """
    keys = ("noise", "level", "vote", "n")
    controls = {tuple(row[k] for k in keys): (row, d) for row, d in made if row["rho"] == 0}
    rows = []
    for row, draws in made:
        gain = lower = upper = float("nan")
        control = controls.get(tuple(row[key] for key in keys))
        if control is not None and row["rho"] != 0:
            gain = row["boost"] - control[0]["boost"]
            spread = draws - control[1]
            lower, upper = np.quantile(spread - spread.mean() + gain, [0.025, 0.975])
        ends = {"over_control_lower": float(lower), "over_control_upper": float(upper)}
        rows.append({**row, "over_control": gain, **ends})
    return rows


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities over the last axis."""
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def boost(
    votes: np.ndarray, labels: np.ndarray, draws: int, seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """Return accuracy of single networks, of the mean of their votes, and the difference.

    Parameters
    ----------
    votes
        (networks, images, classes).
    labels
        (images,).
    draws, seed
        Of the bootstrap, which draws networks and images, both with replacement.

    Returns
    -------
    A row: single, ensemble, boost (fractions), and lower and upper end of boost's 95 % interval; and
    the draws of boost. A network
    drawn twice adds nothing to a mean vote: n draws are worth n / (2 - 1/n) different networks, so
    that resampled ensembles gain less than real ones of n. The draws give the width of the interval,
    and it is centred on the estimate.
    """
    right = votes.argmax(2) == labels
    together = votes.mean(0).argmax(1) == labels
    rng = generator(seed, "boost")
    networks, images = right.shape
    found = np.empty(draws)
    for number in range(draws):
        drawn = rng.integers(0, networks, networks)
        resampled = rng.integers(0, images, images)
        mean = votes[drawn][:, resampled].mean(0).argmax(1) == labels[resampled]
        found[number] = mean.mean() - right[drawn][:, resampled].mean()
    gain = together.mean() - right.mean()
    lower, upper = np.quantile(found - found.mean() + gain, [0.025, 0.975])
    row = {
        "single": float(right.mean()),
        "single_sd": float(right.mean(1).std(ddof=1)) if networks > 1 else float("nan"),
        "ensemble": float(together.mean()),
        "boost": float(gain),
        "lower": float(lower),
        "upper": float(upper),
    }
    return row, found
