"""The topographic loss, its balance and the margin loss against loops, closed forms and autograd."""

import math

import pytest
import torch

from papers.topographic.objectives import margin_loss
from papers.topographic.sheet import Balance, TopographicLoss, neighbour_counts, neighbour_pairs
from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator

pytestmark = pytest.mark.numbers

CPU = torch.device("cpu")


def weights(units=36, inputs=5):
    return torch.randn(units, inputs, generator=torch_generator(0, "w"), dtype=torch.float64)


def neighbours(side, unit):
    row, column = divmod(unit, side)
    return [
        r * side + c
        for r in range(max(0, row - 1), min(side, row + 2))
        for c in range(max(0, column - 1), min(side, column + 2))
        if (r, c) != (row, column)
    ]


def test_the_papers_sheet_has_930_pairs_and_units_with_3_5_and_8_neighbours():
    first, second = neighbour_pairs(16)
    assert len(first) == 930
    assert len({frozenset(p) for p in zip(first.tolist(), second.tolist(), strict=True)}) == 930
    counts = neighbour_counts(16)
    assert torch.bincount(counts).tolist() == [0, 0, 0, 4, 0, 56, 0, 0, 196]


@pytest.mark.parametrize("distance", ["l2", "squared", "cosine"])
def test_both_forms_are_their_loops(distance):
    w, side = weights(), 6

    def apart(p, q):
        if distance == "cosine":
            return 1 - float(torch.dot(w[p], w[q]) / w[p].norm() / w[q].norm())
        gap = float((w[p] - w[q]).norm())
        return gap if distance == "l2" else gap**2

    by_unit = sum(
        sum(apart(p, q) for q in neighbours(side, p)) / len(neighbours(side, p)) for p in range(36)
    )
    pairs = {frozenset((p, q)) for p in range(36) for q in neighbours(side, p)}
    by_pair = sum(apart(*pair) for pair in pairs) / len(pairs)
    assert float(TopographicLoss(side, "units", distance, CPU)(w)) == pytest.approx(
        by_unit, rel=1e-6
    )
    assert float(TopographicLoss(side, "pairs", distance, CPU)(w)) == pytest.approx(
        by_pair, rel=1e-6
    )


def test_scaling_the_weights_scales_the_loss_and_leaves_cosines():
    w = weights()
    plain, cosine = (TopographicLoss(6, "pairs", d, CPU) for d in ("l2", "cosine"))
    assert float(plain(3 * w)) == pytest.approx(3 * float(plain(w)), rel=1e-12)
    assert float(cosine(3 * w)) == pytest.approx(float(cosine(w)), rel=1e-12)


def test_equal_neighbours_have_a_finite_slope():
    w = torch.ones(36, 5, requires_grad=True)
    TopographicLoss(6, "pairs", "l2", CPU)(w).backward()
    assert torch.equal(w.grad, torch.zeros_like(w))


def test_unknown_forms_are_refused():
    with pytest.raises(StudyError, match="'mean' is unknown; valid are pairs, units"):
        TopographicLoss(6, "mean", "l2", CPU)
    with pytest.raises(StudyError, match="'l1' is unknown"):
        TopographicLoss(6, "pairs", "l1", CPU)


def balance(rho=0.2, **changes):
    return Balance(rho, **{"beta": 0.1, "eps": 1e-8, "largest": 1e4, "restart": True, **changes})


def test_lambda_is_a_running_mean_that_begins_anew():
    one = balance()
    assert one.weigh(3.0, 2.0) == pytest.approx(0.3)
    assert one.weigh(6.0, 2.0) == pytest.approx(0.9 * 0.3 + 0.1 * 0.6)
    assert one.end_epoch() == 0
    assert one.weigh(6.0, 2.0) == pytest.approx(0.6)
    lasting = balance(restart=False)
    lasting.weigh(3.0, 2.0)
    lasting.end_epoch()
    assert lasting.weigh(6.0, 2.0) == pytest.approx(0.33)


def test_the_bound_is_kept_and_counted():
    one = balance(rho=5)
    assert one.weigh(1.0, 0.0) == 1e4
    assert one.end_epoch() == 1 and one.end_epoch() == 0


def test_no_topography_weighs_nothing():
    assert balance(rho=0).weigh(1.0, 1.0) == 0


def test_the_margin_loss_is_its_loop():
    x = torch.randn(9, 4, generator=torch_generator(1, "x"), dtype=torch.float64)
    x = x / x.norm(dim=1, keepdim=True)
    labels = torch.tensor([0, 0, 1, 2, 2, 3, 9, 5, 5])
    alive = {2, 3, 4, 5, 6, 7}
    terms = []
    for i in range(9):
        for j in range(i + 1, 9):
            d = 1 - float(x[i] @ x[j])
            a, b = int(labels[i]), int(labels[j])
            if a == b:
                terms.append(max(0, d - 0.05) ** 2)
            else:
                terms.append(max(0, (0.3 if (a in alive) == (b in alive) else 0.5) - d) ** 2)
    found = margin_loss(x, labels, same=0.05, near=0.3, far=0.5)
    assert float(found) == pytest.approx(sum(terms) / len(terms), rel=1e-6)


def test_the_margin_loss_is_zero_where_all_distances_are_allowed():
    angles = torch.tensor([0.0, 0.0, math.pi / 2, math.pi])
    x = torch.stack([angles.cos(), angles.sin()], 1)
    labels = torch.tensor([0, 0, 1, 2])
    assert float(margin_loss(x, labels, same=0.05, near=0.3, far=0.5)) == 0
