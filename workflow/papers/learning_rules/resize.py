"""Pictures brought to a size: short side resized, centre cropped, as the author's transforms do.

[code]: torchvision's Resize and CenterCrop on PIL images, which is PIL's antialiased bilinear
filter; done here by PIL itself, since importing torchvision takes seconds. A test compares them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def square(picture: np.ndarray, px: int) -> np.ndarray:
    """Return a picture whose short side was resized to `px`, cropped to its centre.

    Parameters
    ----------
    picture
        uint8 of shape (height, width, 3).
    px
        Side of the result, pixels.

    Returns
    -------
    uint8 of shape (px, px, 3).
    """
    height, width = picture.shape[:2]
    short = min(height, width)
    size = (px * width // short, px * height // short)
    image = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR)
    left, top = (round((side - px) / 2) for side in image.size)
    return np.asarray(image.crop((left, top, left + px, top + px)))


def stack(pictures: list[np.ndarray], px: int, arm: str, small: int) -> np.ndarray:
    """Return all pictures at one size.

    Parameters
    ----------
    pictures
        uint8 of shape (height, width, 3), any size each.
    px
        Side of the results, pixels.
    arm
        "native": resized to `px`. "upsampled": reduced to `small` first, then enlarged to `px`, so
        that the picture holds no more than it does at `small`.
    small
        Side of the reduced pictures, pixels.

    Returns
    -------
    uint8 of shape (n, px, px, 3).
    """
    if arm == "upsampled":
        pictures = [square(picture, small) for picture in pictures]
    elif arm != "native":
        raise ValueError(f"arm: '{arm}' is unknown; valid are native, upsampled")
    return np.stack([square(picture, px) for picture in pictures])
