"""Specification curves: a claim asked in every way that paper, code and kept tables leave open.

Switches that cached activations answer are crossed; those that need a training are taken one at a time.
The joint test (Simonsohn, Simmons and Nelson 2020, doi 10.1038/s41562-020-0912-z) flips the sign of a unit
in all specifications at once, since they share their units.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.report.outline import Option, Specifications
from replicortex.report.sources import Source
from replicortex.verdicts.intervals import estimate, smallest_p
from replicortex.verdicts.measure import Missing, Table, compiled
from replicortex.verdicts.model import Claim

if TYPE_CHECKING:
    import pandas as pd

MOST_UNITS = 16  # all flips of which are listed
TRAINED = "training"
FOR, AGAINST, NEITHER = "as claimed", "against", "neither"


class Joint(NamedTuple):
    """The test of all specifications together: one-sided p, the smallest possible, units, specifications."""

    p: float
    smallest: float
    units: int
    specifications: int


@dataclass(frozen=True)
class Curve:
    """All specifications of a claim.

    `table`: a row each with "kind" (crossed, retrained), a column a switch, "estimate", "lower", "upper",
    "n", "side" (where the interval lies) and "sign" (where the number itself lies). `absent`: those that the
    kept run does not have, in words.
    """

    claim: Claim
    switches: tuple[str, ...]
    table: pd.DataFrame
    absent: tuple[str, ...]
    joint: Joint | None

    def share(self, column: str, value: str) -> float:
        """Return the share of specifications on a side; NaN without any."""
        return float((self.table[column] == value).mean()) if len(self.table) else float("nan")


def curves(source: Source) -> list[Curve]:
    """Return the specifications of each claim for which a paper's outline has some.

    Raises
    ------
    StudyError
        A claim has no direction, or no unit of its own.
    """
    return [_curve(source, asked) for asked in source.outline.specifications]


def over_units(source: Source, name: str) -> dict[str, Any] | None:
    """Return a claim's number over its own units alone; None where the kept run lacks it.

    Returns
    -------
    "estimate", "lower", "upper", "n" and the sides of a specification.

    Raises
    ------
    StudyError
        The claim has no direction, or no unit of its own.
    """
    claim = _over_units(source.claims[name])
    if claim.measure.table not in source.files:
        return None
    tables = {claim.measure.table: source.table(claim.measure.table)}
    found = _measured(claim, tables, source.settings["aliases"])
    return found and found[0]


def _curve(source: Source, asked: Specifications) -> Curve:
    """Return one claim's specifications, measured; raises as `curves`."""
    import pandas as pd

    claim = _over_units(source.claims[asked.claim])
    tables = {claim.measure.table: source.table(claim.measure.table)}
    rows, units, absent = [], [], []
    for kind, values, one in _every(claim, asked):
        found = _measured(one, tables, source.settings["aliases"])
        if found is None:
            absent.append(", ".join(values.values()))
            continue
        row, numbers = found
        rows.append({"kind": kind, **values, **row})
        units.append(numbers)
    switches = tuple(choice.switch for choice in asked.crossed)
    switches += (TRAINED,) if asked.retrained else ()
    columns = ["kind", *switches, "estimate", "lower", "upper", "n", "side", "sign"]
    table = pd.DataFrame(rows, columns=columns)
    return Curve(claim, switches, table, tuple(absent), joint(units, claim))


def _over_units(claim: Claim) -> Claim:
    """Return a claim over its own units alone.

    Raises
    ------
    StudyError
        It has none, or claims that nothing is there.
    """
    unit = claim.over[0] if claim.over else None
    if unit is None or unit.column is None or unit.other or claim.verdict.direction == "zero":
        raise StudyError(
            f"specifications: claim '{claim.id}' needs a direction and units of its own, one number each"
        )
    return claim.model_copy(update={"over": [unit]})


def _every(claim: Claim, asked: Specifications) -> Iterator[tuple[str, dict[str, str], Claim]]:
    """Yield kind, value of each switch and claim of every specification."""
    options = {choice.switch: choice.options() for choice in asked.crossed}
    trained = {TRAINED: "as the claim has it"} if asked.retrained else {}
    for chosen in itertools.product(*options.values()):
        values, one = {}, claim
        for (switch, known), name in zip(options.items(), chosen, strict=True):
            values[switch] = f"{name} [{known[name].side}]"
            one = _laid(one, known[name])
        yield "crossed", values | trained, one
    own = {switch: _own(claim, known) for switch, known in options.items()}
    for each in asked.retrained:
        yield "retrained", own | {TRAINED: f"{each.switch} [{each.side}]"}, _laid(claim, each)


def _laid(claim: Claim, option: Option) -> Claim:
    """Return a claim with an option laid over its measure; what it fixes is no longer reduced over."""
    measure = claim.measure
    for place, overlay in option.lay.items():
        changed: dict[str, Any] = {place: {**(getattr(measure, place) or {}), **overlay}}
        if measure.across and set(measure.across) & set(overlay):
            changed["across"] = None
        measure = measure.model_copy(update=changed)
    return claim.model_copy(update={"measure": measure})


def _own(claim: Claim, options: Mapping[str, Option]) -> str:
    """Return the value of a switch that the claim itself has; "" where it has none of them."""
    for name, option in options.items():
        if _same(claim, option):
            return f"{name} [{option.side}]"
    return ""


def _same(claim: Claim, option: Option) -> bool:
    """Whether what an option lays over a measure is there already, numbers by their text."""
    return all(
        str((getattr(claim.measure, place) or {}).get(column)) == str(value)
        for place, overlay in option.lay.items()
        for column, value in overlay.items()
    )


def _measured(
    claim: Claim, tables: Mapping[str, Table], aliases: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[tuple[str, ...], float]] | None:
    """Return a specification's row and the numbers of its units; None where the kept run lacks it."""
    try:
        cells = compiled(claim, tables, aliases)
    except (StudyError, Missing):
        return None
    numbers = cells.formula(cells.cells)
    if not np.isfinite(numbers).all():
        return None
    found = estimate(claim, cells, cells.cells)
    sign = 1 if claim.verdict.direction == "positive" else -1
    low, high = sorted(
        (sign * (float(found.lower) - claim.nothing), sign * (float(found.upper) - claim.nothing))
    )
    row = {
        "estimate": float(found.ours),
        "lower": float(found.lower),
        "upper": float(found.upper),
        "n": found.n,
        "side": FOR if low > 0 else AGAINST if high < 0 else NEITHER,
        "sign": FOR if sign * (float(found.ours) - claim.nothing) > 0 else AGAINST,
    }
    return row, dict(zip(cells.labels, map(float, numbers), strict=True))


def joint(units: Sequence[Mapping[tuple[str, ...], float]], claim: Claim) -> Joint | None:
    """Return the joint sign-flip test over units of the median specification.

    Parameters
    ----------
    units
        For each specification the number of each unit. Those without all units of the most complete one are
        left out.
    claim
        Its direction, and the point that stands for nothing.

    Returns
    -------
    None without a specification, with one unit or more than `MOST_UNITS`.
    """
    complete = max(map(len, units), default=0)
    if not 2 <= complete <= MOST_UNITS:
        return None
    whole = [each for each in units if len(each) == complete]
    whole = [each for each in whole if each.keys() == whole[0].keys()]
    order = list(whole[0])
    sign = 1 if claim.verdict.direction == "positive" else -1
    numbers = np.array(
        [[sign * (each[label] - claim.nothing) for label in order] for each in whole]
    )
    flips = np.array(list(itertools.product((1, -1), repeat=complete)))
    medians = np.median(numbers @ flips.T, axis=0) / complete
    observed = float(np.median(numbers.mean(axis=1)))
    # A flip that gives the observed sum again is no smaller by the last bit.
    p = float((medians >= observed - 1e-12 * max(1.0, abs(observed))).mean())
    return Joint(p, smallest_p(complete), complete, len(whole))
