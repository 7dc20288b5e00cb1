"""Linear readout of frozen embeddings."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional as F

from papers.topographic.measuring_settings import ProbeSettings
from papers.topographic.network import CLASSES, linear
from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator

BETAS, EPS = (0.9, 0.999), 1e-8


class Scale:
    """Standardisation of embeddings by the mean and s.d. of the training ones; or none of it."""

    def __init__(self, embeddings: np.ndarray, standardise: bool) -> None:
        units = embeddings.shape[1]
        self.mean, self.sd = np.zeros(units), np.ones(units)
        if standardise:
            self.mean, self.sd = embeddings.mean(0), embeddings.std(0)
            self.sd[self.sd == 0] = 1

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        return ((embeddings - self.mean) / self.sd).astype(np.float32)


class Probe:
    """A linear classifier of embeddings.

    Parameters
    ----------
    embeddings, labels
        float (n, units); int64 (n,).
    numbers
        standardise; solver: "lbfgs", multinomial logistic regression with a ridge of 1, or "adamw":
        weight decay 0.01, cosine after a warm-up [paper], with lr, batch, epochs.
    seed
        Of initial weights and order, for adamw.
    name
        For the sentence when it diverges.

    Raises
    ------
    StudyError
        When adamw's loss or weights are no longer finite (with name, seed, epoch and step): scores
        would be NaN, and the accuracy that of guessing.
    """

    def __init__(
        self,
        embeddings: np.ndarray,
        labels: np.ndarray,
        numbers: ProbeSettings,
        seed: int,
        name: str = "probe",
    ) -> None:
        self.scale = Scale(embeddings, numbers.standardise)
        inputs = self.scale(embeddings)
        if numbers.solver == "lbfgs":
            from sklearn.linear_model import LogisticRegression

            fitted = LogisticRegression(max_iter=numbers.epochs).fit(inputs, labels)
            self.weight, self.bias = fitted.coef_, fitted.intercept_
        else:
            self.weight, self.bias = _adamw(inputs, labels, numbers, seed, name)

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Return class scores (n, 10)."""
        return self.scale(embeddings) @ self.weight.T + self.bias

    def accuracy(self, embeddings: np.ndarray, labels: np.ndarray) -> float:
        """Return the fraction classified correctly."""
        return float((self.scores(embeddings).argmax(1) == labels).mean())


def _adamw(
    inputs: np.ndarray, labels: np.ndarray, numbers: ProbeSettings, seed: int, name: str = "probe"
) -> tuple[np.ndarray, np.ndarray]:
    """Loshchilov and Hutter 2019 (arXiv 1711.05101), from the training embeddings themselves.

    The code crops and mirrors images anew for the readout; here they are embedded once [assumed].
    """
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    layer = linear(x.shape[1], CLASSES, torch_generator(seed, "probe"))
    parameters = list(layer.parameters())
    moments = [[torch.zeros_like(p), torch.zeros_like(p)] for p in parameters]
    batch, steps = min(numbers.batch, len(x)), 0
    for epoch in range(numbers.epochs):
        lr = _rate(epoch, numbers)
        order = torch.randperm(len(x), generator=torch_generator(seed, "probe order", epoch))
        for start in range(0, len(x) - batch + 1, batch):
            chosen = order[start : start + batch]
            loss = F.cross_entropy(layer(x[chosen]), y[chosen])
            slopes = torch.autograd.grad(loss, parameters)
            steps += 1
            if not math.isfinite(value := float(loss.detach())):
                raise _diverged(name, seed, epoch, start // batch, f"the loss is {value}")
            with torch.no_grad():
                for parameter, slope, (first, second) in zip(
                    parameters, slopes, moments, strict=True
                ):
                    parameter.mul_(1 - lr * numbers.weight_decay)
                    first.lerp_(slope, 1 - BETAS[0])
                    second.mul_(BETAS[1]).addcmul_(slope, slope, value=1 - BETAS[1])
                    root = (second / (1 - BETAS[1] ** steps)).sqrt_().add_(EPS)
                    parameter.addcdiv_(first, root, value=-lr / (1 - BETAS[0] ** steps))
    # A last step can ruin weights after a loss that was a number.
    if not all(bool(parameter.isfinite().all()) for parameter in parameters):
        last = len(x) // batch - 1
        raise _diverged(name, seed, numbers.epochs - 1, last, "weights are no longer finite")
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def _diverged(name: str, seed: int, epoch: int, step: int, what: str) -> StudyError:
    return StudyError(
        f"{name}, seed {seed}: epoch {epoch + 1}, step {step + 1}: {what}; a smaller learning rate "
        "(`lr` of the probe) may help"
    )


def _rate(epoch: int, numbers: ProbeSettings) -> float:
    """Learning rate of an epoch: linear warm-up, then cosine to the lowest."""
    warm, lowest = numbers.warm_up, numbers.lr_end
    if epoch < warm:
        return numbers.lr * (epoch + 1) / warm
    share = (epoch - warm) / max(1, numbers.epochs - warm)
    return lowest + (numbers.lr - lowest) * (1 + math.cos(math.pi * share)) / 2
