"""The kept tables judged by the claims of today: every rule is tried, and READMEs say what comes out."""

import re

import pytest

from replicortex.core import config
from replicortex.core.codehash import ROOT
from replicortex.core.errors import StudyError
from replicortex.core.study import OpenStudy
from replicortex.core.yaml_text import read_yaml_file
from replicortex.tools.rejudge import rejudge
from replicortex.verdicts import words
from replicortex.verdicts.tones import counted, counted_as, word

pytestmark = pytest.mark.slow
PAPERS = config.paper_names(ROOT.parent)


@pytest.fixture(scope="module")
def judged(root, tmp_path_factory):
    settings = read_yaml_file(root / "config/config.yaml")
    study = config.check({**settings, "scale": "small"}, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        scorecards = OpenStudy(**vars(study), root=root).claims()
    out = tmp_path_factory.mktemp("judged")
    return out, {
        paper: rejudge(
            paper,
            root / f"results/reference/{paper}/metrics",
            out / paper,
            {**facts, "file": root / facts["file"]},
        )
        for paper, facts in scorecards.items()
    }


@pytest.mark.parametrize("paper", PAPERS)
def test_no_verdict_stands_on_a_rule_that_errs_too_often(judged, paper):
    claims, calibration = judged[1][paper]
    assert list(claims["id"]) == list(calibration["id"])
    both = claims.merge(
        calibration[["id", "calibrated", "lower", "limit", "met_at_boundary"]],
        on="id",
        suffixes=("", "_of_rate"),
    )
    tried = both[both["met_at_boundary"].notna()]
    failing = tried["lower_of_rate"] > tried["limit"]
    assert (failing == (tried["calibrated"] == "no")).all()
    assert tried[failing]["verdict"].map(word).isin(words.NONE).all()
    standing = tried[~failing]
    assert len(standing) > 20
    assert standing["met_at_boundary"].max() <= 0.05
    untried = calibration[calibration["met_at_boundary"].isna()]
    assert (untried["calibrated"] == "not calibrated").all() and (untried["reason"] != "").all()


@pytest.mark.parametrize("paper", PAPERS)
def test_everything_is_written(judged, paper):
    written = {path.name for path in (judged[0] / paper).iterdir()}
    figures = {f"scorecard.{suffix}" for suffix in ("pdf", "png", "svg")}
    assert written == {"claims.csv", "calibration.csv", "claims.pdf", *figures}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_readme_says_what_the_claims_of_today_give(root, judged, paper):
    text = (root / f"workflow/papers/{paper}/README.md").read_text()
    said = " ".join(re.search(r"By the claims of today[^\n]*(?:\n[^\n]+)*", text)[0].split())
    claims = judged[1][paper][0]
    published = claims[claims["kind"] == "published"]["verdict"]
    controls = claims[claims["kind"] == "control"]["verdict"]
    for found in (published, controls):
        for verdict, count in counted(found).items():
            assert f"{count} {counted_as(verdict, count)}" in said, (verdict, count)


def test_tables_that_are_not_there_are_told(tmp_path, root):
    scorecard = {"file": root / "workflow/papers/mt_maps/claims.yaml", "tables": ["measures"]}
    with pytest.raises(StudyError, match=r"no table of mt_maps is here; expected measures\.csv"):
        rejudge("mt_maps", tmp_path, tmp_path / "out", scorecard)
