"""What several figures of the paper share: looks of rules, names of comparisons, rows that are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import seaborn as sns

from replicortex.plotting.look import Look, hues
from replicortex.plotting.style import PALE, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The order of legends and marks.
RULES = {
    "hot": Look("HOT", PALETTE["vermillion"], "o"),
    "random": Look("Random", PALETTE["black"], "x"),
    "single_best": Look("Single-Best", PALETTE["purple"], "v"),
    "pairwise_best": Look("Pairwise-Best", PALETTE["blue"], "s"),
    "uniform": Look("Uniform (control)", PALETTE["green"], "D"),
    "top_k": Look("Greedy top-k (control)", PALETTE["sky"], "^"),
    "staircase": Look("Staircase (control)", PALETTE["orange"], "P"),
    "softmax": Look("Softmax (control)", PALETTE["black"], "+"),
}
SCORE = "Held-out correlation"

# Kind of simulated subjects -> name.
SIMULATED = {"distinct": "Distinct", "related": "Related"}
# Pair of subjects -> name.
NSD = {
    "nsd_1_2": "NSD 1 → 2",
    "nsd_1_5": "NSD 1 → 5",
    "nsd_1_7": "NSD 1 → 7",
    "nsd_2_5": "NSD 2 → 5",
    "nsd_2_7": "NSD 2 → 7",
    "nsd_5_7": "NSD 5 → 7",
}
# Pair -> name, in the order of figures. One that is not named here follows, by its key.
NAMES = {
    "cnn": "CNN, shallow → deep",
    "resnet": "ResNet, shallow → deep",
    "vit": "ViT, shallow → deep",
    "resnet_back": "ResNet, deep → shallow",
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
    "resnet_to_v4": "ResNet shallow → V4 day 1",
    "resnet_to_v4_next": "ResNet shallow → V4 day 2",
    "resnet_to_v4_alone": "ResNet shallow → V4, third",
    "v4_to_resnet": "V4 day 1 → ResNet shallow",
    "v4_next_to_resnet": "V4 day 2 → ResNet shallow",
    "v4_alone_to_resnet": "V4, third → ResNet shallow",
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
    "lite0_1": "Lite0 → Lite1",
    "lite0_2": "Lite0 → Lite2",
    "mobilenet_lite1": "MobileNet → Lite1",
    "mobilenet_lite2": "MobileNet → Lite2",
    "lite2_0": "Lite2 → Lite0",
    "lite0_1_untrained": "Lite0 → Lite1, untrained",
    "lite0_2_untrained": "Lite0 → Lite2, untrained",
    "mobilenet_lite1_untrained": "MobileNet → Lite1, untr.",
    "mobilenet_lite2_untrained": "MobileNet → Lite2, untr.",
    "lite0_1_objects": "Lite0 → Lite1, objects",
    "lite0_2_objects": "Lite0 → Lite2, objects",
    "mobilenet_lite1_objects": "MobileNet → Lite1, objects",
    "mobilenet_lite2_objects": "MobileNet → Lite2, objects",
    "lite0_1_localizer": "Lite0 → Lite1, localizer",
    "lite0_2_localizer": "Lite0 → Lite2, localizer",
    "mobilenet_lite1_localizer": "MobileNet → Lite1, localizer",
    "mobilenet_lite2_localizer": "MobileNet → Lite2, localizer",
    "lite0_2_cifar": "Lite0 → Lite2, CIFAR",
    "mobilenet_lite2_cifar": "MobileNet → Lite2, CIFAR",
    "minilm_smollm2": "MiniLM → SmolLM2",
    "minilm_smollm2_untrained": "MiniLM → SmolLM2, untr.",
    "stories_smollm2": "TinyStories → SmolLM2",
    "lite0_to_v4": "Lite0 → V4 day 1",
    "lite1_to_v4": "Lite1 → V4 day 1",
    "lite2_to_v4": "Lite2 → V4 day 1",
    "mobilenet_to_v4": "MobileNet → V4 day 1",
    "v4_to_lite0": "V4 day 1 → Lite0",
    "v4_to_lite1": "V4 day 1 → Lite1",
    "v4_to_lite2": "V4 day 1 → Lite2",
    "v4_to_mobilenet": "V4 day 1 → MobileNet",
    "v4_to_lite0_untrained": "V4 day 1 → Lite0, untrained",
    "v4_to_lite1_untrained": "V4 day 1 → Lite1, untrained",
    "v4_to_lite2_untrained": "V4 day 1 → Lite2, untrained",
    "v4_to_mobilenet_untrained": "V4 day 1 → MobileNet, untr.",
    **NSD,
    **SIMULATED,
}


def marks(looks: Iterable[Look]) -> list[tuple[str, dict[str, Any]]]:
    """Return entries of a legend, for `legend_above`, of looks that are drawn without lines."""
    return [
        (look.label, {"color": look.colour, "marker": look.marker, "linestyle": "none"})
        for look in looks
    ]


def named(pairs: Collection[str]) -> dict[str, str]:
    """Return the names of pairs that are among those given, in the order of figures."""
    order = [*(pair for pair in NAMES if pair in set(pairs)), *sorted(set(pairs) - set(NAMES))]
    return {pair: NAMES.get(pair, pair) for pair in order}


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that figures show, of simulated subjects those of the first couple alone.

    Column "label" names what is compared, as categories in the order of figures; "name" does so
    without saying whether with rotation.
    """
    first = (table["source"] == "subject1") & (table["target"] == "subject2")
    own = table[table["noise_sd"].isna() | first]
    names = named(own["pair"])
    keys = own[["pair", "noise_sd", "rotate"]].drop_duplicates()
    keys["place"] = keys["pair"].map(list(names).index)
    keys = keys.sort_values(["place", "noise_sd", "rotate"])
    keys["name"] = [
        names[key.pair] + (f", noise {key.noise_sd:g}" if pd.notna(key.noise_sd) else "")
        for key in keys.itertuples()
    ]
    order = keys["name"] + keys["rotate"].map({"no": "", "yes": " +R"})
    labels = keys.drop(columns="place").assign(label=pd.Categorical(order, order))
    return own.merge(labels, on=["pair", "noise_sd", "rotate"], how="left")


def marks_over_seeds(ax: Axes, looks: Mapping[str, Look], **how: Any) -> None:
    """Draw mean and s.d. over seeds, the looks beside each other; `how` goes to seaborn's pointplot."""
    sns.pointplot(
        **hues(looks),
        errorbar="sd",
        linestyle="none",
        markeredgewidth=0.8,
        err_kws={"linewidth": 0.6},
        legend=False,
        ax=ax,
        **how,
    )


def lines_between(ax: Axes, count: int) -> None:
    """Draw a pale line between each two of so many rows."""
    for place in range(count - 1):
        ax.axhline(place + 0.5, color=PALE, linewidth=0.5)
