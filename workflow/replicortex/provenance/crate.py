"""A run as an RO-Crate: Workflow Run Crate, profile Provenance Run Crate.

One action a job, with the sources at its own commit, its parameters, inputs and outputs. Figures, tables
and all records are in the crate; what is too heavy to travel is described by its sha256.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json, write_bytes
from replicortex.provenance import chain, records
from replicortex.provenance.contents import content_sha256
from replicortex.provenance.history import History
from replicortex.provenance.steps import Input, Step, steps

METADATA = "ro-crate-metadata.json"
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
BIOSCHEMAS = "https://bioschemas.org/profiles"
ENGINE = "https://snakemake.readthedocs.io"
TRAVELS = (".csv", ".gz", ".json", ".pdf", ".png", ".svg", ".txt", ".html")
LARGE = 5_000_000  # bytes
TYPES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}
MEGABYTE, SECOND = "https://qudt.org/vocab/unit/MegaBYTE", "https://qudt.org/vocab/unit/SEC"

README = """# Replicortex: {source}

NeuroAI papers replicated from versioned data to the final figure: {jobs} jobs with their parameters, sources
at their own commit, inputs and outputs, as a Provenance Run Crate (`ro-crate-metadata.json`). Beside
each result lies the record that Replicortex wrote when it was made (`*.record.json`), which ends with its own
sha256. Files that are too heavy to travel are described by their sha256.
"""


def export(source: Path, target: Path, root: Path) -> Path:
    """Write the crate of a run, or of one paper of it; return its metadata file.

    Parameters
    ----------
    source
        Folder of results, such as results/demo or results/reference/learning_rules.
    target
        Folder to write; it must be empty or absent.
    root
        The repository.

    Raises
    ------
    StudyError
        When there are no results, or the folder has something in it.
    """
    if target.exists() and not target.is_dir():
        raise StudyError(f"audit export: {target} is a file; name a folder")
    if target.exists() and any(target.iterdir()):
        raise StudyError(f"audit export: {target} is not empty; name a new folder")
    results = chain.results_below(source, absent=True) if source.is_dir() else []
    if not results:
        raise StudyError(f"audit export: there are no results below {source}; run the study first")
    with History(root) as history:
        crate = _Crate(target, root, history)
        return crate.write(source, steps(results))


@dataclass
class _Crate:
    target: Path
    root: Path
    history: History
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)  # files of the crate
    here: dict[Path, str] = field(default_factory=dict)  # entities of results and inputs

    def write(self, source: Path, run: dict[str, Step]) -> Path:
        """Describe all jobs, copy what travels, and write the metadata."""
        commit = _usual(step.record["run"]["git"]["commit"] for step in run.values())
        agent = self._agent()
        tools = {step.key: self._tool(step) for step in run.values()}
        actions = [self._action(step, tools[step.key], agent) for step in run.values()]
        ended = sorted(filter(None, (_ended(step) for step in run.values())))
        workflow = self._workflow(commit, tools, run)
        self._engine(run)
        whole = self._add(
            "#run",
            type="CreateAction",
            name=f"Run of the study: {source.as_posix()}",
            description=f"{len(run)} jobs by Snakemake at commit {commit[:12] or 'unknown'}",
            instrument=workflow,
            agent=agent,
            result=_refs(self._results(run)),
            actionStatus="http://schema.org/CompletedActionStatus",
            **({"endTime": ended[-1]} if ended else {}),
        )
        controls = [
            self._control(step, action) for step, action in zip(run.values(), actions, strict=True)
        ]
        self._add(
            "#orchestration",
            type="OrganizeAction",
            name="Orchestration by Snakemake",
            agent=agent,
            instrument=_ref(ENGINE),
            object=controls,
            result=whole,
        )
        self._root(source, workflow, [whole, *actions], ended)
        text = json.dumps(
            {"@context": CONTEXT, "@graph": [_single(each) for each in self.entities.values()]},
            ensure_ascii=False,
            indent=1,
        )
        write_bytes(self.target / METADATA, f"{text}\n".encode())
        return self.target / METADATA

    def _add(self, at: str, /, **facts: Any) -> dict[str, str]:
        kept = {key: value for key, value in facts.items() if value not in (None, [], "")}
        kind = kept.pop("type")
        self.entities.setdefault(at, {"@id": at, "@type": kind, **kept})
        return _ref(at)

    def _root(
        self,
        source: Path,
        workflow: dict[str, str],
        actions: list[dict[str, str]],
        ended: list[str],
    ) -> None:
        for profile, (name, version) in PROFILES.items():
            self._add(profile, type="CreativeWork", name=name, version=version)
        text = README.format(source=source.as_posix(), jobs=len(actions) - 1)
        self._file("README.md", text.encode())
        self.entities["README.md"] |= {"about": _ref("./"), "encodingFormat": "text/markdown"}
        licence = self._add(
            "https://spdx.org/licenses/MIT",
            type="CreativeWork",
            name="MIT License",
            description="Code and results; datasets keep their own terms.",
        )
        self.entities |= {
            METADATA: {
                "@id": METADATA,
                "@type": "CreativeWork",
                "about": _ref("./"),
                "conformsTo": [
                    _ref("https://w3id.org/ro/crate/1.1"),
                    _ref("https://w3id.org/workflowhub/workflow-ro-crate/1.0"),
                ],
            },
            "./": {
                "@id": "./",
                "@type": "Dataset",
                "name": f"Replicortex: {source.as_posix()}",
                "description": "NeuroAI papers replicated from versioned data to the final figure: "
                "figures, tables, verdicts, and the record of every job behind them.",
                "datePublished": ended[-1] if ended else self._released(),
                "license": licence,
                "conformsTo": _refs(PROFILES),
                "mainEntity": workflow,
                "hasPart": _refs(sorted(self.parts)),
                "mentions": [*actions, _ref("#orchestration")],
                "publisher": _ref("#agent"),
                "author": _ref("#agent"),
            },
        }

    def _released(self) -> str:
        text = (self.root / "CITATION.cff").read_text()
        return re.findall(r"^date-released: *(\S+)", text, re.M)[0]

    def _agent(self) -> dict[str, str]:
        text = (self.root / "CITATION.cff").read_text()
        name = re.findall(r"^  - name: *(.+)", text, re.M)[0]
        return self._add("#agent", type="Organization", name=name, url="README.md")

    def _engine(self, run: Mapping[str, Step]) -> None:
        versions = {
            step.record["run"].get("packages", {}).get("snakemake") for step in run.values()
        }
        versions.discard(None)
        self._add(
            ENGINE,
            type="SoftwareApplication",
            name="Snakemake",
            url=ENGINE,
            softwareVersion=", ".join(sorted(versions)) or self._locked("snakemake"),
        )

    def _locked(self, package: str) -> str:
        text = (self.root / "requirements.lock").read_text()
        return re.findall(rf"^{package}==(\S+)", text, re.M)[0]

    def _workflow(
        self, commit: str, tools: Mapping[str, dict[str, str]], run: Mapping[str, Step]
    ) -> dict[str, str]:
        content = self.history.read(commit, "Snakefile") or (self.root / "Snakefile").read_bytes()
        self._file("Snakefile", content)
        language = self._add(
            "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
            type="ComputerLanguage",
            name="Snakemake",
            identifier="https://doi.org/10.1093/bioinformatics/bts480",
            url="https://snakemake.github.io",
        )
        profile = f"{BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"
        self._add(profile, type="CreativeWork", name="ComputationalWorkflow", version="1.0-RELEASE")
        by_rule = {f"{step.rule} {step.call}": step for step in run.values()}
        positions = []
        for number, step in enumerate(by_rule.values(), start=1):
            self._add(
                _step_id(step),
                type="HowToStep",
                name=step.rule,
                position=str(number),
                workExample=tools[step.key],
            )
            positions.append(_step_id(step))
        self.entities["Snakefile"] |= {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": "Replicortex",
            "version": commit or "unknown",
            "url": "Snakefile",
            "programmingLanguage": language,
            "conformsTo": _ref(profile),
            "license": _ref("https://spdx.org/licenses/MIT"),
            "creator": _ref("#agent"),
            "hasPart": _refs(sorted({tool["@id"] for tool in tools.values()})),
            "step": _refs(positions),
        }
        return _ref("Snakefile")

    def _tool(self, step: Step) -> dict[str, str]:
        """Add the function that a job called, with its source at the job's commit."""
        module, _, function = step.call.partition(":")
        commit = step.record["run"]["git"]["commit"]
        dirty = step.record["run"]["git"]["dirty"] != "no"
        path = f"workflow/{module.replace('.', '/')}.py"
        source = self.history.read(commit, path) if commit and not dirty else None
        code = None
        if source is not None:
            code = self._file(f"code/{commit[:12]}/{path}", source)
        version = str(step.record["job"]["code"] or "unversioned")
        inputs = [self._parameter(step, name, value) for name, value in _arguments(step)]
        return self._add(
            f"#{quote(step.call)}-{version[:12]}",
            type="SoftwareSourceCode",
            name=step.call,
            description=f"Function {function} of {path}",
            version=version,
            url=code["@id"] if code else path,
            programmingLanguage="Python",
            input=_refs([each["@id"] for each in inputs]),
            **({"hasPart": code} if code else {}),
        )

    def _parameter(self, step: Step, name: str, value: Any) -> dict[str, str]:
        return self._add(
            _parameter_id(step, name, value),
            type="FormalParameter",
            name=name,
            additionalType=_kind(value),
            conformsTo=_ref(f"{BIOSCHEMAS}/FormalParameter/1.0-RELEASE"),
        )

    def _action(self, step: Step, tool: dict[str, str], agent: dict[str, str]) -> dict[str, str]:
        run = step.record["run"]
        values = []
        for name, value in _arguments(step):
            shown = value if isinstance(value, (bool, int, float, str)) else canonical_json(value)
            formal = _parameter_id(step, name, value)
            identifier = f"{formal}={records.sha256(canonical_json(value))[:12]}"
            values.append(
                self._add(
                    identifier,
                    type="PropertyValue",
                    name=name,
                    value=shown,
                    exampleOfWork=_ref(formal),
                )
            )
        read = [self._input(each) for part in step.inputs.values() for each in part]
        made = [self._output(place, record) for place, record in step.outputs.items()]
        told = [self._record(place) for place in step.outputs]
        end = _ended(step)
        start = None
        if end:
            took = timedelta(seconds=round(run["wall_seconds"]))
            start = (datetime.fromisoformat(end) - took).isoformat(timespec="seconds")
        seeds = f", seeds {', '.join(map(str, step.seeds))}" if step.seeds else ""
        where = run.get("gpu") or run["cpu"]
        return self._add(
            f"#job-{step.key[:16]}",
            type="CreateAction",
            name=f"{step.rule}{seeds}",
            description=f"{step.call} on {run['host']} ({where}), Python {run['python']}, "
            f"commit {run['git']['commit'][:12] or 'unknown'}",
            instrument=tool,
            agent=agent,
            object=_unique([*read, *values]),
            result=_unique(made),
            subjectOf=_unique(told),
            actionStatus="http://schema.org/CompletedActionStatus",
            resourceUsage=[
                self._usage(step, "wall_seconds", SECOND),
                self._usage(step, "peak_memory_mb", MEGABYTE),
            ],
            **({"endTime": end, "startTime": start} if end else {}),
        )

    def _usage(self, step: Step, name: str, unit: str) -> dict[str, str]:
        return self._add(
            f"#job-{step.key[:16]}-{name}",
            type="PropertyValue",
            name=name,
            propertyID=name,
            unitCode=unit,
            value=str(step.record["run"][name]),
        )

    def _control(self, step: Step, action: dict[str, str]) -> dict[str, str]:
        return self._add(
            f"#control-{step.key[:16]}",
            type="ControlAction",
            name=f"Running {step.rule}",
            instrument=_ref(_step_id(step)),
            object=action,
            actionStatus="http://schema.org/CompletedActionStatus",
        )

    def _results(self, run: Mapping[str, Step]) -> list[str]:
        """Return what no other job read: figures and verdicts."""
        read = {each.place for s in run.values() for part in s.inputs.values() for each in part}
        places = [place for step in run.values() for place in step.outputs if place not in read]
        return list(dict.fromkeys(self.here[place] for place in places))

    def _output(self, place: Path, record: dict[str, Any]) -> dict[str, str]:
        facts = {
            "sha256": record["output"]["sha256"],
            "contentSize": str(record["output"]["bytes"]),
            "identifier": f"replicortex:{record['id']}",
        }
        return self._thing(place, facts)

    def _input(self, each: Input) -> dict[str, str]:
        facts: dict[str, Any] = {"sha256": each.entry["sha256"]}
        if "dataset" in each.entry:
            data = each.entry["dataset"]
            facts["description"] = (
                f"Manifest of dataset {data['name']} {data['version']}, DataLad {data['id']} "
                f"at commit {data['commit']}"
            )
        return self._thing(each.place, facts)

    def _thing(self, place: Path, facts: dict[str, Any]) -> dict[str, str]:
        """Add a file: in the crate when it travels, else described by its hash."""
        if place in self.here:
            known = self.entities[self.here[place]]
            known |= {key: value for key, value in facts.items() if key not in known}
            return _ref(self.here[place])
        found = next((p for p in (place, place.with_name(f"{place.name}.gz")) if p.is_file()), None)
        if (
            found is not None
            and (found.suffix in TRAVELS or "manifests" in found.parts)
            and found.stat().st_size <= LARGE
            and content_sha256(found) == facts["sha256"]
        ):
            self._file(found.as_posix(), found.read_bytes())
            identifier = quote(found.as_posix())
            known = self.entities[identifier]
            if found != place:  # the hash is of what was compressed
                facts = {**facts, "description": f"{place.name}, compressed; sha256 of its content"}
                facts.pop("contentSize", None)
            known |= {key: value for key, value in facts.items() if key not in known}
        else:
            identifier = f"#{quote(place.as_posix())}-{facts['sha256'][:12]}"
            self._add(
                identifier,
                type="CreativeWork",
                name=place.as_posix(),
                **{"description": "Not in the crate: described by its sha256.", **facts},
            )
        self.here[place] = identifier
        return _ref(identifier)

    def _record(self, place: Path) -> dict[str, str]:
        path = records.path_of(place.with_name(place.name.removesuffix(".gz")))
        reference = self._file(path.as_posix(), path.read_bytes())
        self.entities[reference["@id"]] |= {"about": _ref(self.here[place])}
        listed = records.list_of(path)
        if listed is not None:
            self._file(listed.as_posix(), listed.read_bytes())
        return reference

    def _file(self, path: str, content: bytes) -> dict[str, str]:
        identifier = quote(path)
        if identifier not in self.entities:
            write_bytes(self.target / path, content)
            kind = mimetypes.guess_type(path)[0] or "text/plain"
            self._add(
                identifier,
                type="File",
                name=path,
                encodingFormat=kind,
                contentSize=str(len(content)),
            )
            self.parts.append(identifier)
        return _ref(identifier)


def _ref(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _single(entity: dict[str, Any]) -> dict[str, Any]:
    """Return an entity whose lists of one are that one, as the specification recommends."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
    }


def _refs(identifiers: Iterable[str]) -> list[dict[str, str]]:
    return [_ref(each) for each in identifiers]


def _unique(references: list[dict[str, str]]) -> list[dict[str, str]]:
    return _refs(dict.fromkeys(each["@id"] for each in references))


def _arguments(step: Step) -> list[tuple[str, Any]]:
    return sorted(step.record["job"]["arguments"].items())


def _kind(value: Any) -> str:
    return TYPES.get(type(value), "PropertyValue")


def _parameter_id(step: Step, name: str, value: Any) -> str:
    return f"#{quote(step.call)}/{quote(name)}-{_kind(value)}"


def _step_id(step: Step) -> str:
    return f"#step-{quote(step.rule)}-{quote(step.call)}"


def _ended(step: Step) -> str | None:
    """Return when a job ended; records made before 21 November 2026 do not tell."""
    return step.record["run"].get("ended")


def _usual(commits: Iterable[str]) -> str:
    ((commit, _),) = Counter(commits).most_common(1)
    return commit
