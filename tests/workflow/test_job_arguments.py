"""What rules give to jobs fits the sections that the jobs declare, at every scale."""

import contextlib
import shutil
from importlib import import_module

import in_process
import pytest

from replicortex.core.section import typed
from replicortex.core.study import PLAN_ALONE


@pytest.mark.parametrize("scale", ["demo", "small", "rehearsal", "full"])
def test_arguments_of_every_job_fit_its_sections(root, tmp_path, monkeypatch, scale):
    shutil.copytree(root / "config", tmp_path / "config")
    with contextlib.chdir(tmp_path), in_process.environment():
        monkeypatch.setenv(PLAN_ALONE, "yes")
        listed = in_process.jobs({"scale": scale}, root)
    sections = 0
    once = {(job.what["call"], str(job.what["arguments"])): job.what for job in listed}
    for what in once.values():
        module, _, name = what["call"].partition(":")
        given = what["arguments"]
        made = typed(getattr(import_module(module), name), given)
        sections += sum(made[key] is not given[key] for key in given)
    assert sections > 5
