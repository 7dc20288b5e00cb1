"""Problems, their measures, and the tables made of them."""

import h5py
import numpy as np
import pandas as pd
import pytest
from manifests import described

from papers.sparse_positive import aggregate, designs, encode, features, many, problems
from papers.sparse_positive.bootstrap_settings import Bootstrap
from papers.sparse_positive.encoding_settings import (
    FitSettings,
    Images,
    Planted,
    Reliability,
    Targets,
    Values,
)
from papers.sparse_positive.features import SETS
from papers.sparse_positive.noise import Spread, spread
from papers.sparse_positive.sweep import ALL, WORST, sweep
from replicortex.analysis import encoding
from replicortex.analysis.correlation import pearson
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.core.randomness import generator
from replicortex.data import nsd
from replicortex.data.fixtures.nsd import build
from replicortex.verdicts.reading import load as load_claims

pytestmark = pytest.mark.numbers

IMAGES = Images(train=300, validation=60, test=300)
PLANTED = Planted(
    images=IMAGES,
    units=20,
    voxels=15,
    latents=8,
    mixed=4,
    opposition=0.5,
    spread=0.4,
    noise=0.1,
    negative=0.0,
)
RELIABILITY = Reliability(
    people=[1, 2],
    threshold=0.3,
    ncsnr={
        "FFA": {1: [418, 275, 0.614], 2: [274, 217, 0.654]},
        "PPA": {1: [734, 492, 0.615], 2: [749, 600, 0.643]},
    },
)
FITS = FitSettings(
    least=2,
    alpha=0.1,
    l1_ratio=0.5,
    alphas=[0.01, 0.1, 1.0],
    rotation_alpha={"ridge": 10.0, "lasso": 0.05},
    balance={"units": 8, "active": 3, "alphas": [0.01, 0.03, 0.1, 0.2, 0.3]},
)


def planted(seed=0, region="FFA", **changes):
    settings = PLANTED.model_copy(update=changes)
    found = problems.planted_problems(settings, problems.Voxels(RELIABILITY), [seed])
    return next(one for one in found if one.cell["region"] == region)


@pytest.mark.parametrize(
    ("listed", "kept", "ceiling", "ceiling_of_all"),
    [(418, 275, 0.614, 0.539), (547, 343, 0.574, 0.507), (948, 788, 0.667, 0.621)],
)
def test_ncsnr_is_spread_as_in_nsd(listed, kept, ceiling, ceiling_of_all):
    """Made from two published numbers, it meets the third: the mean ceiling above 0.2."""
    law = Spread(listed, kept, ceiling, 0.3)
    drawn = law.draw(200_000, np.random.default_rng(0))
    assert drawn.min() > 0.3
    assert encoding.noise_ceiling(drawn).mean() == pytest.approx(ceiling, abs=0.002)
    assert law.listed_ceiling() == pytest.approx(ceiling_of_all, abs=0.01)


def test_what_ncsnr_cannot_be():
    with pytest.raises(StudyError, match="ncsnr: is missing for person 3; found 1, 2"):
        spread(RELIABILITY.ncsnr["FFA"], 3, 0.3)
    with pytest.raises(StudyError, match="expected fewer than listed"):
        Spread(10, 10, 0.6, 0.3)
    with pytest.raises(StudyError, match=r"no spread gives a mean ceiling of 0\.1"):
        Spread(418, 275, 0.1, 0.3)
    with pytest.raises(StudyError, match=r"a threshold of 0\.2 found, one above 0\.2 expected"):
        Spread(418, 275, 0.6, 0.2)


def test_noise_gives_the_ceiling_of_its_ncsnr():
    rng = np.random.default_rng(0)
    signal, ncsnr = rng.normal(size=(40000, 3)), np.array([0.3, 0.6, 1.2])
    found = pearson(signal, designs.noisy(signal, ncsnr, rng))
    np.testing.assert_allclose(found, encoding.noise_ceiling(ncsnr, 3), atol=0.02)


def test_splits_do_not_share_images_and_must_fit():
    parts = designs.parts_of(50, Images(train=30, validation=10, test=10), 0)
    assert len(np.unique(np.concatenate(parts))) == 50
    with pytest.raises(StudyError, match="need 50 images, there are 49"):
        designs.parts_of(49, Images(train=30, validation=10, test=10), 0)
    with pytest.raises(StudyError, match="face units: 49 images, the voxels have 50"):
        designs.make({"face": np.ones((49, 2))}, np.ones((50, 2)), parts)


def test_standardised_by_the_training_images_alone():
    design = planted().design
    train, _, test = design.features["face"]
    assert np.abs(train.mean(0)).max() < 1e-12 and train.std(0) == pytest.approx(1)
    assert 1e-3 < np.abs(test.mean(0)).max() < 0.5


def test_measures_of_dead_voxels():
    design = planted().design
    X, Y = design.features["face"][2], design.voxels[2]
    W = encoding.fit("lasso", True, 0.1, X, Y)
    W[0] = 0
    found = encode.summary(encode.per_voxel(X, Y, W, np.random.default_rng(0)))
    assert found["live"] == pytest.approx(14 / 15)
    assert found["r_dead_0"] == pytest.approx(found["r"] * 14 / 15)
    assert found["theta_dead_0"] == pytest.approx(found["theta"] * 14 / 15)
    dead = encode.summary(encode.per_voxel(X, Y, np.zeros_like(W), np.random.default_rng(0)))
    assert np.isnan(dead["r"]) and np.isnan(dead["theta"]) and dead["live"] == 0


def test_a_rotated_basis_leaves_ridge_alone_and_changes_the_positive_lasso():
    rows = []
    encode._rotate(planted(), FITS.rotation_alpha, rows)
    r = pd.DataFrame(rows).set_index(["basis", "model", "weights"]).r_dead_0
    assert r["rotated", "ridge", "signed"] == pytest.approx(r["units", "ridge", "signed"], abs=1e-9)
    # Which way it changes depends on the draw, so only that it does is certain.
    assert abs(r["rotated", "lasso", "positive"] - r["units", "lasso", "positive"]) > 0.005


@pytest.fixture(scope="module")
def encoded():
    rows = {name: [] for name in encode.TABLES}
    for seed in (0, 1):
        for region in ("FFA", "PPA"):
            problem = planted(seed, region)
            encode._regress(problem, FITS, rows)
            encode._balance(problem, FITS, rows)
            encode._pass(problem, FITS, rows["passing"])
    return {name: pd.DataFrame(part) for name, part in rows.items()}


def test_matched_units_predict_better_and_turn_less(encoded):
    table = aggregate.contrasts(encoded["scores"])
    fixed = table[(table.chosen == "fixed") & (table.weights == "signed")]
    assert len(fixed) == 2 * 2 * 4
    assert (fixed.theta_difference > 0).all() and (fixed.r_ratio < 1).all()


def test_gaps_are_to_the_smallest_other_model(encoded):
    table = aggregate.contrasts(encoded["scores"])
    one = table[
        (table.seed == 0)
        & (table.region == "FFA")
        & (table.weights == "positive")
        & (table.chosen == "fixed")
    ].set_index("model")
    for model, row in one.iterrows():
        others = one.theta_matched.drop(model)
        assert row.theta_gap == pytest.approx(row.theta_matched - others.min())


def test_dead_voxels_have_no_ratio(encoded):
    scores = encoded["scores"].copy()
    scores.loc[scores["match"] == "matched", "r_dead_0"] = 0.0
    table = aggregate.contrasts(scores)
    assert table.r_ratio.isna().all() and np.isfinite(table.r_mismatched).all()


def test_voxels_give_the_scores(encoded):
    voxels = encoded["voxels"]
    here = ["seed", "region", "units", "model", "weights"]
    means = voxels[voxels.chosen == "fixed"].fillna({"r": 0}).groupby(here).r.mean()
    scores = encoded["scores"]
    fixed = scores[scores.chosen == "fixed"].set_index(here).r_dead_0
    np.testing.assert_allclose(means.loc[fixed.index], fixed)


def test_units_that_pass_are_fitted_as_all_are(encoded):
    """All planted units pass, so that their rows are those of the scores."""
    keys = ["seed", "region", "match", "model", "weights"]
    scores, passing = encoded["scores"], encoded["passing"]
    same = scores[(scores.chosen == "fixed") & (scores.units != "random")].set_index(keys)
    passing = passing[passing.units != "random"].set_index(keys)
    assert list(passing.columns) == [name for name in encode.PASSING if name not in keys]
    for value in ("r_dead_0", "theta", "active"):
        np.testing.assert_allclose(passing[value], same[value].loc[passing.index])
    assert set(passing["count"]) == {PLANTED.units}
    r = passing["r_dead_0"].unstack("weights")
    beyond = passing["beyond_half"].unstack("weights")
    np.testing.assert_allclose(beyond["positive"], r["positive"] - r["signed"] / 2)


def test_equal_sparsity_is_equal(encoded):
    table = aggregate.balanced(encoded["voxels"].query("chosen == 'balanced'"), 0.02)
    every = table[table.reliability == "all"]
    assert set(every.units) == {"face", "scene"}
    assert every[every.weights == "signed"].active.between(2, 4).all()
    # Mismatched units under positive weights have not always as many that help.
    assert (every.active <= 4).all()
    pairs = table[table.reliability == "paired"].groupby(["seed", "region"]).ceiling.mean()
    for _, two in pairs.groupby("seed"):
        assert np.ptp(two) < 0.02


def test_pairs_of_voxels_are_one_to_one():
    index = pd.MultiIndex.from_tuples([("FFA", 0), ("FFA", 1), ("PPA", 0), ("PPA", 1), ("PPA", 2)])
    ceilings = pd.Series([0.50, 0.60, 0.505, 0.508, 0.9], index=index)
    assert aggregate.paired(ceilings, 0.01) == {("FFA", 0), ("PPA", 0)}
    assert aggregate.paired(ceilings, 0.1) == {("FFA", 0), ("PPA", 0), ("FFA", 1), ("PPA", 1)}


def test_intervals_hold_the_pooled_value_and_shrink_without_spread(encoded):
    fixed = encoded["voxels"].query("chosen == 'fixed'")
    table = aggregate.intervals(fixed, Bootstrap(draws=100, seed=0, tolerance=0.01))
    signed = table[table.weights == "signed"]
    assert (signed.theta_difference_lower < signed.theta_difference).all()
    assert (signed.theta_difference < signed.theta_difference_upper).all()
    same = fixed.assign(
        r=np.where(fixed["match"] == "matched", 0.6, 0.3),
        theta=np.where(fixed["match"] == "matched", 0.4, 1.1),
    )
    flat = aggregate.intervals(same, Bootstrap(draws=20, seed=0, tolerance=0.01)).iloc[0]
    for name, value in (("theta_difference", 0.7), ("r_difference", -0.3), ("r_ratio", 0.5)):
        assert flat[name] == flat[f"{name}_lower"] == flat[f"{name}_upper"] == pytest.approx(value)


def space_rows(family, space, theta, arm="filled", source="trained"):
    """Rows of figure 3 of one space, whose matched units have theta 0.5."""
    return [
        {"target": "t", "region": "FFA", "arm": arm, "source": source, "family": family}
        | {"space": space, "match": match, "theta": value, "r": 0.1}
        for match, value in (("matched", 0.5), ("mismatched", theta))
    ]


def test_signs_over_spaces_and_networks():
    rows = [
        row
        for s in range(6)
        for row in space_rows(f"net{s // 2}", f"s{s}", 0.45 if s == 0 else 0.9)
    ]
    table = aggregate.signs(pd.DataFrame(rows)).set_index(["measure", "over"])
    spaces, networks = table.loc["theta", "spaces"], table.loc["theta", "networks"]
    assert (spaces["count"], spaces.above) == (6, 5) and spaces.p == pytest.approx(14 / 64)
    # Within the first network the layers' mean difference is above 0 all the same.
    assert (networks["count"], networks.above) == (3, 3) and networks.p == pytest.approx(0.25)
    assert table.loc["r", "spaces"]["count"] == 0


def test_signs_tell_networks_from_handmade_codes_and_units_that_pass_from_the_filled():
    rows = [
        *space_rows("a_trained", "a_trained_1", 0.9),
        *space_rows("a_trained", "a_trained_2", 0.9),
        *space_rows("a_untrained", "a_untrained_1", 0.9, source="untrained"),
        *space_rows("hog", "hog", 0.9, source="handmade"),
        *space_rows("pixels", "pixels", 0.9, source="handmade"),
        *space_rows("a_trained", "a_trained_2", 0.2, arm="passing"),
    ]
    table = aggregate.signs(pd.DataFrame(rows))
    found = table[table.measure == "theta"].set_index("over")[["above", "count"]]
    assert {over: tuple(row) for over, row in found.iterrows()} == {
        "spaces": (5, 5),
        "networks": (2, 2),
        "trained networks": (1, 1),
        "untrained networks": (1, 1),
        "handmade codes": (2, 2),
        "passing spaces": (0, 1),
        "passing networks": (0, 1),
    }


def test_layers_of_networks_stand_from_the_first_to_the_last_with_r_of_v4():
    layers = ["mobilenet_v2_trained_stage1", "mobilenet_v2_trained_stage2", "net_untrained_fc6"]
    localizer = pd.DataFrame(
        [
            {"space": space, "units": units, "of": 200, "passing": 10 * n + (units == "face")}
            for n, space in enumerate([*layers, "hog", "timm_resnet18_a1_in1k_trained"])
            for units in ("face", "scene")
        ]
    )
    recorded = pd.DataFrame(
        [
            {
                "space": layers[1],
                "units": units,
                "seed": seed,
                "r": 0.2 + seed * (units == "random"),
            }
            for units in SETS
            for seed in (0, 1)
        ]
    )
    table = aggregate.stages(localizer, recorded)
    assert set(table["network"]) == {"mobilenet_v2", "net"}  # no handmade code, no single layer
    found = table.set_index(["network", "layer", "units"])
    last = found.loc["mobilenet_v2", "stage2"]
    assert set(last["arm"]) == {"package"} and set(last["source"]) == {"trained"}
    assert last.loc["face", "share"] == 11 / 200 and np.isnan(last.loc["random", "share"])
    assert last.loc["random", "r"] == pytest.approx(0.7)
    assert last.loc["scene", "r"] == pytest.approx(0.2)
    assert found.loc["mobilenet_v2"].groupby("layer")["depth"].max().tolist() == [0, 1]
    net = found.loc["net", "fc6"]
    assert set(net["arm"]) == {"other"} and set(net["source"]) == {"untrained"}
    assert net["depth"].tolist() == [0, 0] and net["r"].isna().all()


def cortex_and_model(passing):
    """A cortex and a model of one net; of the cortex's units the first four alone see the pictures."""
    rng = generator(3, "cortex")
    pictures = rng.normal(size=(60, 4))
    sets = {
        name: np.hstack([pictures @ rng.random((4, 4)), rng.normal(size=(60, 6))]) for name in SETS
    }
    space = features.Space({features.FLOC: sets}, passing)
    return {"cortex": space, "net": space}


SEMI = {"cortex": "cortex", "voxels": 5, "mixed": 3, "models": ["net"]}
SEMI["images"] = {"train": 30, "validation": 10, "test": 20}


def test_units_that_pass_are_as_many_of_both_sets_and_mixed_from_such():
    numbers = Targets(semi_real=SEMI, reliability=RELIABILITY)
    given = problems.Given(cortex_and_model({"face": 4, "scene": 7}))
    found = list(problems.passing_problems("semi_real", numbers, given, [0], 2))
    assert [(one.cell["region"], one.mixed_from) for one in found] == [("FFA", 4), ("PPA", 7)]
    for one in found:
        shapes = {name: part[0].shape for name, part in one.design.features.items()}
        assert shapes == {"face": (30, 4), "scene": (30, 4)}
    # The four units span the voxels of FFA: nothing of the other six is mixed into them.
    X, Y = found[0].design.features["face"][0], found[0].design.voxels[0]
    filled = next(iter(problems.problems("semi_real", numbers, given, [0])))
    F = filled.design.features["face"][0]
    left = [np.linalg.lstsq(part, values, rcond=None)[1].sum() for part, values in (
        (X, Y), (F[:, :4], filled.design.voxels[0]))]  # fmt: skip
    assert left[0] < left[1]


@pytest.mark.parametrize(
    ("passing", "regions"),
    [({"face": 4, "scene": 1}, []), ({"face": 4, "scene": 2}, ["FFA"])],
)
def test_where_too_few_units_pass_there_is_no_row(passing, regions):
    numbers = Targets(semi_real=SEMI, reliability=RELIABILITY)
    given = problems.Given(cortex_and_model(passing))
    found = problems.passing_problems("semi_real", numbers, given, [0], 2)
    assert [one.cell["region"] for one in found] == regions
    assert not list(problems.passing_problems("planted", Targets(planted=PLANTED), given, [0], 2))


def test_claims_on_units_that_pass_name_what_there_can_be(root):
    """Where no unit passes there is no row, so that a misspelt value would look like one of those."""
    numbers = paper_numbers("sparse_positive", "full", {}, root)
    claims = load_claims(root / "workflow/papers/sparse_positive/claims.yaml")
    of_passing = [claim.measure for claim in claims if claim.measure.table == "passing"]
    assert of_passing and all(measure.may_lack_rows for measure in of_passing)
    for measure in of_passing:
        named = {**measure.select}
        assert named["space"] in numbers[named["target"]]["models"]
        assert named["region"] in problems.REGIONS and named["weights"] in encode.SIGNS
        models = named["model"] if isinstance(named["model"], list) else [named["model"]]
        assert set(models) <= set(encoding.KINDS)
        sides = [
            side["match"] for side in (measure.from_, measure.to, named) if side and "match" in side
        ]
        assert sides and set(sides) <= {"matched", "mismatched"}


def test_every_split_has_voxels_of_all_people():
    """Seeds are splits: none of them stands for a person of its own."""
    voxels = problems.Voxels(RELIABILITY)
    alone = {
        person: spread(RELIABILITY.ncsnr["PPA"], person, 0.3).draw(4000, np.random.default_rng(0))
        for person in (1, 2)
    }
    assert abs(alone[1].mean() - alone[2].mean()) > 0.015
    for seed in (0, 1):
        drawn = voxels.ncsnr("PPA", 8000, seed)
        for place, person in enumerate((1, 2)):
            assert drawn[place::2].mean() == pytest.approx(alone[person].mean(), abs=0.008)


def test_which_network_a_space_is_of():
    assert many.family("resnet20_trained_layer3_middle") == "resnet20_trained"
    assert many.family("barlow_untrained_fc6") == "barlow_untrained"
    assert many.family("hog") == "hog"
    names = ("resnet20_trained_layer3", "barlow_untrained_fc6", "projection_of_hog")
    assert [many.source(name) for name in names] == ["trained", "untrained", "handmade"]


def test_ridge_without_validation_leaves_out_one_image_at_a_time():
    from sklearn.linear_model import Ridge

    rng = generator(0, "left out")
    X, Y = rng.normal(size=(20, 6)), rng.normal(size=(20, 3))
    for alpha, found in zip((0.1, 50.0), many.left_out(X, Y, (0.1, 50.0)), strict=True):
        for image in range(20):
            rest = np.arange(20) != image
            model = Ridge(alpha=alpha, fit_intercept=False).fit(X[rest], Y[rest])
            np.testing.assert_allclose(found[image], model.predict(X[[image]])[0])


def test_voxels_left_out_of_nsd_stand_in_the_scores(tmp_path):
    folder = tmp_path / "nsd"
    folder.mkdir()
    build(folder, seed=0, layout="volume", people=[1], shared=12, own=24, side=8)
    place = next(folder.rglob("betas_session02.hdf5"))
    voxels = nsd.read_voxels(described(folder), 1, "PPA", "volume", 0.3)
    z, y, x = np.unravel_index(voxels.places[""][0], voxels.shapes[""])
    with h5py.File(place, "r+") as file:
        file["betas"][:, z, y, x] = 0
    manifest = described(folder)
    settings = {"people": [1], "pool": 20, "step": 2, "layout": "volume", "threshold": 0.3}
    parts = nsd.splits(nsd.read_design(manifest), nsd.coco_ids(manifest), 1, pool=20, step=2)
    rng, count = np.random.default_rng(0), sum(map(len, parts.values()))
    answers = {"nsd1": {units: rng.normal(size=(count, 8)) for units in SETS}}
    write(
        tmp_path / "features.npz",
        features.packed({"made": features.Space(answers, {"face": 8, "scene": 8})}),
    )
    scores = encode.encode(
        targets=["nsd"],
        seeds=[0],
        numbers=Targets(nsd={**settings, "models": ["made"]}),
        fits=FITS,
        features=[tmp_path / "features.npz"],
        scenes=manifest,
    )["scores"]
    assert set(scores.loc[scores["region"] == "PPA", "voxels_left_out"]) == {1}
    assert set(scores.loc[scores["region"] == "FFA", "voxels_left_out"]) == {0}


VALUES = {
    "mixed": [2, 4],
    "latents": [8],
    "opposition": [0.0, 0.5],
    "spread": [0.4],
    "noise": [0.1],
    "negative": [0.0, 0.5],
}


@pytest.fixture(scope="module")
def swept():
    found = sweep(
        seeds=[0, 1],
        planted=PLANTED,
        reliability=RELIABILITY,
        values=Values(**VALUES),
        fits=FITS,
    )
    return found["generator"]


def test_positivity_costs_matched_units_nothing_unless_weights_are_negative(swept):
    """With a known effect, half of the weights below 0, the control that cannot fail fails."""
    positive = swept[(swept.parameter != "negative") & (swept.parameter != ALL)]
    assert (positive.keep > -0.02).all()
    half = swept[(swept.parameter == "negative") & (swept.value == 0.5)]
    assert len(half) == 2 and (half.keep < -0.05).all()


def test_the_worst_is_that_of_every_positive_generator(swept):
    for seed, worst in swept[swept.parameter == ALL].groupby("seed"):
        own = swept[(swept.seed == seed) & (swept.parameter != ALL)]
        own = own[(own.parameter != "negative") | (own.value == 0)]
        for name, how in WORST.items():
            assert worst[name].item() == getattr(own[name], how)()
    assert swept[swept.parameter == ALL].value.isna().all()


def test_a_value_that_is_the_papers_gives_the_same_numbers_by_any_parameter(swept):
    same = swept[(swept.seed == 0) & swept.value.isin([4, 8, 0.5, 0.4, 0.1, 0.0])]
    same = same[(same.parameter != "negative") | (same.value == 0)]
    same = same[(same.parameter != "opposition") | (same.value == 0.5)]
    assert len(same) == 6 and same["drop"].nunique() == 1


def test_mixes_have_the_share_of_negative_weights_that_is_asked_for():
    units = np.eye(300)[:, :40]
    units[40:] = np.random.default_rng(0).normal(size=(260, 40))
    for share in (0.0, 0.25):
        voxels = designs.mixes(units, 400, 1, np.random.default_rng(1), share)
        z = (units - units.mean(0)) / units.std(0)
        best = np.abs(z.T @ voxels).argmax(0)
        signs = np.sign([z[:, unit] @ voxels[:, voxel] for voxel, unit in enumerate(best)])
        assert np.mean(signs < 0) == pytest.approx(share, abs=0.06)


def test_more_units_in_a_voxel_than_there_are_is_told(root):
    change = {"generator": {"mixed": [1, 13]}}
    with pytest.raises(
        StudyError, match=r"generator\.mixed: 13 are more than the 12 planted units"
    ):
        paper_numbers("sparse_positive", "demo", change, root)
