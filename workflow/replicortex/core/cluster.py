"""What Slurm is asked for, and whether it would take it: `sbatch --test-only`, before anything is deleted.

The engine deletes a job's old outputs just before it submits the job anew. A submission that is then
refused, for a misspelt partition or an account that has run out, leaves neither old nor new tables.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from replicortex.core.errors import StudyError

PROFILE = "profiles/slurm/config.yaml"
SITE = ("slurm_account", "slurm_partition", "qos", "constraint", "slurm_extra")
WAIT_S = 60
PREFIX = re.compile(r"^(sbatch|allocation failure): ((error|fatal): )?")
# What a job asks for -> option of sbatch, as the executor plugin gives it.
OPTIONS = {
    "slurm_account": "--account={}",
    "slurm_partition": "--partition={}",
    "qos": "--qos={}",
    "constraint": "--constraint={}",
    "mem_mb": "--mem={}",
    "runtime": "--time={}",
    "gres": "--gres={}",
    "cpus_per_task": "--cpus-per-task={}",
}


def options(asked: Mapping[str, Any]) -> list[str]:
    """Return the options of sbatch for what a job asks for."""
    given = [option.format(asked[name]) for name, option in OPTIONS.items() if asked.get(name)]
    return given + str(asked.get("slurm_extra") or "").split()


def refusal(asked: Mapping[str, Any]) -> str | None:
    """Return why Slurm would refuse a job, in its own words; None if it would take it.

    Raises
    ------
    StudyError
        When there is no sbatch, or it does not answer.
    """
    if shutil.which("sbatch") is None:
        raise StudyError("sbatch is not on PATH; start on a machine that submits to Slurm")
    command = ["sbatch", "--test-only", *options(asked), "--wrap", "true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        raise StudyError(f"sbatch --test-only did not answer within {WAIT_S} s") from None
    if done.returncode == 0:
        return None
    lines = [PREFIX.sub("", line).strip() for line in done.stderr.splitlines()]
    return "; ".join(dict.fromkeys(filter(None, lines))) or f"status {done.returncode} of sbatch"


def require_slurm(workflow: Any) -> None:
    """Exit before any job when Slurm would refuse the largest one of a run.

    One question for each set of facts of a site (account, partition, ...) among the jobs to run.

    Parameters
    ----------
    workflow
        The engine's workflow, its jobs planned.

    Raises
    ------
    SystemExit
        With one sentence that holds Slurm's own.
    """
    if not workflow.non_local_exec or _executor(workflow) != "slurm":
        return
    by_partition = bool(
        getattr(workflow.executor_settings, "partition_config", None)
        or os.environ.get("SNAKEMAKE_SLURM_PARTITIONS")
    )
    jobs = (job for job in workflow.dag.needrun_jobs() if not workflow.is_local(job.rule))
    for asked in largest(job.resources for job in jobs):
        if by_partition and not asked.get("slurm_partition"):
            continue  # the plugin chooses one for each job
        try:
            why = refusal(asked)
        except StudyError as error:
            raise SystemExit(f"Error: {error}") from None
        if why:
            raise SystemExit(
                f"Error: Slurm would refuse the jobs of this run ({why}); it was asked for "
                f"{' '.join(options(asked))}; see `default-resources` in {PROFILE}. Nothing was "
                "deleted"
            )


def _executor(workflow: Any) -> str:
    return str(getattr(workflow._executor_plugin, "name", ""))


def largest(asked: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each set of facts of a site, the request with most memory, then time."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in asked:
        plain = {name: one.get(name) for name in (*OPTIONS, "slurm_extra") if one.get(name)}
        key = tuple(str(plain.get(name)) for name in SITE)
        if key not in found or _size(plain) > _size(found[key]):
            found[key] = plain
    return list(found.values())


def _size(asked: Mapping[str, Any]) -> tuple[int, int]:
    memory, minutes = (asked.get(name, 0) for name in ("mem_mb", "runtime"))
    return int(memory), int(minutes)
