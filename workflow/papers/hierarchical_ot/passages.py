"""The passages that language models learn, and those that they are compared on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from papers.hierarchical_ot.training_settings import Passages
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data import texts


def passages(text: Path, language: Passages) -> tuple[list[str], list[str]]:
    """Return passages to learn from, and passages that models are compared on, in the drawn order.

    Parameters
    ----------
    text
        Manifest of the text.
    language
        How many passages are held out, and how long each is in characters.

    Raises
    ------
    StudyError
        When none would be left to learn from.
    """
    found = texts.passages(texts.read(text), language.context)
    if language.stimuli >= len(found):
        raise StudyError(
            f"language.stimuli: {language.stimuli} of {len(found)} passages leave none to learn "
            "from"
        )
    order = generator(0, "passages").permutation(len(found))
    held, learned = np.split(order, [language.stimuli])
    return [found[n] for n in learned], [found[n] for n in held]
