"""The code that a job depends on, and its hash.

A job's code is the module of its function and every module that it imports, transitively, as far
as they lie in this repository. The hash is taken over syntax trees: comments, docstrings and
formatting do not count, and it is the same on every supported Python. Nothing is imported.

What people are told does not count either: the modules in `WORDS`, and what a `raise` hands to
`StudyError` or `ValueError`, unless something in the job reads the text of such an error. Records
name the version of these rules (`RULES`): version 1, that of records that name none, counted both.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]  # the folder that holds the packages
Reader = Callable[[str], bytes | None]

RULES = 2
# Modules that change no number: exceptions, sentences and the default that shows no progress.
# tests/unit/test_codehash.py checks what they define and where jobs use it.
WORDS = frozenset({"replicortex/core/errors.py", "replicortex/core/progress.py"})
# Errors whose sentence does not count where they are raised, and what catches them.
SENTENCES = frozenset({"StudyError", "ValueError"})
CATCHERS = SENTENCES | {"Exception", "BaseException"}
# What a sentence may call: none of these changes anything that a caught error leaves behind.
PURE = frozenset(
    [
        *("abs", "all", "any", "dict", "enumerate", "float", "int", "len", "list", "map", "max"),
        *("min", "nearest", "range", "repr", "round", "set", "sorted", "str", "sum", "tuple"),
        *("type", "zip"),
    ]
)
PURE_METHODS = frozenset(
    [
        *("as_posix", "detach", "duplicated", "flatnonzero", "format", "get", "isfinite", "isnan"),
        *("items", "join", "keys", "lower", "max", "min", "most_common", "removeprefix"),
        *("removesuffix", "shape", "split", "strip", "sum", "tolist", "upper", "values"),
    ]
)

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


def code_hash(
    module: str, read: Reader | None = None, analyse: Callable[[str, bytes], Source] | None = None
) -> str:
    """Return the sha256 over all code that a module runs on, inside this repository.

    Parameters
    ----------
    module
        Dotted name, such as "papers.learning_rules.train".
    read
        Where sources come from; the working tree unless given (git objects, for an audit).
    analyse
        `analysed` unless given, or what remembers its answers.

    Raises
    ------
    ModuleNotFoundError
        When no source of that name lies in the repository.
    SyntaxError
        When a source cannot be parsed.
    """
    return joined(module_hashes(module, read, analyse=analyse))


def joined(hashes: dict[str, str]) -> str:
    """Return the one hash that the hashes of all modules give."""
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def module_hashes(
    module: str,
    read: Reader | None = None,
    rules: int = RULES,
    analyse: Callable[[str, bytes], Source] | None = None,
) -> dict[str, str]:
    """Return the hash of each module that `module` runs on, itself included, by path.

    Parameters
    ----------
    module, read, analyse
        As in `code_hash`.
    rules
        Version of the rules: that of a record, to compare with it.
    """
    read = read or read_from(ROOT)
    analyse = analyse or analysed
    path = _find(module, read)
    if path is None:
        raise ModuleNotFoundError(f"no module '{module}' in the repository")
    found: dict[str, Source] = {}
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path in found or (rules > 1 and path in WORDS):
            continue
        source = read(path)
        assert source is not None  # found a moment ago
        found[path] = analyse(path, source)
        for name in found[path].imported:
            waiting.extend(_sources(name, read))
    words = rules == 1 or any(source.reads_words for source in found.values())
    return {path: one.with_words if words else one.without for path, one in found.items()}


def source_hashes(path: str, source: bytes, rules: int = RULES) -> frozenset[str]:
    """Return the hashes that `module_hashes` may give one source, by jobs that read words or not.

    Raises
    ------
    SyntaxError
        When it cannot be parsed.
    """
    one = analysed(path, source)
    return frozenset({one.with_words} if rules == 1 else {one.with_words, one.without})


@dataclass(frozen=True)
class Source:
    """One source: its hash with and without the sentences of its errors, and what it imports."""

    with_words: str
    without: str
    imported: tuple[str, ...]
    reads_words: bool


@cache
def analysed(path: str, source: bytes) -> Source:
    """Return what a job's hash needs of one source.

    Parameters
    ----------
    path
        Relative to the folder of the packages: relative imports are resolved by it.
    source
        Its bytes.
    """
    tree = ast.parse(source, filename=path)
    package = path.removesuffix(".py").replace("/", ".")
    package = (
        package.removesuffix(".__init__")
        if path.endswith("__init__.py")
        else (package.rpartition(".")[0])
    )
    imported = tuple(sorted(set(_imports(tree, package))))
    with_words, without = (
        hashlib.sha256(canonical(tree, words).encode()).hexdigest() for words in (True, False)
    )
    return Source(with_words, without, imported, any(_readers_of_words(tree)))


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


def canonical(node: object, words: bool = True) -> str:
    """Return a syntax tree as text that holds only what the code does.

    Parameters
    ----------
    node
        A tree, or a part of one.
    words
        Whether the sentences of errors count.
    """
    if isinstance(node, ast.JoinedStr):
        values = _joined(node.values)
        return f"JoinedStr({','.join(canonical(value, words) for value in values)})"
    if isinstance(node, ast.Raise) and not words and _is_sentence(node.exc):
        node = ast.Raise(exc=ast.Call(func=node.exc.func, args=[], keywords=[]), cause=node.cause)
    if isinstance(node, ast.AST):
        parts = []
        for name, value in ast.iter_fields(node):
            if name in _SKIPPED_FIELDS or value is None or value == []:
                continue
            if name == "body" and isinstance(value, list):
                value = _without_docstring(node, value)
            parts.append(f"{name}={canonical(value, words)}")
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(canonical(item, words) for item in node)}]"
    return repr(node)


def _is_sentence(raised: ast.expr | None) -> TypeGuard[ast.Call]:
    """Whether what is raised is an error with a sentence, which changes nothing on its way."""
    if not (isinstance(raised, ast.Call) and _called(raised) in SENTENCES):
        return False
    inner = [node for part in (*raised.args, *raised.keywords) for node in ast.walk(part)]
    binds = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return not any(
        isinstance(node, binds) or (isinstance(node, ast.Call) and not _is_pure(node))
        for node in inner
    )


def _is_pure(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in PURE_METHODS
    return _called(call) in PURE


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _readers_of_words(tree: ast.AST) -> Iterator[ast.ExceptHandler]:
    """Yield the handlers that may read the sentence of an error, other than to raise the next."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.name and _catches_sentences(node.type):
            harmless = {id(name) for part in node.body for name in _harmless(part)}
            names = [inner for part in node.body for inner in ast.walk(part)]
            if any(
                isinstance(inner, ast.Name) and inner.id == node.name and id(inner) not in harmless
                for inner in names
            ):
                yield node


def _catches_sentences(kind: ast.expr | None) -> bool:
    kinds: Iterable[ast.expr | None] = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or (isinstance(one, ast.Name) and one.id in CATCHERS) for one in kinds)


def _harmless(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what lies within a `raise`, or asks for the kind of an error alone."""
    for node in ast.walk(tree):
        asks = isinstance(node, ast.Call) and _called(node) in ("isinstance", "type")
        if isinstance(node, ast.Raise) or asks:
            yield from ast.walk(node)


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
