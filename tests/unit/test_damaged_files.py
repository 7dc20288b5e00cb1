"""Whatever became of a file, its reader gives the right value or says one sentence."""

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
