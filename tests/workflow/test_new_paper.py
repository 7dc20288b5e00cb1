"""A paper made from the skeleton runs, is audited, and passes the general tests and the linters."""

import pytest

NAME = "a_paper_with_thirty_characters"  # the longest: lines of the skeleton must still fit
GENERAL = [
    *("unit/test_costs.py", "unit/test_declared.py", "unit/test_environments.py"),
    *("unit/test_config.py", "workflow/test_full_graph.py"),
    "workflow/test_demo.py::test_a_paper_has_at_most_fifteen_jobs",
]

OUTLINE = """
import sys
from pathlib import Path

from replicortex.report import outline
from replicortex.verdicts.reading import load

paper = sys.argv[1]
claims = load(Path(f"workflow/papers/{paper}/claims.yaml"))
print(outline.load(paper, Path(), {claim.id: claim for claim in claims}).headline)
"""


@pytest.mark.slow
def test_a_new_paper_runs_to_its_figure_and_its_audit(fresh):
    python = "python"
    title = "How alike " + "very " * 13 + "alike"  # of 80 characters
    datasets = fresh.folder / "config/datasets.yaml"
    before = datasets.read_text()
    fresh.run(python, "-m", "replicortex", "new-paper", NAME, "--title", title)
    assert datasets.read_text().startswith(before)
    refused = fresh.run(python, "-m", "replicortex", "new-paper", NAME, check=False)
    assert refused.returncode == 1 and "is there already" in refused.stderr
    assert "Traceback" not in refused.stderr
    fresh.commit()

    fresh.snakemake("--cores", "2", "--config", f"run={NAME}", watch=True)
    figure = f"results/demo/{NAME}/figures/similarity.png"
    assert (fresh.folder / figure).is_file()
    printed = fresh.run(python, "-m", "replicortex", "audit", "figure", figure, "--files").stdout
    assert f"papers.{NAME}.measure:similarity" in printed and f"{NAME}_fixture" in printed
    assert " 0 faults" in fresh.run(python, "-m", "replicortex", "audit", "verify").stdout
    assert (
        f"@misc{{{NAME}," in fresh.run(python, "-m", "replicortex", "audit", "cite", figure).stdout
    )
    claims = (fresh.folder / f"results/demo/{NAME}/scorecard/claims.csv").read_text()
    assert "early_above_late" in claims and "synthetic data: no verdict" in claims
    outlined = fresh.run(python, "-c", OUTLINE, NAME).stdout
    assert "claim='early_above_late' control='early_at_all'" in outlined
    assert fresh.planned("--config", f"run={NAME}") == {}

    fresh.run("ruff", "check", ".")
    fresh.run("ruff", "format", "--check", ".")
    fresh.run("snakefmt", "--check", "Snakefile", "workflow")
    fresh.snakemake("--lint")
    fresh.run(python, "-m", "replicortex", "schemas", "--check")
    fresh.run(python, "-m", "replicortex", "readme")
    general = [f"tests/{file}" for file in GENERAL]
    fresh.run(python, "-m", "pytest", "-q", f"tests/papers/{NAME}", *general)
    done = fresh.run(python, "-m", "pytest", "-q", "tests/unit/test_papers.py", "-k", NAME)
    assert "5 passed" in done.stdout  # told and placed; aliases at four scales
