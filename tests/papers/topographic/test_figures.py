"""Figures: what they draw, from tables made up for it."""

import itertools
from functools import partial

import numpy as np
import pandas as pd
import pytest
from fresh_python import said

from papers.topographic import published
from papers.topographic.figures import (
    accuracy,
    ensembles,
    parts,
    readout,
    switches,
    together,
    trunks,
)
from papers.topographic.plan import FIGURES
from replicortex.core.codehash import ROOT
from replicortex.verdicts.quoted import quoted
from replicortex.verdicts.reading import load

MEASURES = {
    "moran": 0.5,
    "moran_without_bias": 0.6,
    "participation": 0.3,
    "clamped": 0.2,
    "row_norm": 1.5,
    "neighbour_cosine": 0.4,
    "bias_sd": 0.1,
    "rdm_consistency": 0.8,
    "rdm_consistency_without_bias": 0.7,
    "cosine_within": 0.9,
    "cosine_across": 0.1,
    "cosine_within_without_bias": 0.8,
    "cosine_across_without_bias": 0.0,
}
RHOS = (0, 0.2, 5)
TAUS = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8)
FOLDER = ROOT / "papers/topographic"
CLAIMS = load(FOLDER / "claims.yaml")
PUBLISHED = {"published": FOLDER / "published.csv", "quoted": quoted(CLAIMS)}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    rows = []
    for arm, objective, rho, seed in itertools.product(
        ("main", "no_dropout", "no_bias", "form_units", "perturbed_up", "lite0"),
        parts.OBJECTIVES,
        RHOS,
        (0, 1, 2),
    ):
        unit = [arm, objective, rho, seed]
        rows += [[*unit, name, "", value + 0.01 * seed] for name, value in MEASURES.items()]
        for probe in (*readout.PROBES, *(["classifier"] if objective == "ce" else [])):
            rows.append([*unit, "accuracy", probe, 0.5])
        rows += [[*unit, "distance", tau, 6 - tau] for tau in TAUS]
        rows += [[*unit, "silhouette", group, 0.2] for group in ("class", "animacy")]
        for kind in ("faces", "places"):
            rows += [[*unit, "moran_selectivity", kind, 0.3], [*unit, "patch", kind, 12]]
    columns = ["arm", "objective", "rho", "seed", "measure", "parameter", "value"]
    places = [
        ["main", o, rho, label, label * 1.0, -label, 0]
        for o, rho, label in itertools.product(parts.OBJECTIVES, (0, 0.2), range(10))
    ]
    maps = [
        [arm, o, rho, unit, np.sin(unit), 1.0, 0]
        for arm, o, rho, unit in itertools.product(
            ("main", "no_dropout"), parts.OBJECTIVES, RHOS, range(16)
        )
    ]
    boosts = [
        ["ce", rho, kind, level, vote, 10, 0.9, 0.01, 0.93, 0.03, 0.02, 0.04]
        for rho, vote in itertools.product(RHOS, ("logits", "probabilities"))
        for kind, level in [("none", 0.0), *itertools.product(ensembles.NOISES, (0.05, 0.2))]
    ]
    folder = tmp_path_factory.mktemp("tables")
    made = {
        "measures": pd.DataFrame(rows, columns=columns),
        "summary": pd.DataFrame({"x": []}),
        "history": pd.DataFrame({"x": []}),
        "tsne": pd.DataFrame(
            places, columns=["arm", "objective", "rho", "label", "x", "y", "seed"]
        ),
        "maps": pd.DataFrame(
            maps, columns=["arm", "objective", "rho", "unit", "value", "limit", "seed"]
        ),
        "ensembles": pd.DataFrame(
            boosts,
            columns=[
                *("objective", "rho", "noise", "level", "vote", "n"),
                *("single", "single_sd", "ensemble", "boost", "lower", "upper"),
            ],
        ),
    }
    for name, table in made.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return {name: folder / f"{name}.csv" for name in made}


@pytest.fixture(scope="module")
def drawn(tables):
    return together.draw(FIGURES, **tables, **PUBLISHED)


def test_every_figure_is_drawn_with_labels(drawn, root):
    captions = {p.stem for p in (root / "workflow/papers/topographic/report").glob("*.rst")}
    assert set(drawn) == captions
    for name, figure in drawn.items():
        if name not in ("tsne", "maps", "switches"):  # rows of these bear names
            assert any(ax.get_xlabel() for ax in figure.axes), name
            assert any(ax.get_ylabel() for ax in figure.axes), name


def test_every_figure_is_drawn_without_localizer_images(tables, drawn, tmp_path):
    """`localizer: null` in the configuration."""
    table = pd.read_csv(tables["measures"])
    place = tmp_path / "measures.csv"
    table[~table["measure"].isin(["moran_selectivity", "patch"])].to_csv(place, index=False)
    found = together.draw(FIGURES, **{**tables, "measures": place}, **PUBLISHED)
    assert set(found) == set(drawn)
    assert any("No localizer images" in text.get_text() for text in found["patches"].texts)


def heights(container_axes, colour):
    lines = [line for line in container_axes.lines if line.get_color() == colour]
    return [list(line.get_ydata()) for line in lines]


def test_means_and_published_values_stand_where_they_belong(drawn):
    ax = drawn["smoothness"].axes[0]
    black = parts.OBJECTIVES["ce"].colour
    found = heights(ax, black)
    assert any(np.allclose(values, [0.51] * 3) for values in found)
    # Published: .86 at rho = .2 and .84 at 5; none at 0.
    assert any(np.allclose(values, [0.86, 0.84]) for values in found if len(values) == 2)


def test_accuracy_takes_the_classifier_or_the_readout_that_its_panel_names(drawn, tables):
    table = pd.read_csv(tables["measures"])
    table["parameter"] = table["parameter"].astype("string").fillna("")
    for probe in ("probe raw", "probe standardised"):
        for objective, wanted in (("ce", "classifier"), ("simclr", probe)):
            chosen = accuracy.read_out(table[table["objective"] == objective], probe)
            assert set(chosen["parameter"]) == {wanted} and len(chosen) == 9
    raw, standardised = drawn["accuracy"].axes
    # Published values (SimCLR: .77, .64, .56) are those of raw embeddings, and stand there alone.
    simclr = parts.OBJECTIVES["simclr"].colour
    published_ones = [0.77, 0.64, 0.56]
    assert any(np.allclose(values, published_ones) for values in heights(raw, simclr))
    assert not any(np.allclose(values, published_ones) for values in heights(standardised, simclr))


def test_published_values_without_dropout_are_crosses(drawn):
    ax = drawn["smoothness"].axes[0]
    black = parts.OBJECTIVES["ce"].colour
    crosses = [line for line in ax.lines if line.get_marker() == "x" and line.get_color() == black]
    assert [list(line.get_ydata()) for line in crosses] == [[0.31, 0.65]]


def test_published_gains_under_noise_are_diamonds_at_their_levels(drawn):
    ax = drawn["ensembles"].axes[1]
    diamonds = [list(line.get_ydata()) for line in ax.lines if line.get_marker() == "D"]
    # White noise of .05 and .2, at rho = 0 (the control), .2 and 5.
    np.testing.assert_allclose(diamonds, [[5.21, -0.04], [5.32, -1.05], [5.67, -1.00]])


def test_ensembles_are_in_percentage_points(drawn):
    (bars,) = [c for c in drawn["ensembles"].axes[0].containers if "logits" in c.get_label()]
    np.testing.assert_allclose(np.asarray(bars.lines[0].get_ydata(), float), [3, 3, 3])


def test_each_switch_has_a_row_and_each_seed_a_mark(drawn):
    ax = drawn["switches"].axes[0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == [switches.ARMS[arm] for arm in ("main", "form_units", "no_bias", "no_dropout")]
    marks = sum(len(dots.get_offsets()) for dots in ax.collections)
    assert marks == 2 * len(RHOS) * 4 * 3


def test_trunks_are_beside_each_other_where_they_were_trained(drawn):
    first = drawn["trunks"].axes[0]
    curves = [
        (line.get_linestyle(), list(line.get_ydata()))
        for line in first.lines
        if line.get_linestyle() != "None" and len(line.get_ydata()) == len(RHOS)
    ]
    assert [line for line, _ in curves] == ["-", "--"]
    np.testing.assert_allclose([values for _, values in curves], 0.51)
    (legend,) = drawn["trunks"].legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == [trunks.TRUNKS[arm][0].label for arm in ("main", "lite0")]


@pytest.fixture(scope="module")
def known():
    return published.load(PUBLISHED["published"], PUBLISHED["quoted"])


def test_published_curves_are_whole(known):
    """Part of each curve is quoted by claims, the rest stands in the table."""
    all_rhos = [0, 0.008, 0.04, 0.2, 1, 5]
    for measure in ("accuracy", "row_norm", "rdm_consistency", "cosine_within", "cosine_across"):
        for objective in parts.OBJECTIVES:
            assert [rho for rho, _ in published.values(known, measure, objective)] == all_rhos
    for arm, objective in itertools.product(("main", "no_dropout"), parts.OBJECTIVES):
        found = published.values(known, "moran", objective, arm=arm)
        assert [rho for rho, _ in found] == all_rhos[1:]
    boost = partial(published.values, known, "boost", "ce")
    assert [rho for rho, _ in boost(noise="none")] == all_rhos
    for noise, rho in itertools.product(ensembles.NOISES, all_rhos):
        levels = [level for level, _ in boost(along="level", noise=noise, rho=rho)]
        assert levels == [0.01, 0.05, 0.1, 0.15, 0.2]
    assert published.values(known, "moran", "ce")[0] == (0.008, 0.28)
    assert published.values(known, "accuracy", "simclr")[-1] == (5, 0.56)
    distances = published.values(known, "distance", "ce", along="parameter", rho=0.04)
    assert distances == list(zip(TAUS, (6.5, 4.3, 3.0, 2.7, 2.4, 2.1), strict=True))


def test_no_published_number_stands_twice(known):
    place = ["measure", "arm", "objective", "parameter", "noise", "level", "rho"]
    assert not known.duplicated(place).any()


def test_published_differences_are_those_of_the_published_numbers(known):
    checked = 0
    for claim in CLAIMS:
        select, ends = dict(claim.measure.select), (claim.measure.from_, claim.measure.to)
        if claim.kind != "published" or claim.as_ not in ("difference", "relative change"):
            continue
        curve = dict(published.values(known, select["measure"], select["objective"]))
        if select["measure"] == "distance":
            tau = select["parameter"]
            curve = {
                end["rho"]: dict(
                    published.values(known, "distance", "ce", along="parameter", rho=end["rho"])
                )[float(tau)]
                for end in ends
            }
        start, end = (curve[one["rho"]] for one in ends)
        change = end - start if claim.as_ == "difference" else (end - start) / start
        # Both numbers are rounded.
        assert claim.published.value == pytest.approx(change, abs=0.0101), claim.id
        checked += 1
    assert checked == 32


def test_figures_need_no_torch(root):
    code = (
        "import papers.topographic.figures.together, papers.topographic.measures, sys;"
        "print('torch' in sys.modules)"
    )
    assert said(root, code) == "False"
