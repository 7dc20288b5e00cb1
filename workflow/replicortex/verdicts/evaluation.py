"""Every claim of a paper against its tables: one row a claim, with verdict, reason and power."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.verdicts import calibrate, power
from replicortex.verdicts.intervals import Estimate, estimate, smallest_p
from replicortex.verdicts.measure import (
    Absent,
    Aliases,
    Compiled,
    Missing,
    Table,
    Tables,
    compiled,
    resolved,
    stated,
)
from replicortex.verdicts.model import OF_UNITS, Claim, Measure, Unit, unmet
from replicortex.verdicts.verdict import Interval, judge, predicted, reason, sizes
from replicortex.verdicts.words import (
    CANNOT_TELL,
    FEW_UNITS,
    MIN_UNITS,
    NEEDS_RUN,
    NONE,
    NOT_TESTABLE,
    ON_OTHER_DATA,
    ORDER,
    REHEARSAL,
    SYNTHETIC,
    UNCALIBRATED,
)

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("paper", "id", "finding", "kind", "says", "where", "as", "unit"),
    *("published", "published_low", "published_high", "predicted_low", "predicted_high"),
    *("ours", "sd", "n", "over", "lower", "upper", "over_also", "lower_also", "upper_also"),
    *("difference", "direction", "threshold", "smallest", "boundary", "within", "because"),
    *(
        "size",
        "verdict",
        "reason",
        "detectable",
        "needed",
        "p",
        "q",
        "met_at_boundary",
        "data",
        "table",
    ),
    "select",
)
REHEARSED = "rehearsed"  # a column of rehearsals alone: the verdict that would be given
WORDS = frozenset(
    {
        *("paper", "id", "finding", "kind", "says", "where", "as", "unit", "published"),
        *("over", "over_also", "direction", "because", "size", "verdict", "reason", "data"),
        *("table", "select", REHEARSED),
        "interval",  # of runs that were kept before units had names
    }
)
SIZES = {0: "as published", -1: "smaller", 1: "larger"}


@dataclass
class Judged:
    """What became of a claim: numbers, verdict and reason, and what calibration reads."""

    estimate: Estimate | None = None
    intervals: tuple[Interval, ...] = ()
    verdict: str = NOT_TESTABLE
    reason: str = ""
    compiled: Compiled | str = "not measured"


def evaluate(
    claims: Sequence[Claim],
    tables: Mapping[str, pd.DataFrame],
    *,
    aliases: Aliases,
    facts: Mapping[str, Any],
    absent: Mapping[str, Sequence[str]] | None = None,
    synthetic: bool,
    paper: str = "",
    older: bool = False,
    rehearsal: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge claims by tables, and try their rules on simulated ones.

    Parameters
    ----------
    claims
        As `reading.load` gives them.
    tables
        The tidy tables by name.
    aliases
        Column -> word -> this study's value, such as `{"roi": {"early": "V1"}}`.
    facts
        What `needs` and `data` ask of the configuration, as `model.facts_of` gives it.
    absent
        What this configuration does not have -> ids of the claims that name it: not testable here.
    synthetic
        Whether the numbers come from made-up data: then no claim gets a verdict.
    paper
        Name written into the first column.
    older
        Whether the tables may be older than the claims: what they lack then needs a new run.
    rehearsal
        Whether the run is a rehearsal: claims go the whole way of real data, and get no verdict.

    Returns
    -------
    One row per claim in the order of the claims, columns `COLUMNS`, numbers in the unit of `as`, of a
    rehearsal with `REHEARSED` beside them;
    and one row per claim with the columns of `calibrate.COLUMNS`.

    Raises
    ------
    StudyError
        When a table, column or value does not exist, no row matches or a unit has more than one. A
        missing number (NaN) leaves its claim without an answer instead.
    """
    import pandas as pd

    lacked = {one: what for what, naming in (absent or {}).items() for one in naming}
    synthetic = synthetic and not rehearsal
    asked = {name: Table(table) for name, table in tables.items()}
    found = [
        _judged(claim, asked, aliases, facts, lacked.get(claim.id, ""), synthetic, older)
        for claim in claims
    ]
    count = sum(isinstance(one.compiled, Compiled) for one in found)
    tried = pd.DataFrame(
        [
            {
                "paper": paper,
                **calibrate.calibration(claim, one.compiled, same(claim, facts), count),
            }
            for claim, one in zip(claims, found, strict=True)
        ],
        columns=list(calibrate.COLUMNS),
    )
    for one, failed in zip(found, tried["calibrated"] == "no", strict=True):
        if failed and not synthetic and one.verdict.removesuffix(ON_OTHER_DATA) not in NONE:
            one.verdict = UNCALIBRATED
    rows = [
        _row(claim, one, aliases, facts, paper) for claim, one in zip(claims, found, strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    judged = ~table["verdict"].str.removesuffix(ON_OTHER_DATA).isin(NONE)
    table["met_at_boundary"] = tried["met_at_boundary"].where(judged).astype(float)
    table["q"] = power.benjamini_hochberg(list(table["p"]))
    return (_rehearsed(table) if rehearsal else table), tried


def _rehearsed(table: pd.DataFrame) -> pd.DataFrame:
    """Return claims without verdicts: what each would be stands in a column that nothing counts."""
    table[REHEARSED] = table["verdict"]
    table["verdict"] = REHEARSAL
    table["reason"] = "rehearsed: " + table["reason"]
    table[["p", "q", "met_at_boundary"]] = math.nan
    return table


def same(claim: Claim, facts: Mapping[str, Any]) -> bool:
    """Whether the data are the paper's own under this configuration."""
    if isinstance(claim.data, str):
        return claim.data == "same"
    return not unmet(claim.data.same_when, facts)


def _judged(
    claim: Claim,
    tables: Tables,
    aliases: Aliases,
    facts: Mapping[str, Any],
    absent: str,
    synthetic: bool,
    older: bool,
) -> Judged:
    """Return a claim's verdict and reason; without numbers where the configuration lacks what it needs.

    Parameters
    ----------
    absent
        What the claim names that this configuration does not have; "" for nothing.
    synthetic
        Whether the tables are of made-up data, on which no verdict rests.
    older
        Whether the tables may be older than the claim: what they lack is then no error.

    Raises
    ------
    StudyError
        When a cell is missing from tables that are neither synthetic nor older.
    """
    lacking = [f"{absent} is not in this configuration"] if absent else []
    lacking += unmet(claim.needs, facts)
    done = Judged(reason="; ".join(lacking))
    if lacking and not synthetic:
        return done
    try:
        done = _measured(claim, tables, aliases, facts)
    except Absent:
        # A fixture need not have every cell; those that it has exercise the whole chain.
        if not synthetic and not older:
            raise
        done.verdict = NEEDS_RUN
    except StudyError:
        if not older:
            raise
        done.verdict = NEEDS_RUN
    if done.verdict == NEEDS_RUN and not synthetic:
        done.reason = "the tables are older than the claim"
    if synthetic:
        done.verdict, done.reason = SYNTHETIC, "the numbers come from made-up data"
    return done


def _measured(claim: Claim, tables: Tables, aliases: Aliases, facts: Mapping[str, Any]) -> Judged:
    """Return a claim's numbers, verdict and reason; a verdict of none where no number can be had.

    Raises
    ------
    StudyError
        When the tables do not have what the claim names.
    """
    try:
        done = _numbers(claim, tables, aliases)
    except Missing as error:
        return Judged(
            verdict=_there(CANNOT_TELL, claim, facts),
            reason=f"no number: {error}",
            compiled="no number",
        )
    found = done.estimate
    assert found is not None
    if 0 < found.n < MIN_UNITS and claim.over:
        done.verdict = FEW_UNITS
        done.reason = f"{found.n} of at least {MIN_UNITS} {claim.over[0].name}"
        return done
    if claim.as_ == "sign-flip p" and smallest_p(found.n) > claim.threshold:
        least = math.ceil(-math.log2(claim.threshold))
        done.verdict = NOT_TESTABLE
        done.reason = (
            f"with {found.n} {claim.over[0].name} p cannot fall below {smallest_p(found.n):.3g}: "
            f"{least} are needed"
        )
        return done
    if math.isinf(float(found.lower)) and math.isinf(float(found.upper)):
        done.verdict = _there(CANNOT_TELL, claim, facts)
        unit = claim.over[0].name
        done.reason = f"no bound: the starting value cannot be told from 0 with {found.n} {unit}"
        return done
    if not math.isfinite(float(found.ours)) or not math.isfinite(float(found.lower)):
        done.verdict, done.reason = _there(CANNOT_TELL, claim, facts), _undefined(claim, done)
        return done
    code = judge(claim, done.intervals, found.ours, found.n, same(claim, facts))
    done.verdict = _there(ORDER[int(code)], claim, facts)
    word = ORDER[int(code)]
    done.reason = reason(claim, done.intervals, word, float(found.ours), found.n)
    done.reason += _agreeing(claim, done)
    if not same(claim, facts) and claim.kind == "published" and claim.verdict.direction != "zero":
        done.reason += "; only the direction is judged"
    return done


def _numbers(claim: Claim, tables: Tables, aliases: Aliases) -> Judged:
    """Return estimate and intervals of a claim, over all units that it names."""
    if not claim.over or claim.over[0].column is not None:
        cells = compiled(claim, tables, aliases)
        found = estimate(claim, cells, cells.cells)
        intervals = [Interval(found.lower, found.upper)]
        intervals += [_stated(claim, unit, tables, aliases)[1] for unit in claim.over[1:]]
        return Judged(found, tuple(intervals), compiled=cells)
    ours, interval = _stated(claim, claim.over[0], tables, aliases)
    found = Estimate(np.asarray(ours), np.asarray(math.nan), 0, *map(np.asarray, interval))
    return Judged(found, (interval,), compiled="its interval is the table's own: no units to draw")


def _stated(claim: Claim, unit: Unit, tables: Tables, aliases: Aliases) -> tuple[float, Interval]:
    read = stated(claim, unit, tables, aliases)
    return read.ours, Interval(read.lower, read.upper)


def _there(word: str, claim: Claim, facts: Mapping[str, Any]) -> str:
    return word if same(claim, facts) else word + ON_OTHER_DATA


def _undefined(claim: Claim, done: Judged) -> str:
    """Say why there is no number although the cells are there."""
    assert isinstance(done.compiled, Compiled)
    if claim.as_ == "cohens d":
        return "no Cohen's d: the units do not differ at all"
    values = done.compiled.formula(done.compiled.cells)
    low = int((~np.isfinite(values)).sum())
    unit = claim.over[0].name if claim.over else "rows"
    where = f"in {low} of {len(values)} {unit}" if low < len(values) else "on average"
    return f"no {claim.as_}: the starting value is not above 0 {where}"


def _agreeing(claim: Claim, done: Judged) -> str:
    """Say how many units lie beyond the boundary by themselves."""
    if not isinstance(done.compiled, Compiled) or claim.exact or claim.as_ in OF_UNITS:
        return ""
    if claim.verdict.direction == "zero" or claim.over[0].other is not None:
        return ""
    each = done.compiled.relative.each if done.compiled.relative else done.compiled.formula
    values = each(done.compiled.cells)
    sign = 1 if claim.verdict.direction == "positive" else -1
    beyond = int((sign * values > sign * claim.boundary).sum())
    return f" ({beyond} of {len(values)} {claim.over[0].name} agree)"


def _row(
    claim: Claim, one: Judged, aliases: Aliases, facts: Mapping[str, Any], paper: str
) -> dict[str, Any]:
    """Return a claim's row of claims.csv, by the names in `COLUMNS`.

    Numbers that are not there are NaN, texts "". "p" is that of `power.p_value`; "q" and "met_at_boundary"
    are filled when all claims are known.
    """
    published, measure, nan = claim.published, claim.measure, math.nan
    found = one.estimate
    n = found.n if found else 0
    ours, sd = (float(found.ours), float(found.sd)) if found else (nan, nan)
    ends = [(float(i.lower), float(i.upper)) for i in one.intervals] + [(nan, nan)] * 2
    intervals = ends if not claim.exact else [(ours, ours), (nan, nan)]
    low, high = predicted(claim, n)
    can = power.NOTHING
    if found is not None and not claim.exact:
        can = (
            power.of_units(claim, sd, n)
            if n
            else power.of_interval(claim, float(found.lower), float(found.upper))
        )
    size = ""
    if published is not None and math.isfinite(ours) and claim.verdict.direction != "zero":
        size = SIZES[int(sizes(claim, ours, n))]
    names = [unit.name for unit in claim.over]
    return {
        "paper": paper,
        "id": claim.id,
        "finding": claim.finding,
        "kind": claim.kind,
        "says": claim.says,
        "where": claim.where,
        "as": claim.as_,
        "unit": (published.unit if published else "") or measure.unit,
        "published": published.text() if published else "",
        "published_low": published.low if published else nan,
        "published_high": published.high if published else nan,
        "predicted_low": low,
        "predicted_high": high,
        "ours": ours,
        "sd": sd,
        "n": n,
        "over": names[0] if names else "",
        "lower": intervals[0][0],
        "upper": intervals[0][1],
        "over_also": names[1] if len(names) > 1 else "",
        "lower_also": intervals[1][0] if len(names) > 1 else nan,
        "upper_also": intervals[1][1] if len(names) > 1 else nan,
        "difference": published.distance(ours) if published and found else nan,
        "direction": claim.verdict.direction,
        "threshold": claim.threshold,
        "smallest": nan if claim.verdict.smallest is None else claim.verdict.smallest,
        "boundary": claim.boundary,
        "within": nan if claim.verdict.within is None else claim.verdict.within,
        "because": claim.verdict.because,
        "size": size,
        "verdict": one.verdict,
        "reason": one.reason,
        "detectable": can.detectable,
        "needed": can.needed,
        "p": nan if found is None or one.verdict in NONE else power.p_value(claim, found),
        "q": nan,
        "met_at_boundary": nan,
        "data": "same" if same(claim, facts) else "other",
        "table": measure.table,
        "select": select_text(measure, aliases),
    }


def select_text(measure: Measure, aliases: Aliases) -> str:
    """Return where a number stands, in words."""

    def text(selection: Mapping[str, Any] | None) -> str:
        named = resolved(dict(selection or {}), aliases)
        return ", ".join(f"{column}={value}" for column, value in named.items())

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
