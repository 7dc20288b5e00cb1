"""What a verification found, by paper: which files and which code concern it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from replicortex.pages.papers import Paper
from replicortex.pages.words import count
from replicortex.provenance.steps import Step
from replicortex.provenance.verification import Fault

STALE, ABSENT = "stale", "absent"
MADE = " since the code that made "  # results, which differ from source to source


@dataclass
class State:
    """What was found of one paper."""

    found: list[Fault] = field(default_factory=list)

    def of(self, kind: str) -> list[Fault]:
        """Return what was found of one kind."""
        return [fault for fault in self.found if fault.kind == kind]

    @property
    def wrong(self) -> list[Fault]:
        """What does not hold."""
        return [fault for fault in self.found if fault.counts(current=False)]


def states(
    found: Iterable[Fault], folders: Mapping[str, Path], run: Iterable[Step]
) -> dict[str, State]:
    """Return what was found by paper; what concerns several is told of each.

    Parameters
    ----------
    found
        By a verification of the run.
    folders
        Of results, by paper.
    run
        The jobs: a source concerns each paper whose jobs ran on it, a dataset each that reads it.
    """
    concerned: dict[str, set[str]] = {}
    for step in run:
        papers = {
            name
            for name, folder in folders.items()
            if any(place.is_relative_to(folder) for place in step.outputs)
        }
        paths = [f"workflow/{source}" for source in step.record["modules"]]
        paths += [each.place.as_posix() for part in step.inputs.values() for each in part]
        for path in paths:
            concerned.setdefault(path, set()).update(papers)
    by_paper = {name: State() for name in folders}
    for fault in found:
        own = {name for name, folder in folders.items() if Path(fault.path).is_relative_to(folder)}
        for name in own or concerned.get(fault.path, set()):
            by_paper[name].found.append(fault)
    return by_paper


def by_kind(found: Iterable[Fault]) -> dict[str, list[tuple[str, list[tuple[str, str]]]]]:
    """Return what was found by kind, and within one, what is said of most first, with the paths.

    Beside a path stands what is said of it alone: which results its code made.
    """
    kinds: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for fault in found:
        head, made, own = fault.what.partition(MADE)
        kinds.setdefault(fault.kind, {}).setdefault(head + made, []).append((fault.path, own))
    return {
        kind: sorted(whats.items(), key=lambda each: (-len(each[1]), each[0]))
        for kind, whats in kinds.items()
    }


def number_of(found: Iterable[Fault], kind: str) -> int:
    """Return how often something of a kind was found."""
    return sum(fault.kind == kind for fault in found)


def lines(paper: Paper, state: State) -> list[dict[str, str]]:
    """Return what is wrong, stale or missing of a paper: a look and a sentence each."""
    said = []
    if state.wrong:
        said.append({"look": "fault", "text": f"{count(len(state.wrong), 'fault')} found"})
    if stale := len(state.of(STALE)):
        said.append(
            {"look": "stale", "text": f"stale: {count(stale, 'source')} changed since the run"}
        )
    if paper.missing:
        names = ", ".join(name.replace("_", " ") for name in paper.missing)
        said.append({"look": "stale", "text": f"figures that are not here: {names}"})
    if absent := len({fault.path for fault in state.of(ABSENT)}):
        said.append({"look": "absent", "text": f"not at hand to check: {count(absent, 'file')}"})
    return said or [{"look": "good", "text": "all of it is here and up to date"}]
