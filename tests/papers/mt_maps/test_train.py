"""Training: the losses of a step, resuming, sharing a pre-training, positions and their controls."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from papers.mt_maps import placing, rates, tiles
from papers.mt_maps.conditions import (
    arms,
    seed_of,
    shares,
    told_once,
    trained_arm,
    trainings,
    units,
    whole,
)
from papers.mt_maps.learner import MoCo
from papers.mt_maps.network import Network, settle
from papers.mt_maps.train import Job, train
from papers.mt_maps.training_settings import PairSettings, Settings, ToldArm, TrainedArm
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, write
from replicortex.core.randomness import torch_generator
from replicortex.data import frames
from replicortex.training.state import OutOfTime, State

pytestmark = pytest.mark.numbers

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def numbers(root):
    return {scale: paper_numbers("mt_maps", scale, {}, root) for scale in ("demo", "small", "full")}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    paths = []
    for source, count in (("clips", 10), ("stills", 1)):
        taken = [
            (f"{source}{k}", rng.integers(0, 256, (count, 32, 32, 1), dtype=np.uint8))
            for k in range(9)
        ]
        made = frames.shard(taken, {})
        made.metadata["source"] = source
        paths.append(folder / f"{source}.safetensors")
        write(paths[-1], made)
    return paths


def run(numbers, shards, names, seeds=(0,), state=None):
    made = arms(numbers)
    listed = [made[name] for name in names]
    files = [unit for arm in listed for unit in units(arm, seeds)]
    told = told_once([trained_arm(arm) for arm in listed])
    out = train(
        arms=[ToldArm(**arm) for arm in told["arms"]],
        shared=told["shared"],
        device="cpu",
        seeds=[seed_of(unit) for unit in files],
        shards=shards,
        state=state,
    )
    return dict(zip(files, zip(out["model"], out["history"], strict=True), strict=True))


def same(one: Tensors, other: Tensors) -> bool:
    return one.arrays.keys() == other.arrays.keys() and all(
        np.array_equal(np.asarray(one.arrays[name]), np.asarray(other.arrays[name]))
        for name in one.arrays
    )


@pytest.fixture(scope="module")
def trained(numbers, shards):
    return run(numbers["demo"], shards, ["clips", "spatial_only", "motion_energy"])


def test_the_paper_has_its_conditions(numbers):
    made = arms(numbers["full"])
    alphas = [n["alpha"] for n in made["clips"]["networks"] if n["start"] == "continue"]
    assert alphas == [0, 0.1, 0.25, 0.5, 1.25, 2.5, 25]
    assert made["clips"]["settings"]["clips"]["pan"] == [0, 0]
    assert made["stills"]["settings"]["clips"]["pairs"] == "velocity"
    assert made["spatial_only"]["settings"]["task"]["weight"] == 0
    assert made["flip_independent"]["settings"]["clips"]["flip"] == "independent"
    assert made["flip_independent"]["settings"]["clips"]["order"] == "forward"
    noise = made["white_noise"]
    assert (noise["source"], [n["name"] for n in noise["networks"]]) == ("noise", ["pretrained"])
    assert {"seeds", "job"}.isdisjoint(trained_arm(made["clips"]))
    small = arms(numbers["small"])
    wanted = {"random", "pretrained", *(f"continue_alpha{a}" for a in ("0", "0.25", "2.5"))}
    assert wanted <= {n["name"] for n in small["clips"]["networks"]}


@pytest.mark.parametrize("scale", ["demo", "small", "full"])
def test_files_say_the_sections_as_the_configuration_has_them(numbers, scale):
    for arm in arms(numbers[scale]).values():
        assert TrainedArm(**trained_arm(arm)).model_dump() == trained_arm(arm), arm["arm"]
        clips = Settings(**arm["settings"]).clips
        assert isinstance(clips, PairSettings) == (arm["source"] != "none")


@pytest.mark.parametrize("scale", ["demo", "small", "full"])
def test_what_arms_share_is_told_once_and_nothing_is_lost(numbers, scale):
    made = [trained_arm(arm) for arm in arms(numbers[scale]).values()]
    told = told_once(made)
    shared, own = told["shared"], {arm["arm"]: arm["settings"] for arm in told["arms"]}
    assert [whole(shared, own[arm["arm"]]) for arm in made] == [arm["settings"] for arm in made]
    assert shared["training"] == made[0]["settings"]["training"] and "map_layer" in shared
    several = len({arm["settings"]["spatial"]["form"] for arm in made}) > 1  # not at demo
    assert {name: own["shuffled"][name] for name in own["shuffled"] if name != "clips"} == {
        "task": {"weight": 1},
        **({"spatial": {"form": "relative"}} if several else {}),
        "placing": {"mode": "shuffled"},
    }
    assert "pairs" not in shared["clips"] and "pairs" in own["stills"]["clips"]
    alone = told_once(made[:1])
    assert alone["shared"] == made[0]["settings"] and alone["arms"][0]["settings"] == {}


def test_seeds_are_found_again_in_the_order_of_files(numbers):
    made = list(arms(numbers["small"]).values())
    files = [unit for arm in made for unit in units(arm, [0, 1, 2])]
    counts = [len(arm["networks"]) for arm in made]
    assert shares(counts, [seed_of(unit) for unit in files]) == [arm["seeds"] for arm in made]


def test_every_network_of_an_arm_is_made(trained):
    assert set(trained) == {
        *(f"clips/{n}/seed0" for n in ("random", "pretrained", "continue_alpha0")),
        *(f"clips/{n}/seed0" for n in ("continue_alpha0.25", "restart_alpha0.25")),
        "spatial_only/restart_alpha0.25/seed0",
        "motion_energy/reference/seed0",
    }
    history = trained["clips/continue_alpha0.25/seed0"][1]
    assert {"task", "spatial layer1.0", "spatial layer3.0"} <= set(history)
    assert "task" not in trained["spatial_only/restart_alpha0.25/seed0"][1]
    assert not [c for c in trained["clips/pretrained/seed0"][1] if c.startswith("spatial")]


def test_continue_begins_where_pre_training_ended_and_restart_anew(root, shards):
    change = {"arms": {"clips": {"stages": ["pretrained"], "alphas": {"restart": [0]}}}}
    numbers = paper_numbers("mt_maps", "demo", change, root)
    assert numbers["training"]["restart_epochs"] == numbers["training"]["pretrain_epochs"]
    made = run(numbers, shards, ["clips"])

    def weights(name):
        model = made[f"clips/{name}/seed0"][0]
        return {n: v for n, v in model.arrays.items() if n.startswith("network/")}

    before, again, onward = map(weights, ("pretrained", "restart_alpha0", "continue_alpha0"))
    # Without a spatial loss a restart is the pre-training once more.
    assert all(torch.equal(before[name], again[name]) for name in before)
    assert not torch.equal(
        before["network/trunk.stem.0.weight"], onward["network/trunk.stem.0.weight"]
    )


def test_all_networks_after_pre_training_stand_on_the_same_frozen_positions(trained):
    def places(name):
        return trained[name][0].arrays["places/layer3.0"]

    one = places("clips/pretrained/seed0")
    for name in ("continue_alpha0", "continue_alpha0.25", "restart_alpha0.25"):
        assert np.array_equal(one, places(f"clips/{name}/seed0"))
    assert not np.array_equal(one, places("clips/random/seed0"))


def test_swaps_only_deal_out_the_places_of_the_start(trained):
    arrays = trained["clips/pretrained/seed0"][0].arrays
    start, end = arrays["start/layer3.0"], arrays["places/layer3.0"]
    assert not np.array_equal(start, end)
    assert np.array_equal(np.sort(start.view("f4,f4"), axis=0), np.sort(end.view("f4,f4"), axis=0))
    swaps = trained["clips/pretrained/seed0"][0].metadata["swaps"]["layer3.0"]
    assert swaps["last"] < swaps["first"] and swaps["rose"] == 0


def test_arms_in_one_process_equal_separate_ones(numbers, shards, trained):
    alone = run(numbers["demo"], shards, ["spatial_only"])
    name = "spatial_only/restart_alpha0.25/seed0"
    assert same(alone[name][0], trained[name][0])


def test_a_resumed_training_equals_an_uninterrupted_one(numbers, shards, tmp_path):
    names = ["shuffled"]
    whole = run(numbers["demo"], shards, names)
    with pytest.raises(OutOfTime):
        run(numbers["demo"], shards, names, state=State(tmp_path / "s", deadline=0))
    resumed = run(numbers["demo"], shards, names, state=State(tmp_path / "s"))
    again = run(numbers["demo"], shards, names, state=State(tmp_path / "s"))
    for name, (model, history) in whole.items():
        for other in (resumed, again):
            assert same(model, other[name][0])
            assert history.equals(other[name][1])


def test_what_is_counted_is_what_is_trained(numbers, shards, monkeypatch):
    """The cost's count against the trainings that the jobs of the demo run, arm by arm."""
    by_job = {}
    for arm in arms(numbers["demo"]).values():
        by_job.setdefault(arm["job"], []).append(arm)
    counted = []

    def count(job, name, arm, net, alpha, places, epochs, weight, seed):
        clips = arm.settings.clips
        counted.append((arm.arm, epochs * clips.steps * clips.batch))
        return net, pd.DataFrame({"epoch": []})

    monkeypatch.setattr(Job, "_fit", count)
    for listed in by_job.values():
        run(numbers["demo"], shards, [arm["arm"] for arm in listed], numbers["demo"]["seeds"])
    found = {
        name: (len(own), sum(own))
        for name in arms(numbers["demo"])
        for own in [[pairs for arm, pairs in counted if arm == name]]
    }
    assert found == trainings(arms(numbers["demo"]))
    assert sum(count for count, _ in found.values()) > 10


def settings_of(numbers, arm="clips", **changes):
    """Sections of an arm, with what is changed of each."""
    own = arms(numbers)[arm]["settings"]
    return Settings(**{**own, **{name: {**own[name], **of} for name, of in changes.items()}})


def learner(numbers, alpha, weight=1.0, form="relative"):
    settings = settings_of(numbers, task={"weight": weight}, spatial={"form": form})
    grids = tiles.grids(settings.network, settings.clips.size)
    places = placing.starts(settings.layers, grids, 0.1, 0, 8)
    net = Network(settings.network, 0)
    return MoCo("test", net, settings, alpha, places, 10, CPU)


def views():
    generator = torch_generator(0, "views")
    return torch.randn(2, 8, 1, 8, 16, 16, generator=generator), torch.arange(8)


def streams(purpose):
    return torch_generator(0, purpose)


def test_the_total_is_task_plus_alpha_times_the_layers(numbers):
    terms = learner(numbers["demo"], 0.5, 2.0).step(*views(), streams)
    layers = [name for name in terms if name.startswith("spatial ")]
    assert len(layers) == 3
    total = 2 * terms["task"] + 0.5 * sum(terms[name] for name in layers)
    assert float(terms["loss"]) == pytest.approx(float(total), rel=1e-6)
    other = learner(numbers["demo"], 0.5, 2.0, "absolute").step(*views(), streams)
    assert float(other["task"]) == pytest.approx(float(terms["task"]))
    assert float(other[layers[0]]) != pytest.approx(float(terms[layers[0]]))


def test_the_first_loss_of_the_task_is_moco_on_two_networks_alike(numbers):
    own = learner(numbers["demo"], 0.0)
    clips, items = views()
    terms = own.step(clips, items, streams)
    net = Network(settings_of(numbers["demo"]).network, 0).train()
    with torch.no_grad():
        q, k = (torch.nn.functional.normalize(net(view)[0], dim=1) for view in clips)
    logits = q @ k.T / own.settings.task.temperature
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(8))
    assert float(terms["task"]) == pytest.approx(float(expected), rel=1e-4)
    assert list(terms) == ["loss", "task"] or set(terms) == {"loss", "task"}
    assert own.queue.filled == 8


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_nothing(numbers, value):
    own = learner(numbers["demo"], 0.25)
    clips, items = views()
    own.step(clips, items, streams)
    before = {name: p.detach().clone() for name, p in own.network.named_parameters()}
    clips[0, 0, 0, 0, 0, 0] = value
    with pytest.raises(StudyError, match=r"test: step 2: the loss is"):
        own.step(clips, items, streams)
    assert all(torch.equal(p, before[name]) for name, p in own.network.named_parameters())


def test_a_step_in_bf16_is_near_one_in_fp32(numbers):
    found = {}
    for enabled in (False, True):
        own = learner(numbers["demo"], 0.25)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            terms = own.step(*views(), streams)
        found[enabled] = {name: float(term) for name, term in terms.items()}
    for name, value in found[False].items():
        assert found[True][name] == pytest.approx(value, rel=0.08), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_steps_on_a_gpu_are_those_of_the_cpu(numbers):
    found = {}
    for name in ("cpu", "cuda"):
        settings = settings_of(numbers["demo"])
        grids = tiles.grids(settings.network, settings.clips.size)
        places = placing.starts(settings.layers, grids, 0.1, 0, 8)
        net = Network(settings.network, 0)
        own = MoCo("test", net, settings, 0.25, places, 10, torch.device(name))
        clips, items = (part.to(name) for part in views())
        found[name] = [{k: float(v) for k, v in own.step(clips, items, streams).items()}]
    assert found["cuda"][0] == pytest.approx(found["cpu"][0], rel=1e-3)


def test_windows_without_units_are_told(numbers):
    own = learner(numbers["demo"], 0.25)
    layers = own.settings.layers
    narrow = layers["layer1.0"].model_copy(update={"width": 1e-4})
    own.settings = own.settings.model_copy(update={"layers": {**layers, "layer1.0": narrow}})
    with pytest.raises(StudyError, match=r"layer1\.0 has no window of 0\.0001 mm"):
        own.step(*views(), streams)


def test_the_grids_are_the_networks(numbers):
    for scale, length in (("demo", 4), ("small", 4), ("full", 2)):
        settings = settings_of(numbers[scale])
        net = Network(settings.network, 0).eval()
        size = settings.clips.size
        with torch.no_grad():
            clips = torch.zeros(1, settings.network.colours, length, size, size)
            _, found = net(clips, net.trunk.layers)
        sizes = {layer: (rate.shape[1], rate.shape[2]) for layer, rate in found.items()}
        assert tiles.grids(settings.network, settings.clips.size) == sizes


def test_settling_gives_the_mean_statistics_of_the_batches(numbers):
    net = Network(settings_of(numbers["demo"]).network, 0)
    generator = torch_generator(1, "clips")
    batches = [torch.randn(6, 1, 8, 16, 16, generator=generator) for _ in range(3)]
    settle(net, batches)
    stem = net.trunk.stem
    means = torch.stack([stem[0](clips).mean((0, 2, 3, 4)) for clips in batches]).mean(0)
    torch.testing.assert_close(stem[1].running_mean, means, rtol=1e-4, atol=1e-5)
    assert stem[1].momentum == 0.1


@pytest.mark.parametrize("mode", ["retinotopic", "uniform", "shuffled"])
def test_controls_of_positions(numbers, mode):
    settings = settings_of(numbers["demo"], placing={"mode": mode})
    grids = tiles.grids(settings.network, settings.clips.size)
    start = placing.starts(settings.layers, grids, 0.1, 0, 8)
    net = Network(settings.network, 0)
    answers = rates.of_network(net, list(settings.layers), settings.clips, CPU)
    places, _ = placing.place(start, answers, settings, 0)
    for layer, at in places.items():
        assert at.shape == start[layer].shape
        side = settings.layers[layer].area_mm2 ** 0.5
        assert at.min() >= -1e-9 and at.max() <= side + 1e-9
        kept = np.array_equal(at, start[layer])
        assert kept == (mode == "retinotopic")


def test_last_bits_of_the_losses_are_not_described(numbers, monkeypatch):
    """Another kernel's last bit made a model's file 8 bytes longer: its text had a digit more."""
    settings = settings_of(numbers["demo"], "motion_energy")
    layer = settings.map_layer
    rng = np.random.default_rng(1)
    start = {layer: rng.uniform(0, settings.layers[layer].area_mm2 ** 0.5, (200, 2))}
    weights = rng.random((settings.clips.size**2, 200))

    def answers(clips):
        return {layer: clips[:, -1].reshape(len(clips), -1) @ weights}

    optimise = placing.swaps.optimise
    changes = []
    for bit in (0, 1e-15):

        def nudged(*arguments, bit=bit, **named):
            done = optimise(*arguments, **named)
            return replace(done, before=done.before * (1 + bit), after=done.after * (1 + bit))

        monkeypatch.setattr(placing.swaps, "optimise", nudged)
        changes.append(placing.place(start, answers, settings, 0)[1])
    assert changes[0] == changes[1]
    assert 0 < changes[0][layer]["after"] < changes[0][layer]["before"]


def test_placing_stimuli_are_not_those_of_measurement(numbers):
    for scale in numbers:
        own = numbers[scale]
        measured = 360 / own["stimuli"]["directions"]
        step = 360 / own["placing"]["directions"]
        beside = (np.arange(own["placing"]["directions"]) * step + step / 2) % measured
        assert np.abs(beside).min() > 1 or set(own["placing"]["cycles"]).isdisjoint(
            own["stimuli"]["gratings"]["cycles"]
        )
