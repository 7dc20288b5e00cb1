"""Batches: subset, augmentation and normalisation against slow references."""

import numpy as np
import pytest
import torch

from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator
from replicortex.training.augment import Batches, draw, normalise, subset

pytestmark = pytest.mark.numbers

MEAN, SD = [0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]


def make(count: int = 24, *, padding: int = 4, flip: bool = True, seed: int = 3) -> Batches:
    pictures = torch.randint(
        0, 256, (count, 8, 8, 3), dtype=torch.uint8, generator=torch_generator(0, "pictures")
    )
    return Batches(
        pictures,
        torch.arange(count),
        batch=5,
        seed=seed,
        padding=padding,
        flip=flip,
        mean=MEAN,
        sd=SD,
        device=torch.device("cpu"),
    )


def test_batch_equals_one_image_at_a_time() -> None:
    batches = make()
    side, wide = 8, 16
    pictures = batches.pixels.view(24, wide, wide, 3)[:, 4:12, 4:12].numpy()
    draws = batches.draw(2)
    for step in range(len(batches)):
        images, labels = batches.get(draws, step)
        assert images.is_contiguous(memory_format=torch.channels_last)
        for place in range(5):
            at = step * 5 + place
            which = int(draws.order[at])
            picture = pictures[which]
            if draws.flip[at]:
                picture = picture[:, ::-1]
            padded = np.zeros((wide, wide, 3))
            padded[4:12, 4:12] = picture
            top, left = int(draws.top[at]), int(draws.left[at])
            crop = padded[top : top + side, left : left + side] / 255
            expected = ((crop - MEAN) / SD).transpose(2, 0, 1)
            np.testing.assert_allclose(images[place].numpy(), expected, atol=2e-6)
            assert labels[place] == which


def test_incomplete_batch_is_dropped_and_nothing_repeats() -> None:
    batches = make()
    draws = batches.draw(0)
    seen = torch.cat([batches.get(draws, step)[1] for step in range(len(batches))])
    assert len(batches) == 4
    assert len(seen) == len(seen.unique()) == 20


def test_draws_cover_their_range_and_depend_on_seed_and_epoch() -> None:
    one = draw(4000, 7, 0, padding=4, flip=True)
    assert one.top.unique().tolist() == one.left.unique().tolist() == list(range(9))
    assert 0.45 < one.flip.float().mean() < 0.55
    assert torch.equal(one.order.sort().values, torch.arange(4000))
    again = draw(4000, 7, 0, padding=4, flip=True)
    assert all(
        torch.equal(a, b) for a, b in zip(vars(one).values(), vars(again).values(), strict=True)
    )
    for seed, epoch in ((7, 1), (8, 0)):
        other = draw(4000, seed, epoch, padding=4, flip=True)
        assert not any(
            torch.equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
        )


def test_flip_off_leaves_the_crops_alone() -> None:
    with_, without = draw(50, 1, 0, padding=2, flip=True), draw(50, 1, 0, padding=2, flip=False)
    assert not without.flip.any() and with_.flip.any()
    assert torch.equal(with_.top, without.top) and torch.equal(with_.order, without.order)


def test_no_padding_no_flip_gives_the_images() -> None:
    batches = make(padding=0, flip=False)
    draws = batches.draw(0)
    images, labels = batches.get(draws, 1)
    expected = normalise(batches.pixels.view(24, 8, 8, 3)[labels], MEAN, SD)
    assert torch.equal(images, expected)


def test_subset_is_the_start_of_a_seeded_permutation() -> None:
    chosen = subset(100, 30, 42)
    assert len(chosen.unique()) == 30
    assert torch.equal(chosen, subset(100, 50, 42)[:30])
    assert not torch.equal(chosen, subset(100, 30, 43))


def test_more_images_than_there_are() -> None:
    with pytest.raises(StudyError, match=r"training\.images: 9000 .* has 8000"):
        subset(8000, 9000, 1)
