"""What a paper says of itself: `workflow/papers/<paper>/paper.yaml`, and the files that it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from replicortex.core.errors import StudyError, nearest
from replicortex.core.schema import PaperNumbers, Positive, PositiveInt
from replicortex.core.section import Section
from replicortex.core.validation import validate
from replicortex.core.yaml_text import read_yaml_file

Words = Annotated[str, Field(min_length=1)]
NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
NAMED = "small letters and digits, words joined by _"
# What a paper cannot run without, beside `config/papers/<paper>.yaml`. Without `__init__.py` the
# hash of a job would miss the paper's own modules.
NEEDED = (
    "__init__.py",
    "paper.yaml",
    "schema.py",
    "Snakefile",
    "claims.yaml",
    "tables.yaml",
    "citation.bib",
)


class Stored(Section):
    """A kind of file that a run at `full` leaves."""

    what: Words
    gigabytes: Positive
    per: Words | None = Field(
        default=None,
        description="`training`, or where in the numbers a list or mapping stands: that many times",
    )


class Disk(Section):
    """How much a run of the paper writes."""

    demo: Positive = Field(description="GB, a sum over the run's records")
    small: Positive = Field(description="GB, likewise")
    rehearsal: Positive | None = Field(default=None, description="GB, likewise")
    full: list[Stored] = Field(
        min_length=1, description="arithmetic from sizes of files at `small` and the numbers"
    )


class Paper(Section):
    """`paper.yaml`: what people are told about a paper, and what its rules use.

    Nothing of it is handed to a job whose results it cannot change.
    """

    title: Words = Field(description="in full, as a heading")
    short: Words = Field(description="in scorecards and as the report's category")
    order: PositiveInt = Field(description="place among the papers")
    licence: Words = Field(description="of this folder's code and of what it computes")
    environments: list[Words] = Field(description="files of envs/ that its rules use", min_length=1)
    trains: Words | None = Field(description="what is trained; null when nothing is")
    claims: Words | None = Field(
        default=None, description="what the paper claims, in one sentence of the README's table"
    )
    controls: Words | None = Field(
        default=None, description="what the controls say of it, in one sentence"
    )
    headline: Words | None = Field(
        default=None,
        description="the figure that stands for the paper; by default the first that its rules name",
    )
    rehearsal: list[Words] = Field(
        default=[],
        description="numbers that a rehearsal makes smaller, as dotted keys; * stands for any part",
    )
    disk: Disk | None = Field(default=None, description="space that results take, without data")
    aliases: dict[str, str | dict[str, str]] = Field(
        default={},
        description="column of a table -> where in the numbers a scale's words for it stand; or "
        "column -> word -> where its value stands",
    )


def folders(root: Path) -> list[str]:
    """Return the papers by name: folders of workflow/papers, complete or not."""
    return sorted(
        place.name
        for place in (root / "workflow/papers").iterdir()
        if place.is_dir()
        and not place.name.startswith((".", "__"))
        # What Python compiled may outlive a paper.
        and any(entry.name != "__pycache__" for entry in place.iterdir())
    )


def folder(paper: str, root: Path) -> str:
    """Return where a paper's files lie, as its rules name them: relative where that is possible."""
    place = f"workflow/papers/{paper}"
    return place if root == Path.cwd() else str(root / place)


def half_made(paper: str, root: Path) -> str | None:
    """Return why a paper cannot run: its name, or the first file that it lacks; None if it can.

    A file without content counts as none, but for `__init__.py`.
    """
    own = f"workflow/papers/{paper}"
    if not re.fullmatch(NAME, paper):
        return f"{own}: no name of a paper ({NAMED})"
    for name in (f"config/papers/{paper}.yaml", *(f"{own}/{name}" for name in NEEDED)):
        path = root / name
        if not path.is_file():
            return f"{own}: the paper is not complete: there is no {name}"
        if path.name != "__init__.py" and not path.stat().st_size:
            return f"{own}: the paper is not complete: {name} is empty"
    return None


def load(paper: str, root: Path) -> Paper:
    """Return what a paper says of itself.

    Raises
    ------
    StudyError
        When a key is unknown, missing or of the wrong type, an environment does not exist, or
        `citation.bib` has no entry that stands in one line.
    """
    where = f"workflow/papers/{paper}/paper.yaml"
    values = read_yaml_file(root / where, where)
    if not isinstance(values, Mapping):
        raise StudyError(f"{where}: keys with values expected, found {values!r}")
    found = validate(Paper, values, where)
    known = [path.stem for path in (root / "envs").glob("*.yaml")]
    for name in found.environments:
        if name not in known:
            raise StudyError(f"{where}: environments: no envs/{name}.yaml{nearest(name, known)}")
    citation(paper, root)
    return found


def citation(paper: str, root: Path) -> list[str]:
    """Return the entries of a paper's `citation.bib`, BibTeX, one a line.

    Raises
    ------
    StudyError
        When there is no such file, or none of its lines is an entry.
    """
    file = f"workflow/papers/{paper}/citation.bib"
    path = root / file
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    entries = [line for line in lines if line.startswith("@") and line.rstrip().endswith("}")]
    if not entries:
        raise StudyError(f"{file}: a BibTeX entry in one line expected (@article{{...}})")
    return entries


def claim_aliases(
    found: Paper, paper: str, numbers: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the words that claims may use for values of a scale, by column.

    Parameters
    ----------
    found
        What the paper says of itself.
    paper
        Its name, for the sentence.
    numbers
        Its numbers at the scale.

    Raises
    ------
    StudyError
        When an alias leads nowhere.
    """
    aliases: dict[str, dict[str, Any]] = {}
    for column, place in found.aliases.items():
        where = f"workflow/papers/{paper}/paper.yaml: aliases.{column}"
        if isinstance(place, str):
            words = _value(numbers, place, where)
            if not isinstance(words, Mapping):
                raise StudyError(f"{where}: '{place}' holds no words with values, but {words!r}")
            aliases[column] = dict(words)
        else:
            aliases[column] = {
                word: _value(numbers, one, f"{where}.{word}") for word, one in place.items()
            }
    return aliases


class Kept(NamedTuple):
    """What a run writes of one kind, GB in all; `times`: how many, None where they are not counted."""

    what: str
    times: int | None
    gigabytes: float


def stored(found: Paper, paper: str, numbers: PaperNumbers, scale: str) -> list[Kept] | None:
    """Return what a run of a paper writes at a scale; None where its `paper.yaml` does not say.

    Raises
    ------
    StudyError
        When what a kind is counted by is no part of the numbers.
    """
    if found.disk is None:
        return None
    if scale != "full":
        amount = getattr(found.disk, scale)
        return None if amount is None else [Kept("all results", None, amount)]
    kinds = []
    for number, kind in enumerate(found.disk.full):
        times = None
        if kind.per == "training":
            times = sum(one.trainings for one in numbers.workload())
        elif kind.per:
            where = f"workflow/papers/{paper}/paper.yaml: disk.full.{number}.per"
            times = len(_value(numbers.model_dump(), kind.per, where))
        kinds.append(Kept(kind.what, times, kind.gigabytes * (1 if times is None else times)))
    return kinds


def _value(numbers: Any, place: str, where: str) -> Any:
    """Follow dotted keys; a whole number counts in a list, from its end when negative."""
    for part in place.split("."):
        try:
            numbers = numbers[int(part)] if isinstance(numbers, list) else numbers[part]
        except (KeyError, IndexError, ValueError, TypeError):
            near = nearest(part, numbers) if isinstance(numbers, Mapping) else ""
            raise StudyError(f"{where}: '{place}' leads to no number of the paper{near}") from None
    return numbers
