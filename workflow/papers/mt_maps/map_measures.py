"""What a network's map of units is measured by: on its own positions, with nulls, and on others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from papers.mt_maps import maps, sheets
from papers.mt_maps.answers import JUDGED, OF_MAP, Answers
from papers.mt_maps.measures import NAN, REAL, Row
from papers.mt_maps.measuring_settings import Measured
from replicortex.core.randomness import generator

# What is measured on positions other than a network's own, and what nulls are asked for.
ELSEWHERE = (
    *("smoothness", "smoothness_axis", "homogeneity", "pair_correlation"),
    *("density", "density_tdann", "spatial_loss"),
)
AGAINST_NULLS = (
    *("density", "density_tdann", "density_axis", "opposite", "fractures"),
    *("positive", "negative", "positive_tdann", "negative_tdann"),
    *("smoothness", "smoothness_axis", "homogeneity", "pair_correlation"),
)
SWAPS = ("first", "last", "rose")
DRAWN = ("phase", "shuffle")  # nulls that are drawn at random


class Mapped(NamedTuple):
    """Rows of measures, and the map to dots as figures draw it, int16 (rows, columns) by name."""

    rows: list[Row]
    pictures: dict[str, np.ndarray]


def measure_maps(
    answers: Answers,
    other: np.ndarray | None,
    measured: Measured,
    rng: np.random.Generator,
) -> Mapped:
    """Measure the map on its own positions, with nulls; and on controls' positions.

    Parameters
    ----------
    answers
        Of one network.
    other
        (units, 2) the map layer's positions of another seed's network, mm; None, or of other units:
        left out.
    measured
        Section of the configuration.
    rng
        Of samples of pairs, nulls and windows; it is advanced.

    Returns
    -------
    Rows; pictures: direction and axis in tenths of a degree, their strengths in thousandths.
    """
    layer = answers.map_layer
    own = answers.arrays[f"places/{layer}"]
    places = {"own": own, "retinotopic": answers.arrays[f"start/{layer}"]}
    uniform = generator(measured.seed, "uniform", answers.identity["seed"])
    places["uniform"] = uniform.uniform(0, answers.side, own.shape)
    if other is not None and other.shape == own.shape:
        places["other seed"] = other
    rows: list[Row] = []
    for stimulus, responses in answers.map_responses().items():
        units = sheets.sheet(own, responses, answers.side)
        for name, place in places.items():
            where = {"layer": layer, "positions": name, "stimulus": stimulus}
            at = units.at(np.asarray(place, float))
            values, spacing = _of_sheet(at, responses, answers, measured, rng)
            rows += [
                Row(measure, float(value), **where)
                for measure, value in values.items()
                if name == "own" or measure in ELSEWHERE
            ]
            if name == "own" and stimulus in OF_MAP:
                z1, z2 = at.fields(measured.pixels, measured.sigma)
                rows += _of_nulls(at, (z1, z2), spacing, where, measured, rng, answers.edge)
                rows += _of_coverage(z1, at.side, spacing, where, measured.nulls, rng, answers.edge)
                if stimulus == JUDGED:
                    drawn = _pictures(answers.identity, z1, z2)
    grid = round((len(own) / len(answers.channels(layer, OF_MAP[0]))) ** 0.5)
    rows += [
        Row("retinotopy", sheets.retinotopy(places[name], grid), layer=layer, positions=name)
        for name in ("own", "retinotopic")
    ]
    rows.append(Row("edge", answers.edge / answers.side, layer=layer))
    swaps = answers.swaps.get(layer, {})
    rows += [
        Row(f"swap_{name}", float(swaps[name]), layer=layer) for name in SWAPS if name in swaps
    ]
    return Mapped(rows, drawn)


def _of_sheet(
    units: sheets.Sheet,
    responses: np.ndarray,
    answers: Answers,
    measured: Measured,
    rng: np.random.Generator,
) -> tuple[dict[str, float], float]:
    """Return the measures of units (units, conditions, directions, 2) in places, and the spacing (mm).

    Without a map, where nothing is tuned, the spacing is a quarter of the sheet.
    """
    pixels, sigma, rules = measured.pixels, measured.sigma, measured.tdann
    z1, z2 = units.fields(pixels, sigma)
    values = sheets.measures(z1, z2, units.side, units.windowed(rules.units), rules, answers.edge)
    spacing = values["spacing"] if np.isfinite(values["spacing"]) else units.side / 4
    for name, axis in (("smoothness", False), ("smoothness_axis", True)):
        values[name] = sheets.smoothness(units, spacing, measured.best, rng, axis)[0]
    values |= sheets.alike(units, spacing, pixels, sigma)
    width = answers.layers[answers.map_layer].width
    values["spatial_loss"] = sheets.spatial_loss(units, responses, width, rng)
    return values, spacing


def _of_nulls(
    units: sheets.Sheet,
    fields: tuple[np.ndarray, np.ndarray],
    spacing: float,
    where: dict[str, str],
    measured: Measured,
    rng: np.random.Generator,
    edge: float,
) -> Iterator[Row]:
    """Yield mean and middle 95 % of the nulls of a map: scrambled phases, and dealt units."""
    found = sheets.nulls(units, *fields, spacing, measured, rng, edge)
    for null, draws in found.items():
        table = pd.DataFrame(draws)
        for name in table.columns.intersection(AGAINST_NULLS):
            drawn = table[name].dropna().to_numpy(float)
            yield Row(name, *spread(drawn), **where, null=null)


def _of_coverage(
    z1: np.ndarray,
    side: float,
    spacing: float,
    where: dict[str, str],
    nulls: int,
    rng: np.random.Generator,
    edge: float,
) -> Iterator[Row]:
    """Yield how evenly a map of direction and three surrogates of it cover, and their wiring.

    Of scrambled and shuffled maps, mean and middle 95 % of as many draws as smoothness has.
    """
    draws = min(nulls, sheets.SMOOTH)
    compared = {
        REAL: [z1],
        "phase": (maps.phase_scramble(z1, rng) for _ in range(draws)),
        "shuffle": (rng.permutation(z1.ravel()).reshape(z1.shape) for _ in range(draws)),
        "rainbow": [sheets.rainbow(len(z1), side, spacing)],
    }
    for null, drawn in compared.items():
        found = pd.DataFrame([sheets.covered(z, side, spacing, rng, edge=edge) for z in drawn])
        for name in found:
            values = found[name].dropna().to_numpy(float)
            numbers = spread(values) if null in DRAWN else (values.mean() if len(values) else NAN,)
            yield Row(name, *map(float, numbers), **where, null=null)


def _pictures(identity: dict[str, Any], z1: np.ndarray, z2: np.ndarray) -> dict[str, np.ndarray]:
    """Return direction and axis (tenths of a degree) and their strengths (thousandths), by name."""
    name = f"{identity['arm']}/{identity['network']}/{identity['alpha']:g}"
    panels = {
        "direction": np.mod(np.rad2deg(np.angle(z1)), 360) * 10,
        "axis": np.mod(np.rad2deg(np.angle(z2)), 360) * 5,
        "strength": np.abs(z1) * 1000,
        "axis_strength": np.abs(z2) * 1000,
    }
    return {f"{name}/{what}": values.round().astype(np.int16) for what, values in panels.items()}


def spread(drawn: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of a null and the range of its middle 95 %; NaN without a draw."""
    if not len(drawn):
        return NAN, NAN, NAN
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(drawn.mean()), float(low), float(high)
