"""Sections of the configuration on which measuring trained networks depends."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart, Count, NotNegative, Positive, PositiveInt, Share
from replicortex.core.section import Section


class ProbeSettings(Section):
    """A linear readout."""

    standardise: bool
    solver: Literal["adamw", "lbfgs"]
    lr: Positive
    lr_end: NotNegative
    weight_decay: NotNegative
    batch: PositiveInt
    epochs: PositiveInt
    warm_up: Count


class NoiseSettings(Section):
    """Noise on test images."""

    kinds: Annotated[list[Literal["white", "pink", "salt_pepper"]], Apart]
    levels: Annotated[list[Share], Apart] = Field(min_length=1)
    images: PositiveInt
    seed: Count


class Measured(Section):
    """What is looked at."""

    rdm_images: Annotated[int, Field(ge=2)]
    taus: Annotated[list[Annotated[float, Field(ge=-1, le=1)]], Apart] = Field(min_length=1)
    tsne_images: Annotated[int, Field(ge=2)]
    tsne_rhos: Annotated[list[NotNegative], Apart] = Field(min_length=1)
    tsne_seed: Count


class Votes(Section):
    """How ensembles are compared with their members."""

    draws: Annotated[int, Field(ge=2)]
    seed: Count


class Scale(Section):
    """Mean and s.d. of the colours of the images, in [0, 1]."""

    mean: list[Share] = Field(min_length=3, max_length=3)
    sd: list[Positive] = Field(min_length=3, max_length=3)
