"""The 260K TinyStories language model in llama2.c's format, run in NumPy.

Format: seven int32 (width, hidden, layers, heads, key heads, vocabulary, longest sequence), then
float32 tensors; the vocabulary is a length, then (score, length, bytes) of each token. The forward
pass is llama2.c's: RMS norm, rotary positions over neighbouring pairs, SwiGLU.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError

MODEL, VOCABULARY = "stories260K.bin", "stories260K_tok512.bin"
START = 1  # token that begins every text


@dataclass
class TinyLlm:
    """Weights by llama2.c's names, layers first; tokens with their scores."""

    heads: int
    key_heads: int
    longest: int
    weights: dict[str, np.ndarray]
    tokens: list[bytes]
    scores: list[float]

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return tokens and the byte spans of `text` that each stands for.

        Greedy merging by score, bytes where a character has no token; the leading space that the
        tokeniser adds has the empty span (0, 0).
        """
        known = {token: number for number, token in reversed(list(enumerate(self.tokens)))}
        found: list[tuple[int, int, int]] = []
        if b" " in known:
            found.append((known[b" "], 0, 0))
        place = 0
        for character in text:
            raw = character.encode()
            if raw in known:
                found.append((known[raw], place, place + len(raw)))
            else:
                found += [(byte + 3, place + i, place + i + 1) for i, byte in enumerate(raw)]
            place += len(raw)
        while True:
            best, where = -np.inf, -1
            for i in range(len(found) - 1):
                merged = self.tokens[found[i][0]] + self.tokens[found[i + 1][0]]
                if merged in known and self.scores[known[merged]] > best:
                    best, where = self.scores[known[merged]], i
            if where < 0:
                break
            one, two = found[where], found[where + 1]
            merged = known[self.tokens[one[0]] + self.tokens[two[0]]]
            found[where : where + 2] = [(merged, one[1], two[2])]
        return [token for token, _, _ in found], [(a, b) for _, a, b in found]

    def run(self, tokens: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the residual stream after each block (layers, tokens, width), and logits."""
        if not 0 < len(tokens) <= self.longest:
            raise StudyError(f"{len(tokens)} tokens; 1 to {self.longest} are possible")
        w = self.weights
        x = w["embedding"][tokens]
        size = x.shape[1] // self.heads
        angle = np.outer(np.arange(len(tokens)), 10000.0 ** (-np.arange(0, size, 2) / size))
        turn = np.exp(1j * angle)[:, None]
        mask = np.triu(np.full((len(tokens), len(tokens)), -np.inf), 1)
        stream = []
        for n in range(len(w["wq"])):
            h = _norm(x, w["rms_att"][n])
            q = _rotate((h @ w["wq"][n].T).reshape(len(x), self.heads, size), turn)
            k = _rotate((h @ w["wk"][n].T).reshape(len(x), self.key_heads, size), turn)
            v = (h @ w["wv"][n].T).reshape(len(x), self.key_heads, size)
            k, v = (np.repeat(a, self.heads // self.key_heads, axis=1) for a in (k, v))
            score = np.einsum("thd,shd->hts", q, k) / np.sqrt(size) + mask
            share = np.exp(score - score.max(2, keepdims=True))
            share /= share.sum(2, keepdims=True)
            x = x + np.einsum("hts,shd->thd", share, v).reshape(len(x), -1) @ w["wo"][n].T
            h = _norm(x, w["rms_ffn"][n])
            gate = h @ w["w1"][n].T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ w["w3"][n].T)) @ w["w2"][n].T
            stream.append(x)
        return np.stack(stream), _norm(x, w["rms_final"]) @ w["embedding"].T


def _norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return gain * x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)


def _rotate(x: np.ndarray, turn: np.ndarray) -> np.ndarray:
    turned = (x[..., ::2] + 1j * x[..., 1::2]) * turn
    return np.stack([turned.real, turned.imag], -1).reshape(x.shape)


def read(manifest: Path) -> TinyLlm:
    """Return the model of a dataset that holds stories260K.bin and its vocabulary."""
    dataset = manifests.load(manifest)
    return load(dataset.path(MODEL), dataset.path(VOCABULARY))


def load(model: Path, vocabulary: Path) -> TinyLlm:
    """Return the model of two files; StudyError when one is damaged."""
    raw = model.read_bytes()
    if len(raw) < 28:
        raise StudyError(f"{model}: {len(raw)} bytes are no model")
    width, hidden, layers, heads, key_heads, size, longest = struct.unpack("7i", raw[:28])
    keys = width // max(heads, 1) * key_heads
    shapes = {
        "embedding": (abs(size), width),
        "rms_att": (layers, width),
        "wq": (layers, width, width),
        "wk": (layers, keys, width),
        "wv": (layers, keys, width),
        "wo": (layers, width, width),
        "rms_ffn": (layers, width),
        "w1": (layers, hidden, width),
        "w2": (layers, width, hidden),
        "w3": (layers, hidden, width),
        "rms_final": (width,),
    }
    wanted = sum(int(np.prod(shape)) for shape in shapes.values())
    if size <= 0 or len(raw) < 28 + 4 * wanted:
        raise StudyError(f"{model}: truncated, or not in llama2.c's format")
    values = np.frombuffer(raw, "<f4", wanted, offset=28).astype(np.float64)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1]
    weights = {
        name: part.reshape(shape)
        for (name, shape), part in zip(shapes.items(), np.split(values, ends), strict=True)
    }
    tokens, scores = [], []
    listed, place = vocabulary.read_bytes(), 4
    for _ in range(size):
        if place + 8 > len(listed):
            raise StudyError(f"{vocabulary}: ends after {len(tokens)} of {size} tokens")
        score, length = struct.unpack_from("<fi", listed, place)
        tokens.append(listed[place + 8 : place + 8 + length])
        scores.append(score)
        place += 8 + length
    return TinyLlm(heads, key_heads, longest, weights, tokens, scores)
