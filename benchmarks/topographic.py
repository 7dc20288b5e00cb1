"""Topographic networks against a plain implementation, and Moran's I against esda; one run.

    python benchmarks/topographic.py [--fast] [--device cuda] [--width 64] [--precision bf16] [--out FILE]

(a) `views`: batches of two augmented views of each image, (b) `epoch`: training with them, for
cross-entropy (one view) and SupCon (two): the study's own batches and step against a DataLoader
with torchvision's transforms on PIL images, torch's Adam, and both losses' gradients by autograd.
Both train the same network from the same initial weights. (c) `moran`: 10,000 maps of 16 x 16 at
once against libpysal's spatial lag of all maps and against one call of esda per map; exit status 1
when they differ by more than 1e-9. `comparisons` holds (c) alone: the peer of (a) and (b) is a plain
one, not the strongest, and two views are never the same numbers.

On the CPU each side has one thread; on a GPU the DataLoader has `--workers` processes. Images are
made up: time does not depend on them. The clock of (a) and (b) is the wall's; `cpu_seconds` are those
of this process, which another load on the machine does not change.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import comparison, machine, race, versions, write
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from papers.topographic.conditions import conditions
from papers.topographic.images import Labelled
from papers.topographic.learner import Topographic
from papers.topographic.network import Network
from papers.topographic.objectives import VIEWS, task_loss
from papers.topographic.sheet import neighbour_pairs
from papers.topographic.train import batches
from papers.topographic.training_settings import Settings
from replicortex.analysis.grid import grid_weights
from replicortex.analysis.moran import morans_i
from replicortex.core.config import paper_numbers
from replicortex.core.randomness import generator, torch_generator
from replicortex.training import device as devices

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-9
OBJECTIVES = ("ce", "supcon")
FULL = {"images": 2048, "batch": 512, "repeats": 3, "maps": 10_000}
FAST = {"images": 64, "batch": 32, "repeats": 1, "maps": 200}


def settings(objective: str, width: int, batch: int, precision: str) -> Settings:
    """Return the paper's settings of an objective at rho 0.2, with another width and batch."""
    changes = {"network": {"width": width}, "training": {"batch": batch, "precision": precision}}
    numbers = paper_numbers("topographic", "full", changes, ROOT)
    return Settings.model_validate(conditions(numbers)[f"main/{objective}/rho0.2"]["settings"])


def pictures(count: int) -> Labelled:
    """Return made-up images and labels of CIFAR's shapes."""
    rng = generator(0, "pictures")
    coarse = rng.integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)
    return Labelled(coarse.repeat(4, 1).repeat(4, 2), rng.integers(0, 10, count))


class Plain(Dataset):
    """PIL images and torchvision's transforms, one image at a time."""

    def __init__(self, part: Labelled, own: Settings, views: int) -> None:
        numbers, training = own.objective.views.model_dump(), own.training.model_dump()
        jitter, blur = numbers["jitter"], numbers["blur"]
        steps: list[Any] = [
            transforms.RandomResizedCrop(32, scale=tuple(numbers["scale"])),
            transforms.RandomHorizontalFlip(numbers["flip"]),
        ]
        if jitter["p"]:
            names = ("brightness", "contrast", "saturation", "hue")
            change = transforms.ColorJitter(*(jitter[name] for name in names))
            steps.append(transforms.RandomApply([change], jitter["p"]))
        if numbers["grey"]:
            steps.append(transforms.RandomGrayscale(numbers["grey"]))
        if blur["p"]:
            softer = transforms.GaussianBlur(3, tuple(blur["sigma"]))
            steps.append(transforms.RandomApply([softer], blur["p"]))
        steps += [transforms.ToTensor(), transforms.Normalize(training["mean"], training["sd"])]
        self.transform = transforms.Compose(steps)
        self.pictures = [Image.fromarray(image) for image in part.images]
        self.labels, self.views = part.labels.tolist(), views

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[list[torch.Tensor], int]:
        made = [self.transform(self.pictures[index]) for _ in range(self.views)]
        return made, self.labels[index]


def plain_batches(loader: DataLoader, device: torch.device) -> Iterator[tuple]:
    """Yield views (views * batch, 3, 32, 32) and labels on the device."""
    for views, labels in loader:
        yield (
            torch.cat(views).to(device, non_blocking=True),
            labels.to(device, non_blocking=True),
        )


def plain_epoch(
    objective: str, own: Settings, loader: DataLoader, device: torch.device
) -> Callable[[], None]:
    """Return an epoch of the training that one would write first."""
    network = Network(own.network, objective, 0).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=own.training.lr)
    first, second = (ends.to(device) for ends in neighbour_pairs(own.network.side))
    encoder = list(network.sheet.parameters())
    numbers, share, balance = own.objective, own.network.dropout, own.balance

    def epoch() -> None:
        network.train()
        mean = None
        for images, labels in plain_batches(loader, device):
            optimiser.zero_grad()
            with devices.precision(device, own.training.precision):
                sheet = network(images)
                factors = F.dropout(torch.ones_like(sheet), share)
                task = task_loss(objective, network.head(sheet, factors), labels, numbers)
            weight = network.sheet.weight
            near = (weight[first] - weight[second]).norm(dim=1).mean()
            for_task = torch.autograd.grad(task, encoder, retain_graph=True)
            for_near = torch.autograd.grad(near, [weight], retain_graph=True)
            size = torch.cat([slope.flatten() for slope in for_task]).norm()
            wanted = float(0.2 * size / (for_near[0].norm() + balance.eps))
            wanted = min(wanted, balance.largest)
            mean = wanted if mean is None else mean + balance.beta * (wanted - mean)
            (task + mean * near).backward()
            optimiser.step()

    return epoch


def our_epoch(
    objective: str, own: Settings, part: Labelled, device: torch.device
) -> Callable[[], None]:
    """Return an epoch as the study trains."""
    learner = Topographic(objective, own, 0.2, 0, device)
    made = batches(part, own, 0, VIEWS[objective], device)
    count = iter(range(10_000))

    def epoch() -> None:
        number = next(count)
        draws = made.draw(number)
        for step in range(len(made)):
            images, labels = made.get(draws, step)
            with devices.precision(device, own.training.precision):
                learner.step(images, labels, lambda name, s=step: torch_generator(0, name, s))

    return epoch


def rates(
    ways: dict[str, Callable[[], Any]], images: int, repeats: int, device: torch.device
) -> dict[str, Any]:
    """Time ways in turn, once unmeasured; images per second, from the fastest repeat."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    seconds: dict[str, list[float]] = {name: [] for name in ways}
    used: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, way in ways.items():
            wait()
            start, before = time.perf_counter(), time.process_time()
            way()
            wait()
            if repeat:
                seconds[name].append(round(time.perf_counter() - start, 4))
                used[name].append(round(time.process_time() - before, 4))
    found: dict[str, Any] = {"seconds": seconds, "cpu_seconds": used}
    found["images_per_second"] = {name: round(images / min(s)) for name, s in seconds.items()}
    found["times_faster"] = round(min(seconds["plain"]) / min(seconds["ours"]), 2)
    found["times_less_cpu"] = round(min(used["plain"]) / min(used["ours"]), 2)
    return found


def training(
    sizes: dict[str, int], width: int, precision: str, device: torch.device, workers: int
) -> dict[str, Any]:
    """Time views and epochs."""
    part = pictures(sizes["images"])
    found: dict[str, Any] = {"views": {}, "epoch": {}}
    for objective in OBJECTIVES:
        own = settings(objective, width, sizes["batch"], precision)
        views = VIEWS[objective]
        loader = DataLoader(
            Plain(part, own, views),
            batch_size=sizes["batch"],
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
        )
        made = batches(part, own, 0, views, device)

        def ours(made: Any = made) -> None:
            draws = made.draw(0)
            for step in range(len(made)):
                made.get(draws, step)

        def plain(loader: DataLoader = loader) -> None:
            for _ in plain_batches(loader, device):
                pass

        ways = {"ours": ours, "plain": plain}
        found["views"][objective] = rates(ways, sizes["images"], sizes["repeats"], device)
        ways = {
            "ours": our_epoch(objective, own, part, device),
            "plain": plain_epoch(objective, own, loader, device),
        }
        found["epoch"][objective] = rates(ways, sizes["images"], sizes["repeats"], device)
    return found


def moran(sizes: dict[str, int]) -> dict[str, Any]:
    """Time Moran's I of many maps: esda's, map by map, and libpysal's spatial lag of all at once."""
    import esda
    from libpysal.weights import lag_spatial, lat2W

    maps = generator(0, "maps").normal(size=(sizes["maps"], 16, 16))
    maps = (maps + np.roll(maps, 1, 1) + np.roll(maps, 1, 2)).reshape(len(maps), -1)
    lattice, rook = lat2W(16, 16, rook=True), grid_weights(16)
    lattice.transform = "B"

    def lagged() -> np.ndarray:
        z = (maps - maps.mean(1, keepdims=True)).T
        return len(z) / lattice.s0 * (z * lag_spatial(lattice, z)).sum(0) / (z * z).sum(0)

    def each() -> np.ndarray:
        one_by_one = (
            esda.Moran(one, lattice, transformation="B", permutations=0).I for one in maps
        )
        return np.array(list(one_by_one))

    ways = {"ours": lambda: morans_i(maps, rook), "libpysal": lagged, "esda": each}
    found, used = race(ways, sizes["repeats"])
    differences = {
        name: float(np.abs(found["ours"] - found[name]).max()) for name in ("libpysal", "esda")
    }
    rows = [
        comparison(
            f"Moran's I of {len(maps):,} maps of 16 x 16",
            peer={"name": name, "version": versions(name)[name], "options": options},
            ours=used["ours"],
            theirs=used[name],
            tolerance=TOLERANCE,
            difference=differences[name],
        )
        for name, options in (
            ("libpysal", "lag_spatial of all maps at once"),
            ("esda", "Moran(permutations=0), map by map"),
        )
    ]
    return {
        "cpu_seconds": used,
        "times_faster": rows[-1]["ratio"],
        "largest_difference": max(differences.values()),
        "comparisons": rows,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="a few seconds, to see that it works")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--width", type=int, default=None, help="16 on the CPU, 64 on a GPU")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--workers", type=int, default=None, help="0 on the CPU, 8 on a GPU")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    device = devices.choose(options.device)
    on_gpu = device.type == "cuda"
    sizes = FAST if options.fast else FULL
    width = options.width or (4 if options.fast else 64 if on_gpu else 16)
    workers = options.workers if options.workers is not None else (8 if on_gpu else 0)
    torch.set_num_threads(1)
    about_moran = moran(sizes)
    report = {
        "fast": options.fast,
        "comparisons": about_moran.pop("comparisons"),
        "machine": machine() | ({"gpu": torch.cuda.get_device_name()} if on_gpu else {}),
        "versions": versions("torch", "torchvision", "numpy", "pillow", "esda", "libpysal"),
        "threads": 1,
        "device": options.device,
        "precision": options.precision,
        "width": width,
        "workers": workers,
        "sizes": sizes,
        **training(sizes, width, options.precision, device, workers),
        "moran": about_moran,
    }
    write(options.out, report)
    for what in ("views", "epoch"):
        for objective, found in report[what].items():
            rate = found["images_per_second"]
            print(
                f"{what:6} {objective:7} {rate['ours']:6d} against {rate['plain']:6d} images/s: "
                f"{found['times_faster']} times"
            )
    for row in report["comparisons"]:
        print(f"{row['work']}: {row['ratio']} times {row['peer']['name']}")
    found = report["moran"]
    return 0 if found["largest_difference"] <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
