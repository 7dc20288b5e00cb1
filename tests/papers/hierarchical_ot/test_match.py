"""Matching systems: planted structure is found, tables are complete."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from papers.hierarchical_ot import match, simulate
from replicortex import files
from replicortex.analysis import optimal_transport as transport
from replicortex.errors import StudyError

CORTEX = {
    "subjects": 2,
    "regions": 4,
    "voxels": 40,
    "stimuli": 300,
    "repeats": 3,
    "noise": [0.5],
}
MATCHED = {
    "splits": 2,
    "held_out": 0.2,
    "shuffles": 5,
    "temperature": 0.05,
    "iterations": 20,
    "null_draws": 20,
    "shares": [0.5],
}


def test_planted_regions_are_found():
    one, other = simulate.subjects(CORTEX, 0.5, seed=0)
    result = transport.hot(one, other, seed=0)
    np.testing.assert_allclose(result.fit.plan, np.eye(4) / 4, atol=1e-10)
    assert result.scores["hot"] > result.scores["random"] + 0.05


def test_noise_lowers_scores():
    clean, noisy = (
        transport.hot(*simulate.subjects(CORTEX, noise, seed=0), seed=0).scores["hot"]
        for noise in (0.5, 6.0)
    )
    assert noisy < clean - 0.2


def test_repeats_have_the_noise_they_say():
    clean = simulate.subjects(CORTEX, 1e-9, seed=0)
    noisy = simulate.subjects(CORTEX, 3.0, seed=0)
    assert clean[0][0].std() == pytest.approx(1, abs=1e-6)
    # Streams go apart after the first noise, so only the first region of the first subject is alike.
    assert (noisy[0][0] - clean[0][0]).std() == pytest.approx(3 / np.sqrt(3), rel=0.05)


@pytest.fixture
def activations(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    arrays = {}
    for system, layers in (("small", 2), ("large", 11)):
        for n in range(layers):
            arrays[f"vision/{system}/{n}"] = random.normal(size=(40, 6)).astype("float32")
    path = tmp_path / "seed7.safetensors"
    files.write(path, files.Tensors(arrays))
    return path


def test_layers_come_in_numerical_order(activations):
    arrays, _ = files.read_tensors(activations)
    found = match.layers_of(arrays, "vision/large")
    assert len(found) == 11
    np.testing.assert_array_equal(found[10], arrays["vision/large/10"])
    with pytest.raises(StudyError, match="no layers of system 'vision/none'"):
        match.layers_of(arrays, "vision/none")


def test_tables_hold_every_rule_and_plans_sum_to_one(activations):
    pairs = {"up": {"source": "small", "target": "large", "domain": "vision", "rotate": True}}
    tables = match.match([activations], pairs, CORTEX, MATCHED, seeds=[7])
    scores = tables["scores"][0]
    own = scores[scores["pair"] == "up"]
    assert sorted(own["rule"]) == sorted(2 * list(transport.RULES))
    assert set(scores["seed"]) == {7}
    assert (own["target_layers"] == 11).all()
    plans = tables["plans"][0].groupby(["pair", "rotate"])["plan"].sum()
    np.testing.assert_allclose(plans, 1)
    curves = tables["curves"][0].set_index(["what", "rotate"])["score"]
    assert curves["itself", "no"] == pytest.approx(1)
    assert curves["itself, rotated", "yes"] == pytest.approx(1)
    assert curves["itself, rotated", "no"] < 0.95


def test_checkpoints_in_another_order_are_matched():
    random = np.random.default_rng(1)
    stages = [random.normal(size=(40, 5)) for _ in range(3)]
    one = {f"checkpoint/{n}/0": x for n, x in enumerate(stages)}
    other = {f"checkpoint/{n}/0": stages[k] for n, k in enumerate((1, 2, 0))}
    rows = pd.DataFrame(
        match._checkpoints(one, other, 0, {"checkpoints": [0, 1, 2]}, {"null_draws": 10})
    )
    plan = rows[rows["measure"] == "plan"].pivot_table(
        index="row", columns="column", values="value"
    )
    assert plan.to_numpy().argmax(1).tolist() == [2, 0, 1]
