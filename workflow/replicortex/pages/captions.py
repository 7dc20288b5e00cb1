"""Captions of the report: from reStructuredText to HTML."""

from __future__ import annotations

from pathlib import Path

from docutils.core import publish_parts
from docutils.utils import Reporter, SystemMessage
from markupsafe import Markup

from replicortex.core.errors import StudyError

# A caption is text: it loads no other file, holds no HTML, and is read alike in every folder.
SETTINGS = {
    "_disable_config": True,
    "doctitle_xform": False,
    "file_insertion_enabled": False,
    "halt_level": Reporter.WARNING_LEVEL,
    "raw_enabled": False,
    "warning_stream": False,  # the error says it
}


def caption(file: Path) -> Markup:
    """Return a caption as HTML.

    Raises
    ------
    StudyError
        When it is no well-formed reStructuredText, or loads a file or HTML.
    """
    text = file.read_text()
    try:
        parts = publish_parts(
            text, source_path=file.as_posix(), writer="html5", settings_overrides=SETTINGS
        )
    except SystemMessage as error:
        raise StudyError(f"{error} (a caption is reStructuredText)") from None
    return Markup(parts["body"])
