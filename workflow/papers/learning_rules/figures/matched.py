"""The faithful rules beside backpropagation at equal test accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.learning_rules.figures.parts import (
    CONDITIONS,
    FIXED_LAYER,
    area_label,
    draw_marks,
    legend_above,
    present,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DRAWN = ("rule", "seed", "target_rule", "test_accuracy", "pooling", "roi", "layer", "rho")
TARGETS = {
    "fa_all": "feedback\nalignment,\nevery layer",
    "pc_supervised": "predictive\ncoding,\nsupervised",
    "stdp_pair": "STDP, pairs,\nwinner-\ntake-all",
}
APART = 0.3  # from backpropagation to the rule, at one place


@styled
def draw(matched: Path, early: str) -> Figure:
    """Draw each faithful rule beside backpropagation at the checkpoints nearest in test accuracy.

    Parameters
    ----------
    matched
        The table of this name.
    early
        The region that counts as early.
    """
    table = where(table_of(matched, DRAWN), roi=early)
    targets = [rule for rule in TARGETS if rule in set(table["target_rule"])] or present(table)[:1]
    percent = where(table, layer="best", pooling="global")
    panels = {
        f"{FIXED_LAYER} on a 4 × 4 grid": where(table, layer=FIXED_LAYER, pooling="grid"),
        "Best of four layers": where(table, layer="best", pooling="global"),
        "How equal accuracies are": percent.assign(rho=100 * percent["test_accuracy"]),
    }
    plotted = [rule for rule in present(table) if rule in ("bp", *targets)]
    figure = new_figure(3.3)
    axes = figure.subplots(1, 3)
    axes[1].sharey(axes[0])
    for mark, ax, (title, rows) in zip("abc", axes, panels.items(), strict=True):
        letter(ax, mark, title)
        for target in targets:
            pair = [rule for rule in dict.fromkeys(("bp", target)) if rule in present(rows)]
            own = where(rows, target_rule=target, rule=pair).dropna(subset="rho")
            for rule in pair:
                one = where(own, rule=rule)
                filled = not CONDITIONS[rule].faithful
                draw_marks(ax, one, "target_rule", targets, pair, APART, filled)
        ax.set_xticks(range(len(targets)), [TARGETS.get(rule, rule) for rule in targets])
        ax.tick_params(axis="x", length=0)
        ax.set_xlim(-0.5, len(targets) - 0.5)
        zero_line(ax)
    axes[0].set_ylabel(f"{RHO.axis} with {early}")
    axes[2].set_ylabel("Test accuracy (%)")
    axes[2].set_ylim(bottom=0)
    legend_above(figure, plotted)
    of = where(panels["Best of four layers"], target_rule=targets)
    pairs = of[(of["rule"] == "bp") | (of["rule"] == of["target_rule"])]
    missing = int(pairs["rho"].isna().sum())
    note(
        figure,
        f"{area_label(early)}, running statistics. Marks: mean over seeds; whiskers: ±1 s.d. Left out of a "
        f"and b: {missing} of {len(pairs)} networks with no checkpoint of equal accuracy.",
    )
    return figure
