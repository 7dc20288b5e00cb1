"""Rules and checkpoints by hand; simulated subjects."""

import numpy as np
import pytest

from papers.hierarchical_ot import aggregate, planted
from papers.hierarchical_ot.controls import RULES, plans, scored
from papers.hierarchical_ot.match import Key, Rows, layers_of
from papers.hierarchical_ot.matching_settings import CheckpointMatching, Cortex, Matching
from replicortex.analysis.hot import hot
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator, stream_seed

pytestmark = pytest.mark.numbers

MATCHED = Matching(
    splits=2, held_out=0.2, shuffles=4, temperature=0.05, iterations=20, null_draws=39
)
CHECKPOINTS = CheckpointMatching(held_out=0.2, null_draws=39)
CORTEX = Cortex(
    subjects=2,
    regions=4,
    voxels=40,
    stimuli=300,
    repeats=3,
    noise=[0.5],
    renewal={"distinct": 0.5},
)


def draw(*shape, seed=0):
    return generator(seed, "test", *shape).normal(size=shape)


@pytest.fixture
def found():
    source, target = (
        [draw(60, 5, seed=n) for n in range(2)],
        [draw(60, 6, seed=n) for n in range(5)],
    )
    return hot(source, target, held_out=np.arange(12))


def test_rules_are_what_they_say(found):
    made = plans(found, MATCHED, generator(0, "shuffles"))
    shares = {name: plan / plan.sum(1, keepdims=True) for name, plan in made.items()}
    for row in range(2):
        assert shares["pairwise_best"][row].argmax() == found.cost[row].argmin()
        cheapest = np.argsort(found.cost[row])[:2]  # 5 / 2, rounded
        assert set(np.flatnonzero(shares["top_k"][row])) == set(cheapest)
        heaviest = np.flatnonzero(np.isclose(found.outer[row], found.outer[row].max()))
        best = heaviest[found.cost[row, heaviest].argmin()]
        assert shares["single_best"][row].argmax() == best
        weights = np.exp(-found.cost[row] / 0.05)
        np.testing.assert_allclose(shares["softmax"][row], weights / weights.sum())
    np.testing.assert_allclose(shares["uniform"], 0.2)
    np.testing.assert_allclose(shares["staircase"][0], [0.4, 0.4, 0.2, 0, 0], atol=1e-12)
    for number in range(4):
        np.testing.assert_allclose(
            np.sort(shares[f"random {number}"], 0), np.sort(shares["hot"], 0)
        )


def test_the_order_of_target_layers_decides_nothing():
    """Two by four layers: the plan gives each source layer two targets of equal mass."""
    for seed in range(6):
        sides = [
            [draw(60, 6, seed=10 * seed + 5 * side + n) for n in range(count)]
            for side, count in enumerate((2, 4))
        ]
        source, target = sides
        turned = [target[k] for k in (3, 2, 1, 0)]
        one, other = (hot(source, layers, held_out=np.arange(12)) for layers in (target, turned))
        np.testing.assert_allclose(one.outer, other.outer[:, ::-1], atol=1e-12)
        rng = generator(0, "shuffles")
        scores = [scored(found, MATCHED, rng)[0] for found in (one, other)]
        for rule in ("hot", "single_best", "pairwise_best", "top_k"):
            assert scores[0][rule] == pytest.approx(scores[1][rule], abs=1e-12)


def test_random_is_the_mean_over_shuffles(found):
    made = plans(found, MATCHED, generator(3, "shuffles"))
    scores, undefined = scored(found, MATCHED, generator(3, "shuffles"))
    assert scores["random"] == pytest.approx(
        np.mean([found.score(made[f"random {n}"]) for n in range(4)])
    )
    assert set(RULES) == set(scores) and undefined == 0
    assert scores["staircase"] == found.score(made["staircase"])


def test_means_and_deviations_are_over_splits():
    source, target = (
        [draw(60, 5, seed=n) for n in range(2)],
        [draw(60, 6, seed=n) for n in range(3)],
    )
    rows = Rows(MATCHED)
    rows.compare(Key(7, "pair", "a", "b"), source, target, [10, 11])
    each = [
        scored(rows.run(source, target, False, s), MATCHED, generator(s, "shuffles"))[0]["uniform"]
        for s in (10, 11)
    ]
    row = rows.frames()["scores"].set_index("rule").loc["uniform"]
    assert row["score"] == pytest.approx(np.mean(each)) and row["seed"] == 7
    assert row["sd"] == pytest.approx(np.std(each, ddof=1))


def test_order_that_widths_alone_make_does_not_lie_above_the_null():
    """Plans of layers that share nothing have .82 here, above 97.5 % of plans under random costs (.73)."""
    rows = Rows(MATCHED)
    for seed in range(6):
        source, target = (
            [draw(60, width, seed=10 * seed + side) for width in sorted(widths)]
            for side, widths in enumerate([(3, 9, 27, 81), (3, 9, 27, 81) * 2])
        )
        rows.compare(Key(seed, "pair", "a", "b"), source, target, [seed], 39)
    table = rows.frames()["structure"].pivot_table(
        index="seed", columns="measure", values="value", aggfunc="sum"
    )
    assert table["depth correlation"].mean() > 0.73
    assert (table["depth above permuted"] > 0).sum() <= 1
    np.testing.assert_allclose(
        table["depth beyond permuted mean"],
        table["depth correlation"] - table["depth permuted mean"],
    )
    assert abs(table["depth beyond permuted mean"].mean()) < 0.15


def test_layers_come_in_numerical_order():
    arrays = {f"vision/large/{n}": np.full((2, 2), n) for n in range(11)}
    found = layers_of(arrays, "vision/large")
    assert [int(layer[0, 0]) for layer in found] == list(range(11))
    with pytest.raises(
        StudyError, match="no layers of system 'vision/larg'; did you mean 'vision/l"
    ):
        layers_of(arrays, "vision/larg")


def test_simulated_regions_are_found_and_noise_lowers_scores():
    scores = []
    for noise in (0.5, 6.0):
        one, other = planted.answers(CORTEX, "distinct", noise, seed=0)
        found = hot(one, other, held_out=np.arange(60))
        scores.append(found.score(found.outer))
        if noise == 0.5:
            np.testing.assert_allclose(found.outer, np.eye(4) / 4, atol=1e-10)
    assert scores[1] < scores[0] - 0.2


def test_what_simulated_subjects_are_stands_in_columns():
    cortex = CORTEX.model_copy(update={"subjects": 3, "noise": [0.5, 2.0]})
    tables = planted.match_planted(cortex=cortex, matched=MATCHED, draws=[4])
    assert set(tables) == {"scores", "plans", "structure"}
    couples = [("subject1", "subject2"), ("subject1", "subject3"), ("subject2", "subject3")]
    for table in tables.values():
        named = table[["seed", "pair", "source", "target", "noise_sd", "rotate"]].drop_duplicates()
        assert sorted(named.itertuples(index=False, name=None)) == sorted(
            (4, "distinct", *couple, noise, "no") for noise in (0.5, 2.0) for couple in couples
        )


def test_checkpoints_in_another_order_are_matched():
    stages = [[draw(40, 5, seed=n), draw(40, 6, seed=n)] for n in range(3)]
    others = [stages[k] for k in (1, 2, 0)]
    rows = aggregate.matched_checkpoints(stages, others, 0, [0, 1, 4], CHECKPOINTS)
    for by in ("cost", "score"):
        own = [r for r in rows if r["basis"] == by]
        plan = {(r["row"], r["column"]): r["value"] for r in own if r["measure"] == "plan"}
        assert plan[0, 4] == plan[1, 0] == plan[4, 1] == pytest.approx(1 / 3)
        cost = {(r["row"], r["column"]): r["value"] for r in own if r["measure"] == "cost"}
        assert cost[0, 4] == pytest.approx(0, abs=1e-12) and cost[0, 0] > 0.1
        single = {r["measure"]: r["value"] for r in own if r["row"] == aggregate.NONE}
        assert single["hubness of greedy"] == 1 and single["trace"] == 0
        assert single["depth correlation"] == pytest.approx(single["depth correlation of greedy"])
        beyond = single["depth correlation"] - single["depth permuted mean"]
        assert single["depth beyond permuted mean"] == pytest.approx(beyond)


def test_units_are_left_out_of_both_ways_to_match():
    source, target = ([draw(60, 8, seed=9 * s + n) for n in range(2)] for s in (0, 1))
    rows = Rows(MATCHED)
    rows.subsampling("pair", source, target, 0, [0.5, 1.0], rotate=True)
    rows.subsampling("plain", source, target, 0, [0.5], rotate=False)
    curves = rows.frames()["curves"]
    own = curves[(curves["pair"] == "pair") & (curves["what"] == "hot")].set_index(["rotate", "x"])
    assert len(own) == 4 and own.index.is_unique
    for rotate in (False, True):
        found = rows.run(source, target, rotate, stream_seed(0, "split", 0))
        score = own.loc[("yes" if rotate else "no", 1.0), "score"]
        # All units are there, in another order.
        assert score == pytest.approx(found.score(found.outer), abs=1e-6)
    assert set(curves[curves["pair"] == "plain"]["rotate"]) == {"no"}
