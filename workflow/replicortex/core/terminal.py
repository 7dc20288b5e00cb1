"""What a person sees while jobs run: one line a job, warnings and errors; the log file has the rest.

The engine writes to the terminal and to .snakemake/log through two handlers of Python's logging.
Only the first is touched, and only while jobs run: a dry run, a report or `--verbose` says all.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Lines without an event that a person needs while jobs run.
SAID = ("Trying to restart job", "Complete log(s)", "Will exit after", "Shutting down")
LAST = "Exiting because a job execution failed"
HIDDEN = ("WORKFLOW_STARTED", "RESOURCES_INFO", "JOB_STARTED", "GROUP_INFO")
RUNNING = 2  # jobs in progress that a line names


class Lines(logging.Formatter):
    """The engine's formatter, with a line for each finished job, and at the end what failed.

    Parameters
    ----------
    plain
        The engine's formatter, for everything else.
    clock
        Returns seconds.
    """

    def __init__(self, plain: logging.Formatter | None, clock: Callable[[], float]):
        super().__init__()
        self.plain = plain or logging.Formatter()
        self.clock = clock
        self.start: float | None = None  # when the first job could begin
        self.started: dict[int, tuple[str, float]] = {}  # what runs, and since when
        self.finished = ""
        self.failed: dict[int, str] = {}  # last words of the jobs that failed

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
            name, since = self.started.pop(record.job_id, ("", self.clock()))
            self.failed.pop(record.job_id, None)  # a later attempt went well
            self.finished = f"{name} ({duration(self.clock() - since)})"
            return False
        if event or self.start is None or record.levelno >= logging.WARNING:
            return event not in HIDDEN
        return str(record.msg).startswith(SAID)

    def format(self, record: Any) -> str:
        """Return what the terminal shows of a record."""
        event = _event(record)
        if event == "RUN_INFO":
            return f"{record.stats['total']} jobs to run"
        if event == "PROGRESS":
            return self._progress(record.done, record.total)
        text = self.plain.format(record)
        if event == "JOB_ERROR":
            self.started.pop(record.jobid, None)
            words = last_line(record.log) or "no word in its log"
            self.failed[record.jobid] = (
                f"{record.rule_name}: {words.removeprefix(f'{record.rule_name}: ')}"
            )
        elif text.startswith(LAST) and self.failed:
            return "\n".join([text, "Failed:", *self.failed.values()])
        return text

    def _progress(self, done: int, total: int) -> str:
        """Return the line of progress: jobs done, time gone and left, what ended last, and what runs."""
        gone = self.clock() - (self.start or 0.0)
        if done == total:
            return f"{total} of {total} jobs done in {duration(gone)}"
        left = duration(gone / done * (total - done))
        line = f"{done} of {total} jobs, {duration(gone)} gone, about {left} left: {self.finished}"
        names = [name for name, _ in self.started.values()]
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


def last_line(logs: list[str]) -> str:
    """Return the last line of a job's first log file: its one sentence; nothing without a log."""
    path = Path(logs[0].split(" (")[0]) if logs else None
    if path is None or not path.is_file():
        return ""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")


def one_line_a_job(workflow: Any) -> None:
    """Have the terminal of a run show one line a job.

    Parameters
    ----------
    workflow
        The engine's workflow, while the Snakefile is read.
    """
    settings = workflow.output_settings
    if not workflow.is_main_process or settings.dryrun or settings.verbose:
        return
    from snakemake.logging import logger

    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            lines = Lines(handler.formatter, time.monotonic)
            handler.addFilter(lines)
            handler.setFormatter(lines)
