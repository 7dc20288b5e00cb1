"""Changes of numbers, claims, data and environments of sparse_positive, and the jobs that run after them."""

from functools import partial

from changes import numbers, replace, verdicts, version

sparse_positive = partial(numbers, "sparse_positive")
S = "sparse_positive_"
SPARSE = "workflow/papers/sparse_positive"
LIBRARY = "workflow/replicortex/analysis"
SPARSE_VERDICTS = verdicts("sparse_positive")
SPARSE_DRAW = {f"{S}draw_0": 1}
SPARSE_TABLES = {f"{S}aggregate": 1, **SPARSE_DRAW, **SPARSE_VERDICTS}
SPARSE_COMPARE = {f"{S}compare": 3, **SPARSE_TABLES}
SPARSE_ENCODE = {f"{S}encode": 1, **SPARSE_TABLES}
SPARSE_SWEEP = {f"{S}sweep": 1}
SPARSE_FITS = {**SPARSE_COMPARE, **SPARSE_ENCODE}
SPARSE_EXTRACT = {f"{S}extract": 1, **SPARSE_FITS}
SPARSE_SIMULATE = {f"{S}simulate": 1, **SPARSE_DRAW, **SPARSE_VERDICTS}


def sparse_training(n):
    return {f"{S}train": n, **SPARSE_EXTRACT}


CHANGES = {
    "tolerance of figure 1C": (sparse_positive("{toy: {tol: 1.0e-5}}"), SPARSE_SIMULATE),
    "weight of Barlow Twins": (
        sparse_positive("{training: {objectives: {barlow: {off_diagonal: 0.006}}}}"),
        sparse_training(1),
    ),
    "batch of the trainings": (
        sparse_positive("{training: {batch: 33}}"),
        sparse_training(2),
    ),
    "rate of false discoveries": (
        sparse_positive("{localizer: {q: 0.04}}"),
        {f"{S}extract_package": 2, **SPARSE_EXTRACT},
    ),
    "draws of untrained twins": (
        sparse_positive("{packages: {draws: 3}}"),
        {f"{S}extract_package": 2, **SPARSE_ENCODE, f"{S}compare": 2},
    ),
    "reliability of the voxels": (
        sparse_positive("{reliability: {ncsnr: {FFA: {1: [418, 276, 0.614]}}}}"),
        {**SPARSE_SWEEP, **SPARSE_FITS},
    ),
    "alphas of figure 3": (sparse_positive("{fits: {ridge_alphas: [1.0, 10.0]}}"), SPARSE_COMPARE),
    "alpha of figure 2": (
        sparse_positive("{fits: {alpha: 0.11}}"),
        {**SPARSE_SWEEP, **SPARSE_ENCODE},
    ),
    "parameters of the generator": (
        sparse_positive("{generator: {mixed: [1, 4]}}"),
        {**SPARSE_SWEEP, **SPARSE_DRAW, **SPARSE_VERDICTS},
    ),
    "draws of the bootstrap": (sparse_positive("{bootstrap: {draws: 21}}"), SPARSE_TABLES),
    "one split more": (
        sparse_positive("{seeds: [0, 1]}"),
        {**SPARSE_SWEEP, **SPARSE_FITS},
    ),
    "seeds per job": (sparse_positive("{seeds_per_job: 1}"), {}),
    "a number of another scale": (
        replace("config/papers/sparse_positive.yaml", "epochs: 400", "epochs: 401"),
        {},
    ),
    "a published value": (
        replace(f"{SPARSE}/claims.yaml", "OLS, 1.514", "OLS, 1.515"),
        SPARSE_VERDICTS,
    ),
    "version of the tables": (
        version("synthetic tables of voxels of three regions"),
        {"get_voxel_tables_fixture": 1, **SPARSE_ENCODE},
    ),
}
