"""Encoding models of many voxels against scikit-learn's fastest ways, and other solvers; one run.

    python benchmarks/sparse_positive.py [--fast] [--out FILE]

Ten alphas and eight models (OLS, Lasso, ridge, elastic net; signed and positive), for 1,000 voxels
and 100, 1,000 and 2,500 units; at 2,500 the Lasso and elastic net alone. From 1,000 units on there are
twice as many images as units, so that OLS has one solution.

(a) `models`: all voxels by `replicortex.analysis.encoding.path`. Peer of the Lasso and elastic net:
scikit-learn's `enet_path` voxel by voxel, warm along the alphas, with one Gram matrix for all
voxels and its checks of input turned off. It is timed on the first voxels, and multiplied up to all
but for the Gram matrix; the weights of these voxels are compared. Its tolerance is the loosest
tried at which they agree to 1e-6. Where `our_voxels` is below the number of voxels, so are we. Peer
of signed OLS and ridge: scikit-learn's estimators, all voxels in one fit for each alpha; of
positive ones SciPy's `nnls` on a triangular factor of the Gram matrix, voxel by voxel. `gap`:
largest duality gap over voxels and alphas, where |y|^2 / 2n is 0.5. The exit status is 1 where
weights differ by more, unless the peer's violation of the conditions is 1,000 times ours.
(b) `himalaya`: signed ridge, ten alphas, all voxels. (c) `others`: the Lasso by celer, skglm and adelie,
where they are installed, on the first voxels. (d) `scaling`: our positive Lasso over voxels and over
units, with the exponent of a power law, drawn beside the JSON; and voxels halved between two threads.
(e) `training`: images a second of the paper's two trainings, its network at a quarter
of its width, views included; no peer, for `python -m replicortex cost`.

One thread each. `cpu_seconds` are this process's, which other load changes little; ratios are of
these. Compiling, once a machine, is not counted.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from common import comparison, machine, versions, write
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Ridge, enet_path

from papers.sparse_positive.train import Learner, views
from papers.sparse_positive.training_settings import Learning, TrainingSettings
from replicortex.analysis import encoding
from replicortex.core.randomness import generator
from replicortex.plotting.style import PALETTE, finish, letter, new_figure, note, style
from replicortex.training.views import Views

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 16  # channels of the first stage
TOLERANCE = 1e-6
ALPHAS = np.logspace(-2, 4, 10).tolist()
L1_RATIO = 0.5
GOAL = 5.0
SHARES = {"lasso": 1.0, "elastic_net": L1_RATIO, "ridge": 0.0, "ols": 0.0}
FULL = {
    "problems": {
        "100 units": {
            "images": 1000,
            "units": 100,
            "voxels": 1000,
            "our_voxels": 1000,
            "peer_voxels": 50,
        },
        "1000 units": {
            "images": 2000,
            "units": 1000,
            "voxels": 1000,
            "our_voxels": 200,
            "peer_voxels": 5,
        },
        "2500 units": {
            "images": 5000,
            "units": 2500,
            "voxels": 1000,
            "our_voxels": 20,
            "peer_voxels": 1,
        },
    },
    "kinds": {"2500 units": ["lasso", "elastic_net"]},
    "scaling": {"voxels": [250, 500, 1000, 2500], "units": [50, 100, 200, 500]},
    "repeats": 3,
    "training_batches": 8,
}
FAST = {
    "problems": {
        "20 units": {"images": 80, "units": 20, "voxels": 30, "our_voxels": 30, "peer_voxels": 3}
    },
    "kinds": {},
    "scaling": {"voxels": [5, 10], "units": [5, 10]},
    "repeats": 1,
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


def penalties(kind: str, alpha: float, images: int) -> tuple[float, float]:
    """Return l1 and l2 in units of the loss divided by 2n."""
    if kind == "ols":
        return 0.0, 0.0
    if kind == "ridge":
        return 0.0, alpha / images
    share = 1.0 if kind == "lasso" else L1_RATIO
    return alpha * share, alpha * (1 - share)


def gram_path(
    kind: str, positive: bool, alphas: list[float], x: np.ndarray, y: np.ndarray, tol: float
) -> tuple[np.ndarray, float, float]:
    """Return scikit-learn's weights (alphas, voxels, units), CPU seconds for all voxels, and of those.

    The seconds apart are those of the Gram matrix, which more voxels do not repeat.
    """
    scaled = np.array(alphas)
    order = np.argsort(-scaled)
    gram, once, _ = timed(lambda: np.ascontiguousarray(x.T @ x))
    X, columns = np.asfortranarray(x), [np.ascontiguousarray(one) for one in y.T]
    found = np.empty((len(alphas), len(columns), x.shape[1]))

    def each() -> None:
        for voxel, one in enumerate(columns):
            weights = enet_path(
                X,
                one,
                l1_ratio=SHARES[kind],
                alphas=scaled[order],
                positive=positive,
                precompute=gram,
                Xy=X.T @ one,
                tol=tol,
                max_iter=1_000_000,
                check_input=False,
            )[1]
            found[order, voxel] = weights.T

    _, cpu, _ = timed(each)
    return found, cpu, once


def triangles(alphas: list[float], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return SciPy's positive ridge, or OLS with an alpha of 0, and its seconds as `gram_path` does.

    `nnls` takes a triangular factor of the Gram matrix, one for all voxels, in place of the features:
    scikit-learn's `LinearRegression` gives it all images, its positive ridge stops at 1e-6, and
    `enet_path` never stops without l1.
    """

    def factors() -> list[np.ndarray]:
        gram, unit = x.T @ x, np.eye(x.shape[1])
        return [cholesky(gram + alpha * unit) for alpha in alphas]

    def each() -> np.ndarray:
        right = x.T @ y
        return np.stack(
            [
                [nnls(upper, one)[0] for one in solve_triangular(upper, right, trans=1).T]
                for upper in made
            ]
        )

    made, once, _ = timed(factors)
    found, cpu, _ = timed(each)
    return found, cpu, once


def together(kind: str, alphas: list[float], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return scikit-learn's signed OLS or ridge, all voxels in one fit for each alpha."""
    if kind == "ols":
        return LinearRegression(fit_intercept=False).fit(x, y).coef_[None]
    return np.stack([Ridge(alpha, fit_intercept=False).fit(x, y).coef_ for alpha in alphas])


def gap(
    weights: np.ndarray, l1: float, l2: float, positive: bool, x: np.ndarray, y: np.ndarray
) -> float:
    """Return the largest duality gap over voxels, l1 above 0; weights (voxels, units)."""
    n, left = len(x), y - x @ weights.T
    slope = x.T @ left / n - l2 * weights.T
    steepest = (slope if positive else np.abs(slope)).max(0)
    scale = np.minimum(1, l1 / np.maximum(steepest, np.finfo(float).tiny))
    loss = (left**2).sum(0) / 2 / n * (1 + scale**2) - scale * (left * y).sum(0) / n
    size = l1 * np.abs(weights).sum(1) + l2 / 2 * (1 + scale**2) * (weights**2).sum(1)
    return float((loss + size).max())


def compare(
    kind: str, positive: bool, x: np.ndarray, y: np.ndarray, sizes: dict[str, int], repeats: int
) -> dict[str, Any]:
    """Return times of both sides for one model, and how far their weights differ."""
    alphas = ALPHAS if kind != "ols" else [0.0]
    closed = kind in ("ols", "ridge") and not positive
    voxels = sizes["voxels"]
    few, many = (voxels, voxels) if closed else (sizes["peer_voxels"], sizes["our_voxels"])

    def mine(count: int) -> tuple[np.ndarray, float, float]:
        runs = [
            timed(lambda: encoding.path(kind, positive, alphas, x, y[:, :count], tol=1e-9))
            for _ in range(repeats if count == voxels else 1)
        ]
        return min(runs, key=lambda run: run[1])

    ours, cpu, _ = mine(many)
    if many < voxels:  # the Gram matrix is made once
        _, once, _ = timed(lambda: x.T @ x / len(x))
        cpu = once + max(cpu - once, 0.0) * voxels / many
    if closed:
        runs = [timed(lambda: together(kind, alphas, x, y)) for _ in range(repeats)]
        peer, peer_cpu, _ = min(runs, key=lambda run: run[1])
        options = "all voxels in one fit for each alpha"
    elif kind in ("ols", "ridge"):
        peer, each, once = triangles(alphas, x, y[:, :few])
        peer_cpu = once + each * voxels / few
        options = f"a triangular factor for each alpha, {few} voxels multiplied up"
    else:
        for tol in TOLERANCES:
            peer, each, once = gram_path(kind, positive, alphas, x, y[:, :few], tol)
            if np.abs(ours[:, :few] - peer).max() <= TOLERANCE:
                break
        for _ in range(repeats - 1 if few >= 20 else 0):
            each = min(each, gram_path(kind, positive, alphas, x, y[:, :few], tol)[1])
        peer_cpu = once + each * voxels / few
        options = f"one Gram matrix, check_input=False, tol={tol:g}, {few} voxels multiplied up"

    def worst(weights: np.ndarray, count: int) -> tuple[float, float | None]:
        violations, gaps = [], []
        for alpha, one in zip(alphas, weights, strict=True):
            l1, l2 = penalties(kind, alpha, len(x))
            gradient = x.T @ (y[:, :count] - x @ one.T) / len(x)
            violations.append(encoding.violation(gradient, one.T, l1, l2, positive).max())
            if l1 > 0:
                gaps.append(gap(one, l1, l2, positive, x, y[:, :count]))
        return float(max(violations)), max(gaps) if gaps else None

    (violated, own_gap), (peer_violated, peer_gap) = worst(ours, many), worst(peer, few)
    library, name = "scikit-learn", "enet_path"
    if closed:
        name = "LinearRegression" if kind == "ols" else "Ridge"
    elif kind in ("ols", "ridge"):
        library, name = "scipy", "nnls"
    return {
        "cpu_seconds": {"ours": round(cpu, 4), "peer": round(peer_cpu, 4)},
        "times_less_cpu": round(peer_cpu / cpu, 2),
        "peer": {
            "name": f"{library} {name}",
            "version": version(library),
            "options": options,
        },
        "our_voxels": many,
        "largest_difference": float(np.abs(ours[:, :few] - peer).max()),
        "our_violation": violated,
        "peer_violation": peer_violated,
        "our_gap": own_gap,
        "peer_gap": peer_gap,
    }


def models(name: str, sizes: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison of each model at one size."""
    problem_ = sizes["problems"][name]
    x, y = problem(problem_["images"], problem_["units"], problem_["voxels"])
    found = {}
    for kind in sizes["kinds"].get(name, encoding.KINDS):
        for positive in (False, True):
            model = f"{kind}_{'positive' if positive else 'signed'}"
            found[model] = compare(kind, positive, x, y, problem_, sizes["repeats"])
            print(name, model, found[model], file=sys.stderr, flush=True)
    return found


def others(sizes: dict[str, int]) -> dict[str, Any]:
    """Return CPU seconds of the Lasso, ten alphas and all voxels, by other solvers; signed and positive.

    Timed on the first voxels, after one run unmeasured, and multiplied up.
    """
    few, found = sizes["peer_voxels"], {}
    x, y = problem(sizes["images"], sizes["units"], sizes["voxels"])
    X, columns, falling = np.asfortranarray(x), y.T[:few].copy(), np.sort(ALPHAS)[::-1]

    def celer(one: np.ndarray, positive: bool) -> np.ndarray:
        from celer import celer_path

        given = {"alphas": falling, "positive": positive, "tol": 1e-8, "max_iter": 1000}
        return celer_path(X, one, "lasso", **given)[1].T

    def skglm(one: np.ndarray, positive: bool) -> np.ndarray:
        from skglm.datafits import Quadratic
        from skglm.penalties import L1
        from skglm.solvers import AndersonCD

        solver = AndersonCD(tol=1e-9, max_iter=1000, fit_intercept=False, warm_start=True)
        path, weights = [], np.zeros(x.shape[1])
        for alpha in falling:
            start, penalty = weights.copy(), L1(float(alpha), positive)
            weights = solver.solve(X, one, Quadratic(), penalty, w_init=start, Xw_init=X @ start)[0]
            path.append(weights)
        return np.stack(path)

    def adelie(one: np.ndarray, positive: bool) -> np.ndarray:
        import adelie as ad

        if positive:
            raise NotImplementedError("positive weights need its constraints")
        found = np.zeros((len(falling), x.shape[1]))
        given = {"lmda_path": falling, "tol": 1e-12, "progress_bar": False, "early_exit": False}
        betas = ad.gaussian_cov(gram, x.T @ one / len(x), **given).betas.toarray()
        found[: len(betas)] = betas
        return found

    gram = np.asfortranarray(x.T @ x / len(x))
    for solve in (celer, skglm, adelie):
        for positive in (False, True):
            name = f"{solve.__name__}_{'positive' if positive else 'signed'}"
            try:
                solve(columns[0], positive)
                weights, cpu, _ = timed(
                    lambda solve=solve, positive=positive: np.stack(
                        [solve(one, positive) for one in columns], axis=1
                    )
                )
                known = version(solve.__name__)
            except (ImportError, PackageNotFoundError, NotImplementedError) as problem_:
                found[name] = {"measured": False, "why": str(problem_)}
                continue
            ours = encoding.path("lasso", positive, falling, x, columns.T, tol=1e-9)
            found[name] = {
                "measured": True,
                "version": known,
                "voxels": few,
                "cpu_seconds": round(cpu * sizes["voxels"] / few, 3),
                "largest_difference": float(np.abs(weights - ours).max()),
            }
    return found


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


def scaling(lists: dict[str, list[int]], repeats: int) -> dict[str, Any]:
    """Return CPU seconds of our positive Lasso, ten alphas, over voxels and units; and two threads."""
    found: dict[str, Any] = {}
    middle = {"voxels": lists["voxels"][0], "units": lists["units"][1]}
    for what, values in lists.items():
        seconds = []
        for value in values:
            sizes = {**middle, what: value}
            x, y = problem(1000, sizes["units"], sizes["voxels"])
            runs = [
                timed(lambda x=x, y=y: encoding.path("lasso", True, ALPHAS, x, y))[1]
                for _ in range(repeats)
            ]
            seconds.append(round(min(runs), 5))
        found[what] = {
            "other": {k: v for k, v in middle.items() if k != what},
            "sizes": values,
            "cpu_seconds": seconds,
            "exponent": round(float(np.polyfit(np.log(values), np.log(seconds), 1)[0]), 3),
        }
    x, y = problem(1000, lists["units"][-1], lists["voxels"][-1])
    halves = np.array_split(y, 2, axis=1)

    def threads(count: int) -> list[np.ndarray]:
        with ThreadPoolExecutor(count) as pool:
            jobs = [pool.submit(encoding.path, "lasso", True, ALPHAS, x, half) for half in halves]
            return [job.result() for job in jobs]

    found["threads"] = {
        str(count): round(
            min(timed(lambda count=count: threads(count))[2] for _ in range(repeats)), 4
        )
        for count in (1, 2)
    }
    return found


COLOURS = ("blue", "vermillion", "black")  # of sizes


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw seconds against size, and how many times less CPU each model takes."""
    with style():
        figure = new_figure(2.8)
        axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.6))
        for ax, mark, what in zip(axes, "ab", ("voxels", "units"), strict=False):
            found = report["scaling"][what]
            ax.loglog(found["sizes"], found["cpu_seconds"], marker="o", color=PALETTE["vermillion"])
            ax.set_xticks(found["sizes"], found["sizes"], minor=False)
            ax.set_yticks(found["cpu_seconds"], [f"{s:.2g}" for s in found["cpu_seconds"]])
            ax.minorticks_off()
            ax.set_xlabel(what.capitalize())
            ax.set_ylabel("CPU time (s)")
            letter(ax, mark, f"Exponent {found['exponent']:.2f}")
        ax = axes[2]
        sizes = list(report["models"].items())
        names = list(sizes[0][1])
        for place, ((name, found), colour) in enumerate(zip(sizes, COLOURS, strict=False)):
            at = [names.index(model) + 0.27 * (place - 1) for model in found]
            ratios = [one["times_less_cpu"] for one in found.values()]
            ax.barh(at, ratios, height=0.25, color=PALETTE[colour], label=name)
        ax.axvline(1, color=PALETTE["black"], linewidth=0.6)
        ax.set_xscale("log")
        ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        ax.invert_yaxis()
        left, right = ax.get_xlim()
        ax.set_xlim(left, right * 12)  # room for the legend
        ax.set_xlabel("Times less CPU than the peer")
        ax.legend(fontsize=6, frameon=False, loc="center right")
        letter(ax, "c", "Against the peers")
        note(
            figure,
            f"Positive Lasso, ten alphas, 1,000 images; (a) {report['scaling']['voxels']['other']['units']} "
            f"units, (b) {report['scaling']['units']['other']['voxels']} voxels.",
        )
        finish(figure).savefig(path, dpi=200)


def comparisons(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each model and size, for the README's table."""
    rows = []
    for name, part in report["models"].items():
        voxels = report["sizes"]["problems"][name]["voxels"]
        for model, one in part.items():
            kind = model.rpartition("_")
            work = f"{kind[0].replace('_', ' ')}, {kind[2]}, {voxels} voxels, {name}"
            if kind[0] != "ols":
                work += f", {len(ALPHAS)} alphas"
            if one["our_voxels"] < voxels:
                work += f" (ours from {one['our_voxels']} voxels too)"
            rows.append(
                comparison(
                    work,
                    peer=one["peer"],
                    ours=one["cpu_seconds"]["ours"],
                    theirs=one["cpu_seconds"]["peer"],
                    goal=GOAL if kind[0] in ("lasso", "elastic_net") else None,
                    tolerance=TOLERANCE,
                    difference=one["largest_difference"],
                )
            )
    return rows


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
    encoding.path("lasso", True, [0.1], *problem(20, 5, 3))  # compiled, or read from the cache
    report = {
        "fast": options.fast,
        "machine": machine(),
        "versions": versions("numpy", "scipy", "scikit-learn", "numba", "himalaya", "torch"),
        "threads": 1,
        "device": "cpu",
        "width": WIDTH,
        "sizes": sizes,
        "alphas": len(ALPHAS),
        "models": {name: models(name, sizes) for name in sizes["problems"]},
        "himalaya": {
            name: himalaya(one) for name, one in sizes["problems"].items() if one["units"] <= 1000
        },
        "others": {
            name: others(one) for name, one in sizes["problems"].items() if one["units"] <= 1000
        },
        "scaling": scaling(sizes["scaling"], sizes["repeats"]),
        "training": training(sizes["training_batches"]),
    }
    report["comparisons"] = comparisons(report)
    write(options.out, report)
    draw(report, options.out.with_suffix(".png"))
    wrong = [
        model
        for part in report["models"].values()
        for model, one in part.items()
        if one["largest_difference"] > TOLERANCE
        and one["peer_violation"] < 1000 * one["our_violation"]
    ]
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
