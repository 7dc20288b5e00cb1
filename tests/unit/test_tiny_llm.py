"""The tiny language model on its fixture; tests/real has the weights themselves."""

import struct

import numpy as np
import pytest
from manifests import described

from replicortex.core.errors import StudyError
from replicortex.data import tiny_llm
from replicortex.data.fixtures import tiny_llm as fixture
from replicortex.models import llama2c

pytestmark = pytest.mark.numbers

SIZES = {"width": 16, "hidden": 32, "layers": 3, "heads": 4, "kv_heads": 2, "longest": 64}


def test_the_fixture_is_read_and_byte_stable(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fixture.build(tmp_path / name, seed=0, **SIZES)
    for name in (tiny_llm.WEIGHTS, tiny_llm.TOKENS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    manifest = described(tmp_path / "one")
    model = tiny_llm.read_model(manifest)
    assert (model.width, model.layers, model.kv_heads, model.longest) == (16, 3, 2, 64)
    text = "the object calls a class"
    tokens, spans = tiny_llm.read_tokenizer(manifest, model.vocabulary).encode(text)
    assert len(tokens) < len(text)
    assert sum(end - start for start, end in spans) == len(text)
    states, logits = llama2c.hidden_states(model, tokens)
    assert states.shape == (3, len(tokens), 16) and np.isfinite(logits).all()


@pytest.mark.parametrize(
    ("file", "at", "content", "said"),
    [
        (tiny_llm.WEIGHTS, 28, struct.pack("<f", np.nan), "tensor 'embedding' holds NaN"),
        (tiny_llm.WEIGHTS, 16, struct.pack("<i", 3), "its head holds impossible sizes"),
        (tiny_llm.TOKENS, 4, struct.pack("<f", np.inf), "ends after 0 of .* or is damaged there"),
        (tiny_llm.TOKENS, 8, struct.pack("<i", -8), "ends after 0 of .* or is damaged there"),
    ],
)
def test_damage_within_files_of_the_right_size(tmp_path, file, at, content, said):
    folder = tmp_path / "one"
    folder.mkdir()
    fixture.build(folder, seed=0, **SIZES)
    raw = bytearray((folder / file).read_bytes())
    raw[at : at + len(content)] = content
    (folder / file).write_bytes(raw)
    manifest = described(folder)
    with pytest.raises(StudyError, match=said):
        vocabulary = tiny_llm.read_model(manifest).vocabulary
        tiny_llm.read_tokenizer(manifest, vocabulary)
