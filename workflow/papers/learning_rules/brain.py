"""The brain's side: RDMs of each person and region, noise bounds, RDMs of low-level models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.learning_rules import resize
from papers.learning_rules import stimuli as evaluation_stimuli
from papers.learning_rules.settings.responses import ObjectResponses, ThingsResponses
from papers.learning_rules.settings.scores import BrainScores, Resampling
from replicortex.analysis import lowlevel, rdm
from replicortex.analysis.bootstrap import percentile_interval
from replicortex.analysis.noise_bounds import bootstrap_bounds, leave_one_out
from replicortex.core.errors import StudyError
from replicortex.data import objects92, things


def brain(
    *,
    stimuli: str,
    responses: ThingsResponses | ObjectResponses,
    order: list[str],
    scores: BrainScores,
    images: Path,
    events: Path | None = None,
    betas: Path | None = None,
) -> dict[str, Any]:
    """Return brain RDMs, the pairs that count, low-level models, and noise bounds.

    Parameters
    ----------
    stimuli
        "things" or "objects92".
    responses
        Of the section of that name: ROIs; for things also subjects and pairs.
    order
        The ROIs in the order of the visual hierarchy, kept in every table.
    scores
        Of section `scores`: draws and seed of the bootstrap, the low-level models' settings.
    images, events, betas
        Manifests; the last two for things only.

    Returns
    -------
    "brain": "rdm/{roi}" (n_subjects, n, n), 1 - Pearson's r over the ROI's voxels [code];
    "rois", their order; "mask" (n, n), the pairs that count; "names", "subjects"; "model/{name}"
    (n, n), without the silhouette where the pictures have no uniform background.
    "noise": leave-one-out bounds per ROI with 95 % intervals over stimuli.

    Raises
    ------
    StudyError
        When an RDM has NaN, is not symmetric, or comes from responses that are constant.
    """
    names, pictures = evaluation_stimuli.images(stimuli, images=images, events=events)
    n = len(names)
    if isinstance(responses, ThingsResponses):
        if events is None or betas is None:
            raise StudyError("stimuli: things needs the manifests of its events and its betas")
        selection = things.select(events)
        subjects = list(responses.subjects)
        rdms = _things_rdms(betas, subjects, responses.rois, selection)
        cross_run = things.cross_run_mask(selection)
        mask = cross_run if responses.pairs == "cross_run" else ~np.eye(n, dtype=bool)
        masks = {"all": ~np.eye(n, dtype=bool), "cross_run": cross_run}
    else:
        rdms = objects92.read_brain_rdms(images, responses.rois)
        for roi, people in rdms.items():
            for number, one in enumerate(people):
                rdm.check(one, f"{images}: {roi}, person {number + 1}")
        subjects = [f"{number + 1:02d}" for number in range(len(next(iter(rdms.values()))))]
        mask = ~np.eye(n, dtype=bool)  # no order of presentation was published
        masks = {"all": mask}
    for roi, stack in rdms.items():
        if stack.shape[1] != n:
            raise StudyError(f"{roi}: RDMs of {stack.shape[1]} stimuli found, {n} images expected")
    rdms = {roi: rdms[roi] for roi in order}
    arrays = {f"rdm/{roi}": stack for roi, stack in rdms.items()}
    arrays |= {
        "rois": np.array(order),
        "mask": mask,
        "names": np.array(names),
        "subjects": np.array(subjects),
    }
    for name, one in low_level(pictures, scores).items():
        arrays[f"model/{name}"] = rdm.check(one, f"{name} of the {stimuli} stimuli")
    return {"brain": arrays, "noise": noise_bounds(rdms, masks, scores)}


def _things_rdms(
    betas: Path, subjects: list[str], rois: dict[str, list[str]], selection: pd.DataFrame
) -> dict[str, np.ndarray]:
    rdms: dict[str, list[np.ndarray]] = {roi: [] for roi in rois}
    for subject in subjects:
        for roi, values in things.read_responses(betas, subject, rois, selection).items():
            what = f"responses of {roi}, sub-{subject}"
            rdms[roi].append(rdm.correlation_distance(values, what))
    return {roi: np.stack(found) for roi, found in rdms.items()}


def low_level(pictures: list[np.ndarray], settings: BrainScores) -> dict[str, np.ndarray]:
    """Return the RDMs of the low-level models, (n, n) by name.

    Parameters
    ----------
    pictures
        uint8 (height, width, 3), any size each; without a silhouette where sizes differ.
    settings
        `lowlevel_px`, the side at which the models see them (pixels), and the Gabor bank.
    """
    small = resize.stack(pictures, settings.lowlevel_px, "native", settings.lowlevel_px)
    models = {
        "luminance": lowlevel.luminance(small),
        "rgb": lowlevel.rgb(small),
        "pixel": lowlevel.pixel(small),
        "gabor": lowlevel.gabor(small, **settings.gabor.model_dump()),
    }
    same_size = len({picture.shape for picture in pictures}) == 1
    outline = lowlevel.silhouette(np.stack(pictures)) if same_size else None
    return models if outline is None else models | {"silhouette": outline}


def noise_bounds(
    rdms: dict[str, np.ndarray], masks: dict[str, np.ndarray], settings: Resampling
) -> pd.DataFrame:
    """Return the leave-one-out bounds of each ROI with 95 % intervals over resampled stimuli.

    Parameters
    ----------
    rdms
        By ROI, (n_subjects, n, n).
    masks
        By name, bool (n, n): the pairs that count.
    settings
        Draws and seed of the bootstrap.

    Returns
    -------
    One row per ROI, mask and bound ("lower", "upper"): Spearman's rho, its interval, and how many
    people; none where there is but one person.
    """
    rows = []
    for roi, stack in rdms.items():
        for pairs, mask in masks.items():
            vectors = np.stack([rdm.upper(one)[rdm.upper(mask)] for one in stack])
            if len(vectors) < 2:
                continue
            bounds = leave_one_out(vectors)
            draws = bootstrap_bounds(
                vectors,
                n_stimuli=stack.shape[1],
                draws=settings.bootstrap_draws,
                seed=settings.bootstrap_seed,
                pairs=mask,
            )
            lower, upper = percentile_interval(draws)
            for place, (bound, value) in enumerate(
                (("lower", bounds.lower), ("upper", bounds.upper))
            ):
                low, high = float(np.ravel(lower)[place]), float(np.ravel(upper)[place])
                rows.append((roi, pairs, bound, value, low, high, len(vectors)))
    columns = ["roi", "pairs", "bound", "value", "lower95", "upper95", "n_subjects"]
    return pd.DataFrame(rows, columns=columns)
