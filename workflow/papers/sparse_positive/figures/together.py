"""All figures in one job, where starting one costs more than drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from papers.sparse_positive.figures import (
    alphas,
    balance,
    controls,
    directions,
    encoding,
    generator,
    intervals,
    localizer,
    networks,
    neurons,
    passing,
    spaces,
    stages,
    toy,
)
from replicortex.plotting.together import draw_each

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODULES = (
    alphas,
    balance,
    controls,
    directions,
    encoding,
    generator,
    intervals,
    localizer,
    networks,
    neurons,
    passing,
    spaces,
    stages,
    toy,
)


def draw(figures: Sequence[str], **given: Any) -> dict[str, Figure]:
    """Return the named figures of the paper, from its tables by name."""
    return draw_each(MODULES, figures, given)
