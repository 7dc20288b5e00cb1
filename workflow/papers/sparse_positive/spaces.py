"""Feature spaces: localizer on one half of the fLoc images, the chosen units' answers to the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.sparse_positive import neurons
from replicortex.analysis.localizer import localize, most_selective
from replicortex.data import cifar_resnets, floc
from replicortex.errors import StudyError
from replicortex.progress import Progress, iter_plainly
from replicortex.randomness import generator, stream_seed

DOMAINS = {"face": "faces", "scene": "places"}
SIDE = 32  # pixels: what the CIFAR networks see


def extract(
    *,
    images: Path,
    networks: Path,
    v4: Path | None = None,
    spaces: Mapping[str, Any],
    localizer: Mapping[str, Any],
    session: str,
    device: str,
    progress: Progress = iter_plainly,
) -> dict[str, object]:
    """Return `features` (per space and unit set, answers of the chosen units) and `localizer`.

    Arrays of `features`: `<space>|<face, scene, random>|floc` (images of the second half, units),
    the same with `v4`, and `v4|responses` (images, neurons).
    """
    pixels, domains = floc.read(images)
    pixels = floc.small(pixels, SIDE)
    rank = np.zeros(len(domains), dtype=int)
    for domain in set(domains):
        rank[domains == domain] = np.arange((domains == domain).sum())
    first = rank % 2 == 0
    shown = {"floc": pixels}
    found: dict[str, np.ndarray] = {}
    if v4 is not None:
        shown["v4"], found["v4|responses"] = neurons.read(v4, session, SIDE)
    rows = []
    for network, trained in progress([(n, t) for n in spaces["networks"] for t in (True, False)]):
        answers = {
            part: _answers(networks, network, trained, stack, spaces, device)
            for part, stack in shown.items()
        }
        for layer in answers["floc"]:
            name = f"{network}_{'trained' if trained else 'untrained'}_{layer}"
            one = {part: layers[layer] for part, layers in answers.items()}
            rows += _choose(name, one, domains, first, localizer, found)
        del answers
    one = {part: _projected(stack, spaces["projections"]) for part, stack in shown.items()}
    rows += _choose("projection", one, domains, first, localizer, found)
    return {"features": found, "localizer": pd.DataFrame(rows)}


def _answers(
    networks: Path,
    name: str,
    trained: bool,
    images: np.ndarray,
    spaces: Mapping[str, Any],
    device: str,
) -> dict[str, np.ndarray]:
    """Activations by layer, (images, units), maps flattened."""
    import torch

    from replicortex.models.cifar_resnet import CifarResNet

    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(spaces["seed"], "untrained", name))
        model = CifarResNet(cifar_resnets.DEPTHS[name])
    if trained:
        told = model.load_state_dict(cifar_resnets.read(networks, name), strict=False)
        lost = [key for key in told.missing_keys if not key.endswith("num_batches_tracked")]
        if lost or told.unexpected_keys:
            raise StudyError(
                f"{name}: weights do not fit, e.g. {[*lost, *told.unexpected_keys][0]}"
            )
    model = model.to(device).eval()
    mean, sd = (torch.tensor(v).view(1, 3, 1, 1) for v in (cifar_resnets.MEAN, cifar_resnets.SD))
    parts: dict[str, list[np.ndarray]] = {}
    with torch.inference_mode():
        for batch in _batches(images, spaces["batch"]):
            x = (torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255 - mean) / sd
            for layer, maps in model.layers(x.to(device)).items():
                parts.setdefault(layer, []).append(maps.flatten(1).cpu().numpy())
    return {layer: np.concatenate(stacks) for layer, stacks in parts.items()}


def _batches(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (images[start : start + size] for start in range(0, len(images), size))


def _projected(images: np.ndarray, count: int) -> np.ndarray:
    """Rectified random projections of pixels, (images, count)."""
    flat = images.reshape(len(images), -1) / 255 - 0.5
    draw = generator(0, "random projections").normal(size=(flat.shape[1], count))
    return np.maximum(flat @ draw / np.sqrt(flat.shape[1]), 0)


def _choose(
    name: str,
    answers: Mapping[str, np.ndarray],
    domains: np.ndarray,
    first: np.ndarray,
    settings: Mapping[str, Any],
    found: dict[str, np.ndarray],
) -> list[dict[str, object]]:
    """Localize on the first half; keep the chosen units' answers in `found`; rows of the table."""
    half, k = answers["floc"][first], settings["units"]
    rows, sets = [], {}
    for units, domain in DOMAINS.items():
        selective = localize(half, domains[first], domain, q=settings["q"])
        sets[units], share = most_selective(selective, k)
        mixed = generator(0, "labels", name, units).permutation(domains[first])
        rows.append(
            {
                "space": name,
                "units": units,
                "of": half.shape[1],
                "passing": int(selective.passes.sum()),
                "passing_permuted": int(
                    localize(half, mixed, domain, q=settings["q"]).passes.sum()
                ),
                "share_passing": share,
                "mean_t": float(selective.mean_t[sets[units]].mean()),
            }
        )
    live = np.flatnonzero(np.ptp(half, axis=0) > 0)
    sets["random"] = np.sort(generator(0, "units", name).choice(live, k, replace=False))
    for units, chosen in sets.items():
        for part, values in answers.items():
            rest: slice | np.ndarray = ~first if part == "floc" else slice(None)
            found[f"{name}|{units}|{part}"] = values[rest][:, chosen].astype(np.float32)
    return rows


def names(features: Sequence[str]) -> list[str]:
    """Return the names of the feature spaces, in the order in which they were made."""
    return list(dict.fromkeys(key.split("|")[0] for key in features if key.endswith("|floc")))
