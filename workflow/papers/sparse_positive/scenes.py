"""Which of NSD's pictures figure 3 is about."""

from __future__ import annotations

import numpy as np

from replicortex.data import nsd


def shared_stimuli(design: nsd.Design) -> np.ndarray:
    """Return the stimuli that all people share and the design shows three times, ascending.

    The paper's figure 3 halves 1,000: as in DeepNSD, one trains on every second from the first, and
    tests on the others.
    """
    seen = np.bincount(design.order, minlength=design.images.shape[1]) >= nsd.REPEATS
    places = np.flatnonzero(seen[: design.shared])
    return np.sort(design.images[0][places])
