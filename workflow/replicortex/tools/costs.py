"""What a run would cost: images that its trainings show, at the throughput that was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replicortex.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Workload:
    """Images that trainings of one kind show to their networks.

    Parameters
    ----------
    what
        Learning rule, objective or network.
    trainings
        How many, over seeds and conditions.
    images
        Shown in all of them; several views of one, shown together, count once.
    benchmark
        File of benchmarks/ that measured the throughput; "" when none did.
    key
        Where in it the images per second stand.
    width
        Channels of the network, where the benchmark's may be narrower or wider: time is taken to
        grow with the square. 0 where the benchmark trains the very network.
    """

    what: str
    trainings: int
    images: int
    benchmark: str = ""
    key: tuple[str, ...] = ()
    width: int = 0


def cost(workloads: Mapping[str, list[Workload]], benchmarks: Path) -> pd.DataFrame:
    """Return the hours that each paper's trainings would take on the machine that was measured.

    Parameters
    ----------
    workloads
        By paper, what its trainings show.
    benchmarks
        Folder of the benchmarks' JSON files.

    Returns
    -------
    One row per paper and kind of training, and a row "all" per paper: trainings, images (millions),
    images_per_second, hours, and device ("cpu: one core of ..." or "cuda: ..."). Hours are NaN where
    no throughput was measured.

    Raises
    ------
    StudyError
        When a benchmark's file or key is missing.
    """
    # Papers' schemas import this module, and parsing must stay fast.
    import pandas as pd

    rows = []
    for paper, kinds in workloads.items():
        own = [{"paper": paper, **_row(kind, benchmarks)} for kind in kinds]
        rows += own
        rows.append(
            {
                "paper": paper,
                "what": "all",
                "trainings": sum(row["trainings"] for row in own),
                "million_images": sum(row["million_images"] for row in own),
                "images_per_second": float("nan"),
                # One unmeasured training leaves the sum unknown.
                "hours": sum((row["hours"] for row in own), 0.0),
                "device": ", ".join(sorted({row["device"] for row in own})),
            }
        )
    return pd.DataFrame(rows)


def _row(kind: Workload, benchmarks: Path) -> dict[str, Any]:
    """Return a training's line: millions of images, images per second, hours; NaN where not measured."""
    rate, device = float("nan"), "not measured"
    if kind.benchmark:
        rate, device = _measured(benchmarks / kind.benchmark, kind.key, kind.width)
    return {
        "what": kind.what,
        "trainings": kind.trainings,
        "million_images": kind.images / 1e6,
        "images_per_second": rate,
        "hours": kind.images / rate / 3600,
        "device": device,
    }


def _measured(file: Path, key: tuple[str, ...], width: int) -> tuple[float, str]:
    """Return images per second and the device of a benchmark; cost grows with the square of the width.

    Raises
    ------
    StudyError
        When there is no such benchmark, or no such number in it.
    """
    if not file.is_file():
        raise StudyError(f"{file}: no such benchmark; run `python {file.with_suffix('.py')}`")
    report = json.loads(file.read_text())
    found: Any = report
    for name in key:
        if not isinstance(found, Mapping) or name not in found:
            raise StudyError(
                f"{file}: no throughput under {'.'.join(key)}; run the benchmark again"
            )
        found = found[name]
    machine = report["machine"]
    device = machine.get("gpu") if report["device"] == "cuda" else f"one core of {machine['cpu']}"
    grown = (width / report["width"]) ** 2 if width else 1
    return float(found) / grown, f"{report['device']}: {device}"


def as_text(table: pd.DataFrame) -> str:
    """Return the table for a terminal, with what it does not know said below it."""
    formatted = table.assign(
        million_images=table["million_images"].round(2),
        # Clips of video may pass at less than one a second.
        images_per_second=table["images_per_second"].map(
            lambda rate: f"{rate:.0f}" if rate >= 10 else f"{rate:.3g}"
        ),
        hours=table["hours"].round(1),
    )
    formatted["images_per_second"] = formatted["images_per_second"].replace("nan", "?")
    lines = [formatted.to_string(index=False, na_rep="?")]
    lines.append(
        "Hours of training alone; every figure of a paper is drawn from tables over all of its "
        "trainings, so one figure costs what its paper does."
    )
    if not table["device"].str.contains("cuda").any():
        lines.append(
            "No throughput was measured on a GPU. On yours: python benchmarks/training.py --device "
            "cuda --out benchmarks/training.json, and the same for the others: hours are then "
            "GPU-hours."
        )
    return "\n".join(lines)
