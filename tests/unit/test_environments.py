"""Each conda environment holds the lock's versions, and all that its rules import."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from replicortex.core import papers
from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names
from replicortex.tools import environments as written
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
            wanted = re.escape(f"{package}=={version}")
            assert re.search(rf"^{wanted}(?=\s)", lock, re.M), f"envs/{name}.yaml: {package}"


def test_environments_are_those_of_pyproject_in_the_form_that_make_lock_writes(root):
    declared = written.declared(root)
    assert {path.stem for path in (root / "envs").glob("*.yaml")} == set(declared)
    for name, (about, packages) in declared.items():
        path = root / f"envs/{name}.yaml"
        *_, last = yaml.safe_load(path.read_text())["dependencies"]
        assert path.read_text() == written.text(about, last["pip"]), "run `make lock`"
        assert {canonicalize_name(package) for package in packages} <= set(environments(root)[name])
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+(; .+)?", pin) for pin in last["pip"]), path
        assert sorted(packages) == packages


def test_an_environment_holds_all_that_its_packages_need(root):
    """Nothing is left to choose, as far as the packages are installed here."""
    checked = 0
    for name, packages in environments(root).items():
        for package in packages:
            try:
                needed = metadata.requires(package) or []
            except metadata.PackageNotFoundError:  # of another system
                continue
            for requirement in map(Requirement, needed):
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    wanted = canonicalize_name(requirement.name)
                    assert wanted in packages, f"envs/{name}.yaml: {package} needs {wanted}"
                    assert requirement.specifier.contains(packages[wanted], prereleases=True)
                    checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    ("pin", "kept"),
    [
        ("torch==2.13.0", "torch==2.13.0"),
        ("av==18.1.0 ; python_full_version < '3.12'", "av==18.1.0"),
        ("av==19.0.2 ; python_full_version >= '3.12'", ""),
        ("colorama==0.4.6 ; sys_platform == 'win32'", ""),
        ("triton==3.7.1 ; sys_platform == 'linux'", "triton==3.7.1; sys_platform == 'linux'"),
        (
            "nvtx==1.0 ; platform_machine == 'x86_64' and sys_platform == 'linux'",
            "nvtx==1.0; platform_machine == 'x86_64'",
        ),
        ("fast==1.0 ; sys_platform == 'darwin'", "fast==1.0; sys_platform == 'darwin'"),
    ],
)
def test_a_requirement_is_kept_where_a_system_needs_it(pin, kept):
    assert written.here(pin) == kept


def test_what_needs_torch_shares_one_environment(root):
    held = environments(root)
    assert [name for name, packages in held.items() if "torch" in packages] == ["networks"]
