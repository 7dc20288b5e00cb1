"""Models in the layout of a hub's cache, whose paths name the revision.

`models--<organisation>--<model>/snapshots/<revision>/`, with config.json, weights as safetensors (one
file, or several that an index lists) and, of language models, the tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.data.needed import Names, Needed

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
INDEX = f"{WEIGHTS}.index.json"  # of weights in several files


def expected(
    folder: Names, models: Iterable[tuple[str, str | None]], *, tokenizer: bool = False
) -> list[Needed]:
    """Return the files of some models.

    Parameters
    ----------
    folder
        The cache.
    models
        Repository and revision; None: whichever lies there.
    tokenizer
        Whether they are read with their tokenizer.
    """
    needed: list[Needed] = []
    for repository, revision in models:
        base = f"{_snapshots(repository)}/{revision or '*'}"
        needed += [(f"{base}/{CONFIG}",), (f"{base}/{WEIGHTS}", f"{base}/{INDEX}")]
        for index in folder.matching(f"{base}/{INDEX}"):
            path = folder.path / index
            with reading(path, "an index of weights (JSON)"):
                parts = set(json.loads(path.read_text())["weight_map"].values())
            needed += [(f"{index.rpartition('/')[0]}/{part}",) for part in sorted(parts)]
        needed += [(f"{base}/{TOKENIZER}",)] if tokenizer else []
    return needed


def _snapshots(repository: str) -> str:
    return f"models--{repository.replace('/', '--')}/snapshots"


def snapshot(weights: Path, repository: str, revision: str | None) -> Path:
    """Return the folder of a model at a revision (None: the only one there), all files present.

    Raises
    ------
    StudyError
        When the dataset has no such model, or not at that revision.
    """
    dataset = manifests.load(weights)
    folder = _snapshots(repository)
    known = sorted({p.split("/")[2] for p in dataset.files if p.startswith(f"{folder}/")})
    if not known:
        models = {p.split("/")[0].removeprefix("models--") for p in dataset.files}
        raise StudyError(
            f"dataset {dataset.name}: has no weights of {repository}"
            f"{nearest(repository.replace('/', '--'), models)}"
        )
    wanted = known if revision is None else [revision]
    if len(wanted) != 1 or wanted[0] not in known:
        raise StudyError(
            f"dataset {dataset.name}: {repository} is there at revision {', '.join(known)}, "
            f"{revision or 'one alone'} expected"
        )
    own = [p for p in dataset.files if p.startswith(f"{folder}/{wanted[0]}/")]
    return {dataset.path(path).parent for path in own}.pop()
