"""Settings drawn from each schema's own ranges: refused in one sentence, or the run is whole."""

import math
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import in_process
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from replicortex.core.config import checked_numbers, merge, paper_names

ROOT = Path(__file__).parents[2]
EXAMPLES = 8
FEW = {"draws": 5, "seed": 0}
# What makes a demo a matter of seconds; the draws change a few numbers of it.
TINY: dict[str, dict[str, Any]] = {
    "learning_rules": {
        "seeds": [42],
        "network": {"widths": [8, 12, 16], "hidden": 16},
        "training": {
            "images": 64, "batch": 16, "test_images": 20, "epochs": 1, "checkpoints": [0, 1],
            "fill_batches": 1,
        },
        "evaluation": {"sweep": [32, 64], "poolings": ["global", "full"]},
        "scores": {
            "bootstrap_draws": 5, "bootstrap_layers": ["conv1"], "bootstrap_poolings": ["global"],
            "gabor": {"orientations": 2, "wavelengths": [4]},
        },
    },
    "topographic": {
        "seeds": [0],
        "split": {"validation": 2, "train": 10, "test": 5},
        "objectives": {name: {"epochs": 1} for name in ("ce", "margin", "supcon", "simclr")},
        "training": {"batch": 20, "patience": 1},
        "arms": {
            "main": {"objectives": ["ce", "supcon"], "seeds": 1},
            "no_dropout": {"objectives": []},
            "gradients_encoder": {"objectives": []},
        },
        "probes": {name: {"epochs": 2} for name in ("raw", "raw_slow", "standardised")},
        "ensemble": FEW,
        "noise": {"levels": [0.05], "kinds": ["white"], "images": 2},
        "measured": {"rdm_images": 4, "tsne_images": 4},
    },
    "sparse_positive": {
        "toy": {"simulations": 2, "shown": 0, "sweep_simulations": 1},
        "bootstrap": FEW,
        "nsd": None,
    },
    "mt_maps": {
        "seeds": [0],
        "training": {"pretrain_epochs": 1, "restart_epochs": 1},
        "arms": {
            "clips": {"seeds": 1},
            "stills": {"seeds": 1},
            "spatial_only": {"alphas": {"restart": []}},
            "shuffled": {"alphas": {"continue": []}},
            "flip_independent": {"alphas": {"continue": []}},
        },
        "measured": {"draws": 5, "nulls": 3},
    },
    "hierarchical_ot": {
        "seeds": [0],
        "vision": {"epochs": 1, "checkpoints": [0, 1]},
        "matched": {"splits": 1, "shuffles": 2, "null_draws": 39},
    },
}  # fmt: skip

Leaf = tuple[tuple[str, ...], Any, tuple[Any, ...], Any]  # keys, type, bounds, present value


def leaves(model: BaseModel, path: tuple[str, ...] = ()) -> list[Leaf]:
    """Return every number, word and list of a configuration, with its type and bounds."""
    found: list[Leaf] = []
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            found += leaves(value, here)
        elif isinstance(value, dict):
            for key, each in value.items():
                if isinstance(each, BaseModel):
                    found += leaves(each, (*here, str(key)))
        else:
            found.append((here, field.annotation, tuple(field.metadata), value))
    return found


def values(kind: Any, bounds: tuple[Any, ...], now: Any) -> st.SearchStrategy:
    """Return values within a field's own range, of a size near the present one."""
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        return values(kind, (*bounds, *more), now)
    members = [member for member in get_args(kind) if member is not type(None)]
    if get_origin(kind) is Literal:
        return st.sampled_from(members)
    if get_origin(kind) is list:
        item = values(members[0], (), now[0] if now else 1)
        few = _bound(bounds, "min_length", 0)
        most = _bound(bounds, "max_length", max(3, few))
        return st.lists(item, min_size=int(few), max_size=int(most))
    if type(None) in get_args(kind):
        return st.none() | values(members[0], bounds, now)
    if kind is bool:
        return st.booleans()
    if kind not in (int, float):
        return st.just(now)
    low = max(_bound(bounds, "ge", 0), _bound(bounds, "gt", 0))
    wide = 2 * now + 2 if isinstance(now, (int, float)) else 4
    high = max(low, min(_bound(bounds, "le", wide), _bound(bounds, "lt", wide), wide))
    if kind is int:
        step = int(_bound(bounds, "multiple_of", 1))
        low, high = math.ceil(low), math.floor(high)
        return st.integers(low // step, max(low, high) // step).map(lambda n: max(low, n * step))
    return st.sampled_from([low, high]) | st.floats(low, high)


def _bound(bounds: tuple[Any, ...], name: str, otherwise: float) -> float:
    found = [getattr(each, name) for each in _flat(bounds) if getattr(each, name, None) is not None]
    return found[0] if found else otherwise


def _flat(bounds: tuple[Any, ...]) -> list[Any]:
    return [each for one in bounds for each in (one, *getattr(one, "metadata", ()))]


@st.composite
def changes(draw: st.DrawFn, paper: str) -> dict[str, Any]:
    """Draw a few changes of a paper's tiny numbers."""
    every = leaves(checked_numbers(paper, "demo", TINY[paper], ROOT))
    found: dict[str, Any] = {}
    for path, kind, bounds, now in draw(
        st.lists(st.sampled_from(every), min_size=1, max_size=2, unique_by=lambda leaf: leaf[0])
    ):
        value = draw(values(kind, bounds, now))
        for name in reversed(path):
            value = {name: value}
        found = merge(found, value)
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Where datasets are made once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are composed, not rendered; the scorecard's, which no setting of a paper reaches, neither."""
    from matplotlib.figure import Figure

    monkeypatch.setattr("replicortex.core.files.figure_bytes", lambda *_: b"a figure")
    monkeypatch.setattr(Figure, "draw_without_rendering", lambda *_: None)
    for name in ("draw_scorecard", "draw_overview"):
        monkeypatch.setattr(f"replicortex.verdicts.scorecard.{name}", lambda *_: Figure())


def whole(folder: Path) -> list[str]:
    """Return what is wrong with the tables of a run: none, without columns, or infinite."""
    faults = []
    tables = sorted(folder.glob("results/demo/*/metrics/*.csv"))
    for path in tables:
        try:
            table = pd.read_csv(path)
        except pd.errors.EmptyDataError:
            faults.append(f"{path.name}: without columns")
            continue
        numbers = table.select_dtypes("number")
        if np.isinf(numbers.to_numpy(dtype=float)).any():
            faults.append(f"{path.name}: infinite")
    return faults if tables else ["no tables"]


@pytest.mark.slow
@pytest.mark.parametrize("paper", paper_names(ROOT))
def test_settings_are_refused_or_run_to_the_end(paper, data, tmp_path, undrawn):
    places = iter(range(10_000))

    @settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=EXAMPLES,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # to shrink a fault would take hours
    )
    @given(changes(paper))
    def check(changed):
        note(f"{paper}: {changed}")
        folder = tmp_path / str(next(places))
        (folder / "config").mkdir(parents=True)
        shutil.copy(ROOT / "config/config.yaml", folder / "config")
        refusal = in_process.run(
            {"run": paper, "data": str(data), "papers": {paper: merge(TINY[paper], changed)}},
            folder,
            ROOT,
        )
        if refusal is None:
            assert whole(folder) == []
        else:
            assert len(refusal.splitlines()) == 1 and len(refusal) > 20, refusal
        shutil.rmtree(folder)

    check()
