"""Opening files of others: one sentence whatever their library raises; names stay as written."""

import struct
import zlib

import numpy as np
import pytest

from replicortex.core.errors import StudyError
from replicortex.core.reading import read_table, reading


@pytest.mark.parametrize(
    "error", [zlib.error("bad"), KeyError("stimuli"), struct.error("x"), EOFError(), IndexError(1)]
)
def test_whatever_is_raised_becomes_one_sentence(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"\0\1\2")
    with pytest.raises(StudyError) as caught, reading(path, "a picture", "draw it again"):
        raise error
    said = str(caught.value)
    assert said.startswith(
        f"{path}: a picture expected, a damaged or other file ({type(error).__name__}"
    )
    assert said.endswith("; draw it again") and "\n" not in said


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "an empty file"), (b"\n<!DOCTYPE html><html>", "a web page"), (None, "no file")],
)
def test_what_was_found_is_named(tmp_path, content, found):
    path = tmp_path / "a.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match=found), reading(path, "a picture"):
        path.read_bytes()
        raise ValueError


def test_a_sentence_stays_and_so_does_an_interruption(tmp_path):
    with pytest.raises(StudyError, match=r"^mine$"), reading(tmp_path, "x"):
        raise StudyError("mine")
    with pytest.raises(KeyboardInterrupt), reading(tmp_path, "x"):
        raise KeyboardInterrupt


def test_names_are_text_and_values_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("stimulus,value,kind\nNA,1,x\nnull,NA,\n0001,2,y\n1.10,nan,z\n1e3,,1.1\n")
    table = read_table(path, names=["stimulus"])
    assert list(table["stimulus"]) == ["NA", "null", "0001", "1.10", "1e3"]
    assert np.array_equal(table["value"], [1, np.nan, 2, np.nan, np.nan], equal_nan=True)
    assert list(read_table(path, first=True)["stimulus"]) == list(table["stimulus"])
    assert list(read_table(path, names=["kind"])["kind"].isna()) == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert list(read_table(path, names=["kind"], columns=["kind"]).columns) == ["kind"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,a\n1,2\n", "column 'a' stands there more than once"),
        ("stimuli,b\n1,2\n", "no column 'stimulus'; did you mean 'stimuli'"),
        ("", "an empty file"),
        ("<html><body>403</body></html>", "a web page"),
        ('stimulus\n"x\n', "a damaged or other file"),
    ],
)
def test_what_is_no_such_table(tmp_path, text, said):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(StudyError, match=said):
        read_table(path, names=["stimulus"])


def test_other_letters_than_utf8(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("stimulus\nbär\n".encode("latin-1"))
    with pytest.raises(StudyError, match="UnicodeDecodeError"):
        read_table(path, names=["stimulus"])


def test_the_first_column_may_have_no_heading(tmp_path):
    """As pandas writes a table with its index."""
    path = tmp_path / "t.csv"
    path.write_text(",v\n0001,1\nNA,2\n")
    table = read_table(path, first=True)
    assert list(table[""]) == ["0001", "NA"] and list(table["v"]) == [1, 2]


def test_a_row_with_a_cell_too_many(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("s,v\na,1\nb,2,3\n")
    with pytest.raises(StudyError, match=r"ParserWarning|ParserError"):
        read_table(path, first=True)
    path.write_text("s,v\na,1,7\nb,2,3\n")
    with pytest.raises(StudyError, match=r"ParserWarning|ParserError"):
        read_table(path, first=True)
