"""The page of a figure: what it shows, where it comes from as a graph, what to cite."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from replicortex.pages.drawing import Node, svg
from replicortex.pages.html import caption, document, facts, link, page_name, table
from replicortex.pages.view import View, count, function_of, synthetic_notice, version_of
from replicortex.provenance.citations import bibtex
from replicortex.provenance.steps import Input, Step

FORMATS = (".png", ".svg", ".pdf")


def figure_page(view: View, place: Path) -> None:
    """Write the page of a picture."""
    step = view.maker[place]
    record = step.outputs[place]
    name = view.name(place)
    copies = [
        link(f"../{view.copied(other)}", f"{other.suffix[1:].upper()}")
        for suffix in FORMATS
        for other in [place.with_suffix(suffix)]
        if other.exists()
    ]
    text = _caption(view, step, place)
    graph, listed = _lineage(view, step, place)
    cited = bibtex((each.record for each in view.ancestors(step)), view.root, view.declared)
    body = [
        synthetic_notice(record["synthetic"]),
        f'<figure><img src="../{escape(view.copied(place))}" alt="{escape(_plain(text) or name)}">'
        f"<figcaption>{text}</figcaption></figure>",
        facts(
            {
                "Record": f"<code>{record['id']}</code>",
                "sha256": f"<code>{record['output']['sha256']}</code>",
                "Files": ", ".join(copies),
                "Ask again": f"<code>python -m replicortex audit figure {escape(str(place))}</code>",
            }
        ),
        '<h2 id="lineage">Where it comes from</h2>'
        "<p>From data (top) to the figure (bottom). Each box is a link to what it stands for.</p>"
        f'<div class="graph" tabindex="0" role="region" aria-labelledby="lineage">{graph}</div>',
        listed,
        f'<h2 id="cite">What to cite</h2><pre tabindex="0">{escape(cited)}</pre>',
    ]
    trail = [("../index.html", view.source.as_posix())]
    view.save(page_name("figures", view.slug(place)), document(name, "".join(body), trail, depth=1))


def _caption(view: View, step: Step, place: Path) -> str:
    folders = [view.root / "workflow/report"]
    head, paper, *_ = step.call.partition(":")[0].split(".")
    if head == "papers":
        folders.insert(0, view.root / "workflow/papers" / paper / "report")
    for folder in folders:
        file = folder / f"{place.stem}.rst"
        if file.exists():
            return caption(file.read_text())
    return ""


def _lineage(view: View, last: Step, place: Path) -> tuple[str, str]:
    """Return the graph of a result, jobs of one function in one box, and the same as lists."""
    groups: dict[str, list[Step]] = {}
    for step in view.ancestors(last):
        if not view.installs(step):
            groups.setdefault(step.call, []).append(step)
    nodes: dict[str, Node] = {}
    lists = []
    for call, members in groups.items():
        anchor = f"#{call.replace(':', '-')}"
        one = page_name("../steps", members[0].key)
        seeds = sorted({seed for each in members for seed in each.seeds})
        below = f"{len(members)} job{'s' * (len(members) > 1)}"
        if seeds:
            below += f", {len(seeds)} seed{'s' * (len(seeds) > 1)}"
        kind = "result" if last in members else "job"
        here = nodes[call] = Node(
            function_of(call), below, anchor if len(members) > 1 else one, kind
        )
        for step in members:
            for part in step.inputs.values():
                for each in part:
                    key = _origin(view, each, nodes)
                    if key != call:
                        here.sources.add(key)
        rows = [
            (
                link(page_name("../steps", step.key), view.title(step)),
                escape(", ".join(map(str, step.seeds))) or "–",
                count(len(step.outputs), "file"),
                f"{step.record['run']['wall_seconds']} s",
            )
            for step in sorted(members, key=view.title)
        ]
        lists.append(
            f'<h3 id="{escape(anchor[1:])}">{escape(call)}</h3>'
            + table(("Job", "Seeds", "Made", "Took"), rows)
        )
    data = [
        f"<li>{link(n.link, n.name)}: {escape(n.below)}</li>"
        for n in nodes.values()
        if n.kind == "data"
    ]
    files = [f"<li><code>{escape(n.name)}</code></li>" for n in nodes.values() if n.kind == "file"]
    listed = '<h2 id="steps">Its steps</h2>' + "".join(lists)
    if data:
        listed += f"<h3>Data</h3><ul>{''.join(data)}</ul>"
    if files:
        listed += f'<h3 id="files">Files of the repository</h3><ul>{"".join(files)}</ul>'
    return svg(nodes, f"Lineage of {place.name}"), listed


def _origin(view: View, each: Input, nodes: dict[str, Node]) -> str:
    """Return the node that an input comes from; add it when it is no job's."""
    if "dataset" in each.entry:
        data = each.entry["dataset"]
        key = f"data {data['name']}"
        nodes.setdefault(
            key,
            Node(data["name"], f"version {version_of(data)}", view.data_link(each, "../"), "data"),
        )
        return key
    if each.step:
        return view.run[each.step].call
    nodes.setdefault(
        each.entry["path"],
        Node(Path(each.entry["path"]).name, "file of the repository", "#files", "file"),
    )
    return each.entry["path"]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", text).split())
