"""Feedback alignment: errors travel down through fixed random weights.

`layers: convs` is the author's code: random feedback in the convolutions, exact gradients in the
linear layers, so that only conv1 and conv2 hear of it. `layers: all` is Lillicrap et al. 2016
(doi 10.1038/ncomms13276): delta_l = (B_(l+1) delta_(l+1)) * f'(z_l) with B fixed in every layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from papers.learning_rules.learners.bp import Gradient
from papers.learning_rules.network import BLOCKS, VARIANTS, Network
from replicortex.core.randomness import torch_generator
from replicortex.training.optimisers import SGD

if TYPE_CHECKING:
    from papers.learning_rules.settings.fa import FASettings
    from papers.learning_rules.settings.network import NetworkSettings


class FeedbackConv(torch.autograd.Function):
    """A 3x3 convolution (padding 1) whose error goes down through other weights."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        feedback: torch.Tensor,
    ) -> torch.Tensor:
        """Return the convolution with `weight`, exactly."""
        ctx.save_for_backward(inputs, weight, feedback)
        return F.conv2d(inputs, weight, bias, padding=1)

    @staticmethod
    def backward(ctx: Any, error: torch.Tensor) -> tuple:
        """Return gradients: exact for weight and bias, by `feedback` for the inputs.

        `error` is (n, outputs, height, width), at the convolution's output.
        """
        inputs, weight, feedback = ctx.saved_tensors
        # For its own gradient the weight's values do not matter, so that `feedback` can stand in.
        below, change, shift = torch.ops.aten.convolution_backward(
            error,
            inputs,
            feedback,
            [weight.shape[0]],
            [1, 1],
            [1, 1],
            [1, 1],
            False,
            [0, 0],
            1,
            (ctx.needs_input_grad[0], True, True),
        )
        return below, change, shift, None


class FeedbackLinear(torch.autograd.Function):
    """A linear layer whose error goes down through other weights."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        feedback: torch.Tensor,
    ) -> torch.Tensor:
        """Return the layer's output with `weight`, exactly."""
        ctx.save_for_backward(inputs, feedback)
        return F.linear(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, error: torch.Tensor) -> tuple:
        """Return gradients: exact for weight and bias, by `feedback` for the inputs."""
        inputs, feedback = ctx.saved_tensors
        return error @ feedback, error.T @ inputs, error.sum(0), None


class FeedbackNetwork(Network):
    """The network with feedback weights "feedback_{layer}" as buffers.

    Feedback weights are drawn from Xavier's normal distribution, in the shape of the weights [code].

    Parameters
    ----------
    feedback_layers
        Layers whose errors go down through feedback weights.
    seed
        Seed of weights and feedback.
    others
        As `Network`.
    """

    def __init__(self, *, feedback_layers: tuple[str, ...], seed: int, **others: Any) -> None:
        super().__init__(seed=seed, **others)
        self.feedback_layers = feedback_layers
        for name in feedback_layers:
            fixed = torch.empty_like(getattr(self, name).weight.detach())
            nn.init.xavier_normal_(fixed, generator=torch_generator(seed, "feedback", name))
            self.register_buffer(f"feedback_{name}", fixed)

    def weigh(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """Return a layer's weighted sum of its inputs."""
        if name not in self.feedback_layers:
            return super().weigh(name, inputs)
        layer = getattr(self, name)
        rule = FeedbackConv if name in BLOCKS else FeedbackLinear
        return rule.apply(inputs, layer.weight, layer.bias, getattr(self, f"feedback_{name}"))


def build(
    seed: int, network: NetworkSettings, settings: FASettings, epochs: int, device: torch.device
) -> Gradient:
    """Return an untrained learner on `device`, its weights drawn from the seed.

    Parameters
    ----------
    network, settings
        Sections `network` and `rules.<rule>` of the configuration.
    epochs
        Of the whole training: period of the cosine schedule.
    """
    net = FeedbackNetwork.from_settings(
        seed,
        network,
        settings.init,
        feedback_layers=BLOCKS if settings.layers == "convs" else (*BLOCKS, "fc1", "fc2"),
        **VARIANTS["fa"],
    ).to(device, memory_format=torch.channels_last)
    optimiser = SGD(
        net.parameters(),
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    return Gradient(
        net,
        optimiser,
        epochs=epochs,
        clip=settings.clip,
        dropout=network.dropout if settings.dropout else 0.0,
        second_pass=False,
    )
