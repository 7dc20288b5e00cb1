"""A small llama-type language model in llama2.c's format: its weights and its tokenizer.

Weights file: seven int32 (width, hidden, layers, heads, key/value heads, vocabulary, longest text;
a negative vocabulary means a classifier of its own), then float32 tensors. Tokenizer file: int32
longest token, then per token float32 score, int32 length, bytes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.models.llama2c import Model

WEIGHTS = "stories260K.bin"
TOKENS = "stories260K_tok512.bin"
BEGIN = 1  # the token that begins a text
FIRST_BYTE = 3  # the token of byte 0


@dataclass(frozen=True)
class Tokenizer:
    """Pieces (bytes) and merge scores, in the order of the token numbers."""

    pieces: list[bytes]
    scores: np.ndarray

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return tokens, the begin token first, and the bytes of the text that each stands for.

        A space is put in front of the text, as in training; it and the begin token stand for
        nothing, (0, 0), or widen no span.
        """
        number = {piece: n for n, piece in reversed(list(enumerate(self.pieces)))}
        tokens: list[int] = []
        for character in f" {text}" if text else "":
            raw = character.encode()
            tokens += [number[raw]] if raw in number else [byte + FIRST_BYTE for byte in raw]
        lengths = [self._length(token) for token in tokens]
        while True:
            best, where, merged = -np.inf, -1, -1
            for i in range(len(tokens) - 1):
                joined = number.get(self.pieces[tokens[i]] + self.pieces[tokens[i + 1]])
                if joined is not None and self.scores[joined] > best:
                    best, where, merged = self.scores[joined], i, joined
            if where < 0:
                break
            tokens[where : where + 2] = [merged]
            lengths[where : where + 2] = [sum(lengths[where : where + 2])]
        ends = np.cumsum([0, *lengths]) - 1  # less the space in front
        spans = [(max(0, int(a)), max(0, int(b))) for a, b in pairwise(ends)]
        return [BEGIN, *tokens], [(0, 0), *spans]

    def _length(self, token: int) -> int:
        is_byte = FIRST_BYTE <= token < FIRST_BYTE + 256
        return 1 if is_byte else len(self.pieces[token])


def tensor_shapes(
    width: int, hidden: int, layers: int, heads: int, kv_heads: int, vocabulary: int, longest: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of the weights file, in its order."""
    kv, half = width // heads * kv_heads, width // heads // 2
    return {
        "embedding": (vocabulary, width),
        "norm_attention": (layers, width),
        "query": (layers, width, width),
        "key": (layers, kv, width),
        "value": (layers, kv, width),
        "out": (layers, width, width),
        "norm_feed": (layers, width),
        "gate": (layers, hidden, width),
        "down": (layers, width, hidden),
        "up": (layers, hidden, width),
        "norm_final": (width,),
        "cosines": (longest, half),  # recomputed, as llama2.c does
        "sines": (longest, half),
    }


def read_model(manifest: Path) -> Model:
    """Return the model.

    Raises
    ------
    StudyError
        When the file is absent or not of the size that its head implies, or a tensor is not finite.
    """
    path = manifests.load(manifest).path(WEIGHTS)
    with reading(path, "a model of llama2.c"):
        raw = path.read_bytes()
    if len(raw) < 28:
        raise StudyError(f"{path}: {len(raw)} bytes, no head of a model")
    width, hidden, layers, heads, kv_heads, vocabulary, longest = struct.unpack("<7i", raw[:28])
    own, vocabulary = vocabulary < 0, abs(vocabulary)
    if min(width, hidden, layers, heads, kv_heads, vocabulary, longest) < 1 or (
        width % heads or heads % kv_heads or width // heads % 2
    ):
        raise StudyError(
            f"{path}: its head holds impossible sizes {struct.unpack('<7i', raw[:28])}"
        )
    shapes = tensor_shapes(width, hidden, layers, heads, kv_heads, vocabulary, longest)
    if own:
        shapes["classifier"] = (vocabulary, width)
    needed = 28 + 4 * sum(math.prod(shape) for shape in shapes.values())
    if len(raw) != needed:
        raise StudyError(f"{path}: {len(raw)} bytes found, its head implies {needed}")
    values, tensors, start = np.frombuffer(raw, "<f4", offset=28), {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        tensors[name] = values[start : start + size].reshape(shape)
        start += size
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise StudyError(f"{path}: tensor '{name}' holds NaN or infinity")
    tensors.setdefault("classifier", tensors["embedding"])
    return Model(width, layers, heads, kv_heads, vocabulary, longest, tensors)


def read_tokenizer(manifest: Path, vocabulary: int) -> Tokenizer:
    """Return the tokenizer of a vocabulary's size.

    Raises
    ------
    StudyError
        When the file is absent, ends early, goes on, or holds impossible lengths.
    """
    path = manifests.load(manifest).path(TOKENS)
    with reading(path, "a tokenizer of llama2.c"):
        raw, place = path.read_bytes(), 4
    pieces, scores = [], []
    try:
        for _ in range(vocabulary):
            score, length = struct.unpack_from("<fi", raw, place)
            if length < 0 or place + 8 + length > len(raw) or not math.isfinite(score):
                raise struct.error
            pieces.append(raw[place + 8 : place + 8 + length])
            scores.append(score)
            place += 8 + length
    except struct.error:
        raise StudyError(
            f"{path}: ends after {len(pieces)} of {vocabulary} tokens, or is damaged there"
        ) from None
    if place != len(raw):
        raise StudyError(f"{path}: {len(raw)} bytes found, {vocabulary} tokens take {place}")
    return Tokenizer(pieces, np.array(scores))
