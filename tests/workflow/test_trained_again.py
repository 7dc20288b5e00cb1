"""What an id promises of a training, and what its record says where other bytes come out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from papers.mt_maps.conditions import whole
from replicortex.core.files import read_tensors
from replicortex.provenance import records

MODEL = Path("results/demo/mt_maps/models/clips/pretrained/seed0.safetensors")
AGAIN = Path(__file__).with_name("train_again.py")


@pytest.mark.slow
def test_a_network_trained_again_at_its_id_has_the_same_bytes_on_the_same_kernels(
    finished, tmp_path
):
    """Some 15 s a process. With other kernels last bits may differ, and the record names them."""
    record = records.read(records.path_of(finished.folder / MODEL))
    arguments = record["job"]["arguments"]
    arm = arguments["arms"][0]
    place = [network["name"] for network in arm["networks"]].index("pretrained")

    def again(into, **settings):
        done = subprocess.run(
            [sys.executable, str(AGAIN), str(records.path_of(MODEL)), str(place), str(into)],
            cwd=finished.folder,
            env={**os.environ, "PYTHONPATH": str(finished.folder / "workflow"), **settings},
            capture_output=True,
            text=True,
            check=True,
            timeout=400,
        )
        return done.stdout.splitlines()[-1]

    for number in range(2):
        into = tmp_path / f"{number}.safetensors"
        assert again(into, PYTHONHASHSEED=str(number)) == record["run"]["kernels"]
        assert records.file_sha256(into) == record["output"]["sha256"]

    into = tmp_path / "other.safetensors"
    kernels = again(into, OPENBLAS_CORETYPE="Nehalem", ATEN_CPU_CAPABILITY="default")
    assert kernels != record["run"]["kernels"] and "Nehalem" in kernels
    # As long, for no text depends on last bits.
    assert into.stat().st_size == record["output"]["bytes"]
    assert read_tensors(into)[1]["settings"] == whole(arguments["shared"], arm["settings"])
