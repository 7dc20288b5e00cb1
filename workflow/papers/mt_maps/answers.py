"""One network as it is measured: what it answers, where its units lie, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from papers.mt_maps.measures import IDENTITY
from papers.mt_maps.training_settings import LayerSettings
from replicortex.core.files import read_tensors

# Families to which units of the map layer answer; controls, nulls and other layers: the first alone.
OF_MAP = ("gratings", "dots")


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

    def channels(self, layer: str, family: str) -> np.ndarray:
        """Return answers (channels, conditions, directions, 2 halves) of a layer to a family."""
        return self.arrays[f"channels/{layer}/{family}"]

    def has(self, layer: str, family: str) -> bool:
        """Say whether a layer was shown a family."""
        return f"channels/{layer}/{family}" in self.arrays

    @property
    def side(self) -> float:
        """Edge of the map layer's sheet, mm."""
        return self.layers[self.map_layer].area_mm2 ** 0.5


def read_answers(path: Path) -> Answers:
    """Return a network's answers from a file that `respond` wrote."""
    arrays, described = read_tensors(path)
    settings = described["settings"]
    return Answers(
        identity={name: described[name] for name in IDENTITY},
        name=described["name"],
        source=described["source"],
        map_layer=settings["map_layer"],
        layers={
            name: LayerSettings.model_validate(layer) for name, layer in settings["layers"].items()
        },
        arrays=arrays,
        families=described["families"],
        swaps=described["swaps"],
        embedding=described["embedding"],
    )
