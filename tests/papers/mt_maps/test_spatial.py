"""The spatial loss against NumPy's of the positions, its bounds and its gradient."""

import numpy as np
import pytest
import torch

from papers.mt_maps import positions as place
from papers.mt_maps import spatial
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


def made(seed=0):
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=(32, 5)) @ rng.normal(size=(5, 40))
    return responses, rng.uniform(0, 3, (40, 2))


def test_both_forms_equal_numpys():
    responses, positions = made()
    r, near = np.corrcoef(responses.T), place.nearness(positions)
    pairs = np.triu_indices(40, 1)
    tensors = torch.tensor(responses), torch.tensor(positions)
    expected = place.spatial_loss(r, near)
    assert spatial.spatial_loss(*tensors).item() == pytest.approx(expected, abs=1e-5)
    absolute = np.abs(r[pairs] - near[pairs]).mean()
    found = spatial.spatial_loss(*tensors, "absolute").item()
    assert found == pytest.approx(absolute, abs=1e-5)


def test_autocast_leaves_correlations_in_float32():
    responses, _ = made()
    tensor = torch.tensor(responses, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = spatial.correlations(tensor)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), np.corrcoef(responses.T), atol=1e-5)


def test_descent_makes_close_units_alike():
    responses, positions = (torch.tensor(x, dtype=torch.float32) for x in made())
    responses = responses.clone().requires_grad_()
    optimiser = torch.optim.Adam([responses], 0.05)
    before = spatial.spatial_loss(responses, positions).item()
    for _ in range(60):
        optimiser.zero_grad()
        loss = spatial.spatial_loss(responses, positions)
        loss.backward()
        optimiser.step()
    assert loss.item() < before - 0.2


def test_silent_units_leave_loss_and_gradient_finite():
    responses, positions = (torch.tensor(x, dtype=torch.float32) for x in made())
    responses[:, :5] = 0
    responses.requires_grad_()
    loss = spatial.spatial_loss(responses, positions)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(responses.grad).all()


def test_all_silent_is_one_half():
    assert spatial.spatial_loss(torch.zeros(8, 6), torch.rand(6, 2)).item() == 0.5


def test_what_does_not_fit_is_refused():
    with pytest.raises(StudyError, match=r"\(5, 2\) found, \(6, 2\) expected"):
        spatial.spatial_loss(torch.rand(8, 6), torch.rand(5, 2))
    with pytest.raises(StudyError, match="at least 3 of both"):
        spatial.spatial_loss(torch.rand(2, 6), torch.rand(6, 2))
    with pytest.raises(StudyError, match="form 'ranked' is unknown"):
        spatial.spatial_loss(torch.rand(8, 6), torch.rand(6, 2), "ranked")
