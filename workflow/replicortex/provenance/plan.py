"""What the workflow would ask for now: every job behind some targets, as the engine plans it.

Run as a module it parses the Snakefile in a process of its own, runs nothing, writes nothing but
the engine's own notes, and prints the jobs as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError
from replicortex.core.study import PLAN_ALONE


@dataclass(frozen=True)
class Planned:
    """One job: its rule, the parameter that says what it is, and its files by path.

    `local`: it runs beside the controller. `gpu`: it asks for one. `level`: cluster jobs on the
    longest way from the data to it, itself included. `asks`: mem_mb, runtime (minutes), gres and
    cpus_per_task of its first attempt. `environment`: of envs/.
    """

    rule: str
    job: dict[str, Any] | None  # None for a rule that only gathers targets
    inputs: list[str]
    outputs: list[str]
    local: bool
    gpu: bool
    level: int
    asks: dict[str, Any]
    environment: str | None


def planned(
    targets: list[str],
    settings: Mapping[str, Any],
    root: Path,
    alone: bool = False,
    placed: bool = True,
) -> list[Planned]:
    """Return all jobs behind the targets, each after those that it needs.

    Parameters
    ----------
    targets
        Files or rules; none for the whole study.
    settings
        As `snakemake --config` takes them.
    root
        The repository; results lie below the present folder.
    alone
        Whether the settings are all there is: what a user changed in config.yaml is left aside.
    placed
        Whether licensed data must be where the user says.

    Raises
    ------
    StudyError
        When the workflow cannot be planned.
    """
    asked = json.dumps(
        {"targets": targets, "settings": dict(settings), "root": str(root), "alone": alone}
    )
    command = [sys.executable, "-m", "replicortex.provenance.plan", asked]
    without = {} if placed else {PLAN_ALONE: "yes"}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **without})
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        errors = [line for line in said if "Error" in line or "rror:" in line]
        raise StudyError(f"the workflow cannot be planned: {(errors or said)[-1].strip()}")
    return [Planned(**each) for each in json.loads(done.stdout)]


def _plan(
    targets: list[str], settings: Mapping[str, Any], root: Path, alone: bool
) -> list[Planned]:
    """Return all jobs behind some targets, those first that others need.

    Parameters
    ----------
    targets
        Files or rules.
    settings
        Laid over the configuration, or (`alone`) all of it.
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
            config_settings=ConfigSettings(config=dict(settings), replace_workflow_config=alone),
            snakefile=root / "Snakefile",
        )
        opened.dag(DAGSettings(targets=frozenset(targets), forceall=True))
        # The engine has no public call that lists jobs with their parameters: these three are what
        # its own `--dag` does before it prints.
        workflow = opened._workflow
        workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        levels: dict[Any, int] = {}
        for job in (job for part in workflow.dag.toposorted() for job in part):
            below = max((levels[other] for other in workflow.dag.dependencies[job]), default=0)
            levels[job] = below + (job.rule.name not in workflow._localrules)
        return [
            Planned(
                rule=job.rule.name,
                job=json.loads(job.params.job) if "job" in job.params.keys() else None,  # noqa: SIM118
                inputs=[str(each) for each in job.input],
                outputs=[str(each) for each in job.output],
                local=job.rule.name in workflow._localrules,
                gpu=bool(job.resources.get("gres")),
                level=levels[job],
                asks=_asked(job),
                environment=Path(str(job.rule.conda_env)).stem if job.rule.conda_env else None,
            )
            for level in workflow.dag.toposorted()
            for job in sorted(level, key=lambda job: (job.rule.name, *map(str, job.output)))
        ]


def _asked(job: Any) -> dict[str, Any]:
    """Return what a job asks a cluster for."""
    found = {name: job.resources.get(name) for name in ("mem_mb", "runtime", "gres")}
    asks = {name: value for name, value in found.items() if isinstance(value, int | str) and value}
    return {**asks, "cpus_per_task": int(job.threads)}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    jobs = _plan(asked["targets"], asked["settings"], Path(asked["root"]), asked["alone"])
    print(json.dumps([asdict(job) for job in jobs]))
