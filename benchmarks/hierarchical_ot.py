"""Hierarchical transport against a plain loop over pairs of layers, and how it scales; one run.

    python benchmarks/hierarchical_ot.py [--fast] [--workers 1] [--out FILE]

(a) `comparisons`: all inner and outer costs of two systems, 12 layers of 384 units and 24 of 1,024 over
2,000 training stimuli, by `hot` (which also drops dead units, keeps every plan and splits off 200
held-out stimuli) and by a loop of the strongest public parts: responses standardised by NumPy, one
float64 product a pair by its BLAS, POT's `ot.emd`. Once with screening in bfloat16 (torch, where the
processor multiplies it), once in float32 (no torch). Then one plan from given costs: `transport` against
`ot.emd`, and against SciPy's assignment at equal widths. Exit status 1 when a cost differs by more than
1e-9. (b) `width`: one pair of layers, of n x n and of n x 1.5 n units; (c) `depth`: L x 2 L layers of 96
units; each with the exponent of a power law fitted to the CPU seconds, and drawn beside the JSON. (d)
`workers`: seconds of (a) by the wall's clock with one process and two. (e) `training`: images or
passages a CPU second of each network that the study trains at any scale, from which `cost` tells hours.

Each side has one thread; sides alternate, and the fastest repeat of each counts. The layers are made up:
mixtures of shared features, which is harder for the solvers than noise. `cpu_seconds` are those of this
process, which other loads of the machine change less than the wall's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ot
import torch
from common import machine, versions, write
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits
from torch.nn import functional as F

from papers.hierarchical_ot.learner import Learner
from papers.hierarchical_ot.networks import LETTERS, for_images, for_text
from papers.hierarchical_ot.schema import measured_as
from replicortex.analysis.hot import hot
from replicortex.analysis.rough_products import has_bfloat16
from replicortex.analysis.transport import transport
from replicortex.core.config import checked_numbers
from replicortex.core.randomness import generator
from replicortex.plotting.style import PALETTE, finish, letter, new_figure, note, style

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-9
GOAL = 5
FEATURES = 20
FULL = {
    "source": [384] * 12,
    "target": [1024] * 24,
    "stimuli": 2000,
    "held_out": 200,
    "repeats": 3,
    "plans": [[384, 1024], [1024, 1536], [1024, 1024]],
    "widths": [64, 128, 256, 512, 1024, 2048],
    "depths": [2, 4, 8, 16],
    "width": 96,
    "scaling_repeats": 5,
    "training_steps": 2,
    "trained": ("full", "small", "demo"),
}
FAST = {
    "source": [24] * 2,
    "target": [64] * 3,
    "stimuli": 100,
    "held_out": 10,
    "repeats": 1,
    "plans": [[16, 24], [16, 16]],
    "widths": [16, 32, 64],
    "depths": [2, 4],
    "width": 16,
    "scaling_repeats": 2,
    "training_steps": 1,
    "trained": ("demo",),
}


def system(widths: list[int], stimuli: int, seed: int) -> list[np.ndarray]:
    """Return layers (stimuli, units): each a nonlinear mixture of features that all share."""
    features = generator(0, "features", stimuli).normal(size=(stimuli, FEATURES))
    rng = generator(seed, "layers")
    return [
        np.tanh(features @ rng.normal(size=(FEATURES, width)) / 2)
        + 0.3 * rng.normal(size=(stimuli, width))
        for width in widths
    ]


def standardised(layer: np.ndarray) -> np.ndarray:
    """Return a layer whose units are centred and have norm 1."""
    centred = layer - layer.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=0)
    return centred


def plain(source: list[np.ndarray], target: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return inner costs and the outer cost, pair by pair, by NumPy's product and POT."""
    target = [standardised(y) for y in target]
    cost = np.zeros((len(source), len(target)))
    for row, layer in enumerate(source):
        x = standardised(layer)
        for column, y in enumerate(target):
            distance = 1 - x.T @ y
            cost[row, column] = (by_pot(distance) * distance).sum()
    return cost, float((by_pot(cost) * cost).sum())


def by_pot(cost: np.ndarray) -> np.ndarray:
    """Return POT's plan."""
    return ot.emd(*(ot.unif(count) for count in cost.shape), cost, numItermax=10_000_000)


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, dict[str, list[float]]]:
    """Return the last result, and seconds of each repeat by the wall's clock and of this process."""
    wall, cpu = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        result = work()
        wall.append(round(time.perf_counter() - start, 6))
        cpu.append(round(time.process_time() - used, 6))
    return result, {"wall_seconds": wall, "cpu_seconds": cpu}


def alternated(
    works: dict[str, Callable[[], Any]], repeats: int
) -> dict[str, tuple[Any, dict[str, list[float]]]]:
    """Time several works by turns, each once unmeasured by its caller; returns what `timed` does."""
    found: dict[str, tuple[Any, dict[str, list[float]]]] = {}
    for _ in range(repeats):
        for name, work in works.items():
            result, took = timed(work, 1)
            before = found[name][1] if name in found else {}
            found[name] = result, {clock: before.get(clock, []) + took[clock] for clock in took}
    return found


def comparison(
    work: str,
    peer: dict[str, str],
    ours: dict[str, list[float]],
    theirs: dict[str, list[float]],
    difference: float,
    goal: float | None = None,
) -> dict[str, Any]:
    """Return one of `comparisons`: CPU seconds of the fastest repeats, and how the numbers differ."""
    best = min(ours["cpu_seconds"]), min(theirs["cpu_seconds"])
    return {
        "work": work,
        "goal": goal,
        "peer": peer,
        "ours_seconds": best[0],
        "peer_seconds": best[1],
        "ratio": round(best[1] / best[0], 2),
        "tolerance": TOLERANCE,
        "largest_difference": difference,
        "threads": 1,
        "ours_repeats": ours,
        "peer_repeats": theirs,
    }


def made_up(sizes: dict[str, Any]) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return the two systems of (a), and which stimuli are held out."""
    stimuli = sizes["stimuli"] + sizes["held_out"]
    source, target = (
        system(sizes[side], stimuli, n) for n, side in enumerate(("source", "target"))
    )
    return source, target, np.arange(sizes["stimuli"], stimuli)


def pairs(sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Time both sides on the same layers, and compare their costs."""
    source, target, held = made_up(sizes)
    train = slice(sizes["stimuli"])
    given = [x[train] for x in source], [y[train] for y in target]
    ways = {"float32": False}
    if has_bfloat16():
        ways = {"bfloat16": True, **ways}
    works: dict[str, Callable[[], Any]] = {
        name: lambda way=way: hot(source, target, held_out=held, bfloat16=way)
        for name, way in ways.items()
    }
    # Once unmeasured, on a part: libraries load.
    for way in ways.values():
        hot(source[:1], target[:1], held_out=held, bfloat16=way)
    plain(given[0][:1], given[1][:1])
    found = alternated({**works, "plain": lambda: plain(*given)}, sizes["repeats"])
    (cost, total), theirs = found.pop("plain")
    peer = {
        "name": "NumPy product and POT ot.emd, pair by pair",
        "version": f"numpy {np.__version__}, POT {ot.__version__}",
        "options": "float64; numItermax=10,000,000",
    }
    shape = f"{len(source)} layers of {sizes['source'][0]} units to {len(target)} of {sizes['target'][0]}"
    return [
        comparison(
            f"all pairs of {shape}, {sizes['stimuli']} stimuli, screened in {name}",
            peer,
            took,
            theirs,
            max(float(np.abs(ours.cost - cost).max()), abs(ours.total - total)),
            GOAL if name == next(iter(ways)) else None,
        )
        for name, (ours, took) in found.items()
    ]


def plans(sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Time one plan from given costs, against POT or SciPy's assignment."""
    reports = []
    for n, m in sizes["plans"]:
        x, y = (
            standardised(system([k], sizes["stimuli"], seed)[0]) for seed, k in enumerate((n, m))
        )
        cost = 1 - x.T @ y
        if n == m:
            name = "SciPy linear_sum_assignment"
            public = lambda cost=cost: cost[linear_sum_assignment(cost)].mean()  # noqa: E731
        else:
            name = "POT ot.emd"
            public = lambda cost=cost: (by_pot(cost) * cost).sum()  # noqa: E731
        works = {"ours": lambda cost=cost: transport(cost)[1], "peer": public}
        found = alternated(works, 1 + 2 * sizes["repeats"])
        package = name.split()[0].lower()
        peer = {
            "name": name,
            "version": versions(package)[package],
            "options": "defaults" if n == m else "numItermax=10,000,000",
        }
        difference = abs(found["ours"][0] - found["peer"][0])
        reports.append(
            comparison(
                f"plan of {n} x {m} units from their costs",
                peer,
                found["ours"][1],
                found["peer"][1],
                float(difference),
            )
        )
    return reports


def worker_scaling(sizes: dict[str, Any]) -> dict[str, Any]:
    """Time (a) by the wall's clock with one process and with two."""
    source, target, held = made_up(sizes)
    works = {
        str(count): lambda count=count: hot(source, target, held_out=held, workers=count).total
        for count in (1, 2)
    }
    found = alternated(works, sizes["repeats"])
    seconds = {count: took["wall_seconds"] for count, (_, took) in found.items()}
    return {
        "wall_seconds": seconds,
        "times_faster": round(min(seconds["1"]) / min(seconds["2"]), 2),
        "difference": abs(found["1"][0] - found["2"][0]),
    }


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return b of seconds = a size^b, by least squares of the logarithms."""
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def width_scaling(sizes: dict[str, Any]) -> dict[str, Any]:
    """Time one pair of layers: costs from standardised responses, and its plan."""
    found = {}
    for name, ratio in (("n x n", 1.0), ("n x 1.5 n", 1.5)):
        seconds = []
        for n in sizes["widths"]:
            x, y = (
                layer - layer.mean(0)
                for layer in system([n, round(ratio * n)], sizes["stimuli"], 0)
            )
            x /= np.linalg.norm(x, axis=0)
            y /= np.linalg.norm(y, axis=0)
            _, took = timed(lambda x=x, y=y: transport(1 - x.T @ y), sizes["scaling_repeats"])
            seconds.append(min(took["cpu_seconds"]))
        # Small problems are all overhead: the exponent is that of the upper half.
        upper = len(seconds) // 2
        found[name] = {
            "sizes": sizes["widths"],
            "cpu_seconds": seconds,
            "exponent": exponent(sizes["widths"][upper:], seconds[upper:]),
            "exponent_over": sizes["widths"][upper:],
        }
    return found


def depth_scaling(sizes: dict[str, Any]) -> dict[str, Any]:
    """Time systems of L and 2 L layers."""
    stimuli = sizes["stimuli"] + sizes["held_out"]
    held = np.arange(sizes["stimuli"], stimuli)
    seconds = []
    for depth in sizes["depths"]:
        source = system([sizes["width"]] * depth, stimuli, 0)
        target = system([sizes["width"]] * 2 * depth, stimuli, 1)
        _, took = timed(
            lambda x=source, y=target: hot(x, y, held_out=held), sizes["scaling_repeats"]
        )
        seconds.append(min(took["cpu_seconds"]))
    return {
        "L x 2 L": {
            "sizes": sizes["depths"],
            "cpu_seconds": seconds,
            "exponent": exponent(sizes["depths"], seconds),
            "exponent_over": sizes["depths"],
        }
    }


def training(sizes: dict[str, Any]) -> dict[str, float]:
    """Return images or passages a CPU second of each network's training, by `measured_as`."""
    found: dict[str, float] = {}
    stream = torch.Generator().manual_seed(0)
    for scale in sizes["trained"]:
        numbers = checked_numbers("hierarchical_ot", scale, {}, ROOT)
        vision, language = numbers.vision, numbers.language
        shown = torch.randn(vision.batch, 3, 32, 32, generator=stream)
        labels = torch.randint(10, (vision.batch,), generator=stream)
        for network in vision.networks.values():
            built = for_images(network).to(memory_format=torch.channels_last)
            learner = Learner(built, vision, F.cross_entropy)
            found[measured_as(network)] = rate(learner, shown, labels, sizes["training_steps"])
        read = torch.randint(LETTERS, (language.batch, language.context), generator=stream)
        for model in language.models.values():
            learner = Learner(for_text(model, language.context), language, next_letter)
            name = measured_as(model, language.context)
            found[name] = rate(learner, read, read, sizes["training_steps"])
    return found


def next_letter(out: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each next character."""
    return F.cross_entropy(out[:, :-1].flatten(0, 1), shown[:, 1:].flatten())


def rate(learner: Learner, shown: torch.Tensor, labels: torch.Tensor, steps: int) -> float:
    """Return examples a CPU second, after one step unmeasured."""
    learner.step(shown, labels, None)
    start = time.process_time()
    for _ in range(steps):
        learner.step(shown, labels, None)
    return round(steps * len(shown) / (time.process_time() - start), 3)


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw seconds against size, and both sides of (a)."""
    with style():
        figure = new_figure(2.5)
        axes = figure.subplots(1, 3, width_ratios=(1.2, 1, 1))
        panels = zip(axes, "ab", ("width", "depth"), ("Units n", "Layers L"), strict=False)
        for ax, mark, what, label in panels:
            looks = zip(report[what].items(), ("blue", "vermillion"), "os", strict=False)
            for (name, found), colour, marker in looks:
                ax.loglog(
                    found["sizes"],
                    found["cpu_seconds"],
                    marker=marker,
                    color=PALETTE[colour],
                    label=f"{name}: exponent {found['exponent']:.2f}".replace(" x ", " × "),
                )
            ax.set_xlabel(label)
            ax.set_ylabel("CPU time (s)")
            ax.legend(fontsize=6, frameon=False)
            ax.set_xticks(found["sizes"], found["sizes"], minor=False)
            ax.minorticks_off()
            if what == "depth":  # less than a decade has too few ticks of its own
                ax.set_yticks(found["cpu_seconds"], [f"{s:.2g}" for s in found["cpu_seconds"]])
            letter(ax, mark, "One pair of layers" if what == "width" else "All pairs of layers")
        both = [one for one in report["comparisons"] if one["work"].startswith("all pairs")]
        bars = [both[0]["peer_seconds"], *(one["ours_seconds"] for one in both)]
        colours = [PALETTE["black"], PALETTE["vermillion"], PALETTE["blue"]]
        axes[2].bar(range(len(bars)), bars, color=colours[: len(bars)], width=0.6)
        names = [f"hot,\n{one['work'].rpartition(' ')[2]}" for one in both]
        axes[2].set_xticks(range(len(bars)), ["product\n+ POT", *names])
        axes[2].set_ylabel("CPU time (s)")
        letter(axes[2], "c", " and ".join(f"{one['ratio']:.1f}" for one in both) + " times")
        sizes = report["sizes"]
        note(
            figure,
            f"{sizes['stimuli']} stimuli, one thread. (b) {sizes['width']} units a layer. (c) "
            f"{len(sizes['source'])} layers of {sizes['source'][0]} units to {len(sizes['target'])} "
            f"of {sizes['target'][0]}. Exponents of (a): from {report['width']['n x n']['exponent_over'][0]} "
            "units on.",
        )
        finish(figure).savefig(path, dpi=200)


def main() -> int:
    """Measure, write the JSON and the figure; return 1 when the sides differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fast", action="store_true", help="tiny sizes: shows that it runs")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/hierarchical_ot.json")
    chosen = parser.parse_args()
    sizes = FAST if chosen.fast else FULL
    torch.set_num_threads(1)
    with threadpool_limits(1):
        report = {
            "fast": chosen.fast,
            "sizes": sizes,
            "machine": machine(),
            "versions": versions("numpy", "scipy", "pot", "torch"),
            "device": "cpu",
            "bfloat16": has_bfloat16(),
            "comparisons": [*pairs(sizes), *plans(sizes)],
            "width": width_scaling(sizes),
            "depth": depth_scaling(sizes),
            "workers": worker_scaling(sizes),
            "training": training(sizes),
        }
    write(chosen.out, report)
    draw(report, chosen.out.with_suffix(".png"))
    for name, found in {**report["width"], **report["depth"]}.items():
        print(f"{name}: seconds grow with size to the power {found['exponent']}")
    for one in report["comparisons"]:
        print(
            f"{one['work']}: {one['ratio']} times faster than {one['peer']['name']}; costs differ "
            f"by at most {one['largest_difference']:.1e}"
        )
    print(f"two processes: {report['workers']['times_faster']} times faster than one")
    differs = max(one["largest_difference"] for one in report["comparisons"])
    return int(differs > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
