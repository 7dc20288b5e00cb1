"""The first page of an audit, scorecard and gallery, and the page of all jobs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from replicortex.pages.rendering import look, number, page_name
from replicortex.pages.view import View, machine_of
from replicortex.provenance.verification import Fault, counting

FILTERS = ("paper", "verdict", "kind")


def index_page(view: View, figures: list[Path]) -> None:
    """Write the first page."""
    claims = view.claims()
    wrong = counting(view.found, current=False)
    runs = [step.record["run"] for step in view.run.values()]
    view.page(
        "index.html",
        "index.html",
        f"Audit of {view.source.as_posix()}",
        synthetic=any(step.record["synthetic"] for step in view.run.values()),
        verified=_verified(view, wrong),
        faults=wrong,
        jobs=len(runs),
        minutes=sum(run["wall_seconds"] for run in runs) / 60,
        scale=view.scale,
        commits=[commit for commit, _ in Counter(r["git"]["commit"] for r in runs).most_common()],
        machines=sorted({machine_of(step) for step in view.run.values()}),
        claims=[_claim(view, row) for row in claims],
        values_of={name: list(dict.fromkeys(row[name] for row in claims)) for name in FILTERS},
        figures=[
            {
                "page": page_name("figures", view.slug(place)),
                "image": view.copied(place),
                "name": view.name(place),
            }
            for place in figures
        ],
    )


def _verified(view: View, wrong: list[Fault]) -> str:
    kinds = Counter(fault.kind for fault in view.found)
    said = f"{len(view.results)} results were verified when this page was made: {len(wrong)} faults"
    if kinds["absent"]:
        said += f"; {kinds['absent']} times bytes or code were not at hand to check"
    said += "".join(f"; {fault.what}" for fault in view.found if fault.kind == "git")
    if kinds["stale"]:
        said += f"; {kinds['stale']} sources or files of claims changed since"
    return said


def _claim(view: View, row: dict[str, str]) -> dict[str, Any]:
    """Return a judged claim with its numbers as they are shown, and the page of its table's job."""
    step = view.maker.get(Path(row["folder"], "metrics", f"{row['table']}.csv"))
    unit = f" {row['unit']}" if row["unit"] else ""
    interval = f" [{number(row['lower'])}, {number(row['upper'])}]" if row["lower"] else ""
    return {
        **row,
        "shown_published": row["published"] and f"{number(row['published'])}{unit}",
        "shown_ours": row["ours"] and f"{number(row['ours'])}{interval}{unit}",
        "look": look(row["verdict"]),
        "page": step and page_name("steps", step.key),
    }


def jobs_page(view: View) -> None:
    """Write the page of all jobs."""
    jobs = [
        {**view.row(step), "function": step.call, "machine": machine_of(step)}
        for step in view.run.values()
    ]
    view.page("jobs.html", "jobs.html", "All jobs", jobs=jobs)
