"""YAML read by the C library where it is there: ten times as fast, and each job parses all of it."""

from __future__ import annotations

from typing import IO, Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str | IO[str]) -> Any:
    """Return the plain values of one YAML document.

    Raises
    ------
    yaml.YAMLError
        When it is no YAML.
    """
    return yaml.load(text, Loader=LOADER)
