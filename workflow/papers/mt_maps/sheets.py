"""What a map on a sheet is measured by: pinwheels, fractures, smoothness, coverage, and their nulls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from papers.mt_maps import maps, positions, tuning
from papers.mt_maps.measuring_settings import Measured, Tdann
from replicortex.core.errors import StudyError

BINS = 9  # of distance, from 0 to 2 sqrt(2) / 3 of the spacing [code: TDANN]
MANY = 1000  # units of one sample of pairs [code]
SAMPLES = 20  # [code]
AT_ONCE = 1_000_000  # pairs of units whose curves are multiplied at once
SMOOTH = 10  # shuffles of which the smoothness is taken: it is slow, and hardly varies
HUB = 0.25  # of the spacing: radius about a pinwheel [assumed]
SECTORS = 8  # of direction, looked for within that radius


@dataclass(frozen=True)
class Sheet:
    """Units of one layer: places in mm, complex tuning vectors, preference (deg), strength.

    Attributes
    ----------
    z1, z2
        (units,) sum R e^(i theta) / sum R and sum R e^(2 i theta) / sum R; 0 for silent units.
    strength
        (units,) peak-to-peak of the tuning curve.
    curves
        (units, directions) tuning curves of mean 0 and length 1; 0 for flat ones.
    """

    place: np.ndarray
    z1: np.ndarray
    z2: np.ndarray
    strength: np.ndarray
    side: float
    curves: np.ndarray

    def at(self, place: np.ndarray) -> Sheet:
        """Return the same units in other places."""
        if place.shape != self.place.shape:
            raise StudyError(
                f"positions: {place.shape} found, {self.place.shape} expected: "
                "they do not belong to this layer"
            )
        return replace(self, place=place)

    def fields(self, pixels: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the maps of direction and of axis."""
        return (
            maps.field(self.place, self.z1, self.side, pixels, sigma),
            maps.field(self.place, self.z2, self.side, pixels, sigma),
        )

    def windowed(self, units: int) -> maps.Windows:
        """Return TDANN's map of direction, of windows of some `units`, half the sheet at most."""
        width = self.side * min(0.5, (units / len(self.place)) ** 0.5)
        return maps.windowed(self.place, self.z1, self.side, width)


def sheet(place: np.ndarray, responses: np.ndarray, side: float) -> Sheet:
    """Return the sheet of units whose responses (units, conditions, directions, 2) are given."""
    curves = responses.mean((1, 3)).astype(float)
    vectors = [np.nan_to_num(tuning.vector(curves, order)) for order in (1, 2)]
    centred = curves - curves.mean(1, keepdims=True)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-30)
    return Sheet(np.asarray(place, float), *vectors, np.ptp(curves, axis=1), side, centred)


def measures(
    z1: np.ndarray,
    z2: np.ndarray,
    side: float,
    windows: maps.Windows,
    rules: Tdann,
    edge: float = 0.0,
) -> dict[str, float]:
    """Return what one pair of maps is measured by; NaN where a map is constant.

    Parameters
    ----------
    z1, z2, side
        Maps of direction and axis; mm.
    windows, rules
        TDANN's map of direction, and its thresholds (`measured.tdann`).
    edge
        mm from the sheet's edge within which neither pinwheels nor fractures count: units there see
        padding. The outermost pixels never count.

    Returns
    -------
    density: direction pinwheels per squared spacing (of the whole map); density_edge: the same within
    the edge alone; per_mm2; spacing (mm); positive, negative: how many of each sign; sign_balance;
    opposite: share whose nearest pinwheel has the other sign; apart: mean distance to the nearest
    pinwheel, mm; density_tdann, positive_tdann, negative_tdann: the same by TDANN's rules; density_axis:
    half pinwheels of the axis map per squared spacing of that map; fractures: mm per mm2.
    """
    border = border_of(edge, side, len(z1))
    found, everywhere = maps.pinwheels(z1, border), maps.pinwheels(z1)
    accepted = maps.tdann_pinwheels(
        windows, winding=rules.winding, spread=rules.spread, pixels=rules.pixels
    )
    middles = windows.first + windows.stride * np.arange(len(windows.z))
    kept = (middles >= edge) & (middles <= side - edge)
    kept[[0, -1]] = False  # they have no ring
    places = np.rint(accepted[:, :2]).astype(int)
    accepted = accepted[kept[places].all(1)]
    try:
        values = {
            "density": maps.density(z1, side, border),
            "spacing": maps.spacing(z1, side),
            "density_axis": maps.density(z2, side, border),
        }
    except StudyError:
        values = dict.fromkeys(("density", "spacing", "density_axis"), float("nan"))
    pixel = side / len(z1)
    area, whole = (((len(z1) - 1 - 2 * part) * pixel) ** 2 for part in (border, 1))
    ringed = (int(kept.sum()) * windows.stride) ** 2
    strip = (len(everywhere) - len(found)) / (whole - area) if whole > area else float("nan")
    return values | {
        "per_mm2": len(found) / area,
        "density_edge": strip * values["spacing"] ** 2,
        "density_tdann": len(accepted) / ringed * values["spacing"] ** 2
        if ringed
        else float("nan"),
        **_by_sign(found, ""),
        **_by_sign(accepted, "_tdann"),
        "sign_balance": maps.sign_balance(found),
        "opposite": maps.opposite_neighbours(found),
        "apart": maps.nearest(found) * pixel,
        "fractures": maps.fracture_density(z1, z2, side, border),
    }


def border_of(edge: float, side: float, pixels: int) -> int:
    """Return how many of a map's pixels lie within `edge` mm of its edge; at least the outermost."""
    return max(1, int(edge / side * pixels))


def _by_sign(found: np.ndarray, rules: str) -> dict[str, float]:
    return {
        f"{name}{rules}": float((found[:, 2] == sign).sum())
        for name, sign in (("positive", 1), ("negative", -1))
    }


def smoothness(
    units: Sheet, spacing: float, best: float, rng: np.random.Generator, axis: bool = False
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return S of the best tuned units, the centres of the bins (mm) and the differences (deg)."""
    chosen = np.argsort(-units.strength, kind="stable")[: max(3, round(best * len(units.z1)))]
    edges = np.linspace(0, 2 * np.sqrt(2) / 3 * spacing, BINS + 1)
    z, period = (units.z2, 180.0) if axis else (units.z1, 360.0)
    preference = np.rad2deg(np.angle(z[chosen])) * period / 360
    curve = maps.difference_curve(
        units.place[chosen],
        preference,
        edges,
        rng,
        period=period,
        draws=SAMPLES if len(chosen) > MANY else 1,
        units=MANY,
    )
    return maps.smoothness(curve), (edges[1:] + edges[:-1]) / 2, curve


def alike(units: Sheet, spacing: float, pixels: int, sigma: float) -> dict[str, float]:
    """Return how alike near units are.

    Parameters
    ----------
    units
        In their places.
    spacing
        Of the map's columns, mm.
    pixels, sigma
        Of the map on which homogeneity is taken: along an edge; mm.

    Returns
    -------
    homogeneity: local homogeneity index (Nauhaus et al. 2008), length of the Gaussian mean of unit
    vectors of preference, mean over the map; pair_correlation: mean correlation of the tuning curves of
    pairs in the first of the bins of distance, less that of all pairs. Copies of a channel count.
    """
    from scipy.spatial import cKDTree

    tuned = units.z1 != 0
    phasors = np.where(tuned, np.exp(1j * np.angle(units.z1)), 0)
    field = maps.field(units.place[tuned], phasors[tuned], units.side, pixels, sigma)
    reach = 2 * np.sqrt(2) / 3 * spacing / BINS
    pairs = cKDTree(units.place).query_pairs(reach, output_type="ndarray")
    parts = np.array_split(pairs, 1 + len(pairs) // AT_ONCE)
    near = sum(float((units.curves[a] * units.curves[b]).sum()) for a, b in (p.T for p in parts))
    count, own = len(units.curves), float((units.curves**2).sum())
    every = (float((units.curves.sum(0) ** 2).sum()) - own) / (count * (count - 1))
    correlation = near / len(pairs) - every if len(pairs) else float("nan")
    return {"homogeneity": float(np.abs(field).mean()), "pair_correlation": correlation}


def spatial_loss(
    units: Sheet, responses: np.ndarray, width: float, rng: np.random.Generator, windows: int = 20
) -> float:
    """Return the mean spatial loss over random windows, of responses to stimuli (units, ...)."""
    flat = responses.reshape(len(responses), -1).T.astype(float)
    found = []
    for _ in range(windows):
        chosen = positions.neighbourhood(units.place, width, 500, rng)
        if len(chosen) > 2:
            near = positions.nearness(units.place[chosen])
            found.append(positions.spatial_loss(positions.correlations(flat[:, chosen]), near))
    return float(np.mean(found)) if found else float("nan")


def retinotopy(place: np.ndarray, grid: int) -> float:
    """Return the correlation of a unit's x on the sheet with its column in the visual field."""
    column = np.tile(np.arange(grid), len(place) // grid)
    return float(np.corrcoef(place[:, 0], column)[0, 1])


def covered(
    z: np.ndarray,
    side: float,
    spacing: float,
    rng: np.random.Generator,
    points: int = 200,
    edge: float = 0.0,
) -> dict[str, float]:
    """Return how evenly a map covers place and direction, and how near like directions lie.

    Parameters
    ----------
    z
        Map of direction, complex (pixels, pixels).
    side, spacing
        Of the sheet, and of the map's columns; mm.
    rng
        Of the samples of pixels.
    points
        Random places with which pinwheels are compared.
    edge
        mm from the sheet's edge within which neither pinwheels nor those places lie.

    Returns
    -------
    coverage: c' of Gaussian fields of half a spacing and lobes of kappa 2; wiring: mean distance (mm)
    to units of like preference; hub: share of directions within a quarter of a spacing of a pinwheel;
    away: the same about random points.
    """
    pixels = len(z)
    centre = (np.arange(pixels) + 0.5) * side / pixels
    grid = np.stack(np.meshgrid(centre, centre), -1).reshape(-1, 2)
    preference = np.angle(z).ravel()
    inside = centre[(centre > spacing / 2) & (centre < side - spacing / 2)]
    inside = centre if len(inside) < 2 else inside
    step = max(1, len(inside) // 12)
    at = np.stack(np.meshgrid(inside[::step], inside[::step]), -1).reshape(-1, 2)
    even = maps.coverage(grid, preference, at, directions=16, sigma=spacing / 2, kappa=2.0)
    some = rng.choice(len(grid), min(400, len(grid)), replace=False)
    apart = np.hypot(*(grid[some][:, None] - grid[some]).transpose(2, 0, 1))
    alike = np.exp(4 * (np.cos(preference[some][:, None] - preference[some]) - 1))
    np.fill_diagonal(alike, 0)
    found = maps.pinwheels(z, border_of(edge, side, pixels))
    hubs = (found[:, :2] + 0.5) * side / pixels
    within = grid[((grid > edge) & (grid < side - edge)).all(1)]
    away = within[rng.choice(len(within), min(points, len(within)), replace=False)]
    radius = HUB * spacing

    def directions(places: np.ndarray) -> float:
        sector = np.floor(np.mod(preference, 2 * np.pi) / (2 * np.pi) * SECTORS).astype(int)
        shares = []
        for place in places:
            near = np.hypot(*(grid - place).T) <= radius
            shares.append(len(np.unique(sector[near] % SECTORS)) / SECTORS)
        return float(np.mean(shares)) if shares else float("nan")

    return {
        "coverage": even,
        "wiring": float((alike * apart).sum() / alike.sum()),
        "hub": directions(hubs),
        "away": directions(away),
    }


def rainbow(pixels: int, side: float, spacing: float) -> np.ndarray:
    """Return a map whose direction turns steadily along x, once per spacing: no pinwheels."""
    x = (np.arange(pixels) + 0.5) * side / pixels
    return np.exp(2j * np.pi * np.broadcast_to(x, (pixels, pixels)) / spacing)


def nulls(
    units: Sheet,
    z1: np.ndarray,
    z2: np.ndarray,
    spacing: float,
    measured: Measured,
    rng: np.random.Generator,
    edge: float = 0.0,
) -> dict[str, list[dict[str, float]]]:
    """Return what surrogates of a map are measured by, `measured.nulls` draws of each kind.

    Parameters
    ----------
    units
        In their places.
    z1, z2
        Maps of direction and axis.
    spacing
        Of the map's columns, mm.
    measured
        Section of the configuration.
    rng
        Of the surrogates; it is advanced.
    edge
        As for `measures`.

    Returns
    -------
    "phase": same spectra, random phases; "shuffle": the same units dealt to one another's places, of
    whose first SMOOTH the smoothness and the likeness are taken too. A scrambled map has no units, so
    TDANN's rules search it where they search the map itself.
    """
    found: dict[str, list[dict[str, float]]] = {"phase": [], "shuffle": []}
    rules = measured.tdann
    windows = units.windowed(rules.units)
    seen = np.nan_to_num(windows.z)
    for number in range(measured.nulls):
        scrambled = maps.phase_scramble(z1, rng), maps.phase_scramble(z2, rng)
        others = windows._replace(z=maps.phase_scramble(seen, rng))
        found["phase"].append(measures(*scrambled, units.side, others, rules, edge))
        dealt = units.at(units.place[rng.permutation(len(units.place))])
        fields = dealt.fields(measured.pixels, measured.sigma)
        values = measures(*fields, units.side, dealt.windowed(rules.units), rules, edge)
        for name, axis in (("smoothness", False), ("smoothness_axis", True)):
            if number >= SMOOTH:
                continue
            values[name] = smoothness(dealt, spacing, measured.best, rng, axis)[0]
        if number < SMOOTH:
            values |= alike(dealt, spacing, measured.pixels, measured.sigma)
        found["shuffle"].append(values)
    return found
