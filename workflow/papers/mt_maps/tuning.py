"""Direction tuning: selectivity, circular variance, widths, two-lobe fits.

Definitions follow the usual ones of physiology [assumed]; the paper's own are not at hand. A curve has
n directions, equally spaced from 0 to 360 deg; responses are rates, at least 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replicortex.core.errors import StudyError

FEWEST = 8  # directions below which a circular variance mostly measures the sampling


def angles(n: int) -> np.ndarray:
    """Return n directions (rad), equally spaced from 0.

    Raises
    ------
    StudyError
        When n is below 8 or odd: no null direction is then measured.
    """
    if n < FEWEST or n % 2:
        raise StudyError(
            f"directions: {n} found, an even number of at least {FEWEST} expected; "
            "fewer cannot tell direction from axis"
        )
    return 2 * np.pi * np.arange(n) / n


def vector(curves: np.ndarray, order: int = 1) -> np.ndarray:
    """Return sum_d R_d exp(i order theta_d) / sum_d R_d, complex; order 2 is the axis.

    Silent curves (sum 0) give NaN: the caller counts them.
    """
    curves = _checked(curves)
    total = curves.sum(-1)
    turned = curves @ np.exp(1j * order * angles(curves.shape[-1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, turned / total, np.nan)


def circular_variance(curves: np.ndarray, order: int = 1) -> np.ndarray:
    """Return 1 - |vector|: 0 a single direction (order 1) or axis (order 2), 1 no tuning."""
    return 1 - np.abs(vector(curves, order))


def circular_sd(curves: np.ndarray) -> np.ndarray:
    """Return sqrt(-2 ln(1 - CV_dir)) in deg: the statistical bandwidth; infinite where CV is 1."""
    with np.errstate(divide="ignore"):
        return np.rad2deg(np.sqrt(-2 * np.log(np.abs(vector(curves)))))


def preferred(curves: np.ndarray, order: int = 1) -> np.ndarray:
    """Return the preferred direction (rad, 0 to 2 pi), or axis (rad, 0 to pi) for order 2."""
    return np.mod(np.angle(vector(curves, order)), 2 * np.pi) / order


def selectivity(
    curves: np.ndarray, form: str, held_out: np.ndarray | None = None, baseline: float = 0.0
) -> np.ndarray:
    """Return a direction selectivity index.

    Parameters
    ----------
    curves
        (..., n): from which the preferred direction is taken.
    form
        "a": 1 - null/preferred (above 1 where null lies below the baseline); "b": (preferred -
        null)/(preferred + null); "vector": 1 - CV_dir. b = a / (2 - a): never mix them.
    held_out
        Curves of the other half of the repeats, on which the index is measured. Without it the
        maximum of noisy curves inflates a and b.
    baseline
        Response to a blank, subtracted.

    Raises
    ------
    StudyError
        When the form is unknown, or the halves differ in shape.
    """
    curves = _checked(curves)
    measured = curves if held_out is None else _checked(held_out)
    if measured.shape != curves.shape:
        raise StudyError(f"halves of the tuning: {curves.shape} and {measured.shape} differ")
    if form == "vector":
        return np.abs(vector(np.maximum(measured - baseline, 0)))
    if form not in ("a", "b"):
        raise StudyError(f"selectivity: form '{form}' is unknown; valid are a, b, vector")
    best = curves.argmax(-1)[..., None]
    null = (best + curves.shape[-1] // 2) % curves.shape[-1]
    at_best = np.take_along_axis(measured, best, -1)[..., 0] - baseline
    at_null = np.take_along_axis(measured, null, -1)[..., 0] - baseline
    with np.errstate(invalid="ignore", divide="ignore"):
        if form == "a":
            return np.where(at_best > 0, 1 - at_null / at_best, np.nan)
        total = at_best + at_null
        return np.where(total > 0, (at_best - at_null) / total, np.nan)


def width(curves: np.ndarray, baseline: np.ndarray | float = 0.0, fine: int = 7200) -> np.ndarray:
    """Return the full width (deg) at half of (peak - baseline) about the peak.

    The curve is interpolated by its Fourier series at `fine` directions. A curve that never falls to
    the half has no width: NaN.
    """
    curves = np.atleast_2d(_checked(curves))
    baselines = np.broadcast_to(np.asarray(baseline, float), curves.shape[:1])
    n = curves.shape[-1]
    spectrum = np.fft.rfft(curves, axis=-1)
    spectrum[:, -1] /= 2  # the frequency at the limit counts once on the finer grid's two sides
    dense = np.fft.irfft(spectrum, n=fine, axis=-1) * (fine / n)
    widths = np.full(len(curves), np.nan)
    for number, (curve, base) in enumerate(zip(dense, baselines, strict=True)):
        peak = int(curve.argmax())
        half = base + (curve[peak] - base) / 2
        above = np.roll(curve, -peak) - half
        if above[0] > 0 and (above <= 0).any():
            widths[number] = (_crossing(above) + _crossing(np.roll(above[::-1], 1))) * 360 / fine
    return widths


def _crossing(above: np.ndarray) -> float:
    """Return the place, in steps, at which a curve that starts above 0 first falls to it."""
    end = int(np.argmax(above <= 0))
    return end - 1 + above[end - 1] / (above[end - 1] - above[end])


@dataclass(frozen=True)
class TwoLobes:
    """R = baseline + amplitude (v(theta - mean) + g v(theta - mean - pi)), v = e^(kappa (cos - 1))."""

    baseline: float
    amplitude: float
    mean: float  # rad
    kappa: float
    g: float  # gain of the lobe at the opposite direction, 0 to 1
    explained: float  # share of the variance

    def curve(self, theta: np.ndarray) -> np.ndarray:
        """Return the fitted responses at directions theta (rad)."""
        return self.baseline + self.amplitude * two_lobes(theta - self.mean, self.kappa, self.g)


def fitted_width(fit: TwoLobes, fine: int = 7200) -> float:
    """Return the full width (deg) at half the height of the first lobe above the baseline.

    Of the fitted curve itself, at `fine` directions: its values at the measured directions alone would
    make a lobe narrower than their step too wide. NaN for a curve that never falls to the half.
    """
    lobe = two_lobes(np.linspace(0, np.pi, fine // 2 + 1), fit.kappa, fit.g)
    above = lobe - lobe[0] / 2
    return 2 * _crossing(above) * 360 / fine if (above <= 0).any() else float("nan")


def two_lobes(theta: np.ndarray, kappa: float, g: float) -> np.ndarray:
    """Return a lobe at 0 of height 1 and one at pi of height g."""
    cosine = np.cos(theta)
    return np.exp(kappa * (cosine - 1)) + g * np.exp(kappa * (-cosine - 1))


def fit_two_lobes(curve: np.ndarray) -> TwoLobes:
    """Fit two von Mises lobes by least squares, from six widths: the oracle of `fit_many`.

    Parameters
    ----------
    curve
        (n,) rates to equally spaced directions.

    Returns
    -------
    The best of the six; baseline and amplitude as the curve, kappa 0.05 to 50, g 0 to 1.

    Raises
    ------
    StudyError
        When the curve is constant: it has no direction to fit.
    """
    from scipy.optimize import least_squares

    curve = _checked(curve)
    theta = angles(len(curve))
    spread = float(curve.max() - curve.min())
    if spread <= 1e-12 * max(float(curve.max()), 1e-300):
        raise StudyError("two-lobe fit: the tuning curve is constant")
    scaled = curve / curve.max()

    def residual(x: np.ndarray) -> np.ndarray:
        base, size, mean, kappa, g = x
        return base + size * two_lobes(theta - mean, kappa, g) - scaled

    start = theta[curve.argmax()]
    low = [0, 0, start - np.pi / 2, 0.05, 0]
    high = [1, 10, start + np.pi / 2, 50, 1]
    fits = [
        least_squares(
            residual,
            [max(scaled.min(), 1e-3) * 0.9, 0.9, start, kappa, 0.2],
            bounds=(low, high),
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
        for kappa in (0.3, 1.0, 2.0, 4.0, 8.0, 16.0)
    ]
    best = min(fits, key=lambda fit: fit.cost)
    base, size, mean, kappa, g = (float(x) for x in best.x)
    explained = 1 - 2 * best.cost / float(((scaled - scaled.mean()) ** 2).sum())
    peak = float(curve.max())
    return TwoLobes(base * peak, size * peak, mean % (2 * np.pi), kappa, g, explained)


STARTS = (0.3, 1.0, 2.0, 4.0, 8.0, 16.0)  # kappa of the six starts
ROUNDS = 200


def fit_many(curves: np.ndarray) -> list[TwoLobes]:
    """Return `fit_two_lobes` of each curve, all at once: Levenberg and Marquardt, kept in bounds.

    Parameters
    ----------
    curves
        (curves, n) rates to equally spaced directions.

    Raises
    ------
    StudyError
        When a curve is constant.
    """
    curves = _checked(curves)
    peak = curves.max(1)
    spread = np.ptp(curves, axis=1)
    if (spread <= 1e-12 * np.maximum(peak, 1e-300)).any():
        raise StudyError("two-lobe fit: the tuning curve is constant")
    count, n = curves.shape
    theta = angles(n)
    scaled = np.repeat(curves / peak[:, None], len(STARTS), axis=0)
    best = np.repeat(theta[curves.argmax(1)], len(STARTS))
    x = np.stack(
        [
            np.maximum(scaled.min(1), 1e-3) * 0.9,
            np.full(len(best), 0.9),
            best,
            np.tile(STARTS, count),
            np.full(len(best), 0.2),
        ],
        axis=1,
    )
    low = np.stack([0 * best, 0 * best, best - np.pi / 2, 0 * best + 0.05, 0 * best], 1)
    high = np.stack([0 * best + 1, 0 * best + 10, best + np.pi / 2, 0 * best + 50, 0 * best + 1], 1)
    damping = np.full(len(x), 1e-3)
    residual, slope = _lobes_and_slopes(theta, x, scaled)
    cost = (residual**2).sum(1)
    for _ in range(ROUNDS):
        normal = slope.transpose(0, 2, 1) @ slope
        pull = np.einsum("knp,kn->kp", slope, residual)
        # What lies at a bound and would leave it stays there.
        stuck = ((x <= low) & (pull > 0)) | ((x >= high) & (pull < 0))
        free = (~stuck).astype(float)
        normal = normal * free[:, :, None] * free[:, None, :]
        scale = np.maximum(np.einsum("kpp->kp", normal), 1e-9) * damping[:, None] + (1 - free)
        normal = normal + scale[:, :, None] * np.eye(5)
        move = np.linalg.solve(normal, (pull * free)[:, :, None])[:, :, 0]
        tried = np.clip(x - move, low, high)
        found, slopes = _lobes_and_slopes(theta, tried, scaled)
        lower = (found**2).sum(1) < cost
        x, residual, slope = (
            np.where(lower[:, None], tried, x),
            np.where(lower[:, None], found, residual),
            np.where(lower[:, None, None], slopes, slope),
        )
        cost = (residual**2).sum(1)
        damping = np.clip(np.where(lower, damping / 5, damping * 4), 1e-12, 1e12)
        if (damping >= 1e11).all() or (not (np.abs(move) > 1e-10)[lower].any() and lower.all()):
            break
    chosen = cost.reshape(count, len(STARTS)).argmin(1) + np.arange(count) * len(STARTS)
    total = ((scaled - scaled.mean(1, keepdims=True)) ** 2).sum(1)
    return [
        TwoLobes(
            float(x[k, 0] * top),
            float(x[k, 1] * top),
            float(x[k, 2] % (2 * np.pi)),
            float(x[k, 3]),
            float(x[k, 4]),
            float(1 - cost[k] / total[k]),
        )
        for k, top in zip(chosen, peak, strict=True)
    ]


def _lobes_and_slopes(
    theta: np.ndarray, x: np.ndarray, scaled: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return residuals (k, n) of the two lobes and their slopes (k, n, 5)."""
    base, size, mean, kappa, g = (part[:, None] for part in x.T)
    cosine, sine = np.cos(theta - mean), np.sin(theta - mean)
    one, other = np.exp(kappa * (cosine - 1)), np.exp(kappa * (-cosine - 1))
    both = one + g * other
    slopes = [
        np.ones_like(both),
        both,
        size * kappa * sine * (one - g * other),
        size * (one * (cosine - 1) - g * other * (cosine + 1)),
        size * other,
    ]
    return base + size * both - scaled, np.stack(slopes, -1)


def _checked(curves: np.ndarray) -> np.ndarray:
    curves = np.asarray(curves, dtype=float)
    angles(curves.shape[-1])
    if not np.isfinite(curves).all():
        raise StudyError("tuning: a response is not finite")
    return curves
