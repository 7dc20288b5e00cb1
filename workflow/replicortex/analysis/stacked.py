"""Units of all layers of a system, side by side, and the transport of another layer's units to each.

Costs are correlation distances. Pairs of wide layers are searched by rough products; exact costs, inner
products in float64, are taken of some n + m arcs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array

from replicortex.analysis.rough_products import Rough, has_bfloat16
from replicortex.analysis.screening import screened
from replicortex.analysis.transport import ITERATIONS, MANY, check_marginals, transport

WIDE = 128  # units; pairs of narrower layers have too few arcs to search
DENSE = 1 / 25  # share of arcs above which one product is cheaper than theirs
BLOCK = 64  # stimuli; columns and rows of so many fit the cache


class Stacked:
    """Layers of a system, standardised per unit.

    Parameters
    ----------
    layers
        Responses, each (stimuli, units), units centred and of norm 1.
    bfloat16
        Whether rough products are in bfloat16, else float32; None: where `has_bfloat16`.
    """

    def __init__(self, layers: Sequence[np.ndarray], bfloat16: bool | None = None) -> None:
        self.bfloat16 = has_bfloat16() if bfloat16 is None else bfloat16
        self.wide = [layer.shape[1] >= WIDE for layer in layers]
        narrow = [layer for layer, wide in zip(layers, self.wide, strict=True) if not wide]
        self.narrow = np.concatenate(narrow, axis=1) if narrow else None
        self.ends = np.cumsum([layer.shape[1] for layer in narrow])[:-1]
        self.units = [by_unit(layer) for layer, wide in zip(layers, self.wide, strict=True) if wide]
        self.rough = [Rough.of(units, bfloat16=self.bfloat16) for units in self.units]

    def plans(self, source: np.ndarray) -> list[tuple[csr_array, float]]:
        """Return the plan from a source layer, (stimuli, units), to each layer, and its cost."""
        found: Iterator[tuple[csr_array, float]] = iter(())
        if self.narrow is not None:
            distances = 1 - source.T @ self.narrow
            found = iter([transport(part) for part in np.split(distances, self.ends, axis=1)])
        if not self.units:
            return list(found)
        units = by_unit(source)
        # A plan of least distance is one of least negative correlation.
        negative = Rough.of(-units, bfloat16=self.bfloat16)
        wide = (
            self._plan(units, negative, y, of_y)
            for y, of_y in zip(self.units, self.rough, strict=True)
        )
        return [next(wide if one else found) for one in self.wide]

    def _plan(
        self, x: np.ndarray, negative: Rough, y: np.ndarray, rough: Rough
    ) -> tuple[csr_array, float]:
        if len(x) * len(y) >= MANY:
            found = screened(*negative.products(rough), _negative(x, y), iterations=ITERATIONS)
            if found is not None:
                plan, total = found
                check_marginals(plan)
                return plan, 1 + total
        return transport(1 - x @ y.T)


def by_unit(layer: np.ndarray) -> np.ndarray:
    """Return responses (units, stimuli), in C order, of a layer (stimuli, units)."""
    units = np.empty(layer.shape[::-1])
    for start in range(0, len(layer), BLOCK):
        units[:, start : start + BLOCK] = layer[start : start + BLOCK].T
    return units


def _negative(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what gives the negative correlations of pairs of units, (units, stimuli) each."""

    def correlations(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        if len(rows) > DENSE * len(x) * len(y):
            found: np.ndarray = -(x @ y.T)[rows, columns]
            return found
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return -np.array([np.dot(x[i], y[j]) for i, j in pairs])

    return correlations
