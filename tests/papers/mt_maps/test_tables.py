"""From decoded frames to tables and figures: every job of the paper, on a tiny study."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from papers.mt_maps.aggregate import aggregate
from papers.mt_maps.conditions import arms, next_seeds, seed_of, told_once, trained_arm, units
from papers.mt_maps.figures.maps import wheel
from papers.mt_maps.figures.parts import main_arms
from papers.mt_maps.figures.together import draw
from papers.mt_maps.measure import measure
from papers.mt_maps.measures import COLUMNS, VALUES
from papers.mt_maps.measuring_settings import Measured
from papers.mt_maps.plan import FIGURES, PARTS
from papers.mt_maps.respond import respond
from papers.mt_maps.stimulus_settings import ProbeSettings, StimulusSettings
from papers.mt_maps.train import train
from papers.mt_maps.training_settings import ToldArm
from replicortex.core.config import paper_numbers
from replicortex.core.files import read_tensors, write
from replicortex.data import frames
from replicortex.data.fixtures.ucf101 import drifting
from replicortex.plotting.look import rows

pytestmark = pytest.mark.numbers

ARMS = ["clips", "stills", "motion_energy"]


@pytest.fixture(scope="module")
def study(root, tmp_path_factory):
    """Folder, numbers, units and tables of a study of three arms and two seeds."""
    folder = tmp_path_factory.mktemp("study")
    change = {"measured": {"nulls": 3, "draws": 20, "pixels": 16}, "arms": {"clips": {"seeds": 2}}}
    numbers = paper_numbers("mt_maps", "demo", change, root)
    rng = np.random.default_rng(0)
    shards = []
    for source, count in (("clips", 10), ("stills", 1)):
        taken = [
            (f"{source}{k}", drifting(rng, count)[:, :32, :32].mean(-1, keepdims=True).astype("u1"))
            for k in range(9)
        ]
        made = frames.shard(taken, {"broken.avi": "cannot be decoded"} if count > 1 else {})
        made.metadata["source"] = source
        shards.append(folder / f"{source}.safetensors")
        write(shards[-1], made)
    listed = [arms(numbers)[name] for name in ARMS]
    names = [unit for arm in listed for unit in units(arm, numbers["seeds"])]
    seeds = [seed_of(name) for name in names]
    told = told_once([trained_arm(arm) for arm in listed])
    out = train(
        arms=[ToldArm(**arm) for arm in told["arms"]],
        shared=told["shared"],
        device="cpu",
        seeds=seeds,
        shards=shards,
    )
    models, histories, answers = (
        [folder / kind / f"{name}{suffix}" for name in names]
        for kind, suffix in (("m", ".safetensors"), ("m", ".csv"), ("a", ".safetensors"))
    )
    for path, value in zip(models, out["model"], strict=True):
        write(path, value)
    for path, value in zip(histories, out["history"], strict=True):
        write(path, value)
    answered = respond(
        models=models,
        stimuli=StimulusSettings(**numbers["stimuli"]),
        pictures="stills",
        probe=ProbeSettings(**numbers["probe"]),
        device="cpu",
        shards=shards,
    )
    for path, value in zip(answers, answered["responses"], strict=True):
        write(path, value)
    others = next_seeds(names)
    found = measure(
        responses=answers,
        others=[folder / "m" / f"{others[name]}.safetensors" for name in names],
        measured=Measured(**numbers["measured"]),
    )
    parts = {
        part: [folder / part / f"{name}.{suffix}" for name in names]
        for part, suffix in PARTS.items()
    }
    for part, paths in parts.items():
        for path, value in zip(paths, found[part], strict=True):
            write(path, value)
    tables = aggregate(
        **parts,
        history=histories,
        sources={name: source["dataset"] for name, source in numbers["sources"].items()},
        shards=shards,
    )
    return folder, numbers, names, tables


def test_responses_are_rates_of_every_family_and_layer(study):
    folder, _, names, _ = study
    arrays, described = read_tensors(folder / "a" / f"{names[0]}.safetensors")
    families = ("gratings", "static", "counterphase", "plaids", "dots", "coherence", "moved")
    for family in (*families, "blank"):
        for layer in ("layer1.0", "layer3.0", "layer4.0"):
            values = arrays[f"channels/{layer}/{family}"]
            family_of = described["families"][family]
            shape = (len(family_of["conditions"]), len(family_of["directions"]), 2)
            assert values.shape[1:] == shape and values.min() >= 0 and np.isfinite(values).all()
    units_ = arrays["units/gratings"]
    grid = round((len(units_) / 12) ** 0.5)
    of_units = units_.reshape(12, grid * grid, *units_.shape[1:]).mean(1)
    np.testing.assert_allclose(of_units, arrays["channels/layer3.0/gratings"], rtol=1e-4, atol=1e-6)


def test_each_number_stands_once_and_says_where_it_is_from(study):
    table = study[3]["measures"]
    assert list(table) == [*COLUMNS, *VALUES]
    assert not table.duplicated(COLUMNS).any()
    found = set(table["measure"])
    assert {"dsi_a", "dsi_b", "cv_dir", "cv_ax", "g", "fwhm", "silent", "agreement"} <= found
    assert {"smoothness", "density", "fractures", "opposite", "coverage", "matching"} <= found
    places = {"own", "retinotopic", "uniform", "other seed"}
    for stimulus, nulls in (("gratings", True), ("dots", True), ("other speeds", False)):
        own = table[(table["measure"] == "density") & (table["stimulus"] == stimulus)]
        assert set(own["positions"]) == places
        expected = {"real", "phase", "shuffle"} if nulls else {"real"}
        assert set(own[own["positions"] == "own"]["null"]) == expected
    drawn = table[(table["measure"] == "coverage") & (table["null"] == "phase")]
    assert (drawn["lower"] < drawn["upper"]).all()
    for name in ("density_tdann", "positive_tdann"):
        by_rules = table[(table["measure"] == name) & (table["positions"] == "own")]
        assert set(by_rules["null"]) == {"real", "phase", "shuffle"}
    for name in ("homogeneity", "pair_correlation"):
        by_units = table[(table["measure"] == name) & (table["positions"] == "own")]
        assert set(by_units["null"]) == {"real", "shuffle"}
    intervals = table[table["measure"] == "cv_dir"].dropna(subset=["value"])
    assert (intervals["lower"] <= intervals["value"]).all()
    assert (intervals["value"] <= intervals["upper"]).all()


def test_every_claim_finds_its_rows(study, root):
    """Those of arms that are here: none may ask for a word that the table does not have."""
    from io import StringIO

    from replicortex.verdicts import reading

    table = pd.read_csv(StringIO(study[3]["measures"].to_csv(index=False)))
    listed = reading.load(root / "workflow/papers/mt_maps/claims.yaml")
    assert len({claim.id for claim in listed}) > 30
    for claim in listed:
        for chosen in (claim.measure.select, claim.measure.minus or {}):
            # The demo has fewer arms, alphas and layers.
            left_out = {"arm", "network", "alpha", "layer"}
            left_out |= {"area"} if "layer" in chosen else set()
            words = {k: v for k, v in chosen.items() if k not in left_out}
            found = table
            for name, value in words.items():
                found = found[found[name] == value]
            assert len(found), (claim.id, words)


def test_a_pan_that_views_share_is_named_in_labels(study):
    table = study[3]["measures"]
    pans = table[table["measure"] == "shared_pan"].groupby("arm")["value"].unique()
    assert {arm: list(found) for arm, found in pans.items()} == {"clips": [0.0], "stills": [0.75]}
    labels = {arm: look.label for arm, look in main_arms(table).items()}
    assert labels["clips"] == "MoCo on real clips"
    panned = table.assign(value=table["value"].where(table["measure"] != "shared_pan", 1.5))
    assert main_arms(panned)["clips"].label == "MoCo on real clips, shared pan"


def test_channels_are_the_sample_and_not_their_copies(study):
    _, _, _, tables = study
    one = tables["channels"]
    one = one[(one["arm"] == "clips") & (one["network"] == "pretrained") & (one["seed"] == 0)]
    assert len(one[one["stimulus"] == "gratings"]) == 12
    rows = tables["measures"]
    count = rows[(rows["measure"] == "channels") & (rows["arm"] == "motion_energy")]["value"]
    assert set(count) == {12.0}


def test_what_was_left_out_is_told(study):
    videos = study[3]["videos"]
    bad = videos[videos["left_out"] != ""]
    assert bad[["source", "video", "frames"]].to_numpy().tolist() == [["clips", "broken.avi", 0]]
    assert set(videos["dataset"]) == {"ucf101_fixture", "macaque_v4_fixture"}


def test_the_reference_is_selective_in_the_same_tables(study):
    table = study[3]["measures"]
    table = table[(table["stimulus"] == "gratings") & (table["curve"] == "best")]
    median = table[table["measure"] == "dsi_a"].groupby("arm")["value"].mean()
    assert median["motion_energy"] > 0.8 > median["clips"]


def test_every_figure_is_drawn_from_the_tables_alone(study, tmp_path):
    tables = study[3]
    paths = {}
    for name, table in tables.items():
        paths[name] = tmp_path / f"{name}.{'npz' if name == 'maps' else 'csv'}"
        write(paths[name], table)
    drawn = draw(FIGURES, **paths)
    assert tuple(drawn) == FIGURES
    assert all(figure.axes for figure in drawn.values())
    image = drawn["maps"].axes[0].images[0].get_array()
    direction = tables["maps"]["clips/random/0/direction"] / 10
    np.testing.assert_allclose(image, wheel(direction / 360), atol=1e-6)
    labels = [tick.get_text() for tick in drawn["ablations"].axes[0].get_yticklabels()]
    assert "motion-energy units" in labels and "random weights (clips)" in labels
    apart(drawn["ablations"])
    marked(drawn["ablations"].axes, tables["measures"])
    # The MT layer's loss, however many layers follow it.
    write(paths["history"], tables["history"].assign(**{"spatial layer4.1": 0.1}))
    training = draw(["training"], **paths)["training"]
    assert training.axes[1].get_ylabel() == "Spatial loss, layer3.0"


def marked(axes, measures):
    """Each seed's DSI stands in the first panel, and TDANN's pinwheels are strokes that one can see."""
    where = {"stimulus": "gratings", "curve": "averaged", "area": "MT", "null": "real"}
    own = rows(measures, measure="dsi_a", **where)["value"].dropna()
    plotted = np.concatenate(
        [mark.get_offsets()[:, 0] for mark in axes[0].collections if mark.get_paths()]
    )
    np.testing.assert_allclose(np.sort(plotted), np.sort(own))
    strokes = [c for c in axes[4].collections if c.get_paths() and len(c.get_paths()[0]) == 2]
    rules = rows(measures, measure="density_tdann", positions="own", stimulus="dots", null="real")
    seen = [c for c in strokes if len(c.get_offsets()) and max(c.get_linewidths()) > 0.5]
    assert len(rules) and seen


def apart(figure):
    """No two tick labels of an axis touch."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        for one, other in pairwise(boxes):
            assert one.x1 < other.x0, ax.get_xlabel()


def test_the_wheel_has_one_lightness_and_no_colour_twice():
    colours = wheel(np.arange(64) / 64)
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    assert np.ptp(luminance) < 0.03
    apart = np.abs(colours[:, None] - colours[None]).sum(-1) + np.eye(64)
    assert apart.min() > 0.01
