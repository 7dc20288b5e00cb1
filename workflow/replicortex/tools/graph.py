"""The graph of rules in README.md, from the engine's own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from replicortex.tools.generated import marks

PART = marks("rules", "`make graph`")
PAPER = "learning_rules"  # the pattern of all papers


def graph(root: Path) -> str:
    """Return the rules of one paper, datasets and scorecard as Mermaid, left to right."""
    command = ["snakemake", "--rulegraph", "mermaid-js", "--config", f"run={PAPER}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return plain(done.stdout)


def plain(text: str) -> str:
    """Return the engine's graph without colours, `all` and numbers that change from run to run."""
    names = dict(re.findall(r"^\t(id\d+)\[(.+)\]$", text, re.M))
    edges = {
        (_words(names[start]), _words(names[end]))
        for start, end in re.findall(r"^\t(id\d+) --> (id\d+)$", text, re.M)
        if "all" not in (names[start], names[end])
    }
    nodes = sorted({node for edge in edges for node in edge})
    number = {node: f"r{position}" for position, node in enumerate(nodes)}
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"    {number[node]}[{node}]" for node in nodes]
    lines += [f"    {number[start]} --> {number[end]}" for start, end in sorted(edges)]
    return "\n".join([*lines, "```", ""])


def _words(rule: str) -> str:
    """Return a rule's name as words: without paper, pack and fixture."""
    name = re.sub(rf"_?{PAPER}_?|_(all|\d+)$|_fixture$", "", rule)
    return name.replace("_", " ")
