"""What trained networks answer to the stimuli: every checkpoint, size and layout in few passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch.nn import functional as F

from papers.learning_rules import resize
from papers.learning_rules import stimuli as sources
from papers.learning_rules.learners.inference import pooled_kernel, settle
from papers.learning_rules.network import BLOCKS, Network, norm_of, variant_of
from papers.learning_rules.settings.evaluation import Evaluation
from papers.learning_rules.settings.network import NetworkSettings
from papers.learning_rules.settings.pc import PCSettings
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.training import device as devices
from replicortex.training.augment import normalise

# Pixels per forward pass: the largest maps of a pass stay near the CPU's caches.
PIXELS = {"cpu": 1 << 18, "cuda": 1 << 23}

Weights = dict[str, torch.Tensor]


class View(NamedTuple):
    """One way of looking at a network: which weights, which stimuli, which statistics."""

    epoch: int
    px: int
    arm: str
    bn: str


class Model(NamedTuple):
    """A trained network, as `train` wrote it: its tensors, and what its forward pass needs to know.

    Attributes
    ----------
    rule, seed
        Whose it is.
    arrays
        Tensors "epoch{e}/{name}" and "filled/{name}".
    checkpoints
        Epochs that were kept.
    mean, sd
        Of each colour in training, in [0, 1].
    network
        Section `network` of its training.
    variant
        What its blocks have besides: `variant_of`.
    inference
        Of predictive coding as coded, where features are read after it.
    """

    rule: str
    seed: int
    arrays: dict[str, np.ndarray]
    checkpoints: list[int]
    mean: list[float]
    sd: list[float]
    network: NetworkSettings
    variant: dict[str, bool]
    inference: PCSettings | None

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Self:
        """Return the model of a file, from the tensors and the description that `train` wrote."""
        settings = metadata["settings"]
        inference = PCSettings(**settings) if settings["kind"] == "pc" else None
        return cls(
            rule=metadata["rule"],
            seed=metadata["seed"],
            arrays=arrays,
            checkpoints=metadata["checkpoints"],
            **metadata["normalisation"],
            network=NetworkSettings(**metadata["network"]),
            variant=variant_of(settings),
            inference=inference if inference and inference.features == "inferred" else None,
        )


def extract(
    *,
    models: list[Path],
    stimuli: str,
    images: Path,
    evaluation: Evaluation,
    device: str,
    events: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list[Tensors]]:
    """Return each model's activations.

    Parameters
    ----------
    models
        Files that `train` wrote.
    stimuli
        "objects92" or "things".
    images, events
        Manifests of the stimuli; events for things only.
    evaluation
        Section `evaluation` of the configuration.
    device
        "cpu" or "cuda".
    progress
        Wraps the loop over views.

    Returns
    -------
    "activations": per model, "epoch{e}/px{px}/{arm}/{bn}/{pooling}/{layer}", float32
    (n_stimuli, n_features). fc1 has no map: the same features stand under each pooling.

    Raises
    ------
    StudyError
        When a GPU is asked for and absent, or an activation is not finite.
    """
    place = devices.choose(device)
    names, pictures = sources.images(stimuli, images=images, events=events)
    return {
        "activations": [
            extract_pictures(
                Model.of(*read_tensors(path)),
                names,
                pictures,
                evaluation,
                place,
                progress,
                str(path),
            )
            for path in models
        ]
    }


def extract_pictures(
    model: Model,
    names: list[str],
    pictures: list[np.ndarray],
    evaluation: Evaluation,
    device: torch.device,
    progress: Progress = iter_plainly,
    source: str = "model",
) -> Tensors:
    """Return one model's activations, as `extract` names them.

    Parameters
    ----------
    model
        As `Model.of` reads it.
    names, pictures
        Of all stimuli in order; uint8 (height, width, 3), any size each.
    evaluation, device, progress
        As in `extract`.
    source
        What an error names.

    Raises
    ------
    StudyError
        When an activation is not finite.
    """
    found: dict[str, np.ndarray] = {}
    small = evaluation.px.train
    net = Network.from_settings(0, model.network, "default", **model.variant)
    net.to(device, memory_format=torch.channels_last)
    ready: tuple[tuple[int, str], np.ndarray] | None = None
    for view in progress(views(model.checkpoints, evaluation), desc=model.rule):
        if ready is None or ready[0] != (view.px, view.arm):
            ready = (view[1:3], resize.stack(pictures, view.px, view.arm, small))
        for name, values in _look(model, net, ready[1], view, evaluation):
            key = f"epoch{view.epoch}/px{view.px}/{view.arm}/{view.bn}/{name}"
            if not np.isfinite(values).all():
                raise StudyError(f"{source}: activations {key} are not all finite")
            found[key] = values
            if view.arm == "native" and view.px == small and _swept(view, model, evaluation):
                # Reduced to this size and left there, a stimulus is what it was.
                found[key.replace("/native/", "/upsampled/")] = values
    kept = {"rule": model.rule, "seed": model.seed, "stimuli": names}
    return Tensors(found, kept)


def views(checkpoints: list[int], evaluation: Evaluation) -> list[View]:
    """Return every view once, those of equal stimuli beside each other.

    All checkpoints at both sizes with running and batch statistics, epoch 0 with filled ones too;
    the sweep of sizes, native and upsampled, at the first and last checkpoint.
    """
    small = evaluation.px.train
    ends = sorted({checkpoints[0], checkpoints[-1]})
    found = {
        View(epoch, px, "native", bn)
        for epoch in checkpoints
        for px in evaluation.px.both
        for bn in ("running", "batch", *(["filled"] if epoch == 0 else []))
    }
    for px in evaluation.sweep:
        for epoch in ends:
            found.add(View(epoch, px, "native", "running"))
            if px != small:
                found.add(View(epoch, px, "upsampled", "running"))
    return sorted(found, key=lambda view: (view.px, view.arm, view.epoch, view.bn))


def _swept(view: View, model: Model, evaluation: Evaluation) -> bool:
    ends = (model.checkpoints[0], model.checkpoints[-1])
    return view.bn == "running" and view.px in evaluation.sweep and view.epoch in ends


@torch.inference_mode()
def _look(
    model: Model, net: Network, pictures: np.ndarray, view: View, evaluation: Evaluation
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield "{pooling}/{layer}" and features (n, n_features) for one view.

    `net` takes up the view's weights; pictures are uint8 (n, px, px, 3).
    """
    device = net.fc1.weight.device
    weights = weights_of(model.arrays, f"epoch{view.epoch}/", device)
    if view.bn == "filled":
        weights |= weights_of(model.arrays, "filled/", device)
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    poolings = [
        pooling
        for pooling in evaluation.poolings
        if pooling != "full" or view.px in evaluation.full_px
    ]
    per_pass = max(1, PIXELS[device.type] // view.px**2)
    per_group = evaluation.batch if view.bn == "batch" else per_pass
    parts: dict[str, list[torch.Tensor]] = {}
    for group in torch.from_numpy(pictures).split(per_group):
        passes = [
            normalise(part.to(device), model.mean, model.sd) for part in group.split(per_pass)
        ]
        for maps in block_outputs(net, passes, view.bn == "batch"):
            if model.inference:
                maps = _inferred(weights, maps, model.inference)
            for name, features in layouts(net, maps, poolings):
                parts.setdefault(name, []).append(features.cpu())
    for name, features in parts.items():
        yield name, torch.cat(features).numpy()


def weights_of(arrays: dict[str, np.ndarray], prefix: str, device: torch.device) -> Weights:
    """Return the tensors below a prefix by the rest of their names."""
    return {
        name.removeprefix(prefix): torch.from_numpy(array).to(device)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def block_outputs(
    net: Network, passes: list[torch.Tensor], batch: bool
) -> list[list[torch.Tensor]]:
    """Return for each pass the outputs of the three blocks, (n, channels, side, side).

    Parameters
    ----------
    net
        With the weights of one checkpoint.
    passes
        Images (n, 3, side, side), in parts that fit into memory.
    batch
        Whether BatchNorm uses the statistics of all passes together, not its running ones.
    """
    outputs: list[list[torch.Tensor]] = [[] for _ in passes]
    for name in BLOCKS:
        below = [done[-1] if done else images for done, images in zip(outputs, passes, strict=True)]
        for done, maps in zip(outputs, _block(net, name, below, batch), strict=True):
            done.append(maps)
    return outputs


def _inferred(
    weights: Weights, maps: list[torch.Tensor], settings: PCSettings
) -> list[torch.Tensor]:
    """Return the three blocks' outputs after inference, shapes as before.

    Parameters
    ----------
    weights
        With the top-down weights "feedback2" and "feedback3".
    maps
        (n, channels, side, side) of each block.
    """
    return settle(
        maps,
        forward=(pooled_kernel(weights["conv2.weight"]), pooled_kernel(weights["conv3.weight"])),
        feedback=(weights["feedback2"], weights["feedback3"]),
        steps=settings.steps,
        rate=settings.rate,
    )


def _block(net: Network, name: str, below: list[torch.Tensor], batch: bool) -> list[torch.Tensor]:
    """Return a block's outputs over all passes: as `Network.block`, for a quarter of the work.

    BatchNorm, one slope and shift per channel, comes after pooling here. A rising one commutes with
    the maximum; where the gain is negative, the maximum of the negated map is taken instead.

    Parameters
    ----------
    net
        Its convolution, with the ReLU in front where the rule has one, is the network's own.
    below
        The block's input in each pass, (n, channels, side, side).
    batch
        Whether statistics are those of all passes together, not the running ones.
    """
    norm = getattr(net, norm_of(name))
    falls = norm.weight < 0
    sign = torch.where(falls, -1.0, 1.0)
    largest, moments = [], []
    for inputs in below:
        maps = net.convolve(name, inputs)
        if falls.any():
            maps.mul_(sign[:, None, None])
        if batch:
            moments.append((len(inputs), *_moments(maps)))
        largest.append(F.max_pool2d(maps, 2))
    if batch:
        mean, variance = _joined(moments)
    else:
        mean, variance = norm.running_mean.double() * sign, norm.running_var.double()
    slope = norm.weight.abs().double() / torch.sqrt(variance + norm.eps)
    shift = (norm.bias - mean * slope).float()[:, None, None]
    slope = slope.float()[:, None, None]
    return [F.relu_(maps.mul_(slope).add_(shift)) for maps in largest]


def _joined(
    moments: list[tuple[int, torch.Tensor, torch.Tensor]],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each channel's mean and variance over passes, from their counts, means and variances."""
    means = torch.stack([mean for _, mean, _ in moments])
    share = torch.tensor([count for count, _, _ in moments], dtype=torch.float64)
    share = (share / share.sum()).to(means.device)[:, None]
    mean = (share * means).sum(0)
    squares = torch.stack([variance for _, _, variance in moments]) + (means - mean) ** 2
    return mean, (share * squares).sum(0)


def _moments(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and (biased) variance of each channel, float64."""
    mean, variance = torch.batch_norm_update_stats(maps, None, None, 0.0)
    return mean.double(), variance.double()


def layouts(
    net: Network, maps: list[torch.Tensor], poolings: list[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield "{pooling}/{layer}" and features (n, n_features), channel by channel.

    "global" is the mean over positions, "grid" the mean over the fields of a grid, "full" the map.
    """
    hidden = net.hidden(maps[-1])
    for pooling in poolings:
        for name, layer in zip(BLOCKS, maps, strict=True):
            if pooling == "global":
                yield f"{pooling}/{name}", layer.mean((2, 3))
            elif pooling == "grid":
                coarse = F.adaptive_avg_pool2d(layer, net.grid)
                yield f"{pooling}/{name}", coarse.flatten(1)
            else:
                yield f"{pooling}/{name}", layer.flatten(1)
        yield f"{pooling}/fc1", hidden
