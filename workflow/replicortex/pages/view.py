"""What the audit's pages have in common: a run's jobs, where their pages lie, and what they are called."""

from __future__ import annotations

import csv
import re
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from replicortex.core.codehash import source_hashes
from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.scales import SCALES
from replicortex.data import declared
from replicortex.pages import claims as judged
from replicortex.pages.captions import caption
from replicortex.pages.papers import Paper, read_paper
from replicortex.pages.rendering import highlighted, page_name, render
from replicortex.pages.state import State, states
from replicortex.pages.thumbnails import thumbnail
from replicortex.pages.words import count, function_of, leaves, value_text
from replicortex.provenance import chain, packed, records
from replicortex.provenance.contents import Hashes
from replicortex.provenance.history import History
from replicortex.provenance.plan import planned
from replicortex.provenance.steps import Input, Step, steps
from replicortex.provenance.verification import Fault, verify

PICTURED = ("figures", "scorecard")  # folders of a paper whose pictures are shown


class View:
    """A run as its pages show it, and the folder that they are written to."""

    def __init__(
        self,
        source: Path,
        target: Path,
        root: Path,
        history: History,
        results: list[Path],
        hashes: Hashes,
        hosts: bool = False,
    ):
        """Read the run: its jobs, and who made and who reads what.

        Parameters
        ----------
        source, target
            Folder of the run, and of its pages.
        root
            The repository.
        history
            Its commits.
        results
            The run's results, to start from.
        hashes
            Of contents.
        hosts
            Whether names of machines and numbers of their jobs are shown.
        """
        self.hosts = hosts  # whether names of machines and numbers of their jobs are shown
        self.source, self.target, self.root, self.history = source, target, root, history
        self.results, self.hashes = results, hashes
        self.run = steps(results, hosts)
        self.maker = {place: step for step in self.run.values() for place in step.outputs}
        self.readers: dict[str, set[str]] = {key: set() for key in self.run}
        for step in self.run.values():
            for part in step.inputs.values():
                for each in part:
                    if each.step:
                        self.readers[each.step].add(step.key)
        self.titles: dict[str, str] = {}
        self.captions: dict[Path, Markup] = {}
        self.sources: dict[str, str] = {}  # pages of sources by their content
        self.datasets: dict[str, tuple[dict[str, Any], Path]] = {}
        self.present: set[Path] = {place for place in self.maker if packed.held(place)}

    def page(
        self,
        name: str,
        template: str,
        title: str,
        *between: tuple[str, str],
        **values: Any,
    ) -> None:
        """Write a page.

        Parameters
        ----------
        name
            Its path.
        template
            What it is filled into.
        title
            Its heading.
        between
            Links and names of the pages between the first one and it.
        values
            What the template uses.
        """
        up = "../" * name.count("/")
        first = () if name == "index.html" else ((f"{up}index.html", self.source.as_posix()),)
        trail = (*first, *between)
        self.save(name, render(template, title=title, up=up, trail=trail, **values))

    def save(self, name: str, text: str) -> None:
        """Write a file of the pages."""
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @cached_property
    def folders(self) -> list[Path]:
        """The folders of papers, or the one that the source is."""
        if any((self.source / part).is_dir() for part in (*PICTURED[:1], "metrics")):
            return [self.source]
        return sorted(
            folder
            for folder in self.source.iterdir()
            if (folder / "figures").is_dir() and folder.name not in chain.VIEWS
        )

    @cached_property
    def figures(self) -> list[Path]:
        """The pictures of the run that have a record, paper by paper, scorecards last."""
        folders = dict.fromkeys([self.source, *self.folders])
        places = [
            p for folder in folders for part in PICTURED for p in (folder / part).glob("*.png")
        ]
        return [
            p
            for p in sorted(places, key=lambda p: (p.parts[-3], p.parts[-2] == PICTURED[1], p))
            if p in self.maker
        ]

    @cached_property
    def papers(self) -> dict[str, Paper]:
        """The papers by name, in the order that people are told of them."""
        found = [
            read_paper(folder, [p for p in self.figures if p.is_relative_to(folder)], self.root)
            for folder in self.folders
        ]
        return {each.name: each for each in sorted(found, key=lambda each: (each.order, each.name))}

    def paper_of(self, place: Path) -> Paper | None:
        """Return the paper that a result belongs to; None for one of all papers."""
        return next((p for p in self.papers.values() if place.is_relative_to(p.folder)), None)

    def jobs(self, paper: Paper) -> list[Step]:
        """Return the jobs that made a paper's results."""
        return [
            step
            for step in self.run.values()
            if any(place.is_relative_to(paper.folder) for place in step.outputs)
        ]

    @cached_property
    def claims(self) -> dict[str, list[dict[str, Any]]]:
        """The judged claims by paper, as `replicortex.pages.claims.formatted` returns them."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name, paper in self.papers.items():
            file = paper.folder / "scorecard/claims.csv"
            found[name] = []
            if file.exists():
                with file.open(newline="") as stream:
                    found[name] = [judged.formatted(row) for row in csv.DictReader(stream)]
        return found

    @cached_property
    def states(self) -> dict[str, State]:
        """What the verification found by paper."""
        folders = {name: paper.folder for name, paper in self.papers.items()}
        return states(self.found, folders, self.run.values())

    @cached_property
    def scale(self) -> str | None:
        """The scale, where the run is named after it."""
        paths = {Path(r["output"]["path"]) for s in self.run.values() for r in s.outputs.values()}
        names = {path.parts[1] for path in paths if path.parts[0] == "results"}
        return names.pop() if len(names) == 1 and names <= set(SCALES) else None

    @cached_property
    def defaults(self) -> dict[str, dict[str, Any]]:
        """Arguments of each result as the present numbers of the scale have them, by path."""
        if self.scale is None:
            return {}
        settings = {"scale": self.scale, "run": [folder.name for folder in self.folders]}
        try:
            jobs = planned([], settings, self.root, alone=True)
        except StudyError:  # such as licensed data that are not here
            return {}
        return {path: job.job["arguments"] for job in jobs if job.job for path in job.outputs}

    @cached_property
    def found(self) -> list[Fault]:
        """What a verification of all results found."""
        return verify(self.results, self.root, self.hashes, [self.source])

    def name(self, place: Path) -> str:
        """Return what a picture is called."""
        what = place.stem if place.parts[-2] != PICTURED[1] else f"scorecard: {place.stem}"
        return f"{place.parts[-3]}: {what}".replace("_", " ")

    def slug(self, place: Path) -> str:
        """Return the name of a picture's page."""
        return "-".join((place.parts[-3], place.parts[-2], place.stem))

    def copied(self, place: Path) -> str:
        """Copy a file into the pages; return its path there."""
        name = f"files/{'/'.join(place.parts[-3:])}"
        target = self.target / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, target)
        return name

    def thumbnail(self, place: Path) -> str:
        """Write a small copy of a picture; return its path, or the full one's where that is no picture."""
        name = f"thumbnails/{'-'.join(place.parts[-3:])}"
        if (self.target / name).exists() or thumbnail(place, self.target / name):
            return name
        return self.copied(place)

    def caption(self, place: Path) -> Markup:
        """Return what the report says of a picture; nothing without a text."""
        if place not in self.captions:
            folders = [self.root / "workflow/report"]
            head, paper, *_ = self.maker[place].call.partition(":")[0].split(".")
            if head == "papers":
                folders.insert(0, self.root / "workflow/papers" / paper / "report")
            files = [folder / f"{place.stem}.rst" for folder in folders]
            found = next((file for file in files if file.exists()), None)
            self.captions[place] = Markup() if found is None else caption(found)
        return self.captions[place]

    def ancestors(self, step: Step) -> list[Step]:
        """Return a job and all before it, each after those that it needs."""
        keys, waiting = {step.key}, [step]
        while waiting:
            for part in waiting.pop().inputs.values():
                for each in part:
                    if each.step and each.step not in keys:
                        keys.add(each.step)
                        waiting.append(self.run[each.step])
        return [each for key, each in self.run.items() if key in keys]

    def installs(self, step: Step) -> bool:
        """Whether a job installs a dataset: the dataset itself is shown."""
        return any(place.parent.name == "manifests" for place in step.outputs)

    def row(self, step: Step) -> dict[str, Any]:
        """Return what lists of jobs say of one: its page, title, seeds, files and seconds."""
        return {
            "page": page_name("steps", step.key),
            "title": self.title(step),
            "seeds": step.seeds,
            "made": count(len(step.outputs), "file"),
            "seconds": step.record["run"]["wall_seconds"],
        }

    def data_page(self, each: Input) -> str:
        """Return the path of a dataset's page, and note that it is to be written."""
        data = each.entry["dataset"]
        name = f"{data['name']}@{data['commit'][:12]}"
        self.datasets.setdefault(name, (each.entry, each.place))
        return page_name("data", name)

    def title(self, step: Step) -> str:
        """Return a job's name: its function, and what tells it from others of its function or rule."""
        if step.key not in self.titles:
            # A rule may call another function for each value of a wildcard.
            same = [
                each
                for each in self.run.values()
                if each.call == step.call or _family(each) == _family(step)
            ]
            several = len({each.call for each in same}) > 1  # the values tell modules apart
            name = step.call.partition(":")[2] if several else function_of(step.call)
            arguments = {each.key: dict(leaves(each.record["job"]["arguments"])) for each in same}
            values: dict[str, set[str]] = {}
            for own in arguments.values():
                for key, value in own.items():
                    values.setdefault(key, set()).add(value_text(value))
            for each in same:
                if (each.call, _family(each)) != (step.call, _family(step)):
                    continue  # others may be alike with yet others
                apart = [
                    value_text(value)
                    for key, value in arguments[each.key].items()
                    if "." not in key and isinstance(value, str) and len(values[key]) > 1
                ]
                seeds = [f"seed {seed}" for seed in each.seeds] if len(each.seeds) == 1 else []
                words = [each.rule.replace("_", " ") if not apart else name]
                self.titles[each.key] = ", ".join(words + apart + seeds)
        return self.titles[step.key]

    def source_of(self, record: dict[str, Any], name: str, digest: str) -> bytes | None:
        """Return a module's text as it was when the job ran: at its commit, or the same code now."""
        if ".." in Path(name).parts or Path(name).is_absolute():
            return None  # no record may have another file than a module published
        git = record["run"]["git"]
        present = self.root / "workflow" / name
        texts = [self.history.read(git["commit"], f"workflow/{name}") if git["commit"] else None]
        texts.append(present.read_bytes() if present.exists() else None)
        rules = records.code_rules(record)
        for text in texts:
            if text is not None and digest in source_hashes(name, text, rules):
                return text
        return None

    def source_page(self, name: str, content: bytes, commit: str) -> str:
        """Return the page of a source; write it when it is asked for first."""
        key = sha256(content)
        if key not in self.sources:
            self.sources[key] = page_name("sources", key)
            self.page(
                self.sources[key],
                "source.html",
                f"workflow/{name}",
                commit=commit,
                held=self.history.read(commit, f"workflow/{name}") == content,
                code=highlighted(content.decode()),
            )
        return self.sources[key]

    @cached_property
    def declared(self) -> dict[str, Any]:
        """All declared datasets by name."""
        return declared.load(self.root / "config/datasets.yaml")


def _family(step: Step) -> str:
    """Return a job's rule without the number of its pack."""
    return re.sub(r"_\d+$", "", step.rule)


def machine_of(step: Step, hosts: bool) -> str:
    """Return the GPU or processor of a job's machine; its name only where names are shown."""
    run = step.record["run"]
    return run.get("gpu") or run["cpu"] or (run["host"] if hosts else "not known")
