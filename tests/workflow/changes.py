"""What tests change to see what runs again; each paper's own changes: tests/papers/<paper>/reruns.py."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

PAPERS = Path(__file__).parents[1] / "papers"


def by_paper():
    """Return by paper what is changed, how, and how many jobs of each rule run after it."""
    return {
        path.parent.name: of(path.parent.name).CHANGES
        for path in sorted(PAPERS.glob("*/reruns.py"))
    }


def of(paper):
    """Return the module of one paper's changes."""
    spec = importlib.util.spec_from_file_location(
        f"reruns_of_{paper}", PAPERS / paper / "reruns.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class replace:
    """A change of one text in one file."""

    file: str
    old: str
    new: str

    def __call__(self, folder):
        path = folder / self.file
        text = path.read_text()
        assert text.count(self.old) >= 1, f"{self.file} has no {self.old!r}"
        path.write_text(text.replace(self.old, self.new, 1))


def numbers(paper, text):
    """Return a change of a paper's own numbers, as a user makes it."""
    return replace("config/config.yaml", "papers: {}", f"papers: {{{paper}: {text}}}")


def version(title):
    """Return a change of the version of the dataset that bears a title."""
    old = f'title: "{title}"\n  version: "1"'
    return replace("config/datasets.yaml", old, old.replace('"1"', '"2"'))


def verdicts(paper):
    return {f"judge_{paper}": 1, "overview": 1}
