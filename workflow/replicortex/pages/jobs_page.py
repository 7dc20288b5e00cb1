"""The page of all jobs, and jobs by the function that they call."""

from __future__ import annotations

from typing import Any

from replicortex.pages.rendering import page_name
from replicortex.pages.view import View, machine_of
from replicortex.pages.words import count, figures_of, function_of
from replicortex.provenance.steps import Step

LONGEST = 10  # functions whose time the page gives before it adds up the others


def jobs_page(view: View) -> None:
    """Write the page of all jobs, paper by paper; those of none last."""
    parts: list[dict[str, Any]] = []
    seen: set[str] = set()
    for paper in view.papers.values():
        jobs = view.jobs(paper)
        seen |= {step.key for step in jobs}
        page = page_name("papers", paper.name)
        parts.append({"title": paper.title, "page": page, "functions": functions(view, jobs)})
    others = [step for step in view.run.values() if step.key not in seen]
    if others:
        title = "Data, and all papers together"
        parts.append({"title": title, "page": None, "functions": functions(view, others)})
    view.page("jobs.html", "jobs.html", "All jobs", spent=spent(parts), parts=parts)


def spent(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return where the time went: the longest functions of all parts, the others in one row.

    `share` is of the minutes of all jobs, in [0, 1]; jobs that ran side by side count in full.
    """
    each = [
        {"paper": part["title"], **{key: made[key] for key in ("name", "number", "minutes")}}
        for part in parts
        for made in part["functions"]
    ]
    each.sort(key=lambda row: row["minutes"], reverse=True)
    rest = each[LONGEST:]
    if rest:
        minutes = sum(row["minutes"] for row in rest)
        name = count(len(rest), "other function")
        each = [*each[:LONGEST], {"paper": "", "name": name, "number": "", "minutes": minutes}]
    total = sum(row["minutes"] for row in each)
    return [{**row, "share": row["minutes"] / total if total else 0.0} for row in each]


def functions(view: View, jobs: list[Step]) -> list[dict[str, Any]]:
    """Return the jobs by the function that they call, in the order of the run; a paper's figures are one."""
    groups: dict[str, list[Step]] = {}
    for step in jobs:
        groups.setdefault(figures_of(step.call) or step.call, []).append(step)
    return [
        {
            "name": function_of(call),
            "call": call,
            "machines": sorted({machine_of(step, view.hosts) for step in members}),
            "seeds": sorted({seed for step in members for seed in step.seeds}),
            "number": count(len(members), "job"),
            "minutes": sum(step.record["run"]["wall_seconds"] for step in members) / 60,
            "jobs": [view.row(step) for step in sorted(members, key=view.title)],
        }
        for call, members in groups.items()
    ]
