"""The commands of `python -m replicortex audit`; each says the same as text and with --json."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from replicortex.core.digests import file_sha256
from replicortex.core.errors import StudyError

ROOT = Path(__file__).resolve().parents[3]
RESULTS = Path("results")
UNLISTED = (
    "no list of files here (the run has not ended yet, or is older than such lists); records are "
    "checked as ever, but a file that is gone with its record is not missed"
)
DECLARED = ROOT / "config/datasets.yaml"


def add(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to a parser."""

    def part(name: str, run: Callable[..., Any], what: str) -> argparse.ArgumentParser:
        parser = parts.add_parser(name, help=what)
        parser.add_argument("--json", action="store_true", help="the answer as JSON")
        parser.set_defaults(run=run, asks_git=name != "verify")  # which counts it
        return parser

    figure = part("figure", _figure, "the lineage of a figure or table, one line a step")
    figure.add_argument("file", type=Path, help="a result, or a copy of a figure anywhere")
    figure.add_argument("--files", action="store_true", help="every file, as a tree")
    verify = part("verify", _verify, "recompute every hash on the chain")
    verify.add_argument("files", type=Path, nargs="*", help="or folders; default: results/")
    verify.add_argument("--current", action="store_true", help="changed code is an error too")
    verify.add_argument("--no-cache", action="store_true", help="read every file again")
    diff = part("diff", _diff, "the first step at which two results, or two runs, differ, and how")
    diff.add_argument("one", type=Path, help="a result, a copy of a figure, or a folder of results")
    diff.add_argument("other", type=Path)
    reasons = part("why", _why, "what would run to have a result again, and why")
    reasons.add_argument("file", type=Path, nargs="?", help="default: the whole study")
    reasons.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="as snakemake takes it"
    )
    page = part("page", _page, "a run as static web pages: scorecard, gallery, lineage")
    page.add_argument("source", type=Path, help="such as results/small or results/reference")
    page.add_argument(
        "target", type=Path, nargs="?", help="a folder; default: audit/ in the source"
    )
    crate = part("export", _export, "a run as an RO-Crate (Provenance Run Crate)")
    crate.add_argument("source", type=Path, help="such as results/reference/learning_rules")
    crate.add_argument("target", type=Path, help="a folder to write")
    for each in (page, crate):
        each.add_argument(
            "--with-hosts",
            action="store_true",
            help="name machines and the numbers of Slurm's jobs",
        )
    cited = part("cite", _cite, "BibTeX of a result's paper, data and software")
    cited.add_argument("file", type=Path)


def _print_json(value: object) -> None:
    from replicortex.core.files import canonical_json

    print(canonical_json(value, indent=1))


def _result(file: Path) -> Path:
    """Return the result that a file is, or is a copy of."""
    from replicortex.provenance import chain

    if chain.has_record(file):
        return file
    if not file.is_file():
        raise StudyError(f"{file}: no such file")
    return chain.find_record(file, RESULTS)


def _figure(options: argparse.Namespace) -> None:
    """Print the lineage of a result."""
    from replicortex.data.declared import load
    from replicortex.provenance import chain
    from replicortex.provenance.overview import overview

    found, sources = _result(options.file), load(DECLARED)
    if options.json:
        _print_json(chain.tree(found, sources))
        return
    lines = chain.lineage(found, sources=sources) if options.files else overview(found)
    for line in lines:
        print(line)


def _diff(options: argparse.Namespace) -> None:
    """Print where two results, or two runs, differ first."""
    from replicortex.provenance.differences import differences, runs

    one, other = options.one, options.other
    if one.is_dir() and other.is_dir():
        lines = list(runs(one, other, ROOT))
    else:
        lines = list(differences(_result(one), _result(other), ROOT))
    if options.json:
        _print_json({"differences": lines})
        return
    print("\n".join(lines))


def _why(options: argparse.Namespace) -> None:
    """Print which jobs would run to have a result, or the study, again, and why."""
    from replicortex.provenance.contents import CACHE, Hashes
    from replicortex.provenance.reasons import lines, why

    hashes = Hashes(CACHE)
    file = options.file if options.file is None else _made(options.file)
    again = why(file, _settings(options.config), ROOT, hashes)
    hashes.remember()
    if options.json:
        jobs = [asdict(each) for each in again]
        _print_json({"file": options.file and options.file.as_posix(), "jobs": jobs})
        return
    what = "the study" if file is None else str(file)
    if not again:
        print(f"Nothing would run: {what} is what the present numbers, code and data give.")
        return
    print(f"{len(again)} job{'s' * (len(again) > 1)} would run to have {what} again:")
    print("\n".join(lines(again)))


def _export(options: argparse.Namespace) -> None:
    """Write a run's crate.

    Raises
    ------
    StudyError
        When rocrate is not installed.
    """
    try:
        from replicortex.provenance.crate import export
    except ModuleNotFoundError as error:  # such as in conda's environment of the engine
        raise StudyError(
            f"audit export: {error.name} is not installed here; `pip install rocrate`, or `make env`"
        ) from None

    written = export(options.source, options.target, ROOT, hosts=options.with_hosts)
    if options.json:
        _print_json({"crate": options.target.as_posix(), "metadata": written.as_posix()})
        return
    print(f"{options.source} is described in {written}")


def _page(options: argparse.Namespace) -> None:
    """Write a run's pages."""
    from replicortex.pages.build import build
    from replicortex.provenance.contents import CACHE, Hashes

    hashes = Hashes(CACHE)
    target = options.target or options.source / "audit"
    first = build(options.source, target, ROOT, hashes, hosts=options.with_hosts)
    hashes.remember()
    if options.json:
        _print_json({"page": first.as_posix()})
        return
    print(f"{options.source} is shown in {first}")


def _made(file: Path) -> Path:
    """Return the result that a file is or is a copy of; a path of none yet as it is."""
    return _result(file) if file.is_file() else file


def _settings(pairs: list[str]) -> dict[str, object]:
    from replicortex.core.yaml_text import read_yaml

    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise StudyError(f"--config {pair}: KEY=VALUE was expected, such as scale=small")
        settings[name] = read_yaml(value, f"--config {name}")
    return settings


def _cite(options: argparse.Namespace) -> None:
    from replicortex.provenance.citations import cite

    text = cite(_result(options.file), ROOT)
    if options.json:
        _print_json({"bibtex": text.splitlines()})
        return
    print(text)


def _verify(options: argparse.Namespace) -> int:
    """Check results against their records; return the exit status, 1 with a fault.

    Raises
    ------
    StudyError
        When there is nothing to check.
    """
    from replicortex.provenance import chain
    from replicortex.provenance.contents import CACHE, Hashes
    from replicortex.provenance.verification import Fault, counting, verify

    hashes = Hashes(None if options.no_cache else CACHE)
    copies: list[Fault] = []
    if options.files:
        files, below = [], []
        for file in options.files:
            if file.is_dir():
                below.append(file)
                files += chain.results_below(file, absent=True)
                continue
            files.append(_chained(file))
            below.append(files[-1])
            if files[-1] != file and file_sha256(file) != chain.recorded(files[-1]):
                what = f"the file is not the one that was made as {files[-1]}"
                copies.append(Fault(file.as_posix(), what))
    else:
        below = sorted(path for path in RESULTS.glob("*") if path.is_dir())
        files = [path for run in below for path in chain.results_below(run, absent=True)]
    if not files:
        raise StudyError("audit verify: there is nothing below results/; run `make` first")
    found = copies + verify(files, ROOT, hashes, below)
    hashes.remember()
    wrong = counting(found, options.current)
    if options.json:
        faults = [{**asdict(fault), "error": fault in wrong} for fault in found]
        _print_json({"checked": len(files), "faults": len(wrong), "found": faults})
        return 1 if wrong else 0
    for fault in found:
        if fault in wrong:
            print(fault)
        elif fault.kind not in ("absent", "git", "unlisted"):
            print(f"(for information) {fault}")
    if unlisted := [fault.path for fault in found if fault.kind == "unlisted"]:
        print(f"(for information) {', '.join(unlisted)}: {UNLISTED}")
    absent = [fault for fault in found if fault.kind == "absent"]
    skipped = Counter(fault.what for fault in absent)
    print(
        f"{len(files)} results checked, {len(wrong)} faults"
        + (f", {len(absent)} times bytes or code were not at hand to check" if absent else "")
        + "".join(f"; {fault.what}" for fault in found if fault.kind == "git")
    )
    for what, times in skipped.most_common():
        alone = next(fault for fault in absent if fault.what == what)
        print(f"  {alone}" if times == 1 else f"  {times} times: {what}")
    if hashes.remembered:
        print(
            f"  {hashes.remembered} files were not read, being of the size, times and inode that "
            "they had when you last had them checked; --no-cache reads them"
        )
    return 1 if wrong else 0


def _chained(file: Path) -> Path:
    """Return the result of which a file outside the results is a copy; else the file itself."""
    inside = RESULTS.resolve() in file.resolve().parents
    return file if inside else _result(file)
