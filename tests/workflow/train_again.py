"""Train the networks of one record again: python train_again.py RECORD PLACE INTO.

From the repository as working directory; the network at PLACE among the job's files is written to
INTO.
"""

import sys
from importlib import import_module
from pathlib import Path

from replicortex.core.files import write
from replicortex.core.runner import _determinism
from replicortex.core.section import typed
from replicortex.provenance import records


def main(record_path: Path, place: int, into: Path) -> None:
    """Run the training as the runner does, without its state, and write one of its models."""
    record = records.read(record_path)
    arguments = record["job"]["arguments"]
    module, _, name = record["job"]["call"].partition(":")
    function = getattr(import_module(module), name)
    _determinism(arguments["device"], record["job"]["threads"])
    given = {key: [Path(one["path"]) for one in many] for key, many in record["inputs"].items()}
    networks = sum(len(arm["networks"]) for arm in arguments["arms"])
    found = function(**typed(function, arguments), **given, seeds=[record["seed"]] * networks)
    write(into, found["model"][place])
    print(records.run_facts("", 0)["kernels"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
