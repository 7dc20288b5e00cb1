"""Sections of the configuration on which matching depends."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart, Positive, PositiveInt, Share
from replicortex.core.section import Section


class Pair(Section):
    """Two systems to match."""

    source: str
    target: str
    domain: Literal["vision", "untrained", "language", "v4", "brain"]
    rotate: bool = Field(description="HOT+R as well")
    probe: bool = Field(
        default=False, description="the source against its rotated self; units left out"
    )


class CheckpointMatching(Section):
    """How checkpoints are matched."""

    held_out: Annotated[float, Field(gt=0, lt=1)]
    null_draws: PositiveInt


class Matching(CheckpointMatching):
    """How systems are matched."""

    splits: PositiveInt
    shuffles: PositiveInt
    temperature: Positive
    iterations: PositiveInt


class ProbedMatching(Matching):
    """How systems are matched of which some are probed."""

    shares: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Apart] = Field(
        min_length=1, description="of units kept in the subsampling curve"
    )


class Cortex(Section):
    """Simulated subjects with a planted hierarchy of regions."""

    subjects: Annotated[int, Field(ge=2)]
    regions: PositiveInt
    voxels: PositiveInt
    stimuli: PositiveInt
    repeats: PositiveInt
    noise: Annotated[list[Positive], Apart] = Field(
        min_length=1, description="s.d. of one repeat; signal has 1"
    )
    renewal: dict[str, Share] = Field(
        min_length=1, description="share of a region's variance that no earlier region has"
    )
