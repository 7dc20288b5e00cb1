"""Five seeds in one process against one process after the other with a plain DataLoader loop.

    python benchmarks/training.py [--fast] [--device cuda] [--out FILE]

What is compared, for each seed: (a) `packed`: `train` once for all seeds; (b) `separate`: `train`
once per seed, each in a new process, as with `seeds_per_job: 1`; (c) `plain`: one new process per
seed with torch's DataLoader, per-image torchvision transforms and the rule's step written as the
author has it. Outputs of (a) and (b) must be equal byte for byte on the CPU. (c) draws differently,
so that only its accuracy can be compared.

Images are made up (CIFAR's shapes, packed as JPEG as the small data set has them): time does not
depend on them. Each timing starts a process, so that start-up and decoding count.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import common

ROOT = Path(__file__).resolve().parent.parent
SEEDS = [42, 123, 456, 789, 1337]


def settings(fast: bool, device: str) -> dict[str, Any]:
    """Return the numbers of a timing: the paper's, with fewer images and epochs."""
    import yaml

    text = (ROOT / "config" / "papers" / "learning_rules.yaml").read_text()
    numbers = yaml.safe_load(text)
    numbers["training"] |= {
        "images": 1024 if fast else 8000,
        "epochs": 1 if fast else 2,
        "checkpoints": [0, 1 if fast else 2],
        "test_images": 500 if fast else 2000,
        "fill_batches": 1,
    }
    return numbers | {"device": device, "stored": 2500 if fast else 50000}


def store(folder: Path, count: int) -> None:
    """Write made-up images as packed JPEGs, in the layout of the small data set."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for split, number in (("train", count), ("test", min(count, 10000))):
        labels = random.integers(0, 10, number)
        colours = np.random.default_rng(1).integers(40, 216, (10, 1, 1, 3))
        content, offsets = io.BytesIO(), [0]
        for label in labels:
            coarse = random.normal(0, 30, (8, 8, 3)).repeat(4, 0).repeat(4, 1)
            picture = (colours[label] + coarse).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(content, "JPEG", quality=95)
            offsets.append(content.tell())
        np.savez(
            folder / f"{split}.npz",
            jpeg=np.frombuffer(content.getvalue(), np.uint8),
            offsets=np.array(offsets),
            labels=labels.astype(np.uint8),
            classes=np.array([f"class {n}" for n in range(10)]),
        )


# Jobs, each in a process of its own


def builder(kind: str) -> Any:
    """Return what builds the learner of a kind of rule."""
    return import_module(f"papers.learning_rules.learners.{kind}").build


def sections(rule: str, numbers: dict[str, Any]) -> dict[str, Any]:
    """Return the sections of the configuration that a training reads, typed."""
    from pydantic import TypeAdapter

    from papers.learning_rules.schema import AnyRule
    from papers.learning_rules.settings.network import NetworkSettings
    from papers.learning_rules.settings.training import TrainingSettings

    return {
        "settings": TypeAdapter(AnyRule).validate_python(numbers["rules"][rule]),
        "network": NetworkSettings(**numbers["network"]),
        "training": TrainingSettings(**numbers["training"]),
    }


def ours(folder: Path, rule: str, seeds: list[int], numbers: dict[str, Any]) -> dict[str, Any]:
    """Train with the study's own code; return digests of its outputs and accuracies."""
    import torch

    from papers.learning_rules.train import train_arrays
    from replicortex.core.files import write
    from replicortex.data.cifar import read_packed
    from replicortex.training import device as devices

    torch.set_num_threads(1)
    place = devices.choose(numbers["device"])
    out = train_arrays(
        builder(numbers["rules"][rule]["kind"]),
        train=read_packed(folder / "train.npz")[:2],
        test=read_packed(folder / "test.npz")[:2],
        rule=rule,
        **sections(rule, numbers),
        device=place,
        seeds=seeds,
    )
    found = {}
    for seed, model, history in zip(seeds, out["model"], out["history"], strict=True):
        digest = hashlib.sha256()
        for name, value in (("model.safetensors", model), ("history.csv", history)):
            path = folder / f"{seed}-{os.getpid()}-{name}"
            write(path, value)
            digest.update(path.read_bytes())
            path.unlink()
        accuracy = float(history["test_accuracy"].iloc[-1])
        found[str(seed)] = {"sha256": digest.hexdigest(), "test_accuracy": accuracy}
    return found


def plain(folder: Path, rule: str, seeds: list[int], numbers: dict[str, Any]) -> dict[str, Any]:
    """Train by the loop that one would write first; backpropagation only."""
    import numpy as np
    import torch
    from PIL import Image
    from torch import nn
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, Dataset, Subset
    from torchvision import transforms

    torch.set_num_threads(1)
    training, rule_ = numbers["training"], numbers["rules"][rule]
    device = torch.device(numbers["device"])
    normal = transforms.Normalize(training["mean"], training["sd"])
    augmented = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(32, padding=4),
            transforms.ToTensor(),
            normal,
        ]
    )

    class Pictures(Dataset):
        def __init__(self, path: Path, transform: Any) -> None:
            with np.load(path) as packed:
                jpeg, ends = packed["jpeg"].tobytes(), packed["offsets"]
                self.labels = packed["labels"].astype(int).tolist()
            self.pictures = [
                Image.open(io.BytesIO(jpeg[a:b])).convert("RGB") for a, b in pairwise(ends)
            ]
            self.transform = transform

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return self.transform(self.pictures[index]), self.labels[index]

    def block(inner: int, outer: int) -> nn.Sequential:
        conv = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outer), nn.ReLU(), nn.MaxPool2d(2))

    found = {}
    for seed in seeds:
        torch.manual_seed(seed)
        data = Pictures(folder / "train.npz", augmented)
        chosen = torch.randperm(len(data))[: training["images"]].tolist()
        # One thread of computation for each contestant: no workers beside it.
        loader = DataLoader(
            Subset(data, chosen), batch_size=training["batch"], shuffle=True, drop_last=True
        )
        net = nn.Sequential(
            block(3, 32),
            block(32, 64),
            block(64, 128),
            nn.Flatten(),
            nn.Linear(2048, 512),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(512, 10),
        ).to(device)
        optimiser = torch.optim.Adam(
            net.parameters(), lr=rule_["lr"], weight_decay=rule_["weight_decay"]
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training["epochs"])
        for _ in range(training["epochs"]):
            net.train()
            total, right = 0.0, 0
            for images, labels in loader:
                images, labels = images.to(device), labels.to(device)
                optimiser.zero_grad()
                loss = F.cross_entropy(net(images), labels)
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), rule_["clip"])
                optimiser.step()
                with torch.no_grad():
                    total += loss.item()
                    right += (net(images).argmax(1) == labels).sum().item()
            schedule.step()
        net.eval()
        test = Pictures(folder / "test.npz", transforms.Compose([transforms.ToTensor(), normal]))
        shown = Subset(test, range(training["test_images"]))
        with torch.no_grad():
            right = sum(
                int((net(images.to(device)).argmax(1).cpu() == labels).sum())
                for images, labels in DataLoader(shown, batch_size=500)
            )
        found[str(seed)] = {"test_accuracy": right / len(shown)}
    return found


def rates(folder: Path, rules: list[str], numbers: dict[str, Any]) -> dict[str, Any]:
    """Return images per second of each rule's step (median), batches included, one thread."""
    import torch

    from papers.learning_rules import train as module
    from replicortex.data.cifar import read_packed
    from replicortex.training import device as devices
    from replicortex.training.loop import _streams

    torch.set_num_threads(1)
    place = devices.choose(numbers["device"])
    data = read_packed(folder / "train.npz")[:2]
    test = tuple(torch.from_numpy(part[:10]).to(place) for part in data)
    found = {}
    for rule in rules:
        build = builder(numbers["rules"][rule]["kind"])
        setup = module.Setup(build, **sections(rule, numbers), device=place)
        made = module._make(setup, 42, rule, data, test)
        draws = made.batches.draw(0)
        seconds = []
        for number in range(8):
            if place.type == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            batch = made.batches.get(draws, number % len(made.batches))
            made.learner.step(*batch, _streams(42, 0, number))
            if place.type == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
        # The first two warm up.
        found[rule] = round(numbers["training"]["batch"] / statistics.median(seconds[2:]))
    return found


def timed(
    job: str, folder: Path, what: list, numbers: dict[str, Any]
) -> tuple[dict[str, float], dict]:
    """Run one job in a new process; return its seconds and its answer."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT / "workflow"),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    request = json.dumps([job, str(folder), what, numbers])
    start, before = time.perf_counter(), _cpu_seconds()
    done = subprocess.run(
        [sys.executable, __file__, "--job"],
        input=request,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds = {"wall": time.perf_counter() - start, "cpu": _cpu_seconds() - before}
    return seconds, json.loads(done.stdout.splitlines()[-1])


def _cpu_seconds() -> float:
    """Seconds of computation by ended child processes: what a busy machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(folder: Path, numbers: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Time the three ways of training five seeds."""
    ways = {
        "packed": ("ours", [SEEDS]),
        "separate": ("ours", [[seed] for seed in SEEDS]),
        "plain": ("plain", [[seed] for seed in SEEDS]),
    }
    found: dict[str, Any] = {name: {"wall": [], "cpu": []} for name in ways}
    answers: dict[str, dict] = {}
    for job in ("ours", "plain"):
        timed(job, folder, ["bp", SEEDS[:1]], numbers)  # warms the disk's caches
    for _ in range(repeats):
        for name, (job, packs) in ways.items():
            each = [timed(job, folder, ["bp", pack], numbers) for pack in packs]
            for clock in ("wall", "cpu"):
                found[name][clock].append(round(sum(part[clock] for part, _ in each), 2))
            answers[name] = {seed: value for _, answer in each for seed, value in answer.items()}
    report: dict[str, Any] = {
        "identical": answers["packed"] == answers["separate"],
        "seconds": found,
    }
    report["test_accuracy"] = {
        name: [answer[str(seed)]["test_accuracy"] for seed in SEEDS]
        for name, answer in answers.items()
    }
    for clock in ("wall", "cpu"):
        least = {name: min(found[name][clock]) for name in ways}
        report[f"times_faster_packed_{clock}"] = {
            name: round(least[name] / least["packed"], 2) for name in ("separate", "plain")
        }
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="few images, one repeat")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file; the screen unless given")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job, folder, what, numbers = json.load(sys.stdin)
        if job == "rates":
            answer = rates(Path(folder), what, numbers)
        else:
            answer = {"ours": ours, "plain": plain}[job](Path(folder), *what, numbers)
        print(json.dumps(answer))
        return 0
    numbers = settings(options.fast, options.device)
    repeats = 1 if options.fast else options.repeats
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store(folder, numbers["stored"])
        report = {
            "machine": common.machine(),
            "versions": common.versions("torch", "torchvision", "numpy"),
            "threads": 1,
            "device": options.device,
            "training": numbers["training"],
            "seeds": SEEDS,
            "repeats": repeats,
            "images_per_second": timed("rates", folder, list(numbers["rules"]), numbers)[1],
            "five_seeds_bp": compare(folder, numbers, repeats),
        }
    if options.out:
        common.write(options.out, report)
    else:
        print(json.dumps(report, indent=2))
    for rule, rate in report["images_per_second"].items():
        print(f"{rule:14} {rate:6d} images/s", file=sys.stderr)
    five = report["five_seeds_bp"]
    for name, seconds in five["seconds"].items():
        wall, cpu = min(seconds["wall"]), min(seconds["cpu"])
        print(f"{name:14} {wall:6.1f} s, {cpu:6.1f} s of one core", file=sys.stderr)
    print(f"identical outputs packed and separate: {five['identical']}", file=sys.stderr)
    return 0 if five["identical"] or options.device == "cuda" else 1


if __name__ == "__main__":
    sys.exit(main())
