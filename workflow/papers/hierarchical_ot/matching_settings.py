"""Sections of the configuration on which matching depends."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.analysis.depth_null import FEWEST_DRAWS
from replicortex.core.quantities import Apart, Positive, PositiveInt, Share
from replicortex.core.section import Section


class Pair(Section):
    """Two systems to match."""

    source: str
    target: str
    domain: Literal[
        "vision", "untrained", "language", "v4", "v4_alone", "brain", "objects", "localizer"
    ]
    rotate: bool = Field(description="HOT+R as well")
    probe: bool = Field(
        default=False, description="the source against its rotated self; units left out"
    )
    depth_null: bool = Field(
        default=True, description="depth of plans whose target stimuli are permuted"
    )


class SimulatedMatching(Section):
    """How simulated subjects are matched."""

    held_out: Annotated[float, Field(gt=0, lt=1)]
    splits: PositiveInt
    shuffles: PositiveInt
    temperature: Positive
    iterations: PositiveInt


NullDraws = Annotated[int, Field(ge=FEWEST_DRAWS, description="orders of the target's stimuli")]


class CheckpointMatching(Section):
    """How checkpoints are matched."""

    held_out: Annotated[float, Field(gt=0, lt=1)]
    null_draws: NullDraws


class Matching(SimulatedMatching):
    """How systems are matched."""

    null_draws: NullDraws


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
