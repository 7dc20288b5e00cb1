"""Models of transformers read from files: a GGUF file, a folder, and what is wrong with them."""

import numpy as np
import pytest
import torch
from manifests import described

from replicortex.core.errors import StudyError
from replicortex.data import language_models
from replicortex.data.fixtures import minilm, smollm2
from replicortex.models import transformer

CPU = torch.device("cpu")
SIZES = {"width": 64, "hidden": 96, "layers": 3, "heads": 4, "kv_heads": 2}
PASSAGES = ["the class calls a list", "value of object"]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """The manifest of a small decoder in the layout of SmolLM2's package."""
    folder = tmp_path_factory.mktemp("data") / "smollm2"
    folder.mkdir()
    smollm2.build(folder, seed=0, **SIZES)
    return described(folder)


def test_layers_are_means_over_a_passages_tokens(decoder):
    model = language_models.read(decoder, "smollm2", CPU)
    assert model.network.config.num_key_value_heads == 2
    found = transformer.responses(*model, PASSAGES, CPU)
    assert [layer.shape for layer in found] == [(2, 64)] * 3 and found[0].dtype == np.float32
    with torch.inference_mode():
        for row, passage in enumerate(PASSAGES):
            ids = torch.tensor([model.tokens(passage)["input_ids"]])
            states = model.network(ids, output_hidden_states=True).hidden_states
            assert len(states) == 4  # the first precedes the first block
            for layer, state in zip(found, states[1:], strict=True):
                np.testing.assert_allclose(layer[row], state[0].mean(0), atol=1e-5)


def test_passages_are_read_as_they_are_asked_for(decoder):
    read = []
    model = language_models.read(decoder, "smollm2", CPU)
    parts = transformer.stream(*model, (read.append(p) or p for p in PASSAGES), CPU)
    assert len(next(parts)) == 3 and read == PASSAGES[:1]
    with pytest.raises(StudyError, match="passage '': has no token"):
        next(transformer.stream(*model, [""], CPU))


def test_the_loss_is_the_mean_surprise_of_each_next_token(decoder):
    model = language_models.read(decoder, "smollm2", CPU, predicts=True)
    found = transformer.loss(*model, PASSAGES[0], CPU)
    ids = torch.tensor([model.tokens(PASSAGES[0])["input_ids"]])
    with torch.inference_mode():
        logits = model.network(ids).logits[0, :-1].double()
    chance = logits.softmax(1)[range(len(ids[0]) - 1), ids[0, 1:]]
    assert found == pytest.approx(float(-chance.log().mean()), abs=1e-5)


def test_weights_of_four_bits_are_those_of_the_file(decoder, capsys):
    """The first block's gate, against gguf's own arithmetic; nothing is printed."""
    import gguf

    from replicortex.data import manifest

    path = manifest.load(decoder).path(smollm2.FILE)
    tensor = {t.name: t for t in gguf.GGUFReader(path).tensors}["blk.0.ffn_gate.weight"]
    expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    capsys.readouterr()
    model = language_models.read(decoder, "smollm2", CPU)
    assert capsys.readouterr() == ("", "")
    np.testing.assert_array_equal(model.network.layers[0].mlp.gate_proj.weight.detach(), expected)


def test_the_fixtures_bytes_are_the_same_each_time(decoder, tmp_path):
    smollm2.build(tmp_path, seed=0, **SIZES)
    made = decoder.parent.parent / "smollm2" / smollm2.FILE
    assert (tmp_path / smollm2.FILE).read_bytes() == made.read_bytes()


def encoder(folder):
    """Write a small BERT in the layout of MiniLM's package."""
    minilm.build(folder, seed=0, width=8, hidden=16, layers=2, heads=2)
    return described(folder)


def test_an_encoder_is_read_from_a_folder(tmp_path):
    (tmp_path / "minilm").mkdir()
    model = language_models.read(encoder(tmp_path / "minilm"), "minilm", CPU)
    found = transformer.responses(*model, ["the class", "calls"], CPU)
    assert [layer.shape for layer in found] == [(2, 8)] * 2
    words = model.tokens.convert_ids_to_tokens(model.tokens("The class, ok")["input_ids"])
    assert words == ["[CLS]", "the", "class", ",", "o", "##k", "[SEP]"]
    (tmp_path / "again").mkdir()
    encoder(tmp_path / "again")
    for path in (p for p in (tmp_path / "minilm").rglob("*") if p.is_file()):
        again = tmp_path / "again" / path.relative_to(tmp_path / "minilm")
        assert again.read_bytes() == path.read_bytes(), path


def test_weights_that_lack_a_tensor_are_told(tmp_path):
    """transformers would draw it at random."""
    from safetensors.torch import load_file, save_file

    (tmp_path / "minilm").mkdir()
    encoder(tmp_path / "minilm")
    path = tmp_path / "minilm" / language_models.MODELS["minilm"].file
    tensors = load_file(path)
    tensors.pop("encoder.layer.1.output.dense.weight")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(
        StudyError, match=r"weights lack 'encoder\.layer\.1\.output\.dense\.weight' of a bert"
    ):
        language_models.read(described(tmp_path / "minilm"), "minilm", CPU)


def test_another_name_and_a_damaged_file_are_told(decoder, tmp_path):
    with pytest.raises(StudyError, match="language model: found 'smollm'; did you mean 'smollm2'"):
        language_models.read(decoder, "smollm", CPU)
    file = tmp_path / "smollm2" / smollm2.FILE
    file.parent.mkdir(parents=True)
    file.write_bytes((decoder.parent.parent / "smollm2" / smollm2.FILE).read_bytes()[:2000])
    with pytest.raises(StudyError, match=r"Q4_1\.gguf: .* expected"):
        language_models.read(described(tmp_path / "smollm2"), "smollm2", CPU)
