"""Scores against loops over scipy: rho, its bootstrap, partial rho; and what they refuse."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, rankdata, spearmanr
from tests.papers.learning_rules.small_nets import changed

from papers.learning_rules import scores as scoring
from papers.learning_rules.settings.scores import NetworkScores
from papers.learning_rules.settings.sizes import Sizes
from replicortex.analysis.bootstrap import resample_weights
from replicortex.core import files
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

N = 10
NAMES = [f"s{number}" for number in range(N)]
PX = Sizes(train=32, large=64)
SETTINGS = NetworkScores(
    bootstrap_draws=15,
    bootstrap_seed=4,
    bootstrap_layers=["conv1", "fc1"],
    bootstrap_poolings=["global", "grid"],
)
CELL = ["epoch", "px", "arm", "bn", "pooling", "layer"]
WIDTH = {
    ("global", "conv1"): 5,
    ("grid", "conv1"): 20,
    ("global", "conv2"): 7,
    ("grid", "conv2"): 9,
}


def rdms(random, *shape) -> np.ndarray:
    return np.stack(
        [squareform(random.random(N * (N - 1) // 2)) for _ in range(np.prod(shape))]
    ).reshape(*shape, N, N)


@pytest.fixture
def brain(tmp_path: Path) -> Path:
    """Two ROIs of three people, three low-level models, and a mask without some pairs."""
    random = np.random.default_rng(0)
    kept = np.triu(random.random((N, N)) < 0.8, 1)
    arrays = {
        "rdm/V1": rdms(random, 3),
        "rdm/IT": np.round(rdms(random, 3), 1),  # with ties
        "rois": np.array(["V1", "IT"]),
        "mask": kept | kept.T,
        "names": np.array(NAMES),
        "subjects": np.array(["01", "02", "03"]),
    }
    arrays |= {f"model/{name}": rdms(random, 1)[0] for name in ("luminance", "rgb", "gabor")}
    files.write(tmp_path / "brain.npz", arrays)
    return tmp_path / "brain.npz"


def features(seed: int = 1) -> dict[str, np.ndarray]:
    """Activations of a small network in every kind of view."""
    random = np.random.default_rng(seed)
    views = [
        (epoch, px, "native", bn)
        for epoch in (0, 2)
        for px in (32, 64)
        for bn in ("running", "batch", *(["filled"] if not epoch else []))
    ]
    views += [(0, 48, "native", "running"), (2, 64, "upsampled", "running")]
    found = {}
    for epoch, px, arm, bn in views:
        view = f"epoch{epoch}/px{px}/{arm}/{bn}"
        shared = random.standard_normal((N, 6)).astype(np.float32)
        for pooling in ("global", "grid"):
            for layer in ("conv1", "conv2"):
                values = random.standard_normal((N, WIDTH[pooling, layer]))
                found[f"{view}/{pooling}/{layer}"] = values.astype(np.float32)
            found[f"{view}/{pooling}/fc1"] = shared
    return found


def stored(folder: Path, arrays: dict, rule="bp", seed=42, names=NAMES) -> Path:
    path = folder / f"{rule}_{seed}.safetensors"
    metadata = {"rule": rule, "seed": seed, "stimuli": list(names)}
    files.write(path, files.Tensors(arrays, metadata))
    return path


def scored(paths, brain: Path, **settings) -> dict[str, list]:
    paths = paths if isinstance(paths, list) else [paths]
    chosen = changed(SETTINGS, **settings)
    return scoring.scores(activations=paths, brain=brain, px=PX, scores=chosen)


def kept_pairs(mask: np.ndarray) -> list[tuple[int, int]]:
    return [(i, j) for i in range(N) for j in range(i + 1, N) if mask[i, j]]


def test_every_rho_equals_scipy(tmp_path, brain):
    arrays = features()
    table = scored(stored(tmp_path, arrays, "fa", 7), brain)["scores"][0]
    columns = ["rule", "seed", *CELL, "roi", "subject", "rho", "silent", "constant"]
    assert list(table.columns) == columns
    assert len(table) == len(arrays) * 2 * 3
    assert not table.duplicated([*CELL, "roi", "subject"]).any()
    assert set(table["rule"]) == {"fa"} and set(table["seed"]) == {7}
    assert (table[["silent", "constant"]] == 0).all(axis=None)
    with np.load(brain) as known:
        pairs = kept_pairs(known["mask"])
        for row in table.itertuples():
            key = f"epoch{row.epoch}/px{row.px}/{row.arm}/{row.bn}/{row.pooling}/{row.layer}"
            model = squareform(pdist(arrays[key].astype(float), "correlation"))
            person = known[f"rdm/{row.roi}"][int(row.subject) - 1]
            expected = spearmanr([model[p] for p in pairs], [person[p] for p in pairs])[0]
            assert row.rho == pytest.approx(expected, abs=1e-10)


def test_a_network_that_is_the_brain_scores_one(tmp_path, brain):
    """Features whose correlation distances are those of a person: from the roots of a Gram."""
    arrays = features()
    random = np.random.default_rng(8)
    own = random.standard_normal((N, 30)).astype(np.float32)
    with np.load(brain) as known:
        changed = dict(known)
    changed["rdm/V1"][1] = squareform(pdist(own.astype(float), "correlation"))
    files.write(brain, changed)
    key = "epoch2/px64/native/running/grid/conv1"
    arrays[key] = 3 * own + 1  # correlation distance sees neither scale nor offset
    table = scored(stored(tmp_path, arrays), brain)["scores"][0]
    here = table.query("epoch == 2 and px == 64 and pooling == 'grid' and layer == 'conv1'")
    here = here.query("bn == 'running' and arm == 'native' and roi == 'V1'").set_index("subject")
    assert here.loc["02", "rho"] == pytest.approx(1, abs=1e-6)
    assert here.drop("02")["rho"].abs().max() < 0.9


def test_draws_equal_slow_resampling_of_stimuli_and_people(tmp_path, brain):
    arrays = features()
    draws = scored(stored(tmp_path, arrays), brain)["draws"][0]
    weights = resample_weights(N, SETTINGS.bootstrap_draws, SETTINGS.bootstrap_seed)
    stream = generator(SETTINGS.bootstrap_seed, "people bootstrap")
    with np.load(brain) as known:
        n = len(known["subjects"])
        drawn = stream.integers(0, n, size=(SETTINGS.bootstrap_draws, n))
        for cell in range(0, len(draws["rho"]), 3):
            view = {name: draws[name][cell] for name in [*CELL, "roi"]}
            key = "epoch{epoch}/px{px}/{arm}/{bn}/{pooling}/{layer}".format(**view)
            model = squareform(pdist(arrays[key].astype(float), "correlation"))
            for draw, counts in enumerate(weights):
                chosen = np.repeat(np.arange(N), counts)
                pairs = [
                    (chosen[a], chosen[b])
                    for a in range(N)
                    for b in range(a + 1, N)
                    if chosen[a] != chosen[b] and known["mask"][chosen[a], chosen[b]]
                ]
                ours = [model[p] for p in pairs]
                people = [[one[p] for p in pairs] for one in known[f"rdm/{view['roi']}"]]
                each = [spearmanr(ours, person)[0] for person in people]
                expected = np.mean([each[person] for person in drawn[draw]])
                assert draws["rho"][cell, draw] == pytest.approx(expected, abs=1e-6)


def test_draws_are_kept_for_the_views_that_were_asked_for(tmp_path, brain):
    draws = scored(stored(tmp_path, features()), brain)["draws"][0]
    cells = pd.DataFrame({name: draws[name] for name in ["rule", "seed", *CELL, "roi"]})
    assert draws["rho"].dtype == np.float32
    assert draws["rho"].shape == (len(cells), SETTINGS.bootstrap_draws)
    # (2 checkpoints x 2 statistics + 1 filled) x 2 sizes, 2 layouts, 2 layers, 2 ROIs
    assert len(cells) == 5 * 2 * 2 * 2 * 2
    assert not cells.duplicated().any()
    assert set(cells["layer"]) == {"conv1", "fc1"} and set(cells["arm"]) == {"native"}
    assert set(cells["px"]) == {32, 64} and set(cells["bn"]) == {"running", "batch", "filled"}
    fewer = scored(stored(tmp_path, features()), brain, bootstrap_poolings=["grid"])["draws"][0]
    assert set(fewer["pooling"]) == {"grid"}
    grid = draws["pooling"] == "grid"
    np.testing.assert_array_equal(fewer["rho"], draws["rho"][grid])


def test_all_networks_see_the_same_resamples_whatever_their_company(tmp_path, brain):
    """One network twice under two names: equal draws; alone or with others: equal bytes."""
    one, two = (stored(tmp_path, features(), rule) for rule in ("bp", "fa"))
    other = stored(tmp_path, features(5), "pc")
    together, alone = scored([one, other, two], brain), scored(two, brain)
    np.testing.assert_array_equal(together["draws"][0]["rho"], together["draws"][2]["rho"])
    np.testing.assert_array_equal(together["draws"][2]["rho"], alone["draws"][0]["rho"])
    assert (together["draws"][1]["rho"] != alone["draws"][0]["rho"]).any()
    for part in ("scores", "partial"):
        pd.testing.assert_frame_equal(together[part][2], alone[part][0])
    reseeded = scored(one, brain, bootstrap_seed=5)
    assert (reseeded["draws"][0]["rho"] != together["draws"][0]["rho"]).any()


def test_blocks_of_networks_change_nothing(tmp_path, brain, monkeypatch):
    path = stored(tmp_path, features())
    whole = scored(path, brain)
    monkeypatch.setattr(scoring, "BLOCK", 3)
    pieces = scored(path, brain)
    for part in ("scores", "partial"):
        pd.testing.assert_frame_equal(whole[part][0], pieces[part][0], rtol=1e-12)


def test_partial_rho_equals_residuals_of_ranks(tmp_path, brain):
    arrays = features()
    table = scored(stored(tmp_path, arrays), brain)["partial"][0]
    columns = ["rule", "seed", "epoch", "px", "layer", "roi", "control", "rho"]
    assert list(table.columns) == columns
    controls = ["none", "luminance", "rgb", "gabor", "all"]
    assert len(table) == 2 * 2 * 3 * 2 * len(controls)  # the published layout only
    assert not table.duplicated(columns[:-1]).any()
    with np.load(brain) as known:
        pairs = kept_pairs(known["mask"])
        models = {
            name: rankdata([known[f"model/{name}"][p] for p in pairs]) for name in controls[1:-1]
        }
        for row in table.itertuples():
            key = f"epoch{row.epoch}/px{row.px}/native/running/global/{row.layer}"
            model = squareform(pdist(arrays[key].astype(float), "correlation"))
            chosen = {"none": [], "all": list(models)}.get(row.control, [row.control])
            design = np.stack([np.ones(len(pairs)), *(models[name] for name in chosen)], axis=1)
            found = []
            for person in known[f"rdm/{row.roi}"]:
                ranks = [rankdata([one[p] for p in pairs]) for one in (model, person)]
                left = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranks]
                found.append(pearsonr(*left)[0])
            assert row.rho == pytest.approx(np.mean(found), abs=1e-10)


def test_a_control_that_is_the_network_leaves_nothing(tmp_path, brain):
    arrays = features()
    key = "epoch2/px64/native/running/global/conv1"
    with np.load(brain) as known:
        changed = dict(known)
    changed["model/rgb"] = squareform(pdist(arrays[key].astype(float), "correlation"))
    files.write(brain, changed)
    table = scored(stored(tmp_path, arrays), brain)["partial"][0]
    here = table.query("epoch == 2 and px == 64 and layer == 'conv1'").set_index("control")
    # Nothing is left to correlate: undefined, which is not 0.
    assert here.loc[["rgb", "all"], "rho"].isna().all()
    assert (here.loc[["none", "luminance"], "rho"] != 0).all()


def test_stimuli_in_another_order_are_refused(tmp_path, brain):
    swapped = ["s0", "s2", "s1", *NAMES[3:]]
    with pytest.raises(StudyError, match=r"bp_42.*another order.*number 1 is 's2', 's1' expected"):
        scored(stored(tmp_path, features(), names=swapped), brain)


def test_other_stimuli_are_refused(tmp_path, brain):
    arrays = {key: values[:9] for key, values in features().items()}
    with pytest.raises(StudyError, match="9 stimuli that are not the brain's 10"):
        scored(stored(tmp_path, arrays, names=NAMES[:9]), brain)


def test_constant_features_before_training_are_refused(tmp_path, brain):
    arrays = features()
    arrays["epoch0/px64/native/batch/grid/conv2"][3] = 0.5
    with pytest.raises(StudyError, match=r"constant features in .*epoch0/px64/native/batch/grid"):
        scored(stored(tmp_path, arrays), brain)


def test_a_layer_that_training_silenced_has_no_score_and_is_counted(tmp_path, brain):
    arrays = features()
    whole = scored(stored(tmp_path, arrays), brain)
    for pooling in ("global", "grid"):
        arrays[f"epoch2/px64/native/running/{pooling}/fc1"][[3, 4]] = 0
    found = scored(stored(tmp_path, arrays), brain)

    table, before = found["scores"][0], whole["scores"][0]
    silent = (
        (table["epoch"] == 2)
        & (table["px"] == 64)
        & (table["arm"] == "native")
        & (table["bn"] == "running")
        & (table["layer"] == "fc1")
    )
    assert silent.sum() == 2 * 2 * 3
    assert (table.loc[silent, "silent"] == 2).all() and table.loc[silent, "rho"].isna().all()
    pd.testing.assert_frame_equal(table[~silent], before[~silent])

    assert len(found["draws"][0]["rho"]) == len(whole["draws"][0]["rho"]) - 2 * 2
    assert np.isfinite(found["draws"][0]["rho"]).all()

    partial = found["partial"][0]
    empty = partial.query("epoch == 2 and px == 64 and layer == 'fc1'").index
    assert partial.loc[empty, "rho"].isna().all()
    pd.testing.assert_frame_equal(partial.drop(empty), whole["partial"][0].drop(empty))


def test_one_pattern_for_all_stimuli_has_no_score_and_is_counted(tmp_path, brain):
    """Of another strength each: distances of 0 and 4e-16, ranked as -0.09 before."""
    arrays = features()
    whole = scored(stored(tmp_path, arrays), brain)
    key = "epoch2/px64/native/running/global/conv1"
    strength = np.random.default_rng(3).uniform(1, 2, (N, 1))
    arrays[key] = strength * np.arange(1.0, 6.0) / 7
    plain = pdist(arrays[key], "correlation")
    assert 0 < np.ptp(plain) < 1e-15
    found = scored(stored(tmp_path, arrays), brain)
    table, before = found["scores"][0], whole["scores"][0]
    alike = (table["epoch"] == 2) & (table["px"] == 64) & (table["arm"] == "native")
    alike &= (table["bn"] == "running") & (table["pooling"] == "global")
    alike &= table["layer"] == "conv1"
    assert alike.sum() == 2 * 3
    assert (table.loc[alike, "constant"] == 1).all() and (table.loc[alike, "silent"] == 0).all()
    assert table.loc[alike, "rho"].isna().all()
    pd.testing.assert_frame_equal(table[~alike], before[~alike])
    assert len(found["draws"][0]["rho"]) == len(whole["draws"][0]["rho"]) - 2
    partial = found["partial"][0].query("epoch == 2 and px == 64 and layer == 'conv1'")
    assert partial["rho"].isna().all()


def test_a_network_that_is_silent_throughout(tmp_path, brain):
    arrays = {key: np.zeros_like(values) for key, values in features().items() if "epoch2" in key}
    found = scored(stored(tmp_path, arrays), brain)
    assert found["scores"][0]["rho"].isna().all()
    assert (found["scores"][0]["silent"] == N).all()
    assert found["draws"][0]["rho"].shape == (0, SETTINGS.bootstrap_draws)
    assert found["partial"][0]["rho"].isna().all()


def test_results_survive_their_files(tmp_path, brain):
    """What is written is what was found: strings, integers and empty values too."""
    found = scored(stored(tmp_path, features()), brain)
    files.write(tmp_path / "draws.npz", found["draws"][0])
    with np.load(tmp_path / "draws.npz") as arrays:
        assert set(arrays.files) == {"rule", "seed", *CELL, "roi", "rho"}
        for name, values in found["draws"][0].items():
            np.testing.assert_array_equal(arrays[name], values)
