"""Figures: what they draw, from tables made up for it."""

import itertools

import numpy as np
import pandas as pd
import pytest

from papers.sparse_positive import aggregate
from papers.sparse_positive.figures import (
    alphas,
    balance,
    controls,
    directions,
    encoding,
    generator,
    intervals,
    localizer,
    networks,
    neurons,
    parts,
    passing,
    spaces,
    stages,
    toy,
)
from replicortex.analysis.encoding import KINDS

SPACES = {"planted": ["planted"], "semi_real": ["resnet20_trained_layer3", "barlow_trained_fc6"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write a table as the workflow does, and return its path."""
    folder = tmp_path_factory.mktemp("tables")
    number = itertools.count()

    def write(rows):
        path = folder / f"{next(number)}.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        return path

    return write


@pytest.fixture(scope="module")
def scores(written):
    rows = []
    for target, names in SPACES.items():
        for space, region, seed, match, kind, sign, chosen in itertools.product(
            names, ("FFA", "PPA"), (0, 1), ("matched", "mismatched"), KINDS, parts.SIGNS,
            ("fixed", "voxel", "global"),
        ):  # fmt: skip
            other = match == "mismatched"
            rows.append(
                {
                    "seed": seed, "target": target, "region": region, "space": space,
                    "units": "face", "match": match, "model": kind, "weights": sign,
                    "chosen": chosen, "ceiling": 0.6, "alpha": 0.1, "r": 0.7,
                    "r_dead_0": 0.5 - 0.2 * other + 0.01 * seed,
                    "theta": 0.4 + 0.6 * other + 0.1 * (chosen == "voxel"),
                    "theta_observed": 0.9, "theta_permuted": 1.0,
                    "folded": 0.3, "active": 5, "live": 1.0,
                }
            )  # fmt: skip
    return written(rows)


def drawn(ax, value):
    """Whether some marker of the axis stands at a height."""
    heights = [line.get_ydata() for line in ax.lines]
    return any(np.isclose(np.asarray(h, dtype=float), value).any() for h in heights if len(h))


def bar(ax, value):
    """Whether some line of the axis spans just one s.d. to either side of a height."""
    spread = np.std([0, 0.01], ddof=1)
    ends = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    wanted = [value - spread, value + spread]
    return any(len(one) == 2 and np.allclose(sorted(one), wanted) for one in ends)


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


def labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_encoding_shows_mean_and_sd_over_seeds_of_the_network_of_its_rank(scores):
    first = encoding.draw(scores)
    columns = ["planted\nFFA", "planted\nPPA", "semi-real\nFFA", "semi-real\nPPA"]
    assert titles(first)[:4] == columns
    assert drawn(first.axes[0], 0.505) and drawn(first.axes[0], 0.305)
    assert bar(first.axes[0], 0.505) and bar(first.axes[0], 0.305)
    assert drawn(first.axes[4], 0.4) and drawn(first.axes[4], 1.0)
    assert drawn(first.axes[0], 0.6)  # the ceiling
    assert any("ResNet-20" in text.get_text() for text in first.texts)
    assert labels(first) == ["matched units", "mismatched units"]
    second = networks.draw(scores)
    assert titles(second)[:2] == columns[2:]
    assert any("Barlow" in text.get_text() for text in second.texts)


def test_a_marker_of_the_legend_has_one_meaning(scores, written):
    """V4 has unit sets, the other regions what matches them: both stand in one legend."""
    table = pd.read_csv(scores)
    v4 = table[(table["target"] == "planted") & (table["region"] == "FFA")]
    sets = [v4.assign(target="macaque_v4", region="V4", units=one, match=one) for one in parts.SETS]
    figure = encoding.draw(written(pd.concat([table, *sets])))
    handles = [one for legend in figure.legends for one in legend.legend_handles]
    looks = [(one.get_color(), one.get_marker()) for one in handles]
    assert len(looks) == 5 and len(set(looks)) == 5
    assert len({marker for _, marker in looks}) == len({colour for colour, _ in looks}) == 5


def test_captions_tell_the_alpha_of_the_table(scores, written):
    other = written(pd.read_csv(scores).assign(alpha=0.25))
    for figure in (encoding.draw(other), networks.draw(other)):
        assert "alpha 0.25" in figure.texts[-1].get_text()


def test_one_network_a_target_is_said(scores, written):
    table = pd.read_csv(scores)
    only = written(table[table["space"] != "barlow_trained_fc6"])
    assert len(encoding.draw(only).axes) == 8 and len(networks.draw(only).axes) == 0


def test_the_generators_parameters_have_a_panel_each(written):
    rows = [
        {"seed": seed, "parameter": name, "value": value, "r_matched": 0.5}
        | {"keep": -0.05 * (name == "negative"), "drop": -0.3 - 0.01 * seed}
        for name, seed, value in itertools.product(generator.PARAMETERS, (0, 1), (0.0, 1.0))
    ]
    figure = generator.draw(written(rows))
    assert [ax.get_xlabel() for ax in figure.axes] == list(generator.PARAMETERS.values())
    assert all(drawn(ax, -0.305) for ax in figure.axes)
    assert drawn(figure.axes[5], -0.1) and not drawn(figure.axes[0], -0.1)


def test_units_that_pass_are_drawn_like_the_others(scores, written):
    table = pd.read_csv(scores)
    drawn_of = passing.draw(written(table.assign(count=np.where(table["region"] == "FFA", 5, 7))))
    note = drawn_of.texts[-1].get_text().replace("\n", " ")
    assert "all of which pass: planted 5 to 7" in note
    assert titles(drawn_of)[:4] == titles(encoding.draw(scores))[:4]
    none = passing.draw(written(pd.DataFrame(columns=["seed", "target"])))
    assert not none.axes and "Too few units" in none.texts[0].get_text()


def test_spaces_say_how_many_lie_above_the_line(written):
    table = pd.DataFrame(
        [
            {"target": "semi_real", "seed": seed, "region": region, "space": f"net{n}_{how}_a"}
            | {"family": f"net{n}_{how}", "match": match, "r": 0.3 + 0.01 * n, "theta": theta}
            | {"source": how, "arm": "filled", "count": 9}
            | {"passing": 0 if match == "random" else 9 if n == 1 else 2}
            for n, seed, region in itertools.product(range(5), (0, 1), ("FFA", "PPA"))
            for how in [("trained" if n else "untrained")]
            for match, theta in (
                ("matched", 0.5),
                ("mismatched", 0.4 if n == 0 else 0.9),
                ("random", 1.0),
            )
        ]
    )
    figure = spaces.draw(written(table), written(aggregate.signs(table)))
    words = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert words == ["FFA: above the line in 4 of 5", "PPA: above the line in 4 of 5"]
    trained, other = figure.axes[1].lines[:2]
    assert trained.get_fillstyle() == "full" and len(trained.get_xdata()) == 4
    assert other.get_fillstyle() == "none" and other.get_ydata() == pytest.approx([0.4])
    note = figure.texts[-1].get_text().replace("\n", " ")
    assert "4 trained networks, 1 untrained, 0 handmade codes" in note
    assert "in 4 the next units" in note and "in 0 some units of both" in note


def test_layers_are_filled_where_the_network_learned(written):
    rows = [
        {"network": network, "source": source, "layer": f"stage{n + 1}", "depth": float(n)}
        | {"units": units, "share": 0.1 * n, "r": 0.3 + 0.1 * (source == "trained")}
        for network in ("mobilenet_v2", "resnet20")
        for source in ("trained", "untrained")
        for n in (0, 1)
        for units in parts.SETS
    ]
    figure = stages.draw(written(rows))
    face, _, v4 = figure.axes
    assert len(face.lines) == 4
    named = [line for line in face.lines if line.get_color() != parts.GREY]
    assert {line.get_fillstyle(): list(line.get_ydata()) for line in named} == {
        "full": pytest.approx([0, 10]),
        "none": pytest.approx([0, 10]),
    }
    assert {(line.get_fillstyle(), line.get_ydata()[0]) for line in v4.lines} == {
        ("full", 0.4),
        ("none", 0.3),
    }
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["MobileNetV2", "networks of CIFAR-10", "trained", "untrained"]


def test_neurons_stand_with_the_set_that_predicts_them_best(written):
    rows = [
        {"space": "a", "units": units, "model": "lasso", "weights": sign, "neuron": neuron}
        | {"session": 210322 + neuron % 2}
        | {"r": (0.1 + 0.3 * (best == units)) * (1 if sign == "signed" else 0.5)}
        for neuron, best in enumerate(["face", "face", "scene", "random"])
        for units in parts.SETS
        for sign in parts.SIGNS
    ]
    figure = neurons.draw(written(rows))
    heights = [one.get_height() for one in figure.axes[1].patches if one.get_width()]
    assert heights == [0.5, 0.25, 0.25]
    (points,) = figure.axes[0].collections
    np.testing.assert_allclose(points.get_offsets(), [[0.4, 0.2]] * 4)
    assert "4 of 2 sessions" in figure.texts[-1].get_text()
    best = neurons.best_sets(pd.DataFrame(rows))
    assert list(best["units"]) == ["face", "face", "scene", "random"]
    assert len(neurons.draw(written(pd.DataFrame(columns=["space"]))).axes) == 0


def test_alphas_join_fixed_and_chosen(scores, written):
    usable = [
        {
            "target": "planted",
            "match": match,
            "model": kind,
            "weights": sign,
            "usable": 3.0,
            "of": 12,
        }
        for match, kind, sign in itertools.product(parts.MATCHES, KINDS, parts.SIGNS)
    ]
    figure = alphas.draw(scores, written(usable))
    assert [one.get_height() for one in figure.axes[2].patches] == [3.0] * 6
    assert figure.axes[2].get_ylabel().endswith("(of 12)") and "alpha 0.1" in labels(figure)
    ax = figure.axes[1]
    assert all(drawn(ax, value) for value in (0.4, 0.5, 1.0, 1.1))
    for lines, ends in zip(ax.collections, ([0.4, 0.5], [1.0, 1.1]), strict=True):
        for segment in lines.get_segments():
            np.testing.assert_allclose(sorted(segment[:, 1]), ends)
            # A line joins two marks, so it stands where they stand.
            marked = [np.asarray(line.get_xdata(), dtype=float) for line in ax.lines]
            assert any(np.isclose(x, segment[0, 0]).any() for x in marked if len(x))


def test_the_localizer_lists_every_space_once(written):
    rows = [
        {"space": space, "units": units, "passing": 3, "passing_permuted": 0, "q": 0.03}
        for space in ("barlow_trained_fc6", "hog")
        for units in ("face", "scene")
    ]
    figure = localizer.draw(written(rows))
    assert figure.texts[-1].get_text().endswith("q = 0.03.")
    ax = figure.axes[0]
    words = [label.get_text() for label in ax.get_yticklabels()]
    assert words == ["Barlow Twins trained fc6", "hog"]
    found = [x for line in ax.lines for x in np.asarray(line.get_xdata(), dtype=float)]
    assert sorted(set(np.round(found, 9))) == [0, 3]


def test_intervals_are_the_tables(scores, written):
    rows = [
        {"target": "semi_real", "region": region, "space": "hog", "model": kind, "weights": sign}
        | {"chosen": "fixed", "theta_difference": 0.3 + 0.1 * (region == "PPA")}
        | {"theta_difference_lower": 0.25, "theta_difference_upper": 0.6}
        | {"r_ratio": 0.8, "r_ratio_lower": 0.5, "r_ratio_upper": 0.9}
        for region, kind, sign in itertools.product(("FFA", "PPA"), KINDS, parts.SIGNS)
    ]
    figure = intervals.draw(written(rows), scores)
    assert "alpha 0.1." in figure.texts[-1].get_text()
    assert labels(figure) == ["semi-real FFA, hog", "semi-real PPA, hog"]
    ax = figure.axes[0]
    marked = {}
    for line in ax.lines[:-1]:
        points = np.asarray(line.get_xydata(), dtype=float)
        marked |= {round(y, 6): x for x, y in points}
    assert len(marked) == 16
    for lines, value in zip(ax.collections, (0.3, 0.4), strict=True):
        assert len(lines.get_segments()) == 8
        for segment in lines.get_segments():
            np.testing.assert_allclose(segment[:, 0], [0.25, 0.6])
            assert marked[round(segment[0, 1], 6)] == pytest.approx(value)


def test_one_target_alone_has_its_interval_on_its_mark(scores, written):
    rows = [
        {"target": "planted", "region": "FFA", "space": "planted", "model": kind, "weights": sign}
        | {"theta_difference": 0.3, "theta_difference_lower": 0.2, "theta_difference_upper": 0.4}
        | {"r_ratio": 0.8, "r_ratio_lower": 0.5, "r_ratio_upper": 0.9}
        for kind, sign in itertools.product(KINDS, parts.SIGNS)
    ]
    ax = intervals.draw(written(rows), scores).axes[0]
    marked = np.asarray(ax.lines[0].get_ydata(), dtype=float)
    drawn_at = [segment[0, 1] for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose(np.sort(drawn_at), np.sort(marked))


def test_controls_show_every_kind_and_basis(scores, written):
    rows = [
        {"seed": seed, "target": "planted", "model": kind, "weights": sign, "basis": basis}
        | {"r_dead_0": 0.35 - 0.1 * (basis == "rotated") + 0.01 * seed}
        for seed, kind, sign in itertools.product((0, 1), ("ridge", "lasso"), parts.SIGNS)
        for basis in controls.BASES
    ]
    figure = controls.draw(scores, written(rows))
    assert all(drawn(figure.axes[0], value) for value in (0.4, 0.9, 1.0, 0.3))
    assert bar(figure.axes[1], 0.355) and bar(figure.axes[1], 0.255)


def test_balance_shows_three_arms(scores, written):
    rows = [
        {"seed": seed, "target": "planted", "match": match, "weights": sign, "reliability": kind}
        | {"r": (0.2 if kind == "all" else 0.1) + 0.01 * seed, "theta": 0.8}
        for seed, match, sign in itertools.product((0, 1), parts.MATCHES, parts.SIGNS)
        for kind in ("all", "paired")
    ]
    ax = balance.draw(scores, written(rows)).axes[0]
    assert bar(ax, 0.505) and bar(ax, 0.205) and bar(ax, 0.105)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["±", "+"] * 3


def test_directions_draw_a_point_a_unit_and_the_means(written):
    rows = [
        {"space": "hog", "units": units, "unit": unit, "first": 0.1 * unit, "second": place}
        | {"share_first": 0.4, "share_second": 0.2}
        for place, units in enumerate(parts.SETS)
        for unit in (1, 3)
    ]
    ax = directions.draw(written(rows)).axes[0]
    assert sorted(ax.collections[0].get_offsets()[:, 1]) == [0, 0, 1, 1, 2, 2]
    means = [line.get_xydata()[1] for line in ax.lines[:3]]
    np.testing.assert_allclose(means, [[0.2, 0], [0.2, 1], [0.2, 2]])
    assert ax.get_xlabel() == "Component 1 (40% of variance)"


def test_the_toy_shows_all_seeds_and_the_one_of_the_notebook(written):
    cells = list(itertools.product(KINDS, parts.SIGNS))
    table = [
        {"seed": seed, "part": "notebook", "model": kind, "weights": sign, "intercept": 0}
        | {"alpha": 0.5, "theta": 0.5 + 0.1 * seed}
        for seed in range(5)
        for kind, sign in cells
    ] + [
        {"seed": seed, "part": "sweep", "model": "lasso", "weights": "positive", "intercept": 0}
        | {"alpha": alpha, "theta": 0.2 + 0.01 * seed}
        for seed, alpha in itertools.product((0, 1), (0.1, 1.0))
    ]
    arrows = [
        {"model": kind, "weights": sign, "x": 1.0, "y": 2.0, "weight": 0.01} for kind, sign in cells
    ]
    figure = toy.draw(written(table), written(arrows), 1)
    assert titles(figure)[0] == "OLS: Θ = 0.600"
    violins, sweep = figure.axes[8:10]
    for quartile in (0.6, 0.7, 0.8):
        ends = [np.asarray(line.get_ydata(), dtype=float) for line in violins.lines]
        assert sum(len(one) == 2 and np.allclose(one, quartile) for one in ends) == 8
    assert drawn(violins, 0.6) and drawn(sweep, 0.205) and drawn(sweep, 0.21)
