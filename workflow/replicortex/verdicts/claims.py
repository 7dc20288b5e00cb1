"""What a paper says, number by number, and what our tables say about it.

A paper's `claims.yaml` is a list; each entry is a `Claim`. `evaluate` compares every claim with the
paper's tidy tables and gives one verdict each:

- *replicated*: sign right, the interval excludes the threshold, and |ours - published| <= within;
- *partly replicated*: sign right and the interval excludes the threshold, tolerance missed;
- *inconclusive*: the interval includes the threshold;
- *not replicated*: the interval lies on the wrong side;
- controls, with a threshold of their own: *holds*, *does not hold*, *inconclusive*.

The threshold is 0 (1 for a ratio) unless the claim names one. `direction: zero` says that nothing
is there: the interval must lie within the tolerance around the threshold (an equivalence test).
On data other than the paper's only the direction counts, and the verdict says so. Fewer than three
seeds, synthetic data, or a scale below `testable_from` give no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from replicortex.core.errors import StudyError, nearest
from replicortex.core.yaml_text import read_yaml

if TYPE_CHECKING:
    import pandas as pd

SCALES = ("demo", "small", "full")
MIN_SEEDS = 3

REPLICATED = "replicated"
PARTLY = "partly replicated"
INCONCLUSIVE = "inconclusive"
NOT_REPLICATED = "not replicated"
HOLDS = "holds"
DOES_NOT_HOLD = "does not hold"
NOT_TESTABLE = "not testable at this scale"
FEW_SEEDS = f"fewer than {MIN_SEEDS} seeds: no verdict"
SYNTHETIC = "synthetic data: no verdict"
ON_OTHER_DATA = " on other data"

COLUMNS = (
    "paper",
    "id",
    "kind",
    "says",
    "where",
    "as",
    "unit",
    "published",
    "published_low",
    "published_high",
    "ours",
    "sd",
    "n",
    "lower",
    "upper",
    "interval",
    "difference",
    "direction",
    "threshold",
    "within",
    "verdict",
    "reason",
    "data",
    "table",
    "select",
)
NUMBERS = frozenset(
    {
        *("published_low", "published_high", "ours", "sd", "n", "lower", "upper", "difference"),
        *("threshold", "within"),
    }
)
WORDS = frozenset(COLUMNS) - NUMBERS  # columns of text, when the table is read back

Scalar = str | int | float
Selection = dict[str, Scalar | list[Scalar]]
As = Annotated[
    Literal["value", "difference", "relative change", "ratio", "cohens d", "sign-flip p"],
    BeforeValidator(lambda word: word.replace("_", " ") if isinstance(word, str) else word),
]
Reduction = Literal["mean", "min", "max"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Published(_Part):
    """The paper's number: one value, or a range [low, high] (`.inf` leaves an end open)."""

    value: float | Annotated[list[float], Field(min_length=2, max_length=2)]
    as_: As = Field(default="value", alias="as")
    unit: str = ""

    @model_validator(mode="after")
    def _range_in_order(self) -> Published:
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            raise ValueError(f"published range {self.value} must be [low, high]")
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


class Measure(_Part):
    """Where our number stands: rows of a tidy table and what is done with them, seed by seed."""

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
    lower: str | None = Field(default=None, description="column, for `interval: table`")
    upper: str | None = Field(default=None, description="column, for `interval: table`")

    @model_validator(mode="after")
    def _belong_together(self) -> Measure:
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
        if (self.lower is None) != (self.upper is None):
            raise ValueError("lower and upper belong together")
        return self


class Verdict(_Part):
    """What would count as replicated."""

    direction: Literal["positive", "negative", "zero"]
    within: float | None = Field(default=None, ge=0, description="tolerance, in the unit of `as`")
    threshold: float | None = Field(default=None, description="what the interval must lie beyond")
    interval: Literal["seeds", "table", "none"] = Field(
        default="seeds", description="95 % t-interval over seeds, the table's own, or exact number"
    )


Data = Literal["same", "other"]
Scale = Literal["demo", "small", "full"]


class Claim(_Part):
    """One entry of claims.yaml."""

    id: str
    kind: Literal["published", "control"]
    says: str
    where: str
    published: Published | None = None
    measure: Measure
    verdict: Verdict
    data: Data | dict[Scale, Data] = Field(
        description="same: the paper's data and size; may differ by scale"
    )
    testable_from: Scale | Annotated[list[Scale], Field(min_length=1)] = Field(
        description="smallest scale; a list: these scales alone"
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Claim:
        if self.kind == "published" and self.published is None:
            raise ValueError("a published claim needs published: {value: ...}")
        if self.kind == "published" and self.verdict.within is None:
            raise ValueError("a published claim needs verdict: within")
        if self.verdict.direction == "zero" and self.verdict.within is None:
            raise ValueError("direction zero needs verdict: within, which says what zero means")
        own, quoted = self.measure.as_, self.published and self.published.as_
        if own and quoted and own != quoted:
            raise ValueError(f"measure.as is '{own}' but published.as is '{quoted}'")
        if self.as_ in _OF_TWO and self.measure.from_ is None:
            raise ValueError(f"as '{self.as_}' needs measure: from and to")
        if self.as_ == "value" and self.measure.from_ is not None:
            raise ValueError("measure has from and to: say `as: difference` or another of two")
        if self.as_ in _OF_SEEDS and (self.measure.minus or self.measure.across):
            raise ValueError(f"as '{self.as_}' cannot be combined with minus or across")
        if self.as_ == "sign-flip p" and self.verdict.interval != "none":
            raise ValueError("a p-value has no interval: say `interval: none`")
        if self.as_ == "sign-flip p" and self.verdict.direction == "zero":
            raise ValueError("a p-value is never zero: direction must be positive or negative")
        if self.verdict.interval == "table":
            if self.measure.lower is None or self.as_ != "value":
                raise ValueError("interval `table` needs as `value` and measure: lower and upper")
            if self.measure.minus or self.measure.across:
                raise ValueError("interval `table` cannot be combined with minus or across")
        return self

    @property
    def as_(self) -> str:
        """The kind of number: as published, else as measured, else by from and to."""
        if self.published:
            return self.published.as_
        return self.measure.as_ or ("value" if self.measure.from_ is None else "difference")

    @property
    def threshold(self) -> float:
        """The point that stands for "nothing there": 0, or 1 for a ratio, unless named."""
        if self.verdict.threshold is not None:
            return self.verdict.threshold
        return 1.0 if self.as_ == "ratio" else 0.0

    def testable_at(self, scale: str) -> bool:
        """Whether the scale has the rows that the claim reads."""
        if isinstance(self.testable_from, list):
            return scale in self.testable_from
        return SCALES.index(scale) >= SCALES.index(self.testable_from)

    def data_at(self, scale: str) -> Data:
        """Whether this scale has the paper's data; a scale left out counts as other data."""
        return self.data if isinstance(self.data, str) else self.data.get(scale, "other")


_OF_TWO = ("difference", "relative change", "ratio", "cohens d", "sign-flip p")
_OF_SEEDS = ("cohens d", "sign-flip p")
_BRANCHES = ("float", "str", "int", "literal", "constrained-list")
_MODELS = {"published": Published, "measure": Measure, "verdict": Verdict}


def load(path: Path) -> list[Claim]:
    """Read and check a paper's claims.yaml.

    Raises
    ------
    StudyError
        Naming the file, the claim, the key, what was found and what was expected.
    """
    path = Path(path)
    try:
        entries = read_yaml(path.read_bytes(), path)
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file; expected a list of claims") from None
    if not isinstance(entries, list) or not entries:
        raise StudyError(f"{path}: found {type(entries).__name__}, expected a list of claims")
    claims = [_claim(path, number, entry) for number, entry in enumerate(entries, 1)]
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise StudyError(f"{path}: claim '{twice[0]}': id is given more than once")
    return claims


def _claim(path: Path, number: int, entry: Any) -> Claim:
    named = isinstance(entry, dict) and "id" in entry
    place = f"{path}: claim '{entry['id']}'" if named else f"{path}: claim {number}"
    if not isinstance(entry, dict):
        raise StudyError(f"{place}: found {type(entry).__name__}, expected a mapping of keys")
    try:
        return Claim.model_validate(entry)
    except ValidationError as error:
        raise StudyError(f"{place}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    """The first fault in words; unknown keys before their consequences."""
    faults = error.errors()
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    place = [str(step) for step in fault["loc"]]
    # Steps such as `float` or `list[...]` name a branch of a union, not a key.
    place = [step for step in place if step not in _BRANCHES and "[" not in step]
    key = ".".join(place)
    if fault["type"] == "extra_forbidden":
        model = _MODELS.get(place[0], Claim) if len(place) > 1 else Claim
        valid = [field.alias or name for name, field in model.model_fields.items()]
        return f"unknown key '{key}'{nearest(place[-1], valid)}"
    if fault["type"] == "missing":
        return f"key '{key}' is missing"
    if fault["type"] == "literal_error":
        expected = fault["ctx"]["expected"]
        valid = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
        found = fault["input"]
        return f"{key}: found '{found}', expected {expected}{_guess(found, valid)}"
    if key == "published.value" and fault["type"] != "value_error":
        found = fault["input"]
        return f"published.value: found {found!r}, expected a number or a range [low, high]"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key}: found {fault['input']!r}; {message}"


def _guess(found: Any, valid: list[str]) -> str:
    """`; did you mean 'x'?`, or nothing when the valid names were already listed."""
    guess = nearest(str(found), valid)
    return guess if "did you mean" in guess else ""


def tables(claims: Iterable[Claim]) -> set[str]:
    """Names of the tables that the claims read."""
    return {claim.measure.table for claim in claims}


class Estimate(NamedTuple):
    """Our number: mean over seeds, spread, number of seeds (0: not over seeds), 95 % interval."""

    ours: float
    sd: float
    n: int
    lower: float
    upper: float
    why_not: str = ""
    agreeing: int = 0


def evaluate(
    claims: Sequence[Claim],
    tables: Mapping[str, pd.DataFrame],
    *,
    aliases: Mapping[str, Mapping[str, Any]],
    scale: str,
    synthetic: bool,
    paper: str = "",
) -> pd.DataFrame:
    """Compare claims with tables.

    Parameters
    ----------
    claims
        As read by `load`.
    tables
        The tidy tables by name.
    aliases
        Column -> word -> this scale's value, such as `{"roi": {"early": "V1"}}`.
    scale
        demo, small or full.
    synthetic
        Whether the numbers come from made-up data: then no claim gets a verdict.
    paper
        Name written into the first column.

    Returns
    -------
    pandas.DataFrame
        One row per claim, columns `COLUMNS`, in the order of the claims. Numbers are in the unit of
        `as`; empty where nothing was measured.

    Raises
    ------
    StudyError
        When a table, column or value does not exist, no row matches, a seed has more than one row,
        or no row has
        what is asked for together. A missing number (NaN) makes its claim inconclusive instead.
    """
    import pandas as pd

    if scale not in SCALES:
        raise StudyError(f"scale: found '{scale}', expected one of {', '.join(SCALES)}")
    rows = [_row(claim, tables, aliases, scale, synthetic, paper) for claim in claims]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(
    claim: Claim,
    tables: Mapping[str, pd.DataFrame],
    aliases: Mapping[str, Mapping[str, Any]],
    scale: str,
    synthetic: bool,
    paper: str,
) -> dict[str, Any]:
    published, measure = claim.published, claim.measure
    nan = float("nan")
    estimate, verdict = None, NOT_TESTABLE
    if isinstance(claim.testable_from, list):
        reason = f"testable at scale {' and '.join(claim.testable_from)} alone"
    else:
        reason = f"testable from scale {claim.testable_from}"
    if claim.testable_at(scale):
        estimate = _Measurement(claim, tables, aliases).estimate()
        verdict, reason = judge(claim, estimate, scale)
    elif synthetic:
        # At other scales a claim's cells need not exist; those that do exercise the whole chain.
        try:
            estimate = _Measurement(claim, tables, aliases).estimate()
        except _Absent:
            estimate = None
    if synthetic:
        verdict, reason = SYNTHETIC, "the numbers come from made-up data"
    got = estimate or Estimate(nan, nan, 0, nan, nan)
    return {
        "paper": paper,
        "id": claim.id,
        "kind": claim.kind,
        "says": claim.says,
        "where": claim.where,
        "as": claim.as_,
        "unit": (published.unit if published else "") or measure.unit,
        "published": published.text() if published else "",
        "published_low": published.low if published else nan,
        "published_high": published.high if published else nan,
        "ours": got.ours,
        "sd": got.sd,
        "n": got.n,
        "lower": got.lower,
        "upper": got.upper,
        "interval": claim.verdict.interval,
        "difference": published.distance(got.ours) if published and estimate else nan,
        "direction": claim.verdict.direction,
        "threshold": claim.threshold,
        "within": nan if claim.verdict.within is None else claim.verdict.within,
        "verdict": verdict,
        "reason": reason,
        "data": claim.data_at(scale),
        "table": measure.table,
        "select": _select_text(measure, aliases),
    }


def _select_text(measure: Measure, aliases: Mapping[str, Mapping[str, Any]]) -> str:
    def text(selection: Selection) -> str:
        return ", ".join(
            f"{column}={value}" for column, value in _resolve(selection, aliases).items()
        )

    parts = [text(measure.select), f"value={measure.value}"]
    if measure.equals is not None:
        parts[-1] += f"=={measure.equals}"
    if measure.from_ is not None:
        parts += [f"from {text(measure.from_)}", f"to {text(measure.to)}"]
    if measure.minus is not None:
        parts.append(f"minus {text(measure.minus)}")
    if measure.across is not None:
        parts += [f"{how} over {column}" for column, how in measure.across.items()]
    return "; ".join(part for part in parts if part)


def judge(claim: Claim, estimate: Estimate, scale: str) -> tuple[str, str]:
    """Return the verdict and its reason for real data at a scale that can test the claim."""
    other = claim.data_at(scale) == "other"
    verdict, reason = _judge(claim, estimate, other)
    if verdict in (FEW_SEEDS, NOT_TESTABLE):
        return verdict, reason
    if other and claim.kind == "published" and claim.verdict.direction != "zero":
        reason += "; only the direction is judged"
    return verdict + (ON_OTHER_DATA if other else ""), reason


def _judge(claim: Claim, estimate: Estimate, other: bool) -> tuple[str, str]:
    good, bad = (
        (REPLICATED, NOT_REPLICATED) if claim.kind == "published" else (HOLDS, DOES_NOT_HOLD)
    )
    if 0 < estimate.n < MIN_SEEDS:
        return FEW_SEEDS, f"{estimate.n} of at least {MIN_SEEDS} seeds"
    if estimate.why_not:
        return INCONCLUSIVE, estimate.why_not
    side = _side(claim, estimate)
    exact = claim.verdict.interval == "none"
    what = f"{estimate.ours:.3g}" if exact else f"[{estimate.lower:.3g}, {estimate.upper:.3g}]"
    mark = f"{claim.threshold:.3g}"
    if claim.verdict.direction == "zero":
        mark += f" ± {claim.verdict.within:.3g}"
        words = {1: "lies within", 0: "reaches beyond", -1: "lies outside"}
        return {1: good, 0: INCONCLUSIVE, -1: bad}[side], f"{what} {words[side]} {mark}"
    beyond, short = (
        ("above", "below")
        if claim.verdict.direction == "positive"
        else (
            "below",
            "above",
        )
    )
    if side == 0:
        return INCONCLUSIVE, f"{what} includes {mark}"
    if side < 0:
        return bad, f"{what} is not {beyond} {mark}" if exact else f"{what} lies {short} {mark}"
    reason = f"{what} lies {beyond} {mark}"
    if estimate.n and not exact and not math.isnan(estimate.sd) and estimate.agreeing:
        reason += f" ({estimate.agreeing} of {estimate.n} seeds agree)"
    if claim.kind == "control" or other:
        return good, reason
    missed = abs(claim.published.distance(estimate.ours))
    if _at_most(missed, claim.verdict.within):
        return REPLICATED, f"{reason}, {missed:.3g} from the published number"
    return PARTLY, (
        f"{reason}, but {missed:.3g} from the published number; tolerance "
        f"{claim.verdict.within:.3g}"
    )


def _side(claim: Claim, estimate: Estimate) -> int:
    """1: as the claim says, -1: against it, 0: the interval leaves it open."""
    lower, upper = estimate.lower - claim.threshold, estimate.upper - claim.threshold
    if claim.verdict.direction == "zero":
        within = claim.verdict.within
        if _at_most(upper, within) and _at_most(-lower, within):
            return 1
        return -1 if lower > within or upper < -within else 0
    if claim.verdict.direction == "negative":
        lower, upper = -upper, -lower
    if claim.verdict.interval == "none":
        return 1 if lower > 0 else -1
    return 1 if lower > 0 else -1 if upper < 0 else 0


def _at_most(value: float, limit: float) -> bool:
    """`value <= limit`, where 0.9 - 0.75 counts as 0.15."""
    return value <= limit or math.isclose(value, limit, rel_tol=1e-9)


_NO_SEED = "no seed"


class _Absent(StudyError):
    """A cell that a claim asks for is not in its table."""


class _Missing(Exception):
    """A number that a claim asks for is NaN: a network that gives one answer has no rho."""


class _Measurement:
    """A claim's number out of its table."""

    def __init__(
        self,
        claim: Claim,
        tables: Mapping[str, pd.DataFrame],
        aliases: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.claim, self.measure, self.aliases = claim, claim.measure, aliases
        if self.measure.table not in tables:
            raise self._error("table", self.measure.table, "is not among the tables", list(tables))
        self.table = tables[self.measure.table].reset_index(drop=True)
        self.has_seeds = "seed" in self.table.columns
        if claim.verdict.interval == "seeds" and not self.has_seeds:
            raise StudyError(
                f"claim '{claim.id}': verdict.interval is 'seeds', but table "
                f"'{self.measure.table}' has no column 'seed'; expected 'table' or 'none'"
            )
        for key in ("value", "less", "lower", "upper"):
            if (column := getattr(self.measure, key)) is not None:
                self._need_column(key, column)

    def estimate(self) -> Estimate:
        """Return our number with its interval, or why there is none."""
        try:
            return self._estimate()
        except _Missing as reason:
            nan = float("nan")
            return Estimate(nan, nan, 0, nan, nan, f"no number: {reason}")

    def _estimate(self) -> Estimate:
        how, measure = self.claim.as_, self.measure
        if self.claim.verdict.interval == "table":
            return self._from_table()
        if how in _OF_SEEDS:
            start, end = self._two(measure.select)
            if not self.has_seeds:
                raise StudyError(
                    f"claim '{self.claim.id}': as '{how}' needs a column 'seed', which table "
                    f"'{measure.table}' lacks"
                )
            return _cohens_d(start, end) if how == "cohens d" else self._sign_flip(start, end)
        values, why_not = self._quantity({})
        if measure.minus is not None and not why_not:
            subtracted, why_not = self._quantity(measure.minus)
            if not why_not:
                subtracted, values = self._paired(subtracted, values, "minus")
                values = values - subtracted
        if why_not:
            nan = float("nan")
            return Estimate(nan, nan, len(values), nan, nan, why_not)
        return self._summary(values)

    def _from_table(self) -> Estimate:
        rows = self._rows("select", self.measure.select)
        if len(rows) != 1:
            raise self._too_many(self.measure.select, f"{len(rows)} rows", "one row")
        ours, lower, upper = (
            float(self._numbers(rows, column).iloc[0])
            for column in (self.measure.value, self.measure.lower, self.measure.upper)
        )
        return Estimate(ours, float("nan"), 0, lower, upper)

    def _quantity(self, overlay: Selection) -> tuple[pd.Series, str]:
        """Values by seed (one value without seeds), or why there are none."""
        import pandas as pd

        if self.measure.across is None:
            return self._one({**self.measure.select, **overlay})
        (column, how), *_ = self.measure.across.items()
        parts = []
        for value in self.measure.select[column]:
            part, why_not = self._one({**self.measure.select, **overlay, column: value})
            if why_not:
                return part, why_not
            parts.append(part.rename(str(value)))
        together = pd.concat(parts, axis=1)
        if together.isna().any(axis=None):
            raise StudyError(
                f"claim '{self.claim.id}': measure.across.{column}: the listed values have "
                f"different seeds in table '{self.measure.table}'"
            )
        return together.agg(how, axis=1), ""

    def _one(self, selection: Selection) -> tuple[pd.Series, str]:
        how = self.claim.as_
        if how == "value":
            return self._by_seed("select", selection), ""
        start, end = self._two(selection)
        if how == "difference":
            return end - start, ""
        low = int((start <= 0).sum())
        if low:
            return end - start, (
                f"no {how}: the starting value is not above 0 in {low} of {len(start)} "
                f"{'seeds' if self.has_seeds else 'rows'}"
            )
        return (end / start) - (1.0 if how == "relative change" else 0.0), ""

    def _two(self, selection: Selection) -> tuple[pd.Series, pd.Series]:
        # `minus` may itself name the column that `from` and `to` set: theirs is the last word.
        start = self._by_seed("from", {**selection, **self.measure.from_})
        end = self._by_seed("to", {**selection, **self.measure.to})
        return self._paired(start, end, "from")

    def _paired(self, start: pd.Series, end: pd.Series, key: str) -> tuple[pd.Series, pd.Series]:
        """Return both sides of a comparison, seed beside seed, in the order of the seeds.

        A row without a seed (a model that is not trained) stands beside every seed.

        Raises
        ------
        StudyError
            When a seed stands on one side only.
        """
        if list(start.index) == [_NO_SEED]:
            start = start.repeat(len(end)).set_axis(end.index)
        elif list(end.index) == [_NO_SEED]:
            end = end.repeat(len(start)).set_axis(start.index)
        unmatched = sorted(set(start.index) ^ set(end.index))
        if unmatched:
            raise StudyError(
                f"claim '{self.claim.id}': measure.{key}: seed {unmatched[0]} stands on one side "
                f"of the comparison only in table '{self.measure.table}'"
            )
        return start.sort_index(), end.sort_index()

    def _by_seed(self, key: str, selection: Selection) -> pd.Series:
        rows = self._rows(key, selection)
        if not self.has_seeds:
            if len(rows) != 1:
                raise self._too_many(selection, f"{len(rows)} rows", "one row")
            return self._numbers(rows, self.measure.value).reset_index(drop=True)
        if len(rows) == 1 and rows["seed"].isna().all():
            return self._numbers(rows, self.measure.value).set_axis([_NO_SEED])
        counts = rows["seed"].value_counts(dropna=False)
        if counts.max() > 1:
            seed = counts.idxmax()
            raise self._too_many(
                selection,
                f"{counts.max()} rows for seed {seed}",
                "one row per seed",
                rows[(rows["seed"] == seed) | (rows["seed"].isna() & (seed != seed))],
            )
        return self._numbers(rows, self.measure.value).set_axis(rows["seed"]).sort_index()

    def _rows(self, key: str, selection: Selection) -> pd.DataFrame:
        rows = self.table
        for column, value in _resolve(selection, self.aliases).items():
            self._need_column(f"{key}.{column}", column)
            series = self.table[column]
            match = _equal(series, value)
            if not match.any():
                words = list(self.aliases.get(column, {}))
                raise self._error(
                    f"{key}.{column}",
                    value,
                    f"does not occur in table '{self.measure.table}'",
                    [*_shown(series), *words],
                    absent=True,
                )
            rows = rows[match.loc[rows.index]]
        if rows.empty:
            raise _Absent(
                f"claim '{self.claim.id}': measure.{key}: no row of table '{self.measure.table}' "
                f"has {_words(_resolve(selection, self.aliases))} together{self._blame(selection)}"
            )
        return rows

    def _blame(self, selection: Selection) -> str:
        """The key whose removal finds rows, with the values it could take."""
        resolved = _resolve(selection, self.aliases)
        for column in reversed(list(resolved)):
            rest = self.table
            for name, value in resolved.items():
                if name != column:
                    rest = rest[_equal(rest[name], value)]
            if len(rest):
                found = ", ".join(_shown(rest[column]))
                return f"; with the others, {column} can be {found}"
        return ""

    def _numbers(self, rows: pd.DataFrame, column: str) -> pd.Series:
        import numpy as np
        import pandas as pd

        series = rows[column]
        if self.measure.equals is not None and column == self.measure.value:
            return _equal(series, self.measure.equals).astype(float)
        if self.measure.less is not None and column == self.measure.value:
            series = series - rows[self.measure.less]
        if not pd.api.types.is_numeric_dtype(series):
            raise StudyError(
                f"claim '{self.claim.id}': measure.value: column '{column}' of table "
                f"'{self.measure.table}' holds {series.iloc[0]!r}, expected numbers; "
                "use equals to count a word"
            )
        missing = int((~np.isfinite(series.to_numpy(dtype=float))).sum())
        if missing:
            raise _Missing(
                f"{missing} of {len(series)} selected numbers in column '{column}' of table "
                f"'{self.measure.table}' are missing or infinite"
            )
        return series.astype(float)

    def _summary(self, values: pd.Series) -> Estimate:
        from replicortex.analysis.intervals import t_interval  # imports SciPy

        mean, n = float(values.mean()), len(values) if self.has_seeds else 0
        sd = float(values.std(ddof=1)) if n > 1 else float("nan")
        beyond = (values > self.claim.threshold) == (self.claim.verdict.direction == "positive")
        agreeing = 0 if self.claim.verdict.direction == "zero" else int(beyond.sum())
        if self.claim.verdict.interval == "none":
            return Estimate(mean, sd, n, mean, mean, agreeing=agreeing)
        lower = upper = float("nan")
        if len(values) > 1:
            lower, upper = t_interval(values.to_numpy())
        return Estimate(mean, sd, n, lower, upper, agreeing=agreeing)

    def _sign_flip(self, start: pd.Series, end: pd.Series) -> Estimate:
        """One-sided p of `to` lying above `from`; a fall is tested by naming them the other way."""
        from replicortex.analysis.permutation import sign_flip

        p = sign_flip((end - start).to_numpy(), "greater")
        floor = 2.0 ** -len(start)
        why_not = ""
        if floor > self.claim.threshold:
            why_not = f"with {len(start)} seeds p cannot fall below {floor:.3g}"
        return Estimate(p, float("nan"), len(start), p, p, why_not)

    def _need_column(self, key: str, column: str) -> None:
        if column not in self.table.columns:
            raise self._error(
                key,
                column,
                f"is no column of table '{self.measure.table}'",
                list(self.table.columns),
            )

    def _error(
        self, key: str, found: Any, what: str, valid: Sequence[Any], absent: bool = False
    ) -> StudyError:
        kind = _Absent if absent else StudyError
        return kind(
            f"claim '{self.claim.id}': measure.{key}: '{found}' {what}{nearest(str(found), valid)}"
        )

    def _too_many(
        self,
        selection: Selection,
        found: str,
        expected: str,
        rows: pd.DataFrame | None = None,
    ) -> StudyError:
        resolved = _resolve(selection, self.aliases)
        hint = ""
        if rows is not None:
            free = [
                column
                for column in rows.columns
                if column not in (*resolved, self.measure.value, "seed")
                and rows[column].nunique() > 1
            ]
            hint = f"; they differ in {', '.join(free)}" if free else "; they are the same row"
        return StudyError(
            f"claim '{self.claim.id}': measure.select: {_words(resolved)} gives {found} of table "
            f"'{self.measure.table}', expected {expected}{hint}"
        )


def _resolve(selection: Selection, aliases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    def value_of(column: str, value: Scalar | list[Scalar]) -> Any:
        if isinstance(value, list):
            return [value_of(column, each) for each in value]
        return aliases.get(column, {}).get(value, value)

    return {column: value_of(column, value) for column, value in selection.items()}


def _words(resolved: Mapping[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in resolved.items()) or "no selection"


def _shown(series: pd.Series) -> list[str]:
    return [str(value) for value in sorted(series.dropna().unique())]


def _equal(series: pd.Series, value: Scalar) -> pd.Series:
    """Return where a column of shape (n,) holds a value, as booleans: numbers as numbers (1 is 1.0).

    In a column of words, only a number of the claim stands for the numbers written there.
    """
    import pandas as pd

    words = series.notna() & (series.astype(str) == str(value))
    if isinstance(value, str) and not pd.api.types.is_numeric_dtype(series):
        return words
    number = _number(value)
    if number is None or pd.api.types.is_bool_dtype(series):
        return words
    return pd.to_numeric(series, errors="coerce") == number


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _cohens_d(start: pd.Series, end: pd.Series) -> Estimate:
    """Cohen's d of two groups of seeds, pooled s.d.; interval from the non-central t."""
    from replicortex.analysis.intervals import cohens_d, cohens_d_interval

    n, nan = len(start), float("nan")
    if n < 2:
        return Estimate(nan, nan, n, nan, nan)
    try:
        d = cohens_d(end.to_numpy(), start.to_numpy())
    except StudyError:
        return Estimate(nan, nan, n, nan, nan, "no Cohen's d: the seeds do not differ at all")
    lower, upper = cohens_d_interval(d, n)
    return Estimate(d, nan, n, lower, upper)
