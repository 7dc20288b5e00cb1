"""Feature spaces: units chosen by the localizer, and their answers to every set of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.sparse_positive import handmade
from papers.sparse_positive.units import choose, directions, halves
from replicortex.core.errors import StudyError, nearest
from replicortex.core.files import read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed
from replicortex.data import cifar, cifar_resnets, floc, macaque_v4, nsd

SIDE = 32  # pixels: what the small networks see
MIRROR = tuple(cifar_resnets.DEPTHS)
SOURCES = (*MIRROR, "trained", "handmade")


def extract(
    *,
    images: Path,
    sources: Sequence[str],
    spaces: Mapping[str, Any],
    localizer: Mapping[str, Any],
    session: str,
    people: Mapping[str, Any],
    device: str,
    networks: Path | None = None,
    models: Sequence[Path] = (),
    pictures: Path | None = None,
    v4: Path | None = None,
    scenes: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, object]:
    """Choose units of some feature spaces and keep their answers.

    Parameters
    ----------
    images, networks, pictures, v4, scenes
        Manifests of the localizer images, the trained networks, CIFAR-10 (figure 2A), macaque V4
        and NSD.
    sources
        resnet20, resnet56, trained (the files in `models`), handmade.
    spaces, localizer
        Sections of the configuration.
    session
        Of macaque V4.
    people
        Section `nsd`: people, pool, step; empty without NSD.

    Returns
    -------
    "features": `<space>|<face, scene, random>|<floc, v4, nsd<person>>`, float32 (images, units),
    the localizer's second half alone; `<space>|passing` (face, scene). "localizer": a row per
    space and set. "directions": figure 2A.
    """
    pixels, domains = floc.read(images)
    first = halves(domains)
    shown = {"floc": floc.small(pixels, SIDE)}
    if v4 is not None:
        shown["v4"] = resized(macaque_v4.read_images(v4, session)[1], SIDE)
    if scenes is not None:
        shown |= nsd_pictures(scenes, people, SIDE)
    if pictures is not None:
        shown["pictures"] = cifar.read(pictures, "test")[0][:: spaces["every_picture"]]
    found: dict[str, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    turned: list[dict[str, Any]] = []
    for name, layers in progress(_answers(sources, shown, spaces, networks, models, device)):
        for layer, one in layers.items():
            space = f"{name}_{layer}" if layer else name
            sets = choose(space, one["floc"][first], domains[first], localizer)
            rows += sets.rows
            for units, chosen in sets.units.items():
                for part, values in one.items():
                    if part != "pictures":
                        kept = values[~first] if part == "floc" else values
                        found[f"{space}|{units}|{part}"] = kept[:, chosen].astype(np.float32)
            found[f"{space}|passing"] = np.array([row["passing"] for row in sets.rows])
            if "pictures" in one and space in spaces["turned"]:
                turned += directions(one["pictures"], sets.units, space)
    columns = ["space", "units", "unit", "first", "second", "share_first", "share_second"]
    return {
        "features": found,
        "localizer": pd.DataFrame(rows),
        "directions": pd.DataFrame(turned, columns=columns),
    }


def nsd_pictures(manifest: Path, people: Mapping[str, Any], side: int) -> dict[str, np.ndarray]:
    """Return each person's pictures, train, validation and test in this order."""
    design, coco = nsd.read_design(manifest), nsd.coco_ids(manifest)
    shown = {}
    for person in people["people"]:
        parts = nsd.splits(design, coco, person, pool=people["pool"], step=people["step"])
        stimuli = np.concatenate(list(parts.values()))
        shown[f"nsd{person}"] = resized(nsd.read_images(manifest, stimuli), side)
    return shown


def resized(images: np.ndarray, side: int) -> np.ndarray:
    """Return images with another side, uint8 (n, side, side, 3), each pixel a mean over its area."""
    from PIL import Image

    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))
            for image in images
        ]
    )


Answers = dict[str, dict[str, np.ndarray]]


def _answers(
    sources: Sequence[str],
    shown: Mapping[str, np.ndarray],
    spaces: Mapping[str, Any],
    networks: Path | None,
    models: Sequence[Path],
    device: str,
) -> Iterator[tuple[str, Answers]]:
    """Yield each network's name and, per layer and set of pictures, activations (images, units)."""
    for source in sources:
        if source == "handmade":
            for name, make in handmade.spaces(spaces["projections"], spaces["seed"]).items():
                yield name, {"": {part: make(stack) for part, stack in shown.items()}}
        elif source in MIRROR:
            for trained in (True, False):
                name = f"{source}_{'trained' if trained else 'untrained'}"
                yield name, _mirror(networks, source, trained, shown, spaces, device)
        elif source == "trained":
            yield from _own(models, shown, spaces, device)
        else:
            raise StudyError(f"spaces: source '{source}' is unknown{nearest(source, SOURCES)}")


def _mirror(networks, source, trained, shown, spaces, device) -> Answers:
    import torch

    from replicortex.models.cifar_resnet import CifarResNet

    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(spaces["seed"], "untrained", source))
        model = CifarResNet(cifar_resnets.DEPTHS[source])
    if trained:
        cifar_resnets.fill(model, networks, source)
    return _run(model, shown, cifar_resnets.MEAN, cifar_resnets.SD, spaces["batch"], device)


def _own(models, shown, spaces, device) -> Iterator[tuple[str, Answers]]:
    """The workflow's networks, after training and before; seeds beyond the first are numbered."""
    import torch

    from papers.sparse_positive.network import Network

    count: dict[str, int] = {}
    for path in models:
        tensors, told = read_tensors(path)
        objective = told["objective"]
        number = count[objective] = count.get(objective, 0) + 1
        for moment, word in (("final", "trained"), ("initial", "untrained")):
            if word == "untrained" and objective == "supervised":
                continue  # the same trunk as Barlow Twins' before training
            network = Network(told["network"], objective, told["seed"])
            network.load_state_dict(
                {
                    name.removeprefix(f"{moment}/"): torch.tensor(values)
                    for name, values in tensors.items()
                    if name.startswith(f"{moment}/")
                }
            )
            tail = "" if number == 1 else f"_{number}"
            mean, sd = spaces["mean"], spaces["sd"]
            yield (
                f"{objective}{tail}_{word}",
                _run(network, shown, mean, sd, spaces["batch"], device),
            )


def _run(model, shown, mean, sd, batch, device) -> Answers:
    """Activations by layer and set of pictures, maps flattened: channel, row, column."""
    import torch

    model = model.to(device).eval()
    shift, scale = (torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1) for v in (mean, sd))
    answers: Answers = {}
    with torch.inference_mode():
        for part, images in shown.items():
            stacks: dict[str, list[np.ndarray]] = {}
            for start in range(0, len(images), batch):
                x = torch.from_numpy(np.ascontiguousarray(images[start : start + batch]))
                x = (x.permute(0, 3, 1, 2).float() / 255 - shift) / scale
                for layer, maps in model.layers(x.to(device)).items():
                    stacks.setdefault(layer, []).append(maps.flatten(1).cpu().numpy())
            for layer, blocks in stacks.items():
                answers.setdefault(layer, {})[part] = np.concatenate(blocks)
    return answers
