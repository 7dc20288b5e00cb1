"""The image that jobs run in under `--sdm apptainer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE = Path("envs/replicortex.sif")


def run_in_image(workflow: Any) -> None:
    """Have every rule run in the image, where `--sdm apptainer` asks for one without conda's.

    A `container:` of the root Snakefile would not reach the rules of its modules. The engine is told
    only when the image is used, since its report names what it was told.

    Parameters
    ----------
    workflow
        The engine's workflow, all its rules known.

    Raises
    ------
    SystemExit
        With one sentence, when the image was not built yet.
    """
    asked = {method.name for method in workflow.deployment_settings.deployment_method}
    if "APPTAINER" not in asked or "CONDA" in asked:
        return
    if workflow.is_main_process and not FILE.is_file():
        raise SystemExit(
            f"Error: --sdm apptainer: {FILE} does not exist; build it with `apptainer build {FILE} "
            "envs/apptainer.def`, or make it a link to where it lies"
        )
    for rule in workflow.rules:
        rule.container_img = str(FILE)
