"""The page of a figure: what it shows, where it comes from as a graph, what to cite."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from replicortex.pages.drawing import Node, svg
from replicortex.pages.rendering import anchor, page_name
from replicortex.pages.view import View
from replicortex.pages.words import count, function_of, version_of
from replicortex.provenance.citations import bibtex
from replicortex.provenance.steps import Input, Step

# Copied beside the page. The SVG says the same as the PDF, and all of them are a third of the whole.
FORMATS = (".png", ".pdf")


def figure_page(view: View, place: Path) -> None:
    """Write the page of a picture."""
    step = view.maker[place]
    name = view.name(place)
    text = view.caption(place)
    paper = view.paper_of(place)
    groups = _groups(view, step)
    nodes = _nodes(view, groups, step)
    copies = [other for suffix in FORMATS if (other := place.with_suffix(suffix)).exists()]
    view.page(
        page_name("figures", view.slug(place)),
        "figure.html",
        name,
        *([(f"../{page_name('papers', paper.name)}", paper.title)] if paper else []),
        record=step.outputs[place],
        place=place,
        image=view.copied(place),
        caption=text,
        alternative=text.striptags() or name,
        svg=_svg(place),
        copies={other.suffix[1:].upper(): view.copied(other) for other in copies},
        graph=svg(nodes, f"Lineage of {place.name}"),
        groups=[
            {
                "anchor": anchor(call),
                "call": call,
                "jobs": [view.row(each) for each in sorted(members, key=view.title)],
            }
            for call, members in groups.items()
        ],
        data=[node for node in nodes.values() if node.kind == "data"],
        files=[node for node in nodes.values() if node.kind == "file"],
        cited=bibtex((each.record for each in view.ancestors(step)), view.root, view.declared),
    )


def _svg(place: Path) -> str | None:
    found = place.with_suffix(".svg")  # no browser unpacks a compressed one
    return found.as_posix() if found.is_file() else None


def _groups(view: View, last: Step) -> dict[str, list[Step]]:
    """Return a job and all before it by the function that they call."""
    groups: dict[str, list[Step]] = {}
    for step in view.ancestors(last):
        if not view.installs(step):
            groups.setdefault(step.call, []).append(step)
    return groups


def _nodes(view: View, groups: dict[str, list[Step]], last: Step) -> dict[str, Node]:
    """Return the boxes of the graph: one for all jobs of a function, one for each other source."""
    nodes: dict[str, Node] = {}
    for call, members in groups.items():
        seeds = {seed for each in members for seed in each.seeds}
        below = count(len(members), "job") + (f", {count(len(seeds), 'seed')}" if seeds else "")
        one = f"../{page_name('steps', members[0].key)}"
        link = f"#{anchor(call)}" if len(members) > 1 else one
        kind = "result" if last in members else "job"
        here = nodes[call] = Node(function_of(call), below, link, kind)
        inputs = [each for step in members for part in step.inputs.values() for each in part]
        here.sources |= {_origin(view, each, nodes) for each in inputs} - {call}
    return nodes


def _origin(view: View, each: Input, nodes: dict[str, Node]) -> str:
    """Return the node that an input comes from; add it when it is no job's."""
    if each.step and "dataset" not in each.entry:
        return view.run[each.step].call
    if "dataset" in each.entry:
        data = each.entry["dataset"]
        key = f"data {data['name']}"
        link = f"../{quote(view.data_page(each))}"
        node = Node(data["name"], f"version {version_of(data)}", link, "data")
    else:
        key = each.entry["path"]
        node = Node(Path(key).name, "file of the repository", "#files", "file")
    nodes.setdefault(key, node)
    return key
