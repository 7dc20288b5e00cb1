"""Published language models on a passage: what they predict, and each layer's mean and s.d."""

import numpy as np
import pytest
import torch
from manifests import from_package

from replicortex.core.randomness import generator
from replicortex.data import language_models
from replicortex.models import transformer

pytestmark = pytest.mark.slow  # 175 MB of packages

CPU = torch.device("cpu")
PASSAGE = (
    "The visual cortex of the brain is the area of the cerebral cortex that processes visual "
    "information. It is located in the occipital lobe. Sensory input originating from the eyes travels "
    "through the lateral geniculate nucleus in the thalamus and then reaches the visual cortex."
)
# Computed by this code, with transformers 5.24.
SMOLLM2 = """
    0.0159 1.1025  0.0572 2.5038  0.0953 4.1673  0.0890 4.2427  0.0822 4.4779  0.0635 4.6875
    0.0470 4.6991  0.0376 4.9517  0.0450 5.4494  0.0140 5.0946  -0.0188 4.7785  0.7444 21.1967
    0.7551 21.1524  0.7804 21.4203  0.7645 21.5682  0.7524 21.8316  0.7300 22.3247  0.7244 22.2565
    0.7027 22.5684  0.7336 23.4549  0.6982 24.1405  0.7456 25.5826  0.7783 26.4015  0.8339 27.8214
    1.2330 28.9678  1.3477 30.6689  1.4470 31.6738  1.4069 32.3212  0.9385 26.3238  -0.0259 1.2988"""
MINILM = """
    0.0290 0.2589  0.0189 0.2809  0.0165 0.3140  0.0002 0.3504  -0.0224 0.2722  0.0023 0.1592"""


def check(model, golden):
    layers = transformer.responses(*model, [PASSAGE], CPU)
    found = [[layer.mean(dtype=float), layer.std(dtype=float)] for layer in layers]
    expected = np.array(golden.split(), dtype=float).reshape(-1, 2)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


def test_smollm2_predicts_a_passage_and_not_its_shuffled_words(tmp_path):
    manifest = from_package(tmp_path, "smollm2", None)
    model = language_models.read(manifest, "smollm2", CPU, predicts=True)
    words = PASSAGE.split()
    mixed = " ".join(words[n] for n in generator(0, "order").permutation(len(words)))
    said, shuffled = (np.exp(transformer.loss(*model, text, CPU)) for text in (PASSAGE, mixed))
    assert said == pytest.approx(8.689, abs=0.01)
    assert shuffled == pytest.approx(1148, rel=0.01)
    check(model, SMOLLM2)


def test_minilm_puts_like_sentences_together(tmp_path):
    model = language_models.read(from_package(tmp_path, "minilm", None), "minilm", CPU)
    check(model, MINILM)
    sentences = [
        "A dog runs over the grass.",
        "A puppy plays in a meadow.",
        "Taxes rose last year.",
    ]
    last = transformer.responses(*model, sentences, CPU)[-1]
    near, far = (np.corrcoef(last[0], last[other])[0, 1] for other in (1, 2))
    assert near > far + 0.2
