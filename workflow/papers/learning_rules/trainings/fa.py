"""Train by feedback alignment: the job of rules of kind `fa`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from papers.learning_rules import train as common
from papers.learning_rules.learners.fa import build
from replicortex.core.progress import Progress, iter_plainly
from replicortex.training.state import State


def train(
    *,
    images: Path,
    rule: str,
    settings: dict[str, Any],
    network: dict[str, Any],
    training: dict[str, Any],
    device: str,
    seeds: list[int],
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train one rule of this kind; all is as in `papers.learning_rules.train.train`."""
    return common.train(
        build,
        images=images,
        rule=rule,
        settings=settings,
        network=network,
        training=training,
        device=device,
        seeds=seeds,
        state=state,
        progress=progress,
    )
