"""Tables of profiles/README.md: what the jobs of `full` ask for, and how much disk a run takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from replicortex.core import config, papers
from replicortex.core.errors import StudyError
from replicortex.core.yaml_text import read_yaml_file
from replicortex.data.declared import load
from replicortex.provenance import plan
from replicortex.tools.generated import marks
from replicortex.tools.resources import MEMORY_MARGIN, TIME_MARGIN, needed, without_pack

FILE = "profiles/README.md"
REQUESTS = marks("requests", "`make readme`")
DISK = marks("disk", "`make readme`")
KEPT = "results/reference"
TRUE_SIZE = "benchmarks/true_size.json"


class Needed(NamedTuple):
    """What a rule should ask for by benchmarks/true_size.py: MB, minutes (None: a GPU's), and how found."""

    mem_mb: int
    runtime: int | None
    found: str


class Row(NamedTuple):
    """Jobs of one paper that ask for the same: their rules' verbs, and what was found that they need.

    `kept`: memory (MB) and time (minutes) of `small`, with margins; None where no rule of that name ran.
    `true_size`: of jobs on arrays of the true shape; None where no such job ran.
    """

    paper: str
    rule: str
    jobs: int
    submissions: int
    mem_mb: int
    runtime: int
    gpus: int
    cpus: int
    kept: tuple[int, int] | None
    true_size: Needed | None = None

    @property
    def found(self) -> str:
        """How what is asked was found."""
        one = self.true_size
        if one and one.mem_mb == self.mem_mb and one.runtime in (None, self.runtime):
            return one.found if one.runtime else f"memory: {one.found}; time by hand"
        return "kept run at `small`" if self.kept == (self.mem_mb, self.runtime) else "by hand"


def planned(root: Path) -> list[plan.Planned]:
    """Return all jobs of `full`, on GPUs, with the numbers that git holds."""
    settings = read_yaml_file(root / "config/config.yaml", "config/config.yaml")
    asked = {**settings, "scale": "full", "device": "cuda"}
    return plan.planned([], asked, root, alone=True, placed=False)


def rows(jobs: Iterable[plan.Planned], root: Path) -> list[Row]:
    """Return what the cluster's jobs ask for, those together that ask the same.

    A submission is what goes in as one array: the jobs of a rule that are ready together.
    """
    names = papers.folders(root)
    kept = {paper: _kept(root / KEPT / paper, paper) for paper in names}
    measured = true_size(root)
    groups: dict[tuple[str, str, str], list[tuple[str, plan.Planned]]] = {}
    for job in jobs:
        paper = next((name for name in names if job.rule.startswith(f"{name}_")), None)
        if job.job is None or job.local or paper is None:
            continue
        name = without_pack(job.rule.removeprefix(f"{paper}_"))
        verb = name.partition("_")[0]
        groups.setdefault((paper, verb, json.dumps(job.asks)), []).append((name, job))
    table = []
    for (paper, verb, _), own in groups.items():
        found = {name for name, _ in own}
        asks = own[0][1].asks
        like = [one for name, one in kept[paper].items() if name in found]
        alone = sum(group[:2] == (paper, verb) for group in groups) == 1
        if not like and alone:
            like = [one for name, one in kept[paper].items() if name.partition("_")[0] == verb]
        most = (max(m for m, _ in like), max(t for _, t in like)) if like else None
        rule = next(iter(found)) if len(found) == 1 else f"{verb}_*"
        table.append(
            Row(
                paper=paper,
                rule=rule,
                jobs=len(own),
                submissions=len({(job.rule, job.level) for _, job in own}),
                mem_mb=int(asks["mem_mb"]),
                runtime=int(asks["runtime"]),
                gpus=int(str(asks.get("gres", "gpu:0")).rpartition(":")[2]),
                cpus=int(asks["cpus_per_task"]),
                kept=most,
                true_size=measured.get((paper, rule.removesuffix("_*"))),
            )
        )
    order = {paper: papers.load(paper, root).order for paper in names}
    return sorted(table, key=lambda row: (order[row.paper], row.paper))


def true_size(root: Path) -> dict[tuple[str, str], Needed]:
    """Return what rules should ask for by jobs on arrays of the true shape, by paper and rule."""
    listed = json.loads((root / TRUE_SIZE).read_text())["rules"]
    return {
        (one["paper"], one["rule"]): Needed(one["mem_mb"], one["runtime"], one["found"])
        for one in listed
    }


def _kept(folder: Path, paper: str) -> dict[str, tuple[int, int]]:
    """Return memory and time of a kept run's rules with margins; none where nothing was kept."""
    try:
        table = needed(folder)
    except StudyError:
        return {}
    return {
        str(row["rule"]).removeprefix(f"{paper}_"): (int(row["mem_mb"]), int(row["runtime"]))
        for row in table.to_dict("records")
    }


def requests(jobs: Iterable[plan.Planned], root: Path) -> str:
    """Return the table of requests."""
    found = rows(jobs, root)
    titles = {row.paper: papers.load(row.paper, root).short for row in found}
    heads = ["paper", "rule", "jobs", "submissions", "memory (MB)", "time (min)", "GPUs", "cores"]
    heads += ["`small` x margin (MB, min)", "found"]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in found:
        kept = "not run" if row.kept is None else f"{row.kept[0]}, {row.kept[1]}"
        lines.append(
            f"| {titles[row.paper]} | `{row.rule}` | {row.jobs} | {row.submissions} "
            f"| {row.mem_mb} | {row.runtime} | {row.gpus} | {row.cpus} | {kept} | {row.found} |"
        )
    jobs_, times = (sum(getattr(row, n) for row in found) for n in ("jobs", "submissions"))
    lines += [
        "",
        f"{jobs_} jobs in {times} submissions. The margin is {MEMORY_MARGIN:g} of the memory and "
        f"{TIME_MARGIN:g} of the time that the",
        "kept run at `small` needed. Networks and data of `full` are larger. A request that `found` calls",
        "measured or a curve is 1.5 times what the rule's largest job took on arrays of the true shape",
        "([benchmarks/true_size.py](../benchmarks/true_size.py)). A GPU's memory was not measured.",
    ]
    return "\n".join(lines) + "\n"


def disk(root: Path) -> str:
    """Return the table of space on disk, GB, by paper and scale."""
    lines = ["| paper | `demo` | `small` | `full`, about |", "| --- | --- | --- | --- |"]
    about = {paper: papers.load(paper, root) for paper in papers.folders(root)}
    for paper, one in sorted(about.items(), key=lambda item: item[1].order):
        if one.disk is None:
            continue
        numbers = config.checked_numbers(paper, "full", {}, root)
        kinds = papers.stored(one, paper, numbers, "full") or []
        parts = (
            f"{'' if kind.times is None else f'{kind.times} x '}{kind.what} ({kind.gigabytes:.0f})"
            for kind in kinds
        )
        total = sum(kind.gigabytes for kind in kinds)
        lines.append(
            f"| {one.short} | {one.disk.demo:g} | {one.disk.small:g} | "
            f"{total:.0f}: {', '.join(parts)}{_beside(numbers.datasets(), root)} |"
        )
    return "\n".join(lines) + "\n"


def _beside(names: list[str], root: Path) -> str:
    declared = _licensed(root)
    sizes = [f"`{name}` {declared[name]}" for name in names if name in declared]
    return f"; beside {', '.join(sizes)}" if sizes else ""


def _licensed(root: Path) -> Mapping[str, str]:
    """Return the stated sizes of licensed datasets, without how they are known."""
    entries = load(root / "config/datasets.yaml").items()
    stated = {name: entry.source.about for name, entry in entries if entry.source.about}
    return {name: re.split("[:;,]", words)[0] for name, words in stated.items()}
