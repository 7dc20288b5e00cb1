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
    # Clean images, ten networks, cross-entropy alone; the single curve of rho 0 is the control.
    "boost": {"ce": (0.0289, 0.0307, 0.0299, 0.0315, 0.0312, 0.0310)},
}


def values(quantity: str, objective: str) -> list[tuple[float, float]]:
    """Return (rho, published value) where the paper gives one."""
    listed = PUBLISHED.get(quantity, {}).get(objective, ())
    return [(rho, value) for rho, value in zip(RHOS, listed, strict=False) if value == value]
