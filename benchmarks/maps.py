"""MT direction maps: swaps, map measures at 50,000 units, clips a second, steps of the full network.

    python benchmarks/maps.py           500 units, 500 swaps; 50,176 units on a 96 x 96 grid
    python benchmarks/maps.py --fast    a few seconds, to see that it works

One thread. (a) `swaps`: the closed form against the plain loop, which recomputes the loss for each
trial; both get the same pairs. (b) `measures`. (c) `clips`: batches of pairs from the store of decoded
frames against a DataLoader that decodes each item's video with PyAV; same clips, same windows. (d)
`step`: one training step (query forth and back, key forth) of the network of `small` and of r3d_18 at
16 x 112 x 112, from which the cost of `full` follows. Exit status 1 when the two sides of (a) or (c) differ.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from common import machine, timed, versions, write
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))

from papers.mt_maps import maps, positions
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
    "units": 500, "trials": 500, "channels": 256, "grid": 14, "pixels": 96, "repeats": 5,
    "videos": 16, "frames": 120, "batch": 16, "clip": 16, "size": 56, "steps": {"small": 32, "full": 3},
}  # fmt: skip
FAST = {
    "units": 60, "trials": 50, "channels": 8, "grid": 8, "pixels": 32, "repeats": 1,
    "videos": 3, "frames": 12, "batch": 3, "clip": 4, "size": 16, "steps": {"small": 4},
}  # fmt: skip
SIDE = 7.07  # mm
ROOT = Path(__file__).parent.parent


def swaps(sizes: dict[str, int]) -> dict:
    """Time both forms of the swaps on one neighbourhood."""
    rng = np.random.default_rng(0)
    units, trials = sizes["units"], sizes["trials"]
    responses = rng.normal(size=(64, 6)) @ rng.normal(size=(6, units))
    alike = positions.correlations(responses)
    near = positions.nearness(rng.uniform(0, 2.1, (units, 2)))
    first = rng.integers(0, units, trials)
    second = (first + rng.integers(1, units, trials)) % units
    pairs = np.stack([first, second], 1)
    fast, ours = timed(lambda: positions.swap(alike, near, pairs), sizes["repeats"])
    plain, loop = timed(lambda: positions.swap_plainly(alike, near, pairs), 1)
    return {
        "closed_form": ours,
        "plain_loop": loop,
        "times_faster": round(loop["seconds"] / ours["seconds"], 1),
        "same_result": bool(np.array_equal(fast, plain)),
    }


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
    """The plain way: each item decodes its video, cuts its clip and its window."""

    def __init__(self, files: list[Path], pairs: ClipPairs, draws: dict, stored: int) -> None:
        self.files, self.pairs, self.draws, self.stored = files, pairs, draws, stored

    def __len__(self) -> int:
        return len(self.draws["items"])

    def __getitem__(self, item: int) -> torch.Tensor:
        numbers, views = self.pairs.numbers, []
        for view in (0, 1):
            one = {name: value[item, view] for name, value in self.draws.items() if value.ndim > 1}
            decoded = video.decode(self.files[int(one["video"])], self.stored)
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
        batch, ours = timed(lambda: pairs.get(draws, 0)[0], sizes["repeats"])
        loader = torch.utils.data.DataLoader(
            Decoding(files, pairs, draws, stored), batch_size=sizes["batch"]
        )
        plain, peer = timed(lambda: next(iter(loader)).transpose(0, 1), 1)
    both = 2 * sizes["batch"]
    return {
        "store": ours,
        "decoding_loader": peer,
        "decoding_once": decoding,
        "clips_per_second": round(both / ours["seconds"], 1),
        "clips_per_second_decoding": round(both / peer["seconds"], 1),
        "times_faster": round(peer["seconds"] / ours["seconds"], 1),
        "largest_difference": float((batch - plain).abs().max()),
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
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    sizes = FAST if options.fast else FULL
    torch.set_num_threads(1)
    with threadpool_limits(1):
        report = {
            "machine": machine(),
            "versions": versions("numpy", "scipy", "torch", "av"),
            "threads": 1,
            "device": "cpu",
            "sizes": sizes,
            "swaps": swaps(sizes),
            "measures": measures(sizes),
            "clips": clips(sizes),
            "step": {scale: step(scale, batch) for scale, batch in sizes["steps"].items()},
        }
    write(options.output, report)
    same = report["swaps"]["same_result"] and report["clips"]["largest_difference"] < 1e-5
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
