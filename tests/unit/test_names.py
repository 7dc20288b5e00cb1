"""No module hides another: the engine looks beside each Snakefile before anywhere else."""

import ast
import sys

import pytest


def imported(workflow):
    """Return the top-level names of all packages that the code below a folder imports."""
    names = set()
    for path in workflow.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def hiding(workflow):
    """Return the modules and packages beside a Snakefile that bear the name of one from elsewhere."""
    taken = sys.stdlib_module_names | imported(workflow)
    beside = {path for rules in workflow.rglob("Snakefile") for path in rules.parent.iterdir()}
    return {
        path.relative_to(workflow).as_posix()
        for path in beside
        if path.name.removesuffix(".py") in taken and (path.is_dir() or path.suffix == ".py")
    }


def test_no_module_of_a_paper_hides_another(root):
    assert {"numpy", "torch", "yaml", "json"} <= imported(root / "workflow")
    assert hiding(root / "workflow") == set()


@pytest.mark.parametrize("name", ["statistics.py", "tokenize.py", "numpy.py", "torch", "json"])
def test_a_module_that_hides_another_is_found(tmp_path, name):
    paper = tmp_path / "papers/toy"
    paper.mkdir(parents=True)
    (paper / "Snakefile").touch()
    (paper / "train.py").write_text("import numpy.linalg\nfrom torch.nn import Linear\n")
    if name.endswith(".py"):
        (paper / name).touch()
    else:
        (paper / name).mkdir()
    assert hiding(tmp_path) == {f"papers/toy/{name}"}
