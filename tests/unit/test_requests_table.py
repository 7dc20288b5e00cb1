"""What jobs ask for, in a table: counted, and beside it what the kept run needed."""

import re

import pytest

from replicortex.core import papers
from replicortex.provenance.plan import Planned
from replicortex.tools import requests_table
from replicortex.tools.generated import replaced


def job(rule, mem_mb, runtime, level=1, local=False, **more):
    asks = {"mem_mb": mem_mb, "runtime": runtime, "cpus_per_task": 1, **more}
    return Planned(rule, {"call": "x"}, [], [], local, "gres" in more, level, asks, "train")


@pytest.fixture
def kept(monkeypatch):
    needed = {"train": (1500, 15), "measure_a": (500, 5), "measure_b": (1000, 40)}
    own = {"topographic": needed}
    monkeypatch.setattr(requests_table, "_kept", lambda folder, paper: own.get(paper, {}))
    true_size = {
        ("mt_maps", "measure"): requests_table.Needed(8000, 600, "measured at true size"),
        ("mt_maps", "respond"): requests_table.Needed(9000, None, "curve of three sizes"),
        ("learning_rules", "score"): requests_table.Needed(9000, 60, "curve of three sizes"),
    }
    monkeypatch.setattr(requests_table, "true_size", lambda root: true_size)


def test_jobs_that_ask_for_the_same_stand_together(root, kept):
    jobs = [
        *(job(f"topographic_train_{n}", 1500, 15, gres="gpu:2") for n in range(3)),
        *(job("topographic_measure_b", 6000, 120, level=2) for _ in range(2)),
        job("topographic_measure_c", 6000, 120, level=3),
        job("topographic_draw", 1, 1, local=True),
        job("mt_maps_measure", 8000, 600),
        job("mt_maps_respond_a", 9000, 100, gres="gpu:1"),
        job("mt_maps_respond_b", 9000, 100, gres="gpu:1"),
        job("learning_rules_score", 9000, 50),
    ]
    found = {(row.paper, row.rule): row for row in requests_table.rows(jobs, root)}
    train = found["topographic", "train"]
    assert (train.jobs, train.submissions, train.gpus) == (3, 3, 2)
    assert train.found == "kept run at `small`"
    measure = found["topographic", "measure_*"]
    assert (measure.jobs, measure.submissions, measure.gpus) == (3, 2, 0)
    assert (measure.kept, measure.found) == ((1000, 40), "by hand")
    assert found["mt_maps", "measure"].kept is None
    assert found["mt_maps", "measure"].found == "measured at true size"
    respond = found["mt_maps", "respond_*"]
    assert respond.found == "memory: curve of three sizes; time by hand"
    assert found["learning_rules", "score"].found == "by hand"  # it asks for less time
    assert len(found) == 5
    text = requests_table.requests(jobs, root)
    assert "| `measure_*` | 3 | 2 | 6000 | 120 | 0 | 1 | 1000, 40 | by hand |" in text
    assert "10 jobs in 9 submissions" in text


def test_the_table_of_disk_is_what_the_papers_say(root):
    text = (root / requests_table.FILE).read_text()
    made = requests_table.disk(root)
    assert replaced(text, requests_table.DISK, made, "README.md") == text, "run `make readme`"
    assert "`ucf101` 7 GB" in made and "109 x published models" in made


@pytest.mark.parametrize("file", ["profiles/README.md", "config/README.md"])
def test_jobs_and_networks_are_counted_in_generated_tables_alone(root, file):
    """A count written by hand is of the study as it was that day."""
    text = re.sub(
        r"<!-- \w+: generated.*?<!-- end of \w+ -->", "", (root / file).read_text(), flags=re.S
    )
    counted = re.findall(r"\d[\d,]* (?:\w+ )?(?:jobs|networks|rules|submissions)\b", text)
    assert "<!--" not in text and counted == []


def test_rules_ask_for_what_was_measured_at_true_size(root):
    """The kept run of the benchmark, and the table as it stands; test_full_graph holds it to the rules."""
    titles = {name: papers.load(name, root).short for name in papers.folders(root)}
    text = (root / requests_table.FILE).read_text()
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    table = {(row[0], row[1].removesuffix("_*")): row for row in cells if len(row) == 10}
    needed = requests_table.true_size(root)
    assert {paper for paper, _ in needed} == set(titles)
    for (paper, rule), one in needed.items():
        row = table[titles[paper], rule]
        assert row[4] == str(one.mem_mb), (paper, rule)
        assert one.runtime is None or row[5] == str(one.runtime), (paper, rule)
        assert one.found in row[9], (paper, rule)
