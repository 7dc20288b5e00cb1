"""The sizes of a study, from the smallest; read before anything heavy is imported."""

from typing import Literal, get_args

Scale = Literal["demo", "small", "rehearsal", "full"]
SCALES: tuple[str, ...] = get_args(Scale)
SECTIONS = tuple(scale for scale in SCALES if scale != "full")
