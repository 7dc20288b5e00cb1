"""Figure 3's published models: torchvision's and timm's, with the weights of a dataset.

A space is what the last linear layer is given: the units before the classifier. The paper does not
say which layer it took. Each model sees pictures as its weights ask: side, crop, mean and s.d.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from papers.sparse_positive.extraction import extracted, nsd_pictures
from papers.sparse_positive.extraction_settings import ZooExtraction
from papers.sparse_positive.features import FLOC
from papers.sparse_positive.weights import file_of
from replicortex.core.errors import StudyError
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.reading import reading
from replicortex.data import floc, floc_originals
from replicortex.data import manifest as manifests

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import nn

RENAMED = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])")

# What torchvision gives these models beside their weights: without it they are shown other pictures.
GIVEN = {
    "googlenet": {"transform_input": True, "init_weights": False},
    "inception_v3": {"transform_input": True, "init_weights": False},
}


class Published(NamedTuple):
    """A model, and what its weights ask to be done with a picture: PIL's to (3, side, side)."""

    model: nn.Module
    transform: Callable[[Image], torch.Tensor]


def extract(
    *,
    images: Path,
    weights: Path,
    settings: ZooExtraction,
    device: str,
    scenes: Path | None = None,
    originals: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, object]:
    """Choose units of some published models and keep their answers.

    Parameters
    ----------
    images, weights, scenes, originals
        Manifests of the localizer images, the models' weights, NSD, and the localizer images as
        published: where they are given they are shown instead of the small ones.
    settings
        Models, `torchvision/<model>` or `timm/<model>.<tag>`, how units are chosen, and what is
        shown.
    device
        "cpu" or "cuda".

    Returns
    -------
    As `extraction.extracted`, answers in the order of the small localizer images, by whose order
    another job's cortex is made from them; "directions" has no rows.
    """
    side = settings.pictures.side
    if originals is None:
        pixels, domains = floc.read(images)
    else:
        order = in_order(floc_originals.keys(originals), floc.keys(images), originals)
        pixels, domains = (part[order] for part in floc_originals.read(originals, side))
    stacks = {FLOC: np.repeat(pixels[..., None], 3, axis=3)}
    if scenes is not None and settings.scenes is not None:
        stacks |= nsd_pictures(scenes, settings.scenes, side)

    def answered() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        for name in progress(settings.names, desc="models"):
            published = load(name, weights)
            batch = settings.pictures.batch
            answers = {
                part: np.concatenate(list(_run(published, stack, batch, device)))
                for part, stack in stacks.items()
            }
            yield f"{name.replace('/', '_').replace('.', '_')}_trained", answers

    return extracted(answered(), domains, settings.localizer)


def in_order(
    found: Sequence[tuple[str, int]], wanted: Sequence[tuple[str, int]], originals: Path
) -> np.ndarray:
    """Return where each wanted image (category, number) lies among those found.

    Raises
    ------
    StudyError
        When they are not the same images.
    """
    for key in sorted(set(found) ^ set(wanted)):
        there = "lacks" if key in set(wanted) else "has"
        other = "have" if key in set(wanted) else "lack"
        raise StudyError(
            f"{originals}: {there} {key[0]}-{key[1]}.jpg, which the small images {other}"
        )
    places = {key: place for place, key in enumerate(found)}
    return np.array([places[key] for key in wanted])


def load(name: str, weights: Path) -> Published:
    """Return a model with its weights and their own transform.

    Raises
    ------
    StudyError
        When library or model are unknown, the file is absent, or its sha256 does not begin with
        the digits that torchvision's file names end with: a synthetic dataset's alone need not.
    """
    library, _, model = name.partition("/")
    file = file_of(name)
    dataset = manifests.load(weights)
    path = dataset.path(file)
    if library == "torchvision":
        import torch
        import torchvision

        if not dataset.synthetic:
            verify(path, file)
        pinned = torchvision.models.get_model_weights(model).IMAGENET1K_V1
        made = torchvision.models.get_model(model, weights=None, **GIVEN.get(model, {}))
        with reading(path, f"the weights of torchvision's {model}"):
            tensors = torch.load(path, map_location="cpu", weights_only=True)
            # DenseNet's files are older than its present names: norm.1 is norm1. The mapping stays, for
            # it says which version of itself a network wrote: MNASNet reads no file without one.
            for key in list(tensors):
                tensors[RENAMED.sub(r"\1\2", key)] = tensors.pop(key)
            made.load_state_dict(tensors)
        return Published(made, pinned.transforms())
    import timm

    with reading(path, f"the weights of timm's {model}"):
        made = timm.create_model(model, pretrained=False, checkpoint_path=str(path))
    return Published(made, timm.data.create_transform(**timm.data.resolve_model_data_config(made)))


def verify(path: Path, file: str) -> None:
    """Check a file against the digits in torchvision's name for it."""
    digits = re.search(r"-([0-9a-f]{8,})\.pth$", file)
    with reading(path, "weights of torchvision"), path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if digits and not found.startswith(digits[1]):
        raise StudyError(
            f"{path}: its sha256 does not begin with {digits[1]}: not the published file"
        )


def classifier(model: nn.Module) -> nn.Module:
    """Return a model's last linear layer; of one without, its last convolution.

    Raises
    ------
    StudyError
        When it has neither.
    """
    import torch

    for kind in (torch.nn.Linear, torch.nn.Conv2d):
        found = [layer for layer in model.modules() if isinstance(layer, kind)]
        if found:
            return found[-1]
    raise StudyError("zoo: a model without a linear layer and without a convolution")


def _run(published: Published, images: np.ndarray, batch: int, device: str) -> Iterator[np.ndarray]:
    """Yield, batch by batch, what a model's last linear layer is given, (images, units).

    Of a model without one, its last convolution's input, as means over places. `images`: uint8
    (n, side, side, 3).
    """
    import torch
    from PIL import Image

    model, transform = published
    seen: list[torch.Tensor] = []
    hook = classifier(model).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model = model.to(device).eval()
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            block = [transform(Image.fromarray(image)) for image in images[start : start + batch]]
            seen.clear()
            model(torch.stack(block).to(device))
            units = seen[-1]
            # A classifier that is a convolution (SqueezeNet) is given maps.
            units = units.mean((2, 3)) if units.ndim == 4 else units.flatten(1)
            yield units.cpu().numpy()
    hook.remove()
