"""Figure 1C: a hundred units, two images, one target, eight regressions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replicortex.analysis.encoding import fit, reorientation

TARGET = np.array([[3.0], [2.5]])
KINDS = ("ols", "lasso", "elastic_net", "ridge")


def units(seed: int) -> np.ndarray:
    """Return the notebook's cloud, (2 images, 100 units): the legacy generator [code]."""
    return (np.random.RandomState(seed).standard_normal((100, 2)) * 1.5 - 0.75).T


def weights(
    kind: str, positive: bool, alpha: float, X: np.ndarray, *, intercept: bool, tol: float
) -> np.ndarray:
    """Return weights (1, units) by scikit-learn, as the notebook fits them.

    Parameters
    ----------
    kind, positive, alpha
        ols, lasso, elastic_net or ridge; whether weights are at least 0; scikit-learn's alpha.
    X
        (2 images, units).
    intercept, tol
        The notebook has none, and scikit-learn's tolerance.
    """
    from sklearn import linear_model as sk
    from sklearn.exceptions import ConvergenceWarning

    options: dict[str, Any] = {"fit_intercept": intercept, "positive": positive}
    if kind == "ols":
        model = sk.LinearRegression(**options)
    else:
        maker = {"lasso": sk.Lasso, "elastic_net": sk.ElasticNet, "ridge": sk.Ridge}[kind]
        model = maker(alpha=alpha, tol=tol, **options)
    with warnings.catch_warnings():
        # The notebook's tolerance leaves small alphas unconverged; the sweep shows by how much.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, TARGET[:, 0]).coef_.reshape(1, -1)


def simulate(
    *,
    simulations: int,
    shown: int,
    alphas: Mapping[str, float],
    sweep: Sequence[float],
    sweep_simulations: int,
    tol: float,
) -> dict[str, pd.DataFrame]:
    """Return the table of all seeds, and the seed that figure 1C shows.

    Parameters
    ----------
    simulations, shown
        How many seeds, from 0, and the one that is shown.
    alphas, tol
        Of the notebook's Lasso, elastic net and ridge; its tolerance.
    sweep, sweep_simulations
        Alphas of the positive Lasso, and how many of the seeds try them.

    Returns
    -------
    `toy`: seed, part (notebook or sweep), model, weights, alpha, intercept, theta, active (units),
    residual (norm), lowest (1 where no other of the eight has a smaller theta), below_signed (1
    where it is below every signed model). `notebook`: the shown seed's eight models alone, exact
    numbers without a seed. `arrows`: the shown seed's weights, unit by unit.
    """
    rows, arrows = [], []
    for seed in range(simulations):
        X = units(seed)
        for intercept in (False, True):
            settings = [
                (k, p, alphas.get(k, 0.0), "notebook") for k in KINDS for p in (False, True)
            ]
            if not intercept and seed < sweep_simulations:
                settings += [("lasso", True, alpha, "sweep") for alpha in sweep]
            block = []
            for kind, positive, alpha, part in settings:
                if part == "sweep":
                    # At small alphas the notebook's tolerance stops far from the solution.
                    W = fit(kind, positive, alpha, X, TARGET)
                else:
                    W = weights(kind, positive, alpha, X, intercept=intercept, tol=tol)
                theta = float(reorientation(X, TARGET, W)[0])
                row = {
                    "seed": seed,
                    "part": part,
                    "model": kind,
                    "weights": "positive" if positive else "signed",
                    "alpha": alpha,
                    "intercept": int(intercept),
                    "theta": theta,
                    "active": int(np.count_nonzero(W)),
                    "residual": float(np.linalg.norm(X @ W.T - TARGET)),
                }
                block.append(row)
                if seed == shown and not intercept and part == "notebook":
                    arrows += [
                        {"model": kind, "weights": row["weights"], "x": x, "y": y, "weight": w}
                        for x, y, w in zip(*X, W[0], strict=True)
                    ]
            least = min(row["theta"] for row in block if row["part"] == "notebook")
            signed = [row["theta"] for row in block if row["weights"] == "signed"]
            for row in block:
                row["lowest"] = int(row["theta"] == least)
                row["below_signed"] = int(row["theta"] < min(signed))
            rows += block
    toy = pd.DataFrame(rows)
    # Nobody can compute with more digits than the solvers' tolerance leaves.
    toy[["theta", "residual"]] = toy[["theta", "residual"]].round(8)
    exact = toy[(toy.seed == shown) & (toy.intercept == 0) & (toy.part == "notebook")]
    return {
        "toy": toy,
        "notebook": exact[["model", "weights", "alpha", "theta", "active", "residual"]],
        "arrows": pd.DataFrame(arrows),
    }
