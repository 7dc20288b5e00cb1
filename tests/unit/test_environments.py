"""Each conda environment holds the lock's versions, and all that its rules import."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from replicortex.core import papers
from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names
from replicortex.tools.dependencies import PACKAGES, environments, imported

BIN = Path(sys.executable).parent
PAPERS = paper_names(ROOT.parent)


@pytest.fixture(scope="module")
def rules(root, tmp_path_factory) -> list[list[str]]:
    """Call, environment, kind and name of every rule of the study at `demo`."""
    script = tmp_path_factory.mktemp("jobs") / "jobs.txt"
    hook = f"""
WANTED = ("mem_mb", "runtime")
with open({str(script)!r}, "w") as stream:
    for rule in workflow.rules:
        for _, value in rule.params._allitems():
            if hasattr(value, "call"):
                wanted = [r._evaluator for n, r in rule.resources.items() if n in WANTED]
                grows = len(wanted) == 2 and None not in wanted
                kind = "local" if rule.name in workflow._localrules else "grows" if grows else "?"
                for call in value.calls:
                    print(call, Path(str(rule.conda_env)).stem, kind, rule.name, file=stream)
"""
    snakefile = script.parent / "Snakefile"
    snakefile.write_text((root / "Snakefile").read_text().replace("onstart:", f"{hook}\nonstart:"))
    for name in ("workflow", "config", "envs", "profiles"):
        (script.parent / name).symlink_to(root / name)
    subprocess.run(
        [str(BIN / "snakemake"), "--list"],
        cwd=script.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.split() for line in script.read_text().splitlines()]


@pytest.fixture(scope="module")
def jobs(rules) -> set[tuple[str, str]]:
    """Call and environment of every job."""
    return {(call, environment) for call, environment, _, _ in rules}


def test_every_rule_says_what_it_needs_and_asks_for_more_when_it_failed(rules):
    """Or runs beside the controller: datasets, drawing, verdicts."""
    assert [name for _, _, kind, name in rules if kind == "?"] == []
    local = {name for _, _, kind, name in rules if kind == "local"}
    light = ("get_", "judge_", "overview", "_draw")
    assert all(any(word in name for word in light) for name in local)
    assert any(kind == "grows" for _, _, kind, _ in rules)


def test_a_papers_jobs_call_its_code_in_the_environments_that_it_names(root, rules):
    assert PAPERS
    for paper in PAPERS:
        # `toy` is not `toy_two`: the name of a rule alone does not say whose it is.
        own = [e for call, e, _, _ in rules if call.startswith(f"papers.{paper}.")]
        assert own, paper
        named = papers.load(paper, root).environments
        assert set(own) <= set(named), paper
        text = (root / f"workflow/papers/{paper}/Snakefile").read_text()
        # Figures are drawn by the rule that all papers share.
        found = set(re.findall(r"envs/([\w-]+)\.yaml", text)) | {"figures"}
        assert found == set(named), paper


def test_an_environment_holds_what_its_jobs_import(root, jobs):
    held = environments(root)
    missing = [
        f"envs/{environment}.yaml lacks {package}, which {call} needs ({', '.join(sorted(files))})"
        for call, environment in sorted(jobs)
        for name, files in imported(call.partition(":")[0]).items()
        if (package := PACKAGES.get(name, name)) not in held[environment]
    ]
    assert missing == []


def test_the_engines_environment_holds_what_the_pages_of_the_audit_import(root):
    held = environments(root)["snakemake"]
    own = imported("replicortex.pages.build", always=frozenset())
    needed = {PACKAGES.get(name, name): files for name, files in own.items()}
    assert {"jinja2", "docutils", "pygments", "pillow"} <= needed.keys()
    missing = {package for package in needed if package not in held}
    # Imported within functions that the pages never call: of jobs, of datasets, of `cost`, of judging.
    elsewhere = {
        *("replicortex/analysis/intervals.py", "replicortex/analysis/permutation.py"),
        *("replicortex/tools/costs.py", "replicortex/core/reading.py"),
        "replicortex/core/table_schema.py",
        *("replicortex/provenance/records.py", "replicortex/data/annex.py"),
    }
    assert {p for p in missing if not needed[p] <= elsewhere} == set()


def test_every_job_has_an_environment(root, jobs):
    held = environments(root)
    assert [call for call, environment in jobs if environment not in held] == []


def test_environments_hold_the_locks_versions(root):
    lock = (root / "requirements.lock").read_text()
    for name, packages in environments(root).items():
        for package, version in packages.items():
            if package != "python":
                wanted = re.escape(f"{package}=={version}")
                assert re.search(rf"^{wanted}(?=\s)", lock, re.M), f"envs/{name}.yaml: {package}"


def test_versions_are_exact(root):
    for path in (root / "envs").glob("*.yaml"):
        content = yaml.safe_load(path.read_text())
        others = ["bioconda"] if path.stem == "snakemake" else []
        assert content["channels"] == ["conda-forge", *others, "nodefaults"], path
        assert all(re.fullmatch(r"[\w.-]+=[\w.]+", line) for line in content["dependencies"]), path
        assert len(set(content["dependencies"])) == len(content["dependencies"]), json.dumps(path)
