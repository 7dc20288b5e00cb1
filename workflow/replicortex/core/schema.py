"""Building blocks of the configuration's models: strict, so that a misspelt key is an error."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from replicortex.core.quantities import (
    Apart as Apart,
)
from replicortex.core.quantities import (
    Ordered as Ordered,
)
from replicortex.core.quantities import (
    Positive as Positive,
)
from replicortex.core.quantities import (
    PositiveInt as PositiveInt,
)
from replicortex.core.quantities import (
    Share as Share,
)
from replicortex.core.quantities import (
    SharePart as SharePart,
)
from replicortex.core.section import Section
from replicortex.data.needed import Names, Needed
from replicortex.tools.costs import Workload

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


# Part of a file's name.
Name = Annotated[str, AfterValidator(plain_name)]


class PaperNumbers(Section):
    """What every paper's numbers say of themselves; those of a paper that trains: `TrainedNumbers`."""

    figures_per_job: PositiveInt = Field(
        description="figures drawn by one process; never changes results"
    )

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        raise TypeError(f"{type(self).__module__}.{type(self).__name__} must say its datasets")

    def expected(self, dataset: str, folder: Names, installed: Mapping[str, Path]) -> list[Needed]:
        """Return the files that this scale's readers open in a dataset that the user places.

        Parameters
        ----------
        dataset, folder
            Its name, and where it lies.
        installed
            Manifests of datasets that are there, for what follows from them.
        """
        return []

    def unpinned(self) -> list[str]:
        """Return what this scale reads without saying its version, each with its key."""
        return []

    def names(self) -> dict[str, list[Any]]:
        """What the configuration puts into columns of tables, by column: the words of claims.

        Columns that it does not decide are left out, and claims are not checked on them.
        """
        return {}

    def workload(self) -> list[Workload]:
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
