"""What the claims and figures read: contrasts by seed, and sign tests over feature spaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def statistics(*, scores: Path, spaces: Path) -> dict[str, pd.DataFrame]:
    """Return `contrasts` and `signs`.

    contrasts: per seed, target, region, model, weights, chosen: theta of mismatched less matched,
    r of both and their ratio (mismatched over matched, dead voxels as 0).
    signs: per region, over spaces (means over seeds): in how many the mismatched units have the
    larger theta, and the two-sided sign test; the same of r for face over scene units.
    """
    rows = pd.read_csv(scores)
    rows = rows[rows["match"].isin(["matched", "mismatched"])]
    keys = ["seed", "target", "region", "model", "weights", "chosen"]
    wide = rows.pivot(index=keys, columns="match", values=["r_dead_0", "theta", "active", "live"])
    contrasts = pd.DataFrame(
        {
            "theta_difference": wide["theta"]["mismatched"] - wide["theta"]["matched"],
            "r_matched": wide["r_dead_0"]["matched"],
            "r_mismatched": wide["r_dead_0"]["mismatched"],
            "r_ratio": wide["r_dead_0"]["mismatched"] / wide["r_dead_0"]["matched"],
            "theta_matched": wide["theta"]["matched"],
            "active_matched": wide["active"]["matched"],
            "live_mismatched": wide["live"]["mismatched"],
        }
    ).reset_index()
    return {"contrasts": contrasts, "signs": _signs(pd.read_csv(spaces))}


def _signs(spaces: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import binomtest

    means = spaces.groupby(["region", "space", "match"])[["theta", "r"]].mean().unstack("match")
    rows = []
    for region, block in means.groupby(level="region"):
        for measure in ("theta", "r"):
            gap = (block[measure]["mismatched"] - block[measure]["matched"]).dropna()
            above, n = int((gap > 0).sum()), int((gap != 0).sum())
            interval = binomtest(above, n).proportion_ci() if n else None
            rows.append(
                {
                    "region": region,
                    "measure": measure,
                    "spaces": n,
                    "above": above,
                    "share": above / n if n else np.nan,
                    "lower": interval.low if interval else np.nan,
                    "upper": interval.high if interval else np.nan,
                    "p": binomtest(above, n).pvalue if n else np.nan,
                    "mean_difference": float(gap.mean()),
                }
            )
    return pd.DataFrame(rows)
