"""A network of others against brains: rho against SciPy, intervals against draws, what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from manifests import described
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from torch.nn import functional as F

from papers.learning_rules import reference, scores
from papers.learning_rules.settings.reference import ReferenceSettings
from papers.learning_rules.settings.scores import Resampling
from replicortex.core import files
from replicortex.core.errors import StudyError
from replicortex.core.randomness import stream_seed
from replicortex.data import networks
from replicortex.data.fixtures import vision_networks

pytestmark = pytest.mark.numbers

N, PX, NAME = 9, 40, "efficientnet_lite0"
NAMES = [f"s{number}" for number in range(N)]
SETTINGS = ReferenceSettings(
    network=NAME, px=PX, twins=2, seed=3, fill_batch=5, poolings=["global", "grid"], batch=4
)
DRAWS = Resampling(bootstrap_draws=12, bootstrap_seed=4)
KEYS = ["source", "twin", "pooling", "layer", "roi"]


@pytest.fixture(scope="module")
def pictures():
    """Pictures of the size at which they are shown: nothing is resized or cropped away."""
    random = np.random.default_rng(0)
    return list(random.integers(0, 256, (N, PX, PX, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The manifest of a small network's package, and RDMs of two regions and three people."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / NAME).mkdir()
    sizes = {"stem": 4, "channels": [3, 4, 4, 5, 5, 6, 6], "head": 8, "classes": 3}
    vision_networks.build(folder / NAME, seed=0, name=NAME, blocks=7, **sizes)
    random = np.random.default_rng(1)
    kept = np.triu(random.random((N, N)) < 0.8, 1)
    arrays = {
        f"rdm/{roi}": np.stack([squareform(random.random(N * (N - 1) // 2)) for _ in range(3)])
        for roi in ("V1", "IT")
    }
    arrays |= {"rois": np.array(["V1", "IT"]), "mask": kept | kept.T, "names": np.array(NAMES)}
    files.write(folder / "brain.npz", {**arrays, "subjects": np.array(["01", "02", "03"])})
    return {"weights": described(folder / NAME), "brain": folder / "brain.npz"}


@pytest.fixture
def compared(inputs, pictures, monkeypatch):
    def of(names=NAMES, **changes):
        monkeypatch.setattr(reference.sources, "images", lambda *_, **__: (names, pictures))
        settings = SETTINGS.model_copy(update=changes)
        return reference.compare(
            stimuli="objects92",
            images=Path("images.json"),
            reference=settings,
            grid=2,
            scores=DRAWS,
            device="cpu",
            **inputs,
        )

    return of


SIDES = [("trained", None), *((s, t) for s in ("untrained", "filled") for t in (0, 1))]


def expected_rdms(weights, pictures, source, twin):
    """Return the RDM of each layout and block, by SciPy from the network's own maps."""
    network = networks.read(weights, NAME)
    if twin is not None:
        network = networks.untrained(network, stream_seed(3, "untrained", NAME, twin))
    if source == "filled":
        parts = np.stack(pictures[:5]), np.stack(pictures[5:])
        network = networks.filled(network, parts, PX)
    found = {}
    with torch.inference_mode():
        for layer, maps in network.network.walk(network.prepared(np.stack(pictures), PX)):
            layouts = {"global": maps.mean((2, 3))}
            coarse = F.adaptive_avg_pool2d(maps, 2) if maps.shape[2] > 2 else maps
            layouts["grid"] = coarse.flatten(1)
            for pooling, features in layouts.items():
                found[pooling, layer] = squareform(pdist(features.double().numpy(), "correlation"))
    return found


def test_every_rho_is_the_mean_over_people_of_scipys(compared, inputs, pictures):
    table = compared()["reference"]
    assert not table.duplicated(KEYS).any() and len(table) == 5 * 2 * (7 + 3) * 2
    assert table.loc[table["source"] == "trained", "twin"].isna().all()
    with np.load(inputs["brain"]) as known:
        pairs = np.triu(known["mask"], 1)
        for source, twin in SIDES:
            rdms = expected_rdms(inputs["weights"], pictures, source, twin)
            rows = table[table["source"] == source]
            rows = rows if twin is None else rows[rows["twin"] == twin]
            assert len(rows) == 2 * (7 + 3) * 2
            for row in rows[rows["layer"].str.startswith("block")].itertuples():
                model = rdms[row.pooling, row.layer][pairs]
                people = [spearmanr(model, one[pairs])[0] for one in known[f"rdm/{row.roi}"]]
                # Means over places in another order: pairs that rounding parts may swap their ranks.
                assert row.rho == pytest.approx(np.mean(people), abs=1e-3)


def test_summaries_are_of_the_halves_and_the_best_of_each_network(compared):
    table = compared()["reference"]
    for _, part in table.groupby(["source", "twin", "pooling", "roi"], dropna=False):
        rho = part.set_index("layer")["rho"]
        blocks = rho[[f"block{n}" for n in range(7)]].to_numpy()
        assert rho["best"] == blocks.max() and rho["best_late"] == blocks[3:].max()
        assert rho["mean_early"] == pytest.approx(blocks[:3].mean(), abs=1e-15)


def test_summaries_choose_anew_in_each_resample():
    rho = np.array([[[0.1], [0.4], [0.2], [0.3]], [[0.5], [0.1], [0.0], [0.2]]])
    found = reference.with_summaries(rho)[..., 4:, 0]
    np.testing.assert_allclose(found, [[0.4, 0.3, 0.25], [0.5, 0.2, 0.3]])


def test_intervals_are_of_draws_that_all_networks_share(compared, inputs, pictures):
    found = compared()
    told = found["reference_intervals"].set_index(["quantity", "pooling", "layer", "roi"])
    brains = scores.read_brain(inputs["brain"])
    pairs = np.triu(brains.mask, 1)
    blocks = [f"block{n}" for n in range(7)]
    drawn = []
    for source, twin in SIDES:
        rdms = expected_rdms(inputs["weights"], pictures, source, twin)
        vectors = np.stack([rdms["grid", block][pairs] for block in blocks])
        drawn.append(scores.resampled_rho(vectors, brains, DRAWS))  # (draws, blocks, rois)
    late = [one[:, 3:].max(axis=1) for one in drawn]
    wanted = {
        "trained": late[0],
        "untrained": (late[1] + late[2]) / 2,
        "filled": (late[3] + late[4]) / 2,
    }
    for pair in (("trained", "untrained"), ("filled", "untrained"), ("trained", "filled")):
        wanted["_minus_".join(pair)] = wanted[pair[0]] - wanted[pair[1]]
    assert set(told.index.unique("quantity")) == set(wanted)
    rho = found["reference"].query("layer == 'best_late' and pooling == 'grid'")
    for quantity, draws in wanted.items():
        for number, roi in enumerate(("V1", "IT")):
            row = told.loc[(quantity, "grid", "best_late", roi)]
            ends = np.quantile(draws[:, number], [0.025, 0.975])
            assert [row["lower"], row["upper"]] == pytest.approx(list(ends), abs=1e-3)
            own = rho[rho["roi"] == roi].groupby("source")["rho"].mean()
            one, _, other = quantity.partition("_minus_")
            less = own[one] - own.get(other, 0.0)
            assert row["estimate"] == pytest.approx(less, abs=1e-12)
    assert (told["draws"] == 12).all() and (told["twins"] == 2).all()


def test_twins_follow_from_their_seed_alone(compared):
    one, again = compared()["reference"], compared(batch=N)["reference"]
    more, other = compared(twins=3)["reference"], compared(seed=4)["reference"]
    pd.testing.assert_frame_equal(one, again, check_exact=False, atol=1e-3)
    pd.testing.assert_frame_equal(one, more[more["twin"].fillna(0) < 2].reset_index(drop=True))
    same = one["rho"] == other["rho"]
    assert same[one["source"] == "trained"].all()
    assert not any(same[one["source"] == source].all() for source in ("untrained", "filled"))


def test_other_stimuli_than_the_brains_are_refused(compared):
    with pytest.raises(StudyError, match=r"images\.json: the stimuli are in another order"):
        compared(names=["s1", "s0", *NAMES[2:]])
    with pytest.raises(StudyError, match=r"images\.json: 8 stimuli that are not the brain's 9"):
        compared(names=NAMES[:8])
