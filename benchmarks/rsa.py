"""RDMs, Spearman and stimulus bootstrap against rsatoolbox: the same arrays, the same resamples.

    python benchmarks/rsa.py            720 stimuli, 4 model and 18 brain RDMs, 1,000 draws
    python benchmarks/rsa.py --fast     a few seconds, to see that it works

One thread. rsatoolbox is given its best case: all models and brains in one `compare` per draw
(its own `eval_bootstrap_pattern` compares model by model). It runs fewer draws, and its time is
scaled per draw. Exit status 1 when the results differ by more than 1e-6.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, timed, versions, write
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import RDMs, calc_rdm, compare
from threadpoolctl import threadpool_limits

from replicortex.analysis import bootstrap, rank, rdm
from replicortex.core.randomness import generator

TOLERANCE = 1e-6
FULL = {"stimuli": 720, "models": 4, "brains": 18, "draws": 1000, "oracle_draws": 10, "repeats": 3}
FAST = {"stimuli": 40, "models": 2, "brains": 3, "draws": 50, "oracle_draws": 5, "repeats": 1}
FEATURES = {"model": 512, "brain": 300}  # columns: units of a layer, voxels of an area


def features(sizes: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return random model and brain features that share some signal: (k, n, p), (l, n, q)."""
    rng = generator(0, "benchmark")
    signal = rng.normal(size=(sizes["stimuli"], 20))

    def noisy(count: int, columns: int) -> np.ndarray:
        mixing = rng.normal(size=(count, 20, columns))
        return signal @ mixing + 5 * rng.normal(size=(count, sizes["stimuli"], columns))

    models = noisy(sizes["models"], FEATURES["model"])
    return models, noisy(sizes["brains"], FEATURES["brain"])


def compare_both(sizes: dict[str, int]) -> dict[str, Any]:
    """Time and compare the three steps, ours and rsatoolbox's."""
    models, brains = features(sizes)
    repeats, draws, oracle_draws = sizes["repeats"], sizes["draws"], sizes["oracle_draws"]
    steps = {}

    ours, our_time = timed(lambda: [rdm.correlation_distance(f) for f in (models, brains)], repeats)
    theirs, their_time = timed(
        lambda: [
            calc_rdm([Dataset(one) for one in f], method="correlation") for f in (models, brains)
        ],
        repeats,
    )
    steps["rdm"] = step(
        our_time,
        their_time,
        max(
            np.abs(rdm.upper(a) - b.get_vectors()).max() for a, b in zip(ours, theirs, strict=True)
        ),
    )

    # From here on both work on identical vectors.
    model_pairs, brain_pairs = (rdm.upper(one) for one in ours)
    model_rdms, brain_rdms = RDMs(model_pairs), RDMs(brain_pairs)
    our_rho, our_time = timed(lambda: rank.spearman(model_pairs, brain_pairs), repeats)
    their_rho, their_time = timed(
        lambda: compare(model_rdms, brain_rdms, method="spearman"), repeats
    )
    steps["spearman"] = step(our_time, their_time, np.abs(our_rho - their_rho).max())

    weights = bootstrap.resample_weights(sizes["stimuli"], draws, 0)

    def rsatoolbox_bootstrap() -> np.ndarray:
        rho = []
        for counts in weights[:oracle_draws]:
            chosen = np.repeat(np.arange(sizes["stimuli"]), counts)
            rho.append(
                compare(
                    model_rdms.subsample_pattern("index", chosen),
                    brain_rdms.subsample_pattern("index", chosen),
                    method="spearman",
                )
            )
        return np.array(rho)

    our_draws, our_time = timed(
        lambda: bootstrap.stimulus_bootstrap(
            model_pairs, brain_pairs, sizes["stimuli"], draws, 0, weights=weights
        ),
        repeats,
    )
    their_draws, their_time = timed(rsatoolbox_bootstrap, repeats)
    our_time["seconds_per_draw"] = our_time["seconds"] / draws
    their_time["seconds_per_draw"] = their_time["seconds"] / oracle_draws
    steps["bootstrap"] = step(
        our_time,
        their_time,
        np.abs(our_draws[:oracle_draws] - their_draws).max(),
        per="seconds_per_draw",
    )
    steps["bootstrap"]["draws"] = {"replicortex": draws, "rsatoolbox": oracle_draws}
    return steps


def step(
    ours: dict[str, Any], theirs: dict[str, Any], difference: float, per: str = "seconds"
) -> dict[str, Any]:
    """Put the two timings beside each other; the ratio is of the medians."""
    return {
        "replicortex": ours,
        "rsatoolbox": theirs,
        "times_faster": round(theirs[per] / ours[per], 2),
        "largest_difference": float(difference),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="small sizes, a few seconds")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    sizes = FAST if arguments.fast else FULL
    before = machine()  # before: its load average is not yet ours
    with threadpool_limits(limits=1):
        steps = compare_both(sizes)
    report = {
        "benchmark": "RDM, Spearman and stimulus bootstrap against rsatoolbox",
        "fast": arguments.fast,
        "threads": 1,
        "sizes": {**sizes, "pairs": sizes["stimuli"] * (sizes["stimuli"] - 1) // 2},
        "note": "rsatoolbox's bootstrap runs fewer draws, the first of the same resamples; "
        "times_faster compares the medians per draw, sorting included in ours",
        "steps": steps,
        "machine": before,
        "versions": versions("numpy", "scipy", "rsatoolbox"),
    }
    write(arguments.out, report)
    for name, found in steps.items():
        print(
            f"{name}: {found['times_faster']} times faster, "
            f"largest difference {found['largest_difference']:.1e}"
        )
    worst = max(found["largest_difference"] for found in steps.values())
    if not worst <= TOLERANCE:
        print(f"results differ by {worst:.1e}, more than {TOLERANCE}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
