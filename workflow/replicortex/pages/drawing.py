"""The lineage of a result as a graph that one can walk: an SVG whose nodes are links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from replicortex.pages.rendering import render

WIDTH, HEIGHT, ACROSS, DOWN = 180, 50, 16, 34  # of a node and of the gaps, in px
PER_ROW = 3
LANE = 7  # px between edges that pass rows on one side
CHARACTERS = 24  # of a node's first line


@dataclass
class Node:
    """One box: jobs that call the same function, a dataset, or another file."""

    name: str
    below: str  # a second line, smaller
    link: str
    kind: str  # job, data, file or result
    sources: set[str] = field(default_factory=set)  # keys of the nodes it reads


def layers(nodes: Mapping[str, Node]) -> list[list[str]]:
    """Return the keys of all nodes in rows, each row after all that it reads.

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
    """Return the graph, data at the top, the result at the bottom.

    Parameters
    ----------
    nodes
        By key.
    title
        What a screen reader says of the whole.
    """
    rows = [
        layer[start : start + PER_ROW]
        for layer in layers(nodes)
        for start in range(0, len(layer), PER_ROW)
    ]
    widest = max(map(len, rows), default=1)
    inner = widest * (WIDTH + ACROSS) - ACROSS
    row_of = {key: y for y, row in enumerate(rows) for key in row}
    edges = [
        (source, key)
        for key, node in nodes.items()
        for source in sorted(node.sources & nodes.keys())
    ]
    long = [edge for edge in edges if row_of[edge[1]] - row_of[edge[0]] > 1]
    margin = ACROSS + LANE * (len(long) + 1) // 2  # lanes on both sides for edges that skip rows
    width = inner + 2 * margin
    height = len(rows) * (HEIGHT + DOWN) + DOWN // 2
    place = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + ACROSS) + ACROSS) / 2
        for x, key in enumerate(row):
            place[key] = (left + x * (WIDTH + ACROSS), DOWN // 4 + y * (HEIGHT + DOWN))
    lines = []
    lanes = [margin - ACROSS / 2, width - margin + ACROSS / 2]
    for source, key in edges:
        x1, y1 = place[source][0] + WIDTH / 2, place[source][1] + HEIGHT
        x2, y2 = place[key][0] + WIDTH / 2, place[key][1]
        if (source, key) in long:
            side = 0 if x1 < width / 2 or (x1 == width / 2 and lanes[0] > width - lanes[1]) else 1
            lane = lanes[side]
            lanes[side] += LANE if side else -LANE
            shift = 0.3 * WIDTH * (1 if side else -1)
            lines.append(_around(x1 + shift, y1, lane, x2 + shift, y2))
        else:
            lines.append(
                f"M{x1:g} {y1:g}C{x1:g} {y1 + DOWN / 2:g} {x2:g} {y2 - DOWN / 2:g} {x2:g} {y2:g}"
            )
    return render(
        "graph.svg",
        title=title,
        width=width,
        height=height,
        edges=lines,
        boxes=[(nodes[key], *place[key]) for row in rows for key in row],
        box_width=WIDTH,
        box_height=HEIGHT,
        characters=CHARACTERS,
    )


def _around(x1: float, y1: float, lane: float, x2: float, y2: float) -> str:
    """Return a path that passes the rows between on one side."""
    top, bottom = y1 + DOWN, y2 - DOWN
    return (
        f"M{x1:g} {y1:g}C{x1:g} {y1 + DOWN * 0.7:g} {lane:g} {y1 + DOWN * 0.3:g} {lane:g} {top:g}"
        f"V{bottom:g}C{lane:g} {y2 - DOWN * 0.3:g} {x2:g} {y2 - DOWN * 0.7:g} {x2:g} {y2:g}"
    )
