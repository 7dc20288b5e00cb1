"""The two definitions of an image: well-formed, alike, and in step with the lock."""

import re
import tomllib

import pytest

from replicortex.tools.environments import PYTHON

INSTRUCTIONS = {"FROM", "RUN", "COPY"}


def steps(commands):
    return [" ".join(one.split()) for one in commands if one.strip()]


def containerfile(root):
    """Return base, (source, target) of each copy, and all commands."""
    text = (root / "envs/Containerfile").read_text()
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = [line.split(None, 1) for line in code.replace("\\\n", " ").splitlines() if line.strip()]
    assert {word for word, _ in found} == INSTRUCTIONS and found[0][0] == "FROM"
    commands = [step for word, rest in found if word == "RUN" for step in rest.split("&&")]
    copied = [tuple(rest.split()) for word, rest in found if word == "COPY"]
    return found[0][1], copied, steps(commands)


def definition(root):
    """The same of the Apptainer definition."""
    text = (root / "envs/apptainer.def").read_text()
    header, *sections = re.split(r"^%(?=\w)", text, flags=re.M)
    facts = dict(line.split(": ") for line in header.splitlines() if line and line[0] != "#")
    assert facts["Bootstrap"] == "docker" and set(facts) == {"Bootstrap", "From"}
    bodies = {name: body.splitlines() for name, _, body in (s.partition("\n") for s in sections)}
    assert list(bodies) == ["files", "post"]
    lines = [line for body in bodies.values() for line in body if line.strip()]
    assert all(line.startswith("    ") for line in lines)
    copied = [tuple(line.split()) for line in bodies["files"] if line.strip()]
    return facts["From"], copied, steps(bodies["post"])


@pytest.mark.parametrize("read", [containerfile, definition])
def test_an_image_has_the_locks_python_and_installs_the_lock_by_its_hashes(root, read):
    base, copied, commands = read(root)
    assert base == f"python:{PYTHON}-slim-bookworm"
    assert f"--python-version {PYTHON} --generate-hashes" in (root / "Makefile").read_text()
    ((source, target),) = copied
    assert source == "requirements.lock" and (root / source).is_file()
    (install,) = (one for one in commands if "pip install" in one)
    assert install.endswith(f" --require-hashes --requirement {target}")
    (system,) = (one for one in commands if "apt-get install" in one)
    assert system.split()[-1] == "git"  # git-annex comes by its wheel
    assert re.search(r"^git-annex==", (root / source).read_text(), re.M)
    assert commands.index(install) < commands.index("git annex version")


def test_both_images_are_made_by_the_same_steps(root):
    assert containerfile(root) == definition(root)


def test_git_leaves_a_built_image_out(root):
    assert "/envs/*.sif" in (root / ".gitignore").read_text().splitlines()
    python = tomllib.loads((root / "pyproject.toml").read_text())["project"]["requires-python"]
    assert python == f">={PYTHON}"
