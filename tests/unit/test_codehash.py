"""The code hash: what counts as code, what does not, and which modules belong to a job."""

import ast
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from replicortex.core.codehash import (
    ROOT,
    WORDS,
    canonical,
    code_hash,
    module_hashes,
    read_from,
    source_hashes,
)

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


SENTENCE = """
from replicortex.core.errors import StudyError, nearest


def halved(x, names):
    if x < 0:
        raise StudyError(f"{x} is negative{nearest('x', names)}")
    return x / 2
"""


def of(tmp_path, main, other="x = 1\n", rules=2):
    """The hashes of a job, with the library's own words beside it."""
    read = build(tmp_path, main=f"from pkg import other\n{main}")
    (tmp_path / "pkg/other.py").write_text(other)
    real = read_from(ROOT)

    def sources(path):
        return real(path) if path.startswith("replicortex") else read(path)

    return module_hashes("pkg.main", sources, rules)


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("is negative", "lies below 0", False),
        ("{nearest('x', names)}", "", False),
        ("raise StudyError", "raise ValueError", True),
        ("if x < 0", "if x <= 0", True),
        ("nearest('x', names)", "names.pop()", True),
        ("{x} is", "{(x := 3)} is", True),
        ("raise StudyError", "y = StudyError", True),
    ],
)
def test_the_sentence_of_an_error_does_not_count_and_its_condition_does(tmp_path, old, new, counts):
    assert old in SENTENCE
    changed = of(tmp_path, SENTENCE.replace(old, new))
    assert (changed != of(tmp_path, SENTENCE)) == counts
    assert of(tmp_path, SENTENCE.replace(old, new), rules=1) != of(tmp_path, SENTENCE, rules=1)


@pytest.mark.parametrize(
    ("handler", "counts"),
    [
        ("except StudyError as error:\n    why = str(error)", True),
        ("except (OSError, Exception) as error:\n    print(error)", True),
        ("except StudyError as error:\n    raise StudyError(f'job: {error}') from error", False),
        ("except ValueError as error:\n    if isinstance(error, OSError):\n        raise", False),
        ("except StudyError:\n    why = ''", False),
        ("except OSError as error:\n    why = error.errno", False),
    ],
)
def test_sentences_count_where_a_job_reads_them(tmp_path, handler, counts):
    """Such as the reason why a video was left out, which stands in a table."""
    reader = f"try:\n    x = 1\n{handler}\n"
    changed = SENTENCE.replace("is negative", "lies below 0")
    assert (of(tmp_path, changed, reader) != of(tmp_path, SENTENCE, reader)) == counts


def test_modules_of_words_do_not_count_but_by_the_first_rules(tmp_path):
    assert not WORDS & of(tmp_path, SENTENCE).keys()
    assert "replicortex/core/errors.py" in of(tmp_path, SENTENCE, rules=1)


def test_a_source_is_known_by_each_hash_that_a_job_may_give_it(tmp_path):
    plain, read = (of(tmp_path, SENTENCE, other) for other in ("x = 1\n", READER))
    path = "pkg/main.py"
    source = f"from pkg import other\n{SENTENCE}".encode()
    assert source_hashes(path, source) == {plain[path], read[path]}
    assert len({plain[path], read[path]}) == 2
    assert source_hashes(path, source, rules=1) == {of(tmp_path, SENTENCE, rules=1)[path]}


READER = "try:\n    x = 1\nexcept ValueError as error:\n    x = str(error)\n"


@cache
def job_sources():
    """Every source that a job of the study runs on, by path."""
    named = {
        module
        for path in ROOT.rglob("Snakefile")
        for module in re.findall(r'"([a-z]\w*(?:\.\w+)+):\w+"', path.read_text())
    }
    assert len(named) > 5
    return {
        path: ast.parse((ROOT / path).read_text())
        for module in named
        for path in module_hashes(module, rules=1)
    }


def defined(path):
    """What a module defines: classes with their bases, functions with their code."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.ClassDef):
            assert all(isinstance(part, ast.Expr) for part in node.body), f"{path}: {node.name}"
            yield node.name, f"class({', '.join(map(ast.unparse, node.bases))})"
        elif isinstance(node, ast.FunctionDef):
            yield node.name, ast.unparse(node.returns)
        elif isinstance(node, ast.Assign):
            yield ast.unparse(node.targets[0]), ast.unparse(node.value)
        elif isinstance(node, ast.ImportFrom):
            assert node.module.partition(".")[0] in (
                "__future__",
                "collections",
                "difflib",
                "typing",
            )
        else:
            assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant), path


def test_modules_of_words_define_errors_sentences_and_a_silent_progress():
    """Whatever else were defined there, jobs could compute with it unseen."""
    found = {path: dict(defined(path)) for path in WORDS}
    assert found == {
        "replicortex/core/errors.py": {
            "StudyError": "class(ValueError)",
            "FINAL": "' (not tried again: it would fail again)'",
            "ElsewhereError": "class(StudyError)",
            "nearest": "str",
        },
        "replicortex/core/progress.py": {
            "Item": "TypeVar('Item')",
            "Progress": "Callable[..., Iterable[Any]]",
            "iter_plainly": "Iterator[Item]",
        },
    }
    tree = ast.parse((ROOT / "replicortex/core/progress.py").read_text())
    (silent,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert [ast.unparse(line) for line in silent.body[1:]] == ["return iter(iterable)"]


def test_jobs_use_modules_of_words_for_words_alone():
    """Errors are raised, caught or returned; sentences go into them; progress is an argument."""
    modules = {path.removesuffix(".py").replace("/", ".") for path in WORDS}
    seen = 0
    for path, tree in job_sources().items():
        if path in WORDS:
            continue
        names = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in modules
            for alias in node.names
        }
        uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in names]
        allowed = {id(node) for part in words_in(tree) for node in ast.walk(part)}
        allowed |= {id(node) for part in sentences_in(tree, allowed) for node in ast.walk(part)}
        assert [f"{path}:{use.lineno} {use.id}" for use in uses if id(use) not in allowed] == []
        seen += len(uses)
    assert seen > 100


def words_in(tree):
    """Yield the parts of a source in which what is said, raised, caught or annotated stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            yield node
        elif isinstance(node, ast.ExceptHandler) and node.type:
            yield node.type
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "suppress"):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from node.bases
        elif isinstance(node, ast.arg) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.arguments):
            yield from (default for default in (*node.defaults, *node.kw_defaults) if default)
        elif isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns
        elif isinstance(node, ast.Return) and "StudyError(" in ast.unparse(node):
            yield node


def sentences_in(tree, words):
    """Return the functions that give a sentence or an error, and are called for words alone."""
    found = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.returns
        and ast.unparse(node.returns) in ("str", "StudyError")
    }
    while True:
        within = words | {id(node) for part in found.values() for node in ast.walk(part)}
        called = {
            getattr(node, "id", None) or node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Name | ast.Attribute) and id(node) not in within
        }
        if not called & found.keys():
            return found.values()
        found = {name: node for name, node in found.items() if name not in called}
