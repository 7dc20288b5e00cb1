"""With a store in place of a shared file system (`--default-storage-provider`) the same rules plan."""

import contextlib
from pathlib import Path

import pytest
from in_process import environment, graph

from replicortex.core.study import PLAN_ALONE


@pytest.mark.parametrize("scale", ["demo", pytest.param("full", marks=pytest.mark.slow)])
def test_what_no_rule_makes_is_the_workflows_own_and_in_no_store(
    scale, root, tmp_path, monkeypatch
):
    """The engine looks for every input in the store but for those marked local."""
    (tmp_path / "workflow").symlink_to(root / "workflow")
    (tmp_path / "config").symlink_to(root / "config")
    with contextlib.chdir(tmp_path), environment():
        monkeypatch.setenv(PLAN_ALONE, "1")
        with graph({"scale": scale, "run": "all"}, root) as made:
            inputs = {path for job in made.jobs for path in job.input}
            outputs = {path for job in made.jobs for path in job.output}
    own = inputs - outputs
    assert {Path(path).name for path in own} >= {"claims.yaml", "published.csv"}
    assert [path for path in own if not path.flags.get("local")] == []
    assert [path for path in outputs if path.flags.get("local")] == []
