"""The demo study from start to end: it runs, says what it is, leaves records, and reruns nothing."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from replicortex.core.config import paper_names
from replicortex.provenance import chain, records

PAPERS = paper_names(Path(__file__).parents[2])


def studied(study):
    """Return the papers that a copy's configuration runs."""
    found = yaml.safe_load((study.folder / "config/config.yaml").read_text())["run"]
    return PAPERS if found == "all" else [found]


def test_the_first_line_names_scale_data_and_device(study):
    lines = study.first_output.stderr.splitlines()
    line = next(line for line in lines if not line.startswith("Using workflow specific profile"))
    assert line == (
        "Replicortex: scale demo, synthetic data (fixtures; no verdict on any paper), device cpu, "
        f"papers {', '.join(sorted(studied(study)))}"
    )


def test_the_terminal_shows_one_line_a_job(study):
    """The rest is in the engine's log; a name that the engine gave its handler would show here."""
    lines = study.first_output.stderr.splitlines()
    jobs = [line for line in lines if re.match(r"\d+ of \d+ jobs", line)]
    log = min((study.folder / ".snakemake/log").glob("*.log")).read_text()
    assert len(jobs) == log.count("Finished jobid") > 10
    assert len(lines) <= len(jobs) + 12, study.first_output.stderr
    assert re.fullmatch(r"(\d+) of \1 jobs done in [\d:]+, [\d:]+ of jobs", jobs[-1])
    assert "Reason: Missing output files" in log


def test_nothing_is_left_to_do(study):
    assert study.planned() == {}
    assert "Nothing to be done" in study.snakemake("--cores", "1").stderr


def test_a_paper_has_at_most_fifteen_jobs(root, fresh):
    planned = fresh.planned()
    for paper in PAPERS:
        own = {rule: n for rule, n in planned.items() if rule.startswith(f"{paper}_")}
        assert 1 <= sum(own.values()) <= 15, own


def test_every_result_has_a_record_and_says_synthetic(study, monkeypatch):
    monkeypatch.chdir(study.folder)
    head = study.run("git", "rev-parse", "HEAD").stdout.strip()
    results = chain.results_below(Path("results/demo"))
    assert len(results) > 80
    for path in results:
        record = records.read(records.path_of(path))
        read = [e for each in chain.records_of(path) for e in chain.entries(each)]
        # A simulation reads no data, and is none.
        assert record["synthetic"] is any("dataset" in entry for entry in read), path
        assert record["run"]["git"] == {"commit": head, "dirty": "no"}
        assert record["output"]["sha256"] == records.file_sha256(path)
        assert records.path_of(path).stat().st_size < 20_000


def test_figures_say_synthetic_and_carry_their_record(study):
    results = chain.results_below(study.folder / "results/demo")
    for path in (path for path in results if path.suffix == ".svg"):
        assert chain.embedded_id(path) == records.read(records.path_of(path))["id"]
        assert "SYNTHETIC DATA" in path.read_text() or "Synthetic" in path.read_text()


def test_the_scorecard_gives_no_verdict_on_fixtures(study):
    import pandas as pd

    claims = pd.read_csv(study.folder / "results/demo/scorecard/claims.csv")
    assert len(claims) > 40
    assert claims["verdict"].str.contains("synthetic").all()


def test_verify_finds_no_fault(study):
    done = study.run("python", "-m", "replicortex", "audit", "verify")
    assert " 0 faults" in done.stdout


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_audit_of_a_figure_copied_elsewhere(one_paper, tmp_path, suffix):
    source = one_paper.folder / f"results/demo/learning_rules/figures/change.{suffix}"
    copy = tmp_path / f"figure 3.{suffix}"
    shutil.copyfile(source, copy)
    ask = ("python", "-m", "replicortex", "audit", "figure", str(copy))
    short = one_paper.run(*ask).stdout.splitlines()
    assert f"figures/change.{suffix}" in short[0] and short[0].endswith("from synthetic data")
    fields = [line.split() for line in short[2:-1]]
    steps = [(words[0].removeprefix("learning_rules_"), words[3]) for words in fields]
    # One line a step; each learning rule is trained by code of its own.
    # The rule draws all figures of a demo, the reference's among them.
    assert [name for name, _ in steps[:3]] == ["draw", "compare_reference", "aggregate"], short
    assert len(steps) == len(set(steps)) < 14, short
    assert any("train" in line and "cifar10_fixture 1" in line for line in short)
    done = one_paper.run(*ask, "--files")
    assert f"figures/change.{suffix}" in done.stdout
    verified = one_paper.run("python", "-m", "replicortex", "audit", "verify", str(copy))
    assert "1 results checked, 0 faults" in verified.stdout
    assert "dataset cifar10_fixture 1-" in done.stdout
    (manifest,) = (one_paper.folder / "data/manifests").glob("cifar10_fixture@????????.json")
    commit = json.loads(manifest.read_text())["commit"]
    assert commit[:12] in done.stdout


# A record's length, and so what stands in its middle, depends on the machine's name: its bytes are picked by
# what they are, a letter of a value or a brace.
@pytest.mark.parametrize(
    "victim, at, what",
    [
        ("metrics/curves.csv", None, "changed after it was made"),
        ("models/bp/seed42.safetensors", None, "changed after it was made"),
        ("metrics/curves.csv.record.json", b"aggregate", "record was changed"),
        ("metrics/curves.csv.record.json", b"{", "is no record, or no longer"),
        ("figures/change.png", None, "changed after it was made"),
    ],
)
def test_one_changed_byte_is_found(one_paper, victim, at, what):
    path = one_paper.folder / "results/demo/learning_rules" / victim
    before = path.read_bytes()
    place = len(before) // 2 if at is None else before.index(at)
    path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
    try:
        done = one_paper.run("python", "-m", "replicortex", "audit", "verify", check=False)
    finally:
        path.write_bytes(before)
    assert done.returncode == 1
    assert victim.removesuffix(".record.json") in done.stdout and what in done.stdout, done.stdout


def test_a_missing_record_is_found(one_paper):
    path = one_paper.folder / "results/demo/learning_rules/metrics/curves.csv.record.json"
    before = path.read_bytes()
    path.unlink()
    try:
        done = one_paper.run("python", "-m", "replicortex", "audit", "verify", check=False)
    finally:
        path.write_bytes(before)
    assert done.returncode == 1 and "curves.csv: has no record" in done.stdout


def test_keep_refuses_synthetic_results(one_paper):
    done = one_paper.run(
        "python", "-m", "replicortex", "keep", "demo", "learning_rules", check=False
    )
    assert done.returncode == 1 and "comes from synthetic data" in done.stderr


def test_report(study, tmp_path):
    report = tmp_path / "report.html"
    study.snakemake("--report", str(report))
    text = report.read_text()
    assert "scorecard" in text.lower()
    figure = study.folder / "results/demo/learning_rules/figures/change.png"
    labels = f'"record": "{chain.embedded_id(figure)[:12]}", "verdicts": "'
    import pandas as pd

    claims = pd.read_csv(study.folder / "results/demo/learning_rules/scorecard/claims.csv")
    read = records.read(records.path_of(figure))["inputs"].values()  # all figures are of one job
    tables = {Path(entry["path"]).stem for entries in read for entry in entries}
    count = int(claims["table"].isin(tables).sum())
    assert 40 < count < len(claims)
    assert re.search(labels + r"(\d+) synthetic data: no verdict", text)[1] == str(count)


def test_a_fault_exits_before_any_job(fresh):
    done = fresh.snakemake("--cores", "1", "--config", "scale=dem", check=False)
    assert done.returncode == 1
    assert "found 'dem'; did you mean 'demo'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (fresh.folder / "results/demo").exists() and not (fresh.folder / "data").exists()


def test_a_gpu_that_is_absent_is_an_error_before_any_job(fresh):
    from replicortex.core.study import gpu_present

    if gpu_present():
        pytest.skip("this machine has a GPU")
    done = fresh.snakemake("--cores", "1", "--config", "device=cuda", check=False)
    assert done.returncode != 0 and "no NVIDIA GPU" in done.stdout + done.stderr
    assert not (fresh.folder / "results/demo").exists()
