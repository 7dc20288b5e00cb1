"""Building blocks of the configuration's models: strict, so that a misspelt key is an error."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from replicortex.core.section import Section
from replicortex.tools.costs import Shown

LONGEST = 100  # characters of a name: file systems take 255 bytes with all that is added


def plain_name(name: str) -> str:
    """Return a name that can be part of a path, of a command and of a rule.

    Raises
    ------
    ValueError
        When it has other characters than letters, digits, _ and -, none, or too many.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"{name!r} must be letters, digits, _ and - alone")
    if len(name) > LONGEST:
        raise ValueError(f"a name of {len(name)} characters; at most {LONGEST} fit")
    return name


Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SharePart = Annotated[float, Field(ge=0, lt=1)]  # of dropout, or a momentum: never all
# Part of a file's name.
Name = Annotated[str, AfterValidator(plain_name)]


def told_apart(values: list[Any]) -> list[Any]:
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


Apart = AfterValidator(told_apart)
Ordered = AfterValidator(in_order)


class PaperNumbers(Section):
    """What every paper's numbers say of themselves; those of a paper that trains: `TrainedNumbers`."""

    figures_per_job: PositiveInt = Field(
        description="figures drawn by one process; never changes results"
    )

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        raise TypeError(f"{type(self).__module__}.{type(self).__name__} must say its datasets")

    def names(self) -> dict[str, list[Any]]:
        """What the configuration puts into columns of tables, by column: the words of claims.

        Columns that it does not decide are left out, and claims are not checked on them.
        """
        return {}

    def shown(self) -> list[Shown]:
        """What trainings show to their networks, for `cost`; nothing where nothing is trained."""
        return []


class TrainedNumbers(PaperNumbers):
    """The numbers of a paper that trains networks: seeds, and how they are packed into jobs."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    seeds_per_job: PositiveInt = Field(
        description="trainings in one process; never changes results"
    )

    @field_validator("seeds")
    @classmethod
    def _no_seed_twice(cls, seeds: list[int]) -> list[int]:
        twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if twice:
            raise ValueError(f"seed {twice[0]} is given more than once")
        return seeds
