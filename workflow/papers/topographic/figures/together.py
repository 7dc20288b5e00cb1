"""All figures in one job, where starting one costs more than drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from papers.topographic.figures import (
    accuracy,
    bias,
    consistency,
    distances,
    ensembles,
    groups,
    maps,
    patches,
    readout,
    realised,
    similarity,
    smoothness,
    switches,
    trunks,
    tsne,
)
from replicortex.plotting.together import draw_each

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODULES = (
    accuracy,
    bias,
    consistency,
    distances,
    ensembles,
    maps,
    patches,
    readout,
    similarity,
    smoothness,
    switches,
    trunks,
    tsne,
    groups,
    realised,
)


def draw(figures: Sequence[str], **given: Any) -> dict[str, Figure]:
    """Return the named figures of the paper, from its tables by name."""
    return draw_each(MODULES, figures, given)
