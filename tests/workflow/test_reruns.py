"""What runs again after a change: exactly the jobs that depend on it.

Changes of numbers, claims, data and environments stand with each paper (tests/papers/*/reruns.py).
Edits of code are tried in every module of the papers and of the library: what they run again is
computed (module_edits.py), written to config/RERUNS.md, and asked of the engine for a sample.
"""

import ast
import re
import subprocess
from contextlib import contextmanager

import changes
import module_edits as edits
import pytest
import write_reruns

from replicortex.core import papers
from replicortex.core.codehash import ROOT, WORDS, source_hashes

CHANGES = changes.by_paper()
PATTERN = changes.of("learning_rules")  # the paper of `one_paper`


def cases():
    """Every change of every paper: the pattern's on a run of it alone, others' on a run of all."""
    for paper, own in CHANGES.items():
        alone = paper == "learning_rules"
        run, marks = ("one_paper", ()) if alone else ("finished", pytest.mark.slow)
        for change in own:
            yield pytest.param(run, paper, change, marks=marks, id=f"{paper}: {change}")


@contextmanager
def changed(study, apply):
    """Make a change in a study, and take it back."""
    try:
        apply(study.folder)
        yield
    finally:
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=study.folder, check=True)


@pytest.mark.parametrize(("study", "paper", "change"), [*cases()], indirect=["study"])
def test_exactly_what_depends_on_a_change_runs_again(study, paper, change):
    apply, expected = CHANGES[paper][change]
    with changed(study, apply):
        assert study.planned() == expected


def test_one_more_seed_trains_that_seed_alone(one_paper):
    planned = one_paper.planned("--config", "papers={learning_rules: {seeds: [42, 123, 456]}}")
    assert planned == {f"{PATTERN.P}train_1": 9, **PATTERN.AFTER_TRAINING}  # train_0: packs of two


def test_a_fresh_clone_plans_the_whole_study(one_paper, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(one_paper.folder), str(clone)], check=True)
    planned = type(one_paper)(clone).planned()
    assert planned == {**PATTERN.GETS, **PATTERN.EVERYTHING}


def test_job_parameters_are_one_canonical_string(one_paper):
    done = one_paper.snakemake("--dry-run", "--forceall", "--printshellcmds")
    assert not re.search(r"job=<", done.stdout)


def test_the_page_names_what_each_edit_runs_again():
    """The expected set of every module: whatever moves it shows in the page's difference."""
    written = write_reruns.TARGET.read_text()
    assert written == write_reruns.table(), "run `python tests/workflow/write_reruns.py`"
    assert [m for m in edits.modules() if f"`{edits.path_of(m)}`" not in written] == []


def test_an_edit_of_a_paper_runs_nothing_of_another():
    known = papers.folders(ROOT.parent)
    assert len(known) > 1
    for module in edits.modules():
        if module.startswith("papers/"):
            own = {edits.paper_of(rule, known) for rule in edits.rerun(module)}
            assert own <= {module.split("/")[1], None}, module


def test_an_edit_of_a_learner_trains_its_own_rules_alone():
    """Other rules' networks stay; what follows them all is made again."""
    folder = "papers/learning_rules"
    of = {
        f"{folder}/learners/stdp.py": 2,  # with the coded window, and the stated one
        f"{folder}/learners/stdp_pair.py": 1,
        f"{folder}/learners/pc_supervised.py": 1,
        f"{folder}/trainings/fa.py": 2,  # of the convolutions, and of all layers
        f"{folder}/settings/stdp.py": 2,
        f"{folder}/settings/training.py": 9,
        f"{folder}/train.py": 9,
    }
    for module, trained in of.items():
        found = edits.rerun(module, "learning_rules")
        assert found == {f"{PATTERN.P}train": trained, **PATTERN.AFTER_TRAINING}, module


def test_an_edit_of_words_or_of_what_no_job_imports_runs_nothing():
    still = [module for module in edits.modules() if not edits.rerun(module)]
    assert still and {*still} >= WORDS
    for module in edits.modules():
        if module.split("/")[1] in ("pages", "provenance", "tools"):
            assert module in still, module


def test_an_edit_of_drawing_draws_and_computes_nothing():
    """A module that only jobs of figures import."""
    drawn = [m for m in edits.modules() if m.startswith("papers/") and "/figures" in m]
    assert drawn
    for module in drawn:
        assert all("draw" in rule for rule in edits.rerun(module)), module


def test_a_comment_or_a_docstring_in_any_module_runs_nothing():
    for module in edits.modules():
        source = (ROOT / module).read_bytes()
        first = ast.parse(source).body[0]
        assert isinstance(first, ast.Expr), f"{module} has no docstring"
        other = source.replace(
            ast.get_source_segment(source.decode(), first).encode(), b'"""X."""', 1
        )
        assert source_hashes(module, other + b"\n# why\n") == source_hashes(module, source), module


def ask(study, run, most):
    """Edit a sample of modules one by one, as files, and compare what the engine plans."""
    by_set = {}
    for module in edits.modules():
        by_set.setdefault(tuple(sorted(edits.rerun(module, run))), module)
    chosen = sorted(by_set.values())
    for module in [*chosen[:: max(1, len(chosen) // most)], *sorted(WORDS)]:
        path = study.folder / edits.path_of(module)

        def edit(folder, path=path):
            path.write_text(path.read_text() + edits.EDIT)

        with changed(study, edit):
            assert study.planned() == edits.rerun(module, run), module


def test_the_engine_plans_what_was_computed_for_one_paper(one_paper):
    ask(one_paper, "learning_rules", 3)


@pytest.mark.slow
def test_the_engine_plans_what_was_computed_for_all(finished):
    ask(finished, "all", 10)
