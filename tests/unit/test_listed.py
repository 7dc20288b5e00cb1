"""What a run has to have: its list of files, what is missing, and who vouches for a kept run."""

import shutil
import subprocess
from pathlib import Path

import pytest
from study_copy import GIT
from synthetic_run import again
from test_chain import made

from replicortex.core.errors import StudyError
from replicortex.provenance import chain, listed, records
from replicortex.provenance.verification import verify
from replicortex.tools.promote import keep

RUN, KEPT = Path("results/small"), Path("results/reference/x")
FIGURE, TABLE = "x/figures/f.svg", "x/metrics/t.csv"


def git(*words):
    subprocess.run([*GIT, *words], check=True)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A committed repository with a run that ended well: a model, a table of it, a figure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})
    Path(".gitignore").write_text("/results/*\n!/results/reference/\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "c")
    model = made("results/small/x/models/m.safetensors", "m", {})
    table = made(f"results/small/{TABLE}", "a\n1\n", {"model": model})
    made(f"results/small/{FIGURE}", "<svg/>", {"table": table})
    listed.note(RUN, [RUN / FIGURE, RUN / TABLE, "elsewhere/z.csv"])
    return tmp_path


def found(folder):
    files = chain.results_below(folder, absent=True)
    return [
        (fault.path, fault.kind, fault.what)
        for fault in verify(files, Path.cwd(), below=[folder])
        if fault.kind not in ("absent", "signed")
    ]


def test_a_whole_run_misses_nothing(run):
    assert found(RUN) == found(RUN / "x") == found(Path("results")) == []
    assert set(listed.read(RUN)) == {FIGURE, TABLE}


@pytest.mark.parametrize("name", [FIGURE, TABLE])
@pytest.mark.parametrize("with_record", [False, True])
def test_a_result_that_is_gone_is_named(run, name, with_record):
    (RUN / name).unlink()
    if with_record:
        records.path_of(RUN / name).unlink()
    place = (RUN / name).as_posix()
    assert found(RUN) == [(place, "fault", "is missing: the run's list of files names it")]
    assert found(RUN / "x/models") == []  # it was not asked for
    if not with_record:  # asked for alone
        (alone,) = verify([RUN / name], run)
        assert (alone.path, alone.kind) == (place, "fault")


@pytest.mark.parametrize("with_record", [False, True])
@pytest.mark.parametrize("name", [FIGURE, TABLE, "x/models/m.safetensors"])
@pytest.mark.parametrize(
    "put, what",
    [
        (lambda place: place.mkdir(), "is a folder where a file is expected"),
        (lambda place: place.symlink_to("nowhere"), "is a link that leads nowhere"),
    ],
    ids=["folder", "link"],
)
def test_something_else_in_its_place_is_named(run, name, put, what, with_record):
    (RUN / name).unlink()
    put(RUN / name)
    if with_record:
        records.path_of(RUN / name).unlink()
    assert found(RUN) == [((RUN / name).as_posix(), "fault", what)]


def test_a_whole_paper_and_a_folder_that_are_gone_are_named(run):
    shutil.rmtree(RUN / "x/figures")
    assert [path for path, *_ in found(RUN)] == [(RUN / FIGURE).as_posix()]
    shutil.rmtree(RUN / "x")
    assert [path for path, *_ in found(RUN)] == [
        (RUN / name).as_posix() for name in (FIGURE, TABLE)
    ]


def test_a_model_that_was_dropped_is_no_fault(run):
    (RUN / "x/models/m.safetensors").unlink()
    assert found(RUN) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"figures/f.svg", b"figures/g.svg"),
        lambda text: text + b" ",
        lambda text: text.replace(b' "x/figures/f.svg": null,\n', b""),
        lambda text: b"",
        lambda text: b"[]",
        lambda text: b'{"files": 3}',
    ],
)
def test_a_list_that_was_changed_is_the_one_fault(run, change):
    place = RUN / listed.NAME
    assert change(place.read_bytes()) != place.read_bytes()
    place.write_bytes(change(place.read_bytes()))
    what = "the list of files was changed after it was written"
    assert found(RUN) == [(place.as_posix(), "fault", what)]


def test_a_run_without_a_list_says_so_and_is_checked_as_ever(run):
    (RUN / listed.NAME).unlink()
    (RUN / FIGURE).unlink()
    records.path_of(RUN / FIGURE).unlink()
    ((path, kind, _),) = found(RUN)
    assert (path, kind) == (RUN.as_posix(), "unlisted")
    (RUN / TABLE).write_text("a\n2\n")
    assert ((RUN / TABLE).as_posix(), "fault") in [each[:2] for each in found(RUN)]


def test_a_list_grows_with_what_is_made_and_forgets_what_no_rule_asks_for(run):
    (RUN / TABLE).unlink()
    listed.note(RUN, [RUN / FIGURE, RUN / TABLE, RUN / "x/figures/never_made.svg"])
    assert set(listed.read(RUN)) == {FIGURE, TABLE}  # a part of the study cannot hide a deletion
    listed.note(RUN, [RUN / "y/metrics/u.csv"])  # nothing of it was made
    assert set(listed.read(RUN)) == {FIGURE, TABLE}
    made("results/small/y/metrics/u.csv", "a\n", {})
    listed.note(RUN, [RUN / "y/metrics/u.csv"])  # the other paper alone
    assert set(listed.read(RUN)) == {FIGURE, TABLE, "y/metrics/u.csv"}
    listed.note(RUN, [RUN / FIGURE])
    assert set(listed.read(RUN)) == {FIGURE, "y/metrics/u.csv"}


def test_names_that_lead_out_of_the_folder_are_none(run):
    listed.write(RUN, {"../../outside": None, "/etc/nothing": None, FIGURE: None})
    assert found(RUN) == []


@pytest.fixture
def kept(run):
    keep("small", "x", run)
    git("add", ".")
    git("commit", "--quiet", "--message", "kept")
    shutil.rmtree(RUN)
    return KEPT


def test_a_kept_run_lists_each_of_its_files(kept):
    names = {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()}
    assert set(listed.read(kept)) == names - {listed.NAME}
    assert found(kept) == found(Path("results/reference")) == found(Path("results")) == []


def test_any_file_of_a_kept_run_is_missed_or_known_for_another(kept):
    model = kept / "models/m.safetensors"
    for path in sorted(kept.rglob("*")):
        if path.is_file() and path.name != listed.NAME:
            before = path.read_bytes()
            result = listed.result_of(path).as_posix()
            path.unlink()
            faults = {(result, "fault")}
            if path.name == records.ARCHIVE:  # what it tells is missed as well
                faults |= {(model.as_posix(), "fault")}
            assert {fault[:2] for fault in found(kept)} == faults, path
            path.write_bytes(before + b" ")
            assert {fault[:2] for fault in found(kept)} == {(result, "fault")}, path
            path.write_bytes(before)
    assert found(kept) == [] and not model.exists()


def test_a_kept_record_that_was_written_anew_is_known_for_another(kept):
    """Of machine and time nothing else tells."""
    again(kept / "figures/f.svg", lambda record: record["run"].update(host="elsewhere"))
    ((path, _, what),) = found(kept)
    assert path == f"{kept}/figures/f.svg" and "record.json is not the one that was kept" in what


def test_a_single_kept_result_is_compared_with_the_list_as_well(kept, capsys):
    from replicortex.__main__ import main

    figure, table = kept / "figures/f.svg", kept / "metrics/t.csv"
    again(figure, lambda record: record["run"].update(host="elsewhere"))
    assert main(["audit", "verify", str(table)]) == 0
    assert main(["audit", "verify", str(figure)]) == 1
    assert "svg.record.json is not the one that was kept" in capsys.readouterr().out
    table.unlink()
    records.path_of(table).unlink()
    assert main(["audit", "verify", str(table)]) == 1
    assert "t.csv: is missing" in capsys.readouterr().out


def test_a_kept_list_without_hashes_is_none(kept):
    listed.write(kept, dict.fromkeys(listed.read(kept)))
    what = "the list of files was changed after it was written"
    assert found(kept) == [(f"{kept}/{listed.NAME}", "fault", what)]


def test_what_was_not_kept_with_the_others_is_told(kept):
    made(f"{kept}/figures/g.svg", "<svg/>", {})
    again(
        kept / "figures/g.svg",
        lambda record: record["output"].update(path="results/small/x/figures/g.svg"),
    )
    assert found(kept) == [
        (f"{kept}/figures/g.svg", "fault", "is not among the files that were kept")
    ]


def signatures(folder):
    files = chain.results_below(folder, absent=True)
    return [
        (fault.kind, fault.what)
        for fault in verify(files, Path.cwd(), below=[folder])
        if "kept by" in fault.what or "differs from what" in fault.what
    ]


@pytest.fixture
def key(tmp_path_factory, run):
    """A key for signing, and a list of those that are allowed to."""
    folder = tmp_path_factory.mktemp("keys")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")]
    subprocess.run(command, check=True)
    allowed = folder / "allowed"
    allowed.write_text(f"test@localhost {(folder / 'key.pub').read_text()}")
    for name, value in {
        "user.name": "Test",
        "user.email": "test@localhost",
        "gpg.format": "ssh",
        "user.signingkey": str(folder / "key"),
        "gpg.ssh.allowedSignersFile": str(allowed),
    }.items():
        git("config", name, value)
    return folder


def test_a_kept_run_is_signed_by_git_and_verify_says_by_whom(run, key):
    keep("small", "x", run, sign=True)
    ((kind, what),) = signatures(KEPT)
    assert kind == "signed" and what.endswith("whose signature by test@localhost is good")
    assert subprocess.run(["git", "status", "--porcelain"], capture_output=True).stdout == b""
    (key / "allowed").write_text("")  # nobody vouches for the key
    assert "of a key that nothing vouches for here" in signatures(KEPT)[0][1]
    git("config", "--unset", "gpg.ssh.allowedSignersFile")
    ((kind, what),) = signatures(KEPT)
    assert kind == "absent" and "is not set up to check here" in what
    listed.write(KEPT, listed.read(KEPT) | {"figures/more.svg": "0" * 64})
    assert signatures(KEPT) == [("signed", "differs from what is committed")]


def test_a_bad_signature_is_a_fault(run, key):
    keep("small", "x", run, sign=True)
    commit = subprocess.run(["git", "cat-file", "commit", "HEAD"], capture_output=True).stdout
    forged = commit.replace(b"kept from the run small", b"kept from the run large")
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    name = subprocess.run(command, input=forged, capture_output=True, check=True).stdout.decode()
    git("update-ref", "HEAD", name.strip())
    ((kind, what),) = signatures(KEPT)
    assert kind == "fault" and what.endswith("whose signature is bad")


def test_a_kept_run_that_is_not_signed_says_so(kept):
    ((kind, what),) = signatures(kept)
    assert kind == "signed" and what.endswith("which is not signed")


def test_without_a_key_it_is_kept_and_one_sentence_says_why_it_is_not_signed(run, key):
    git("config", "user.signingkey", str(key / "none"))
    with pytest.raises(StudyError, match=r"keep: .* is written, but git could not sign a commit"):
        keep("small", "x", run, sign=True)
    assert (KEPT / listed.NAME).exists()


def test_what_is_committed_already_is_not_signed_by_a_second_commit(run, key):
    keep("small", "x", run, sign=True)
    with pytest.raises(StudyError, match="nothing to sign"):
        keep("small", "x", run, sign=True)


def test_a_run_from_which_something_is_missing_is_not_kept(run):
    (RUN / FIGURE).unlink()
    with pytest.raises(StudyError, match=r"figures/f\.svg: is missing"):
        keep("small", "x", run)
    assert not KEPT.exists()


def test_the_command_says_what_it_skipped_and_what_it_did_not_read(run, kept, capsys, monkeypatch):
    from replicortex.__main__ import main
    from replicortex.provenance import contents

    monkeypatch.setattr(contents, "SETTLED_S", 0.0)
    (KEPT / listed.NAME).unlink()
    for _ in range(2):
        assert main(["audit", "verify"]) == 0
    *_, first, second, third, last = capsys.readouterr().out.splitlines()
    assert first.startswith("(for information) results/reference/x: no list of files here")
    assert second == "3 results checked, 0 faults, 1 times bytes or code were not at hand to check"
    what = "is not here, only its record: its bytes were not checked"
    assert third == f"  {KEPT}/models/m.safetensors: {what}"
    assert last.startswith("  2 files were not read") and "--no-cache" in last
    assert main(["audit", "verify", "--json"]) == 0
    assert '"kind": "unlisted"' in capsys.readouterr().out
