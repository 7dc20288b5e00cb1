"""The first step at which two chains differ."""

import platform
from pathlib import Path

import pytest
from fresh_python import said
from test_chain import made

from replicortex.core.errors import StudyError
from replicortex.provenance.differences import differences, runs


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})


def chain_of(run, model="model", factor=1, table="a\n1\n", figure="<svg/>"):
    trained = made(f"results/{run}/x/m.safetensors", model, {}, factor)
    drawn_from = made(f"results/{run}/x/t.csv", table, {"model": trained})
    return made(f"results/{run}/x/f.svg", figure, {"table": drawn_from})


def lines(one, other):
    return list(differences(one, other, Path.cwd()))


def test_equal_results_are_said_to_be_equal():
    assert lines(chain_of("a"), chain_of("b")) == [
        "results/a/x/f.svg and results/b/x/f.svg are the same bytes"
    ]


def test_the_first_ancestor_that_differs_is_named_with_its_parameter():
    one = chain_of("a")
    other = chain_of("b", "other", factor=2, table="a\n2\n", figure="<svg></svg>")
    assert lines(one, other) == ["results/a/x/m.safetensors: parameter factor: 1 against 2"]


def test_other_hardware_is_told_where_nothing_else_differs(monkeypatch):
    one = chain_of("a")
    monkeypatch.setattr("test_chain.FACTS", {**__import__("test_chain").FACTS, "cpu": "another"})
    other = chain_of("b", "other", table="a\n2\n", figure="<svg></svg>")
    assert lines(one, other) == ["results/a/x/m.safetensors: cpu: c against another"]


def test_other_kernels_are_told_where_nothing_else_differs(monkeypatch):
    """The id leaves them open: of two trainings at one id, they say why the bytes differ."""
    facts = __import__("test_chain").FACTS
    monkeypatch.setattr("test_chain.FACTS", {**facts, "kernels": "SkylakeX, torch AVX512"})
    one = chain_of("a")
    monkeypatch.setattr("test_chain.FACTS", {**facts, "kernels": "Haswell, torch AVX2"})
    other = chain_of("b", "other", table="a\n2\n", figure="<svg></svg>")
    assert lines(one, other) == [
        "results/a/x/m.safetensors: kernels: SkylakeX, torch AVX512 against Haswell, torch AVX2"
    ]


def test_a_record_tells_the_kernels_that_its_job_ran_on(root, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    print_them = (
        "from replicortex.provenance.records import run_facts as f; print(f('', 0)['kernels'])"
    )
    assert said(root, print_them) == "MKL_CBWR=COMPATIBLE"  # nothing that has kernels was loaded
    if platform.machine() == "x86_64":
        kernels = said(root, f"import numpy, torch; {print_them}")
        assert kernels == "Nehalem, torch DEFAULT, MKL_CBWR=COMPATIBLE"


def test_what_no_record_explains_is_said():
    one, other = chain_of("a"), chain_of("b", figure="<svg></svg>")
    (line,) = lines(one, other)
    assert "nothing on their chains tells why" in line


def between_runs(one, other):
    return list(runs(Path(f"results/{one}"), Path(f"results/{other}"), Path.cwd()))


def test_two_runs_differ_where_the_first_of_their_steps_do_and_it_is_said_once():
    chain_of("a")
    chain_of("b", "other", factor=2, table="a\n2\n", figure="<svg></svg>")
    made("results/b/x/extra.csv", "1", {})
    assert between_runs("a", "b") == [
        "results/a/x/m.safetensors: parameter factor: 1 against 2",
        "only in results/b: x/extra.csv",
        "0 of 3 results that both have are the same bytes",
    ]


def test_equal_runs_are_said_to_be_equal():
    chain_of("a")
    chain_of("b")
    assert between_runs("a", "b") == ["3 of 3 results that both have are the same bytes"]


def test_a_run_without_results_is_named():
    chain_of("a")
    with pytest.raises(StudyError, match="no results below results/c"):
        between_runs("a", "c")
