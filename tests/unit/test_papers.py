"""What a paper says of itself, and papers that are not complete."""

import shutil
import sys

import pytest
import yaml

from replicortex.core import config, papers
from replicortex.core.codehash import ROOT
from replicortex.core.errors import StudyError
from replicortex.core.scales import SCALES
from replicortex.provenance.citations import bibtex

PAPERS = config.paper_names(ROOT.parent)
ABOUT = {
    "title": "A title",
    "short": "Short",
    "order": 1,
    "licence": "MIT",
    "environments": ["networks"],
    "trains": None,
}


@pytest.fixture
def repository(root, tmp_path, monkeypatch):
    """The repository's configuration and one more paper that looks complete."""
    shutil.copytree(root / "config", tmp_path / "config")
    shutil.copytree(root / "envs", tmp_path / "envs")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "workflow/papers", tmp_path / "workflow/papers", ignore=ignore)
    (tmp_path / "config/papers/unfinished.yaml").write_text("seeds: [1]\n")
    put(tmp_path, **ABOUT)
    for name in papers.NEEDED:
        (tmp_path / "workflow/papers/unfinished" / name).touch()
    for name in ("schema.py", "Snakefile", "claims.yaml", "tables.yaml"):
        (tmp_path / "workflow/papers/unfinished" / name).write_text("[]\n")
    (tmp_path / "workflow/papers/unfinished/citation.bib").write_text(
        "@misc{unfinished2026, title={Toy}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPLICORTEX_MIRROR", raising=False)
    return tmp_path


def put(root, **values):
    file = root / "workflow/papers/unfinished/paper.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(values))


def settings(root, **changes):
    return yaml.safe_load((root / "config/config.yaml").read_text()) | changes


@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_is_told_and_placed(root, paper):
    about = papers.load(paper, root)
    others = [papers.load(other, root) for other in PAPERS if other != paper]
    assert about.order not in {other.order for other in others}
    assert about.short not in {other.short for other in others}
    assert len(about.short) <= 32  # the overview's margin


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("scale", SCALES)
def test_aliases_lead_to_values_at_every_scale(root, paper, scale):
    numbers = config.paper_numbers(paper, scale, {}, root)
    aliases = papers.claim_aliases(papers.load(paper, root), paper, numbers)
    assert all(isinstance(word, str) for words in aliases.values() for word in words)


def test_words_of_claims_have_the_scales_values(root):
    numbers = config.paper_numbers("learning_rules", "small", {}, root)
    assert papers.claim_aliases(papers.load("learning_rules", root), "learning_rules", numbers) == {
        "roi": {"early": "EVC", "late": "IT"},
        "px": {"train": 32, "large": 224},
        "epoch": {"last": 10},
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"titel": "T"}, "unknown key 'titel'; did you mean 'title'"),
        ({"short": ""}, "short: .*at least 1 character"),
        ({"order": "first"}, "order: .*valid integer.*found 'first'"),
        ({"order": 0}, "order: .*greater than 0, found 0"),
        (
            {"environments": ["network"]},
            r"environments: no envs/network\.yaml; did you mean 'networks'",
        ),
        ({"environments": []}, "environments: .*at least 1 item"),
        ({"aliases": {"roi": 3}}, "aliases.roi.*found 3"),
    ],
)
def test_a_fault_in_paper_yaml_is_one_sentence(repository, changes, expected):
    put(repository, **(ABOUT | changes))
    with pytest.raises(StudyError, match=rf"papers/unfinished/paper\.yaml: {expected}") as caught:
        papers.load("unfinished", repository)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ABOUT)
def test_no_key_of_paper_yaml_can_be_left_out(repository, key):
    put(repository, **{name: value for name, value in ABOUT.items() if name != key})
    with pytest.raises(StudyError, match=rf"paper\.yaml: key '{key}' is missing"):
        papers.load("unfinished", repository)


@pytest.mark.parametrize("text", ["a: [", "only words", "- a list"])
def test_what_is_no_mapping_is_one_sentence(repository, text):
    (repository / "workflow/papers/unfinished/paper.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"paper\.yaml: (is no YAML|keys with values expected)"):
        papers.load("unfinished", repository)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("training.checkpoint.-1", "leads to no number.*did you mean 'checkpoints'"),
        ("training.checkpoints.9", "leads to no number"),
        ("training.checkpoints", r"holds no words with values, but \[0, 4\]"),
    ],
)
def test_an_alias_that_leads_nowhere_is_one_sentence(place, expected):
    about = papers.Paper.model_validate({**ABOUT, "aliases": {"epoch": place}})
    numbers = {"training": {"checkpoints": [0, 4]}}
    with pytest.raises(StudyError, match=rf"unfinished/paper\.yaml: aliases\.epoch: .*{expected}"):
        papers.claim_aliases(about, "unfinished", numbers)


FILES = [
    "config/papers/unfinished.yaml",
    *(f"workflow/papers/unfinished/{name}" for name in papers.NEEDED),
]


@pytest.mark.parametrize(
    ("file", "how"),
    [
        *((file, "absent") for file in FILES),
        *((file, "empty") for file in FILES if not file.endswith("__init__.py")),
    ],
)
def test_a_half_made_paper_is_told_and_the_others_run(repository, file, how):
    if how == "absent":
        (repository / file).unlink()
        expected = f"workflow/papers/unfinished: the paper is not complete: there is no {file}"
    else:
        (repository / file).write_text("")
        expected = f"workflow/papers/unfinished: the paper is not complete: {file} is empty"
    study = config.check(settings(repository), repository)
    assert study.left_out == [expected] and list(study.papers) == PAPERS
    with pytest.raises(StudyError) as caught:
        config.check(settings(repository, run=[PAPERS[0], "unfinished"]), repository)
    assert str(caught.value) == f"config/config.yaml: run: unfinished: {expected}"
    # Who asks for another paper is not troubled with it.
    assert config.check(settings(repository, run=PAPERS[0]), repository).left_out == []


def test_a_folder_of_no_papers_name_is_told(repository):
    (repository / "workflow/papers/unfinished").rename(repository / "workflow/papers/my-unfinished")
    (sentence,) = config.check(settings(repository), repository).left_out
    assert sentence.startswith("workflow/papers/my-unfinished: no name of a paper (small letters")


def test_what_python_left_behind_is_no_paper(repository):
    shutil.rmtree(repository / "workflow/papers/unfinished")
    (repository / "workflow/papers/unfinished/__pycache__").mkdir(parents=True)
    study = config.check(settings(repository), repository)
    assert study.left_out == []
    with pytest.raises(StudyError, match="run: unknown paper 'unfinished'"):
        config.check(settings(repository, run="unfinished"), repository)


def test_without_any_complete_paper_nothing_runs(repository):
    for paper in PAPERS:
        (repository / f"workflow/papers/{paper}/Snakefile").unlink()
    (repository / "workflow/papers/unfinished/Snakefile").unlink()
    with pytest.raises(StudyError, match=rf"{PAPERS[0]}: the paper is not complete: there is no"):
        config.check(settings(repository), repository)


def test_a_citation_that_is_gone_is_a_comment(repository):
    record = {"job": {"call": "papers.unfinished.measure:measure"}, "run": {}, "inputs": {}}
    assert "@misc{unfinished2026, title={Toy}}" in bibtex([record], repository, {})
    (repository / "workflow/papers/unfinished/citation.bib").write_text("no entry\n")
    entry = bibtex([record], repository, {})
    assert (
        "% paper unfinished: workflow/papers/unfinished/citation.bib: a BibTeX entry in one line"
        in entry
    )


def test_a_citation_without_an_entry_is_one_sentence(repository):
    (repository / "workflow/papers/unfinished/citation.bib").write_text(
        "@misc{unfinished2026,\n title={T}\n}\n"
    )
    with pytest.raises(StudyError, match=r"citation\.bib: a BibTeX entry in one line expected"):
        papers.load("unfinished", repository)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n", "a class Numbers that inherits from PaperNumbers"),
        ("Numbers = dict\n", "a class Numbers that inherits from PaperNumbers"),
        ("import nothing_of_this_name\n", "cannot be imported .ModuleNotFoundError: No module"),
        ("def (\n", "cannot be imported .SyntaxError: invalid syntax"),
    ],
)
def test_a_schema_without_its_model_is_one_sentence(tmp_path, monkeypatch, text, expected):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/schema.py").write_text(text)
    monkeypatch.setattr("papers.__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "papers.odd", raising=False)
    monkeypatch.delitem(sys.modules, "papers.odd.schema", raising=False)
    with pytest.raises(StudyError, match=rf"papers/odd/schema\.py: {expected}"):
        config.numbers_model("odd")
