"""What pydantic finds wrong with a file's values, in one sentence: key, what was found, expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError

from replicortex.core.errors import StudyError, nearest

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], values: Any, where: str) -> Model:
    """Return the model of the values.

    Raises
    ------
    StudyError
        One sentence on the first fault: file, key, what was found, what was expected.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise StudyError(f"{where}: {sentence(error, model, values)}") from None


def sentence(error: ValidationError, model: type[BaseModel], values: Any) -> str:
    """Return the first fault in words, an unknown key before what follows from it.

    Parameters
    ----------
    error
        What the model said of the values.
    model, values
        Both, so that the keys of the file are told from pydantic's names of types.
    """
    faults = error.errors()
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    path, owner = _follow(fault["loc"], model, values)
    key = ".".join(path)
    start = f"{key}: " if key else ""
    found, context = fault["input"], fault.get("ctx", {})
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{key}'{nearest(path[-1], _keys(owner))}"
    if fault["type"] == "missing":
        return f"key '{key}' is missing"
    if fault["type"] == "value_error":
        return f"{start}{context['error']}"
    if fault["type"] == "union_tag_invalid":
        kind = context["discriminator"].strip("'")
        guess = _guess(context["tag"], context["expected_tags"])
        where = f"{key}.{kind}" if key else kind
        tags = context["expected_tags"]
        return f"{where}: input should be one of {tags}, found '{context['tag']}'{guess}"
    branches = [one["msg"] for one in faults if _follow(one["loc"], model, values)[0] == path]
    message = ", or ".join(dict.fromkeys(text[0].lower() + text[1:] for text in branches))
    guess = _guess(found, context["expected"]) if "expected" in context else ""
    value = "a mapping" if isinstance(found, Mapping) else repr(found)
    return f"{start}{message}, found {value}{guess}"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _guess(found: Any, expected: str) -> str:
    """Return `; did you mean 'x'?`, or nothing: the sentence lists what is expected."""
    words = [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]
    guess = nearest(str(found), words)
    return guess if "did you mean" in guess else ""


def _follow(
    location: Iterable[str | int], model: type[BaseModel], values: Any
) -> tuple[list[str], type[BaseModel]]:
    """Return the keys that lead to a fault, and the model that owns the last one.

    Pydantic's location also holds the tags and types of unions, which are no keys of the file.
    """
    path: list[str] = []
    kind: Any = model
    owner = model
    for part in location:
        if isinstance(kind, type) and issubclass(kind, RootModel):
            kind = kind.model_fields["root"].annotation
        members = _members(kind)
        if len(members) > 1:  # a union: the part names one of its members
            kind = next((one for one in members if str(part) in _names(one)), None)
            continue
        kind = members[0] if members else None
        if part == "[key]":  # of a dict: the key itself is wrong
            continue
        path.append(str(part))
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            owner = kind
            field = next(
                (one for name, one in kind.model_fields.items() if part in (name, one.alias)), None
            )
            kind = field.annotation if field else None
        else:
            kind = get_args(kind)[-1] if get_origin(kind) in (dict, list, tuple) else None
    return path, owner


def _members(kind: Any) -> list[Any]:
    """Return the types of a union but for None; of another type, itself."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [one for part in get_args(kind) for one in _members(part)]
    return [] if kind is NoneType else [kind]


def _names(member: Any) -> set[str]:
    """Return by what pydantic may name one member of a union: its tag, its name, its text."""
    field = getattr(member, "model_fields", {}).get("kind")
    tags = map(str, get_args(field.annotation)) if field else ()
    return {getattr(member, "__name__", ""), str(member), *tags}
