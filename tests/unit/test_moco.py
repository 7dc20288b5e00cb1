"""The queue, the loss against cross entropy, and the encoder that follows."""

import pytest
import torch
from torch.nn import functional as F

from replicortex.core.errors import StudyError
from replicortex.training.moco import Queue, follow, info_nce

pytestmark = pytest.mark.numbers


def vectors(n, seed=0):
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))


def test_queue_forgets_the_oldest():
    queue = Queue(5, 1)
    for start in (0, 3):
        values = torch.arange(start, start + 3)
        queue.push(values[:, None].float(), values)
    keys, items = queue.held()
    assert sorted(items.tolist()) == [1, 2, 3, 4, 5]
    assert torch.equal(keys[:, 0], items.float())


def test_queue_grows_from_empty():
    queue = Queue(10, 8)
    assert len(queue.held()[0]) == 0
    queue.push(vectors(4), torch.arange(4))
    assert len(queue.held()[0]) == 4


def test_loss_is_cross_entropy_over_positive_and_negatives():
    queue = Queue(20, 8)
    queue.push(F.normalize(vectors(20, 1), dim=1), torch.arange(100, 120))
    q, k = vectors(6, 2), vectors(6, 3)
    unit_q, unit_k = F.normalize(q, dim=1), F.normalize(k, dim=1)
    logits = torch.cat([(unit_q * unit_k).sum(1)[:, None], unit_q @ queue.keys.T], 1) / 0.1
    expected = F.cross_entropy(logits, torch.zeros(6, dtype=torch.long))
    assert info_nce(q, k, torch.arange(6), queue, 0.1, in_batch=False) == pytest.approx(
        expected.item(), rel=1e-5
    )


def test_in_batch_without_a_queue_is_cross_entropy_over_the_batch():
    q, k = vectors(6, 2), vectors(6, 3)
    logits = F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / 0.2
    expected = F.cross_entropy(logits, torch.arange(6)).item()
    found = info_nce(q, k, torch.arange(6), Queue(4, 8), 0.2)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_keys_of_the_same_video_are_no_negatives():
    q, k = vectors(2, 2), vectors(2, 3)
    items = torch.tensor([7, 8])
    queue = Queue(4, 8)
    queue.push(F.normalize(vectors(3, 4), dim=1), torch.tensor([9, 9, 9]))
    without = info_nce(q, k, items, queue, 0.1, in_batch=False)
    queue.push(F.normalize(q[:1], dim=1), torch.tensor([7]))
    with_own = info_nce(q[:1], k[:1], items[:1], queue, 0.1, in_batch=False)
    again = info_nce(q[:1], k[:1], torch.tensor([6]), queue, 0.1, in_batch=False)
    assert with_own < again
    assert without > 0


def test_no_gradient_reaches_the_keys():
    q, k = vectors(4, 1).requires_grad_(), vectors(4, 2).requires_grad_()
    info_nce(q, k, torch.arange(4), Queue(4, 8), 0.1).backward()
    assert q.grad.abs().sum() > 0
    assert k.grad is None


def test_the_key_encoder_follows():
    key, query = (torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)) for _ in "kq")
    before, target = key[0].weight.clone(), query[0].weight.clone()
    query[1].running_mean.fill_(3)
    follow(key, query, 0.75)
    assert torch.allclose(key[0].weight, 0.75 * before + 0.25 * target)
    assert torch.equal(query[0].weight, target)
    assert torch.equal(key[1].running_mean, query[1].running_mean)


def test_a_state_is_taken_up():
    queue, other = Queue(5, 8), Queue(5, 8)
    queue.push(vectors(4), torch.arange(4))
    other.restore(queue.state())
    for q in (queue, other):
        q.push(vectors(3, 1), torch.arange(3))
    assert torch.equal(queue.keys, other.keys)
    assert torch.equal(queue.items, other.items)


def test_what_cannot_be_is_refused():
    with pytest.raises(StudyError, match="no negative"):
        info_nce(vectors(2), vectors(2, 1), torch.tensor([1, 1]), Queue(4, 8), 0.1)
    with pytest.raises(StudyError, match="more than its 4 places"):
        Queue(4, 8).push(vectors(5), torch.arange(5))
    with pytest.raises(StudyError, match=r"\(5, 8\) found, \(4, 8\) expected"):
        Queue(4, 8).restore(Queue(5, 8).state())
    with pytest.raises(StudyError, match=r"0\.bias is"):
        follow(
            torch.nn.Sequential(torch.nn.Linear(2, 2)),
            torch.nn.Sequential(torch.nn.Linear(2, 3)),
            0.9,
        )
