"""The `full` scale, planned: which jobs there are with NSD and the published models at hand."""

import pytest

from replicortex.core.config import paper_numbers
from replicortex.data.fixtures import nsd

MODELS_PER_JOB = 6


@pytest.mark.slow
def test_full_is_planned_in_few_jobs(fresh, root, tmp_path):
    (tmp_path / "nsd").mkdir()
    sizes = {"people": [1, 2, 5, 7], "shared": 10, "own": 10, "side": 4}
    nsd.build(tmp_path / "nsd", seed=0, layout="volume", **sizes)
    for file in ("torchvision/alexnet-owt-7be5be79.pth", "timm/resnet18.a1_in1k.safetensors"):
        path = tmp_path / "models" / file
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    folders = f"{{nsd: {tmp_path / 'nsd'}, model_weights: {tmp_path / 'models'}}}"
    planned = fresh.planned("--config", "scale=full", "run=sparse_positive", f"user_data={folders}")
    own = {rule.removeprefix("sparse_positive_"): n for rule, n in planned.items()}
    models = len(paper_numbers("sparse_positive", "full", {}, root)["zoo"]["models"])
    jobs = -(-models // MODELS_PER_JOB)
    groups = 2  # of networks and pixels
    assert (own["extract"], own["extract_zoo"], own["compare"]) == (groups, jobs, groups + jobs)
    assert own["encode"] == 4 and own["train"] == 2
    assert own["get_nsd"] == own["get_model_weights"] == 1
    assert sum(own.values()) < 80
