"""Changes of numbers, claims, data and environments of learning_rules, and the jobs that run after them."""

from functools import partial

from changes import numbers, replace, verdicts, version

demo = partial(numbers, "learning_rules")
P = "learning_rules_"
FIGURES = {f"{P}draw_0": 1}
VERDICTS = verdicts("learning_rules")
AFTER_TABLES = {**FIGURES, **VERDICTS}
AFTER_SCORES = {f"{P}aggregate": 1, **AFTER_TABLES}
AFTER_ACTIVATIONS = {f"{P}score_all": 1, **AFTER_SCORES}
AFTER_TRAINING = {f"{P}extract_all": 1, **AFTER_ACTIVATIONS}
AFTER_BRAIN = {f"{P}compare_brains": 1, f"{P}compare_reference": 1, **AFTER_ACTIVATIONS}
NUMBERS = "config/papers/learning_rules.yaml"
CODE = "workflow/papers/learning_rules"


def training(n):
    return {f"{P}train": n, **AFTER_TRAINING}


GETS = {
    f"get_{name}_fixture": 1
    for name in (
        *("cifar10", "efficientnet_lite0"),
        *("things_images", "things_fmri_events", "things_fmri_betas"),
    )
}
EVERYTHING = {f"{P}compare_brains": 1, f"{P}compare_reference": 1, **training(9)}

CHANGES = {
    "nothing": (lambda folder: None, {}),
    "a comment in the code": (
        replace(f"{CODE}/figures/change.py", "@styled\n", "# as always\n@styled\n"),
        {},
    ),
    "code of the figures": (
        replace(f"{CODE}/figures/change.py", "@styled\n", "UNUSED = 1\n\n\n@styled\n"),
        FIGURES,
    ),
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
    "epochs": (demo("{training: {epochs: 3, checkpoints: [0, 1, 2, 3]}}"), training(9)),
    "hidden units": (demo("{network: {hidden: 33}}"), training(9)),
    "px of the evaluation": (demo("{evaluation: {px: {large: 80}}}"), AFTER_TRAINING),
    "untrained twins": (
        demo("{reference: {twins: 4}}"),
        {f"{P}compare_reference": 1, **AFTER_TABLES},
    ),
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
    # data, claims, environments
    "version of the training images": (
        version("synthetic CIFAR-10"),
        {"get_cifar10_fixture": 1, **training(9)},
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
        replace(f"{CODE}/claims.yaml", "value: -0.9,", "value: -0.91,"),
        VERDICTS,
    ),
    "torch in the environment": (
        replace("envs/networks.yaml", "torch==2.13.0", "torch==2.13.1"),
        {f"{P}compare_reference": 1, **training(9)},
    ),
    "a comment in the environment": (
        replace("envs/networks.yaml", "dependencies:", "# exact\ndependencies:"),
        {},
    ),
}
