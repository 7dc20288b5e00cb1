"""What every benchmark says about itself: machine, versions, timing."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil


def machine() -> dict[str, Any]:
    """Return the processor, memory and system; no name of the machine."""
    return {
        "cpu": _cpu_model(),
        "cpus_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        # What else runs on the machine disturbs timings.
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of the packages."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, dict[str, Any]]:
    """Call `work` once unmeasured, then `repeats` times.

    Returns
    -------
    result of the last call, {"seconds": median, "repeats_seconds": [each]}
    """
    result = work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, {
        "seconds": round(statistics.median(seconds), 6),
        "repeats_seconds": [round(s, 6) for s in seconds],
    }


def race(
    ways: dict[str, Callable[[], Any]], repeats: int, unmeasured: int = 1
) -> tuple[dict, dict[str, float]]:
    """Call ways in turn, each `unmeasured` times, then `repeats` times.

    Returns
    -------
    result of each way's last call; least CPU seconds of this process each took, which other loads of
    the machine hardly change.
    """
    results, seconds = {}, dict.fromkeys(ways, float("inf"))
    for repeat in range(unmeasured + repeats):
        for name, way in ways.items():
            start = time.process_time()
            results[name] = way()
            if repeat >= unmeasured:
                seconds[name] = min(seconds[name], round(time.process_time() - start, 6))
    return results, seconds


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return b of seconds = a size^b, by least squares of the logarithms."""
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def comparison(
    work: str,
    *,
    peer: dict[str, str],
    ours: float,
    theirs: float,
    goal: float | None = None,
    tolerance: float = 0.0,
    difference: float = 0.0,
    threads: int = 1,
) -> dict[str, Any]:
    """Return one row of the README's table of speed.

    Parameters
    ----------
    work
        What both sides did, with its size.
    peer
        The strongest public way to the same numbers: its name, version and options.
    ours, theirs
        Seconds of each side, by the same clock.
    goal
        The ratio that was aimed at; None where there was no aim.
    tolerance, difference
        Largest difference of results that is allowed, and that was found.
    threads
        Of each side.
    """
    return {
        "work": work,
        "goal": goal,
        "peer": peer,
        "ours_seconds": round(ours, 6),
        "peer_seconds": round(theirs, 6),
        "ratio": round(theirs / ours, 2),
        "tolerance": tolerance,
        "largest_difference": difference,
        "threads": threads,
    }


def write(path: Path, report: dict[str, Any]) -> None:
    """Write the report as JSON that is pleasant to read and to compare."""
    path.write_text(json.dumps(report, indent=2) + "\n")


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
