"""Planted problems, their measures, and the contrasts made of them."""

import numpy as np
import pandas as pd
import pytest

from papers.sparse_positive import designs, encode
from papers.sparse_positive.statistics import statistics
from replicortex.analysis import encoding
from replicortex.errors import StudyError

SETTINGS = {
    "images": {"train": 300, "validation": 60, "test": 300},
    "units": 20,
    "voxels": 15,
    "latents": 8,
    "mixed": 4,
    "opposition": 0.5,
    "spread": 0.4,
}


def test_noise_gives_the_ceiling_asked_for():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(20000, 3))
    noisy = designs._noisy(signal, 0.6, rng)
    assert encoding.correlations(signal, noisy) == pytest.approx(0.6, abs=0.02)


def test_splits_do_not_share_images_and_must_fit():
    X = np.arange(50.0)[:, None]
    images = {"train": 30, "validation": 10, "test": 10}
    design = designs._split({"face": X}, X, images, 0)
    assert len(np.unique(np.concatenate(design.features["face"]))) == 50
    with pytest.raises(StudyError, match="need 50 images, there are 49"):
        designs._split({"face": X[1:]}, X[1:], images, 0)


def test_measures_of_dead_voxels():
    design = designs.planted("FFA", SETTINGS, 0.6, 0)
    X, Y = design.features["face"][2], design.voxels[2]
    W = encoding.fit("lasso", True, 0.1, X, Y)
    W[0] = 0
    found = encode.measures(X, Y, W, np.random.default_rng(0))
    assert found["live"] == pytest.approx(14 / 15)
    assert found["r_dead_0"] == pytest.approx(found["r"] * 14 / 15)
    assert found["theta_dead_0"] == pytest.approx(found["theta"] * 14 / 15)
    dead = encode.measures(X, Y, np.zeros_like(W), np.random.default_rng(0))
    assert np.isnan(dead["r"]) and np.isnan(dead["theta"]) and dead["live"] == 0


def test_a_rotated_basis_leaves_ridge_alone_and_changes_the_positive_lasso():
    design = designs.planted("FFA", SETTINGS, 0.6, 0)
    rows = []
    cell = {"seed": 0, "target": "planted", "region": "FFA"}
    encode._rotate(cell, design, "face", {"rotation_alpha": {"ridge": 10.0, "lasso": 0.05}}, rows)
    r = pd.DataFrame(rows).set_index(["basis", "model", "weights"]).r_dead_0
    assert r["rotated", "ridge", "signed"] == pytest.approx(r["units", "ridge", "signed"], abs=1e-9)
    # Which way it changes depends on the draw, so only that it does is certain.
    assert abs(r["rotated", "lasso", "positive"] - r["units", "lasso", "positive"]) > 0.005


def test_contrasts_and_signs(tmp_path):
    keys = {"seed": 0, "target": "t", "region": "FFA", "model": "ols", "weights": "signed"}
    cells = [
        {**keys, "chosen": "fixed", "match": match, "r_dead_0": r, "theta": theta, "active": 3.0}
        for match, r, theta in (("matched", 0.6, 0.5), ("mismatched", 0.3, 1.1), ("random", 0, 1))
    ]
    pd.DataFrame(cells).assign(live=1.0).to_csv(tmp_path / "scores.csv", index=False)
    spaces = [
        {"region": "FFA", "space": s, "match": m, "theta": t, "r": 0.1}
        for s in range(6)
        for m, t in (("matched", 0.5), ("mismatched", 0.4 if s == 0 else 0.9))
    ]
    pd.DataFrame(spaces).to_csv(tmp_path / "spaces.csv", index=False)
    tables = statistics(scores=tmp_path / "scores.csv", spaces=tmp_path / "spaces.csv")
    row = tables["contrasts"].iloc[0]
    assert row.theta_difference == pytest.approx(0.6) and row.r_ratio == pytest.approx(0.5)
    sign = tables["signs"].set_index("measure").loc["theta"]
    assert (sign.spaces, sign.above) == (6, 5) and sign.p == pytest.approx(14 / 64)
