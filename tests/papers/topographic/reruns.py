"""Changes of numbers, claims, data and environments of topographic, and the jobs that run after them."""

from functools import partial

from changes import numbers, replace, verdicts

topographic = partial(numbers, "topographic")
T = "topographic_"
TOPO_NUMBERS = "config/papers/topographic.yaml"
TOPO = "workflow/papers/topographic"
TOPO_DRAW = {f"{T}draw_0": 1}
TOPO_AFTER = {f"{T}aggregate": 1, **TOPO_DRAW, **verdicts("topographic")}
TOPO_MEASURE = {f"{T}measure_all": 1, **TOPO_AFTER}
TOPO_EMBED = {f"{T}embed_all": 1, **TOPO_MEASURE}
TRAININGS = [
    *(f"main_{name}" for name in ("ce", "margin", "supcon", "simclr")),
    *("ensemble_ce", "no_dropout_ce", "lite0_ce", "gradients_encoder_ce"),
]


def topo_training(*names):
    return {**{f"{T}train_{name}": 1 for name in names}, **TOPO_EMBED}


CHANGES = {
    "rate of the running mean": (topographic("{balance: {beta: 0.2}}"), topo_training(*TRAININGS)),
    "one objective's temperature": (
        topographic("{objectives: {supcon: {temperature: 0.1}}}"),
        topo_training("main_supcon"),
    ),
    "strengths of one arm": (
        topographic("{arms: {no_dropout: {rhos: [0.2]}}}"),
        topo_training("no_dropout_ce"),
    ),
    "side of the images that Lite0 is shown": (
        topographic("{lite0: {side: 64}}"),
        {f"{T}extract": 1, **topo_training("lite0_ce")},
    ),
    "rate of a readout": (topographic("{probes: {raw: {lr: 1.0e-2}}}"), TOPO_EMBED),
    "images of the RDMs": (topographic("{measured: {rdm_images: 9}}"), TOPO_MEASURE),
    "draws of the ensembles": (topographic("{ensemble: {draws: 101}}"), TOPO_AFTER),
    "seeds per job": (topographic("{seeds_per_job: 1}"), {}),
    "a number of another scale": (replace(TOPO_NUMBERS, "epochs: 40}", "epochs: 41}"), {}),
    "published values of a figure": (
        replace(f"{TOPO}/published.csv", "0.0307", "0.0308"),
        TOPO_DRAW,
    ),
    "a published value of a claim, which a figure draws": (
        replace(f"{TOPO}/claims.yaml", "Cross-entropy, 0.86]", "Cross-entropy, 0.87]"),
        {**TOPO_DRAW, **verdicts("topographic")},
    ),
    "a published difference of a claim": (
        replace(f"{TOPO}/claims.yaml", "Margin, -0.73]", "Margin, -0.74]"),
        verdicts("topographic"),
    ),
}
