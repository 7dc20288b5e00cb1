"""The audit of a finished run: what would run again, what was tampered with, and by whom read."""

import json
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from study_copy import ANOTHERS, BIN
from test_reruns import CHANGES, changed

from replicortex.provenance import chain, records
from replicortex.provenance.contents import Hashes
from replicortex.provenance.verification import verify

L = Path("results/demo/learning_rules")


def audit(copy, *arguments, check=True):
    return copy.run("python", "-m", "replicortex", "audit", *arguments, check=check)


def again(copy, *arguments):
    """Return how many jobs of each rule would run, as `audit why` says."""
    answer = json.loads(audit(copy, "why", "--json", *arguments).stdout)
    return Counter(job["rule"] for job in answer["jobs"]), answer["jobs"]


@pytest.mark.parametrize(
    "change, reason",
    [
        ("nothing", None),
        ("rate of one rule", "parameter settings.lr: 0.0005 then, 0.0006 now"),
        ("seeds per job", None),
        ("a comment in the code", None),
        ("code of the figures", "code: workflow/papers/learning_rules/figures/change.py"),
        ("version of the responses", "reads now data/manifests/things_fmri_betas_fixture"),
        ("a published value", "its input was changed: workflow/papers/learning_rules/cl"),
        ("torch in the environment", "environment hash: "),
    ],
)
def test_why_names_the_jobs_of_the_engine_and_the_reason(one_paper, change, reason):
    apply, expected = CHANGES["learning_rules"][change]
    with changed(one_paper, apply):
        counts, jobs = again(one_paper)
    assert counts == expected
    said = [each for job in jobs for each in job["reasons"]]
    assert reason is None or any(each.startswith(reason) for each in said), said


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    ["one objective's temperature", "images of the RDMs", "seeds per job"],
)
def test_why_names_the_jobs_of_another_paper_too(finished, change):
    apply, expected = CHANGES["topographic"][change]
    with changed(finished, apply):
        counts, _ = again(finished)
    assert counts == expected


def test_why_of_one_figure_leaves_other_jobs_out(one_paper):
    with changed(one_paper, CHANGES["learning_rules"]["code of the figures"][0]):
        printed = audit(one_paper, "why", f"{L}/figures/change.png").stdout
        other = audit(one_paper, "why", f"{L}/metrics/curves.csv").stdout
    assert printed.startswith(f"1 job would run to have {L}/figures/change.png again:")
    assert "code: workflow/papers/learning_rules/figures/change.py" in printed
    assert other.startswith("Nothing would run")


@pytest.fixture
def clone(one_paper, tmp_path):
    """A fresh clone with the figures and all records of a run, and nothing else of it."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(one_paper.folder), str(folder)], check=True)
    source = one_paper.folder / "results/demo"
    for path in source.rglob("*"):
        is_record = path.name.endswith(records.SUFFIX) or path.name.startswith(".inputs-")
        if is_record or path.parent.name == "figures":
            target = folder / "results/demo" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return type(one_paper)(folder)


def test_every_command_works_in_a_fresh_clone_without_the_steps_between(clone):
    figure = f"{L}/figures/change.png"
    assert not (clone.folder / ".snakemake").exists()
    verified = audit(clone, "verify", figure)
    assert "1 results checked, 0 faults" in verified.stdout
    assert "times bytes or code were not at hand to check" in verified.stdout
    answer = json.loads(audit(clone, "verify", "--json", figure).stdout)
    kinds = Counter(each["kind"] for each in answer["found"])
    assert set(kinds) == {"absent"} and kinds["absent"] > 20
    assert "models/bp/seed42.safetensors" in audit(clone, "figure", "--files", figure).stdout
    assert "learning_rules_train" in audit(clone, "figure", figure).stdout
    assert "leutenegger2026" in audit(clone, "cite", figure).stdout
    assert "same bytes" in audit(clone, "diff", figure, figure).stdout
    assert "Nothing would run" in audit(clone, "why", figure).stdout
    table = f"{L}/metrics/curves.csv"  # absent: it and whatever it needs would be made again
    counts, jobs = again(clone, table)
    assert counts["learning_rules_aggregate"] == 1 and counts["get_cifar10_fixture"] == 1
    last = next(job for job in jobs if job["rule"] == "learning_rules_aggregate")
    assert last["reasons"][0].startswith(f"is not here: {table}")


def test_changed_code_is_information_and_an_error_with_current(one_paper):
    with changed(one_paper, CHANGES["learning_rules"]["code of the figures"][0]):
        plain = audit(one_paper, "verify", f"{L}/figures/change.png")
        current = audit(one_paper, "verify", "--current", f"{L}/figures/change.png", check=False)
    assert (
        "(for information) workflow/papers/learning_rules/figures/change.py: has changed"
        in plain.stdout
    )
    assert current.returncode == 1
    assert (
        "\nworkflow/papers/learning_rules/figures/change.py: has changed" in f"\n{current.stdout}"
    )


def test_a_dirty_tree_is_said_when_a_run_starts(one_paper):
    said = "files differ from the last commit"
    assert said not in one_paper.snakemake("--dry-run").stderr
    with changed(one_paper, CHANGES["learning_rules"]["a comment in the code"][0]):
        assert said in one_paper.snakemake("--dry-run").stderr
    untracked = one_paper.folder / "workflow/papers/learning_rules/toy.py"
    untracked.write_text("")
    try:
        shell = ("env", "REPLICORTEX_DIRTY=no", str(BIN / "snakemake"), "--dry-run")
        assert said in one_paper.run(*shell).stderr
    finally:
        untracked.unlink()


def test_a_clone_of_another_user_is_said_when_a_run_starts(one_paper, monkeypatch):
    for name, value in ANOTHERS.items():
        monkeypatch.setenv(name, value)
    said = one_paper.snakemake("--dry-run").stderr
    assert said.count("git config --global --add safe.directory") == 1
    assert "cannot be kept, nor be verified" in said


# One of each kind of artefact, and what is said of it when one of its bytes is another.
KINDS = {
    "raw data": ("data/cifar10_fixture/cifar-10-python.tar.gz", "the raw file is not the one"),
    "manifest": ("data/manifests/cifar10_fixture@*.json", "the file was changed"),
    "model": (f"{L}/models/bp/seed42.safetensors", "the file was changed"),
    "activation": (f"{L}/activations/fa/seed42.safetensors", "the file was changed"),
    "table": (f"{L}/metrics/curves.csv", "the file was changed"),
    "figure": (f"{L}/figures/change.svg", "the file was changed"),
    "record": (f"{L}/metrics/curves.csv{records.SUFFIX}", "record"),
    "claims": ("workflow/papers/learning_rules/claims.yaml", "is not the file that results were"),
    "code": ("workflow/papers/learning_rules/scores.py", "has changed since"),
}


def place(folder, pattern):
    (found,) = [
        p
        for p in folder.glob(pattern)
        if p.name.endswith(records.SUFFIX) == pattern.endswith(records.SUFFIX)
    ]
    return found.relative_to(folder)


def flipped(path, position, mask):
    """Flip bits of one byte, behind a link and a write protection too; return the way back."""
    real = path.resolve()
    before, mode = real.read_bytes(), real.stat().st_mode
    content = bytearray(before)
    content[position % len(before)] ^= mask
    real.chmod(0o644)
    real.write_bytes(content)

    def back():
        real.write_bytes(before)
        real.chmod(mode)

    return back


def all_results(folder):
    return chain.results_below(folder / "results/demo")


@pytest.mark.parametrize("kind", KINDS)
def test_one_byte_of_each_kind_of_artefact_is_the_one_cause(one_paper, monkeypatch, kind):
    monkeypatch.chdir(one_paper.folder)
    pattern, what = KINDS[kind]
    victim = place(one_paper.folder, pattern)
    text = victim.read_bytes()
    at = text.index(b"CELL = [") if kind == "code" else len(text) // 2
    files = [path.relative_to(one_paper.folder) for path in all_results(one_paper.folder)]
    back = flipped(victim, at, 1)
    try:
        found = verify(files, one_paper.folder)
    finally:
        back()
    assert [fault.path for fault in found] == [victim.as_posix().removesuffix(records.SUFFIX)]
    assert what in found[0].what
    assert found[0].kind == ("stale" if kind == "code" else "fault")


def test_a_changed_comment_is_text_that_counts_for_nothing(one_paper, monkeypatch):
    monkeypatch.chdir(one_paper.folder)
    victim = Path("workflow/papers/learning_rules/train.py")
    back = flipped(victim, victim.read_bytes().index(b'"""') + 4, 1)
    try:
        found = verify([L / "figures/change.png"], one_paper.folder)
    finally:
        back()
    assert [(fault.path, fault.kind) for fault in found] == [(victim.as_posix(), "text")]
    assert "in nothing that counts" in found[0].what


@pytest.mark.slow
def test_a_hundred_random_tamperings_of_a_run_are_all_found(finished, monkeypatch, tmp_path):
    """Any byte of any file on any chain; each named alone; no alarm before and after."""
    monkeypatch.chdir(finished.folder)
    files = [path.relative_to(finished.folder) for path in all_results(finished.folder)]
    manifests = list(Path("data/manifests").glob("*.json"))
    records_of = {path: chain.read_record(path) for path in files}
    sources = {
        Path("workflow", name)
        for record in records_of.values()
        for name in record["modules"]
        if Path("workflow", name).stat().st_size
    }
    plain = {  # files of the repository, such as claims, and lists of many inputs
        Path(entry["path"])
        for record in records_of.values()
        for entry in chain.entries(record)
        if "record" not in entry and "dataset" not in entry
    } | {listed for path in files if (listed := records.list_of(records.path_of(path)))}
    assert {path.name for path in plain} >= {"claims.yaml"}
    raw = [
        path
        for path in Path("data").glob("*_fixture/**/*")
        if path.is_file() and not any(p.startswith(".") for p in path.parts)
    ]
    groups = [
        files,
        [records.path_of(path) for path in files],
        manifests,
        sorted(sources),
        raw,
        sorted(plain),
    ]
    draw = random.Random(8)
    cache = tmp_path / "hashes.json"
    hashes = Hashes(cache)
    assert verify(files, finished.folder, hashes) == []
    hashes.remember()
    for number in range(100):
        victim = draw.choice(groups[number % len(groups)])
        back = flipped(victim, draw.randrange(1 << 30), draw.randrange(1, 256))
        try:
            found = verify(files, finished.folder, Hashes(cache))
        finally:
            back()
        # Equal raw files are one object of the annex: both names are told.
        same = {path for path in raw if path.resolve() == victim.resolve()} or {victim}
        named = {path.as_posix().removesuffix(records.SUFFIX) for path in same}
        assert {fault.path for fault in found} == named and len(found) == len(named)
    assert verify(files, finished.folder, Hashes(cache)) == []
    assert verify(files, finished.folder) == []
