"""Files of features: what is written is read, and what else they hold is told."""

import numpy as np
import pytest

from papers.sparse_positive import features
from papers.sparse_positive.extraction import extracted
from papers.sparse_positive.extraction_settings import LocalizerSettings
from papers.sparse_positive.features import FLOC, SETS, Space
from replicortex.core.errors import StudyError
from replicortex.core.files import write


def made(pictures=(FLOC,), count=2.0):
    """A space whose units answer with numbers of their own."""
    answers = {
        name: {units: np.full((3, 2), count + place) for place, units in enumerate(SETS)}
        for name in pictures
    }
    return Space(answers, {"face": 3, "scene": 9})


def test_what_is_written_is_read_set_by_set_in_one_order(tmp_path):
    spaces = {"net_b": made((FLOC, "nsd1")), "net_a": made(count=7.0)}
    write(tmp_path / "one.npz", features.packed(spaces))
    found = features.read([tmp_path / "one.npz"])
    assert set(found) == set(spaces)
    for name, space in spaces.items():
        assert found[name].passing == space.passing
        assert set(found[name].answers) == set(space.answers)
        for pictures, sets in space.answers.items():
            # The order of rows in tables.
            assert list(found[name].answers[pictures]) == list(SETS)
            for units, values in sets.items():
                np.testing.assert_array_equal(found[name].answers[pictures][units], values)


def test_one_space_in_two_files_is_refused(tmp_path):
    for name, spaces in (("one", {"net": made()}), ("two", {"net": made(), "other": made()})):
        write(tmp_path / f"{name}.npz", features.packed(spaces))
    assert set(features.read([tmp_path / "one.npz"])) == {"net"}
    with pytest.raises(StudyError, match=r"two\.npz: holds space 'net', as another file"):
        features.read([tmp_path / "one.npz", tmp_path / "two.npz"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"other": np.ones(2)}, r"'other' in it is no array of features; remove it"),
        ({"net|faces|floc": np.ones(2)}, r"'net\|faces\|floc' in it is no array of features"),
        ({"net|passing": None}, "does not say how many units of 'net' pass"),
        ({"net|random|floc": None}, "it lacks the answers of random units of 'net' to 'floc'"),
    ],
)
def test_what_is_no_file_of_features_is_told(tmp_path, change, message):
    arrays = {**features.packed({"net": made()}), **change}
    write(tmp_path / "one.npz", {key: one for key, one in arrays.items() if one is not None})
    with pytest.raises(StudyError, match=message) as error:
        features.read([tmp_path / "one.npz"])
    assert str(error.value).count("one.npz") == 1


def test_answers_that_are_not_there_are_told():
    with pytest.raises(StudyError, match="space 'net' has no answers to 'v4'; found floc, nsd1"):
        features.answers_to("v4", {"net": made((FLOC, "nsd1"))}, "net")
    with pytest.raises(StudyError, match="no space 'nett'; did you mean 'net'"):
        features.answers_to(FLOC, {"net": made()}, "nett")


def test_units_are_chosen_on_one_half_and_their_answers_kept_of_the_other():
    domains = np.repeat(["faces", "places", "objects"], 8)
    rng = np.random.default_rng(0)
    floc = rng.normal(size=(24, 6))
    floc[domains == "faces", 1] += 9
    activations = {FLOC: floc, "v4": rng.normal(size=(5, 6)), "pictures": rng.normal(size=(4, 6))}
    localizer = LocalizerSettings(units=1, q=0.05, fill=True)
    found = extracted([("net", activations)], domains, localizer, turned=["net"])
    space = features.unpacked(found["features"])["net"]
    assert set(space.answers) == {FLOC, "v4"} and space.passing == {"face": 1, "scene": 0}
    np.testing.assert_array_equal(space.answers[FLOC]["face"], floc[1::2, [1]].astype(np.float32))
    np.testing.assert_allclose(space.answers["v4"]["face"], activations["v4"][:, [1]], rtol=1e-6)
    assert list(found["directions"].units) == list(SETS)
    assert found["directions"].unit.iloc[0] == 1
    assert extracted([("net", activations)], domains, localizer)["directions"].empty
