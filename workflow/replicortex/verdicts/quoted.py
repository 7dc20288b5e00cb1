"""Published numbers as figures draw them: read from the claims, which alone hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from replicortex.verdicts.model import Claim


def quoted(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Return each published number that stands for one place of a table.

    Parameters
    ----------
    claims
        As `replicortex.verdicts.reading.load` returns them.

    Returns
    -------
    One mapping per claim whose number is a value (no range, difference, ratio or p): the columns
    that select its rows, with "table", "column" (of our values) and "published" beside them.
    """
    found = []
    for claim in claims:
        published, measure = claim.published, claim.measure
        if claim.kind != "published" or published is None or claim.as_ != "value":
            continue
        if measure.minus or measure.across or isinstance(published.value, list):
            continue
        place = {"table": measure.table, "column": measure.value, "published": published.value}
        found.append({**measure.select, **place})
    return found
