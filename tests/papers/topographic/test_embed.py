"""Readouts against libraries, and embeddings of trained networks."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from papers.topographic.embed import embed
from papers.topographic.measuring_settings import NoiseSettings, ProbeSettings, Scale
from papers.topographic.network import Network
from papers.topographic.probe import Probe, _adamw, _rate
from papers.topographic.training_settings import NetworkSettings, Split
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, write
from replicortex.core.randomness import generator, torch_generator

pytestmark = pytest.mark.numbers

ADAMW = ProbeSettings.model_validate(
    {
        "standardise": False,
        "solver": "adamw",
        "lr": 3e-3,
        "lr_end": 1e-5,
        "weight_decay": 0.01,
        "batch": 20,
        "epochs": 6,
        "warm_up": 3,
    }
)
NETWORK = {
    "trunk": "frozen",
    "centred": True,
    "width": 1,
    "blocks": [1],
    "side": 4,
    "bias": True,
    "bias_start": "random",
    "dropout": 0.0,
    "projection": 6,
    "frozen": {
        **{"patch": 6, "filters": 4, "samples": 9, "size": 8},
        **{"norm": 1.0, "noise": 0.0, "seed": 0},
    },
}


def data(n=60, units=5, scale=1.0, shift=0.0):
    rng = generator(0, "probe")
    labels = np.arange(n) % 10
    centres = rng.normal(size=(10, units))
    made = scale * (centres[labels] + 0.1 * rng.normal(size=(n, units))) + shift
    return made.astype(np.float32), labels


def test_adamw_is_torchs():
    inputs, labels = data()
    weight, bias = _adamw(inputs, labels, ADAMW, seed=4)
    from papers.topographic.network import linear

    layer = linear(5, 10, torch_generator(4, "probe"))
    optimiser = torch.optim.AdamW(layer.parameters(), lr=1.0, weight_decay=0.01)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    for epoch in range(6):
        optimiser.param_groups[0]["lr"] = _rate(epoch, ADAMW)
        order = torch.randperm(60, generator=torch_generator(4, "probe order", epoch))
        for start in range(0, 60, 20):
            chosen = order[start : start + 20]
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(layer(x[chosen]), y[chosen]).backward()
            optimiser.step()
    np.testing.assert_allclose(weight, layer.weight.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(bias, layer.bias.detach().numpy(), atol=1e-6)


def test_the_rate_warms_up_and_falls_to_its_end():
    rates = [_rate(epoch, ADAMW.model_copy(update={"epochs": 200})) for epoch in range(200)]
    assert rates[:3] == pytest.approx([1e-3, 2e-3, 3e-3])
    assert rates[3] == pytest.approx(3e-3)
    assert all(a > b for a, b in pairwise(rates[3:]))
    assert rates[-1] == pytest.approx(1e-5, rel=0.1)


def test_lbfgs_is_sklearns_on_standardised_embeddings():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    inputs, labels = data()
    changes = {"solver": "lbfgs", "standardise": True, "epochs": 300}
    ours = Probe(inputs, labels, ADAMW.model_copy(update=changes), 0)
    scaler = StandardScaler().fit(inputs)
    theirs = LogisticRegression(max_iter=300).fit(scaler.transform(inputs), labels)
    np.testing.assert_allclose(
        ours.scores(inputs), theirs.decision_function(scaler.transform(inputs)), atol=1e-3
    )


def test_standardising_makes_a_readout_blind_to_size_and_shift():
    """What a strong topography does to embeddings: tiny differences beside a large bias."""
    plain, labels = data()
    tiny, _ = data(scale=1e-3, shift=5.0)
    numbers = ADAMW.model_copy(update={"standardise": True, "epochs": 30})
    one, other = Probe(plain, labels, numbers, 0), Probe(tiny, labels, numbers, 0)
    assert one.accuracy(plain, labels) == pytest.approx(other.accuracy(tiny, labels), abs=0.05)
    raw = Probe(tiny, labels, numbers.model_copy(update={"standardise": False}), 0)
    assert raw.accuracy(tiny, labels) < other.accuracy(tiny, labels) - 0.2


@pytest.mark.parametrize(
    ("epochs", "batch", "said"),
    [
        (40, 20, r"probe, seed 0: epoch \d+, step \d: the loss is (nan|inf); a smaller"),
        (2, 60, "probe, seed 0: epoch 2, step 1: weights are no longer finite; a smaller"),
    ],
)
def test_a_readout_that_diverges_is_told_with_its_step(epochs, batch, said):
    """NaN scores would answer with the first class, and count as an accuracy of guessing."""
    inputs, labels = data()
    changes = {"lr": 1e20, "weight_decay": 1.0, "epochs": epochs, "batch": batch, "warm_up": 0}
    with pytest.raises(StudyError, match=said):
        Probe(inputs, labels, ADAMW.model_copy(update=changes), 0)


@pytest.mark.parametrize("objective", ["ce", "supcon"])
def test_embeddings_are_the_sheets_output_and_answers_the_readouts(tmp_path, objective):
    network = Network(NetworkSettings.model_validate(NETWORK), objective, seed=3).eval()
    tensors = {name: tensor for name, tensor in network.state_dict().items()}
    condition = {"arm": "main", "objective": objective, "rho": 0.2, "seed": 3}
    write(
        tmp_path / "m.safetensors",
        Tensors(tensors, {**condition, "settings": {"network": NETWORK}}),
    )
    train, labels = data(units=8)
    test = train[:20] + 0.01
    features = {
        "train/features": train,
        "train/labels": labels,
        "test/features": test,
        "test/labels": labels[:20],
        "noise/none/0": test[:10],
    }
    write(tmp_path / "f.safetensors", Tensors(features))
    (made,) = embed(
        models=[tmp_path / "m.safetensors"],
        split=Split(validation=0, train=1, test=1),
        noise=NoiseSettings(kinds=[], levels=[0.1], images=1, seed=0),
        probes={"raw": ADAMW},
        readout="raw",
        training=Scale(mean=[0.5] * 3, sd=[0.2] * 3),
        device="cpu",
        features=tmp_path / "f.safetensors",
    )["embeddings"]
    weight, bias = (tensors[f"sheet.{n}"].numpy() for n in ("weight", "bias"))
    np.testing.assert_allclose(made.arrays["test"], test @ weight.T + bias, atol=1e-5)
    sheet = made.arrays["test"][:10]
    if objective == "ce":
        expected = (
            sheet @ tensors["classifier.weight"].numpy().T + tensors["classifier.bias"].numpy()
        )
        assert set(made.metadata["accuracies"]) == {"probe raw", "classifier"}
    else:
        expected = Probe(train @ weight.T + bias, labels, ADAMW, 3).scores(sheet)
        assert set(made.metadata["accuracies"]) == {"probe raw"}
    np.testing.assert_allclose(made.arrays["answers/none/0"], expected, atol=2e-4)


def test_each_network_is_shown_what_its_trunk_is_for(tmp_path):
    """Features of patches, of Lite0, and of Lite0 with their mean; noise is the first's alone."""
    train, labels = data(units=8)
    mean = np.arange(8, dtype=np.float32)
    base = {"train/labels": labels, "test/labels": labels[:20], "mean": mean}
    for name, sign in (("features", 1), ("lite0", -1)):
        own = {"train/features": sign * train, "test/features": sign * train[:20]}
        noise = {"noise/none/0": train[:10]} if name == "features" else {}
        write(tmp_path / f"{name}.safetensors", Tensors(base | own | noise))
    shown = {("frozen", True): train, ("lite0", True): -train, ("lite0", False): mean - train}
    models, sheets = [], []
    for number, (trunk, centred) in enumerate(shown):
        settings = {**NETWORK, "trunk": trunk, "centred": centred}
        network = Network(NetworkSettings.model_validate(settings), "ce", number)
        condition = {"arm": "x", "objective": "ce", "rho": 0, "seed": number}
        models.append(tmp_path / f"{number}.safetensors")
        metadata = {**condition, "settings": {"network": settings}}
        write(models[-1], Tensors(dict(network.state_dict()), metadata))
        sheets.append(network.sheet)
    made = embed(
        models=models,
        split=Split(validation=0, train=1, test=1),
        noise=NoiseSettings(kinds=[], levels=[0.1], images=1, seed=0),
        probes={"raw": ADAMW},
        readout="raw",
        training=Scale(mean=[0.5] * 3, sd=[0.2] * 3),
        device="cpu",
        features=tmp_path / "features.safetensors",
        lite0=tmp_path / "lite0.safetensors",
    )["embeddings"]
    for one, sheet, inputs in zip(made, sheets, shown.values(), strict=True):
        expected = sheet(torch.from_numpy(inputs[:20])).detach().numpy()
        np.testing.assert_allclose(one.arrays["test"], expected, atol=1e-5)
    assert ["answers/none/0" in one.arrays for one in made] == [True, False, False]
