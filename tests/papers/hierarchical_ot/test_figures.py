"""What figures show of the tables: names, rows, differences."""

import numpy as np
import pandas as pd

from papers.hierarchical_ot.figures import advantage, checkpoints, parts, plans
from replicortex.core.files import write

NAN = float("nan")


def table(rows, **columns):
    keys = ["pair", "source", "target", "noise_sd", "rotate"]
    return pd.DataFrame(rows, columns=keys).assign(**columns)


def test_comparisons_are_named_in_order_and_simulated_ones_by_their_first_couple():
    given = table(
        [
            ("zoo", "a", "b", NAN, "no"),
            ("related", "subject1", "subject2", 2.0, "no"),
            ("related", "subject1", "subject3", 2.0, "no"),
            ("distinct", "subject1", "subject2", 6.0, "no"),
            ("distinct", "subject1", "subject2", 0.5, "no"),
            ("nsd_1_2", "subject1", "subject2", NAN, "no"),
            ("nsd_2_5", "subject2", "subject5", NAN, "no"),
            ("cnn", "c", "d", NAN, "yes"),
            ("cnn", "c", "d", NAN, "no"),
        ],
        value=range(9),
    )
    found = parts.compared(given)
    assert found["label"].cat.categories.tolist() == [
        "CNN, shallow → deep",
        "CNN, shallow → deep +R",
        "NSD 1 → 2",
        "NSD 2 → 5",
        "Distinct, noise 0.5",
        "Distinct, noise 6",
        "Related, noise 2",
        "zoo",
    ]
    named = found.set_index("value")[["label", "name"]].astype(str)
    assert named.loc[7].tolist() == ["CNN, shallow → deep +R", "CNN, shallow → deep"]
    assert named.loc[0].tolist() == ["zoo", "zoo"] and 2 not in named.index


def test_scores_are_subtracted_seed_by_seed():
    """Whatever the order of the rows."""
    rules = ["hot", *advantage.AGAINST]
    given = table(
        [("cnn", "c", "d", NAN, "no")] * 3 * len(rules),
        rule=np.repeat(rules, 3),
        seed=[0, 1, 2, 2, 0, 1] + [0, 1, 2] * 3,
        score=[0.5, 0.6, 0.9, 0.8, 0.4, 0.5] + [0.0] * 9,
    )
    found = advantage.gaps(parts.compared(given)).set_index("seed")
    assert found["pairwise_best"].round(9).to_dict() == {0: 0.1, 1: 0.1, 2: 0.1}
    assert found["uniform"].to_dict() == {0: 0.5, 1: 0.6, 2: 0.9}


def test_plans_are_means_and_those_of_one_layer_are_left_out():
    rows = [("cnn", "c", "d", NAN, "no")] * 8 + [("v4", "e", "f", NAN, "no")] * 2
    given = table(
        rows,
        row=[0, 0, 1, 1] * 2 + [0, 0],
        column=[0, 1, 0, 1] * 2 + [0, 1],
        plan=[0.5, 0, 0, 0.5, 0.3, 0.2, 0.2, 0.3, 0.5, 0.5],
    )
    found = plans.mean_plans(parts.compared(given))
    assert list(found) == ["CNN, shallow → deep"]
    np.testing.assert_allclose(found["CNN, shallow → deep"], [[0.4, 0.1], [0.1, 0.4]])


def test_one_seed_has_no_checkpoints_to_match_and_the_figure_says_so(tmp_path):
    path = tmp_path / "checkpoints.csv"
    write(
        path, pd.DataFrame(columns=["seed", "other", "basis", "measure", "row", "column", "value"])
    )
    texts = [text.get_text() for ax in checkpoints.draw(path).axes for text in ax.texts]
    assert texts.count("one seed: no other to match") == 4
