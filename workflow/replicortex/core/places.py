"""Whether a folder can take what is to be written there, told in one sentence before work starts."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

from replicortex.core.errors import StudyError

OTHER_DATA = "or name another folder as `data` in config/config.yaml"
_REMEDIES = {
    errno.EACCES: "this user may not read or write it; change its owner or its rights",
    errno.EPERM: "the system does not allow it; change its owner, its rights or its file system",
    errno.EROFS: "its file system can only be read; mount it anew, or use another folder",
    errno.ENOTDIR: "a file stands where a folder is needed; move it away",
    errno.EEXIST: "a file stands where a folder is needed; move it away",
    errno.EISDIR: "a folder stands where a file is needed; move it away",
    errno.ELOOP: "its links lead round in a circle; delete one of them",
    errno.ENAMETOOLONG: "its name is too long for the file system; use a folder with a shorter path",
    errno.EIO: "its disk fails; see what the system's log says",
    errno.ESTALE: "its network file system has lost it; mount that anew",
    errno.ENOSPC: "no space is left on its file system; make space",
    errno.EDQUOT: "the quota on its file system is used up; make space",
}


def sentence(error: OSError) -> str:
    """Return what the system's refusal of a file means and what to do; "" for other errors."""
    if error.errno not in _REMEDIES or not isinstance(error.filename, (str, bytes)):
        return ""
    name = os.fsdecode(error.filename)
    return f"{name}: {os.strerror(error.errno)}: {_REMEDIES[error.errno]}, and start again"


def check_folder(folder: Path, remedy: str) -> None:
    """Check that a folder can be written, or made.

    Parameters
    ----------
    folder
        The folder.
    remedy
        What else can be done, as the end of a sentence.

    Raises
    ------
    StudyError
        When a file or a broken link stands in its place, or it may not be written.
    """
    for place in (folder, *folder.absolute().parents):
        if not os.path.lexists(place):
            continue
        if place.is_symlink() and not place.exists():
            to = place.readlink()
            raise StudyError(f"{place}: leads to '{to}', which is not there; mount it, {remedy}")
        if not place.is_dir():
            raise StudyError(f"{place}: is a file, a folder was expected; move it away, {remedy}")
        if not os.access(place, os.W_OK | os.X_OK):
            raise StudyError(
                f"{place}: cannot be written by this user, or lies on a file system that can only be "
                f"read; change its rights, {remedy}"
            )
        return


def check_data(data: Path) -> None:
    """Check that datasets can be installed in a folder: it is writable and holds symbolic links.

    Raises
    ------
    StudyError
        When they cannot.
    """
    check_folder(data / "manifests", OTHER_DATA)
    check_folder(data, OTHER_DATA)
    existing = next(p for p in (data, *data.absolute().parents) if p.is_dir())
    link = existing / f".link.{uuid.uuid4().hex}"
    try:
        link.symlink_to("nowhere")
    except OSError as error:
        raise StudyError(
            f"{data}: its file system holds no symbolic links ({error.strerror}), which DataLad "
            f"datasets consist of; use a folder on another file system, {OTHER_DATA}"
        ) from None
    link.unlink()
