"""The device that computes, and what makes it repeat itself."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import torch

from replicortex.core.errors import ElsewhereError, StudyError


def choose(name: str) -> torch.device:
    """Return the device of that name, set to compute the same numbers each time.

    On a GPU: no TF32, deterministic cuDNN algorithms.

    Parameters
    ----------
    name
        "cpu" or "cuda".

    Raises
    ------
    StudyError
        When a GPU is asked for and none is present: nothing falls back to the CPU unseen.
    """
    if name == "cpu":
        return torch.device("cpu")
    if name != "cuda":
        raise StudyError(f"device: '{name}' is unknown; valid are cpu, cuda")
    # cuBLAS repeats itself only with a fixed workspace, chosen before its first call.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if not torch.cuda.is_available():
        raise ElsewhereError(
            "device: 'cuda' was asked for, but torch finds no CUDA device on this machine; "
            "set device: cpu or run where a GPU is"
        )
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda")


def precision(device: torch.device, name: str) -> AbstractContextManager[None]:
    """Return the context in which a training step computes.

    Parameters
    ----------
    device
        Where.
    name
        "fp32", or "bf16" for mixed precision (weights stay in fp32). On a CPU a convolution whose map is
        smaller than its kernel must leave it: `replicortex.models.resnet3d.Convolution` says why.
    """
    if name not in ("fp32", "bf16"):
        raise StudyError(f"precision: '{name}' is unknown; valid are fp32, bf16")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=name == "bf16")
