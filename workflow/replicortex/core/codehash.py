"""The code that a job depends on, and its hash.

A job's code is the module of its function and every module that it imports, transitively, as far
as they lie in this repository. The hash is taken over syntax trees: comments, docstrings and
formatting do not count, and it is the same on every supported Python. Nothing is imported.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the folder that holds the packages
Reader = Callable[[str], bytes | None]

# What differs between Python versions or says nothing about behaviour.
_SKIPPED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_params"})


def read_from(folder: Path) -> Reader:
    """Return a reader of sources below a folder: path relative to it -> bytes, or None."""

    def read(path: str) -> bytes | None:
        try:
            return (folder / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    return read


def code_hash(module: str, read: Reader | None = None) -> str:
    """Return the sha256 over all code that a module runs on, inside this repository.

    Parameters
    ----------
    module
        Dotted name, such as "papers.learning_rules.train".
    read
        Where sources come from; the working tree unless given (git objects, for an audit).

    Raises
    ------
    ModuleNotFoundError
        When no source of that name lies in the repository.
    SyntaxError
        When a source cannot be parsed.
    """
    hashes = module_hashes(module, read)
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def module_hashes(module: str, read: Reader | None = None) -> dict[str, str]:
    """Return the hash of each module that `module` runs on, itself included, by path."""
    read = read or read_from(ROOT)
    path = _find(module, read)
    if path is None:
        raise ModuleNotFoundError(f"no module '{module}' in the repository")
    hashes: dict[str, str] = {}
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in hashes:
            continue
        source = read(path)
        assert source is not None  # found a moment ago
        digest, imported = _analyse(path, source)
        hashes[path] = digest
        for name in imported:
            waiting.extend(_sources(name, read))
    return hashes


def source_hash(path: str, source: bytes) -> str:
    """Return the hash of one source alone, as `module_hashes` gives it.

    Raises
    ------
    SyntaxError
        When it cannot be parsed.
    """
    return _analyse(path, source)[0]


@cache
def _analyse(path: str, source: bytes) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(source, filename=path)
    package = path.removesuffix(".py").replace("/", ".")
    package = (
        package.removesuffix(".__init__")
        if path.endswith("__init__.py")
        else (package.rpartition(".")[0])
    )
    imported = tuple(sorted(set(_imports(tree, package))))
    return hashlib.sha256(canonical(tree).encode()).hexdigest(), imported


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield each dotted name that an import may name, be it a module or something inside one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parts = parts[: len(parts) - (node.level - 1)]
                base = ".".join([*parts, base] if base else parts)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _sources(name: str, read: Reader) -> Iterator[str]:
    """Yield the sources that importing a dotted name runs: packages on the way, then itself."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        path = _find(".".join(parts[:end]), read)
        if path is None:
            return
        yield path


def _find(module: str, read: Reader) -> str | None:
    base = module.replace(".", "/")
    return next((p for p in (f"{base}.py", f"{base}/__init__.py") if read(p) is not None), None)


def canonical(node: object) -> str:
    """Return a syntax tree as text that holds only what the code does."""
    if isinstance(node, ast.JoinedStr):
        values = _joined(node.values)
        return f"JoinedStr({','.join(canonical(value) for value in values)})"
    if isinstance(node, ast.AST):
        parts = []
        for name, value in ast.iter_fields(node):
            if name in _SKIPPED_FIELDS or value is None or value == []:
                continue
            if name == "body" and isinstance(value, list):
                value = _without_docstring(node, value)
            parts.append(f"{name}={canonical(value)}")
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(canonical(item) for item in node)}]"
    return repr(node)


def _without_docstring(node: ast.AST, body: list[ast.stmt]) -> list[ast.stmt]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and body and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return body[1:]
    return body


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """Join neighbouring constants of an f-string: Python 3.12 splits them differently.

    3.12.0 and 3.12.1 also put an empty one after a nested format.
    """
    joined: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.Constant) and value.value == "":
            continue
        last = joined[-1] if joined else None
        if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
            joined[-1] = ast.Constant(value=str(last.value) + str(value.value))
        else:
            joined.append(value)
    return joined
