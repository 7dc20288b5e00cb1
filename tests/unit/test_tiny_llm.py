"""The tiny language model on its fixture; tests/real has the weights themselves."""

import numpy as np
from manifests import described

from replicortex.data import tiny_llm
from replicortex.data.fixtures import tiny_llm as fixture

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
    states, logits = tiny_llm.hidden_states(model, tokens)
    assert states.shape == (3, len(tokens), 16) and np.isfinite(logits).all()
