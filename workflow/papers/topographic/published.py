"""The paper's own numbers: tables, and figures read off (section 3 of its replication notes).

Accuracy and RDM consistency come from the tables of an earlier manuscript of the same paper, which
are its Figures 1 and 6 drawn as numbers; cosines from Table 1; Moran's I (+-.02), row norms (+-.05)
and boosts were read off Figures 4 and 7.
"""

from __future__ import annotations

RHOS = (0, 0.008, 0.04, 0.2, 1, 5)
NAN = float("nan")

# Quantity -> objective -> values at RHOS.
PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "accuracy": {
        "margin": (0.90, 0.91, 0.91, 0.91, 0.90, 0.88),
        "ce": (0.91, 0.91, 0.91, 0.91, 0.91, 0.91),
        "simclr": (0.77, 0.77, 0.72, 0.64, 0.60, 0.56),
        "supcon": (0.91, 0.91, 0.91, 0.91, 0.91, 0.91),
    },
    "cosine_within": {
        "margin": (0.87, 0.85, 0.85, 0.87, 0.93, 0.99),
        "ce": (0.77, 0.79, 0.80, 0.82, 0.85, 0.89),
        "simclr": (0.26, 0.26, 0.28, 0.78, 0.98, 1.00),
        "supcon": (0.83, 0.83, 0.84, 0.84, 0.95, 1.00),
    },
    "cosine_across": {
        "margin": (0.18, 0.15, 0.02, 0.00, 0.51, 0.93),
        "ce": (-0.01, 0.00, -0.03, -0.05, -0.05, -0.03),
        "simclr": (0.05, 0.05, 0.07, 0.71, 0.97, 1.00),
        "supcon": (0.10, 0.04, 0.06, -0.03, 0.70, 1.00),
    },
    "rdm_consistency": {
        "margin": (0.87, 0.86, 0.85, 0.80, 0.74, 0.50),
        "ce": (0.83, 0.83, 0.73, 0.61, 0.44, 0.51),
        "simclr": (0.84, 0.79, 0.81, 0.51, 0.84, 0.82),
        "supcon": (0.80, 0.83, 0.80, 0.79, 0.62, 0.67),
    },
    "moran": {
        "ce": (NAN, 0.28, 0.85, 0.86, 0.88, 0.84),
        "margin": (NAN, 0.16, 0.65, 0.80, 0.38, 0.07),
        "supcon": (NAN, 0.10, 0.69, 0.87, 0.21, 0.00),
        "simclr": (NAN, 0.20, 0.71, 0.63, 0.07, 0.00),
    },
    "row_norm": {
        "ce": (2.17, 0.88, 0.56, 0.30, 0.16, 0.05),
        "margin": (4.13, 2.18, 0.68, 0.25, 0.07, 0.02),
        "supcon": (3.11, 1.91, 0.76, 0.26, 0.07, 0.01),
        "simclr": (5.00, 2.51, 0.70, 0.13, 0.02, 0.00),
    },
    # Trained without dropout, one run [Figure 4a, dotted].
    "moran_no_dropout": {
        "ce": (NAN, 0.05, 0.16, 0.31, 0.77, 0.65),
        "margin": (NAN, 0.17, 0.63, 0.75, 0.21, 0.04),
        "supcon": (NAN, 0.23, 0.68, 0.76, 0.24, 0.04),
        "simclr": (NAN, 0.08, 0.41, 0.44, -0.03, 0.02),
    },
    # Clean images, ten networks, cross-entropy alone; the single curve of rho 0 is the control.
    "boost": {"ce": (0.0289, 0.0307, 0.0299, 0.0315, 0.0312, 0.0310)},
}


TAUS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8)
# Mean distance of pairs with r >= TAUS, grid units, read off Figure 5 (+-.15): objective -> rho.
DISTANCES: dict[str, dict[float, tuple[float, ...]]] = {
    "ce": {
        0.008: (8.0, 7.8, 7.4, 7.1, 6.8, 6.3),
        0.04: (6.5, 4.3, 3.0, 2.7, 2.4, 2.1),
        0.2: (7.9, 6.9, 5.6, 4.8, 4.1, 3.3),
        1: (8.4, 8.2, 7.8, 7.3, 6.6, 5.7),
        5: (8.4, 8.3, 8.1, 7.8, 7.2, 6.4),
    },
    "margin": {
        0.04: (7.4, 6.6, 5.4, 4.6, 3.8, 3.3),
        0.2: (6.7, 5.4, 4.1, 3.4, 2.8, 2.4),
        1: (6.7, 5.9, 4.7, 4.0, 3.4, 2.9),
        5: (6.7, 5.9, 5.0, 4.6, 4.0, 3.4),
    },
    "supcon": {
        0.04: (6.9, 6.2, 5.5, 5.1, 4.6, 4.0),
        0.2: (5.2, 3.5, 2.8, 2.6, 2.4, 2.3),
        1: (6.8, 5.5, 4.0, 3.4, 2.9, 2.5),
        5: (6.7, 5.7, 4.7, 4.2, 3.7, 3.1),
    },
    "simclr": {
        0.008: (8.2, 8.1, 7.8, 7.7, 7.5, 7.3),
        0.04: (7.7, 6.7, 4.1, 2.4, 1.5, 1.2),
        0.2: (7.6, 6.2, 3.3, 2.2, 1.8, 1.5),
        1: (7.8, 6.8, 4.5, 3.2, 2.2, 1.8),
        5: (7.6, 6.3, 4.2, 3.0, 2.2, 1.7),
    },
}

LEVELS = (0.01, 0.05, 0.1, 0.15, 0.2)
# Boosts under noise, percentage points, from the paths of Figure 7 (+-.01): noise -> at LEVELS, at
# rho .008, .04, .2, 1 and 5, then of the control (rho 0).
NOISY_BOOSTS: dict[str, tuple[tuple[float, ...], ...]] = {
    "white": (
        (3.18, 3.23, 3.37, 3.29, 3.35, 3.04),
        (5.76, 5.09, 5.32, 5.38, 5.67, 5.21),
        (7.06, 6.74, 6.31, 5.73, 6.28, 6.75),
        (3.92, 2.43, 1.50, 0.44, 2.81, 2.88),
        (1.06, -1.07, -1.05, 0.13, -1.00, -0.04),
    ),
    "pink": (
        (3.11, 3.14, 3.16, 3.19, 3.28, 2.93),
        (6.15, 5.90, 6.09, 6.21, 6.13, 5.57),
        (7.88, 7.04, 5.77, 6.45, 8.39, 6.87),
        (3.73, 1.66, 1.09, 1.16, 2.53, 2.00),
        (0.83, 0.00, 0.11, -1.04, -0.16, -0.03),
    ),
    "salt_pepper": (
        (4.70, 4.50, 5.11, 5.01, 5.26, 4.77),
        (7.36, 7.31, 7.84, 7.23, 9.03, 7.89),
        (7.00, 7.52, 9.05, 8.91, 9.78, 9.54),
        (1.31, 1.78, 4.55, 4.25, 4.12, 3.45),
        (-1.32, 1.36, 0.14, 0.11, -0.24, 0.09),
    ),
}


def noisy_boosts(noise: str, rho: float) -> list[tuple[float, float]]:
    """Return (level, published gain in percentage points) of one strength."""
    order = (*RHOS[1:], 0)
    if rho not in order:
        return []
    rows = NOISY_BOOSTS[noise]
    return [(level, row[order.index(rho)]) for level, row in zip(LEVELS, rows, strict=True)]


def values(quantity: str, objective: str) -> list[tuple[float, float]]:
    """Return (rho, published value) where the paper gives one."""
    listed = PUBLISHED.get(quantity, {}).get(objective, ())
    return [(rho, value) for rho, value in zip(RHOS, listed, strict=False) if value == value]
