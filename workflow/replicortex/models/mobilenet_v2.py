"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381)."""

from __future__ import annotations

import re

from replicortex.models.inverted_residual import Family, Stage

# ImageNet's, by which the package that carries the weights prepares its pictures.
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

PARTS = ("expand", "depthwise", "project")


def file_name(own: str, blocks: int) -> str:
    """Return the name of a tensor in the files: torchvision's before it nested its blocks."""
    part, _, kind = own.rpartition(".")
    if part == "classifier":
        return f"classifier.1.{kind}"
    norm = int(part.endswith(".norm"))
    if found := re.fullmatch(r"blocks\.(\d+)\.(\w+)\.\w+", part):
        number = int(found[1])
        # Each of the parts has a ReLU6 after it, but the last; the first block has no first part.
        place = 3 * (PARTS.index(found[2]) - (number == 0)) + norm
        return f"features.{number + 1}.conv.{place}.{kind}"
    return f"features.{0 if part.startswith('stem') else blocks + 1}.{norm}.{kind}"


FAMILY = Family(
    stages=(
        Stage(1, 3, 1, 1),
        Stage(2, 3, 2, 6),
        Stage(3, 3, 2, 6),
        Stage(4, 3, 2, 6),
        Stage(3, 3, 1, 6),
        Stage(3, 3, 2, 6),
        Stage(1, 3, 1, 6),
    ),
    grown=False,
    same=False,
    epsilon=1e-5,
    file_name=file_name,
)
