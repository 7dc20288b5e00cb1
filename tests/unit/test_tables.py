"""The workflow's own tables keep their names, whatever the names are."""

import subprocess

import numpy as np
import pandas as pd
import pytest

from replicortex.core import files, tables
from replicortex.core.errors import StudyError
from replicortex.report import judged
from replicortex.verdicts import evaluation
from replicortex.verdicts.model import Claim

ODD = ["NA", "null", "nan", "None", "", "0001", "1", "1.10", "1.1", "1e3", "True", " x", "ß,\n"]


@pytest.mark.parametrize("column", sorted(tables.NAMES))
def test_names_survive(tmp_path, column):
    written = pd.DataFrame({column: ODD, "seed": range(len(ODD)), "value": 0.1})
    written.loc[1, "value"] = np.nan
    files.write(tmp_path / "t.csv", written)
    found = tables.read(tmp_path / "t.csv")
    assert list(found[column].fillna("")) == ODD
    assert found["seed"].dtype == np.int64 and found["value"].dtype == np.float64
    assert list(found["value"].isna()) == [place == 1 for place in range(len(ODD))]


def test_names_that_all_look_like_numbers(tmp_path):
    files.write(tmp_path / "t.csv", pd.DataFrame({"layer": ["0001", "0002"], "epoch": [0, 1]}))
    assert list(tables.read(tmp_path / "t.csv")["layer"]) == ["0001", "0002"]


def test_a_word_where_numbers_stand(tmp_path):
    (tmp_path / "t.csv").write_text("rule,rho\nbp,0.1\nfa,many\n")
    with pytest.raises(StudyError, match=r"t.csv: column 'rho' holds 'many', numbers expected$"):
        tables.read(tmp_path / "t.csv")


def test_tables_without_rows(tmp_path):
    """As of targets without a region, or of a network that was not trained."""
    parts = {"a": pd.DataFrame(), "b": pd.DataFrame(columns=["rule", "rho"])}
    parts["c"] = pd.DataFrame({"rule": ["NA"], "rho": [0.5]})
    for name, table in parts.items():
        files.write(tmp_path / f"{name}.csv", table)
    places = [tmp_path / f"{name}.csv" for name in parts]
    assert tables.join(places).to_dict("list") == {"rule": ["NA"], "rho": [0.5]}
    assert tables.join(places)["rho"].dtype == np.float64
    assert list(tables.join(places[:2])) == ["rule", "rho"]
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(StudyError, match="an empty file found; remove it, and run the study again"):
        tables.join(places)


def test_every_kept_table_is_known(root):
    """A column of words in any paper's kept table is among the names, and none of them is a number."""
    listed = subprocess.run(
        ["git", "ls-files", "results/reference"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    kept = [root / name for name in listed if name.endswith((".csv", ".csv.xz"))]
    assert len(kept) > 20
    seen = set()
    for path in kept:
        scorecard = path.parent.name == "scorecard"
        names = evaluation.WORDS | judged.TRIED if scorecard else tables.NAMES
        found = tables.read(path, names)
        plain = pd.read_csv(path, keep_default_na=False, na_values=["", "nan"])
        assert len(found) == len(plain)
        for column in set(found) & set(names):
            seen |= {column}
            # An empty column has no type: regions of NSD, which no kept run has.
            if not scorecard and column != "left_out" and plain[column].notna().any():
                assert not pd.api.types.is_numeric_dtype(plain[column]), (path, column)
        numbers = [column for column in found if column not in names]
        pd.testing.assert_frame_equal(found[numbers], plain[numbers])
    # Of tables that are not kept: people of the scores.
    assert tables.NAMES - seen <= {"subject"}


def test_a_claim_selects_no_missing_name():
    table = pd.DataFrame({"layer": ["nan", None], "seed": [0, 0], "value": [1.0, 2.0]})
    measure = {"table": "t", "select": {"layer": "nan"}, "value": "value"}
    claim = {
        "id": "x", "kind": "control", "says": "x", "where": "x", "measure": measure,
        "verdict": {"direction": "positive", "smallest": 0.1}, "data": "same", "over": [],
    }  # fmt: skip

    def ours():
        listed = [Claim.model_validate(claim)]
        found, _ = evaluation.evaluate(listed, {"t": table}, aliases={}, facts={}, synthetic=False)
        return found["ours"].item()

    assert ours() == 1.0
    claim["measure"] |= {"select": {"seed": "many"}}
    table["seed"] = [0, np.nan]
    with pytest.raises(StudyError, match="'many' does not occur"):
        ours()


def test_one_place_reads_tables(root):
    """pandas' own reader takes names for numbers or for missing ones."""
    sources = [*(root / "workflow").rglob("*.py"), *(root / "workflow").rglob("Snakefile")]
    assert len(sources) > 100
    direct = {path.name for path in sources if "read_csv" in path.read_text()}
    assert direct == {"reading.py"}
