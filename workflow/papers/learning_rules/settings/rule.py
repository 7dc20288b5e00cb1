"""What the settings of every learning rule hold, and of those whose convolutions learn locally."""

from typing import Literal

from replicortex.core.quantities import Positive
from replicortex.core.section import Section

Init = Literal["default", "kaiming_normal"]


class RuleSettings(Section):
    """What every learning rule has."""

    init: Init


class LocalSettings(RuleSettings):
    """A rule of the convolutions, beside Adam on the linear layers."""

    lr_readout: Positive
