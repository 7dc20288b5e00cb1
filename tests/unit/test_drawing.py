"""The lineage as a graph: every box after what it reads, every edge drawn, nothing hidden."""

import re

import pytest

from replicortex.pages.drawing import DOWN, HEIGHT, WIDTH, Node, layers, svg


def graph(**sources):
    return {
        name: Node(name, "1 job", f"#{name}", "job", set(read)) for name, read in sources.items()
    }


DIAMOND = {"data": "", "left": ["data"], "right": ["data"], "last": ["left", "right", "data"]}


def test_each_row_follows_all_that_it_reads():
    assert layers(graph(**DIAMOND)) == [["data"], ["left", "right"], ["last"]]
    assert layers(graph(b=["a"], a="", c=["b", "absent"])) == [["a"], ["b"], ["c"]]
    assert layers({}) == []


def test_a_circle_is_an_error():
    with pytest.raises(ValueError, match="needs itself"):
        layers(graph(a=["b"], b=["a"]))


def test_every_node_is_a_link_and_every_edge_a_path():
    text = svg(graph(**DIAMOND), "Lineage of x <y>")
    assert re.findall(r'<a href="(#\w+)"', text) == ["#data", "#left", "#right", "#last"]
    assert text.count("<path") == 5
    assert 'aria-label="Lineage of x &lt;y&gt;"' in text


def test_no_box_covers_another_and_long_edges_pass_outside():
    nodes = graph(
        **{f"n{k}": [f"n{j}" for j in range(k)] for k in range(5)},
        **{f"m{k}": ["n0"] for k in range(7)},
    )
    text = svg(nodes, "x")
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', text)]
    assert len(boxes) == 12
    for i, (x, y) in enumerate(boxes):
        for u, v in boxes[i + 1 :]:
            assert abs(x - u) >= WIDTH or abs(y - v) >= HEIGHT + DOWN
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
    assert all(x >= 0 and x + WIDTH <= width for x, _ in boxes)
    left, right = min(x for x, _ in boxes), max(x for x, _ in boxes) + WIDTH
    lanes = [float(lane) for lane in re.findall(r" ([\d.]+) [\d.]+V", text)]
    assert lanes and all(0 < lane < left or right < lane < width for lane in lanes)
