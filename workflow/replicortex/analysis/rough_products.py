"""Inner products of many units in low precision, and how far they may be off.

In bfloat16 where torch is loaded and the processor multiplies it (AMX), else in float32.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from replicortex.analysis.screening import FLOAT32

BFLOAT16 = 2.0**-8  # relative error of rounding


def has_bfloat16() -> bool:
    """Return whether torch is loaded and this processor multiplies bfloat16 in hardware.

    Torch is not loaded for it: that takes as long as it saves over some 200 pairs of layers.
    """
    torch: Any = sys.modules.get("torch")
    told = getattr(getattr(torch, "cpu", None), "_is_amx_tile_supported", None)
    return bool(told and told())


@dataclass(frozen=True)
class Rough:
    """Units (units, stimuli), rounded.

    `values` is a float32 array, or a tensor of torch.bfloat16; `norm` is the largest norm of a unit,
    `off` the largest norm of what rounding took from one.
    """

    values: Any
    norm: float
    off: float

    @classmethod
    def of(cls, units: np.ndarray, *, bfloat16: bool) -> Rough:
        """Round units, (units, stimuli) float64."""
        norm = float(np.sqrt(np.einsum("ij,ij->i", units, units).max()))
        single = units.astype(np.float32)
        if not bfloat16:
            return cls(single, norm, FLOAT32 * norm)
        torch: Any = sys.modules["torch"]
        values = torch.from_numpy(single).bfloat16()
        lost = units - values.float().numpy()
        return cls(values, norm, float(np.sqrt(np.einsum("ij,ij->i", lost, lost).max())))

    def products(self, other: Rough) -> tuple[np.ndarray, float]:
        """Return inner products with other units, (units, others) float32, and their largest error.

        The error is a bound, not an estimate: what rounding took from the units (Cauchy-Schwarz), sums
        of so many terms in any order in float32 (Higham 2002, 3.5), and rounding of the result.
        """
        if isinstance(self.values, np.ndarray):
            found = self.values @ other.values.T
        else:
            found = (self.values @ other.values.T).float().numpy()
        norms = (self.norm + self.off) * (other.norm + other.off)
        terms = self.values.shape[1]
        error = self.off * (other.norm + other.off) + self.norm * other.off
        error += norms * terms * FLOAT32 / (1 - terms * FLOAT32)
        if not isinstance(self.values, np.ndarray):
            error += BFLOAT16 * (norms + error)
        return found, error
