"""Writers: the same values give the same bytes, and nothing half-written is left."""

import time

import numpy as np
import pandas as pd
import pytest

from replicortex.core.files import Tensors, canonical_json, figure_bytes, read_tensors, write


def figure():
    from matplotlib.figure import Figure

    made = Figure(figsize=(2, 2))
    made.subplots().plot([0, 1], [1, 0])
    return made


VALUES = {
    ".csv": lambda: pd.DataFrame({"a": [1, 2], "b": [0.1, np.nan]}),
    ".json": lambda: {"b": 1, "a": [1.5]},
    ".npz": lambda: {"b": np.arange(3), "a": np.ones((2, 2))},
    ".safetensors": lambda: Tensors({"b": np.arange(3.0), "a": np.ones(2)}, {"y": 1, "x": "z"}),
    ".png": figure,
    ".pdf": figure,
    ".svg": figure,
}


@pytest.mark.parametrize("suffix", VALUES)
def test_equal_values_give_equal_bytes(tmp_path, suffix):
    write(tmp_path / f"one{suffix}", VALUES[suffix](), "a" * 64)
    time.sleep(1.1)  # a stamped time would differ now
    write(tmp_path / f"two{suffix}", VALUES[suffix](), "a" * 64)
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_figures_carry_the_records_id(tmp_path, suffix):
    from replicortex.provenance.chain import embedded_id

    write(tmp_path / f"f{suffix}", figure(), "ab" * 32)
    assert embedded_id(tmp_path / f"f{suffix}") == "ab" * 32


def test_tensors_come_back(tmp_path):
    write(tmp_path / "t.safetensors", Tensors({"a/b": np.eye(2)}, {"rule": "bp", "n": 1}))
    arrays, metadata = read_tensors(tmp_path / "t.safetensors")
    assert np.array_equal(arrays["a/b"], np.eye(2)) and metadata == {"rule": "bp", "n": 1}


def test_npz_comes_back(tmp_path):
    write(tmp_path / "t.npz", {"rdm/V1": np.eye(2)})
    assert np.array_equal(np.load(tmp_path / "t.npz")["rdm/V1"], np.eye(2))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "t.json"
    write(path, {"a": 1})
    with pytest.raises(ValueError):
        write(path, {"a": float("nan")})
    assert [p.name for p in tmp_path.iterdir()] == ["t.json"]
    assert path.read_text() == '{\n"a": 1\n}\n'.replace('\n"', '\n "')


def test_an_unknown_suffix_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"no writer for '\.xyz'"):
        write(tmp_path / "t.xyz", 1)


def test_key_order_does_not_matter():
    assert canonical_json({"b": 1, "a": {"d": 1, "c": 2}}) == '{"a":{"c":2,"d":1},"b":1}'


@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg"])
def test_settings_of_the_users_matplotlib_change_no_figure(suffix):
    import matplotlib
    from matplotlib.figure import Figure

    def drawn():
        with matplotlib.style.context("default"):
            figure = Figure()
            figure.subplots().plot([0, 1])
        return figure

    plain = figure_bytes(drawn(), suffix, "an id")
    assert plain == figure_bytes(drawn(), suffix, "an id")
    theirs = {"savefig.bbox": "tight", "savefig.facecolor": "red", "savefig.dpi": 50}
    with matplotlib.rc_context(theirs | {"svg.fonttype": "none", "pdf.compression": 0}):
        assert figure_bytes(drawn(), suffix, "an id") == plain
