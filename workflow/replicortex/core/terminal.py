"""What a person sees while jobs run: one line a job, warnings and errors; the log file has the rest.

The engine writes to the terminal and to .snakemake/log through two handlers of Python's logging.
Only the first is touched, and only while jobs run: a dry run, a report or `--verbose` says all.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from replicortex.core.errors import FINAL

# Lines without an event that a person needs while jobs run.
SAID = ("Trying to restart job", "Complete log(s)", "Will exit after", "Shutting down")
LAST = "Exiting because a job execution failed"
HIDDEN = ("WORKFLOW_STARTED", "RESOURCES_INFO", "JOB_STARTED", "GROUP_INFO")
# Warnings of the Slurm plugin where nothing is wrong: a site without accounts, or whose default
# partition is nowhere named, and arrays, whose comment names the wildcards of their first job.
NOISE = (
    *("No SLURM account given", "No account was given", "Unable to guess SLURM account"),
    *("No partition was given for rule", "Array job submission does not allow for multiple"),
)
KILLED = re.compile(r"SLURM status is: '(?!FAILED)")
STALE_S = 60.0  # clocks of machines may differ by less
REFUSED = re.compile(r"The error message was '(?:sbatch: error: )?(.*?)'\.?\s*$", re.S | re.M)
RUNNING = 2  # jobs in progress that a line names


class Lines(logging.Formatter):
    """The engine's formatter, with a line for each finished job, and at the end what failed.

    Parameters
    ----------
    plain
        The engine's formatter, for everything else.
    clock
        Returns seconds.
    since
        When the run began (Unix time): an older log is not of it.
    """

    def __init__(
        self, plain: logging.Formatter | None, clock: Callable[[], float], since: float = 0.0
    ):
        super().__init__()
        self.since = since
        self.plain = plain or logging.Formatter()
        self.clock = clock
        self.start: float | None = None  # when the first job could begin
        self.started: dict[int, tuple[str, float]] = {}  # what runs, and since when
        self.finished = ""
        self.failed: dict[int, str] = {}  # last words of the jobs that failed
        self.refused = ""  # why Slurm did not take the last array
        self.used_s = 0.0  # of all jobs that ended, from their submission

    # The engine puts attributes of its own on a record, which its type does not name.
    def filter(self, record: Any) -> bool:
        """Whether the terminal shows a record; notes on the way which jobs run."""
        event = _event(record)
        if event == "RUN_INFO":
            self.start = self.clock()
        elif event == "JOB_INFO":
            self.started[record.jobid] = (_name(record), self.clock())
            return False
        elif event == "JOB_FINISHED":
            name, since = self._ended(record.job_id)
            self.failed.pop(record.job_id, None)  # a later attempt went well
            self.finished = f"{name} ({duration(self.clock() - since)})"
            return False
        if refusal := not event and REFUSED.search(str(record.msg)):
            self.refused = refusal[1]  # told with each of the array's jobs
            return False
        if event or self.start is None or record.levelno >= logging.WARNING:
            return event not in HIDDEN and not str(record.msg).startswith(NOISE)
        return str(record.msg).startswith(SAID)

    def format(self, record: Any) -> str:
        """Return what the terminal shows of a record."""
        event = _event(record)
        if event == "RUN_INFO":
            return f"{record.stats['total']} jobs to run"
        if event == "PROGRESS":
            return self._progress(record.done, record.total)
        if event == "JOB_ERROR":
            return self._failure(record)
        text = self.plain.format(record)
        if text.startswith(LAST) and self.failed:
            return "\n".join([text, "Failed:", *self.failed.values()])
        return text

    def _ended(self, number: int) -> tuple[str, float]:
        name, since = self.started.pop(number, ("", self.clock()))
        self.used_s += self.clock() - since
        return name, since

    def _failure(self, record: Any) -> str:
        """Return a failed job's own sentence, or what the cluster said of it, and where its log is."""
        name, since = self._ended(record.jobid)
        words = self._words(record)
        self.failed[record.jobid] = (
            f"{record.rule_name}: {words.removeprefix(f'{record.rule_name}: ')}"
        )
        of = f"{name} ({duration(self.clock() - since)})" if name else record.rule_name
        logs = "".join(f"\n    log: {path.split(' (')[0]}" for path in record.log if path)
        return f"Failed: {of}: {self.failed[record.jobid]}{logs}"

    def _words(self, record: Any) -> str:
        """Return why a job failed: Slurm's refusal, the last line of its own log, or the engine's word."""
        message = str(record.rule_msg or "")
        if refusal := REFUSED.search(message):
            return f"Slurm refused it: {refusal[1]}"
        if message.startswith("Part of failed array") and self.refused:
            return f"Slurm refused it: {self.refused}"
        said = message.split("\n")[0].partition("For further error details")[0].strip()
        own = last_line(record.log, self.since)
        if KILLED.search(said):
            return f"{said} {own}".strip()
        return own or said or "no word in its log"

    def _progress(self, done: int, total: int) -> str:
        """Return the line of progress: jobs done, time gone and left, what ended last, and what runs."""
        gone = self.clock() - (self.start or 0.0)
        if done == total:
            return (
                f"{total} of {total} jobs done in {duration(gone)}, {duration(self.used_s)} of jobs"
            )
        left = duration(gone / done * (total - done))
        line = f"{done} of {total} jobs, {duration(gone)} gone, about {left} left: {self.finished}"
        now = self.clock()
        names = [f"{name} ({duration(now - since)})" for name, since in self.started.values()]
        if names:
            more = f" and {len(names) - RUNNING} more" if len(names) > RUNNING else ""
            line += f"; running: {', '.join(names[:RUNNING])}{more}"
        return line


def _event(record: logging.LogRecord) -> str:
    """Return the engine's name of what happened; nothing for a line of text."""
    return getattr(getattr(record, "event", None), "name", "")


def _name(record: Any) -> str:
    """Return what a job does, in the words of its rule; else the rule and its wildcards."""
    values = "".join(f" {key}={value}" for key, value in (record.wildcards or {}).items())
    return record.rule_msg or f"{record.rule_name}{values}"


def duration(seconds: float) -> str:
    """Return a time as minutes:seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def last_line(logs: list[str], since: float = 0.0) -> str:
    """Return the last line of a job's first log file: its one sentence; nothing without a log.

    `since`: what was written before (Unix time) is of an earlier run.
    """
    path = Path(logs[0].split(" (")[0]) if logs else None
    if path is None or not path.is_file() or path.stat().st_mtime < since - STALE_S:
        return ""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")


class GivingUp(logging.Filter):
    """Lets everything pass; a job whose log ends with `FINAL` is not tried again.

    The engine has no word for this: a job's attempt is compared with its rule's retries after the
    failure was logged. It was found in Snakemake 9.27.
    """

    def __init__(self, jobs: Callable[[], Any], since: float = 0.0):
        """Keep what returns the engine's jobs, and when the run began."""
        super().__init__()
        self.jobs = jobs
        self.since = since

    def filter(self, record: Any) -> bool:
        """Let a record pass; on the way set a hopeless job's attempt to its last."""
        if _event(record) == "JOB_ERROR" and last_line(record.log, self.since).endswith(FINAL):
            for job in self.jobs():
                if job.jobid == record.jobid:
                    job._attempt = (
                        job.restart_times + 1
                    )  # the public setter would grow resources too
        return True


def one_line_a_job(workflow: Any) -> None:
    """Have the terminal of a run show one line a job, and hopeless jobs given up.

    Parameters
    ----------
    workflow
        The engine's workflow, while the Snakefile is read.
    """
    settings = workflow.output_settings
    if not workflow.is_main_process or settings.dryrun:
        return
    from snakemake.logging import logger

    began = time.time()
    logger.addFilter(GivingUp(lambda: workflow.dag.jobs, began))
    if settings.verbose:
        return
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            lines = Lines(handler.formatter, time.monotonic, began)
            handler.addFilter(lines)
            handler.setFormatter(lines)
