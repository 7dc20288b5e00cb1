"""What a user can get wrong is told in one sentence; which jobs there are at each scale."""

import importlib

import numpy as np
import pandas as pd
import pytest
from manifests import described

from papers.sparse_positive import aggregate, encode, features, many, plan, problems, units
from papers.sparse_positive.encoding_settings import (
    Compared,
    FitSettings,
    Macaque,
    NsdVoxels,
    Reliability,
    Tables,
    Targets,
)
from papers.sparse_positive.extraction import nsd_pictures
from papers.sparse_positive.features import FLOC, SETS, Space
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.core.randomness import generator


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fits": {"alpha": -0.1}}, r"fits\.alpha: .*greater than or equal to 0.*-0\.1"),
        ({"fits": {"alphas": [1.0, -1.0]}}, r"fits\.alphas.*greater than 0"),
        ({"fits": {"alphas": [0]}}, r"fits\.alphas\.0: .*greater than 0, found 0"),
        ({"fits": {"alphas": [1.0, 1.0]}}, r"fits\.alphas: 1 is given more than once"),
        ({"training": {"batch": 65}}, "training: batch: 65 is more than the 64 training images"),
        ({"training": {"seeds": [0, 0]}}, r"training\.seeds: 0 is given more than once"),
        (
            {"training": {"objectives": {"barlow": {"views": {"scale": [0.9, 0.1]}}}}},
            r"barlow\.views\.scale: \[0\.9, 0\.1\] found, the smaller one comes first",
        ),
        ({"spaces": {"turned": ["hogg"]}}, r"spaces\.turned: 'hogg' is made by none"),
        ({"spaces": {"turned": []}}, r"spaces\.turned: .*at least 1 item"),
        ({"planted": {"images": {"test": 2}}}, r"planted\.images\.test: .*equal to 3, found 2"),
        ({"nsd": {"people": [1, 1]}}, r"nsd\.people: 1 is given more than once"),
        (
            {"macaque": {"models": ["resnet20_trained_layer2"] * 2}},
            r"macaque\.models: resnet20_trained_layer2 is given more than once",
        ),
        ({"fits": {"alfa": 0.1}}, "did you mean 'alpha'"),
        ({"localizer": {"units": 0}}, r"localizer\.units: .*greater than 0"),
        ({"localizer": {"q": 1.0}}, r"localizer\.q: .*less than 1"),
        ({"spaces": {"groups": [["resnet21"]]}}, "did you mean 'resnet20'"),
        (
            {"semi_real": {"models": ["resnet56_trained_layer3"]}},
            "'resnet56_trained_layer3' is extracted by none of the groups",
        ),
        ({"toy": {"shown": 5}}, "seed 5 is not among the simulations"),
        (
            {"reliability": {"people": [3]}},
            r"reliability\.ncsnr\.FFA: is missing for person 3",
        ),
        (
            {"reliability": {"ncsnr": {"FFA": {1: [418]}}}},
            r"reliability\.ncsnr\.FFA\.1: .*at least 3 items",
        ),
        ({"planted": {"mixed": 999}}, r"planted: mixed: 999 are more than the \d+ units"),
        (
            {"tables": {"features": {"third": "a.csv"}}},
            r"tables\.features: found .*third.*expected matched and mismatched",
        ),
        ({"nsd": {"layout": "surfaces"}}, "did you mean 'surface'"),
    ],
)
def test_wrong_numbers_are_named(root, change, message):
    with pytest.raises(StudyError, match=message) as error:
        paper_numbers("sparse_positive", "demo", change, root)
    assert "\n" not in str(error.value)


def test_jobs_at_each_scale(root):
    numbers = {
        scale: paper_numbers("sparse_positive", scale, {}, root)
        for scale in ("demo", "small", "full")
    }
    made = ["planted", "semi_real", "semi_real_imagenet"]
    assert plan.targets(numbers["small"]) == [*made, "macaque_v4"]
    assert plan.targets(numbers["full"]) == [*made, "macaque_v4", "nsd"]
    assert plan.targets(numbers["demo"])[-1] == "tables"
    full = numbers["full"]
    assert len(full["zoo"]["models"]) == len(set(full["zoo"]["models"])) >= 106
    assert set(plan.needed(["semi_real"], full)) == {"trained_handmade", "resnet20_resnet56"}
    assert plan.needed(["planted", "tables"], numbers["demo"]) == []
    assert plan.holding("barlow_trained_fc6", full) == "trained_handmade"
    both = {"efficientnet_lite1", "efficientnet_lite0"}
    assert set(plan.needed(["semi_real_imagenet"], numbers["demo"])) == both
    assert plan.carried(numbers["demo"]) == {name: f"{name}_fixture" for name in both}
    assert "efficientnet_lite0" in plan.extracting(full)
    few = {"spaces": {"groups": [["handmade"], ["trained"]]}, "packages": {"networks": {}}}
    assert plan.holding("hog", few) == "handmade"
    assert plan.holding("resnet56_untrained_conv1", full) == "resnet20_resnet56"


def test_torchvision_knows_its_models(root):
    torchvision = pytest.importorskip("torchvision")
    names = paper_numbers("sparse_positive", "full", {}, root)["zoo"]["models"]
    known = set(torchvision.models.list_models(module=torchvision.models))
    ours = [name.partition("/")[2] for name in names if name.startswith("torchvision/")]
    assert len(ours) == 78 and set(ours) <= known
    for name in ours:
        assert torchvision.models.get_model_weights(name).IMAGENET1K_V1.url.endswith(".pth")


def test_two_components_of_two_images_are_refused():
    with pytest.raises(StudyError, match=r"net: two components of 2 images.*every_picture"):
        units.directions(np.ones((2, 5)), {"face": np.array([0])}, "net")


def made(tmp_path, name, **arguments):
    folder = tmp_path / name
    folder.mkdir()
    importlib.import_module(f"replicortex.data.fixtures.{name}").build(folder, seed=0, **arguments)
    return described(folder)


def test_the_handmade_spaces_are_those_that_are_made():
    from papers.sparse_positive import handmade

    assert tuple(handmade.spaces(4, 0)) == plan.HANDMADE


def test_tables_of_a_user_are_one_problem(tmp_path):
    manifest = made(tmp_path, "voxel_tables", stimuli=60, voxels=6)
    settings = {
        "targets": "targets.csv",
        "features": {"matched": "matched.csv", "mismatched": "mismatched.npz"},
        "repeats": 10,
        "images": {"train": 30, "validation": 14, "test": 16},
    }
    (one,) = problems.table_problems(Tables(**settings), manifest, [0])
    assert one.own == "matched" and one.cell["target"] == "tables"
    assert one.design.features["mismatched"][0].shape == (30, 6)
    table = pd.read_csv(tmp_path / "voxel_tables/targets.csv", index_col=0)
    ncsnr = table.loc["ncsnr"].to_numpy()
    np.testing.assert_allclose(one.design.ceiling, np.sqrt(ncsnr**2 / (ncsnr**2 + 0.1)))
    many = {**settings, "images": {"train": 50, "validation": 14, "test": 16}}
    with pytest.raises(StudyError, match="need 80 images, there are 60"):
        list(problems.table_problems(Tables(**many), manifest, [0]))


def test_neurons_of_all_sessions_have_numbers_of_their_own(tmp_path):
    sizes = {"images": 30, "shared": 20, "neurons": 5, "side": 8, "noise": 0.2}
    manifest = made(tmp_path, "macaque_v4", **sizes)
    settings = Macaque(
        sessions=["210322", "210325"],
        models=["net"],
        images={"train": 70, "validation": 20, "test": 30},
    )
    rng = generator(0, "features")
    answers = {
        f"v4-{session}": {units: rng.normal(size=(30, 6)) for units in SETS}
        for session in settings.sessions
    }
    spaces = {"net": Space(answers, {"face": 3, "scene": 0})}

    answers[FLOC] = {units: rng.normal(size=(30, 6)) for units in SETS}
    unshown = Space({FLOC: answers[FLOC]}, {"face": 3, "scene": 0})  # as a published model
    spaces |= {
        "cortex": spaces["net"],
        "resnet_trained_a": spaces["net"],
        "timm_x_trained": unshown,
    }
    write(tmp_path / "one.npz", features.packed(spaces))
    ncsnr = {region: {1: [418, 275, 0.614]} for region in ("FFA", "PPA")}
    compared = {"reliability": {"people": [1], "threshold": 0.3, "ncsnr": ncsnr}} | {
        "semi_real": {"cortex": "cortex", "voxels": 2, "mixed": 2}
        | {"images": {"train": 10, "validation": 8, "test": 8}}
    }
    recorded = many.many(
        features=[tmp_path / "one.npz"],
        cortex=tmp_path / "one.npz",
        seeds=[0],
        numbers=Compared(**compared, nsd=None, macaque=settings.model_dump(exclude={"models"})),
        alphas=[1.0, 100.0],
        least=2,
        v4=manifest,
    )["recorded"]
    cells = recorded.groupby(["space", "session"])["units"].agg(list)
    assert len(cells) == 4 and all(sorted(units) == sorted(SETS) for units in cells)
    assert set(recorded["network"]) == {"net", "resnet"} and recorded["r"].abs().max() <= 1
    found = list(problems.macaque_problems(settings, settings.models, spaces, [0, 1], manifest))
    assert [(one.session, one.cell["seed"], one.first) for one in found] == [
        (session, seed, first) for session, first in ((210322, 0), (210325, 5)) for seed in (0, 1)
    ]
    # The splits are of 120 images; a session of 30 is split in proportion.
    assert [len(part) for part in found[0].design.voxels] == [17, 5, 7]
    fits = FitSettings(
        least=2,
        alpha=0.1,
        l1_ratio=0.5,
        alphas=[0.1],
        rotation_alpha={"ridge": 1.0, "lasso": 0.1},
        balance={"units": 3, "active": 2, "alphas": [0.1]},
    )
    rows = {name: [] for name in encode.TABLES}
    for problem in found:
        encode._regress(problem, fits, rows)
    neurons = aggregate.neurons(pd.DataFrame(rows["voxels"]))
    assert neurons.groupby("session").neuron.unique().map(list).to_dict() == {
        210322: [0, 1, 2, 3, 4],
        210325: [5, 6, 7, 8, 9],
    }


@pytest.mark.parametrize("layout", ["volume", "surface"])
def test_nsd_gives_a_problem_per_person_and_region(tmp_path, layout):
    manifest = made(tmp_path, "nsd", layout=layout, people=[1, 2, 5, 7], shared=20, own=24, side=8)
    settings = NsdVoxels(people=[1, 2, 5, 7], pool=24, step=4, layout=layout, threshold=0.3)
    rng = generator(0, "features")
    answers = {
        pictures: {units: rng.normal(size=(len(stack), 5)) for units in SETS}
        for pictures, stack in nsd_pictures(manifest, settings, 8).items()
    }
    spaces = {"net": Space(answers, {"face": 3, "scene": 9})}
    found = list(problems.nsd_problems(settings, ["net"], spaces, manifest))
    assert [(one.cell["seed"], one.cell["region"], one.own) for one in found] == [
        (person, region, own)
        for person in (1, 2, 5, 7)
        for region, own in (("FFA", "face"), ("PPA", "scene"))
    ]
    train, validation, test = found[0].design.voxels
    assert len(train) == len(validation) == 6
    assert len(train) + len(validation) + len(test) == len(answers["nsd1"]["face"])
    assert train.std(0) == pytest.approx(1) and (found[0].design.ceiling > 0.46).all()
    assert found[0].design.passing == {"face": 3, "scene": 5}
    # Figure 3 halves what all share: as many images to train as to test, none in both.
    halved = problems.nsd_problems(settings, ["net"], spaces, manifest, halves=True)
    for one in halved:
        sizes = [len(part) for part in one.design.voxels]
        assert sizes == [10, 0, 10]
        X, _, X_test = one.design.features["face"]
        shared = answers["nsdshared"]["face"]
        np.testing.assert_allclose(np.corrcoef(X[:, 0], shared[::2, 0])[0, 1], 1)
        np.testing.assert_allclose(np.corrcoef(X_test[:, 0], shared[1::2, 0])[0, 1], 1)


def test_ncsnr_is_nsds_own_where_it_is_at_hand(tmp_path):
    from replicortex.data import nsd

    manifest = made(tmp_path, "nsd", layout="volume", people=[2], shared=4, own=4, side=4)
    reliability = Reliability(people=[2], threshold=0.3, ncsnr={})
    voxels = problems.Voxels(reliability, manifest, "volume")
    own = nsd.read_voxels(manifest, 2, "PPA", "volume", 0.3).ncsnr
    drawn = voxels.ncsnr("PPA", len(own), 0)
    np.testing.assert_array_equal(np.sort(drawn), np.sort(own))
    assert set(voxels.ncsnr("PPA", 500, 0)) <= set(own)


def test_an_unknown_target_is_told():
    with pytest.raises(StudyError, match="target 'plantet' is unknown; did you mean 'planted'"):
        problems.problems("plantet", Targets(), problems.Given({}), [0])


def test_a_target_gets_the_sections_that_it_reads(root):
    numbers = paper_numbers("sparse_positive", "full", {}, root)
    given = plan.read_by(["macaque_v4"], numbers)
    assert list(given) == ["macaque"] and "dataset" not in given["macaque"]
    assert Targets(**given).macaque.sessions[0] == "201025"
    assert list(plan.read_by(["planted"], paper_numbers("sparse_positive", "small", {}, root))) == [
        "planted",
        "reliability",
    ]
