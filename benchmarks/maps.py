"""MT direction maps: swaps, map measures at 50,000 units, clips a second, steps of the full network.

    python benchmarks/maps.py           500 units, 500 swaps; 50,176 units on a 96 x 96 grid
    python benchmarks/maps.py --fast    a few seconds, to see that it works

One thread. (a) `swaps`: neighbourhoods whole, from responses to the new order and the loss before and
after, against TDANN's rule as its public code has it: np.corrcoef once a neighbourhood; for each trial
the distances of two units to all (SciPy's `cdist`) and `scipy.stats.pearsonr`, before and after the
exchange; the loss of all pairs at the end. Both get the same pairs. A layer's responses are scaled once
for all of its neighbourhoods, which is not timed (2 ms for 1,000 units), nor is TDANN's draw of pairs;
TDANN has no loss before the swaps. Beside it `rows`, a leaner rule that takes two rows of a kept matrix of
distances and their Pearson correlation. Least CPU seconds of each side's repeats, sides in turn; `scaling`
against units and trials, drawn beside the JSON; `two_cores`: wall seconds of two layers' neighbourhoods
in one process and in two. (b) `measures`. (c) `clips`: batches of pairs from the store of decoded frames
against a DataLoader whose items decode their video with PyAV, or find it decoded; same clips, same
windows. (d) `step`: one training step (query forth and back, key forth) of the network of `small` and of
r3d_18 at 16 x 112 x 112, from which the cost of `full` follows. Exit status 1 when the sides of (a) or (c)
differ.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import scipy
import torch
from common import comparison, exponent, machine, race, timed, versions, write
from curves import draw
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import pearsonr
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))

from papers.mt_maps import maps, positions, swaps
from papers.mt_maps.clips import ClipPairs, window
from papers.mt_maps.conditions import arms
from papers.mt_maps.learner import MoCo
from papers.mt_maps.network import Network
from papers.mt_maps.training_settings import PairSettings, Settings
from replicortex.core.config import paper_numbers
from replicortex.core.files import write as write_file
from replicortex.core.randomness import torch_generator
from replicortex.data import frames, video
from replicortex.data.fixtures import ucf101

FULL = {
    "units": 500, "trials": 500, "stimuli": 384, "growing": [50, 100, 200, 500],
    "neighbourhoods": 50, "channels": 256, "grid": 14, "pixels": 96, "repeats": 5,
    "videos": 16, "frames": 120, "batch": 16, "clip": 16, "size": 56, "steps": {"small": 32, "full": 3},
}  # fmt: skip
FAST = {
    "units": 60, "trials": 50, "stimuli": 40, "growing": [30, 60],
    "neighbourhoods": 2, "channels": 8, "grid": 8, "pixels": 32, "repeats": 1,
    "videos": 3, "frames": 12, "batch": 3, "clip": 4, "size": 16, "steps": {"small": 4},
}  # fmt: skip
SIDE = 7.07  # mm
TOLERANCE = 1e-12  # of a loss; orders are the same
ROOT = Path(__file__).parent.parent


def given(units: int, trials: int, stimuli: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return responses (stimuli, units), positions (units, 2) in mm and pairs (trials, 2)."""
    rng = np.random.default_rng(0)
    responses = rng.normal(size=(stimuli, 6)) @ rng.normal(size=(6, units))
    first = rng.integers(0, units, trials)
    second = (first + rng.integers(1, units, trials)) % units
    return responses, rng.uniform(0, 2.1, (units, 2)), np.stack([first, second], 1)


def tdann(responses: np.ndarray, place: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the order and the loss after the swaps by the rule of TDANN's public code."""

    def loss(alike: np.ndarray, distances: np.ndarray) -> float:
        return (1 - pearsonr(alike, 1 / (distances + 1)).statistic) / 2

    alike = np.nan_to_num(np.corrcoef(responses.T))
    place, order = place.copy(), np.arange(len(place))
    for pair in pairs:
        two = alike[pair].ravel()
        before = loss(two, cdist(place[pair], place).ravel())
        place[pair] = place[pair[::-1]]
        if loss(two, cdist(place[pair], place).ravel()) < before:
            order[pair] = order[pair[::-1]]
        else:
            place[pair] = place[pair[::-1]]
    lower = np.tril_indices(len(place), -1)
    return order, loss(np.corrcoef(responses.T)[lower], squareform(pdist(place))[lower])


def by_rows(
    responses: np.ndarray, place: np.ndarray, pairs: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the same by two rows of a matrix of distances that is kept in step."""
    alike, near = np.nan_to_num(np.corrcoef(responses.T)), 1 / (1 + cdist(place, place))
    order = np.arange(len(place))
    for pair in pairs:
        two = alike[pair].ravel()
        swapped = order.copy()
        swapped[pair] = order[pair[::-1]]
        now, then = near[np.ix_(order[pair], order)], near[np.ix_(swapped[pair], swapped)]
        if np.corrcoef(two, then.ravel())[0, 1] > np.corrcoef(two, now.ravel())[0, 1]:
            order = swapped
    lower = np.tril_indices(len(place), -1)
    after = near[np.ix_(order, order)][lower]
    return order, float((1 - np.corrcoef(alike[lower], after)[0, 1]) / 2)


def ours(rows: np.ndarray, made: tuple, space: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the same as the study does it, from the layer's scaled responses (units, stimuli)."""
    _, place, pairs = made
    units = np.arange(len(rows))
    order, losses = swaps.swap_neighbourhood(rows[units], place, pairs, space)
    return order, losses[1]


def ways(units: int, trials: int, stimuli: int, lean: bool = False) -> dict:
    """Return both sides (and with `lean` the third) of a neighbourhood."""
    made, space = given(units, trials, stimuli), np.empty(2 * units**2)
    rows = positions.scaled(made[0])
    found = {"ours": lambda: ours(rows, made, space), "TDANN": lambda: tdann(*made)}
    return found | ({"rows": lambda: by_rows(*made)} if lean else {})


def neighbourhoods(sizes: dict) -> tuple[dict, list[dict]]:
    """Time neighbourhoods whole; return what was found and its comparisons."""
    units, trials, stimuli = sizes["units"], sizes["trials"], sizes["stimuli"]
    found, used = race(ways(units, trials, stimuli, lean=True), sizes["repeats"])
    rows = [
        comparison(
            f"swaps of a neighbourhood, correlations and losses in it: {units} units, {trials} trials",
            peer={"name": peer, "version": version, "options": options},
            ours=used["ours"],
            theirs=used[name],
            goal=goal,
            tolerance=TOLERANCE,
            difference=float(abs(found["ours"][1] - found[name][1])),
        )
        for name, goal, peer, version, options in (
            (
                "TDANN",
                50,
                "TDANN's rule on SciPy",
                scipy.__version__,
                "cdist and pearsonr, twice a trial",
            ),
            (
                "rows",
                None,
                "two kept rows on NumPy",
                np.__version__,
                "np.corrcoef, twice a trial",
            ),
        )
    ]
    curves = []
    for what, axis in (("units", "Units"), ("trials", "Trials")):
        taken: dict[str, list[float]] = {"ours": [], "TDANN": []}
        for size in sizes["growing"]:
            numbers = {"units": units, "trials": trials, "stimuli": stimuli, what: size}
            for name, seconds in race(ways(**numbers), sizes["repeats"])[1].items():
                taken[name].append(seconds)
        curves.append(
            {
                "title": f"A neighbourhood: {what}",
                "axis": axis,
                "sizes": sizes["growing"],
                "ways": {
                    name: {
                        "cpu_seconds": seconds,
                        "exponent": exponent(sizes["growing"], seconds),
                    }
                    for name, seconds in taken.items()
                },
            }
        )
    orders = [order.tolist() for order, _ in found.values()]
    return {
        "cpu_seconds": used,
        "same_result": orders[0] == orders[1] == orders[2],
        "scaling": curves,
        "two_cores": two_cores(sizes),
    }, rows


def _neighbourhoods(sizes: dict) -> None:
    made = given(sizes["units"], sizes["trials"], sizes["stimuli"])
    rows, space = positions.scaled(made[0]), np.empty(2 * sizes["units"] ** 2)
    with threadpool_limits(1):
        for _ in range(sizes["neighbourhoods"]):
            ours(rows, made, space)


def two_cores(sizes: dict) -> dict:
    """Return our wall seconds for two layers' neighbourhoods in one process, and in two."""
    found = {}
    for cores in (1, 2):
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(cores, mp_context=context) as pool:
            list(pool.map(_neighbourhoods, [sizes | {"neighbourhoods": 1}] * cores))
            start = time.perf_counter()
            list(pool.map(_neighbourhoods, [sizes] * 2))
            found[str(cores)] = round(time.perf_counter() - start, 4)
    return {"neighbourhoods": 2 * sizes["neighbourhoods"], "wall_seconds": found}


def measures(sizes: dict[str, int]) -> dict:
    """Time what one map is measured by."""
    rng = np.random.default_rng(0)
    place = positions.retinotopic(sizes["channels"], sizes["grid"], SIDE, 0.4, rng)
    vectors = np.exp(1j * rng.uniform(0, 2 * np.pi, len(place)))
    z, field = timed(
        lambda: maps.field(place, vectors, SIDE, sizes["pixels"], 0.2), sizes["repeats"]
    )
    return {
        "units": len(place),
        "field": field,
        "density": timed(lambda: maps.density(z, SIDE), sizes["repeats"])[1],
        "phase_scrambled_density": timed(
            lambda: maps.density(maps.phase_scramble(z, rng), SIDE), sizes["repeats"]
        )[1],
        "difference_curve": timed(
            lambda: maps.difference_curve(
                place, np.rad2deg(np.angle(vectors)), np.linspace(0, 3, 10), rng
            ),
            sizes["repeats"],
        )[1],
    }


class Decoding(torch.utils.data.Dataset):
    """The plain way: each item decodes its video, or takes it decoded, cuts its clip and its window."""

    def __init__(
        self, files: list[Path], pairs: ClipPairs, draws: dict, stored: int, kept: bool
    ) -> None:
        self.files, self.pairs, self.draws, self.stored = files, pairs, draws, stored
        self.decoded = [video.decode(file, stored) for file in files] if kept else None

    def __len__(self) -> int:
        return len(self.draws["items"])

    def __getitem__(self, item: int) -> torch.Tensor:
        numbers, views = self.pairs.numbers, []
        for view in (0, 1):
            one = {name: value[item, view] for name, value in self.draws.items() if value.ndim > 1}
            number = int(one["video"])
            if self.decoded is None:
                decoded = video.decode(self.files[number], self.stored)
            else:
                decoded = self.decoded[number]
            start = int(one["start"])
            clip = torch.from_numpy(decoded[start : start + numbers.frames])[None]
            seen = window(
                clip.permute(0, 1, 4, 2, 3).float() / 255,
                *(one[name][None] for name in ("window", "place", "velocity", "flip")),
                numbers.size,
            )
            mean, sd = (
                torch.tensor(getattr(numbers, name))[:, None, None] for name in ("mean", "sd")
            )
            views.append(((seen[0] - mean) / sd).transpose(0, 1))
        return torch.stack(views)


def clips(sizes: dict) -> dict:
    """Time batches of pairs, from the store and by decoding each item; no changes of light."""
    numbers = PairSettings(**{
        "frames": sizes["clip"], "step": 1, "size": sizes["size"], "crop": [0.5, 0.7],
        "flip": "none", "order": "forward", "jittered": 0.0, "grey": 0.0, "pairs": "instance",
        "motion": "together", "blurred": 0.0, "blur": [0, 0],
        "jitter": {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}, "mean": [0.4] * 3,
        "sd": [0.2] * 3, "batch": sizes["batch"], "steps": 1, "pan": [0, 0],
    })  # fmt: skip
    stored = ucf101.SIDE[1]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(sizes["videos"]):
            files.append(Path(folder, f"{number}.avi"))
            film = ucf101.drifting(np.random.default_rng(number), sizes["frames"])
            ucf101.encode(files[-1], film)
        listed = [(path.name, path) for path in files]
        shard = Path(folder, "shard.safetensors")
        _, decoding = timed(
            lambda: write_file(shard, video.decode_all(listed, size=stored, fewest=1)), 1
        )
        pairs = ClipPairs(frames.open_store([shard]), numbers, 0, torch.device("cpu"))
        draws = pairs.draw(0)
        ways = {"ours": lambda: pairs.get(draws, 0)[0]}
        for name, kept in (("kept", True), ("decoding", False)):
            loader = torch.utils.data.DataLoader(
                Decoding(files, pairs, draws, stored, kept), batch_size=sizes["batch"]
            )
            ways[name] = lambda loader=loader: next(iter(loader)).transpose(0, 1)
        batches, used = race(ways, sizes["repeats"])
    both = 2 * sizes["batch"]
    return {
        "cpu_seconds": used,
        "decoding_once": decoding,
        "clips_per_cpu_second": {name: round(both / s, 1) for name, s in used.items()},
        "largest_difference": max(
            float((batches["ours"] - batches[name]).abs().max()) for name in ("kept", "decoding")
        ),
    }


def step(scale: str, batch: int) -> dict:
    """Time a training step: wall, and CPU seconds of this process per pair of clips."""
    settings = Settings(**arms(paper_numbers("mt_maps", scale, {}, ROOT))["clips"]["settings"])
    shape = settings.clips
    network = Network(settings.network, 0)
    learner = MoCo(scale, network, settings, 0.0, {}, 10, torch.device("cpu"))
    clip = (settings.network.colours, shape.frames, shape.size, shape.size)
    views = torch.randn(2, batch, *clip, generator=torch_generator(0, "views"))
    items = torch.arange(batch)
    start = time.process_time()
    _, wall = timed(lambda: learner.step(views, items, lambda purpose: None), 1)
    seconds = (time.process_time() - start) / 2 / batch
    return {
        "pairs": batch,
        "wall": wall,
        "cpu_seconds_per_pair": round(seconds, 5),
        "pairs_per_second": round(1 / seconds, 3),
    }


def main() -> int:
    """Run, write the report, say whether the results agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    sizes = FAST if options.fast else FULL
    torch.set_num_threads(1)
    with threadpool_limits(1):
        before = machine()
        swapped, comparisons = neighbourhoods(sizes)
        clip = clips(sizes)
        shape = f"{sizes['clip']} x {sizes['size']} x {sizes['size']}"
        comparisons += [
            comparison(
                f"batch of {sizes['batch']} pairs of clips of {shape}",
                peer={
                    "name": "torch DataLoader",
                    "version": torch.__version__.partition("+")[0],
                    "options": options_of,
                },
                ours=clip["cpu_seconds"]["ours"],
                theirs=clip["cpu_seconds"][name],
                tolerance=1e-5,
                difference=clip["largest_difference"],
            )
            for name, options_of in (
                ("kept", "videos decoded and in memory, one process"),
                ("decoding", f"each item decodes its video, PyAV {versions('av')['av']}"),
            )
        ]
        report = {
            "fast": options.fast,
            "comparisons": comparisons,
            "machine": before,
            "versions": versions("numpy", "scipy", "torch", "av"),
            "threads": 1,
            "device": "cpu",
            "sizes": sizes,
            "swaps": swapped,
            "measures": measures(sizes),
            "clips": clip,
            "step": {scale: step(scale, batch) for scale, batch in sizes["steps"].items()},
        }
    write(options.out, report)
    words = (
        f"{sizes['stimuli']} stimuli, one thread. (a) {sizes['trials']} trials; (b) {sizes['units']} units. "
        "Correlations and losses included; the same swaps."
    )
    draw(swapped["scaling"], words, options.out.with_suffix(".png"))
    for found in comparisons:
        print(f"{found['work']}: {found['ratio']} times {found['peer']['name']}")
    same = report["swaps"]["same_result"] and report["clips"]["largest_difference"] < 1e-5
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
