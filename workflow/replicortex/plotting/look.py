"""How a condition is named and drawn."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """Label of the legend, colour and marker."""

    label: str
    colour: str
    marker: str
