"""Each published model of `full`, built without memory for its weights: which units it answers with.

torchvision's files have digits of their sha256 in their names, so that no stand-in passes; here are the
layers that a file has to fit, and what the classifier is given.
"""

import pytest
import torch

from papers.sparse_positive.zoo import GIVEN, classifier
from replicortex.core.codehash import ROOT
from replicortex.core.config import checked_numbers

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
