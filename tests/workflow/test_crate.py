"""A finished run as an RO-Crate: valid, readable by others, and true to the records."""

import argparse
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from synthetic_run import many_jobs

from replicortex.core.errors import StudyError
from replicortex.provenance import chain, commands, records
from replicortex.provenance.crate import export
from replicortex.provenance.steps import steps

PROFILE = "provenance-run-crate-0.5"
CONTEXTS = {
    "https://w3id.org/ro/crate/1.1/context": "ro-crate-1.1.jsonld",
    "https://w3id.org/ro/crate/1.2/context": "ro-crate-1.2.jsonld",
    "https://w3id.org/ro/terms/workflow-run/context": "workflow-run.jsonld",
}
# The validator asks that every SoftwareSourceCode has an absolute URI, and that the main workflow is
# a file of the crate: no crate can do both (crs4/rocrate-validator, issue 51). Functions of this
# repository have no public address either.
CONTRADICTION = "process-run-crate-0.5_5.1"


@pytest.fixture(scope="module")
def crate(one_paper, tmp_path_factory):
    folder = tmp_path_factory.mktemp("crate") / "demo"
    one_paper.run("python", "-m", "replicortex", "audit", "export", "results/demo", str(folder))
    return folder


@pytest.fixture(scope="module")
def entities(crate):
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    assert len({each["@id"] for each in graph}) == len(graph)
    return {each["@id"]: each for each in graph}


@pytest.fixture(scope="module")
def contexts(mirror, tmp_path_factory):
    """The validator's own cache of the web, filled with the JSON-LD contexts."""
    import requests
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    cache = tmp_path_factory.mktemp("http") / "cache"
    session = CachedSession(cache_name=str(cache), expire_after=-1, backend="sqlite")
    for url, name in CONTEXTS.items():
        content = (mirror / "rocrate_contexts" / name).read_bytes()
        head = {"Content-Type": "application/ld+json"}
        answer = requests.Response()
        answer.status_code, answer.url, answer._content = 200, url, content
        answer.headers.update(head)
        answer.request = requests.Request("GET", url).prepare()
        answer.raw = HTTPResponse(io.BytesIO(content), head, status=200, preload_content=False)
        session.cache.save_response(answer)
    session.close()
    return cache


@pytest.mark.mirror
def test_the_validator_finds_it_valid_at_required_and_recommended_level(crate, contexts):
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("rocrate-validator")),
            *("--no-interactive", "validate", "--offline", "--cache-path", str(contexts)),
            *("--profile-identifier", PROFILE, "--requirement-severity", "recommended"),
            *("--output-format", "json", "--output-file", str(contexts.with_name("said.json"))),
            str(crate),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = json.loads(contexts.with_name("said.json").read_text())
    issues = {(each["check"]["identifier"], each["message"]) for each in said["issues"]}
    assert {check for check, _ in issues} <= {CONTRADICTION}, issues
    assert all(each["severity"] == "RECOMMENDED" for each in said["issues"])


def test_it_is_read_back_by_two_libraries(crate):
    from rocrate.rocrate import ROCrate

    read = ROCrate(crate)
    assert read.mainEntity.id == "Snakefile"
    assert len(read.get_by_type("ControlAction")) == len(read.get_by_type("CreateAction")) - 1
    done = subprocess.run(
        [str(Path(sys.executable).with_name("runcrate")), "report", str(crate)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "instrument: Snakefile" in done.stdout and "figures/change.png" in done.stdout


def test_every_job_is_there_with_what_its_record_says(one_paper, entities, monkeypatch):
    monkeypatch.chdir(one_paper.folder)
    run = steps(chain.results_below(Path("results/demo")))
    actions = {k: e for k, e in entities.items() if k.startswith("#job-") and "result" in e}
    assert len(actions) == len(run) > 15
    for step in run.values():
        action = actions[f"#job-{step.key[:16]}"]
        made = [entities[each["@id"]] for each in listed(action["result"])]
        assert {each["sha256"] for each in made} == {
            record["output"]["sha256"] for record in step.outputs.values()
        }
        read = {entities[each["@id"]].get("sha256") for each in listed(action["object"])}
        assert {each.entry["sha256"] for part in step.inputs.values() for each in part} <= read
        assert entities[action["instrument"]["@id"]]["name"] == step.call
        assert action["endTime"] == step.record["run"]["ended"] > action["startTime"][:10]
    values = {e["name"]: e["value"] for e in entities.values() if "exampleOfWork" in e}
    assert values["title"] == "Learning rules" and values["synthetic"] is True


def listed(value):
    return value if isinstance(value, list) else [value]


def test_every_file_of_it_is_there_and_is_what_the_metadata_say(crate, entities):
    files = {k: e for k, e in entities.items() if "File" in listed(e["@type"])}
    assert {unquote(name) for name in files} == {
        str(p.relative_to(crate))
        for p in crate.rglob("*")
        if p.is_file() and p.name != "ro-crate-metadata.json"
    }
    for name, entity in files.items():
        assert (crate / unquote(name)).stat().st_size == int(entity["contentSize"])
        if "sha256" in entity:
            assert records.file_sha256(crate / unquote(name)) == entity["sha256"]
    assert "results/demo/learning_rules/figures/change.png" in files
    assert not any(name.endswith(".safetensors") for name in files)
    assert any(name.startswith("code/") for name in files)


def test_the_same_run_gives_the_same_bytes(one_paper, crate, entities, tmp_path):
    """And nothing of the clock: published is a run when its last job ended."""
    again = tmp_path / "again"
    here = str(one_paper.folder / "results/demo")  # however the folder is named
    one_paper.run("python", "-m", "replicortex", "audit", "export", here, str(again))
    held = {path.relative_to(crate): path.read_bytes() for path in files_below(crate)}
    assert held == {path.relative_to(again): path.read_bytes() for path in files_below(again)}
    ended = {e["endTime"] for k, e in entities.items() if k.startswith("#job-") and "endTime" in e}
    assert entities["./"]["datePublished"] == max(ended)


def test_what_lies_outside_the_folder_stays_inside_the_crate(root, tmp_path, monkeypatch):
    """Results and data of another place, named by absolute paths in their records."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    run = tmp_path / "elsewhere/results/many"
    many_jobs(run, 4)
    before = {path: path.read_bytes() for path in files_below(run)}
    export(run, Path("crate"), root)
    assert {path: path.read_bytes() for path in files_below(run)} == before
    graph = json.loads(Path("crate/ro-crate-metadata.json").read_text())["@graph"]
    files = [unquote(e["@id"]) for e in graph if "File" in listed(e["@type"])]
    assert any(re.fullmatch(r"elsewhere/.*/figures/change\.png", name) for name in files)
    assert {path.relative_to("crate").as_posix() for path in files_below(Path("crate"))} == {
        *files,
        "ro-crate-metadata.json",
    }


def test_without_the_library_one_sentence_says_so(monkeypatch):
    options = argparse.Namespace(source=Path("results"), target=Path("x"), json=False)
    monkeypatch.delitem(sys.modules, "replicortex.provenance.crate")
    monkeypatch.setitem(sys.modules, "rocrate.model", None)
    with pytest.raises(StudyError, match=r"audit export: rocrate\.model is not installed here"):
        commands._export(options)


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_folder_that_is_not_empty_is_left_alone(one_paper, crate):
    done = one_paper.run(
        *("python", "-m", "replicortex", "audit", "export", "results/demo", str(crate)),
        check=False,
    )
    assert done.returncode == 1 and "is not empty; name a new folder" in done.stderr
