"""All that a run lacks, on one page: each thing named, and nothing where nothing is missing."""

import contextlib
import json
import shutil
import sys
from types import SimpleNamespace

import pytest
from commands import COMMANDS
from study_copy import copy_of

from replicortex.__main__ import _parser, main
from replicortex.core import cluster, config, papers
from replicortex.core.codehash import ROOT
from replicortex.core.config import checked_numbers, paper_names
from replicortex.core.errors import StudyError
from replicortex.core.yaml_text import read_yaml_file
from replicortex.provenance import plan
from replicortex.provenance.plan import Planned
from replicortex.tools import dependencies, preflight

PAPERS = paper_names(ROOT.parent)
ASKS = {"mem_mb": 4000, "runtime": 60, "cpus_per_task": 1}
# Datasets that the papers read at `full` and nobody may pass on.
LICENSED = {
    *("language_models", "model_weights", "nsd", "nsd_regions", "things_fmri_betas"),
    *("things_images", "ucf101", "vision_models", "wikitext"),
}


def job(rule, call, environment="networks", **asks):
    return Planned(rule, {"call": call}, [], [], False, False, 1, {**ASKS, **asks}, environment)


JOBS = [
    job("hierarchical_ot_embed_x", "papers.hierarchical_ot.published_models:embed", "networks"),
    job(
        "sparse_positive_extract_zoo_0", "papers.sparse_positive.zoo:extract", "networks", mem_mb=9
    ),
]


@pytest.fixture
def look(root, tmp_path, monkeypatch):
    """Look at a study that is planned as told, in a folder without data and without Slurm."""

    def looked(scale="full", *, jobs=JOBS, wanted=(), sbatch=None, free=10**13, **options):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(plan, "planned", lambda *_, **__: jobs)
        monkeypatch.setattr(shutil, "which", lambda name: sbatch)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
        study = preflight.study_of(scale, list(wanted), None, root)
        chosen = {"conda": False, "profile": root / "profiles/slurm", **options}
        return preflight.preflight(study, root, **chosen)

    return looked


def test_a_bare_clone_lacks_every_licensed_dataset_of_all_papers(look, monkeypatch):
    monkeypatch.setattr(dependencies, "find_spec", lambda name: None if name == "timm" else name)
    found = look()
    assert found.papers == PAPERS
    assert {one.name for one in found.data} == LICENSED
    text = preflight.as_text(found)
    for one in found.data:
        assert f"user_data: {{{one.name}: /your/folder}}: no folder is given" in text
        for word in (one.source, one.terms, one.size):
            assert word.split()[0] in text
    assert "timm: not in this Python, needed by sparse_positive_extract_zoo_0" in text
    assert "published.mae_h.revision is null (facebook/vit-mae-huge)" in text
    assert "no sbatch here" in text and "cifar10 170.5 MB" in text
    assert f"{len(LICENSED) + 1} things missing" in text
    assert len(text.splitlines()) <= 70 and max(map(len, text.splitlines())) <= preflight.WIDTH
    told = json.loads(json.dumps(preflight.as_json(found)))
    assert told["missing"] == found.missing == len(LICENSED) + 1
    assert told["packages"][0]["package"] == "timm"


def test_at_demo_nothing_is_missing(look):
    found = look("demo", jobs=[])
    assert (found.missing, found.data, found.fetch) == (0, [], [])
    assert "nothing is missing" in preflight.as_text(found)


def test_with_conda_packages_come_from_the_environments(look, monkeypatch):
    assert look(conda=True).packages == []
    held = dependencies.environments

    def without(root):
        found = held(root)
        for package in ("timm", "transformers"):
            del found["networks"][package]
        return found

    monkeypatch.setattr(dependencies, "environments", without)
    found = {one.package: one.environment for one in look(conda=True).packages}
    assert found == dict.fromkeys(("timm", "transformers"), "envs/networks.yaml")


def test_space_is_compared_with_what_is_free(look):
    enough, little = look(), look(free=10**10)
    assert little.missing == enough.missing + 1
    assert "GB are missing" in preflight.as_text(little)
    needed = enough.space.needed
    assert needed == pytest.approx(sum(enough.space.results.values()) + enough.space.data)
    assert 200 < needed < 500 and set(enough.space.results) == set(PAPERS)


def test_each_reason_of_slurm_counts_once_and_every_request_is_tried(look, monkeypatch):
    asked = []

    def refusal(asks):
        asked.append(asks)
        return "Requested node configuration is not available" if asks["mem_mb"] > 9 else None

    monkeypatch.setattr(cluster, "refusal", refusal)
    found = look(sbatch="/bin/sbatch", jobs=[*JOBS, JOBS[0]])
    assert sorted(one["mem_mb"] for one in asked) == [9, 4000]
    text = preflight.as_text(found)
    assert "2 jobs refused (Requested node configuration is not available)" in text
    assert found.missing == look(sbatch=None).missing + 1


def test_facts_of_a_site_are_those_of_the_profile(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "default-resources:\n  - mem_mb=2000\n  - slurm_account=lab\n  - constraint='a100'\n"
    )
    assert preflight.site_of(tmp_path) == {"slurm_account": "lab", "constraint": "a100"}
    (tmp_path / "config.yaml").write_text("default-resources: {slurm_partition: gpu}\n")
    assert preflight.site_of(tmp_path) == {"slurm_partition": "gpu"}


def test_options_are_those_that_the_plugin_gives():
    asks = {**ASKS, "slurm_partition": "gpu", "gres": "gpu:1", "slurm_extra": "--nice=5 --hold"}
    assert cluster.options(asks) == [
        *("--partition=gpu", "--mem=4000", "--time=60", "--gres=gpu:1", "--cpus-per-task=1"),
        *("--nice=5", "--hold"),
    ]
    largest = cluster.largest([ASKS, {**ASKS, "mem_mb": 5000}, {**ASKS, "slurm_account": "b"}])
    assert [one["mem_mb"] for one in largest] == [5000, 4000]


def test_without_sbatch_it_is_told(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(StudyError, match="sbatch is not on PATH"):
        cluster.refusal(ASKS)


def test_what_runs_take_is_counted_by_the_numbers(root):
    about = papers.load("mt_maps", root)
    numbers = checked_numbers("mt_maps", "full", {}, root)
    trained = sum(one.trainings for one in numbers.workload())
    kept = {one.what: one for one in papers.stored(about, "mt_maps", numbers, "full")}
    assert kept["networks"].times == trained
    each = next(one.gigabytes for one in about.disk.full if one.what == "networks")
    assert kept["networks"].gigabytes == pytest.approx(each * trained)
    assert kept["decoded UCF101"].times is None
    assert papers.stored(about, "mt_maps", numbers, "small")[0].gigabytes == about.disk.small


@pytest.mark.slow
def test_the_command_on_a_bare_clone(root, tmp_path):
    copy = copy_of(root, tmp_path)
    done = copy.run(sys.executable, "-m", "replicortex", "preflight", check=False)
    assert done.returncode == 1, done.stderr
    for name in LICENSED:
        assert f"user_data: {{{name}: /your/folder}}" in done.stdout


def test_a_run_tells_the_first_dataset_in_full_and_names_the_others(root, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with contextlib.chdir(tmp_path), pytest.raises(StudyError) as error:
        settings = read_yaml_file(root / "config/config.yaml")
        mine = {"things_fmri_betas": str(empty)}
        asked = {**settings, "scale": "full", "run": "learning_rules", "user_data": mine}
        config.check(asked, root)
    told = str(error.value)
    lacks = "lacks 'sub-01_ResponseData.h5', 'sub-01_VoxelMetadata.csv' and 9 more"
    assert f"user_data.things_fmri_betas: the folder {empty} {lacks}" in told
    assert told.endswith("likewise things_images: `replicortex preflight --scale full` lists all")
    assert "\n" not in told


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_outside_a_study_every_command_says_so_and_writes_nothing(
    words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    said = "Error: not in a study: run it in the folder with the Snakefile\n"
    assert capsys.readouterr() == ("", said)
    assert list(tmp_path.iterdir()) == []


def test_no_command_is_left_out():
    def choices(parser):
        return next(action for action in parser._actions if action.choices).choices

    found = choices(_parser())
    assert {words[0] for words in COMMANDS} == set(found)
    parts = {words[1] for words in COMMANDS if words[0] == "audit"}
    assert parts == set(choices(found["audit"]))
