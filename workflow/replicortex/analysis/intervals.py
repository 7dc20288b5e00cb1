"""Effect sizes of a small sample over seeds or subjects, and intervals by Student's t."""

import math
from functools import cache
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtr

from replicortex.core.errors import StudyError


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
    differences = as_sample(differences, least=2, what="a paired Cohen's d")
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
    a = as_sample(a, least=2, what="Cohen's d")
    b = as_sample(b, least=2, what="Cohen's d")
    freedom = len(a) + len(b) - 2
    pooled = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / freedom)
    return _ratio(a.mean() - b.mean(), pooled, "Cohen's d")


def t_interval(values: np.ndarray, level: float = 0.95) -> tuple[Any, Any]:
    """Student's t-interval of the mean: (lower, upper), floats of one sample, arrays (...) of many.

    Parameters
    ----------
    values : array of shape (..., n), n >= 2
        One value per seed or subject along the last axis, taken as independent.
    level : float
        Coverage, between 0 and 1.

    Raises
    ------
    StudyError
        Fewer than 2 values, NaN, or a level outside (0, 1).
    """
    values = as_sample(values, least=2, what="a t-interval", many=True)
    if not 0 < level < 1:
        raise StudyError(f"level of an interval: expected a number between 0 and 1, found {level}")
    n = values.shape[-1]
    half = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1, axis=-1) / n**0.5
    lower, upper = values.mean(axis=-1) - half, values.mean(axis=-1) + half
    return (float(lower), float(upper)) if values.ndim == 1 else (lower, upper)


def fieller_interval(
    start: np.ndarray, end: np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Fieller's (1954) interval of mean end over mean start, paired: (lower, upper), arrays (...).

    All ratios r that a t-test of end - r start against 0 does not refuse. Where the mean start
    cannot be told from 0 at this level the interval is (-inf, inf); where it is not above 0, NaN.

    Parameters
    ----------
    start, end : arrays of shape (..., n), n >= 2
        One value of each per unit.
    level : float
        Coverage, between 0 and 1.

    Raises
    ------
    StudyError
        Fewer than 2 values, NaN, other shapes, or a level outside (0, 1).
    """
    start = as_sample(start, least=2, what="Fieller's interval", many=True)
    end = as_sample(end, least=2, what="Fieller's interval", many=True)
    if start.shape != end.shape:
        raise StudyError(
            f"Fieller's interval: starts {start.shape} and ends {end.shape} expected alike"
        )
    if not 0 < level < 1:
        raise StudyError(f"level of an interval: expected a number between 0 and 1, found {level}")
    n = start.shape[-1]
    factor = stats.t.ppf((1 + level) / 2, n - 1) ** 2 / n
    at, to = start.mean(axis=-1), end.mean(axis=-1)
    both = ((start - at[..., None]) * (end - to[..., None])).sum(axis=-1) / (n - 1)
    # r^2 a - 2 r b + c <= 0
    a = at**2 - factor * start.var(axis=-1, ddof=1)
    b = at * to - factor * both
    c = to**2 - factor * end.var(axis=-1, ddof=1)
    bounded = a > 0
    safe = np.where(bounded, a, 1.0)
    half = np.sqrt(np.clip(b**2 - a * c, 0, None)) / safe
    blank = np.where(at > 0, 0.0, np.nan)
    lower = np.where(bounded, b / safe - half, -np.inf) + blank
    upper = np.where(bounded, b / safe + half, np.inf) + blank
    return lower, upper


def jackknifed(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Pseudo-values of the mean over pairs, one for each member that pairs share (Tukey 1958).

    Pairs that share a member are not independent: their mean has the spread of k members, not of
    k (k - 1) / 2 pairs. A t-interval over pseudo-values with k - 1 degrees of freedom says so.

    Parameters
    ----------
    values : array of shape (..., pairs)
    members : integer array of shape (pairs, 2)
        The two members of each pair, numbered from 0.

    Returns
    -------
    array of shape (..., members)

    Raises
    ------
    StudyError
        Fewer than 3 members, or a member without whom no pair is left.
    """
    values = np.asarray(values, dtype=np.float64)
    count = int(members.max()) + 1 if len(members) else 0
    without = np.array([~(members == member).any(axis=1) for member in range(count)])
    if count < 3 or not without.any(axis=1).all():
        raise StudyError(f"a jackknife over pairs needs 3 members and more, found {count}")
    left = values @ (without / without.sum(axis=1, keepdims=True)).T
    found: np.ndarray = count * values.mean(axis=-1, keepdims=True) - (count - 1) * left
    return found


def cohens_d_interval(d: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a two-sample Cohen's d, from the non-central t: (lower, upper).

    Steiger and Fouladi 1997: the shifts under which the t found lies at either tail.

    Parameters
    ----------
    d : float
        As `cohens_d` gives it.
    n : int
        Values in each of the two samples, n >= 2.
    level : float
        Coverage, between 0 and 1.
    """
    scale = math.sqrt(n / 2)
    t, freedom, tail = d * scale, 2 * n - 2, (1 - level) / 2
    reach = 10 + 3 * abs(t)

    def shift_at(probability: float) -> float:
        return float(
            brentq(
                lambda shift: noncentral_t_cdf(t, freedom, shift) - probability,
                t - reach,
                t + reach,
            )
        )

    return shift_at(1 - tail) / scale, shift_at(tail) / scale


def noncentral_t_cdf(t: float, freedom: int, shift: float) -> float:
    """Return P(T <= t) for the non-central t of `freedom` >= 2 degrees of freedom.

    The normal's distribution at t s - shift, averaged over s = sqrt(chi^2 / freedom), by
    Gauss-Legendre quadrature. SciPy's own gives NaN in the tails (1.17: t = -8, shift = 8).
    """
    s, weights = _spreads(freedom)
    return float(np.sum(weights * ndtr(t * s - shift)))


@cache
def _spreads(freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values of s = sqrt(chi^2 / freedom) and what each weighs in a mean over s, (400,) each."""
    law = stats.chi(freedom, scale=1 / math.sqrt(freedom))
    low, high = law.ppf(1e-15), law.isf(1e-15)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    s = low + (high - low) * (nodes + 1) / 2
    return s, weights * law.pdf(s) * (high - low) / 2


def as_sample(values: np.ndarray, least: int, what: str, many: bool = False) -> np.ndarray:
    """Return a sample as float64 (n,), or say what is wrong with it.

    Parameters
    ----------
    values : array of shape (n,), n >= least
    what : str
        What needs the sample, in an error.
    many
        Whether it may be many samples, (..., n).

    Raises
    ------
    StudyError
        Too few values, not in a row, NaN or infinity.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim < 1 or (values.ndim > 1 and not many) or values.shape[-1] < least:
        raise StudyError(f"{what} needs at least {least} value(s) in a row, found {values.shape}")
    if not np.isfinite(values).all():
        raise StudyError(f"{what}: {(~np.isfinite(values)).sum()} value(s) are NaN or infinite")
    return values


def _ratio(difference: float, spread: float, what: str) -> float:
    if spread <= 1e-14 * abs(difference) or spread == 0:
        raise StudyError(f"{what} is not defined: the values have no spread")
    return float(difference / spread)
