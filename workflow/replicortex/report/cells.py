"""The cells of the study's texts: all that a template may ask for, each read from a kept run.

A template is prose with cells. What it cannot say by a cell it does not say: a number, a count and a
verdict come from here alone.
"""

from __future__ import annotations

import csv
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replicortex.core.errors import StudyError, nearest
from replicortex.pages.markdown import place_of
from replicortex.pages.words import leaves, value_text
from replicortex.report import grids
from replicortex.report import words as say
from replicortex.report.outline import Reason
from replicortex.report.sources import Source
from replicortex.report.specifications import AGAINST, FOR, NEITHER, Curve, over_units
from replicortex.tools.papers_table import behind_number
from replicortex.verdicts import forest, words
from replicortex.verdicts.drawing import number
from replicortex.verdicts.intervals import LEVEL
from replicortex.verdicts.tones import TONES, Tone, counted, symbol, tone, word

if TYPE_CHECKING:
    import pandas as pd

MET: tuple[Tone, ...] = ("good", "partly")
FAILED: tuple[Tone, ...] = ("bad",)
UNSURE: tuple[Tone, ...] = ("unsure",)
STUDY = Path("docs/study")  # figures and tables of the texts
SMALL = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
FOREST = STUDY / "forest.png"
# Verdicts that are counted with a verb of their own.
VERBS = (
    *(words.EXCLUDES, words.CANNOT_TELL, words.UNCALIBRATED, words.FEW_UNITS, words.NEEDS_RUN),
    *(words.HOLDS, words.DOES_NOT_HOLD),
)
BRIEF = ("what is asked", "published", "ours [95 %]", "verdict")
EFFECTS = (
    "what is asked",
    "published",
    "ours [95 %]",
    "over",
    "verdict",
    "met at its boundary",
    "from",
)


class Cells:
    """What templates of one text may ask for.

    Parameters
    ----------
    sources
        As `replicortex.report.sources.sources` gives them.
    curves
        Specification curves by paper, as `replicortex.report.specifications.curves` gives them.
    up
        From the text's folder to the repository, such as "../../../", for links.
    """

    def __init__(
        self, sources: Mapping[str, Source], curves: Mapping[str, Sequence[Curve]], up: str = ""
    ):
        self._sources, self._curves, self._up = sources, curves, up

    def offered(self) -> dict[str, Callable[..., Any]]:
        """Return the cells by the names that templates know."""
        return {name: getattr(self, name) for name in dir(self) if _is_cell(name)}

    # Of all papers

    def papers(self) -> list[str]:
        """Names of the papers, in their order."""
        return list(self._sources)

    def how_many_papers(self) -> str:
        """The number of papers, in words up to ten."""
        count = len(self._sources)
        return SMALL[count] if count < len(SMALL) else str(count)

    def overview(self) -> str:
        """A row a paper: its headline claim and control, and the counts of verdicts."""
        rows = []
        for name, source in self._sources.items():
            head = source.outline.headline
            claim, control = self._row(name, head.claim), self._row(name, head.control)
            rows.append(
                (
                    f"[{source.about.short}](#{place_of(source.about.title)})",
                    f"{claim['says']} Published {say.published(claim) or 'without a number'}, ours "
                    f"{self._ours(name, claim)}: **{say.verdict(claim)}**",
                    f"{control['says']} {say.ours(control)}: **{say.verdict(control)}**",
                    self.counts(name, "published"),
                )
            )
        return say.table(("paper", "its headline", "its first control", "published claims"), rows)

    def kinds(self) -> str:
        """A row for each kind of published claim: how many survive, and at which size."""
        groups: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        for row in self._published():
            groups[kind_of(row)].append(row)
        rows = []
        for kind, members in groups.items():
            judged = [row for row in members if tone(row["verdict"]) != "none"]
            met = sum(tone(row["verdict"]) in MET for row in judged)
            rows.append(
                (
                    kind,
                    str(len(members)),
                    str(len(judged)),
                    f"{met} of {len(judged)}" if judged else "none judged",
                    str(sum(tone(row["verdict"]) in FAILED for row in judged)),
                    str(sum(tone(row["verdict"]) in UNSURE for row in judged)),
                    _shares(judged),
                )
            )
        head = ("kind of claim", "claims", "judged", "survive", "contradicted or do not hold")
        return say.table((*head, "undecided", "ours over published, median [quartiles]"), rows)

    def causes(self) -> str:
        """A row for each cause for which published claims may fail, and what shows it."""
        rows: list[tuple[str, ...]] = []
        for cause in ("metric artefact", "missing null", "settings"):
            found = [
                (name, each)
                for name, source in self._sources.items()
                for each in source.outline.reasons
                if each.cause == cause
            ]
            stand = [(name, each) for name, each in found if self._stands(name, each)]
            concerned = {(name, claim) for name, each in stand for claim in each.claims}
            open_ = sum(self._open(name, each) for name, each in found)
            sizes = [size for name, each in stand for size in self._sizes(name, each)]
            text = "; ".join(sizes[:4]) or "none stands on the kept run"
            rows.append(
                (cause, f"{len(stand)} of {len(found)}", str(open_), str(len(concerned)), text)
            )
        rows.append(self._too_few())
        head = ("why a claim may fail", "reasons that stand", "open", "claims concerned")
        return say.table((*head, "effects that show it"), rows)

    def forest(self) -> str:
        """The forest plot over all papers, and how many findings it has."""
        counts = [
            f"{drawn} of {there} ({self._sources[paper].about.short})"
            for paper, (drawn, there) in forest.counted(self._all(), self._sources).items()
        ]
        place = FOREST.as_posix()
        return (
            f"![Published numbers and ours over {len(self._sources)} papers]({self._up}{place})\n\n"
            f"Findings drawn: {', '.join(counts)}. The others have no published number, or none of ours on "
            f"the kept run. [Its numbers]({self._up}{FOREST.with_suffix('.csv').as_posix()})."
        )

    def not_kept(self) -> str:
        """What stands in place of a number that the kept run does not have."""
        return say.NOT_KEPT

    def level(self) -> str:
        """The level of intervals."""
        return f"{100 * LEVEL:.0f} %"

    def legend(self) -> str:
        """What the marks of verdicts mean."""
        known = [each for each in TONES if tone(each) != "none"]
        return "; ".join(f"{symbol(each)} {each}" for each in known)

    def untested(self) -> str:
        """How many published claims have no verdict, and why."""
        silent = [row for row in self._published() if tone(row["verdict"]) == "none"]
        given = counted(row["verdict"] for row in silent)
        return f"{len(silent)} of {len(self._published())}: {say.counts(given)}"

    # Of one paper

    def title(self, paper: str) -> str:
        """The paper's name as a heading."""
        return self._source(paper).about.title

    def quotes(self, paper: str) -> str:
        """The claim in the paper's words."""
        source = self._source(paper)
        said = [f"> “{each.text}” ({each.where})" for each in source.outline.quotes]
        return "\n>\n".join([f"> *{source.title}*", *said])

    def summary(self, paper: str) -> str:
        """How many published claims survive, and how many reasons for doubt stand, in sentences."""
        tones = Counter(tone(row["verdict"]) for row in self._of(paper, "published"))
        judged = tones.total() - tones["none"]
        met = sum(tones[each] for each in MET)
        reasons = self._source(paper).outline.reasons
        stand = sum(self._stands(paper, each) for each in reasons)
        return (
            f"Of {tones.total()} published claims {judged} were judged: {met} met, {tones['bad']} "
            f"contradicted, {tones['unsure']} undecided. Of {len(reasons)} reasons why such claims may not "
            "mean what they say, "
            f"{stand} stand."
        )

    def counts(self, paper: str, kind: str) -> str:
        """How often each verdict was given to a paper's claims or controls."""
        rows = self._of(paper, kind)
        return say.counts(counted(row["verdict"] for row in rows))

    def total(self, paper: str, kind: str) -> str:
        """The number of a paper's claims (`published`) or controls (`control`)."""
        return str(len(self._of(paper, kind)))

    def ran(self, paper: str) -> str:
        """What was run, from records: data, seeds, jobs, hours, machine, code."""
        source = self._source(paper)
        runs = [step.record["run"] for step in source.steps]
        seeds = sorted({seed for step in source.steps for seed in step.seeds})
        machines = sorted({_machine(run) for run in runs})
        commits = sorted({run["git"]["commit"] for run in runs})
        ended = sorted(run["ended"][:10] for run in runs if run.get("ended"))
        spent = sum(run["wall_seconds"] for run in runs)
        memory = max(run["peak_memory_mb"] for run in runs)
        dates = " to ".join(dict.fromkeys([ended[0], ended[-1]])) if ended else "not told"
        facts = [
            ("data", "; ".join(self._data(source))),
            (
                "seeds of trainings",
                f"{len(seeds)}: {', '.join(map(str, seeds))}" if seeds else "none drawn",
            ),
            (
                "jobs",
                f"{len(runs)}, {say.hours(spent)} in all, at most {memory / 1024:.1f} GB each",
            ),
            ("machine", "; ".join(machines)),
            ("made", dates),
            ("code", ", ".join(f"`{commit[:12]}`" for commit in commits)),
            ("judged by", f"[the claims of today]({self._up}workflow/papers/{paper}/claims.yaml)"),
        ]
        return say.table(("what we ran", "as its records have it"), facts)

    def when_kept(self, paper: str) -> str:
        """What the kept run's own scorecard counted, by the claims of its time."""
        published = [row["verdict"] for row in self._kept(paper) if row["kind"] == "published"]
        said = [f"{n} {_counted(each, n)}" for each, n in counted(published).items()]
        return (
            f"Of {len(published)} published claims {', '.join(said)}, by the claims of that time."
        )

    def claims_when_kept(self, paper: str) -> str:
        """The number of claims and controls of the kept run's own scorecard."""
        return str(len(self._kept(paper)))

    def held(self, paper: str) -> str:
        """Published claims that were met, a row for each finding."""
        return self._by_finding(paper, MET)

    def failed(self, paper: str) -> str:
        """Published claims that were not met, a row for each finding."""
        return self._by_finding(paper, FAILED)

    def undecided(self, paper: str) -> str:
        """Published claims that the run could not decide, a row for each finding."""
        return self._by_finding(paper, UNSURE)

    def silent(self, paper: str) -> str:
        """How many published claims of a paper have no verdict, and why."""
        rows = [row for row in self._of(paper, "published") if tone(row["verdict"]) == "none"]
        return say.counts(counted(row["verdict"] for row in rows))

    def controls(self, paper: str) -> str:
        """Why the paper's claims may not mean what they say, and what its controls show of it."""
        source = self._source(paper)
        parts = []
        for each in source.outline.reasons:
            stands = "stands" if self._stands(paper, each) else "does not stand on the kept run"
            stands = f"open, {say.NOT_KEPT}" if self._open(paper, each) else stands
            concerned = f"{len(each.claims)} published claim{'s' * (len(each.claims) > 1)}"
            parts.append(
                f"**{each.cause.capitalize()}** ({stands}; concerns {concerned}). {each.says}"
            )
            parts.append(self.effects(paper, *each.asked))
        return "\n\n".join(parts)

    def power(self, paper: str) -> str:
        """What the design could find: units, those that the published sizes would need, chance."""
        rows = [row for row in self._of(paper, "published") if not math.isnan(row["detectable"])]
        if not rows:
            return "No published claim of the kept run has a measured spread."
        needed = [(row["needed"], row["n"]) for row in rows if not math.isnan(row["needed"])]
        short = sum(need > n for need, n in needed)
        units = sorted({f"{int(row['n'])} {row['over']}" for row in rows if row["n"]})
        rates = [
            row["met_at_boundary"]
            for row in self._source(paper).rows.values()
            if not math.isnan(row["met_at_boundary"])
        ]
        said = f"{len(rows)} published claims were measured with a spread, over {', '.join(units)}."
        if needed:
            said += (
                f" For {short} of {len(needed)} of them the published size would need more units than "
                f"were run (median {statistics.median(need for need, _ in needed):.0f})."
            )
        if rates:
            said += (
                f" If every number lay at its boundary, {sum(rates):.1f} of {len(rates)} judged claims "
                "and controls would still be met."
            )
        return said

    def figure(self, paper: str) -> str:
        """The figure that stands for the paper, with a link to its record."""
        source = self._source(paper)
        name = source.about.headline or ""
        place = source.folder / f"figures/{name}.png"
        if not (source.root / place).exists():
            return f"The figure `{name}` is {say.NOT_KEPT}."
        text = source.about.claims or source.about.title
        return (
            f"![{text}]({self._up}{place.as_posix()})\n\n[Where this figure comes from]"
            f"({self._up}{place.as_posix()}.record.json)"
        )

    def change(self, paper: str) -> str:
        """What would change the answer."""
        return "\n".join(f"- {each}" for each in self._source(paper).outline.change)

    def specifications(self, paper: str) -> str:
        """A figure and a few numbers for each claim that was asked in all its ways."""
        self._source(paper)
        parts = []
        for each in self._curves[paper]:
            place = figure_of(paper, each.claim.id)
            parts.append(f"*{each.claim.says}*")
            parts.append(_told(each))
            if len(each.table):
                numbers = place.with_suffix(".csv").as_posix()
                parts.append(
                    f"![Specification curve: {each.claim.says}]({self._up}{place.as_posix()})\n\n"
                    f"[Its numbers]({self._up}{numbers}), from {self._from(paper, each.claim.id)}."
                )
        return (
            "\n\n".join(parts)
            or "No claim of this paper has switches that the kept run can answer."
        )

    def parameter(self, paper: str, key: str) -> str:
        """A parameter that jobs of the kept run had, by the end of its dotted name; all its values.

        Raises
        ------
        StudyError
            No job had it.
        """
        found: dict[str, None] = {}
        names: set[str] = set()
        for step in self._source(paper).steps:
            for name, value in leaves(step.record["job"]["arguments"]):
                names.add(name)
                if f".{name}".endswith(f".{key}"):
                    found[value_text(value)] = None
        if not found:
            raise StudyError(f"no job of {paper} had a parameter '{key}'{nearest(key, names)}")
        return ", ".join(found)

    def over_seeds(self, paper: str, table: str, column: str, **where: str) -> str:
        """Mean ± s.d. over seeds of a kept table's column, where a selection names one row a seed.

        Rounded as `replicortex.report.words.aligned`. Seeds without a number are told: "0.31 ± 0.02 (2 of 3
        seeds)".

        Raises
        ------
        StudyError
            The table or a column is not there, or a seed has more rows than one.
        """
        rows = self._selected(paper, table, column, where, "seed")
        if rows["seed"].duplicated().any():
            raise StudyError(
                f"{paper}: {table} has {len(rows)} rows for {rows['seed'].nunique()} seeds where "
                f"{', '.join(f'{name} is {value}' for name, value in where.items())}; expected one a seed"
            )
        values = rows[column].dropna()
        if rows.empty:
            return say.NOT_KEPT
        if values.empty:
            return f"{say.NO_NUMBER} in {len(rows)} seeds"
        told = "" if 1 < len(values) == len(rows) else f" ({len(values)} of {len(rows)} seeds)"
        numbers = [values.mean(), values.std()] if len(values) > 1 else [values.mean()]
        return say.aligned(numbers) + told

    # Of one claim, or some

    def claim(self, paper: str, name: str) -> Told:
        """Return one claim: `{{ claim("mt_maps", "map_smooth").ours }}`."""
        source = self._source(paper)
        row = self._row(paper, name)
        where = self._from(paper, name)
        return Told(row, self._ours(paper, row), source.calibration[name], where)

    def over_units(self, paper: str, name: str) -> str:
        """A claim's number over its own units alone, where its verdict waits for another interval too."""
        source = self._source(paper)
        if name not in source.claims:
            raise StudyError(
                f"no claim of {paper} is called '{name}'{nearest(name, source.claims)}"
            )
        row = over_units(source, name)
        if row is None:
            return say.NOT_KEPT
        as_ = source.claims[name].as_
        ends = [number(row[end], as_, 2) for end in ("lower", "upper")]
        return f"{number(row['estimate'], as_)} [{', '.join(map(say.bare, ends))}]"

    def effects(self, paper: str, *names: str) -> str:
        """A row a claim: effect, interval over its units, verdict, and how often its rule errs."""
        told = [self.claim(paper, name) for name in names]
        return say.table(
            EFFECTS,
            [
                (t.says, t.published, t.ours, t.over, t.verdict, t.calibration, t.source)
                for t in told
            ],
        )

    def told(self, paper: str, name: str) -> str:
        """One claim in sentences: what it says, the paper's number, ours, verdict."""
        told = self.claim(paper, name)
        published = f" Published {told.published}." if told.published else ""
        return f"{told.says}{published} Ours: {told.ours}. Verdict: {told.verdict}."

    def brief(self, paper: str, *names: str) -> str:
        """A row a claim, in short: what is asked, the paper's number, ours, verdict."""
        told = [self.claim(paper, name) for name in names]
        return say.table(BRIEF, [(t.says, t.published, t.ours, t.verdict) for t in told])

    def answer(self, paper: str, *names: str) -> str:
        """How some claims and controls came out, in one sentence."""
        rows = [self._row(paper, name) for name in names]
        return f"Of {len(rows)} effects: {say.counts(counted(row['verdict'] for row in rows))}."

    def directions(
        self,
        paper: str,
        asked: Mapping[str, str],
        columns: Mapping[str, str | Sequence[str] | None],
    ) -> str:
        """Which direction holds on which system: `{"HOT above Random": "r_{}_random"}, {"Lite0": "lite0"}`.

        As `replicortex.report.grids.directions`: claims are those whose ids the patterns and keys give.
        """
        return grids.directions(self._source(paper).rows, asked, columns)

    def means(
        self,
        paper: str,
        table: str,
        rows: Mapping[str, Mapping[str, str]],
        columns: Mapping[str, tuple[str, Mapping[str, str]]],
    ) -> str:
        """A table of means ± s.d.: `{"ViT": {"pair": "vit"}}, {"HOT": ("score", {"rule": "hot"})}`.

        As `replicortex.report.grids.means`: what the kept run lacks is told.
        """
        return grids.means(self._source(paper), table, rows, columns)

    # What cells have in common

    def _source(self, paper: str) -> Source:
        if paper not in self._sources:
            raise StudyError(
                f"no paper with a kept run is called '{paper}'{nearest(paper, self._sources)}"
            )
        return self._sources[paper]

    def _selected(
        self, paper: str, table: str, column: str, where: Mapping[str, str], *others: str
    ) -> pd.DataFrame:
        """Return the rows of a kept table that a selection names; its columns must be there."""
        rows = self._source(paper).table(table)
        for name in (column, *where, *others):
            if name not in rows.columns:
                raise StudyError(
                    f"{paper}: {table} has no column '{name}'{nearest(name, rows.columns)}"
                )
        return rows.frame[rows.rows(where)]

    def _row(self, paper: str, name: str) -> dict[str, Any]:
        rows = self._source(paper).rows
        if name not in rows:
            raise StudyError(f"no claim of {paper} is called '{name}'{nearest(name, rows)}")
        return rows[name]

    def _of(self, paper: str, kind: str) -> list[dict[str, Any]]:
        if kind not in ("published", "control"):
            raise StudyError(f"claims are 'published' or 'control', found '{kind}'")
        return [row for row in self._source(paper).rows.values() if row["kind"] == kind]

    def _all(self) -> pd.DataFrame:
        import pandas as pd

        return pd.concat([source.judged for source in self._sources.values()], ignore_index=True)

    def _kept(self, paper: str) -> list[dict[str, str]]:
        source = self._source(paper)
        with (source.root / source.folder / "scorecard/claims.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    def _published(self) -> list[dict[str, Any]]:
        return [row for paper in self._sources for row in self._of(paper, "published")]

    def _from(self, paper: str, name: str) -> str:
        """Return a link to the record of the table that a claim reads."""
        table = self._row(paper, name)["table"]
        record = self._source(paper).record(table)
        return f"[{table}]({self._up}{record.as_posix()})" if record else f"{table}: {say.NOT_KEPT}"

    def _ours(self, paper: str, row: Mapping[str, Any]) -> str:
        """Return a claim's number; where a second unit's interval alone is missing, that over the first."""
        said = say.ours(row)
        if said != say.NOT_KEPT or not row["over_also"] or row["direction"] == "zero":
            return said
        alone = self.over_units(paper, row["id"])
        if alone == say.NOT_KEPT:
            return said
        return f"over {row['over_also']} {said}; over {row['over']} alone {alone}"

    def _by_finding(self, paper: str, tones: Sequence[str]) -> str:
        """Return the first published claim of each finding whose verdict has one of some tones."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in self._of(paper, "published"):
            if tone(row["verdict"]) in tones:
                groups.setdefault(row["finding"], []).append(row)
        rows = []
        for finding, members in groups.items():
            first = members[0]
            more = f" and {len(members) - 1} more" if len(members) > 1 else ""
            told = self.claim(paper, first["id"])
            verdict = told.verdict + more
            rows.append(
                (finding, told.says, told.published, told.ours, told.over, verdict, told.source)
            )
        head = ("finding", "claim", "published", "ours [95 %]", "over", "verdict", "from")
        return say.table(head, rows) or "None."

    def _stands(self, paper: str, reason: Reason) -> bool:
        """Whether one of a reason's controls holds, or one that would deny it does not."""
        held = any(word(self._row(paper, name)["verdict"]) in words.MET for name in reason.shown_by)
        failed = any(tone(self._row(paper, name)["verdict"]) in FAILED for name in reason.denied_by)
        return held or failed

    def _open(self, paper: str, reason: Reason) -> bool:
        """Whether nothing that bears on a reason has a verdict."""
        return all(tone(self._row(paper, name)["verdict"]) == "none" for name in reason.asked)

    def _sizes(self, paper: str, reason: Reason) -> list[str]:
        """Return the first control that shows a reason, with its effect."""
        rows = [self._row(paper, name) for name in reason.shown_by]
        found = [row for row in rows if word(row["verdict"]) in words.MET]
        denied = [self._row(paper, name) for name in reason.denied_by]
        found += [row for row in denied if tone(row["verdict"]) in FAILED]
        return [
            f"{row['says'].rstrip('.')}: {say.verdict(row)} ({say.ours(row)})" for row in found[:1]
        ]

    def _too_few(self) -> tuple[str, ...]:
        """Return the row of claims that were not decided and whose published size needs more units."""
        rows = [
            row
            for row in self._published()
            if word(row["verdict"]) in (words.CANNOT_TELL, words.FEW_UNITS)
        ]
        needing = [row["needed"] for row in rows if row["needed"] > row["n"]]
        text = (
            f"median {statistics.median(needing):.0f} units needed"
            if needing
            else "no size to reckon with"
        )
        return ("too few seeds", f"{len(needing)} of {len(rows)}", "0", str(len(needing)), text)

    def _data(self, source: Source) -> list[str]:
        """Return the datasets that a kept run read, each with its commit."""
        found: dict[str, str] = {}
        for step in source.steps:
            for part in step.inputs.values():
                for each in part:
                    data = each.entry.get("dataset")
                    if data:
                        declared = source.declared.get(data["name"])
                        title = declared.title if declared else data["name"]
                        found[data["name"]] = (
                            f"{title} (`{data['name']}`, commit `{data['commit'][:12]}`)"
                        )
        return [found[name] for name in sorted(found)]


class Told:
    """One claim as a template may speak of it."""

    def __init__(
        self, row: Mapping[str, Any], ours: str, calibration: Mapping[str, Any], source: str
    ):
        self.says, self.where = row["says"], row["where"]
        self.published, self.ours, self.over = say.published(row), ours, say.over(row)
        self.verdict, self.reason = say.verdict(row), row["reason"]
        self.calibration, self.source = say.calibrated(calibration), source


def _is_cell(name: str) -> bool:
    return not name.startswith("_") and name != "offered"


KINDS = (
    "a comparison of conditions",
    "a level",
    "nothing changes, or two are equal",
    "a p value or a standardised difference",
)


def kind_of(row: Mapping[str, Any]) -> str:
    """Return which kind of claim a row is, from the number that it is about."""
    if row["as"] in ("sign-flip p", "cohens d"):
        return KINDS[3]
    if row["direction"] == "zero":
        return KINDS[2]
    compared = row["as"] != "value" or "; minus " in f"; {row['select']}"
    return KINDS[0] if compared else KINDS[1]


def _shares(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return ours as a share of the published effect: median and quartiles over claims."""
    found = [share for row in rows if not math.isnan(share := forest.share(row, row["ours"]))]
    if len(found) < 3:
        return "too few to say"
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return f"{middle:.2f} [{low:.2f}, {high:.2f}] over {len(found)}".replace("-", "−")


def _counted(verdict: str, n: int) -> str:
    """Return a verdict behind its number: "is replicated", "are replicated", "cannot tell"."""
    if verdict in VERBS:
        return behind_number(verdict, n)
    return f"{'is' if n == 1 else 'are'} {behind_number(verdict, n)}"


def _machine(run: Mapping[str, Any]) -> str:
    gpu = run.get("gpu")
    return f"{run['cpu']}, {gpu if gpu else 'no GPU'}"


def figure_of(paper: str, claim: str) -> Path:
    """Return where the specification curve of a claim is drawn, from the repository on."""
    return STUDY / f"specifications_{paper}_{claim}.png"


def _told(curve: Curve) -> str:
    """Return what a specification curve says, in sentences."""
    said = len(curve.table)
    kinds = counted_of(curve)
    text = (
        f"{said} specifications were measured ({kinds}); {len(curve.absent)} are {say.NOT_KEPT}, or cannot "
        "be combined."
    )
    if not said:
        return text
    text += (
        f" The number lies on the claimed side in {say.percent(curve.share('sign', FOR))}. Its interval lies "
        f"there in {say.percent(curve.share('side', FOR))}, on the other side in "
        f"{say.percent(curve.share('side', AGAINST))}, on neither in "
        f"{say.percent(curve.share('side', NEITHER))}."
    )
    if curve.joint is not None:
        unit = curve.claim.over[0].name
        text += (
            f" Joint sign-flip over {curve.joint.units} {unit}, median of {curve.joint.specifications} "
            f"specifications: p = {curve.joint.p:.3g}, one-sided; with so many {unit} the smallest p "
            f"possible is {curve.joint.smallest:.3g}."
        )
    return text


def counted_of(curve: Curve) -> str:
    """Return how many specifications there are of each kind, in words."""
    crossed = int((curve.table["kind"] == "crossed").sum())
    return f"{crossed} crossed, {len(curve.table) - crossed} with a training of their own"
