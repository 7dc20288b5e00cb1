"""What a GPU does with the study's trainings: right numbers first, then speed; one JSON.

    python -m benchmarks.gpu [--device cpu] [--fast] [--out FILE]     from the repository's root

Needs Python 3.12 or near, torch and NumPy: no Snakemake, DataLad, YAML, pydantic or network. Images are
drawn from a seed; the papers' numbers stand in gpu_numbers.json beside this file, which a test compares
with config/ (`--numbers` writes it anew, where YAML and pydantic are). Sections, each with seconds to
spend and under eight minutes in all: tests marked `gpu` (where pytest and what tests import are there),
equality of CPU and GPU step by step, ceilings (matrix product, copy), images per second of each rule,
several seeds in one process, bf16 against fp32, ResNet-18 under its four objectives, r3d_18 on clips. A
section that fails writes its error, and the others go on; the exit status is 1 then, and where two
sides differ.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow"))
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read at cuBLAS's first call

import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from papers.learning_rules.learners.base import Learner  # noqa: E402
from papers.topographic.learner import Topographic  # noqa: E402
from papers.topographic.objectives import VIEWS  # noqa: E402
from replicortex.core.randomness import torch_generator  # noqa: E402
from replicortex.models.resnet3d import VideoResNet  # noqa: E402
from replicortex.training import device as devices  # noqa: E402
from replicortex.training.augment import Batches  # noqa: E402
from replicortex.training.loop import Run, fit  # noqa: E402
from replicortex.training.moco import Queue, info_nce  # noqa: E402
from replicortex.training.optimisers import SGD  # noqa: E402
from replicortex.training.views import Parameters, Views, apply, draw  # noqa: E402

NUMBERS = Path(__file__).with_name("gpu_numbers.json")
SEEDS = [42, 123, 456, 789, 1337]
GOAL_OF_SEEDS = 1.5  # times the time of one
RHO = 0.2  # of the topographic objectives
APART = 1e-3  # relative, of a step's terms on CPU and GPU
WEIGHTS_APART = (
    0.02  # of the way that weights went: Adam's first step is a sign, which rounding may turn
)
TESTS_NEED = ("pytest", "yaml", "pydantic", "pandas", "scipy", "PIL", "safetensors", "torchvision")
# Seconds that each section may spend; what it measures most, it measures less then.
BUDGETS = {
    "tests": 90, "equality": 60, "ceilings": 20, "rates": 60, "seeds": 60, "precision": 40, "resnet": 80,
    "clips": 30,
}  # fmt: skip
FULL = {
    "images": 8000, "batch": 128, "steps": 30, "epochs": 2, "product": 8192, "copied": 2**28, "width": 64,
    "views": 512, "resnet_steps": 200, "frames": 16, "size": 112, "pairs": 16, "stem": 64, "layers": 4,
}  # fmt: skip
FAST = {
    "images": 32, "batch": 8, "steps": 1, "epochs": 1, "product": 64, "copied": 2**12, "width": 2,
    "views": 8, "resnet_steps": 1, "frames": 4, "size": 16, "pairs": 2, "stem": 4, "layers": 2,
}  # fmt: skip


class Section(SimpleNamespace):
    """Settings as the library's own sections hold them, without a check."""

    def model_dump(self, include: set[str] | None = None) -> dict[str, Any]:
        return {
            name: value.model_dump() if isinstance(value, Section) else value
            for name, value in vars(self).items()
            if include is None or name in include
        }


def section(value: Any) -> Any:
    """Return nested dictionaries as sections."""
    if isinstance(value, dict):
        return Section(**{name: section(part) for name, part in value.items()})
    return value


class Bench:
    """A device, the sizes of a run, and the papers' numbers."""

    def __init__(self, device: str, fast: bool) -> None:
        self.device, self.sizes = devices.choose(device), FAST if fast else FULL
        self.numbers = json.loads(NUMBERS.read_text())
        self.until = 0.0  # when the section has to end

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], Any], times: int) -> float:
        """Return the median seconds of a call, after two calls unmeasured; fewer where time is short."""
        taken = []
        for number in range(times + 2):
            self.wait()
            start = time.perf_counter()
            work()
            self.wait()
            if number >= 2 or times == 1:
                taken.append(time.perf_counter() - start)
            if taken and time.perf_counter() > self.until:
                break
        return sorted(taken)[len(taken) // 2]

    # What is trained

    def rule(self, name: str, device: torch.device, seed: int = 42) -> Learner:
        """Return an untrained learner of a rule."""
        settings = section(self.numbers["rules"][name])
        module = import_module(f"papers.learning_rules.learners.{settings.kind}")
        return module.build(seed, section(self.numbers["network"]), settings, 40, device)

    def batches(self, seed: int = 42) -> Batches:
        """Return augmented batches of pictures drawn from a seed."""
        images, labels = pictures(self.sizes["images"])
        own = self.numbers["training"]
        return Batches(
            images,
            labels,
            batch=self.sizes["batch"],
            seed=seed,
            padding=own["crop_padding"],
            flip=own["flip"],
            mean=own["mean"],
            sd=own["sd"],
            device=self.device,
        )

    def topographic(self, objective: str, width: int, device: torch.device) -> Topographic:
        """Return an untrained learner of an objective, at rho 0.2 of the main arm."""
        own = json.loads(json.dumps(self.numbers["topographic"][objective]))
        own["network"]["width"] = width
        return Topographic(objective, section(own), RHO, 0, device)

    def views(self, objective: str, count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield batches of augmented views, for ever."""
        own = self.numbers["topographic"][objective]
        made = Views(
            *pictures(4 * count),
            batch=count,
            seed=0,
            views=VIEWS[objective],
            draw=lambda n, side, stream: vars(draw(n, side, own["objective"]["views"], stream)),
            apply=lambda images, drawn: apply(images, Parameters(**drawn)),
            mean=own["training"]["mean"],
            sd=own["training"]["sd"],
            device=self.device,
        )
        draws = made.draw(0)
        while True:
            for step in range(len(made)):
                yield made.get(draws, step)


def pictures(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return coarse pictures uint8 (n, 32, 32, 3) whose mean colour tells their label, and labels."""
    stream = torch_generator(0, "pictures")
    labels = torch.arange(count) // 2 % 10  # pairs: each has another of its label
    colours = torch.randint(40, 216, (10, 1, 1, 3), generator=stream)
    coarse = torch.randn(count, 8, 8, 3, generator=stream) * 30
    wide = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)
    return (colours[labels] + wide).clamp(0, 255).to(torch.uint8), labels


def streams(purpose: str) -> torch.Generator:
    return torch_generator(7, purpose)


# Sections


def tests(bench: Bench) -> dict[str, Any]:
    """Run the tests marked `gpu`, where what they import is there."""
    absent = [name for name in TESTS_NEED if find_spec(name) is None]
    if absent:
        return {
            "ran": False,
            "why": f"absent: {', '.join(absent)}; `equality` makes their comparisons",
        }
    if bench.device.type == "cpu":
        return {"ran": False, "why": "the device is a CPU"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "gpu",
            "-p",
            "no:cacheprovider",
            "tests/papers",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(["workflow", "."])},
        capture_output=True,
        text=True,
        timeout=BUDGETS["tests"],
    )
    told = done.stdout.splitlines()[-1:] or done.stderr.splitlines()[-1:]
    return {
        "ran": True,
        "passed": done.returncode == 0,
        "told": told,
        "failed": done.returncode != 0,
    }


def equality(bench: Bench) -> dict[str, Any]:
    """Compare one step of each rule and three of each objective on CPU and device."""
    cpu, batch = torch.device("cpu"), bench.batches()
    images, labels = (part.cpu() for part in batch.get(batch.draw(0), 0))
    found: dict[str, Any] = {"tolerance": APART, "weights_tolerance": WEIGHTS_APART, "rows": {}}
    for name in bench.numbers["rules"]:
        start = bench.rule(name, cpu).network.state_dict()
        terms, ends = [], []
        for place in (cpu, bench.device):
            learner = bench.rule(name, place)
            told = learner.step(images.to(place), labels.to(place), streams)
            terms.append({key: float(value) for key, value in told.items()})
            ends.append({key: value.cpu() for key, value in learner.network.state_dict().items()})
        shares = [
            float((ends[0][key] - ends[1][key]).double().norm())
            / (float((ends[0][key] - value).double().norm()) + 1e-6)
            for key, value in start.items()
            # The gradient of a bias in front of BatchNorm is rounding.
            if not ("conv" in key and key.endswith("bias"))
        ]
        found["rows"][name] = {"terms": _apart([terms[0]], [terms[1]]), "weights": max(shares)}
    for objective, views in VIEWS.items():
        shown = torch.randn(16 * views, 3, 32, 32, generator=torch_generator(1, "images"))
        answers = torch.arange(16) // 2
        sides = []
        for place in (cpu, bench.device):
            learner = bench.topographic(objective, min(8, bench.sizes["width"]), place)
            steps = [learner.step(shown.to(place), answers.to(place), streams) for _ in range(3)]
            sides.append([{key: float(value) for key, value in one.items()} for one in steps])
        found["rows"][objective] = {"terms": _apart(*sides), "weights": 0.0}
    # Accuracy counts images: one may turn.
    found["failed"] = any(
        row["terms"] > APART or row["weights"] > WEIGHTS_APART for row in found["rows"].values()
    )
    return found


def _apart(one: list[dict[str, float]], other: list[dict[str, float]]) -> float:
    """Return the largest relative difference of terms; accuracy, which counts images, is left out."""
    pairs = [
        (mine[key], theirs[key])
        for mine, theirs in zip(one, other, strict=True)
        for key in mine
        if key != "accuracy"
    ]
    return max(abs(a - b) / max(abs(a), 1e-6) for a, b in pairs)


def ceilings(bench: Bench) -> dict[str, Any]:
    """Measure what the device does at best: products of matrices, and copies."""
    side, found = bench.sizes["product"], {}
    for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        one, other = (torch.randn(side, side, device=bench.device, dtype=kind) for _ in range(2))
        found[f"{name}_flops"] = 2 * side**3 / bench.seconds(lambda a=one, b=other: a @ b, 10)
    source = torch.zeros(bench.sizes["copied"], device=bench.device)
    target = torch.empty_like(source)
    found["copy_bytes"] = 2 * 4 * len(source) / bench.seconds(lambda: target.copy_(source), 10)
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def rates(bench: Bench, best: dict[str, float]) -> dict[str, Any]:
    """Return images per second of each rule, and its operations as a share of the matrix product's."""
    batches = bench.batches()
    draws, size = batches.draw(0), bench.sizes["batch"]
    made = bench.seconds(lambda: batches.get(draws, 0), bench.sizes["steps"])
    # Bytes read and written: one byte and four of each value.
    moved = 5 * batches.get(draws, 0)[0].numel()
    found: dict[str, Any] = {
        "batches": {"images_per_second": size / made, "of_copy": moved / made / best["copy_bytes"]}
    }
    spent = time.perf_counter()
    share = (bench.until - spent) / len(bench.numbers["rules"])
    for number, name in enumerate(bench.numbers["rules"], 1):
        bench.until = spent + number * share
        learner = bench.rule(name, bench.device)

        def step(learner: Learner = learner) -> None:
            learner.step(*batches.get(draws, 0), streams)

        with FlopCounterMode(display=False) as counter:
            step()
        seconds = bench.seconds(step, bench.sizes["steps"])
        flops = counter.get_total_flops() / seconds
        found[name] = {
            "images_per_second": size / seconds,
            "of_product": flops / best["fp32_flops"],
        }
    return found


def seeds(bench: Bench, best: dict[str, float]) -> dict[str, Any]:
    """Time five seeds in one process against one; backpropagation."""

    def train(some: list[int]) -> float:
        def make(seed: int) -> Run:
            learner = bench.rule("bp", bench.device, seed)
            return Run(f"seed {seed}", seed, learner, bench.batches(seed), lambda epoch: {})

        epochs = bench.sizes["epochs"]
        start = time.perf_counter()
        fit(
            [lambda s=seed: make(s) for seed in some],
            epochs=epochs,
            checkpoints=[epochs],
            precision="fp32",
        )
        bench.wait()
        return time.perf_counter() - start

    train(SEEDS[:1])
    one, five = train(SEEDS[:1]), train(SEEDS)
    return {
        "one_seconds": one,
        "five_seconds": five,
        "times_one": five / one,
        "goal": GOAL_OF_SEEDS,
    }


def precision(bench: Bench, best: dict[str, float]) -> dict[str, Any]:
    """Time ResNet-18's step under cross-entropy in fp32 and bf16, and say where each loss ended."""
    found: dict[str, Any] = {}
    begun, share = time.perf_counter(), (bench.until - time.perf_counter()) / 2
    for number, name in enumerate(("fp32", "bf16"), 1):
        bench.until = begun + number * share
        found[name] = _resnet(bench, "ce", name, max(1, bench.sizes["resnet_steps"] // 4), best)
    rates_ = [found[name]["images_per_second"] for name in ("bf16", "fp32")]
    return found | {"times_faster": rates_[0] / rates_[1]}


def resnet(bench: Bench, best: dict[str, float]) -> dict[str, Any]:
    """Train ResNet-18 at full width under each objective for some hundred steps."""
    begun, share = time.perf_counter(), (bench.until - time.perf_counter()) / len(VIEWS)
    found = {}
    for number, objective in enumerate(VIEWS, 1):
        bench.until = begun + number * share
        found[objective] = _resnet(bench, objective, "fp32", bench.sizes["resnet_steps"], best)
    return found


def _resnet(
    bench: Bench, objective: str, kind: str, steps: int, best: dict[str, float]
) -> dict[str, Any]:
    learner = bench.topographic(objective, bench.sizes["width"], bench.device)
    shown = bench.views(objective, bench.sizes["views"])
    losses: list[torch.Tensor] = []

    def step() -> None:
        images, labels = next(shown)
        with devices.precision(bench.device, kind):
            losses.append(learner.step(images, labels, streams)["loss"])

    with FlopCounterMode(display=False) as counter:
        step()
    seconds = bench.seconds(step, steps)
    flops = counter.get_total_flops() / seconds
    ends = [float(losses[0]), float(torch.stack(losses[-10:]).mean())]
    if not all(map(torch.isfinite, torch.tensor(ends))):
        raise ValueError(f"{objective}, {kind}: the loss went from {ends[0]} to {ends[1]}")
    return {
        "images_per_second": bench.sizes["views"] / seconds,
        "of_product": flops / best[f"{kind}_flops"],
        "steps": len(losses),
        "loss_first": ends[0],
        "loss_last_ten": ends[1],
    }


def clips(bench: Bench, best: dict[str, float]) -> dict[str, Any]:
    """Time MoCo's step (query forth and back, keys forth) of r3d_18 on clips of the paper's size."""
    begun, share = time.perf_counter(), (bench.until - time.perf_counter()) / 2
    found = {}
    for number, kind in enumerate(("fp32", "bf16"), 1):
        bench.until = begun + number * share
        step = _video_step(bench, kind)
        with FlopCounterMode(display=False) as counter:
            step()
        seconds = bench.seconds(step, bench.sizes["steps"])
        found[kind] = {
            "pairs_per_second": bench.sizes["pairs"] / seconds,
            "of_product": counter.get_total_flops() / seconds / best[f"{kind}_flops"],
        }
    return found


def _video_step(bench: Bench, kind: str) -> Callable[[], None]:
    own, sizes = bench.numbers["clips"], bench.sizes
    layers = sizes["layers"]
    network = VideoResNet(
        own["colours"],
        sizes["stem"],
        [sizes["stem"] * width // own["stem"] for width in own["widths"][:layers]],
        own["blocks"][:layers],
        own["strides"][:layers],
        torch_generator(0, "trunk"),
    ).to(bench.device, memory_format=torch.channels_last_3d)
    optimiser = SGD(network.parameters(), lr=1e-3, momentum=0.9)
    shape = (sizes["pairs"], own["colours"], sizes["frames"], sizes["size"], sizes["size"])
    views = torch.randn(2, *shape, generator=torch_generator(0, "views")).to(bench.device)
    items = torch.arange(sizes["pairs"], device=bench.device)
    queue = Queue(sizes["pairs"], network.features, str(bench.device))

    def step() -> None:
        optimiser.zero_grad()
        with devices.precision(bench.device, kind):
            queries, _ = network(views[0])
            with torch.no_grad():
                keys, _ = network(views[1])
        info_nce(queries, keys, items, queue, 0.07).backward()
        optimiser.step()

    return step


def numbers_of_config() -> dict[str, Any]:
    """Return what gpu_numbers.json holds, from config/; needs YAML and pydantic."""
    from papers.topographic.conditions import conditions
    from replicortex.core.config import checked_numbers

    rules = checked_numbers("learning_rules", "full", {}, ROOT).model_dump()
    sheets = conditions(checked_numbers("topographic", "full", {}, ROOT).model_dump())
    maps = checked_numbers("mt_maps", "full", {}, ROOT).model_dump()
    names = ("colours", "stem", "widths", "blocks", "strides")
    return {
        "rules": rules["rules"],
        "network": rules["network"],
        "training": {
            name: rules["training"][name] for name in ("crop_padding", "flip", "mean", "sd")
        },
        "topographic": {name: sheets[f"main/{name}/rho{RHO:g}"]["settings"] for name in VIEWS},
        "clips": {name: maps["network"][name] for name in names},
    }


def main() -> int:
    """Run all sections, write the report, and say whether each did what it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--fast", action="store_true", help="seconds, to see that it works")
    parser.add_argument("--out", type=Path, help="JSON file; the screen unless given")
    parser.add_argument("--numbers", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.numbers:
        NUMBERS.write_text(json.dumps(numbers_of_config(), indent=1) + "\n")
        return 0
    bench = Bench(options.device, options.fast)
    cuda = bench.device.type == "cuda"
    report: dict[str, Any] = {
        "fast": options.fast,
        "machine": {
            "cpu": platform.processor() or platform.machine(),
            "gpu": torch.cuda.get_device_name() if cuda else None,
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
        },
        "threads": torch.get_num_threads(),
        "device": options.device,
        "sizes": bench.sizes,
        "sections": {},
    }
    calls = {
        "tests": tests, "equality": equality, "ceilings": ceilings, "rates": rates, "seeds": seeds,
        "precision": precision, "resnet": resnet, "clips": clips,
    }  # fmt: skip
    for name, call in calls.items():
        start = time.perf_counter()
        bench.until = start + BUDGETS[name]
        given = (report["sections"]["ceilings"],) if name in list(calls)[3:] else ()
        try:
            found = call(bench, *given)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}", "where": traceback.format_exc()}
        found["section_seconds"] = round(time.perf_counter() - start, 2)
        report["sections"][name] = found
        print(f"{name}: {found.get('error', 'done')}", file=sys.stderr)
    report["comparisons"] = comparisons(report)
    text = json.dumps(report, indent=2)
    if options.out:
        options.out.write_text(text + "\n")
    else:
        print(text)
    return int(any("error" in one or one.get("failed") for one in report["sections"].values()))


def comparisons(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a table is made from: seeds together, and half precision."""
    sections, rows = report["sections"], []
    common = {"tolerance": None, "largest_difference": None, "threads": report["threads"]}
    torch_ = {"name": "torch", "version": report["versions"]["torch"]}
    if "times_one" in sections["seeds"]:
        found = sections["seeds"]
        rows.append(
            {
                "work": "five seeds of backpropagation in one process, in times of one",
                "goal": GOAL_OF_SEEDS,
                "peer": torch_ | {"options": "one seed"},
                "ours_seconds": found["five_seconds"],
                "peer_seconds": found["one_seconds"],
                "ratio": found["times_one"],
                **common,
            }
        )
    if "times_faster" in sections["precision"]:
        found, views = sections["precision"], report["sizes"]["views"]
        rows.append(
            {
                "work": "ResNet-18 in bf16, a step",
                "goal": None,
                "peer": torch_ | {"options": "fp32 without TF32"},
                "ours_seconds": views / found["bf16"]["images_per_second"],
                "peer_seconds": views / found["fp32"]["images_per_second"],
                "ratio": found["times_faster"],
                **common,
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
