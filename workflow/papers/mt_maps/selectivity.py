"""Direction tuning of channels: the copies of a channel over the sheet are one sample, not many."""

from __future__ import annotations

import numpy as np
import pandas as pd

from papers.mt_maps import tuning
from replicortex.core.errors import StudyError

CURVES = ("averaged", "best")  # over cycles and speeds; or each channel's best of them
MEASURES = (
    *("dsi_a", "dsi_b", "dsi_vector", "dsi_a_baseline"),
    *("cv_dir", "cv_ax", "axial_ratio", "circ_sd"),
)


def curves(responses: np.ndarray, kind: str) -> np.ndarray:
    """Return tuning (channels, directions, 2 halves) of responses (channels, conditions, ...).

    "averaged" over conditions, or of the condition in which a channel answers most ("best", the
    practice of physiology; averaging lowers selectivity).
    """
    if kind == "averaged":
        return responses.mean(1)
    if kind != "best":
        raise StudyError(f"tuning curves: '{kind}' is unknown; valid are {', '.join(CURVES)}")
    best = responses.mean(3).max(2).argmax(1)
    return responses[np.arange(len(responses)), best]


def silent(halves: np.ndarray, share: float) -> np.ndarray:
    """Return which channels never answer: peak below a share of the largest, or no change at all."""
    mean = halves.mean(-1)
    peak = mean.max(1)
    return (peak <= share * peak.max()) | (np.ptp(mean, axis=1) <= 1e-6 * np.maximum(peak, 1e-30))


def held_out(halves: np.ndarray, form: str, baseline: np.ndarray | float = 0.0) -> np.ndarray:
    """Return a selectivity whose preferred direction comes from the other half, mean of both ways."""
    one, other = halves[..., 0], halves[..., 1]
    return (
        tuning.selectivity(one, form, other, baseline)
        + tuning.selectivity(other, form, one, baseline)
    ) / 2


def of_channels(halves: np.ndarray, baseline: np.ndarray, share: float) -> pd.DataFrame:
    """Return one row per channel: selectivity in all forms, variances, preference, silence.

    Parameters
    ----------
    halves
        (channels, directions, 2).
    baseline
        (channels,), answers to a blank.
    share
        See `silent`. Measures of silent channels are NaN: counted, not read.
    """
    mean = halves.mean(-1).astype(float)
    quiet = silent(halves, share)
    used = np.where(quiet[:, None, None], 1.0, halves)  # any constant: its rows are NaN below
    flat = used.mean(-1)
    cv_dir, cv_ax = (tuning.circular_variance(flat, order) for order in (1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        table = pd.DataFrame(
            {
                "dsi_a": held_out(used, "a"),
                "dsi_b": held_out(used, "b"),
                "dsi_vector": 1 - cv_dir,
                "dsi_a_baseline": held_out(used, "a", np.where(quiet, 0, baseline)),
                "cv_dir": cv_dir,
                "cv_ax": cv_ax,
                "axial_ratio": (1 - cv_ax) / np.maximum(1 - cv_dir, 1e-9),
                "circ_sd": tuning.circular_sd(flat),
                "preferred": np.rad2deg(tuning.preferred(flat)),
            }
        )
    table[quiet] = np.nan
    table.insert(0, "channel", np.arange(len(mean)))
    return table.assign(peak=mean.max(1), silent=quiet)


def fits(halves: np.ndarray, quiet: np.ndarray, least: float) -> pd.DataFrame:
    """Return two-lobe fits of channels that answer, a row a channel.

    Parameters
    ----------
    halves
        (channels, directions, 2).
    quiet
        (channels,) which are silent: they are left out.
    least
        Share of the variance that a fit has to explain: the numbers of others say little of the channel.

    Returns
    -------
    channel, g (0 to 1), kappa, fwhm (deg, of the fit), circ_sd (deg, of the curve), mean (deg), baseline
    and amplitude (as the responses), explained (share of the variance), accepted (whether it is enough).
    """
    rows = []
    used = np.flatnonzero(~quiet)
    mean = halves.mean(-1).astype(float)
    found = tuning.fit_many(mean[used]) if len(used) else []
    for channel, fit in zip(used, found, strict=True):
        rows.append(
            {
                "channel": channel,
                "g": fit.g,
                "kappa": fit.kappa,
                "fwhm": tuning.fitted_width(fit),
                "circ_sd": float(tuning.circular_sd(mean[channel])),
                "mean": np.rad2deg(fit.mean),
                "baseline": fit.baseline,
                "amplitude": fit.amplitude,
                "explained": fit.explained,
                "accepted": fit.explained >= least,
            }
        )
    names = [
        "channel",
        "g",
        "kappa",
        "fwhm",
        "circ_sd",
        "mean",
        "baseline",
        "amplitude",
        "explained",
        "accepted",
    ]
    return pd.DataFrame(rows, columns=names)


def median(values: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the median over channels with its 95 % bootstrap interval; NaN without a channel."""
    kept = np.asarray(values, float)
    kept = kept[np.isfinite(kept)]
    if not len(kept):
        return (float("nan"),) * 3
    drawn = np.median(kept[rng.integers(0, len(kept), (draws, len(kept)))], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.median(kept)), float(low), float(high)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean cosine of the differences of preferred directions (deg); NaN left out."""
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.cos(np.deg2rad(one[both] - other[both])).mean()) if both.any() else float("nan")


def pattern_index(gratings: np.ndarray, plaids: np.ndarray) -> np.ndarray:
    """Return Z_pattern - Z_component of each channel (Movshon et al. 1985, Rust et al. 2006).

    Parameters
    ----------
    gratings, plaids
        (channels, n) curves over the same directions. Components of a plaid lie 60 deg to either
        side of its direction; the prediction is interpolated by the Fourier series.
    """
    n = gratings.shape[1]
    spectrum = np.fft.rfft(gratings, axis=1)
    order = np.arange(spectrum.shape[1])
    component = sum(
        np.fft.irfft(spectrum * np.exp(1j * order * turn), n=n, axis=1)
        for turn in (-np.pi / 3, np.pi / 3)
    )

    def correlate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(size > 0, (a * b).sum(1) / size, np.nan)
        return np.clip(found, -0.9999, 0.9999)  # a curve that is its own prediction stays finite

    pattern, parts = correlate(plaids, gratings), correlate(plaids, component)
    between = correlate(gratings, component)

    def z(of: np.ndarray, given: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            partial = (of - given * between) / np.sqrt((1 - given**2) * (1 - between**2))
            return np.arctanh(np.clip(partial, -0.9999, 0.9999)) * np.sqrt(n - 3)

    return z(pattern, parts) - z(parts, pattern)


def albright_types(direction: np.ndarray, static: np.ndarray) -> np.ndarray:
    """Return the angle (deg, 0 to 90) between preferred direction and normal of static gratings.

    Near 0: type I (a bar is best across the direction in which it moves); near 90: type II.

    Parameters
    ----------
    direction
        (channels,) deg.
    static
        (channels, n) answers to standing gratings whose normals run from 0 to 180 deg.
    """
    n = static.shape[1]
    turned = static @ np.exp(2j * np.pi * np.arange(n) / n)
    normal = np.rad2deg(np.angle(turned)) / 2
    apart = np.mod(direction - normal, 180)
    return np.minimum(apart, 180 - apart)
