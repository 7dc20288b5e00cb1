"""Measuring: selectivity of known channels, maps with known pinwheels, nulls, motion energy."""

from dataclasses import replace

import numpy as np
import pytest

from papers.mt_maps import (
    battery,
    motion_energy,
    positions,
    selectivity,
    sheets,
    stimuli,
    tiles,
    tuning,
)
from papers.mt_maps.answers import Answers
from papers.mt_maps.measuring_settings import Measured, Tdann
from papers.mt_maps.respond import measured
from papers.mt_maps.stimulus_settings import StimulusSettings
from papers.mt_maps.training_settings import MotionEnergySettings
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data.frames import Store, Video

pytestmark = pytest.mark.numbers

THETA = tuning.angles(16)
STIMULI = StimulusSettings(**{
    "directions": 8, "seed": 0, "gratings": {"cycles": [2], "speeds": [0.5, 1], "phases": 4},
    "dots": {"speeds": [1], "density": 0.03, "seeds": 2}, "coherence": [0.0, 1.0],
    "moved": {"pictures": 2, "speeds": [1]},
})  # fmt: skip


def halves(*curves, noise=0.0, seed=0):
    curves = np.stack(curves)[..., None]
    return curves + noise * generator(seed, "noise").random((*curves.shape[:2], 2))


def test_channels_have_the_values_of_the_table():
    curve = 0.05 + tuning.two_lobes(THETA - THETA[3], 2.0, 0.3)
    table = selectivity.of_channels(halves(curve), np.zeros(1), 1e-3)
    row = table.iloc[0]
    assert row[["dsi_a", "dsi_b", "cv_dir", "cv_ax"]].tolist() == pytest.approx(
        [0.651, 0.483, 0.666, 0.731], abs=6e-4
    )
    assert row["circ_sd"] == pytest.approx(85, abs=0.5)
    assert row["preferred"] == pytest.approx(np.rad2deg(THETA[3]))
    fitted = selectivity.fits(halves(curve), np.array([False]), 0.8).iloc[0]
    assert (fitted["g"], fitted["kappa"]) == pytest.approx((0.3, 2.0), abs=1e-4)


def test_silent_channels_are_counted_and_have_no_measures():
    loud = 0.1 + tuning.two_lobes(THETA, 2.0, 0.0)
    table = selectivity.of_channels(halves(loud, 0 * loud, 0 * loud + 1), np.zeros(3), 1e-3)
    assert table["silent"].tolist() == [False, True, True]
    assert table.loc[1:, ["dsi_a", "cv_dir", "preferred"]].isna().all().all()
    fitted = selectivity.fits(halves(loud, 0 * loud), np.array([False, True]), 0.8)
    assert fitted["channel"].tolist() == [0]


def test_a_fit_counts_where_it_explains_enough():
    rng = generator(1, "f")
    lobes = 0.1 + tuning.two_lobes(THETA, 2.0, 0.2)
    fitted = selectivity.fits(halves(lobes, rng.random(16)), np.array([False, False]), 0.8)
    assert fitted["accepted"].tolist() == [True, False] and fitted["explained"][1] < 0.8
    assert selectivity.fits(halves(lobes), np.array([False]), 1.0)["accepted"].dtype == bool


@pytest.mark.parametrize("degrees", [19.0, 40.0, 70.0])
def test_widths_of_fits_are_those_of_the_curve(degrees):
    """Also of a lobe that is narrower than the step of 22.5 deg between directions."""
    kappa = np.log(0.5) / (np.cos(np.deg2rad(degrees / 2)) - 1)
    for shift in (0.0, 0.1, 0.2):
        curve = 0.1 + tuning.two_lobes(THETA - THETA[3] - shift, kappa, 0.2)
        row = selectivity.fits(halves(curve), np.array([False]), 0.8).iloc[0]
        assert row["accepted"] and row["fwhm"] == pytest.approx(degrees, abs=0.5)


def test_noise_alone_is_not_selective_on_the_other_half():
    noise = halves(*np.zeros((400, 16)), noise=1.0)
    table = selectivity.of_channels(noise, np.zeros(400), 0.0)
    assert abs(table["dsi_b"].mean()) < 0.05
    inflated = tuning.selectivity(noise.mean(-1), "b").mean()
    assert inflated > 0.15


def test_best_and_averaged_curves():
    one, other = tuning.two_lobes(THETA, 2.0, 0.0), 0.2 * tuning.two_lobes(THETA - np.pi, 2.0, 0.0)
    responses = np.stack([np.stack([one, other])])[..., None].repeat(2, -1)
    np.testing.assert_allclose(selectivity.curves(responses, "best")[0, :, 0], one)
    np.testing.assert_allclose(
        selectivity.curves(responses, "averaged")[0, :, 0], (one + other) / 2
    )
    with pytest.raises(StudyError, match="'mean' is unknown"):
        selectivity.curves(responses, "mean")


def test_fewer_pictures_than_are_asked_for_are_told():
    store = Store([np.zeros((1, 24, 24, 1), np.uint8)], [Video("a", 0, 0, 1)], {})
    with pytest.raises(StudyError, match=r"moved\.pictures: 2 are asked for, the source has 1"):
        battery.battery(STIMULI, 4, 16, store)


def test_bootstrap_over_channels_covers_the_median():
    rng = generator(0, "b")
    inside = 0
    for _ in range(100):
        value, low, high = selectivity.median(rng.normal(3.0, 1.0, 40), 400, rng)
        assert low <= value <= high
        inside += low <= 3.0 <= high
    assert inside >= 88
    assert np.isnan(selectivity.median(np.array([np.nan]), 10, rng)).all()


def test_pattern_and_component_channels_are_told_apart():
    narrow = tuning.two_lobes(THETA - 1.0, 4.0, 0.0)[None]
    order = np.arange(9)
    spectrum = np.fft.rfft(narrow, axis=1)
    component = sum(
        np.fft.irfft(spectrum * np.exp(1j * order * turn), n=16, axis=1)
        for turn in (np.pi / 3, -np.pi / 3)
    )
    assert selectivity.pattern_index(narrow, narrow)[0] > 3
    assert selectivity.pattern_index(narrow, component)[0] < -3


def test_types_of_albright():
    n = 8
    normals = np.pi * np.arange(n) / n
    static = np.stack([1 + np.cos(2 * (normals - 0.0)), 1 + np.cos(2 * (normals - np.pi / 2))])
    apart = selectivity.albright_types(np.array([180.0, 0.0]), static)
    np.testing.assert_allclose(apart, [0, 90], atol=1e-6)


# --- sheets ------------------------------------------------------------------------------------


def planted(pixels=40, side=4.0):
    """Units on a grid whose preference winds once about the middle; all equally tuned."""
    centre = (np.arange(pixels) + 0.5) * side / pixels
    x, y = np.meshgrid(centre, centre)
    place = np.stack([x.ravel(), y.ravel()], 1)
    wanted = np.arctan2(place[:, 1] - side / 2, place[:, 0] - side / 2)
    curves = tuning.two_lobes(THETA - wanted[:, None], 2.0, 0.1)
    return sheets.sheet(place, curves[:, None, :, None].repeat(2, -1), side)


TDANN = Tdann(winding=0.3, spread=0.3, pixels=2, units=167)
MEASURED = Measured(
    pixels=40,
    sigma=0.12,
    best=1.0,
    nulls=4,
    explained=0.8,
    tdann=TDANN,
    silent=1e-3,
    draws=20,
    seed=0,
)


def test_one_planted_pinwheel_is_found():
    units = planted()
    z1, z2 = units.fields(40, 0.12)
    found = sheets.measures(z1, z2, units.side, units.windowed(TDANN.units), TDANN)
    assert found["per_mm2"] * ((40 - 3) * 0.1) ** 2 == pytest.approx(1)
    names = ("positive", "negative", "positive_tdann", "negative_tdann")
    assert [found[name] for name in names] == [1, 0, 1, 0]
    windows = units.windowed(TDANN.units)
    area = ((len(windows.z) - 2) * windows.stride) ** 2
    assert found["density_tdann"] == pytest.approx(found["spacing"] ** 2 / area)
    assert found["sign_balance"] == 1 and np.isnan(found["opposite"])
    assert found["fractures"] < 0.1


def test_pinwheels_at_the_edge_count_apart():
    """One pinwheel in the middle and one 0.9 mm from the edge."""
    units = planted()
    at = units.place - np.array([[3.1, 3.1]])
    turned = units.z1 * np.exp(1j * np.arctan2(at[:, 1], at[:, 0]))
    both = replace(units, z1=turned)
    fields = both.fields(40, 0.12)
    windows = both.windowed(40)

    def found(edge):
        rules = TDANN.model_copy(update={"spread": 3.0})
        return sheets.measures(*fields, both.side, windows, rules, edge)

    assert (found(0.0)["positive"], found(0.0)["positive_tdann"]) == (2, 2)
    assert np.isnan(found(0.0)["density_edge"])
    inner = found(1.0)
    assert (inner["positive"], inner["positive_tdann"]) == (1, 1)
    assert inner["density"] == pytest.approx(inner["spacing"] ** 2 / 1.9**2)
    assert inner["density_edge"] == pytest.approx(inner["spacing"] ** 2 / (3.7**2 - 1.9**2))
    assert found(0.0)["apart"] == pytest.approx(1.1 * 2**0.5, abs=0.1) and np.isnan(inner["apart"])


def test_a_field_that_is_alike_everywhere_has_no_more_pinwheels_at_its_edge():
    """And one whose outer part alone winds has them there."""
    rng = generator(0, "e")
    radius = np.hypot(*np.meshgrid(*[np.fft.fftfreq(512, 1 / 512)] * 2))
    noise = rng.normal(size=(512, 512)) + 1j * rng.normal(size=(512, 512))
    whole = np.fft.ifft2(noise * (np.abs(radius - 32) < 2))
    windows = planted().windowed(167)
    calm = 30 * np.abs(whole).mean() * np.exp(-((np.mgrid[:64, :64] - 31.5) ** 2).sum(0) / 18**2)
    found: dict[str, list[float]] = {"alike": [], "outer": []}
    for row, column in rng.integers(0, 448, (60, 2)):
        z = whole[row : row + 64, column : column + 64]
        for name, field in (("alike", z), ("outer", z + calm)):
            of = sheets.measures(field, field, 4.0, windows, TDANN, 0.6)
            found[name].append(of["density_edge"] - of["density"])
    assert abs(np.mean(found["alike"])) < 0.3
    assert np.mean(found["outer"]) > 1


def test_fractures_of_units_are_found_where_direction_reverses():
    """Units of one slow gradient: none; the same with one half turned about: a line of the sheet's length."""
    units = planted()
    slow = np.pi * units.place[:, 1] / units.side
    for turn, expected in ((0.0, 0.0), (3.0, 1 / 4.0)):
        z1 = np.exp(1j * (slow + turn * (units.place[:, 0] > 2.0)))
        of = replace(units, z1=z1, z2=np.exp(2j * slow)).fields(40, 0.12)
        found = sheets.measures(*of, units.side, units.windowed(167), TDANN, 0.5)
        assert found["fractures"] == pytest.approx(expected, abs=0.15)
        assert bool(found["fractures"]) == bool(expected)


def test_the_edge_is_the_outermost_tile():
    assert tiles.tile(7.07, 8, tiles.overlap(16, 8)) == pytest.approx(1.071, abs=1e-3)
    place = positions.retinotopic(400, 8, 7.07, tiles.overlap(16, 8), generator(0, "t"))
    outermost = place[np.arange(len(place)) % 8 == 0, 0]  # first column of each row
    assert outermost.max() == pytest.approx(1.071, abs=0.01)


@pytest.mark.parametrize(
    "change", [{"winding": 0.49}, {"spread": 0.05}, {"pixels": 5}, {"units": 9}]
)
def test_each_rule_of_tdann_can_refuse_a_pinwheel(change):
    units = planted()
    rules = TDANN.model_copy(update=change)
    windows = units.windowed(rules.units)
    found = sheets.measures(*units.fields(40, 0.12), units.side, windows, rules)
    assert found["positive"] == 1 and found["positive_tdann"] == found["density_tdann"] == 0


def test_a_map_is_smooth_and_its_shuffle_is_not():
    units = planted()
    rng = generator(0, "s")
    smooth, _, curve = sheets.smoothness(units, 2.0, 1.0, rng)
    dealt = units.at(units.place[rng.permutation(len(units.place))])
    rough, _, other = sheets.smoothness(dealt, 2.0, 1.0, rng)
    assert smooth > 0.6 > 0.1 > rough
    assert curve[0] < 20 and other.mean() == pytest.approx(90, abs=3)


def test_near_units_are_alike_in_a_map_and_dealt_ones_are_not():
    units = planted()
    rng = generator(0, "a")
    found = sheets.alike(units, 2.0, 40, 0.12)
    dealt = units.at(units.place[rng.permutation(len(units.place))])
    other = sheets.alike(dealt, 2.0, 40, 0.12)
    assert found["homogeneity"] > 0.9 and found["pair_correlation"] > 0.8
    # The length of the mean of some 18 random unit vectors: about sqrt(pi / (4 n)).
    units_of_a_mean = 4 * np.pi * 0.12**2 / 0.1**2
    expected = np.sqrt(np.pi / 4 / units_of_a_mean)
    assert other["homogeneity"] == pytest.approx(expected, rel=0.1)
    assert abs(other["pair_correlation"]) < 0.05
    # A constant map: every pair is alike, near or far, so near ones are no more so.
    same = sheets.sheet(units.place, np.ones((1600, 1, 1, 2)) * (1 + np.cos(THETA))[:, None], 4.0)
    plain = sheets.alike(same, 2.0, 40, 0.12)
    assert plain["homogeneity"] == pytest.approx(1)
    assert plain["pair_correlation"] == pytest.approx(0, abs=1e-9)


def test_nulls_keep_the_spectrum_or_the_units():
    units = planted()
    z1, z2 = units.fields(40, 0.12)
    found = sheets.nulls(units, z1, z2, 2.0, MEASURED, generator(0, "n"))
    assert {len(draws) for draws in found.values()} == {4}
    # A smooth map's spectrum stays; dealt units give the fine grain of the Gaussian alone.
    spacings = {null: np.mean([d["spacing"] for d in draws]) for null, draws in found.items()}
    assert spacings["phase"] > 1.5 * spacings["shuffle"]
    assert all(draw["smoothness"] < 0.1 for draw in found["shuffle"])
    # Dealt units are mixed everywhere: TDANN's rules refuse what winds about them by chance.
    of_dealt = {
        name: np.mean([d[name] for d in found["shuffle"]]) for name in ("density", "density_tdann")
    }
    assert of_dealt["density"] > 3 > 1 > of_dealt["density_tdann"]
    assert all(np.isfinite(draw["density_tdann"]) for draw in found["phase"])
    signs = {(draw["positive_tdann"], draw["negative_tdann"]) for draw in found["phase"]}
    assert signs - {(1, 0)}  # the map's own: its windows are scrambled too


def test_pinwheels_are_hubs_and_a_rainbow_has_none():
    units = planted()
    z1, _ = units.fields(40, 0.12)
    rng = generator(0, "c")
    found = sheets.covered(z1, 4.0, 2.0, rng)
    assert found["hub"] == 1.0 > found["away"]
    plain = sheets.covered(sheets.rainbow(40, 4.0, 2.0), 4.0, 2.0, rng)
    assert np.isnan(plain["hub"])
    shuffled = rng.permutation(z1.ravel()).reshape(z1.shape)
    dealt = sheets.covered(shuffled, 4.0, 2.0, rng)
    assert dealt["wiring"] > found["wiring"] and dealt["coverage"] < found["coverage"]


def test_positions_of_another_layer_are_refused():
    with pytest.raises(StudyError, match=r"\(3, 2\) found, \(1600, 2\) expected"):
        planted().at(np.zeros((3, 2)))


# --- stimuli and the reference -----------------------------------------------------------------

ENERGY = MotionEnergySettings(directions=8, cycles=[2.0], speeds=[1.0], sigma=0.5)


@pytest.fixture(scope="module")
def families():
    return {f.name: f for f in battery.battery(STIMULI, 8, 24, None)}


def test_every_family_has_its_repeats_in_two_halves(families):
    for name, family in families.items():
        if name == "blank":
            continue
        cells, counts = np.unique(family.index, axis=0, return_counts=True)
        assert len(cells) == len(family.conditions) * len(family.directions) * 2
        assert len(set(counts)) == 1
    assert len(families["static"].directions) == 4


def test_motion_energy_prefers_its_own_direction(families):
    out = measured(
        families["gratings"],
        lambda clips: {"layer1.0": motion_energy.rates(clips, ENERGY, 4)},
        "layer1.0",
    )
    responses = out["channels/layer1.0/gratings"]
    assert responses.shape == (8, 2, 8, 2)
    curves = responses[:, 1].mean(-1)
    assert curves.argmax(1).tolist() == list(range(8))
    table = selectivity.of_channels(responses[:, 1], np.zeros(8), 1e-3)
    assert table["dsi_a"].min() > 0.9
    assert out["units/gratings"].shape == (8 * 16, 2, 8, 2)
    blank = motion_energy.rates(np.full((1, 8, 24, 24), 0.5), ENERGY, 4)
    assert np.abs(blank).max() < 1e-12


def test_fewer_than_eight_directions_and_single_repeats_are_told():
    with pytest.raises(StudyError, match="directions: 6 found, an even number of at least 8"):
        battery.battery(STIMULI.model_copy(update={"directions": 6}), 8, 24, None)
    single = STIMULI.gratings.model_copy(update={"phases": 1})
    one = STIMULI.model_copy(update={"gratings": single})
    with pytest.raises(StudyError, match=r"gratings\.phases: 1 found"):
        battery.battery(one, 8, 24, None)
    assert len(stimuli.directions(8)) == 8


def test_other_speeds_are_those_beyond_the_swaps():
    """Of gratings at five speeds, swapped at 0.75 and 1.5, the slowest and the fastest remain."""
    speeds = [0.5, 0.75, 1.0, 1.5, 2.0]
    responses = np.arange(5.0)[None, :, None, None] * np.ones((3, 1, 8, 2))
    answers = Answers(
        identity={}, name="", source="", map_layer="layer3.0", layers={}, swaps={}, embedding={},
        arrays={f"units/{family}": responses for family in ("gratings", "dots")},
        families={"gratings": {"conditions": [{"cycles": 2, "speed": s} for s in speeds]}},
        swapped_at=[0.75, 1.5], edge=1.0, shared_pan=None,
    )  # fmt: skip
    assert list(answers.map_responses()) == ["gratings", "dots", "other speeds"]
    assert answers.map_responses()["other speeds"][0, :, 0, 0].tolist() == [0, 4]
    within = replace(answers, swapped_at=[0.5, 2.0])
    assert list(within.map_responses()) == ["gratings", "dots"]
