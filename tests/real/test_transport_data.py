"""V4 recordings and the tiny language model, as they are."""

import numpy as np
import pytest

from replicortex.data import tiny_llm

pytestmark = pytest.mark.mirror


def test_the_tiny_model_predicts_a_story(mirror):
    folder = mirror / "tiny_llm"
    model = tiny_llm.load(folder / "stories260K.bin", folder / "stories260K_tok512.bin")
    text = "Once upon a time, there was a little girl named Lily. She loved to play outside."
    tokens, spans = model.encode(text)
    assert b"".join(text.encode()[a:b] for a, b in spans) == text.encode()
    assert len(tokens) < len(text) / 2
    stream, logits = model.run([tiny_llm.START, *tokens])
    assert stream.shape == (5, len(tokens) + 1, 64)
    logits = logits[:-1] - logits[:-1].max(1, keepdims=True)
    surprise = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(tokens)), tokens]
    assert surprise.mean() < 2.5  # nats a token; chance is log(512) = 6.2
