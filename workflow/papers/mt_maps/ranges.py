"""Kinds of lists that several sections of the configuration hold."""

from typing import Annotated

from pydantic import Field

from replicortex.core.quantities import Apart, NotNegative, Ordered, Positive

Pan = Annotated[list[NotNegative], Field(min_length=2, max_length=2), Ordered]
Several = Annotated[list[Positive], Field(min_length=1), Apart]
