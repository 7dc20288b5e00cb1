"""What the name of a feature space says: network, whether it learned, layer."""

from __future__ import annotations

from typing import get_args

from papers.sparse_positive.extraction_settings import Packaged

WHOLE = "all"  # in place of a layer, where a space is none of several


def network(space: str) -> str:
    """Return the network of a space without its training: `resnet20` of `resnet20_trained_layer3`."""
    return family(space).removesuffix("_trained").removesuffix("_untrained")


def family(space: str) -> str:
    """Return the network of a space, trained or not: `resnet20_trained` of `resnet20_trained_layer3`."""
    name, found, _ = space.partition("_trained")
    if found:
        return name + found
    name, found, _ = space.partition("_untrained")
    return name + found


def source(space: str) -> str:
    """Return what made a space: a `trained` or `untrained` network, or `handmade`."""
    if "_trained" in space:
        return "trained"
    return "untrained" if "_untrained" in space else "handmade"


def arm(space: str) -> str:
    """Return where a network is from: a `package`, or any `other` place."""
    return "package" if network(space) in get_args(Packaged) else "other"


def layer(space: str) -> str:
    """Return which layer of a network a space is: `layer3` of `resnet20_trained_layer3`; `all` of `hog`."""
    return space.removeprefix(family(space)).removeprefix("_") or WHOLE
