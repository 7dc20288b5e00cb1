"""A run as an RO-Crate: Workflow Run Crate, profile Provenance Run Crate.

One action a job, with the sources at its own commit, its parameters, inputs and outputs. Figures, tables
and all records are in the crate; what is too heavy to travel is described by its sha256.
"""

from __future__ import annotations

import mimetypes
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, Entity
from rocrate.rocrate import ROCrate

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json
from replicortex.core.yaml_text import read_yaml_file
from replicortex.provenance import chain, packed, records
from replicortex.provenance.contents import content_sha256
from replicortex.provenance.history import History
from replicortex.provenance.steps import Input, Step, steps

METADATA = "ro-crate-metadata.json"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
COMPUTATIONAL_WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
ENGINE = "https://snakemake.readthedocs.io"
DONE = {"actionStatus": "http://schema.org/CompletedActionStatus"}
TRAVELS = (".csv", packed.SUFFIX, ".json", ".pdf", ".png", ".svg", ".txt", ".html")
LARGE = 5_000_000  # bytes
TYPES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}
UNITS = {
    "wall_seconds": "https://qudt.org/vocab/unit/SEC",
    "peak_memory_mb": "https://qudt.org/vocab/unit/MegaBYTE",
}

README = """# Replicortex: {source}

NeuroAI papers replicated from versioned data to the final figure: {jobs} jobs with their parameters, sources
at their own commit, inputs and outputs, as a Provenance Run Crate (`ro-crate-metadata.json`). Beside
each result lies the record that Replicortex wrote when it was made (`*.record.json`), which ends with its own
sha256. Files that are too heavy to travel are described by their sha256.
"""


def export(source: Path, target: Path, root: Path, *, hosts: bool = False) -> Path:
    """Write the crate of a run, or of one paper of it; return its metadata file.

    Parameters
    ----------
    source
        Folder of results, such as results/demo or results/reference/learning_rules.
    target
        Folder to write; it must be empty or absent.
    root
        The repository.
    hosts
        Whether the description names machines; the records in the crate always do.

    Raises
    ------
    StudyError
        When there are no results, or the folder has something in it.
    """
    if target.exists() and not target.is_dir():
        raise StudyError(f"audit export: {target} is a file; name a folder")
    if target.exists() and any(target.iterdir()):
        raise StudyError(f"audit export: {target} is not empty; name a new folder")
    source = Path(os.path.relpath(source))  # as the records name what lies there
    results = chain.results_below(source, absent=True) if source.is_dir() else []
    if not results:
        raise StudyError(f"audit export: there are no results below {source}; run the study first")
    with History(root) as history:
        _RunCrate(root, history, steps(results, hosts)).describe(source).write(target)
    return target / METADATA


class _RunCrate:
    """The crate of some jobs. All that rocrate would take from the clock or draw is given to it:
    the day of publication and every identifier. So the same run gives the same bytes."""

    def __init__(self, root: Path, history: History, run: Mapping[str, Step]):
        self.root, self.history, self.run = root, history, run
        self.cited = read_yaml_file(root / "CITATION.cff", "CITATION.cff")
        self.here: dict[Path, Entity] = {}  # results and inputs
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(TERMS)
        self.agent = self._add(
            "#agent", "Organization", name=self.cited["authors"][0]["name"], url="README.md"
        )

    def describe(self, source: Path) -> ROCrate:
        """Add all jobs and what they read and made."""
        run, crate = self.run.values(), self.crate
        crate.name = f"Replicortex: {source.as_posix()}"
        crate.description = (
            "NeuroAI papers replicated from versioned data to the final figure: "
            "figures, tables, verdicts, and the record of every job behind them."
        )
        crate.license = self._add(
            "https://spdx.org/licenses/MIT",
            "CreativeWork",
            name="MIT License",
            description="Code and results; datasets keep their own terms.",
        )
        crate.publisher = crate.root_dataset["author"] = self.agent
        crate.root_dataset["conformsTo"] = [
            self._add(profile, "CreativeWork", name=name, version=version)
            for profile, (name, version) in PROFILES.items()
        ]
        text = README.format(source=source.as_posix(), jobs=len(run)).encode()
        self._file(
            Path("README.md"), text, encodingFormat="text/markdown", about=crate.root_dataset
        )

        commit = _usual(step.record["run"]["git"]["commit"] for step in run)
        tools = {step.key: self._tool(step) for step in run}
        actions = [self._action(step, tools[step.key]) for step in run]
        ended = max(filter(None, map(_ended, run)), default=None)
        crate.datePublished = ended or str(self.cited["date-released"])
        whole = crate.add_action(
            self._workflow(commit, tools),
            "#run",
            result=self._results(),
            properties={
                "name": f"Run of the study: {source.as_posix()}",
                "description": f"{len(run)} jobs by Snakemake at commit {commit[:12] or 'unknown'}",
                "agent": self.agent,
                **DONE,
                **({"endTime": ended} if ended else {}),
            },
        )
        controls = [
            self._add(
                f"#control-{step.key[:16]}",
                "ControlAction",
                name=f"Running {step.rule}",
                instrument=crate.get(_step_id(step)),
                object=action,
                **DONE,
            )
            for step, action in zip(run, actions, strict=True)
        ]
        orchestration = self._add(
            "#orchestration",
            "OrganizeAction",
            name="Orchestration by Snakemake",
            agent=self.agent,
            instrument=self._engine(),
            object=controls,
            result=whole,
        )
        crate.root_dataset["mentions"] = [whole, *actions, orchestration]
        for entity in crate.get_entities():  # a list of one is that one: RO-Crate 1.1 asks for it
            facts = entity.properties()
            facts |= {k: v[0] for k, v in facts.items() if isinstance(v, list) and len(v) == 1}
        return crate

    def _known(self, at: str) -> Entity | None:
        """Return what has been added; `get` alone looks through all entities for one that is not."""
        return self.crate.get(at) if at in self.crate else None

    def _add(self, at: str, kind: str, /, **facts: Any) -> Entity:
        """Add what is no file, unless it is there."""
        given = {name: value for name, value in facts.items() if value != []}
        return self._known(at) or self.crate.add(
            ContextEntity(self.crate, at, {"@type": kind, **given})
        )

    def _file(self, path: Path, content: bytes | None = None, **facts: Any) -> Entity:
        """Add a file, unless it is there; one that lies outside the run's folder under `elsewhere`."""
        inside = path
        if path.is_absolute() or ".." in path.parts:
            inside = Path(
                "elsewhere", *(part for part in path.parts if part not in ("..", path.root))
            )
        kind = mimetypes.guess_type(path)[0] or "text/plain"
        return self._known(quote(inside.as_posix())) or self.crate.add_file(
            path if content is None else BytesIO(content),
            inside,
            properties={"name": inside.as_posix(), "encodingFormat": kind, **facts},
            record_size=True,
        )

    def _engine(self) -> Entity:
        versions = {s.record["run"].get("packages", {}).get("snakemake") for s in self.run.values()}
        named = ", ".join(sorted(versions - {None})) or "unknown"
        facts = {"name": "Snakemake", "url": ENGINE, "softwareVersion": named}
        return self._add(ENGINE, "SoftwareApplication", **facts)

    def _workflow(self, commit: str, tools: Mapping[str, Entity]) -> Entity:
        """Add the Snakefile as the workflow, with a step for each rule."""
        by_rule = {_step_id(step): step for step in self.run.values()}
        parts = [
            self._add(
                identifier,
                "HowToStep",
                name=step.rule,
                position=str(number),
                workExample=tools[step.key],
            )
            for number, (identifier, step) in enumerate(by_rule.items(), start=1)
        ]
        profile = self._add(
            COMPUTATIONAL_WORKFLOW,
            "CreativeWork",
            name="ComputationalWorkflow",
            version="1.0-RELEASE",
        )
        content = self.history.read(commit, "Snakefile") or (self.root / "Snakefile").read_bytes()
        return self.crate.add_workflow(
            BytesIO(content),
            "Snakefile",
            main=True,
            lang="snakemake",
            record_size=True,
            properties={
                "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
                "name": "Replicortex",
                "encodingFormat": "text/plain",
                "version": commit or "unknown",
                "url": "Snakefile",
                "conformsTo": profile,
                "license": self.crate.license,
                "creator": self.agent,
                "hasPart": _unique(tools.values()),
                "step": parts,
            },
        )

    def _tool(self, step: Step) -> Entity:
        """Add the function that a job called, with its source at the job's commit."""
        module, _, function = step.call.partition(":")
        git = step.record["run"]["git"]
        path = f"workflow/{module.replace('.', '/')}.py"
        known = git["commit"] and git["dirty"] == "no"
        source = self.history.read(git["commit"], path) if known else None
        code = None
        if source is not None:
            code = self._file(Path("code", git["commit"][:12], path), source)
        version = str(step.record["job"]["code"] or "unversioned")
        return self._add(
            f"#{quote(step.call)}-{version[:12]}",
            "SoftwareSourceCode",
            name=step.call,
            description=f"Function {function} of {path}",
            version=version,
            url=code.id if code else path,
            programmingLanguage="Python",
            input=[self._parameter(step, name, value) for name, value in _arguments(step)],
            **({"hasPart": code} if code else {}),
        )

    def _parameter(self, step: Step, name: str, value: Any) -> Entity:
        kind = TYPES.get(type(value), "PropertyValue")
        identifier = f"#{quote(step.call)}/{quote(name)}-{kind}"
        return self._known(identifier) or self.crate.add_formal_parameter(
            name, kind, identifier, valueRequired=True
        )

    def _action(self, step: Step, tool: Entity) -> Entity:
        """Add a job: what it read, what it made, when, where and at which cost."""
        run, end = step.record["run"], _ended(step)
        times = {}
        if end:
            took = timedelta(seconds=round(run["wall_seconds"]))
            start = datetime.fromisoformat(end) - took
            times = {"endTime": end, "startTime": start.isoformat(timespec="seconds")}
        seeds = f", seeds {', '.join(map(str, step.seeds))}" if step.seeds else ""
        where = run.get("gpu") or run["cpu"]
        values = [self._value(step, name, value) for name, value in _arguments(step)]
        read = [self._input(each) for part in step.inputs.values() for each in part]
        made = [self._output(place, record) for place, record in step.outputs.items()]
        return self.crate.add_action(
            tool,
            f"#job-{step.key[:16]}",
            object=_unique([*read, *values]),
            result=_unique(made),
            properties={
                "name": f"{step.rule}{seeds}",
                "description": f"{step.call} on {run['host']} ({where}), Python {run['python']}, "
                f"commit {run['git']['commit'][:12] or 'unknown'}",
                "agent": self.agent,
                "subjectOf": _unique([self._record(place) for place in step.outputs]),
                "resourceUsage": [
                    self._add(
                        f"#job-{step.key[:16]}-{name}",
                        "PropertyValue",
                        name=name,
                        propertyID=name,
                        unitCode=unit,
                        value=str(run[name]),
                    )
                    for name, unit in UNITS.items()
                ],
                **DONE,
                **times,
            },
        )

    def _value(self, step: Step, name: str, value: Any) -> Entity:
        """Add the value of an argument; a list or mapping as its JSON."""
        formal = self._parameter(step, name, value)
        text = canonical_json(value)
        return self._add(
            f"{formal.id}={sha256(text)[:12]}",
            "PropertyValue",
            name=name,
            value=value if type(value) in TYPES else text,
            exampleOfWork=formal,
        )

    def _results(self) -> list[Entity]:
        """Return what no other job read: figures and verdicts."""
        run = self.run.values()
        read = {each.place for step in run for part in step.inputs.values() for each in part}
        return _unique(self.here[p] for step in run for p in step.outputs if p not in read)

    def _output(self, place: Path, record: dict[str, Any]) -> Entity:
        facts = {
            "sha256": record["output"]["sha256"],
            "contentSize": str(record["output"]["bytes"]),
            "identifier": f"replicortex:{record['id']}",
        }
        return self._thing(place, facts)

    def _input(self, each: Input) -> Entity:
        facts = {"sha256": each.entry["sha256"]}
        if "dataset" in each.entry:
            data = each.entry["dataset"]
            facts["description"] = (
                f"Manifest of dataset {data['name']} {data['version']}, DataLad {data['id']} "
                f"at commit {data['commit']}"
            )
        return self._thing(each.place, facts)

    def _thing(self, place: Path, facts: dict[str, Any]) -> Entity:
        """Add a result or an input: as a file when it travels, else described by its hash."""
        known = self.here.get(place)
        if known is None:
            found = packed.held(place)
            if (
                found is not None
                and (found.suffix in TRAVELS or "manifests" in found.parts)
                and found.stat().st_size <= LARGE
                and content_sha256(found) == facts["sha256"]
            ):
                known = self._file(found)
                if found != place:  # the hash is of what was compressed
                    note = f"{place.name}, compressed; sha256 of its content"
                    facts = {"description": note, **facts}
            else:
                known = self._add(
                    f"#{quote(place.as_posix())}-{facts['sha256'][:12]}",
                    "CreativeWork",
                    name=place.as_posix(),
                )
                facts = {"description": "Not in the crate: described by its sha256.", **facts}
            self.here[place] = known
        for name, value in facts.items():
            known.setdefault(name, value)
        return known

    def _record(self, place: Path) -> Entity:
        path = records.path_of(packed.result_of(place))
        listed = records.list_of(path)
        if listed is not None:
            self._file(listed)
        return self._file(path, records.content(path), about=self.here[place])


def _unique(entities: Iterable[Entity]) -> list[Entity]:
    return list({entity.id: entity for entity in entities}.values())


def _arguments(step: Step) -> list[tuple[str, Any]]:
    return sorted(step.record["job"]["arguments"].items())


def _step_id(step: Step) -> str:
    return f"#step-{quote(step.rule)}-{quote(step.call)}"


def _ended(step: Step) -> str | None:
    """Return when a job ended; records made before 21 November 2026 do not tell."""
    ended: str | None = step.record["run"].get("ended")
    return ended


def _usual(commits: Iterable[str]) -> str:
    ((commit, _),) = Counter(commits).most_common(1)
    return commit
