"""The image that jobs run in under `--sdm apptainer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE = Path("envs/replicortex.sif")


def image(workflow: Any) -> str | None:
    """Return the image of all jobs; None unless asked for, or asked for together with conda.

    Told to the engine only when it is used: the engine's report names what it was told.

    Parameters
    ----------
    workflow
        The engine's workflow.

    Raises
    ------
    SystemExit
        With one sentence, when the image was not built yet.
    """
    asked = {method.name for method in workflow.deployment_settings.deployment_method}
    if "APPTAINER" not in asked or "CONDA" in asked:
        return None
    if workflow.is_main_process and not FILE.is_file():
        raise SystemExit(
            f"Error: --sdm apptainer: {FILE} does not exist; build it with `apptainer build {FILE} "
            "envs/apptainer.def`, or make it a link to where it lies"
        )
    return str(FILE)
