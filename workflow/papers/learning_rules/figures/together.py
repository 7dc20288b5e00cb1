"""All figures in one job, where starting one costs more than drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from papers.learning_rules.figures import (
    all_rois,
    change,
    controls,
    differences,
    displacement,
    early_area,
    matched,
    partial,
    reference,
    resolution,
)
from replicortex.plotting.together import draw_each

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODULES = (
    *(all_rois, change, controls, differences, displacement, early_area),
    *(matched, partial, reference, resolution),
)


def draw(figures: Sequence[str], **given: Any) -> dict[str, Figure]:
    """Return the named figures of the paper, from its tables by name."""
    return draw_each(MODULES, figures, given)
