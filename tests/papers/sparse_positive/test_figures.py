"""Figures: what they draw, from tables made up for it."""

import itertools

import numpy as np
import pandas as pd
import pytest

from papers.sparse_positive import statistics as st
from papers.sparse_positive.figures import alphas, encoding, localizer, neurons, parts, spaces
from replicortex.analysis.encoding import KINDS
from replicortex.plotting.style import style

SPACES = {"planted": ["planted"], "semi_real": ["resnet20_trained_layer3", "barlow_trained_fc6"]}


@pytest.fixture(autouse=True)
def styled():
    with style():
        yield


@pytest.fixture(scope="module")
def scores():
    rows = []
    for target, names in SPACES.items():
        for space, region, seed, match, kind, sign, chosen in itertools.product(
            names, ("FFA", "PPA"), (0, 1), ("matched", "mismatched"), KINDS, parts.SIGNS,
            ("fixed", "voxel"),
        ):  # fmt: skip
            other = match == "mismatched"
            rows.append(
                {
                    "seed": seed, "target": target, "region": region, "space": space,
                    "units": "face", "match": match, "model": kind, "weights": sign,
                    "chosen": chosen, "ceiling": 0.6, "alpha": 0.1,
                    "r_dead_0": 0.5 - 0.2 * other + 0.01 * seed,
                    "theta": 0.4 + 0.6 * other, "theta_observed": 0.9, "theta_permuted": 1.0,
                    "folded": 0.3, "active": 5, "live": 1.0,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def drawn(ax, value):
    """Whether some marker of the axis stands at a height."""
    heights = [line.get_ydata() for line in ax.lines]
    return any(np.isclose(np.asarray(h, dtype=float), value).any() for h in heights if len(h))


def test_encoding_shows_means_over_seeds_of_the_network_of_its_rank(scores):
    first = encoding.figure_of(scores, 0)
    assert [ax.get_title(loc="left") for ax in first.axes[:4]] == [
        "planted\nFFA", "planted\nPPA", "semi-real\nFFA", "semi-real\nPPA",
    ]  # fmt: skip
    assert drawn(first.axes[0], 0.505) and drawn(first.axes[0], 0.305)
    assert drawn(first.axes[4], 0.4) and drawn(first.axes[4], 1.0)
    assert any("ResNet-20" in text.get_text() for text in first.texts)
    second = encoding.figure_of(scores, 1)
    assert [ax.get_title(loc="left") for ax in second.axes[:2]] == [
        "semi-real\nFFA",
        "semi-real\nPPA",
    ]
    assert any("Barlow" in text.get_text() for text in second.texts)
    assert len(encoding.figure_of(scores, 2).axes) == 0


def test_spaces_say_how_many_lie_above_the_line():
    rows = [
        {"target": "semi_real", "seed": seed, "region": region, "space": f"net{n}_trained_a"}
        | {"family": f"net{n}_trained", "match": match, "r": 0.3 + 0.01 * n, "theta": theta}
        for n, seed, region in itertools.product(range(5), (0, 1), ("FFA", "PPA"))
        for match, theta in (("matched", 0.5), ("mismatched", 0.4 if n == 0 else 0.9))
    ]
    table = pd.DataFrame(rows)
    figure = spaces.figure_of(table, st.signs(table))
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == ["FFA: above the line in 4 of 5", "PPA: above the line in 4 of 5"]


def test_neurons_stand_with_the_set_that_predicts_them_best():
    rows = [
        {"space": "a", "units": units, "model": "lasso", "weights": sign, "neuron": neuron}
        | {"r": (0.1 + 0.3 * (best == units)) * (1 if sign == "signed" else 0.5)}
        for neuron, best in enumerate(["face", "face", "scene", "random"])
        for units in parts.SETS
        for sign in parts.SIGNS
    ]
    figure = neurons.figure_of(pd.DataFrame(rows))
    assert [bar.get_height() for bar in figure.axes[1].patches] == [0.5, 0.25, 0.25]
    face = figure.axes[0].lines[0]
    np.testing.assert_allclose(face.get_xydata(), [[0.4, 0.2], [0.4, 0.2]])
    assert len(neurons.figure_of(pd.DataFrame(columns=["space"])).axes) == 0


def test_alphas_join_fixed_and_chosen(scores):
    usable = pd.DataFrame(
        [
            {"match": match, "model": kind, "weights": sign, "usable": 3.0}
            for match, kind, sign in itertools.product(parts.MATCHES, KINDS, parts.SIGNS)
        ]
    )
    figure = alphas.figure_of(scores, usable)
    assert [bar.get_height() for bar in figure.axes[2].patches] == [3.0] * 6
    assert drawn(figure.axes[1], 0.4) and drawn(figure.axes[1], 1.0)


def test_the_localizer_lists_every_space_once():
    rows = [
        {"space": space, "units": units, "passing": 3, "passing_permuted": 0}
        for space in ("barlow_trained_fc6", "hog")
        for units in ("face", "scene")
    ]
    ax = localizer.figure_of(pd.DataFrame(rows)).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "Barlow Twins trained fc6",
        "hog",
    ]
