"""The study's texts, written from the kept runs: `make study-text`.

Templates are prose with cells (`replicortex.report.cells`). Jinja fills them in a sandbox: a name that is not
offered is an error, and nothing but cells can be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import fill

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import figure_bytes, write_bytes
from replicortex.report import curve_drawing
from replicortex.report.cells import FOREST, Cells, figure_of
from replicortex.report.sources import Source, sources
from replicortex.report.specifications import Curve, curves
from replicortex.tools.generated import Marks, marks, replaced
from replicortex.verdicts import forest

HOW = "`make study-text` from the kept run"
TEMPLATES = Path("workflow/report/templates")
STUDY = Path("STUDY.md")
VERDICTS = marks("verdicts", HOW)
RESULTS = marks("results", HOW)
DIGITS = 4  # of tables of figures


@dataclass(frozen=True)
class Report:
    """All texts and figures of the study, made in memory; `root` is the repository."""

    root: Path

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The papers with a kept run."""
        return sources(self.root)

    @cached_property
    def curves(self) -> dict[str, list[Curve]]:
        """Their specification curves."""
        return {name: curves(source) for name, source in self.sources.items()}

    def texts(self) -> dict[Path, str]:
        """Return each text that the study writes, whole, by its path from the root on.

        Raises
        ------
        StudyError
            A template asks for what is not offered, or a text lacks the marks of its part.
        """
        made = {STUDY: self.filled(TEMPLATES / "study.md", "")}
        for name in self.sources:
            place = Path("workflow/papers", name, "README.md")
            parts: dict[Marks, str] = {VERDICTS: self._wrapped(TEMPLATES / "verdicts.md", name)}
            own = Path("workflow/papers", name, "report/results.md")
            if (self.root / own).exists():
                parts[RESULTS] = self.filled(own, "../../../", paper=name)
            text = (self.root / place).read_text()
            for part, content in parts.items():
                text = replaced(text, part, content, place.as_posix())
            made[place] = text
        return made

    def _wrapped(self, template: Path, paper: str) -> str:
        """Return a filled template of one paragraph, lines as long as those of the texts."""
        said = self.filled(template, "../../../", paper=paper)
        return (
            fill(" ".join(said.split()), 115, break_long_words=False, break_on_hyphens=False) + "\n"
        )

    def filled(self, template: Path, up: str, **values: str) -> str:
        """Return a template with its cells filled.

        Parameters
        ----------
        template
            From the root on.
        up
            From the text's folder to the root.
        values
            Names beside the cells, such as the paper that a text is of.

        Raises
        ------
        StudyError
            It asks for what is not offered, or is no template.
        """
        made = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self.root / "workflow"),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        made.globals = {**Cells(self.sources, self.curves, up).offered(), **values}
        try:
            name = template.relative_to("workflow").as_posix()
            return made.get_template(name).render()
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            where = f"{template}, line {line}" if line else str(template)
            raise StudyError(f"{where}: {error}") from None

    def tables(self) -> dict[Path, str]:
        """Return the tables of the figures by their path, numbers to four digits."""
        import pandas as pd

        every = pd.concat([source.judged for source in self.sources.values()], ignore_index=True)
        made = {FOREST.with_suffix(".csv"): _csv(forest.leading(every))}
        for name, found in self.curves.items():
            for each in found:
                if len(each.table):
                    made[figure_of(name, each.claim.id).with_suffix(".csv")] = _csv(each.table)
        return made

    def figures(self, tables: Mapping[Path, str]) -> dict[Path, bytes]:
        """Return the figures by their path, each with the digest of its table inside."""
        import pandas as pd

        every = pd.concat([source.judged for source in self.sources.values()], ignore_index=True)
        titles = {name: source.about.short for name, source in self.sources.items()}
        drawn = {FOREST: forest.draw_forest(forest.leading(every), titles)}
        for name, found in self.curves.items():
            for each in found:
                if len(each.table):
                    title = f"{titles[name]}: {each.claim.says}"
                    drawn[figure_of(name, each.claim.id)] = curve_drawing.draw(each, title)
        return {
            place: figure_bytes(figure, ".png", sha256(tables[place.with_suffix(".csv")]))
            for place, figure in drawn.items()
        }


def _csv(table: object) -> str:
    text: str = table.to_csv(index=False, lineterminator="\n", float_format=f"%.{DIGITS}g")  # type: ignore[attr-defined]
    return text


def stale(root: Path) -> list[Path]:
    """Return the texts, tables and figures that are not as the kept runs have them.

    A figure counts by the digest of its table, since its bytes follow fonts and kernels too.
    """
    report = Report(root)
    found = []
    tables = report.tables()
    for place, text in {**report.texts(), **tables}.items():
        if not (root / place).is_file() or (root / place).read_text() != text:
            found.append(place)
    for place, text in tables.items():
        figure = place.with_suffix(".png")
        note = f"replicortex:{sha256(text)}".encode()
        if not (root / figure).is_file() or note not in (root / figure).read_bytes():
            found.append(figure)
    return [*found, *_left_over(root, tables)]


def _left_over(root: Path, tables: Mapping[Path, str]) -> Sequence[Path]:
    """Return files of figures that no text shows any more."""
    wanted = {place.with_suffix(suffix) for place in tables for suffix in (".csv", ".png")}
    there = sorted((root / FOREST.parent).glob("*"))
    return [path.relative_to(root) for path in there if path.relative_to(root) not in wanted]


def write(root: Path) -> list[Path]:
    """Write all texts with their figures and tables; return what was written, from the root on.

    Raises
    ------
    StudyError
        As `Report.texts`; nothing is written then.
    """
    report = Report(root)
    tables = report.tables()
    texts = {**report.texts(), **tables}
    content = {place: text.encode() for place, text in texts.items()}
    content |= report.figures(tables)
    for place in _left_over(root, tables):
        (root / place).unlink()
    for place, data in content.items():
        write_bytes(root / place, data)
    return list(content)
