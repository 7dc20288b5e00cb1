"""What every test may ask for."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

# Tests run side by side: one thread each, set before numpy or torch is imported.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "cluster"), str(HERE / "workflow"), str(HERE / "unit")]

from study_copy import finished, fresh, one_paper, study  # noqa: E402, F401

_NO_PARAMETERS = SimpleNamespace(params={})
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("REPLICORTEX_MIRROR") or ROOT.parent / "shared" / "data")
    if not (folder / "SOURCES.tsv").is_file():
        pytest.skip(f"no mirror of real data at {folder} (set REPLICORTEX_MIRROR)")
    return folder


@pytest.fixture(scope="session")
def kept(root, tmp_path_factory) -> Path:
    """The pages of the kept runs."""
    from replicortex.pages.build import build

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return build(Path("results/reference"), tmp_path_factory.mktemp("kept") / "p", root).parent


@pytest.fixture(autouse=True)
def draws_of_its_own():
    """A test draws the same numbers whatever ran before it in its worker."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What shares a finished run, or a module's fixture, goes to the worker that makes it once."""
    for item in items:
        named = getattr(item, "callspec", _NO_PARAMETERS).params.get("study")
        wanted = [*item.fixturenames, named]
        for run in ("finished", "one_paper", "kept"):
            if run in wanted:
                item.add_marker(pytest.mark.xdist_group(run))
                break
        else:
            of_module = [
                known[-1].scope == "module" for known in item._fixtureinfo.name2fixturedefs.values()
            ]
            if any(of_module):
                item.add_marker(pytest.mark.xdist_group(item.module.__name__))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where everything was installed, a skipped test is a failure; a missing GPU is not."""
    report = yield
    if report.skipped and os.environ.get("REPLICORTEX_NO_SKIP") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if "GPU" not in reason and "CUDA" not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped, which counts as a failure here: {reason}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    """Say in one line which share of the code the tests ran; coverage.xml says which lines."""
    plugin = config.pluginmanager.getplugin("_cov")
    total = getattr(plugin, "cov_total", None)
    if total is not None:
        said = f"{total:.0f} % of the code ran in the tests' own processes (coverage.xml names the rest)"
        terminalreporter.write_line(said)
