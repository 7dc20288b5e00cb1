"""A study run in this process, job after job, as the engine would: many tiny ones in little time."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replicortex.core import runner
from replicortex.core.errors import StudyError


@dataclass(frozen=True)
class One:
    """One job with all that the runner is given."""

    rule: str
    what: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    resources: dict[str, Any]


@contextlib.contextmanager
def graph(settings: dict[str, Any], root: Path) -> Iterator[Any]:
    """Give the engine's graph of all jobs of a study; results lie below the folder.

    Raises
    ------
    SystemExit
        When the configuration is refused.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        Quietness,
        ResourceSettings,
    )

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        opened = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=settings),
            snakefile=root / "Snakefile",
        )
        opened.dag(DAGSettings(forceall=True))
        workflow = opened._workflow
        workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        yield workflow.dag


def jobs(settings: dict[str, Any], root: Path) -> list[One]:
    """Return the jobs of a study, each after those that it needs; see `graph`."""
    with graph(settings, root) as made:
        return [
            One(
                job.rule.name,
                json.loads(job.params.job),
                _plain(job.input),
                _plain(job.output),
                dict(job.resources.items()),
            )
            for level in made.toposorted()
            for job in sorted(level, key=lambda job: (job.rule.name, *map(str, job.output)))
            if "job" in job.params.keys()  # noqa: SIM118
        ]


def _plain(files: Any) -> dict[str, Any]:
    """Return paths, or lists of them, by name, as the engine's script gets them."""
    return {
        name: value if isinstance(value, str) else [str(each) for each in value]
        for name, value in files.items()
    }


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """What a study tells its jobs is forgotten after it, and where the engine looks for modules."""
    before, places = dict(os.environ), list(sys.path)
    try:
        for name in [name for name in os.environ if name.startswith("REPLICORTEX_")]:
            del os.environ[name]
        yield
    finally:
        sys.path[:] = places
        os.environ.clear()
        os.environ.update(before)


def run(settings: dict[str, Any], folder: Path, root: Path) -> str | None:
    """Run a study in a folder; return the sentence that refuses it, or None when it ran to the end.

    Datasets that are there already are not made again. A refusal by the configuration starts with
    "Error: ", one by a job with the rule.
    """
    with contextlib.chdir(folder), environment():
        try:
            listed = jobs(settings, root)
        except SystemExit as refusal:
            return str(refusal)
        for job in listed:
            made = [Path(path) for path in job.outputs.values() if isinstance(path, str)]
            if job.what["code"] is None and made and all(path.exists() for path in made):
                continue
            try:
                runner._run(job.rule, job.what, job.inputs, job.outputs, job.resources)
            except StudyError as refusal:
                return f"{job.rule}: {refusal}"
    return None
