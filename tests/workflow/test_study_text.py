"""The study's texts are what the kept runs say, and no template has a number of its own."""

from pathlib import Path

import pytest

from replicortex.core.errors import StudyError
from replicortex.core.yaml_text import read_yaml_file
from replicortex.report.cells import Cells
from replicortex.report.texts import TEMPLATES, Report, stale
from replicortex.report.typed import typed

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


@pytest.mark.parametrize("path", OUTLINES, ids=lambda path: path.parts[-3])
def test_none_is_typed_into_an_outline(path):
    """The paper's own words may have its numbers; ours have none."""
    outline = read_yaml_file(path)
    prose = [*outline["change"], *(each["says"] for each in outline["reasons"])]
    assert [str(found) for text in prose for found in typed(text)] == []


def test_what_the_kept_run_lacks_is_said(report):
    cells = Cells(report.sources, report.curves)
    told = cells.claim("hierarchical_ot", "a_own_depth")
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


def test_parameters_and_means_are_those_of_records_and_tables(report):
    cells = Cells(report.sources, report.curves)
    trained = [
        step.record["job"]["arguments"]
        for step in report.sources["learning_rules"].steps
        if "train" in step.rule
    ]
    assert cells.parameter("learning_rules", "training.images") == str(
        trained[0]["training"]["images"]
    )
    frame = report.sources["topographic"].table("measures").frame
    rows = frame[(frame["arm"] == "main") & (frame["measure"] == "row_norm") & (frame["rho"] == 5)]
    said = cells.mean("topographic", "measures", "value", arm="main", measure="row_norm", rho="5")
    assert said == f"{rows['value'].mean():.3g} ± {rows['value'].std():.2g}"
    absent = cells.mean("topographic", "measures", "value", arm="zero_bias")
    assert absent == "not in the kept run"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{{ claim("mt_maps", "map_smoth").ours }}', "no claim of mt_maps.*map_smooth"),
        ('{{ counts("mt_map", "published") }}', "no paper.*mt_maps"),
        ('{{ counts("mt_maps", "claims") }}', "'published' or 'control', found 'claims'"),
        ('{{ parameter("mt_maps", "training.lrr") }}', "no job of mt_maps had a parameter"),
        ('{{ mean("mt_maps", "measures", "valu") }}', "no column 'valu'.*value"),
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


def test_the_links_of_the_study_lead_somewhere(root):
    import re

    text = (root / "STUDY.md").read_text()
    links = {link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link}
    assert len(links) > 50
    assert [link for link in sorted(links) if not (root / link).exists()] == []
