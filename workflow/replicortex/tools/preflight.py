"""What a run would need and does not have, all of it at once, before anything is submitted."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from replicortex.core import cluster, config, papers
from replicortex.core.errors import StudyError
from replicortex.core.yaml_text import read_yaml_file
from replicortex.data.declared import obtaining, what_is_wrong
from replicortex.provenance import plan
from replicortex.tools import costs, dependencies

WIDTH = 110
GIGABYTE = 1e9
NAMED = 3  # rules that a line names


@dataclass(frozen=True)
class Data:
    """A licensed dataset that is not where the user says: how to get it, and the key that names it."""

    name: str
    wrong: str
    files: list[str]
    size: str
    obtain: str
    source: str
    terms: str
    key: str


@dataclass(frozen=True)
class Request:
    """What some jobs ask Slurm for, and why it would refuse; None if it would not, or was not asked."""

    rule: str
    jobs: int
    asks: dict[str, Any]
    refused: str | None


@dataclass(frozen=True)
class Space:
    """Space on a disk, GB: what results and datasets still take, by paper, and what is free."""

    results: dict[str, float]
    unknown: list[str]
    data: float
    free: float

    @property
    def needed(self) -> float:
        """Sum of all, GB."""
        return sum(self.results.values()) + self.data


@dataclass(frozen=True)
class Fetch:
    """A dataset that is still to be installed; its size in bytes, None where it is not declared."""

    name: str
    size: int | None


@dataclass(frozen=True)
class Preflight:
    """All that was found. `unpinned`: models without a revision, which runs but says less."""

    scale: str
    papers: list[str]
    data: list[Data]
    packages: list[dependencies.Lacking]
    requests: list[Request]
    slurm: str
    space: Space
    fetch: list[Fetch]
    unpinned: list[str]
    hours: list[dict[str, Any]]

    @property
    def missing(self) -> int:
        """How many things are missing."""
        refusals = {one.refused for one in self.requests if one.refused}
        too_little = self.space.needed > self.space.free
        return len(self.data) + len(self.packages) + len(refusals) + too_little


def preflight(study: config.Study, root: Path, *, conda: bool, profile: Path) -> Preflight:
    """Look at all that a run needs.

    Parameters
    ----------
    study
        Checked, but for where licensed data lie.
    root
        The repository.
    conda
        Whether each rule runs in its own environment.
    profile
        Of the cluster, a folder with config.yaml.

    Raises
    ------
    StudyError
        When the workflow cannot be planned, or the profile cannot be read.
    """
    own = study.settings
    settings = {"scale": own.scale, "run": list(study.papers), "device": own.device}
    jobs = plan.planned([], settings, root, placed=False)
    called = [(job.rule, job.job["call"], job.environment) for job in jobs if job.job]
    requests, slurm = _requests(jobs, profile)
    return Preflight(
        scale=study.settings.scale,
        papers=list(study.papers),
        data=_data(study),
        packages=dependencies.lacking(called, root, conda),
        requests=requests,
        slurm=slurm,
        space=_space(study),
        fetch=_fetch(study),
        unpinned=[one for model in study.models.values() for one in model.unpinned()],
        hours=_hours(study, root / "benchmarks"),
    )


def _data(study: config.Study) -> list[Data]:
    """Return the licensed datasets that are to be placed, with how to get each."""
    found = []
    for name, files in config.not_placed(study).items():
        entry = study.datasets[name]
        place = study.settings.user_data.get(name)
        found.append(
            Data(
                name=name,
                wrong=what_is_wrong(Path(place) if place else None, files),
                files=files,
                size=entry.source.about or "not stated",
                obtain=obtaining(entry),
                source=str(entry.source.url),
                terms=entry.licence,
                key=f"user_data: {{{name}: /your/folder}}",
            )
        )
    return found


def _fetch(study: config.Study) -> list[Fetch]:
    found = []
    for name, entry in study.datasets.items():
        if entry.kind in ("user", "fixture") or config.manifest_path(study, name).exists():
            continue
        sizes = [file.size for file in entry.files.values()]
        known = [size for size in sizes if size is not None]
        found.append(Fetch(name, sum(known) if len(known) == len(sizes) else None))
    return found


def _space(study: config.Study) -> Space:
    """Return how much is written and how much is free, on the file system of the results."""
    results, unknown = {}, []
    for paper, about in study.about.items():
        kept = papers.stored(about, paper, study.models[paper], study.settings.scale)
        if kept is None:
            unknown.append(paper)
        else:
            results[paper] = sum(kind.gigabytes for kind in kept)
    data = sum(one.size or 0 for one in _fetch(study)) / GIGABYTE
    return Space(results, unknown, data, shutil.disk_usage(Path()).free / GIGABYTE)


def _requests(jobs: list[plan.Planned], profile: Path) -> tuple[list[Request], str]:
    """Return what Slurm is asked for, each once, and in words whether it was asked."""
    counted: dict[str, tuple[plan.Planned, int]] = {}
    for job in jobs:
        if job.job and not job.local:
            key = str(sorted(job.asks.items()))
            counted[key] = (counted.get(key, (job, 0))[0], counted.get(key, (job, 0))[1] + 1)
    if shutil.which("sbatch") is None:
        asked = [Request(job.rule, n, job.asks, None) for job, n in counted.values()]
        return asked, "no sbatch here: account, partition, time and memory were not tried"
    site = site_of(profile)
    asked = [
        Request(job.rule, n, {**job.asks, **site}, cluster.refusal({**job.asks, **site}))
        for job, n in counted.values()
    ]
    return asked, f"{len(asked)} requests tried with `sbatch --test-only`"


def site_of(profile: Path) -> dict[str, Any]:
    """Return the facts of a site in a profile's `default-resources`.

    Raises
    ------
    StudyError
        When the profile cannot be read.
    """
    file = profile / "config.yaml"
    given = (read_yaml_file(file) or {}).get("default-resources") or []
    pairs = given.items() if isinstance(given, Mapping) else (str(e).split("=", 1) for e in given)
    values = {name: value for name, value in pairs if name in cluster.SITE}
    return {name: str(value).strip("'\"") for name, value in values.items()}


def _hours(study: config.Study, benchmarks: Path) -> list[dict[str, Any]]:
    """Return trainings and hours by paper; hours are None where no throughput was measured."""
    shown = {paper: model.workload() for paper, model in study.models.items()}
    table = costs.cost({paper: kinds for paper, kinds in shown.items() if kinds}, benchmarks)
    if table.empty:
        return []
    sums = table[table["what"] == "all"]
    return [
        {
            "paper": row["paper"],
            "trainings": int(row["trainings"]),
            "hours": None if row["hours"] != row["hours"] else round(float(row["hours"]), 1),
            "device": row["device"],
        }
        for row in sums.to_dict("records")
    ]


def as_json(found: Preflight) -> dict[str, Any]:
    """Return all that was found, for a program."""
    return {
        **asdict(found),
        "packages": [one._asdict() for one in found.packages],
        "missing": found.missing,
    }


def as_text(found: Preflight) -> str:
    """Return all that was found, one page."""
    title = f"Preflight at `{found.scale}`: {_said(found.missing)} ({', '.join(found.papers)})"
    lines = [textwrap.fill(title, WIDTH)]
    lines += _part("Licensed data to place", _data_lines(found.data))
    lines += _part(
        "Packages",
        [
            f"{one.package}: not in {one.environment}, needed by {_named(one.rules)}"
            for one in found.packages
        ],
    )
    lines += _part(f"Slurm: {found.slurm}", _refusals(found.requests), always=True)
    lines += _part("Disk", _space_lines(found.space))
    sizes = [f"{one.name} {_megabytes(one.size)}" for one in found.fetch]
    lines += _part("To be fetched", [", ".join(sizes)] if sizes else [])
    lines += _part("Not pinned, whatever lies there is taken", found.unpinned)
    lines += _part("Training", _hour_lines(found.hours))
    return "\n".join(lines)


def _said(missing: int) -> str:
    return f"{missing} thing{'s' * (missing != 1)} missing" if missing else "nothing is missing"


def _refusals(requests: list[Request]) -> list[str]:
    """Return a line for each reason, with what was asked for."""
    by_reason: dict[str, list[Request]] = {}
    for one in requests:
        if one.refused:
            by_reason.setdefault(one.refused, []).append(one)
    lines = []
    for reason, refused in by_reason.items():
        asked = [f"{one.rule} ({' '.join(cluster.options(one.asks))})" for one in refused]
        jobs = sum(one.jobs for one in refused)
        lines.append(f"{jobs} jobs refused ({reason}): {_named(asked)}")
    return lines


def _part(title: str, lines: list[str], always: bool = False) -> list[str]:
    """Return a heading with lines below it, none where there are no lines."""
    if not lines and not always:
        return []
    wrapped = [
        textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      ")
        for line in lines
    ]
    return ["", f"{title}:" if lines else f"{title}.", *wrapped]


def _data_lines(data: list[Data]) -> list[str]:
    """Return a line for each dataset; what several share is said once."""
    lines, told = [], set()
    for one in data:
        how = f"{one.obtain} ({one.source}; terms: {one.terms})"
        if how in told:
            how = "As one above"
        told.add(how)
        lines.append(f"{one.key}: {one.wrong}. Size: {one.size}. {how}")
    return lines


def _named(rules: list[str]) -> str:
    more = len(rules) - NAMED
    return ", ".join(rules[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _megabytes(size: int | None) -> str:
    return "(size not declared)" if size is None else f"{size / 1e6:,.1f} MB"


def _space_lines(space: Space) -> list[str]:
    """Return what is needed and what is free, in words."""
    each = ", ".join(f"{paper} {size:,.1f}" for paper, size in space.results.items())
    lines = [
        f"{space.needed:,.0f} GB needed, {space.free:,.0f} free: results {each}; "
        f"datasets to fetch {space.data:,.1f}"
    ]
    if space.needed > space.free:
        lines.append(f"{space.needed - space.free:,.0f} GB are missing")
    if space.unknown:
        lines.append(f"not known: {', '.join(space.unknown)}")
    return lines


def _hour_lines(hours: list[dict[str, Any]]) -> list[str]:
    return [
        f"{one['paper']}: {one['trainings']} trainings, "
        f"{'unknown' if one['hours'] is None else format(one['hours'], ',.0f')} hours "
        f"({one['device']})"
        for one in hours
    ]


def study_of(scale: str, wanted: list[str], device: str | None, root: Path) -> config.Study:
    """Return the study that config.yaml asks for, at a scale, with papers and device if named.

    Raises
    ------
    StudyError
        When something of it is wrong, but for where licensed data lie.
    """
    own = Path("config/config.yaml")
    settings = read_yaml_file(own if own.is_file() else root / own, "config/config.yaml")
    if not isinstance(settings, Mapping):
        raise StudyError("config/config.yaml: keys with values expected")
    asked = {**settings, "scale": scale, **({"run": wanted} if wanted else {})}
    asked |= {"device": device} if device else {}
    return config.check(asked, root, placed=False)
