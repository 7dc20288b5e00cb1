"""The tiny language model on its real weights: it predicts stories, and only in their order."""

from itertools import pairwise

import numpy as np
import pytest
from manifests import described, mirrored

from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data import tiny_llm
from replicortex.models import llama2c

pytestmark = pytest.mark.mirror

STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big red ball."
)


@pytest.fixture
def manifest(mirror, tmp_path):
    return mirrored(mirror, tmp_path, "tiny_llm")


def loss(model, tokens):
    """Nats per token."""
    logits = llama2c.hidden_states(model, tokens)[1][:-1]
    logits = logits - logits.max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(tokens) - 1), tokens[1:]]
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen))


def test_it_predicts_a_story_and_not_its_shuffled_words(manifest):
    model = tiny_llm.read_model(manifest)
    assert (model.layers, model.width, model.heads, model.vocabulary) == (5, 64, 8, 512)
    tokens, _ = tiny_llm.read_tokenizer(manifest, 512).encode(STORY)
    mixed = [1, *generator(0, "order").permutation(tokens[1:]).tolist()]
    assert loss(model, tokens) < 1.6
    assert loss(model, mixed) > 4
    states, _ = llama2c.hidden_states(model, tokens)
    assert states.shape == (5, len(tokens), 64)


def test_positions_are_those_of_the_file(manifest):
    """The rotary tables that the file carries equal the ones computed here."""
    model = tiny_llm.read_model(manifest)
    angles = np.arange(model.longest)[:, None] * 10000.0 ** (-np.arange(0, 8, 2) / 8)
    np.testing.assert_allclose(model.tensors["cosines"], np.cos(angles), atol=1e-4)
    np.testing.assert_allclose(model.tensors["sines"], np.sin(angles), atol=1e-4)


def test_later_words_change_no_earlier_state(manifest):
    model = tiny_llm.read_model(manifest)
    tokens, _ = tiny_llm.read_tokenizer(manifest, 512).encode(STORY)
    whole, part = (llama2c.hidden_states(model, tokens[:n])[0] for n in (30, 12))
    np.testing.assert_allclose(whole[:, :12], part, atol=1e-12)


@pytest.mark.parametrize("text", [STORY, "a", "", "naïve – 漢 text"])
def test_spans_cover_the_text_without_gaps(manifest, text):
    tokenizer = tiny_llm.read_tokenizer(manifest, 512)
    tokens, spans = tokenizer.encode(text)
    assert len(tokens) == len(spans)
    assert spans[0] == (0, 0) and spans[-1][1] == len(text.encode())
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    for token, (start, end) in zip(tokens[2:], spans[2:], strict=True):
        if not tiny_llm.FIRST_BYTE <= token < tiny_llm.FIRST_BYTE + 256:
            assert tokenizer.pieces[token] == text.encode()[start:end]


def test_damage_is_told(mirror, tmp_path):
    folder = tmp_path / "tiny_llm"
    folder.mkdir()
    (folder / tiny_llm.WEIGHTS).write_bytes(
        (mirror / "tiny_llm" / tiny_llm.WEIGHTS).read_bytes()[:-4]
    )
    (folder / tiny_llm.TOKENS).write_bytes(
        (mirror / "tiny_llm" / tiny_llm.TOKENS).read_bytes()[:60]
    )
    manifest = described(folder, synthetic=False)
    with pytest.raises(StudyError, match="1056536 bytes found, its head implies 1056540"):
        tiny_llm.read_model(manifest)
    with pytest.raises(StudyError, match="ends after"):
        tiny_llm.read_tokenizer(manifest, 512)
