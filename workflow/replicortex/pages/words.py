"""Short texts that several pages have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from replicortex.core.files import canonical_json


def function_of(call: str) -> str:
    """Return the short name of a function: its module's, when both are the same, or of a package."""
    module, _, function = call.partition(":")
    last = module.rpartition(".")[2]
    return last if function in ("", last) else f"{last}: {function}"


def figures_of(call: str) -> str:
    """Return the package of a paper's figures, where the function draws one of them, else ""."""
    package, found, _ = call.partition(".figures.")
    return f"{package}.figures" if found else ""


def version_of(data: Mapping[str, str]) -> str:
    """Return a dataset's version; a commit by its start."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28}\b", r"\1", data["version"])


def count(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}{'s' * (number != 1)}"


def leaves(value: Any, at: str = "") -> Iterable[tuple[str, Any]]:
    """Yield place and value of all that is no mapping."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from leaves(value[key], f"{at}.{key}" if at else str(key))
    elif at:
        yield at, value


def value_text(value: Any) -> str:
    """Return a parameter's value as it is shown."""
    return value if isinstance(value, str) else canonical_json(value)
