"""What the Snakefiles use: `job(...)`, packs, and a check of all rules at the end of parsing.

Nothing here imports the code of a job; parsing stays fast.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from replicortex.core.arrays import SEED, Choice
from replicortex.core.codehash import ROOT, code_hash, read_from
from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError, nearest
from replicortex.core.files import canonical_json
from replicortex.core.known_code import known_code
from replicortex.core.seeds import seeds_of
from replicortex.core.yaml_text import read_yaml_file

# Raised by hand when a change of the runner may change results.
RUNNER = 1
# Arguments that the runner itself provides: seeds follow from the outputs' names, the others never
# change a result.
PROVIDED = frozenset({"seeds", "state", "progress", "entry", "data", "mirror", "user_folder"})
ANY = "**"
WILDCARD = re.compile(r"\{(\w+)")
ANY_SEED = re.compile(rf"\{{{SEED}(,[^}}]*)?\}}")


class Job:
    """The one parameter of a rule: what is called, with which values, on which code and data.

    Called with the wildcards it returns canonical JSON, so that neither the order of keys nor
    the order of arguments matters, and a swap of two numbers does.
    """

    def __init__(
        self,
        call: str | Mapping[str, str],
        arguments: dict[str, Any],
        code: bool,
        by: str | None = None,
    ):
        """Keep what `job` was given; environment, datasets and threads follow in `complete_rules`."""
        self.call = call
        self.by = by
        self.arguments = arguments
        self.code = code
        self.environment: dict[str, str] = {}
        self.datasets: dict[str, str] = {}
        self.chosen: list[Choice] = []  # inputs that depend on the wildcards
        self.versions: Mapping[str, str] = {}
        self.threads = 1
        self.rehearsal = False

    def __call__(self, wildcards: Any) -> str:
        """Return the job of some wildcards as canonical JSON: what its record calls its identity."""
        arguments = {
            name: value(wildcards) if callable(value) else value
            for name, value in self.arguments.items()
        }
        call = self._chosen(wildcards)
        module = call.partition(":")[0]
        return canonical_json(
            {
                "call": call,
                "arguments": arguments,
                "code": _hash_once(module) if self.code else None,
                "environment": self.environment,
                "datasets": self._datasets(wildcards),
                "threads": self.threads,
                "runner": RUNNER,
                # Told only where it is so: jobs of the other scales stay what they were.
                **({"rehearsal": True} if self.rehearsal else {}),
            }
        )

    @property
    def calls(self) -> list[str]:
        """Every function that the rule calls, each once, sorted."""
        return [self.call] if isinstance(self.call, str) else sorted(set(self.call.values()))

    def _datasets(self, wildcards: Any) -> dict[str, str]:
        """Return the declared version of each dataset that the job reads."""
        paths = [path for choice in self.chosen for path in _paths(choice(wildcards))]
        return self.datasets | _versions(paths, self.versions)

    def _chosen(self, wildcards: Any) -> str:
        if isinstance(self.call, str):
            return self.call
        value = str(getattr(wildcards, str(self.by)))
        if value not in self.call:
            raise StudyError(
                f"no function is given for {self.by} '{value}'{nearest(value, self.call)}"
            )
        return self.call[value]


@cache
def _hash_once(module: str) -> str:
    """Read sources once for all jobs: a plan is of one state of the code."""
    return code_hash(module, _read, known_code())


_read = cache(read_from(ROOT))


def job(
    call: str | Mapping[str, str], *, by: str | None = None, code: bool = True, **arguments: Any
) -> Job:
    """Return the parameter of a rule that calls a function.

    Parameters
    ----------
    call
        "package.module:function", or one for each value of a wildcard: a job depends on the code of
        its own function alone.
    by
        That wildcard's name.
    code
        Whether code, environment and threads can change its results; not so for datasets, which
        are verified.
    arguments
        Values by name; a function is called with the wildcards.

    Raises
    ------
    StudyError
        When functions are given without a wildcard that chooses, or one function with it.
    """
    if isinstance(call, str) != (by is None):
        given = f"by='{by}' with one function" if by else "several functions without by="
        raise StudyError(f"job({call!r}): {given}; a wildcard chooses among several only")
    return Job(call, arguments, code, by)


def only(section: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return those numbers of a section that a job reads: no other one makes it run again."""
    return {name: section[name] for name in names}


def growing(amount: int) -> Callable[..., int]:
    """Return a resource that grows with each attempt: `mem_mb=growing(4000)`."""

    def resource(wildcards: Any, attempt: int) -> int:
        return amount * attempt

    return resource


def gpu(device: str) -> dict[str, str]:
    """Return the GPU that a rule asks for on a device.

    As `gres`, since `gpu` (sbatch --gpus) does not reach the job step on every Slurm.
    """
    return {"gres": "gpu:1"} if device == "cuda" else {}


@cache
def environment_hash(path: Path) -> str:
    """Return the sha256 over the dependencies of a conda environment file, parsed."""
    content = read_yaml_file(path)
    return sha256(canonical_json(content["dependencies"]))


def complete_rules(
    rules: Iterable[Any], versions: Mapping[str, str], threads: int, rehearsal: bool = False
) -> None:
    """Complete and check every job of the workflow, once all rules are known.

    Parameters
    ----------
    rules
        `workflow.rules`.
    versions
        Declared version of each dataset: a job that reads a manifest depends on it.
    threads
        Compute threads of each job.
    rehearsal
        Whether results are a rehearsal's, which their records say.

    Raises
    ------
    StudyError
        When a rule's names do not fit a function's signature, or no wildcard of its outputs chooses
        among its functions.
    """
    for rule in rules:
        jobs = [value for _, value in rule.params._allitems() if isinstance(value, Job)]
        if not jobs:
            continue
        (one,) = jobs
        if rule.conda_env and one.code:
            file = Path(str(rule.conda_env))
            file = file if file.is_absolute() else ROOT.parent / "envs" / file.name
            one.environment = {"file": file.stem, "hash": environment_hash(file)}
        one.datasets = _versions(map(str, rule.input), versions)
        one.chosen = [choice for choice in map(_choice, rule.input) if choice]
        one.versions = versions
        one.threads = threads if one.code else 1
        one.rehearsal = rehearsal and one.code  # datasets are the same in every run
        # Any seed stands for a wildcard's: a file's name tells the seed of its job.
        outputs = {
            name: [ANY_SEED.sub("0", path) for path in ([item] if isinstance(item, str) else item)]
            for name, item in rule.output._allitems()
            if name
        }
        try:
            seeds = seeds_of(outputs)
        except ValueError as error:
            raise StudyError(f"rule {rule.name}: {error}") from None
        _check_chooser(rule, one)
        for call in one.calls:
            for inputs in _names(rule.input):
                check_signature(rule.name, call, {*inputs, *one.arguments}, seeds)


def _names(inputs: Any) -> set[frozenset[str]]:
    """Return the names of a rule's inputs: one set, or each that its jobs have."""
    named = frozenset(name for name, _ in inputs._allitems() if name)
    found = {named}
    for name, item in inputs._allitems():
        choice = _choice(item)
        if choice and not name:
            own = {frozenset(value) for value in choice.values.values()}
            found = {one | other for one in found for other in own}
    return found


def _choice(item: Any) -> Choice | None:
    """Return the function of wildcards behind an input, flagged (`unpack`) by the engine or not."""
    flagged = (getattr(each, "callable", None) for each in (item, getattr(item, "_file", None)))
    return next((each for each in (item, *flagged) if isinstance(each, Choice)), None)


def _paths(value: Any) -> list[str]:
    """Return all paths of an input: one, a list, or several by name."""
    if isinstance(value, str):
        return [value]
    return [path for each in _values(value) for path in _paths(each)]


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value


def _versions(paths: Iterable[str], versions: Mapping[str, str]) -> dict[str, str]:
    """Return the declared version of each dataset whose manifest is among some paths."""
    names = {Path(path).name.partition("@")[0] for path in paths if _is_manifest(path)}
    return {name: versions[name] for name in sorted(names) if name in versions}


def _check_chooser(rule: Any, one: Job) -> None:
    known = {name for item in rule.output for name in WILDCARD.findall(str(item))}
    if one.by is not None and one.by not in known:
        raise StudyError(
            f"rule {rule.name}: the function is chosen by '{one.by}', no wildcard of its outputs"
            f"{nearest(one.by, known)}"
        )


def _is_manifest(item: Any) -> bool:
    path = Path(str(item))
    # A function of wildcards gives the path as the rule has it, before the engine knows the folder.
    return path.suffix == ".json" and path.parent.name in ("manifests", "<manifests>")


def check_signature(rule: str, call: str, names: set[str], seeds: Sequence[int] = ()) -> None:
    """Check that a rule's inputs and arguments are what its function takes.

    Parameters
    ----------
    rule, call
        The rule's name, and "package.module:function".
    names
        Of its inputs and arguments.
    seeds
        Those that its outputs name: without, a function's `seeds` are an argument like others.

    Raises
    ------
    StudyError
        Naming the rule, the function and the name that does not fit.
    """
    module, _, function = call.partition(":")
    required, optional = signature(module, function)
    provided = PROVIDED if seeds else PROVIDED - {"seeds"}
    for name in sorted(names & provided):
        raise StudyError(f"rule {rule}: '{name}' is provided by the runner, a rule cannot give it")
    for name in sorted(names):
        if ANY not in optional and name not in required | optional:
            raise StudyError(
                f"rule {rule}: {call} takes no '{name}'{nearest(name, required | optional)}"
            )
    missing = sorted(required - names - provided)
    if missing:
        raise StudyError(f"rule {rule}: {call} needs '{missing[0]}', which the rule does not give")


@cache
def signature(module: str, function: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the required and the optional argument names of a function, without importing it.

    `ANY` is among the optional ones of a function that takes `**given`. `name = partial(other, x)`, of
    an imported function, has what is left of that one's.
    """
    base = module.replace(".", "/")
    read = read_from(ROOT)
    source = read(f"{base}.py")
    if source is None:
        raise StudyError(f"{module}:{function}: there is no {base}.py below workflow/")
    tree = ast.parse(source)
    for node in tree.body:
        if (part := _partial(node, function)) is not None:
            return _left_over(tree, part)
        if isinstance(node, ast.FunctionDef) and node.name == function:
            arguments = node.args
            positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
            first_default = len(positional) - len(arguments.defaults)
            required = set(positional[:first_default])
            optional = set(positional[first_default:])
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
                (required if default is None else optional).add(argument.arg)
            if arguments.kwarg:
                optional.add(ANY)
            return frozenset(required), frozenset(optional)
    raise StudyError(f"{module}:{function}: {base}.py has no function '{function}'")


def _partial(node: ast.stmt, name: str) -> ast.Call | None:
    """Return the call of `name = partial(...)`, or None where a statement is none."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return None
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    called = node.value.func
    found = names == [name] and isinstance(called, ast.Name) and called.id == "partial"
    return node.value if found else None


def _left_over(tree: ast.Module, part: ast.Call) -> tuple[frozenset[str], frozenset[str]]:
    """Return what an imported function still takes after a partial has given it values by position."""
    of, *given = part.args
    places = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if not isinstance(of, ast.Name) or of.id not in places or part.keywords:
        raise StudyError("a job's partial is of an imported function, with values by position")
    module, function = places[of.id]
    required, optional = signature(module, function)
    source = read_from(ROOT)(f"{module.replace('.', '/')}.py") or b""
    (other,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == function
    )
    taken = {argument.arg for argument in other.args.args[: len(given)]}
    return required - taken, optional - taken


def export(settings: Mapping[str, str], main: bool) -> None:
    """Hand facts found once at parse time on to every job, through the environment.

    Parameters
    ----------
    settings
        Values by name.
    main
        Whether this is the process that a user started: what it finds counts, whatever the shell
        holds. A job, which parses the Snakefile again on its own node (often without git), keeps
        what it was handed.
    """
    for name, value in settings.items():
        variable = f"REPLICORTEX_{name.upper()}"
        if main or variable not in os.environ:
            os.environ[variable] = value
