"""What a network's embedding is measured by."""

from __future__ import annotations

from papers.mt_maps.answers import Answers
from papers.mt_maps.measures import Row


def measure_embedding(answers: Answers) -> list[Row]:
    """Return what `respond` found of the embeddings, a row a measure; none for the reference."""
    return [Row(name, float(value)) for name, value in answers.embedding.items()]
