"""The jobs one after the other on made-up data: what each leaves, and that it repeats itself."""

import numpy as np
import pandas as pd
import pytest
import torch
from tests.papers.hierarchical_ot.tiny_study import install, numbers, part

from papers.hierarchical_ot.aggregate import aggregate
from papers.hierarchical_ot.alternatives import alternatives
from papers.hierarchical_ot.controls import RULES
from papers.hierarchical_ot.embed import embed, embed_fixed
from papers.hierarchical_ot.embedding_settings import SharedImages
from papers.hierarchical_ot.learner import Learner
from papers.hierarchical_ot.match import both, match, match_fixed
from papers.hierarchical_ot.matching_settings import CheckpointMatching, Matching
from papers.hierarchical_ot.networks import for_images
from papers.hierarchical_ot.passages import passages
from papers.hierarchical_ot.systems import is_trained
from papers.hierarchical_ot.train_language import train_language
from papers.hierarchical_ot.train_vision import train_vision
from papers.hierarchical_ot.training_settings import (
    EmbeddedLanguage,
    EmbeddedVision,
    Images,
    Passages,
    Training,
)
from replicortex.analysis import layer_plans
from replicortex.analysis.hot import hot, split
from replicortex.core.errors import StudyError
from replicortex.core.files import read_tensors, write
from replicortex.core.randomness import stream_seed
from replicortex.data import cifar, macaque_v4, tiny_llm
from replicortex.models import llama2c
from replicortex.training.augment import normalise
from replicortex.training.state import OutOfTime, State

pytestmark = pytest.mark.numbers

SMALL = {
    "vision": {"train_images": 60, "stimuli": 30, "batch": 20},
    "language": {"stimuli": 30},
    "matched": {"splits": 2, "shuffles": 3, "null_draws": 39, "shares": [0.5]},
}


def embedded(own):
    """Return what embedding trained networks reads of the sections."""
    return {
        "vision": part(EmbeddedVision, own.vision),
        "language": part(EmbeddedLanguage, own.language),
        "brain": part(SharedImages, own.brain),
    }


@pytest.fixture(scope="module")
def study(root, tmp_path_factory):
    """Everything that the jobs leave, in the order of the Snakefile."""
    folder = tmp_path_factory.mktemp("study")
    manifests, own = install(folder), numbers(root, **SMALL)
    data = {
        "images": manifests["cifar10"],
        "text": manifests["python_topics"],
        "recordings": manifests["macaque_v4"],
        "betas": manifests["nsd_regions"],
    }
    places = {"seeds": [0, 1], "folder": folder, "own": own, "data": data, "manifests": manifests}
    common = {"device": "cpu", "seeds": [0, 1]}
    trained = {
        "vision": train_vision(images=data["images"], vision=own.vision, **common),
        "language": train_language(text=data["text"], language=own.language, **common),
    }
    for domain, made in trained.items():
        for seed, model, history in zip([0, 1], made["models"], made["history"], strict=True):
            write(folder / f"{domain}{seed}.safetensors", model)
            write(folder / f"{domain}{seed}.csv", history)
    layers = embed(
        vision_models=[folder / f"vision{s}.safetensors" for s in (0, 1)],
        language_models=[folder / f"language{s}.safetensors" for s in (0, 1)],
        device="cpu",
        **data,
        **embedded(own),
    )["activations"]
    for seed, tensors in zip([0, 1], layers, strict=True):
        write(folder / f"seed{seed}.safetensors", tensors)
    fixed = embed_fixed(
        device="cpu",
        resnets=manifests["cifar_resnets"],
        tiny=manifests["tiny_llm"],
        vision=part(Images, own.vision),
        language=part(Passages, own.language),
        brain=own.brain,
        **data,
    )["activations"]
    write(folder / "fixed.safetensors", fixed)
    # Networks of packages have a job and tests of their own.
    pairs = {
        name: pair
        for name, pair in own.pairs.items()
        if pair and not {pair.source, pair.target} & own.published.keys()
    }
    plain = own.model_dump()
    ours = {name: pair for name, pair in pairs.items() if is_trained(plain["pairs"][name], plain)}
    others = {name: pair for name, pair in pairs.items() if name not in ours}
    places["tables"] = match(
        activations=[folder / f"seed{s}.safetensors" for s in (0, 1)],
        fixed=[folder / "fixed.safetensors"],
        pairs=ours,
        matched=own.matched,
        seeds=[0, 1],
    )
    places["tables"] |= alternatives(
        activations=[folder / f"seed{s}.safetensors" for s in (0, 1)],
        pairs={name: pair for name, pair in ours.items() if pair.probe},
        held_out=0.2,
        penalty=own.penalty,
        seeds=[0, 1],
    )
    places["fixed tables"] = match_fixed(
        fixed=[folder / "fixed.safetensors"], pairs=others, matched=part(Matching, own.matched)
    )
    return {**places, "pairs": ours, "fixed pairs": others}


def test_every_system_has_its_layers(study):
    arrays, _ = read_tensors(study["folder"] / "seed0.safetensors")
    vision = study["own"].vision
    for name, chosen in vision.networks.items():
        for domain, stimuli in (("vision", 30), ("v4", 24), ("brain", 40)):
            own = [arrays[f"{domain}/{name}/{n}"] for n in range(chosen.depth)]
            assert all(len(layer) == stimuli and layer.dtype == np.float32 for layer in own)
            assert f"{domain}/{name}/{chosen.depth}" not in arrays
    assert arrays["language/lm_8/7"].shape == (30, 16)
    assert arrays["checkpoint/0/1"].shape == arrays["checkpoint/2/1"].shape
    assert not np.allclose(arrays["checkpoint/0/1"], arrays["checkpoint/2/1"])
    # The last checkpoint is the network itself.
    np.testing.assert_array_equal(arrays["checkpoint/2/1"], arrays["vision/resnet_shallow/1"])
    fixed, _ = read_tensors(study["folder"] / "fixed.safetensors")
    assert sum(name.startswith("vision/resnet56/") for name in fixed) == 27
    assert sum(name.startswith("vision/resnet20/") for name in fixed) == 9
    assert fixed["language/stories260k/1"].shape == (30, 8)
    assert fixed["v4/v4_210322/0"].shape == (24, 6)
    assert fixed["brain/subject7/6"].shape == (40, 12)
    assert (fixed["ceilings/subject7/V4"] > 0).all()


def test_layers_are_the_networks_own(study):
    """Against a network built and run here, from the saved tensors."""
    tensors, _ = read_tensors(study["folder"] / "vision1.safetensors")
    vision = study["own"].vision
    network = for_images(vision.networks["vit_shallow"])
    own = {
        name.removeprefix("vit_shallow/2/"): torch.tensor(value)
        for name, value in tensors.items()
        if name.startswith("vit_shallow/2/")
    }
    network.load_state_dict(own)
    pictures, _, _ = cifar.read(study["data"]["images"], "test")
    arrays, _ = read_tensors(study["folder"] / "seed1.safetensors")
    x = normalise(torch.from_numpy(pictures), vision.mean, vision.sd)
    with torch.no_grad():
        everything = network.eval()(x)[0][1].numpy()
    for row in arrays["vision/vit_shallow/1"][:5]:
        assert np.abs(everything - row).max(axis=1).min() < 1e-5


def test_each_token_counts_as_often_as_it_has_characters(study):
    """Every character is given its token's state; the layer is their mean."""
    manifest = study["manifests"]["tiny_llm"]
    model = tiny_llm.read_model(manifest)
    tokenizer = tiny_llm.read_tokenizer(manifest, model.vocabulary)
    texts = passages(study["data"]["text"], study["own"].language)[1]
    fixed, _ = read_tensors(study["folder"] / "fixed.safetensors")
    for row in (0, 7):
        tokens, spans = tokenizer.encode(texts[row])
        states, _ = llama2c.hidden_states(model, tokens)
        lengths = [end - start for start, end in spans]
        assert sum(lengths) == len(texts[row]) and max(lengths) > 1
        expected = np.repeat(states[1], lengths, axis=0).mean(0)
        np.testing.assert_allclose(fixed["language/stories260k/1"][row], expected, atol=1e-5)


def test_the_rate_follows_a_cosine_to_zero():
    training = Training(lr=0.4, epochs=4, batch=1, precision="fp32")
    learner = Learner(torch.nn.Linear(2, 2), training, torch.nn.functional.mse_loss)
    rates = []
    for _ in range(4):
        rates.append(learner.optimiser.lr)
        learner.end_epoch()
    np.testing.assert_allclose(rates, 0.2 * (1 + np.cos(np.pi * np.arange(4) / 4)))
    assert learner.optimiser.lr == pytest.approx(0)


def test_training_lowers_the_loss_and_is_measured(study):
    for domain in ("vision", "language"):
        history = pd.read_csv(study["folder"] / f"{domain}0.csv")
        assert np.isfinite(history["test"]).all()
    text = pd.read_csv(study["folder"] / "language0.csv").set_index("system")
    assert (text["test"] < np.log(128)).all()


def test_the_same_seed_gives_the_same_weights(study):
    again = train_language(
        text=study["data"]["text"], language=study["own"].language, device="cpu", seeds=[1]
    )["models"][0]
    saved, _ = read_tensors(study["folder"] / "language1.safetensors")
    other, _ = read_tensors(study["folder"] / "language0.safetensors")
    assert again.arrays.keys() == saved.keys()
    for name, tensor in again.arrays.items():
        np.testing.assert_array_equal(np.asarray(tensor), saved[name])
    assert any((saved[name] != other[name]).any() for name in saved)


def test_an_interrupted_training_ends_as_an_uninterrupted_one(study, tmp_path):
    given = {
        "images": study["data"]["images"],
        "vision": study["own"].vision,
        "device": "cpu",
        "seeds": [0],
    }
    with pytest.raises(OutOfTime):
        train_vision(**given, state=State(tmp_path, every_s=0, deadline=0.0))
    assert list(tmp_path.glob("*.state"))
    resumed = train_vision(**given, state=State(tmp_path, every_s=1e9))["models"][0]
    saved, _ = read_tensors(study["folder"] / "vision0.safetensors")
    for name, tensor in resumed.arrays.items():
        np.testing.assert_array_equal(np.asarray(tensor), saved[name])


def test_tables_hold_every_pair_rule_and_seed(study):
    for tables, pairs, seeds in (
        (study["tables"], study["pairs"], [0, 1]),
        ({k: [v] for k, v in study["fixed tables"].items()}, study["fixed pairs"], [0, 1]),
    ):
        scores = pd.concat(tables["scores"])
        assert not scores.duplicated(["pair", "rotate", "rule", "seed"]).any()
        wanted = sum(1 + pair.rotate for pair in pairs.values()) * len(RULES) * len(seeds)
        assert len(scores) == wanted
        assert scores["score"].notna().all()
        plans = pd.concat(tables["plans"])
        sums = plans.groupby(["pair", "rotate", "seed"])["plan"].sum()
        np.testing.assert_allclose(sums, 1, atol=1e-10)


def test_as_many_layers_make_single_best_the_same_as_hot(study):
    scores = study["fixed tables"]["scores"].set_index(["pair", "rule"])["score"]
    for pair in ("nsd_1_2", "nsd_1_5"):
        assert scores[pair, "hot"].tolist() == scores[pair, "single_best"].tolist()


def test_one_layer_forces_the_plan_and_says_so(study):
    scores = pd.concat([*study["tables"]["scores"], study["fixed tables"]["scores"]])
    forced = scores[scores["note"].str.contains("plan is forced")]
    assert set(forced["pair"]) == {
        *("v4", "resnet_to_v4", "v4_to_resnet", "resnet_to_v4_next", "v4_next_to_resnet")
    }
    # With a rotation, too, the plan is uniform.
    own = scores[scores["pair"] == "v4_to_resnet"].set_index(["rotate", "rule", "seed"])["score"]
    own = own.sort_index()
    for rotate in ("no", "yes"):
        np.testing.assert_allclose(own[rotate, "hot"], own[rotate, "uniform"], atol=1e-12)


def test_a_session_with_images_of_its_own_stands_beside_networks_that_saw_them(study):
    """Here the second day's, all of them, not only those that both days share."""
    own, session = study["own"], "210325"
    fixed = embed_fixed(
        device="cpu",
        session=session,
        vision=part(Images, own.vision),
        language=part(Passages, own.language),
        brain=own.brain,
        images=study["data"]["images"],
        text=study["data"]["text"],
        recordings=study["data"]["recordings"],
    )["activations"].arrays
    counts = macaque_v4.read_responses(study["data"]["recordings"], session)
    np.testing.assert_array_equal(fixed["v4_alone/v4_210325/0"], counts.astype(np.float32))
    folder = study["folder"]
    data = {name: place for name, place in study["data"].items() if name != "betas"}
    layers = embed(
        vision_models=[folder / "vision0.safetensors"],
        language_models=[folder / "language0.safetensors"],
        device="cpu",
        session=session,
        **data,
        **embedded(own),
    )["activations"][0].arrays
    alone, shared = (layers[f"{domain}/resnet_shallow/1"] for domain in ("v4_alone", "v4"))
    assert len(alone) == len(counts) == 30 and len(shared) == 24
    one, other = (macaque_v4.read_images(data["recordings"], s)[1] for s in ("210322", session))
    places = macaque_v4.shared_images(one, other)[1]
    np.testing.assert_allclose(alone[places], shared, atol=1e-5)


def test_planted_regions_find_themselves_through_the_reader(study):
    table = study["fixed tables"]["structure"]
    traces = table[(table["pair"] == "nsd_1_2") & (table["measure"] == "trace")]["value"]
    assert (traces > 3 / 7).all()
    ceilings, left = (table[table["measure"] == m] for m in ("noise ceiling", "voxels left out"))
    assert len(ceilings) == 2 * 2 * 7 * 2 and ceilings["value"].between(30, 100).all()
    assert len(left) == len(ceilings) and (left["value"] == 0).all()
    own = ceilings[(ceilings["pair"] == "nsd_1_2") & (ceilings["seed"] == 1)]
    regions = study["own"].brain.regions
    assert set(zip(own["system"], own["region"], strict=True)) == {
        (subject, region) for subject in ("subject1", "subject2") for region in regions
    }


def test_a_rotated_self_is_known_with_rotation_alone(study):
    curves = pd.concat(study["tables"]["curves"])
    own = curves[curves["pair"] == "vit"].groupby(["what", "rotate"])["score"].mean()
    assert own["itself", "no"] == pytest.approx(1) == own["itself", "yes"]
    assert own["rotated self", "yes"] > 0.999
    assert own["rotated self", "no"] < 0.95
    assert set(curves["what"]) >= {"hot", "pairwise_best", "uniform"}


def test_soft_matching_among_the_alternatives_is_hot(study):
    """The row of soft matching is HOT's score on the first split."""
    table = pd.concat(study["tables"]["alternatives"])
    assert set(table["pair"]) == {"cnn", "resnet", "vit", "lm"}
    own = table[(table["pair"] == "vit") & (table["method"] == "soft matching")].iloc[0]
    arrays, _ = read_tensors(study["folder"] / "seed0.safetensors")
    source, target = both(arrays, study["pairs"]["vit"])
    held = split(30, 0.2, seed=stream_seed(0, "split", 0))
    found = hot(source, target, held_out=held)
    assert own["score"] == found.score(found.outer)
    assert own["greedy score"] == found.score(layer_plans.greedy(found.cost))


def test_aggregate_joins_and_matches_checkpoints(study, tmp_path):
    folder = study["folder"]
    paths = {}
    for name, frames in study["tables"].items():
        paths[name] = []
        for seed, frame in zip([0, 1], frames, strict=True):
            paths[name].append(tmp_path / f"{name}{seed}.csv")
            write(paths[name][-1], frame)
    found = aggregate(
        activations=[folder / f"seed{s}.safetensors" for s in (0, 1)],
        history=[folder / f"{d}{s}.csv" for d in ("vision", "language") for s in (0, 1)],
        epochs=study["own"].vision.checkpoints,
        matched=CheckpointMatching(held_out=0.2, null_draws=39),
        trained=[0, 1],
        **paths,
    )
    assert len(found["scores"]) == sum(map(len, study["tables"]["scores"]))
    plan = (
        found["checkpoints"]
        .query("measure == 'plan' and basis == 'cost'")
        .pivot_table(index="row", columns="column", values="value")
    )
    assert plan.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 3, atol=1e-10)
    pairs = found["checkpoints"][["seed", "other"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [[0, 1]]
    assert set(found["history"]["system"]) == {
        *study["own"].vision.networks,
        *study["own"].language.models,
    }


def test_more_images_than_there_are_is_told(study):
    vision = study["own"].vision.model_copy(update={"train_images": 10**6})
    with pytest.raises(
        StudyError, match=r"vision\.train_images: 1000000 are asked for, the data set"
    ):
        train_vision(images=study["data"]["images"], vision=vision, device="cpu", seeds=[0])
    language = study["own"].language.model_copy(update={"stimuli": 10**6})
    with pytest.raises(StudyError, match="leave none to learn from"):
        train_language(text=study["data"]["text"], language=language, device="cpu", seeds=[0])


def test_files_of_other_seeds_are_told(study, tmp_path):
    folder, own = study["folder"], study["own"]
    turned = [folder / f"seed{s}.safetensors" for s in (1, 0)]
    with pytest.raises(StudyError, match=r"seed1\.safetensors: layers of seed 1 found, of seed 0"):
        match(activations=turned, fixed=[], pairs=study["pairs"], matched=own.matched, seeds=[0, 1])
    with pytest.raises(StudyError, match=r"layers of seed 1 found, of seed 0"):
        alternatives(activations=turned, pairs={}, held_out=0.2, penalty=1.0, seeds=[0, 1])
    with pytest.raises(StudyError, match=r"language1.*trained from seed 1, .*vision0.*from 0"):
        embed(
            vision_models=[folder / "vision0.safetensors"],
            language_models=[folder / "language1.safetensors"],
            device="cpu",
            **study["data"],
            **embedded(own),
        )
