"""What the largest jobs of `full` need: true functions on arrays of the true shape, random content.

    python benchmarks/true_size.py [--only PAPER] [--fast] [--out FILE]

Each part of a job runs in a process of its own at three sizes, on one thread; its peak resident memory
is `resource.getrusage`'s, its time CPU seconds. Where the largest size is that of `full`, it was
measured; else a line over the sizes is extrapolated. A job's memory is that of its largest part, its
time the sum of its parts'. A rule asks for 1.5 times its largest job, and at least 1,000 MB and 10
minutes.

Reading of licensed files is not measured, nor is a GPU: of rules that ask for one, memory is that of the
same job on the CPU, and time is left to whoever has the GPU. Of a job that reads recordings for longer
than it computes (`reads`) nothing is asked.

`--fast` runs the two smallest sizes of the two quickest parts: shows that it runs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
MARGIN = 1.5
STEP_MB, STEP_MINUTES = 500, 5
LEAST_MB, LEAST_MINUTES = 1000, 10  # the engine runs beside a job, and starts before it
MEASURED, CURVE = "measured at true size", "curve of three sizes"
Size = Any  # a number, or one for each side of a pair
Terms = Callable[[Size], Sequence[float]]


def linear(size: Size) -> Sequence[float]:
    """Return what grows beside a constant: the size."""
    return (size,)


def squared(size: Size) -> Sequence[float]:
    """Return what grows beside a constant: the size's square."""
    return (size**2,)


def linear_and_squared(size: Size) -> Sequence[float]:
    """Return what grows beside a constant: the size, and its square."""
    return (size, size**2)


def of_pairs(size: Size) -> Sequence[float]:
    """Return what grows beside a constant: pairs of layers."""
    return (size[0] * size[1],)


def of_layers_and_pairs(size: Size) -> Sequence[float]:
    """Return what grows: layers, and pairs of layers."""
    return (size[0] + size[1], size[0] * size[1])


class Part(NamedTuple):
    """What a job does once or several times, as a function of a size.

    Attributes
    ----------
    name
        Of `make_<name>` and `run_<name>` in true_size_steps.py.
    axis
        What grows.
    sizes
        Three of them.
    full
        That of `full`.
    memory, seconds
        What each grows with.
    times
        How often the job does it.
    """

    name: str
    axis: str
    sizes: tuple[Size, Size, Size]
    full: Size
    memory: Terms = linear
    seconds: Terms = linear
    times: float = 1.0


class Step(NamedTuple):
    """A job of a rule: its parts.

    `gpu`: whether a GPU does its work at `full`. `reads`: whether it reads licensed recordings for
    longer than it computes; its rule asks for what somebody thought, not for what is found here.
    """

    paper: str
    rule: str
    job: str
    parts: tuple[Part, ...]
    gpu: bool = False
    reads: bool = False


STEPS = (
    Step(
        "learning_rules",
        "extract",
        "8 checkpoints of a network, 720 pictures",
        (Part("extract", "pictures", (10, 40, 160), 720),),
        gpu=True,
    ),
    Step(
        "learning_rules",
        "score",
        "8 checkpoints of a network, 720 pictures, 1,000 resamples",
        (Part("score", "pictures", (60, 150, 300), 720, linear_and_squared, squared),),
    ),
    Step(
        "topographic",
        "measure",
        "5 networks, 10,000 images",
        (Part("measures", "networks", (1, 2, 5), 5),),
    ),
    Step(
        "topographic",
        "aggregate",
        "409 networks, 10,000 images",
        (
            Part("aggregate", "networks", (15, 20, 30), 409),
            # Four objectives at two strengths; 96 kinds of noise, levels and strengths, two kinds of vote.
            Part("tsne", "images of each class", (50, 100, 150), 200, squared, squared, times=8),
            Part("boost", "resamples", (5, 10, 20), 1000, times=192),
        ),
    ),
    Step(
        "hierarchical_ot",
        "match_fixed",
        "MAE-B to DINOv2-G with rotation, 12 x 40 layers of 768 and 1,536 units",
        (
            Part(
                "match_rotated",
                "layers of source and target",
                ((1, 1), (1, 2), (2, 2)),
                (12, 40),
                of_layers_and_pairs,
                of_pairs,
                times=5,
            ),
        ),
    ),
    Step(
        "hierarchical_ot",
        "match_fixed",
        "Llama-3B to Qwen-3B, 28 x 36 layers of 3,072 and 2,048 units",
        (
            Part(
                "match_language",
                "layers of source and target",
                ((1, 1), (1, 2), (2, 2)),
                (28, 36),
                of_layers_and_pairs,
                of_pairs,
                times=5,
            ),
        ),
    ),
    Step(
        "sparse_positive",
        "encode",
        "FFA and PPA of four people, 3,171 voxels from two feature spaces, 1,000 images",
        # Both regions at once: as many voxels as the largest has, so often that all have been fitted.
        (Part("encode", "voxels of a region", (40, 80, 160), 788, times=2 * 3171 / (2 * 788)),),
        reads=True,
    ),
    Step(
        "sparse_positive",
        "extract",
        "a network of 64 channels, 18,244 pictures",
        (Part("spaces", "pictures", (100, 200, 400), 18_244),),
        gpu=True,
    ),
    Step(
        "mt_maps",
        "respond",
        "a network, 64 pairs of clips of 112 pixels",
        (Part("respond", "pairs of clips", (3, 6, 10), 64),),
        gpu=True,
    ),
    Step(
        "mt_maps",
        "measure",
        "a network, 50,176 units",
        (
            Part("measure", "units along a side of a channel", (4, 7, 14), 14, squared, squared),
            Part("nulls", "nulls", (2, 3, 5), 200, times=2),  # of two families of stimuli
        ),
    ),
)
FAST = ("measures", "boost")


def in_process(part: Part, size: Size, folder: Path, what: str) -> dict[str, float]:
    """Return peak memory (MB) and CPU seconds of making or running a part, alone in a process."""
    paths = [str(HERE.parent / "workflow"), str(HERE), os.environ.get("PYTHONPATH", "")]
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
    done = subprocess.run(
        [
            *(sys.executable, __file__, "--part", part.name, "--size", json.dumps(size)),
            *("--folder", str(folder), "--do", what),
        ],
        env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{what} {part.name} at {size}: exit {done.returncode}\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def alone(name: str, size: Size, folder: Path, what: str) -> None:
    """Make or run a part here, and say what it took."""
    import true_size_steps

    size = tuple(size) if isinstance(size, list) else size
    getattr(true_size_steps, f"{what}_{name}")(folder, size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": round(peak, 1), "cpu_seconds": round(time.process_time(), 2)}))


def extrapolated(
    sizes: Sequence[Size], values: Sequence[float], full: Size, terms: Terms
) -> tuple[float, float]:
    """Return the value at the size of `full`, and the fit's largest relative error at a measured size.

    Parameters
    ----------
    sizes, values
        As measured. A constant and the terms that a size has, none negative, are fitted.
    full
        Where it is among the sizes, the value is the measured one.
    terms
        What grows.
    """
    import numpy as np
    from scipy.optimize import nnls

    rows = np.array([[1.0, *terms(size)] for size in sizes])
    measured = np.array(values)
    found, _ = nnls(rows / measured[:, None], np.ones(len(rows)))
    misfit = float(np.abs(rows @ found / measured - 1).max())
    if full in sizes:
        return values[list(sizes).index(full)], misfit
    return float(np.array([1.0, *terms(full)]) @ found), misfit


def curve(part: Part, sizes: Sequence[Size]) -> dict[str, Any]:
    """Return what a part needs at some sizes and, with three of them, at that of `full`."""
    measured = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            in_process(part, size, Path(name), "make")
            took = in_process(part, size, Path(name), "run")
        measured.append({"size": size, **took})
        print(f"  {part.name}, {part.axis} {size}: {took}", flush=True)
    return completed(part, measured)


def completed(part: Part, measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a part's row, from what was measured."""
    sizes = [tuple(m["size"]) if isinstance(m["size"], list) else m["size"] for m in measured]
    found = {"part": part.name, "axis": part.axis, "full": part.full, "times": part.times}
    for name, terms in (("peak_mb", part.memory), ("cpu_seconds", part.seconds)):
        value, misfit = extrapolated(sizes, [m[name] for m in measured], part.full, terms)
        found[f"full_{name}"] = round(value, 1)
        found[f"{name}_misfit"] = round(misfit, 3)
    return {**found, "at_true_size": part.full in sizes, "measured": measured}


def job(step: Step, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a job, from those of its parts."""
    seconds = sum(part["times"] * part["full_cpu_seconds"] for part in parts)
    return {
        "paper": step.paper,
        "rule": step.rule,
        "job": step.job,
        "gpu": step.gpu,
        "reads": step.reads,
        "peak_mb": round(max(part["full_peak_mb"] for part in parts)),
        "cpu_minutes": round(seconds / 60, 1),
        "found": MEASURED if all(part["at_true_size"] for part in parts) else CURVE,
        "parts": parts,
    }


def asked(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what each rule should ask for: 1.5 times its largest job; no time where a GPU works.

    Nothing of rules whose reading was not measured.
    """
    rules: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in (job for job in jobs if not job["reads"]):
        rules.setdefault((one["paper"], one["rule"]), []).append(one)
    return [
        {
            "paper": paper,
            "rule": rule,
            "mem_mb": up(max(one["peak_mb"] for one in own), STEP_MB, LEAST_MB),
            "runtime": None
            if any(one["gpu"] for one in own)
            else up(max(one["cpu_minutes"] for one in own), STEP_MINUTES, LEAST_MINUTES),
            "found": MEASURED if all(one["found"] == MEASURED for one in own) else CURVE,
        }
        for (paper, rule), own in rules.items()
    ]


def up(value: float, step: int, least: int) -> int:
    """Return a value with its margin, as the next multiple of a step."""
    return max(least, step * math.ceil(MARGIN * value / step))


def main() -> int:
    """Measure, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="one paper; rows of the others are kept as they are in FILE")
    parser.add_argument("--fast", action="store_true", help="few parts: shows that it runs")
    parser.add_argument("--out", type=Path, default=HERE / "true_size.json")
    for hidden in ("--part", "--size", "--folder", "--do"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        alone(chosen.part, json.loads(chosen.size), Path(chosen.folder), chosen.do)
        return 0
    kept = json.loads(chosen.out.read_text())["jobs"] if chosen.only and chosen.out.exists() else []
    jobs = []
    for step in STEPS:
        before = [one for one in kept if (one["paper"], one["job"]) == (step.paper, step.job)]
        if chosen.only not in (None, step.paper):
            jobs += before
            continue
        parts = [part for part in step.parts if not chosen.fast or part.name in FAST]
        if parts:
            print(f"{step.paper}: {step.rule}, {step.job}", flush=True)
            jobs.append(
                job(step, [curve(p, p.sizes[:2] if chosen.fast else p.sizes) for p in parts])
            )
    # Only now: what this process has loaded would count as memory of those that it starts.
    from common import machine, versions, write

    report = {
        "fast": chosen.fast,
        "machine": machine(),
        "versions": versions("numpy", "scipy", "torch", "pandas"),
        "margin": MARGIN,
        "jobs": jobs,
        "rules": asked(jobs),
    }
    write(chosen.out, report)
    for row in report["rules"]:
        print(
            f"{row['paper']} {row['rule']}: {row['mem_mb']} MB, {row['runtime']} min; {row['found']}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
