"""Bootstrap over stimuli of Spearman correlations between RDMs, fast enough for 1,000 draws.

A resample of stimuli does not change the order of the pairs' dissimilarities, only how often
each pair occurs: stimuli drawn w_i and w_j times give the pair w_i * w_j times. Each vector is
sorted once; in a draw the ranks, ties averaged, follow from a running sum of the weights in
sorted order, and rho from one weighted matrix product.

Rounding: ranks, weights, their products and sums are whole numbers, held in float64. With n stimuli
a resample has t = n (n - 1) / 2 pairs at most, and no sum of absolute values exceeds t^3. Below 2^53,
for up to 645 stimuli, each is exact, in whatever order a kernel adds: rho is off by the rounding of
a product, a root and a division alone, 2 spacings of 1 (2.2e-16), and is the same to the bit on every
processor. Beyond, sums over m pairs may be off by m spacings of t^3 / 3, and rho by 2 m spacings
(1e-10 for 720 stimuli), times t^3 / (t^3 - summed cubes of the sizes of the groups of ties).
"""

from typing import NamedTuple

import numpy as np

from replicortex.analysis import ties
from replicortex.analysis.compiled import compiled
from replicortex.core import randomness
from replicortex.core.errors import StudyError

# Models whose ranks are held at once: bounds the memory of a draw.
BLOCK_MODELS = 32


class Sorted(NamedTuple):
    """Vectors with the same m pairs, each sorted once."""

    order: np.ndarray  # (k, m), int32: the pair at each place
    starts: list[np.ndarray | None]  # places where each group of ties begins; None without any tie


def resample_weights(n: int, draws: int, seed: int) -> np.ndarray:
    """Draw n stimuli out of n with replacement and count how often each one came.

    Jobs with the same arguments get the same resamples, in the same order.

    Parameters
    ----------
    n : int
        Stimuli.
    draws : int
    seed : int
        Of the stream "stimulus bootstrap" of `replicortex.core.randomness`.

    Returns
    -------
    array of shape (draws, n), int64
        Each row adds up to n.
    """
    chosen = randomness.generator(seed, "stimulus bootstrap").integers(0, n, size=(draws, n))
    rows = n * np.arange(draws)[:, None]
    return np.bincount((chosen + rows).ravel(), minlength=draws * n).reshape(draws, n)


def stimulus_bootstrap(
    models: np.ndarray,
    brains: np.ndarray,
    n_stimuli: int,
    draws: int,
    seed: int,
    pairs: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Spearman's rho, ties averaged, of all models with all brains in each resample of stimuli.

    Stimuli are drawn with replacement. Pairs of a stimulus with itself are dropped, pairs
    outside the mask stay out, the rest is ranked again within the resample. All models and
    brains share the resamples.

    Parameters
    ----------
    models : array of shape (k, m)
        Dissimilarities of the pairs of stimuli as `rdm.upper` orders them, those of the mask.
    brains : array of shape (l, m)
    n_stimuli : int
    draws : int
    seed : int
        See `resample_weights`.
    pairs : bool array of shape (n_stimuli, n_stimuli) or (n_stimuli (n_stimuli - 1) / 2,)
        The pairs to which the m columns belong; None: all. Of a square mask the strict upper
        triangle counts.
    weights : array of shape (draws, n_stimuli), whole numbers
        How often each stimulus comes in each draw, in place of those of `seed`.

    Returns
    -------
    array of shape (draws, k, l), float64

    Raises
    ------
    StudyError
        Shapes that do not fit, NaN, infinity or a constant vector, also within a resample.
    """
    first, second = _pair_indices(n_stimuli, pairs)
    models = _as_vectors(models, len(first), "model")
    brains = _as_vectors(brains, len(first), "brain")
    if weights is None:
        weights = resample_weights(n_stimuli, draws, seed)
    elif weights.shape != (draws, n_stimuli) or weights.dtype.kind not in "iu":
        raise StudyError(
            f"weights of the resamples: expected whole numbers of shape ({draws}, {n_stimuli}), "
            f"found {weights.dtype} of shape {weights.shape}"
        )
    sorted_models, sorted_brains = sort_vectors(models), sort_vectors(brains)
    rho = np.empty((draws, len(models), len(brains)))
    places = first * n_stimuli + second
    space = np.empty((len(brains) + min(BLOCK_MODELS, len(models)), len(first)))
    for draw, counts in enumerate(weights):
        wide = counts.astype(_holding(int(counts.max()) ** 2))
        pair_weights = np.outer(wide, wide).take(places)
        try:
            _correlate(sorted_models, sorted_brains, pair_weights, space, out=rho[draw])
        except StudyError as error:
            raise StudyError(f"resample {draw} of {n_stimuli} stimuli: {error}") from None
    return np.clip(rho, -1.0, 1.0, out=rho)


def percentile_interval(draws: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the first axis: (lower, upper), each of shape draws.shape[1:].

    Linear interpolation between the draws, as NumPy's default.

    Raises
    ------
    StudyError
        Fewer than 2 draws, a level outside (0, 1), or NaN.
    """
    draws = np.asarray(draws, dtype=np.float64)
    if not 0 < level < 1:
        raise StudyError(f"level of an interval: expected a number between 0 and 1, found {level}")
    if draws.ndim == 0 or draws.shape[0] < 2:
        raise StudyError(f"a percentile interval needs at least 2 draws, found {draws.shape}")
    if np.isnan(draws).any():
        raise StudyError(f"{np.isnan(draws).sum()} bootstrap draw(s) are NaN")
    tail = (1.0 - level) / 2.0
    lower, upper = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return lower, upper


def sort_vectors(vectors: np.ndarray) -> Sorted:
    """Sort each row of an array of shape (k, m) once, and find its ties (`ties.tolerance`)."""
    order = np.empty(vectors.shape, dtype=np.int32)
    starts: list[np.ndarray | None] = []
    sorter = ties.Sorter(vectors.shape[1])
    for row, places in zip(vectors, order, strict=True):
        places[:], begins = sorter.groups(row)
        starts.append(begins)
    return Sorted(order, starts)


def _correlate(
    models: Sorted, brains: Sorted, pair_weights: np.ndarray, space: np.ndarray, out: np.ndarray
) -> None:
    """Write the weighted Spearman correlations of one draw into `out`, shape (k, l).

    `space` holds the ranks: (vectors that are held at once, m), float64.
    """
    present = np.flatnonzero(pair_weights != 0)  # some 40 % of the pairs
    if len(present) < 3:
        raise StudyError(f"{len(present)} pair(s) are left, a rank correlation needs 3")
    present_weights = pair_weights[present].astype(np.float64)
    # A small type keeps what is read in sorted order within the cache.
    small = pair_weights.astype(_holding(int(pair_weights.max())))

    # Within the same memory in each draw, however many pairs are present.
    count, held = len(brains.order), min(BLOCK_MODELS, len(models.order))
    m = len(present)
    ranks_b, block = np.split(space.ravel()[: (count + held) * m], [count * m])
    ranks_b, block = ranks_b.reshape(count, m), block.reshape(held, m)  # of no vectors too
    norms_b = _ranks(brains, 0, small, present, ranks_b)
    _refuse_constant(norms_b, "brain", 0)
    for start in range(0, len(models.order), BLOCK_MODELS):
        ranks_m = block[: len(models.order) - start]
        norms_m = _ranks(models, start, small, present, ranks_m)
        _refuse_constant(norms_m, "model", start)
        ranks_m *= present_weights
        products = ranks_m @ ranks_b.T
        out[start : start + len(ranks_m)] = products / np.sqrt(np.outer(norms_m, norms_b))


def _ranks(
    vectors: Sorted, start: int, weights: np.ndarray, present: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """Write doubled, centred mid-ranks of the present pairs into `out`, one row per vector.

    A group of ties that spans the places c + 1 .. c + t of the resample has the mid-rank
    c + (t + 1) / 2; the weighted mean rank is (total + 1) / 2, so that twice their difference
    is c + (c + t) - total, a whole number. Returned are the weighted sums of squares of these,
    (total^3 - sum of t^3) / 3, of shape (len(out),).
    """
    total = int(weights.sum(dtype=np.int64))
    all_cubed = (
        float(total) * float(total) * float(total)
    )  # to the bit what one group of ties gives
    # Of all pairs, the present ones and others.
    ranks = np.empty(len(weights), dtype=np.int32 if total < 2**30 else np.int64)
    taken, square_sums = np.empty(len(present), dtype=ranks.dtype), np.empty(len(out))
    for row in range(len(out)):
        order, starts = vectors.order[start + row], vectors.starts[start + row]
        if starts is None:
            cubes = _rank_each(order, weights, total, ranks)
        else:
            cubes = _rank_groups(order, starts, weights, total, ranks)
        out[row] = ranks.take(present, out=taken, mode="clip")
        square_sums[row] = (all_cubed - cubes) / 3.0
    return square_sums


@compiled
def _rank_each(order: np.ndarray, weights: np.ndarray, total: int, ranks: np.ndarray) -> float:
    """Write the doubled, centred ranks of pairs without ties; return the sum of cubed weights."""
    twice, cubes = -total, 0.0
    for place in range(len(order)):
        pair = order[place]
        weight = int(weights[pair])
        ranks[pair] = twice + weight
        twice += 2 * weight
        size = float(weight)
        cubes += size * size * size
    return cubes


@compiled
def _rank_groups(
    order: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray,
    total: int,
    ranks: np.ndarray,
) -> float:
    """Write the same of groups of ties, which begin at `starts`; return the sum of their cubed weights."""
    twice, cubes = -total, 0.0
    for group in range(len(starts)):
        end = starts[group + 1] if group + 1 < len(starts) else len(order)
        weight = 0
        for place in range(starts[group], end):
            weight += int(weights[order[place]])
        for place in range(starts[group], end):
            ranks[order[place]] = twice + weight
        twice += 2 * weight
        size = float(weight)
        cubes += size * size * size
    return cubes


def _holding(number: int) -> np.dtype:
    """Return the smallest signed type that holds a number."""
    return np.min_scalar_type(-number - 1)


def _refuse_constant(square_sums: np.ndarray, kind: str, start: int) -> None:
    constant = np.flatnonzero(square_sums <= 0)
    if len(constant):
        raise StudyError(
            f"all remaining pairs have the same dissimilarity in {kind} {start + constant[0]}, "
            "so its rank correlation is not defined; more stimuli are needed"
        )


def _pair_indices(n_stimuli: int, pairs: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return first and second stimulus of each pair that counts, (n_pairs,) each.

    Parameters
    ----------
    n_stimuli
        How many there are.
    pairs
        Bool, (n_stimuli, n_stimuli) or one for each pair of the upper triangle; None: all pairs.

    Raises
    ------
    StudyError
        When the mask is of another type or shape.
    """
    first, second = np.triu_indices(n_stimuli, k=1)
    if pairs is None:
        return first, second
    pairs = np.asarray(pairs)
    if pairs.shape == (n_stimuli, n_stimuli):
        pairs = pairs[first, second]
    if pairs.dtype != bool or pairs.shape != first.shape:
        raise StudyError(
            f"mask of pairs: expected true or false for {n_stimuli} stimuli or their "
            f"{len(first)} pairs, found {pairs.dtype} of shape {pairs.shape}"
        )
    return first[pairs], second[pairs]


def _as_vectors(vectors: np.ndarray, n_pairs: int, kind: str) -> np.ndarray:
    """Return vectors of dissimilarities as float64 (vectors, n_pairs), checked.

    Raises
    ------
    StudyError
        Another shape, NaN or infinity, or a vector without any order.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or vectors.shape[1] != n_pairs:
        raise StudyError(
            f"{kind} vectors: expected shape (vectors, {n_pairs}), one column per pair of "
            f"stimuli in the mask, found {vectors.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise StudyError(f"{kind} vectors: NaN or infinity in {len(bad)} row(s), first {bad[0]}")
    constant = np.flatnonzero(ties.constant(vectors)) if n_pairs else np.empty(0, dtype=int)
    if len(constant):
        raise StudyError(f"{kind} vectors: row {constant[0]} has the same value in all pairs")
    return vectors
