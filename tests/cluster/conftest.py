"""The private Slurm, one for each file of tests."""

import pytest
from private_cluster import missing, private_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if missing():
        pytest.skip(f"no private Slurm here: {', '.join(missing())} missing (see .ci/run)")
    with private_cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running
