"""The pages of the library and the tutorials are built without a warning."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_docs_are_built_without_a_warning(root, tmp_path):
    words = ["--quiet", "--fail-on-warning", "--keep-going", "docs", str(tmp_path / "html")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html/api/analysis.moran.html").read_text()
    assert "replicortex.analysis.moran.morans_i" in page
    assert (tmp_path / "html/tutorials/match_two_networks.html").is_file()
