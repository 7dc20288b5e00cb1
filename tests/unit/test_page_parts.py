"""Parts of the audit's pages: verdicts counted, claims grouped, papers named, pictures made small."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from replicortex.core import papers as paper_files
from replicortex.core.errors import StudyError
from replicortex.pages.claims import calibration, findings, formatted, grouped, tally
from replicortex.pages.jobs_page import LONGEST, spent
from replicortex.pages.papers import named, read_paper
from replicortex.pages.rendering import number
from replicortex.pages.state import by_kind, lines, states
from replicortex.pages.thumbnails import SIZE, thumbnail
from replicortex.pages.words import figures_of, function_of
from replicortex.provenance.verification import Fault
from replicortex.verdicts import drawing, evaluation
from replicortex.verdicts import words as verdicts
from replicortex.verdicts.tones import EARLIER, TONES, counted, tone, word

OTHER = verdicts.ON_OTHER_DATA


def claim(verdict, *, id="a", where="Figure 1", ours="1", **more):
    empty = dict.fromkeys(evaluation.COLUMNS, "")
    return formatted(
        empty | {"id": id, "where": where, "ours": ours, "verdict": verdict, "says": "x"} | more
    )


def test_every_verdict_has_a_tone_and_a_colour():
    assert set(TONES) == set(verdicts.ORDER)
    assert {*TONES.values(), *EARLIER.values()} <= set(drawing.COLOURS)
    assert tone("not replicated on other data") == "bad"  # of runs that were kept before


def test_a_verdict_on_other_data_counts_as_the_same_word():
    found = [verdicts.HOLDS, verdicts.REPLICATED + OTHER, "new", verdicts.REPLICATED]
    assert counted(found) == {verdicts.REPLICATED: 2, verdicts.HOLDS: 1, "new": 1}
    assert list(counted(found)) == [verdicts.REPLICATED, verdicts.HOLDS, "new"]
    assert word(verdicts.REPLICATED + OTHER) == verdicts.REPLICATED
    assert tone(verdicts.CONTRADICTED + OTHER) == "bad" != tone(verdicts.REPLICATED + OTHER)
    assert tone("new") == "none"


def test_claims_stand_by_finding_and_untestable_ones_are_folded_with_their_reason():
    untestable = {"ours": "", "reason": "from full"}
    listed = [
        claim(verdicts.NOT_TESTABLE, id="never", **untestable),
        claim(verdicts.REPLICATED, id="a"),
        claim(verdicts.NOT_TESTABLE, id="later", **untestable),
        claim(verdicts.HOLDS + OTHER, id="b", kind="control"),
        claim(verdicts.FEW_UNITS, id="c", where="figure 1", reason="2 seeds"),
        claim(verdicts.HOLDS, id="d", finding="Its own"),
    ]
    headings = {"never": "Nowhere", "a": "Accuracy", "later": "Accuracy", "b": "Accuracy"}
    groups = grouped(listed, headings)
    # Without a heading, by the place in the paper; without any that was judged, last.
    assert [group.name for group in groups] == ["Accuracy", "Figure 1", "Its own", "Nowhere"]
    accuracy, figure, _, nowhere = groups
    assert [each["id"] for each in accuracy.claims] == ["a", "b"]
    reason = f"{verdicts.NOT_TESTABLE}: from full"
    assert [(why, [c["id"] for c in each]) for why, each in accuracy.folded] == [
        (reason, ["later"])
    ]
    assert [each["id"] for each in figure.claims] == ["c"]  # has a number: it is shown
    assert nowhere.claims == [] and len(nowhere.folded) == 1
    assert [(each["word"], each["number"]) for each in accuracy.counts] == [
        (verdicts.REPLICATED, 1),
        (verdicts.HOLDS, 1),
        (verdicts.NOT_TESTABLE, 1),
    ]


def test_a_claims_numbers_are_those_of_the_table():
    formed = claim(
        verdicts.REPLICATED, ours="-1.23456", lower="-2", upper="-.5", unit="s", published="-1 to 0"
    )
    assert formed["ours_text"] == "−1.23 [−2,\u00a0−0.5] s"
    assert formed["published_text"] == "−1 to 0 s"
    exact = claim(verdicts.REPLICATED, ours="1", lower="1", upper="1")
    assert exact["ours_text"] == "1"
    two = {"over": "seeds", "over_also": "stimuli", "lower_also": "0", "upper_also": "3"}
    both = claim(verdicts.REPLICATED, ours="1", lower="0.5", upper="2", **two)
    assert both["ours_text"] == "1 [0.5,\u00a02] over seeds, [0,\u00a03] over stimuli"
    found = claim(verdicts.HOLDS, detectable="0.25", needed="14", direction="positive")
    assert found["power_text"] == "≥\u00a00.25, n\u00a014"
    assert formed["power_text"] == ""
    assert tally([formed]) == [{"word": verdicts.REPLICATED, "tone": "good", "number": 1}]


def test_findings_of_a_claims_file_are_those_of_its_claims(root, tmp_path):
    assert findings(tmp_path / "none.yaml") == {}
    (tmp_path / "claims.yaml").write_text("findings: 3\n")
    assert findings(tmp_path / "claims.yaml") == {}  # a page needs no claims of today
    for own in (root / "workflow/papers").glob("*/claims.yaml"):
        found = findings(own)
        assert len(found) > 30 and all(found.values()), own


def test_the_calibration_of_a_scorecard_is_told(tmp_path):
    file = tmp_path / "calibration.csv"
    assert calibration(file) == {"rows": [], "untried": []}
    columns = ["id", "over", "n", "met_at_boundary", "limit", "calibrated", "reason"]
    rows = [["a", "seeds", "3.0", "0.0245", "0.025", "yes", ""], ["b", "", "", "", "", "", "why"]]
    file.write_text("\n".join(",".join(row) for row in [columns, *rows]) + "\n")
    expected = {
        "id": "a",
        "over": "3 seeds",
        "rate": "2.5 %",
        "limit": "2.5 %",
        "calibrated": "yes",
    }
    expected["rate"] = "2.5 %" if f"{2.45:.1f}" == "2.5" else "2.4 %"
    assert calibration(file) == {"chance": "0.0", "rows": [expected], "untried": [("why", 1)]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('FIGURES = ["b", "a"]\n\nrule all:\n    input: ["x"]\n', ["b", "a"]),
        ("FIGURES = [\n    *('b', 'a'),\n    *('c',),\n]\nOTHERS = ['x']\n", ["b", "a", "c"]),
        ('FIGURES: tuple = (\n    "b",\n)\n', ["b"]),
        ("from plan import FIGURES\n", []),
    ],
)
def test_figures_are_read_in_the_order_of_the_rules(tmp_path, text, names):
    (tmp_path / "Snakefile").write_text(text)
    assert named(tmp_path) == names


def picture(folder, name, part="figures"):
    return folder / part / f"{name}.png"


def test_the_headline_is_the_papers_else_the_rules_first_that_is_here(root, tmp_path, monkeypatch):
    folder = Path("results/x/learning_rules")
    expected = named(root / "workflow/papers/learning_rules")
    here = [picture(folder, name) for name in sorted(expected[1:])]
    here.append(picture(folder, "scorecard", "scorecard"))
    own = paper_files.load("learning_rules", root)

    def tell(headline):
        monkeypatch.setattr(
            paper_files, "load", lambda *_: own.model_copy(update={"headline": headline})
        )
        return read_paper(folder, here, root)

    found = tell(None)
    assert found.headline == expected[1] and found.cover == picture(folder, expected[1])
    assert found.missing == expected[:1]
    assert [place.stem for place in found.figures] == [*expected[1:], "scorecard"]
    assert tell(expected[2]).cover == picture(folder, expected[2])
    absent = tell(expected[0])
    assert absent.headline == expected[0] and absent.cover is None
    with pytest.raises(
        StudyError, match=r"learning_rules/paper\.yaml: headline: .*'chnge'.*change"
    ):
        tell("chnge")


def test_every_paper_names_a_headline_that_it_draws(root):
    for paper in paper_files.folders(root):
        headline = paper_files.load(paper, root).headline
        assert headline is None or headline in named(root / "workflow/papers" / paper), paper


def step(folder, module, data):
    entry = SimpleNamespace(place=Path(data))
    return SimpleNamespace(
        outputs={folder / "metrics/a.csv": {}},
        record={"modules": {module: ""}},
        inputs={"x": [entry]},
    )


def test_what_was_found_is_told_of_the_papers_that_it_concerns():
    folders = {name: Path("results/x") / name for name in ("one", "two")}
    run = [
        step(folders["one"], "shared.py", "data/d.json"),
        step(folders["two"], "shared.py", "no"),
    ]
    found = [
        Fault("results/x/two/metrics/a.csv", "changed"),
        Fault("workflow/shared.py", "has changed since the code that made A", "stale"),
        Fault("workflow/other.py", "has changed since the code that made B", "stale"),
        Fault("data/d.json", "is not here", "absent"),
    ]
    by_paper = states(found, folders, run)
    assert [fault.path for fault in by_paper["one"].found] == ["workflow/shared.py", "data/d.json"]
    assert [fault.path for fault in by_paper["two"].found] == [found[0].path, "workflow/shared.py"]
    paper = SimpleNamespace(missing=["a_b"])
    said = {each["text"]: each["look"] for each in lines(paper, by_paper["one"])}
    assert list(said.values()) == ["stale", "stale", "absent"] and "a b" in "".join(said)
    assert "1 fault" in lines(paper, by_paper["two"])[0]["text"]
    whole = lines(SimpleNamespace(missing=[]), states([], folders, run)["one"])
    assert [each["look"] for each in whole] == ["good"]
    assert by_kind(found)["stale"] == [
        (
            "has changed since the code that made ",
            [("workflow/shared.py", "A"), ("workflow/other.py", "B")],
        )
    ]


def test_a_thumbnail_is_small_true_to_the_picture_and_the_same_each_time(tmp_path):
    wide = np.zeros((600, 1200, 3), np.uint8)
    wide[:, 600:] = (200, 30, 40)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert thumbnail(tmp_path / "wide.png", tmp_path / "t/small.png")
    with Image.open(tmp_path / "t/small.png") as opened:
        small = np.asarray(opened.convert("RGB")).astype(int)
    assert small.shape == (240, 480, 3)
    assert np.abs(small[120, 400] - (200, 30, 40)).max() < 8 and small[120, 100].max() < 8
    assert thumbnail(tmp_path / "wide.png", tmp_path / "again.png")
    assert (tmp_path / "t/small.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_of_a_tall_picture_the_top_is_shown_and_nothing_seen_is_white(tmp_path):
    tall = np.zeros((3000, 600, 4), np.uint8)
    tall[:300] = (0, 90, 200, 255)
    Image.fromarray(tall).save(tmp_path / "tall.png")
    assert thumbnail(tmp_path / "tall.png", tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as opened:
        small = np.asarray(opened.convert("RGB")).astype(int)
    assert small.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(small[100, 100] - (0, 90, 200)).max() < 8 and small[290, 100].min() > 247


def test_what_is_no_picture_has_no_thumbnail(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert not thumbnail(tmp_path / "a.png", tmp_path / "small.png")
    assert not (tmp_path / "small.png").exists()


def test_the_pages_hold_no_verdicts_words(root):
    """They stand in one place, where the verdicts are made."""
    words = [each.split(":")[0] for each in TONES]
    for file in (root / "workflow/replicortex/pages").rglob("*"):
        if file.suffix in (".py", ".html", ".js", ".css"):
            quoted = re.findall(r"[\"'>]([^\"'<>\n]*)[\"'<]", file.read_text())
            assert not set(words) & set(quoted), file


def test_the_longest_functions_say_where_the_time_went_and_the_others_are_added_up():
    def made(name, minutes):
        return {"name": name, "number": "2 jobs", "minutes": minutes, "calls": "not read"}

    short = [made(f"short {n}", 0.5) for n in range(LONGEST)]
    parts = [
        {"title": "One", "functions": [made("train", 30.0), *short]},
        {"title": "Two", "functions": [made("measure", 15.0)]},
    ]
    rows = spent(parts)
    assert [(row["paper"], row["name"]) for row in rows[:2]] == [
        ("One", "train"),
        ("Two", "measure"),
    ]
    assert len(rows) == LONGEST + 1 and rows[-1]["name"] == "2 other functions"
    assert rows[-1]["minutes"] == 1.0 and rows[0]["share"] == pytest.approx(30 / 50)
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert spent([{"title": "None", "functions": [made("quick", 0.0)]}])[0]["share"] == 0.0
    assert spent([]) == []


def test_an_interval_without_an_end_is_written_so():
    ends = {
        "ours": -0.2,
        "lower": -np.inf,
        "upper": np.inf,
        "lower_also": np.nan,
        "upper_also": np.nan,
    }
    assert drawing.ours_text({**ends, "as": "relative change"}) == "−20 %\n[−∞, ∞]"
    assert [number(text) for text in ("-inf", "inf", "nan", "-0.5")] == ["−∞", "∞", "nan", "−0.5"]


def test_a_papers_figures_are_one_function_of_the_page_of_jobs():
    assert figures_of("papers.mt_maps.figures.maps:draw") == "papers.mt_maps.figures"
    assert figures_of("papers.mt_maps.figures.together:draw") == "papers.mt_maps.figures"
    assert figures_of("papers.mt_maps.train:train") == ""
    assert function_of("papers.mt_maps.figures") == "figures"
    assert function_of("papers.mt_maps.train:train") == "train"
