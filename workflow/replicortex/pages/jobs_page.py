"""The page of all jobs, and jobs by the function that they call."""

from __future__ import annotations

from typing import Any

from replicortex.pages.rendering import page_name
from replicortex.pages.view import View, machine_of
from replicortex.pages.words import count, function_of
from replicortex.provenance.steps import Step


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
    view.page("jobs.html", "jobs.html", "All jobs", parts=parts)


def functions(view: View, jobs: list[Step]) -> list[dict[str, Any]]:
    """Return the jobs by the function that they call, in the order of the run."""
    groups: dict[str, list[Step]] = {}
    for step in jobs:
        groups.setdefault(step.call, []).append(step)
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
