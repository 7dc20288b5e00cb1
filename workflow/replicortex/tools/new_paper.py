"""A new paper: a skeleton that runs at `demo` from made-up data to a figure, a claim and an audit."""

from __future__ import annotations

import importlib
import keyword
import re
import sys
from pathlib import Path

from replicortex.core import papers
from replicortex.core.errors import StudyError
from replicortex.core.files import write_bytes
from replicortex.data import declared
from replicortex.tools.schemas import schemas

SKELETON = Path(__file__).with_name("skeleton")
DATASETS = "config/datasets.yaml"
LONGEST = 30  # characters of a name; longer ones break lines of the skeleton
# Names that the workflow's own rules, schemas and folders have.
TAKEN = frozenset(
    {
        *("all", "audit", "config", "data", "datasets", "get", "judge", "overview", "pages"),
        *("paper", "papers", "replicortex", "study", "test", "verdicts"),
    }
)
# Template (without .txt) -> where it goes.
PLACES = {
    "config.yaml": "config/papers/{paper}.yaml",
    "paper.yaml": "workflow/papers/{paper}/paper.yaml",
    "schema.py": "workflow/papers/{paper}/schema.py",
    "Snakefile": "workflow/papers/{paper}/Snakefile",
    "measure.py": "workflow/papers/{paper}/measure.py",
    "similarity.py": "workflow/papers/{paper}/figures/similarity.py",
    "claims.yaml": "workflow/papers/{paper}/claims.yaml",
    "tables.yaml": "workflow/papers/{paper}/tables.yaml",
    "citation.bib": "workflow/papers/{paper}/citation.bib",
    "README.md": "workflow/papers/{paper}/README.md",
    "similarity.rst": "workflow/papers/{paper}/report/similarity.rst",
    "study.yaml": "workflow/papers/{paper}/report/study.yaml",
    "fixture.py": "workflow/replicortex/data/fixtures/{paper}.py",
    "test_measure.py": "tests/papers/{paper}/test_measure.py",
}
PACKAGES = ("workflow/papers/{paper}/__init__.py", "workflow/papers/{paper}/figures/__init__.py")
SCHEMA = "workflow/schemas/{paper}.schema.json"


def new_paper(name: str, root: Path, title: str = "") -> list[str]:
    """Write a paper's skeleton and declare its dataset; all of it or nothing.

    Parameters
    ----------
    name
        Name of its folder.
    root
        The repository, whose modules are those that run.
    title
        In full; the name in words unless given.

    Returns
    -------
    The files that were written, relative to the repository, and config/datasets.yaml.

    Raises
    ------
    StudyError
        When the name or the title is none, or a file of that name or the dataset is there already.
    """
    _check_name(name)
    title = " ".join(title.split()) or name.replace("_", " ").capitalize()
    if re.search(r'["\\{}%]', title) or not title.isprintable() or len(title) > 80:
        raise StudyError(
            f"new-paper: title: at most 80 characters without quotes, braces, backslash and per cent "
            f"expected, found '{title}'"
        )
    written = {place.format(paper=name): "" for place in PACKAGES}
    words = {
        "__PAPER__": name,
        "__TITLE__": title,
        "__SHORT__": title[:32].strip(),
        "__ORDER__": str(_next(root)),
    }
    written |= {place.format(paper=name): _filled(file, words) for file, place in PLACES.items()}
    folders = {f"workflow/papers/{name}", f"tests/papers/{name}"}
    for place in sorted({*folders, *written, SCHEMA.format(paper=name)}):
        if (root / place).exists():
            raise StudyError(f"new-paper: {place} is there already; choose another name")
    if f"{name}_fixture" in declared.load(root / DATASETS):
        raise StudyError(f"new-paper: {DATASETS} declares {name}_fixture already")
    before = (root / DATASETS).read_bytes()
    entry = _filled("datasets.yaml", words)
    try:
        for place, text in written.items():
            write_bytes(root / place, text.encode())
        write_bytes(root / DATASETS, before.rstrip() + b"\n" + entry.encode())
        # The model of the numbers was not there when Python last looked.
        importlib.invalidate_caches()
        schema = SCHEMA.format(paper=name)
        write_bytes(root / schema, schemas(root)[schema].encode())
    except BaseException:
        _take_back(name, root, [*written, SCHEMA.format(paper=name)])
        write_bytes(root / DATASETS, before)
        raise
    return sorted([*written, schema, DATASETS])


def _check_name(name: str) -> None:
    if not re.fullmatch(papers.NAME, name) or len(name) > LONGEST:
        raise StudyError(
            f"new-paper: name: {papers.NAMED}, at most {LONGEST} characters, expected; found '{name}'"
        )
    if name in TAKEN or keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise StudyError(f"new-paper: name: '{name}' has another meaning; choose another name")


def _next(root: Path) -> int:
    """Return the place after all complete papers."""
    known = [name for name in papers.folders(root) if not papers.half_made(name, root)]
    return 1 + max((papers.load(name, root).order for name in known), default=0)


def _filled(file: str, words: dict[str, str]) -> str:
    text = (SKELETON / f"{file}.txt").read_text()
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _take_back(name: str, root: Path, places: list[str]) -> None:
    """Remove the files that were written, and the folders that nothing else lies in."""
    for place in places:
        (root / place).unlink(missing_ok=True)
    for folder in (
        *("workflow/papers/{}/report", "workflow/papers/{}/figures"),
        "workflow/papers/{}",
        "tests/papers/{}",
    ):
        here = root / folder.format(name)
        if here.is_dir() and not [path for path in here.iterdir() if path.name != "__pycache__"]:
            for compiled in sorted((here / "__pycache__").glob("*")):
                compiled.unlink()
            for empty in (here / "__pycache__", here):
                if empty.is_dir():
                    empty.rmdir()
