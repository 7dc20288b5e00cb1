"""Which systems are trained here, and which files hold the layers of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SIDES = ("source", "target")


def is_trained(pair: Mapping[str, Any], numbers: Mapping[str, Any]) -> bool:
    """Whether one of a pair's systems, or both, are trained here, and so differ from seed to seed."""
    ours = {*numbers["vision"]["networks"], *numbers["language"]["models"]}
    return any(pair[side] in ours for side in SIDES)


def files_of(
    pairs: Iterable[Mapping[str, Any]],
    numbers: Mapping[str, Any],
    fixed: str,
    published: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return the files of the systems of pairs that are not trained here.

    Parameters
    ----------
    numbers
        The paper's.
    fixed
        File of all of them but the published models.
    published
        The published models of each of their files, by the file's name.
    """
    ours = {*numbers["vision"]["networks"], *numbers["language"]["models"]}
    systems = {pair[side] for pair in pairs for side in SIDES} - ours
    return [
        *([fixed] if systems - set(numbers["published"]) else []),
        *(
            f"<results>/activations/published/{pack}.safetensors"
            for pack, names in published.items()
            if systems.intersection(names)
        ),
    ]
