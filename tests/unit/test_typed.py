"""Numbers and verdicts that no cell gave, in templates."""

import pytest

from replicortex.report.typed import typed


@pytest.mark.parametrize(
    "text",
    [
        "The drop is 0.9.",
        "A drop of -.31 is there.",
        "It loses 31 % of it.",
        "We ran 3 seeds.",
        "We ran three seeds.",
        "Half of the effect is left.",
        "The claim is replicated.",
        "Both controls fail their calibration.",
        "Maps at 0.5 in Figure 2 fall.",
        "of 1,200 tables",
        "{{ 0.9 }}",
        '{{ "0.9" }}',
        "{{ claim(1) }}",
        "{% set effect = 0.9 %}{{ effect }}",
    ],
)
def test_what_was_typed_is_found(text):
    assert typed(text)


@pytest.mark.parametrize(
    "text",
    [
        "Leutenegger (2026), arXiv 2605.30556v1, has Figure 2 and Table 3a.",
        "In V1 and conv1 of ResNet-18, trained on CIFAR-10, `0.5` is code.",
        '{{ claim("learning_rules", "order_v1_v2").ours }} and {{ counts(paper, "control") }}',
        "[a link](results/run_2/3.csv) and https://example.org/1.0",
        "1. first\n2. second\n",
        "<!-- written in 3 steps -->",
        "{% for paper in papers() %}{{ title(paper) }}{% endfor %}",
        "doi 10.1038/s41562-020-0912-z",
    ],
)
def test_what_may_stand_is_left_alone(text):
    assert typed(text) == []


def test_each_finding_says_where_it_stands():
    (found,) = typed("A word.\n\nAnd then 0.25 of them.\n")
    assert (found.line, found.what) == (3, "0.25")
    assert "0.25 of them" in str(found) and str(found).startswith("line 3")
