"""The GPU benchmark runs from a bare checkout; here on the CPU, at its fast size."""

import json
import re
import sys
from importlib.metadata import packages_distributions, requires

import pytest
from benchmark_runs import in_root

# What torch itself needs comes with it.
TORCHS = {re.split(r"[^\w-]", name)[0] for name in requires("torch") if "extra" not in name}
BARE = {"torch", "torchvision", "numpy", "mpmath", "markupsafe", *TORCHS}
CODE = """
import runpy, sys
from importlib.machinery import PathFinder
class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in %r else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Bare
sys.argv[1:] = ["--device", "cpu", "--fast", "--out", sys.argv[1]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def not_bare() -> set[str]:
    """Return what is installed here and is neither torch, NumPy, torchvision nor what torch needs."""
    installed = packages_distributions()
    return {
        module
        for module, owners in installed.items()
        if not BARE & {name.lower().replace("_", "-") for name in owners}
        and not any(name.startswith(("nvidia", "cuda")) for name in owners)
    } - {*sys.stdlib_module_names, "benchmarks", "papers", "replicortex"}


@pytest.fixture(scope="module")
def bare(root, tmp_path_factory):
    """The report of a run in a Python that has torch and NumPy alone."""
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    assert {"yaml", "pydantic", "pandas", "scipy", "psutil", "pytest", "snakemake"} <= not_bare()
    done = in_root(root, ["-c", CODE % not_bare(), out])
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.mark.slow
def test_every_section_runs_with_torch_and_numpy_alone(bare):
    sections = bare["sections"]
    names = ["tests", "equality", "ceilings", "rates", "seeds", "precision", "resnet", "clips"]
    assert list(sections) == names
    assert not any("error" in one for one in sections.values())
    assert not sections["tests"]["ran"] and "pytest" in sections["tests"]["why"]
    assert set(sections["resnet"]) >= {"ce", "margin", "supcon", "simclr"}
    assert sections["seeds"]["goal"] == 1.5 and sections["seeds"]["times_one"] > 0
    assert all(row["ratio"] > 0 for row in bare["comparisons"]) and len(bare["comparisons"]) == 2


@pytest.mark.slow
def test_a_device_is_compared_with_the_cpu(bare):
    found = bare["sections"]["equality"]
    assert {"bp", "pc_supervised", "bp_relu_first", "supcon"} <= set(found["rows"])
    # Here both sides are the same device.
    assert all(row == {"terms": 0.0, "weights": 0.0} for row in found["rows"].values())


@pytest.mark.slow
def test_a_section_that_fails_is_told_and_the_others_go_on(root, tmp_path):
    code = """
import sys
sys.argv = ["gpu", "--device", "cpu", "--fast", "--out", sys.argv[1]]
from benchmarks import gpu
def broken(bench):
    raise RuntimeError("no such luck")
def skipped(bench, best=None):
    return {}
def apart(bench):
    return {"failed": FAILED}
gpu.tests = skipped
gpu.ceilings = broken if not FAILED else skipped
gpu.equality = apart
gpu.rates = gpu.precision = gpu.resnet = gpu.clips = gpu.seeds = skipped
sys.exit(gpu.main())
"""
    for failed, error in ((False, "RuntimeError: no such luck"), (True, None)):
        out = tmp_path / "gpu.json"
        done = in_root(root, ["-c", code.replace("FAILED", str(failed)), out])
        assert done.returncode == 1, done.stderr
        sections = json.loads(out.read_text())["sections"]
        assert sections["ceilings"].get("error") == error and len(sections) == 8


def test_its_numbers_are_those_of_the_configuration(root):
    code = (
        "from benchmarks import gpu; import json, sys;"
        "sys.exit(gpu.numbers_of_config() != json.loads(gpu.NUMBERS.read_text()))"
    )
    done = in_root(root, ["-c", code])
    assert done.returncode == 0, f"run `python -m benchmarks.gpu --numbers`: {done.stderr}"


def test_without_a_gpu_it_says_so(root):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = in_root(root, ["-m", "benchmarks.gpu", "--fast"])
    assert done.returncode == 1 and "no CUDA device" in done.stderr
