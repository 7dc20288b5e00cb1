"""A run of many jobs that never ran: results and records as the runner writes them."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from replicortex.core.codehash import code_hash
from replicortex.core.files import canonical_json
from replicortex.provenance import records

CALL = "papers.learning_rules"
GIT = {"commit": "", "dirty": "no"}


@cache
def _facts() -> dict:
    return records.run_facts("", 1.5)


def made(
    result: Path,
    content: bytes,
    call: str,
    inputs: dict,
    seed: int | None,
    facts: dict | None = None,
    **arguments,
):
    """Write one result with its record, by a function that exists; `facts` are of the run."""
    result.parent.mkdir(parents=True, exist_ok=True)
    module = call.partition(":")[0]
    what = {"call": call, "arguments": arguments, "code": code_hash(module), "runner": 1}
    identity = records.Identity(what, records.describe_inputs(inputs))
    if result.suffix == ".png":
        content = _carrying(content, identity.of_seed(seed))
    result.write_bytes(content)
    run_facts = _facts() | (facts or {}) | {"rule": module.rpartition(".")[2], "git": GIT}
    records.write(result, identity, records.file_sha256(result), seed, run_facts)
    return result


def _carrying(png: bytes, record_id: str) -> bytes:
    """Return a PNG with the id of its record, as Matplotlib writes it: a text before the end."""
    body = b"tEXtReplicortex\0replicortex:" + record_id.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-12] + chunk + png[-12:]


def many_jobs(run: Path, jobs: int, size: int = 1_000, **facts) -> None:
    """Write a run: trainings, one extraction each, one table, one figure of it.

    Parameters
    ----------
    run
        Its folder, such as results/many, below the present folder.
    jobs
        How many; even.
    size
        Bytes of each model and activation.
    facts
        What the trainings' records say of the run, beside what is so here.
    """
    paper = run / "learning_rules"
    pairs = (jobs - 2) // 2
    extracted = []
    for seed in range(pairs):
        model = made(
            paper / f"models/seed{seed}.safetensors",
            os.urandom(size),
            f"{CALL}.train:train",
            {},
            seed,
            facts,
            rule=f"rule{seed % 7}",
            number=seed,
        )
        extracted.append(
            made(
                paper / f"activations/seed{seed}.safetensors",
                os.urandom(size),
                f"{CALL}.activations:extract",
                {"models": [model]},
                None,
                number=seed,
            )
        )
    table = made(
        paper / "metrics/curves.csv",
        b"a\n1\n",
        f"{CALL}.aggregate:aggregate",
        {"x": extracted},
        None,
    )
    figure = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
        "0000000049454e44ae426082"
    )
    made(
        paper / "figures/change.png", figure, f"{CALL}.figures.change:draw", {"curves": table}, None
    )


def again(result: Path, change: Callable[[dict], None]) -> None:
    """Write a record anew as somebody would who has read how it is sealed."""
    file = records.path_of(result)
    record = json.loads(file.read_text())
    record.pop("sha256")
    change(record)
    record["sha256"] = records.sha256(canonical_json(record))
    file.write_text(canonical_json(record, indent=1) + "\n")
