"""Runs one job: sets the stage, calls one plain function, writes its results and their records.

What every workflow repeats in each script stands here once: threads, determinism, log, progress,
checked inputs, atomic writing, provenance.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from replicortex.core.seeds import seeds_of

SAYS_NOTHING = "shows that the workflow runs, says nothing about the paper"
OUT_OF_TIME = 85  # exit code of a job that saved its state and stopped before its limit


def run(
    *,
    rule: str,
    job: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    resources: Mapping[str, Any],
    log: str,
) -> None:
    """Run one job; on failure say one sentence, put the traceback into the log and exit.

    Parameters
    ----------
    rule
        Name of the rule.
    job
        Canonical JSON of `rules.job`.
    inputs, outputs
        Path or list of paths by name.
    resources
        The job's resources; `runtime` is its limit in minutes.
    log
        Where everything that the job prints goes as well.
    """
    _only_this_environment()
    what = json.loads(job)
    _prepare(what["threads"])
    with _logging(Path(log)) as log_file:
        try:
            _run(rule, what, inputs, outputs, resources)
        except BaseException as error:
            from replicortex.core.errors import FINAL, StudyError
            from replicortex.core.places import sentence

            if type(error).__name__ == "OutOfTime":
                print(f"{rule}: {error}", file=sys.stderr)
                code = OUT_OF_TIME
            elif isinstance(error, StudyError):
                end = FINAL if _final(error) else ""
                print(f"{rule}: {error}{end}", file=sys.stderr)
                code = 1
            elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                print(f"{rule}: {_no_space(outputs)}", file=sys.stderr)
                code = 1
            elif isinstance(error, OSError) and (said := sentence(error)):
                traceback.print_exc(file=log_file)
                print(f"{rule}: {said}", file=sys.stderr)
                code = 1
            else:
                traceback.print_exc()
                code = 1
        else:
            return
    raise SystemExit(code)


def _final(error: BaseException) -> bool:
    """Whether an error of a user comes again however often the job is tried, and on whatever machine.

    A file that could not be read may be there in a while, on a file system of many machines.
    """
    from replicortex.core.errors import ElsewhereError

    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, (ElsewhereError, OSError)):
            return False
        chain = chain.__cause__ or chain.__context__
    return True


def _no_space(outputs: Mapping[str, Any]) -> str:
    """Say where space is missing; nothing half-written is left there."""
    places = (_paths(value) for value in outputs.values())
    folders = {
        path.parent for place in places for path in ([place] if isinstance(place, Path) else place)
    }
    return (
        f"no space left on the file system of {', '.join(sorted(map(str, folders)))}; make space "
        "and start again: what is finished stays, and a training resumes from its saved state"
    )


def _only_this_environment() -> None:
    """Forget packages outside this interpreter's own prefix.

    The engine appends its own packages to the path, so that a job in an environment without
    numpy would borrow the engine's unseen.
    """
    prefix = Path(sys.prefix).resolve()
    sys.path[:] = [
        entry
        for entry in sys.path
        if Path(entry).name not in ("site-packages", "dist-packages")
        or Path(entry).resolve().is_relative_to(prefix)
    ]


def _prepare(threads: int) -> None:
    """Fix threads and determinism in the environment, before any library of numbers is loaded."""
    if "numpy" in sys.modules and "torch" not in sys.modules:
        # The engine's preamble came first; its numpy would keep the engine's thread count.
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ["MPLBACKEND"] = "Agg"


class _logging:
    """Send what is printed to the log file as well."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> TextIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # As stderr does: names of files need not be text.
        self.file = self.path.open("w", buffering=1, encoding="utf-8", errors="backslashreplace")
        self.streams = sys.stdout, sys.stderr
        sys.stdout = _Tee(sys.stdout, self.file)
        sys.stderr = _Tee(sys.stderr, self.file)
        return self.file

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self.streams
        self.file.close()


class _Tee:
    def __init__(self, stream: TextIO, file: TextIO):
        self.stream, self.file = stream, file

    def write(self, text: str) -> int:
        self.file.write(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _run(
    rule: str,
    what: dict[str, Any],
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    resources: Mapping[str, Any],
) -> None:
    """Call the job's function, write its results, and their records after all of them."""
    from replicortex.core.section import typed
    from replicortex.provenance import records

    started = time.monotonic()
    given = {name: _paths(value) for name, value in inputs.items()}
    wanted = {name: _paths(value) for name, value in outputs.items()}
    identity = records.Identity(what, records.describe_inputs(given))
    seeds = seeds_of({n: [p] if isinstance(p, Path) else p for n, p in wanted.items()})

    module, _, name = what["call"].partition(":")
    function = getattr(import_module(module), name)
    _determinism(what["arguments"].get("device", "cpu"), what["threads"])
    arguments = {**typed(function, what["arguments"]), **given}
    arguments.update(_provided(function, seeds, identity, resources))
    with _watched(given, wanted, datasets=what.get("code", "") is None):
        results = function(**arguments)
        if len(wanted) == 1 and not isinstance(results, Mapping):
            results = dict.fromkeys(wanted, results)
        if set(results) != set(wanted):
            raise ValueError(
                f"{what['call']} returned {sorted(results)}, {sorted(wanted)} expected"
            )
        written = write_results(results, wanted, identity, seeds)
    facts = records.run_facts(rule, time.monotonic() - started)
    for path, digest, seed in written:
        records.write(path, identity, digest, seed, facts)
    if "state" in arguments:
        shutil.rmtree(arguments["state"].folder, ignore_errors=True)


def _watched(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any], datasets: bool
) -> AbstractContextManager[None]:
    """Return the test mode in which a job fails that opens what its rule does not declare."""
    if not os.environ.get("REPLICORTEX_WATCH"):
        return nullcontext()
    from replicortex.provenance.watching import watching

    state = Path(os.environ.get("REPLICORTEX_STATE", "results/.state"))
    return watching(inputs, outputs, datasets, state)


def _paths(value: Any) -> Path | list[Path]:
    return Path(value) if isinstance(value, str) else [Path(item) for item in value]


def _determinism(device: str, threads: int) -> None:
    """Make torch repeat itself, where the job has loaded it."""
    torch = sys.modules.get("torch")
    if torch is None:
        return
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=device == "cuda")
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def _provided(
    function: Callable[..., Any],
    seeds: list[int],
    identity: Any,
    resources: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the arguments that the runner provides, as far as the function asks for them."""
    import inspect

    asked = inspect.signature(function).parameters
    provided: dict[str, Any] = {}
    if "seeds" in asked and seeds:
        provided["seeds"] = seeds
    if "progress" in asked:
        provided["progress"] = show_progress
    if "entry" in asked:
        from replicortex.data import declared

        entries = declared.load(Path(os.environ["REPLICORTEX_DECLARED"]))
        name = identity.what["arguments"]["name"]
        provided["entry"] = entries[name].model_dump(mode="json")
    if "data" in asked:
        provided["data"] = Path(os.environ["REPLICORTEX_DATA"])
    if "mirror" in asked:
        mirror = os.environ.get("REPLICORTEX_MIRROR")
        provided["mirror"] = Path(mirror) if mirror else None
    if "user_folder" in asked:
        folders = json.loads(os.environ.get("REPLICORTEX_USER_DATA", "{}"))
        folder = folders.get(identity.what["arguments"].get("name"))
        provided["user_folder"] = Path(folder) if folder else None
    if "state" in asked:
        from replicortex.training.state import State

        folder = state_folder(identity.id, seeds)
        every_s = float(os.environ["REPLICORTEX_SAVE_EVERY"])
        provided["state"] = State(folder, every_s, _deadline(resources))
    return provided


def state_folder(identity: str, seeds: list[int]) -> Path:
    """Return where a training keeps its state: undeclared, so that it survives a failure."""
    pack = "-".join(str(seed) for seed in seeds)
    return Path(os.environ["REPLICORTEX_STATE"], f"{identity[:16]}_{pack}")


def _deadline(resources: Mapping[str, Any]) -> float | None:
    """Return when a job under Slurm must stop by itself, to save and be retried."""
    minutes = float(resources.get("runtime") or 0)
    if not minutes or "SLURM_JOB_ID" not in os.environ:
        return None
    return time.time() + 60 * max(minutes * 0.9, minutes - 5)


def show_progress(
    iterable: Iterable[Any], desc: str = "", total: int | None = None
) -> Iterator[Any]:
    """Show a bar on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return iter(iterable)
    from tqdm import tqdm

    return iter(tqdm(iterable, desc=desc, total=total, file=sys.stderr, leave=False))


def write_results(
    results: Mapping[str, Any],
    outputs: Mapping[str, Any],
    identity: Any,
    seeds: list[int],
) -> list[tuple[Path, str, int | None]]:
    """Write each value at its path; return path, sha256 and seed of each file.

    A list of paths takes a list of values in the order of the paths, that of the seeds where there
    is one for each seed; or one figure for several formats.
    """
    from replicortex.core.digests import file_sha256
    from replicortex.core.files import FIGURE_SUFFIXES, write

    _check_tables(results, outputs, identity.what["call"])
    written = []
    for name, paths in outputs.items():
        value = results[name]
        many = paths if isinstance(paths, list) else [paths]
        figure = many[0].suffix in FIGURE_SUFFIXES
        values = value if isinstance(value, list) else [value] * (len(many) if figure else 1)
        if len(values) != len(many):
            raise ValueError(f"output {name}: {len(values)} values for {len(many)} files")
        if isinstance(paths, list) and len(seeds) == len(many) and not figure:
            _in_order(name, values, seeds)
        packed = len(seeds) == len(many) and not figure
        if figure:
            from replicortex.plotting.style import freeze

            drawn = [one for each in values for one in getattr(each, "figures", [each])]
            for each in {id(one): one for one in drawn}.values():
                freeze(each)
                if identity.what.get("rehearsal"):
                    _stamp(each, "REHEARSAL ON SYNTHETIC DATA: " + SAYS_NOTHING)
                elif identity.synthetic:
                    _stamp(each, "SYNTHETIC DATA: " + SAYS_NOTHING)
        for position, (path, each) in enumerate(zip(many, values, strict=True)):
            seed = seeds[position] if packed else None
            write(path, each, identity.of_seed(seed))
            written.append((path, file_sha256(path), seed))
    return written


def _check_tables(results: Mapping[str, Any], outputs: Mapping[str, Any], call: str) -> None:
    """Check tables against what their paper declares, before anything is written."""
    from replicortex.core import codehash, table_schema

    pairs: list[tuple[Path, Any]] = []
    for name, paths in outputs.items():
        values = results[name] if isinstance(paths, list) else [results[name]]
        if isinstance(values, list):
            pairs += zip(paths if isinstance(paths, list) else [paths], values, strict=False)
    table_schema.check_written(pairs, call, codehash.ROOT / "papers")


def _in_order(name: str, values: list[Any], seeds: list[int]) -> None:
    """Check that values which say their seed come in the order of the seeds."""
    for value, seed in zip(values, seeds, strict=True):
        own_seed = getattr(value, "metadata", {}).get("seed", seed)
        if hasattr(value, "columns") and "seed" in value.columns and len(value):
            own_seed = value["seed"].iloc[0]
        if own_seed != seed:
            raise ValueError(
                f"output {name}: the value of seed {own_seed} in the place of seed {seed}"
            )


def _stamp(figure: Any, words: str) -> None:
    """Say on a figure that it says nothing of a paper."""
    figure.text(
        0.5,
        0.002,
        words,
        ha="center",
        va="bottom",
        fontsize=7,
        color="#B00020",
    )
