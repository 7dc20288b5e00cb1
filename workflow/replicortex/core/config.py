"""The checked configuration: what runs, at which scale, with which numbers.

Numbers merge in this order: `full` < the scale's section < `config.yaml` < command line.
Whatever is wrong is told in one sentence before any job starts.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from replicortex.core import papers as paper_files
from replicortex.core import rehearsal, table_schema
from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError, nearest
from replicortex.core.files import canonical_json
from replicortex.core.scales import SECTIONS, Scale
from replicortex.core.schema import Name, PaperNumbers, PositiveInt
from replicortex.core.section import Section
from replicortex.core.validation import validate
from replicortex.core.yaml_text import read_yaml_file
from replicortex.data.declared import Dataset, lacking, missing_user_data
from replicortex.data.declared import load as load_datasets
from replicortex.data.needed import Needed
from replicortex.data.placed import Folder

KEPT = "reference"  # the folder below results/ that git holds; no run may be named so
LOOKED_AT = 20_000  # names below a user's folder, before each run


class Settings(Section):
    """`config/config.yaml`: the one file that a user edits."""

    scale: Scale = Field(description="size of the study and kind of data")
    run: str | list[str] = Field(description="all, one paper, or a list of papers")
    name: Name | None = Field(default=None, description="folder below results/; default: the scale")
    data: Annotated[str, Field(min_length=1)] = Field(
        default="data", description="folder where datasets are installed"
    )
    mirror: str | None = Field(default=None, description="folder looked in first, by checksum")
    user_data: dict[str, str] = Field(default={}, description="folders of licensed data")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="where networks run")
    threads: PositiveInt = Field(default=1, description="compute threads of one job")
    save_every: PositiveInt = Field(default=300, description="seconds between saves of a training")
    papers: dict[str, dict[str, Any]] = Field(default={}, description="changes to papers' numbers")

    @field_validator("name")
    @classmethod
    def _not_kept(cls, name: str | None) -> str | None:
        if name == KEPT:
            raise ValueError(f"'{KEPT}' is where kept results lie; name the run otherwise")
        return name

    @field_validator("data")
    @classmethod
    def _plain_path(cls, data: str) -> str:
        marks = sorted(set(data) & set("{}<>\n"))
        if marks:
            raise ValueError(f"'{data}' holds {marks[0]!r}, which the engine reads as its own")
        return data


@dataclass(frozen=True)
class Study:
    """Everything that the workflow needs to know, checked."""

    settings: Settings
    papers: dict[str, dict[str, Any]]  # numbers by paper, merged for the scale
    datasets: dict[str, Dataset]  # declared datasets that the papers of this run read
    mirror: Path | None
    about: dict[str, paper_files.Paper]  # what each paper of this run says of itself
    left_out: list[str]  # a sentence on each half-made paper that does not run
    models: dict[str, PaperNumbers]  # the papers' numbers as their own models

    @property
    def run(self) -> str:
        """Name of the run: the folder below results/."""
        return self.settings.name or self.settings.scale

    @property
    def synthetic(self) -> bool:
        """Whether every dataset of the run is a fixture made here."""
        return all(entry.kind == "fixture" for entry in self.datasets.values())

    @property
    def rehearsal(self) -> bool:
        """Whether the run goes through what `full` does, and says nothing of any paper."""
        return self.settings.scale == rehearsal.SCALE

    def headline(self) -> str:
        """Return the first line of output: scale, data and device."""
        said = "REHEARSAL of full on fixtures; no verdict on any paper"
        data = said if self.rehearsal else self._data()
        return (
            f"Replicortex: scale {self.settings.scale}, {data}, device {self.settings.device}, "
            f"papers {', '.join(self.papers)}"
        )

    def _data(self) -> str:
        """Say of what kind the data are."""
        kinds = {entry.kind == "fixture" for entry in self.datasets.values()}
        return {
            frozenset({True}): "synthetic data (fixtures; no verdict on any paper)",
            frozenset({False}): "real data",
        }.get(frozenset(kinds), "real and synthetic data")


def paper_names(root: Path) -> list[str]:
    """Return the papers that can run: folders of workflow/papers that lack no file."""
    return [name for name in paper_files.folders(root) if not paper_files.half_made(name, root)]


def check(config: Mapping[str, Any], root: Path, *, placed: bool = True) -> Study:
    """Return the study that a configuration asks for.

    Parameters
    ----------
    config
        `config/config.yaml` with overlays and the command line merged in.
    root
        The repository.
    placed
        Whether licensed data must be where the user says; a plan can do without.

    Raises
    ------
    StudyError
        With one sentence on the first thing that is wrong.
    """
    settings = validate(Settings, dict(config), "config/config.yaml")
    declared = load_datasets(root / "config/datasets.yaml")
    known = paper_files.folders(root)
    selected, left_out = _selected(settings.run, known, root)
    if settings.scale == rehearsal.SCALE:
        selected, more = _rehearsed(settings.run, selected, root)
        left_out += more
    models = {
        paper: checked_numbers(paper, settings.scale, settings.papers.get(paper, {}), root)
        for paper in selected
    }
    papers = {paper: _dumped(model, settings.scale) for paper, model in models.items()}
    about = {paper: paper_files.load(paper, root) for paper in selected}
    for paper in selected:  # what is wrong there would be told when the first table is written
        table_schema.load(root / "workflow/papers" / paper / table_schema.FILE)
    for paper in settings.papers:
        if paper not in known:
            raise StudyError(
                f"config/config.yaml: papers.{paper}: unknown paper '{paper}'{nearest(paper, known)}"
            )
    mirror = _mirror(settings)
    datasets = {}
    for paper, numbers in papers.items():
        for name in numbers["datasets"]:
            if name not in declared:
                raise StudyError(
                    f"config/papers/{paper}.yaml: scale {settings.scale} needs the dataset '{name}', "
                    f"which config/datasets.yaml does not declare{nearest(name, declared)}"
                )
            datasets[name] = declared[name]
    for name in settings.user_data:
        if name not in declared:
            raise StudyError(
                f"config/config.yaml: user_data.{name}: no such dataset{nearest(name, declared)}"
            )
    _writable(Path("results"))
    if settings.data != "data" and not Path(settings.data).is_dir():
        raise StudyError(
            f"config/config.yaml: data: the folder '{settings.data}' does not exist; "
            "create it, or leave `data: data`"
        )
    manifests = {
        name: f"<manifests>/{manifest_name(name, entry)}" for name, entry in datasets.items()
    }
    for paper, numbers in papers.items():
        numbers["device"] = settings.device
        numbers["manifests"] = {name: manifests[name] for name in numbers["datasets"]}
        numbers["title"] = about[paper].short
        numbers["folder"] = paper_files.folder(paper, root)
    study = Study(settings, papers, dict(sorted(datasets.items())), mirror, about, left_out, models)
    if placed:
        _check_placed(study)
    return study


def manifest_path(study: Study, name: str) -> Path:
    """Return where a dataset's manifest lies once it is installed."""
    return Path(study.settings.data, "manifests", manifest_name(name, study.datasets[name]))


def not_placed(study: Study, most: int | None = None) -> dict[str, list[str]]:
    """Return the licensed datasets that are neither installed nor complete where the user says.

    Parameters
    ----------
    most
        Names looked at below a folder for a file that may lie anywhere; None looks at all, and at
        what follows from datasets that are installed.

    Returns
    -------
    By dataset the files that its folder lacks; none where there is no folder.
    """
    there = {n: path for n in study.datasets if (path := manifest_path(study, n)).exists()}
    found = {}
    for name, entry in study.datasets.items():
        if entry.kind != "user" or name in there:
            continue

        def needed(folder: Folder, name: str = name) -> list[Needed]:
            given = there if most is None else {}
            return [
                one
                for paper, model in study.models.items()
                if name in study.papers[paper]["datasets"]
                for one in model.expected(name, folder, given)
            ]

        place = study.settings.user_data.get(name)
        files = lacking(entry, Path(place) if place else None, needed, most)
        if files is not None:
            found[name] = files
    return found


def _check_placed(study: Study) -> None:
    """Check that licensed data are there, by names alone.

    Raises
    ------
    StudyError
        On the first dataset that is not, which names the others.
    """
    found = not_placed(study, LOOKED_AT)
    if not found:
        return
    (name, files), *others = found.items()
    place = study.settings.user_data.get(name)
    first = missing_user_data(name, study.datasets[name], Path(place) if place else None, files)
    if not others:
        raise first
    names = ", ".join(other for other, _ in others)
    raise StudyError(
        f"{first}; likewise {names}: `replicortex preflight --scale {study.settings.scale}` lists all"
    )


def manifest_name(name: str, entry: Dataset) -> str:
    """Return the name of a dataset's manifest, another one for each version and content.

    A manifest of the same name would hide a change: the engine does not look at what lies below a
    job that runs, unless a file is missing.
    """
    content = entry.model_dump(mode="json", include={"version", "source", "files"})
    return f"{name}@{sha256(canonical_json(content))[:8]}.json"


def _selected(run: str | list[str], known: list[str], root: Path) -> tuple[list[str], list[str]]:
    """Return the papers that run, and a sentence on each half-made one that nobody asked for."""
    refusals = {paper: paper_files.half_made(paper, root) for paper in known}
    if run == "all":
        left_out = [sentence for sentence in refusals.values() if sentence]
        if len(left_out) == len(known):
            raise StudyError(left_out[0] if left_out else "workflow/papers: there is no paper")
        return [paper for paper in known if not refusals[paper]], left_out
    wanted = [run] if isinstance(run, str) else run
    for paper in wanted:
        if paper not in known:
            raise StudyError(
                f"config/config.yaml: run: unknown paper '{paper}'{nearest(paper, ['all', *known])}"
            )
    if not wanted:
        raise StudyError("config/config.yaml: run: the list is empty; name a paper, or `all`")
    for paper in wanted:
        if sentence := refusals[paper]:
            raise StudyError(f"config/config.yaml: run: {paper}: {sentence}")
    return list(dict.fromkeys(wanted)), []


def _rehearsed(
    run: str | list[str], selected: list[str], root: Path
) -> tuple[list[str], list[str]]:
    """Return the papers that say what a rehearsal cuts, and a sentence on each other one."""
    refusals = {}
    for paper in selected:
        file = f"config/papers/{paper}.yaml"
        if rehearsal.SCALE not in read_yaml_file(root / file, file):
            refusals[paper] = f"{file}: there is no section `{rehearsal.SCALE}:`"
    if refusals and (run != "all" or len(refusals) == len(selected)):
        raise StudyError(next(iter(refusals.values())))
    return [paper for paper in selected if paper not in refusals], list(refusals.values())


def _mirror(settings: Settings) -> Path | None:
    named = settings.mirror or os.environ.get("REPLICORTEX_MIRROR")
    if not named:
        return None
    source = "config/config.yaml: mirror" if settings.mirror else "REPLICORTEX_MIRROR"
    if not Path(named).is_dir():
        raise StudyError(f"{source}: the folder '{named}' does not exist")
    return Path(named).resolve()


def _writable(folder: Path) -> None:
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise StudyError(f"{folder}: results cannot be written there (no permission on {existing})")


def paper_numbers(paper: str, scale: str, changes: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a paper's numbers at a scale, checked, with `datasets` and `scale` beside them.

    Raises
    ------
    StudyError
        When a key is unknown, or a value is of the wrong type or out of range.
    """
    return _dumped(checked_numbers(paper, scale, changes, root), scale)


def _dumped(checked: PaperNumbers, scale: str) -> dict[str, Any]:
    return {**checked.model_dump(), "datasets": checked.datasets(), "scale": scale}


def checked_numbers(paper: str, scale: str, changes: Mapping[str, Any], root: Path) -> PaperNumbers:
    """Return a paper's numbers at a scale, as its own model."""
    file = f"config/papers/{paper}.yaml"
    numbers = read_yaml_file(root / file, file)
    if not isinstance(numbers, dict):
        raise StudyError(f"{file}: the paper's numbers by key expected")
    sections = {section: numbers.pop(section, {}) for section in SECTIONS}
    for section, changed in sections.items():
        if not isinstance(changed, dict):
            raise StudyError(f"{file}: {section}: numbers by key expected, found {changed!r}")
    model = numbers_model(paper)
    validate(model, numbers, file)
    if scale != "full":
        full, numbers = numbers, merge(numbers, sections[scale])
        checked = validate(model, numbers, f"{file} ({scale})")
        if scale == rehearsal.SCALE:
            smaller = paper_files.load(paper, root).rehearsal
            rehearsal.check(validate(model, full, file), checked, smaller, file)
    where = f"config/config.yaml: papers.{paper}" if changes else f"{file} ({scale})"
    return validate(model, merge(numbers, changes), where)


def numbers_model(paper: str) -> type[PaperNumbers]:
    """Return the model of a paper's numbers: `Numbers` in its schema.py.

    Raises
    ------
    StudyError
        When the file cannot be imported, or has no such model.
    """
    file = f"workflow/papers/{paper}/schema.py"
    try:
        # The one import by a computed name: a paper is a folder, and no list of papers is kept.
        model = getattr(importlib.import_module(f"papers.{paper}.schema"), "Numbers", None)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise StudyError(f"{file}: cannot be imported ({reason})") from error
    if not (isinstance(model, type) and issubclass(model, PaperNumbers)):
        raise StudyError(f"{file}: a class Numbers that inherits from PaperNumbers expected")
    return model


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` laid over it: mappings merge, all else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            value = merge(old, value)
        merged[key] = value
    return merged
