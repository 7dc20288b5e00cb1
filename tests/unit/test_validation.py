"""What pydantic finds wrong becomes one sentence: the file's keys, what was found and expected."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from replicortex.core.errors import StudyError
from replicortex.core.section import Section
from replicortex.core.validation import validate


class Slow(Section):
    kind: Literal["slow"]
    rate: float = Field(gt=0)


class Fast(Section):
    kind: Literal["fast"]
    gain: int = 1


class Part(Section):
    wide: Literal["one", "many"] = "one"
    from_: dict[str, str | int] = Field(default={}, alias="from")
    sizes: list[Annotated[int, Field(gt=0)]] = Field(default=[])
    ends: tuple[int, int] = (0, 1)
    value: float | list[float] = 0.0

    @model_validator(mode="after")
    def _ends_in_order(self) -> Part:
        if self.ends[0] > self.ends[1]:
            raise ValueError(f"ends {self.ends} are not in order")
        return self


class Whole(Section):
    part: Part | None = None
    parts: dict[str, Part] = Field(default={})
    steps: dict[str, Annotated[Slow | Fast, Field(discriminator="kind")]] = Field(default={})
    names: dict[Annotated[str, Field(min_length=2)], int] = Field(default={})

    @model_validator(mode="after")
    def _something(self) -> Whole:
        if self.names == {"no": 0}:
            raise ValueError("names: no is no name")
        return self


FAULTS = {
    "unknown key": ({"prat": {}}, "unknown key 'prat'; did you mean 'part'?"),
    "of a part that may be left out": (
        {"part": {"form": {}}},
        "unknown key 'part.form'; did you mean 'from'?",
    ),
    "of one of many": (
        {"parts": {"a": {"siz": []}}},
        "unknown key 'parts.a.siz'; did you mean 'sizes'?",
    ),
    "of a member of a union": (
        {"steps": {"s": {"kind": "slow", "rat": 1.0}}},
        "unknown key 'steps.s.rat'; did you mean 'rate'?",
    ),
    "unlike any": ({"xyz": 1}, "unknown key 'xyz'; valid are names, part, parts, steps"),
    "missing": ({"steps": {"s": {"kind": "slow"}}}, "key 'steps.s.rate' is missing"),
    "out of range": (
        {"steps": {"s": {"kind": "slow", "rate": 0}}},
        "steps.s.rate: input should be greater than 0, found 0",
    ),
    "in a list": (
        {"part": {"sizes": [3, -1]}},
        "part.sizes.1: input should be greater than 0, found -1",
    ),
    "in a pair": (
        {"part": {"ends": [0, "b"]}},
        "part.ends.1: input should be a valid integer, unable to parse string as an integer, "
        "found 'b'",
    ),
    "word": (
        {"part": {"wide": "man"}},
        "part.wide: input should be 'one' or 'many', found 'man'; did you mean 'many'?",
    ),
    "word unlike any": (
        {"part": {"wide": "xyz"}},
        "part.wide: input should be 'one' or 'many', found 'xyz'",
    ),
    "kind": (
        {"steps": {"s": {"kind": "slo", "rate": 1}}},
        "steps.s.kind: input should be one of 'slow', 'fast', found 'slo'; did you mean 'slow'?",
    ),
    "of several types": (
        {"part": {"value": "much"}},
        "part.value: input should be a valid number, unable to parse string as a number, or input "
        "should be a valid list, found 'much'",
    ),
    "under another name in the code": (
        {"part": {"from": {"epoch": []}}},
        "part.from.epoch: input should be a valid string, or input should be a valid integer, "
        "found []",
    ),
    "name of a key": (
        {"names": {"a": 1}},
        "names.a: string should have at least 2 characters, found 'a'",
    ),
    "mapping in place of a number": (
        {"names": {"ab": {}}},
        "names.ab: input should be a valid integer, found a mapping",
    ),
    "said by the part": ({"part": {"ends": [2, 1]}}, "part: ends (2, 1) are not in order"),
    "said by the whole": ({"names": {"no": 0}}, "names: no is no name"),
    "no mapping": (
        "text",
        "input should be a valid dictionary or instance of Whole, found 'text'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(fault):
    values, expected = FAULTS[fault]
    with pytest.raises(StudyError) as caught:
        validate(Whole, values, "a.yaml")
    assert str(caught.value) == f"a.yaml: {expected}"


def test_an_unknown_key_is_told_before_what_follows_from_it():
    with pytest.raises(StudyError, match=r"^a.yaml: unknown key 'rates'; did you mean 'rate'\?$"):
        validate(Slow, {"kind": "slow", "rates": 1}, "a.yaml")


def test_what_is_right_is_the_model():
    found = validate(Whole, {"steps": {"s": {"kind": "slow", "rate": 2}}}, "a.yaml")
    assert found.steps["s"] == Slow(kind="slow", rate=2.0)
