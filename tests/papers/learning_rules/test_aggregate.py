"""Tables over seeds against loops, closed cases, and the author's published series."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from papers.learning_rules import aggregate
from papers.learning_rules.settings.sizes import Sizes
from replicortex.analysis.bootstrap import stimulus_bootstrap
from replicortex.analysis.rank import spearman
from replicortex.core import files
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers

LAYERS = ["conv1", "conv2", "conv3", "fc1"]
SIZES = [32, 224]
ROI = {"early": "V1", "late": "LOC"}
SEEDS = [42, 123, 456]
RULES = ["bp", "fa", "pc"]
KEYS = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer", "roi"]
N = 8  # stimuli
PEOPLE = ["01", "02"]
TABLES = ["curves", "best_over_seeds", "intervals", "tests"]
TABLES += ["history", "displacement", "partial", "matched"]

# Conv1 -> V1, five seeds, cross-run pairs: the author's figure data (paper 4, repaired run).
EPOCHS = [0, 1, 2, 5, 10, 20, 30, 40]
AUTHOR = {
    ("bp", 224): [0.0532, 0.0118, 0.0147, 0.0176, 0.0205, 0.0231, 0.0247, 0.0234],
    ("fa", 224): [0.0398, 0.0089, 0.0087, 0.0091, 0.0085, 0.0088, 0.0086, 0.0093],
    ("pc", 224): [0.0535, 0.0138, 0.0126, 0.0120, 0.0129, 0.0141, 0.0126, 0.0138],
    ("stdp", 224): [0.0427, 0.0122, 0.0130, 0.0157, 0.0190, 0.0229, 0.0258, 0.0258],
    ("bp", 32): [0.0452, 0.0249, 0.0299, 0.0370, 0.0428, 0.0464, 0.0472, 0.0461],
    ("fa", 32): [0.0359, 0.0150, 0.0148, 0.0151, 0.0145, 0.0149, 0.0145, 0.0153],
    ("pc", 32): [0.0455, 0.0195, 0.0183, 0.0177, 0.0188, 0.0205, 0.0191, 0.0206],
    ("stdp", 32): [0.0368, 0.0280, 0.0293, 0.0324, 0.0360, 0.0394, 0.0412, 0.0411],
}
LOSS = {"bp": 0.78, "fa": 0.78, "pc": 0.74, "stdp": 0.71}  # after one epoch, 224 px


def cells(rules, seeds, epochs=(0, 1, 4), poolings=("global", "grid")):
    """Every cell of a small study."""
    views = [(e, px, "native", bn) for e in epochs for px in SIZES for bn in ("running", "batch")]
    views += [(0, px, "native", "filled") for px in SIZES]
    views += [(epochs[-1], 224, "upsampled", "running")]
    for rule, seed, view, pooling in itertools.product(rules, seeds, views, poolings):
        for layer, roi in itertools.product(LAYERS, ROI.values()):
            yield (rule, seed, *view, pooling, layer, roi)


def study(folder: Path, rules=RULES, seeds=SEEDS, random_seed=0) -> dict:
    """Write the inputs of `aggregate` with random numbers; return its arguments."""
    random = np.random.default_rng(random_seed)
    keys = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer", "roi"]
    table = pd.DataFrame(cells(rules, seeds), columns=keys)
    folder.mkdir(exist_ok=True)
    paths: dict[str, list[Path]] = {"scores": [], "draws": [], "partial": [], "history": []}
    for (rule, seed), own in table.groupby(["rule", "seed"], sort=False):
        place = {kind: folder / f"{kind}_{rule}_{seed}" for kind in paths}
        people = pd.concat([own.assign(subject=name) for name in PEOPLE])
        people["rho"] = random.normal(0, 0.1, len(people))
        people["silent"] = 0
        boot = own[own["arm"] == "native"]
        draws = {name: boot[name].to_numpy() for name in keys}
        draws = {
            name: v.astype(str) if v.dtype.kind not in "iu" else v for name, v in draws.items()
        }
        draws["rho"] = random.normal(0, 0.1, (len(boot), 40)).astype(np.float32)
        part = own[(own["pooling"] == "global") & (own["bn"] == "running")]
        part = part[["rule", "seed", "epoch", "px", "layer", "roi"]].assign(control="none", rho=0.1)
        epochs = sorted(own["epoch"].unique())
        history = pd.DataFrame({"rule": rule, "seed": seed, "epoch": epochs, "loss": 1.0})
        history["train_accuracy"] = random.random(len(epochs))
        history["test_accuracy"] = random.random(len(epochs))
        for layer in [*LAYERS, "fc2"]:
            history[f"displacement_{layer}"] = random.random(len(epochs))
        for kind, value, suffix in (
            ("scores", people, ".csv"),
            ("draws", draws, ".npz"),
            ("partial", part, ".csv"),
            ("history", history, ".csv"),
        ):
            paths[kind].append(place[kind].with_suffix(suffix))
            files.write(paths[kind][-1], value)
    files.write(folder / "brain.npz", brain(random))
    return {
        **paths,
        "brain": folder / "brain.npz",
        "rules": list(rules),
        "roi": ROI,
        "px": Sizes(train=32, large=224),
        "accuracy_within": 0.2,
    }


def brain(random) -> dict[str, np.ndarray]:
    def rdm():
        return squareform(random.random(N * (N - 1) // 2))

    kept = np.triu(random.random((N, N)) < 0.8, 1)
    return {
        **{f"rdm/{roi}": np.stack([rdm() for _ in PEOPLE]) for roi in ROI.values()},
        "rois": np.array(list(ROI.values())),
        "mask": kept | kept.T,
        "names": np.array([f"s{number}" for number in range(N)]),
        "subjects": np.array(PEOPLE),
        "model/luminance": rdm(),
        "model/silhouette": rdm(),
    }


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict:
    return study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def found(inputs) -> dict[str, pd.DataFrame]:
    return aggregate.aggregate(**inputs)


@pytest.fixture(scope="module")
def plain(inputs) -> dict[tuple, float]:
    """Mean over people of each cell, by a loop."""
    sums: dict[tuple, list[float]] = {}
    for path in inputs["scores"]:
        for row in pd.read_csv(path).itertuples():
            cell = (row.rule, row.seed, row.epoch, row.px, row.arm, row.bn, row.pooling)
            sums.setdefault((*cell, row.layer, row.roi), []).append(row.rho)
    assert {len(values) for values in sums.values()} == {len(PEOPLE)}
    return {cell: float(np.mean(values)) for cell, values in sums.items()}


def curves_of(series: dict[tuple, list[float]], epochs, layer="conv1", roi="V1", **more):
    """Curves of given values: (rule, px) -> one value, or one list over seeds, per epoch."""
    rows = []
    for (rule, px), values in series.items():
        for epoch, value in zip(epochs, values, strict=True):
            for seed, rho in enumerate(np.atleast_1d(value)):
                rows.append((rule, seed, epoch, px, "native", "running", "global", layer, roi, rho))
    keys = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer", "roi", "rho"]
    return pd.DataFrame(rows, columns=keys).assign(winner=layer, **more)


def test_all_tables_are_there(found):
    assert list(found) == TABLES
    assert all(len(table) for table in found.values())


def test_curves_are_means_over_people_with_the_best_layer_beside_them(found, plain):
    curves = found["curves"]
    fixed = curves[curves["layer"] != "best"]
    assert len(fixed) == len(plain)
    assert (fixed["winner"] == fixed["layer"]).all()
    for row in fixed.itertuples():
        cell = (row.rule, row.seed, row.epoch, row.px, row.arm, row.bn, row.pooling)
        assert row.rho == pytest.approx(plain[*cell, row.layer, row.roi], abs=1e-12)
    best = curves[curves["layer"] == "best"]
    assert len(best) * 4 == len(fixed)
    for row in best.itertuples():
        cell = (row.rule, row.seed, row.epoch, row.px, row.arm, row.bn, row.pooling)
        layers = {layer: plain[*cell, layer, row.roi] for layer in LAYERS}
        assert row.rho == pytest.approx(max(layers.values()), abs=1e-12)
        assert row.winner == max(layers, key=lambda name: layers[name])


def test_best_over_seeds_averages_seeds_before_it_chooses(found, plain):
    table = found["best_over_seeds"]
    assert len(table) == len(plain) // len(SEEDS) // 4
    for row in table.itertuples():
        cell = (row.epoch, row.px, row.arm, row.bn, row.pooling)
        layers = {
            layer: np.mean([plain[row.rule, seed, *cell, layer, row.roi] for seed in SEEDS])
            for layer in LAYERS
        }
        assert row.rho == pytest.approx(max(layers.values()), abs=1e-12)
        assert row.winner == max(layers, key=lambda name: layers[name])
    # Choosing within each seed can only give more.
    per_seed = found["curves"].query("layer == 'best'")
    keys = ["rule", "epoch", "px", "arm", "bn", "pooling", "roi"]
    both = table.merge(per_seed.groupby(keys, as_index=False)["rho"].mean(), on=keys)
    assert (both["rho_y"] >= both["rho_x"] - 1e-12).all()
    assert (both["rho_y"] > both["rho_x"] + 1e-3).any()


def test_the_winner_of_the_best_layer_can_change():
    """The switch behind the published drop: fc1 wins untrained, pooled conv1 afterwards."""
    untrained = {"conv1": 0.059, "conv2": 0.065, "conv3": 0.068, "fc1": 0.107}
    trained = {"conv1": 0.015, "conv2": -0.026, "conv3": -0.023, "fc1": -0.009}
    table = pd.concat(
        curves_of({("bp", 224): [untrained[layer], trained[layer]]}, [0, 40], layer)
        for layer in LAYERS
    ).assign(subject="01")
    best = aggregate.over_people(table).query("layer == 'best'").set_index("epoch")
    assert best["winner"].to_dict() == {0: "fc1", 40: "conv1"}
    assert best["rho"].to_dict() == {0: 0.107, 40: 0.015}
    assert best.loc[40, "rho"] - best.loc[0, "rho"] == pytest.approx(-0.092)  # conv1: -0.044


def _slow_intervals(inputs, plain):
    """Every interval by a loop over cells, seeds averaged draw by draw."""
    drawn: dict[tuple, np.ndarray] = {}
    for path in inputs["draws"]:
        with np.load(path) as arrays:
            for number, rho in enumerate(arrays["rho"].astype(float)):
                names = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer", "roi"]
                drawn[tuple(arrays[name][number].item() for name in names)] = rho

    for key in [key for key in drawn if key[-2] == "conv1"]:
        *cell, _, roi = key
        layers = [(*cell, layer, roi) for layer in LAYERS]
        drawn[*cell, "best", roi] = np.max([drawn[one] for one in layers], axis=0)
        plain = {**plain, (*cell, "best", roi): max(plain[one] for one in layers)}

    def number(source, kind, rule, seed, cell):
        _, px, arm, bn, *rest = cell
        start = source[rule, seed, 0, px, arm, "running" if bn == "filled" else bn, *rest]
        here = source[rule, seed, *cell]
        if kind == "relative_change":
            return np.where(np.all(start > 0), here / start - 1, np.nan)
        return here - start if kind == "change" else here

    expected = {}
    for rule, cell in {(key[0], key[2:]) for key in drawn}:
        epoch, px, arm, bn, *rest = cell
        best = rest[1] == "best"
        kinds = ["value"]
        if epoch or bn == "filled":
            kinds += ["change", "relative_change"] if best else ["change"]
        for kind in kinds:
            others = {kind: None}
            if rule != "bp":
                word = "minus_bp" if kind == "value" else f"{kind}_minus_bp"
                others[word] = cell
                if bn == "batch" and best:
                    others[f"{word}_running"] = (epoch, px, arm, "running", *rest)
            for quantity, other in others.items():
                ends = []
                for source in (drawn, plain):
                    mine = [number(source, kind, rule, seed, cell) for seed in SEEDS]
                    if other:
                        theirs = [number(source, kind, "bp", seed, other) for seed in SEEDS]
                        mine = np.subtract(mine, theirs)
                    ends.append(np.mean(mine, axis=0))
                low, high = np.quantile(ends[0], [0.025, 0.975])
                expected[rule, *cell, quantity] = (ends[1], low, high)
    return expected


def test_intervals_equal_a_loop_over_shared_draws(inputs, found, plain):
    expected = _slow_intervals(inputs, plain)
    table = found["intervals"]
    assert len(table) == len(expected)
    assert set(table["draws"]) == {40} and set(table["seeds"]) == {len(SEEDS)}
    for row in table.itertuples():
        cell = (row.rule, row.epoch, row.px, row.arm, row.bn, row.pooling, row.layer, row.roi)
        values = (row.estimate, row.lower, row.upper)
        assert values == pytest.approx(expected[*cell, row.quantity], abs=1e-6, nan_ok=True)


def test_shared_draws_cancel_in_a_difference():
    """Two networks that move together over resamples differ by a constant: no interval left."""
    common = np.random.default_rng(0).normal(0, 0.1, 50)
    curves = curves_of({("bp", 224): [0.05, 0.02], ("pc", 224): [0.05, 0.03]}, [0, 1])
    draws = [
        (
            part.drop(columns=["rho", "winner"]).reset_index(drop=True),
            part["rho"].to_numpy()[:, None] + common,
        )
        for _, part in curves.groupby("rule")
    ]
    table = aggregate.intervals(draws, curves).set_index(["rule", "epoch", "quantity"])
    change = table.loc[("bp", 1, "change")]
    assert (change["lower"], change["upper"]) == pytest.approx((-0.03, -0.03))
    minus = table.loc[("pc", 1, "minus_bp")]
    assert (minus["estimate"], minus["lower"], minus["upper"]) == pytest.approx((0.01,) * 3)
    value = table.loc[("bp", 1, "value")]
    assert value["upper"] - value["lower"] > 0.2


def _made(seed, effect, people=12, n=24):
    """Draws and curves of two networks whose true alignment differs by `effect` of shared features.

    Both see a brain through noise of their own; people see the same features through noise.
    """
    random = np.random.default_rng(seed)
    signal = random.normal(size=(n, 8))
    distances = [pdist(signal + 0.7 * random.normal(size=signal.shape)) for _ in range(people)]
    shares = {"bp": 1.0, "pc": 1.0 + effect}
    settings = {"draws": 200, "seed": seed}
    chosen = np.random.default_rng(seed + 1).integers(0, people, (200, people))
    draws, curves = [], []
    for rule, share in shares.items():
        for layer in LAYERS:
            models = share * signal + 3.0 * random.normal(size=signal.shape)
            vectors, brains = pdist(models)[None], np.array(distances)
            rho = stimulus_bootstrap(vectors, brains, n, **settings)[:, 0]
            cell = (rule, 0, 1, 224, "native", "running", "global", layer, "V1")
            cells = pd.DataFrame([cell], columns=KEYS)
            draws.append((cells, np.take_along_axis(rho, chosen, 1).mean(1)[None]))
            curves.append(cells.assign(rho=spearman(vectors, brains).mean()))
    table = pd.concat(curves)
    best = table.sort_values("rho").groupby("rule").tail(1).assign(layer="best")
    return draws, pd.concat([table, best])


@pytest.mark.parametrize(("effect", "least", "most"), [(0.0, 0, 2), (4.0, 9, 10)])
def test_an_interval_of_the_best_layer_finds_an_effect_and_no_other(effect, least, most):
    above = 0
    for seed in range(10):
        table = aggregate.intervals(*_made(seed, effect))
        row = table.query("quantity == 'minus_bp' and layer == 'best'").iloc[0]
        above += bool(row["lower"] > 0)
    assert least <= above <= most


def test_a_relative_change_from_nothing_has_no_interval():
    cells = pd.DataFrame(list(cells_of_best([0.2, 0.1])), columns=[*KEYS, "rho"])
    draws = cells["rho"].to_numpy()[:, None] + np.array([0.0, 0.01, -0.01])
    curves = pd.concat([cells, cells[cells["layer"] == "fc1"].assign(layer="best")])
    wanted = "quantity == 'relative_change'"
    row = aggregate.intervals([(cells.drop(columns="rho"), draws)], curves).query(wanted).iloc[0]
    assert row["estimate"] == pytest.approx(-0.5)
    assert (row["lower"], row["upper"]) == pytest.approx(
        (0.09 / 0.19 - 1, 0.11 / 0.21 - 1), abs=2e-3
    )
    draws[cells["epoch"] == 0] -= 0.195  # below 0 in one draw
    row = aggregate.intervals([(cells.drop(columns="rho"), draws)], curves).query(wanted).iloc[0]
    assert np.isnan(row["lower"]) and np.isnan(row["upper"])


def cells_of_best(values):
    """All layers of one network at two epochs; fc1 is the best."""
    for epoch, value in enumerate(values):
        for layer in LAYERS:
            rho = value if layer == "fc1" else -1.0
            yield ("bp", 0, epoch, 224, "native", "running", "global", layer, "V1", rho)


def _slow_flip(differences) -> tuple[float, float, float]:
    """Exact p by enumeration: less, greater, two-sided."""
    observed = np.mean(differences)
    means = [
        np.mean(np.array(signs) * differences)
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    means = np.array(means)
    return (
        np.mean(means <= observed + 1e-15),
        np.mean(means >= observed - 1e-15),
        np.mean(np.abs(means) >= abs(observed) - 1e-15),
    )


def _sides(row, plain, best) -> tuple[list[float], list[float]]:
    """Both sides of a test by seed, from its labels alone."""

    def value(rule, seed, epoch, bn):
        cell = (rule, seed, epoch, row.px, "native", bn, "global")
        source = best if row.layer == "best" else plain
        return source[(*cell, row.layer, row.roi)]

    before = {
        "change": lambda seed: value(row.rule, seed, 0, row.bn),
        "minus_bp": lambda seed: value("bp", seed, row.epoch, row.bn),
        "filling": lambda seed: value(row.rule, seed, 0, "running"),
        "bn_mode": lambda seed: value(row.rule, seed, row.epoch, "running"),
    }[row.comparison]
    after = [value(row.rule, seed, row.epoch, row.bn) for seed in SEEDS]
    return [before(seed) for seed in SEEDS], after


def test_tests_equal_enumeration(found, plain):
    best: dict[tuple, float] = {}
    for (*cell, layer, roi), rho in plain.items():
        assert layer in LAYERS
        best[*cell, "best", roi] = max(best.get((*cell, "best", roi), -1), rho)
    table = found["tests"]
    keys = ["comparison", "rule", "epoch", "px", "bn", "layer", "roi"]
    assert not table.duplicated(keys).any()
    views = 2 * 5 * 2  # sizes, layers, ROIs
    counted = table["comparison"].value_counts().to_dict()
    assert counted == {
        "change": 3 * 2 * 2 * views,  # rules, epochs, statistics
        "minus_bp": 2 * 2 * 2 * views,
        "bn_mode": 3 * 2 * views,
        "filling": 3 * views,
    }
    for row in table.itertuples():
        before, after = (np.array(side) for side in _sides(row, plain, best))
        difference = after - before
        less, greater, both = _slow_flip(difference)
        assert row.n == len(SEEDS)
        assert row.mean == pytest.approx(difference.mean(), abs=1e-12)
        assert row.sd == pytest.approx(difference.std(ddof=1), abs=1e-12)
        assert row.p == (less if row.alternative == "less" else greater)
        assert row.p_two_sided == both
        if row.comparison == "minus_bp":
            spread = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)
        else:
            spread = difference.std(ddof=1)
        assert row.cohens_d == pytest.approx(difference.mean() / spread, abs=1e-9)
    loses = table.query("comparison == 'change'").groupby("roi")["alternative"].unique()
    assert loses["V1"].tolist() == ["less"] and loses["LOC"].tolist() == ["greater"]
    keeps = table.query("comparison == 'minus_bp'").groupby("roi")["alternative"].unique()
    assert keeps["V1"].tolist() == ["greater"] and keeps["LOC"].tolist() == ["less"]


def test_five_seeds_of_one_sign_reach_the_floor_of_the_sign_flip():
    after = [0.011, 0.012, 0.010, 0.013, 0.009]
    curves = curves_of({("bp", 224): [[0.102, 0.101, 0.104, 0.100, 0.103], after]}, [0, 1])
    row = aggregate.tests(curves, ["bp"], {"early": "V1"}, [224]).iloc[0]
    assert (row["n"], row["p"], row["p_two_sided"]) == (5, 1 / 32, 2 / 32)
    rising = aggregate.tests(curves.assign(rho=-curves["rho"]), ["bp"], {"early": "V1"}, [224])
    assert rising.iloc[0]["p"] == 1


@pytest.mark.parametrize(("rule", "px"), AUTHOR)
def test_the_authors_series_gives_the_authors_changes(rule, px):
    """Means of five seeds, so five equal seeds: the change has the author's size and sign."""
    curves = curves_of({(rule, px): [[value] * 5 for value in AUTHOR[rule, px]]}, EPOCHS)
    table = aggregate.tests(curves, [rule], {"early": "V1"}, [px]).set_index("epoch")
    start, first, last = (AUTHOR[rule, px][EPOCHS.index(epoch)] for epoch in (0, 1, 40))
    assert list(table.index) == [1, 40]
    assert table.loc[1, "mean"] == pytest.approx(first - start)
    assert table.loc[40, "mean"] == pytest.approx(last - start)
    assert table.loc[1, "p"] == 1 / 32
    assert np.isnan(table.loc[1, "cohens_d"])  # no spread over seeds: not infinity
    if px == 224:
        assert -table.loc[1, "mean"] / start == pytest.approx(LOSS[rule], abs=0.005)
    net = {("bp", 224): -0.030, ("bp", 32): 0.001, ("pc", 32): -0.025, ("fa", 32): -0.021}
    if (rule, px) in net:
        assert table.loc[40, "mean"] == pytest.approx(net[rule, px], abs=6e-4)


def test_one_seed_is_counted_and_not_tested(tmp_path):
    found = aggregate.aggregate(**study(tmp_path / "one", seeds=[42]))
    tests = found["tests"]
    assert set(tests["n"]) == {1}
    assert tests["mean"].notna().all()
    assert tests[["sd", "p", "p_two_sided", "cohens_d"]].isna().all().all()
    assert set(found["intervals"]["seeds"]) == {1}  # over stimuli: they need no second seed


def test_any_rules_will_do(tmp_path):
    found = aggregate.aggregate(**study(tmp_path / "some", rules=["pc"], seeds=[1, 2]))
    assert set(found["curves"]["rule"]) == {"pc"}
    assert "minus_bp" not in set(found["intervals"]["quantity"])
    assert set(found["tests"]["comparison"]) == {"change", "filling", "bn_mode"}
    assert set(found["matched"]["target_rule"]) == {"pc"}


def test_a_silent_layer_wins_nothing_and_its_seed_is_left_out_on_both_sides(tmp_path):
    inputs = study(tmp_path / "silent", rules=["bp", "pc"], seeds=[1, 2, 3])
    cell = {"epoch": 4, "px": 224, "bn": "running", "pooling": "global", "layer": "fc1"}
    path = next(path for path in inputs["scores"] if path.stem == "scores_pc_2")
    table = pd.read_csv(path)
    table.loc[:, "rho"] -= 1.0 * (table["layer"] != "fc1")  # fc1 would win every contest
    silent = (table[list(cell)] == list(cell.values())).all(axis=1)
    silent &= table["arm"] == "native"
    assert silent.sum() == 2 * len(PEOPLE)
    table.loc[silent, "rho"] = np.nan
    files.write(path, table)
    path = next(path for path in inputs["draws"] if path.stem == "draws_pc_2")
    with np.load(path) as arrays:
        draws = dict(arrays)
    kept = ~np.all([draws[name] == value for name, value in cell.items()], axis=0)
    assert (~kept).sum() == 2
    files.write(path, {name: values[kept] for name, values in draws.items()})
    found = aggregate.aggregate(**inputs)

    def at(name, **more):
        chosen = found[name]
        for column, value in {"rule": "pc", "roi": "V1", **cell, **more}.items():
            if column in chosen:
                chosen = chosen[chosen[column] == value]
        return chosen if "arm" not in chosen else chosen[chosen["arm"] == "native"]

    assert at("curves", seed=2)["rho"].isna().all() and len(at("curves", seed=2)) == 1
    best = at("curves", seed=2, layer="best").iloc[0]
    assert best["winner"] != "fc1" and np.isfinite(best["rho"])
    before = at("curves", seed=2, layer="best", epoch=1).iloc[0]
    assert before["winner"] == "fc1"
    assert at("best_over_seeds", layer="best").iloc[0]["winner"] != "fc1"

    values = {s: at("curves", seed=s)["rho"].item() for s in (1, 3)}
    starts = {s: at("curves", seed=s, epoch=0)["rho"].item() for s in (1, 3)}
    others = {s: at("curves", seed=s, rule="bp")["rho"].item() for s in (1, 3)}
    expected = {
        "value": np.mean([values[s] for s in (1, 3)]),
        "change": np.mean([values[s] - starts[s] for s in (1, 3)]),
        "minus_bp": np.mean([values[s] - others[s] for s in (1, 3)]),
    }
    intervals = at("intervals").set_index("quantity")
    assert (intervals["seeds"] == 2).all()
    for quantity, value in expected.items():
        assert intervals.loc[quantity, "estimate"] == pytest.approx(value, abs=1e-12)
    tests = at("tests").set_index("comparison")
    assert (tests["n"] == 2).all()
    for name in ("change", "minus_bp"):
        assert tests.loc[name, "mean"] == pytest.approx(expected[name], abs=1e-12)


def test_a_mean_over_people_is_of_all_people_or_of_none(inputs):
    scores = pd.concat([pd.read_csv(path) for path in inputs["scores"]], ignore_index=True)
    whole = aggregate.over_people(scores)
    lacking = 5
    cell = scores.loc[lacking, KEYS]
    scores.loc[lacking, "rho"] = np.nan
    # The other person would win alone, were the mean over those who are left.
    scores.loc[(scores[KEYS] == cell).all(axis=1) & scores["rho"].notna(), "rho"] = 1.0
    curves = aggregate.over_people(scores)
    here = (curves[KEYS] == cell).all(axis=1)
    assert here.sum() == 1 and curves.loc[here, "rho"].isna().all()
    best = (curves[KEYS] == cell.where(cell.index != "layer", "best")).all(axis=1)
    assert best.sum() == 1 and curves.loc[best, "winner"].item() != cell["layer"]
    others = ~here & ~best
    pd.testing.assert_frame_equal(curves[others], whole[others])
    assert others.sum() == len(whole) - 2


def test_an_accuracy_that_is_missing_is_said(inputs, found):
    history = found["history"].copy()
    history.loc[(history["rule"] == "fa") & (history["epoch"] == 4), "test_accuracy"] = [
        0.5,
        np.nan,
        0.5,
    ]
    with pytest.raises(StudyError, match=r"histories of 'fa': a seed has no test_accuracy .* 4"):
        aggregate.matched(found["curves"], history, RULES, ROI, 224, 0.2)


def test_history_and_displacement_keep_every_value(inputs, found):
    history = pd.concat([pd.read_csv(path) for path in inputs["history"]], ignore_index=True)
    pd.testing.assert_frame_equal(found["history"], history)
    table = found["displacement"].set_index(["rule", "seed", "epoch", "layer"])["displacement"]
    assert len(table) == len(history) * 5
    for row in history.itertuples():
        for layer in [*LAYERS, "fc2"]:
            moved = getattr(row, f"displacement_{layer}")
            assert table[row.rule, row.seed, row.epoch, layer] == moved


def test_low_level_models_stand_beside_the_networks(inputs, found):
    table = found["partial"]
    networks = pd.concat([pd.read_csv(path) for path in inputs["partial"]], ignore_index=True)
    assert len(table) == len(networks) + 2 * 2
    alone = table[table["rule"].isin(["luminance", "silhouette"])]
    assert alone[["seed", "epoch", "px", "layer"]].isna().all().all()
    with np.load(inputs["brain"]) as arrays:
        pairs = [(i, j) for i in range(N) for j in range(i + 1, N) if arrays["mask"][i, j]]
        for row in alone.itertuples():
            model = [arrays[f"model/{row.rule}"][p] for p in pairs]
            people = [[one[p] for p in pairs] for one in arrays[f"rdm/{row.roi}"]]
            expected = np.mean([spearmanr(model, person)[0] for person in people])
            assert row.control == "none"
            assert row.rho == pytest.approx(expected, abs=1e-12)
    assert "42," in table.to_csv(index=False) and "42.0" not in table.to_csv(index=False)


def test_matched_checkpoints_are_the_nearest_in_test_accuracy(inputs, found, plain):
    history, table = found["history"], found["matched"]
    columns = ["rule", "seed", "target_rule", "target_accuracy", "epoch", "test_accuracy"]
    assert list(table.columns) == [*columns, "pooling", "roi", "layer", "rho"]
    assert len(table) == len(RULES) * len(SEEDS) * len(RULES) * 2 * 5 * 2
    equal = (table["test_accuracy"] - table["target_accuracy"]).abs() <= 0.2
    assert 0 < equal.sum() < len(table)
    assert (table["rho"].notna() == equal).all(), "further away is not of equal accuracy"
    for target in RULES:
        ends = history[(history["rule"] == target) & (history["epoch"] == 4)][
            "test_accuracy"
        ].mean()
        for (rule, seed), own in history.groupby(["rule", "seed"]):
            nearest = min(own.itertuples(), key=lambda row: abs(row.test_accuracy - ends))
            rows = table.query("rule == @rule and seed == @seed and target_rule == @target")
            assert set(rows["epoch"]) == {nearest.epoch}
            assert set(rows["test_accuracy"]) == {nearest.test_accuracy}
            np.testing.assert_allclose(rows["target_accuracy"], ends)
            for row in rows[(rows["layer"] != "best") & rows["rho"].notna()].itertuples():
                cell = (rule, seed, row.epoch, 224, "native", "running", row.pooling)
                assert row.rho == pytest.approx(plain[*cell, row.layer, row.roi], abs=1e-12)


def test_the_order_of_files_does_not_matter_to_any_number(inputs, found):
    turned = {name: v[::-1] if isinstance(v, list) else v for name, v in inputs.items()}
    again = aggregate.aggregate(**turned)
    for name in TABLES:
        keys = [c for c in found[name] if found[name][c].dtype.kind != "f" and c != "alternative"]
        one, two = (
            tables[name].sort_values(keys).reset_index(drop=True) for tables in (found, again)
        )
        pd.testing.assert_frame_equal(one, two, rtol=1e-9)
