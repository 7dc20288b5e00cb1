"""Models of transformers, from files that are there: layers for passages and for pictures.

Nothing is downloaded. Llama, Qwen and their like (also from a GGUF file, whose rounded weights are
read as float32), BERT, DINOv2, ViT-MAE.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch

from replicortex.core.errors import StudyError, nearest
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.reading import reading
from replicortex.models.layer_responses import VisionNetwork

# Kind of model, as its description says it -> what it is shown.
KINDS = {
    "dinov2": "pictures",
    "vit_mae": "pictures",
    "llama": "passages",
    "qwen2": "passages",
    "bert": "passages",
}
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, which DINOv2 and MAE use
SIDE = 224  # pixels


def load(
    folder: Path, place: torch.device, *, gguf: str | None = None, predicts: bool = False
) -> tuple[torch.nn.Module, str]:
    """Return a model in evaluation, float32, and its kind.

    Parameters
    ----------
    folder
        With config.json and weights as safetensors, or with a GGUF file.
    place
        Device.
    gguf
        Name of the GGUF file, if it is one.
    predicts
        Whether it is wanted with its output, which predicts the next token.

    Raises
    ------
    StudyError
        When it is of no kind that is known here, is damaged, or lacks weights.
    """
    import transformers
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    quiet: Any = transformers.utils.logging  # of whose functions some have no types
    quiet.disable_progress_bar()
    quiet.set_verbosity_error()  # of tensors that are not asked for, such as MAE's decoder; lost ones: below
    found: dict[str, Any] = {"local_files_only": True}
    if gguf is not None:
        found["gguf_file"] = gguf
    described = folder / (gguf or "config.json")
    with reading(described, "the description of a model of transformers"):
        chosen = AutoConfig.from_pretrained(folder, **found)
    kind = chosen.model_type
    if kind not in KINDS:
        raise StudyError(f"{folder}: found a {kind}{nearest(kind, KINDS)}")
    if kind == "vit_mae":
        chosen.mask_ratio = 0.0  # every patch is seen
    maker: Any = AutoModelForCausalLM if predicts else AutoModel
    # The bar of a GGUF file's tensors asks no setting, and a faulty file raises.
    silent = redirect_stderr(io.StringIO()) if gguf else nullcontext()
    with reading(folder / gguf if gguf else folder, f"the weights of a {kind}"), silent:
        network, info = maker.from_pretrained(
            folder,
            config=chosen,
            dtype=torch.float32,
            output_loading_info=True,
            **({} if gguf else {"use_safetensors": True}),
            **found,
        )
    # What a file lacks, transformers draws at random.
    lost = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if lost:
        raise StudyError(f"{folder}: its weights lack '{lost[0]}' of a {kind}")
    return network.eval().to(place), kind


def drawn(network: torch.nn.Module) -> torch.nn.Module:
    """Return a model of the same form, its weights drawn from torch's current stream as before training."""
    form: Any = network
    fresh: torch.nn.Module = type(form)(form.config)
    return fresh.eval().to(form.device)


def tokenizer(folder: Path, *, gguf: str | None = None) -> Any:
    """Return the tokenizer that lies with a model.

    Raises
    ------
    StudyError
        When there is none, or it is damaged.
    """
    from transformers import AutoTokenizer

    found = {} if gguf is None else {"gguf_file": gguf}
    with reading(folder / gguf if gguf else folder, "the tokenizer of the model"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, **found)


@torch.inference_mode()
def stream(
    network: torch.nn.Module, tokens: Any, passages: Iterable[str], place: torch.device
) -> Iterator[list[np.ndarray]]:
    """Yield each passage's layers, float32 (width,): the mean over its tokens after each block.

    One passage at a time: padding would enter the mean. The last layer is what the final norm gives,
    as transformers has it; what precedes the first block is no layer.

    Parameters
    ----------
    network, tokens
        As `load` and `tokenizer` give them.
    passages
        Texts; they may be read as they are asked for.
    place
        Device of the network.

    Raises
    ------
    StudyError
        When a passage has no token, or an answer is not finite.
    """
    for passage in passages:
        given = tokens(passage, return_tensors="pt").to(place)
        if given["input_ids"].shape[1] == 0:
            raise StudyError(f"passage '{passage[:40]}': has no token")
        states = network(**given, output_hidden_states=True).hidden_states[1:]
        found = [state[0].mean(0).float().cpu().numpy() for state in states]
        if not all(np.isfinite(layer).all() for layer in found):
            raise StudyError(f"passage '{passage[:40]}': answers are NaN or infinite")
        yield found


def responses(
    network: torch.nn.Module,
    tokens: Any,
    passages: list[str],
    place: torch.device,
    progress: Progress = iter_plainly,
) -> list[np.ndarray]:
    """Return layers for passages, float32 (passages, width) each. See `stream`."""
    tracked = progress(passages, desc="passages")
    rows = list(stream(network, tokens, tracked, place))
    return [np.stack(layer) for layer in zip(*rows, strict=True)]


@torch.inference_mode()
def loss(network: torch.nn.Module, tokens: Any, passage: str, place: torch.device) -> float:
    """Return nats per token of a passage, from its second token on; exp of it is the perplexity.

    Parameters
    ----------
    network
        As `load(..., predicts=True)` gives it.
    """
    given = tokens(passage, return_tensors="pt").to(place)
    return float(network(**given, labels=given["input_ids"]).loss)


class Tokens:
    """A vision transformer's layers: its tokens after each block, (n, width, tokens, 1), in their order.

    Of `layer_responses` only the mean over places (grid 1) is a mean over the picture: the class token
    counts as a place.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        settings: Any = getattr(network, "config", None)
        # ViT-MAE (He et al. 2022) shuffles even what it does not mask, by this noise.
        masked = getattr(settings, "model_type", "") == "vit_mae"
        self.patches = (SIDE // settings.patch_size) ** 2 if masked else 0
        self.depth = getattr(settings, "num_hidden_layers", None)

    @property
    def layers(self) -> list[str]:
        """Names of the layers: block0, block1, ..."""
        return [f"block{n}" for n in range(self.depth or 0)]

    def walk(self, images: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and tokens of each layer; the state that precedes the first block is none."""
        given: dict[str, Any] = {"pixel_values": images}
        if self.patches:
            order = torch.linspace(0, 1, self.patches, device=images.device)
            given["noise"] = order.expand(len(images), -1)
        found = self.network(**given, output_hidden_states=True)
        for number, state in enumerate(found.hidden_states[1:]):
            yield f"block{number}", state.transpose(1, 2)[..., None]


def vision(network: torch.nn.Module) -> VisionNetwork:
    """Return a vision transformer as `layer_responses` reads networks."""
    return VisionNetwork(Tokens(network), SIDE, MEAN, SD)
