"""What runs again after a change: exactly the jobs that depend on it."""

import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest


@dataclass(frozen=True)
class replace:
    """A change of one text in one file."""

    file: str
    old: str
    new: str

    def __call__(self, folder):
        path = folder / self.file
        text = path.read_text()
        assert text.count(self.old) >= 1, f"{self.file} has no {self.old!r}"
        path.write_text(text.replace(self.old, self.new, 1))


def numbers(paper, text):
    """Return a change of a paper's own numbers, as a user makes it."""
    return replace("config/config.yaml", "papers: {}", f"papers: {{{paper}: {text}}}")


def version(title):
    """Return a change of the version of the dataset that bears a title."""
    old = f'title: "{title}"\n  version: "1"'
    return replace("config/datasets.yaml", old, old.replace('"1"', '"2"'))


def verdicts(paper):
    return {f"judge_{paper}": 1, "overview": 1}


demo = partial(numbers, "learning_rules")
P = "learning_rules_"
FIGURES = {f"{P}draw": 1}
VERDICTS = verdicts("learning_rules")
AFTER_TABLES = {**FIGURES, **VERDICTS}
AFTER_SCORES = {f"{P}aggregate": 1, **AFTER_TABLES}
AFTER_ACTIVATIONS = {f"{P}score_all": 1, **AFTER_SCORES}
AFTER_TRAINING = {f"{P}extract_all": 1, **AFTER_ACTIVATIONS}
AFTER_BRAIN = {f"{P}compare_brains": 1, **AFTER_ACTIVATIONS}
NUMBERS = "config/papers/learning_rules.yaml"
CODE = "workflow/papers/learning_rules"


def training(n):
    return {f"{P}train_0": n, **AFTER_TRAINING}


GETS = {
    f"get_{name}_fixture": 1
    for name in ("cifar10", "things_images", "things_fmri_events", "things_fmri_betas")
}
EVERYTHING = {f"{P}compare_brains": 1, **training(7)}

LEARNING_CHANGES = {
    "nothing": (lambda folder: None, {}),
    # what people are told
    "its name in print": (replace(f"{CODE}/paper.yaml", '"Learning rules"', '"Rules"'), VERDICTS),
    "its title": (replace(f"{CODE}/paper.yaml", "and early visual", "and the early visual"), {}),
    # numbers
    "draws of the bootstrap": (demo("{scores: {bootstrap_draws: 201}}"), AFTER_BRAIN),
    "rate of one rule": (demo("{rules: {fa: {lr: 6.0e-4}}}"), training(1)),
    "two numbers swapped": (
        demo("{rules: {pc: {clip_error: 0.01, clip_update: 0.5}}}"),
        training(1),
    ),
    "epochs": (demo("{training: {epochs: 3, checkpoints: [0, 1, 2, 3]}}"), training(7)),
    "hidden units": (demo("{network: {hidden: 33}}"), training(7)),
    "px of the evaluation": (demo("{evaluation: {px: {large: 80}}}"), AFTER_TRAINING),
    "early ROI": (demo("{aliases: {roi: {early: V2}}}"), AFTER_SCORES),
    "threads": (replace("config/config.yaml", "threads: 1", "threads: 2"), EVERYTHING),
    # what is no number
    "the order of keys": (
        replace(
            NUMBERS,
            "    weight_decay: 1.0e-4\n    clip: 1.0 ",
            "    clip: 1.0\n    weight_decay: 1.0e-4 ",
        ),
        {},
    ),
    "1 for 1.0": (replace(NUMBERS, "    clip: 1.0 ", "    clip: 1 "), {}),
    "1e-3 for 0.001": (replace(NUMBERS, "lr: 1.0e-3 ", "lr: 0.001 "), {}),
    "a comment in the numbers": (replace(NUMBERS, "# Adam", "# by Adam"), {}),
    "a number of another scale": (replace(NUMBERS, "test_images: 2000", "test_images: 1999"), {}),
    "seeds per job": (demo("{seeds_per_job: 1}"), {}),
    "memory of a rule": (
        replace(f"{CODE}/Snakefile", "mem_mb=growing(4000)", "mem_mb=growing(5000)"),
        {},
    ),
    # code
    "code of the RDMs": (
        replace("workflow/replicortex/analysis/rdm.py", "def upper(", "UNUSED = 1\n\n\ndef upper("),
        AFTER_BRAIN,
    ),
    "code of the scores": (
        replace(f"{CODE}/scores.py", "CELL = [", "UNUSED = 1\nCELL = ["),
        AFTER_ACTIVATIONS,
    ),
    "code of one rule": (
        replace(f"{CODE}/train.py", "TEST_BATCH = 500", "TEST_BATCH = 499"),
        training(7),
    ),
    "code of the figures": (
        replace(f"{CODE}/figures.py", "def figures(", "UNUSED = 1\n\n\ndef figures("),
        FIGURES,
    ),
    "a comment in the code": (
        replace(f"{CODE}/scores.py", "CELL = [", "# what names a cell\nCELL = ["),
        {},
    ),
    "a docstring": (replace(f"{CODE}/train.py", '"""Train one rule.', '"""Train a rule.'), {}),
    "the runner's progress": (
        replace("workflow/replicortex/core/runner.py", "leave=False", "leave=True"),
        {},
    ),
    "code that no job runs": (
        replace(
            "workflow/replicortex/tools/promote.py", "LIMIT_BYTES = 1_000_000", "LIMIT_BYTES = 1"
        ),
        {},
    ),
    # data, claims, environments
    "version of the training images": (
        version("synthetic CIFAR-10"),
        {"get_cifar10_fixture": 1, **training(7)},
    ),
    "version of the responses": (
        version("synthetic THINGS-fMRI responses"),
        {"get_things_fmri_betas_fixture": 1, **AFTER_BRAIN},
    ),
    "another dataset": (
        replace("config/datasets.yaml", 'version: "2009-python"', 'version: "x"'),
        {},
    ),
    "a published value": (
        replace(f"{CODE}/claims.yaml", "value: -0.90", "value: -0.91"),
        VERDICTS,
    ),
    "torch in the environment": (
        replace("envs/train.yaml", "pytorch=2.13.0", "pytorch=2.13.1"),
        training(7),
    ),
    "a comment in the environment": (
        replace("envs/train.yaml", "dependencies:", "# exact\ndependencies:"),
        {},
    ),
}


topographic = partial(numbers, "topographic")
T = "topographic_"
TOPO_NUMBERS = "config/papers/topographic.yaml"
TOPO = "workflow/papers/topographic"
TOPO_DRAW = {f"{T}draw": 1}
TOPO_AFTER = {f"{T}aggregate": 1, **TOPO_DRAW, **verdicts("topographic")}
TOPO_MEASURE = {f"{T}measure_all": 1, **TOPO_AFTER}
TOPO_EMBED = {f"{T}embed_all": 1, **TOPO_MEASURE}
TRAININGS = [
    *(f"main_{name}" for name in ("ce", "margin", "supcon", "simclr")),
    *("ensemble_ce", "no_dropout_ce", "gradients_encoder_ce"),
]


def topo_training(*names):
    return {**{f"{T}train_{name}": 1 for name in names}, **TOPO_EMBED}


TOPO_CHANGES = {
    "rate of the running mean": (topographic("{balance: {beta: 0.2}}"), topo_training(*TRAININGS)),
    "one objective's temperature": (
        topographic("{objectives: {supcon: {temperature: 0.1}}}"),
        topo_training("main_supcon"),
    ),
    "strengths of one arm": (
        topographic("{arms: {no_dropout: {rhos: [0.2]}}}"),
        topo_training("no_dropout_ce"),
    ),
    "rate of a readout": (topographic("{probes: {raw: {lr: 1.0e-2}}}"), TOPO_EMBED),
    "images of the RDMs": (topographic("{measured: {rdm_images: 9}}"), TOPO_MEASURE),
    "draws of the ensembles": (topographic("{ensemble: {draws: 101}}"), TOPO_AFTER),
    "seeds per job": (topographic("{seeds_per_job: 1}"), {}),
    "a number of another scale": (replace(TOPO_NUMBERS, "epochs: 40}", "epochs: 41}"), {}),
    "code of Moran's I": (
        replace("workflow/replicortex/analysis/moran.py", "1e-24", "1e-23"),
        TOPO_MEASURE,
    ),
    "code of the comparison": (
        replace(f"{TOPO}/statistics.py", "TRUCK = 9", "TRUCK = 8"),
        TOPO_AFTER,
    ),
    "published values of a figure": (
        replace(f"{TOPO}/published.csv", "0.0307", "0.0308"),
        TOPO_DRAW,
    ),
    "a published value of a claim, which a figure draws": (
        replace(f"{TOPO}/claims.yaml", "value: 0.86,", "value: 0.87,"),
        {**TOPO_DRAW, **verdicts("topographic")},
    ),
    "a published difference of a claim": (
        replace(f"{TOPO}/claims.yaml", "value: -0.73,", "value: -0.74,"),
        verdicts("topographic"),
    ),
    "a docstring": (
        replace(f"{TOPO}/sheet.py", '"""The topographic loss:', '"""A topographic loss:'),
        {},
    ),
}


hierarchical_ot = partial(numbers, "hierarchical_ot")
H = "hierarchical_ot_"
HOT = "workflow/papers/hierarchical_ot"
HOT_DRAW = {f"{H}draw": 1}
HOT_VERDICTS = verdicts("hierarchical_ot")
HOT_AFTER = {f"{H}aggregate": 1, **HOT_DRAW, **HOT_VERDICTS}
HOT_MATCH = {f"{H}match_0": 1, **HOT_AFTER}
HOT_COMPARE = {f"{H}compare_0": 1}
HOT_EMBED = {f"{H}embed_0": 1, **HOT_COMPARE, **HOT_MATCH}
HOT_FIXED = {f"{H}match_fixed_0": 1}
HOT_EMBED_FIXED = {f"{H}embed_fixed": 1, **HOT_FIXED}

HOT_CHANGES = {
    "rate on images": (
        hierarchical_ot("{vision: {lr: 2.0e-3}}"),
        {f"{H}train_vision_0": 1, **HOT_EMBED},
    ),
    "rate on text": (
        hierarchical_ot("{language: {lr: 2.0e-3}}"),
        {f"{H}train_language_0": 1, **HOT_EMBED},
    ),
    "pair between trained systems": (
        hierarchical_ot("{pairs: {vit_back: {rotate: true}}}"),
        HOT_MATCH,
    ),
    "pair between fixed systems": (
        hierarchical_ot("{pairs: {resnet_20_56: {rotate: true}}}"),
        {**HOT_FIXED, **HOT_AFTER},
    ),
    "simulated subjects": (
        hierarchical_ot("{cortex: {voxels: 16}}"),
        {f"{H}match_planted": 1, **HOT_AFTER},
    ),
    "noise ceiling of the regions": (
        hierarchical_ot("{brain: {ceiling: 1.0}}"),
        {**HOT_EMBED_FIXED, **HOT_EMBED},
    ),
    "draws of the null": (
        hierarchical_ot("{matched: {null_draws: 51}}"),
        {f"{H}match_planted": 1, **HOT_FIXED, **HOT_MATCH},
    ),
    "a model that is not shown": (
        hierarchical_ot("{published: {mae_h: {repository: facebook/other}}}"),
        {},
    ),
    "code of the solver": (
        replace(
            "workflow/replicortex/analysis/optimal_transport.py",
            "CONSTANT_SD = 1e-8",
            "CONSTANT_SD = 1e-9",
        ),
        {f"{H}match_planted": 1, **HOT_FIXED, **HOT_COMPARE, **HOT_MATCH},
    ),
    "penalty of ridge": (hierarchical_ot("{penalty: 0.2}"), {**HOT_COMPARE, **HOT_AFTER}),
    "code of the third level": (
        replace(f"{HOT}/aggregate.py", "NONE = -1", "NONE = -2"),
        HOT_AFTER,
    ),
    "a label": (
        replace(f"{HOT}/figures.py", "Held-out correlation", "Held-out score"),
        HOT_DRAW,
    ),
    "a published value": (
        replace(f"{HOT}/claims.yaml", "value: 0.558", "value: 0.559"),
        HOT_VERDICTS,
    ),
    "a docstring": (
        replace(f"{HOT}/learner.py", '"""Train each network', '"""Trains each network'),
        {},
    ),
}


mt_maps = partial(numbers, "mt_maps")
M = "mt_maps_"
MT = "workflow/papers/mt_maps"
MT_JUDGE = verdicts("mt_maps")
MT_MEASURE = {f"{M}measure": 1, f"{M}draw": 1, **MT_JUDGE}
MT_RESPOND = {f"{M}respond_{job}_0": 1 for job in ("clips", "controls")} | MT_MEASURE
MT_TRAIN = {f"{M}train_{job}_0": 1 for job in ("clips", "controls")} | MT_RESPOND
MT_CONTROLS = {f"{M}train_controls_0": 1, f"{M}respond_controls_0": 1, **MT_MEASURE}
MT_DECODE = {f"{M}decode_{source}_0": 1 for source in ("clips", "stills")} | MT_TRAIN

MT_CHANGES = {
    "size of the frames": (mt_maps("{store: {size: 30}}"), MT_DECODE),
    "temperature": (mt_maps("{task: {temperature: 0.1}}"), MT_TRAIN),
    "what one arm changes": (
        mt_maps("{arms: {flip_independent: {change: {clips: {flip: shared}}}}}"),
        MT_CONTROLS,
    ),
    "speed of the moved stills": (mt_maps("{sources: {stills: {pan: [0.4, 1.0]}}}"), MT_CONTROLS),
    "coherence of the dots": (mt_maps("{stimuli: {coherence: [0, 0.5, 1]}}"), MT_RESPOND),
    "pixels of the maps": (mt_maps("{measured: {pixels: 20}}"), MT_MEASURE),
    "seeds per job": (mt_maps("{seeds_per_job: 2}"), {}),
    "a number of another scale": (
        replace("config/papers/mt_maps.yaml", "pretrain_epochs: 12", "pretrain_epochs: 13"),
        {},
    ),
    "code of the swaps": (replace(f"{MT}/positions.py", "gain < 0", "gain < -1e-9"), MT_TRAIN),
    "code of the decoding": (
        replace("workflow/replicortex/data/video.py", '"AREA"', '"BICUBIC"'),
        MT_DECODE,
    ),
    "code of the nulls": (replace(f"{MT}/sheets.py", "SMOOTH = 10", "SMOOTH = 9"), MT_MEASURE),
    "code of the figures": (
        replace(f"{MT}/figures.py", "SHOWN = 6", "SHOWN = 5"),
        {f"{M}draw": 1},
    ),
    "a published value of a claim": (
        replace(f"{MT}/claims.yaml", "value: 3.14,", "value: 3.2,"),
        MT_JUDGE,
    ),
    "a docstring": (
        replace(f"{MT}/learner.py", '"""Learn from pairs', '"""Learn from some pairs'),
        {},
    ),
}


sparse_positive = partial(numbers, "sparse_positive")
S = "sparse_positive_"
SPARSE = "workflow/papers/sparse_positive"
LIBRARY = "workflow/replicortex/analysis"
GROUP = "resnet20_trained_handmade"
SPARSE_VERDICTS = verdicts("sparse_positive")
SPARSE_DRAW = {f"{S}draw": 1}
SPARSE_TABLES = {f"{S}aggregate": 1, **SPARSE_DRAW, **SPARSE_VERDICTS}
SPARSE_COMPARE = {f"{S}compare_{GROUP}": 1, **SPARSE_TABLES}
SPARSE_ENCODE = {f"{S}encode_all": 1, **SPARSE_TABLES}
SPARSE_FITS = {**SPARSE_COMPARE, **SPARSE_ENCODE}
SPARSE_EXTRACT = {f"{S}extract_{GROUP}": 1, **SPARSE_FITS}
SPARSE_SIMULATE = {f"{S}simulate": 1, **SPARSE_DRAW, **SPARSE_VERDICTS}


def sparse_training(*names):
    return {**{f"{S}train_{name}": 1 for name in names}, **SPARSE_EXTRACT}


SPARSE_CHANGES = {
    "tolerance of figure 1C": (sparse_positive("{toy: {tol: 1.0e-5}}"), SPARSE_SIMULATE),
    "weight of Barlow Twins": (
        sparse_positive("{training: {objectives: {barlow: {off_diagonal: 0.006}}}}"),
        sparse_training("barlow"),
    ),
    "batch of the trainings": (
        sparse_positive("{training: {batch: 33}}"),
        sparse_training("barlow", "supervised"),
    ),
    "rate of false discoveries": (sparse_positive("{localizer: {q: 0.04}}"), SPARSE_EXTRACT),
    "reliability of the voxels": (
        sparse_positive("{reliability: {ncsnr: {FFA: {1: [418, 276, 0.614]}}}}"),
        SPARSE_FITS,
    ),
    "alphas of figure 3": (sparse_positive("{fits: {ridge_alphas: [1.0, 10.0]}}"), SPARSE_COMPARE),
    "alpha of figure 2": (sparse_positive("{fits: {alpha: 0.11}}"), SPARSE_ENCODE),
    "draws of the bootstrap": (sparse_positive("{bootstrap: {draws: 21}}"), SPARSE_TABLES),
    "one split more": (sparse_positive("{seeds: [0, 1]}"), SPARSE_FITS),
    "seeds per job": (sparse_positive("{seeds_per_job: 1}"), {}),
    "a number of another scale": (
        replace("config/papers/sparse_positive.yaml", "epochs: 400", "epochs: 401"),
        {},
    ),
    "code of the localizer": (
        replace(f"{LIBRARY}/localizer.py", "class Chosen", "UNUSED = 1\n\n\nclass Chosen"),
        SPARSE_EXTRACT,
    ),
    "code of the encoding models": (
        replace(f"{LIBRARY}/encoding.py", "BLOCK = 64", "BLOCK = 32"),
        {**SPARSE_FITS, **SPARSE_SIMULATE},
    ),
    "code of the statistics": (
        replace(f"{SPARSE}/statistics.py", "PLACE = [", "UNUSED = 1\nPLACE = ["),
        SPARSE_TABLES,
    ),
    "code of the figures": (
        replace(f"{SPARSE}/figures.py", "NAMES = {", "U = 1\nNAMES = {"),
        SPARSE_DRAW,
    ),
    "a docstring": (
        replace(f"{SPARSE}/encode.py", '"""Figures 2 and 4:', '"""Figure 2 and 4:'),
        {},
    ),
    "a published value": (
        replace(f"{SPARSE}/claims.yaml", "value: 1.514", "value: 1.515"),
        SPARSE_VERDICTS,
    ),
    "version of the tables": (
        version("synthetic tables of voxels of three regions"),
        {"get_voxel_tables_fixture": 1, **SPARSE_ENCODE},
    ),
}


# Two papers learn from the library's views.
SHARED_VIEWS = {
    "code of the views": (
        replace("workflow/replicortex/training/views.py", "TRIES = 10", "TRIES = 11"),
        {**topo_training(*TRAININGS), **sparse_training("barlow", "supervised")},
    ),
}

# By paper: what is changed, how, and how many jobs of each rule run after it.
CHANGES = {
    "learning_rules": LEARNING_CHANGES,
    "topographic": {**TOPO_CHANGES, **SHARED_VIEWS},
    "hierarchical_ot": HOT_CHANGES,
    "mt_maps": MT_CHANGES,
    "sparse_positive": SPARSE_CHANGES,
}


def cases():
    """Every change of every paper: the pattern's on a run of it alone, others' on a run of all."""
    for paper, changes in CHANGES.items():
        alone = paper == "learning_rules"
        run, marks = ("one_paper", ()) if alone else ("finished", pytest.mark.slow)
        for change in changes:
            yield pytest.param(run, paper, change, marks=marks, id=f"{paper}: {change}")


@contextmanager
def changed(study, apply):
    """Make a change in a study, and take it back."""
    try:
        apply(study.folder)
        yield
    finally:
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=study.folder, check=True)


@pytest.mark.parametrize(("study", "paper", "change"), [*cases()], indirect=["study"])
def test_exactly_what_depends_on_a_change_runs_again(study, paper, change):
    apply, expected = CHANGES[paper][change]
    with changed(study, apply):
        assert study.planned() == expected


def test_one_more_seed_trains_that_seed_alone(one_paper):
    planned = one_paper.planned("--config", "papers={learning_rules: {seeds: [42, 123, 456]}}")
    assert planned == {f"{P}train_1": 7, **AFTER_TRAINING}


def test_a_fresh_clone_plans_the_whole_study(one_paper, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(one_paper.folder), str(clone)], check=True)
    planned = type(one_paper)(clone).planned()
    assert planned == {**GETS, **EVERYTHING}


def test_job_parameters_are_one_canonical_string(one_paper):
    done = one_paper.snakemake("--dry-run", "--forceall", "--printshellcmds")
    assert not re.search(r"job=<", done.stdout)
