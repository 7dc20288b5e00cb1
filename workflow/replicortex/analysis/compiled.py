"""Functions that Numba compiles: loops over arrays, in one thread, with the same bytes each time.

The first call compiles, for some seconds; later processes read what Numba keeps beside the function's
file, or in the user's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Compiled = TypeVar("Compiled", bound=Callable[..., object])

_njit: Any = numba.njit


def compiled(function: Compiled) -> Compiled:
    """Return the function compiled; without a cache where no folder for it can be written."""
    # Products may be added in one instruction; no other freedom, for results are to be the same bytes.
    options = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        return cast(Compiled, _njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(Compiled, _njit(**options)(function))
