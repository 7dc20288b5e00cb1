"""What the study's texts are written from, paper by paper: kept tables, judged claims, records."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replicortex.core import config, papers
from replicortex.core.errors import StudyError, nearest
from replicortex.core.scales import SCALES
from replicortex.core.study import OpenStudy
from replicortex.core.table_schema import FILE, Column
from replicortex.core.table_schema import load as load_tables
from replicortex.core.tables import read
from replicortex.core.yaml_text import read_yaml_file
from replicortex.data.declared import Dataset
from replicortex.provenance import packed, records
from replicortex.provenance.chain import results_below
from replicortex.provenance.steps import Step, steps
from replicortex.report import judged, outline
from replicortex.tools.rejudge import tables_below
from replicortex.verdicts.evaluation import WORDS
from replicortex.verdicts.measure import Table
from replicortex.verdicts.model import Claim
from replicortex.verdicts.reading import load

if TYPE_CHECKING:
    import pandas as pd

KEPT = Path("results/reference")
CACHE = Path("results/judged")


@dataclass(frozen=True)
class Source:
    """A paper, and all that its kept run says.

    `settings`: what the job of verdicts is told of it; `root`: the repository.
    """

    name: str
    about: papers.Paper
    settings: Mapping[str, Any]
    declared: Mapping[str, Dataset]
    root: Path

    @property
    def folder(self) -> Path:
        """Its kept run, from the root on."""
        return KEPT / self.name

    @cached_property
    def title(self) -> str:
        """The title in its authors' words."""
        entry = papers.citation(self.name, self.root)[0]
        found = re.search(r"title=\{(.+?)\}, ", entry)
        return found[1] if found else self.about.title

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """Its claims of today by id."""
        return {claim.id: claim for claim in load(self.root / self.settings["file"])}

    @cached_property
    def outline(self) -> outline.Outline:
        """What its page says beside numbers."""
        return outline.load(self.name, self.root, self.claims)

    @property
    def judged(self) -> pd.DataFrame:
        """Its judged claims, as `replicortex.verdicts.evaluation.evaluate` returns them."""
        return self._judged[0]

    @cached_property
    def _judged(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        settings = {**self.settings, "file": self.root / self.settings["file"]}
        metrics = self.root / self.folder / "metrics"
        return judged.kept(self.name, metrics, settings, self.root / CACHE)

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Its judged claims by id: columns of claims.csv, words "" where there are none."""
        return {row["id"]: row for row in _rows(self._judged[0])}

    @cached_property
    def calibration(self) -> dict[str, dict[str, Any]]:
        """How often each claim's rule errs, by id: columns of calibration.csv."""
        return {row["id"]: row for row in _rows(self._judged[1])}

    @cached_property
    def files(self) -> dict[str, Path]:
        """Its kept tables by name, from the root on."""
        found = tables_below(self.root / self.folder / "metrics")
        return {name: path.relative_to(self.root) for name, path in found.items()}

    @cached_property
    def declared_tables(self) -> dict[str, dict[str, Column]]:
        """The columns of its tables of today by name, whether the kept run has them or not."""
        return load_tables(self.root / "workflow/papers" / self.name / FILE)

    def table(self, name: str) -> Table:
        """Return a kept table.

        Raises
        ------
        StudyError
            It is not in the kept run.
        """
        if name not in self.files:
            raise StudyError(f"{self.folder}: no table '{name}'{nearest(name, self.files)}")
        if name not in self._tables:
            self._tables[name] = Table(read(self.root / self.files[name]))
        return self._tables[name]

    @cached_property
    def _tables(self) -> dict[str, Table]:
        return {}

    @cached_property
    def steps(self) -> list[Step]:
        """The jobs of its kept run."""
        with inside(self.root):
            found = steps(results_below(self.folder, absent=True))
        return [step for step in found.values() if any(self._own(place) for place in step.outputs)]

    def _own(self, place: Path) -> bool:
        return place.is_relative_to(self.folder)

    def record(self, table: str) -> Path | None:
        """Return where the record of a kept table lies; None where the table is not kept."""
        if table not in self.files:
            return None
        return records.path_of(packed.result_of(self.files[table]))


def _rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield rows; an empty cell of words is ""."""
    words = [name for name in table.columns if name in WORDS | judged.TRIED]
    filled = table.astype({name: object for name in words}).fillna(dict.fromkeys(words, ""))
    for row in filled.to_dict("records"):
        yield {str(name): value for name, value in row.items()}


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder: records name files from the repository on."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def sources(root: Path) -> dict[str, Source]:
    """Return every paper with a kept run by name, in the order that people are told of them.

    The kept run is read by the numbers of the scale that made it; changes of `config/config.yaml` do not
    count.

    Raises
    ------
    StudyError
        When the configuration is wrong, or no run is kept.
    """
    kept = [name for name in config.paper_names(root) if (root / KEPT / name).is_dir()]
    if not kept:
        raise StudyError(f"{KEPT}: no run is kept there; `replicortex promote` keeps one")
    settings = read_yaml_file(root / "config/config.yaml", "config/config.yaml")
    found: dict[str, Source] = {}
    with inside(root):
        for scale, names in _by_scale(kept).items():
            whole = {**settings, "scale": scale, "run": names, "papers": {}}
            study = OpenStudy(**vars(config.check(whole, root, placed=False)), root=root)
            for name, facts in study.claims().items():
                found[name] = Source(name, study.about[name], facts, study.datasets, root)
    return dict(sorted(found.items(), key=lambda item: (item[1].about.order, item[0])))


def _by_scale(names: list[str]) -> dict[str, list[str]]:
    """Return papers by the scale of their kept run."""
    found: dict[str, list[str]] = {}
    for name in names:
        listed = KEPT / name / "scorecard/claims.csv.record.json"
        scale = "small"
        if listed.exists():
            text = listed.read_text()
            said = re.search(r'"path": "results/(\w+)/', text)
            scale = said[1] if said and said[1] in SCALES else scale
        found.setdefault(scale, []).append(name)
    return found
