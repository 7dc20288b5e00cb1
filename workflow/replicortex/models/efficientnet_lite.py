"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv 1905.11946) without squeeze-and-excitation.

Its units end at 6 (ReLU6); stem, head, first and last stage have as many layers in every size.
"""

from __future__ import annotations

import re

from replicortex.models.inverted_residual import Family, Stage

# (x - 127) / 128 of pixels from 0 to 255: so the networks were shown pictures as they learned.
MEAN, SD = (127 / 255,) * 3, (128 / 255,) * 3

OUTSIDE = {
    "stem.conv": "_conv_stem",
    "stem.norm": "_bn0",
    "head.conv": "_conv_head",
    "head.norm": "_bn1",
    "classifier": "_fc",
}
WITHIN = {
    "expand.conv": "_expand_conv",
    "expand.norm": "_bn0",
    "depthwise.conv": "_depthwise_conv",
    "depthwise.norm": "_bn1",
    "project.conv": "_project_conv",
    "project.norm": "_bn2",
}


def file_name(own: str, blocks: int) -> str:
    """Return the name of a tensor in the files, those of efficientnet_lite_pytorch."""
    part, _, kind = own.rpartition(".")
    if found := re.fullmatch(r"(blocks\.\d+)\.(.+)", part):
        return f"_{found[1]}.{WITHIN[found[2]]}.{kind}"
    return f"{OUTSIDE[part]}.{kind}"


FAMILY = Family(
    stages=(
        Stage(1, 3, 1, 1),
        Stage(2, 3, 2, 6),
        Stage(2, 5, 2, 6),
        Stage(3, 3, 2, 6),
        Stage(3, 5, 1, 6),
        Stage(4, 5, 2, 6),
        Stage(1, 3, 1, 6),
    ),
    grown=False,
    same=True,
    epsilon=1e-3,
    file_name=file_name,
)
