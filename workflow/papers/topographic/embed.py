"""Show images to trained networks: embeddings of the sheet, readouts, answers under noise."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from papers.topographic import images as pictures
from papers.topographic.features import read_features
from papers.topographic.frozen import noise_conditions
from papers.topographic.measuring_settings import NoiseSettings, ProbeSettings, Scale
from papers.topographic.network import Network
from papers.topographic.probe import Probe
from papers.topographic.training_settings import NetworkSettings, Split
from replicortex.core.files import Tensors, read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.data import floc as localizer
from replicortex.training import device as devices

BATCH = 500


def embed(
    *,
    models: list[Path],
    split: Split,
    noise: NoiseSettings,
    probes: dict[str, ProbeSettings],
    readout: str,
    training: Scale,
    device: str,
    images: Path | None = None,
    features: Path | None = None,
    lite0: Path | None = None,
    floc: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list[Tensors]]:
    """Embed and read out.

    Parameters
    ----------
    models
        Files that `train` wrote.
    split, noise, probes, training
        Sections of the configuration; of training, mean and sd.
    readout
        The probe that answers for an objective without a classifier.
    device
        "cpu" or "cuda".
    images, features, lite0
        By the trunks of the networks: manifest of CIFAR-10, file of `frozen.freeze`, of `lite0.extract`.
    floc
        Manifest of the localizer images, for trunks that are shown images.

    Returns
    -------
    "embeddings", per model: "test" (n, units), raw output of the sheet in eval mode; "labels" (n,);
    "floc" (n, units); "weight" and "bias" of the sheet; "answers/{kind}/{level}" (n, 10), class
    scores, where noise is shown. Description: the condition, and accuracies "classifier" and "probe {name}".
    """
    place = devices.choose(device)

    @cache
    def stimuli(trunk: str, centred: bool) -> Stimuli:
        if trunk == "resnet":
            return _from_images(split, noise, images, floc, training)
        return _from_features(lite0 if trunk == "lite0" else features, centred)

    made = []
    for path in progress(models, desc="networks", total=len(models)):
        arrays, metadata = read_tensors(path)
        network = NetworkSettings.model_validate(metadata["settings"]["network"])
        shown = stimuli(network.trunk, network.centred)
        made.append(_embedded(arrays, metadata, network, shown, probes, readout, place))
    return {"embeddings": made}


Stimuli = dict[str, np.ndarray]


def _from_features(features: Path, centred: bool) -> Stimuli:
    """Return inputs by name, and labels, from frozen features."""
    arrays = read_features(features, centred)
    renamed = {"train/features": "train", "test/features": "test", "floc/features": "floc"}
    return {renamed.get(name, name): array for name, array in arrays.items()}


def _from_images(
    split: Split,
    noise: NoiseSettings,
    images: Path,
    floc: Path | None,
    training: Scale,
) -> Stimuli:
    """Return normalised images by name, float32 (n, 3, side, side), and labels."""
    parts = pictures.read(images, split)
    mean, sd = (np.array(values, np.float32) for values in (training.mean, training.sd))

    def ready(pictured: np.ndarray) -> np.ndarray:
        scale = 255 if pictured.dtype == np.uint8 else 1
        scaled = (pictured.astype(np.float32) / scale - mean) / sd
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    stimuli = {name: ready(parts[name].images) for name in ("train", "test")}
    stimuli |= {f"{name}/labels": parts[name].labels for name in ("train", "test")}
    stimuli |= {name: ready(made) for name, made in noise_conditions(parts["test"], noise)}
    if floc is not None:
        stimuli["floc"] = ready(localizer.small(localizer.read(floc)[0]))
    return stimuli


@torch.inference_mode()
def _embedded(
    arrays: dict[str, np.ndarray],
    metadata: dict[str, Any],
    settings: NetworkSettings,
    stimuli: Stimuli,
    probes: dict[str, ProbeSettings],
    readout: str,
    device: torch.device,
) -> Tensors:
    """Return a network's embeddings, and scores under noise, as `embed` says of each file.

    Parameters
    ----------
    arrays, metadata
        Weights and condition of the file that `train` wrote.
    settings
        Its section `network`.
    stimuli
        Inputs by name, float32 (n, ...), and labels.
    probes, readout
        As in `embed`.
    """
    network = Network(settings, metadata["objective"], metadata["seed"])
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    network.to(device).eval()

    def sheet(name: str) -> np.ndarray:
        parts = torch.from_numpy(stimuli[name]).split(BATCH)
        return torch.cat([network(part.to(device)).float().cpu() for part in parts]).numpy()

    train, test = sheet("train"), sheet("test")
    labels = stimuli["test/labels"]
    accuracies = {}
    network_of = f"{metadata['arm']}, {metadata['objective']}, rho {metadata['rho']:g}"
    with torch.inference_mode(False):
        fitted = {
            name: Probe(
                train,
                stimuli["train/labels"],
                numbers,
                metadata["seed"],
                f"{network_of}, probe {name}",
            )
            for name, numbers in probes.items()
        }
    for name, probe in fitted.items():
        accuracies[f"probe {name}"] = probe.accuracy(test, labels)
    if network.classifies:
        weight, bias = (getattr(network.classifier, n).cpu().numpy() for n in ("weight", "bias"))

        def score(embeddings: np.ndarray) -> np.ndarray:
            return embeddings @ weight.T + bias

        accuracies["classifier"] = float((score(test).argmax(1) == labels).mean())
    else:
        score = fitted[readout].scores
    out = {
        "test": test,
        "labels": labels,
        "weight": arrays["sheet.weight"],
        "bias": arrays.get("sheet.bias", np.zeros(test.shape[1], np.float32)),
    }
    if "floc" in stimuli:
        out["floc"] = sheet("floc")
    for name in stimuli:
        if name.startswith("noise/"):
            answered = score(sheet(name)).astype(np.float32)
            out[name.replace("noise/", "answers/", 1)] = answered
    metadata = {name: metadata[name] for name in ("arm", "objective", "rho", "seed")}
    return Tensors(out, {**metadata, "accuracies": accuracies})
