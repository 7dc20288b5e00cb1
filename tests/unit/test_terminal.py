"""What a person sees while jobs run: one line a job, errors in full, and at the end what failed."""

import logging
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from replicortex.core.terminal import Lines, duration, last_line, one_line_a_job


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def say(clock):
    """Return a function that logs one record; it returns what the terminal shows, or None."""
    lines = Lines(logging.Formatter("%(message)s"), clock)

    def one(text=None, event=None, level=logging.INFO, **fields):
        record = logging.makeLogRecord({"msg": text or "", "levelno": level, **fields})
        record.event = event
        return lines.format(record) if lines.filter(record) else None

    return one


def begins(say, number, message=None, rule="train", **wildcards):
    fields = {"rule_msg": message, "rule_name": rule, "wildcards": wildcards}
    return say(event=LogEvent.JOB_INFO, jobid=number, **fields)


def ends(say, number, done, total):
    assert say(event=LogEvent.JOB_FINISHED, job_id=number) is None
    return say(event=LogEvent.PROGRESS, done=done, total=total)


def test_a_job_is_one_line_with_what_is_gone_and_left(say, clock):
    assert say("Job stats: ...", LogEvent.RUN_INFO, stats={"total": 4}) == "4 jobs to run"
    assert begins(say, 1, "Training bp") is None
    assert begins(say, 2, rule="extract", rule_=3) is None
    assert say("Execute 2 jobs...") is None and say("Select jobs to execute...") is None
    clock.now += 30
    assert ends(say, 1, 1, 4) == (
        "1 of 4 jobs, 0:30 gone, about 1:30 left: Training bp (0:30); running: extract rule_=3"
    )
    for number in (3, 4, 5):
        begins(say, number, f"Job {number}")
    clock.now += 3630
    line = ends(say, 2, 2, 4)
    assert line.startswith("2 of 4 jobs, 1:01:00 gone, about 1:01:00 left: extract rule_=3 (1:01")
    assert line.endswith("; running: Job 3, Job 4 and 1 more")
    assert ends(say, 3, 4, 4) == "4 of 4 jobs done in 1:01:00"


def test_before_jobs_run_every_line_of_text_is_shown(say):
    assert say("Nothing to be done") == "Nothing to be done"
    assert say("Unlocked working directory.") == "Unlocked working directory."
    assert say("SNAKEMAKE ...", LogEvent.WORKFLOW_STARTED) is None


def test_warnings_and_errors_are_shown_and_what_failed_stands_at_the_end(say, tmp_path):
    say("", LogEvent.RUN_INFO, stats={"total": 2})
    assert say("disk is slow", level=logging.WARNING) == "disk is slow"
    assert say("Complete log(s): x") == "Complete log(s): x"
    log = tmp_path / "train.log"
    log.write_text("epoch 1\ntrain: data/x.csv: no column 'a'\n\n")
    for number, logs in ((1, [str(log)]), (2, [])):
        begins(say, number)
        fields = {"jobid": number, "rule_name": "train", "log": logs}
        error = say("Error in rule train", LogEvent.JOB_ERROR, logging.ERROR, **fields)
        assert error == "Error in rule train"
    assert say("Trying to restart job 2.") == "Trying to restart job 2."
    begins(say, 2)
    ends(say, 2, 1, 2)
    last = say("Exiting because a job execution failed. Look above", level=logging.ERROR)
    assert last.splitlines()[1:] == ["Failed:", "train: data/x.csv: no column 'a'"]


def test_times_and_logs(tmp_path):
    assert [duration(s) for s in (0.4, 59.6, 61, 3661)] == ["0:00", "1:00", "1:01", "1:01:01"]
    assert last_line([]) == "" == last_line([str(tmp_path / "absent.log")])


@pytest.mark.parametrize(
    "main, dryrun, verbose, touched",
    [
        (True, False, False, True),
        (False, False, False, False),
        (True, True, False, False),
        (True, False, True, False),
    ],
)
def test_only_the_terminal_of_a_real_run_is_touched(monkeypatch, main, dryrun, verbose, touched):
    from snakemake.logging import logger

    terminal, file = logging.StreamHandler(), logging.StreamHandler()
    terminal.name = "DefaultStreamHandler"
    monkeypatch.setattr(logger, "handlers", [terminal, file])
    settings = SimpleNamespace(dryrun=dryrun, verbose=verbose)
    one_line_a_job(SimpleNamespace(is_main_process=main, output_settings=settings))
    assert bool(terminal.filters) is touched and file.filters == []
