"""Tables of everything that networks are measured by: tuning of channels, maps of units, nulls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.mt_maps import maps, selectivity, sheets
from replicortex.analysis import rank, ties
from replicortex.core.errors import StudyError
from replicortex.core.files import read_tensors
from replicortex.core.randomness import generator
from replicortex.core.tables import join

TOLD = ["arm", "network", "alpha", "seed"]
COLUMNS = [*TOLD, "area", "layer", "positions", "stimulus", "curve", "measure", "null"]
VALUES = ["value", "lower", "upper"]
OF_MAP = ("gratings", "dots")
REAL = "real"  # what is no null; an empty word would be read back as a missing number
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
OBLIQUE = 45.0  # deg: what lies nearer to horizontal than this is called horizontal
DIGITS = 5


class Rows:
    """The table of measures, row by row."""

    def __init__(self, told: dict[str, Any], areas: dict[str, str]) -> None:
        self.told, self.areas, self.rows = told, areas, []

    def add(self, measure: str, value: float | tuple[float, float, float], **where: Any) -> None:
        """Note one number, or one with its interval."""
        given = value if isinstance(value, tuple) else (value, float("nan"), float("nan"))
        empty = {"layer": "", "positions": "", "stimulus": "", "curve": "", "null": REAL}
        place = {**empty, **where}
        place["area"] = self.areas.get(place["layer"], "")
        self.rows.append(
            {**self.told, **place, "measure": measure, **dict(zip(VALUES, given, strict=True))}
        )


def measure(
    *,
    responses: list[Path],
    history: list[Path],
    measured: dict[str, Any],
    sources: dict[str, str],
    shards: list[Path] | None = None,
) -> dict[str, Any]:
    """Return the paper's tables.

    Parameters
    ----------
    responses, history
        Files of all networks, in the same order.
    measured
        Section of the configuration.
    sources
        Dataset of each source.
    shards
        Decoded sources, for the list of videos that were left out.

    Returns
    -------
    "measures": one number per row (COLUMNS), medians over channels with their bootstrap interval,
    maps with the mean and the s.d. of their nulls. "channels" and "fits": by channel of the map
    layer. "curves": tuning curves to gratings, first seed. "maps": arrays
    "<arm>/<network>/<alpha>/<what>" of the first seed's maps to gratings, direction and axis in tenths
    of a degree, strength in thousandths. "history": losses by epoch. "videos": what each source gave.
    """
    tables: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("measures", "channels", "fits", "curves")
    }
    drawn: dict[str, np.ndarray] = {}
    places = _places(responses)
    first = min(seed for *_, seed in places)
    for path in responses:
        arrays, described = read_tensors(path)
        told = {
            "arm": described["arm"],
            "network": described["network"],
            "alpha": described["alpha"],
            "seed": described["seed"],
        }
        rng = generator(
            measured["seed"], "measure", described["arm"], described["name"], told["seed"]
        )
        one = Network(told, arrays, described, measured, rng, told["seed"] == first)
        one.tuning()
        one.maps(_others(places, described))
        one.embedding()
        for name, made in one.tables().items():
            tables[name].append(made)
        drawn |= one.pictures()
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    return {
        **{name: rounded(table) for name, table in joined.items()},
        "maps": drawn,
        "history": rounded(join(history)),
        "videos": _videos(shards or [], sources),
    }


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with floats to five significant decimals: it is for reading."""
    return table.round(DIGITS)


def _places(paths: list[Path]) -> dict[tuple[str, str, int], Path]:
    """Return the file of each arm, network and seed."""
    return {
        (path.parent.parent.name, path.parent.name, int(path.stem.removeprefix("seed"))): path
        for path in paths
    }


def _others(
    places: dict[tuple[str, str, int], Path], described: dict[str, Any]
) -> np.ndarray | None:
    """Return the map layer's positions of the next seed's network of the same kind."""
    arm, name, seed = described["arm"], described["name"], described["seed"]
    seeds = sorted(s for a, n, s in places if (a, n) == (arm, name))
    if len(seeds) < 2:
        return None
    other = seeds[(seeds.index(seed) + 1) % len(seeds)]
    wanted = f"places/{described['settings']['map_layer']}"
    return read_tensors(places[arm, name, other], [wanted])[0][wanted]


class Network:
    """One network's responses, and the rows that they give."""

    def __init__(
        self,
        told: dict[str, Any],
        arrays: dict[str, np.ndarray],
        described: dict[str, Any],
        measured: dict[str, Any],
        rng: np.random.Generator,
        first: bool,
    ) -> None:
        self.first = first
        self.told, self.arrays, self.described = told, arrays, described
        self.measured, self.rng = measured, rng
        self.layer = described["settings"]["map_layer"]
        self.numbers = described["settings"]["layers"][self.layer]
        self.side = self.numbers["area_mm2"] ** 0.5
        areas = {n: layer["area"] for n, layer in described["settings"]["layers"].items()}
        self.rows = Rows(told, areas)
        self.made: dict[str, list[pd.DataFrame]] = {
            name: [] for name in ("channels", "fits", "curves")
        }
        self.fields: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return this network's part of each table."""
        found = {
            name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
            for name, parts in self.made.items()
        }
        return found | {"measures": pd.DataFrame(self.rows.rows, columns=[*COLUMNS, *VALUES])}

    def _keep(self, name: str, table: pd.DataFrame, **where: Any) -> None:
        self.made[name].append(table.assign(**self.told, **where))

    def _median(self, measure: str, values: np.ndarray, **where: Any) -> None:
        found = selectivity.median(values, self.measured["draws"], self.rng)
        self.rows.add(measure, found, **where)

    def _family(self, layer: str, family: str) -> np.ndarray | None:
        return self.arrays.get(f"channels/{layer}/{family}")

    # --- Tuning of channels ---------------------------------------------------------------------

    def tuning(self) -> None:
        """Measure every layer's channels; fits and types of the map layer's."""
        layers = [layer for layer in self.described["settings"]["layers"] if self._has(layer)]
        for layer in layers:
            blank = self._family(layer, "blank").mean((1, 2, 3))
            mapped = layer == self.layer
            for stimulus in OF_MAP if mapped else OF_MAP[:1]:
                responses = self._family(layer, stimulus)
                for curve in selectivity.CURVES if mapped else selectivity.CURVES[:1]:
                    halves = selectivity.curves(responses, curve)
                    self._tuned(layer, stimulus, curve, halves, blank)
        self._agreements()
        self._coherence()

    def _has(self, layer: str) -> bool:
        return f"channels/{layer}/gratings" in self.arrays

    def _tuned(
        self, layer: str, stimulus: str, curve: str, halves: np.ndarray, blank: np.ndarray
    ) -> None:
        where = {"layer": layer, "stimulus": stimulus, "curve": curve}
        table = selectivity.of_channels(halves, blank, self.measured["silent"])
        quiet = table["silent"].to_numpy(bool)
        self.rows.add("silent", float(quiet.mean()), **where)
        self.rows.add("channels", float((~quiet).sum()), **where)
        for name in selectivity.MEASURES:
            values = table[name].to_numpy(float)
            self._median(name, np.where(np.isinf(values), np.nan, values), **where)
        if layer != self.layer:
            return
        if curve == "averaged":
            self._keep("channels", table, stimulus=stimulus)
            self._fitted(stimulus, halves, quiet, table, where)

    def _fitted(
        self,
        stimulus: str,
        halves: np.ndarray,
        quiet: np.ndarray,
        table: pd.DataFrame,
        where: dict[str, Any],
    ) -> None:
        fitted = selectivity.fits(halves, quiet)
        self._keep("fits", fitted, stimulus=stimulus, source=self.described["source"])
        for name in ("g", "fwhm", "kappa", "explained"):
            self._median(name, fitted[name].to_numpy(float), **where)
        ratio = (fitted["circ_sd"] / fitted["fwhm"]).to_numpy(float)
        self._median("bandwidth_ratio", np.where(np.isfinite(ratio), ratio, np.nan), **where)
        self.rows.add("g_against_ratio", spearman(fitted["g"].to_numpy(float), ratio), **where)
        angle = np.mod(fitted["mean"].to_numpy(float), 180)
        level = np.minimum(angle, 180 - angle) < OBLIQUE
        for name, chosen in (("g_horizontal", level), ("g_vertical", ~level)):
            self._median(name, fitted["g"].to_numpy(float)[chosen], **where)
        if stimulus == "gratings" and self.first:
            self._curves(halves, quiet)

    def _curves(self, halves: np.ndarray, quiet: np.ndarray) -> None:
        mean = halves.mean(-1)[~quiet]
        n = mean.shape[1]
        table = pd.DataFrame(
            {
                "channel": np.repeat(np.flatnonzero(~quiet), n),
                "direction": np.tile(np.arange(n) * 360 / n, len(mean)),
                "response": mean.ravel().round(4),
            }
        )
        self._keep("curves", table)

    def _agreements(self) -> None:
        """Compare preferences between stimuli; patterns with components; direction with axis."""
        layer, share = self.layer, self.measured["silent"]
        found = {}
        for stimulus in ("gratings", "dots", "plaids", "moved"):
            responses = self._family(layer, stimulus)
            if responses is not None:
                halves = selectivity.curves(responses, "averaged")
                blank = np.zeros(len(halves))
                table = selectivity.of_channels(halves, blank, share)
                found[stimulus] = table["preferred"].to_numpy(float), halves.mean(-1)
        for stimulus, (preferred, _) in found.items():
            if stimulus != "gratings":
                value = selectivity.agreement(found["gratings"][0], preferred)
                self.rows.add("agreement", value, layer=layer, stimulus=stimulus)
        index = selectivity.pattern_index(found["gratings"][1], found["plaids"][1])
        self._median("pattern_index", index, layer=layer, stimulus="plaids")
        static = self._family(layer, "static").mean((1, 3))
        apart = selectivity.albright_types(found["gratings"][0], static)
        for name, values in (("type_1", apart < 30), ("type_2", apart > 60)):
            share = float(values[np.isfinite(apart)].mean()) if np.isfinite(apart).any() else np.nan
            self.rows.add(name, share, layer=layer, stimulus="static")
        for stimulus in ("static", "counterphase"):
            tuned = self._family(layer, stimulus).mean((1, 3)).astype(float)
            total = np.maximum(tuned.sum(1), 1e-30)
            turned = tuned @ np.exp(2j * np.pi * np.arange(tuned.shape[1]) / tuned.shape[1])
            self._median(
                "cv_orientation", 1 - np.abs(turned) / total, layer=layer, stimulus=stimulus
            )

    def _coherence(self) -> None:
        levels = self.described["families"]["coherence"]["conditions"]
        responses = self._family(self.layer, "coherence")
        for number, level in enumerate(levels):
            halves = responses[:, number]
            table = selectivity.of_channels(halves, np.zeros(len(halves)), self.measured["silent"])
            self._median(
                "dsi_b",
                table["dsi_b"].to_numpy(float),
                layer=self.layer,
                stimulus=f"coherence {level['coherence']:g}",
            )

    # --- Maps of units --------------------------------------------------------------------------

    def maps(self, other: np.ndarray | None) -> None:
        """Measure the map on its own positions, with nulls; and on controls' positions."""
        own = self.arrays[f"places/{self.layer}"]
        start = self.arrays[f"start/{self.layer}"]
        places = {"own": own, "retinotopic": start}
        rng = generator(self.measured["seed"], "uniform", self.told["seed"])
        places["uniform"] = rng.uniform(0, self.side, own.shape)
        if other is not None and other.shape == own.shape:
            places["other seed"] = other
        for stimulus in OF_MAP:
            responses = self.arrays[f"units/{stimulus}"]
            units = sheets.sheet(own, responses, self.side)
            for name, place in places.items():
                if name != "own" and stimulus != OF_MAP[0]:
                    continue
                where = {"layer": self.layer, "positions": name, "stimulus": stimulus}
                self._mapped(units.at(np.asarray(place, float)), responses, where)
        grid = round((len(own) / len(self._family(self.layer, "gratings"))) ** 0.5)
        for name in ("own", "retinotopic"):
            value = sheets.retinotopy(places[name], grid)
            self.rows.add("retinotopy", value, layer=self.layer, positions=name)
        swaps = self.described["swaps"].get(self.layer, {})
        for name in (name for name in ("first", "last", "rose") if name in swaps):
            self.rows.add(f"swap_{name}", float(swaps[name]), layer=self.layer)

    def _mapped(self, units: sheets.Sheet, responses: np.ndarray, where: dict[str, Any]) -> None:
        pixels, sigma = self.measured["pixels"], self.measured["sigma"]
        z1, z2 = units.fields(pixels, sigma)
        rules = self.measured["tdann"]
        values = sheets.measures(z1, z2, self.side, units.windowed(rules["units"]), rules)
        spacing = values["spacing"]
        if not np.isfinite(spacing):  # nothing is tuned: there is no map
            spacing = self.side / 4
        for name, axis in (("smoothness", False), ("smoothness_axis", True)):
            values[name] = sheets.smoothness(units, spacing, self.measured["best"], self.rng, axis)[
                0
            ]
        values |= sheets.alike(units, spacing, pixels, sigma, self.rng)
        values["spatial_loss"] = sheets.spatial_loss(
            units, responses, self.numbers["width"], self.rng
        )
        own = where["positions"] == "own"
        for name, value in values.items():
            if own or name in ELSEWHERE:
                self.rows.add(name, float(value), **where)
        if own:
            self.fields[where["stimulus"]] = z1, z2
        if not own or where["stimulus"] != OF_MAP[0]:
            return
        found = sheets.nulls(units, z1, z2, spacing, self.measured, self.rng)
        for null, draws in found.items():
            table = pd.DataFrame(draws)
            for name in table.columns.intersection(AGAINST_NULLS):
                drawn = table[name].dropna().to_numpy(float)
                self.rows.add(name, spread(drawn), **where, null=null)
        self._covered(z1, spacing, where)

    def _covered(self, z1: np.ndarray, spacing: float, where: dict[str, Any]) -> None:
        shuffled = self.rng.permutation(z1.ravel()).reshape(z1.shape)
        compared = {
            REAL: z1,
            "phase": maps.phase_scramble(z1, self.rng),
            "shuffle": shuffled,
            "rainbow": sheets.rainbow(len(z1), self.side, spacing),
        }
        for null, z in compared.items():
            for name, value in sheets.covered(z, self.side, spacing, self.rng).items():
                self.rows.add(name, value, **where, null=null)

    def pictures(self) -> dict[str, np.ndarray]:
        """Return the maps that figures draw; none but of the first seed."""
        if not self.first:
            return {}
        z1, z2 = self.fields[OF_MAP[0]]
        name = f"{self.told['arm']}/{self.told['network']}/{self.told['alpha']:g}"
        return {
            f"{name}/direction": (np.mod(np.rad2deg(np.angle(z1)), 360) * 10)
            .round()
            .astype(np.int16),
            f"{name}/axis": (np.mod(np.rad2deg(np.angle(z2)), 360) * 5).round().astype(np.int16),
            f"{name}/strength": (np.abs(z1) * 1000).round().astype(np.int16),
        }

    # --- What embeddings know -------------------------------------------------------------------

    def embedding(self) -> None:
        """Note what `respond` found of the embeddings."""
        for name, value in self.described["embedding"].items():
            self.rows.add(name, float(value))


def spread(drawn: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of a null and the range of its middle 95 %; NaN without a draw."""
    if not len(drawn):
        return (float("nan"),) * 3
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(drawn.mean()), float(low), float(high)


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Return the rank correlation over finite pairs; NaN for fewer than four or a constant.

    Ties and constants are such up to rounding (`ties.tolerance`).
    """
    both = np.isfinite(one) & np.isfinite(other)
    found = np.stack([one[both], other[both]])
    if both.sum() < 4 or ties.constant(found).any():
        return float("nan")
    return float(rank.spearman(found[:1], found[1:])[0, 0])


def _videos(shards: list[Path], sources: dict[str, str]) -> pd.DataFrame:
    """Return every video of every source: frames kept, or why it was left out."""
    rows = []
    for path in shards:
        _, told = read_tensors(path, [])
        source = told["source"]
        common = {"source": source, "dataset": sources[source]}
        if not told["videos"]:
            raise StudyError(f"{path}: holds no video")
        rows += [
            {**common, "video": v["name"], "frames": v["frames"], "left_out": ""}
            for v in told["videos"]
        ]
        rows += [
            {**common, "video": n, "frames": 0, "left_out": why}
            for n, why in told["left_out"].items()
        ]
    return pd.DataFrame(rows, columns=["source", "dataset", "video", "frames", "left_out"])
