"""Parts of a configuration as typed, frozen models: in schemas, and as a job gets them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError


class Section(BaseModel):
    """A part of a configuration: unknown keys and wrong types are errors.

    A job declares a section of its own in its module, with the fields that it reads and no other:
    a change elsewhere in the schema then enters neither its code nor its values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def typed(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's arguments, each that the function declares as a `Section` made into it.

    Parameters
    ----------
    function
        Whose annotations count; a section may stand inside a list or dict.
    arguments
        Plain values by name.

    Raises
    ------
    ValueError
        When a value does not fit, naming function, argument and field.
    """
    parameters = inspect.signature(function).parameters
    function = function.func if isinstance(function, partial) else function
    done = dict(arguments)
    for name, value in arguments.items():
        kind = _resolved(parameters[name].annotation, function) if name in parameters else None
        if kind is not None and _holds_section(kind):
            try:
                done[name] = TypeAdapter(kind).validate_python(value)
            except ValidationError as error:
                one = error.errors()[0]
                place = ".".join(str(part) for part in (name, *one["loc"]))
                message = f"{function.__module__}:{function.__qualname__}: {place}: {one['msg']}"
                raise ValueError(message) from None
    return done


def _resolved(annotation: Any, function: Callable[..., Any]) -> Any:
    """Return an annotation's type; None where it names what only a type checker imports."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, inspect.unwrap(function).__globals__)
    except NameError:
        return None


def _holds_section(kind: Any) -> bool:
    if isinstance(kind, type) and not get_args(kind):
        return issubclass(kind, Section)
    return any(_holds_section(part) for part in get_args(kind))
