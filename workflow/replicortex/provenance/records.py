"""The record beside each result: what made it, from what, with what, and where.

A record's id is the sha256 over call, arguments, code, environment and the content of the inputs;
host, time and hardware are told but are no part of it, so that a figure drawn from the same tables
carries the same id wherever it is made. An id promises the same bytes where the environment's
packages and the kernels are the same (`run.kernels`: what numerical libraries chose for the
processor). Other kernels add in another order: last bits of a training, and what follows from them,
may differ, and `audit diff` names the kernels.
"""

from __future__ import annotations

import json
import lzma
import os
import platform
import re
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from replicortex.core.digests import file_sha256, sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json, write_bytes
from replicortex.data import manifest
from replicortex.provenance import packed

KEPT = ("results", "reference")  # below which kept runs lie
SUFFIX = ".record.json"
ARCHIVE = (
    ".records.json.xz"  # of a folder of a kept run: records of results that are not kept, by path
)
LIST = ".inputs-{digest}.json"  # of a job with many inputs: one list for all its results
LONG = 8_000  # bytes of inputs that a record still holds itself
# A line of indented JSON without quotation marks in its strings: one key, one value or one bracket.
_LINE = re.compile(r"""(?:"[^"]*": )?(?:"[^"]*"|[^",{}\[\]]+|\{\}|\[\]|\{|\[),?|[}\]],?""")

# What every record tells, as types: somebody else may have written one.
SHAPE: dict[str, Any] = {
    "id": str,
    "inputs": dict,
    "job": {"arguments": dict, "call": str, "code": (str, type(None))},
    "modules": dict,
    "output": {"bytes": int, "path": str, "sha256": str},
    "run": {"git": {"commit": str, "dirty": str}, "rule": str},
    "seed": (int, type(None)),
    "synthetic": bool,
}
ENTRY: dict[str, Any] = {"path": str, "sha256": str}
DATASET_ENTRY = {
    **ENTRY,
    "dataset": {"commit": str, "id": str, "name": str, "synthetic": bool, "version": str},
}


def path_of(result: Path) -> Path:
    """Return where the record of a result lies."""
    return result.with_name(result.name + SUFFIX)


def content(path: Path) -> bytes:
    """Return the bytes of a record, which lies beside its result or in a kept run's archive.

    Raises
    ------
    OSError
        When it does neither.
    """
    kept = None if path.is_file() else _kept(path)
    return path.read_bytes() if kept is None else kept.encode()


def exists(path: Path) -> bool:
    """Whether a record is here, beside its result or in a kept run's archive."""
    return path.is_file() or _kept(path) is not None


def _kept(path: Path) -> str | None:
    """Return the record that a kept run's archive has under a path; None where none has it."""
    archive = _archive_around(path)
    if archive is None:
        return None
    return archived(archive).get(path.relative_to(archive.parent).as_posix())


def below(folder: Path) -> list[Path]:
    """Return where the records of all results below a folder lie, or would lie unless archived."""
    return sorted({*folder.rglob(f"*{SUFFIX}"), *archived_below(folder)})


def archived_below(folder: Path) -> set[Path]:
    """Return where the archived records of a kept run, or of a part of it, would lie."""
    around = _archive_around(folder / SUFFIX)
    archives = {*folder.rglob(ARCHIVE), *([around] if around else [])}
    found = {archive.parent / name for archive in archives for name in archived(archive)}
    return {path for path in found if path.is_relative_to(folder)}


def archive(contents: Mapping[str, bytes]) -> bytes:
    """Return the content of a folder's archive of records, given by their paths from there."""
    texts = {name: text.decode() for name, text in sorted(contents.items())}
    return packed.pack(canonical_json(texts).encode())


def archived(archive: Path) -> dict[str, str]:
    """Return the records of an archive by their paths from its folder; nothing where it is damaged."""
    stat = archive.stat()
    return _archived(archive, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _archived(archive: Path, _: tuple[int, ...]) -> dict[str, str]:
    """Read an archive once, as long as its time, size and inode stay."""
    try:
        found = json.loads(lzma.decompress(archive.read_bytes()))
    except (OSError, ValueError, lzma.LZMAError):
        return {}
    texts = found if isinstance(found, dict) else {}
    return {
        name: text
        for name, text in texts.items()
        if isinstance(text, str) and ".." not in name.split("/") and not name.startswith("/")
    }


def _archive_around(path: Path) -> Path | None:
    """Return the archive that would hold a record: that of the nearest folder of a kept run."""
    for folder in path.parents:
        if folder.parts[-2:] == KEPT:  # a paper may have a folder `reference` as well
            return None
        if (folder / ARCHIVE).is_file():
            return folder / ARCHIVE
    return None


def read(path: Path, whole: bool = True) -> dict[str, Any]:
    """Return a record, checked against its own sha256.

    Parameters
    ----------
    path
        Of the record.
    whole
        Whether inputs that a list beside it holds are read as well.

    Raises
    ------
    StudyError
        When it is not a record, or was changed.
    """
    try:
        text = content(path).decode()
        record: dict[str, Any] = json.loads(text)
        canonical = _is_canonical(text, record)
        own = record.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise StudyError(f"{path}: is no record, or no longer") from None
    # White space and the order of keys count too: no byte of a record may change unseen.
    if not canonical or own != sha256(canonical_json(record)):
        raise StudyError(f"{path}: the record was changed after it was written")
    well_formed = _has(record, SHAPE) and all(map(_is_source, record["modules"]))
    # A name such as HEAD would lead to other code each time.
    if not well_formed or not re.fullmatch("[0-9a-f]{40,}|", record["run"]["git"]["commit"]):
        raise StudyError(
            f"{path}: is no record: what each one tells is missing, or of another kind"
        )
    if isinstance(record["inputs"].get("list"), str):
        if not whole:
            return {**record, "inputs": {}}
        record["inputs"] = _listed(path.parent / record["inputs"]["list"], record["inputs"])
    if not all(isinstance(part, list) for part in record["inputs"].values()) or not all(
        _has(entry, DATASET_ENTRY if "dataset" in entry else ENTRY)
        for part in record["inputs"].values()
        for entry in part
    ):
        raise StudyError(f"{path}: is no record: its inputs are no lists of files")
    return record


def code_rules(record: Mapping[str, Any]) -> int:
    """Return the version of the rules by which a record's code was hashed; 1 where it names none."""
    rules: int = record.get("code_rules", 1)
    return rules


def list_of(path: Path) -> Path | None:
    """Return the list of inputs beside a record, if it has one; the record is not checked."""
    name = json.loads(content(path))["inputs"].get("list")
    return path.parent / name if isinstance(name, str) else None


def _listed(path: Path, entry: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    try:
        content = path.read_bytes()
    except OSError:
        raise StudyError(f"{path}: the list of inputs is not here") from None
    if sha256(content) != entry["sha256"]:
        raise StudyError(f"{path}: the list of inputs was changed after it was written")
    inputs: dict[str, list[dict[str, Any]]] = json.loads(content)
    return inputs


def _is_canonical(text: str, record: Any) -> bool:
    """Whether a text is the canonical JSON of a record, to the last byte.

    The standard library indents slowly: each line's indentation is checked here, and what the lines
    say against the compact form, which it writes fast.
    """
    if '\\"' in text:  # a quotation mark in a value: rare
        return text == canonical_json(record, indent=1) + "\n"
    depth, said = 0, []
    for line in text.removesuffix("\n").split("\n"):
        body = line.lstrip(" ")
        depth -= body.startswith(("}", "]"))
        if len(line) - len(body) != depth or not _LINE.fullmatch(body):
            return False
        depth += body.endswith(("{", "["))
        said.append(body.replace('": ', '":', 1))
    return text.endswith("}\n") and "".join(said) == canonical_json(record)


def _is_source(name: str) -> bool:
    """Whether a module's name is a path of Python below workflow/."""
    return name.endswith(".py") and not name.startswith("/") and ".." not in name.split("/")


def _has(value: Any, shape: Any) -> bool:
    """Whether a value is of a type, or a mapping with at least some keys of some types."""
    if not isinstance(shape, dict):
        return isinstance(value, shape)
    return isinstance(value, dict) and all(
        name in value and _has(value[name], each) for name, each in shape.items()
    )


def describe_inputs(inputs: dict[str, Path | list[Path]]) -> dict[str, list[dict[str, Any]]]:
    """Return path, sha256 and record of each input file, by name of the input.

    Raises
    ------
    StudyError
        When an input is not what its record says that was written.
    """
    return {
        name: [_describe(path) for path in (paths if isinstance(paths, list) else [paths])]
        for name, paths in inputs.items()
    }


def _describe(path: Path) -> dict[str, Any]:
    """Return an input's entry: path, sha256, and the dataset or the record behind it.

    Raises
    ------
    StudyError
        When a result was changed since it was made.
    """
    entry: dict[str, Any] = {"path": path.as_posix(), "sha256": file_sha256(path)}
    if path.parent.name == "manifests":
        listed = manifest.load(path)
        keys = ("name", "version", "id", "commit", "synthetic")
        entry["dataset"] = {key: getattr(listed, key) for key in keys}
        entry["synthetic"] = listed.synthetic
    elif path_of(path).exists():
        record = read(path_of(path))
        if record["output"]["sha256"] != entry["sha256"]:
            raise StudyError(
                f"{path}: changed since it was made (sha256 {entry['sha256'][:12]}, its record says "
                f"{record['output']['sha256'][:12]}); delete it and run again"
            )
        entry["record"] = record["id"]
        entry["synthetic"] = record["synthetic"]
    return entry


class Identity:
    """What a job is: everything that its results may depend on."""

    def __init__(self, what: dict[str, Any], inputs: dict[str, list[dict[str, Any]]]):
        self.what = what
        self.inputs = inputs

    @cached_property
    def id(self) -> str:
        """The job's identity, whatever its seeds."""
        return self.of_seed(None)

    @property
    def synthetic(self) -> bool:
        """Whether anything that went in is synthetic."""
        return any(entry.get("synthetic") for part in self.inputs.values() for entry in part)

    def of_seed(self, seed: int | None) -> str:
        """Return the identity of one seed's results, the same however seeds are packed."""
        inputs = {
            name: [entry["sha256"] for entry in part] for name, part in sorted(self.inputs.items())
        }
        return sha256(canonical_json({"job": self.what, "seed": seed, "inputs": inputs}))


def write(
    result: Path, identity: Identity, digest: str, seed: int | None, facts: dict[str, Any]
) -> None:
    """Write the record of one result beside it."""
    from replicortex.core.codehash import RULES, module_hashes

    what = identity.what
    module = what["call"].partition(":")[0]
    record = {
        "id": identity.of_seed(seed),
        "output": {"path": result.as_posix(), "sha256": digest, "bytes": result.stat().st_size},
        "job": what,
        "seed": seed,
        "modules": module_hashes(module),
        "code_rules": RULES,
        "inputs": _inputs(result.parent, identity.inputs),
        "synthetic": identity.synthetic,
        "run": facts,
    }
    record["sha256"] = sha256(canonical_json(record))
    write_bytes(path_of(result), (canonical_json(record, indent=1) + "\n").encode())


def _inputs(folder: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs as a record holds them: many of them as a list beside it, named by its sha256."""
    text = (canonical_json(inputs, indent=1) + "\n").encode()
    if len(text) <= LONG:
        return inputs
    digest = sha256(text)
    path = folder / LIST.format(digest=digest[:16])
    if not path.exists() or path.read_bytes() != text:
        write_bytes(path, text)
    return {"list": path.name, "sha256": digest}


def run_facts(rule: str, seconds: float) -> dict[str, Any]:
    """Return where and how a job ran: told in its record, no part of its identity."""
    import resource

    torch = sys.modules.get("torch")
    facts: dict[str, Any] = {
        "rule": rule,
        "host": socket.gethostname(),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "packages": _versions(),
        "kernels": _kernels(),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(seconds, 2),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "git": {
            "commit": os.environ.get("REPLICORTEX_COMMIT", ""),
            "dirty": os.environ.get("REPLICORTEX_DIRTY", ""),
        },
    }
    for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT"):
        if name in os.environ:
            facts[name.lower()] = os.environ[name]
    if torch is not None:
        facts["deterministic"] = torch.are_deterministic_algorithms_enabled()
        if torch.cuda.is_initialized():
            facts["gpu"] = torch.cuda.get_device_name()
            facts["cuda"] = torch.version.cuda
            driver = Path("/proc/driver/nvidia/version")
            facts["driver"] = driver.read_text().splitlines()[0] if driver.exists() else ""
    return facts


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")


def _kernels() -> str:
    """Return what numerical libraries, as far as loaded, run on: "SkylakeX, torch AVX512"."""
    kernels = []
    if "numpy" in sys.modules:
        try:
            from threadpoolctl import threadpool_info
        except ImportError:  # an environment of a user's own
            pass
        else:
            found = {library.get("architecture") for library in threadpool_info()}
            kernels += sorted(filter(None, found))
    if (torch := sys.modules.get("torch")) is not None:
        kernels.append(f"torch {torch.backends.cpu.get_cpu_capability()}")
    limits = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS")
    kernels += [f"{name}={os.environ[name]}" for name in limits if name in os.environ]
    return ", ".join(kernels)


def _versions() -> dict[str, str]:
    """Return the versions of the third-party packages that the job loaded."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    names = {"PIL": "pillow", "sklearn": "scikit-learn", "ot": "POT", "yaml": "PyYAML"}
    standard = sys.stdlib_module_names
    for module in {name.partition(".")[0] for name in sys.modules}:
        if module in standard or module.startswith("_"):
            continue
        try:
            found[names.get(module, module)] = version(names.get(module, module))
        except (PackageNotFoundError, ValueError):
            continue
    return found
