"""The lineage of a result as a graph that one can walk: an SVG whose nodes are links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from replicortex.pages.rendering import render

WIDTH, HEIGHT, ACROSS, DOWN = 162, 50, 34, 14  # of a node and of the gaps, in px
PASS = 4  # height of an edge that passes a column, in px
EDGE = 8  # px free round the whole
CHARACTERS = 21  # of a node's first line
SWEEPS = 6  # times that the order within columns is mended


@dataclass
class Node:
    """One box: jobs that call the same function, a dataset, or another file."""

    name: str
    below: str  # a second line, smaller
    link: str
    kind: str  # job, data, file or result
    sources: set[str] = field(default_factory=set)  # keys of the nodes it reads


@dataclass
class Place:
    """Where a node lies, or where an edge passes a column: left and top, in px."""

    x: float
    y: float
    height: float


Key = tuple[str, int]  # a node, and the column in which it, or an edge from it, lies


def layers(nodes: Mapping[str, Node]) -> list[list[str]]:
    """Return the keys of all nodes in columns, each column after all that it reads.

    Raises
    ------
    ValueError
        When the graph has a circle.
    """
    depth: dict[str, int] = {}

    def of(key: str, on_the_way: frozenset[str]) -> int:
        if key in on_the_way:
            raise ValueError(f"{key} needs itself")
        if key not in depth:
            before = [of(each, on_the_way | {key}) for each in nodes[key].sources if each in nodes]
            depth[key] = 1 + max(before, default=-1)
        return depth[key]

    for key in nodes:
        of(key, frozenset())
    found: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for key in sorted(nodes, key=lambda each: (nodes[each].kind, nodes[each].name)):
        found[depth[key]].append(key)
    return found


def svg(nodes: Mapping[str, Node], title: str) -> Markup:
    """Return the graph, data on the left, the result on the right.

    An edge that passes columns has a place in each, so that it crosses no box; edges from one node pass
    together.

    Parameters
    ----------
    nodes
        By key.
    title
        What a screen reader says of the whole.
    """
    columns, edges = _columns(nodes)
    _order(columns, edges)
    place = _places(columns)
    width = len(columns) * (WIDTH + ACROSS) - ACROSS + 2 * EDGE
    height = max((p.y + p.height for p in place.values()), default=0) + EDGE
    return render(
        "graph.svg",
        title=title,
        width=width,
        height=height,
        edges=[_edge(place[source], place[target]) for source, target in edges],
        boxes=[
            (nodes[name], place[name, x].x, place[name, x].y)
            for column in columns
            for name, x in column
            if place[name, x].height == HEIGHT
        ],
        box_width=WIDTH,
        box_height=HEIGHT,
        characters=CHARACTERS,
    )


def _columns(nodes: Mapping[str, Node]) -> tuple[list[list[Key]], list[tuple[Key, Key]]]:
    """Return columns of nodes and of passing edges, and the edges from one column to the next."""
    columns = [[(key, x) for key in layer] for x, layer in enumerate(layers(nodes))]
    at = {key: x for column in columns for key, x in column}
    edges: dict[tuple[Key, Key], None] = {}
    for key, node in nodes.items():
        for source in sorted(node.sources & nodes.keys()):
            last = (source, at[source])
            for x in range(at[source] + 1, at[key]):
                here = (source, x)
                if here not in columns[x]:
                    columns[x].append(here)
                edges[last, here] = None
                last = here
            edges[last, (key, at[key])] = None
    return columns, list(edges)


def _order(columns: list[list[Key]], edges: list[tuple[Key, Key]]) -> None:
    """Order each column by the mean place of its neighbours, to and fro, so that few edges cross."""
    before: dict[Key, list[Key]] = {}
    after: dict[Key, list[Key]] = {}
    for source, target in edges:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    for sweep in range(SWEEPS):
        onwards = sweep % 2 == 0
        neighbours = before if onwards else after
        place = _places(columns)
        middle = {key: at.y + at.height / 2 for key, at in place.items()}
        for column in columns if onwards else reversed(columns):
            means = {
                key: sum(middle[each] for each in near) / len(near)
                if (near := neighbours.get(key))
                else middle[key]
                for key in column
            }
            column.sort(key=lambda key: means[key])
            for key in column:
                middle[key] = means[key]


def _places(columns: list[list[Key]]) -> dict[Key, Place]:
    """Return where all lies: columns one after the other, each in the middle of the height."""
    first: dict[str, int] = {}
    for column in columns:
        for key, x in column:
            first[key] = min(x, first.get(key, x))
    heights = [[HEIGHT if x == first[key] else PASS for key, x in column] for column in columns]
    sums = [sum(each) + DOWN * (len(each) - 1) for each in heights]
    tallest = max(sums, default=0)
    found = {}
    for x, (column, own) in enumerate(zip(columns, heights, strict=True)):
        y = EDGE + (tallest - sums[x]) / 2
        for at, height in zip(column, own, strict=True):
            found[at] = Place(EDGE + x * (WIDTH + ACROSS), y, height)
            y += height + DOWN
    return found


def _edge(source: Place, target: Place) -> str:
    """Return the path from one column to the next; over a place that it passes, straight."""
    x1, y1 = source.x + WIDTH, source.y + source.height / 2
    x2, y2 = target.x, target.y + target.height / 2
    half = ACROSS / 2
    path = f"M{x1:g} {y1:g}C{x1 + half:g} {y1:g} {x2 - half:g} {y2:g} {x2:g} {y2:g}"
    return path + (f"H{x2 + WIDTH:g}" if target.height == PASS else "")
