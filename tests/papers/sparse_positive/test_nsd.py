"""A rehearsal of `full`: a fixture stands for NSD, every figure draws it and every claim judges it."""

import numpy as np
import pandas as pd
import pytest
from manifests import described

from papers.sparse_positive import aggregate, encode, features, many
from papers.sparse_positive.bootstrap_settings import Bootstrap
from papers.sparse_positive.encoding_settings import Compared, FitSettings, Reliability, Targets
from papers.sparse_positive.extraction import nsd_pictures
from papers.sparse_positive.features import FLOC, SETS, Space
from papers.sparse_positive.figures import (
    alphas,
    balance,
    controls,
    encoding,
    intervals,
    networks,
    passing,
    spaces,
)
from replicortex.core.files import write
from replicortex.core.randomness import generator
from replicortex.data.fixtures import nsd
from replicortex.verdicts import evaluation, model, reading

PEOPLE = [1, 2, 5, 7]
NSD = {"people": PEOPLE, "pool": 40, "step": 2, "layout": "volume", "threshold": 0.3}
MODELS = ["barlow_trained_fc6", "resnet20_trained_layer3"]
NAMES = [*MODELS, "resnet20_untrained_layer3", "hog", "resnet56_trained_layer3"]
IMAGES = {"train": 30, "validation": 10, "test": 20}
SEMI = {"cortex": NAMES[-1], "voxels": 4, "mixed": 3, "images": IMAGES}
RELIABILITY = Reliability(
    people=[1],
    threshold=0.3,
    ncsnr={"FFA": {1: [418, 275, 0.614]}, "PPA": {1: [734, 492, 0.615]}},
)
FITS = FitSettings(
    least=2,
    alpha=0.05,
    l1_ratio=0.5,
    alphas=[0.01, 0.1, 1.0],
    rotation_alpha={"ridge": 10.0, "lasso": 0.05},
    balance={"units": 4, "active": 2, "alphas": [0.01, 0.05, 0.2]},
)
FACTS = {"nsd.dataset": "nsd", "zoo.models": ["one"] * 106}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Write every table that the NSD fixture has rows in; return their paths by name."""
    folder = tmp_path_factory.mktemp("rehearsal")
    (folder / "nsd").mkdir()
    sizes = {"people": PEOPLE, "shared": 40, "own": 40, "side": 8}
    nsd.build(folder / "nsd", seed=0, layout="volume", **sizes)
    manifest = described(folder / "nsd")
    numbers = Targets(nsd={**NSD, "models": MODELS})
    stacks = nsd_pictures(manifest, numbers.nsd, 8)
    stacks[FLOC] = generator(0, "floc").integers(0, 255, (60, 8, 8, 3))
    made = {}
    for name in NAMES:
        filters = {units: generator(0, name, units).normal(size=(192, 8)) for units in SETS}
        answers = {
            pictures: {
                units: np.maximum((stack.reshape(len(stack), -1) / 255 - 0.5) @ filters[units], -1)
                for units in SETS
            }
            for pictures, stack in stacks.items()
        }
        made[name] = Space(answers, {"face": 8, "scene": 6})
    write(folder / "features.npz", features.packed(made))
    given = {"features": [folder / "features.npz"], "scenes": manifest}
    found = encode.encode(targets=["nsd"], seeds=[0], numbers=numbers, fits=FITS, **given)
    found |= many.many(
        cortex=folder / "features.npz",
        seeds=[0],
        numbers=Compared(semi_real=SEMI, reliability=RELIABILITY, nsd=NSD, macaque=None),
        alphas=[1.0, 100.0],
        least=2,
        **given,
    )
    found["localizer"] = pd.DataFrame(
        [
            {"space": name, "units": units, "of": 192, "passing": 8}
            for name in NAMES
            for units in ("face", "scene")
        ]
    )
    for name in ("directions", "untrained", "history"):
        found[name] = pd.DataFrame({"seed": [0]})
    for name, table in found.items():
        write(folder / f"encoded/{name}.csv", table)
    tables = aggregate.aggregate(
        **{name: [folder / f"encoded/{name}.csv"] for name in found},
        bootstrap=Bootstrap(draws=20, seed=0, tolerance=0.05),
    )
    for name, table in tables.items():
        write(folder / f"{name}.csv", table)
    return {name: folder / f"{name}.csv" for name in tables}


DRAWN = {
    encoding: ["scores"],
    networks: ["scores"],
    passing: ["passing"],
    alphas: ["scores", "alphas"],
    controls: ["scores", "rotation"],
    balance: ["scores", "balanced"],
    intervals: ["intervals", "scores"],
    spaces: ["spaces", "signs"],
}


@pytest.mark.parametrize("figure", DRAWN, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_figure_draws_nsd(paths, figure):
    drawn = figure.draw(*(paths[name] for name in DRAWN[figure]))
    assert len(drawn.axes) >= 2
    words = [text.get_text() for text in drawn.texts]
    words += [ax.get_title(loc=where) for ax in drawn.axes for where in ("left", "center")]
    words += [text.get_text() for legend in drawn.legends for text in legend.get_texts()]
    assert any("NSD" in one for one in words)
    assert all(ax.lines or ax.collections or ax.patches for ax in drawn.axes)


def test_figure_three_has_a_row_of_panels_for_nsd(paths):
    drawn = spaces.draw(paths["spaces"], paths["signs"])
    titles = [ax.get_title(loc="left") for ax in drawn.axes]
    assert titles[2:] == ["Prediction: NSD", "Reorientation: NSD"]
    assert all(sum(len(line.get_xdata()) for line in ax.lines[:-1]) == 8 for ax in drawn.axes)


def of_nsd(root):
    """The claims that read NSD's rows."""
    claims = reading.load(root / "workflow/papers/sparse_positive/claims.yaml")
    return [claim for claim in claims if claim.measure.select.get("target") == "nsd"]


def test_every_statement_has_its_claims_on_nsd(root):
    ids = {claim.id for claim in of_nsd(root)}
    stated = ("equal", "turned", "drop", "keep", "least_turned", "fewest", "alpha_theta", "alpha_r")
    stated += ("alpha_theta_elastic_net", "alpha_r_elastic_net", "rotated_lasso")
    stated += ("equal_passing", "turned_passing", "drop_passing")
    stated += ("spaces_theta", "spaces_r", "networks_theta", "trained_theta", "passing_theta")
    wanted = {f"{one}_nsd_{region}" for one in stated for region in ("ffa", "ppa")}
    assert wanted <= ids
    for claim in of_nsd(root):
        assert [unit.name for unit in claim.over] in (["people"], ["feature spaces"])
        assert model.unmet(claim.needs, {"nsd.dataset": None})
        assert not model.unmet(claim.needs, FACTS)


def test_every_claim_on_nsd_is_judged(paths, root):
    claims = of_nsd(root)
    tables = {name: pd.read_csv(paths[name]) for name in model.tables(claims)}
    judged, _ = evaluation.evaluate(
        claims,
        tables,
        aliases={},
        facts=FACTS,
        absent={},
        synthetic=False,
        paper="sparse_positive",
    )
    judged = judged.set_index("id")
    assert set(judged.index) == {claim.id for claim in claims}
    assert not judged["verdict"].str.contains("not testable").any(), judged["reason"]
    assert np.isfinite(judged["ours"]).all()
    people = judged[judged["over"] == "people"]
    assert (people["n"] == len(PEOPLE)).all() and len(people) > 20
