"""Noise bounds: how well the best possible model could do, from how much subjects agree."""

from typing import Literal, NamedTuple

import numpy as np

from replicortex.analysis import ties
from replicortex.analysis.bootstrap import stimulus_bootstrap
from replicortex.analysis.rank import spearman
from replicortex.core.errors import StudyError

Pool = Literal["mean", "ranks"]


class Bounds(NamedTuple):
    """Noise bounds, as Spearman's rho."""

    lower: float
    upper: float


def leave_one_out(vectors: np.ndarray, pool: Pool = "mean") -> Bounds:
    """Mean Spearman's rho of each subject's RDM with the mean RDM of the others (lower bound)
    and with the mean RDM of all, the subject included (upper bound).

    Parameters
    ----------
    vectors : array of shape (n_subjects, m), n_subjects >= 2
        The pairs of each subject's RDM.
    pool : "mean" or "ranks"
        What is averaged over subjects. "mean": dissimilarities as they are, which lets subjects
        with a wide range weigh more; the papers' numbers are of this kind. "ranks": each
        subject's ranks; the convention of rsatoolbox for `spearman` and `rho-a`, which gives
        the highest upper bound that one RDM can reach on average.

    Raises
    ------
    StudyError
        One subject only, NaN or infinity, a constant row, or another `pool`.
    """
    others, everyone = pooled(vectors, pool)
    vectors = np.asarray(vectors, dtype=np.float64)
    lower = [spearman(v[None], o[None])[0, 0] for v, o in zip(vectors, others, strict=True)]
    return Bounds(float(np.mean(lower)), float(spearman(vectors, everyone[None]).mean()))


def bootstrap_bounds(
    vectors: np.ndarray,
    n_stimuli: int,
    draws: int,
    seed: int,
    pairs: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    pool: Pool = "mean",
) -> np.ndarray:
    """Noise bounds in resamples of the stimuli, those of `stimulus_bootstrap`.

    The pooled RDMs are those of all stimuli: they are ranked again in each resample, but, with
    `pool="ranks"`, not averaged again.

    Parameters
    ----------
    vectors, pool
        As for `leave_one_out`.
    n_stimuli, draws, seed, pairs, weights
        As for `bootstrap.stimulus_bootstrap`.

    Returns
    -------
    array of shape (draws, 2): lower, upper
    """
    others, everyone = pooled(vectors, pool)
    rho = stimulus_bootstrap(
        np.concatenate([others, everyone[None]]),
        vectors,
        n_stimuli,
        draws,
        seed,
        pairs=pairs,
        weights=weights,
    )
    lower = np.diagonal(rho[:, :-1], axis1=1, axis2=2).mean(axis=1)
    return np.stack([lower, rho[:, -1].mean(axis=1)], axis=1)


def pooled(vectors: np.ndarray, pool: Pool = "mean") -> tuple[np.ndarray, np.ndarray]:
    """Average the RDM vectors: without each subject (n_subjects, m), and over all (m,)."""
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise StudyError(
            f"noise bounds need the RDM vectors of at least 2 subjects, found {vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        raise StudyError(f"noise bounds: NaN or infinity in the RDM of subject {bad[0]}")
    if pool not in ("mean", "ranks"):
        raise StudyError(f"noise bounds: pool is 'mean' or 'ranks', found {pool!r}")
    if pool == "ranks":
        vectors = ties.average_ranks(vectors)
    # Summed anew, not total minus one: that would leave rounding where values are tied.
    keep = ~np.eye(len(vectors), dtype=bool)
    others = np.stack([vectors[rest].mean(axis=0) for rest in keep])
    return others, vectors.mean(axis=0)
