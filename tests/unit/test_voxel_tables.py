"""A user's tables: both formats agree, stimuli are matched by name, every fault is a sentence."""

import numpy as np
import pytest

from replicortex.core.errors import StudyError
from replicortex.data import voxel_tables
from replicortex.data.fixtures import voxel_tables as fixture


def test_csv_and_npz_say_the_same(tmp_path):
    values = np.array([[1.0, 2.5], [3.0, -4.0], [0.5, 6.0]])
    (tmp_path / "a.csv").write_text("s,v0,v1\nx,1.0,2.5\nncsnr,0.4,0.5\ny,3,-4\nz,.5,6\n")
    np.savez(tmp_path / "a.npz", stimuli=np.array(["x", "y", "z"]), values=values, ncsnr=[0.4, 0.5])
    for name in ("a.csv", "a.npz"):
        table = voxel_tables.read(tmp_path / name)
        assert table.stimuli == ["x", "y", "z"]
        np.testing.assert_array_equal(table.values, values)
        np.testing.assert_array_equal(table.ncsnr, [0.4, 0.5])


def test_stimuli_are_matched_by_name():
    one = voxel_tables.Table(["a", "b", "c"], np.array([[1.0], [2.0], [3.0]]), None)
    other = voxel_tables.Table(["c", "d", "a"], np.array([[30.0], [40.0], [10.0]]), None)
    names, values = voxel_tables.shared({"features": one, "targets": other})
    assert names == ["a", "c"]
    assert values["features"].ravel().tolist() == [1, 3]
    assert values["targets"].ravel().tolist() == [10, 30]
    with pytest.raises(StudyError, match=r"no stimulus is in all .*features has 3, targets has 1"):
        alone = voxel_tables.Table(["z"], np.array([[1.0]]), None)
        voxel_tables.shared({"features": one, "targets": alone})


def test_fixture_has_regions_that_resemble_each_other(tmp_path):
    fixture.build(tmp_path, seed=0, stimuli=60, voxels=10)
    read = {
        name.partition(".")[0]: voxel_tables.read(tmp_path / name)
        for name in ("targets.csv", "matched.csv", "mismatched.npz")
    }
    assert read["targets"].ncsnr.min() > 0.29 and read["matched"].ncsnr is None
    _, values = voxel_tables.shared(read)
    mean = {name: v.mean(1) for name, v in values.items()}
    assert np.corrcoef(mean["targets"], mean["matched"])[0, 1] > 0.6
    assert abs(np.corrcoef(mean["targets"], mean["mismatched"])[0, 1]) < 0.4


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "", r"found suffix '\.txt', expected \.csv or \.npz"),
        ("a.csv", "s,v\nx,one\n", "voxel 'v' of stimulus 'x' holds 'one', a number expected"),
        ("a.csv", "s,v\nx,1\nx,2\n", "stimulus 'x' stands there more than once"),
        ("a.csv", "s,v,u\nx,1,2\ny,,3\n", "NaN or infinity at stimulus 'y', voxel 1"),
        ("a.csv", "s,v\nncsnr,1\nx,1\nncsnr,2\n", "stimulus 'ncsnr' stands there more than once"),
        ("a.csv", "s,v\nncsnr,\nx,1\n", "ncsnr of voxel 1 is no number from 0 upwards"),
        ("a.csv", "s,v\nx,1\n,2\n", "line 3 names no stimulus"),
        ("a.csv", "s,v\nx,True\n", "voxel 'v' of stimulus 'x' holds 'True'"),
        ("a.csv", "s,v\nx,1,5\n", "a damaged or other file"),
        ("a.csv", "<!DOCTYPE html><html>", "a web page"),
        ("a.csv", "", "an empty file found; write the table again"),
        ("a.npz", {"values": [[1.0]], "stimuli": [1.5]}, "stimuli are float64"),
        ("a.npz", {"values": [["1"]], "stimuli": ["x"]}, "values are <U1, numbers expected"),
        ("a.csv", "s\nx\n", r"values are \(1, 0\)"),
        ("a.npz", "no zip", "it is no archive, or was cut short"),
        ("a.npz", {"values": [[1.0]]}, "has no array .*stimuli"),
        ("a.npz", {"values": [[1.0]], "stimuli": ["x", "y"]}, "2 stimuli named, 1 rows"),
        (
            "a.npz",
            {"values": [[1.0, 2.0]], "stimuli": ["x"], "ncsnr": [0.1]},
            r"ncsnr is \(1,\), 2 voxels",
        ),
    ],
)
def test_what_a_user_can_get_wrong(tmp_path, name, content, words):
    path = tmp_path / name
    if isinstance(content, dict):
        np.savez(path, **{key: np.array(value) for key, value in content.items()})
    else:
        path.write_text(content)
    with pytest.raises(StudyError, match=words):
        voxel_tables.read(path)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("s,v\nnull,1\nx,2\ny,3\n", "s,v\nNA,7\nx,8\ny,9\n", ["x", "y"]),
        ("s,v\n0001,1\n0002,2\n", "s,v\nncsnr,.5\n0001,1\n0002,2\n", ["0001", "0002"]),
        ("s,v\n1.1,1\n1.10,2\n", "s,v\n1.10,2\n1.1,1\n", ["1.1", "1.10"]),
        ("s,v\n001,1\n1,2\n", "s,v\n1,2\n001,1\n", ["001", "1"]),
        (",v\nNA,1\nnan,2\n", ",v\nnan,2\nNA,1\n", ["NA", "nan"]),
        ("s,v\n1e3,1\n5e2,2\n", "s,v\n1000,1\n500,2\n", None),
    ],
)
def test_names_are_compared_as_written(tmp_path, one, other, shared):
    tables = {}
    for name, text in (("a", one), ("b", other)):
        (tmp_path / f"{name}.csv").write_text(text)
        tables[name] = voxel_tables.read(tmp_path / f"{name}.csv")
    if shared is None:
        with pytest.raises(StudyError, match="no stimulus is in all"):
            voxel_tables.shared(tables)
        return
    names, values = voxel_tables.shared(tables)
    assert names == shared
    own = {name: dict(zip(t.stimuli, t.values[:, 0], strict=True)) for name, t in tables.items()}
    for key in tables:
        assert values[key][:, 0].tolist() == [own[key][name] for name in shared]


def test_numbers_as_names_of_an_npz(tmp_path):
    """Whole numbers are written in one way only."""
    np.savez(tmp_path / "a.npz", stimuli=np.array([7, 12]), values=np.ones((2, 1)))
    assert voxel_tables.read(tmp_path / "a.npz").stimuli == ["7", "12"]
