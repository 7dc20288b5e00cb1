"""One network as it is measured: what it answers, where its units lie, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from papers.mt_maps import tiles
from papers.mt_maps.measures import IDENTITY
from papers.mt_maps.training_settings import LayerSettings, PairSettings, Settings
from replicortex.core.files import read_tensors

# Families to which units of the map layer answer; other layers: the first alone.
OF_MAP = ("gratings", "dots")
JUDGED = "dots"  # the family that swaps never saw: maps to it are drawn
# Gratings at speeds beyond those on whose answers units were swapped.
UNSEEN = "other speeds"


@dataclass(frozen=True)
class Answers:
    """A file of `respond`.

    Attributes
    ----------
    identity
        Its arm, network, alpha and seed: columns of every table.
    name, source
        The network's name within its arm, and what it was trained on.
    map_layer
        The layer whose units make the map.
    layers
        Sheets by name.
    arrays
        "channels/<layer>/<family>" (channels, conditions, directions, 2 halves), "units/<family>" of
        the map layer, "places/<layer>" and "start/<layer>" (units, 2) in mm.
    families
        Conditions and directions of each family of stimuli.
    swaps
        What swaps of positions did, by layer.
    embedding
        What the embedding knows of pairs, by measure.
    swapped_at
        Speeds (pixels per frame) of the gratings on which units were swapped.
    shared_pan
        Mean speed (pixels per frame) of crops that both views of a pair share; None for units that were
        not trained.
    edge
        Width (mm) of the map layer's outermost tiles: units there see padding beside the field.
    """

    identity: dict[str, Any]
    name: str
    source: str
    map_layer: str
    layers: Mapping[str, LayerSettings]
    arrays: Mapping[str, np.ndarray]
    families: Mapping[str, Mapping[str, Any]]
    swaps: Mapping[str, Mapping[str, float]]
    embedding: Mapping[str, float]
    swapped_at: Sequence[float]
    shared_pan: float | None
    edge: float

    def channels(self, layer: str, family: str) -> np.ndarray:
        """Return answers (channels, conditions, directions, 2 halves) of a layer to a family."""
        return self.arrays[f"channels/{layer}/{family}"]

    def has(self, layer: str, family: str) -> bool:
        """Say whether a layer was shown a family."""
        return f"channels/{layer}/{family}" in self.arrays

    def map_responses(self) -> dict[str, np.ndarray]:
        """Return answers (units, conditions, directions, 2) of the map layer by stimulus.

        Those of OF_MAP, and UNSEEN where gratings had such speeds. Swaps never saw the last two.
        """
        found = {family: self.arrays[f"units/{family}"] for family in OF_MAP}
        speeds = [condition["speed"] for condition in self.families[OF_MAP[0]]["conditions"]]
        low, high = min(self.swapped_at), max(self.swapped_at)
        beyond = [k for k, speed in enumerate(speeds) if not low <= speed <= high]
        if beyond:
            found[UNSEEN] = found[OF_MAP[0]][:, beyond]
        return found

    @property
    def side(self) -> float:
        """Edge of the map layer's sheet, mm."""
        return self.layers[self.map_layer].area_mm2 ** 0.5


def read_answers(path: Path) -> Answers:
    """Return a network's answers from a file that `respond` wrote."""
    arrays, described = read_tensors(path)
    settings = Settings.model_validate(described["settings"])
    return Answers(
        identity={name: described[name] for name in IDENTITY},
        name=described["name"],
        source=described["source"],
        map_layer=settings.map_layer,
        layers=settings.layers,
        arrays=arrays,
        families=described["families"],
        swaps=described["swaps"],
        embedding=described["embedding"],
        swapped_at=settings.placing.speeds,
        shared_pan=_shared_pan(settings),
        edge=_edge(settings),
    )


def _shared_pan(settings: Settings) -> float | None:
    clips = settings.clips
    if not isinstance(clips, PairSettings):
        return None
    return sum(clips.pan) / 2 if clips.motion == "together" else 0.0


def _edge(settings: Settings) -> float:
    grids = tiles.grids(settings.network, settings.clips.size)
    grid, finest = grids[settings.map_layer][1], grids["layer1.0"][1]
    side = settings.layers[settings.map_layer].area_mm2 ** 0.5
    return tiles.tile(side, grid, tiles.overlap(finest, grid))
