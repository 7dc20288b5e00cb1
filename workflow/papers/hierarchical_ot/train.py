"""Training and layers of every system, for each seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from replicortex.data import cifar, macaque_v4, python_topics, tiny_llm
from replicortex.data import manifest as manifests
from replicortex.errors import StudyError
from replicortex.files import Tensors
from replicortex.progress import Progress, iter_plainly
from replicortex.randomness import generator, stream_seed

SESSIONS = ("210322", "210325")


def train(
    images: Path,
    text: Path,
    recordings: Path,
    vision: dict,
    language: dict,
    seeds: list[int],
    resnets: Path | None = None,
    tiny: Path | None = None,
    device: str = "cpu",
    progress: Progress = iter_plainly,
) -> dict:
    """Train all networks of each seed and return every system's layers and a history.

    Layers are named `<domain>/<system>/<layer>` or `checkpoint/<epoch>/<layer>`, float32
    (stimuli, units).
    """
    shown = _stimuli(images, text, recordings, vision, language)
    activations, history = [], []
    for seed in seeds:
        layers, rows = dict(shown["neurons"]), []
        fixed(layers, shown, resnets, tiny)
        for name, chosen in progress(list(vision["networks"].items()), desc="images"):
            rows += _learn_images(layers, shown, name, chosen, vision, seed, device)
        for name, chosen in progress(list(language["models"].items()), desc="text"):
            rows += _learn_text(layers, shown, name, chosen, language, seed, device)
        activations.append(Tensors(layers))
        history.append(pd.DataFrame(rows).assign(seed=seed))
    return {"activations": activations, "history": history}


def _stimuli(images: Path, text: Path, recordings: Path, vision: dict, language: dict) -> dict:
    from PIL import Image

    pictures, labels, _ = cifar.read(images, "train")
    chosen = generator(0, "training images").permutation(len(labels))[: vision["train_images"]]
    tests, test_labels, _ = cifar.read(images, "test")
    seen = generator(0, "stimuli").permutation(len(test_labels))[: vision["stimuli"]]
    passages = python_topics.passages(python_topics.read(text), language["context"])
    order = generator(0, "passages").permutation(len(passages))
    held = order[: language["stimuli"]]
    if len(held) == len(passages):
        raise StudyError(f"{len(passages)} passages: all are stimuli, none is left for training")
    neurons = {}
    (one, counts1), (two, counts2) = (macaque_v4.read(recordings, s) for s in SESSIONS)
    here, there = macaque_v4.shared(one, two)
    neurons[f"v4/v4_{SESSIONS[0]}/0"] = counts1[here].astype(np.float32)
    neurons[f"v4/v4_{SESSIONS[1]}/0"] = counts2[there].astype(np.float32)
    small = [np.asarray(Image.fromarray(one[n]).resize((32, 32), Image.BOX)) for n in here]
    return {
        "train": (pictures[chosen], labels[chosen]),
        "vision": (tests[seen], test_labels[seen]),
        "v4": np.stack(small),
        "learned": [passages[n] for n in order[language["stimuli"] :]],
        "language": [passages[n] for n in held],
        "neurons": neurons,
    }


def fixed(layers: dict, shown: dict, resnets: Path | None, tiny: Path | None) -> None:
    """Add the layers of networks that others trained."""
    if resnets:
        from papers.hierarchical_ot.networks import prepare, trained_resnet

        dataset = manifests.load(resnets)
        for depth in (20, 56):
            file = next(f for f in dataset.files if f.startswith(f"resnet{depth}-"))
            network = trained_resnet(dataset.path(file), depth)
            put(layers, f"vision/resnet{depth}", network, prepare(shown["vision"][0]))
    if tiny:
        model = tiny_llm.read(tiny)
        found = []
        for passage in shown["language"]:
            tokens, spans = model.encode(passage)
            stream, _ = model.run([tiny_llm.START, *tokens])
            # Means over characters: each token counts as often as it has characters.
            weight = np.array([0, *(end - start for start, end in spans)], dtype=float)
            found.append(np.tensordot(stream, weight / weight.sum(), axes=(1, 0)))
        for number, layer in enumerate(np.stack(found, axis=1)):
            layers[f"language/stories260k/{number}"] = layer.astype(np.float32)


def put(layers: dict, name: str, network, x) -> None:
    """Add a network's layers for inputs x under `name`."""
    import torch

    network.eval()
    parts: list[list[np.ndarray]] = []
    with torch.no_grad():
        for batch in x.split(250):
            parts.append([layer.cpu().numpy() for layer in network(batch)[0]])
    for number, pieces in enumerate(zip(*parts, strict=True)):
        layers[f"{name}/{number}"] = np.concatenate(pieces).astype(np.float32)
    network.train()


def _learn_images(layers, shown, name, chosen, vision, seed, device) -> list[dict]:
    import torch
    from torch.nn import functional as F

    from papers.hierarchical_ot.networks import build, prepare

    torch.manual_seed(stream_seed(seed, "weights", name))
    network = build(**chosen).to(device)
    x, labels = prepare(shown["train"][0]).to(device), torch.as_tensor(shown["train"][1]).to(device)
    test, test_labels = prepare(shown["vision"][0]).to(device), shown["vision"][1]
    steps = vision["epochs"] * -(-len(x) // vision["batch"])
    optimiser = torch.optim.AdamW(network.parameters(), lr=vision["lr"], weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, vision["lr"], steps)
    followed = name == vision["followed"]
    rows = []
    for epoch in range(vision["epochs"] + 1):
        if followed and epoch in vision["checkpoints"]:
            put(layers, f"checkpoint/{epoch}", network, test)
        if epoch == vision["epochs"]:
            break
        order = torch.as_tensor(generator(seed, "order", name, epoch).permutation(len(x)))
        total = 0.0
        for batch in order.split(vision["batch"]):
            loss = F.cross_entropy(network(x[batch])[1], labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss) * len(batch) / len(x)
        rows.append({"system": name, "epoch": epoch + 1, "loss": total})
    put(layers, f"vision/{name}", network, test)
    put(layers, f"v4/{name}", network, prepare(shown["v4"]).to(device))
    network.eval()
    with torch.no_grad():
        guess = torch.cat([network(b)[1].argmax(1) for b in test.split(250)]).cpu().numpy()
    rows[-1]["accuracy"] = float((guess == test_labels).mean())
    return rows


def _learn_text(layers, shown, name, chosen, language, seed, device) -> list[dict]:
    import torch
    from torch.nn import functional as F

    from papers.hierarchical_ot.networks import Transformer, letters

    torch.manual_seed(stream_seed(seed, "weights", name))
    network = Transformer(**chosen, context=language["context"]).to(device)
    x, held = letters(shown["learned"]).to(device), letters(shown["language"]).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=language["lr"], weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, language["lr"], language["steps"])
    random = generator(seed, "passages", name)
    total = 0.0
    for _ in range(language["steps"]):
        batch = x[torch.as_tensor(random.integers(len(x), size=language["batch"]))]
        told = network(batch[:, :-1])[1]
        loss = F.cross_entropy(told.flatten(0, 1), batch[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        total += float(loss) / language["steps"]
    put(layers, f"language/{name}", network, held)
    network.eval()
    with torch.no_grad():
        told = network(held[:, :-1])[1]
        test = float(F.cross_entropy(told.flatten(0, 1), held[:, 1:].flatten()))
    return [{"system": name, "epoch": 1, "loss": total, "held_out_loss": test}]
