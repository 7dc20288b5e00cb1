"""Changes of numbers, claims, data and environments of mt_maps, and the jobs that run after them."""

from functools import partial

from changes import numbers, replace, verdicts

mt_maps = partial(numbers, "mt_maps")
M = "mt_maps_"
MT = "workflow/papers/mt_maps"
MT_JUDGE = verdicts("mt_maps")
MT_MEASURE = {f"{M}measure_seeds_0": 1, f"{M}aggregate": 1, f"{M}draw_0": 1, **MT_JUDGE}
MT_RESPOND = {f"{M}respond_{job}_0": 1 for job in ("clips", "controls")} | MT_MEASURE
MT_TRAIN = {f"{M}train_{job}_0": 1 for job in ("clips", "controls")} | MT_RESPOND
MT_CONTROLS = {f"{M}train_controls_0": 1, f"{M}respond_controls_0": 1, **MT_MEASURE}
MT_DECODE = {f"{M}decode": 2} | MT_TRAIN

CHANGES = {
    "size of the frames": (mt_maps("{store: {size: 30}}"), MT_DECODE),
    "temperature": (mt_maps("{task: {temperature: 0.1}}"), MT_TRAIN),
    "what one arm changes": (
        mt_maps("{arms: {flip_independent: {change: {clips: {flip: shared}}}}}"),
        MT_CONTROLS,
    ),
    "speed of the moved stills": (mt_maps("{sources: {stills: {pan: [0.6, 1.0]}}}"), MT_CONTROLS),
    "coherence of the dots": (mt_maps("{stimuli: {coherence: [0, 0.5, 1]}}"), MT_RESPOND),
    "pixels of the maps": (mt_maps("{measured: {pixels: 20}}"), MT_MEASURE),
    "seeds per job": (mt_maps("{seeds_per_job: 2}"), {}),
    "a number of another scale": (
        replace("config/papers/mt_maps.yaml", "pretrain_epochs: 12", "pretrain_epochs: 13"),
        {},
    ),
    "a published value of a claim": (
        replace(f"{MT}/claims.yaml", "value: 3.14,", "value: 3.2,"),
        MT_JUDGE,
    ),
}
