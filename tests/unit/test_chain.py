"""The chain of records: kept copies, dropped steps, and whatever was changed."""

import gzip
import shutil
from pathlib import Path

import pytest

from replicortex.provenance import chain, records

FACTS = {
    "rule": "r",
    "host": "h",
    "cpu": "c",
    "wall_seconds": 1,
    "git": {"commit": "", "dirty": "no"},
}


def made(path: str, content: str, inputs: dict[str, Path], factor: int = 1) -> Path:
    """Write a result and its record as the runner does."""
    result = Path(path)
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(content)
    what = {"call": "papers.x:f", "arguments": {"factor": factor}, "code": None}
    identity = records.Identity(what, records.describe_inputs(inputs))
    write = records.write
    write(result, identity, records.file_sha256(result), None, FACTS)
    return result


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A model, a table made from it, and a figure made from that; and a kept copy of the latter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("replicortex.codehash.module_hashes", lambda module: {})
    monkeypatch.setattr(chain, "code_hash", lambda module, read: None)
    model = made("results/small/x/models/m.safetensors", "model", {})
    table = made("results/small/x/metrics/t.csv", "a\n1\n", {"model": model})
    made("results/small/x/figures/f.svg", "<svg/>", {"table": table})
    kept = Path("results/reference/x")
    for name in ("models/m.safetensors", "metrics/t.csv", "figures/f.svg"):
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        source = Path("results/small/x", name)
        shutil.copy(records.path_of(source), records.path_of(kept / name))
        if name != "models/m.safetensors":
            shutil.copy(source, kept / name)
    return kept


def faults(path: Path) -> list[str]:
    return [str(fault) for fault in chain.verify([path], Path.cwd())]


def test_an_untouched_chain_has_no_fault(study):
    assert faults(Path("results/small/x/figures/f.svg")) == []


def test_a_kept_chain_is_followed_where_it_was_kept(study):
    shutil.rmtree("results/small")
    (fault,) = chain.verify([study / "figures/f.svg"], Path.cwd())
    assert fault.absent and fault.path == "results/reference/x/models/m.safetensors"
    lines = list(chain.lineage(study / "figures/f.svg"))
    assert any("results/reference/x/metrics/t.csv" in line for line in lines)
    assert any("results/reference/x/models/m.safetensors" in line for line in lines)


def test_a_compressed_table_is_checked_by_its_content(study):
    shutil.rmtree("results/small")
    table = study / "metrics/t.csv"
    packed = table.with_name("t.csv.gz")
    packed.write_bytes(gzip.compress(table.read_bytes(), mtime=0))
    table.unlink()
    for start in (study / "figures/f.svg", packed):
        assert all(fault.absent for fault in chain.verify([start], Path.cwd()))
    packed.write_bytes(gzip.compress(b"a\n2\n", mtime=0))
    assert "results/reference/x/metrics/t.csv: the file was changed after it was made" in faults(
        study / "figures/f.svg"
    )


def test_a_changed_kept_table_is_the_first_cause(study):
    (study / "metrics/t.csv").write_text("a\n9\n")
    found = faults(study / "figures/f.svg")
    assert (
        "results/reference/x/figures/f.svg: its input results/reference/x/metrics/t.csv "
        "is not the one that it was made from" in found
    )
    assert "results/reference/x/metrics/t.csv: the file was changed after it was made" in found


def test_a_changed_parameter_shows_in_the_record(study):
    file = records.path_of(Path("results/small/x/metrics/t.csv"))
    file.write_text(file.read_text().replace('"factor": 1', '"factor": 2'))
    (found,) = faults(Path("results/small/x/metrics/t.csv"))
    assert "the record was changed after it was written" in found


def test_a_forged_record_does_not_follow_from_its_parameters(study):
    import json

    from replicortex.files import canonical_json

    file = records.path_of(Path("results/small/x/metrics/t.csv"))
    record = json.loads(file.read_text())
    record.pop("sha256")
    record["job"]["arguments"]["factor"] = 2
    record["sha256"] = records.sha256(canonical_json(record))
    file.write_text(json.dumps(record))
    (found,) = faults(Path("results/small/x/metrics/t.csv"))
    assert "the record's id does not follow" in found
