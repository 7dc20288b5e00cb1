"""From a paper's claims.yaml to its claims: what the file says once is said of each claim.

::

    units:                     # what was sampled, beside seeds
      stimuli: {lower: lower, upper: upper}
    smallest:                  # smallest effects of interest; the first rule that fits counts
      - {table: curves, value: 0.02, difference: 0.01, relative change: 0.1}
    defaults:                  # of every claim that says nothing else
      kind: published
    selections:                # parts of selections by name
      native: {px: large, arm: native}
    findings:
      - finding: Early alignment falls (Section 3.1)
        claims:
          - {id: ..., measure: {select: [native, {rule: bp}], ...}, ...}
          - columns: [pair, words, hot]       # a family: its claims, once for each row
            rows:
              - [a_b, A to B, 0.5]
            claims:
              - {id: "${pair}_hot", says: From $words HOT scores $hot., published: {value: $hot}, ...}

In a family, `$name` (within a word `${name}`) stands for a cell of the row: alone for its value, within
a text for its words. A claim with an empty cell is left out of that row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from replicortex.core.errors import StudyError, nearest
from replicortex.core.validation import sentence
from replicortex.core.yaml_text import read_yaml
from replicortex.verdicts.model import Claim

KEYS = ("units", "smallest", "defaults", "selections", "findings")
QUANTITIES = ("value", "difference", "relative change", "ratio", "cohens d")
SELECTIONS = ("select", "from", "to", "minus")
_DEEP = ("published", "measure", "verdict")  # of these, defaults fill what a claim leaves out
_MARK = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def load(path: Path) -> list[Claim]:
    """Read and check a paper's claims.yaml.

    Raises
    ------
    StudyError
        Naming the file, the claim, the key, what was found and what was expected.
    """
    path = Path(path)
    try:
        said = read_yaml(path.read_bytes(), path)
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file; expected claims by finding") from None
    file = _File(path, said)
    claims = [
        file.claim(number, finding, entry)
        for number, (finding, entry) in enumerate(file.entries(), 1)
    ]
    if not claims:
        raise StudyError(f"{path}: findings: there is no claim")
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise StudyError(f"{path}: claim '{twice[0]}': id is given more than once")
    return claims


class _File:
    """What a file says of all claims, checked."""

    def __init__(self, path: Path, said: Any):
        self.path = path
        if not isinstance(said, dict):
            raise StudyError(f"{path}: found {type(said).__name__}, expected keys {_list(KEYS)}")
        for key in said:
            if key not in KEYS:
                raise StudyError(f"{path}: unknown key '{key}'{nearest(str(key), KEYS)}")
        self.defaults = self._mapping(said, "defaults")
        self.selections = self._mapping(said, "selections")
        for name, part in self.selections.items():
            if not isinstance(part, dict):
                raise StudyError(f"{path}: selections.{name}: expected columns and their values")
        self.units = {"seeds": {"column": "seed"}, **self._mapping(said, "units")}
        self.rules = self._rules(said.get("smallest", []))
        findings = said.get("findings")
        if not isinstance(findings, list):
            raise StudyError(
                f"{path}: findings: found {type(findings).__name__}, expected a list of "
                "{finding: ..., claims: [...]}"
            )
        self.findings: list[Any] = findings

    def _mapping(self, said: Mapping[str, Any], key: str) -> dict[str, Any]:
        found = said.get(key) or {}
        if not isinstance(found, dict):
            raise StudyError(
                f"{self.path}: {key}: found {type(found).__name__}, expected a mapping"
            )
        return found

    def _rules(self, said: Any) -> list[dict[str, Any]]:
        """Return the rules of section `smallest`, each a size above 0 of one quantity at least."""
        where = f"{self.path}: smallest"
        if not isinstance(said, list):
            raise StudyError(f"{where}: found {type(said).__name__}, expected a list of rules")
        for rule in said:
            if not isinstance(rule, dict) or not set(rule) & set(QUANTITIES):
                raise StudyError(
                    f"{where}: {rule!r} gives no size; expected one for {_list(QUANTITIES)}"
                )
            for key in set(rule) & set(QUANTITIES):
                if not isinstance(rule[key], int | float) or rule[key] <= 0:
                    raise StudyError(f"{where}: {key}: found {rule[key]!r}, expected a number > 0")
        return said

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Yield finding and text of each claim, families written out."""
        for one in self.findings:
            if not isinstance(one, dict) or set(one) != {"finding", "claims"}:
                keys = sorted(map(str, one)) if isinstance(one, dict) else type(one).__name__
                raise StudyError(
                    f"{self.path}: findings: found {keys}, expected keys finding and claims"
                )
            for entry in one["claims"] or []:
                if isinstance(entry, dict) and "rows" in entry:
                    yield from ((one["finding"], claim) for claim in self._family(entry))
                else:
                    yield one["finding"], entry

    def _family(self, entry: dict[str, Any]) -> Iterator[Any]:
        """Yield the claims of a family, row by row; one that uses an empty cell is left out of its row."""
        if set(entry) != {"columns", "rows", "claims"}:
            raise StudyError(
                f"{self.path}: a family has keys {sorted(map(str, entry))}, expected columns, rows "
                "and claims"
            )
        columns = entry["columns"]
        for row in entry["rows"]:
            if len(row) != len(columns):
                raise StudyError(
                    f"{self.path}: family of {', '.join(columns)}: row {row} has {len(row)} cells, "
                    f"expected {len(columns)}"
                )
            cells = dict(zip(columns, row, strict=True))
            for claim in entry["claims"]:
                if not any(cells.get(name, "") is None for name in _marks(claim)):
                    yield self._filled(claim, cells)

    def _filled(self, part: Any, cells: Mapping[str, Any]) -> Any:
        """Return a part of a claim, its marks replaced by cells; a mark alone gives the cell itself."""
        if isinstance(part, dict):
            return {self._filled(k, cells): self._filled(v, cells) for k, v in part.items()}
        if isinstance(part, list):
            return [self._filled(one, cells) for one in part]
        if not isinstance(part, str):
            return part
        for name in _marks(part):
            if name not in cells:
                raise StudyError(
                    f"{self.path}: family: '${name}' is no column{nearest(name, list(cells))}"
                )
        alone = _MARK.fullmatch(part)
        if alone:
            return cells[_name(alone)]
        return _MARK.sub(lambda mark: str(cells[_name(mark)]), part)

    def claim(self, number: int, finding: str, entry: Any) -> Claim:
        """Return one claim with what the file says of all."""
        named = isinstance(entry, dict) and "id" in entry
        place = f"{self.path}: claim '{entry['id']}'" if named else f"{self.path}: claim {number}"
        if not isinstance(entry, dict):
            raise StudyError(f"{place}: found {type(entry).__name__}, expected a mapping of keys")
        whole = _merged(self.defaults, entry)
        try:
            whole["finding"] = finding
            if "over" in whole:
                whole["over"] = self._units(whole["over"])
            measure = whole.get("measure")
            if isinstance(measure, dict):
                whole["measure"] = {
                    key: self._selection(key, value) if key in SELECTIONS else value
                    for key, value in measure.items()
                }
            return Claim.model_validate(self._with_size(whole))
        except ValidationError as error:
            raise StudyError(f"{place}: {sentence(error, Claim, whole)}") from None
        except _Wrong as error:
            raise StudyError(f"{place}: {error}") from None

    def _units(self, said: Any) -> list[Any]:
        """Return units by their names."""
        found = []
        for one in said if isinstance(said, list) else [said]:
            changes = one if isinstance(one, dict) else {}
            name = str(changes.get("name", "") if changes else one)
            if name not in self.units and "name" not in changes:
                raise _Wrong(f"over: '{name}' is no unit of the file{nearest(name, self.units)}")
            found.append({"name": name, **self.units.get(name, {}), **changes})
        for unit in found:
            if "select" in unit:
                unit["select"] = self._selection("over.select", unit["select"])
        return found

    def _selection(self, key: str, said: Any) -> Any:
        """Return a selection with its named parts, the later ones winning."""
        if isinstance(said, str):
            said = [said]
        if not isinstance(said, list):
            return said
        whole: dict[str, Any] = {}
        for part in said:
            if isinstance(part, str):
                if part not in self.selections:
                    raise _Wrong(
                        f"measure.{key}: '{part}' is no selection of the file"
                        f"{nearest(part, self.selections)}"
                    )
                part = self.selections[part]
            whole.update(part)
        return whole

    def _with_size(self, whole: dict[str, Any]) -> dict[str, Any]:
        """Give a claim the smallest effect of the first rule that fits, but half the published one."""
        verdict, measure = whole.get("verdict"), whole.get("measure")
        if not isinstance(verdict, dict) or not isinstance(measure, dict):
            return whole
        if verdict.get("direction") == "zero" or {"threshold", "smallest"} & set(verdict):
            return whole
        draft = dict(whole, verdict={**verdict, "smallest": 0.0})
        try:
            claim = Claim.model_validate(draft)
        except ValidationError:
            return whole  # its own faults are told first
        size = self._size(claim)
        if size is None:
            return whole
        if claim.published is not None:
            ends = [abs(end - claim.nothing) for end in (claim.published.low, claim.published.high)]
            effect = min(end for end in ends)
            size = min(size, effect / 2) if effect > 0 else size
        return dict(whole, verdict={**verdict, "smallest": size})

    def _size(self, claim: Claim) -> float | None:
        """Return the smallest effect by the first rule that fits a claim, None when none does."""
        for rule in self.rules:
            cells = {
                "table": claim.measure.table,
                "column": claim.measure.value,
                **claim.measure.select,
                **(claim.measure.to or {}),
            }
            fits = all(cells.get(k) == v for k, v in rule.items() if k not in QUANTITIES)
            if fits and claim.quantity in rule:
                return float(rule[claim.quantity])
        return None


class _Wrong(Exception):
    """A fault in a claim's own text, without its place."""


def _merged(default: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return one mapping over another, inner mappings likewise but for selections and needs."""
    whole = dict(default)
    for key, value in own.items():
        inner = default.get(key)
        if key in _DEEP and isinstance(value, dict) and isinstance(inner, dict):
            value = _merged(inner, value)
        whole[key] = value
    return whole


def _marks(part: Any) -> set[str]:
    if isinstance(part, dict):
        return set().union(*map(_marks, part.keys()), *map(_marks, part.values()))
    if isinstance(part, list):
        return set().union(*map(_marks, part))
    return set(map(_name, _MARK.finditer(part))) if isinstance(part, str) else set()


def _name(mark: re.Match[str]) -> str:
    return mark[1] or mark[2]


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words)
