"""RDMs, Spearman's rho and the bootstrap over stimuli, against rsatoolbox and the fastest public parts.

    python benchmarks/rsa.py            720 stimuli, 4 model and 18 brain RDMs, 1,000 draws
    python benchmarks/rsa.py --fast     a few seconds, to see that it works

Each peer is written as one would write it who knows its library well. RDMs: `np.corrcoef`, one matrix
product a system; rsatoolbox's `calc_rdm`. Spearman: rsatoolbox's `compare`, which ranks each vector
once; `scipy.stats.spearmanr` of all at once; `bottleneck.rankdata` (a compiled loop behind NumPy's
vectorised sort) with `np.corrcoef`. Bootstrap: each of these on the pairs of each resample, all RDMs at
once (rsatoolbox's own `eval_bootstrap_pattern` goes model by model); peers run fewer draws, the first of
the same resamples. bottleneck is in no environment of the study (`pip install bottleneck`); without it
it is left out, and the kept run has it.

One thread; the least CPU seconds of each side's repeats, sides in turn. `two_cores`: our wall seconds with
1 and 2 threads of the matrix products, and with the draws dealt to 1 and 2 processes. `scaling`: against
the stimuli, with the exponent of a power law, drawn beside the JSON. Exit status 1 when results differ by
more than 1e-6.
"""

import argparse
import importlib.util
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import comparison, exponent, machine, race, versions, write
from curves import draw
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import RDMs, calc_rdm, compare
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from replicortex.analysis import bootstrap, rank, rdm
from replicortex.core.randomness import generator

TOLERANCE = 1e-6
FULL = {
    "stimuli": 720, "models": 4, "brains": 18, "draws": 1000, "peer_draws": 3, "repeats": 3,
    "growing": [72, 144, 288, 720], "growing_draws": 10,
}  # fmt: skip
FAST = {
    "stimuli": 40, "models": 2, "brains": 3, "draws": 50, "peer_draws": 5, "repeats": 1,
    "growing": [20, 40], "growing_draws": 2,
}  # fmt: skip
FEATURES = {"model": 512, "brain": 300}  # columns: units of a layer, voxels of an area
GOALS = {"bootstrap": 40, "Spearman": 5}  # the first whose word stands in the work
OPTIONS = {
    "numpy": "1 - corrcoef, a system at a time",
    "scipy": "stats.spearmanr of all RDMs at once",
    "bottleneck": "rankdata(axis=1), then np.corrcoef",
}
HAS_BOTTLENECK = importlib.util.find_spec("bottleneck") is not None


def features(sizes: dict[str, Any], stimuli: int) -> list[np.ndarray]:
    """Return random model and brain features that share some signal: (k, n, p), (l, n, q)."""
    rng = generator(0, "benchmark")
    signal = rng.normal(size=(stimuli, 20))

    def noisy(count: int, columns: int) -> np.ndarray:
        mixing = rng.normal(size=(count, 20, columns))
        return signal @ mixing + 5 * rng.normal(size=(count, stimuli, columns))

    return [noisy(sizes[f"{kind}s"], columns) for kind, columns in FEATURES.items()]


def rdm_ways(made: list[np.ndarray]) -> dict[str, Callable[[], list[np.ndarray]]]:
    """Return ways to the RDMs' pairs, by the library that gives them."""
    return {
        "ours": lambda: [rdm.upper(rdm.correlation_distance(f)) for f in made],
        "numpy": lambda: [
            rdm.upper(np.stack([1 - np.corrcoef(one) for one in f])) for f in made
        ],
        "rsatoolbox": lambda: [
            calc_rdm([Dataset(one) for one in f], method="correlation").get_vectors() for f in made
        ],
    }  # fmt: skip


def toolbox(models: np.ndarray, brains: np.ndarray) -> np.ndarray:
    """Return rho (k, l) by rsatoolbox."""
    return compare(RDMs(models), RDMs(brains), method="spearman")


def scipys(models: np.ndarray, brains: np.ndarray) -> np.ndarray:
    """Return rho (k, l) by SciPy."""
    rho = np.atleast_2d(spearmanr(np.concatenate([models, brains]), axis=1).statistic)
    return rho[: len(models), len(models) :]


def ranked(models: np.ndarray, brains: np.ndarray) -> np.ndarray:
    """Return rho (k, l) by bottleneck's ranks and NumPy's correlations."""
    import bottleneck

    ranks = bottleneck.rankdata(np.concatenate([models, brains]), axis=1)
    return np.corrcoef(ranks)[: len(models), len(models) :]


PEERS = {
    "rsatoolbox": toolbox,
    "scipy": scipys,
    **({"bottleneck": ranked} if HAS_BOTTLENECK else {}),
}


def resampled(way: Callable, pairs: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return rho (draws, k, l) of the pairs of each resample, those of a stimulus with itself dropped."""
    n = weights.shape[1]
    where = np.zeros((n, n), dtype=np.intp)
    where[np.triu_indices(n, 1)] = np.arange(n * (n - 1) // 2)
    where += where.T
    rho = []
    for counts in weights:
        chosen = np.repeat(np.arange(n), counts)
        first, second = np.triu_indices(n, 1)
        first, second = chosen[first], chosen[second]
        kept = where[first, second][first != second]
        rho.append(way(*(one[:, kept] for one in pairs)))
    return np.array(rho)


def toolbox_resampled(pairs: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return rho (draws, k, l) by rsatoolbox's own resampling."""
    whole = [RDMs(one) for one in pairs]
    rho = []
    for counts in weights:
        chosen = np.repeat(np.arange(len(counts)), counts)
        drawn = (one.subsample_pattern("index", chosen) for one in whole)
        rho.append(compare(*drawn, method="spearman"))
    return np.array(rho)


def bootstrap_ways(pairs: list[np.ndarray], weights: np.ndarray, few: int) -> dict[str, Callable]:
    """Return ways to rho in each resample; peers take the first `few`."""
    n = weights.shape[1]
    ways: dict[str, Callable] = {
        "ours": lambda: bootstrap.stimulus_bootstrap(*pairs, n, len(weights), 0, weights=weights),
        "rsatoolbox": lambda: toolbox_resampled(pairs, weights[:few]),
    }
    for name, way in PEERS.items():
        if name != "rsatoolbox":
            ways[name] = partial(resampled, way, pairs, weights[:few])
    return ways


def rows(
    what: str, found: dict, seconds: dict[str, float], named: dict[str, str]
) -> list[dict[str, Any]]:
    """Return comparisons with rsatoolbox and with the fastest of the peers."""
    peers = {name: taken for name, taken in seconds.items() if name != "ours"}
    made = []
    for name in dict.fromkeys([min(peers, key=peers.get), "rsatoolbox"]):
        few = len(found[name])
        difference = max(
            float(np.abs(np.asarray(a) - np.asarray(b)).max())
            for a, b in zip(found["ours"][:few], found[name], strict=True)
        )
        options = named["rsatoolbox" if name == "rsatoolbox" else "other"]
        peer = {
            "name": name,
            "version": versions(name)[name],
            "options": options if name == "rsatoolbox" else f"{OPTIONS[name]}{options}",
        }
        made.append(
            comparison(
                what,
                peer=peer,
                ours=seconds["ours"],
                theirs=peers[name],
                goal=next((goal for word, goal in GOALS.items() if word in what), None),
                tolerance=TOLERANCE,
                difference=difference,
            )
        )
    return made


def compare_all(sizes: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Time and compare the three steps at full size; return comparisons, and seconds of every way."""
    n, repeats = sizes["stimuli"], sizes["repeats"]
    size = f"{sizes['models']} x {sizes['brains']} RDMs of {n} stimuli"
    made = features(sizes, n)
    found, used = race(rdm_ways(made), repeats)
    table = rows(f"RDMs: {size}", found, used, {"rsatoolbox": "calc_rdm", "other": ""})
    every = {"rdm": used}

    pairs = found["ours"]  # from here on all work on identical vectors
    ways = {"ours": partial(rank.spearman, *pairs)}
    ways |= {name: partial(way, *pairs) for name, way in PEERS.items()}
    found, used = race(ways, repeats)
    named = {"rsatoolbox": "compare, method spearman", "other": ""}
    table += rows(f"Spearman's rho: {size}", found, used, named)
    every["spearman"] = used

    weights = bootstrap.resample_weights(n, sizes["draws"], 0)
    # All of it has run before, on the same pairs: once is enough of a thousand draws.
    found, used = race(bootstrap_ways(pairs, weights, sizes["peer_draws"]), 1, unmeasured=0)
    used = {
        name: round(taken / (sizes["draws"] if name == "ours" else sizes["peer_draws"]), 6)
        for name, taken in used.items()
    }
    named = {"rsatoolbox": "subsample_pattern, compare", "other": ", of each resample"}
    table += rows(f"one draw of the bootstrap of Spearman's rho: {size}", found, used, named)
    every["bootstrap_draw"] = used
    return table, every


def scaling(sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Time ours and the fastest peer at growing numbers of stimuli."""
    titles = ("RDMs", "Spearman's rho", "One draw of the bootstrap")
    fastest = "bottleneck" if HAS_BOTTLENECK else "scipy"
    taken: list[dict[str, list[float]]] = [{}, {}, {}]
    draws = sizes["growing_draws"]
    for n in sizes["growing"]:
        made = features(sizes, n)
        weights = bootstrap.resample_weights(n, draws, 0)
        pairs = rdm_ways(made)["ours"]()
        steps = (
            {name: way for name, way in rdm_ways(made).items() if name != "rsatoolbox"},
            {
                "ours": partial(rank.spearman, *pairs),
                fastest: partial(PEERS[fastest], *pairs),
            },
            {
                name: way
                for name, way in bootstrap_ways(pairs, weights, max(1, draws // 5)).items()
                if name in ("ours", fastest)
            },
        )
        for curves, ways, times in zip(taken, steps, (1, 1, draws), strict=True):
            _, used = race(ways, sizes["repeats"])
            for name, seconds in used.items():
                each = times if name == "ours" else max(1, times // 5)
                curves.setdefault(name, []).append(seconds / each)
    return [
        {
            "title": title,
            "axis": "Stimuli",
            "sizes": sizes["growing"],
            "ways": {
                name: {
                    "cpu_seconds": [round(s, 7) for s in seconds],
                    "exponent": exponent(sizes["growing"], seconds),
                }
                for name, seconds in curves.items()
            },
        }
        for title, curves in zip(titles, taken, strict=True)
    ]


SHARED: dict[str, Any] = {}  # what forked processes find ready


def _part(part: slice) -> np.ndarray:
    with threadpool_limits(limits=1):
        weights = SHARED["weights"][part]
        return bootstrap.stimulus_bootstrap(
            *SHARED["pairs"], weights.shape[1], len(weights), 0, weights=weights
        )


def two_cores(sizes: dict[str, Any]) -> dict[str, Any]:
    """Return our wall seconds on one core and on two."""
    made = features(sizes, sizes["stimuli"])
    pairs = rdm_ways(made)["ours"]()
    draws = max(4, sizes["draws"] // 10)
    SHARED.update(pairs=pairs, weights=bootstrap.resample_weights(sizes["stimuli"], draws, 0))
    found: dict[str, Any] = {"draws": draws, "wall_seconds": {}}
    for cores in (1, 2):
        with threadpool_limits(limits=cores):
            took = {}
            for name, way in (
                ("rdm", rdm_ways(made)["ours"]),
                ("spearman", partial(rank.spearman, *pairs)),
            ):
                way()
                start = time.perf_counter()
                way()
                took[name] = time.perf_counter() - start
        parts = [slice(k * draws // cores, (k + 1) * draws // cores) for k in range(cores)]
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(cores, mp_context=context) as pool:
            list(pool.map(abs, range(cores)))
            start = time.perf_counter()
            rho = np.concatenate(list(pool.map(_part, parts)))
            took["bootstrap"] = time.perf_counter() - start
        found["wall_seconds"][str(cores)] = {name: round(s, 4) for name, s in took.items()}
        found.setdefault("same", []).append(rho.tolist())
    one, two = found.pop("same")
    return found | {"same_draws": one == two}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="small sizes, a few seconds")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    sizes = FAST if arguments.fast else FULL
    before = machine()  # before: its load average is not yet ours
    with threadpool_limits(limits=1):
        comparisons, every = compare_all(sizes)
        panels = scaling(sizes)
    peers = ["rsatoolbox", *(["bottleneck"] if HAS_BOTTLENECK else [])]
    report = {
        "fast": arguments.fast,
        "threads": 1,
        "sizes": {**sizes, "pairs": sizes["stimuli"] * (sizes["stimuli"] - 1) // 2},
        "comparisons": comparisons,
        "cpu_seconds": every,
        "scaling": panels,
        "two_cores": two_cores(sizes),
        "machine": before,
        "versions": versions("numpy", "scipy", *peers),
    }
    write(arguments.out, report)
    words = (
        f"{sizes['models']} model and {sizes['brains']} brain RDMs, one thread; a draw of "
        f"{sizes['growing_draws']}, with their share of the sorting."
    )
    draw(panels, words, arguments.out.with_suffix(".png"))
    for found in comparisons:
        print(
            f"{found['work']}: {found['ratio']} times {found['peer']['name']}, "
            f"largest difference {found['largest_difference']:.1e}"
        )
    worst = max(found["largest_difference"] for found in comparisons)
    if not (worst <= TOLERANCE and report["two_cores"]["same_draws"]):
        print(f"results differ by {worst:.1e}, more than {TOLERANCE}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
