"""The runner: whole results with records, or one sentence and nothing."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replicortex.core import runner
from replicortex.core.errors import FINAL, ElsewhereError, StudyError
from replicortex.core.files import canonical_json
from replicortex.provenance import records

MODULE = """
from pathlib import Path

import numpy as np
import pandas as pd

from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors


def double(*, numbers: Path, factor: int) -> dict:
    print("doubling")
    return {"table": pd.read_csv(numbers) * factor}


def packed(*, numbers: Path, seeds: list[int]) -> dict:
    return {"table": [pd.DataFrame({"seed": [seed]}) for seed in seeds]}


def turned(*, numbers: Path, seeds: list[int]) -> dict:
    return {"table": [pd.DataFrame({"seed": [seed]}) for seed in reversed(seeds)]}


def turned_tensors(*, numbers: Path, seeds: list[int]) -> dict:
    return {"table": [Tensors({"x": np.ones(2)}, {"seed": seed}) for seed in reversed(seeds)]}


def short(*, numbers: Path, seeds: list[int]) -> dict:
    return {"table": [pd.DataFrame({"seed": [1]})]}


def drawing(*, numbers: Path) -> dict:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([0, 1])
    return {"figure": figure}


def refusing(*, numbers: Path) -> dict:
    raise StudyError("numbers.csv: found 3, expected 4")


def broken(*, numbers: Path) -> dict:
    raise ZeroDivisionError("inside")


def misnamed(*, numbers: Path) -> dict:
    return {"tabel": pd.DataFrame()}


def unwritable(*, numbers: Path) -> dict:
    return {"first": pd.DataFrame({"a": [1]}), "second": object()}


def peeking(*, numbers: Path, how: str) -> dict:
    hidden = Path("results/hidden.safetensors")
    if how == "python":
        hidden.read_bytes()
    elif how == "behind":
        from safetensors import safe_open

        safe_open(hidden, framework="numpy")
    elif how == "data":
        Path("data/d/raw.bin").read_bytes()
    return {"table": pd.read_csv(numbers)}


def trained(*, numbers: Path, seeds: list[int], state) -> dict:
    with state:
        if state.load("run") is None:
            state.save("run", {"step": 1})
            if state.deadline is not None:
                from replicortex.training.state import OutOfTime

                raise OutOfTime("run: stopped in epoch 1, step 1")
            raise ZeroDivisionError("after the first save")
    return {"table": [pd.DataFrame({"seed": [seed]}) for seed in seeds]}
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with one input, code to call, and the surroundings that a run needs."""
    from replicortex.core import codehash

    code = tmp_path / "code"
    code.mkdir()
    (code / "made_up_job.py").write_text(MODULE)
    (tmp_path / "numbers.csv").write_text("a\n1\n2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(code))
    monkeypatch.setattr(codehash, "ROOT", code)
    monkeypatch.setenv("REPLICORTEX_STATE", "state")
    monkeypatch.setenv("REPLICORTEX_SAVE_EVERY", "300")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM"):
        monkeypatch.setenv(f"{name}_NUM_THREADS", "1")
    monkeypatch.setattr(runner, "_only_this_environment", lambda: None)
    sys.modules.pop("made_up_job", None)
    yield tmp_path
    sys.modules.pop("made_up_job", None)


def run(function, outputs, arguments=None, **resources):
    what = {
        "call": f"made_up_job:{function}",
        "arguments": arguments or {},
        "code": "c0de",
        "environment": {},
        "datasets": {},
        "threads": 1,
        "runner": 1,
    }
    runner.run(
        rule="a_rule",
        job=canonical_json(what),
        inputs={"numbers": "numbers.csv"},
        outputs=outputs,
        resources=resources,
        log="logs/a_rule.log",
    )


def test_a_result_is_what_the_function_returned_with_a_record_beside_it(work):
    run("double", {"table": "out/table.csv"}, {"factor": 3})
    assert pd.read_csv("out/table.csv")["a"].tolist() == [3, 6]
    record = records.read(Path("out/table.csv.record.json"))
    assert record["output"]["sha256"] == records.file_sha256(Path("out/table.csv"))
    assert record["inputs"]["numbers"][0]["sha256"] == records.file_sha256(Path("numbers.csv"))
    assert record["job"]["arguments"] == {"factor": 3}
    assert record["run"]["rule"] == "a_rule" and record["seed"] is None
    assert Path("logs/a_rule.log").read_text() == "doubling\n"


def test_each_seed_of_a_pack_has_its_record_and_packing_changes_no_identity(work):
    run("packed", {"table": ["out/seed7.csv", "out/seed9.csv"]})
    together = {seed: records.read(Path(f"out/seed{seed}.csv.record.json")) for seed in (7, 9)}
    assert [together[seed]["seed"] for seed in (7, 9)] == [7, 9]
    run("packed", {"table": ["alone/seed9.csv"]})
    alone = records.read(Path("alone/seed9.csv.record.json"))
    assert alone["id"] == together[9]["id"] != together[7]["id"]


def test_the_seed_is_the_files_own_whatever_a_resource_says(work):
    run("packed", {"table": ["out/seed42.csv"]}, seeds="7 8")
    assert pd.read_csv("out/seed42.csv")["seed"].tolist() == [42]
    assert records.read(Path("out/seed42.csv.record.json"))["seed"] == 42


def test_seeds_that_a_rule_gives_reach_a_function_whose_files_name_none(work):
    run("packed", {"table": ["out/a.csv", "out/b.csv"]}, {"seeds": [3, 4]})
    assert [pd.read_csv(f"out/{name}.csv")["seed"].item() for name in "ab"] == [3, 4]
    record = records.read(Path("out/a.csv.record.json"))
    assert record["job"]["arguments"] == {"seeds": [3, 4]} and record["seed"] is None


def test_a_figure_carries_the_id_of_its_record_in_every_format(work):
    from replicortex.provenance.chain import embedded_id

    run("drawing", {"figure": ["out/f.pdf", "out/f.png", "out/f.svg"]})
    for suffix in ("pdf", "png", "svg"):
        path = Path(f"out/f.{suffix}")
        assert embedded_id(path) == records.read(records.path_of(path))["id"]


def test_what_another_machine_or_a_while_may_mend_is_tried_again():
    try:
        try:
            raise OSError("stale file handle")
        except OSError:
            raise StudyError("x.yaml: cannot be read") from None
    except StudyError as error:
        unread = error
    assert not runner._final(unread) and not runner._final(ElsewhereError("no GPU"))
    assert runner._final(StudyError("x.yaml: no key 'a'"))


def test_a_users_fault_is_one_sentence_and_nothing_is_written(work, capsys):
    with pytest.raises(SystemExit) as stop:
        run("refusing", {"table": "out/table.csv"})
    assert stop.value.code == 1
    assert capsys.readouterr().err == f"a_rule: numbers.csv: found 3, expected 4{FINAL}\n"
    assert not Path("out").exists()


def test_a_programs_fault_leaves_its_traceback_in_the_log(work):
    with pytest.raises(SystemExit) as stop:
        run("broken", {"table": "out/table.csv"})
    assert stop.value.code == 1
    text = Path("logs/a_rule.log").read_text()
    assert "Traceback" in text and "ZeroDivisionError: inside" in text


def test_a_folder_that_cannot_be_written_is_one_sentence_and_the_log_holds_more(work, capsys):
    Path("out").write_text("a file in the way")
    with pytest.raises(SystemExit) as stop:
        run("double", {"table": "out/table.csv"}, {"factor": 3})
    assert stop.value.code == 1
    printed = (
        "a_rule: out: File exists: a file stands where a folder is needed; move it away, and start "
    )
    assert capsys.readouterr().err == f"{printed}again\n"
    assert "Traceback" in Path("logs/a_rule.log").read_text()


def test_a_name_that_is_no_text_is_told_in_the_log_too(work, monkeypatch, capsys):
    def refusing(*_):
        raise StudyError(f"{os.fsdecode(b'caf' + bytes([233]))}: no")

    monkeypatch.setattr(runner, "_run", refusing)
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    with pytest.raises(SystemExit) as stop:
        run("double", {"table": "out/table.csv"})
    assert stop.value.code == 1
    assert Path("logs/a_rule.log").read_text() == f"a_rule: caf\\udce9: no{FINAL}\n"


@pytest.mark.parametrize("content", [b"", b'{"name": "d"', b"[]", b"{}", bytes(range(256))])
def test_a_damaged_manifest_among_the_inputs_is_one_sentence(work, content):
    path = Path("data/manifests/d@1.json")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(
        StudyError, match=r"data/manifests/d@1\.json: a dataset's manifest \(JSON\) expected"
    ):
        records.describe_inputs({"data": path})


@pytest.mark.parametrize(
    ("function", "outputs", "resources", "sentence"),
    [
        ("misnamed", {"table": "out/t.csv"}, {}, "returned ['tabel'], ['table'] expected"),
        (
            "short",
            {"table": ["out/seed1.csv", "out/seed2.csv"]},
            {},
            "output table: 1 values for 2 files",
        ),
        (
            "turned",
            {"table": ["out/seed1.csv", "out/seed2.csv"]},
            {},
            "output table: the value of seed 2 in the place of seed 1",
        ),
        (
            "turned_tensors",
            {"table": ["out/seed1.safetensors", "out/seed2.safetensors"]},
            {},
            "output table: the value of seed 2 in the place of seed 1",
        ),
    ],
)
def test_results_that_do_not_fit_the_outputs_fail(work, function, outputs, resources, sentence):
    with pytest.raises(SystemExit):
        run(function, outputs, **resources)
    assert sentence in Path("logs/a_rule.log").read_text()
    assert not Path("out").exists()


def test_a_writer_that_fails_leaves_no_part_of_a_file_and_no_record(work):
    with pytest.raises(SystemExit):
        run("unwritable", {"first": "out/first.csv", "second": "out/second.json"})
    assert sorted(path.name for path in Path("out").iterdir()) == ["first.csv"]


def test_an_input_that_changed_after_it_was_made_is_refused(work, capsys):
    run("double", {"table": "out/table.csv"}, {"factor": 3})
    Path("out/table.csv").rename("numbers.csv")
    Path("out/table.csv.record.json").rename("numbers.csv.record.json")
    Path("numbers.csv").write_text("a\n4\n")
    with pytest.raises(SystemExit):
        run("double", {"table": "out/again.csv"}, {"factor": 3})
    assert "numbers.csv: changed since it was made" in capsys.readouterr().err
    assert not Path("out/again.csv").exists()


def test_a_training_resumes_from_its_state_and_clears_it_when_done(work):
    outputs = {"table": ["out/seed5.csv"]}
    with pytest.raises(SystemExit) as stop:
        run("trained", outputs)
    assert stop.value.code == 1 and list(Path("state").iterdir())
    run("trained", outputs)
    assert Path("out/seed5.csv").exists() and not list(Path("state").iterdir())


def test_a_training_out_of_time_ends_with_its_own_code(work, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    with pytest.raises(SystemExit) as stop:
        run("trained", {"table": ["out/seed5.csv"]}, runtime=30)
    assert stop.value.code == runner.OUT_OF_TIME == 85
    assert capsys.readouterr().err == "a_rule: run: stopped in epoch 1, step 1\n"


@pytest.mark.parametrize(("minutes", "safe"), [(240, 235), (10, 9), (1, 0.9)])
def test_a_job_under_slurm_stops_before_its_limit(monkeypatch, minutes, safe):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    left = runner._deadline({"runtime": minutes}) - time.time()
    assert left == pytest.approx(60 * safe, abs=2)


def test_a_local_job_has_no_limit(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert runner._deadline({"runtime": 60}) is None


def test_packages_of_another_prefix_are_forgotten(monkeypatch, tmp_path):
    own = Path(sys.prefix) / "lib/site-packages"
    foreign = tmp_path / "engine/lib/site-packages"
    monkeypatch.setattr(sys, "path", [str(own), str(foreign), str(tmp_path)])
    runner._only_this_environment()
    assert sys.path == [str(own), str(tmp_path)]


def test_threads_are_set_for_every_library(monkeypatch):
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM"):
        monkeypatch.setenv(f"{name}_NUM_THREADS", "0")
    runner._prepare(3)
    assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "3"
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)


def test_synthetic_results_say_so_on_the_figure(work):
    manifests = work / "manifests"
    manifests.mkdir()
    manifest = {"name": "x", "version": "1", "id": "i", "commit": "c", "synthetic": True}
    manifest["files"] = {}
    (manifests / "x@1.json").write_text(json.dumps(manifest))
    what = {"call": "made_up_job:drawing", "arguments": {}, "threads": 1, "code": None}
    runner.run(
        rule="draw",
        job=canonical_json(what),
        inputs={"numbers": "manifests/x@1.json"},
        outputs={"figure": ["out/f.svg"]},
        resources={},
        log="logs/draw.log",
    )
    assert "SYNTHETIC DATA" in Path("out/f.svg").read_text()
    assert records.read(Path("out/f.svg.record.json"))["synthetic"] is True


@pytest.fixture
def watched(work, monkeypatch):
    """Results and data that a job's rule does not declare, and the mode that minds."""
    from replicortex.core.files import Tensors, write

    write(Path("results/hidden.safetensors"), Tensors({"a": np.zeros(2)}))
    Path("data/d").mkdir(parents=True)
    Path("data/d/raw.bin").write_bytes(b"raw")
    Path("results/out").mkdir()
    monkeypatch.setenv("REPLICORTEX_WATCH", "1")


@pytest.mark.parametrize(
    "how, path",
    [
        ("python", "results/hidden.safetensors"),
        ("behind", "results/hidden.safetensors"),
        ("data", "data/d/raw.bin"),
    ],
)
def test_a_job_that_opens_what_is_not_declared_fails_where_that_is_watched(
    watched, capsys, monkeypatch, how, path
):
    with pytest.raises(SystemExit):
        run("peeking", {"table": "results/out/table.csv"}, {"how": how})
    assert f"opened without being declared as an input: {path}" in capsys.readouterr().err
    monkeypatch.delenv("REPLICORTEX_WATCH")
    run("peeking", {"table": "results/out/table.csv"}, {"how": how})


def test_a_job_that_opens_its_inputs_and_outputs_alone_passes(watched):
    run("peeking", {"table": "results/out/table.csv"}, {"how": "no"})
    assert Path("results/out/table.csv").exists()


def test_files_of_a_dataset_whose_manifest_is_an_input_are_declared(watched):
    from replicortex.provenance.watching import watching

    content = {"name": "d", "version": "1", "id": "i", "commit": "c", "synthetic": False}
    files = {"raw.bin": {"key": "K", "size": 3, "sha256": "s"}}
    manifest = Path("data/manifests/d@1.json")
    manifest.parent.mkdir()
    manifest.write_text(canonical_json({**content, "files": files}))
    with watching({"data": manifest}, {}, datasets=False, state=Path("state")):
        Path("data/d/raw.bin").read_bytes()
    with (
        pytest.raises(StudyError, match="declared as an input: data/d/other"),
        watching({"data": manifest}, {}, datasets=False, state=Path("state")),
    ):
        Path("data/d/other").write_bytes(b"")
