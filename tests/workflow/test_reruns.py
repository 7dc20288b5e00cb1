"""What runs again after a change: exactly the jobs that depend on it."""

import re
import subprocess
from dataclasses import dataclass

import pytest

P = "learning_rules_"
FIGURES = {f"{P}draw": 1}
VERDICTS = {"judge_learning_rules": 1, "overview": 1}
AFTER_TABLES = {**FIGURES, **VERDICTS}
AFTER_SCORES = {f"{P}aggregate": 1, **AFTER_TABLES}
AFTER_ACTIVATIONS = {f"{P}score_all": 1, **AFTER_SCORES}
AFTER_TRAINING = {f"{P}extract_all": 1, **AFTER_ACTIVATIONS}
AFTER_BRAIN = {f"{P}compare_brains": 1, **AFTER_ACTIVATIONS}
NUMBERS = "config/papers/learning_rules.yaml"
CODE = "workflow/papers/learning_rules"


def training(n):
    return {f"{P}train_0": n, **AFTER_TRAINING}


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


def demo(text):
    """Return a change of the demo's own numbers."""
    return replace("config/config.yaml", "papers: {}", f"papers: {{learning_rules: {text}}}")


GETS = {
    f"get_{name}_fixture": 1
    for name in ("cifar10", "things_images", "things_fmri_events", "things_fmri_betas")
}
EVERYTHING = {f"{P}compare_brains": 1, **training(7)}

CHANGES = {
    "nothing": (lambda folder: None, {}),
    # numbers
    "draws of the bootstrap": (demo("{scores: {bootstrap_draws: 201}}"), AFTER_BRAIN),
    "rate of one rule": (demo("{rules: {fa: {lr: 6.0e-4}}}"), training(1)),
    "two numbers swapped": (
        demo("{rules: {pc: {clip_error: 0.01, clip_update: 0.5}}}"),
        training(1),
    ),
    "epochs": (demo("{training: {epochs: 3}}"), training(7)),
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
    "a number of another scale": (replace(NUMBERS, "epochs: 10", "epochs: 12"), {}),
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
        replace("workflow/replicortex/runner.py", "leave=False", "leave=True"),
        {},
    ),
    "code that no job runs": (
        replace(
            "workflow/replicortex/provenance/keep.py", "LIMIT_BYTES = 1_000_000", "LIMIT_BYTES = 1"
        ),
        {},
    ),
    # data, claims, environments
    "version of the training images": (
        replace(
            "config/datasets.yaml",
            'title: "synthetic CIFAR-10"\n  version: "1"',
            'title: "synthetic CIFAR-10"\n  version: "2"',
        ),
        {"get_cifar10_fixture": 1, **training(7)},
    ),
    "version of the responses": (
        replace(
            "config/datasets.yaml",
            'title: "synthetic THINGS-fMRI responses"\n  version: "1"',
            'title: "synthetic THINGS-fMRI responses"\n  version: "2"',
        ),
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


def planned_after(apply, study):
    """Return what would run after a change, and take the change back."""
    try:
        apply(study.folder)
        return study.planned()
    finally:
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=study.folder, check=True)


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_what_depends_on_a_change_runs_again(one_paper, change):
    apply, expected = CHANGES[change]
    planned = planned_after(apply, one_paper)
    assert planned == expected


T = "topographic_"
TOPO_NUMBERS = "config/papers/topographic.yaml"
TOPO = "workflow/papers/topographic"
TOPO_DRAW = {f"{T}draw": 1}
TOPO_AFTER = {f"{T}aggregate": 1, **TOPO_DRAW, "judge_topographic": 1, "overview": 1}
TOPO_MEASURE = {f"{T}measure_all": 1, **TOPO_AFTER}
TOPO_EMBED = {f"{T}embed_all": 1, **TOPO_MEASURE}
TRAININGS = [
    *(f"main_{name}" for name in ("ce", "margin", "supcon", "simclr")),
    *("ensemble_ce", "no_dropout_ce", "gradients_encoder_ce"),
]


def topographic(text):
    return replace("config/config.yaml", "papers: {}", f"papers: {{topographic: {text}}}")


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
    "code of the views": (
        replace("workflow/replicortex/training/views.py", "TRIES = 10", "TRIES = 11"),
        topo_training(*TRAININGS),
    ),
    "code of Moran's I": (
        replace("workflow/replicortex/analysis/moran.py", "1e-24", "1e-23"),
        TOPO_MEASURE,
    ),
    "code of the comparison": (
        replace(f"{TOPO}/statistics.py", "TRUCK = 9", "TRUCK = 8"),
        TOPO_AFTER,
    ),
    "published values of a figure": (
        replace(f"{TOPO}/published.py", "0.0289", "0.0290"),
        TOPO_DRAW,
    ),
    "a published value of a claim": (
        replace(f"{TOPO}/claims.yaml", "value: 0.86,", "value: 0.87,"),
        {"judge_topographic": 1, "overview": 1},
    ),
    "a docstring": (
        replace(f"{TOPO}/sheet.py", '"""The topographic loss:', '"""A topographic loss:'),
        {},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", TOPO_CHANGES)
def test_exactly_what_depends_on_a_topographic_change_runs_again(finished, change):
    apply, expected = TOPO_CHANGES[change]
    assert planned_after(apply, finished) == expected


H = "hierarchical_ot_"
HOT = "workflow/papers/hierarchical_ot"
HOT_DRAW = {f"{H}draw": 1}
HOT_VERDICTS = {"judge_hierarchical_ot": 1, "overview": 1}
HOT_AFTER = {f"{H}aggregate": 1, **HOT_DRAW, **HOT_VERDICTS}
HOT_MATCH = {f"{H}match_0": 1, **HOT_AFTER}
HOT_COMPARE = {f"{H}compare_0": 1}
HOT_EMBED = {f"{H}embed_0": 1, **HOT_COMPARE, **HOT_MATCH}
HOT_FIXED = {f"{H}match_fixed_0": 1}
HOT_EMBED_FIXED = {f"{H}embed_fixed": 1, **HOT_FIXED}


def hierarchical_ot(text):
    return replace("config/config.yaml", "papers: {}", f"papers: {{hierarchical_ot: {text}}}")


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


@pytest.mark.slow
@pytest.mark.parametrize("change", HOT_CHANGES)
def test_exactly_what_depends_on_a_transport_change_runs_again(finished, change):
    apply, expected = HOT_CHANGES[change]
    assert planned_after(apply, finished) == expected


M = "mt_maps_"
MT = "workflow/papers/mt_maps"
MT_JUDGE = {"judge_mt_maps": 1, "overview": 1}
MT_MEASURE = {f"{M}measure": 1, f"{M}draw": 1, **MT_JUDGE}
MT_RESPOND = {f"{M}respond_{job}_0": 1 for job in ("clips", "controls")} | MT_MEASURE
MT_TRAIN = {f"{M}train_{job}_0": 1 for job in ("clips", "controls")} | MT_RESPOND
MT_CONTROLS = {f"{M}train_controls_0": 1, f"{M}respond_controls_0": 1, **MT_MEASURE}
MT_DECODE = {f"{M}decode_{source}_0": 1 for source in ("clips", "stills")} | MT_TRAIN


def mt_maps(text):
    return replace("config/config.yaml", "papers: {}", f"papers: {{mt_maps: {text}}}")


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


@pytest.mark.slow
@pytest.mark.parametrize("change", MT_CHANGES)
def test_exactly_what_depends_on_a_change_of_the_maps_runs_again(finished, change):
    apply, expected = MT_CHANGES[change]
    assert planned_after(apply, finished) == expected


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
