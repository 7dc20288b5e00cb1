"""What a network's embedding is measured by."""

from __future__ import annotations

from papers.mt_maps.answers import Answers
from papers.mt_maps.measures import Row


def measure_embedding(answers: Answers) -> list[Row]:
    """Return what `respond` found of the embeddings, a row a measure; none for the reference.

    With them shared_pan, how fast crops moved in training that both views shared.
    """
    rows = [Row(name, float(value)) for name, value in answers.embedding.items()]
    if answers.shared_pan is not None:
        rows.append(Row("shared_pan", answers.shared_pan))
    return rows
