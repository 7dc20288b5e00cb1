"""The tests of the numbers under the kernels of other processors, and other hash seeds.

OpenBLAS, oneDNN, PyTorch and MKL choose kernels by the processor; each may be told to choose as on
another one. They are independent libraries, so that one run sets them all.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# oneDNN is held at AVX: that of torch 2.13, held at AVX2, writes outside its memory in the backward
# pass of a convolution (segmentation fault in sparse_positive/test_networks.py).
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX", "ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2"}
PLAIN = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
}
# OpenBLAS in wheels has Haswell's kernels for Zen too. Name: flags that the processor needs, and settings.
KERNELS = {
    "Haswell": ({"avx2", "fma"}, {**AVX2, "PYTHONHASHSEED": "1"}),
    "Nehalem": ({"sse4_2"}, {**PLAIN, "PYTHONHASHSEED": "2"}),
    "SkylakeX": ({"avx512f", "avx512dq", "avx512vl"}, {"PYTHONHASHSEED": "3"}),
}
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "numbers and not slow"]
# Each part stays far below the limit of a test; the oldest kernels try the arithmetic alone.
PAPERS = (
    "papers/learning_rules",
    "papers/mt_maps",
    "papers/hierarchical_ot papers/sparse_positive papers/topographic",
)
PARTS = [
    *(("Haswell", part) for part in ("unit", *PAPERS)),
    ("Nehalem", "unit"),
    *(("SkylakeX", part) for part in ("unit", *PAPERS)),
]


def flags() -> set[str]:
    """What this processor can do, as Linux tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    return set(next((x for x in text.splitlines() if x.startswith("flags")), "").split())


@pytest.mark.parametrize(("kernel", "part"), PARTS)
def test_numbers_hold_under_the_kernels_of_other_processors(root, kernel, part):
    needed, settings = KERNELS[kernel]
    if not needed <= flags():
        pytest.skip(f"this processor has no {', '.join(sorted(needed - flags()))}")
    environment = {**os.environ, "OPENBLAS_CORETYPE": kernel, **settings}
    done = subprocess.run(
        [sys.executable, *PYTEST, *(f"tests/{folder}" for folder in part.split())],
        cwd=root,
        capture_output=True,
        text=True,
        env={k: v for k, v in environment.items() if not k.startswith("PYTEST")},
        timeout=850,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_setting_reaches_the_library(kernel):
    if not KERNELS[kernel][0] <= flags():
        pytest.skip("the processor has not what the kernel needs")
    printed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import numpy, scipy.linalg, threadpoolctl as t, torch; "
            "print({x['architecture'] for x in t.threadpool_info() if 'architecture' in x},"
            " torch.backends.cpu.get_cpu_capability())",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_CORETYPE": kernel, **KERNELS[kernel][1]},
    ).stdout.split()
    assert kernel in printed[0]
    if "ATEN_CPU_CAPABILITY" in KERNELS[kernel][1]:
        assert printed[-1].lower() == KERNELS[kernel][1]["ATEN_CPU_CAPABILITY"]
