"""The repository's own rules: formatted, linted, and free of what does not belong into it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from replicortex.core.config import paper_names

BIN = Path(sys.executable).parent


def tracked(root):
    done = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=True
    )
    return [root / name for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("snakefmt", "--check", "Snakefile", "workflow"),
        ("snakemake", "--lint"),
        pytest.param(("mypy",), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_linters_find_nothing(root, command):
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_test_holds_against_the_clock(root):
    """Machines differ, and their load: what takes how long is measured in benchmarks/."""
    timed = re.compile(r"process_time\(|perf_counter\(|assert [^#\n]*monotonic\(\)[^\n]* < ")
    held = [str(path) for path in (root / "tests").rglob("*.py") if timed.search(path.read_text())]
    assert held == []


def test_no_generator_is_shared_by_tests(root):
    """What a test draws would depend on the tests before it, and those on the number of workers."""
    shared = re.compile(r"^\w+ *=.*(?:default_rng|RandomState|Generator|random\.Random)\(", re.M)
    held = [str(path) for path in (root / "tests").rglob("*.py") if shared.search(path.read_text())]
    assert held == []


def test_no_file_is_large(root):
    large = [path for path in tracked(root) if path.is_file() and path.stat().st_size > 1_000_000]
    assert large == []


def test_no_registry_and_no_machine_is_named(root):
    registry = re.compile("py" + r"pi\.org|python" + r"hosted|conda\." + "anaconda")
    place = re.compile(r"(?<![\w.])/(?:ro" + r"ot|ho" + r"me/\w+|wo" + r"rk)/")
    named = []
    for path in tracked(root):
        if not path.is_file() or path.suffix in (".png", ".pdf", ".xz", ".npz"):
            continue
        text = path.read_text(errors="ignore")
        if registry.search(text) or place.search(text):
            named.append(str(path.relative_to(root)))
    assert named == []


def documents(root):
    """Return what people read, by path: the README, the guides and the papers' own READMEs."""
    guides = (root / name for name in ("README.md", "CONTRIBUTING.md"))
    papers = (root / "workflow/papers").glob("*/README.md")
    return [*guides, root / "config/README.md", root / "profiles/README.md", *sorted(papers)]


def anchors(path):
    """Return the anchors of a document's headings, as Markdown pages make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


def test_every_link_in_the_documents_leads_somewhere(root):
    for document in documents(root):
        for link in re.findall(r"\]\(([^):]+)\)", document.read_text()):
            path, _, anchor = link.partition("#")
            target = document.parent / path if path else document
            assert target.exists(), f"{document} links to {path}"
            assert not anchor or anchor in anchors(target), f"{document} links to #{anchor}"


def test_no_sentence_begins_with_a_word_that_makes_it_be_read_twice(root):
    start = re.compile(r"(?:^(?:[-|] )?|(?<=[.!?] ))(?:So|And it is|Who|What)\b[^|]{0,60}")
    found = []
    for document in documents(root):
        for paragraph in re.split(r"\n\s*\n|\n(?=[-|#])|```", document.read_text()):
            found += start.findall(" ".join(paragraph.split()))
    assert found == []


SHORT = {
    "replicated": "replicated",
    "replicated, smaller": "smaller",
    "replicated, larger": "larger",
    "excludes the published size": "exclude the published size",
    "cannot tell": "cannot tell",
    "contradicted": "contradicted",
    "fails its calibration: no verdict": "fail their calibration",
    "fewer than 3 units: no verdict": "have too few units",
    "not testable here": "not testable",
    # Of runs that were kept before verdicts had two answers.
    "partly replicated": "partly",
    "not replicated": "not",
    "inconclusive": "inconclusive",
    "not testable at this scale": "not testable",
}
OF_ONE = {
    "excludes the published size": "exclude the published size",
    "fails its calibration": "fail their calibration",
    "has too few units": "have too few units",
}


@pytest.mark.parametrize("paper", paper_names(Path(__file__).parents[2]))
def test_the_counts_of_verdicts_in_the_readmes_are_the_reference_runs(root, paper):
    claims = pd.read_csv(root / f"results/reference/{paper}/scorecard/claims.csv")
    published = claims.loc[claims["kind"] == "published", "verdict"]
    short = published.str.removesuffix(" on other data").map(SHORT)
    counts = {word: int(n) for word, n in short.value_counts(dropna=False).items()}
    (row,) = re.findall(rf"^\| \[.*papers/{paper}/.*$", (root / "README.md").read_text(), re.M)
    total, counted = re.search(r"\| (\d+): ([^|]+) \|", row).groups()
    said = (each.split(" ", 1) for each in counted.split(", "))
    assert {OF_ONE.get(word, word): int(n) for n, word in said if int(n)} == counts
    assert int(total) == len(published)
    own = " ".join((root / f"workflow/papers/{paper}/README.md").read_text().split())
    _, _, result = own.partition(f"Of {total} published claims ")
    own_counts = re.findall(
        r"(\d+) (?:are |is )?([^,]+), ", result.partition("by the claims of")[0]
    )
    assert {OF_ONE.get(word, word): int(n) for n, word in own_counts} == counts
    assert f"[All {len(claims)} claims and controls]" in own


def test_every_make_target_in_the_documents_exists(root):
    targets = set(re.findall(r"^([\w .-]+):(?!=)", (root / "Makefile").read_text(), re.M))
    known = {word for line in targets for word in line.split()}
    for document in ("README.md", "CONTRIBUTING.md"):
        used = set(re.findall(r"^make ([a-z-]+)", (root / document).read_text(), re.M))
        assert used <= known, document


def test_the_graph_of_rules_is_the_engines(root, monkeypatch):
    from replicortex.tools import graph as rule_graph
    from replicortex.tools.generated import replaced

    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    readme = (root / "README.md").read_text()
    made = rule_graph.graph(root)
    assert replaced(readme, rule_graph.PART, made, "README.md") == readme, "run `make graph`"


def test_the_graph_keeps_the_edges_and_drops_colours_and_packs():
    from replicortex.tools.graph import plain

    text = (
        "flowchart TB\n\tid0[all]\n\tid1[learning_rules_train_0]\n\tid2[get_cifar10_fixture]\n"
        "\tid3[judge_learning_rules]\n\tstyle id1 fill:#D95757\n\tid2 --> id1\n\tid1 --> id3\n"
        "\tid3 --> id0\n"
    )
    assert plain(text) == (
        "```mermaid\nflowchart LR\n    r0[get cifar10]\n    r1[judge]\n    r2[train]\n"
        "    r0 --> r2\n    r2 --> r1\n```\n"
    )


def test_every_benchmark_that_make_runs_writes_its_report_where_it_is_kept(root):
    listed = re.search(r"^BENCHMARKS \?= (.*)$", (root / "Makefile").read_text(), re.M)[1].split()
    # What they share; what needs a GPU.
    others = {"common", "curves", "training_peers", "true_size_steps", "gpu"}
    there = {path.stem for path in (root / "benchmarks").glob("*.py")} - {"__init__"}
    assert set(listed) <= there and there - set(listed) <= others | {
        n for n in there if n[:3] == "gpu"
    }
    for name in listed:
        text = (root / f"benchmarks/{name}.py").read_text()
        assert re.search(r'"--out", type=Path, default=', text), name
