"""White, pink and salt-and-pepper noise on images in [0, 1]."""

from __future__ import annotations

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator


def noisy(images: np.ndarray, kind: str, level: float, seed: int) -> np.ndarray:
    """Return the images with noise, clipped to [0, 1]; one draw for each kind, level and seed.

    Parameters
    ----------
    images
        float (n, side, side, channels), in [0, 1].
    kind
        "white": independent normal; "pink": 1/f in amplitude, independent per channel, zero mean and
        unit s.d. before scaling; "salt_pepper": floor(level * side^2) pixels drawn with replacement,
        all channels 1 or 0 [code].
    level
        Standard deviation, or share of pixels.
    seed
        Of the draws.

    Raises
    ------
    StudyError
        When the kind is unknown.
    """
    rng = generator(seed, "noise", kind, f"{level:g}")
    count, side, _, channels = images.shape
    if kind == "white":
        return np.clip(images + rng.normal(0, level, images.shape), 0, 1)
    if kind == "pink":
        return np.clip(images + level * pink(rng, count, side, channels), 0, 1)
    if kind != "salt_pepper":
        raise StudyError(f"noise.kinds: '{kind}' is unknown; valid are white, pink, salt_pepper")
    out = images.copy()
    draws = int(level * side * side)
    place = rng.integers(0, side * side, (count, draws))
    value = rng.integers(0, 2, (count, draws)).astype(out.dtype)
    flat = out.reshape(count, side * side, channels)
    # A pixel drawn twice keeps its last value, as one draw after the other would leave it.
    for number in range(draws):
        flat[np.arange(count), place[:, number]] = value[:, number, None]
    return out


def pink(rng: np.random.Generator, count: int, side: int, channels: int) -> np.ndarray:
    """Return noise (count, side, side, channels) whose amplitude falls as 1/f, mean 0, s.d. 1."""
    spectrum = np.fft.fft2(rng.normal(size=(count, channels, side, side)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = np.inf  # no mean
    waves = np.fft.ifft2(spectrum / frequency).real
    waves -= waves.mean((2, 3), keepdims=True)
    waves /= waves.std((2, 3), keepdims=True)
    return waves.transpose(0, 2, 3, 1)
