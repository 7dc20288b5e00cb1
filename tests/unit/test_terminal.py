"""What a person sees while jobs run: one line a job, errors in full, and at the end what failed."""

import logging
import os
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from replicortex.core.errors import FINAL
from replicortex.core.terminal import GivingUp, Lines, duration, last_line, one_line_a_job


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
        "1 of 4 jobs, 0:30 gone, about 1:30 left: Training bp (0:30); running: extract rule_=3 (0:30)"
    )
    for number in (3, 4, 5):
        begins(say, number, f"Job {number}")
    clock.now += 3630
    line = ends(say, 2, 2, 4)
    assert line.startswith("2 of 4 jobs, 1:01:00 gone, about 1:01:00 left: extract rule_=3 (1:01")
    assert line.endswith("; running: Job 3 (1:00:30), Job 4 (1:00:30) and 1 more")
    assert ends(say, 3, 4, 4) == "4 of 4 jobs done in 1:01:00, 2:02:00 of jobs"


NO_WORD = "no word in its log"


def fails(say, number, logs, message=None):
    fields = {"jobid": number, "rule_name": "train", "log": logs, "rule_msg": message}
    return say("Error in rule train", LogEvent.JOB_ERROR, logging.ERROR, **fields)


def test_a_failure_says_what_the_job_said_where_and_what_the_cluster_did(say, clock, tmp_path):
    say("", LogEvent.RUN_INFO, stats={"total": 3})
    log = tmp_path / "train.log"
    log.write_text("train: data/x.csv: no column 'a'\n")
    begins(say, 1, "Training bp")
    clock.now += 75
    killed = "SLURM-job '3' failed, SLURM status is: '{}'. For further error details see the log."
    told = fails(say, 1, [f"{log} (check log file(s) for error details)"], killed.format("FAILED"))
    assert told == f"Failed: Training bp (1:15): train: data/x.csv: no column 'a'\n    log: {log}"
    log.write_text("epoch 3\n")
    told = fails(say, 2, [str(log)], killed.format("TIMEOUT"))
    assert "SLURM status is: 'TIMEOUT'. epoch 3" in told and "For further" not in told


REFUSAL = (
    "The error message was 'sbatch: error: Batch job submission failed: Invalid account'.\n"
    "    sbatch call:\n        sbatch --parsable ...\n"
)


def test_a_refused_submission_is_one_sentence_a_job_without_the_call(say):
    say("", LogEvent.RUN_INFO, stats={"total": 3})
    reason = "train: Slurm refused it: Batch job submission failed: Invalid account"
    assert fails(say, 1, [], f"SLURM sbatch failed. {REFUSAL}") == f"Failed: train: {reason}"
    array = f"SLURM sbatch failed for array job submission (tasks 1-9). {REFUSAL}"
    assert say(array, level=logging.ERROR) is None
    part = "Part of failed array sbatch submission (tasks 1-9); see log for details."
    assert fails(say, 2, [], part) == f"Failed: train: {reason}"


def test_what_a_site_without_accounts_need_not_know_is_not_told(say):
    say("", LogEvent.RUN_INFO, stats={"total": 3})
    for text in (
        "No SLURM account given, trying to guess.",
        "Unable to guess SLURM account. Trying to proceed without.",
        "Array job submission does not allow for multiple different wildcard combinations in ...",
    ):
        assert say(text, level=logging.WARNING) is None
    assert say("The account is wrong", level=logging.WARNING) == "The account is wrong"


def test_a_job_that_would_fail_again_is_given_up_and_no_other(tmp_path):
    class Job:
        restart_times, _attempt = 2, 1

        def __init__(self, jobid):
            self.jobid = jobid

    log = tmp_path / "train.log"
    jobs = [Job(1), Job(2), Job(3), Job(4)]
    filter_ = GivingUp(lambda: jobs, since=log.parent.stat().st_mtime)
    for number, text in ((1, f"x{FINAL}\n"), (2, "x\n"), (3, f"x{FINAL}\nkilled\n")):
        log.write_text(text)
        fields = {"jobid": number, "log": [str(log)], "event": LogEvent.JOB_ERROR}
        assert filter_.filter(logging.makeLogRecord(fields))
    log.write_text(f"of an earlier run{FINAL}\n")
    os.utime(log, (0, 0))
    filter_.filter(logging.makeLogRecord(fields | {"jobid": 4}))
    assert [job._attempt for job in jobs] == [3, 1, 1, 1]


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
    for number, logs, said in ((1, [str(log)], "data/x.csv: no column 'a'"), (2, [], NO_WORD)):
        begins(say, number, rule="train", seed=number)
        assert fails(say, number, logs).startswith(
            f"Failed: train seed={number} (0:00): train: {said}"
        )
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

    monkeypatch.setattr(logger, "filters", [])
    terminal, file = logging.StreamHandler(), logging.StreamHandler()
    terminal.name = "DefaultStreamHandler"
    monkeypatch.setattr(logger, "handlers", [terminal, file])
    settings = SimpleNamespace(dryrun=dryrun, verbose=verbose)
    one_line_a_job(SimpleNamespace(is_main_process=main, output_settings=settings))
    assert bool(terminal.filters) is touched and file.filters == []
    # Given up without a word too: `--verbose` changes what is shown alone.
    assert bool(logger.filters) is (main and not dryrun)
