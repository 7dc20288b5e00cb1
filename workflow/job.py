"""The one script of all rules: hands the engine's object to the runner as plain values."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from replicortex.core.runner import run

engine = snakemake  # noqa: F821 - Snakemake puts it there
run(
    rule=engine.rule,
    job=engine.params.job,
    inputs=dict(engine.input.items()),
    outputs=dict(engine.output.items()),
    resources=dict(engine.resources.items()),
    log=str(engine.log),
)
