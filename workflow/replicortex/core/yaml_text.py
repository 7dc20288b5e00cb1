"""YAML read by the C library where it is there: ten times as fast, and each job parses all of it.

YAML itself keeps the last of two equal keys without a word; here that is an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from replicortex.core.errors import StudyError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def read_yaml(text: str | bytes, where: str | Path) -> Any:
    """Return the plain values of one YAML document; None for an empty one.

    Parameters
    ----------
    text
        The document; bytes are UTF-8.
    where
        What it is, such as its file: the first words of each sentence.

    Raises
    ------
    StudyError
        When it is no YAML (with its line), or a key is given twice (with both lines).
    """
    loader = None
    try:
        loader = LOADER(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _no_key_twice(loader, node, where)
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-45
        if isinstance(error, StudyError):
            raise
        raise StudyError(f"{where}: is no YAML{_fault(error, text)}") from None
    finally:
        if loader is not None:
            loader.dispose()


def read_yaml_file(path: Path, where: str | Path | None = None) -> Any:
    """Return the plain values of a YAML file; see `read_yaml`.

    Raises
    ------
    StudyError
        As `read_yaml`, and when there is no such file.
    """
    where = path if where is None else where
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise StudyError(f"{where}: cannot be read ({reason})") from None
    return read_yaml(content, where)


def _no_key_twice(loader: Any, root: yaml.Node, where: str | Path) -> None:
    """Look through the tree of nodes, each once: the same one may hang at many places."""
    seen: set[int] = set()
    ahead: list[tuple[str, yaml.Node]] = [("", root)]
    while ahead:
        path, node = ahead.pop()
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            ahead += [(f"{path}[{place}].", item) for place, item in enumerate(node.value)]
            continue
        lines: dict[Any, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                text = key.tag == TEXT  # other keys by value: 1 and 0x1 are one key
                line, name = key.start_mark.line + 1, (text, _value(loader, key, text))
                if name in lines:
                    raise StudyError(
                        f"{where}: the key '{path}{key.value}' is given twice, in lines "
                        f"{lines[name]} and {line}; keep one of them"
                    )
                lines[name] = line
            ahead.append((f"{path}{getattr(key, 'value', '?')}.", value))


def _value(loader: Any, key: yaml.Node, text: bool) -> Any:
    return key.value if text or key.tag == MERGE else loader.construct_object(key)


def _fault(error: Exception, text: str | bytes) -> str:
    """Say where and what, in words of one line."""
    mark = getattr(error, "problem_mark", None)
    line = f" (line {mark.line + 1}: " if mark else " ("
    if mark and _tab_in(text, mark.line):
        return f"{line}a tab stands there; indent with spaces)"
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    return f"{line}{' '.join(str(part) for part in (what, context) if part)})"


def _tab_in(text: str | bytes, line: int) -> bool:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    lines = text.splitlines()
    return line < len(lines) and re.match(r" *\t", lines[line]) is not None
