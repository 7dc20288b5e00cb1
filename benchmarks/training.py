"""Trainings of the learning rules against plain loops and the fastest public CIFAR code; on the CPU.

    python benchmarks/training.py [--fast] [--device cuda] [--only steps rates seeds] [--out FILE]

(a) `steps`, one thread and two: batches, and batches with backpropagation's step, against torch's
DataLoader with torchvision's transforms and against batches made as airbench and hlb-CIFAR10 make
them, with torch's fused Adam; the same network from the same weights. Supervised predictive coding
against the same by autograd. Sides alternate, and the least of several counts. (b) `rates`: images per
second of each rule. (c) `seeds`: five seeds by one call of `train`, by one process each, and by one
process each of a plain loop. The first two must give the same bytes on the CPU; the third draws
otherwise, so that only its accuracy can be compared.

Images are made up (CIFAR's shapes, packed as JPEG as the small data set has them): time does not
depend on them. On the CPU one thread is timed by this process's CPU seconds, which another load changes
less than the wall's, and two threads by the wall's. Exit status 1 where two sides differ.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import common
import training_peers as peers

ROOT = Path(__file__).resolve().parent.parent
SEEDS = [42, 123, 456, 789, 1337]
AIRBENCH = "cifar10-airbench, airbench/utils.py"
SECTIONS = ("steps", "rates", "seeds")


def settings(fast: bool, device: str) -> dict[str, Any]:
    """Return the numbers of a timing: the paper's, with fewer images and epochs."""
    import yaml

    text = (ROOT / "config" / "papers" / "learning_rules.yaml").read_text()
    numbers = yaml.safe_load(text)
    numbers["training"] |= {
        "images": 64 if fast else 8000,
        "epochs": 1 if fast else 2,
        "checkpoints": [0, 1 if fast else 2],
        "test_images": 50 if fast else 2000,
        "fill_batches": 1,
    }
    if fast:
        numbers["training"]["batch"] = 16
    return numbers | {
        "device": device,
        "threads": 1,
        "stored": 100 if fast else 50000,
        "seeds": SEEDS[:2] if fast else SEEDS,
        "steps": 2 if fast else 6,
    }


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

    torch.set_num_threads(numbers["threads"])
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
    import torch

    from replicortex.data.cifar import read_packed

    torch.set_num_threads(numbers["threads"])
    training, rule_ = numbers["training"], numbers["rules"][rule]
    device = torch.device(numbers["device"])
    found = {}
    for seed in seeds:
        torch.manual_seed(seed)
        images, labels = read_packed(folder / "train.npz")[:2]
        chosen = torch.randperm(len(images))[: training["images"]].numpy()
        batches = peers.loader(images[chosen], labels[chosen], training)
        net = peers.network(numbers["network"]["dropout"]).to(device)
        optimiser = torch.optim.Adam(
            net.parameters(), lr=rule_["lr"], weight_decay=rule_["weight_decay"]
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training["epochs"])
        for _ in range(training["epochs"]):
            net.train()
            total, right = 0.0, 0
            for images_, labels_ in batches():
                loss, hits = peers.step(
                    net, optimiser, images_.to(device), labels_.to(device), rule_["clip"]
                )
                total, right = total + loss.item(), right + hits.item()
            schedule.step()
        net.eval()
        images, labels = (
            part[: training["test_images"]] for part in read_packed(folder / "test.npz")[:2]
        )
        shown = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        mean, sd = (torch.tensor(training[name])[:, None, None] for name in ("mean", "sd"))
        with torch.no_grad():
            scores = torch.cat(
                [net(part.to(device)).cpu() for part in ((shown - mean) / sd).split(500)]
            )
        right = int((scores.argmax(1) == torch.from_numpy(labels)).sum())
        found[str(seed)] = {"test_accuracy": right / len(labels)}
    return found


def least(ways: dict[str, Any], numbers: dict[str, Any], per: int = 1) -> dict[str, float]:
    """Return the least seconds of each way over `steps` rounds, sides in turn, after one unmeasured."""
    import torch

    clock = time.perf_counter
    if numbers["device"] == "cpu" and numbers["threads"] == 1:
        clock = time.process_time
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(numbers["steps"] + 1):
        for name, way in ways.items():
            start = clock()
            way()
            if numbers["device"] == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(clock() - start)
    return {name: min(times[1:]) / per for name, times in seconds.items()}


def steps(folder: Path, numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare batches and steps with peers'; seconds are of one batch."""
    import torch

    from papers.learning_rules.train import Setup
    from replicortex.core.randomness import torch_generator
    from replicortex.data.cifar import read_packed
    from replicortex.training import device as devices

    torch.set_num_threads(numbers["threads"])
    place, training = devices.choose(numbers["device"]), numbers["training"]
    data = read_packed(folder / "train.npz")[:2]
    few = training["images"]

    def setup(rule: str) -> Setup:
        build = builder(numbers["rules"][rule]["kind"])
        return Setup(build, **sections(rule, numbers), device=place)

    rule = numbers["rules"]["bp"]
    ours, batches = setup("bp").learner(42), setup("bp").batches(42, data)
    draws, count = batches.draw(0), iter(range(10**9))

    def our_batch() -> tuple:
        return batches.get(draws, next(count) % len(batches))

    def endless(epoch: Any) -> Any:
        while True:
            yield from epoch()

    sources = {
        "loader": endless(peers.loader(data[0][:few], data[1][:few], training)),
        "airbench": endless(peers.whole_epochs(data[0][:few], data[1][:few], training)),
    }
    nets, optimisers = {}, {}
    for name in sources:
        torch.manual_seed(0)
        nets[name] = peers.network(numbers["network"]["dropout"]).to(place)
        if name == "airbench":
            nets[name] = nets[name].to(memory_format=torch.channels_last)
        optimisers[name] = torch.optim.Adam(
            nets[name].parameters(),
            lr=rule["lr"],
            weight_decay=rule["weight_decay"],
            fused=name == "airbench",
        )
        copy_weights(ours.network, nets[name])
    streams = lambda purpose: torch_generator(0, purpose)  # noqa: E731

    def theirs(name: str) -> None:
        images, labels = (part.to(place) for part in next(sources[name]))
        peers.step(nets[name], optimisers[name], images, labels, rule["clip"])

    apart = gradients_apart(setup("bp"), nets["airbench"], our_batch(), rule["clip"])
    # A whole epoch of airbench's is prepared at its start: its share of a batch.
    rounds = len(batches)
    alone = least(
        {
            "ours": lambda: [our_batch() for _ in range(rounds)],
            **{
                name: lambda s=source: [next(s) for _ in range(rounds)]
                for name, source in sources.items()
            },
        },
        numbers | {"steps": 2},
        rounds,
    )
    step = least(
        {
            "ours": lambda: ours.step(*our_batch(), streams),
            **{name: lambda n=name: theirs(n) for name in sources},
        },
        numbers,
    )
    # The least step of airbench's is one that draws no epoch.
    found = []
    for name, peer in (
        (
            "loader",
            {"name": "torch DataLoader and torchvision transforms", "options": "no workers"},
        ),
        (
            "airbench",
            {"name": AIRBENCH, "options": "float32, black border; torch Adam(fused=True)"},
        ),
    ):
        version = common.versions("torch", "torchvision")
        peer["version"] = version["torchvision"] if name == "loader" else "1156c942"
        both = {"threads": numbers["threads"], "peer": peer}
        found.append(compared("batch of augmented images", alone["ours"], alone[name], **both))
        found.append(
            compared(
                "backpropagation: batch and step",
                step["ours"],
                step[name],
                tolerance=1e-4,
                largest_difference=apart,
                **both,
            )
        )
    pc = setup("pc_supervised")
    learner = pc.learner(42)
    by_hand = peers.PlainPC(pc.learner(42).network, pc.settings)
    batch = our_batch()
    start = [by_hand.step(*batch)[[0, -1]], learner.step(*batch, streams)]
    mine = torch.stack([start[1]["energy_start"], start[1]["energy_end"]])
    times = least(
        {"ours": lambda: learner.step(*batch, streams), "peer": lambda: by_hand.step(*batch)},
        numbers,
    )
    found.append(
        compared(
            "supervised predictive coding: a step",
            times["ours"],
            times["peer"],
            goal=3.0,
            peer={
                "name": "torch autograd",
                "version": common.versions("torch")["torch"],
                "options": "one graph per relaxation step",
            },
            threads=numbers["threads"],
            tolerance=1e-4,
            largest_difference=float(((mine - start[0]) / start[0]).abs().max()),
        )
    )
    return found


def copy_weights(source: Any, target: Any) -> None:
    """Give a peer's network our weights: both list them in the same order."""
    for theirs, mine in zip(target.parameters(), source.parameters(), strict=True):
        theirs.data.copy_(mine.data)


def gradients_apart(setup: Any, net: Any, batch: tuple, clip: float) -> float:
    """Return how far gradients of one batch are apart, over the largest; neither side drops units."""
    import torch

    learner = setup.learner(42)
    learner.dropout, kept = 0.0, net[6].p
    net[6].p = 0.0
    still = torch.optim.SGD(net.parameters(), lr=0.0)
    peers.step(net, still, *batch, clip)
    learner.step(*batch, lambda purpose: None)
    net[6].p = kept
    pairs = [
        (mine.grad, theirs.grad)
        for mine, theirs in zip(learner.network.parameters(), net.parameters(), strict=True)
    ]
    largest = max(float(one.abs().max()) for one, _ in pairs)
    return max(float((one - other).abs().max()) for one, other in pairs) / largest


def compared(
    work: str,
    ours: float,
    peer_seconds: float,
    *,
    peer: dict,
    threads: int,
    goal: float | None = None,
    tolerance: float | None = None,
    largest_difference: float | None = None,
) -> dict[str, Any]:
    """Return one row of `comparisons`; its results are null where the two sides draw at random."""
    row = common.comparison(
        work + ("" if threads == 1 else f", {threads} threads"),
        peer={key: peer[key] for key in ("name", "version", "options")},
        ours=ours,
        theirs=peer_seconds,
        goal=goal,
        threads=threads,
    )
    return row | {"tolerance": tolerance, "largest_difference": largest_difference}


def rates(folder: Path, rules: list[str], numbers: dict[str, Any]) -> dict[str, Any]:
    """Return images per second of each rule's step, batches included."""
    import torch

    from papers.learning_rules.train import Setup
    from replicortex.data.cifar import read_packed
    from replicortex.training import device as devices
    from replicortex.training.loop import _streams

    torch.set_num_threads(numbers["threads"])
    place = devices.choose(numbers["device"])
    data = read_packed(folder / "train.npz")[:2]
    ways = {}
    for rule in rules:
        build = builder(numbers["rules"][rule]["kind"])
        setup = Setup(build, **sections(rule, numbers), device=place)
        learner, batches = setup.learner(42), setup.batches(42, data)
        draws, count = batches.draw(0), iter(range(10**9))

        def step(
            learner: Any = learner, batches: Any = batches, draws: Any = draws, count: Any = count
        ) -> None:
            number = next(count)
            learner.step(*batches.get(draws, number % len(batches)), _streams(42, 0, number))

        ways[rule] = step
    seconds = least(ways, numbers)
    return {rule: round(numbers["training"]["batch"] / time) for rule, time in seconds.items()}


def timed(
    job: str, folder: Path, what: list, numbers: dict[str, Any]
) -> tuple[dict[str, float], dict]:
    """Run one job in a new process; return its seconds and its answer."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(numbers["threads"]),
        "MKL_NUM_THREADS": str(numbers["threads"]),
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
    """Time the three ways of training several seeds."""
    seeds = numbers["seeds"]
    ways = {
        "packed": ("ours", [seeds]),
        "separate": ("ours", [[seed] for seed in seeds]),
        "plain": ("plain", [[seed] for seed in seeds]),
    }
    found: dict[str, Any] = {name: {"wall": [], "cpu": []} for name in ways}
    answers: dict[str, dict] = {}
    for job in ("ours", "plain"):
        timed(job, folder, ["bp", seeds[:1]], numbers)  # warms the disk's caches
    for _ in range(repeats):
        for name, (job, packs) in ways.items():
            each = [timed(job, folder, ["bp", pack], numbers) for pack in packs]
            for clock in ("wall", "cpu"):
                found[name][clock].append(round(sum(part[clock] for part, _ in each), 2))
            answers[name] = {seed: value for _, answer in each for seed, value in answer.items()}
    report: dict[str, Any] = {
        "machine": common.machine(),
        "versions": common.versions("torch", "numpy"),
        "images": numbers["training"]["images"],
        "epochs": numbers["training"]["epochs"],
        "seeds": seeds,
        "repeats": repeats,
        "identical": answers["packed"] == answers["separate"],
        "seconds": found,
    }
    report["test_accuracy"] = {
        name: [answer[str(seed)]["test_accuracy"] for seed in seeds]
        for name, answer in answers.items()
    }
    for clock in ("wall", "cpu"):
        least = {name: min(found[name][clock]) for name in ways}
        report[f"times_faster_packed_{clock}"] = {
            name: round(least[name] / least["packed"], 2) for name in ("separate", "plain")
        }
    return report


def of_seeds(found: dict[str, Any], device: str) -> dict[str, Any]:
    """Return the row of `comparisons` of several seeds in one process."""
    clock = "cpu" if device == "cpu" else "wall"
    best = {name: min(seconds[clock]) for name, seconds in found["seconds"].items()}
    # Not the plain loop: how much of that ratio is its batches and step, the other rows say.
    peer = {
        "name": "the same training, one process a seed",
        "version": found["versions"]["torch"],
        "options": "outputs are the same bytes",
    }
    return compared(
        "five seeds of backpropagation",
        best["packed"],
        best["separate"],
        peer=peer,
        threads=1,
        tolerance=0.0,
        largest_difference=0.0 if found["identical"] else None,
    )


def differ(row: dict[str, Any]) -> bool:
    """Whether two sides that must agree do not."""
    if row["tolerance"] is None:
        return False
    return row["largest_difference"] is None or not row["largest_difference"] <= row["tolerance"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="few images, one repeat")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job, folder, what, numbers = json.load(sys.stdin)
        call = {"ours": ours, "plain": plain, "rates": rates, "steps": steps}[job]
        print(json.dumps(call(Path(folder), *what, numbers)))
        return 0
    numbers = settings(options.fast, options.device)
    repeats = 1 if options.fast else options.repeats
    report: dict[str, Any] = {
        "fast": options.fast,
        "machine": common.machine(),
        "versions": common.versions("torch", "torchvision", "numpy"),
        "threads": 1,
        "device": options.device,
        "training": numbers["training"],
        "comparisons": [],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store(folder, numbers["stored"])
        for threads in (1, 2) if options.device == "cpu" else (1,):
            given = numbers | {"threads": threads}
            if "rates" in options.only:
                key = "images_per_second" + ("" if threads == 1 else "_two_threads")
                report[key] = timed("rates", folder, [list(numbers["rules"])], given)[1]
            if "steps" in options.only:
                report["comparisons"] += timed("steps", folder, [], given)[1]
        if "seeds" in options.only:
            report["five_seeds_bp"] = compare(folder, numbers, repeats)
            report["comparisons"].append(of_seeds(report["five_seeds_bp"], options.device))
    common.write(options.out, report)
    for rule, rate in report.get("images_per_second", {}).items():
        print(f"{rule:14} {rate:6d} images/s", file=sys.stderr)
    for row in report["comparisons"]:
        print(
            f"{row['work']}: {row['ratio']} times {row['peer']['name']}, threads {row['threads']}",
            file=sys.stderr,
        )
    apart = [row for row in report["comparisons"] if differ(row)]
    return 1 if apart and options.device == "cpu" else 0


if __name__ == "__main__":
    sys.exit(main())
