"""`tables.yaml`: what each table holds, told when it is not so, before anything is written."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replicortex.core import codehash, runner, table_schema
from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names
from replicortex.core.errors import StudyError
from replicortex.provenance import records

CURVES = """
curves:
  rule: words
  seed: count
  winner: {kind: words, nullable: true}
  rho: {kind: correlation, nullable: true}
  loss: {kind: number, unit: nats, range: [0, .inf]}
  angle: {kind: number, unit: degrees, range: [0, .inf], infinite: true}
  place: {kind: whole, unit: rows, range: [-1, .inf]}
  silent: flag
  "moved_*": share
  value:
    kind: number
    unit: by measure
    by: {rule: {bp: share, "fa*": {kind: p, nullable: true}}}
"""
GOOD = {
    "rule": ["bp", "fa", "fa_all", "pc"],
    "seed": [0, 1, 2, 3],
    "winner": ["NA", "", None, "conv1"],
    "rho": [-1.0, 1 + 1e-12, np.nan, 0.5],
    "loss": [0.0, 1e9, 2.0, 3.0],
    "angle": [0.0, 360.0, np.inf, 90.0],
    "place": [-1.0, 0.0, 7.0, 1.0],
    "silent": [True, False, False, True],
    "moved_a": [0.0, 1.0, 0.5, 0.5],
    "value": [1.0, np.nan, 0.5, -70.0],
}
START = "t.csv: column"


@pytest.fixture
def curves(tmp_path):
    (tmp_path / "tables.yaml").write_text(CURVES)
    return table_schema.load(tmp_path / "tables.yaml")["curves"]


def changed(column, place, value):
    table = pd.DataFrame(GOOD).astype({column: object})
    table.loc[place, column] = value
    return table if column in ("rule", "winner") else table.infer_objects()


FAULTS = {
    "out of range": (
        ("rho", 1, 1.2),
        "'rho', row 2 (rule fa, seed 1): found 1.2, a correlation from -1 to 1 (or none) expected",
    ),
    "beyond rounding": (("rho", 1, 1 + 1e-8), "'rho', row 2 "),
    "below the lowest": (
        ("loss", 3, -0.1),
        "'loss', row 4 (rule pc, seed 3, winner conv1): found -0.1, a number from 0 on expected",
    ),
    "infinite": (("loss", 0, np.inf), "'loss', row 1 (rule bp, seed 0, winner NA): found inf, "),
    "minus infinite": (("angle", 0, -np.inf), "'angle', row 1 "),
    "empty": (("loss", 0, np.nan), "'loss', row 1 (rule bp, seed 0, winner NA): found nothing, "),
    "no word": (
        ("rule", 0, ""),
        "'rule', row 1 (seed 0, winner NA): found nothing, words expected",
    ),
    "a word": (("loss", 0, "much"), "'loss', row 1 (rule bp, seed 0, winner NA): found 'much', "),
    "half a count": (
        ("seed", 2, 2.5),
        "'seed', row 3 (rule fa_all): found 2.5, a whole number from 0 on expected",
    ),
    "negative count": (("seed", 2, -1), "'seed', row 3 (rule fa_all): found -1, a whole number "),
    "half a place": (("place", 0, 0.5), "'place', row 1 "),
    "no flag": (
        ("silent", 0, 2),
        "'silent', row 1 (rule bp, seed 0, winner NA): found 2, True or ",
    ),
    "of many columns": (("moved_a", 3, 1.1), "'moved_a', row 4 (rule pc, seed 3, winner conv1): "),
    "beside a word": (
        ("value", 0, 1.1),
        "'value', row 1 (rule bp, seed 0, winner NA): found 1.1, a s",
    ),
    "beside a beginning": (
        ("value", 2, 1.1),
        "'value', row 3 (rule fa_all, seed 2): found 1.1, a p-",
    ),
    "beside another word": (
        ("value", 3, np.nan),
        "'value', row 4 (rule pc, seed 3, winner conv1): ",
    ),
}


def test_what_is_declared_is_right(curves):
    table = pd.DataFrame(GOOD)
    table_schema.check(table, curves, "t.csv")
    table_schema.check(table.drop(columns="moved_a"), curves, "t.csv")
    table_schema.check(table.iloc[::-1].set_index(pd.Index([7, 7, 7, 7])), curves, "t.csv")
    table_schema.check(pd.DataFrame(), curves, "t.csv")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_cell_is_one_sentence(curves, fault):
    (column, place, value), expected = FAULTS[fault]
    with pytest.raises(StudyError) as caught:
        table_schema.check(changed(column, place, value), curves, "t.csv")
    assert str(caught.value).startswith(f"{START} {expected}"), caught.value
    assert "\n" not in str(caught.value)


def test_rows_are_counted_as_they_are_written(curves):
    table = changed("rho", 1, 1.2).set_index(pd.Index(["d", "c", "b", "a"]))
    with pytest.raises(StudyError, match=r"'rho', row 2 \(rule fa"):
        table_schema.check(table, curves, "t.csv")


def test_missing_and_unknown_columns_are_told_of_a_whole_table_alone(curves):
    table = pd.DataFrame(GOOD)
    with pytest.raises(StudyError, match=r"'loss' is missing, which the paper's tables.yaml decl"):
        table_schema.check(table.drop(columns="loss"), curves, "t.csv")
    named = table.rename(columns={"loss": "los"})
    with pytest.raises(StudyError, match=r"'los' is not declared .*; did you mean 'loss'\?"):
        table_schema.check(named, curves, "t.csv")
    table_schema.check(named, curves, "t.csv", part=True)
    with pytest.raises(StudyError, match="'rho', row 2"):
        table_schema.check(
            changed("rho", 1, 1.2).drop(columns=["loss", "rule"]), curves, "t.csv", part=True
        )


FILES = {
    "t: {a: wrods}": "t.a.kind: input should be .*, found 'wrods'; did you mean 'words'",
    "t: {a: {knd: words}}": r"unknown key 't\.a\.knd'; did you mean 'kind'",
    "t: {a: {unit: mm}}": r"key 't\.a\.kind' is missing",
    "t: {a: number}": r"t\.a: a number needs its unit",
    "t: {a: {kind: words, range: [0, 1]}}": r"t\.a: words have no range",
    "t: {a: {kind: count, range: [3, 1]}}": r"t\.a: range \[3, 1\] is not in order",
    "t: {a: {kind: count, range: [0, .nan]}}": r"t\.a: range \[0, nan\] is not in order",
    "t: {a: {kind: count, by: {ab: {x: p}}}, b: p}": r"t\.a\.by: 'ab' is no column.*; did you mean 'b'",
    "t: {a: {kind: p, by: {b: {x: nunber}}}}": r"t\.a\.by\.b\.x\.kind: .*'nunber'; did you mean",
    "t: {a: {kind: p, by: {b: {x: p}, c: {x: p}}}}": r"t\.a: by: one column expected, found b, c",
    "t: [a, b]": "t: input should be a valid dictionary, found",
}


@pytest.mark.parametrize("text", FILES)
def test_a_fault_in_the_file_is_one_sentence(tmp_path, text):
    (tmp_path / "tables.yaml").write_text(text)
    with pytest.raises(StudyError, match=rf"tables\.yaml: {FILES[text]}") as caught:
        table_schema.load(tmp_path / "tables.yaml")
    assert "\n" not in str(caught.value)


# --- where the runner writes -------------------------------------------------------------------


@pytest.fixture
def paper(tmp_path, monkeypatch):
    folder = tmp_path / "code/papers/toy"
    folder.mkdir(parents=True)
    (folder / "tables.yaml").write_text(CURVES)
    monkeypatch.setattr(codehash, "ROOT", tmp_path / "code")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place, table, call="papers.toy.measure:measure"):
    outputs = {"first": Path("results/a.txt"), "table": Path(place)}
    values = {"first": "written first", "table": table}
    runner.write_results(values, outputs, records.Identity({"call": call}, {}), [])


BAD = pd.DataFrame(GOOD).assign(rho=2.0)


@pytest.mark.parametrize("place", ["metrics/curves.csv", "metrics/curves/seed1.csv"])
def test_a_wrong_table_is_not_written_nor_anything_before_it(paper, place):
    with pytest.raises(
        StudyError, match=rf"^results/{place}: column 'rho', row 1 .*: found 2\.0, "
    ):
        write(f"results/{place}", BAD)
    assert not Path("results").exists()
    write(f"results/{place}", pd.DataFrame(GOOD))
    assert Path("results", place).is_file()


def test_a_table_that_is_not_declared_is_told(paper):
    with pytest.raises(StudyError, match=r"metrics/curve\.csv: .* no table 'curve'; did you mean"):
        write("results/metrics/curve.csv", BAD)


@pytest.mark.parametrize("place", ["metrics/networks/seed1.csv", "models/curves.csv", "curves.csv"])
def test_what_is_no_table_of_the_paper_is_its_job_s_own(paper, place):
    write(f"results/{place}", BAD)
    write(f"results/other/{place}", BAD, "replicortex.verdicts.job:verdicts")


def test_each_of_several_files_is_checked(paper):
    paths = [Path(f"results/metrics/curves/seed{seed}.csv") for seed in (0, 1)]
    identity = records.Identity({"call": "papers.toy.measure:measure"}, {})
    with pytest.raises(StudyError, match=r"^results/metrics/curves/seed1\.csv: column 'rho'"):
        runner.write_results({"t": [pd.DataFrame(GOOD), BAD]}, {"t": paths}, identity, [])


# --- the papers' own ---------------------------------------------------------------------------


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
def test_kept_tables_hold_what_is_declared(root, paper):
    """They may be older than a column, or than a table."""
    tables = table_schema.load(root / f"workflow/papers/{paper}/tables.yaml")
    for name, columns in tables.items():
        path = root / f"results/reference/{paper}/metrics/{name}.csv"
        path = path if path.exists() else path.with_name(f"{name}.csv.xz")
        if not path.exists():
            continue
        with (lzma.open if path.suffix == ".xz" else open)(path, "rt") as stream:
            table = pd.read_csv(stream, keep_default_na=False, na_values=[""], low_memory=False)
        assert len(table)
        table_schema.check(table, columns, str(path), part=True)


def test_the_schema_for_editors_takes_what_the_papers_write(root):
    schema = json.loads((root / "workflow/schemas/tables.schema.json").read_text())
    kind, column = schema["$defs"]["Column"]["anyOf"]
    assert kind["enum"] == column["properties"]["kind"]["enum"] == list(table_schema.ENDS)
