"""The table of measures: one number a row, with what it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

IDENTITY = ["arm", "network", "alpha", "seed"]
COLUMNS = [*IDENTITY, "area", "layer", "positions", "stimulus", "curve", "measure", "null"]
VALUES = ["value", "lower", "upper"]
REAL = "real"  # what is no null; an empty word would be read back as a missing number
NAN = float("nan")
DIGITS = 5  # decimals of a table of results


class Row(NamedTuple):
    """One number of a network, or one with its interval; "" where it has no layer, stimulus, ..."""

    measure: str
    value: float
    lower: float = NAN
    upper: float = NAN
    layer: str = ""
    positions: str = ""
    stimulus: str = ""
    curve: str = ""
    null: str = REAL


def table(
    rows: Sequence[Row], identity: Mapping[str, Any], areas: Mapping[str, str]
) -> pd.DataFrame:
    """Return the rows of one network as a table, columns COLUMNS and VALUES.

    Parameters
    ----------
    identity
        Its arm, network, alpha and seed.
    areas
        What each layer stands for; "" is the area of rows without a layer.
    """
    made = pd.DataFrame(rows, columns=list(Row._fields))
    made = made.assign(**identity, area=made["layer"].map(areas).fillna(""))
    return made[[*COLUMNS, *VALUES]]
