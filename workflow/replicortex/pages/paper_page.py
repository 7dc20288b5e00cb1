"""The page of a paper: its claims by finding, its figures, its jobs."""

from __future__ import annotations

from pathlib import Path

from replicortex.pages.claims import calibration, findings, grouped, tally
from replicortex.pages.jobs_page import functions
from replicortex.pages.papers import Paper
from replicortex.pages.rendering import page_name
from replicortex.pages.state import lines
from replicortex.pages.view import View


def paper_page(view: View, paper: Paper) -> None:
    """Write the page of a paper."""
    claims = view.claims[paper.name]
    for claim in claims:
        step = view.maker.get(Path(paper.folder, "metrics", f"{claim['table']}.csv"))
        claim["page"] = step and page_name("steps", step.key)
    jobs = view.jobs(paper)
    view.page(
        page_name("papers", paper.name),
        "paper.html",
        paper.title,
        synthetic=any(step.record["synthetic"] for step in jobs),
        state=lines(paper, view.states[paper.name]),
        counts=tally(claims),
        groups=grouped(claims, findings(view.root / f"workflow/papers/{paper.name}/claims.yaml")),
        claims=len(claims),
        power=any(claim["power_text"] for claim in claims),
        calibration=calibration(paper.folder / "scorecard/calibration.csv"),
        kinds=list(dict.fromkeys(claim["kind"] for claim in claims)),
        figures=[
            {
                "page": page_name("figures", view.slug(place)),
                "image": view.thumbnail(place),
                "name": view.name(place).partition(": ")[2],
            }
            for place in paper.figures
        ],
        functions=functions(view, jobs),
        jobs=len(jobs),
        minutes=sum(step.record["run"]["wall_seconds"] for step in jobs) / 60,
    )
