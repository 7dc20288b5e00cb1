"""The largest jobs of each paper on arrays of the true shape: what `true_size.py` runs, one a process.

`make_<name>` writes inputs with random content into a folder, `run_<name>` hands them to the function that
the rule calls, and writes its results as a job does. A size is an entry of `true_size.STEPS`.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from replicortex.core.config import paper_numbers
from replicortex.core.files import Tensors, read_tensors, write

ROOT = Path(__file__).resolve().parents[1]
PICTURE = 800  # pixels along a side of a picture of THINGS [assumed]
LOCALIZER = 1584  # images of the localizer
KINDS = 10  # of the localizer's images
SEED = 0


def numbers_of(paper: str) -> dict[str, Any]:
    """Return a paper's numbers at `full`, as git holds them."""
    return paper_numbers(paper, "full", {}, ROOT)


def rng() -> np.random.Generator:
    """Return the stream of all made-up content."""
    return np.random.default_rng(SEED)


def uniform(draws: np.random.Generator, *shape: int) -> np.ndarray:
    """Return float32 numbers in [0, 1)."""
    return draws.random(shape, dtype=np.float32)


def written(folder: Path, values: dict[str, Any], suffix: str = "csv") -> None:
    """Write results; a list has an item for each network."""
    for name, value in values.items():
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            kind = "npz" if isinstance(one, dict) else suffix
            kind = "safetensors" if isinstance(one, Tensors) else kind
            write(folder / f"out_{name}_{number}.{kind}", one)


# Learning rules


def make_extract(folder: Path, size: int) -> None:
    """An untrained network in the place of each checkpoint of backpropagation."""
    from papers.learning_rules.network import Network
    from papers.learning_rules.settings.network import NetworkSettings

    numbers = numbers_of("learning_rules")
    network = Network.from_settings(SEED, NetworkSettings(**numbers["network"]), "default")
    weights, training = network.state_dict(), numbers["training"]
    stems = [*(f"epoch{epoch}" for epoch in training["checkpoints"]), "filled"]
    arrays = {f"{stem}/{name}": value for stem in stems for name, value in weights.items()}
    described = {
        "rule": "bp",
        "seed": SEED,
        "settings": numbers["rules"]["bp"],
        "network": numbers["network"],
        "normalisation": {"mean": training["mean"], "sd": training["sd"]},
        "checkpoints": training["checkpoints"],
    }
    write(folder / "model.safetensors", Tensors(arrays, described))


def run_extract(folder: Path, size: int) -> None:
    """Pictures are made here, where a job decodes them."""
    import torch

    from papers.learning_rules.activations import Model, extract_pictures
    from papers.learning_rules.settings.evaluation import Evaluation

    draws = rng()
    pictures = [draws.integers(0, 256, (PICTURE, PICTURE, 3), dtype=np.uint8) for _ in range(size)]
    found = extract_pictures(
        Model.of(*read_tensors(folder / "model.safetensors")),
        [f"picture {number}" for number in range(size)],
        pictures,
        Evaluation(**numbers_of("learning_rules")["evaluation"]),
        torch.device("cpu"),
    )
    written(folder, {"activations": found})


def make_score(folder: Path, size: int) -> None:
    """Features of every view, and RDMs of three people in six regions."""
    from papers.learning_rules.activations import views
    from papers.learning_rules.settings.evaluation import Evaluation

    numbers, draws = numbers_of("learning_rules"), rng()
    evaluation, network = Evaluation(**numbers["evaluation"]), numbers["network"]
    names = [f"picture {number}" for number in range(size)]
    checkpoints = numbers["training"]["checkpoints"]
    arrays = {}
    for view in views(checkpoints, evaluation):
        arms = {view.arm}
        ends = (checkpoints[0], checkpoints[-1])
        if view.px == evaluation.px.train and view.bn == "running" and view.epoch in ends:
            arms.add("upsampled")
        for arm, pooling in itertools.product(arms, evaluation.poolings):
            if pooling == "full" and view.px not in evaluation.full_px:
                continue
            stem = f"epoch{view.epoch}/px{view.px}/{arm}/{view.bn}/{pooling}"
            for block, width in enumerate(network["widths"], 1):
                side = {"global": 1, "grid": network["grid"]}.get(pooling, view.px // 2**block)
                arrays[f"{stem}/conv{block}"] = uniform(draws, size, width * side**2)
            arrays[f"{stem}/fc1"] = uniform(draws, size, network["hidden"])
    described = {"rule": "bp", "seed": SEED, "stimuli": names}
    write(folder / "activations.safetensors", Tensors(arrays, described))

    def rdms(*shape: int) -> np.ndarray:
        values = draws.random((*shape, size, size))
        return np.triu(values, 1) + np.swapaxes(np.triu(values, 1), -1, -2)

    things = numbers["things"]
    brain = {f"rdm/{roi}": rdms(len(things["subjects"])) for roi in things["rois"]}
    brain |= {f"model/{name}": rdms() for name in ("pixels", "gabor")}
    run_of = np.arange(size) % 10  # pairs from one run do not count
    brain["mask"] = run_of[:, None] != run_of
    brain |= {"names": np.array(names), "subjects": np.array(things["subjects"])}
    write(folder / "brain.npz", brain | {"rois": np.array(list(things["rois"]))})


def run_score(folder: Path, size: int) -> None:
    """With the true number of resamples."""
    from papers.learning_rules.scores import scores
    from papers.learning_rules.settings.scores import NetworkScores
    from papers.learning_rules.settings.sizes import Sizes

    numbers = numbers_of("learning_rules")
    asked = {name: numbers["scores"][name] for name in NetworkScores.model_fields}
    found = scores(
        activations=[folder / "activations.safetensors"],
        brain=folder / "brain.npz",
        px=Sizes(**numbers["evaluation"]["px"]),
        scores=NetworkScores(**asked),
    )
    written(folder, found)


# Topographic networks


def embedded(path: Path, condition: dict[str, Any], seed: int, draws: np.random.Generator) -> None:
    """Write what `embed` does of a network: 10,000 test images, 16 x 16 units, answers under noise."""
    numbers = numbers_of("topographic")
    units, noise = numbers["network"]["side"] ** 2, numbers["noise"]
    labels = np.repeat(np.arange(10), numbers["split"]["test"])
    inputs = numbers["network"]["width"] * 2 ** (len(numbers["network"]["blocks"]) - 1)
    arrays = {
        "test": uniform(draws, len(labels), units),
        "floc": uniform(draws, LOCALIZER, units),
        "labels": labels,
        "weight": uniform(draws, units, inputs),
        "bias": uniform(draws, units),
    }
    for kind, level in [("none", 0.0), *itertools.product(noise["kinds"], noise["levels"])]:
        arrays[f"answers/{kind}/{level:g}"] = uniform(draws, len(labels), 10)
    write(path, Tensors(arrays, {**condition, "seed": seed, "accuracies": {"classifier": 0.1}}))


def make_measures(folder: Path, size: int) -> None:
    """Networks of one condition."""
    draws = rng()
    for seed in range(size):
        condition = {"arm": "main", "objective": "ce", "rho": 0.2}
        embedded(folder / f"seed{seed}.safetensors", condition, seed, draws)


def run_measures(folder: Path, size: int) -> None:
    """With categories of the localizer's images, which a job reads from their dataset."""
    from papers.topographic.measures import of_network
    from papers.topographic.measuring_settings import Measured

    measured = Measured(**numbers_of("topographic")["measured"])
    categories = np.array([f"kind {number}" for number in np.arange(LOCALIZER) % KINDS])
    paths = [folder / f"seed{seed}.safetensors" for seed in range(size)]
    written(folder, {"measures": [of_network(path, measured, categories) for path in paths]})


EACH = 5  # seeds of a condition
VOTERS = 2 * EACH  # networks of an ensemble: a condition's, and five more
EPOCHS = 500


def _conditions(size: int) -> list[dict[str, Any]]:
    """Return an ensemble's two conditions, and others of five networks each."""
    ensemble = [{"arm": arm, "objective": "ce", "rho": 0.0} for arm in ("main", "ensemble")]
    others = [
        {"arm": "main", "objective": "supcon", "rho": float(number)}
        for number in range(1, size // EACH - 1)
    ]
    return ensemble + others


def make_aggregate(folder: Path, size: int) -> None:
    """Networks with their tables of measures and epochs."""
    import pandas as pd

    from papers.topographic.measures import COLUMNS

    draws = rng()
    for condition in _conditions(size):
        place = "/".join(map(str, condition.values()))
        for number in range(EACH):
            seed = number + EACH * (condition["arm"] == "ensemble")
            embedded(folder / f"{place}/seed{seed}.safetensors", condition, seed, draws)
            identity = {**condition, "seed": seed}
            rows = pd.DataFrame({"measure": [f"m{n}" for n in range(70)], "parameter": ""})
            rows = rows.assign(value=draws.random(len(rows)), **identity)[COLUMNS]
            write(folder / f"{place}/seed{seed}_measures.csv", rows)
            names = ("loss", "task", "spatial", "accuracy", "clamp_hits", "steps")
            history = pd.DataFrame({name: draws.random(EPOCHS) for name in names})
            history = history.assign(epoch=range(EPOCHS), **identity)
            write(folder / f"{place}/seed{seed}_history.csv", history)


def run_aggregate(folder: Path, size: int) -> None:
    """Two resamples of one ensemble and few images of t-SNE: both are parts of their own."""
    from papers.topographic.aggregate import aggregate
    from papers.topographic.measuring_settings import Measured, NoiseSettings, Votes

    numbers = numbers_of("topographic")
    files = [
        path
        for condition in _conditions(size)
        for path in sorted(folder.glob("/".join(map(str, condition.values())) + "/*.safetensors"))
    ]
    tables = {
        name: [path.with_name(f"{path.stem}_{name}.csv") for path in files]
        for name in ("measures", "history")
    }
    found = aggregate(
        embeddings=files,
        **tables,
        measured=Measured(**{**numbers["measured"], "tsne_images": 20}),
        ensemble=Votes(draws=2, seed=0),
        noise=NoiseSettings(**numbers["noise"]),
    )
    written(folder, found)


def make_tsne(folder: Path, size: int) -> None:
    """One network."""
    condition = {"arm": "main", "objective": "ce", "rho": 0.0}
    embedded(folder / "network.safetensors", condition, 0, rng())


def run_tsne(folder: Path, size: int) -> None:
    """A map of `size` images of each class, and the silhouettes of five networks."""
    from papers.topographic import aggregate
    from papers.topographic.measuring_settings import Measured

    measured = {**numbers_of("topographic")["measured"], "tsne_images": size}
    condition = {"arm": "main", "objective": "ce", "rho": 0.0}
    path = folder / "network.safetensors"
    written(folder, {"tsne": aggregate._tsne(condition, path, Measured(**measured))})
    for _ in range(EACH):
        aggregate._silhouettes(condition, path, Measured(**measured))


def make_boost(folder: Path, size: int) -> None:
    """Nothing: votes are made where they are counted."""


def run_boost(folder: Path, size: int) -> None:
    """Resample an ensemble of ten networks `size` times."""
    from papers.topographic.aggregate import boost

    images = 10 * numbers_of("topographic")["noise"]["images"]
    votes = rng().random((VOTERS, images, 10))
    boost(votes, np.arange(images) % 10, size, 0)


# Hierarchical optimal transport

# Layers of pairs, by the name of a part: system, units of a layer; stimuli, domain.
PAIRS = {
    "match_rotated": (("mae_b", 768), ("dinov2_g", 1536), 1000, "brain"),
    "match_language": (("llama_3b", 3072), ("qwen_3b", 2048), 2000, "language"),
}


def _make_pair(folder: Path, name: str, size: list[int]) -> None:
    """Layers that share 50 latents, beside noise of their own."""
    *systems, stimuli, domain = PAIRS[name]
    draws = rng()
    latents = draws.normal(size=(stimuli, 50)).astype(np.float32)
    for (system, units), count in zip(systems, size, strict=True):
        arrays = {}
        for layer in range(count):
            mixed = latents @ draws.normal(size=(50, units)).astype(np.float32)
            arrays[f"{domain}/{system}/{layer}"] = mixed + 3 * uniform(draws, stimuli, units)
        write(folder / f"{system}.safetensors", Tensors(arrays, {}))


def _run_pair(folder: Path, name: str) -> None:
    """Match on one split."""
    from papers.hierarchical_ot.match import match_fixed
    from papers.hierarchical_ot.matching_settings import Matching, Pair

    (source, _), (target, _), *_ = PAIRS[name]
    numbers = numbers_of("hierarchical_ot")
    (pair,) = (
        pair
        for pair in numbers["pairs"].values()
        if pair and (pair["source"], pair["target"]) == (source, target)
    )
    asked = {name: numbers["matched"][name] for name in Matching.model_fields}
    asked |= {"splits": 1}
    found = match_fixed(
        fixed=[folder / f"{system}.safetensors" for system in (source, target)],
        pairs={"pair": Pair(**pair)},
        matched=Matching(**asked),
    )
    written(folder, found)


def make_match_rotated(folder: Path, size: list[int]) -> None:
    """The widest pair that is rotated."""
    _make_pair(folder, "match_rotated", size)


def run_match_rotated(folder: Path, size: list[int]) -> None:
    """With and without rotation."""
    _run_pair(folder, "match_rotated")


def make_match_language(folder: Path, size: list[int]) -> None:
    """The widest pair of all."""
    _make_pair(folder, "match_language", size)


def run_match_language(folder: Path, size: list[int]) -> None:
    """Without rotation."""
    _run_pair(folder, "match_language")


# Sparse positive alignment


# Images of each set of pictures, SHOWN in all; half of the localizer's are encoded.
SETS = {"floc": LOCALIZER, "pictures": 2000, "v4": 3600, "nsd": 4 * 2515, "nsdshared": 1000}
SHOWN = sum(SETS.values())
SPACES = 30  # of both groups


def make_encode(folder: Path, size: int) -> None:
    """Answers of all spaces, which a job reads whole; the generator makes voxels and units that count."""
    from papers.sparse_positive.features import Space, packed

    units = numbers_of("sparse_positive")["localizer"]["units"]
    images = {name: count for name, count in SETS.items() if name != "pictures"}
    images["floc"] //= 2
    answers = {
        name: {kind: np.ones((count, units), np.float32) for kind in ("face", "scene", "random")}
        for name, count in images.items()
    }
    space = Space(answers, {"face": units, "scene": units})
    write(folder / "features.npz", packed({f"space{number}": space for number in range(SPACES)}))


def run_encode(folder: Path, size: int) -> None:
    """`size` voxels of each of two regions, from three sets of units; all regressions, alphas, controls."""
    from papers.sparse_positive.encode import encode
    from papers.sparse_positive.encoding_settings import FitSettings, Planted, Reliability, Targets

    numbers = numbers_of("sparse_positive")
    fits = {name: numbers["fits"][name] for name in FitSettings.model_fields}
    found = encode(
        targets=["planted"],
        seeds=[SEED],
        numbers=Targets(
            planted=Planted(**{**numbers["planted"], "voxels": size}),
            reliability=Reliability(**numbers["reliability"]),
        ),
        fits=FitSettings(**fits),
        features=[folder / "features.npz"],
    )
    written(folder, found)


def make_spaces(folder: Path, size: int) -> None:
    """A network as `train` writes it, untrained in both moments."""
    from papers.sparse_positive.network import Network
    from papers.sparse_positive.training_settings import NetworkSettings

    numbers = numbers_of("sparse_positive")["training"]["network"]
    network = Network(NetworkSettings(**numbers), "barlow", SEED)
    weights = network.state_dict()
    arrays = {f"{when}/{n}": v for when in ("initial", "final") for n, v in weights.items()}
    described = {"objective": "barlow", "seed": SEED, "network": numbers}
    write(folder / "model.safetensors", Tensors(arrays, described))


def run_spaces(folder: Path, size: int) -> None:
    """All sets of pictures in their proportion, `size` images together."""
    from papers.sparse_positive import spaces
    from papers.sparse_positive.extraction import extracted
    from papers.sparse_positive.extraction_settings import Extraction, LocalizerSettings

    numbers, draws = numbers_of("sparse_positive"), rng()
    settings = Extraction(
        sources=["trained"],
        spaces={name: v for name, v in numbers["spaces"].items() if name != "groups"},
        localizer=LocalizerSettings(**numbers["localizer"]),
        sessions=[],
        scenes=None,
    )

    def stack(share: float) -> np.ndarray:
        count = max(8, round(share * size / SHOWN))
        return draws.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)

    stacks = {"floc": stack(SETS["floc"]), "pictures": stack(SETS["pictures"])}
    stacks |= {f"v4-{number}": stack(SETS["v4"] / 3) for number in range(3)}
    stacks |= {f"nsd{person}": stack(SETS["nsd"] / 4) for person in range(4)}
    stacks |= {"nsdshared": stack(SETS["nsdshared"])}
    domains = np.array(["faces", "places"])[np.arange(len(stacks["floc"])) % 2]
    sources = spaces._sources(settings, None, [folder / "model.safetensors"], "cpu")
    answered = spaces.by_space(sources, stacks)
    written(folder, extracted(answered, domains, settings.localizer, settings.spaces.turned))


# MT direction maps


def _settings() -> dict[str, Any]:
    """Return the settings of the arm of real clips."""
    from papers.mt_maps.conditions import arms

    settings: dict[str, Any] = arms(numbers_of("mt_maps"))["clips"]["settings"]
    return settings


def _described(settings: dict[str, Any], seed: int) -> dict[str, Any]:
    return {
        "arm": "clips",
        "source": "clips",
        "network": "continue",
        "name": "continue_alpha0.25",
        "alpha": 0.25,
        "seed": seed,
        "settings": settings,
        "swaps": {},
    }


def _places(settings: dict[str, Any], draws: np.random.Generator) -> dict[str, np.ndarray]:
    """Return positions of every layer's units on its sheet, mm, as frozen and as started."""
    from papers.mt_maps import tiles
    from papers.mt_maps.training_settings import NetworkSettings

    grids = tiles.grids(NetworkSettings(**settings["network"]), settings["clips"]["size"])
    found = {}
    for layer, (channels, side) in grids.items():
        edge = settings["layers"][layer]["area_mm2"] ** 0.5
        for what in ("places", "start"):
            found[f"{what}/{layer}"] = edge * uniform(draws, channels * side**2, 2)
    return found


def make_respond(folder: Path, size: int) -> None:
    """An untrained network, and 64 videos."""
    from papers.mt_maps.network import Network
    from papers.mt_maps.training_settings import NetworkSettings
    from replicortex.data import frames

    settings, draws, store = _settings(), rng(), numbers_of("mt_maps")["store"]
    network = Network(NetworkSettings(**settings["network"]), SEED)
    write(folder / "model.safetensors", Tensors(dict(network.state_dict())))
    shape = (24, store["size"], store["size"], 3)
    taken = [(f"clip {n}", draws.integers(0, 256, shape, dtype=np.uint8)) for n in range(64)]
    write(folder / "clips.safetensors", frames.shard(taken, {}))


def run_respond(folder: Path, size: int) -> None:
    """Embed both views of `size` pairs: the larger of the two kinds of batch, 64 clips beside 32."""
    import torch

    from papers.mt_maps.network import Network
    from papers.mt_maps.respond import embedded
    from papers.mt_maps.stimulus_settings import ProbeSettings
    from papers.mt_maps.training_settings import NetworkSettings, PairSettings
    from replicortex.data.frames import open_store

    settings = _settings()
    arrays, _ = read_tensors(folder / "model.safetensors")
    network = Network(NetworkSettings(**settings["network"]), SEED)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
    embedded(
        network,
        open_store([folder / "clips.safetensors"]),
        PairSettings(**settings["clips"]),
        ProbeSettings(pairs=size, repeats=1),
        SEED,
        torch.device("cpu"),
    )


FIELD = 14  # units along a side of the map layer's channels, to clips of 112 pixels


def make_measure(folder: Path, size: int) -> None:
    """Answers of units whose preference turns over the sheet, and of channels of eight layers.

    `size` is that of a channel of the map layer: clips are as many times smaller.
    """
    from papers.mt_maps.battery import battery
    from papers.mt_maps.stimulus_settings import StimulusSettings

    numbers, settings, draws = numbers_of("mt_maps"), _settings(), rng()
    clips = settings["clips"]
    settings = {**settings, "clips": {**clips, "size": clips["size"] * size // FIELD}}
    stimuli, clips, mapped = numbers["stimuli"], settings["clips"], settings["map_layer"]
    families = battery(StimulusSettings(**stimuli), clips["frames"], clips["size"], None)
    shapes = {f.name: (len(f.conditions), len(f.directions), 2) for f in families}
    places = _places(settings, draws)
    edge = settings["layers"][mapped]["area_mm2"] ** 0.5
    waves = 2 * np.pi / (edge / 5) * np.exp(2j * np.pi * draws.random(20))
    turn = places[f"places/{mapped}"] @ np.stack([waves.real, waves.imag])
    preferred = np.angle(np.exp(1j * (turn + 2 * np.pi * draws.random(20))).sum(1))
    theta = 2 * np.pi * np.arange(stimuli["directions"]) / stimuli["directions"]
    tuned = np.exp(np.cos(theta - preferred[:, None])).astype(np.float32)
    arrays = dict(places)
    for name in ("gratings", "dots"):
        shape = shapes[name]
        noise = uniform(draws, len(tuned), *shape)
        arrays[f"units/{name}"] = tuned[:, None, :, None] + noise
    widths = dict(zip("1234", settings["network"]["widths"], strict=True))
    for layer in settings["layers"]:
        for name, shape in shapes.items():
            values = uniform(draws, widths[layer[len("layer")]], *shape)
            arrays[f"channels/{layer}/{name}"] = values
    described = {
        **_described(settings, SEED),
        "families": {
            f.name: {
                "conditions": f.conditions,
                "directions": [float(d) for d in np.rad2deg(f.directions)],
            }
            for f in families
        },
        "embedding": {"matching": 0.5},
    }
    write(folder / "responses.safetensors", Tensors(arrays, described))
    write(folder / "other.safetensors", Tensors(_places(settings, draws), {"seed": SEED + 1}))


def run_measure(folder: Path, size: int) -> None:
    """Against two nulls of each kind: more are a part of their own."""
    from papers.mt_maps.measure import measure
    from papers.mt_maps.measuring_settings import Measured

    found = measure(
        responses=[folder / "responses.safetensors"],
        others=[folder / "other.safetensors"],
        measured=Measured(**{**numbers_of("mt_maps")["measured"], "nulls": 2}),
    )
    written(folder, found)


def make_nulls(folder: Path, size: int) -> None:
    """A network of the true size."""
    make_measure(folder, FIELD)


def run_nulls(folder: Path, size: int) -> None:
    """`size` nulls of each kind of one map, each with the smoothness that the first ten have."""
    from papers.mt_maps import sheets
    from papers.mt_maps.answers import JUDGED, read_answers
    from papers.mt_maps.measuring_settings import Measured

    answers = read_answers(folder / "responses.safetensors")
    measured = Measured(**{**numbers_of("mt_maps")["measured"], "nulls": size})
    place = answers.arrays[f"places/{answers.map_layer}"]
    units = sheets.sheet(place, answers.map_responses()[JUDGED], answers.side)
    fields = units.fields(measured.pixels, measured.sigma)
    sheets.nulls(units, *fields, answers.side / 5, measured, rng(), answers.edge)
