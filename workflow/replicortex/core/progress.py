"""Progress, told by whoever runs a function; the function itself stays silent."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")
Progress = Callable[..., Iterable[Any]]


def iter_plainly(
    iterable: Iterable[Item], desc: str = "", total: int | None = None
) -> Iterator[Item]:
    """Iterate without saying anything: the default wherever `progress` is an argument."""
    return iter(iterable)
