"""The first page of an audit, scorecard and gallery, and the page of all jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path

from replicortex.pages.html import document, facts, link, number, page_name, table, verdict
from replicortex.pages.view import NOT_KNOWN, View, count, machine_of, synthetic_notice
from replicortex.provenance.verification import counting


def index_page(view: View, figures: list[Path]) -> None:
    """Write the first page."""
    claims = view.claims()
    synthetic = any(step.record["synthetic"] for step in view.run.values())
    seconds = sum(step.record["run"]["wall_seconds"] for step in view.run.values())
    commits = Counter(s.record["run"]["git"]["commit"] for s in view.run.values())
    body = [
        synthetic_notice(synthetic),
        _verified(view),
        facts(
            {
                "Jobs": f'<a href="jobs.html">{len(view.run)}</a>, {seconds / 60:.1f} minutes in all',
                "Scale": escape(view.scale or NOT_KNOWN),
                "Commits": ", ".join(
                    f"<code>{escape(c[:12] or NOT_KNOWN)}</code>" for c, _ in commits.most_common()
                ),
                "Machines": escape(", ".join(sorted({machine_of(s) for s in view.run.values()}))),
            }
        ),
    ]
    if claims:
        body.append(_scorecard(view, claims))
    shown = "".join(_thumbnail(view, place) for place in figures)
    body.append(f'<h2 id="gallery">Figures</h2><ul class="gallery">{shown}</ul>')
    title = f"Audit of {view.source.as_posix()}"
    view.save("index.html", document(title, "".join(body), [], script=bool(claims)))


def _verified(view: View) -> str:
    wrong = counting(view.found, current=False)
    kinds = Counter(fault.kind for fault in view.found)
    said = f"{len(view.results)} results were verified when this page was made: {len(wrong)} faults"
    if kinds["absent"]:
        said += f"; {kinds['absent']} times bytes or code were not at hand to check"
    said += "".join(f"; {fault.what}" for fault in view.found if fault.kind == "git")
    if kinds["stale"]:
        said += f"; {kinds['stale']} sources or files of claims changed since"
    each = "".join(f"<li>{escape(str(fault))}</li>" for fault in wrong)
    return (
        f'<div class="notice {"fault" if wrong else "good"}"><p>{escape(said)}.</p>'
        + (f"<ul>{each}</ul>" if wrong else "")
        + "</div>"
    )


def _scorecard(view: View, claims: list[dict[str, str]]) -> str:
    rows = []
    for row in claims:
        place = Path(row["folder"], "metrics", f"{row['table']}.csv")
        step = view.maker.get(place)
        told = (
            f'<a href="{page_name("steps", step.key)}">{escape(row["table"])}</a>' if step else ""
        )
        unit = f" {row['unit']}" if row["unit"] else ""
        interval = ""
        if row["lower"]:
            interval = f" [{number(row['lower'])}, {number(row['upper'])}]"
        judged = f"{verdict(row['verdict'])}<br>{escape(row['reason'])}"
        cells = {
            "Paper": escape(row["paper"]),
            "Claim": f"{escape(row['says'])} <small>({escape(row['where'])})</small>",
            "Kind": escape(row["kind"]),
            "Published": escape(number(row["published"]) + unit * bool(row["published"])) or "–",
            "Ours [95 %]": escape(number(row["ours"]) + interval + unit * bool(row["ours"])) or "–",
            "Verdict": judged,
            "Table": told or "–",
        }
        data = "".join(
            f' data-{name}="{escape(row[name])}"' for name in ("paper", "kind", "verdict")
        )
        shown = "".join(
            f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in cells.items()
        )
        rows.append(f'<tr class="{escape(row["kind"])}"{data}>{shown}</tr>')
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in cells)
    filters = "".join(
        _select(name, label, dict.fromkeys(row[name] for row in claims))
        for name, label in (("paper", "Paper"), ("verdict", "Verdict"), ("kind", "Kind"))
    )
    return (
        '<h2 id="scorecard">Scorecard</h2>'
        "<p>What the papers say and what this run gives, with its 95 % interval; controls that a "
        "paper lacks stand beside its claims. A claim that fails is a result.</p>"
        f'<form class="filters" hidden aria-label="Filter the scorecard">{filters}'
        '<button type="reset">Show all</button> <span id="shown" role="status"></span></form>'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="scorecard">'
        f'<table class="cards"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _thumbnail(view: View, place: Path) -> str:
    name = view.name(place)
    shown = view.copied(place)
    return (
        f'<li><a href="{page_name("figures", view.slug(place))}">'
        f'<img src="{escape(shown)}" alt="" loading="lazy" width="320" height="176">'
        f"{escape(name)}</a></li>"
    )


def jobs_page(view: View) -> None:
    """Write the page of all jobs."""
    rows = [
        (
            link(page_name("steps", step.key), view.title(step)),
            f"<code>{escape(step.call)}</code>",
            ", ".join(map(str, step.seeds)) or "–",
            count(len(step.outputs), "file"),
            f"{step.record['run']['wall_seconds']} s",
            escape(machine_of(step)),
        )
        for step in view.run.values()
    ]
    heads = ("Job", "Function", "Seeds", "Made", "Took", "Machine")
    trail = [("index.html", view.source.as_posix())]
    view.save("jobs.html", document("All jobs", table(heads, rows), trail))


def _select(name: str, label: str, values: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return (
        f'<label>{label}<br><select name="{name}"><option value="">all</option>{options}'
        "</select></label>"
    )
