"""The code hash: what counts as code, what does not, and which modules belong to a job."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from replicortex.core.codehash import canonical, code_hash, module_hashes, read_from

BASE = '''
"""A module."""
from pkg.helper import double


def answer(x):
    """Say it."""
    # why
    return double(x) + 1
'''


def build(folder: Path, main: str = BASE, helper: str = "def double(x):\n    return 2 * x\n"):
    package = folder / "pkg"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(main)
    (package / "helper.py").write_text(helper)
    (package / "other.py").write_text("x = 1\n")
    return read_from(folder)


@pytest.fixture
def reference(tmp_path):
    return code_hash("pkg.main", build(tmp_path / "reference"))


@pytest.mark.parametrize(
    "old, new",
    [
        ("# why", "# because of something else"),
        ('"""Say it."""', '"""Say it in other words."""'),
        ('"""A module."""', ""),
        ("double(x) + 1", "(double( x )\n        + 1)"),
    ],
    ids=["comment", "docstring", "module docstring", "formatting"],
)
def test_what_does_not_run_does_not_count(tmp_path, reference, old, new):
    assert old in BASE
    assert code_hash("pkg.main", build(tmp_path, BASE.replace(old, new))) == reference


@pytest.mark.parametrize("old, new", [("+ 1", "+ 2"), ("+ 1", "+ 1.0"), ("(x):", "(x, y=0):")])
def test_what_runs_counts(tmp_path, reference, old, new):
    assert code_hash("pkg.main", build(tmp_path, BASE.replace(old, new))) != reference


def test_an_imported_module_counts_and_a_neighbour_does_not(tmp_path, reference):
    read = build(tmp_path, helper="def double(x):\n    return x + x\n")
    assert code_hash("pkg.main", read) != reference
    read = build(tmp_path)
    (tmp_path / "pkg/other.py").write_text("x = 2\n")
    assert code_hash("pkg.main", read) == reference


@pytest.mark.parametrize(
    "line",
    [
        "from .helper import double",
        "from . import helper",
        "import pkg.helper",
        "from pkg import helper",
    ],
)
def test_every_form_of_import_is_followed(tmp_path, line):
    read = build(tmp_path, main=f"def f():\n    {line}\n")
    assert set(module_hashes("pkg.main", read)) == {
        "pkg/main.py",
        "pkg/helper.py",
        "pkg/__init__.py",
    }


def test_a_packages_own_code_counts(tmp_path, reference):
    read = build(tmp_path)
    (tmp_path / "pkg/__init__.py").write_text("import os\n")
    assert code_hash("pkg.main", read) != reference


def test_an_unknown_module_is_named():
    with pytest.raises(ModuleNotFoundError, match=r"pkg\.absent"):
        code_hash("pkg.absent", lambda path: None)


def test_the_same_on_every_python(root):
    """f-strings are the case in which syntax trees of 3.11 and 3.12 differ."""
    module = "replicortex.provenance.chain"
    hashes = {code_hash(module)}
    for version in ("3.11", "3.12", "3.13", "3.14"):
        python = shutil.which(f"python{version}")
        if python:
            done = subprocess.run(
                [
                    python,
                    "-c",
                    f"from replicortex.core.codehash import *; print(code_hash('{module}'))",
                ],
                cwd=root / "workflow",
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                hashes.add(done.stdout.strip())
    assert len(hashes) == 1


@pytest.mark.parametrize("text", ['f"{a:>{w}}"', 'f"{a:{w}.{p}f} and {b!r:{w}}"', 'f"{a}"', 'f""'])
def test_empty_constants_of_python_3_12_1_say_nothing(text):
    """3.12.0 and 3.12.1 put one after each nested format (cpython issue 110309)."""
    tree, as_there = ast.parse(text), ast.parse(text)
    joined = [node for node in ast.walk(as_there) if isinstance(node, ast.JoinedStr)]
    for node in joined:
        node.values = [part for value in node.values for part in (value, ast.Constant(value=""))]
    assert text == 'f""' or ast.dump(tree) != ast.dump(as_there)
    assert canonical(tree) == canonical(as_there)


def test_a_constant_that_says_something_counts_in_a_nested_format():
    assert canonical(ast.parse('f"{a:>{w}}"')) != canonical(ast.parse('f"{a:>{w} }"'))
    assert canonical(ast.parse('f"{a:>{w}}"')) != canonical(ast.parse('f"{a:<{w}}"'))


def test_no_import_by_a_computed_name(root):
    """The hash follows import statements, so that few modules may import by a computed name: the
    runner (jobs), the configuration (papers) and sources of data (generators: in a fixture's version)."""
    by_name = {
        path.relative_to(root).as_posix()
        for path in (root / "workflow").rglob("*.py")
        for word in ("import_module(", "__import__(")
        if word in path.read_text()
    }
    allowed = ("core/config", "core/runner", "data/sources")
    assert by_name == {f"workflow/replicortex/{name}.py" for name in allowed}


def test_package_files_are_empty(root):
    filled = [p for p in (root / "workflow").rglob("__init__.py") if p.read_text()]
    assert filled == []
