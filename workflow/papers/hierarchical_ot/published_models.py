"""Layers of published models: DINOv2, ViT-MAE (images), Llama, Qwen (passages).

Weights come from a dataset in the layout of a model cache, whose paths name the revision:
`models--<organisation>--<model>/snapshots/<revision>/`. Nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from papers.hierarchical_ot import neurons, passages
from papers.hierarchical_ot.embedding_settings import PublishedModel, SharedImages
from papers.hierarchical_ot.training_settings import Passages
from replicortex.core.errors import StudyError, nearest
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.data import nsd
from replicortex.training import device as devices

MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, which all of them use
SIDE = 224  # pixels
BATCH = 16
# Kind of model, as its config.json says it -> domain.
KINDS = {"dinov2": "brain", "vit_mae": "brain", "llama": "language", "qwen2": "language"}


def embed(
    *,
    name: str,
    model: PublishedModel,
    weights: Path,
    text: Path,
    language: Passages,
    brain: SharedImages,
    device: str,
    betas: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, Tensors]:
    """Return a model's layers, `<domain>/<name>/<layer>`: float32 (stimuli, width) after each block.

    Token activations are averaged over all tokens of an image (the class token too) or passage. The
    last layer of a language model is what its final norm gives, as transformers has it.

    Raises
    ------
    StudyError
        When the weights of that revision are absent or of another kind, or there are no images.
    """
    place = devices.choose(device)
    folder = snapshot(weights, model.repository, model.revision)
    network, kind = load(folder, place)
    if KINDS[kind] != model.domain:
        raise StudyError(
            f"published.{name}: {model.repository} is a {kind}, whose domain is {KINDS[kind]}; "
            f"found {model.domain}"
        )
    if model.domain == "language":
        read = passages.passages(text, language)[1]
        found = of_passages(network, folder, read, place, progress)
    else:
        if betas is None:
            raise StudyError(f"published.{name}: it is shown the images of `betas`, which is null")
        shown = nsd.read_images(betas, neurons.brain_images(betas, brain))
        found = of_images(network, shown, place, progress)
    arrays = {f"{model.domain}/{name}/{n}": layer for n, layer in enumerate(found)}
    return {"activations": Tensors(arrays, model.model_dump())}


def snapshot(weights: Path, repository: str, revision: str | None) -> Path:
    """Return the folder of a model at a revision (None: the only one there), all files present.

    Raises
    ------
    StudyError
        When the dataset has no such model, or not at that revision.
    """
    dataset = manifests.load(weights)
    folder = f"models--{repository.replace('/', '--')}/snapshots"
    known = sorted({p.split("/")[2] for p in dataset.files if p.startswith(f"{folder}/")})
    if not known:
        models = {p.split("/")[0].removeprefix("models--") for p in dataset.files}
        raise StudyError(
            f"dataset {dataset.name}: has no weights of {repository}"
            f"{nearest(repository.replace('/', '--'), models)}"
        )
    wanted = known if revision is None else [revision]
    if len(wanted) != 1 or wanted[0] not in known:
        raise StudyError(
            f"dataset {dataset.name}: {repository} is there at revision {', '.join(known)}, "
            f"{revision or 'one alone'} expected"
        )
    own = [p for p in dataset.files if p.startswith(f"{folder}/{wanted[0]}/")]
    return {dataset.path(path).parent for path in own}.pop()


def load(folder: Path, place: torch.device) -> tuple[torch.nn.Module, str]:
    """Return a model in evaluation, float32, and its kind.

    Raises
    ------
    StudyError
        When it is of no kind that is known here, is damaged, or lacks weights.
    """
    from transformers import AutoConfig, AutoModel

    with reading(folder / "config.json", "the description of a model of transformers"):
        chosen = AutoConfig.from_pretrained(folder, local_files_only=True)
    if chosen.model_type not in KINDS:
        raise StudyError(
            f"{folder}: found a {chosen.model_type}{nearest(chosen.model_type, KINDS)}"
        )
    if chosen.model_type == "vit_mae":
        chosen.mask_ratio = 0.0  # every patch is seen
    with reading(folder, f"the weights of a {chosen.model_type}"):
        network, told = AutoModel.from_pretrained(
            folder,
            config=chosen,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    # What a file lacks, transformers draws at random.
    lost = sorted(map(str, [*told["missing_keys"], *told["mismatched_keys"]]))
    if lost:
        raise StudyError(f"{folder}: its weights lack '{lost[0]}' of a {chosen.model_type}")
    return network.eval().to(place), chosen.model_type


@torch.no_grad()
def of_images(
    network: torch.nn.Module,
    images: np.ndarray,
    place: torch.device,
    progress: Progress = iter_plainly,
) -> list[np.ndarray]:
    """Return layers for images, uint8 (n, side, side, 3): bicubic to 224 pixels, normalised.

    The first hidden state, which precedes the first block, is no layer. A layer is float32 (n, width), the
    mean over all tokens. ViT-MAE (He et al. 2022) sees every patch, in their order.
    """
    settings = getattr(network, "config", None)
    masked = getattr(settings, "model_type", "") == "vit_mae"
    patches = (SIDE // settings.patch_size) ** 2 if masked else 0
    mean, sd = (torch.tensor(values, device=place).view(3, 1, 1) for values in (MEAN, SD))
    parts = []
    for start in progress(range(0, len(images), BATCH), desc="images"):
        x = torch.from_numpy(images[start : start + BATCH]).to(place).permute(0, 3, 1, 2).float()
        x = torch.nn.functional.interpolate(
            x / 255, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False
        )
        shown = {"pixel_values": (x.clamp(0, 1) - mean) / sd}
        if patches:  # ViT-MAE shuffles even what it does not mask, by this noise
            shown["noise"] = torch.linspace(0, 1, patches, device=place).expand(len(x), -1)
        found = network(**shown, output_hidden_states=True)
        parts.append([layer.mean(1).cpu().numpy() for layer in found.hidden_states[1:]])
    return [np.concatenate(pieces).astype(np.float32) for pieces in zip(*parts, strict=True)]


@torch.no_grad()
def of_passages(
    network: torch.nn.Module,
    folder: Path,
    shown: list[str],
    place: torch.device,
    progress: Progress = iter_plainly,
) -> list[np.ndarray]:
    """Return layers for passages, one at a time: no padding, which would enter the mean.

    Parameters
    ----------
    network
        A model of transformers that returns hidden states.
    folder
        With the model's tokenizer.

    Returns
    -------
    Layers, float32 (passages, width), each the mean over a passage's tokens.
    """
    from transformers import AutoTokenizer

    with reading(folder, "the tokenizer of the model"):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    rows = []
    for passage in progress(shown, desc="passages"):
        tokens = tokenizer(passage, return_tensors="pt").to(place)
        found = network(**tokens, output_hidden_states=True)
        rows.append([layer[0].mean(0).cpu().numpy() for layer in found.hidden_states[1:]])
    return [np.stack(layer).astype(np.float32) for layer in zip(*rows, strict=True)]
