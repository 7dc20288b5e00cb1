"""MT direction maps: swaps against the plain loop, and map measures at 50,000 units.

    python benchmarks/maps.py           500 units, 500 swaps; 50,176 units on a 96 x 96 grid
    python benchmarks/maps.py --fast    a few seconds, to see that it works

One thread. The plain loop recomputes the loss for each trial; both get the same pairs. Exit status 1
when they end at different places.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from common import machine, timed, versions, write
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))

from papers.mt_maps import maps, positions

FULL = {"units": 500, "trials": 500, "channels": 256, "grid": 14, "pixels": 96, "repeats": 5}
FAST = {"units": 60, "trials": 50, "channels": 8, "grid": 8, "pixels": 32, "repeats": 1}
SIDE = 7.07  # mm


def swaps(sizes: dict[str, int]) -> dict:
    """Time both forms of the swaps on one neighbourhood."""
    rng = np.random.default_rng(0)
    units, trials = sizes["units"], sizes["trials"]
    responses = rng.normal(size=(64, 6)) @ rng.normal(size=(6, units))
    alike = positions.correlations(responses)
    near = positions.nearness(rng.uniform(0, 2.1, (units, 2)))
    first = rng.integers(0, units, trials)
    second = (first + rng.integers(1, units, trials)) % units
    pairs = np.stack([first, second], 1)
    fast, ours = timed(lambda: positions.swap(alike, near, pairs), sizes["repeats"])
    plain, loop = timed(lambda: positions.swap_plainly(alike, near, pairs), 1)
    return {
        "closed_form": ours,
        "plain_loop": loop,
        "times_faster": round(loop["seconds"] / ours["seconds"], 1),
        "same_result": bool(np.array_equal(fast, plain)),
    }


def measures(sizes: dict[str, int]) -> dict:
    """Time what one map is measured by."""
    rng = np.random.default_rng(0)
    place = positions.retinotopic(sizes["channels"], sizes["grid"], SIDE, 0.4, rng)
    vectors = np.exp(1j * rng.uniform(0, 2 * np.pi, len(place)))
    z, field = timed(
        lambda: maps.field(place, vectors, SIDE, sizes["pixels"], 0.2), sizes["repeats"]
    )
    return {
        "units": len(place),
        "field": field,
        "density": timed(lambda: maps.density(z, SIDE), sizes["repeats"])[1],
        "phase_scrambled_density": timed(
            lambda: maps.density(maps.phase_scramble(z, rng), SIDE), sizes["repeats"]
        )[1],
        "difference_curve": timed(
            lambda: maps.difference_curve(
                place, np.rad2deg(np.angle(vectors)), np.linspace(0, 3, 10), rng
            ),
            sizes["repeats"],
        )[1],
    }


def main() -> int:
    """Run, write the report, say whether the results agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    sizes = FAST if options.fast else FULL
    with threadpool_limits(1):
        report = {
            "machine": machine(),
            "versions": versions("numpy", "scipy"),
            "sizes": sizes,
            "swaps": swaps(sizes),
            "measures": measures(sizes),
        }
    write(options.output, report)
    return 0 if report["swaps"]["same_result"] else 1


if __name__ == "__main__":
    sys.exit(main())
