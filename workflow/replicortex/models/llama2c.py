"""A llama-type language model in NumPy, as llama2.c runs it: root mean square norms, rotary positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replicortex.core.errors import StudyError

EPS = 1e-5  # of the norm
ROTARY_BASE = 10000.0


@dataclass(frozen=True)
class Model:
    """Sizes and tensors (float32) by llama2.c's names; the first axis of a layer's is the layer."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    longest: int
    tensors: dict[str, np.ndarray]


def hidden_states(model: Model, tokens: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Run the model on one text.

    Returns
    -------
    The residual stream after each block, (layers, tokens, width), and logits of the next token,
    (tokens, vocabulary).

    Raises
    ------
    StudyError
        When the text is longer than the model reads.
    """
    if not 0 < len(tokens) <= model.longest:
        raise StudyError(f"llama2c: {len(tokens)} tokens given, 1 to {model.longest} expected")
    t = model.tensors
    size = model.width // model.heads
    angles = np.arange(len(tokens))[:, None] * ROTARY_BASE ** (-np.arange(0, size, 2) / size)
    turn = np.exp(1j * angles)[:, None]  # (tokens, 1, size / 2)
    future = np.triu(np.full((len(tokens), len(tokens)), -np.inf), 1)
    stream = t["embedding"][tokens].astype(np.float64)
    states = []
    for layer in range(model.layers):
        x = _norm(stream, t["norm_attention"][layer])
        query = _rotate(x @ t["query"][layer].T, model.heads, turn)
        key = _rotate(x @ t["key"][layer].T, model.kv_heads, turn)
        value = (x @ t["value"][layer].T).reshape(len(tokens), model.kv_heads, size)
        repeats = model.heads // model.kv_heads
        key, value = (np.repeat(part, repeats, axis=1) for part in (key, value))
        scores = np.einsum("ihd,jhd->hij", query, key) / np.sqrt(size) + future
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hij,jhd->ihd", weights, value).reshape(len(tokens), -1)
        stream = stream + mixed @ t["out"][layer].T
        x = _norm(stream, t["norm_feed"][layer])
        gate = x @ t["gate"][layer].T
        stream = stream + (gate / (1 + np.exp(-gate)) * (x @ t["up"][layer].T)) @ t["down"][layer].T
        states.append(stream)
    return np.stack(states), _norm(stream, t["norm_final"]) @ t["classifier"].T


def _norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    normed: np.ndarray = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + EPS) * gain
    return normed


def _rotate(x: np.ndarray, heads: int, turn: np.ndarray) -> np.ndarray:
    """Rotary positions on neighbouring pairs of a head's dimensions, (tokens, heads, size)."""
    pairs = x.reshape(len(x), heads, -1, 2)
    turned = (pairs[..., 0] + 1j * pairs[..., 1]) * turn
    return np.stack([turned.real, turned.imag], axis=-1).reshape(len(x), heads, -1)
