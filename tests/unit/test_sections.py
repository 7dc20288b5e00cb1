"""A job's sections of the configuration: typed, frozen, and what does not fit is refused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from replicortex.core.section import Section, typed

if TYPE_CHECKING:
    from pathlib import Path


class Noise(Section):
    sd: float
    kinds: list[str]


def embed(images: Path, noise: Noise, several: list[Noise], by: dict[str, Noise], batch: int):
    """Take sections alone, in a list and in a dict, and values that are none."""


SD = {"sd": 1, "kinds": ["pink"]}


def test_sections_alone_in_lists_and_in_dicts():
    done = typed(embed, {"noise": SD, "several": [SD], "by": {"a": SD}, "batch": 3, "images": "x"})
    assert done["noise"] == Noise(sd=1.0, kinds=["pink"])
    assert done["several"] == [done["noise"]] and done["by"] == {"a": done["noise"]}
    assert done["batch"] == 3 and done["images"] == "x"
    with pytest.raises(ValidationError):
        done["noise"].sd = 2.0


def test_a_partial_declares_what_its_function_does():
    done = typed(partial(embed, "images"), {"noise": SD, "batch": 3})
    assert done == {"noise": Noise(sd=1.0, kinds=["pink"]), "batch": 3}


@pytest.mark.parametrize(
    "given, said",
    [
        ({"sd": 1}, "noise.kinds: Field required"),
        (SD | {"epochs": 3}, "noise.epochs: Extra inputs are not permitted"),
        (SD | {"sd": "many"}, "noise.sd: Input should be a valid number"),
    ],
)
def test_what_does_not_fit_is_refused(given, said):
    with pytest.raises(ValueError, match=f"embed: {said}"):
        typed(embed, {"noise": given})
