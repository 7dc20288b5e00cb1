"""What the engine's report says of a result: its record, and the verdicts that rest on its tables."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from replicortex.core.errors import StudyError
from replicortex.provenance import chain


def labels(path: Path) -> dict[str, str]:
    """Return the labels of a result in the report.

    Parameters
    ----------
    path
        results/<run>/<paper>/<folder>/<file>, or of a whole run.

    Returns
    -------
    "file"; "record", the start of its id; "verdicts", of the claims that rest on the tables which a
    figure shows, and of all claims for a scorecard.
    """
    labels = {"file": path.name, "record": "none", "verdicts": "none"}
    try:
        record = chain.read_record(path)
    except StudyError:
        return labels
    labels["record"] = record["id"][:12]
    read = [Path(entry["path"]) for entry in chain.entries(record)]
    tables = {each.stem for each in read if each.parent.name == "metrics"}
    claims = path.parent.with_name("scorecard") / "claims.csv"
    if claims.exists():
        with claims.open(newline="") as stream:
            counted = Counter(
                row["verdict"]
                for row in csv.DictReader(stream)
                if path.parent.name == "scorecard" or row["table"] in tables
            )
        said = ", ".join(f"{count} {verdict}" for verdict, count in counted.most_common())
        labels["verdicts"] = said or "none"
    return labels
