"""Encoding models of many voxels against scikit-learn per voxel and alpha, and himalaya; one run.

    python benchmarks/sparse_positive.py [--fast] [--out FILE]

Ten alphas and eight models (OLS, Lasso, ridge, elastic net; signed and positive), for 1,000 voxels
and 100 units (1,000 images) and 1,000 units (2,000 images, so that OLS has one solution).

(a) `models`: all voxels at once by `replicortex.analysis.encoding.path`, against one scikit-learn
estimator per voxel and alpha. The peer is timed on the first voxels and its time multiplied up to
all, and the weights of these voxels are compared. scikit-learn's tolerance is the loosest tried at
which they agree to 1e-6. Where they never do, `peer_violation` and `our_violation` say whose solution
is further from optimal; the exit status is 1 unless that is the peer's, by a factor of 1,000.
(b) `himalaya`: signed ridge, ten alphas, all voxels. (c) `scaling`: our positive Lasso over voxels
and over units. (d) `training`: images a second of the paper's two trainings, its network at a quarter
of its width, views included; no peer, for `python -m replicortex cost`.

One thread each. `cpu_seconds` are this process's, which other load changes little; ratios are of
these.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from common import machine, versions, write
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge

from papers.sparse_positive.train import Learner, views
from papers.sparse_positive.training_settings import Learning, TrainingSettings
from replicortex.analysis import encoding
from replicortex.core.randomness import generator
from replicortex.training.views import Views

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 16  # channels of the first stage
TOLERANCE = 1e-6
ALPHAS = np.logspace(-2, 4, 10).tolist()
L1_RATIO = 0.5
FULL = {
    "problems": {
        "100 units": {"images": 1000, "units": 100, "voxels": 1000, "peer_voxels": 20},
        "1000 units": {"images": 2000, "units": 1000, "voxels": 1000, "peer_voxels": 2},
    },
    "scaling": {"voxels": [250, 500, 1000, 2000], "units": [50, 100, 200, 400]},
    "training_batches": 8,
}
FAST = {
    "problems": {"20 units": {"images": 80, "units": 20, "voxels": 30, "peer_voxels": 3}},
    "scaling": {"voxels": [5, 10], "units": [5, 10]},
    "training_batches": 1,
}
TOLERANCES = (1e-6, 1e-8, 1e-10, 1e-12)


def problem(images: int, units: int, voxels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised features with common latents, and sparse mixes of them with noise."""
    rng = generator(0, "benchmark", units, voxels)
    latents = min(20, units)
    x = rng.normal(size=(images, latents)) @ rng.normal(size=(latents, units))
    x += 3 * rng.normal(size=x.shape)
    y = x @ (rng.normal(size=(units, voxels)) * (rng.random((units, voxels)) < 0.1))
    y = y / np.maximum(y.std(0), 1e-9) + rng.normal(size=y.shape)
    return encoding.standard(x)(x), encoding.standard(y)(y)


def timed(function: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return a result, and the CPU and wall seconds that it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = function()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def estimator(kind: str, positive: bool, alpha: float, tol: float) -> Any:
    """Return scikit-learn's model."""
    given = {"fit_intercept": False, "positive": positive}
    if kind == "ols":
        return LinearRegression(**given)
    if kind == "ridge":
        return Ridge(alpha, tol=tol, max_iter=100_000 if positive else None, **given)
    if kind == "lasso":
        return Lasso(alpha, tol=tol, max_iter=1_000_000, **given)
    return ElasticNet(alpha, l1_ratio=L1_RATIO, tol=tol, max_iter=1_000_000, **given)


def penalties(kind: str, alpha: float, images: int) -> tuple[float, float]:
    """Return l1 and l2 in units of the loss divided by 2n."""
    if kind == "ols":
        return 0.0, 0.0
    if kind == "ridge":
        return 0.0, alpha / images
    share = 1.0 if kind == "lasso" else L1_RATIO
    return alpha * share, alpha * (1 - share)


def compare(kind: str, positive: bool, x: np.ndarray, y: np.ndarray, few: int) -> dict[str, Any]:
    """Return times of both sides for one model, and how far their weights differ."""
    alphas = ALPHAS if kind != "ols" else [0.0]
    ours, cpu, wall = timed(lambda: encoding.path(kind, positive, alphas, x, y, tol=1e-9))

    def theirs(tol: float) -> np.ndarray:
        return np.stack(
            [
                [estimator(kind, positive, alpha, tol).fit(x, one).coef_ for one in y.T[:few]]
                for alpha in alphas
            ]
        )

    # Only these four stop by a tolerance.
    loose = (
        TOLERANCES
        if kind in ("lasso", "elastic_net") or (kind, positive) == ("ridge", True)
        else (1e-8,)
    )
    for tol in loose:
        peer, peer_cpu, peer_wall = timed(lambda tol=tol: theirs(tol))
        difference = float(np.abs(ours[:, :few] - peer).max())
        if difference <= TOLERANCE:
            break
    factor = y.shape[1] / few

    def worst(weights: np.ndarray) -> float:
        violations = []
        for alpha, one in zip(alphas, weights, strict=True):
            gradient = x.T @ (y[:, :few] - x @ one.T) / len(x)
            violations.append(
                encoding.violation(gradient, one.T, *penalties(kind, alpha, len(x)), positive).max()
            )
        return float(max(violations))

    return {
        "cpu_seconds": {"ours": round(cpu, 4), "peer": round(peer_cpu * factor, 3)},
        "seconds": {"ours": round(wall, 4), "peer": round(peer_wall * factor, 3)},
        "times_less_cpu": round(peer_cpu * factor / cpu, 1),
        "peer_tolerance": tol,
        "largest_difference": difference,
        "our_violation": worst(ours[:, :few]),
        "peer_violation": worst(peer),
    }


def models(sizes: dict[str, int]) -> dict[str, Any]:
    """Return the comparison of all eight models, and of all of them together."""
    few = sizes["peer_voxels"]
    x, y = problem(sizes["images"], sizes["units"], sizes["voxels"])
    found = {}
    for kind in encoding.KINDS:
        for positive in (False, True):
            name = f"{kind}_{'positive' if positive else 'signed'}"
            found[name] = compare(kind, positive, x, y, few)
            print(name, found[name], file=sys.stderr, flush=True)
    sums = {
        side: sum(one["cpu_seconds"][side] for one in found.values()) for side in ("ours", "peer")
    }
    return {
        **found,
        "all_eight": {
            "cpu_seconds": {side: round(value, 3) for side, value in sums.items()},
            "times_less_cpu": round(sums["peer"] / sums["ours"], 1),
        },
    }


def himalaya(sizes: dict[str, int]) -> dict[str, Any]:
    """Return times and difference of signed ridge for ten alphas and all voxels."""
    try:
        from himalaya.ridge import Ridge as Theirs
    except ImportError:
        return {"installed": False}
    x, y = problem(sizes["images"], sizes["units"], sizes["voxels"])
    Theirs(alpha=1.0, fit_intercept=False).fit(x[:20], y[:20])  # warm-up: imports
    ours, cpu, wall = timed(lambda: encoding.path("ridge", False, ALPHAS, x, y))
    peer, peer_cpu, peer_wall = timed(
        lambda: np.stack(
            [Theirs(alpha=alpha, fit_intercept=False).fit(x, y).coef_.T for alpha in ALPHAS]
        )
    )
    return {
        "installed": True,
        "cpu_seconds": {"ours": round(cpu, 4), "peer": round(peer_cpu, 4)},
        "seconds": {"ours": round(wall, 4), "peer": round(peer_wall, 4)},
        "times_less_cpu": round(peer_cpu / cpu, 2),
        "largest_difference": float(np.abs(ours - peer).max()),
    }


def scaling(lists: dict[str, list[int]]) -> dict[str, Any]:
    """Return CPU seconds of our positive Lasso, ten alphas: over voxels, and over units."""
    found: dict[str, Any] = {}
    middle = {"voxels": lists["voxels"][0], "units": lists["units"][1]}
    for what, values in lists.items():
        found[what] = {"other": {k: v for k, v in middle.items() if k != what}}
        for value in values:
            sizes = {**middle, what: value}
            x, y = problem(1000, sizes["units"], sizes["voxels"])
            _, cpu, _ = timed(lambda x=x, y=y: encoding.path("lasso", True, ALPHAS, x, y))
            found[what][str(value)] = round(cpu, 4)
    return found


def training(batches: int) -> dict[str, Any]:
    """Return images a CPU second of each objective; both views of an image count once."""
    torch.set_num_threads(1)
    numbers = yaml.safe_load((ROOT / "config/papers/sparse_positive.yaml").read_text())["training"]
    numbers["network"]["width"] = WIDTH
    rng = generator(0, "pictures")
    pictures = rng.integers(0, 256, (batches * numbers["batch"], 32, 32, 3)).astype(np.uint8)
    labels = torch.from_numpy(rng.integers(0, 10, len(pictures)))
    found: dict[str, Any] = {"width": WIDTH, "images_per_second": {}}
    for objective in numbers["objectives"]:
        cpu = torch.device("cpu")
        shared = {name: numbers[name] for name in TrainingSettings.model_fields}
        own = numbers["objectives"][objective]
        learning = Learning(**shared, objective=objective, numbers=own)
        learner = Learner(learning, 0, cpu)
        batches = views(torch.from_numpy(pictures), labels, learning, 0, cpu)

        def epoch(learner: Learner = learner, batches: Views = batches) -> None:
            draws = batches.draw(0)
            for step in range(len(batches)):
                learner.step(*batches.get(draws, step), None)

        epoch()
        _, seconds, _ = timed(epoch)
        found["images_per_second"][objective] = round(len(pictures) / seconds, 1)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    sizes = FAST if options.fast else FULL
    # Dead alphas and tight tolerances: scikit-learn warns, and the comparison says how good it is.
    warnings.simplefilter("ignore", ConvergenceWarning)
    report = {
        "fast": options.fast,
        "machine": machine(),
        "versions": versions("numpy", "scipy", "scikit-learn", "himalaya", "torch"),
        "threads": 1,
        "device": "cpu",
        "width": WIDTH,
        "sizes": sizes,
        "alphas": len(ALPHAS),
        "models": {name: models(one) for name, one in sizes["problems"].items()},
        "himalaya": {name: himalaya(one) for name, one in sizes["problems"].items()},
        "scaling": scaling(sizes["scaling"]),
        "training": training(sizes["training_batches"]),
    }
    write(options.out, report)
    wrong = [
        name
        for part in report["models"].values()
        for name, one in part.items()
        if name != "all_eight"
        and one["largest_difference"] > TOLERANCE
        and one["peer_violation"] < 1000 * one["our_violation"]
    ]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
