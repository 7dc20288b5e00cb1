"""The whole demo under `--sdm conda`: each job with its own environment's packages alone."""

import os
import sys
from pathlib import Path

import pytest
from stand_in_conda import install

from replicortex.provenance import records


@pytest.fixture
def conda(tmp_path, monkeypatch):
    place = install(tmp_path / "conda")
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    return place


def test_switching_conda_on_reruns_nothing(one_paper, conda):
    assert one_paper.planned("--sdm", "conda") == {}


def test_a_dockerfile_holds_every_environment(one_paper, conda):
    text = one_paper.snakemake("--containerize").stdout
    for name in ("analysis", "figures", "networks"):
        assert f"envs/{name}.yaml" in text, text[:2000]


@pytest.mark.slow
def test_the_demo_under_conda_gives_the_same_tables(finished, fresh, conda, root):
    fresh.snakemake("--cores", "2", "--sdm", "conda")
    assert fresh.tables() == finished.tables()
    seen = {}
    for path in (fresh.folder / "results/demo").rglob(f"*{records.SUFFIX}"):
        record = records.read(path)
        environment = record["job"]["environment"]["file"]
        seen.setdefault(environment, set()).update(record["run"]["packages"])
    assert set(seen) == {"analysis", "figures", "networks", "transport"}
    assert "torch" in seen["networks"]
    assert not {"torch", "matplotlib"} & (seen["analysis"] | seen["transport"])
    assert "POT" in seen["transport"] and "POT" not in seen["analysis"]
    assert "matplotlib" in seen["figures"] and "torch" not in seen["figures"]
    made = [path for path in (fresh.folder / ".snakemake/conda").glob("*") if path.is_dir()]
    held = {path.name.lower() for env in made for path in env.glob("lib/*/site-packages/*")}
    assert len(made) == 4 and "snakemake" not in held
    assert Path(sys.prefix) not in made
