"""What verify names after edits of a finished run: what was edited and no more, nothing harmless."""

import random
import shutil
import time

import pytest
from edits import CACHE, EDITS, RUN, Taken, World

from replicortex.provenance import chain
from replicortex.provenance.contents import Hashes
from replicortex.provenance.verification import verify

SEED = 16  # of the first draw; each has its own
DRAWS, FEW = 300, 15


@pytest.fixture(scope="module")
def copy(one_paper, tmp_path_factory):
    """A copy of a finished run to play with, its hashes remembered."""
    folder = tmp_path_factory.mktemp("edits") / "copy"
    left_out = shutil.ignore_patterns(".snakemake", "reference", "__pycache__", "audit")
    shutil.copytree(one_paper.folder, folder, symlinks=True, ignore=left_out)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        time.sleep(2.1)  # what was changed a moment ago is not remembered
        hashes = Hashes(CACHE)
        verify(chain.results_below(RUN, absent=True), folder, hashes, [RUN])
        hashes.remember()
        assert Hashes(CACHE)._kept
    return folder


def found(folder, hashes):
    files = chain.results_below(RUN, absent=True)
    return {
        (fault.path, fault.kind) for fault in verify(files, folder, hashes, [RUN])
    }  # several faults of one file name it once


def tried(folder, seed, names):
    """Make edits, and return a sentence where verify does not name just them, "" where it does."""
    world = World(seed)
    wanted, made = {}, []
    try:
        for name in names:
            try:
                wanted |= EDITS[name](world)
            except Taken:
                continue
            made.append(name)
        hashes = Hashes(CACHE) if seed % 2 else Hashes()
        named = found(folder, hashes)
    finally:
        world.back()
    if named == set(wanted.items()):
        return ""
    more, less = named - set(wanted.items()), set(wanted.items()) - named
    return f"seed {seed}, {made}: named beside them {sorted(more)}, not named {sorted(less)}"


def test_there_are_many_kinds_of_edit():
    assert len(EDITS) >= 25


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) for n in EDITS])
def test_an_edit_of_each_kind_is_named_alone(copy, monkeypatch, name):
    monkeypatch.chdir(copy)
    assert [said for seed in (1, 2) if (said := tried(copy, seed, [name]))] == []


def some(copy, monkeypatch, seeds):
    monkeypatch.chdir(copy)
    assert found(copy, Hashes()) == set()
    wrong = []
    for seed in seeds:
        draw = random.Random(seed)
        names = draw.sample(sorted(EDITS), draw.randint(1, 3))
        if said := tried(copy, seed, names):
            print(said)
            wrong.append(said)
    assert found(copy, Hashes()) == found(copy, Hashes(CACHE)) == set()  # all is as it was
    assert wrong == []


def test_a_few_random_edits_are_named_and_nothing_else(copy, monkeypatch):
    some(copy, monkeypatch, range(SEED, SEED + FEW))


@pytest.mark.slow
def test_three_hundred_random_edits_are_named_and_nothing_else(copy, monkeypatch):
    some(copy, monkeypatch, range(SEED + FEW, SEED + FEW + DRAWS))
