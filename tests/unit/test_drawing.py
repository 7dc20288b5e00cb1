"""The lineage as a graph: every box after what it reads, every edge drawn, nothing hidden."""

import re

import pytest

from replicortex.pages.drawing import ACROSS, DOWN, HEIGHT, WIDTH, Node, layers, svg


def graph(**sources):
    return {
        name: Node(name, "1 job", f"#{name}", "job", set(read)) for name, read in sources.items()
    }


DIAMOND = {"data": "", "left": ["data"], "right": ["data"], "last": ["left", "right", "data"]}


def test_each_column_follows_all_that_it_reads():
    assert layers(graph(**DIAMOND)) == [["data"], ["left", "right"], ["last"]]
    assert layers(graph(b=["a"], a="", c=["b", "absent"])) == [["a"], ["b"], ["c"]]
    assert layers({}) == []


def test_a_circle_is_an_error():
    with pytest.raises(ValueError, match="needs itself"):
        layers(graph(a=["b"], b=["a"]))


def test_every_node_is_a_link_and_every_edge_a_path():
    text = svg(graph(**DIAMOND), "Lineage of x <y>")
    assert re.findall(r'<a href="(#\w+)"', text) == ["#data", "#left", "#right", "#last"]
    assert text.count("<path") == 6  # the one from data to last in two parts
    assert 'aria-label="Lineage of x &lt;y&gt;"' in text


def drawn(nodes):
    """Boxes (left, top) and paths, each as the points it goes through, of a graph's picture."""
    text = svg(nodes, "x")
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', text)]
    paths = []
    for path in re.findall(r'<path d="([^"]+)"', text):
        pattern = r"M([\d.]+) ([\d.]+)C[\d.]+ [\d.]+ [\d.]+ [\d.]+ ([\d.]+) ([\d.]+)(?:H([\d.]+))?$"
        x1, y1, x2, y2, end = re.match(pattern, path).groups()
        paths.append((float(x1), float(y1), float(x2), float(y2), end and float(end)))
    return text, boxes, paths


WIDE = {
    **{f"n{k}": [f"n{j}" for j in range(k)] for k in range(6)},
    **{f"m{k}": ["n0"] for k in range(7)},
    "last": ["n5", *(f"m{k}" for k in range(7)), "n0"],
}


def test_no_box_covers_another_and_no_edge_crosses_a_box():
    text, boxes, paths = drawn(graph(**WIDE))
    assert len(boxes) == 14
    for i, (x, y) in enumerate(boxes):
        for u, v in boxes[i + 1 :]:
            assert abs(x - u) >= WIDTH + ACROSS or abs(y - v) >= HEIGHT + DOWN
    for x1, _, x2, y2, end in paths:
        assert x2 - x1 == ACROSS  # curves only between columns
        if end is not None:  # straight over a column, past all of its boxes
            assert end == x2 + WIDTH
            assert all(not y < y2 < y + HEIGHT for x, y in boxes if x == x2)
    assert any(end is not None for *_, end in paths)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)', text).groups())
    assert all(x > 0 and x + WIDTH < width and 0 < y < height - HEIGHT for x, y in boxes)


def test_the_graph_is_as_wide_as_it_has_steps_and_keeps_its_size():
    chain = graph(**{f"n{k}": [f"n{k - 1}"] for k in range(12)})
    text, boxes, _ = drawn(chain)
    assert len({x for x, _ in boxes}) == 12 and len({y for _, y in boxes}) == 1
    assert 'width="2' in text  # more than 2,000 px: the page's frame scrolls, text stays readable


def test_neighbours_stand_at_the_same_height_where_they_can():
    """Sources listed in the opposite order of what reads them: ordered, no two edges cross."""
    nodes = graph(a="", b="", c="", x=["c"], y=["b"], z=["a"])
    _, _, paths = drawn(nodes)
    ends = sorted((y1, y2) for _, y1, _, y2, _ in paths)
    assert [y2 for _, y2 in ends] == sorted(y2 for _, y2 in ends)


def test_edges_from_one_box_pass_together():
    _, _, paths = drawn(graph(a="", b=["a"], c=["b"], x=["a", "c"], y=["a", "c"]))
    assert len([1 for *_, end in paths if end is not None]) == 2  # one way past b and c, for both
