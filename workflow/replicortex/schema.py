"""Building blocks of the configuration's models: strict, so that a misspelt key is an error."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from replicortex.costs import Shown

Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of a configuration: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PaperNumbers(Section):
    """What every paper's numbers have."""

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

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        raise TypeError(f"{type(self).__module__}.{type(self).__name__} must say its datasets")

    def shown(self) -> list[Shown]:
        """What trainings show to their networks, for `cost`; nothing where nothing is trained."""
        return []
