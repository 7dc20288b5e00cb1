"""The study's texts are what the kept runs say, and no template has a number of its own."""

import dataclasses
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from replicortex.core.errors import StudyError
from replicortex.core.yaml_text import read_yaml_file
from replicortex.report.cells import Cells
from replicortex.report.texts import TEMPLATES, Report, stale
from replicortex.report.typed import typed, typed_results
from replicortex.report.words import aligned

ROOT = Path(__file__).parents[2]
OWN = sorted((ROOT / "workflow/papers").glob("*/report/results.md"))
PROSE = sorted((ROOT / TEMPLATES).glob("*.md")) + OWN
OUTLINES = sorted((ROOT / "workflow/papers").glob("*/report/study.yaml"))


@pytest.fixture(scope="module")
def report():
    return Report(ROOT)


def test_every_text_table_and_figure_is_as_the_kept_runs_have_it():
    assert [str(path) for path in stale(ROOT)] == [], "run `make study-text`"


def test_a_changed_number_makes_a_text_stale(report, monkeypatch):
    """The number of a kept run, changed in memory: the page and the paper's README no longer fit."""
    source = report.sources["topographic"]
    before = report.texts()[Path("STUDY.md")]
    row = source.rows["moran_ce"]
    monkeypatch.setitem(row, "ours", 0.123)
    after = report.texts()[Path("STUDY.md")]
    assert "0.123" not in before and "0.123" in after


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_no_number_and_no_verdict_is_typed_into_a_template(path):
    assert [str(each) for each in typed(path.read_text())] == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.parts[-3])
def test_a_paper_with_a_template_has_no_result_beside_it(path):
    readme = path.parents[1] / "README.md"
    assert [str(each) for each in typed_results(readme.read_text())] == []


@pytest.mark.parametrize("path", OUTLINES, ids=lambda path: path.parts[-3])
def test_none_is_typed_into_an_outline(path):
    """The paper's own words may have its numbers; ours have none."""
    outline = read_yaml_file(path)
    prose = [*outline["change"], *(each["says"] for each in outline["reasons"])]
    assert [str(found) for text in prose for found in typed(text)] == []


def test_what_the_kept_run_lacks_is_said(report, tmp_path):
    """The same kept run without one measure: claims about it ask for a new run."""
    whole = report.sources["mt_maps"]
    claims = Path(whole.settings["file"])
    (tmp_path / claims).parent.mkdir(parents=True)
    shutil.copy(ROOT / claims, tmp_path / claims)
    shutil.copytree(ROOT / whole.folder / "metrics", tmp_path / whole.folder / "metrics")
    table = tmp_path / whole.files["measures"]
    frame = pd.read_csv(table)
    frame[frame["measure"] != "smoothness"].to_csv(table, index=False)
    cells = Cells({"mt_maps": dataclasses.replace(whole, root=tmp_path)}, report.curves)
    told = cells.claim("mt_maps", "alpha_makes_map")
    assert told.ours == "not in the kept run" and "needs a new run" in told.verdict


def test_a_cell_is_what_its_table_says(report):
    """One claim by hand: the mean over seeds of what its rows hold."""
    frame = report.sources["topographic"].table("measures").frame
    rows = frame[
        (frame["arm"] == "main")
        & (frame["objective"] == "ce")
        & (frame["measure"] == "moran")
        & (frame["rho"] == 0.2)
    ]
    told = Cells(report.sources, report.curves).claim("topographic", "moran_ce")
    assert told.ours.startswith(f"{rows['value'].mean():.3g} [")
    assert told.over == f"{len(rows)} seeds"
    assert "measures.csv.record.json" in told.source


def test_parameters_are_those_of_records(report):
    cells = Cells(report.sources, report.curves)
    trained = [
        step.record["job"]["arguments"]
        for step in report.sources["learning_rules"].steps
        if "train" in step.rule
    ]
    assert cells.parameter("learning_rules", "training.images") == str(
        trained[0]["training"]["images"]
    )


SMOOTH = {"arm": "main", "objective": "margin", "measure": "moran"}


def test_a_mean_over_seeds_is_of_one_row_a_seed(report):
    cells = Cells(report.sources, {})
    frame = report.sources["topographic"].table("measures").frame
    rows = frame[
        (frame["arm"] == "main")
        & (frame["objective"] == "margin")
        & (frame["measure"] == "moran")
        & (frame["rho"] == 0.2)
    ]
    assert rows["seed"].is_unique and len(rows) > 1
    said = cells.over_seeds("topographic", "measures", "value", **SMOOTH, rho="0.2")
    assert said == f"{rows['value'].mean():.3f} ± {rows['value'].std():.3f}"
    with pytest.raises(
        StudyError, match=r"measures has .* rows for .* seeds where .*expected one a"
    ):
        cells.over_seeds("topographic", "measures", "value", **SMOOTH)
    with pytest.raises(StudyError, match=r"no column 'rhoo'.*rho"):
        cells.over_seeds("topographic", "measures", "value", **SMOOTH, rhoo="0.2")


def test_seeds_without_a_number_are_counted(report, monkeypatch):
    """A mean over fewer seeds says of how many; none is no number; no row is told as such."""
    cells = Cells(report.sources, {})
    table = report.sources["topographic"].table("measures")
    asked = {**SMOOTH, "rho": "0.2"}
    places = table.frame.index[table.rows(asked)]
    assert "seeds" not in cells.over_seeds("topographic", "measures", "value", **asked)
    changed = table.frame.copy()
    monkeypatch.setattr(table, "frame", changed)
    for known in range(len(places) - 1, -1, -1):
        changed.loc[places[known], "value"] = float("nan")
        said = cells.over_seeds("topographic", "measures", "value", **asked)
        told = f"({known} of {len(places)} seeds)" if known else f"no number in {len(places)} seeds"
        assert said.endswith(told) and ("±" in said) == (known > 1)
    absent = cells.over_seeds("topographic", "measures", "value", arm="none of these")
    assert absent == "not in the kept run"


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.7438, 0.0054), "0.744 ± 0.005"),
        ((-0.0009, 0.0218), "−0.001 ± 0.022"),
        ((0.8487, 1.4e-16), "0.849 ± 0.000"),
        ((-0.0001, 0.58), "0.00 ± 0.58"),
        ((4.47, 4.81), "4.5 ± 4.8"),
        ((123.4, 5.6), "123 ± 6"),
        ((0.0, 0.0), "0 ± 0"),
        ((0.0513,), "0.0513"),
        ((5.0,), "5"),
        ((2337.0, 0.0), "2,337 ± 0"),
    ],
)
def test_a_mean_and_its_spread_end_at_the_same_place(numbers, said):
    assert aligned(numbers) == said


def test_a_claim_is_told_in_sentences_and_in_a_short_row(report):
    cells = Cells(report.sources, {})
    claim = cells.claim("topographic", "moran_supcon_falls")
    told = cells.told("topographic", "moran_supcon_falls")
    assert told == (
        f"{claim.says} Published {claim.published}. Ours: {claim.ours}. Verdict: {claim.verdict}."
    )
    assert "Published" not in cells.told("topographic", "bias_makes_supcon_rough")
    head, _, *rows = cells.brief(
        "topographic", "moran_supcon_falls", "bias_makes_supcon_rough"
    ).splitlines()
    assert head == "| what is asked | published | ours [95 %] | verdict |" and len(rows) == 2
    assert rows[0] == f"| {claim.says} | {claim.published} | {claim.ours} | {claim.verdict} |"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{{ claim("mt_maps", "map_smoth").ours }}', "no claim of mt_maps.*map_smooth"),
        ('{{ counts("mt_map", "published") }}', "no paper.*mt_maps"),
        ('{{ counts("mt_maps", "claims") }}', "'published' or 'control', found 'claims'"),
        ('{{ parameter("mt_maps", "training.lrr") }}', "no job of mt_maps had a parameter"),
        ('{{ over_seeds("mt_maps", "measures", "valu") }}', "no column 'valu'.*value"),
        ("{{ nothing() }}", "'nothing' is undefined"),
        ('{{ claim("mt_maps", "map_smooth").value }}', "no attribute 'value'"),
        ("{{ papers.__globals__ }}", "unsafe|undefined"),
        ("{{ open", "line 1"),
    ],
)
def test_a_wrong_cell_is_told(report, text, said, tmp_path):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/a.md").write_text(text)
    wrong = Report(tmp_path)
    wrong.__dict__.update(sources=report.sources, curves=report.curves)
    with pytest.raises(StudyError, match=said):
        wrong.filled(Path("workflow/a.md"), "")


def test_tables_of_two_ways_are_what_claims_and_tables_say(report):
    """Two cells by hand: a verdict with its number, and a mean over seeds; what no run has yet is told."""
    cells = Cells(report.sources, {})
    told = cells.claim("hierarchical_ot", "c_own_vit_gain")
    asked, columns = {"gain": "{}_gain"}, {"ViT": "c_own_vit", "none": None}
    made = cells.directions("hierarchical_ot", asked, columns)
    assert f"| gain | {told.verdict[0]} {told.ours} |  | 1 of 1 |" in made
    frame = report.sources["hierarchical_ot"].table("scores").frame
    rows = frame[
        (frame["pair"] == "vit") & (frame["rotate"] == "no") & (frame["rule"] == "uniform")
    ]
    said = cells.means(
        "hierarchical_ot",
        "scores",
        {"ViT": {"pair": "vit"}, "none": {"pair": "nothing"}},
        {"uniform": ("score", {"rule": "uniform", "rotate": "no"})},
    )
    assert f"| ViT | {rows['score'].mean():.3f} ± {rows['score'].std():.3f} |" in said
    assert said.endswith("Not in the kept run: none.")


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (
            ["replicated on other data", "replicated", "partly replicated"],
            "2 are replicated, 1 is partly",
        ),
        (["cannot tell", "contradicted", "contradicted"], "1 cannot tell, 2 are contradicted"),
        (
            ["needs a new run: no verdict", "not testable here"],
            "1 needs a new run, 1 is not testable",
        ),
    ],
)
def test_verdicts_are_counted_in_a_sentence(report, monkeypatch, verdicts, said):
    cells = Cells(report.sources, {})
    kept = [{"kind": "published", "verdict": each} for each in verdicts]
    monkeypatch.setattr(cells, "_kept", lambda paper: kept)
    start = f"Of {len(verdicts)} published claims "
    assert cells.when_kept("mt_maps") == f"{start}{said}, by the claims of that time."


def test_the_links_of_the_study_lead_somewhere(root):
    text = (root / "STUDY.md").read_text()
    links = {link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link}
    assert len(links) > 50
    assert [link for link in sorted(links) if not (root / link).exists()] == []
