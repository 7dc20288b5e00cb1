"""What the claims and figures read: contrasts, intervals over voxels and splits, sign tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from papers.sparse_positive.bootstrap_settings import Bootstrap
from papers.sparse_positive.names import WHOLE, arm, layer, network, source
from replicortex.core.randomness import generator
from replicortex.core.tables import join

PLACE = ["target", "region", "space", "model", "weights", "chosen"]
# Of one seed r and theta, both (voxels, 2): matched, mismatched.
Cell = tuple[np.ndarray, np.ndarray]
STAGES = ("network", "arm", "source", "layer", "depth", "units", "of", "passing", "share", "r")
ENCODED = ["scores", "alphas", "rotation", "voxels", "passing"]
# Of which spaces a sign test is, beside all: by what made them.
SOURCES = {
    "trained": "trained networks",
    "untrained": "untrained networks",
    "handmade": "handmade codes",
}


def aggregate(
    *,
    scores: Sequence[Path],
    alphas: Sequence[Path],
    rotation: Sequence[Path],
    voxels: Sequence[Path],
    passing: Sequence[Path],
    spaces: Sequence[Path],
    recorded: Sequence[Path],
    localizer: Sequence[Path],
    directions: Sequence[Path],
    untrained: Sequence[Path],
    history: Sequence[Path],
    bootstrap: Bootstrap,
) -> dict[str, pd.DataFrame]:
    """Return every table of the paper but figure 1C's.

    Parameters
    ----------
    scores, alphas, rotation, voxels, passing
        Of `encode.encode`, joined here under the same names; `voxels` itself is not kept.
    spaces, recorded
        Of `many.many`.
    localizer, directions, untrained
        Of `spaces.extract`.
    history
        Of `train.train`.
    bootstrap
        Of intervals; and how much the ceilings of paired voxels may differ.

    Returns
    -------
    contrasts: per seed, mismatched against matched units. intervals: the same over all seeds with
    bootstrap intervals over seeds (splits) and voxels. signs: over spaces, over networks and over
    handmade codes, in how many the mismatched units have the larger theta or r. balanced: the Lasso
    at equal numbers of weights and units, for all voxels and for voxels of equal ceiling. neurons:
    macaque V4, means over seeds per neuron. stages: of networks, layer by layer.
    """

    every, each = join(scores), join(voxels)
    many, selective = join(spaces), join(localizer)
    return {
        "scores": every,
        "alphas": join(alphas),
        "rotation": join(rotation),
        "passing": join(passing),
        "spaces": many,
        "localizer": selective,
        "stages": stages(selective, join(recorded)),
        "directions": join(directions),
        "untrained": join(untrained),
        "history": join(history),
        "contrasts": contrasts(every),
        "intervals": intervals(each[each.chosen == "fixed"], bootstrap),
        "signs": signs(many),
        "balanced": balanced(each[each.chosen == "balanced"], bootstrap.tolerance),
        "neurons": neurons(each[(each.target == "macaque_v4") & (each.chosen == "fixed")]),
    }


def stages(localizer: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    """Return what each layer of a network has: units that pass, and how well it predicts V4.

    Parameters
    ----------
    localizer
        A row per space and selective set, spaces of a network in the order of its layers.
    recorded
        Of `many.many`; without rows where there is no V4.

    Returns
    -------
    A row per network, source ("trained" or "untrained"), layer and unit set. `arm`: "package" or "other",
    where the network is from. `depth`: from 0, the first
    layer, to 1, the last. `r`: mean over neurons, sessions and seeds; `share` of the space's units that
    pass. Handmade codes and published models, of which one layer is known, have no rows.
    """
    localizer = localizer[localizer["space"].map(layer) != WHOLE]
    passing = localizer[["space", "units", "of", "passing"]]
    r = recorded.groupby(["space", "units"], as_index=False)["r"].mean()
    r = r[r["space"].map(layer) != WHOLE]
    table = passing.merge(r, on=["space", "units"], how="outer")
    names = {"network": network, "arm": arm, "source": source, "layer": layer}
    for column, find in names.items():
        table[column] = table["space"].map(find)
    order = list(dict.fromkeys(localizer["space"]))
    table["depth"] = 0.0
    for _, own in table.groupby(["network", "source"]):
        layers = [space for space in order if space in set(own["space"])]
        places = own["space"].map(layers.index) / max(len(layers) - 1, 1)
        table.loc[own.index, "depth"] = places.astype(float)
    table["share"] = table["passing"] / table["of"]
    kept = table.sort_values(["network", "source", "depth", "units"])
    return kept[list(STAGES)].reset_index(drop=True)


def contrasts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return, per seed and cell, theta of mismatched less matched, r of both and their ratio.

    `rows`: of `encode.encode`, its "scores". `theta_gap` and `active_gap`: of matched units, less
    the smallest of the other three models.
    """
    rows = rows[rows["match"].isin(["matched", "mismatched"])]
    values = ["r_dead_0", "theta", "active", "live"]
    wide = rows.pivot(index=["seed", *PLACE], columns="match", values=values)
    part = {(value, match): wide[value][match] for value in values for match in set(rows["match"])}
    matched = part["r_dead_0", "matched"]
    table = pd.DataFrame(
        {
            "theta_difference": part["theta", "mismatched"] - part["theta", "matched"],
            "r_matched": matched,
            "r_mismatched": part["r_dead_0", "mismatched"],
            # Where all voxels are dead there is nothing to compare with.
            "r_ratio": part["r_dead_0", "mismatched"] / matched.where(matched != 0),
            "theta_matched": part["theta", "matched"],
            "theta_mismatched": part["theta", "mismatched"],
            "active_matched": part["active", "matched"],
            "live_mismatched": part["live", "mismatched"],
        }
    ).reset_index()
    place = ["seed", *(name for name in PLACE if name != "model")]
    for measure in ("theta", "active"):
        value = table.groupby(place)[f"{measure}_matched"]
        least, count = value.transform("min"), value.transform("size")
        second = value.transform(lambda column: column.nsmallest(2).iloc[-1])
        mine = table[f"{measure}_matched"]
        other = np.where(mine == least, second, least)
        table[f"{measure}_gap"] = np.where(count > 1, mine - other, np.nan)
    return table


def intervals(voxels: pd.DataFrame, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return contrasts over all seeds with 95 % percentile intervals over seeds and voxels.

    Each draw takes seeds with replacement, and within each of them voxels with replacement: the
    same ones for matched and mismatched units. A dead voxel has r = 0 and no theta.

    Parameters
    ----------
    voxels
        A row per seed, voxel and unit set, of `encode.encode`.
    bootstrap
        How many draws, and their seed.

    Returns
    -------
    A row per target, region, space, model and sign: theta_difference and r_difference (mismatched
    less matched), r_ratio, each with `_lower` and `_upper`.
    """
    rows = voxels[voxels["match"].isin(["matched", "mismatched"])]
    found = []
    for place, block in rows.groupby(PLACE, sort=False):
        wide = block.pivot(index=["seed", "voxel"], columns="match", values=["r", "theta"])
        draw = generator(bootstrap.seed, "bootstrap", *map(str, place))
        cells = [
            (
                one["r"].fillna(0)[["matched", "mismatched"]].to_numpy(),
                one["theta"][["matched", "mismatched"]].to_numpy(),
            )
            for _, one in wide.groupby(level="seed")
        ]
        ours = _pooled(cells)
        draws = np.array([_pooled(_resampled(cells, draw)) for _ in range(bootstrap.draws)])
        row = dict(zip(PLACE, place, strict=True))
        for number, name in enumerate(("theta_difference", "r_difference", "r_ratio")):
            known = draws[np.isfinite(draws[:, number]), number]
            lower, upper = np.quantile(known, [0.025, 0.975]) if len(known) > 1 else (np.nan,) * 2
            row |= {name: ours[number], f"{name}_lower": lower, f"{name}_upper": upper}
        found.append(row)
    return pd.DataFrame(found)


def _resampled(cells: Sequence[Cell], draw: np.random.Generator) -> Iterator[Cell]:
    """Yield as many seeds as there are, with replacement, and voxels of each with replacement."""
    for place in draw.integers(0, len(cells), len(cells)):
        r, theta = cells[place]
        voxels = draw.integers(0, len(r), len(r))
        yield r[voxels], theta[voxels]


def _pooled(cells: Iterable[Cell]) -> tuple[float, float, float]:
    """Return difference of theta, difference and ratio of r: mismatched to matched units.

    Parameters
    ----------
    cells
        Of each seed r and theta. Means are over voxels, then over seeds; a seed in which all voxels
        are dead has no theta.
    """
    means = []
    for r, theta in cells:
        known = np.isfinite(theta)
        counts = known.sum(0)
        sums = np.where(known, theta, 0).sum(0)
        means.append(
            [*np.divide(sums, counts, out=np.full(2, np.nan), where=counts > 0), *r.mean(0)]
        )
    known = np.isfinite(means)
    counts = known.sum(0)
    matched, mismatched, r_matched, r_mismatched = np.divide(
        np.where(known, means, 0).sum(0), counts, out=np.full(4, np.nan), where=counts > 0
    )
    ratio = r_mismatched / r_matched if r_matched > 0 else np.nan
    return mismatched - matched, r_mismatched - r_matched, ratio


def signs(spaces: pd.DataFrame) -> pd.DataFrame:
    """Return two-sided sign tests over spaces, and over networks (means over their layers).

    `over`: "spaces", all of them; "networks", trained and untrained; each of these alone, and
    "handmade codes"; "passing spaces" and "passing networks", on the units alone that pass the
    localizer, where both sets have some. Layers of one network resemble each other, so a test over
    spaces has too small a p; those over networks are the stricter ones.

    Parameters
    ----------
    spaces
        Of `many.many`.
    """
    from scipy.stats import binomtest

    keys = ["arm", "target", "region", "source", "family", "space", "match"]
    means = spaces.groupby(keys)[["theta", "r"]].mean().unstack("match")
    found = []
    for (target, region), block in means.groupby(level=["target", "region"]):
        for measure in ("theta", "r"):
            gaps = (block[measure]["mismatched"] - block[measure]["matched"]).dropna()
            for over, gap in _tested(gaps).items():
                above, n = int((gap > 0).sum()), int((gap != 0).sum())
                test = binomtest(above, n) if n else None
                interval = test.proportion_ci() if test else None
                found.append(
                    {
                        "target": target,
                        "region": region,
                        "measure": measure,
                        "over": over,
                        "count": n,
                        "above": above,
                        "share": above / n if n else np.nan,
                        "lower": interval.low if interval else np.nan,
                        "upper": interval.high if interval else np.nan,
                        "p": test.pvalue if test else np.nan,
                        "mean_difference": float(gap.mean()) if len(gap) else np.nan,
                    }
                )
    return pd.DataFrame(found)


def _tested(gaps: pd.Series) -> dict[str, pd.Series]:
    """Return the differences of each sign test; `gaps`: by arm, source, family and space."""
    arm = gaps.index.get_level_values("arm")
    filled = gaps[arm == "filled"]
    by_network = filled.groupby(level=["source", "family"]).mean()
    of = by_network.index.get_level_values("source")
    passing = gaps[arm == "passing"]
    return {
        "spaces": filled,
        "networks": by_network[of != "handmade"],
        **{words: by_network[of == name] for name, words in SOURCES.items()},
        "passing spaces": passing,
        "passing networks": passing.groupby(level="family").mean(),
    }


def balanced(voxels: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Return means per seed of the Lasso at equal sparsity and unit count.

    `voxels`: of `encode.encode`, those chosen "balanced". `tolerance`: how much the ceilings of a
    pair may differ. `reliability`: "all" voxels, or "paired", those with a partner of nearly the
    same ceiling in the other region.
    """
    keys = ["seed", "target", "space"]
    if voxels.empty:
        names = [*keys, "region", "units", "match", "weights", "reliability"]
        return pd.DataFrame(columns=[*names, "r", "theta", "active", "voxels", "ceiling"])
    found = []
    for place, block in voxels.groupby(keys):
        ceilings = block.drop_duplicates(["region", "voxel"]).set_index(["region", "voxel"]).ceiling
        chosen = {"all": set(ceilings.index), "paired": paired(ceilings, tolerance)}
        for reliability, kept in chosen.items():
            here = pd.MultiIndex.from_frame(block[["region", "voxel"]]).isin(list(kept))
            for cell, part in block[here].groupby(["region", "units", "match", "weights"]):
                found.append(
                    {
                        **dict(zip(keys, place, strict=True)),
                        **dict(zip(["region", "units", "match", "weights"], cell, strict=True)),
                        "reliability": reliability,
                        "r": float(part.r.fillna(0).mean()),
                        "theta": float(part.theta.mean()),
                        "active": float(part.active.mean()),
                        "voxels": len(part),
                        "ceiling": float(part.ceiling.mean()),
                    }
                )
    return pd.DataFrame(found)


def paired(ceilings: pd.Series, tolerance: float) -> set[tuple[str, int]]:
    """Return voxels of two regions that pair up one to one, ceilings at most `tolerance` apart.

    `ceilings`: by region and voxel. Without ceilings, or with other than two regions, no voxel.
    """
    regions = sorted(set(ceilings.index.get_level_values(0)))
    if len(regions) != 2 or ceilings.isna().any():
        return set()
    lists = [ceilings.loc[[region]].sort_values() for region in regions]
    places, kept = [0, 0], set()
    while all(place < len(one) for place, one in zip(places, lists, strict=True)):
        low, high = (one.iloc[place] for place, one in zip(places, lists, strict=True))
        if abs(low - high) <= tolerance:
            kept |= {one.index[place] for place, one in zip(places, lists, strict=True)}
            places = [place + 1 for place in places]
        else:
            places[0 if low < high else 1] += 1
    return kept


def neurons(voxels: pd.DataFrame) -> pd.DataFrame:
    """Return, per neuron of all sessions, unit set, model and sign, means over seeds.

    `unit`: the set's unit that has the largest weight in most seeds; `share`: its share of |w|.
    """
    if voxels.empty:
        return pd.DataFrame(
            columns=[
                "space",
                "units",
                "model",
                "weights",
                "neuron",
                "session",
                "r",
                "theta",
                "active",
                "unit",
            ]
        )
    keys = ["space", "units", "model", "weights", "voxel"]
    table = voxels[voxels.model.isin(["ridge", "lasso"])].assign(r=lambda rows: rows.r.fillna(0))
    means = table.groupby(keys).agg(
        session=("session", "first"),
        r=("r", "mean"),
        theta=("theta", "mean"),
        active=("active", "mean"),
        unit=("unit", lambda units: units.mode().iloc[0]),
        share=("share", "mean"),
    )
    table = means.reset_index().rename(columns={"voxel": "neuron"}).round(5)
    return table.astype({"session": int})
