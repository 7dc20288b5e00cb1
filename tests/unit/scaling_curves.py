"""Curves of seconds against size, as benchmarks keep them."""

from __future__ import annotations

import numpy as np
import pytest


def check_curves(panels: list[dict], count: int, decade: bool = False) -> None:
    """Hold each curve to its sizes, and its exponent to the slope between its logarithms."""
    assert len(panels) == count
    for panel in panels:
        sizes = panel["sizes"]
        assert not decade or sizes[-1] >= 10 * sizes[0]
        assert "ours" in panel["ways"] and len(panel["ways"]) >= 2
        for found in panel["ways"].values():
            x, y = np.log(sizes), np.log(found["cpu_seconds"])
            slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
            assert found["exponent"] == pytest.approx(slope, abs=0.01)
