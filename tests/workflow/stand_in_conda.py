"""A stand-in for conda: answers the engine, and builds each environment as a venv.

The venv gets the very packages that the environment file names for pip, and no other: it shows that
rules run with their own environment alone, and that each file is complete. Python itself is not conda's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

ACTIVATE = 'export PATH="$1/bin:$PATH"\n'


def install(folder: Path) -> Path:
    """Put the stand-in and its `activate` into folder/bin; return that bin."""
    place = folder / "bin"
    place.mkdir(parents=True)
    program = place / "conda"
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from stand_in_conda import main\n"
        f"main(sys.argv[1:], {str(folder)!r})\n"
    )
    program.chmod(0o755)
    (place / "activate").write_text(ACTIVATE)
    return place


def main(words: list[str], prefix: str) -> None:
    """Answer one call."""
    if words == ["--version"]:
        print("conda 26.1.0")
    elif words[0] == "info":
        print(json.dumps({"conda_prefix": prefix, "platform": "linux-64"}))
    elif words[0] == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif words[:2] == ["env", "create"]:
        file, place = (words[words.index(name) + 1] for name in ("--file", "--prefix"))
        create(Path(file), Path(place))
    elif words[0] != "clean":
        raise SystemExit(f"this stand-in for conda does not know: {' '.join(words)}")


def create(file: Path, place: Path) -> None:
    """Build a venv that holds what an environment file names."""
    (pinned,) = (
        part["pip"]
        for part in yaml.safe_load(file.read_text())["dependencies"]
        if isinstance(part, dict)
    )
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, place], check=True)
    # The file names all that its packages need: nothing is resolved.
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", place]
    subprocess.run([*command, *pinned], check=True)
