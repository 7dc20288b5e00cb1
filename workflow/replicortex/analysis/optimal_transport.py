"""Hierarchical optimal transport between two systems of layers (Shah and Khosla, arXiv 2510.01706).

Layers are matched by a plan over layers (outer level) whose costs are soft matchings of units
(inner level), both with uniform marginals and both exact. From a notebook:

    result = hot(source_layers, target_layers, seed=0)
    result.fit.plan, result.scores

Layers are arrays (stimuli, units); rows are the same stimuli everywhere. Everything is fitted on the
training stimuli; scores come from the others. Correlations, costs and scores have no unit.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from replicortex.errors import StudyError
from replicortex.randomness import generator

FEWEST_STIMULI = 10
ITERATIONS = 10_000_000  # of the network simplex; to reach them is an error
MARGIN = 1e-10  # largest error of a plan's marginals
FLAT = 1e-8  # standard deviation below which a unit counts as constant
RULES = (
    "hot",
    "random",
    "single_best",
    "pairwise_best",
    "uniform",
    "top_k",
    "staircase",
    "softmax",
)


def solve(cost: np.ndarray, solver: str = "auto", iterations: int = ITERATIONS) -> np.ndarray:
    """Return the cheapest plan (n, m) whose rows sum to 1/n and whose columns sum to 1/m.

    Parameters
    ----------
    cost
        (n, m), finite.
    solver
        "auto": assignment where one width divides the other (each row or column is repeated, which
        changes neither cost nor marginals), else network simplex; "simplex" or "assignment".
    iterations
        Cap of the network simplex.

    Raises
    ------
    StudyError
        When the cost is not finite, the solver unknown or unfit, or the cap is reached.
    """
    cost = np.ascontiguousarray(cost, dtype=np.float64)
    if cost.ndim != 2 or 0 in cost.shape or not np.isfinite(cost).all():
        raise StudyError(f"cost of shape {cost.shape}: a finite, non-empty matrix expected")
    if solver not in ("auto", "simplex", "assignment"):
        raise StudyError(f"solver: '{solver}' is unknown; valid are auto, simplex, assignment")
    n, m = cost.shape
    divides = max(n, m) % min(n, m) == 0
    if solver == "assignment" and not divides:
        raise StudyError(f"solver 'assignment': neither of {n} and {m} divides the other")
    plan = _assign(cost) if divides and solver != "simplex" else _simplex(cost, iterations)
    check_marginals(plan)
    return plan


def _assign(cost: np.ndarray) -> np.ndarray:
    n, m = cost.shape
    if n > m:
        return _assign(cost.T).T
    times = m // n
    rows, columns = linear_sum_assignment(np.repeat(cost, times, axis=0))
    plan = np.zeros((n, m))
    plan[rows // times, columns] = 1 / m
    return plan


def _simplex(cost: np.ndarray, iterations: int) -> np.ndarray:
    import ot

    n, m = cost.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the log says the same, and becomes an error below
        plan, log = ot.emd(
            np.full(n, 1 / n), np.full(m, 1 / m), cost, numItermax=iterations, log=True
        )
    if log["warning"]:
        raise StudyError(
            f"optimal transport {n} x {m}: no optimum within {iterations} iterations "
            f"({log['warning']})"
        )
    return plan


def check_marginals(plan: np.ndarray) -> None:
    """Raise StudyError unless a plan is non-negative with uniform marginals, to 1e-10."""
    n, m = plan.shape
    error = max(np.abs(plan.sum(1) - 1 / n).max(), np.abs(plan.sum(0) - 1 / m).max())
    if error > MARGIN or plan.min() < -MARGIN:
        raise StudyError(f"plan {n} x {m}: marginals are off by {error:.2g}")


@dataclass
class Scaled:
    """Layers with their dead units dropped, scaled by the training stimuli.

    `layers` hold all stimuli, `kept` is a mask of units for each layer, `dropped` their number.
    """

    layers: list[np.ndarray]
    kept: list[np.ndarray]
    dropped: list[int]


def scale(layers: Sequence[np.ndarray], train: np.ndarray, by: str = "unit") -> Scaled:
    """Return layers whose units have mean 0 over the training stimuli, scaled by unit or layer.

    Units that are constant over the training stimuli, or not finite anywhere, are dropped and
    counted. By unit: standard deviation 1. By layer: one factor, mean variance of a unit 1 (as
    rotations mix units, section 2.5).

    Raises
    ------
    StudyError
        When a layer keeps no unit.
    """
    if by not in ("unit", "layer"):
        raise StudyError(f"scale by '{by}' is unknown; valid are unit, layer")
    scaled, masks = [], []
    for number, layer in enumerate(layers):
        layer = np.asarray(layer, dtype=np.float64)
        finite = np.isfinite(layer).all(0)
        sd = np.where(finite, np.where(finite, layer, 0)[train].std(0), 0)
        kept = sd >= FLAT
        if not kept.any():
            raise StudyError(f"layer {number}: all {layer.shape[1]} units are constant or NaN")
        units = layer[:, kept]
        units = units - units[train].mean(0)
        units /= sd[kept] if by == "unit" else np.sqrt((sd[kept] ** 2).mean())
        scaled.append(units)
        masks.append(kept)
    return Scaled(scaled, masks, [int((~mask).sum()) for mask in masks])


@dataclass
class Fit:
    """Both levels of a match, fitted on training stimuli.

    Attributes
    ----------
    costs
        (L, M): cost of each pair of layers.
    plan
        (L, M): the outer plan; rows sum to 1/L, columns to 1/M.
    cost
        sum of costs * plan.
    inner
        [l][m]: row-stochastic maps n_l * Q of target to source units, sparse (n_l, n_m).
    rotations
        [l][m]: orthogonal (n_l, n_l), or None without rotation.
    forced
        The plan is the same whatever the data, since one system has a single layer.
    capped
        Pairs whose alternation ended at its cap instead of converging.
    """

    costs: np.ndarray
    plan: np.ndarray
    cost: float
    inner: list[list[sparse.csr_array]]
    rotations: list[list[np.ndarray]] | None
    forced: bool
    capped: int = 0


def match_units(products: np.ndarray) -> tuple[float, sparse.csr_array]:
    """Return the soft-matching cost and map of one pair of layers.

    Parameters
    ----------
    products
        (n, m): Pearson correlations of source and target units over the training stimuli.

    Returns
    -------
    Sum of Q * (1 - correlation), and n * Q as a sparse array (n, m).
    """
    cost = 1 - products
    plan = solve(cost)
    return float((cost * plan).sum()), sparse.csr_array(len(plan) * plan)


@dataclass
class Rotated:
    """Soft matching with a rotation of the source's units.

    `cost` is |X R - Y (nQ)'|^2, `objective` the linear objective <Q, M(R)> after each half step,
    with squared Euclidean M.
    """

    cost: float
    inner: sparse.csr_array
    rotation: np.ndarray
    objective: list[float] = field(default_factory=list)
    converged: bool = True


def match_rotated(
    source: np.ndarray,
    target: np.ndarray,
    iterations: int = 20,
    tolerance: float = 1e-6,
    closed_form: bool = True,
) -> Rotated:
    """Return the soft matching of one pair of layers with an orthogonal R (section 2.5).

    Equal widths have a closed form, orthogonal Procrustes: Q is a permutation, which R absorbs.
    Otherwise transport and Procrustes alternate from R = I; the linear objective must not rise.

    Parameters
    ----------
    source, target
        (stimuli, n) and (stimuli, m), centred.
    iterations, tolerance
        The alternation ends when its objective changes by less than this share, or at the cap.
    closed_form
        False: alternate at equal widths too (a check).
    """
    n, m = source.shape[1], target.shape[1]
    products = source.T @ target
    power = np.einsum("tn,tn->", source, source), np.einsum("tm,tm->", target, target)
    if n == m and closed_form:
        left, values, right = np.linalg.svd(products)
        cost = power[0] + power[1] - 2 * values.sum()
        return Rotated(float(cost), sparse.csr_array(np.eye(n)), left @ right)
    constant = power[0] / n + power[1] / m
    rotation = np.eye(n)
    objective: list[float] = []
    converged = False
    for _ in range(iterations):
        turned = rotation.T @ products
        plan = solve(-2 * turned)
        objective.append(float(constant - 2 * (plan * turned).sum()))
        left, _, right = np.linalg.svd(products @ plan.T)
        rotation = left @ right
        objective.append(float(constant - 2 * (plan * (rotation.T @ products)).sum()))
        if np.diff(objective).max(initial=0) > 1e-9 * constant:
            raise StudyError("rotation: the linear objective rose, which an exact solver forbids")
        if len(objective) > 2 and objective[-3] - objective[-1] <= tolerance * abs(objective[-3]):
            converged = True
            break
    inner = sparse.csr_array(n * plan)
    residual = source @ rotation - (inner @ target.T).T
    return Rotated(float((residual**2).sum()), inner, rotation, objective, converged)


def fit(
    source: Sequence[np.ndarray],
    target: Sequence[np.ndarray],
    rotate: bool = False,
    iterations: int = 20,
    workers: int = 1,
) -> Fit:
    """Return the two-level match of scaled layers, given over the training stimuli only.

    Parameters
    ----------
    source, target
        Layers (stimuli, units) from `scale`.
    rotate
        Add a rotation to each pair (HOT+R).
    iterations
        Cap of the alternation of HOT+R.
    workers
        Processes over source layers; pays from about 1,500 units a layer. Never changes a result.
    """
    tasks = [(layer, target, rotate, iterations) for layer in source]
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            rows = list(pool.map(_match_row, tasks))
    else:
        rows = [_match_row(task) for task in tasks]
    costs = np.array([[pair.cost for pair in row] for row in rows])
    plan = solve(costs)
    return Fit(
        costs=costs,
        plan=plan,
        cost=float((costs * plan).sum()),
        inner=[[pair.inner for pair in row] for row in rows],
        rotations=[[pair.rotation for pair in row] for row in rows] if rotate else None,
        forced=min(costs.shape) == 1,
        capped=sum(not pair.converged for row in rows for pair in row),
    )


def _match_row(task: tuple[np.ndarray, Sequence[np.ndarray], bool, int]) -> list[Rotated]:
    layer, target, rotate, iterations = task
    if rotate:
        return [match_rotated(layer, other, iterations) for other in target]
    # One product for all target layers; only one source layer's products are held at a time.
    products = layer.T @ np.concatenate(target, axis=1) / len(layer)
    found = []
    for block in np.split(products, np.cumsum([t.shape[1] for t in target])[:-1], axis=1):
        cost, inner = match_units(block)
        found.append(Rotated(cost, inner, np.empty((0, 0))))
    return found


def staircase(n: int, m: int) -> np.ndarray:
    """Return the plan (n, m) that matches layers by relative depth alone (north-west corner)."""
    edges = np.unique(np.concatenate([np.arange(n + 1) * m, np.arange(m + 1) * n]))
    plan = np.zeros((n, m))
    np.add.at(plan, (edges[:-1] // m, edges[:-1] // n), np.diff(edges) / (n * m))
    return plan


def weights(found: Fit, rule: str, temperature: float = 0.05, top: int | None = None) -> np.ndarray:
    """Return the share (L, M) of each target layer in the prediction of each source layer.

    Rows sum to 1. Rules: hot, the plan; single_best, its largest entry; pairwise_best, the cheapest
    target layer; uniform; top_k, the `top` cheapest (M / L, rounded, unless given); staircase;
    softmax of -cost / temperature.

    Raises
    ------
    StudyError
        When the rule is unknown ("random" is drawn by `hot`).
    """
    layers, others = found.costs.shape
    if rule == "hot":
        return layers * found.plan
    if rule == "single_best":
        return np.eye(others)[found.plan.argmax(1)]
    if rule == "pairwise_best":
        return np.eye(others)[found.costs.argmin(1)]
    if rule == "uniform":
        return np.full((layers, others), 1 / others)
    if rule == "top_k":
        k = top or max(1, round(others / layers))
        order = np.argsort(found.costs, axis=1, kind="stable")[:, :k]
        return np.eye(others)[order].mean(1)
    if rule == "staircase":
        return layers * staircase(layers, others)
    if rule == "softmax":
        share = np.exp(-(found.costs - found.costs.min(1, keepdims=True)) / temperature)
        return share / share.sum(1, keepdims=True)
    raise StudyError(f"rule '{rule}' is unknown; valid are {', '.join(RULES)}")


def correlate(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Pearson correlations of columns, shape (units,); NaN where a column is constant."""
    one, other = one - one.mean(0), other - other.mean(0)
    power = np.einsum("tn,tn->n", one, one) * np.einsum("tn,tn->n", other, other)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(power > 1e-24, np.einsum("tn,tn->n", one, other) / np.sqrt(power), np.nan)


def predictions(found: Fit, target: Sequence[np.ndarray], layer: int) -> np.ndarray:
    """Return what each target layer says of one source layer, (M, stimuli, n_l)."""
    told = []
    for other, values in enumerate(target):
        one = (found.inner[layer][other] @ values.T).T
        told.append(one if found.rotations is None else one @ found.rotations[layer][other].T)
    return np.stack(told)


@dataclass
class Result:
    """What `hot` returns.

    Attributes
    ----------
    fit
        Costs, plans and maps.
    scores
        Rule -> held-out score: mean over source layers of the mean correlation of a unit with its
        reconstruction.
    by_layer
        Rule -> scores (L,).
    undefined
        Units left out of a mean because they, or their reconstructions, are constant on the
        held-out stimuli: summed over layers and rules.
    dropped
        Dead units of (source, target), in all layers.
    note
        "" or what a reader must know: the plan is forced.
    """

    fit: Fit
    scores: dict[str, float]
    by_layer: dict[str, np.ndarray]
    undefined: int
    dropped: tuple[int, int]
    note: str


def split(stimuli: int, seed: int, held_out: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Return indices of training and held-out stimuli."""
    order = generator(seed, "split").permutation(stimuli)
    n = max(2, round(held_out * stimuli))
    return np.sort(order[n:]), np.sort(order[:n])


def hot(
    source: Sequence[np.ndarray],
    target: Sequence[np.ndarray],
    *,
    seed: int,
    rotate: bool = False,
    rules: Sequence[str] = RULES,
    held_out: float = 0.2,
    shuffles: int = 20,
    temperature: float = 0.05,
    iterations: int = 20,
    workers: int = 1,
) -> Result:
    """Match two systems on a part of the stimuli, and reconstruct the source on the rest.

    Parameters
    ----------
    source, target
        Layers (stimuli, units), in their order; the same stimuli in every row.
    seed
        Of the split of the stimuli and of the shuffles.
    rotate
        HOT+R: a rotation for each pair of layers. Layers are then scaled as wholes.
    rules
        Which of RULES to score; "random" is the mean over `shuffles` of the plan's rows.
    held_out
        Share of the stimuli that are only predicted.
    temperature
        Of the softmax rule, in units of cost.
    iterations, workers
        See `fit`.

    Raises
    ------
    StudyError
        When stimuli differ in number or are fewer than 10, a layer has no live unit, or a solver
        reaches its cap.
    """
    counts = sorted({len(layer) for layer in [*source, *target]})
    if not source or not target or len(counts) != 1:
        raise StudyError(f"layers must share their stimuli; found layers of {counts} stimuli")
    if counts[0] < FEWEST_STIMULI:
        raise StudyError(f"{counts[0]} stimuli are too few; at least {FEWEST_STIMULI} are needed")
    train, test = split(counts[0], seed, held_out)
    by = "layer" if rotate else "unit"
    x, y = scale(source, train, by), scale(target, train, by)
    found = fit(
        [layer[train] for layer in x.layers],
        [layer[train] for layer in y.layers],
        rotate,
        iterations,
        workers,
    )
    random = generator(seed, "shuffles")
    shares: dict[str, list[np.ndarray]] = {}
    for rule in rules:
        if rule == "random":
            plan = len(found.plan) * found.plan
            shares[rule] = [plan[random.permutation(len(plan))] for _ in range(shuffles)]
        else:
            shares[rule] = [weights(found, rule, temperature)]
    held = [layer[test] for layer in y.layers]
    scores = {rule: np.zeros(len(x.layers)) for rule in shares}
    undefined = 0
    for number, layer in enumerate(x.layers):
        told = predictions(found, held, number)
        for rule, drawn in shares.items():
            one = [correlate(layer[test], np.tensordot(w[number], told, 1)) for w in drawn]
            undefined += int(np.isnan(one).sum())
            scores[rule][number] = np.nanmean(one) if np.isfinite(one).any() else np.nan
    return Result(
        fit=found,
        scores={rule: float(values.mean()) for rule, values in scores.items()},
        by_layer=scores,
        undefined=undefined,
        dropped=(sum(x.dropped), sum(y.dropped)),
        note="one system has a single layer: the plan is uniform whatever the data"
        if found.forced
        else "",
    )


def three_levels(costs: np.ndarray) -> tuple[float, np.ndarray]:
    """Return cost and plan of the third level: checkpoints matched by their two-level costs.

    Parameters
    ----------
    costs
        (C_A, C_B): outer cost of each pair of checkpoints.
    """
    plan = solve(costs)
    return float((np.asarray(costs) * plan).sum()), plan
