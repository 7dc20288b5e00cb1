"""The chain of records: kept copies, dropped steps, and whatever was changed."""

import json
import lzma
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from study_copy import ANOTHERS, GIT
from synthetic_run import again

from replicortex.provenance import chain, records
from replicortex.provenance.verification import counting, verify

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
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})
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
    return [str(fault) for fault in counting(verify([path], Path.cwd()), current=False)]


def test_an_untouched_chain_has_no_fault(study):
    assert faults(Path("results/small/x/figures/f.svg")) == []


def test_what_is_made_from_records_is_no_result(study):
    for name in ("report.html", "audit/index.html", ".state/x", "x/.inputs-1.json"):
        path = Path("results/small", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    Path("results/small/x/figures/f.svg").unlink()
    found = {path.name for path in chain.results_below(Path("results/small"))}
    assert found == {"m.safetensors", "t.csv"}
    with_absent = {path.name for path in chain.results_below(Path("results/small"), absent=True)}
    assert with_absent == found | {"f.svg"}


def test_a_kept_chain_is_followed_where_it_was_kept(study):
    shutil.rmtree("results/small")
    (fault,) = verify([study / "figures/f.svg"], Path.cwd())
    assert fault.kind == "absent" and fault.path == "results/reference/x/models/m.safetensors"
    lines = list(chain.lineage(study / "figures/f.svg"))
    assert any("results/reference/x/metrics/t.csv" in line for line in lines)
    assert any("results/reference/x/models/m.safetensors" in line for line in lines)


def test_a_compressed_table_is_checked_by_its_content(study):
    shutil.rmtree("results/small")
    table = study / "metrics/t.csv"
    packed = table.with_name("t.csv.xz")
    packed.write_bytes(lzma.compress(table.read_bytes()))
    table.unlink()
    for start in (study / "figures/f.svg", packed):
        assert all(fault.kind == "absent" for fault in verify([start], Path.cwd()))
    packed.write_bytes(lzma.compress(b"a\n2\n"))
    assert "results/reference/x/metrics/t.csv: the file was changed after it was made" in faults(
        study / "figures/f.svg"
    )


def test_a_changed_kept_table_is_the_first_cause(study):
    (study / "metrics/t.csv").write_text("a\n9\n")
    found = [str(f) for f in verify([study / "figures/f.svg"], Path.cwd()) if f.kind != "absent"]
    assert found == ["results/reference/x/metrics/t.csv: the file was changed after it was made"]


def test_a_table_made_again_since_is_told_of_what_was_made_from_the_old_one(study):
    made("results/small/x/metrics/t.csv", "a\n2\n", {}, factor=2)
    assert faults(Path("results/small/x/figures/f.svg")) == [
        "results/small/x/figures/f.svg: its input results/small/x/metrics/t.csv "
        "is not the one that it was made from"
    ]


def test_a_compressed_copy_that_does_not_unpack_is_a_fault(study):
    table = study / "metrics/t.csv"
    packed = table.with_name("t.csv.xz")
    packed.write_bytes(lzma.compress(table.read_bytes())[:-9])
    table.unlink()
    assert faults(packed)[0].endswith("t.csv.xz: the file was changed after it was made")


def test_a_changed_parameter_shows_in_the_record(study):
    file = records.path_of(Path("results/small/x/metrics/t.csv"))
    file.write_text(file.read_text().replace('"factor": 1', '"factor": 2'))
    (found,) = faults(Path("results/small/x/metrics/t.csv"))
    assert "the record was changed after it was written" in found


def test_a_forged_record_does_not_follow_from_its_parameters(study):
    from replicortex.core.files import canonical_json

    file = records.path_of(Path("results/small/x/metrics/t.csv"))
    record = json.loads(file.read_text())
    record.pop("sha256")
    record["job"]["arguments"]["factor"] = 2
    record["sha256"] = records.sha256(canonical_json(record))
    file.write_text(canonical_json(record, indent=1) + "\n")
    (found,) = faults(Path("results/small/x/metrics/t.csv"))
    assert "the record's id does not follow" in found


@pytest.mark.parametrize("suffix", ["", ".xz"])
@pytest.mark.parametrize("folder", ["results/small/x", "results/reference/x"])
def test_two_results_swapped_with_their_records_are_both_named(study, folder, suffix):
    folder = Path(folder)
    other = made("results/small/x/metrics/u.csv", "a\n2\n", {})
    if folder == study:
        for path in (other, records.path_of(other)):
            shutil.copy(path, folder / "metrics")
    one, other = (folder / "metrics" / name for name in ("t.csv", "u.csv"))
    swap(records.path_of(one), records.path_of(other))
    swap(one, other)
    if suffix:
        for path in (one, other):
            path.with_name(path.name + suffix).write_bytes(lzma.compress(path.read_bytes()))
            path.unlink()
    whole = verify([folder / "figures/f.svg", one, other], Path.cwd())
    assert sorted(str(fault) for fault in whole if fault.kind != "absent") == [
        f"{one}: its record is that of results/small/x/metrics/u.csv",
        f"{other}: its record is that of results/small/x/metrics/t.csv",
    ]


def swap(one, other):
    aside = one.rename(one.with_name("aside"))
    other.rename(one)
    aside.rename(other)


def test_a_copy_with_its_record_elsewhere_holds_under_its_own_name_alone(study, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    copy = elsewhere / "f.svg"
    for path in (study / "figures/f.svg", records.path_of(study / "figures/f.svg")):
        shutil.copy(path, elsewhere)
    assert faults(copy) == []
    (found,) = faults_of_renamed(copy, "g.svg")
    assert found.endswith("g.svg: its record is that of results/small/x/figures/f.svg")


def faults_of_renamed(path, name):
    records.path_of(path).rename(path.with_name(f"{name}{records.SUFFIX}"))
    return faults(path.rename(path.with_name(name)))


def test_forged_records_in_a_circle_come_to_an_end(study):
    model, table = (
        Path("results/small/x", name) for name in ("models/m.safetensors", "metrics/t.csv")
    )
    entry = {
        "path": table.as_posix(),
        "sha256": records.file_sha256(table),
        "record": "0" * 64,
        "synthetic": True,
    }
    again(model, lambda record: record.update(inputs={"x": [entry]}))
    assert {line.partition(":")[0] for line in faults(table)} >= {model.as_posix()}


@pytest.mark.parametrize("old, new", [('"factor": 1', '"factor":  1'), ("{\n", "{\r\n")])
def test_white_space_of_a_record_counts(study, old, new):
    file = records.path_of(Path("results/small/x/metrics/t.csv"))
    text = file.read_bytes().decode()
    assert old in text
    file.write_bytes(text.replace(old, new, 1).encode())
    (found,) = faults(Path("results/small/x/metrics/t.csv"))
    assert "the record was changed after it was written" in found


def repository(folder, file):
    """Commit a file of a folder as its repository's only one, and return the commit."""
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run(["git", "-C", folder, "add", file], check=True)
    subprocess.run([*GIT, "-C", folder, "commit", "--quiet", "--message", "x"], check=True)
    return subprocess.run(
        ["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def data(study):
    """A dataset of one file, its manifest, a table made from it and from a file of claims."""
    raw = Path("data/d/raw.tar.xz")
    raw.parent.mkdir(parents=True)
    raw.write_bytes(lzma.compress(b"raw"))
    Path("claims.yaml").write_text("- id: a")
    commit = repository("data/d", "raw.tar.xz")
    repository(".", "claims.yaml")
    files = {
        "raw.tar.xz": {"key": "K", "size": raw.stat().st_size, "sha256": records.file_sha256(raw)}
    }
    content = {"name": "d", "version": "1", "id": "i", "commit": commit, "synthetic": False}
    manifest = made("data/manifests/d@1.json", json.dumps({**content, "files": files}), {})
    inputs = {"data": manifest, "claims": Path("claims.yaml")}
    return made("results/small/x/metrics/d.csv", "1", inputs)


@pytest.mark.parametrize(
    "victim, what",
    [
        ("data/d/raw.tar.xz", "the raw file is not the one that data/manifests/d@1.json lists"),
        ("data/manifests/d@1.json", "the file was changed after it was made"),
        ("claims.yaml", "is not the file that results were made from"),
        ("results/small/x/metrics/d.csv", "the file was changed after it was made"),
    ],
)
def test_each_changed_artefact_is_the_one_fault(data, victim, what):
    assert faults(data) == []
    content = bytearray(Path(victim).read_bytes())
    content[0] ^= 1
    Path(victim).write_bytes(content)
    assert faults(data) == [f"{victim}: {what}"]


def test_claims_changed_and_committed_since_are_stale_and_no_fault(data):
    Path("claims.yaml").write_text("- id: b")
    subprocess.run(["git", "add", "claims.yaml"], check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--message", "claims"], check=True)
    assert faults(data) == []
    (found,) = verify([data], Path.cwd())
    assert found.kind == "stale" and found.path == "claims.yaml" and "committed since" in found.what
    Path("claims.yaml").write_text("- id: c")
    assert faults(data) == ["claims.yaml: is not the file that results were made from"]


def test_a_dataset_that_was_moved_to_another_commit_is_named(data):
    commit_named = json.loads(Path("data/manifests/d@1.json").read_text())["commit"]
    subprocess.run(
        [*GIT, "-C", "data/d", "commit", "--quiet", "--allow-empty", "--message", "x"], check=True
    )
    (found,) = faults(data)
    assert found.startswith("data/d: the dataset was moved to commit ")
    assert found.endswith(f"data/manifests/d@1.json says {commit_named[:12]}")


def test_the_commit_of_a_dataset_is_checked_for_another_user_too(data, monkeypatch):
    for name, value in ANOTHERS.items():
        monkeypatch.setenv(name, value)
    assert verify([data], Path.cwd()) == []
    subprocess.run(
        [*GIT, "--git-dir=data/d/.git", "commit", "--quiet", "--allow-empty", "--message", "x"],
        check=True,
    )
    (found,) = verify([data], Path.cwd())
    assert found.kind == "fault" and "was moved to commit" in found.what


def test_a_check_that_git_cannot_make_is_told_and_is_no_fault(data):
    shutil.rmtree("data/d/.git")
    (found,) = verify([data], Path.cwd())
    assert (found.path, found.kind) == ("data/d", "absent")
    assert "git cannot tell the dataset's commit here" in found.what
    shutil.rmtree(".git")
    Path("claims.yaml").write_text("- id: b")
    kinds = [(fault.path, fault.kind) for fault in verify([data], Path.cwd())]
    # Whether the claims were committed since nobody can tell: said once of git, once of the file.
    assert ("claims.yaml", "absent") in kinds and ("claims.yaml", "fault") not in kinds
    assert [kind for _, kind in kinds].count("git") == 1


def test_data_that_are_not_here_are_no_fault_and_are_said(data):
    Path("data/d/raw.tar.xz").unlink()
    (fault,) = verify([data], Path.cwd())
    assert fault.kind == "absent" and fault.path == "data/d/raw.tar.xz"
    shutil.rmtree("data")
    (fault,) = verify([data], Path.cwd())
    assert fault.kind == "absent" and fault.path == "data/manifests/d@1.json"


def test_a_random_byte_anywhere_is_found_and_named(data):
    """100 tamperings of every kind of file on the chain, 100 found; none on untouched files."""
    draw = random.Random(3)
    figure = Path("results/small/x/figures/f.svg")
    victims = [
        path
        for path in Path().rglob("*")
        if path.is_file() and not {"reference", ".git"} & set(path.parts)
    ]
    assert len(victims) == 12
    for _ in range(100):
        victim = draw.choice(victims)
        before = victim.read_bytes()
        content = bytearray(before)
        content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        victim.write_bytes(content)
        found = verify([data, figure], Path.cwd())
        victim.write_bytes(before)
        named = victim.as_posix().removesuffix(records.SUFFIX)
        paths = [fault.path for fault in found]
        assert paths == [named], victim
    assert verify([data, figure], Path.cwd()) == []


def test_the_tree_tells_each_step_once_and_data_to_their_keys(data):
    lineage = chain.tree(data, {})
    (dataset,) = lineage["inputs"]["data"]
    assert dataset["keys"] == {"raw.tar.xz": "K"} and len(dataset["dataset"]["commit"]) == 40
    assert lineage["inputs"]["claims"][0]["path"] == "claims.yaml"
    figure = chain.tree(Path("results/small/x/figures/f.svg"), {})
    (table,) = figure["inputs"]["table"]
    assert table["inputs"]["model"][0]["path"] == "results/small/x/models/m.safetensors"
    assert "    key K" in list(chain.lineage(data))


@pytest.mark.parametrize(
    "value",
    [
        {"a": {}, "b": [], "c": [{}, [], [1, [2.5]]], "d": None, "e": True},
        {"text": 'a "quoted": word {', "ends": "{", "more": "[", "colon": "x: y", "é": "ü\u2028\\"},
        {"list": ["a: b", "}", "]", '"'], "nested": {"deep": [{"er": ["x", {"y": "z"}]}]}},
    ],
)
def test_a_text_is_canonical_exactly_when_the_slow_way_says_so(value):
    from replicortex.core.files import canonical_json

    text = canonical_json(value, indent=1) + "\n"
    assert records._is_canonical(text, value)
    for at in range(len(text)):
        for other in (
            text[:at] + " " + text[at:],
            text[:at] + "\n" + text[at:],
            text[:at] + text[at + 1 :],
        ):
            try:
                same = json.loads(other) == value
            except ValueError:
                continue
            if same:
                assert not records._is_canonical(other, value), (at, other)


@pytest.fixture
def many(study):
    """Two tables made from many files, which are listed once."""
    names = [made(f"results/small/x/m/{n}.csv", str(n), {}, factor=n) for n in range(100)]
    made("results/small/x/metrics/b.csv", "2", {"all": names})
    return made("results/small/x/metrics/a.csv", "1", {"all": names})


def test_many_inputs_are_listed_once_for_all_results_of_a_job(many):
    (listed,) = many.parent.glob(".inputs-*.json")
    assert records.list_of(records.path_of(many)) == listed
    assert records.path_of(many).stat().st_size < 2_000 < listed.stat().st_size
    record = records.read(records.path_of(many))
    assert len(record["inputs"]["all"]) == 100
    assert record["inputs"]["all"][7]["sha256"] == records.sha256("7")
    assert faults(many) == [] and len(chain.tree(many, {})["inputs"]["all"]) == 100
    assert many.parent / listed.name not in chain.results_below(Path("results/small"), absent=True)


@pytest.mark.parametrize("what", ["was changed after it was written", "is not here"])
def test_a_list_of_inputs_that_was_changed_or_lost_is_the_one_fault(many, what):
    (listed,) = many.parent.glob(".inputs-*.json")
    if "changed" in what:
        listed.write_bytes(listed.read_bytes().replace(b"results", b"resulTs", 1))
    else:
        listed.unlink()
    found = verify([many, many.with_name("b.csv")], Path.cwd())
    assert [str(fault) for fault in found] == [f"{listed}: the list of inputs {what}"]


def test_a_folder_named_reference_within_a_paper_is_no_reference_run():
    from replicortex.provenance.chain import place_of

    recorded = "results/small/p/models/a/reference/seed0.safetensors"
    beside = Path("results/small/p/activations/a/reference/seed0.safetensors")
    assert place_of(recorded, beside) == Path(recorded)
    kept = Path("results/reference/p/activations/a/reference/seed0.safetensors")
    assert place_of(recorded, kept) == Path(
        "results/reference/p/models/a/reference/seed0.safetensors"
    )
    below = Path("/elsewhere") / kept
    assert place_of(recorded, below) == Path("/elsewhere/results/reference") / Path(
        recorded
    ).relative_to("results/small")


def test_the_overview_has_one_line_a_step_from_the_result_to_the_data(data):
    from replicortex.provenance.overview import overview

    def step(path, call, rule, inputs, **run):
        result = Path("results/small/x", path)
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text(path)
        what = {
            "call": f"papers.x:{call}",
            "arguments": {"path": path},
            "code": f"{call}-code-hash",
        }
        identity = records.Identity(what, records.describe_inputs(inputs))
        facts = {**FACTS, "rule": rule, **run}
        records.write(result, identity, records.file_sha256(result), None, facts)
        return result

    manifest = Path("data/manifests/d@1.json")
    models = [
        step(
            f"n/{n}.csv",
            "train",
            f"x_train_{n % 2}",
            {"data": manifest},
            ended=f"2026-11-2{n}T10:00",
        )
        for n in range(3)
    ]
    changed = {"commit": "c" * 40, "dirty": "yes"}
    figure = step("figures/g.svg", "draw", "x_draw", {"models": models}, git=changed)
    lines = list(overview(figure))
    assert len(lines) == 6, lines
    first, head, draw, train, get, last = lines
    assert first.startswith(f"{figure}  [")
    assert head.split() == ["step", "jobs", "files", "code", "data", "ended", "where"]
    assert draw.split()[:5] == ["x_draw", "1", "1", "draw-cod", "-"]
    assert "  not recorded  " in draw and draw.endswith("  h (c), commit cccccccc with changes")
    assert train.split()[:6] == ["x_train", "3", "3", "train-co", "d", "1"]
    assert train.endswith("2026-11-22 10:00  h (c), commit unknown")
    assert get.split()[:5] == ["r", "1", "1", "-", "-"]
    assert last.endswith("--files")
