"""Encoding models of the second feature space, a network's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.encoding import of_network
from replicortex.plotting.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(scores: Path) -> Figure:
    """Draw what the figure `encoding` draws, of the second space."""
    return of_network(scores, 1)
