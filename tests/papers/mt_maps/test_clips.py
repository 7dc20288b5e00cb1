"""Clips on the fly: where windows look, which way content moves, what flips and orders do."""

import numpy as np
import pytest
import torch

from papers.mt_maps.clips import ClipPairs, blur, changed, turned, window
from papers.mt_maps.stimuli import moved
from papers.mt_maps.training_settings import PairSettings
from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.data import frames

pytestmark = pytest.mark.numbers

CPU = torch.device("cpu")
NUMBERS = PairSettings(**{
    "frames": 6, "step": 1, "size": 16, "crop": [0.5, 0.6], "flip": "none", "order": "forward",
    "motion": "together",
    "jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}, "jittered": 0.0,
    "grey": 0.0, "blurred": 0.0, "blur": [0.1, 2.0],
    "mean": [0.5], "sd": [0.25], "batch": 4, "steps": 2, "pairs": "instance", "pan": [0, 1.0],
})  # fmt: skip


def changed_to(**change):
    return PairSettings(**{**NUMBERS.model_dump(), **change})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rng = np.random.default_rng(0)
    taken = [(f"v{k}", rng.integers(0, 256, (9, 32, 32, 1), dtype=np.uint8)) for k in range(5)]
    path = tmp_path_factory.mktemp("store") / "shard.safetensors"
    write(path, frames.shard(taken, {}))
    return frames.open_store([path])


def smooth(side, seed=0):
    """A picture without detail finer than some pixels."""
    y, x = np.mgrid[:side, :side] / side
    rng = np.random.default_rng(seed)
    waves = [
        np.sin(2 * np.pi * (a * x + b * y) + c)
        for a, b, c in zip(*rng.uniform(-3, 3, (2, 6)), rng.uniform(0, 6, 6), strict=True)
    ]
    return (0.5 + 0.1 * np.sum(waves, 0)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi / 2, 4.0])
def test_content_moves_along_its_velocity(turn):
    picture = smooth(48)
    clips = torch.from_numpy(picture)[None, None, None].expand(1, 5, 1, 48, 48)
    velocity = torch.tensor([[np.cos(turn), -np.sin(turn)]], dtype=torch.float32)
    half = torch.full((1, 2), 0.5)
    seen = window(clips, torch.tensor([0.5]), half, velocity, torch.tensor([False]), 24)
    # The oracle: the same picture moved by another code, behind a window of the same size.
    other = moved(picture, 5, 24, turn, 1.0)
    np.testing.assert_allclose(seen[0, :, 0], other, atol=0.02)
    assert np.abs(other[0] - other[4]).mean() > 0.02


def test_a_flip_mirrors_content_and_its_motion():
    clips = torch.from_numpy(smooth(48))[None, None, None].expand(1, 5, 1, 48, 48)
    velocity, half = torch.tensor([[1.0, 0.3]]), torch.full((1, 2), 0.5)
    seen, mirrored = (
        window(clips, torch.tensor([0.5]), half, velocity, torch.tensor([flip]), 24)
        for flip in (False, True)
    )
    torch.testing.assert_close(mirrored, seen.flip(-1))


def test_the_same_epoch_gives_the_same_pairs_and_another_gives_others(store):
    pairs = ClipPairs(store, NUMBERS, 3, CPU)
    one, again, other = (pairs.get(pairs.draw(epoch), 1) for epoch in (0, 0, 1))
    assert one[0].shape == (2, 4, 1, 6, 16, 16)
    assert torch.equal(one[0], again[0]) and torch.equal(one[1], again[1])
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("paired", ["instance", "velocity"])
@pytest.mark.parametrize("motion", ["together", "apart"])
def test_pairs_share_picture_and_velocity_two_by_two(store, paired, motion):
    """And all else that is drawn is the same: only what is shared differs between the four."""
    numbers = changed_to(pairs=paired, motion=motion, batch=200, pan=[1.0, 2.0])
    drawn = ClipPairs(store, numbers, 0, CPU).draw(0)
    one, other = drawn["velocity"].unbind(1)
    speed = torch.stack([one, other]).norm(dim=-1)
    assert speed.min() >= 1 - 1e-6 and speed.max() <= 2 + 1e-6
    cosine = (one * other).sum(1) / speed[0] / speed[1]
    if motion == "together":
        assert torch.equal(one, other)
    else:
        assert abs(float(cosine.mean())) < 0.15 and float(cosine.std()) > 0.6
    same = (drawn["video"][:, 0] == drawn["video"][:, 1]).float().mean()
    assert same == 1 if paired == "instance" else abs(same - 1 / 5) < 0.1
    usual = ClipPairs(store, numbers.model_copy(update={"motion": "together"}), 0, CPU).draw(0)
    for name, values in usual.items():
        assert name == "velocity" or torch.equal(values, drawn[name])


def test_every_video_comes_equally_often(store):
    draws = ClipPairs(store, changed_to(batch=5, steps=3), 0, CPU).draw(0)
    assert np.bincount(draws["items"]).tolist() == [3] * 5
    assert torch.equal(draws["video"][:, 0], draws["video"][:, 1])


def test_velocity_pairs_share_motion_and_not_the_picture(store):
    numbers = changed_to(pairs="velocity", batch=50, steps=4, pan=[0.5, 1.0])
    draws = ClipPairs(store, numbers, 0, CPU).draw(0)
    assert torch.equal(draws["velocity"][:, 0], draws["velocity"][:, 1])
    assert (draws["video"][:, 0] != draws["video"][:, 1]).float().mean() > 0.6
    x, y = draws["velocity"][:, 0].T
    speed = torch.hypot(x, y)
    assert 0.5 <= float(speed.min()) < 0.55 and 0.95 < float(speed.max()) <= 1.0
    bins = torch.floor(torch.atan2(-y, x) % (2 * torch.pi) / (2 * torch.pi) * 16).long()
    assert (bins == draws["items"]).float().mean() > 0.99


@pytest.mark.parametrize(("flip", "share"), [("none", 0), ("shared", 1), ("independent", 0.5)])
def test_flips_are_shared_or_not(store, flip, share):
    draws = ClipPairs(store, changed_to(flip=flip, steps=100), 0, CPU).draw(0)
    one, other = draws["flip"].T
    assert float(one.float().mean()) == pytest.approx(0 if flip == "none" else 0.5, abs=0.08)
    together = float((one == other).float().mean())
    assert together == pytest.approx(1 if share != 0.5 else 0.5, abs=0.08)


def test_orders_of_frames(store):
    def views(order):
        numbers = changed_to(order=order)
        return ClipPairs(store, numbers, 0, CPU).get(ClipPairs(store, numbers, 0, CPU).draw(0), 0)[
            0
        ]

    plain, static, mixed, back = map(views, ("forward", "static", "shuffled", "reversed"))
    assert torch.equal(static, plain[:, :, :, :1].expand_as(plain))
    assert not torch.equal(mixed, plain)
    torch.testing.assert_close(mixed.sort(3).values, plain.sort(3).values)
    turned = torch.isclose(back, plain.flip(3)).flatten(2).all(2)
    kept = torch.isclose(back, plain).flatten(2).all(2)
    assert bool((turned | kept).all()) and turned.any() and kept.any()


def test_all_frames_of_a_clip_change_alike():
    clip = torch.from_numpy(smooth(16)).expand(2, 5, 1, 16, 16)
    factors = torch.tensor([[1.3, 0.7, 1.0, 0.3], [1.0, 1.0, 1.0, 0.0]])
    yes = torch.tensor([True, True])
    out = changed(clip, factors, yes, torch.tensor([False, False]))
    assert torch.equal(out[0, :1].expand_as(out[0]), out[0])
    torch.testing.assert_close(out[1], clip[1])
    bright = (clip[0] * 1.3).clamp(0, 1)
    expected = ((bright - bright.mean()) * 0.7 + bright.mean()).clamp(0, 1)
    torch.testing.assert_close(out[0], expected)


@pytest.fixture
def colours():
    """Two clips of three frames with grey, saturated and mixed pixels."""
    clips = torch.from_numpy(np.random.default_rng(0).random((2, 3, 3, 20, 20), np.float32))
    clips[:, :, :, 0] = 0.4
    clips[:, :, :, 1] = torch.eye(3)[:, :, None].expand(3, 3, 20)[None]
    return clips


def test_hue_turns_as_torchvisions(colours):
    from torchvision.transforms.v2.functional import adjust_hue

    turns = torch.tensor([0.1, -0.35])
    out = turned(colours, turns[:, None, None, None])
    for clip, turn, colour in zip(out, turns, colours, strict=True):
        torch.testing.assert_close(clip, adjust_hue(colour, float(turn)), atol=2e-6, rtol=0)
    # Within the changes of light, hue comes last and before grey.
    factors = torch.tensor([[1.2, 0.8, 0.7, 0.1], [1.0, 1.0, 1.0, 0.1]])
    yes, no = torch.tensor([True, True]), torch.tensor([False, False])
    still = torch.cat([factors[:, :3], torch.zeros(2, 1)], 1)
    both = changed(colours, factors, yes, no)
    for clip, other in zip(both, changed(colours, still, yes, no), strict=True):
        torch.testing.assert_close(clip, adjust_hue(other, 0.1), atol=2e-6, rtol=0)
    torch.testing.assert_close(changed(colours, factors, no, no), colours)
    grey = changed(colours, factors, yes, yes)
    torch.testing.assert_close(grey[:, :, 0], grey[:, :, 2])


def test_blur_is_torchvisions_with_one_sigma_for_a_clip(colours):
    from torchvision.transforms.v2.functional import gaussian_blur

    out = blur(colours, torch.tensor([0.7, 2.0]), 2.0)
    for clip, sigma, colour in zip(out, (0.7, 2.0), colours, strict=True):
        torch.testing.assert_close(clip, gaussian_blur(colour, [13, 13], [sigma, sigma]))
    torch.testing.assert_close(blur(colours, torch.zeros(2), 2.0), colours)
    assert blur(colours[..., :4, :4], torch.tensor([2.0, 2.0]), 2.0).shape[-1] == 4


def test_shares_of_blur_and_hue_change_views_and_leave_the_rest_of_the_draw(store):
    def get(**change):
        pairs = ClipPairs(store, changed_to(steps=50, **change), 0, CPU)
        return pairs, pairs.draw(0)

    plain, draws = get()
    blurred, others = get(blurred=0.5)
    assert float(others["blurred"].float().mean()) == pytest.approx(0.5, abs=0.08)
    sigma = others["sigma"]
    assert 0.1 <= float(sigma.min()) < 0.2 and 1.9 < float(sigma.max()) <= 2.0
    assert all(torch.equal(draws[n], others[n]) for n in draws if n != "blurred")
    one, other = plain.get(draws, 0)[0], blurred.get(others, 0)[0]
    same = torch.isclose(one, other).flatten(2).all(2)
    assert torch.equal(same, ~others["blurred"][:4].T)
    _, wide = get(jitter={**NUMBERS.jitter.model_dump(), "hue": 0.5})
    assert torch.equal(wide["factors"][..., :3], draws["factors"][..., :3])
    assert float(draws["factors"][..., 3].abs().max()) <= 0.1
    torch.testing.assert_close(wide["factors"][..., 3], 5 * draws["factors"][..., 3])


def test_a_window_that_leaves_the_frame_and_too_few_videos_are_told(store):
    with pytest.raises(StudyError, match=r"clips\.crop: a window of 0\.9 of the frame that pans"):
        ClipPairs(store, changed_to(crop=[0.5, 0.9]), 0, CPU)
    one = frames.Store(store.shards, store.videos[:1], {})
    with pytest.raises(StudyError, match="1 can be used, at least 2"):
        ClipPairs(one, NUMBERS, 0, CPU)
