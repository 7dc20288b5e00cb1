"""Small pictures for galleries: a page of them is to open at once, and to be small on disk."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SIZE = (480, 300)  # px at most
COLOURS = 64
TALL = 1.2  # times its width: of a taller picture, which is a list, only the top is shown


def thumbnail(picture: Path, target: Path) -> bool:
    """Write a small copy of a picture; return whether it could be read.

    It carries nothing of the record: whoever asks about a copy asks with the full picture.
    """
    try:
        with Image.open(picture) as opened:
            image = opened.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    if image.height > TALL * image.width:
        image = image.crop((0, 0, image.width, round(image.width * SIZE[1] / SIZE[0])))
    image.thumbnail(SIZE, Image.Resampling.LANCZOS)
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    target.parent.mkdir(parents=True, exist_ok=True)
    small = white.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(target, "PNG", optimize=True)
    return True
