"""Batched views against torchvision's functions, parameter for parameter."""

import pytest
import torch

from replicortex.core.randomness import torch_generator
from replicortex.training import views

pytestmark = pytest.mark.numbers

functional = pytest.importorskip("torchvision.transforms.functional")
NUMBERS = {
    "scale": [0.2, 1.0],
    "flip": 0.5,
    "jitter": {"p": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
    "grey": 0.2,
    "blur": {"p": 0.5, "sigma": [0.1, 2.0]},
}


def images(n=24, side=32):
    smooth = torch.rand(n, 3, 8, 8, generator=torch_generator(0, "images"))
    return torch.nn.functional.interpolate(smooth, side, mode="bilinear")


def reference(image, given, row):
    top, left, height, width = given.box[row].tolist()
    out = functional.resized_crop(image, top, left, height, width, [32, 32], antialias=True)
    if given.flip[row]:
        out = functional.hflip(out)
    if given.jitter[row]:
        changes = (
            functional.adjust_brightness,
            functional.adjust_contrast,
            functional.adjust_saturation,
            functional.adjust_hue,
        )
        for kind in given.order[row].tolist():
            out = changes[kind](out, float(given.factors[row, kind]))
    if given.grey[row]:
        out = functional.rgb_to_grayscale(out, 3)
    if given.blur[row]:
        out = functional.gaussian_blur(out, [3, 3], [float(given.sigma[row])] * 2)
    return out


def test_views_are_torchvisions():
    x = images()
    given = views.draw(len(x), 32, NUMBERS, torch_generator(3, "view"))
    assert given.jitter.any() and given.grey.any() and given.blur.any() and given.flip.any()
    ours = views.apply(x, given)
    for row in range(len(x)):
        torch.testing.assert_close(ours[row], reference(x[row], given, row), atol=2e-5, rtol=0)


def test_every_crop_lies_inside_and_has_the_wanted_area():
    given = views.draw(2000, 32, NUMBERS, torch_generator(4, "view"))
    top, left, height, width = given.box.unbind(1)
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + height <= 32).all() and (left + width <= 32).all()
    share = (height * width).float() / 32**2
    assert share.min() > 0.17 and share.max() <= 1
    ratio = width / height
    assert ratio.min() > 0.68 and ratio.max() < 1.5


def test_shares_are_as_asked():
    given = views.draw(4000, 32, NUMBERS, torch_generator(5, "view"))
    for name, share in (("flip", 0.5), ("jitter", 0.8), ("grey", 0.2), ("blur", 0.5)):
        found = getattr(given, name).float().mean()
        assert float(found) == pytest.approx(share, abs=0.03), name
    assert given.factors[:, :3].min() >= 0.6 and given.factors[:, :3].max() <= 1.4
    assert given.factors[:, 3].abs().max() <= 0.1


def test_a_whole_scale_changes_nothing():
    plain = {**NUMBERS, "scale": [1.0, 1.0], "flip": 0.0, "grey": 0.0}
    plain |= {"jitter": {**NUMBERS["jitter"], "p": 0.0}, "blur": {**NUMBERS["blur"], "p": 0.0}}
    x = images()
    given = views.draw(len(x), 32, plain, torch_generator(6, "view"))
    torch.testing.assert_close(views.apply(x, given), x, atol=1e-6, rtol=0)


def batches(**changes):
    pictures = (images(10) * 255).to(torch.uint8).permute(0, 2, 3, 1)
    common = {"batch": 4, "seed": 1, "views": 2, "device": torch.device("cpu")}
    return views.Views(
        pictures,
        torch.arange(10),
        **{**common, **changes},
        draw=lambda count, side, stream: vars(views.draw(count, side, NUMBERS, stream)),
        apply=lambda x, drawn: views.apply(x, views.Parameters(**drawn)),
        mean=[0.5] * 3,
        sd=[0.2] * 3,
    )


def test_batches_hold_all_first_views_then_all_second_ones():
    made = batches()
    assert len(made) == 2
    draws = made.draw(0)
    batch, labels = made.get(draws, 1)
    assert batch.shape == (8, 3, 32, 32)
    assert torch.equal(labels, draws[0][4:8])
    assert not torch.equal(batch[:4], batch[4:])
    again, _ = made.get(made.draw(0), 1)
    assert torch.equal(batch, again)
    other, _ = made.get(made.draw(1), 1)
    assert not torch.equal(batch, other)
