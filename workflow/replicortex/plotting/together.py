"""Several figures of a paper drawn in one process."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_each(
    modules: Iterable[ModuleType], figures: Iterable[str], given: Mapping[str, Any]
) -> dict[str, Figure]:
    """Return the named figures, each drawn by its module's `draw` from what that asks for.

    Parameters
    ----------
    modules
        One for each figure, named as the figure.
    figures
        Which to draw.
    given
        Tables and values by name.
    """
    drawing = {module.__name__.rpartition(".")[2]: module.draw for module in modules}
    drawn = {}
    for name in figures:
        asked = inspect.signature(drawing[name]).parameters
        drawn[name] = drawing[name](**{key: given[key] for key in asked if key in given})
    return drawn
