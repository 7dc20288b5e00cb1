"""Published transformers in a hub's cache: true forms without memory, small ones through the loader."""

import json

import numpy as np
import pytest
import torch
import yaml
from manifests import described, installed

from replicortex.core.errors import StudyError
from replicortex.data import model_cache
from replicortex.data.fixtures import model_cache as fixture
from replicortex.models import transformer

CPU = torch.device("cpu")
WIDTH, BLOCKS, REVISION = 16, 2, "ab" * 20
MODELS = {name: {"revision": REVISION, "blocks": BLOCKS} for name in fixture.FORMS}


def vit(width, blocks, patch, side, *, hidden=None, scales=0, mask=0):
    """Return the parameters of a vision transformer's encoder, by arithmetic."""
    hidden = hidden or 4 * width
    attention = 4 * width * width + 4 * width
    block = attention + 2 * width * hidden + hidden + width + 4 * width + scales * width
    tokens = (side // patch) ** 2 + 1
    return blocks * block + 3 * patch**2 * width + (4 + tokens + mask) * width


def giant(width, blocks):
    """Return the parameters of DINOv2's giant one: gated units, two thirds as many, in eights."""
    hidden = (4 * width * 2 // 3 + 7) // 8 * 8
    gated = 2 * hidden * (width + 1) + width * (hidden + 1)
    plain = 2 * width * 4 * width + 5 * width
    return vit(width, blocks, 14, 518, scales=2, mask=1) + blocks * (gated - plain)


# Blocks, units and parameters; of the language models as their pages state them.
PUBLISHED = {
    "facebook/dinov2-small": (12, 384, vit(384, 12, 14, 518, scales=2, mask=1)),
    "facebook/dinov2-large": (24, 1024, vit(1024, 24, 14, 518, scales=2, mask=1)),
    "facebook/dinov2-giant": (40, 1536, giant(1536, 40)),
    "facebook/vit-mae-base": (12, 768, vit(768, 12, 16, 224)),
    "facebook/vit-mae-large": (24, 1024, vit(1024, 24, 16, 224)),
    "facebook/vit-mae-huge": (32, 1280, vit(1280, 32, 14, 224)),
    "meta-llama/Llama-3.2-1B": (16, 2048, 1_235_814_400),
    "meta-llama/Llama-3.2-3B": (28, 3072, 3_212_749_824),
    "Qwen/Qwen2.5-0.5B": (24, 896, 494_032_768),
    "Qwen/Qwen2.5-3B": (36, 2048, 3_085_938_688),
}


def encoder(network):
    """Return the part that the study reads."""
    return getattr(network, "vit", network)


@pytest.mark.parametrize("repository", PUBLISHED)
def test_a_published_model_has_its_layers_and_shapes(repository):
    blocks, width, parameters = PUBLISHED[repository]
    with torch.device("meta"):
        network = fixture.model(repository).eval()
        own = encoder(network)
        assert sum(p.numel() for p in own.parameters()) == parameters
        if transformer.KINDS[own.config.model_type] == "pictures":
            own.config.mask_ratio = 0.0
            shown = transformer.vision(own)
            assert shown.layers == [f"block{n}" for n in range(blocks)]
            tokens = (224 // own.config.patch_size) ** 2 + 1
            pictures = torch.empty(2, 3, transformer.SIDE, transformer.SIDE)
            with torch.inference_mode():
                found = {name: tuple(x.shape) for name, x in shown.network.walk(pictures)}
            assert found == dict.fromkeys(shown.layers, (2, width, tokens, 1))
        else:
            with torch.inference_mode():
                ids = torch.empty((1, 5), dtype=torch.long)
                states = network.model(ids, output_hidden_states=True).hidden_states
            assert [tuple(state.shape) for state in states[1:]] == [(1, 5, width)] * blocks


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A small stand-in of every published model, and its manifest."""
    folder = tmp_path_factory.mktemp("data") / "cache"
    folder.mkdir()
    fixture.build(folder, seed=0, models=MODELS, width=WIDTH, heads=4)
    return folder, described(folder)


# Tensors of the first block, and what stands before and after the blocks, as the published files name them.
NAMED = {
    "facebook/dinov2-giant": (
        "embeddings.cls_token embeddings.mask_token embeddings.position_embeddings "
        "embeddings.patch_embeddings.projection layernorm",
        "encoder.layer.0.",
        "norm1 attention.attention.query attention.attention.key attention.attention.value "
        "attention.output.dense layer_scale1.lambda1 norm2 mlp.weights_in mlp.weights_out "
        "layer_scale2.lambda1",
    ),
    "facebook/vit-mae-huge": (
        "vit.embeddings.cls_token vit.embeddings.position_embeddings "
        "vit.embeddings.patch_embeddings.projection vit.layernorm",
        "vit.encoder.layer.0.",
        "layernorm_before attention.attention.query attention.attention.key "
        "attention.attention.value attention.output.dense layernorm_after intermediate.dense "
        "output.dense",
    ),
    "meta-llama/Llama-3.2-3B": (
        "model.embed_tokens model.norm",
        "model.layers.0.",
        "input_layernorm self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj "
        "post_attention_layernorm mlp.gate_proj mlp.up_proj mlp.down_proj",
    ),
    "Qwen/Qwen2.5-3B": (
        "model.embed_tokens model.norm",
        "model.layers.0.",
        "input_layernorm self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj "
        "post_attention_layernorm mlp.gate_proj mlp.up_proj mlp.down_proj",
    ),
}


@pytest.mark.parametrize("repository", NAMED)
def test_files_and_tensors_are_named_as_the_published_ones(cache, repository):
    from safetensors import safe_open

    folder = model_cache.snapshot(cache[1], repository, REVISION)
    several = fixture.FORMS[repository].files > 1
    names = sorted(path.name for path in folder.glob("*.safetensors*"))
    if several:
        assert names == [
            *(f"model-0000{n}-of-00002.safetensors" for n in (1, 2)),
            model_cache.INDEX,
        ]
        listed = json.loads((folder / model_cache.INDEX).read_text())["weight_map"]
        assert set(listed.values()) == set(names[:2])
    else:
        assert names == [model_cache.WEIGHTS]
    keys = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as tensors:
            keys |= set(tensors.keys())
    around, block, inside = NAMED[repository]
    own = {key for key in keys if not key.startswith("decoder.")}
    plain = {key.removesuffix(".weight").removesuffix(".bias") for key in own}
    first = {key.removeprefix(block) for key in plain if key.startswith(block)}
    assert first == set(inside.split())
    assert {key for key in plain if block[:-2] not in key} == set(around.split())


@pytest.mark.parametrize("repository", PUBLISHED)
def test_a_small_one_goes_through_the_loader(cache, repository):
    folder = model_cache.snapshot(cache[1], repository, REVISION)
    network, kind = transformer.load(folder, CPU)
    assert len({tuple(p.shape) for p in network.parameters()}) > 3
    if transformer.KINDS[kind] == "passages":
        tokens = transformer.tokenizer(folder)
        found = transformer.responses(network, tokens, ["the class", "a list calls"], CPU)
        first = tokens("the class")["input_ids"]
        assert tokens.decode(first).endswith("the class")
        assert (first[0] == 0) == repository.startswith("meta-llama/")  # it begins a passage
    else:
        images = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
        shown = transformer.vision(network)
        found = [layer for _, layer in shown.network.walk(shown.prepared(images))]
        found = [layer.detach().mean((2, 3)).numpy() for layer in found]
    assert [layer.shape for layer in found] == [(2, WIDTH)] * BLOCKS
    assert all(np.isfinite(layer).all() and layer.std(0).min() > 0 for layer in found)


def test_the_bytes_are_the_same_each_time(cache, tmp_path):
    fixture.build(tmp_path, seed=0, models=MODELS, width=WIDTH, heads=4)
    made = [path for path in cache[0].rglob("*") if path.is_file()]
    for path in made:
        assert (tmp_path / path.relative_to(cache[0])).read_bytes() == path.read_bytes(), path


def test_revisions_of_the_fixtures_are_those_of_full(root):
    datasets = yaml.safe_load((root / "config/datasets.yaml").read_text())
    full = yaml.safe_load((root / "config/papers/hierarchical_ot.yaml").read_text())
    held = {}
    for name in ("vision_models", "language_models"):
        held |= datasets[f"{name}_fixture"]["source"]["arguments"]["models"]
    asked = [one for one in full["published"].values() if "repository" in one]
    assert {one["repository"] for one in asked} == set(held) == set(fixture.FORMS)
    for one in asked:
        if one["revision"] is not None:
            assert held[one["repository"]]["revision"] == one["revision"]


def test_a_users_cache_is_read_where_it_lies_index_and_links_included(cache, root, tmp_path):
    """As a hub's client leaves it: the files of a snapshot are links to blobs named by their content."""
    folder, _ = cache
    place, blobs = tmp_path / "hub", tmp_path / "hub/blobs"
    blobs.mkdir(parents=True)
    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        blob, link = blobs / f"{number:064x}", place / path.relative_to(folder)
        blob.write_bytes(path.read_bytes())
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    entry = yaml.safe_load((root / "config/datasets.yaml").read_text())["language_models"]
    manifest = installed(tmp_path / "data", "language_models", entry, user_folder=place)
    files = json.loads(manifest.read_text())["files"]
    base = f"models--meta-llama--Llama-3.2-3B/snapshots/{REVISION}"
    assert f"{base}/{model_cache.INDEX}" in files
    found = model_cache.snapshot(manifest, "meta-llama/Llama-3.2-3B", REVISION)
    network, _ = transformer.load(found, CPU)
    assert network.config.num_hidden_layers == BLOCKS
    with pytest.raises(StudyError, match=r"revision .* expected"):
        model_cache.snapshot(manifest, "meta-llama/Llama-3.2-3B", "cd" * 20)
