"""Each learning rule against a reference that is written apart from it."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.papers.learning_rules.small_nets import CPU, NETWORK, batch, changed, rules
from torch import nn
from torch.nn import functional as F

from papers.learning_rules.learners import (
    bp,
    fa,
    pc,
    pc_supervised,
    relaxation,
    stdp,
    stdp_pair,
)
from papers.learning_rules.learners.inference import settle
from papers.learning_rules.network import BLOCKS
from replicortex.core.randomness import torch_generator

pytestmark = pytest.mark.numbers

BUILDERS = {
    "bp": bp,
    "fa": fa,
    "pc": pc,
    "stdp": stdp,
    "pc_supervised": pc_supervised,
    "stdp_pair": stdp_pair,
}


def streams(purpose: str) -> torch.Generator:
    return torch_generator(7, purpose)


@pytest.fixture
def entries(root: Path) -> dict:
    return rules(root)


@pytest.fixture(autouse=True)
def as_the_runner():
    """Jobs run with deterministic algorithms alone: what torch has none of, a job cannot use."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


# Backpropagation


def test_bp_equals_a_plain_torch_loop(entries: dict) -> None:
    settings = changed(entries["bp"], clip=0.5)
    learner = bp.build(3, NETWORK, settings, 4, CPU)
    net = copy.deepcopy(learner.network).train()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 4)
    for number in range(6):
        images, labels = batch(seed=number)
        terms = learner.step(images, labels, streams)
        draws = streams("dropout")
        keeps = [(torch.rand(12, 16, generator=draws) >= 0.3) / 0.7 for _ in range(2)]
        optimiser.zero_grad()
        loss = F.cross_entropy(net(images, keeps[0]), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        optimiser.step()
        second = net(images, keeps[1])
        assert terms["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
        assert terms["accuracy"] == (second.argmax(1) == labels).float().mean()
        if number == 2:
            learner.end_epoch()
            schedule.step()
    for (name, ours), theirs in zip(
        learner.network.state_dict().items(), net.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=name)
    assert learner.network.bn1.num_batches_tracked == 12
    assert learner.optimiser.lr == pytest.approx(1e-3 * (1 + math.cos(math.pi / 4)) / 2)


def test_bp_second_pass_is_a_switch(entries: dict) -> None:
    learner = bp.build(3, NETWORK, changed(entries["bp"], second_pass=False), 4, CPU)
    learner.step(*batch(), streams)
    assert learner.network.bn1.num_batches_tracked == 1


def test_dropout_is_a_switch(entries: dict) -> None:
    images, labels = batch()
    losses = set()
    for dropout in (True, False):
        learner = bp.build(3, NETWORK, changed(entries["bp"], dropout=dropout), 4, CPU)
        plain = F.cross_entropy(copy.deepcopy(learner.network).train()(images), labels).item()
        loss = learner.step(images, labels, streams)["loss"].item()
        losses.add(loss)
        assert (loss == pytest.approx(plain)) is not dropout
    assert len(losses) == 2


# Feedback alignment


def by_hand(net: fa.FeedbackNetwork, images: torch.Tensor, labels: torch.Tensor) -> dict:
    """Gradients layer by layer: errors go down through B, autograd only within a layer."""
    blocks = ("conv1", "conv2", "conv3")
    inputs, outputs = [], []
    below = images
    for name in blocks:
        layer, norm = getattr(net, name), getattr(net, name.replace("conv", "bn"))
        below = below.detach().requires_grad_()
        inputs.append(below)
        z = F.conv2d(below, layer.weight, layer.bias, padding=1).detach().requires_grad_()
        normed = F.batch_norm(z, None, None, norm.weight, norm.bias, training=True)
        below = F.max_pool2d(F.relu(normed), 2)
        outputs.append((z, below))
    top = below.detach().flatten(1)
    z1 = top @ net.fc1.weight.T + net.fc1.bias
    hidden = z1.clamp(min=0)
    probabilities = torch.softmax(hidden @ net.fc2.weight.T + net.fc2.bias, 1)
    delta = (probabilities - F.one_hot(labels, 10)) / len(labels)
    found = {"fc2.weight": delta.T @ hidden, "fc2.bias": delta.sum(0)}
    everywhere = "fc1" in net.feedback_layers
    delta = (delta @ (net.feedback_fc2 if everywhere else net.fc2.weight)) * (z1 > 0)
    found |= {"fc1.weight": delta.T @ top, "fc1.bias": delta.sum(0)}
    error = (delta @ (net.feedback_fc1 if everywhere else net.fc1.weight)).view_as(below)
    for number in (2, 1, 0):
        name = blocks[number]
        layer, norm = getattr(net, name), getattr(net, name.replace("conv", "bn"))
        z, out = outputs[number]
        dz, gain, offset = torch.autograd.grad(out, [z, norm.weight, norm.bias], error)
        found[f"bn{number + 1}.weight"], found[f"bn{number + 1}.bias"] = gain, offset
        found[f"{name}.weight"] = nn.grad.conv2d_weight(
            inputs[number].detach(), layer.weight.shape, dz, padding=1
        )
        found[f"{name}.bias"] = dz.sum((0, 2, 3))
        error = F.conv_transpose2d(dz, getattr(net, f"feedback_{name}"), padding=1)
    return found


@pytest.mark.parametrize("rule", ["fa", "fa_all"])
def test_fa_gradient_is_backpropagation_with_b_in_place_of_w(entries: dict, rule: str) -> None:
    learner = fa.build(3, NETWORK, entries[rule], 4, CPU)
    net = learner.network.train()
    images, labels = batch()
    F.cross_entropy(net(images), labels).backward()
    expected = by_hand(net, images, labels)
    assert set(expected) == {name for name, _ in net.named_parameters()}
    for name, parameter in net.named_parameters():
        # In front of BatchNorm a bias has no gradient but rounding.
        atol = 1e-4 if "conv" in name and name.endswith("bias") else 1e-6
        torch.testing.assert_close(
            parameter.grad, expected[name].detach(), rtol=1e-3, atol=atol, msg=name
        )


@pytest.mark.parametrize("rule", ["fa", "fa_all"])
def test_fa_with_b_equal_to_w_is_backpropagation(entries: dict, rule: str) -> None:
    net = fa.build(3, NETWORK, entries[rule], 4, CPU).network.train()
    with torch.no_grad():
        for name in net.feedback_layers:
            getattr(net, f"feedback_{name}").copy_(getattr(net, name).weight)
    images, labels = batch()
    F.cross_entropy(net(images), labels).backward()
    exact = super(fa.FeedbackNetwork, net)
    net_gradients = [parameter.grad.clone() for parameter in net.parameters()]
    net.weigh = exact.weigh
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    for ours, parameter in zip(net_gradients, net.parameters(), strict=True):
        torch.testing.assert_close(ours, parameter.grad, rtol=1e-3, atol=1e-4)


def test_fa_as_coded_leaves_conv3_and_above_exact(entries: dict) -> None:
    net = fa.build(3, NETWORK, entries["fa"], 4, CPU).network.train()
    images, labels = batch()
    F.cross_entropy(net(images), labels).backward()
    ours = {name: parameter.grad.clone() for name, parameter in net.named_parameters()}
    net.feedback_layers = ()
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    for name, parameter in net.named_parameters():
        same = torch.allclose(ours[name], parameter.grad, rtol=1e-4, atol=1e-6)
        heard = name.split(".")[0] in ("conv1", "bn1", "conv2", "bn2")
        # A bias in front of BatchNorm has no gradient but rounding.
        if name not in ("conv1.bias", "conv2.bias"):
            assert same is not heard, name


def test_fa_feedback_stays_and_momentum_is_sgd(entries: dict) -> None:
    learner = fa.build(3, NETWORK, changed(entries["fa"], dropout=False, lr=0.1), 4, CPU)
    net = copy.deepcopy(learner.network).train()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    fixed = {k: v.clone() for k, v in learner.network.named_buffers() if "feedback" in k}
    for number in range(3):
        images, labels = batch(seed=number)
        learner.step(images, labels, streams)
        optimiser.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    for name, value in fixed.items():
        assert torch.equal(learner.network.get_buffer(name), value)
    for ours, theirs in zip(learner.network.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


# Predictive coding as coded


def slow_inference(maps: list, w2, w3, p2, p3, steps: int, rate: float) -> list:
    """Section 2.3 of the author's rule, step by step, with the operations that it names."""
    r1, r2, r3 = maps
    for _ in range(steps):
        e1 = r1 - torch.tanh(F.interpolate(F.conv_transpose2d(r2, p2, padding=1), scale_factor=2))
        e2 = r2 - torch.tanh(F.interpolate(F.conv_transpose2d(r3, p3, padding=1), scale_factor=2))
        n1 = torch.relu(r1 - rate * e1)
        n2 = torch.relu(r2 + rate * (-e2 + F.avg_pool2d(F.conv2d(e1, w2, padding=1), 2)))
        n3 = torch.relu(r3 + rate * F.avg_pool2d(F.conv2d(e2, w3, padding=1), 2))
        r1, r2, r3 = n1, n2, n3
    return [r1, r2, r3]


def test_pc_step_equals_a_slow_loop(entries: dict) -> None:
    # Rates and limits large enough for each to show.
    larger = {"rate": 0.2, "clip_error": 0.05, "clip_update": 3e-3, "lr_weights": 3.0}
    settings = changed(entries["pc"], **larger)
    learner = pc.build(3, NETWORK, settings, 4, CPU)
    net = copy.deepcopy(learner.network).train()
    readout = torch.optim.Adam([*net.fc1.parameters(), *net.fc2.parameters()], lr=1e-3)
    for number in range(3):
        images, labels = batch(seed=number)
        terms = learner.step(images, labels, streams)
        with torch.no_grad():
            first = net.blocks(images)
            r1, r2, r3 = slow_inference(
                first, net.conv2.weight, net.conv3.weight, net.feedback2, net.feedback3, 10, 0.2
            )
            again = net.block("conv1", images)
            again = [again, net.block("conv2", again)]
            for name, old, new, below in (
                ("conv1", again[0], r1, images),
                ("conv2", again[1], r2, r1),
            ):
                weight = getattr(net, name).weight
                d = np.clip((new - old).numpy(), -0.05, 0.05).mean((0, 2, 3))
                pre = below.numpy().mean((0, 2, 3))
                for o in range(weight.shape[0]):
                    for i in range(weight.shape[1]):
                        weight[o, i] += 3 * float(np.clip(d[o] * pre[i], -3e-3, 3e-3))
        readout.zero_grad()
        loss = F.cross_entropy(net.readout(r3), labels)
        loss.backward()
        readout.step()
        assert terms["loss"].item() == pytest.approx(loss.item(), rel=1e-4)
    for (name, ours), theirs in zip(
        learner.network.state_dict().items(), net.state_dict().values(), strict=True
    ):
        if "num_batches" not in name:
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5, msg=name)


def test_pc_clips_matter_and_labels_do_not_reach_the_convolutions(entries: dict) -> None:
    images, labels = batch()
    weights = []
    for changes, answer in (
        ({}, labels),
        ({}, (labels + 1) % 10),
        ({"clip_error": 1e-3}, labels),
        ({"clip_update": 1e-6}, labels),
    ):
        learner = pc.build(3, NETWORK, changed(entries["pc"], **changes), 4, CPU)
        learner.step(images, answer, streams)
        weights.append([getattr(learner.network, name).weight for name in ("conv1", "conv2")])
    assert all(map(torch.equal, weights[0], weights[1]))
    for other in weights[2:]:
        assert not torch.equal(weights[0][0], other[0])


def test_pc_never_changes_conv3_nor_feedback(entries: dict) -> None:
    learner = pc.build(3, NETWORK, entries["pc"], 4, CPU)
    before = {k: v.clone() for k, v in learner.network.state_dict().items()}
    for number in range(3):
        learner.step(*batch(seed=number), streams)
    after = learner.network.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"} <= moved
    still = {"conv3.weight", "feedback2", "feedback3", "bn1.weight", "bn3.bias"}
    assert not moved & still


def test_pc_change_is_the_same_at_all_nine_positions(entries: dict) -> None:
    learner = pc.build(3, NETWORK, entries["pc"], 4, CPU)
    before = learner.network.conv1.weight.clone()
    learner.step(*batch(), streams)
    moved = (learner.network.conv1.weight - before).detach().flatten(2)
    assert moved.abs().max() > 0
    assert (moved - moved.mean(2, keepdim=True)).abs().max() < 2e-8


def test_settle_equals_the_slow_inference_at_other_sizes() -> None:
    stream = torch.Generator().manual_seed(0)
    maps = [
        torch.rand(2, width, side, side, generator=stream)
        for width, side in ((3, 24), (4, 12), (5, 6))
    ]
    w2, w3 = torch.randn(4, 3, 3, 3, generator=stream), torch.randn(5, 4, 3, 3, generator=stream)
    p2, p3 = torch.randn(4, 3, 3, 3, generator=stream), torch.randn(5, 4, 3, 3, generator=stream)
    from papers.learning_rules.learners.inference import pooled_kernel

    ours = settle(
        maps,
        forward=(pooled_kernel(w2), pooled_kernel(w3)),
        feedback=(p2, p3),
        steps=4,
        rate=0.1,
    )
    for one, other in zip(ours, slow_inference(maps, w2, w3, p2, p3, 4, 0.1), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


# STDP as coded


def test_stdp_window_as_coded_and_as_stated() -> None:
    dt = torch.tensor([-20.0, -1.0, 0.0, 1.0, 20.0])
    common = {"amplitude": 0.003, "tau": 20.0}
    coded = stdp.window(dt, sign="coded", **common).tolist()
    stated = stdp.window(dt, sign="stated", **common).tolist()
    e1, e20 = math.exp(-1 / 20), math.exp(-1)
    assert coded == pytest.approx(
        [0.003 * (1 - e20), 0.003 * (1 - e1), 0, 0.003 * (e1 - 1), 0.003 * (e20 - 1)], abs=1e-8
    )
    assert stated == pytest.approx([-0.003 * e20, -0.003 * e1, 0, 0.003 * e1, 0.003 * e20])


def test_stdp_as_coded_depresses_where_the_text_says_potentiation() -> None:
    """E10 of the plan: pre before post (dt > 0) weakens, more the longer; the text says the reverse."""
    dt = torch.arange(1, 11).float()
    coded = stdp.window(dt, amplitude=0.003, tau=20.0, sign="coded")
    stated = stdp.window(dt, amplitude=0.003, tau=20.0, sign="stated")
    assert (coded < 0).all() and (coded.diff() < 0).all()
    assert (stated > 0).all() and (stated.diff() < 0).all()
    back = stdp.window(-dt, amplitude=0.003, tau=20.0, sign="coded")
    torch.testing.assert_close(back, -coded)


def test_first_spikes_are_geometric_and_silent_after_the_last_step() -> None:
    drive = torch.tensor([0.0, 3.0, -3.0]).repeat(20000, 1)
    times = stdp.first_spikes(drive, 10, torch_generator(1, "spikes"))
    for unit, rate in enumerate(torch.sigmoid(drive[0]) / 10):
        for when in (0, 4, 9):
            expected = float(rate * (1 - rate) ** when)
            assert (times[:, unit] == when).float().mean().item() == pytest.approx(
                expected, abs=0.006
            )
        silent = float((1 - rate) ** 10)
        assert (times[:, unit] == 11).float().mean().item() == pytest.approx(silent, abs=0.015)
    assert not (times == 10).any()


def test_pair_change_equals_a_loop() -> None:
    stream = torch.Generator().manual_seed(0)
    before = torch.randint(0, 12, (7, 3), generator=stream)
    after = torch.randint(0, 12, (7, 4), generator=stream)
    times = torch.arange(12)
    table = stdp.window(times[None] - times[:, None], amplitude=0.003, tau=20.0, sign="coded")
    ours = stdp.pair_change(before, after, table)
    for o in range(4):
        for i in range(3):
            total = 0.0
            for n in range(7):
                dt = float(after[n, o] - before[n, i])
                total += 0.003 * math.exp(-max(dt, 0) / 20) - 0.003 * math.exp(min(dt, 0) / 20)
            assert ours[o, i].item() == pytest.approx(total / 7, abs=1e-8)


@pytest.mark.parametrize("sign", ["coded", "stated"])
def test_stdp_step_equals_a_slow_loop(entries: dict, sign: str) -> None:
    settings = changed(entries["stdp"], sign=sign, lr_weights=0.5, clip_weight=0.4)
    learner = stdp.build(3, NETWORK, settings, 4, CPU)
    net = copy.deepcopy(learner.network).train()
    images, labels = batch()
    learner.step(images, labels, streams)
    stream = streams("spikes")
    below = images
    with torch.no_grad():
        for number in (1, 2, 3):
            layer = getattr(net, f"conv{number}")
            maps = torch.relu(F.conv2d(below, layer.weight, padding=1))
            times = [stdp.first_spikes(part.mean((2, 3)), 10, stream) for part in (below, maps)]
            dt = (times[1][:, :, None] - times[0][:, None, :]).float()
            if sign == "coded":
                change = 0.003 * torch.exp(-dt.clamp(min=0) / 20)
                change = change - 0.003 * torch.exp(dt.clamp(max=0) / 20)
            else:
                change = 0.003 * dt.sign() * torch.exp(-dt.abs() / 20)
            change = change.mean(0).clamp(-0.002, 0.002)
            norm = getattr(net, f"bn{number}")
            below = F.max_pool2d(torch.relu(norm(maps)), 2)
            layer.weight.add_(0.5 * change[:, :, None, None]).clamp_(-0.4, 0.4)
    parts = [*net.fc1.parameters(), *net.fc2.parameters()]
    parts += [p for n in (1, 2, 3) for p in getattr(net, f"bn{n}").parameters()]
    readout = torch.optim.Adam(parts, lr=1e-3)
    F.cross_entropy(net(images), labels).backward()
    readout.step()
    for (name, ours), theirs in zip(
        learner.network.state_dict().items(), net.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=name)


# Pair STDP


def test_pair_window_is_the_stated_one() -> None:
    dt = torch.tensor([-40.0, -20.0, 0.0, 20.0, 40.0])
    found = stdp_pair.window(dt, plus=0.01, minus=0.0105, tau=20.0)
    e1, e2 = math.exp(-1), math.exp(-2)
    expected = [-0.0105 * e2, -0.0105 * e1, 0, 0.01 * e1, 0.01 * e2]
    assert found.tolist() == pytest.approx(expected)


def test_latency_and_winners() -> None:
    maps = torch.tensor([[[[4.0, 1.0], [0.0, 2.0]], [[3.0, 2.0], [0.0, 1.0]]]])
    times = stdp_pair.latency(maps, 100.0)
    inf = math.inf
    assert times.tolist() == [[[[0.0, 75.0], [inf, 50.0]], [[25.0, 50.0], [inf, 75.0]]]]
    place, wins = stdp_pair.winners(maps)
    # Map 0 wins its places 0 and 3, and its strongest is 0; map 1 keeps place 1 alone.
    assert place.tolist() == [[0, 1]] and wins.all()
    _, wins = stdp_pair.winners(torch.tensor([[[[4.0]], [[3.0]], [[-1.0]]]]))
    assert wins.tolist() == [[True, False, False]]


def test_pair_change_of_winners_equals_a_loop(entries: dict) -> None:
    settings = entries["stdp_pair"]
    learner = stdp_pair.build(3, NETWORK, settings, 4, CPU)
    weight = learner.network.conv1.weight
    images = batch(count=4, side=8)[0]
    maps = F.conv2d(images, weight, padding=1)
    expected = np.zeros(weight.shape)
    for n in range(4):
        strength = np.maximum(images[n].numpy(), 0)
        padded = np.pad(strength, ((0, 0), (1, 1), (1, 1)))
        top = strength.max()
        m = maps[n].detach().numpy()
        for o in range(weight.shape[0]):
            own = [
                (m[o, y, x], y, x)
                for y in range(8)
                for x in range(8)
                if m[o, y, x] == m[:, y, x].max() and m[o, y, x] > 0
            ]
            if not own:
                continue
            _, y, x = max(own)
            patch = padded[:, y : y + 3, x : x + 3]
            when = 100 * (1 - patch / top)
            share = patch * np.maximum(weight[o].detach().numpy(), 0)
            if share.sum() == 0:
                continue
            post = (share * when).sum() / share.sum()
            for index in np.ndindex(patch.shape):
                if patch[index] > 0:
                    dt = post - when[index]
                    if dt > 0:
                        expected[(o, *index)] += 0.01 * math.exp(-dt / 20) / 4
                    elif dt < 0:
                        expected[(o, *index)] -= 0.0105 * math.exp(dt / 20) / 4
    with torch.no_grad():
        ours = learner.change("conv1", images, maps).numpy()
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_pair_rule_is_local_and_keeps_norms(entries: dict) -> None:
    images, labels = batch()
    nets = []
    for answer in (labels, (labels + 1) % 10):
        learner = stdp_pair.build(3, NETWORK, entries["stdp_pair"], 4, CPU)
        start = [stdp_pair.norms_of(getattr(learner.network, n).weight) for n in ("conv1", "conv3")]
        for _ in range(3):
            learner.step(images, answer, streams)
        for before, name in zip(start, ("conv1", "conv3"), strict=True):
            torch.testing.assert_close(
                stdp_pair.norms_of(getattr(learner.network, name).weight), before
            )
        nets.append(learner.network)
    for name in ("conv1", "conv2", "conv3"):
        assert torch.equal(getattr(nets[0], name).weight, getattr(nets[1], name).weight)
    assert not torch.equal(nets[0].fc1.weight, nets[1].fc1.weight)


# Supervised predictive coding


def reference_energy(net, images, values, target, fixed) -> torch.Tensor:
    """F written with BatchNorm unfolded."""
    below, total = images, 0.0
    for number, name in enumerate(("conv1", "conv2", "conv3")):
        norm = getattr(net, name.replace("conv", "bn"))
        maps = F.conv2d(below, getattr(net, name).weight, padding=1)
        maps = F.batch_norm(maps, *fixed[number], norm.weight, norm.bias)
        expected = F.max_pool2d(torch.relu(maps), 2)
        total = total + 0.5 * (values[number] - expected).square().sum((1, 2, 3))
        below = values[number]
    below = F.adaptive_avg_pool2d(below, net.grid)
    expected = torch.relu(net.fc1(below.flatten(1)))
    total = total + 0.5 * (values[3] - expected).square().sum(1)
    return total + 0.5 * (target - net.fc2(values[3])).square().sum(1)


def reference_relaxation(net, images, start, labels, steps, rate=0.1) -> tuple[list, torch.Tensor]:
    """Values after the steps and the energies met, all slopes by autograd."""
    target, values, met = F.one_hot(labels, 10).float(), start.values, []
    for _ in range(steps + 1):
        values = [value.detach().requires_grad_() for value in values]
        energy = reference_energy(net, images, values, target, start.fixed)
        met.append(energy.detach())
        slopes = torch.autograd.grad(energy.sum(), values)
        last, values = values, [v - rate * slope for v, slope in zip(values, slopes, strict=True)]
    return [value.detach() for value in last], torch.stack(met)


def test_supervised_pc_tells_how_far_it_relaxes_and_stays_as_it_is(entries: dict) -> None:
    images, labels = batch(8)
    told = {}
    for steps in (2, 40):
        settings = changed(entries["pc_supervised"], steps=steps)
        learner = pc_supervised.build(3, NETWORK, settings, 4, CPU)
        before = {name: value.clone() for name, value in learner.network.state_dict().items()}
        told[steps] = learner.measure(images, labels)["relaxed"]
        for name, value in learner.network.state_dict().items():
            assert torch.equal(value, before[name]), name
    assert 0 < told[2] < told[40] <= 1
    assert bp.build(3, NETWORK, entries["bp"], 4, CPU).measure(images, labels) == {}


def test_stdp_starts_within_its_clip_so_that_what_moves_is_learned(entries: dict) -> None:
    settings = changed(entries["stdp"], clip_weight=0.3, lr_weights=1e-12)
    learner = stdp.build(3, NETWORK, settings, 4, CPU)
    start = {name: getattr(learner.network, name).weight.clone() for name in BLOCKS}
    assert max(float(weight.abs().max()) for weight in start.values()) == pytest.approx(0.3)
    learner.step(*batch(8), streams)
    for name, weight in start.items():
        moved = (getattr(learner.network, name).weight - weight).norm() / weight.norm()
        assert float(moved) < 1e-6


def test_backpropagation_in_stdp_layout_starts_as_stdp_does(entries: dict) -> None:
    one = bp.build(3, NETWORK, entries["bp_relu_first"], 4, CPU).network
    other = stdp.build(3, NETWORK, entries["stdp"], 4, CPU).network
    images, _ = batch(8)
    assert torch.equal(one(images), other(images))
    plain = bp.build(
        3, NETWORK, changed(entries["bp_relu_first"], relu_first=False), 4, CPU
    ).network
    assert not torch.equal(one.train()(images), plain.train()(images))


def test_supervised_pc_energy_falls_in_every_step_for_every_image(entries: dict) -> None:
    for seed in (1, 2):
        learner = pc_supervised.build(seed, NETWORK, entries["pc_supervised"], 4, CPU)
        for number in range(5):
            images, labels = batch(seed=number)
            start = learner.forward(images)
            layers = learner.folded(start.fixed)
            seen = learner.relax(images, start, labels, layers).energies
            learner.step(images, labels, streams)
            assert len(seen) == 21
            assert (seen.diff(dim=0) < 0).all()
            assert (seen[-1] < 0.99 * seen[0]).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 20])
@pytest.mark.parametrize(("side", "count"), [(32, 12), (48, 5)])
def test_supervised_pc_relaxes_along_the_gradient_of_the_energy(
    entries: dict, steps: int, side: int, count: int
) -> None:
    """Each length of the label's way down; a pool in front of fc1 that averages."""
    settings = changed(entries["pc_supervised"], steps=steps)
    learner = pc_supervised.build(3, NETWORK, settings, 4, CPU)
    with torch.no_grad():
        learner.network.bn2.weight[::2] *= -1  # a gain that turns largest into smallest
    images, labels = batch(count, side)
    start = learner.forward(images)
    ours = learner.relax(images, start, labels, learner.folded(start.fixed))
    values, met = reference_relaxation(learner.network, images, start, labels, steps)
    for one, other in zip(ours.values, values, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.energies, met, rtol=1e-4, atol=1e-5)


def test_of_equal_places_in_a_window_the_first_takes_the_error_as_in_autograd() -> None:
    """Small whole numbers: sums are exact, so that equal places are equal in both."""
    stream = torch.Generator().manual_seed(0)
    below = torch.randint(-1, 2, (4, 3, 7, 9), generator=stream).float()
    weight = torch.randint(-1, 2, (5, 3, 3, 3), generator=stream).float()
    bias = torch.randint(-2, 3, (5,), generator=stream).float()
    error = torch.randint(-9, 10, (4, 5, 3, 4), generator=stream).float()
    given = [part.clone().requires_grad_() for part in (below, weight, bias)]
    out = F.max_pool2d(torch.relu(F.conv2d(*given, padding=1)), 2)
    expected = torch.autograd.grad(out, given, error)
    block = relaxation._Block(weight, bias)
    predicted, kept = block.predict(below)
    routed = block.route(error, kept, below)
    assert torch.equal(predicted, out)
    for ours, theirs in zip(
        [block.down(routed, below), *block.slopes(routed, below)], expected, strict=True
    ):
        assert torch.equal(ours, theirs)


def test_supervised_pc_update_is_the_gradient_of_the_energy(entries: dict) -> None:
    learner = pc_supervised.build(3, NETWORK, entries["pc_supervised"], 4, CPU)
    net = copy.deepcopy(learner.network)
    images, labels = batch(count=70)
    target = F.one_hot(labels, 10).float()
    start = learner.forward(images)
    values, _ = reference_relaxation(net, images, start, labels, 20)
    energy = reference_energy(net, images, values, target, start.fixed).mean()
    gradients = torch.autograd.grad(energy, list(net.parameters()))
    # A weight's change is local: e_l f'(.) x_(l-1), without any other layer's error.
    error = target - net.fc2(values[3])
    torch.testing.assert_close(
        gradients[-2], -(error.T @ values[3] / len(images)).detach(), rtol=1e-4, atol=1e-6
    )
    fresh = pc_supervised.build(3, NETWORK, entries["pc_supervised"], 4, CPU)
    fresh.step(images, labels, streams)
    for parameter, expected in zip(fresh.network.parameters(), gradients, strict=True):
        # Folding BatchNorm rounds otherwise; small errors are differences of larger numbers.
        apart = (parameter.grad - expected).norm() / expected.norm()
        assert apart < 1e-3


def test_supervised_pc_learns_in_half_precision_too(entries: dict) -> None:
    images, labels = batch(count=40)
    ends = []
    for kind in (torch.float32, torch.bfloat16):
        learner = pc_supervised.build(3, NETWORK, entries["pc_supervised"], 4, CPU)
        with torch.autocast("cpu", dtype=kind, enabled=kind == torch.bfloat16):
            terms = learner.step(images, labels, streams)
        ends.append({name: float(term) for name, term in terms.items()})
        assert all(parameter.grad.isfinite().all() for parameter in learner.network.parameters())
    assert ends[1] == pytest.approx(ends[0], rel=0.02, abs=0.05)
    assert ends[0] != ends[1]


def test_supervised_pc_forward_is_the_training_mode_forward(entries: dict) -> None:
    learner = pc_supervised.build(3, NETWORK, entries["pc_supervised"], 4, CPU)
    net = copy.deepcopy(learner.network).train()
    images, _ = batch()
    values, scores, _, _ = learner.forward(images)
    maps = net.blocks(images)
    for ours, theirs in zip(values, [*maps, net.hidden(maps[-1])], strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scores, net.readout(maps[-1]).detach(), rtol=1e-4, atol=1e-5)
    for name, buffer in net.named_buffers():
        torch.testing.assert_close(learner.network.get_buffer(name), buffer, rtol=1e-4, atol=1e-5)


# All rules


def test_every_rule_learns_a_simple_task(entries: dict) -> None:
    """Colour tells the class: after 60 steps each rule's loss is well below its first."""
    stream = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (64,), generator=stream)
    colours = torch.randn(10, 3, generator=stream)
    images = colours[labels][:, :, None, None] + 0.3 * torch.randn(64, 3, 32, 32, generator=stream)
    for rule, settings in entries.items():
        fast = changed(settings, **({"lr": 0.05} if settings.kind == "fa" else {}))
        measured = "energy_start" if settings.kind == "pc_supervised" else "loss"
        learner = BUILDERS[settings.kind].build(1, NETWORK, fast, 100, CPU)
        losses = [float(learner.step(images, labels, streams)[measured]) for _ in range(60)]
        assert losses[-1] < 0.8 * losses[0], rule


@pytest.mark.gpu
@pytest.mark.parametrize("rule", ["bp", "fa", "pc", "stdp", "fa_all", "pc_supervised", "stdp_pair"])
def test_one_step_is_the_same_on_cpu_and_gpu(entries: dict, rule: str) -> None:
    from replicortex.training import device as devices

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    place = devices.choose("cuda")
    settings = entries[rule]
    images, labels = batch(count=64)
    nets = []
    for where in (CPU, place):
        learner = BUILDERS[settings.kind].build(1, NETWORK, settings, 10, where)
        learner.step(images.to(where), labels.to(where), streams)
        nets.append({k: v.cpu() for k, v in learner.network.state_dict().items()})
    start = BUILDERS[settings.kind].build(1, NETWORK, settings, 10, CPU).network.state_dict()
    for name, ours in nets[0].items():
        moved = (ours - start[name]).double().norm()
        apart = (ours - nets[1][name]).double().norm()
        # Adam's first step is the gradient's sign: where that is rounding, the sign is chance.
        if "conv" in name and name.endswith("bias"):
            continue
        assert apart <= 0.02 * moved + 1e-6, (name, float(apart), float(moved))
