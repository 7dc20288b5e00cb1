"""Kinds of numbers and lists that configurations hold: ranges, shares, values told apart."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
PositiveInt = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SharePart = Annotated[float, Field(ge=0, lt=1)]  # of dropout, or a momentum: never all


def distinct(values: list[Any]) -> list[Any]:
    """Return a list in which no value stands twice, nor two that files and tables name alike.

    Raises
    ------
    ValueError
        When there are two such values.
    """
    seen: dict[str, Any] = {}
    for value in values:
        name = f"{value:g}" if isinstance(value, float) else str(value)
        if name in seen and seen[name] == value:
            raise ValueError(f"{name} is given more than once")
        if name in seen:
            raise ValueError(f"{seen[name]!r} and {value!r} would both be named {name} in files")
        seen[name] = value
    return values


def in_order(values: list[float]) -> list[float]:
    """Return a range [from, to].

    Raises
    ------
    ValueError
        When it ends below where it begins.
    """
    if values[0] > values[1]:
        raise ValueError(f"{values} found, the smaller one comes first")
    return values


Apart = AfterValidator(distinct)
Ordered = AfterValidator(in_order)
