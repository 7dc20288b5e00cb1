"""Predictive coding as coded: convolutions learn without labels, from what inference changed.

[code]: the top-down weights P2, P3 and the third convolution are never changed, and one value
serves all nine positions of a kernel. Labels reach the linear layers alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from papers.learning_rules.learners.base import (
    LocalLearner,
    Streams,
    Terms,
    accuracy,
    train_readout,
)
from papers.learning_rules.learners.inference import pooled_kernel, settle
from papers.learning_rules.network import BLOCKS, Network, initialise
from replicortex.core.randomness import torch_generator

if TYPE_CHECKING:
    pass

MOMENTUM = 0.1  # of BatchNorm's running statistics, PyTorch's default


class FeedbackNetwork(Network):
    """The network with top-down weights as buffers "feedback2" (P2) and "feedback3" (P3).

    They have the initial distribution of PyTorch's transposed convolution [code].
    """

    def __init__(self, *, widths: list[int], seed: int, **others: Any) -> None:
        super().__init__(widths=widths, seed=seed, **others)
        for level, above, below in ((2, widths[1], widths[0]), (3, widths[2], widths[1])):
            fixed = torch.empty(above, below, 3, 3)
            initialise(fixed, "default", torch_generator(seed, "feedback", level))
            self.register_buffer(f"feedback{level}", fixed)


class PredictiveCoding(LocalLearner["PCSettings"]):
    """Inference, then a Hebbian change of conv1 and conv2; Adam on fc1 and fc2.

    Parameters
    ----------
    network
        What is trained.
    settings
        The rule's entry of the configuration.
    """

    kind_of_network = FeedbackNetwork
    network: FeedbackNetwork

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Streams) -> Terms:
        """Settle, change conv1 and conv2, then train the readout, as `Learner.step` says."""
        net = self.network.train()
        with torch.no_grad():
            # The author runs the first two blocks a second time on the same weights: the same maps,
            # and a second update of their running statistics, done here in one.
            net.bn1.momentum = net.bn2.momentum = 1 - (1 - MOMENTUM) ** 2
            before = net.blocks(images)
            after = self.infer(before)
            self.change_weights(images, before, after)
        loss, scores = train_readout(self, after[-1], labels)
        return {"loss": loss, "accuracy": accuracy(scores, labels)}

    def infer(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return the representations after inference."""
        net = self.network
        return settle(
            maps,
            forward=(pooled_kernel(net.conv2.weight), pooled_kernel(net.conv3.weight)),
            feedback=(net.feedback2, net.feedback3),
            steps=self.settings.steps,
            rate=self.settings.rate,
        )

    def change_weights(
        self, images: torch.Tensor, before: list[torch.Tensor], after: list[torch.Tensor]
    ) -> None:
        """Add lr clip(<d_l>_o <r_(l-1)>_i) to W_l[o, i] for l = 1, 2; <.> over images and space.

        d_l is what inference changed, clipped; r_0 are the images, r_1 is taken after inference.
        """
        settings = self.settings
        for name, old, new, below in zip(
            BLOCKS[:2], before, after, [images, after[0]], strict=False
        ):
            difference = (new - old).clamp_(-settings.clip_error, settings.clip_error)
            change = torch.outer(difference.mean((0, 2, 3)), below.mean((0, 2, 3)))
            change.clamp_(-settings.clip_update, settings.clip_update)
            weight = getattr(self.network, name).weight
            weight.add_(change[:, :, None, None], alpha=settings.lr_weights)

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Return class scores (n, 10) after inference, as at test time."""
        return self.network.readout(self.infer(self.network.blocks(images))[-1])


build = PredictiveCoding.build
