"""Keeping a run: whole chains, committed code and real data, or nothing."""

import json
import lzma
import subprocess
from pathlib import Path

import pytest
from study_copy import GIT
from synthetic_run import again
from test_chain import FACTS, made

from replicortex.core.errors import StudyError
from replicortex.provenance import chain, packed, records
from replicortex.provenance.verification import verify
from replicortex.tools.promote import keep


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A committed repository with a run: many models, a table of them, a figure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})
    Path("code.py").write_text("x = 1\n")
    Path(".gitignore").write_text("/results/\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--message", "c"], check=True)
    models = [  # one of them in a folder that is named as that of kept runs
        made(
            f"results/small/x/models/{'reference/' * (n == 9)}{n}.safetensors", str(n), {}, factor=n
        )
        for n in range(100)
    ]
    table = made("results/small/x/metrics/t.csv", "a\n1\n", {"models": models})
    made("results/small/x/figures/f.svg", "<svg/>", {"table": table})
    return tmp_path


def test_figures_tables_and_all_records_are_kept_and_hold(run):
    copied = {path.relative_to(run).as_posix() for path in keep("small", "x", run)}
    reference = Path("results/reference/x")
    assert f"{reference}/figures/f.svg" in copied and f"{reference}/metrics/t.csv" in copied
    archive = reference / "models" / records.ARCHIVE
    assert [name for name in copied if "/models/" in name] == [archive.as_posix()]
    kept = records.below(reference / "models")
    assert len(kept) == 100 and all(map(records.exists, kept))  # their records alone
    assert len(list((reference / "metrics").glob(".inputs-*.json"))) == 1
    subprocess.run(["rm", "-r", "results/small"], check=True)
    found = verify([reference / "figures/f.svg"], run)
    assert {fault.kind for fault in found} == {"absent"} and len(found) == 100


def test_what_a_figure_is_drawn_from_is_kept_and_other_arrays_are_not(run):
    drawn = made("results/small/x/metrics/maps.npz", "maps", {})
    made("results/small/x/metrics/brain.npz", "brain", {})
    made("results/small/x/figures/g.svg", "<svg/>", {"maps": drawn})
    keep("small", "x", run)
    kept = {path.name for path in Path("results/reference/x/metrics").iterdir()}
    assert {"t.csv", "maps.npz", "maps.npz.record.json"} <= kept
    assert "brain.npz" not in kept and "brain.npz.record.json" not in kept
    assert records.exists(Path("results/reference/x/metrics/brain.npz.record.json"))


def test_archived_records_are_as_they_were_and_a_changed_one_is_told(run):
    before = records.read(Path("results/small/x/models/7.safetensors.record.json"))
    keep("small", "x", run)
    folder = Path("results/reference/x")
    place = folder / "models/7.safetensors.record.json"
    assert records.read(place) == before and not place.exists()
    assert not records.exists(folder / "models/absent.safetensors.record.json")
    assert not records.exists(Path("results/small/x/models/absent.record.json"))
    with pytest.raises(FileNotFoundError):
        records.content(folder / "models/absent.safetensors.record.json")
    assert folder / "models/7.safetensors" in chain.results_below(folder, absent=True)
    assert folder / "models/7.safetensors" not in chain.results_below(folder)
    assert records.below(folder / "models") == records.below(folder)[-100:]
    (figure,) = records.below(folder / "figures")
    assert figure.is_file()

    archive = folder / "models" / records.ARCHIVE
    texts = records.archived(archive)
    for content, told in (
        (b"", "has no record"),
        (records.archive({}), "has no record"),
        (packed.pack(b"[1]"), "has no record"),
        (records.archive({"7.safetensors.record.json": b"{}"}), "is no record, or no longer"),
        (
            records.archive(
                {
                    name: text.replace('"factor": 7', '"factor": 8').encode()
                    for name, text in texts.items()
                }
            ),
            "the record was changed after it was written",
        ),
        (records.archive({"../models/7.safetensors.record.json": b"{}"}), "has no record"),
    ):
        archive.write_bytes(content)
        with pytest.raises(StudyError, match=told):
            chain.read_record(folder / "models/7.safetensors")
        found = {fault.what for fault in verify([folder / "figures/f.svg"], run, below=[folder])}
        assert f"{records.ARCHIVE} is not the one that was kept" in found


def test_a_large_table_is_kept_compressed_and_still_found(run):
    rows = "\n".join(str(n) for n in range(200_000))
    made("results/small/x/metrics/long.csv", f"a\n{rows}\n", {})
    keep("small", "x", run)
    held = Path("results/reference/x/metrics/long.csv.xz")
    assert (
        held.stat().st_size < 500_000
        and lzma.decompress(held.read_bytes()).decode() == f"a\n{rows}\n"
    )
    assert not [fault for fault in verify([held], run) if fault.kind == "fault"]


def test_uncommitted_code_is_refused(run):
    Path("code.py").write_text("x = 2\n")
    with pytest.raises(StudyError, match="has changes that are not committed"):
        keep("small", "x", run)
    assert not Path("results/reference").exists()


def test_from_another_folder_and_without_a_record_it_is_refused(run, monkeypatch):
    Path("results/small/x/figures/f.svg.record.json").unlink()
    with pytest.raises(StudyError, match=r"figures/f\.svg: has no record"):
        keep("small", "x", run)
    monkeypatch.chdir("results")
    with pytest.raises(
        StudyError, match=r"keep: records name files from .*; run it in that folder"
    ):
        keep("small", "x", run)


def test_code_that_git_does_not_track_is_refused(run):
    Path("workflow").mkdir()
    Path("workflow/toy.py").write_text("x = 2\n")
    with pytest.raises(StudyError, match=r"workflow/toy\.py has changes that are not committed"):
        keep("small", "x", run)
    assert not Path("results/reference").exists()


def test_a_rehearsal_is_refused_whatever_its_data(run):
    path = Path("results/small/x/figures/f.svg")
    again(path, lambda record: record["job"].update(rehearsal=True))
    with pytest.raises(StudyError, match=r"figures/f\.svg is of a rehearsal"):
        keep("small", "x", run)
    assert not Path("results/reference").exists()


def test_results_of_a_dirty_tree_are_refused(run, monkeypatch):
    monkeypatch.setitem(FACTS, "git", {"commit": "c" * 40, "dirty": "yes"})
    made("results/small/x/figures/g.svg", "<svg/>", {})
    with pytest.raises(StudyError, match=r"g\.svg was made from a tree with uncommitted changes"):
        keep("small", "x", run)


def test_a_chain_that_does_not_hold_is_refused(run):
    Path("results/small/x/models/7.safetensors").write_text("changed")
    with pytest.raises(StudyError, match=r"models/7\.safetensors: the file was changed"):
        keep("small", "x", run)
    assert not Path("results/reference").exists()
    assert records.read(records.path_of(Path("results/small/x/metrics/t.csv")))


@pytest.mark.parametrize("forged", [False, True])
def test_synthetic_is_what_the_manifests_say_whatever_records_say(run, forged):
    facts = {"name": "d", "version": "1", "id": "i", "commit": "c" * 40, "synthetic": True}
    manifest = made("data/manifests/d@1.json", json.dumps({**facts, "files": {}}), {})
    table = made("results/small/x/metrics/t.csv", "a\n2\n", {"data": manifest})
    figure = made("results/small/x/figures/f.svg", "<svg/>", {"table": table})
    with pytest.raises(StudyError, match="comes from synthetic data"):
        keep("small", "x", run)
    if forged:

        def change(record):
            record["synthetic"] = False
            for entry in record["inputs"].get("data", []) + record["inputs"].get("table", []):
                entry["synthetic"] = False
                if "dataset" in entry:
                    entry["dataset"]["synthetic"] = False

        again(table, change)
        again(figure, change)
        with pytest.raises(StudyError, match=r"t\.csv: its record says synthetic False of a"):
            keep("small", "x", run)
    assert not Path("results/reference").exists()


def test_results_whose_record_names_no_commit_are_not_kept(run, monkeypatch):
    monkeypatch.setattr("test_chain.records.Identity", _with_code)
    made("results/small/x/metrics/u.csv", "a\n", {})
    with pytest.raises(StudyError, match=r"u\.csv: its record names no commit"):
        keep("small", "x", run)


def _with_code(what, inputs):
    return IDENTITY(what | {"code": "c" * 64}, inputs)


IDENTITY = records.Identity
