"""Grids of units over the visual field, and the tile of the sheet on which each cell starts."""

from __future__ import annotations

from papers.mt_maps.training_settings import NetworkSettings

OVERLAP = 0.1  # of tiles on the first layer's grid [code]


def grids(network: NetworkSettings, size: int) -> dict[str, tuple[int, int]]:
    """Return channels and side of every block to clips of `size` pixels, computing nothing."""
    side = -(-size // 2)
    found = {}
    stages = zip(network.widths, network.blocks, network.strides, strict=True)
    for number, (width, blocks, stride) in enumerate(stages, 1):
        side = -(-side // stride)
        found |= {f"layer{number}.{place}": (width, side) for place in range(blocks)}
    return found


def overlap(finest: int, grid: int) -> float:
    """Return the overlap of tiles: 0.1 on the first layer's grid, more as the grid shrinks."""
    return min(0.9, OVERLAP * finest / grid)


def tile(side: float, grid: int, shared: float) -> float:
    """Return the width (mm) of the tiles of grid x grid cells that overlap by a share of it."""
    return side / (grid - grid * shared + shared)
