"""What a network's channels are measured by: selectivity, fits, agreement between stimuli."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from papers.mt_maps import selectivity
from papers.mt_maps.answers import OF_MAP, Answers
from papers.mt_maps.measures import Row
from papers.mt_maps.measuring_settings import Measured
from replicortex.analysis import rank, ties

OBLIQUE = 45.0  # deg: what lies nearer to horizontal than this is called horizontal
FITTED = ("g", "fwhm", "kappa")
COMPARED = ("gratings", "dots", "plaids", "moved")


class Tuning(NamedTuple):
    """Rows of measures; by channel of the map layer its measures and fits; its curves to gratings."""

    rows: list[Row]
    channels: pd.DataFrame
    fits: pd.DataFrame
    curves: pd.DataFrame


def measure_tuning(answers: Answers, measured: Measured, rng: np.random.Generator) -> Tuning:
    """Measure the channels of every layer, and the fits and types of the map layer's.

    Parameters
    ----------
    answers
        Of one network.
    measured
        Section of the configuration: silent, draws.
    rng
        Of the bootstraps over channels; it is advanced.

    Returns
    -------
    Rows with medians over channels; tables "channels" and "fits" of both families of OF_MAP, a row a
    channel; "curves" (channel, direction in deg, response), channels that answer alone.
    """
    rows: list[Row] = []
    channels, fits, curves = [], [], []
    for layer in (layer for layer in answers.layers if answers.has(layer, OF_MAP[0])):
        blank = answers.channels(layer, "blank").mean((1, 2, 3))
        mapped = layer == answers.map_layer
        for stimulus in OF_MAP if mapped else OF_MAP[:1]:
            responses = answers.channels(layer, stimulus)
            for curve in selectivity.CURVES if mapped else selectivity.CURVES[:1]:
                where = {"layer": layer, "stimulus": stimulus, "curve": curve}
                halves = selectivity.curves(responses, curve)
                table = selectivity.of_channels(halves, blank, measured.silent)
                rows += _of_channels(table, where, measured.draws, rng)
                if not mapped or curve != "averaged":
                    continue
                quiet = table["silent"].to_numpy(bool)
                fitted = selectivity.fits(halves, quiet, measured.explained)
                rows += _of_fits(fitted, where, measured.draws, rng)
                of = {**answers.identity, "stimulus": stimulus}
                channels.append(table.assign(**of))
                fits.append(fitted.assign(**of, source=answers.source))
                if stimulus == OF_MAP[0]:
                    curves.append(_curves(halves, quiet).assign(**answers.identity))
    rows += _agreements(answers, measured, rng)
    rows += _coherence(answers, measured, rng)
    joined = (pd.concat(parts, ignore_index=True) for parts in (channels, fits, curves))
    return Tuning(rows, *joined)


def _of_channels(
    table: pd.DataFrame, where: dict[str, str], draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield how many channels are silent and how many answer, and medians of their measures."""
    quiet = table["silent"].to_numpy(bool)
    yield Row("silent", float(quiet.mean()), **where)
    yield Row("channels", float((~quiet).sum()), **where)
    for name in selectivity.MEASURES:
        values = table[name].to_numpy(float)
        values = np.where(np.isinf(values), np.nan, values)
        yield Row(name, *selectivity.median(values, draws, rng), **where)


def _of_fits(
    fitted: pd.DataFrame, where: dict[str, str], draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield medians of the two-lobe fits, and how g goes with the ratio of the two widths.

    Of accepted fits alone; "fitted" is their share, and "explained" is of all.
    """
    accepted = fitted["accepted"].to_numpy(bool)
    yield Row("fitted", float(accepted.mean()) if len(fitted) else np.nan, **where)
    explained = fitted["explained"].to_numpy(float)
    yield Row("explained", *selectivity.median(explained, draws, rng), **where)
    fitted = fitted[accepted]

    def middle(name: str, values: np.ndarray) -> Row:
        return Row(name, *selectivity.median(values, draws, rng), **where)

    gain = fitted["g"].to_numpy(float)
    for name in FITTED:
        yield middle(name, fitted[name].to_numpy(float))
    ratio = (fitted["circ_sd"] / fitted["fwhm"]).to_numpy(float)
    yield middle("bandwidth_ratio", np.where(np.isfinite(ratio), ratio, np.nan))
    yield Row("g_against_ratio", spearman(gain, ratio), **where)
    angle = np.mod(fitted["mean"].to_numpy(float), 180)
    level = np.minimum(angle, 180 - angle) < OBLIQUE
    for name, chosen in (("g_horizontal", level), ("g_vertical", ~level)):
        yield middle(name, gain[chosen])


def _curves(halves: np.ndarray, quiet: np.ndarray) -> pd.DataFrame:
    """Return the tuning curves of channels that answer, a row a direction."""
    mean = halves.mean(-1)[~quiet]
    n = mean.shape[1]
    return pd.DataFrame(
        {
            "channel": np.repeat(np.flatnonzero(~quiet), n),
            "direction": np.tile(np.arange(n) * 360 / n, len(mean)),
            "response": mean.ravel().round(4),
        }
    )


def _agreements(answers: Answers, measured: Measured, rng: np.random.Generator) -> Iterator[Row]:
    """Yield how preferences agree between stimuli, of patterns and components, of direction and axis.

    agreement: mean cosine with gratings (`selectivity.agreement`); pattern_index: median of Z_pattern
    - Z_component; type_1, type_2: shares of channels whose direction lies within 30 deg of the normal of
    their best standing grating, or beyond 60 (Albright 1984); cv_orientation: median.
    """
    layer = answers.map_layer
    preferred, means = {}, {}
    for stimulus in (name for name in COMPARED if answers.has(layer, name)):
        halves = selectivity.curves(answers.channels(layer, stimulus), "averaged")
        table = selectivity.of_channels(halves, np.zeros(len(halves)), measured.silent)
        preferred[stimulus] = table["preferred"].to_numpy(float)
        means[stimulus] = halves.mean(-1)
    for stimulus, own in preferred.items():
        if stimulus != "gratings":
            value = selectivity.agreement(preferred["gratings"], own)
            yield Row("agreement", value, layer=layer, stimulus=stimulus)
    index = selectivity.pattern_index(means["gratings"], means["plaids"])
    middle = selectivity.median(index, measured.draws, rng)
    yield Row("pattern_index", *middle, layer=layer, stimulus="plaids")
    static = answers.channels(layer, "static").mean((1, 3))
    apart = selectivity.albright_types(preferred["gratings"], static)
    tuned = np.isfinite(apart)
    for name, values in (("type_1", apart < 30), ("type_2", apart > 60)):
        share = float(values[tuned].mean()) if tuned.any() else np.nan
        yield Row(name, share, layer=layer, stimulus="static")
    for stimulus in ("static", "counterphase"):
        spread = _spread_of_axes(answers.channels(layer, stimulus).mean((1, 3)).astype(float))
        middle = selectivity.median(spread, measured.draws, rng)
        yield Row("cv_orientation", *middle, layer=layer, stimulus=stimulus)


def _spread_of_axes(curves: np.ndarray) -> np.ndarray:
    """Return the circular variance of orientation, of curves (channels, n) over half a circle."""
    total = np.maximum(curves.sum(1), 1e-30)
    turned = curves @ np.exp(2j * np.pi * np.arange(curves.shape[1]) / curves.shape[1])
    return 1 - np.abs(turned) / total


def _coherence(answers: Answers, measured: Measured, rng: np.random.Generator) -> Iterator[Row]:
    """Yield the median selectivity at each coherence of the dots."""
    responses = answers.channels(answers.map_layer, "coherence")
    for number, level in enumerate(answers.families["coherence"]["conditions"]):
        halves = responses[:, number]
        table = selectivity.of_channels(halves, np.zeros(len(halves)), measured.silent)
        middle = selectivity.median(table["dsi_b"].to_numpy(float), measured.draws, rng)
        stimulus = f"coherence {level['coherence']:g}"
        yield Row("dsi_b", *middle, layer=answers.map_layer, stimulus=stimulus)


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Return the rank correlation over finite pairs; NaN for fewer than four or a constant.

    Ties and constants are such up to rounding (`ties.tolerance`).
    """
    both = np.isfinite(one) & np.isfinite(other)
    found = np.stack([one[both], other[both]])
    if both.sum() < 4 or ties.constant(found).any():
        return float("nan")
    return float(rank.spearman(found[:1], found[1:])[0, 0])
