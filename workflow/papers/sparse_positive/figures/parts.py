"""What several figures of the paper share: looks of conditions, names of regressions, marks over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import seaborn as sns

from replicortex.plotting.look import Look, hues, legend_above
from replicortex.plotting.style import GREY, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODELS = {"ols": "OLS", "ridge": "ridge", "elastic_net": "elastic net", "lasso": "Lasso"}
SIGNS = ("signed", "positive")
MATCHES = {
    "matched": Look("matched units", PALETTE["blue"], "o"),
    "mismatched": Look("mismatched units", PALETTE["vermillion"], "^"),
}
SETS = {
    "face": Look("face units", PALETTE["green"], "D"),
    "scene": Look("scene units", PALETTE["purple"], "v"),
    "random": Look("random units", GREY, "s"),
}
THETA = "Reorientation Θ"
R = "Pearson's r"
TARGETS = {
    "planted": "planted",
    "semi_real": "semi-real",
    "semi_real_imagenet": "ImageNet",
    "macaque_v4": "macaque",
    "nsd": "NSD",
    "tables": "tables",
}
# Targets that are averaged in one panel: made ones are no brains, but are there at every scale.
GROUPS = {
    "planted and semi-real": ("planted", "semi_real", "semi_real_imagenet"),
    "NSD": ("nsd",),
    "tables": ("tables",),
}
PACKAGES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "efficientnet_lite1": "EfficientNet-Lite1",
    "efficientnet_lite2": "EfficientNet-Lite2",
    "mobilenet_v2": "MobileNetV2",
}
NAMES = {"resnet20": "ResNet-20", "resnet56": "ResNet-56", "barlow": "Barlow Twins", **PACKAGES}


def groups(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return a table's rows by group of targets, in words; groups without rows are left out.

    `table`: tidy, with a column "target".
    """
    found = {words: table[table["target"].isin(list(targets))] for words, targets in GROUPS.items()}
    return {words: part for words, part in found.items() if len(part)}


def over(table: pd.DataFrame) -> str:
    """Return in words what the seeds of a table are: people with NSD, splits elsewhere."""
    return "people" if set(table["target"]) == {"nsd"} else "splits"


def listed(numbers: pd.Series) -> str:
    """Return the different numbers of a column in words, ascending."""
    return ", ".join(f"{number:g}" for number in sorted(numbers.dropna().unique()))


def fixed_alpha(scores: pd.DataFrame) -> str:
    """Return the alpha of figure 2 in words, of the rows of `encode.encode` that have it."""
    return f"alpha {listed(scores.loc[scores['chosen'] == 'fixed', 'alpha'])}"


def title_of(model: str, weights: str) -> str:
    """A regression in words; (+): of positive weights."""
    return f"{MODELS[model]}{' (+)' if weights == 'positive' else ''}"


def models_and_signs() -> list[tuple[str, str]]:
    """Return the eight regressions in the order of the panels."""
    return [(model, sign) for sign in SIGNS for model in MODELS]


REGRESSIONS = [title_of(*cell) for cell in models_and_signs()]


def with_regression(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column "regression", the words of its model and sign."""
    words = [title_of(*cell) for cell in zip(table["model"], table["weights"], strict=True)]
    return table.assign(regression=words)


def space_label(space: str) -> str:
    """A space in words."""
    for short, name in NAMES.items():
        if space.startswith(short):
            space = space.replace(short, name, 1)
            break
    return space.replace("_", " ")


def legend(
    figure: Figure,
    looks: Iterable[Look],
    extra: Iterable[tuple[str, Mapping[str, Any]]] = (),
    ncols: int = 5,
) -> None:
    """Name conditions above the panels, marks without lines, then what else is drawn."""
    plain = {"linestyle": "none"}
    own = [(look.label, {"color": look.colour, "marker": look.marker}) for look in looks]
    named = [(label, {**plain, **how}) for label, how in [*own, *extra]]
    legend_above(figure, (), named, ncols)


def marks(
    ax: Axes,
    table: pd.DataFrame,
    value: str,
    by: str,
    looks: Mapping[str, Look],
    order: Sequence[str],
    **how: Any,
) -> None:
    """Draw means and s.d. over seeds, side by side for the conditions of each category.

    Parameters
    ----------
    table
        Tidy, with a column "seed"; its rows of one seed, category and condition are averaged.
    value, by
        Columns: what is drawn, and the condition.
    looks
        Of each condition, in their order.
    order
        Categories, of the column "regression" unless `how` names another `x`.
    how
        Further words of `seaborn.pointplot`.
    """
    x = how.pop("x", "regression")
    each = table.groupby([x, by, "seed"], as_index=False)[value].mean()
    given = {
        "dodge": 0.22 * (len(looks) - 1),
        "errorbar": "sd",
        "markersize": 3.5,
        "markeredgewidth": 0.8,
        **how,
    }
    sns.pointplot(
        each,
        x=x,
        y=value,
        hue=by,
        order=order,
        **hues(looks),
        linestyle="none",
        err_kws={"linewidth": 1.2},
        legend=False,
        ax=ax,
        **given,
    )
    ax.set_xlabel("")


def scatter_sets(
    ax: Axes, table: pd.DataFrame, x: str, y: str, *, size: float, alpha: float
) -> None:
    """Draw a point a row, its colour and mark by the set of units."""
    sns.scatterplot(
        table,
        x=x,
        y=y,
        hue="units",
        style="units",
        style_order=list(SETS),
        **hues(SETS),
        s=size,
        alpha=alpha,
        linewidth=0,
        legend=False,
        ax=ax,
    )
