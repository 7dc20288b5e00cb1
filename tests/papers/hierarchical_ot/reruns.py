"""Changes of numbers, claims, data and environments of hierarchical_ot, and the jobs that run after them."""

from functools import partial

from changes import numbers, replace, verdicts

hierarchical_ot = partial(numbers, "hierarchical_ot")
H = "hierarchical_ot_"
HOT = "workflow/papers/hierarchical_ot"
HOT_DRAW = {f"{H}draw_0": 1}
HOT_VERDICTS = verdicts("hierarchical_ot")
HOT_AFTER = {f"{H}aggregate": 1, **HOT_DRAW, **HOT_VERDICTS}
HOT_MATCH = {f"{H}match_0": 1, **HOT_AFTER}
HOT_COMPARE = {f"{H}compare_0": 1}
HOT_EMBED = {f"{H}embed_0": 1, **HOT_COMPARE, **HOT_MATCH}
HOT_FIXED = {f"{H}match_fixed": 1}
HOT_EMBED_FIXED = {f"{H}embed_fixed": 1, **HOT_FIXED}

CHANGES = {
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
        {**HOT_EMBED_FIXED, **HOT_MATCH},
    ),
    "share of units that is kept": (hierarchical_ot("{matched: {shares: [0.25]}}"), HOT_MATCH),
    "draws of the null": (
        hierarchical_ot("{matched: {null_draws: 51}}"),
        {**HOT_FIXED, **HOT_MATCH},
    ),
    "a model that is not shown": (
        hierarchical_ot("{published: {mae_h: {repository: facebook/other}}}"),
        {},
    ),
    "penalty of ridge": (hierarchical_ot("{penalty: 0.2}"), {**HOT_COMPARE, **HOT_AFTER}),
    "a published value": (
        replace(f"{HOT}/claims.yaml", "3B, 0.558", "3B, 0.559"),
        HOT_VERDICTS,
    ),
}
