"""Kept tables judged by the claims of today; remembered until what is judged, or what judges, changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replicortex.core.codehash import code_hash
from replicortex.core.digests import file_sha256, sha256
from replicortex.core.files import canonical_json, write
from replicortex.core.tables import read
from replicortex.tools.rejudge import judged, tables_below
from replicortex.verdicts.evaluation import WORDS

if TYPE_CHECKING:
    import pandas as pd

CODE = "replicortex.verdicts.evaluation"
TRIED = frozenset({"calibrated"})  # the one column of words that only a calibration has


def kept(
    paper: str, metrics: Path, settings: Mapping[str, Any], cache: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a paper's judged claims and their calibration, as `replicortex.tools.rejudge.judged` does.

    Parameters
    ----------
    paper
        Its name.
    metrics
        Folder of its tables.
    settings
        What the job of verdicts is told of it (`OpenStudy.claims`).
    cache
        Folder where they are remembered, by a digest of tables, claims, settings and code.

    Raises
    ------
    StudyError
        As `judged`.
    """
    files = tables_below(metrics)
    facts = {
        "paper": paper,
        "code": code_hash(CODE),
        "claims": file_sha256(Path(settings["file"])),
        "tables": {name: file_sha256(path) for name, path in files.items()},
        "settings": {key: value for key, value in settings.items() if key != "file"},
    }
    folder = cache / f"{paper}-{sha256(canonical_json(facts))[:16]}"
    names = ("claims", "calibration")
    if not all((folder / f"{name}.csv").exists() for name in names):
        for name, table in zip(names, judged(paper, metrics, settings), strict=True):
            write(folder / f"{name}.csv", table)
    claims, calibration = (read(folder / f"{name}.csv", WORDS | TRIED) for name in names)
    return claims, calibration
