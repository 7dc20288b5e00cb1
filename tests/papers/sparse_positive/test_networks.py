"""The networks trained here, their losses and views; handmade features; published models."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from manifests import described
from PIL import Image

from papers.sparse_positive import features, handmade, packages, spaces, zoo
from papers.sparse_positive.extraction_settings import (
    Extraction,
    LocalizerSettings,
    PackageExtraction,
    ZooExtraction,
)
from papers.sparse_positive.features import FLOC
from papers.sparse_positive.network import Network, barlow
from papers.sparse_positive.train import Learner, probed, train
from papers.sparse_positive.training_settings import Learning, ViewSettings
from papers.sparse_positive.units import choose, directions, halves
from papers.sparse_positive.views import apply, parameters, ramp
from replicortex.analysis.localizer import localize
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator, torch_generator
from replicortex.data import cifar_resnets, floc
from replicortex.data.fixtures import floc as floc_fixture

pytestmark = pytest.mark.numbers

PLAIN = {"scale": [1, 1], "flip": 0, "brightness": 0, "contrast": 0, "grey": 0}
OWN = {"epochs": 3, "lr": 3e-3, "weight_decay": 0.0, "views": PLAIN}
NUMBERS = {"supervised": OWN, "barlow": {**OWN, "off_diagonal": 0.005}}


def learning(objective):
    """Settings of a small training."""
    return Learning(
        objective=objective,
        numbers=NUMBERS[objective],
        network={"width": 4, "blocks": [1, 1, 1], "projector": 12},
        images=64,
        probed=40,
        batch=32,
        precision="fp32",
        warm_up=1,
        mean=[0.5] * 3,
        sd=[0.25] * 3,
    )


def test_barlow_twins_loss_is_the_papers_sum():
    z = torch.randn(16, 5, generator=torch_generator(0, "z"))
    one, other = z[:8].numpy().astype(float), z[8:].numpy().astype(float)
    c = np.corrcoef(one, other, rowvar=False)[:5, 5:]
    diagonal = ((1 - np.diag(c)) ** 2).sum()
    rest = (c**2).sum() - (np.diag(c) ** 2).sum()
    assert float(barlow(z, 0.3)) == pytest.approx(diagonal + 0.3 * rest, rel=1e-5)
    same = torch.cat([z[:8], z[:8]])
    assert float(barlow(same, 0.0)) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("objective", ["supervised", "barlow"])
def test_learning_lowers_the_loss_and_a_saved_state_goes_on(objective):
    labels = torch.arange(32) % 10
    images = torch.randn(32, 3, 16, 16, generator=torch_generator(1, "images"))
    images += labels[:, None, None, None] / 3
    batch = images.repeat(2, 1, 1, 1) if objective == "barlow" else images
    batch = batch + 0.1 * torch.randn(batch.shape, generator=torch_generator(1, "noise"))
    learner = Learner(learning(objective), 0, torch.device("cpu"))
    losses = [float(learner.step(batch, labels, None)["loss"]) for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    other = Learner(learning(objective), 5, torch.device("cpu"))
    other.load_state_dict(learner.state_dict())
    assert float(other.step(batch, labels, None)["loss"]) == float(
        learner.step(batch, labels, None)["loss"]
    )


def test_a_loss_that_is_not_finite_stops_before_any_weight_changes():
    learner = Learner(learning("supervised"), 0, torch.device("cpu"))
    before = learner.network.head.weight.detach().clone()
    with pytest.raises(StudyError, match="supervised, seed 0: step 1: the loss is nan"):
        learner.step(torch.full((4, 3, 16, 16), torch.nan), torch.zeros(4).long(), None)
    assert torch.equal(before, learner.network.head.weight)


def test_the_rate_rises_and_falls():
    rates = [ramp(epoch, 10, 2) for epoch in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0] and rates[-1] == 0
    assert np.all(np.diff(rates[2:]) <= 0)


def test_both_networks_start_from_one_trunk_and_fc6_is_signed():
    one, other = (Network(learning(name).network, name, 3) for name in ("supervised", "barlow"))
    for a, b in zip(one.trunk.parameters(), other.trunk.parameters(), strict=True):
        assert torch.equal(a, b)
    images = torch.randn(6, 3, 32, 32, generator=torch_generator(0, "images"))
    found = other.eval().layers(images)
    assert [tuple(maps.shape[1:]) for maps in found.values()] == [
        (4, 32, 32), (8, 16, 16), (16, 8, 8), (12,),
    ]  # fmt: skip
    assert list(found) == ["stage1", "stage2", "stage3", "fc6"] and (found["fc6"] < 0).any()
    np.testing.assert_allclose(other.head(found["fc6"]).detach(), other(images).detach(), atol=1e-5)


def test_the_probe_reads_out_what_is_there():
    learner = Learner(learning("supervised"), 0, torch.device("cpu"))
    rng = generator(0, "probe")
    labels = np.arange(200) % 10
    colour = (labels[:, None] * np.array([20, 5, 11]) + 20)[:, None, None]
    images = (colour + rng.integers(0, 10, (200, 16, 16, 3))).astype(np.uint8)
    parts = ((images[:100], labels[:100]), (images[100:], labels[100:]))
    assert probed(learner.network, parts, learner.learning, torch.device("cpu")) > 0.6
    mixed = ((images[:100], rng.permutation(labels[:100])), parts[1])
    assert probed(learner.network, mixed, learner.learning, torch.device("cpu")) < 0.35


@pytest.mark.parametrize(
    ("learned", "tested", "said"),
    [(5, 9, "5 are learned from"), (9, 5, "5 the data set has to test")],
)
def test_a_probe_of_more_images_than_there_are_is_told(monkeypatch, learned, tested, said):
    def read(images, split):
        count = learned if split == "train" else tested
        return np.zeros((count, 32, 32, 3), np.uint8), np.zeros(count, np.int64), ["a"]

    monkeypatch.setattr("papers.sparse_positive.train.cifar.read", read)
    numbers = learning("barlow").model_copy(update={"images": learned, "probed": 6})
    with pytest.raises(StudyError, match=rf"training\.probed: 6 images are asked for, {said}"):
        train(images=Path("m"), learning=numbers, device="cpu", seeds=[0])


def test_views_without_change_are_the_images_and_flips_mirror():
    images = torch.rand(4, 3, 8, 8, generator=torch_generator(0, "images"))
    views = ViewSettings(**PLAIN)
    given = parameters(4, views, torch_generator(0, "views"))
    np.testing.assert_allclose(apply(images, given), images, atol=1e-6)
    mirrored = parameters(4, views.model_copy(update={"flip": 1}), torch_generator(0, "views"))
    np.testing.assert_allclose(apply(images, mirrored), images.flip(3), atol=1e-6)
    grey = apply(
        images, parameters(4, views.model_copy(update={"grey": 1}), torch_generator(0, "views"))
    )
    assert torch.equal(grey[:, 0], grey[:, 1]) and not torch.equal(grey, images)
    half = parameters(
        4, views.model_copy(update={"scale": [0.25, 0.25]}), torch_generator(0, "views")
    )
    assert half["length"] == pytest.approx(0.5) and (half["x"].abs() <= 0.5).all()


def test_hog_is_scikit_images():
    from skimage.feature import hog

    images = generator(0, "pictures").integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    ours = handmade.hog(images)
    for image, descriptor in zip(images, ours, strict=True):
        theirs = hog(
            image / 255 @ handmade.GREY,
            orientations=9,
            pixels_per_cell=(4, 4),
            cells_per_block=(2, 2),
        )
        np.testing.assert_allclose(descriptor, theirs, atol=1e-6)


def test_handmade_spaces_give_finite_features_and_repeat():
    images = generator(1, "pictures").integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    for name, make in handmade.spaces(50, 0).items():
        found = make(images)
        assert found.shape[0] == 5 and np.isfinite(found).all(), name
        np.testing.assert_array_equal(found, make(images))


DOMAINS = np.repeat(["faces", "places", "objects"], 20)


def activations():
    x = generator(0, "units").normal(size=(60, 30))
    x[DOMAINS == "faces", :4] += 4
    return x


def test_units_are_filled_up_or_not():
    given = LocalizerSettings(units=6, q=0.05, fill=True)
    sets = choose("a", activations(), DOMAINS, given)
    assert set(sets.units["face"][:4]) == {0, 1, 2, 3} and len(sets.units["face"]) == 6
    assert sets.rows[0]["passing"] == 4 and sets.rows[0]["share_passing"] == pytest.approx(4 / 6)
    with pytest.raises(StudyError, match="a: no unit prefers places"):
        choose("a", activations(), DOMAINS, given.model_copy(update={"fill": False}))
    with pytest.raises(StudyError, match="unit 3 has NaN"):
        x = activations()
        x[5, 3] = np.nan
        choose("a", x, DOMAINS, given)


def test_halves_take_every_second_image_of_each_domain():
    first = halves(DOMAINS)
    assert all(first[name == DOMAINS].sum() == 10 for name in set(DOMAINS))


def test_every_draw_of_an_untrained_network_is_localized_anew():
    numbers = {"turned": ["hog"], "every_picture": 1, "projections": 1, "batch": 8, "seed": 0}
    settings = Extraction(
        sources=["handmade", "resnet20"],
        spaces={**numbers, "draws": 3, "mean": [0.5] * 3, "sd": [0.25] * 3},
        localizer={"units": 5, "q": 0.05, "fill": True},
        sessions=[],
        scenes=None,
    )
    rng = np.random.default_rng(0)
    domains = np.array(sorted(["faces", "places", "bodies"] * 60))
    images = rng.integers(0, 200, (180, 32, 32, 3)).astype(np.uint8)
    images[domains == "faces", :, :16] += 30
    rows = spaces.drawn(settings, images, domains, "cpu")
    assert [(row["draw"], row["units"]) for row in rows] == [
        (draw, units) for draw in range(3) for units in ("face", "scene")
    ]
    assert {row["space"] for row in rows} == {"resnet20_untrained_layer3"}
    faces = [row["passing"] for row in rows if row["units"] == "face"]
    assert len(set(faces)) > 1 and all(row["share"] == row["passing"] / row["of"] for row in rows)
    # Draw 0 is the network whose layers are feature spaces.
    model = spaces._untrained("resnet20", settings.spaces)
    mean, sd = cifar_resnets.MEAN, cifar_resnets.SD
    made = spaces._layers(model, mean, sd, 8, "cpu")(images[halves(domains)])["layer3"]
    found = localize(made, domains[halves(domains)], "faces", 0.05).selective.sum()
    assert found == faces[0]


def test_stages_of_a_package_are_spaces_beside_those_of_its_twin(tmp_path):
    from replicortex.data.fixtures import vision_networks

    name, channels = "efficientnet_lite0", [2, 3, 3, 4, 4, 5, 6]
    for folder in ("floc", name):
        (tmp_path / folder).mkdir()
    floc_fixture.build(tmp_path / "floc", seed=0, each=4, side=32)
    sizes = {"blocks": 7, "stem": 4, "channels": channels, "head": 8, "classes": 3}
    vision_networks.build(tmp_path / name, seed=0, name=name, **sizes)
    found = packages.extract(
        images=described(tmp_path / "floc"),
        weights=described(tmp_path / name),
        settings=PackageExtraction(
            network=name,
            packages={"grid": 2, "draws": 2, "batch": 16, "seed": 0},
            localizer={"units": 5, "q": 0.05, "fill": True},
            sessions=[],
            scenes=None,
        ),
        device="cpu",
    )
    units = found["localizer"].set_index(["space", "units"])["of"]
    wanted = [f"{name}_{how}_stage{n}" for how in ("trained", "untrained") for n in range(1, 8)]
    assert list(units.index.unique("space")) == wanted
    assert units.xs("face", level="units").tolist() == [4 * n for n in channels] * 2
    spaces_of = features.unpacked(found["features"])
    trained, twin = (
        spaces_of[f"{name}_{how}_stage7"].answers[FLOC] for how in ("trained", "untrained")
    )
    assert trained["face"].shape == (22, 5) and not np.allclose(trained["random"], twin["random"])
    assert found["untrained"][["draw", "of"]].drop_duplicates().to_numpy().tolist() == [
        [0, 24],
        [1, 24],
    ]


def test_directions_are_principal_components():
    from sklearn.decomposition import PCA

    x = activations() @ np.diag(np.linspace(1, 3, 30))
    rows = directions(x, {"face": np.array([4, 7]), "scene": np.array([1])}, "a")
    theirs = PCA(2).fit(x)
    for row in rows:
        found = np.abs([row["first"], row["second"]])
        np.testing.assert_allclose(found, np.abs(theirs.components_[:, row["unit"]]), atol=1e-8)
    assert rows[0]["share_first"] == pytest.approx(theirs.explained_variance_ratio_[0])


def published(name, side=32, units=5, q=0.05):
    """Settings of a job that extracts one published model."""
    return ZooExtraction(
        names=[name],
        pictures={"side": side, "batch": 16},
        localizer={"units": units, "q": q, "fill": True},
        scenes=None,
    )


def test_a_published_model_gives_what_its_classifier_is_given(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    made = torchvision.models.shufflenet_v2_x0_5()
    folder = tmp_path / "model_weights"
    (folder / "torchvision").mkdir(parents=True)
    url = torchvision.models.get_model_weights("shufflenet_v2_x0_5").IMAGENET1K_V1.url
    torch.save(made.state_dict(), folder / "torchvision" / url.rpartition("/")[2])
    (tmp_path / "floc").mkdir()
    floc_fixture.build(tmp_path / "floc", seed=0, each=4, side=32)
    given = {
        "images": described(tmp_path / "floc"),
        "weights": described(folder, synthetic=False),
        "settings": published("torchvision/shufflenet_v2_x0_5"),
        "device": "cpu",
    }
    with pytest.raises(StudyError, match=r"its sha256 does not begin with"):
        zoo.extract(**given)
    given["weights"] = described(folder)
    found = zoo.extract(**given)
    space = features.unpacked(found["features"])["torchvision_shufflenet_v2_x0_5_trained"]
    assert space.answers[FLOC]["face"].shape == (22, 5)
    assert list(found["localizer"].of) == [1024, 1024]
    with pytest.raises(StudyError, match="torchvision has no model 'alexnett'"):
        zoo.extract(**{**given, "settings": published("torchvision/alexnett")})
    with pytest.raises(StudyError, match="'keras' of 'keras/x' is neither"):
        zoo.extract(**{**given, "settings": published("keras/x")})


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_a_published_model_sees_pictures_as_its_weights_ask(tmp_path, name):
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    pinned = models.get_model_weights(name).IMAGENET1K_V1
    made = models.get_model(name, weights=None, init_weights=False)
    folder = tmp_path / "model_weights"
    (folder / "torchvision").mkdir(parents=True)
    torch.save(made.state_dict(), folder / "torchvision" / pinned.url.rpartition("/")[2])
    colours = np.random.default_rng(0).integers(0, 255, (3, 1, 1, 3))
    images = np.broadcast_to(colours, (3, 400, 400, 3)).astype(np.uint8)
    loaded = zoo.load(f"torchvision/{name}", described(folder))
    found = np.concatenate(list(zoo._run(loaded, images, 2, "cpu")))
    # As torchvision makes it where its own weights are asked for.
    made.transform_input = True
    made.eval().fc = torch.nn.Identity()
    with torch.inference_mode():
        prepared = torch.stack([pinned.transforms()(Image.fromarray(image)) for image in images])
        wanted = made(prepared).numpy()
    assert prepared.shape[-1] == {"googlenet": 224, "inception_v3": 299}[name]
    # What an untrained network answers is small, and differs little between pictures.
    spread = np.ptp(wanted, axis=0).max()
    assert spread > 0
    np.testing.assert_allclose(found / spread, wanted / spread, rtol=0, atol=0.02)


def test_what_torchvision_gives_beside_weights_is_given():
    models = pytest.importorskip("torchvision").models
    builders = {name: models.get_model_builder(name) for name in models.list_models(module=models)}
    asks = {name for name, make in builders.items() if "transform_input" in inspect.getsource(make)}
    assert asks == set(zoo.GIVEN)


@pytest.mark.gpu
@pytest.mark.parametrize("objective", ["supervised", "barlow"])
def test_a_step_on_a_gpu_is_that_of_the_cpu(objective):
    from replicortex.training import device as devices

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images = torch.randn(32, 3, 16, 16, generator=torch_generator(1, "images"))
    labels = torch.arange(16 if objective == "barlow" else 32) % 10
    losses = []
    for name in ("cpu", "cuda"):
        place = devices.choose(name)
        learner = Learner(learning(objective), 0, place)
        steps = [learner.step(images.to(place), labels.to(place), None) for _ in range(2)]
        losses.append([float(terms["loss"]) for terms in steps])
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_published_localizer_images_stand_in_the_order_of_the_small_ones(tmp_path, monkeypatch):
    """Answers of the zoo are predicted by rows from answers to the small images."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    names = list(floc.DOMAINS)  # not in alphabetical order
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(names)), 4)
    grey = rng.permutation(len(labels)) * 5 + 10
    images = np.repeat(np.repeat(grey[:, None, None], 32, 1), 32, 2).astype(np.uint8)
    index = np.tile(np.arange(1, 5), len(names))
    np.savez(small / floc.FILE, images=images, labels=labels, index=index, categories=names)
    for image, label, number in zip(images, labels, index, strict=True):
        path = large / f"stimuli/{names[label]}/{names[label]}-{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=100)
    manifests = {"images": described(small), "originals": described(large)}
    monkeypatch.setattr(zoo, "load", lambda name, weights: None)
    means = lambda model, stack, batch, device: [stack.mean((1, 2, 3))[:, None] + np.arange(2)]  # noqa: E731
    monkeypatch.setattr(zoo, "_run", means)
    given = {
        "weights": small,
        "settings": published("timm/x", side=16, units=2, q=0.5),
        "device": "cpu",
    }
    found = features.unpacked(zoo.extract(**manifests, **given)["features"])["timm_x_trained"]
    kept = grey[~halves(floc.read(manifests["images"])[1])]
    for units in ("face", "scene"):
        answered = np.sort(found.answers[FLOC][units], axis=1)
        np.testing.assert_allclose(answered, kept[:, None] + np.arange(2), atol=1)
    (large / "stimuli/car/car-2.jpg").unlink()
    manifests["originals"] = described(large)
    with pytest.raises(StudyError, match=r"lacks car-2\.jpg, which the small images have"):
        zoo.extract(**manifests, **given)
