"""Maps of preferred direction on the sheet: pinwheels, fractures, spacing, density, smoothness, nulls.

A field is a complex array (rows, columns): its argument is the preferred direction z1, or twice the
preferred axis z2. Distances are in mm. Pinwheels are winding numbers about 2 x 2 pixels, or what TDANN's
rules accept. Angles of the direction field are never doubled: a direction pinwheel has charge +-1, an
axis pinwheel +-1/2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from replicortex.core.errors import StudyError

JUMP = np.deg2rad(135)  # of direction, across a fracture [assumed]
AXIS_JUMP = np.deg2rad(45)  # of axis, which a fracture leaves alone [assumed]
STRONG = 0.5  # of the map's median strength of axis, kept on both sides of a fracture [assumed]


def field(
    positions: np.ndarray, vectors: np.ndarray, side: float, pixels: int, sigma: float
) -> np.ndarray:
    """Return the local mean of units' complex vectors: Gaussian weights, pixel centres.

    Parameters
    ----------
    positions
        (units, 2), x and y in mm, from 0 to `side`.
    vectors
        (units,), sum R e^(i theta) (direction) or sum R e^(2 i theta) (axis) over sum R.
    side, sigma
        mm.
    pixels
        Along an edge.

    Raises
    ------
    StudyError
        When there are not as many positions as units.
    """
    positions = np.asarray(positions, float)
    if positions.shape != (len(vectors), 2):
        raise StudyError(
            f"positions: {positions.shape} found, ({len(vectors)}, 2) expected: "
            "they do not belong to this layer"
        )
    centres = (np.arange(pixels) + 0.5) * side / pixels
    across = np.exp(-0.5 * ((centres[:, None] - positions[:, 0]) / sigma) ** 2)
    down = np.exp(-0.5 * ((centres[:, None] - positions[:, 1]) / sigma) ** 2)
    weight = down @ across.T
    return ((down * vectors) @ across.T) / np.maximum(weight, 1e-300)


def wrap(angle: np.ndarray) -> np.ndarray:
    """Return angles (rad) in [-pi, pi)."""
    return np.mod(angle + np.pi, 2 * np.pi) - np.pi


def windings(z: np.ndarray) -> np.ndarray:
    """Return the winding number of arg z about each 2 x 2 pixels, int (rows - 1, columns - 1).

    +1 where arg z rises anticlockwise, with rows running up.
    """
    a = np.angle(z)
    right, up = wrap(np.diff(a, axis=1)), wrap(np.diff(a, axis=0))
    turn = right[:-1] + up[:, 1:] - right[1:] - up[:, :-1]
    return np.rint(turn / (2 * np.pi)).astype(int)


def pinwheels(z: np.ndarray, border: int = 1) -> np.ndarray:
    """Return pinwheels, (n, 3): x, y (pixels) and sign, without those within `border` pixels."""
    found = windings(z)
    row, column = np.nonzero(found)
    inside = (row >= border) & (column >= border)
    inside &= (row < found.shape[0] - border) & (column < found.shape[1] - border)
    row, column = row[inside], column[inside]
    return np.stack([column + 0.5, row + 0.5, np.sign(found[row, column])], axis=1)


# Steps (row, column) round a pixel, anticlockwise with rows running up, from its lower left.
RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
STRIDE = 0.3  # of a window's width, between windows [code: TDANN]
HALVED = (
    2  # TDANN's angles are orientations: its thresholds are half of those of a field's argument
)


class Windows(NamedTuple):
    """TDANN's map: z, complex; how mixed the units of each window are; in mm, distance of windows and
    the middle of the first."""

    z: np.ndarray
    spread: np.ndarray
    stride: float
    first: float = 0.0


def ring_windings(z: np.ndarray) -> np.ndarray:
    """Return how often arg z turns along the ring of 8 pixels about each inner pixel.

    Float (rows - 2, columns - 2). As in TDANN (neuroailab/TDANN, spacetorch/maps/pinwheel_detector.py)
    the step from the last pixel of the ring to the first is left out: an even pinwheel has 7/8.
    """
    a = np.angle(z)
    rows, columns = a.shape
    around = np.stack([a[1 + r : rows - 1 + r, 1 + c : columns - 1 + c] for r, c in RING])
    return wrap(np.diff(around, axis=0)).sum(0) / (2 * np.pi)


def windowed(positions: np.ndarray, vectors: np.ndarray, side: float, width: float) -> Windows:
    """Return TDANN's map of units, and how mixed they are, in square windows (smoother.py there).

    Parameters
    ----------
    positions, vectors
        As of `field`; units whose vector is 0 are left out.
    side, width
        Of the sheet and of a window, mm. Windows lie wholly within the sheet, STRIDE widths apart.

    Returns
    -------
    Mean of the units' unit vectors (rows, columns), and the circular SD (deg) of their preferences
    over their number; NaN where a window has none.
    """
    tuned = vectors != 0
    places, phasors = positions[tuned], np.exp(1j * np.angle(vectors[tuned]))
    starts = np.linspace(0, side - width, max(3, int((side - width) / (STRIDE * width))))
    within = [
        ((at >= starts[:, None]) & (at < starts[:, None] + width)).astype(float) for at in places.T
    ]
    across, down = within
    with np.errstate(divide="ignore", invalid="ignore"):
        count = down @ across.T
        z = (down * phasors) @ across.T / count
        spread = np.rad2deg(np.sqrt(-2 * np.log(np.minimum(np.abs(z), 1)))) / count
    return Windows(z, spread, float(starts[1]), width / 2)


def tdann_pinwheels(windows: Windows, *, winding: float, spread: float, pixels: int) -> np.ndarray:
    """Return the pinwheels that TDANN's rules accept, (n, 3): x, y (pixels) and sign.

    A pixel counts when the turn of its ring is beyond a threshold and its units are not too mixed; a
    pinwheel is a connected group (corners touch) of such pixels of one sign, at its centre. The outermost
    pixels have no ring, so the border is left out.

    Parameters
    ----------
    windows
        As `windowed` returns it.
    winding, spread
        Least turn and largest spread, in TDANN's angles of orientation: of arg z they are twice as
        large. Since the ring is open, a fracture may leave half a turn of direction (`winding` 0.25).
    pixels
        Fewest of a group.
    """
    from scipy.ndimage import center_of_mass, label

    turns = ring_windings(windows.z)
    calm = windows.spread[1:-1, 1:-1] < HALVED * spread
    found = []
    for sign in (1, -1):
        groups, count = label((sign * turns > HALVED * winding) & calm, np.ones((3, 3)))
        sizes = np.bincount(groups.ravel(), minlength=count + 1)
        kept = [number for number in range(1, count + 1) if sizes[number] >= pixels]
        centres = center_of_mass(groups > 0, groups, kept) if kept else []
        found += [(column + 1, row + 1, sign) for row, column in centres]
    return np.array(found, float).reshape(-1, 3)


def fractures(z1: np.ndarray, z2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where direction reverses while the axis goes on: edges to the right, and edges up.

    Bool (rows, columns - 1) and (rows - 1, columns): the direction jumps by more than 135 deg and the
    axis by less than 45 deg; on both sides the axis is at least half as strong as the map's median, and
    no pinwheel of direction touches the edge. About a pinwheel's core direction jumps as well, but there
    the axis fades: a smooth map whose axis is the doubled direction has no fracture.
    """
    core = np.pad(windings(z1) != 0, 1)
    strength = np.abs(z2)
    strong = strength >= STRONG * np.median(strength)

    def found(step: int) -> np.ndarray:
        direction = np.abs(wrap(np.diff(np.angle(z1), axis=step)))
        axis = np.abs(wrap(np.diff(np.angle(z2), axis=step))) / 2
        return (direction > JUMP) & (axis < AXIS_JUMP)

    right = found(1) & strong[:, 1:] & strong[:, :-1] & ~(core[:-1, 1:-1] | core[1:, 1:-1])
    up = found(0) & strong[1:] & strong[:-1] & ~(core[1:-1, :-1] | core[1:-1, 1:])
    return right, up


def fracture_density(z1: np.ndarray, z2: np.ndarray, side: float, border: int = 0) -> float:
    """Return the length of fractures per area (mm per mm2), without those within `border` pixels.

    A slanted line counts as its stairs.
    """
    n = len(z1)
    inside = slice(border, n - border)
    edges = sum(int(part[inside, inside].sum()) for part in fractures(z1, z2))
    return edges * (side / n) / ((n - 2 * border) * side / n) ** 2


def spacing(z: np.ndarray, side: float) -> float:
    """Return the column spacing (mm): 2 pi over the power-weighted mean wavenumber.

    The mean is removed and a Hann window laid over the map first.

    Raises
    ------
    StudyError
        When the map is constant.
    """
    n = len(z)
    window = np.hanning(n)[:, None] * np.hanning(n)
    power = np.abs(np.fft.fft2((z - z.mean()) * window)) ** 2
    frequency = np.fft.fftfreq(n, side / n)
    radius = np.hypot(frequency[:, None], frequency)
    power[0, 0] = 0
    if power.sum() <= 1e-20 * n**2 * max(float(np.abs(z).max()) ** 2, 1e-300):
        raise StudyError("column spacing: the map is constant")
    return float(power.sum() / (power * radius).sum())


def density(z: np.ndarray, side: float, border: int = 1) -> float:
    """Return pinwheels per squared column spacing, over the area that is searched for them."""
    pixel = side / len(z)
    area = ((len(z) - 1 - 2 * border) * pixel) ** 2
    return len(pinwheels(z, border)) / area * spacing(z, side) ** 2


def phase_scramble(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a map with the same spectrum and random phases: Gaussian, with nothing else kept.

    The map (n, n) is mirrored to (2 n, 2 n), scrambled and cut. A sheet's opposite edges differ; their
    step would give a transform of the sheet alone power at all wavenumbers, and a surrogate up to five
    times as many pinwheels.
    """
    n = len(z)
    amplitude = np.abs(np.fft.fft2(np.pad(z, (0, n), mode="symmetric")))
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    return np.fft.ifft2(amplitude * np.exp(1j * phase))[:n, :n]


def sign_balance(found: np.ndarray) -> float:
    """Return (positive - negative) / all pinwheels; NaN without any."""
    return float(found[:, 2].mean()) if len(found) else float("nan")


def opposite_neighbours(found: np.ndarray) -> float:
    """Return the share of pinwheels whose nearest has the other sign; NaN for fewer than two."""
    if len(found) < 2:
        return float("nan")
    from scipy.spatial import cKDTree

    nearest = cKDTree(found[:, :2]).query(found[:, :2], k=2)[1][:, 1]
    return float((found[nearest, 2] != found[:, 2]).mean())


def nearest(found: np.ndarray) -> float:
    """Return the mean distance (pixels) of pinwheels to the nearest; NaN for fewer than two."""
    if len(found) < 2:
        return float("nan")
    from scipy.spatial import cKDTree

    return float(cKDTree(found[:, :2]).query(found[:, :2], k=2)[0][:, 1].mean())


def difference_curve(
    positions: np.ndarray,
    preference: np.ndarray,
    edges: np.ndarray,
    rng: np.random.Generator,
    *,
    period: float = 360.0,
    draws: int = 20,
    units: int = 1000,
) -> np.ndarray:
    """Return the mean difference of preference (deg) of pairs, in bins of distance.

    Parameters
    ----------
    positions, preference
        (units, 2) in mm; (units,) in deg.
    edges
        Of the bins, mm. A bin without pairs gives NaN.
    period
        360 for directions, 180 for axes: the largest difference is half of it.
    draws, units
        Random samples, and units in each; all pairs of all samples are averaged together.
    """
    total = np.zeros(len(edges) - 1)
    pairs = np.zeros(len(edges) - 1)
    for _ in range(draws):
        chosen = rng.choice(len(preference), min(units, len(preference)), replace=False)
        first, second = np.triu_indices(len(chosen), 1)
        place, value = positions[chosen], preference[chosen]
        apart = np.hypot(*(place[first] - place[second]).T)
        differ = np.abs(np.mod(value[first] - value[second] + period / 2, period) - period / 2)
        number = np.searchsorted(edges, apart, side="right") - 1
        inside = (number >= 0) & (number < len(total))
        total += np.bincount(number[inside], differ[inside], len(total))
        pairs += np.bincount(number[inside], minlength=len(total))
    with np.errstate(invalid="ignore"):
        return total / pairs


def smoothness(curve: np.ndarray) -> float:
    """Return S = (max - first) / max of a difference curve: 0 no map, 1 neighbours alike."""
    top = float(np.nanmax(curve))
    return (top - float(curve[0])) / top if top > 0 else float("nan")


def coverage(
    centres: np.ndarray,
    preference: np.ndarray,
    points: np.ndarray,
    *,
    directions: int,
    sigma: float,
    kappa: float,
) -> float:
    """Return c', the SD over the mean of summed Gaussian responses (Swindale): small is even.

    Parameters
    ----------
    centres, points
        (units, 2) and (points, 2): fields of the units, and places at which they are summed, both in
        one unit of visual space.
    preference
        (units,), rad.
    directions, sigma, kappa
        Directions at which responses are summed; width in space and sharpness in direction.

    Raises
    ------
    StudyError
        When fields and preferences are of different numbers of units.
    """
    if len(centres) != len(preference):
        raise StudyError(
            f"coverage: {len(centres)} fields and {len(preference)} preferences do not belong together"
        )
    theta = 2 * np.pi * np.arange(directions) / directions
    apart = ((points[:, None] - centres[None]) ** 2).sum(-1)
    turned = np.exp(kappa * (np.cos(theta[:, None] - preference) - 1))
    summed = np.exp(-apart / (2 * sigma**2)) @ turned.T
    return float(summed.std() / summed.mean())
