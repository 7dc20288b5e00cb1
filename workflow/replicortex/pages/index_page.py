"""The first page of an audit, a card a paper, and the page of all that was checked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from replicortex.pages.claims import tally
from replicortex.pages.papers import Paper
from replicortex.pages.rendering import page_name
from replicortex.pages.state import by_kind, lines, number_of
from replicortex.pages.view import View, machine_of
from replicortex.pages.words import count
from replicortex.provenance.verification import MEANINGS, counting

FIRST = 3  # faults and commits that the first page names; the others stand on their own page


def index_page(view: View) -> None:
    """Write the first page."""
    wrong = counting(view.found, current=False)
    runs = [step.record["run"] for step in view.run.values()]
    commits = [commit for commit, _ in Counter(r["git"]["commit"] for r in runs).most_common()]
    machines = sorted({machine_of(step, view.hosts) for step in view.run.values()})
    alone = [place for place in view.figures if view.paper_of(place) is None]
    view.page(
        "index.html",
        "index.html",
        f"Audit of {view.source.as_posix()}",
        synthetic=any(step.record["synthetic"] for step in view.run.values()),
        verified=_verified(view),
        faults=wrong[:FIRST],
        more_faults=len(wrong) - FIRST,
        jobs=len(runs),
        minutes=sum(run["wall_seconds"] for run in runs) / 60,
        scale=view.scale,
        commits=commits[:FIRST],
        more_commits=len(commits) - FIRST,
        machines=machines[:FIRST],
        more_machines=len(machines) - FIRST,
        cards=[_card(view, paper) for paper in view.papers.values()],
        others=[
            {"page": page_name("figures", view.slug(place)), "name": view.name(place)}
            for place in alone
        ],
    )


def _verified(view: View) -> str:
    wrong = len(counting(view.found, current=False))
    said = f"{len(view.results):,} results were verified when this page was made: "
    said += count(wrong, "fault")
    return said + "".join(f"; {fault.what}" for fault in view.found if fault.kind == "git")


def _card(view: View, paper: Paper) -> dict[str, Any]:
    """Return what the index shows of a paper."""
    claims = view.claims[paper.name]
    cover = paper.cover
    return {
        "name": paper.name,
        "title": paper.title,
        "page": page_name("papers", paper.name),
        "counts": tally(claims),
        "claims": len(claims),
        "state": lines(paper, view.states[paper.name]),
        "headline": (paper.headline or "").replace("_", " "),
        "figure": cover and page_name("figures", view.slug(cover)),
        "image": cover and view.thumbnail(cover),
        "figures": len(paper.figures),
        "jobs": len(view.jobs(paper)),
    }


def checks_page(view: View) -> None:
    """Write the page of all that the verification found, and of what it could not check."""
    kinds = by_kind(view.found)
    view.page(
        "checks.html",
        "checks.html",
        "What was checked",
        verified=_verified(view),
        faults=number_of(view.found, "fault"),
        kinds=[
            {"name": MEANINGS[kind], "number": number_of(view.found, kind), "found": kinds[kind]}
            for kind in MEANINGS
            if kind in kinds
        ],
    )
