"""Frozen features of EfficientNet-Lite0 in place of a trained trunk: a sensitivity arm.

ImageNet trained it, so that the features are those of a network that learned, where random patches are
not. CIFAR's 32 pixels are enlarged to be shown to it: large and smooth, a control and no natural stimulus.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from papers.topographic import images as pictures
from papers.topographic.components import Components
from papers.topographic.training_settings import FrozenSettings, Lite0Settings, Split
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.data import networks
from replicortex.models import layer_responses
from replicortex.training import device as devices

BATCH = 100  # images at a time, a matter of memory alone


def extract(
    *,
    images: Path,
    weights: Path,
    split: Split,
    lite0: Lite0Settings,
    frozen: FrozenSettings,
    device: str,
    floc: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, Tensors]:
    """Compute what a layer gives to every image, reduced as the random patches' features are.

    Parameters
    ----------
    images
        Manifest of a CIFAR-10 data set.
    weights
        Manifest of EfficientNet-Lite0.
    split, lite0
        Sections of the configuration; of lite0, layer and side.
    frozen
        Section `network.frozen`, of which size and norm are read.
    device
        "cpu" or "cuda".
    floc
        Manifest of the localizer images, when categories are measured.
    progress
        Wraps the loop over batches.

    Returns
    -------
    "features": as `frozen.freeze` has them, without noise, which ensembles alone are shown: means over
    places of the layer's channels, reduced to components of the training images.

    Raises
    ------
    StudyError
        When the layer has fewer channels, or there are fewer training images, than components.
    """
    parts = pictures.read(images, split)
    shown = {name: part.images for name, part in parts.items() if len(part.images)}
    if floc is not None:
        from replicortex.data import floc as localizer

        # As small as CIFAR's images, so that all are enlarged alike.
        shown["floc"] = localizer.small(localizer.read(floc)[0])
    answers = partial(
        layer_responses.responses,
        networks.read(weights, "efficientnet_lite0"),
        place=devices.choose(device),
        layers=[lite0.layer],
        side=lite0.side,
        batch=BATCH,
        progress=progress,
    )
    responses = {
        name: answers(images=own)[lite0.layer].astype(np.float64) for name, own in shown.items()
    }
    least = min(responses["train"].shape)
    if frozen.size > least:
        count, channels = responses["train"].shape
        raise StudyError(
            f"network.frozen.size: {frozen.size} components of layer '{lite0.layer}' are asked for, "
            f"{count} training images and {channels} channels give {least}"
        )
    components = Components(responses["train"], frozen)
    arrays = {f"{name}/features": components(own) for name, own in responses.items()}
    arrays |= {f"{name}/labels": part.labels for name, part in parts.items()}
    arrays["mean"] = components.mean
    return {
        "features": Tensors(arrays, {"lite0": lite0.model_dump(), "frozen": frozen.model_dump()})
    }
