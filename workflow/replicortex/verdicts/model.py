"""What one claim says: the paper's number, where ours stands, and what would count as met.

A claim's interval must lie beyond its *boundary*: the claim's own `threshold`, or else `smallest`,
the smallest effect of interest, beyond the point that stands for "nothing there" (0; 1 for a ratio).
`direction: zero` says that nothing is there: the interval must lie within `within` of that point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Scalar = str | int | float
Selection = dict[str, Scalar | list[Scalar]]
As = Annotated[
    Literal["value", "difference", "relative change", "ratio", "cohens d", "sign-flip p"],
    BeforeValidator(lambda word: word.replace("_", " ") if isinstance(word, str) else word),
]
Reduction = Literal["mean", "min", "max"]
OF_TWO = ("difference", "relative change", "ratio", "cohens d", "sign-flip p")
OF_UNITS = ("cohens d", "sign-flip p")


class Part(BaseModel):
    """A part of a claims file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Published(Part):
    """The paper's number: one value, or a range [low, high] (`.inf` leaves an end open).

    With `sd` and `n`, over the unit `over`, a prediction interval tells what a repetition would give.
    """

    value: float | Annotated[list[float], Field(min_length=2, max_length=2)]
    as_: As = Field(default="value", alias="as")
    unit: str = Field(default="", description="what it is measured in")
    sd: float | None = Field(default=None, gt=0, description="between the paper's units")
    n: int | None = Field(default=None, ge=2, description="number of the paper's units")
    over: str = Field(default="seeds", description="the unit that the paper sampled")

    @model_validator(mode="after")
    def _belong_together(self) -> Published:
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            raise ValueError(f"published range {self.value} must be [low, high]")
        if (self.sd is None) != (self.n is None):
            raise ValueError("published sd and n belong together")
        return self

    @property
    def low(self) -> float:
        """The smallest value that agrees with the paper."""
        return self.value[0] if isinstance(self.value, list) else self.value

    @property
    def high(self) -> float:
        """The largest value that agrees with the paper."""
        return self.value[1] if isinstance(self.value, list) else self.value

    def distance(self, ours: float) -> float:
        """Signed distance from the nearest published value; 0 inside a range."""
        return ours - min(max(ours, self.low), self.high)

    def text(self) -> str:
        """The number as it is printed."""
        if self.low == self.high:
            return f"{self.low:.3g}"
        if math.isinf(self.high):
            return f"at least {self.low:.3g}"
        if math.isinf(self.low):
            return f"at most {self.high:.3g}"
        return f"{self.low:.3g} to {self.high:.3g}"


class Measure(Part):
    """Where our number stands: rows of a tidy table and what is done with them, unit by unit."""

    table: str
    select: Selection = Field(default_factory=dict)
    value: str
    less: str | None = Field(default=None, description="column subtracted from value")
    equals: Scalar | None = Field(default=None, description="count rows with this value as 1")
    from_: Selection | None = Field(default=None, alias="from", description="where it starts")
    to: Selection | None = Field(default=None, description="where it ends")
    minus: Selection | None = Field(
        default=None, description="subtract the same quantity under this selection"
    )
    across: Annotated[dict[str, Reduction], Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="reduce over the values of one column that `select` lists"
    )
    as_: As | None = Field(default=None, alias="as")
    unit: str = ""
    may_lack_rows: bool = Field(
        default=False,
        description="whether data may give no row, as where no unit passes a test: then there is no number",
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Measure:
        """Refuse keys that exclude each other, and lists of values over which nothing is reduced."""
        if (self.from_ is None) != (self.to is None):
            raise ValueError("from and to belong together")
        listed = [column for column, value in self.select.items() if isinstance(value, list)]
        reduced = list(self.across or {})
        if listed != reduced:
            raise ValueError(
                f"select lists several values of {listed or 'no column'} but across names "
                f"{reduced or 'no column'}: they must agree"
            )
        if self.less is not None and self.equals is not None:
            raise ValueError("less and equals exclude each other")
        return self


class Unit(Part):
    """What was sampled, and how its interval is found.

    `column` holds one unit a value (Student's t over their numbers). With `other`, a row is a pair
    of units: pairs share members, and the interval is the jackknife's over members. `lower` and `upper`
    are columns of the table's own interval, such as a bootstrap over stimuli. `table`, `select` and
    `value` say where such an interval stands when it is not in the claim's own rows.
    """

    name: str
    column: str | None = None
    other: str | None = None
    lower: str | None = None
    upper: str | None = None
    table: str | None = None
    select: Selection | None = None
    value: str | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> Unit:
        """Refuse a unit with both or neither of a column and the table's own interval."""
        if (self.lower is None) != (self.upper is None):
            raise ValueError("lower and upper belong together")
        if (self.column is None) == (self.lower is None):
            raise ValueError(
                "a unit needs either column (one number a unit) or lower and upper (the table's own "
                "interval)"
            )
        if self.other is not None and self.column is None:
            raise ValueError("other names the second member of a pair: column names the first")
        return self


SEEDS = Unit(name="seeds", column="seed")


class Verdict(Part):
    """What would count as met."""

    direction: Literal["positive", "negative", "zero"]
    within: float | None = Field(default=None, ge=0, description="tolerance, in the unit of `as`")
    threshold: float | None = Field(default=None, description="what the interval must lie beyond")
    smallest: float | None = Field(
        default=None, ge=0, description="smallest effect of interest, from where nothing is"
    )
    because: str = Field(default="", description="why this threshold, tolerance or size")


class Bounds(Part):
    """A condition on a number of the configuration."""

    at_least: float | None = None
    at_most: float | None = None
    has: Scalar | None = Field(default=None, description="an entry of a list or a key")


Need = Bounds | list[Scalar] | Scalar | None
Needs = dict[str, Need]


class SameData(Part):
    """The configuration under which the data are the paper's own."""

    same_when: Needs


class Claim(Part):
    """One claim, complete: as written, with what its file says of all."""

    id: str
    finding: str = ""
    kind: Literal["published", "control"]
    says: str
    where: str
    published: Published | None = None
    measure: Measure
    verdict: Verdict
    over: Annotated[list[Unit], Field(max_length=2)] = Field(
        default_factory=lambda: [SEEDS], description="units sampled; none for an exact number"
    )
    needs: Needs = Field(
        default_factory=dict, description="key of the configuration -> what it must be"
    )
    data: Literal["same", "other"] | SameData = Field(description="same: the paper's data and size")

    @model_validator(mode="after")
    def _belong_together(self) -> Claim:
        """Refuse a claim whose published value, measure, verdict and units do not fit each other."""
        verdict, measure = self.verdict, self.measure
        if self.kind == "published" and self.published is None:
            raise ValueError("a published claim needs published: {value: ...}")
        spread = self.published.sd if self.published else None
        if self.kind == "published" and verdict.within is None and spread is None:
            raise ValueError("a published claim needs verdict: within, or published: sd and n")
        if verdict.direction == "zero" and verdict.within is None:
            raise ValueError("direction zero needs verdict: within, which says what zero means")
        own, quoted = measure.as_, self.published and self.published.as_
        if own and quoted and own != quoted:
            raise ValueError(f"measure.as is '{own}' but published.as is '{quoted}'")
        if self.as_ in OF_TWO and measure.from_ is None:
            raise ValueError(f"as '{self.as_}' needs measure: from and to")
        if self.as_ == "value" and measure.from_ is not None:
            raise ValueError("measure has from and to: say `as: difference` or another of two")
        if self.as_ in OF_UNITS and (measure.minus or measure.across):
            raise ValueError(f"as '{self.as_}' cannot be combined with minus or across")
        if self.as_ in OF_UNITS and (not self.over or self.over[0].column is None):
            raise ValueError(f"as '{self.as_}' needs over: a unit with a column")
        if self.as_ == "sign-flip p" and verdict.direction != "negative":
            raise ValueError("a p-value must fall below its threshold: direction is negative")
        if len(self.over) == 2 and (self.over[0].column is None or self.over[1].column is not None):
            raise ValueError(
                "of two units the first has a column (one number a unit) and the second lower and "
                "upper (the table's own interval)"
            )
        for unit in self.over:
            own_rows = unit.lower is not None and unit.table is None
            if own_rows and (self.as_ != "value" or measure.minus or measure.across):
                raise ValueError(
                    f"over '{unit.name}': the interval of the claim's own rows needs as `value` "
                    "without minus or across; else say unit: table, select"
                )
        self._size_that_matters()
        return self

    def _size_that_matters(self) -> None:
        """Check that the claim says which size would matter, and that it could be met."""
        verdict = self.verdict
        if verdict.threshold is not None and verdict.smallest is not None:
            raise ValueError(
                "verdict has threshold and smallest: the first is a boundary, the second a "
                "distance from where nothing is; say one"
            )
        if verdict.direction == "zero":
            return
        if verdict.threshold is None and verdict.smallest is None:
            raise ValueError(
                "verdict says no size that would matter: give smallest (from where nothing is) or "
                "a threshold, or a rule under `smallest` of the file"
            )
        if verdict.threshold == self.nothing:
            raise ValueError(
                f"verdict.threshold is {self.nothing:g}, where nothing is: give smallest, the size "
                "that would matter"
            )
        if self.kind != "published" or self.published is None or self.as_ == "sign-flip p":
            return
        reached = self.published.high if verdict.direction == "positive" else -self.published.low
        bound = self.boundary if verdict.direction == "positive" else -self.boundary
        if reached < bound:
            raise ValueError(
                f"the published {self.published.text()} itself does not lie beyond {self.boundary:g}: "
                "no result could meet the claim"
            )

    @property
    def as_(self) -> str:
        """The kind of number: as published, else as measured, else by from and to."""
        if self.published:
            return self.published.as_
        return self.measure.as_ or ("value" if self.measure.from_ is None else "difference")

    @property
    def quantity(self) -> str:
        """The kind of number that rules of `smallest` know: a value less another is a difference."""
        return "difference" if self.as_ == "value" and self.measure.minus else self.as_

    @property
    def nothing(self) -> float:
        """The point that stands for "nothing there"."""
        if self.verdict.direction == "zero" and self.verdict.threshold is not None:
            return self.verdict.threshold
        return 1.0 if self.as_ == "ratio" else 0.0

    @property
    def threshold(self) -> float:
        """What an interval on the wrong side contradicts: the claim's own, or where nothing is."""
        return self.nothing if self.verdict.threshold is None else self.verdict.threshold

    @property
    def boundary(self) -> float:
        """What the interval must lie beyond; the nearer edge does not matter where `direction` is zero."""
        sign = {"positive": 1, "negative": -1, "zero": 0}[self.verdict.direction]
        return self.threshold + sign * (self.verdict.smallest or 0.0)

    @property
    def exact(self) -> bool:
        """Whether nothing was sampled: the number has no interval."""
        return not self.over or self.as_ == "sign-flip p"


def tables(claims: Iterable[Claim]) -> set[str]:
    """Names of the tables that the claims read."""
    named = {claim.measure.table for claim in claims}
    return named | {unit.table for claim in claims for unit in claim.over if unit.table}


def facts_of(claims: Iterable[Claim], numbers: Any) -> dict[str, Any]:
    """Return what the claims ask of a configuration: dotted key -> its value, None where there is none.

    Parameters
    ----------
    claims
        Their `needs` and `data`.
    numbers
        The paper's merged configuration, nested mappings.
    """
    keys: set[str] = set()
    for claim in claims:
        keys |= set(claim.needs)
        if not isinstance(claim.data, str):
            keys |= set(claim.data.same_when)
    found = {}
    for key in sorted(keys):
        value = numbers
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        found[key] = value
    return found


def unmet(needs: Needs, facts: Mapping[str, Any]) -> list[str]:
    """Return what a configuration lacks of what is needed, in words.

    Parameters
    ----------
    needs
        Dotted key -> a value, a list of values of which one suffices, or bounds.
    facts
        As `facts_of` gives them.
    """
    return [
        f"{key} is {_text(facts.get(key))}, needed: {wanted(need)}"
        for key, need in needs.items()
        if not meets(facts.get(key), need)
    ]


def _text(value: Any) -> str:
    return "not set" if value is None else str(value)


def meets(value: Any, need: Need) -> bool:
    """Whether a value of the configuration is what is needed; a list counts by its entries."""
    if isinstance(need, list):
        return any(meets(value, one) for one in need)
    if not isinstance(need, Bounds):
        return bool(value == need)
    if need.has is not None:
        return isinstance(value, list | dict) and need.has in value
    size = len(value) if isinstance(value, list | dict) else value
    if not isinstance(size, int | float):
        return False
    low, high = need.at_least, need.at_most
    return (low is None or size >= low) and (high is None or size <= high)


def wanted(need: Need) -> str:
    """Return a need in words."""
    if isinstance(need, list):
        return " or ".join(map(str, need))
    if not isinstance(need, Bounds):
        return str(need)
    parts = [("at least", need.at_least), ("at most", need.at_most)]
    words = [f"{word} {value:g}" for word, value in parts if value is not None]
    return " and ".join([*words, *([f"an entry {need.has}"] if need.has is not None else [])])
