"""What a paper's page of the study says beside its numbers: `workflow/papers/<paper>/report/study.yaml`.

No number stands in it but those in the paper's own words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from replicortex.core.errors import StudyError, nearest
from replicortex.core.section import Section
from replicortex.core.validation import validate
from replicortex.core.yaml_text import read_yaml_file
from replicortex.verdicts.model import Claim, Selection

Words = Annotated[str, Field(min_length=1)]
Cause = Literal["metric artefact", "missing null", "settings"]
Side = Literal["paper", "code", "both", "neither"]
Place = Literal["select", "minus", "from_", "to"]  # of `replicortex.verdicts.model.Measure`


class Quote(Section):
    """The paper's own words."""

    text: Words
    where: Words


class Headline(Section):
    """The claim that stands for the paper, and the control that says most about it."""

    claim: Words
    control: Words


class Reason(Section):
    """Why some published claims may not mean what they say, and the controls that would show it."""

    cause: Cause
    claims: list[Words] = Field(min_length=1, description="published claims that it concerns")
    shown_by: list[Words] = Field(default=[], description="controls: it stands where one holds")
    denied_by: list[Words] = Field(
        default=[], description="claims or controls: it stands too where one of them does not hold"
    )
    says: Words = Field(description="in one sentence, without a number")

    @model_validator(mode="after")
    def _can_be_asked(self) -> Reason:
        if not self.asked:
            raise ValueError("a reason needs shown_by or denied_by: what could show it")
        return self

    @property
    def asked(self) -> list[str]:
        """All claims and controls that bear on it."""
        return [*self.shown_by, *self.denied_by]


class Option(Section):
    """One value of a switch: who has it, and what it lays over the claim's measure."""

    side: Side
    lay: dict[Place, Selection] = Field(min_length=1)


class Choice(Section):
    """A switch that kept tables answer: its values are crossed with those of the others.

    With `column`, a value is that column's, laid over each of `within`.
    """

    switch: Words
    column: Words | None = None
    within: list[Place] = Field(default=["select"], min_length=1)
    values: dict[str, Side | Option] = Field(min_length=2)

    @model_validator(mode="after")
    def _belong_together(self) -> Choice:
        """Refuse a value that names a side alone where no column is named, and the other way round."""
        short = [isinstance(value, str) for value in self.values.values()]
        if any(short) != (self.column is not None) or any(short) != all(short):
            raise ValueError(
                "a switch has either column and values with a side, or values with side and lay"
            )
        return self

    def options(self) -> dict[str, Option]:
        """Return its values, each with what it lays over the measure."""
        return {
            name: value
            if isinstance(value, Option)
            else Option(side=value, lay={place: {str(self.column): name} for place in self.within})
            for name, value in self.values.items()
        }


class Retrained(Option):
    """A switch that needs a training of its own: taken one at a time."""

    switch: Words


class Specifications(Section):
    """All ways to ask for one claim."""

    claim: Words
    crossed: list[Choice] = Field(min_length=1)
    retrained: list[Retrained] = Field(default=[])


class Outline(Section):
    """A paper's part of the study."""

    quotes: list[Quote] = Field(min_length=1)
    headline: Headline
    reasons: list[Reason] = Field(default=[])
    change: list[Words] = Field(min_length=1, description="what would change the answer")
    specifications: list[Specifications] = Field(default=[])


def load(paper: str, root: Path, claims: dict[str, Claim]) -> Outline:
    """Return a paper's outline.

    Raises
    ------
    StudyError
        A key is unknown or missing, or a claim is named that the paper does not have.
    """
    where = f"workflow/papers/{paper}/report/study.yaml"
    values: Any = read_yaml_file(root / where, where)
    found = validate(Outline, values, where)
    named = [found.headline.claim, found.headline.control]
    named += [name for reason in found.reasons for name in (*reason.claims, *reason.asked)]
    named += [one.claim for one in found.specifications]
    for name in named:
        if name not in claims:
            raise StudyError(
                f"{where}: no claim of {paper} is called '{name}'{nearest(name, claims)}"
            )
    return found
