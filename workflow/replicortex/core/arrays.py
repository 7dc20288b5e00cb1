"""Jobs of one kind as few rules: those that differ by a condition or a seed alone share one.

A cluster's engine submits together what one rule has ready, so that a rule for each job would be a
submission for each. A rule's files must be told by wildcards: a job of several conditions and several
seeds has a rule of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

SEED = "seed"


class Choice:
    """What depends on a job, as a function of its wildcards: an argument, or inputs (by `unpack`)."""

    def __init__(self, names: Sequence[str], values: Mapping[tuple[str, ...], Any]):
        """Keep a value for each combination of the values of some wildcards."""
        self.names = tuple(names)
        self.values = dict(values)

    def __repr__(self) -> str:
        """Return its wildcards; the engine takes what stands in angle brackets for a path's variable."""
        return f"{type(self).__name__}({', '.join(self.names)})"

    def __call__(self, wildcards: Any) -> Any:
        """Return the value of some wildcards."""
        return self.values[tuple(str(getattr(wildcards, name)) for name in self.names)]


def choose(name: str, values: Mapping[Any, Any]) -> Choice:
    """Return what depends on one wildcard: a value for each of the wildcard's."""
    return Choice([name], {(str(key),): value for key, value in values.items()})


def one_of(values: Iterable[Any]) -> str:
    """Return the constraint of a wildcard that has one of some values."""
    return "|".join(re.escape(str(value)) for value in values)


class Array(NamedTuple):
    """Jobs that share a rule.

    Attributes
    ----------
    name
        What the rule's name ends with.
    units
        Names of the networks of each job, "condition/seed0" or "seed0", with wildcards.
    wildcards
        The constraint of each wildcard: together they hold for these jobs and for no other.
    jobs
        Each job's name, by the values of the wildcards.
    """

    name: str
    units: list[str]
    wildcards: dict[str, str]
    jobs: dict[tuple[str, ...], str]

    @property
    def log(self) -> str:
        """What the path of a log ends with."""
        parts = {SEED: "seed{seed}"}
        return "".join(f"/{parts.get(name, f'{{{name}}}')}" for name in self.wildcards)

    @property
    def said(self) -> str:
        """The job in words, for a rule's message."""
        parts = {SEED: "seed {wildcards.seed}"}
        words = [parts.get(name, f"{{wildcards.{name}}}") for name in self.wildcards]
        if list(self.wildcards) in ([], [SEED]):
            name = self.name.strip("_")
            words.insert(0, f"job {name}" if name.isdecimal() else name)
        return ", ".join(filter(None, words))

    def each(self, values: Mapping[str, Any]) -> Choice:
        """Return what depends on the job, from a value for each job's name."""
        return Choice([*self.wildcards], {key: values[job] for key, job in self.jobs.items()})


class _Group(NamedTuple):
    """Jobs of one shape: networks' names with wildcards, the wildcards, and each job's values of them."""

    units: list[str]
    wildcards: list[str]
    jobs: dict[tuple[str, ...], str]


def arrays(
    jobs: Mapping[str, Sequence[str]], condition: str = "condition", alone: bool = True
) -> list[Array]:
    """Return the rules of some jobs.

    Parameters
    ----------
    jobs
        Networks of each job, "condition/seed0" or "seed0", by the job's name.
    condition
        The wildcard for what a network is of beside its seed.
    alone
        Whether a job that shares its rule with no other has a rule without wildcards, which bears its
        name.
    """
    found = []
    for group in _grouped(jobs, condition):
        names = [*group.jobs.values()]
        if len(names) == 1 and (alone or not group.wildcards):
            (name,) = names
            found.append(Array(f"_{name}", list(jobs[name]), {}, {(): name}))
            continue
        values = zip(*group.jobs, strict=True)
        told = {
            wildcard: one_of(dict.fromkeys(each))
            for wildcard, each in zip(group.wildcards, values, strict=True)
        }
        words = _common([name.split("_") for name in names])
        found.append(Array("".join(f"_{word}" for word in words), group.units, told, group.jobs))
    return _told_apart(found)


def _grouped(jobs: Mapping[str, Sequence[str]], condition: str) -> list[_Group]:
    """Return the jobs by what their outputs have in common, one rule each: seeds, a condition, or both."""
    groups: dict[Any, _Group] = {}
    singles: dict[str, dict[str, str]] = {}  # the job of each condition and seed
    for name, units in jobs.items():
        pairs = [(of.rstrip("/"), seed) for of, _, seed in (u.rpartition(SEED) for u in units)]
        conditions, seeds = (tuple(dict.fromkeys(each)) for each in zip(*pairs, strict=True))
        if len(pairs) == 1 and conditions != ("",):
            singles.setdefault(conditions[0], {})[seeds[0]] = name
            continue
        key, values = list(units), {}
        if len(seeds) == 1:
            key = [f"{of}/seed{{{SEED}}}".lstrip("/") for of in conditions]
            values = {SEED: seeds[0]}
        elif len(conditions) == 1 and conditions != ("",):
            key = [f"{{{condition}}}/seed{seed}" for seed in seeds]
            values = {condition: conditions[0]}
        own = groups.setdefault(tuple(key), _Group(key, [*values], {}))
        own.jobs[tuple(values.values())] = name
    # Conditions with the same seeds: every combination of the wildcards' values is a job.
    for one, by_seed in singles.items():
        key = [f"{{{condition}}}/seed{{{SEED}}}"]
        own = groups.setdefault(("", *sorted(by_seed)), _Group(key, [condition, SEED], {}))
        own.jobs.update({(one, seed): name for seed, name in by_seed.items()})
    return [*groups.values()]


def _common(words: Sequence[Sequence[str]]) -> list[str]:
    """Return the words with which all names begin."""
    return [
        same[0] for same in takewhile(lambda each: len(set(each)) == 1, zip(*words, strict=False))
    ]


def _told_apart(found: list[Array]) -> list[Array]:
    """Number those rules that would bear one name."""
    often = Counter(one.name for one in found)
    seen: Counter[str] = Counter()
    named = []
    for one in found:
        number = f"_{seen[one.name]}" if often[one.name] > 1 else ""
        seen[one.name] += 1
        named.append(one._replace(name=f"{one.name}{number}"))
    return named
