"""What to cite for a result: the paper, its data, and the software on its chain."""

from __future__ import annotations

import re
from pathlib import Path

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
    papers, datasets, packages = set(), set(), set(ALWAYS)
    for record in chain.records_of(result):
        head, paper, *_ = record["job"]["call"].partition(":")[0].split(".")
        if head == "papers":
            papers.add(paper)
        packages |= {name.lower() for name in record["run"].get("packages", {})}
        for part in record["inputs"].values():
            datasets |= {entry["dataset"]["name"] for entry in part if "dataset" in entry}
    entries = declared.load(root / "config/datasets.yaml")
    lines = []
    for paper in sorted(papers):
        lines += _lines(root / "workflow/papers" / paper / "citation.bib")
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
