"""Quantities that several papers meet: what they are called, their unit and their symbol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A measured quantity as figures and tables name it."""

    name: str
    unit: str = ""
    symbol: str = ""

    @property
    def axis(self) -> str:
        """Label of an axis: name, symbol and, in brackets, the unit."""
        words = f"{self.name} {self.symbol}".strip()
        return f"{words} ({self.unit})" if self.unit else words

    def change(self) -> Quantity:
        """The change of this quantity, in the same unit."""
        name = self.name
        if name.split()[0] not in _NAMES_OF_PEOPLE:
            name = f"{name[0].lower()}{name[1:]}"
        return Quantity(f"Change of {name}", self.unit, self.symbol)


_NAMES_OF_PEOPLE = ("Spearman's", "Pearson's", "Cohen's", "Moran's")

EPOCHS = Quantity("Training", "epochs")
RHO = Quantity("Spearman's", symbol="ρ")
ACCURACY = Quantity("Accuracy", "%")
LOSS = Quantity("Loss", "nats")
IMAGE_SIZE = Quantity("Side of the images shown", "pixels")
DISPLACEMENT = Quantity("Weights moved", "% of their initial norm")
MORANS_I = Quantity("Moran's", symbol="I")
