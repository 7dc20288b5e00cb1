"""What is published of a run: no machine's name, and nothing that a hostile record could do."""

import json
import re
from pathlib import Path

import pytest
import synthetic_run
from synthetic_run import CALL, again, made
from test_pages import EVIL, Read

from replicortex.core.errors import StudyError
from replicortex.pages.build import build
from replicortex.provenance import records
from replicortex.provenance.crate import export
from replicortex.provenance.overview import overview
from replicortex.provenance.verification import verify

HOST, NUMBER = "node-of-a-lab-17", "4711042"
FIGURE = Path("results/evil/learning_rules/figures/change.png")


@pytest.fixture
def run(root, tmp_path, monkeypatch):
    """A run of three jobs on a cluster, and a dataset that it read."""
    monkeypatch.chdir(tmp_path)
    facts = records.run_facts("", 1.5) | {
        "host": HOST,
        "slurm_job_id": NUMBER,
        "slurm_restart_count": "0",
        "cpu": "",
    }
    monkeypatch.setattr(synthetic_run, "_facts", lambda: facts)
    dataset = {"name": "d", "version": "1", "id": "i", "commit": "c" * 40, "synthetic": True}
    manifest = Path("data/manifests/d@1.json")
    made(
        manifest,
        json.dumps({**dataset, "files": {}}).encode(),
        "replicortex.data.install:get",
        {},
        None,
    )
    paper = FIGURE.parents[1]
    call = f"{CALL}.aggregate:aggregate"
    table = made(paper / "metrics/curves.csv", b"a\n1\n", call, {"data": [manifest]}, None)
    made(FIGURE, b"no picture", f"{CALL}.figures.change:draw", {"curves": [table]}, None, name="x")
    return FIGURE.parents[2]


def texts(folder):
    """Return what was written that is no copy of a result or record, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.suffix in (".html", ".json", ".md", ".js")
        and not path.name.endswith(records.SUFFIX)
    }


@pytest.mark.parametrize("with_hosts", [False, True])
def test_machines_and_slurms_numbers_are_named_only_where_asked_for(root, run, with_hosts):
    build(run, Path("pages"), root, hosts=with_hosts)
    export(run, Path("crate"), root, hosts=with_hosts)
    pages, crate = texts(Path("pages")), texts(Path("crate"))
    assert len(pages) > 5 and "ro-crate-metadata.json" in crate
    for files, words in ((pages, (HOST, NUMBER)), (crate, (HOST,))):
        for word in words:
            naming = [name for name, text in files.items() if word in text]
            assert bool(naming) == with_hosts, naming
    # Records tell it, on this machine and in the crate, and stay as they are.
    own = records.path_of(FIGURE)
    assert (Path("crate") / own).read_bytes() == own.read_bytes()
    assert records.read(own)["run"]["host"] == HOST
    assert any(HOST in line for line in overview(FIGURE))


def hostile(value, key=""):
    """Return a record's value with markup, paths upwards and the like in place of each text."""
    if isinstance(value, dict):
        return {name: hostile(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [hostile(each, key) for each in value]
    return f"../../{key}{EVIL}" if isinstance(value, str) else value


@pytest.mark.parametrize("what", ["inputs", "job", "modules", "output", "run", "id", "all"])
def test_a_hostile_record_is_text_on_the_pages_and_writes_nowhere_else(root, run, what):
    for result in (FIGURE, FIGURE.parents[1] / "metrics/curves.csv"):
        content = json.loads(records.path_of(result).read_text())
        change = hostile(content)
        change["modules"][f"{EVIL}.py"] = "0" * 64
        change["run"]["git"]["commit"] = "c" * 40  # another is no record, as below
        names = set(change) - {"sha256"} if what == "all" else {what}
        again(
            result,
            lambda record, change=change, names=names: record.update({n: change[n] for n in names}),
        )
    before = {path for path in Path().rglob("*") if path.is_file()}
    build(run, Path("in/pages"), root)
    after = {path for path in Path().rglob("*") if path.is_file()}
    assert all(path.is_relative_to("in/pages") for path in after - before)
    count = 0
    for name, text in texts(Path("in/pages")).items():
        if name.endswith(".html"):
            read = Read(text)
            assert "evil" not in read.tags and "onx" not in read.names, name
            assert not any(re.match(r"\s*javascript:", link or "") for link in read.links)
            count += read.text.count(EVIL)
    assert count


@pytest.mark.parametrize("name", ["..", "../config/config.yaml", "../x.py", "/x.py", "x"])
def test_a_module_that_is_no_source_is_none(root, run, name):
    again(FIGURE, lambda record: record["modules"].update({name: "0" * 64}))
    with pytest.raises(StudyError, match="is no record: "):
        build(run, Path("pages"), root)
    assert not Path("pages").exists()


@pytest.mark.parametrize("commit", ["HEAD", "main", "abc", "../x", "a" * 39])
def test_a_commit_that_is_only_a_name_is_none(root, run, commit):
    again(FIGURE, lambda record: record["run"]["git"].update(commit=commit))
    (found,) = (each for each in verify([FIGURE], root) if each.kind == "fault")
    assert found.path == FIGURE.as_posix() and found.what.startswith("is no record")


def without(*keys):
    """Return a change that takes one key of a record away, or gives it a value of another kind."""

    def change(record):
        *way, last = keys
        for key in way:
            record = record[key]
        if isinstance(record, list):
            record[0] = "x"
        elif last in record:
            del record[last]

    return change


def of_another_kind(*keys):
    def change(record):
        *way, last = keys
        for key in way:
            record = record[key]
        record[last] = [{}]

    return change


@pytest.mark.parametrize("spoil", [without, of_another_kind])
@pytest.mark.parametrize(
    "keys",
    [
        ("id",), ("inputs",), ("inputs", "curves", 0), ("job",), ("job", "call"), ("job", "code"),
        ("job", "arguments"), ("modules",), ("output",), ("output", "bytes"), ("output", "path"),
        ("output", "sha256"), ("run",), ("run", "rule"), ("run", "git"), ("run", "git", "commit"),
        ("run", "git", "dirty"), ("seed",), ("synthetic",),
    ],
)  # fmt: skip
def test_a_record_that_lacks_what_each_one_tells_is_the_one_fault(root, run, keys, spoil):
    again(FIGURE, spoil(*keys))
    (found,) = (each for each in verify([FIGURE], root) if each.kind == "fault")
    assert found.path == FIGURE.as_posix() and found.what.startswith("is no record")
