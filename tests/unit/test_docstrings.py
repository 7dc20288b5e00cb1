"""Every function that others call, and each long one, says what it returns."""

import ast
from pathlib import Path

import pytest

LONG = 10  # lines of a private function that needs no docstring
EMPTY = {"do", "helper", "todo"}


def functions(tree):
    """Yield the qualified name, node and bases of functions of modules and classes; no nested ones."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node, []
        elif isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
            for name, method, _ in functions(node):
                yield f"{node.name}.{name}", method, bases


def is_silent(name, node):
    """Whether a function should have a docstring and has none, or one of fewer than three words."""
    *_, last = parts = name.split(".")
    if last.startswith("__") and last.endswith("__"):
        return False
    hidden = any(part.startswith("_") for part in parts)
    if hidden and node.end_lineno - node.lineno + 1 <= LONG:
        return False
    words = (ast.get_docstring(node) or "").partition("\n")[0].split()
    return len(words) < 3 or words[0].lower().strip(".:") in EMPTY


def silent(trees):
    """Return path and name of functions without a docstring; an override may have its base's."""
    listed = [(path, *each) for path, tree in trees.items() for each in functions(tree)]
    said = {name for _, name, node, _ in listed if not is_silent(name, node)}
    return [
        f"{path}: {name}"
        for path, name, node, bases in listed
        if is_silent(name, node)
        if not any(f"{base}.{name.rpartition('.')[2]}" in said for base in bases)
    ]


def test_every_function_says_what_it_returns(root):
    places = sorted((root / "workflow").rglob("*.py"))
    assert len(places) > 200
    trees = {path.relative_to(root): ast.parse(path.read_text()) for path in places}
    assert set(silent(trees)) == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(): ...", ["f"]),
        ('def f():\n    """Do x."""', ["f"]),
        ('def f():\n    """Return the square of x."""', []),
        ("def _f(): ...", []),
        ("def _f():\n" + 10 * "    x = 1\n", ["_f"]),
        ("def _f():\n" + 9 * "    x = 1\n", []),
        ("class A:\n    def f(self): ...\n    def __len__(self): ...", ["A.f"]),
        ("class _A:\n    def f(self): ...", []),
        (
            'class A:\n    def f(self):\n        """Return one of x."""\nclass B(A):\n    def f(self): ...',
            [],
        ),
        ("class A:\n    def f(self): ...\nclass B(A):\n    def f(self): ...", ["A.f", "B.f"]),
        ('def f():\n    """Return all of x."""\n    def g(): ...', []),
    ],
)
def test_a_function_without_one_is_found(code, found):
    assert silent({Path("m.py"): ast.parse(code)}) == [f"m.py: {name}" for name in found]
