"""Each published model of `full`: the layers that a file has to fit, and what its classifier is given.

All are built without memory for their weights; the smallest of each family is read from a file of random
ones and shown a picture.
"""

from functools import cache

import numpy as np
import pytest
import torch
from manifests import described

from papers.sparse_positive import weights, zoo
from papers.sparse_positive.zoo import GIVEN, classifier
from replicortex.core.codehash import ROOT
from replicortex.core.config import checked_numbers
from replicortex.core.randomness import generator
from replicortex.data.fixtures import model_weights

MODELS = checked_numbers("sparse_positive", "full", {}, ROOT.parent).zoo.models


def built(name):
    """Return a model on the meta device, and the side of the pictures that its weights ask for."""
    library, _, model = name.partition("/")
    # torchvision computes the widths of a RegNet by tensors, which must have values.
    with torch.device("cpu" if model.startswith("regnet") else "meta"):
        if library == "timm":
            timm = pytest.importorskip("timm")
            made = timm.create_model(model, pretrained=False)
            return made, timm.data.resolve_model_data_config(made)["input_size"][-1]
        torchvision = pytest.importorskip("torchvision")
        pinned = torchvision.models.get_model_weights(model).IMAGENET1K_V1
        made = torchvision.models.get_model(model, weights=None, **GIVEN.get(model, {}))
        # GoogLeNet's file has its auxiliary classifiers, which its count leaves out.
        counted = [n for n, _ in made.named_parameters() if model != "googlenet" or "aux" not in n]
        sizes = [made.get_parameter(name).numel() for name in counted]
        assert sum(sizes) == pinned.meta["num_params"]
        return made.to("meta"), pinned.transforms().crop_size[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_published_model_answers_with_the_units_before_its_classes(name):
    model, side = built(name)
    last, seen = classifier(model), []
    last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        out = model.eval()(torch.empty(2, 3, side, side, device="meta"))
    (units,) = seen
    assert out.shape == (2, 1000)
    assert (
        units.shape[:1] == (2,)
        and units.shape[-1 if units.ndim == 2 else 1] == last.weight.shape[1]
    )
    assert last.weight.shape[0] == 1000 and units.shape[1] >= 128


def family(name):
    """Return the library's module that defines a model."""
    library, _, model = name.partition("/")
    if library == "timm":
        timm = pytest.importorskip("timm")
        return timm.models.model_entrypoint(model.partition(".")[0]).__module__
    torchvision = pytest.importorskip("torchvision")
    return torchvision.models.get_model_builder(model).__module__


@cache
def smallest():
    """Return the model of fewest parameters of each family, by family."""
    found = {}
    for name in MODELS:
        count = sum(p.numel() for p in built(name)[0].parameters())
        found[family(name)] = min(found.get(family(name), (count, name)), (count, name))
    return {key: name for key, (_, name) in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("of", sorted({family(name) for name in MODELS}))
def test_the_smallest_of_a_family_is_read_and_shown_pictures_as_its_weights_ask(of, tmp_path):
    name = smallest()[of]
    (tmp_path / "model_weights").mkdir()
    model_weights.build(tmp_path / "model_weights", seed=0, models=[name])
    path = tmp_path / "model_weights" / weights.file_of(name)
    published = zoo.load(name, described(tmp_path / "model_weights"))

    model = published.model.eval()
    if path.suffix == ".pth":
        stored = list(torch.load(path, weights_only=True).values())
        asked = torchvision_asks(name)
    else:
        from safetensors.torch import load_file

        by_name = load_file(path)
        stored = [by_name[key] for key in model.state_dict()]
        asked = timm_asks(model)
    assert len(stored) == len(model.state_dict())
    assert all(map(torch.equal, model.state_dict().values(), stored))
    path.unlink()  # up to half a gigabyte

    grey = np.full((425, 425, 3), 100, np.uint8)
    noise = generator(0, "picture").integers(0, 255, grey.shape, np.uint8)
    units = np.concatenate(list(zoo._run(published, np.stack([grey, noise]), 2, "cpu")))
    from PIL import Image

    shown = torch.stack([published.transform(Image.fromarray(each)) for each in (grey, noise)])
    side, mean, sd = asked
    assert shown.shape == (2, 3, side, side)
    expected = (100 / 255 - np.array(mean)) / np.array(sd)
    np.testing.assert_allclose(shown[0].mean((1, 2)), expected, atol=1e-5)
    with torch.inference_mode():
        last, answers = classifier(model), model(shown)
        given = torch.from_numpy(units)
        if isinstance(last, torch.nn.Conv2d):
            given = given[:, :, None, None]
        if of == "torchvision.models.squeezenet":  # its maps are rectified before their mean
            np.testing.assert_allclose(units, model.features(shown).mean((2, 3)), rtol=1e-4)
        else:
            np.testing.assert_allclose(last(given).flatten(1), answers, rtol=1e-3, atol=1e-5)
    assert np.isfinite(units).all() and np.abs(units[0] - units[1]).max() > 0


def torchvision_asks(name):
    """Return side, mean and s.d. of the pictures that torchvision's weights ask for."""
    import torchvision

    model = name.partition("/")[2]
    asked = torchvision.models.get_model_weights(model).IMAGENET1K_V1.transforms()
    return asked.crop_size[0], asked.mean, asked.std


def timm_asks(model):
    """Return side, mean and s.d. of the pictures that timm's weights ask for."""
    asked = model.pretrained_cfg
    return asked["input_size"][-1], asked["mean"], asked["std"]
