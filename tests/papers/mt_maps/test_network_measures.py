"""The three functions that measure one network: what they say of planted answers, and that they are pure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from papers.mt_maps import measures, tuning
from papers.mt_maps.answers import Answers
from papers.mt_maps.embedding_measures import measure_embedding
from papers.mt_maps.map_measures import measure_maps
from papers.mt_maps.measuring_settings import Measured
from papers.mt_maps.training_settings import LayerSettings
from papers.mt_maps.tuning_measures import measure_tuning, spearman
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

GRID, CHANNELS, DIRECTIONS = 6, 8, 16
LAYER = "layer3.0"
MEASURED = Measured(**{
    "pixels": 16, "sigma": 0.4, "silent": 1e-3, "draws": 20, "nulls": 3, "best": 1.0, "seed": 0,
    "explained": 0.8,
    "tdann": {"winding": 0.3, "spread": 0.3, "pixels": 2, "units": 167},
})  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    """Channels that each prefer another direction, with a half-high opposite lobe; units around them."""
    theta = tuning.angles(DIRECTIONS)
    wanted = 2 * np.pi * np.arange(CHANNELS) / CHANNELS
    curves = 0.1 + tuning.two_lobes(theta - wanted[:, None], 2.0, 0.5)
    of_direction = curves[:, None, :, None].repeat(2, 1).repeat(2, -1)
    of_axis = of_direction[:, :1, : DIRECTIONS // 2]
    families = dict.fromkeys(("gratings", "dots", "plaids"), of_direction)
    families |= {"static": of_axis, "counterphase": of_axis, "coherence": of_direction}
    families["blank"] = np.zeros((CHANNELS, 1, 1, 2))
    arrays = {f"channels/{LAYER}/{name}": values for name, values in families.items()}
    units = of_direction.repeat(GRID**2, axis=0)
    arrays |= {"units/gratings": units, "units/dots": units}
    rng = generator(0, "places")
    for name in ("places", "start"):
        arrays[f"{name}/{LAYER}"] = rng.uniform(0, 3.0, (len(units), 2))
    return Answers(
        identity={"arm": "clips", "network": "continue", "alpha": 0.25, "seed": 0},
        name="continue_alpha0.25",
        source="clips",
        map_layer=LAYER,
        layers={LAYER: LayerSettings(block=LAYER, area="MT", area_mm2=9.0, width=1.0)},
        arrays=arrays,
        families={
            "gratings": {"conditions": [{"speed": 1.0}, {"speed": 2.0}]},
            "coherence": {"conditions": [{"coherence": 0.5}, {"coherence": 1.0}]},
        },
        swapped_at=[1.0],
        shared_pan=1.5,
        edge=0.5,
        swaps={LAYER: {"first": 0.5, "last": 0.4, "rose": 0.0, "swapped": 12}},
        embedding={"matching": 0.75},
    )


def named(rows, measure, **where):
    return [
        row.value
        for row in rows
        if row.measure == measure and all(getattr(row, k) == v for k, v in where.items())
    ]


def test_planted_channels_have_their_values(answers):
    found = measure_tuning(answers, MEASURED, generator(0, "t"))
    of = {"stimulus": "gratings", "curve": "averaged"}
    assert named(found.rows, "channels", **of) == [CHANNELS]
    assert named(found.rows, "g", **of) == pytest.approx([0.5], abs=1e-3)
    assert named(found.rows, "kappa", **of) == pytest.approx([2.0], abs=1e-2)
    for name in ("g_horizontal", "g_vertical"):
        assert named(found.rows, name, **of) == pytest.approx([0.5], abs=1e-3)
    assert named(found.rows, "fitted", **of) == [1.0]
    assert named(found.rows, "agreement", stimulus="dots") == pytest.approx([1.0])
    assert {row.stimulus for row in found.rows if row.measure == "dsi_b"} >= {
        "coherence 0.5",
        "coherence 1",
    }
    assert len(found.channels) == len(found.fits) == 2 * CHANNELS
    assert len(found.curves) == CHANNELS * DIRECTIONS
    assert set(found.fits["source"]) == {"clips"}


def test_medians_of_fits_are_of_those_accepted(answers):
    """All channels but one answer at random: their opposite lobes do not count."""
    noise = generator(5, "noise").random((CHANNELS - 1, 2, DIRECTIONS, 1)).repeat(2, -1)
    mixed = answers.arrays[f"channels/{LAYER}/gratings"].copy()
    mixed[: CHANNELS - 1] = noise
    arrays = {**answers.arrays, f"channels/{LAYER}/gratings": mixed}
    found = measure_tuning(replace(answers, arrays=arrays), MEASURED, generator(0, "t"))
    of = {"stimulus": "gratings", "curve": "averaged"}
    assert named(found.rows, "fitted", **of) == [1 / CHANNELS]
    assert named(found.rows, "g", **of) == pytest.approx([0.5], abs=1e-3)
    own = found.fits[found.fits["stimulus"] == "gratings"]
    assert named(found.rows, "explained", **of) == pytest.approx([own["explained"].median()])


def test_maps_are_read_on_every_position_and_against_nulls(answers):
    other = generator(1, "places").uniform(0, 3.0, (CHANNELS * GRID**2, 2))
    found = measure_maps(answers, other, MEASURED, generator(0, "m"))
    places = {row.positions for row in found.rows if row.measure == "smoothness"}
    assert places == {"own", "retinotopic", "uniform", "other seed"}
    seen = {row.stimulus for row in found.rows if row.measure == "smoothness"}
    assert seen == {"gratings", "dots", "other speeds"}
    assert {row.positions for row in found.rows if row.measure == "fractures"} == {"own"}
    nulls = {row.null for row in found.rows if row.measure == "density"}
    assert nulls == {measures.REAL, "phase", "shuffle"}
    assert named(found.rows, "swap_last") == [0.4]
    assert named(found.rows, "edge") == [pytest.approx(0.5 / 3.0)]
    (direction,) = (v for name, v in found.pictures.items() if name.endswith("direction"))
    assert direction.shape == (16, 16) and direction.min() >= 0 and direction.max() < 3600
    few = measure_maps(answers, other[:3], MEASURED, generator(0, "m"))
    assert "other seed" not in {row.positions for row in few.rows}


def test_the_same_stream_gives_the_same_rows_and_answers_stay_as_they_are(answers):
    before = {name: values.copy() for name, values in answers.arrays.items()}
    for function in (
        lambda rng: measure_tuning(answers, MEASURED, rng).rows,
        lambda rng: measure_maps(answers, None, MEASURED, rng).rows,
    ):
        one, again = (pd.DataFrame(function(generator(3, "p"))) for _ in range(2))
        pd.testing.assert_frame_equal(one, again, check_exact=True)
    assert all(np.array_equal(before[name], values) for name, values in answers.arrays.items())


def test_rows_become_a_table_with_the_network_and_the_area(answers):
    rows = [*measure_embedding(answers), measures.Row("g", 0.5, 0.4, 0.6, layer=LAYER)]
    table = measures.table(rows, answers.identity, {LAYER: "MT"})
    assert list(table) == [*measures.COLUMNS, *measures.VALUES]
    assert table["area"].tolist() == ["", "", "MT"]
    assert table["value"].tolist() == [0.75, 1.5, 0.5]
    assert set(table["null"]) == {measures.REAL} and set(table["alpha"]) == {0.25}


def test_rank_correlation_needs_four_pairs_and_no_constant():
    one = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    assert spearman(one, -one) == pytest.approx(-1)
    assert np.isnan(spearman(one[:3], one[:3]))
    assert np.isnan(spearman(one, 0 * one))
