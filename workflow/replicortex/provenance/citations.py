"""What to cite for a result: the paper, its data, and the software on its chain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from replicortex.core import papers as papers_of
from replicortex.core.errors import StudyError
from replicortex.data import declared
from replicortex.provenance import chain

SOFTWARE = Path(__file__).with_name("software.bib")
ALWAYS = ("snakemake", "datalad")


def cite(result: Path, root: Path) -> str:
    """Return BibTeX, one entry a line, and a comment on each dataset that has no citation.

    Parameters
    ----------
    result
        A result with its record.
    root
        The repository.

    Raises
    ------
    StudyError
        When a record on the chain is missing.
    """
    return bibtex(chain.records_of(result), root, declared.load(root / "config/datasets.yaml"))


def bibtex(
    chained: Iterable[dict[str, Any]], root: Path, entries: Mapping[str, declared.Dataset]
) -> str:
    """Return BibTeX of all that stands behind some records, as `cite` does."""
    papers, datasets, packages = set(), set(), set(ALWAYS)
    for record in chained:
        head, paper, *_ = record["job"]["call"].partition(":")[0].split(".")
        if head == "papers":
            papers.add(paper)
        packages |= {name.lower() for name in record["run"].get("packages", {})}
        for part in record["inputs"].values():
            datasets |= {entry["dataset"]["name"] for entry in part if "dataset" in entry}
    lines = []
    for paper in sorted(papers):
        try:
            lines += papers_of.citation(paper, root)
        except StudyError as error:
            lines.append(f"% paper {paper}: {error}")
    for name in sorted(datasets):
        entry = entries.get(name)
        if entry is None or entry.citation is None:
            lines.append(f"% dataset {name}: no citation declared")
        else:
            lines.append(entry.citation.bibtex)
    for line in _lines(SOFTWARE):
        key = re.match(r"@\w+\{([\w-]+),", line)
        if key and key[1] in packages:
            lines.append(line)
    return "\n".join(dict.fromkeys(lines))


def _lines(file: Path) -> list[str]:
    """Return the entries of a BibTeX file that has one a line."""
    return [line for line in file.read_text().splitlines() if line.startswith("@")]
