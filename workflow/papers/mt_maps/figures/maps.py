"""Maps of preferred direction, with pinwheels and fractures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from papers.mt_maps.figures.parts import (
    label_of,
    main_arms,
    measured,
    pick,
)
from replicortex.core.files import read_arrays
from replicortex.plotting.look import rows as rows_of
from replicortex.plotting.style import new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def wheel(angle: np.ndarray) -> np.ndarray:
    """Return colours (..., 3) of angles (turns): equal lightness in CIELAB, so that hue alone turns.

    Directions that eyes without red or green receptors confuse lie apart in the blue-yellow part; the
    maps carry contours as well.
    """
    turn = 2 * np.pi * np.asarray(angle)
    lightness = np.full_like(turn, 65.0)
    a, b = 42 * np.cos(turn), 42 * np.sin(turn)
    fy = (lightness + 16) / 116
    fx, fz = fy + a / 500, fy - b / 200

    def linear(f: np.ndarray) -> np.ndarray:
        return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))

    x, y, z = 0.9505 * linear(fx), linear(fy), 1.089 * linear(fz)
    rgb = np.stack(
        [
            3.2406 * x - 1.5372 * y - 0.4986 * z,
            -0.9689 * x + 1.8758 * y + 0.0415 * z,
            0.0557 * x - 0.2040 * y + 1.0570 * z,
        ],
        -1,
    ).clip(0, 1)
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


@styled
def draw(maps: Path, measures: Path) -> Figure:
    """Maps of preferred direction, with pinwheels and fractures."""
    stored, table = read_arrays(maps), measured(measures)
    from matplotlib.lines import Line2D

    looks = main_arms(table)
    wanted = [("clips", "random", "0"), ("clips", "pretrained", "0")]
    wanted += [("clips", "continue", a) for a in ("0.25", "2.5")]
    wanted += [("stills", "pretrained", "0"), ("stills", "continue", "0.25")]
    wanted += [("spatial_only", "restart", "0.25"), ("motion_energy", "reference", "0")]
    wanted = [name for name in wanted if f"{'/'.join(name)}/direction" in stored]
    columns = 4
    rows = -(-len(wanted) // columns)
    figure = new_figure(0.8 + 1.85 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(wanted) :]:
        ax.set_axis_off()
    for ax, name in zip(axes, wanted, strict=False):
        path = "/".join(name)
        direction, axis = (stored[f"{path}/{what}"] / 10 for what in ("direction", "axis"))
        ax.imshow(wheel(direction / 360), origin="lower", interpolation="nearest")
        strength = stored[f"{path}/axis_strength"] / 1000
        found = np.exp(1j * np.deg2rad(direction)), strength * np.exp(2j * np.deg2rad(axis))
        _mark(ax, *found)
        _mark_edge(ax, rows_of(table, measure="edge")["value"].iloc[0], len(direction))
        ax.set(xticks=[], yticks=[])
        arm, network, alpha = name
        source = looks[arm].label.replace("MoCo on ", "") if arm in looks else ""
        ax.set_title(f"{label_of(arm, network, float(alpha))}\n{source}".rstrip(), fontsize=6.5)
        rho = pick(table, "density", arm=arm, network=network, positions="own", stimulus="dots")
        rho = rho[(rho["alpha"] == float(alpha)) & (rho["seed"] == rho["seed"].min())]["value"]
        if len(rho):
            ax.set_xlabel(f"{rho.iloc[0]:.1f} pinwheels per Λ² inside", fontsize=6.5)
    handles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            color="white",
            markeredgecolor="black",
            label="pinwheel +1",
        ),
        Line2D([], [], marker="o", linestyle="none", color="black", label="pinwheel −1"),
        Line2D([], [], color="black", label="fracture: direction reverses, axis goes on"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    _draw_wheel(figure)
    return note(
        figure,
        "First seed; random dots that move; the whole MT sheet (7.07 mm). Dotted: units beyond see padding.\n"
        "Λ: column spacing of each map. "
        "The wheel shows the colour of each direction of motion: hues of one lightness. Where hues look\n"
        "alike, pinwheels and fractures are marked by shape.",
    )


def _mark(ax: Axes, z1: np.ndarray, z2: np.ndarray) -> None:
    """Mark pinwheels of direction and fractures."""
    from matplotlib.collections import LineCollection

    from papers.mt_maps import maps

    right, up = maps.fractures(z1, z2)
    lines = [
        [(c + 0.5, r - 0.5), (c + 0.5, r + 0.5)] for r, c in zip(*np.nonzero(right), strict=True)
    ]
    lines += [
        [(c - 0.5, r + 0.5), (c + 0.5, r + 0.5)] for r, c in zip(*np.nonzero(up), strict=True)
    ]
    ax.add_collection(LineCollection(lines, colors="black", linewidths=0.7))
    found = maps.pinwheels(z1)
    for sign, face in ((1, "white"), (-1, "black")):
        part = found[found[:, 2] == sign]
        ax.scatter(
            part[:, 0], part[:, 1], s=5, c=face, edgecolors="black", linewidths=0.5, zorder=3
        )


def _mark_edge(ax: Axes, share: float, pixels: int) -> None:
    """Mark where pinwheels count: beyond a share of the sheet's side."""
    from matplotlib.patches import Rectangle

    low, size = share * pixels - 0.5, (1 - 2 * share) * pixels
    ax.add_patch(
        Rectangle((low, low), size, size, fill=False, linestyle=":", linewidth=0.8, color="white")
    )


def _draw_wheel(figure: Figure) -> None:
    """Draw the colour wheel in the lower right corner, beside the small print."""
    height = figure.get_figheight()
    size = 0.46
    ax = figure.add_axes([1 - 0.52 / 7.1, 0.17 / height, size / 7.1, size / height])
    x = np.linspace(-1, 1, 121)
    across, up = np.meshgrid(x, x)
    image = np.ones((*across.shape, 4))
    image[..., :3] = wheel(np.mod(np.arctan2(up, across) / (2 * np.pi), 1))
    radius = np.hypot(across, up)
    image[..., 3] = (radius <= 1) & (radius > 0.45)
    ax.imshow(image, origin="lower")
    ax.set_axis_off()
    ax.annotate(
        "",
        (0.93, 0.5),
        (0.5, 0.5),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "->", "lw": 0.7},
    )
    ax.set_in_layout(False)
