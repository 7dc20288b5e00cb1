"""What systems are shown, domain by domain: pictures of each source, at their own size."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from papers.hierarchical_ot import neurons, pictures
from papers.hierarchical_ot.embedding_settings import INPUTS, Domain, SharedImages
from papers.hierarchical_ot.training_settings import Images
from replicortex.core.errors import StudyError
from replicortex.data import floc, nsd, objects92


class Sources(NamedTuple):
    """Manifests of what is shown; None for none."""

    images: Path | None
    recordings: Path | None
    betas: Path | None
    objects: Path | None
    localizer: Path | None


def pictures_of(
    domain: Domain, sources: Sources, vision: Images, brain: SharedImages, session: str | None
) -> np.ndarray:
    """Return a domain's pictures, uint8 (n, height, width, 3) or grey (n, height, width).

    Their rows are those of every other system of the domain. CIFAR's pictures (vision) are 32 pixels
    wide: a network that learned from 224 sees them enlarged and smooth, a control and no natural
    stimulus.

    Raises
    ------
    StudyError
        When the domain's data are null, or it has no pictures.
    """
    manifest = getattr(sources, INPUTS[domain], None)
    if manifest is None:
        raise StudyError(
            f"it is shown the pictures of `{INPUTS[domain]}` ({domain}), which is null"
        )
    if domain == "vision":
        return pictures.test_images(manifest, vision.stimuli)[0]
    if domain == "v4":
        return neurons.v4(manifest)[0]
    if domain == "v4_alone":
        if session is None:
            raise StudyError("it is shown the pictures of `session` (v4_alone), which is null")
        return neurons.v4_alone(manifest, session)[0]
    if domain == "objects":
        return objects92.read_images(manifest)[1]
    if domain == "localizer":
        return floc.read(manifest)[0]
    return nsd.read_images(manifest, neurons.brain_images(manifest, brain))
