"""YAML by one function: each fault one sentence with its line, and never a key lost in silence."""

import pytest
import yaml

from replicortex.core import yaml_text
from replicortex.core.config import paper_names
from replicortex.core.errors import StudyError
from replicortex.core.study import check_files
from replicortex.core.yaml_text import read_yaml, read_yaml_file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' is given twice, in lines 1 and 3; keep one"),
        ("a:\n  b: {c: 1, c: 2}\n", "the key 'a.b.c' is given twice, in lines 2 and 2;"),
        ("- a: 1\n- a: 1\n  a: 2\n", r"the key '\[1\]\.a' is given twice, in lines 2 and 3;"),
        ("1: a\n0x1: b\n", "the key '0x1' is given twice, in lines 1 and 2;"),
        ("x: &x {a: 1}\ny: &y {b: 1}\nz:\n  <<: *x\n  <<: *y\n", "the key 'z.<<' is given twice"),
        ("a:\n\tb: 1\n", r"is no YAML \(line 2: a tab stands there; indent with spaces\)"),
        ("a: 1\n  \tb: 2\n", r"is no YAML \(line 2: a tab stands there"),
        ("a: [\n", r"is no YAML \(line 2: did not find"),
        ("a: 1\nb: c: d\n", r"is no YAML \(line 2: mapping values are not allowed"),
        ("a: 1\n---\nb: 2\n", r"is no YAML \(line 2: .*another document"),
        (b"a: \xff\n", r"is no YAML \(.*UTF-8"),
        ("a: 2024-13-45\n", r"is no YAML \(month must be in 1\.\.12\)"),
        ("? [1, 2]\n: 3\n", r"is no YAML \(line 1: found unhashable key"),
        ("a: !!python/object:os.system {}\n", r"is no YAML \(line 1: could not determine"),
    ],
)
def test_a_fault_is_one_sentence(text, message):
    with pytest.raises(StudyError, match=f"^some.yaml: {message}") as error:
        read_yaml(text, "some.yaml")
    assert "\n" not in str(error.value)


def test_what_is_no_fault():
    assert read_yaml("a: &x {b: 1}\nc: {<<: *x, b: 2}\nd: *x\n", "") == {
        "a": {"b": 1}, "c": {"b": 2}, "d": {"b": 1},
    }  # fmt: skip
    assert read_yaml("1: a\n'1': b\n", "") == {1: "a", "1": "b"}
    assert read_yaml("a: 'x\ty'\n", "") == {"a": "x\ty"}
    assert read_yaml("", "") is None


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StudyError, match=r"none\.yaml: cannot be read \(no such file"):
        read_yaml_file(tmp_path / "none.yaml")


def test_the_settings_are_looked_at_before_the_engine_reads_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "over.json").write_text('{\n\t"a": 1}')  # JSON may be indented with tabs
    check_files([tmp_path / "over.json"])
    (tmp_path / "config/config.yaml").write_text("name: a\nscale: demo\nname: b\n")
    with pytest.raises(SystemExit, match=r"^Error: config/config.yaml: the key 'name' .* 1 and 3"):
        check_files()
    (tmp_path / "config/config.yaml").write_text("name: a\n")
    (tmp_path / "over.yaml").write_text("papers:\n\tx: 1\n")
    with pytest.raises(SystemExit, match=r"^Error: .*over\.yaml: is no YAML \(line 2: a tab"):
        check_files([tmp_path / "over.yaml"])


def test_all_yaml_of_the_study_is_read_by_the_library_in_c(root):
    """Each job parses it; the plain Python reader takes ten times as long."""
    assert yaml_text.LOADER is yaml.CSafeLoader
    papers = paper_names(root)
    paths = [root / "config/config.yaml", root / "config/datasets.yaml"]
    paths += [root / f"config/papers/{paper}.yaml" for paper in papers]
    paths += [root / f"workflow/papers/{paper}/claims.yaml" for paper in papers]
    for path in [*paths, *(root / "envs").glob("*.yaml"), *root.glob("profiles/*/config.yaml")]:
        assert read_yaml_file(path)
