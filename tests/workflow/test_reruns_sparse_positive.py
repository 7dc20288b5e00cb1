"""What runs again after a change of sparse positive alignment: exactly the jobs that depend on it."""

import pytest
from test_reruns import planned_after, replace

pytestmark = pytest.mark.slow

S = "sparse_positive_"
CODE = "workflow/papers/sparse_positive"
NUMBERS = "config/papers/sparse_positive.yaml"
LIBRARY = "workflow/replicortex/analysis"
GROUP = "resnet20_trained_handmade"
VERDICTS = {"judge_sparse_positive": 1, "overview": 1}
DRAW = {f"{S}draw": 1}
TABLES = {f"{S}aggregate": 1, **DRAW, **VERDICTS}
COMPARE = {f"{S}compare_{GROUP}": 1, **TABLES}
ENCODE = {f"{S}encode_all": 1, **TABLES}
FITS = {**COMPARE, **ENCODE}
EXTRACT = {f"{S}extract_{GROUP}": 1, **FITS}
SIMULATE = {f"{S}simulate": 1, **DRAW, **VERDICTS}


def training(*names):
    return {**{f"{S}train_{name}": 1 for name in names}, **EXTRACT}


def numbers(text):
    return replace("config/config.yaml", "papers: {}", f"papers: {{sparse_positive: {text}}}")


CHANGES = {
    "tolerance of figure 1C": (numbers("{toy: {tol: 1.0e-5}}"), SIMULATE),
    "weight of Barlow Twins": (
        numbers("{training: {objectives: {barlow: {off_diagonal: 0.006}}}}"),
        training("barlow"),
    ),
    "batch of the trainings": (
        numbers("{training: {batch: 33}}"),
        training("barlow", "supervised"),
    ),
    "rate of false discoveries": (numbers("{localizer: {q: 0.04}}"), EXTRACT),
    "reliability of the voxels": (
        numbers("{reliability: {ncsnr: {FFA: {1: [418, 276, 0.614]}}}}"),
        FITS,
    ),
    "alphas of figure 3": (numbers("{fits: {ridge_alphas: [1.0, 10.0]}}"), COMPARE),
    "alpha of figure 2": (numbers("{fits: {alpha: 0.11}}"), ENCODE),
    "draws of the bootstrap": (numbers("{bootstrap: {draws: 21}}"), TABLES),
    "seeds per job": (numbers("{seeds_per_job: 1}"), {}),
    "a number of another scale": (replace(NUMBERS, "epochs: 400", "epochs: 401"), {}),
    "code of the localizer": (
        replace(f"{LIBRARY}/localizer.py", "class Chosen", "UNUSED = 1\n\n\nclass Chosen"),
        EXTRACT,
    ),
    "code of the encoding models": (
        replace(f"{LIBRARY}/encoding.py", "BLOCK = 64", "BLOCK = 32"),
        {**FITS, **SIMULATE},
    ),
    "code of the statistics": (
        replace(f"{CODE}/statistics.py", "PLACE = [", "UNUSED = 1\nPLACE = ["),
        TABLES,
    ),
    "code of the figures": (replace(f"{CODE}/figures.py", "NAMES = {", "U = 1\nNAMES = {"), DRAW),
    "a docstring": (replace(f"{CODE}/encode.py", '"""Figures 2 and 4:', '"""Figure 2 and 4:'), {}),
    "a published value": (replace(f"{CODE}/claims.yaml", "value: 1.514", "value: 1.515"), VERDICTS),
    "version of the tables": (
        replace(
            "config/datasets.yaml",
            'title: "synthetic tables of voxels of three regions"\n  version: "1"',
            'title: "synthetic tables of voxels of three regions"\n  version: "2"',
        ),
        {"get_voxel_tables_fixture": 1, **ENCODE},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_what_depends_on_a_change_runs_again(finished, change):
    apply, expected = CHANGES[change]
    assert planned_after(apply, finished) == expected
