"""Plausible tables in the formats of the paper's `statistics`, for tests of figures and claims."""

import numpy as np
import pandas as pd

LAYERS = ("conv1", "conv2", "conv3", "fc1")
RULES = ("bp", "fa", "pc", "stdp", "fa_all", "pc_supervised", "stdp_pair")
RULES += ("stdp_stated", "bp_relu_first")
HEIGHT = {"V1": 1.0, "V2": 0.7, "V3": 0.55, "V4": 0.4, "LOC": 0.1, "EVC": 2.0, "IT": 0.6}
BOUNDS = {"EVC": (0.239, 0.386), "V1": (0.051, 0.575)}
KEEPS = {"bp": 0.35, "fa": 0.2, "pc": 0.25, "stdp": 0.55, "fa_all": 0.3, "pc_supervised": 0.5}
MOVES = {"bp": 0.5, "fa": 0.05, "pc": 0.02, "stdp": 0.0008, "fa_all": 0.04, "pc_supervised": 0.2}


def make(
    rois=("V1", "V2", "V3", "V4", "LOC", "IT"),
    seeds=(42, 123, 456, 789, 1337),
    rules=RULES,
    epochs=(0, 1, 2, 5, 10, 20, 30, 40),
    px=None,
    sweep=(32, 64, 96, 128, 160, 224),
):
    """Return the tables by name."""
    px = px or {"train": 32, "large": 224}
    random = np.random.default_rng(0)
    rows = []
    for view in _views(epochs, px, sweep):
        size = view[1]
        for rule in rules:
            for seed in seeds:
                for roi in rois:
                    for pooling in ("global", "grid", *(["full"] if size == 32 else [])):
                        for layer in LAYERS:
                            rho = _rho(rule, roi, pooling, layer, px, *view)
                            rho += 0.004 * random.standard_normal()
                            rows.append((rule, seed, *view, pooling, layer, roi, rho, layer))
    columns = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer", "roi", "rho"]
    curves = pd.DataFrame(rows, columns=[*columns, "winner"])
    keys = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "roi"]
    winners = curves.loc[curves.groupby(keys, sort=False)["rho"].idxmax()].assign(layer="best")
    keys.remove("seed")
    means = curves.groupby([*keys, "layer"], sort=False, as_index=False)["rho"].mean()
    best = means.loc[means.groupby(keys, sort=False)["rho"].idxmax()]
    best = best.rename(columns={"layer": "winner"}).reset_index(drop=True)
    curves = pd.concat([curves, winners], ignore_index=True)
    return {
        "curves": curves,
        "best_over_seeds": best,
        "noise": _noise(rois),
        "displacement": _displacement(rules, seeds, epochs, random),
        "history": _history(rules, seeds, epochs, random),
        "intervals": _intervals(curves),
        "partial": _partial(curves, px),
        "matched": _matched(curves, rules, epochs, px),
        **_reference(rois),
    }


def _views(epochs, px, sweep):
    views = {
        (epoch, size, "native", bn)
        for epoch in epochs
        for size in px.values()
        for bn in ("running", "batch", *(["filled"] if epoch == 0 else []))
    }
    for size in sweep:
        for epoch in (epochs[0], epochs[-1]):
            views |= {(epoch, size, arm, "running") for arm in ("native", "upsampled")}
    return sorted(views)


def _rho(rule, roi, pooling, layer, px, epoch, size, arm, bn):
    start = {"conv1": 0.055, "conv2": 0.06, "conv3": 0.065, "fc1": 0.1}[layer] * HEIGHT[roi]
    start *= 0.75 if rule in ("fa", "stdp") else 1
    keep = KEEPS.get(rule, 0.6)
    if bn == "batch" and rule in ("pc", "stdp"):
        keep = 0.8
    if size == px["train"]:
        keep, start = keep + 0.35, 0.8 * start
    if arm == "upsampled" and size > px["train"]:
        keep *= 0.6
    if pooling != "global" and layer != "fc1":
        start *= 1.5
    if bn == "filled":
        return start * 0.5
    early = roi not in ("LOC", "IT")
    if not epoch:
        return start
    grown = 0.1 * np.log1p(epoch) / 4 * (1 if rule == "bp" else 0.2)
    if not early:
        return start + 0.1 * grown
    return start * (keep if layer != "fc1" else 0.25) * (0.7 + grown)


def _noise(rois):
    rows = []
    for roi in rois:
        low, high = BOUNDS.get(roi, (0.03, 0.56))
        for pairs in ("all",) if "EVC" in rois else ("all", "cross_run"):
            for bound, value in (("lower", low), ("upper", high)):
                value = value + (0.01 if pairs == "all" and "EVC" not in rois else 0)
                rows.append((roi, pairs, bound, value, 0.8 * value, 1.2 * value, 3))
    columns = ["roi", "pairs", "bound", "value", "lower95", "upper95", "n_subjects"]
    return pd.DataFrame(rows, columns=columns)


def _displacement(rules, seeds, epochs, random):
    rows = []
    for rule in rules:
        for seed in seeds:
            for epoch in epochs:
                for layer in ("conv1", "conv2", "conv3", "fc1", "fc2"):
                    moved = MOVES.get(rule, 0.1) * np.sqrt(epoch / epochs[-1])
                    moved *= 1 + 0.05 * random.standard_normal()
                    if rule == "pc" and layer == "conv3":
                        moved = 0.0
                    rows.append((rule, seed, epoch, layer, moved))
    return pd.DataFrame(rows, columns=["rule", "seed", "epoch", "layer", "displacement"])


def _history(rules, seeds, epochs, random):
    rows = []
    for rule in rules:
        top = {"bp": 0.75, "fa": 0.39}.get(rule, 0.56)
        for seed in seeds:
            for epoch in epochs:
                share = 0.1 + (top - 0.1) * epoch / epochs[-1] + 0.005 * random.standard_normal()
                relaxed = 0.7 + 0.01 * random.random() if rule == "pc_supervised" else np.nan
                rows.append((rule, seed, epoch, 1.5, share + 0.04, share, relaxed))
    columns = ["rule", "seed", "epoch", "loss", "train_accuracy", "test_accuracy", "relaxed"]
    return pd.DataFrame(rows, columns=columns)


def _intervals(curves):
    keys = ["rule", "epoch", "px", "arm", "bn", "pooling", "layer", "roi"]
    table = curves.groupby(keys, sort=False, as_index=False)["rho"].mean()
    table = table.rename(columns={"rho": "value"})
    start = table[table["epoch"] == 0].rename(columns={"value": "start"}).drop(columns="epoch")
    start_bn = table["bn"].replace("filled", "running")
    named = [key for key in keys if key != "epoch"]
    joined = table.assign(bn=start_bn).merge(start, on=named, how="left")
    table["change"] = (table["value"] - joined["start"]).where(
        (table["epoch"] > 0) | (table["bn"] == "filled")
    )
    table["relative_change"] = (table["change"] / joined["start"]).where(table["layer"] == "best")
    kinds = ["value", "change", "relative_change"]
    theirs = table[table["rule"] == "bp"].drop(columns="rule")
    same = [key for key in keys if key != "rule"]
    for mode, bp in (("", theirs), ("_running", theirs[theirs["bn"] == "running"])):
        on = same if not mode else [key for key in same if key != "bn"]
        bp = bp if not mode else bp.drop(columns="bn")
        both = table[[*keys]].merge(bp, on=on, how="left")
        counts = (table["rule"] != "bp") & (not mode or (table["bn"] == "batch"))
        for kind in kinds:
            word = "minus_bp" if kind == "value" else f"{kind}_minus_bp"
            table[word + mode] = (table[kind] - both[kind]).where(counts)
    for rule, other in (("stdp", "bp_relu_first"), ("stdp_stated", "stdp")):
        them = table.loc[table["rule"] == other, [*same, "value"]]
        both = table[keys].merge(them, on=same, how="left")["value"]
        mine = (table["rule"] == rule) & (table["layer"] == "best")
        table[f"minus_{other}"] = (table["value"] - both).where(mine)
    tidy = table.melt(keys, var_name="quantity", value_name="estimate").dropna(subset="estimate")
    tidy["lower"], tidy["upper"] = tidy["estimate"] - 0.01, tidy["estimate"] + 0.01
    return tidy.assign(draws=1000, seeds=3)


def _partial(curves, px):
    rows = curves[
        (curves["bn"] == "running")
        & (curves["pooling"] == "global")
        & (curves["arm"] == "native")
        & (curves["px"].isin(px.values()))
    ]
    parts = []
    for control, share in (("none", 1.0), ("luminance", 0.5), ("all", 0.2)):
        part = rows[["rule", "seed", "epoch", "px", "layer", "roi", "rho"]].copy()
        part.insert(6, "control", control)
        parts.append(part.assign(rho=part["rho"] * share))
    for roi in rows["roi"].unique():
        model = {"rule": "luminance", "roi": roi, "control": "none", "rho": 0.054 * HEIGHT[roi]}
        parts.append(pd.DataFrame([model]))
    return pd.concat(parts, ignore_index=True)


def _matched(curves, rules, epochs, px):
    rows = curves[
        (curves["bn"] == "running")
        & curves["pooling"].isin(["global", "grid"])
        & (curves["arm"] == "native")
        & (curves["px"] == px["large"])
        & (curves["epoch"] == epochs[1])
    ]
    rows = rows[["rule", "seed", "epoch", "pooling", "roi", "layer", "rho"]]
    parts = [
        rows.assign(target_rule=rule, target_accuracy=0.4, test_accuracy=0.4) for rule in rules
    ]
    return pd.concat(parts, ignore_index=True)


def _reference(rois, blocks=16, twins=4):
    """Return the tables of a network of ImageNet and twins: early regions fall with depth, late ones rise."""
    random = np.random.default_rng(1)
    depth = np.arange(blocks) / blocks
    layers = [*(f"block{n}" for n in range(blocks)), "best", "best_late", "mean_early"]
    rows, values = [], {}
    networks = [("trained", None)]
    networks += [(source, twin) for source in ("untrained", "filled") for twin in range(twins)]
    heights = {"trained": 0.1, "untrained": 0.05, "filled": 0.03}
    for source, twin in networks:
        for pooling in ("global", "grid"):
            for roi in rois:
                late = roi in ("LOC", "IT")
                rho = heights[source] * (1 + depth if late else 2 - depth)
                rho = rho + 0.004 * random.standard_normal(blocks)
                half = blocks // 2
                rho = [*rho, rho.max(), rho[half:].max(), rho[:half].mean()]
                for layer, one in zip(layers, rho, strict=True):
                    rows.append(("efficientnet_lite0", source, twin, pooling, layer, roi, one))
                    values.setdefault((source, pooling, layer, roi), []).append(one)
    columns = ["network", "source", "twin", "pooling", "layer", "roi", "rho"]
    means = {key: np.mean(found) for key, found in values.items()}
    told = [(*key, value) for key, value in means.items()]
    for one, other in (("trained", "untrained"), ("filled", "untrained"), ("trained", "filled")):
        told += [
            (f"{one}_minus_{other}", *key[1:], value - means[other, *key[1:]])
            for key, value in means.items()
            if key[0] == one
        ]
    quantities = pd.DataFrame(told, columns=["quantity", "pooling", "layer", "roi", "estimate"])
    ends = {"lower": quantities["estimate"] - 0.02, "upper": quantities["estimate"] + 0.02}
    return {
        "reference": pd.DataFrame(rows, columns=columns).astype({"twin": "Int64"}),
        "reference_intervals": quantities.assign(
            network="efficientnet_lite0", **ends, draws=1000, twins=twins
        ),
    }
