"""The whole graph of jobs that a configuration asks for, without running any."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Planned:
    """One job.

    Parameters
    ----------
    rule
        Its full name.
    local
        Whether it runs beside the controller.
    level
        Cluster jobs on the longest way from the data to it, itself included.
    gpu
        Whether it asks for a GPU.
    """

    rule: str
    local: bool
    level: int
    gpu: bool


def plan(root: Path, config: Mapping[str, Any]) -> list[Planned]:
    """Return every job of the study, done or not.

    Parameters
    ----------
    root
        The repository; results and data are looked for in the working folder.
    config
        What would follow `--config`.

    Raises
    ------
    StudyError
        When the engine finds no plan; its own words follow.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        Quietness,
        ResourceSettings,
    )

    said = io.StringIO()
    quiet = OutputSettings(quiet={Quietness.ALL}, dryrun=True)
    with redirect_stdout(said), redirect_stderr(said), SnakemakeApi(quiet) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=dict(config)),
            snakefile=root / "Snakefile",
        )
        workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
        made = workflow._workflow
    graph = made.dag
    local = set(made._localrules)
    levels: dict[Any, int] = {}

    def level(job: Any) -> int:
        if job not in levels:
            below = max((level(other) for other in graph.dependencies[job]), default=0)
            levels[job] = below + (job.rule.name not in local)
        return levels[job]

    return [
        Planned(job.rule.name, job.rule.name in local, level(job), bool(job.resources.get("gres")))
        for job in graph.jobs
    ]
