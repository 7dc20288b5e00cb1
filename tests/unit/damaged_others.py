"""Readers of tables, videos, macaque V4, texts, models and stored arrays, for the tests of damage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from damage import Reader, same

from replicortex.core import files, tables
from replicortex.data import cifar_resnets, frames, macaque_v4, texts, tiny_llm, video, voxel_tables
from replicortex.data.fixtures import cifar_resnets as resnets_fixture
from replicortex.data.fixtures import macaque_v4 as macaque_fixture
from replicortex.data.fixtures import python_topics, ucf101
from replicortex.data.fixtures import tiny_llm as llama_fixture
from replicortex.data.fixtures import voxel_tables as voxels_fixture


def _macaque(folder):
    sizes = {"images": 8, "shared": 4, "neurons": 3, "side": 16, "noise": 0.0}
    macaque_fixture.build(folder, seed=0, **sizes)


def _voxels(folder):
    voxels_fixture.build(folder, seed=0, stimuli=12, voxels=3)


def _topics(folder):
    python_topics.build(folder, seed=0, topics=3, sentences=5)


def _wikitext(folder):
    for name in texts.WIKITEXT:
        (folder / name).parent.mkdir(exist_ok=True)
        lines = [" = One = \n", " first text \n", " = Two = \n", "b"]
        pd.DataFrame({"text": lines}).to_parquet(folder / name)


def _clip(suffix, codec):
    def build(folder):
        import av

        frames_made = ucf101.drifting(np.random.default_rng(0), 10)
        with av.open(
            str(folder / f"a.{suffix}"), "w", options={"fflags": "+bitexact"}
        ) as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width = frames_made.shape[1:3]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            for image in frames_made:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())

    return build


def _ucf101(folder):
    ucf101.build(folder, seed=0, classes=2, groups=2, frames=2)


def _split(manifest):
    folder = manifest.parent.parent / "data"
    return [(name, kind) for name, kind, _ in video.ucf101_split(folder, 1, "train")]


def _is_split(good, found):
    """A damaged list may name fewer videos; those that it names are there, of their class."""
    return set(found) <= set(good)


def _shard(folder):
    rng = np.random.default_rng(0)
    taken = [(f"v{n}", rng.integers(0, 256, (4, 6, 6, 3), np.uint8)) for n in range(3)]
    files.write(folder / "a.safetensors", frames.shard(taken, {"bad": "why"}))


def _store(path):
    """Read as a check of the store does: its own sha256 tells of other frames."""
    store = frames.open_store([path], check=True)
    clips = [store.clip(n, 0, video.frames) for n, video in enumerate(store.videos)]
    return {"frames": np.concatenate(clips), "left_out": store.left_out}


def _llama(folder):
    sizes = {"width": 8, "hidden": 16, "layers": 2, "heads": 2, "kv_heads": 1, "longest": 12}
    llama_fixture.build(folder, seed=0, **sizes)


def _model(manifest):
    return tiny_llm.read_model(manifest).tensors


def _pieces(manifest):
    found = tiny_llm.read_tokenizer(manifest, 3 + 256 + 95 + len(llama_fixture.WORDS))
    return {"pieces": found.pieces, "scores": found.scores}


def _resnets(folder):
    resnets_fixture.build(folder, seed=0)


def _filled(manifest):
    from replicortex.models.cifar_resnet import CifarResNet

    network = CifarResNet(20)
    cifar_resnets.fill(network, manifest, "resnet20")
    return {name: value.numpy() for name, value in network.state_dict().items()}


def _results(folder):
    table = pd.DataFrame({"rule": ["bp", "NA", "0001"] * 8, "seed": range(24), "rho": 0.125})
    files.write(folder / "t.csv", table)
    rng = np.random.default_rng(0)
    arrays = {"rho": rng.normal(size=(4, 5)), "names": np.array(["a", "NA"])}
    files.write(folder / "a.npz", arrays)
    stored = files.Tensors({"x": rng.normal(size=(4, 5)), "n": np.arange(3)}, {"seed": 3})
    files.write(folder / "a.safetensors", stored)


def _is_table(good, found):
    """Letters and digits may be others; names are text and values numbers."""
    kinds = {name: found[name].to_numpy().dtype.kind for name in found.columns}
    return set(kinds.values()) <= set("iufO") and kinds.get("rule", "O") == "O"


def _is_voxels(good, found):
    """Rows may be fewer, and digits others; names are text, and every value is finite."""
    named = all(type(name) is str and name for name in found.stimuli)
    return named and found.values.dtype == np.float64 and bool(np.isfinite(found.values).all())


def _is_other(good, found):
    """Each array has a checksum: only an archive of other arrays is well-formed."""
    return same(good, found) or not set(good) & set(found)


def _stored(path):
    arrays, described = files.read_tensors(path)
    return {**arrays, **{f"told {name}": value for name, value in described.items()}}


READERS = {
    "voxel table, CSV": Reader(
        _voxels, "targets.csv", voxel_tables.read, whole=False, plausible=_is_voxels
    ),
    "voxel table, npz": Reader(
        _voxels, "mismatched.npz", voxel_tables.read, whole=False, sealed=True
    ),
    "macaque V4, responses": Reader(
        _macaque, "responses_210322.npy", lambda m: macaque_v4.read_responses(m, "210322")
    ),
    "macaque V4, images": Reader(
        _macaque, "images_210322.zip", lambda m: macaque_v4.read_images(m, "210322"), sealed=True
    ),
    **{
        f"video, {suffix}": Reader(
            _clip(suffix, codec), f"a.{suffix}", lambda p: video.decode(p, 24), whole=False
        )
        for suffix, codec in (
            ("avi", "mpeg4"),
            ("mp4", "libx264"),
            ("mkv", "libx264"),
            ("webm", "libvpx-vp9"),
        )
    },
    **{
        f"UCF101, {name}": Reader(
            _ucf101, f"ucfTrainTestlist/{name}.txt", _split, plausible=_is_split
        )
        for name in ("classInd", "trainlist01")
    },
    "decoded frames": Reader(_shard, "a.safetensors", _store, whole=False),
    "topics": Reader(_topics, texts.TOPICS, texts.read, plausible=lambda good, found: True),
    "WikiText": Reader(
        _wikitext, texts.WIKITEXT[1], texts.read, plausible=lambda good, found: bool(found)
    ),
    "llama2.c, weights": Reader(_llama, tiny_llm.WEIGHTS, _model),
    "llama2.c, tokenizer": Reader(_llama, tiny_llm.TOKENS, _pieces),
    "CIFAR ResNet": Reader(_resnets, cifar_resnets.FILES["resnet20"], _filled),
    "own table": Reader(_results, "t.csv", tables.read, whole=False, plausible=_is_table),
    "own npz": Reader(_results, "a.npz", files.read_arrays, whole=False, plausible=_is_other),
    "own safetensors": Reader(
        _results, "a.safetensors", _stored, whole=False, plausible=lambda good, found: True
    ),
}
