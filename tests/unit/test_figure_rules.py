"""Rules that draw: which figures one job draws, and from what."""

import pytest

from replicortex.core.drawing import drawings
from replicortex.core.errors import StudyError
from replicortex.plotting.together import draw_each

TABLES = {"measures": "m.csv", "tsne": "t.csv", "ensembles": "e.csv", "published": "p.csv"}


def test_a_figure_alone_is_drawn_from_what_it_asks_for():
    made = drawings("topographic", ["tsne", "bias"], 1, TABLES, quoted=[1])
    assert [(one.rule, one.tables, one.job.arguments) for one in made] == [
        ("draw_tsne", {"measures": "m.csv", "tsne": "t.csv"}, {}),
        ("draw_bias", {"measures": "m.csv"}, {}),
    ]
    assert made[0].job.call == "papers.topographic.figures.tsne:draw"


def test_figures_of_one_job_share_what_they_ask_for():
    first, rest = drawings("topographic", ["tsne", "ensembles", "bias"], 2, TABLES, quoted=[1])
    assert first.tables == TABLES and first.figures == ["tsne", "ensembles"]
    assert first.job.arguments == {"quoted": [1], "figures": ["tsne", "ensembles"]}
    assert rest.rule == "draw_bias"


def test_a_figure_without_a_module_is_named():
    with pytest.raises(StudyError, match=r"there is no papers/topographic/figures/nothing\.py"):
        drawings("topographic", ["nothing"], 1, TABLES)


def test_each_figure_gets_what_it_asks_for():
    from types import ModuleType

    one, other = ModuleType("papers.x.figures.one"), ModuleType("papers.x.figures.other")
    one.draw = lambda table: ("one", table)
    other.draw = lambda table, px=3: ("other", table, px)
    given = {"table": "t", "unused": 0}
    assert draw_each([one, other], ["other", "one"], given) == {
        "other": ("other", "t", 3),
        "one": ("one", "t"),
    }
    with pytest.raises(KeyError):
        draw_each([one], ["other"], given)
