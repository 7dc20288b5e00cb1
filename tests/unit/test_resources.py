"""What to ask a cluster for, from records."""

import pytest

from replicortex.core.errors import StudyError
from replicortex.provenance import records
from replicortex.tools.resources import needed


def job(folder, rule, seconds, memory, outputs=1):
    facts = {"rule": rule, "wall_seconds": seconds, "peak_memory_mb": memory}
    facts["git"] = {"commit": "", "dirty": "unknown"}
    what = {"call": "papers.x:f", "arguments": {"r": rule}, "code": f"{rule}{seconds}"}
    for number in range(outputs):
        result = folder / f"{rule}_{seconds}_{number}.csv"
        result.write_text("a")
        identity = records.Identity(what, {})
        records.write(result, identity, records.file_sha256(result), None, facts)


def test_the_largest_job_of_a_rule_counts_with_a_margin(tmp_path, monkeypatch):
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})
    job(tmp_path, "train_0", 600.0, 1300, outputs=3)
    job(tmp_path, "train_1", 900.0, 1200)
    job(tmp_path, "draw", 6.0, 230)
    table = needed(tmp_path).set_index("rule")
    assert list(table.index) == ["draw", "train"]
    train = table.loc["train"]
    assert (train["jobs"], train["peak_memory_mb"], train["minutes"]) == (2, 1300, 15)
    assert (train["mem_mb"], train["runtime"]) == (2000, 45)
    assert (table.loc["draw", "mem_mb"], table.loc["draw", "runtime"]) == (500, 5)


def test_a_run_without_records_is_said(tmp_path):
    with pytest.raises(StudyError, match="there are no records below it"):
        needed(tmp_path)
