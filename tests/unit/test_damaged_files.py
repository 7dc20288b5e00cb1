"""Whatever became of a file, its reader gives the right value or says one sentence."""

import ast
import json
import subprocess
import sys

import damage
import pytest

READERS = damage.registry()


@pytest.mark.parametrize("name", READERS)
def test_a_few_damages_are_told(tmp_path, name):
    assert damage.tried(name, READERS[name], tmp_path, quick=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_every_damage_is_told(tmp_path, root, name):
    """In a process of its own: a library of C may crash or never end at damage."""
    done = subprocess.run(
        [sys.executable, root / "tests/damage.py", name, tmp_path],
        cwd=root / "workflow",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-2000:]}"
    assert json.loads(done.stdout.splitlines()[-1]) == []


# What opens data by a format's library, by the last part of its dotted name.
OPENERS = {
    *("np.load", "h5py.File", "loadmat", "Image.open", "av.open", "nibabel.load", "from_bytes"),
    *("gzip.open", "gzip.decompress", "lzma.open", "lzma.decompress"),
    *("zipfile.ZipFile", "tarfile.open", "torch.load"),
    *("pd.read_csv", "safe_open"),
}


def opened_in(source):
    """Yield lines and names of calls that open data outside of a `with reading(...)`.

    A function whose docstring says "within `reading`" leaves that to who calls it.
    """

    def called(node):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if name == "int.from_bytes":
            return None
        return next((one for one in OPENERS if f".{name}".endswith(f".{one}")), None)

    def walk(node, inside):
        if isinstance(node, ast.FunctionDef):
            inside = "within `reading`" in (ast.get_docstring(node) or "")
        if isinstance(node, ast.With):
            for item in node.items:
                yield from walk(item, inside)
                name = getattr(item.context_expr, "func", None)
                inside |= isinstance(name, ast.Name) and name.id == "reading"
            for each in node.body:
                yield from walk(each, inside)
            return
        if not inside and (name := called(node)):
            yield node.lineno, name
        for each in ast.iter_child_nodes(node):
            yield from walk(each, inside)

    yield from walk(ast.parse(source), False)


def test_every_reader_opens_its_files_in_one_place(root):
    """In all of replicortex/data, and where a paper reads files of a dataset by itself."""
    found = []
    packages = root / "workflow"
    for path in sorted(packages.glob("*/**/*.py")):
        name, source = path.relative_to(packages).as_posix(), path.read_text()
        of_library = name.startswith("replicortex/data/") and "/fixtures/" not in name
        of_paper = name.startswith("papers/") and "import manifest" in source
        if of_library or of_paper:
            found += [f"{name}:{line}: {what}" for line, what in opened_in(source)]
    assert found == []


def test_what_opens_a_file_elsewhere_is_seen():
    source = """
def one(path):
    with np.load(path) as file:
        return file
def two(path):
    with reading(path, "x"), np.load(path) as file:
        return file
def three(path):
    with h5py.File(path) as file, reading(path, "x"):
        return gzip.decompress(file)
def four(content):
    "Call it within `reading`."
    return Image.open(content)
"""
    assert list(opened_in(source)) == [(3, "np.load"), (9, "h5py.File")]
