"""What several figures of the paper share: looks of conditions, selections of rows, legends."""

from __future__ import annotations

import pandas as pd

# Rule -> name, colour, marker.
RULES = {
    "hot": ("HOT", "vermillion", "o"),
    "random": ("Random", "black", "x"),
    "single_best": ("Single-Best", "purple", "v"),
    "pairwise_best": ("Pairwise-Best", "blue", "s"),
    "uniform": ("Uniform (control)", "green", "D"),
    "top_k": ("Greedy top-k (control)", "sky", "^"),
    "staircase": ("Staircase (control)", "orange", "P"),
    "softmax": ("Softmax (control)", "black", "+"),
}


SCORE = "Held-out correlation"


# Kind of simulated subjects -> name.
SIMULATED = {"related": "Related", "distinct": "Distinct"}


# Pair -> name. A pair that is not named here goes by its key.
NAMES = {
    "cnn": "CNN, shallow → deep",
    "resnet": "ResNet, shallow → deep",
    "vit": "ViT, shallow → deep",
    "vit_back": "ViT, deep → shallow",
    "resnet_to_vit": "ResNet shallow → ViT deep",
    "cnn_to_resnet": "CNN deep → ResNet deep",
    "resnet_untrained": "ResNet, untrained",
    "vit_untrained": "ViT, untrained",
    "resnet_20_56": "ResNet-20 → ResNet-56",
    "lm": "LM, 4 → 8 blocks",
    "lm_back": "LM, 8 → 4 blocks",
    "lm_to_stories": "LM 4 → TinyStories",
    "v4": "V4 day 1 → day 2",
    "resnet_to_v4": "ResNet shallow → V4",
    "v4_to_resnet": "V4 → ResNet shallow",
    "nsd_to_resnet": "NSD 1 → ResNet deep",
    "nsd_to_dinov2": "NSD 1 → DINOv2-L",
    "dinov2_s_l": "DINOv2-S → L",
    "dinov2_s_g": "DINOv2-S → g",
    "mae_b_dinov2_g": "MAE-B → DINOv2-g",
    "mae_b_l": "MAE-B → L",
    "mae_b_h": "MAE-B → H",
    "llama_1b_3b": "Llama 1B → 3B",
    "qwen_05b_3b": "Qwen 0.5B → 3B",
    "qwen_05b_llama_3b": "Qwen 0.5B → Llama 3B",
    "llama_1b_qwen_3b": "Llama 1B → Qwen 3B",
    "llama_3b_qwen_3b": "Llama 3B → Qwen 3B",
}


def label(pair: str, rotate: str = "no") -> str:
    """Return the name of a comparison as it is printed."""
    kind, _, rest = pair.partition(" ")
    if kind in SIMULATED:
        noise, _, couple = rest.partition(" ")
        name = f"{SIMULATED[kind]} {couple.replace('-', ' → ')}, noise {noise}"
    elif pair.startswith("nsd_") and pair not in NAMES:
        name = f"NSD {pair[4:].replace('_', ' → ')}"
    else:
        name = NAMES.get(pair, pair)
    return f"{name} +R" if rotate == "yes" else name


def simulated(pair: str) -> bool:
    """Whether a pair is one of simulated subjects."""
    return pair.partition(" ")[0] in SIMULATED


def shown(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (pair, rotate) in order, of simulated subjects the first couple of each noise only."""
    keys = table[["pair", "rotate"]].drop_duplicates()
    found = [
        (pair, rotate)
        for pair, rotate in zip(keys["pair"], keys["rotate"], strict=True)
        if not simulated(pair) or pair.endswith(" 1-2")
    ]
    order = [*NAMES, *sorted({pair for pair, _ in found} - set(NAMES))]
    return sorted(found, key=lambda key: (order.index(key[0]), key[1]))


def by_seed(table: pd.DataFrame, rule: str, keys: list[tuple[str, str]]) -> list[pd.Series]:
    """Return a rule's scores of each pair, indexed by seed (or split)."""
    groups = table[table["rule"] == rule].groupby(["pair", "rotate"])
    found = {key: part.set_index("seed")["score"] for key, part in groups}
    return [found[key] for key in keys]
