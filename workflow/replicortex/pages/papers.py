"""What the pages say of each paper of a run: its name, its figures, the one that stands for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from replicortex.core import papers
from replicortex.core.errors import StudyError, nearest


@dataclass(frozen=True)
class Paper:
    """A paper of a run."""

    name: str
    folder: Path  # of its results
    title: str
    order: int
    figures: tuple[Path, ...]  # that have a record, in the order of its rules, scorecard last
    expected: tuple[str, ...]  # figures that its rules name; empty when they are not here
    headline: str | None  # name of a figure, here or not

    @property
    def cover(self) -> Path | None:
        """The picture that stands for the paper."""
        return next((p for p in self.figures if p.stem == self.headline), None)

    @property
    def missing(self) -> list[str]:
        """Figures that its rules name and that are not here."""
        here = {place.stem for place in self.figures if place.parts[-2] == "figures"}
        return [name for name in self.expected if name not in here]


def read_paper(folder: Path, figures: list[Path], root: Path) -> Paper:
    """Return what pages say of a paper.

    Parameters
    ----------
    folder
        Its results.
    figures
        Its pictures that have a record.
    root
        The repository.

    Raises
    ------
    StudyError
        When its paper.yaml names a headline that is no figure.
    """
    own = root / "workflow/papers" / folder.name
    names = [place.stem for place in figures if place.parts[-2] == "figures"]
    expected = named(own)
    title, order, headline = folder.name.replace("_", " "), 0, None
    if (own / "paper.yaml").exists():
        paper = papers.load(folder.name, root)
        title, order, headline = paper.title, paper.order, paper.headline
        valid = list(dict.fromkeys([*expected, *names]))
        if headline is not None and valid and headline not in valid:
            where = f"workflow/papers/{folder.name}/paper.yaml"
            raise StudyError(
                f"{where}: headline: no figure of the paper is called '{headline}'"
                f"{nearest(headline, valid)}"
            )

    def rank(place: Path) -> int:
        known = place.parts[-2] == "figures" and place.stem in expected
        return expected.index(place.stem) if known else len(expected)

    first = next((name for name in expected if name in names), None)
    return Paper(
        name=folder.name,
        folder=folder,
        title=title,
        order=order,
        figures=tuple(sorted(figures, key=rank)),
        expected=tuple(expected),
        headline=headline or first or next(iter(names), None),
    )


def named(own: Path) -> list[str]:
    """Return the figures that a paper's rules list as FIGURES, in their order; none without a list.

    Parameters
    ----------
    own
        The paper's folder of sources. A Snakefile is no Python: the names are the words in quotes up to
        the end of the list.
    """
    for file in (own / "Snakefile", own / "plan.py"):
        text = file.read_text() if file.exists() else ""
        if found := re.search(r"^FIGURES\b[^=\n]*=(.*?[\])}])$", text, re.M | re.S):
            return re.findall(r"[\"'](\w+)[\"']", found[1])
    return []
