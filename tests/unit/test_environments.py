"""Each conda environment holds the lock's versions, and all that its rules import."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from replicortex.core import papers
from replicortex.core.codehash import ROOT, module_hashes
from replicortex.core.config import paper_names

BIN = Path(sys.executable).parent
# conda-forge's names, where they differ from the names that pip knows.
PIP_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "pytables": "tables"}
# Names under which packages are imported, where they differ from those that pip knows.
PACKAGES = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "ot": "pot",
    "yaml": "pyyaml",
    "mpl_toolkits": "matplotlib",
}
# What runs around every job.
IN_EVERY_JOB = {"replicortex/core/runner.py", "replicortex/provenance/records.py"}
# Where a package is imported by the function that needs it, for jobs that have it anyway.
WHEN_NEEDED = {"replicortex/core/files.py", "replicortex/core/randomness.py"}
PAPERS = paper_names(ROOT.parent)


def environments(root: Path) -> dict[str, dict[str, str]]:
    """Return version by pip's name, for each environment."""
    found = {}
    for path in sorted((root / "envs").glob("*.yaml")):
        lines = [line.split("=") for line in yaml.safe_load(path.read_text())["dependencies"]]
        found[path.stem] = {PIP_NAMES.get(name, name): version for name, version in lines}
    return found


def imported(module: str, always: set[str] = IN_EVERY_JOB) -> dict[str, set[str]]:
    """Return the packages that a job's code and the runner import, and the files that do."""
    found: dict[str, set[str]] = {}
    for path in (module_hashes(module).keys() | always) - WHEN_NEEDED:
        tree = ast.parse((ROOT / path).read_text())
        typing_only = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if id(node) in typing_only:
                continue
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names}:
                if name not in sys.stdlib_module_names and name not in ("papers", "replicortex"):
                    found.setdefault(PACKAGES.get(name, name), set()).add(path)
    return found


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
        for package, files in imported(call.partition(":")[0]).items()
        if package not in held[environment]
    ]
    assert missing == []


def test_the_engines_environment_holds_what_the_pages_of_the_audit_import(root):
    held = environments(root)["snakemake"]
    needed = imported("replicortex.pages.build", always=set())
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
