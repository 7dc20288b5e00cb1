"""The audit of a run as static pages: one folder that needs no server and can be published.

`index.html` holds the scorecard and the gallery; each figure has its lineage as a graph, each job its
function and source at its commit, its parameters beside the scale's defaults, its inputs, environment,
machine and time.
"""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from replicortex.config import SCALES
from replicortex.data import declared
from replicortex.errors import StudyError
from replicortex.provenance import chain, records
from replicortex.provenance.citations import bibtex
from replicortex.provenance.contents import Hashes
from replicortex.provenance.differences import apart
from replicortex.provenance.drawing import Node, svg
from replicortex.provenance.history import History
from replicortex.provenance.html import (
    caption,
    document,
    facts,
    highlighted,
    link,
    number,
    page_name,
    table,
    verdict,
)
from replicortex.provenance.plan import planned
from replicortex.provenance.steps import Input, Step, steps
from replicortex.provenance.verification import Fault, counting, verify

ASSETS = ("style.css", "filter.js")
SHOWN = ("figures", "scorecard")  # folders of a paper whose pictures are shown
FORMATS = (".png", ".svg", ".pdf")
NOT_KNOWN = "not known"


def build(source: Path, target: Path, root: Path, hashes: Hashes | None = None) -> Path:
    """Write the pages of a run, or of one paper of it; return the first page.

    Parameters
    ----------
    source
        Folder of results, such as results/demo, results/reference or one paper below it.
    target
        Folder to write. Pages that were there are replaced; a folder of anything else is left alone.
    root
        The repository.
    hashes
        Where hashes come from when the run is verified.

    Raises
    ------
    StudyError
        When there are no results, or the folder is no page of an audit.
    """
    results = chain.results_below(source, absent=True) if source.is_dir() else []
    if not results:
        raise StudyError(f"audit page: there are no results below {source}; run the study first")
    if target.exists() and any(target.iterdir()) and not (target / ASSETS[0]).exists():
        raise StudyError(f"audit page: {target} holds something else; name a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        with History(root) as history:
            _Page(source, folder, root, history, results, hashes or Hashes()).write()
        if target.exists():
            shutil.rmtree(target)
        folder.chmod(0o755)
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return target / "index.html"


class _Page:
    def __init__(
        self,
        source: Path,
        target: Path,
        root: Path,
        history: History,
        results: list[Path],
        hashes: Hashes,
    ):
        self.source, self.target, self.root, self.history = source, target, root, history
        self.results, self.hashes = results, hashes
        self.run = steps(results)
        self.maker = {place: step for step in self.run.values() for place in step.outputs}
        self.readers: dict[str, set[str]] = {key: set() for key in self.run}
        for step in self.run.values():
            for part in step.inputs.values():
                for each in part:
                    if each.step:
                        self.readers[each.step].add(step.key)
        self.titles: dict[str, str] = {}
        self.sources: dict[str, str] = {}  # pages of sources by their content
        self.datasets: dict[str, tuple[dict[str, Any], Path]] = {}
        self.present: set[Path] = {place for place in self.maker if _found(place) is not None}

    def write(self) -> None:
        for name in ASSETS:
            self._save(name, (self.root / "workflow/audit" / name).read_text())
        figures = self._figures()
        for step in self.run.values():
            self._step(step)
        for place in figures:
            self._figure(place)
        for name, (data, place) in self.datasets.items():
            self._dataset(name, data, place)
        self._jobs()
        self._index(figures)

    def _save(self, name: str, text: str) -> None:
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    # What the pages show

    def _papers(self) -> list[Path]:
        """Return the folders of papers, or the one that the source is."""
        if any((self.source / part).is_dir() for part in (*SHOWN[:1], "metrics")):
            return [self.source]
        return sorted(
            folder
            for folder in self.source.iterdir()
            if (folder / "figures").is_dir() and folder.name not in chain.VIEWS
        )

    def _figures(self) -> list[Path]:
        folders = dict.fromkeys([self.source, *self._papers()])
        places = [p for folder in folders for part in SHOWN for p in (folder / part).glob("*.png")]
        return [
            p
            for p in sorted(places, key=lambda p: (p.parts[-3], p.parts[-2] == SHOWN[1], p))
            if p in self.maker
        ]

    def _claims(self) -> list[dict[str, str]]:
        rows = []
        for folder in self._papers():
            file = folder / "scorecard/claims.csv"
            if file.exists():
                with file.open(newline="") as stream:
                    rows += [{**row, "folder": str(folder)} for row in csv.DictReader(stream)]
        return rows

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
        settings = {"scale": self.scale, "run": [folder.name for folder in self._papers()]}
        try:
            jobs = planned([], settings, self.root, alone=True)
        except StudyError:  # such as licensed data that are not here
            return {}
        return {path: job.job["arguments"] for job in jobs if job.job for path in job.outputs}

    @cached_property
    def found(self) -> list[Fault]:
        """What a verification of all results found."""
        return verify(self.results, self.root, self.hashes)

    # Pages

    def _index(self, figures: list[Path]) -> None:
        claims = self._claims()
        synthetic = any(step.record["synthetic"] for step in self.run.values())
        seconds = sum(step.record["run"]["wall_seconds"] for step in self.run.values())
        commits = Counter(s.record["run"]["git"]["commit"] for s in self.run.values())
        body = [
            _synthetic(synthetic),
            self._verified(),
            facts(
                {
                    "Jobs": f'<a href="jobs.html">{len(self.run)}</a>, {seconds / 60:.1f} minutes in all',
                    "Scale": escape(self.scale or NOT_KNOWN),
                    "Commits": ", ".join(
                        f"<code>{escape(c[:12] or NOT_KNOWN)}</code>"
                        for c, _ in commits.most_common()
                    ),
                    "Machines": escape(", ".join(sorted({_machine(s) for s in self.run.values()}))),
                }
            ),
        ]
        if claims:
            body.append(self._scorecard(claims))
        shown = "".join(self._thumbnail(place) for place in figures)
        body.append(f'<h2 id="gallery">Figures</h2><ul class="gallery">{shown}</ul>')
        title = f"Audit of {self.source.as_posix()}"
        self._save("index.html", document(title, "".join(body), [], script=bool(claims)))

    def _verified(self) -> str:
        wrong = counting(self.found, current=False)
        kinds = Counter(fault.kind for fault in self.found)
        said = f"{len(self.results)} results were verified when this page was made: {len(wrong)} faults"
        if kinds["absent"]:
            said += f"; {kinds['absent']} times bytes or code were not at hand to check"
        if kinds["stale"]:
            said += f"; {kinds['stale']} sources or files of claims changed since"
        each = "".join(f"<li>{escape(str(fault))}</li>" for fault in wrong)
        return (
            f'<div class="notice {"fault" if wrong else "good"}"><p>{escape(said)}.</p>'
            + (f"<ul>{each}</ul>" if wrong else "")
            + "</div>"
        )

    def _scorecard(self, claims: list[dict[str, str]]) -> str:
        rows = []
        for row in claims:
            place = Path(row["folder"], "metrics", f"{row['table']}.csv")
            step = self.maker.get(place)
            told = (
                f'<a href="{page_name("steps", step.key)}">{escape(row["table"])}</a>'
                if step
                else ""
            )
            unit = f" {row['unit']}" if row["unit"] else ""
            interval = ""
            if row["lower"]:
                interval = f" [{number(row['lower'])}, {number(row['upper'])}]"
            judged = f"{verdict(row['verdict'])}<br>{escape(row['reason'])}"
            cells = {
                "Paper": escape(row["paper"]),
                "Claim": f"{escape(row['says'])} <small>({escape(row['where'])})</small>",
                "Kind": escape(row["kind"]),
                "Published": escape(number(row["published"]) + unit * bool(row["published"]))
                or "–",
                "Ours [95 %]": escape(number(row["ours"]) + interval + unit * bool(row["ours"]))
                or "–",
                "Verdict": judged,
                "Table": told or "–",
            }
            data = "".join(
                f' data-{name}="{escape(row[name])}"' for name in ("paper", "kind", "verdict")
            )
            shown = "".join(
                f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in cells.items()
            )
            rows.append(f'<tr class="{escape(row["kind"])}"{data}>{shown}</tr>')
        heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in cells)
        filters = "".join(
            _select(name, label, dict.fromkeys(row[name] for row in claims))
            for name, label in (("paper", "Paper"), ("verdict", "Verdict"), ("kind", "Kind"))
        )
        return (
            '<h2 id="scorecard">Scorecard</h2>'
            "<p>What the papers say and what this run gives, with its 95 % interval; controls that a "
            "paper lacks stand beside its claims. A claim that fails is a result.</p>"
            f'<form class="filters" hidden aria-label="Filter the scorecard">{filters}'
            '<button type="reset">Show all</button> <span id="shown" role="status"></span></form>'
            f'<div class="scroll" tabindex="0" role="region" aria-labelledby="scorecard">'
            f'<table class="cards"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _thumbnail(self, place: Path) -> str:
        name = self._name(place)
        shown = self._copied(place)
        return (
            f'<li><a href="{page_name("figures", self._slug(place))}">'
            f'<img src="{escape(shown)}" alt="" loading="lazy" width="320" height="176">'
            f"{escape(name)}</a></li>"
        )

    def _name(self, place: Path) -> str:
        what = place.stem if place.parts[-2] != SHOWN[1] else f"scorecard: {place.stem}"
        return f"{place.parts[-3]}: {what}".replace("_", " ")

    def _slug(self, place: Path) -> str:
        return "-".join((place.parts[-3], place.parts[-2], place.stem))

    def _copied(self, place: Path) -> str:
        """Copy a file into the pages; return its path there."""
        name = f"files/{'/'.join(place.parts[-3:])}"
        target = self.target / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, target)
        return name

    def _figure(self, place: Path) -> None:
        step = self.maker[place]
        record = step.outputs[place]
        name = self._name(place)
        copies = [
            link(f"../{self._copied(other)}", f"{other.suffix[1:].upper()}")
            for suffix in FORMATS
            for other in [place.with_suffix(suffix)]
            if other.exists()
        ]
        text = self._caption(step, place)
        graph, listed = self._lineage(step, place)
        cited = bibtex((each.record for each in self._ancestors(step)), self.root, self.declared)
        body = [
            _synthetic(record["synthetic"]),
            f'<figure><img src="../{escape(self._copied(place))}" alt="{escape(_plain(text) or name)}">'
            f"<figcaption>{text}</figcaption></figure>",
            facts(
                {
                    "Record": f"<code>{record['id']}</code>",
                    "sha256": f"<code>{record['output']['sha256']}</code>",
                    "Files": ", ".join(copies),
                    "Ask again": f"<code>python -m replicortex audit figure {escape(str(place))}</code>",
                }
            ),
            '<h2 id="lineage">Where it comes from</h2>'
            "<p>From data (top) to the figure (bottom). Each box is a link to what it stands for.</p>"
            f'<div class="graph" tabindex="0" role="region" aria-labelledby="lineage">{graph}</div>',
            listed,
            f'<h2 id="cite">What to cite</h2><pre tabindex="0">{escape(cited)}</pre>',
        ]
        trail = [("../index.html", self.source.as_posix())]
        self._save(
            page_name("figures", self._slug(place)), document(name, "".join(body), trail, depth=1)
        )

    def _caption(self, step: Step, place: Path) -> str:
        folders = [self.root / "workflow/report"]
        head, paper, *_ = step.call.partition(":")[0].split(".")
        if head == "papers":
            folders.insert(0, self.root / "workflow/papers" / paper / "report")
        for folder in folders:
            file = folder / f"{place.stem}.rst"
            if file.exists():
                return caption(file.read_text())
        return ""

    def _ancestors(self, step: Step) -> list[Step]:
        keys, waiting = {step.key}, [step]
        while waiting:
            for part in waiting.pop().inputs.values():
                for each in part:
                    if each.step and each.step not in keys:
                        keys.add(each.step)
                        waiting.append(self.run[each.step])
        return [each for key, each in self.run.items() if key in keys]

    def _lineage(self, last: Step, place: Path) -> tuple[str, str]:
        """Return the graph of a result, jobs of one function in one box, and the same as lists."""
        groups: dict[str, list[Step]] = {}
        for step in self._ancestors(last):
            if not self._installs(step):
                groups.setdefault(step.call, []).append(step)
        nodes: dict[str, Node] = {}
        lists = []
        for call, members in groups.items():
            anchor = f"#{call.replace(':', '-')}"
            one = page_name("../steps", members[0].key)
            seeds = sorted({seed for each in members for seed in each.seeds})
            below = f"{len(members)} job{'s' * (len(members) > 1)}"
            if seeds:
                below += f", {len(seeds)} seed{'s' * (len(seeds) > 1)}"
            kind = "result" if last in members else "job"
            here = nodes[call] = Node(
                _function(call), below, anchor if len(members) > 1 else one, kind
            )
            for step in members:
                for part in step.inputs.values():
                    for each in part:
                        key = self._origin(each, nodes)
                        if key != call:
                            here.sources.add(key)
            rows = [
                (
                    link(page_name("../steps", step.key), self._title(step)),
                    escape(", ".join(map(str, step.seeds))) or "–",
                    _count(len(step.outputs), "file"),
                    f"{step.record['run']['wall_seconds']} s",
                )
                for step in sorted(members, key=self._title)
            ]
            lists.append(
                f'<h3 id="{escape(anchor[1:])}">{escape(call)}</h3>'
                + table(("Job", "Seeds", "Made", "Took"), rows)
            )
        data = [
            f"<li>{link(n.link, n.name)}: {escape(n.below)}</li>"
            for n in nodes.values()
            if n.kind == "data"
        ]
        files = [
            f"<li><code>{escape(n.name)}</code></li>" for n in nodes.values() if n.kind == "file"
        ]
        listed = '<h2 id="steps">Its steps</h2>' + "".join(lists)
        if data:
            listed += f"<h3>Data</h3><ul>{''.join(data)}</ul>"
        if files:
            listed += f'<h3 id="files">Files of the repository</h3><ul>{"".join(files)}</ul>'
        return svg(nodes, f"Lineage of {place.name}"), listed

    def _installs(self, step: Step) -> bool:
        """Whether a job installs a dataset: the dataset itself is shown."""
        return any(place.parent.name == "manifests" for place in step.outputs)

    def _origin(self, each: Input, nodes: dict[str, Node]) -> str:
        """Return the node that an input comes from; add it when it is no job's."""
        if "dataset" in each.entry:
            data = each.entry["dataset"]
            key = f"data {data['name']}"
            nodes.setdefault(
                key,
                Node(
                    data["name"], f"version {_version(data)}", self._data_link(each, "../"), "data"
                ),
            )
            return key
        if each.step:
            return self.run[each.step].call
        nodes.setdefault(
            each.entry["path"],
            Node(Path(each.entry["path"]).name, "file of the repository", "#files", "file"),
        )
        return each.entry["path"]

    def _data_link(self, each: Input, up: str) -> str:
        data = each.entry["dataset"]
        name = f"{data['name']}@{data['commit'][:12]}"
        self.datasets.setdefault(name, (each.entry, each.place))
        return up + page_name("data", name)

    def _title(self, step: Step) -> str:
        """Return a job's name: its function, and what tells it from others of that function."""
        if step.key not in self.titles:
            same = [each for each in self.run.values() if each.call == step.call]
            told = {each.key: dict(_leaves(each.record["job"]["arguments"])) for each in same}
            values: dict[str, set[str]] = {}
            for each in told.values():
                for key, value in each.items():
                    values.setdefault(key, set()).add(_value(value))
            for each in same:
                apart = [
                    _value(value)
                    for key, value in told[each.key].items()
                    if "." not in key and isinstance(value, str) and len(values[key]) > 1
                ]
                seeds = [f"seed {seed}" for seed in each.seeds] if len(each.seeds) == 1 else []
                words = [each.rule.replace("_", " ") if not apart else _function(step.call)]
                self.titles[each.key] = ", ".join(words + apart + seeds)
        return self.titles[step.key]

    def _step(self, step: Step) -> None:
        record, run = step.record, step.record["run"]
        module = step.call.partition(":")[0]
        git = run["git"]
        gpu = {"GPU": escape(f"{run['gpu']}, CUDA {run['cuda']}")} if run.get("gpu") else {}
        slurm = {"Slurm job": escape(run["slurm_job_id"])} if "slurm_job_id" in run else {}
        ended = {"Ended": escape(run["ended"])} if "ended" in run else {}
        seeds = {"Seeds": ", ".join(map(str, step.seeds))} if step.seeds else {}
        commit = escape(git["commit"] or NOT_KNOWN)
        if git["dirty"] != "no":
            commit += ", from a tree with changes that it does not hold"
        body = [
            _synthetic(record["synthetic"]),
            facts(
                {
                    "Function": f"<code>{escape(step.call)}</code>",
                    **seeds,
                    "Commit": f"<code>{commit}</code>",
                    "Code": f"<code>{escape(str(record['job']['code'] or 'does not count'))}</code>",
                    "Environment": escape(_environment(record)),
                    "Machine": escape(f"{run['host']}: {run['cpu']}"),
                    **gpu,
                    **slurm,
                    **ended,
                    "Took": escape(f"{run['wall_seconds']} s, {run['peak_memory_mb']} MB at most"),
                }
            ),
            "<h2>Parameters</h2>",
            self._parameters(step),
            "<h2>Made from</h2>",
            self._inputs(step),
            "<h2>Made</h2>",
            self._outputs(step),
            self._used_by(step),
            "<h2>Source</h2>",
            self._modules(record, module),
            self._packages(run),
        ]
        trail = [("../index.html", self.source.as_posix()), ("../jobs.html", "jobs")]
        self._save(
            page_name("steps", step.key),
            document(self._title(step), "".join(body), trail, depth=1),
        )

    def _parameters(self, step: Step) -> str:
        mine = step.record["job"]["arguments"]
        if not mine:
            return "<p>None.</p>"
        paths = [record["output"]["path"] for record in step.outputs.values()]
        default = next((self.defaults[path] for path in paths if path in self.defaults), None)
        rows = []
        for key, value in _leaves(mine):
            now = dict(_leaves(default)).get(key) if default is not None else None
            shown = escape(_value(now)) if default is not None and now is not None else "–"
            differs = default is not None and now != value
            rows.append(
                (
                    f"<code>{escape(key)}</code>",
                    escape(_value(value)),
                    shown + (" <strong>differs</strong>" if differs else ""),
                )
            )
        head = f"Default at {self.scale}, now" if self.scale else "Default"
        note = "" if default is not None else "<p>The scale's default is not known here.</p>"
        extra = [key for key, _, _ in apart(mine, default)] if default is not None else []
        gone = [key for key in extra if key not in dict(_leaves(mine))]
        said = f"<p>New since: {escape(', '.join(gone))}.</p>" if gone else ""
        return table(("Parameter", "Value", head), rows) + note + said

    def _inputs(self, step: Step) -> str:
        rows = []
        for name, part in sorted(step.inputs.items()):
            for each in part:
                rows.append(
                    (
                        escape(name),
                        self._input(each),
                        f"<code>{each.entry['sha256'][:16]}</code>",
                    )
                )
        return table(("Input", "File", "sha256"), rows) if rows else "<p>No files.</p>"

    def _input(self, each: Input) -> str:
        if "dataset" in each.entry:
            data = each.entry["dataset"]
            return link(self._data_link(each, "../"), f"dataset {data['name']} {_version(data)}")
        if each.step:
            return link(page_name("", each.step), each.entry["path"])
        return f"<code>{escape(each.entry['path'])}</code>"

    def _outputs(self, step: Step) -> str:
        rows = []
        for place, record in step.outputs.items():
            shown = f"<code>{escape(place.as_posix())}</code>"
            if place.suffix == ".png" and place.parts[-2] in SHOWN and place in self.present:
                shown = link(page_name("../figures", self._slug(place)), place.as_posix())
            here = "here" if place in self.present else "not here, only its record"
            size = f"{record['output']['bytes']:,}"
            rows.append((shown, size, f"<code>{record['output']['sha256'][:16]}</code>", here))
        return table(("File", "Bytes", "sha256", "Kept"), rows)

    def _used_by(self, step: Step) -> str:
        users = [self.run[key] for key in self.run if key in self.readers[step.key]]
        if not users:
            return ""
        items = "".join(
            f"<li>{link(page_name('', user.key), self._title(user))}</li>" for user in users
        )
        return f"<h2>Used by</h2><ul>{items}</ul>"

    def _modules(self, record: dict[str, Any], module: str) -> str:
        own = f"{module.replace('.', '/')}.py"
        rows = []
        for name, digest in sorted(record["modules"].items(), key=lambda each: each[0] != own):
            content = self._source(record, name, digest)
            if content is None:
                shown = f"<code>workflow/{escape(name)}</code> (its text is not at hand)"
            elif not content:
                continue  # an empty __init__
            else:
                page = self._source_page(name, content, record["run"]["git"]["commit"])
                shown = link(f"../{page}", f"workflow/{name}")
            rows.append(
                (
                    shown,
                    f"<code>{digest[:16]}</code>",
                    "the function's own" if name == own else "imported",
                )
            )
        return table(("Module", "Code hash", ""), rows)

    def _source(self, record: dict[str, Any], name: str, digest: str) -> bytes | None:
        """Return a module's text as it was when the job ran: at its commit, or the same code now."""
        from replicortex.codehash import source_hash

        git = record["run"]["git"]
        present = self.root / "workflow" / name
        texts = [self.history.read(git["commit"], f"workflow/{name}") if git["commit"] else None]
        texts.append(present.read_bytes() if present.exists() else None)
        for text in texts:
            if text is not None and source_hash(name, text) == digest:
                return text
        return None

    def _source_page(self, name: str, content: bytes, commit: str) -> str:
        key = records.sha256(content)
        if key not in self.sources:
            self.sources[key] = page_name("sources", key)
            text = highlighted(content.decode())
            held = self.history.read(commit, f"workflow/{name}") == content
            where = f"as commit <code>{escape(commit)}</code> holds it" if held else "as it is now"
            body = f"<p>The source {where}.</p>"
            body += f'<div class="source scroll" tabindex="0" role="region" aria-label="Source">{text}</div>'
            trail = [("../index.html", self.source.as_posix())]
            self._save(self.sources[key], document(f"workflow/{name}", body, trail, depth=1))
        return self.sources[key]

    def _packages(self, run: Mapping[str, Any]) -> str:
        rows = [(escape(n), escape(v)) for n, v in sorted(run.get("packages", {}).items())]
        if not rows:
            return ""
        head = f"<summary>{len(rows)} packages that the job loaded, Python {escape(run['python'])}</summary>"
        return f"<h2>Packages</h2><details>{head}{table(('Package', 'Version'), rows)}</details>"

    def _dataset(self, name: str, entry: dict[str, Any], place: Path) -> None:
        data = entry["dataset"]
        told = chain.dataset_facts(entry, place, self.declared)
        body = [
            _synthetic(data["synthetic"]),
            facts(
                {
                    "Title": escape(told.get("title", NOT_KNOWN)),
                    "Version": escape(data["version"]),
                    "DataLad id": f"<code>{escape(data['id'])}</code>",
                    "Commit": f"<code>{escape(data['commit'])}</code>",
                    "Manifest": f"<code>{escape(entry['path'])}</code>",
                    "Manifest's sha256": f"<code>{entry['sha256']}</code>",
                    "Licence": escape(told.get("licence", NOT_KNOWN)),
                    "From": "<br>".join(link(url, url) for url in told.get("urls", [])[:20])
                    or "made here",
                }
            ),
        ]
        keys = told.get("keys", {})
        if keys:
            rows = [
                (f"<code>{escape(n)}</code>", f"<code>{escape(k)}</code>") for n, k in keys.items()
            ]
            body.append(f"<h2>Files</h2>{table(('File', 'Annex key'), rows[:200])}")
            if len(rows) > 200:
                body.append(f"<p>And {len(rows) - 200} more.</p>")
        else:
            body.append("<p>The dataset is not installed here: its files are not listed.</p>")
        step = self.maker.get(place)
        if step:
            body.append(
                f"<p>Installed by {link(page_name('../steps', step.key), self._title(step))}.</p>"
            )
        users = [
            s
            for s in self.run.values()
            if any(e.place == place for p in s.inputs.values() for e in p)
        ]
        items = "".join(
            f"<li>{link(page_name('../steps', s.key), self._title(s))}</li>" for s in users
        )
        body.append(f"<h2>Used by</h2><ul>{items}</ul>")
        trail = [("../index.html", self.source.as_posix())]
        title = f"Dataset {data['name']}"
        self._save(page_name("data", name), document(title, "".join(body), trail, depth=1))

    @cached_property
    def declared(self) -> dict[str, Any]:
        return declared.load(self.root / "config/datasets.yaml")

    def _jobs(self) -> None:
        rows = [
            (
                link(page_name("steps", step.key), self._title(step)),
                f"<code>{escape(step.call)}</code>",
                ", ".join(map(str, step.seeds)) or "–",
                _count(len(step.outputs), "file"),
                f"{step.record['run']['wall_seconds']} s",
                escape(_machine(step)),
            )
            for step in self.run.values()
        ]
        heads = ("Job", "Function", "Seeds", "Made", "Took", "Machine")
        trail = [("index.html", self.source.as_posix())]
        self._save("jobs.html", document("All jobs", table(heads, rows), trail))


def _found(place: Path) -> Path | None:
    return next((p for p in (place, place.with_name(f"{place.name}.gz")) if p.is_file()), None)


def _synthetic(synthetic: bool) -> str:
    if not synthetic:
        return ""
    return (
        '<p class="notice">Synthetic data: this shows that the workflow runs and says nothing about '
        "a paper.</p>"
    )


def _machine(step: Step) -> str:
    run = step.record["run"]
    return run.get("gpu") or run["cpu"] or run["host"]


def _environment(record: dict[str, Any]) -> str:
    told = record["job"].get("environment") or {}
    python = f"Python {record['run']['python']}"
    if not told:
        return python
    return f"envs/{told['file']}.yaml ({told['hash'][:16]}), {python}"


def _function(call: str) -> str:
    module, _, function = call.partition(":")
    last = module.rpartition(".")[2]
    return function if last == function else f"{last}: {function}"


def _version(data: Mapping[str, str]) -> str:
    """Return a dataset's version; a commit by its start."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28}\b", r"\1", data["version"])


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _leaves(value: Any, at: str = "") -> Iterable[tuple[str, Any]]:
    """Yield place and value of all that is no mapping."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _leaves(value[key], f"{at}.{key}" if at else str(key))
    elif at:
        yield at, value


def _value(value: Any) -> str:
    from replicortex.files import canonical_json

    return value if isinstance(value, str) else canonical_json(value)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", text).split())


def _select(name: str, label: str, values: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return (
        f'<label>{label}<br><select name="{name}"><option value="">all</option>{options}'
        "</select></label>"
    )
