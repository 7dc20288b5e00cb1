"""How alike two layers are, by other means than transport: CKA, RSA, Procrustes, ridge regression.

Layers are (stimuli, units), units centred; the same stimuli in both. All similarities are at most 1.
"""

from __future__ import annotations

import numpy as np

from replicortex.analysis import ties
from replicortex.analysis.rdm import correlation_distance, upper


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Return linear centred kernel alignment (Kornblith et al. 2019): 0 to 1.

    |X'Y|_F^2 / (|X'X|_F |Y'Y|_F).
    """
    both = np.linalg.norm(x.T @ y) ** 2
    return float(both / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def procrustes(x: np.ndarray, y: np.ndarray) -> float:
    """Return the nuclear norm of X'Y over the layers' Frobenius norms: 0 to 1.

    1 - half the squared Procrustes distance of layers of norm 1; widths may differ.
    """
    nuclear = np.linalg.svd(x.T @ y, compute_uv=False).sum()
    return float(nuclear / (np.linalg.norm(x) * np.linalg.norm(y)))


def ranked_rdm(x: np.ndarray) -> np.ndarray:
    """Return the ranks of a layer's dissimilarities (1 - Pearson), centred, norm 1: (pairs,).

    NaN where all dissimilarities are the same: they have no order.
    """
    pairs = upper(correlation_distance(x, "layer"))
    if ties.constant(pairs):
        return np.full(len(pairs), np.nan)
    ranks = ties.average_ranks(pairs[None])[0]
    ranks -= ranks.mean()
    unit: np.ndarray = ranks / np.linalg.norm(ranks)
    return unit


def rsa(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's correlation between the dissimilarities of two layers: -1 to 1, or NaN."""
    return float(ranked_rdm(x) @ ranked_rdm(y))


def ridge_weights(y: np.ndarray, x: np.ndarray, penalty: float) -> np.ndarray:
    """Return W (units of y, units of x) that minimises |X - Y W|_F^2 + penalty |W|_F^2."""
    return np.linalg.solve(y.T @ y + penalty * np.eye(y.shape[1]), y.T @ x)
