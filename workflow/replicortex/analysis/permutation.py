"""Small-sample statistics over seeds or subjects: sign flips, effect sizes, t-intervals."""

from typing import Literal

import numpy as np
from scipy import stats

from replicortex.core.errors import StudyError

Alternative = Literal["greater", "less", "two-sided"]
MOST_FLIPPED = 20  # 2**20 assignments take some 20 ms; more should be sampled


def sign_flip(values: np.ndarray, alternative: Alternative = "two-sided") -> float:
    """Exact p value of the mean over all 2^n assignments of signs, the observed one included.

    Parameters
    ----------
    values : array of shape (n,), 1 <= n <= 20
        Paired differences, for instance one per seed.
    alternative : "greater", "less" or "two-sided"
        What the mean is under the alternative; "two-sided" compares absolute means. With n
        values the smallest p is 1 / 2^n, two-sided 2 / 2^n (5 seeds: 0.031 and 0.0625).

    Raises
    ------
    StudyError
        No value, more than 20, NaN, or another alternative.
    """
    values = _as_sample(values, least=1, what="a sign-flip test")
    if len(values) > MOST_FLIPPED:
        raise StudyError(
            f"an exact sign-flip test goes up to {MOST_FLIPPED} values, found {len(values)}"
        )
    if alternative not in ("greater", "less", "two-sided"):
        raise StudyError(
            f"sign-flip test: alternative is 'greater', 'less' or 'two-sided', "
            f"found {alternative!r}"
        )
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    observed = sums[0]  # no sign flipped, added in the same order as all the others
    if alternative == "less":
        sums, observed = -sums, -observed
    elif alternative == "two-sided":
        sums, observed = np.abs(sums), abs(observed)
    # Equal sums can differ by rounding and must count as equal.
    slack = 1e-12 * np.abs(values).sum()
    return float(np.mean(sums >= observed - slack))


def cohens_d_paired(differences: np.ndarray) -> float:
    """Mean of paired differences over their standard deviation (n - 1): Cohen's d_z.

    Parameters
    ----------
    differences : array of shape (n,), n >= 2

    Raises
    ------
    StudyError
        Fewer than 2 values, NaN, or no spread.
    """
    differences = _as_sample(differences, least=2, what="a paired Cohen's d")
    return _ratio(differences.mean(), differences.std(ddof=1), "a paired Cohen's d")


def cohens_d(a: np.ndarray, b: np.ndarray) -> float:
    """Mean of `a` minus mean of `b` over the pooled standard deviation: two-sample Cohen's d.

    The pooled variance weighs each sample's variance (n - 1) by its degrees of freedom; no
    small-sample correction (that would be Hedges' g).

    Parameters
    ----------
    a : array of shape (n,), n >= 2
    b : array of shape (m,), m >= 2

    Raises
    ------
    StudyError
        Fewer than 2 values in a sample, NaN, or no spread in either.
    """
    a = _as_sample(a, least=2, what="Cohen's d")
    b = _as_sample(b, least=2, what="Cohen's d")
    freedom = len(a) + len(b) - 2
    pooled = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / freedom)
    return _ratio(a.mean() - b.mean(), pooled, "Cohen's d")


def t_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Student's t-interval of the mean: (lower, upper).

    Parameters
    ----------
    values : array of shape (n,), n >= 2
        One value per seed or subject, taken as independent.
    level : float
        Coverage, between 0 and 1.

    Raises
    ------
    StudyError
        Fewer than 2 values, NaN, or a level outside (0, 1).
    """
    values = _as_sample(values, least=2, what="a t-interval")
    if not 0 < level < 1:
        raise StudyError(f"level of an interval: expected a number between 0 and 1, found {level}")
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def _as_sample(values: np.ndarray, least: int, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < least:
        raise StudyError(f"{what} needs at least {least} value(s) in a row, found {values.shape}")
    if not np.isfinite(values).all():
        raise StudyError(f"{what}: {(~np.isfinite(values)).sum()} value(s) are NaN or infinite")
    return values


def _ratio(difference: float, spread: float, what: str) -> float:
    if spread <= 1e-14 * abs(difference) or spread == 0:
        raise StudyError(f"{what} is not defined: the values have no spread")
    return float(difference / spread)
