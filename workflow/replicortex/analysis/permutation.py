"""Exact permutation tests of a small sample: sign flips of paired differences."""

from typing import Literal

import numpy as np

from replicortex.analysis.intervals import as_sample
from replicortex.core.errors import StudyError

Alternative = Literal["greater", "less", "two-sided"]
MOST_FLIPPED = 40  # two halves of 2**20 sums; more should be sampled


def sign_flip(values: np.ndarray, alternative: Alternative = "two-sided") -> float:
    """Exact p value of the mean over all 2^n assignments of signs, the observed one included.

    As `scipy.stats.permutation_test(permutation_type="samples")` over all assignments, which lists
    each of them. Here the signed sums of each half of the values are listed, 2^(n/2), and pairs that
    reach the observed sum are counted by search (Horowitz and Sahni 1974).

    Parameters
    ----------
    values : array of shape (n,), 1 <= n <= 40
        Paired differences, for instance one per seed.
    alternative : "greater", "less" or "two-sided"
        What the mean is under the alternative; "two-sided" compares absolute means. With n
        values the smallest p is 1 / 2^n, two-sided 2 / 2^n (5 seeds: 0.031 and 0.0625).

    Raises
    ------
    StudyError
        No value, more than 40, NaN, or another alternative.
    """
    values = as_sample(values, least=1, what="a sign-flip test")
    if len(values) > MOST_FLIPPED:
        raise StudyError(
            f"an exact sign-flip test goes up to {MOST_FLIPPED} values, found {len(values)}"
        )
    if alternative not in ("greater", "less", "two-sided"):
        raise StudyError(
            f"sign-flip test: alternative is 'greater', 'less' or 'two-sided', "
            f"found {alternative!r}"
        )
    observed = float(values.sum())
    if alternative == "less":
        observed = -observed  # the sums lie symmetric around 0
    elif alternative == "two-sided":
        observed = abs(observed)
    # Equal sums can differ by rounding and must count as equal.
    bound = observed - 1e-12 * float(np.abs(values).sum())
    if alternative == "two-sided" and bound <= 0:
        return 1.0
    half = len(values) // 2
    one, other = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    reach = len(other) - np.searchsorted(other, bound - one, side="left")
    tails = 2 if alternative == "two-sided" else 1
    signs: int = 2 ** len(values)
    return tails * int(reach.sum()) / signs


def sign_flips(values: np.ndarray) -> np.ndarray:
    """One-sided p values ("greater") of many samples at once, as `sign_flip` gives each.

    Parameters
    ----------
    values : array of shape (..., n), 1 <= n <= 16
        Paired differences; all 2^n sums of each sample are held at once.

    Raises
    ------
    StudyError
        No value or more than 16.
    """
    n = values.shape[-1]
    if not 1 <= n <= 16:
        raise StudyError(f"sign flips of many samples take 1 to 16 values each, found {n}")
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    sums = values @ signs.T.astype(np.float64)
    bound = values.sum(axis=-1) - 1e-12 * np.abs(values).sum(axis=-1)
    return np.asarray((sums >= bound[..., None]).mean(axis=-1))


def _signed_sums(values: np.ndarray) -> np.ndarray:
    """Return the sums of values of shape (n,) under all assignments of signs, (2^n,)."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
