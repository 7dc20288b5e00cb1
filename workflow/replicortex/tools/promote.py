"""Copy a run's figures, tables and records to results/reference, the one place that git holds."""

from __future__ import annotations

import shutil
from pathlib import Path

from replicortex.core import git
from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import write_bytes
from replicortex.provenance import chain, listed, packed, records
from replicortex.provenance.signatures import sign as sign_commit
from replicortex.provenance.verification import verify

KEPT = (".csv", ".json", ".pdf", ".png", ".svg")
LIMIT_BYTES = 1_000_000


def keep(run: str, paper: str, root: Path, sign: bool = False) -> list[Path]:
    """Copy a paper's figures and what they are drawn from, tables, scorecard and all records; list them.

    Parameters
    ----------
    run
        Name of the run below results/.
    paper
        Name of the paper.
    root
        The repository.
    sign
        Whether to commit them as well, signed with the key that git has of its user.

    Raises
    ------
    StudyError
        When the present folder is not the repository, git cannot tell the commit, or the tree has
        changes that are not committed; when results were made in such a tree, in a rehearsal or
        from synthetic data, the chain of a figure does not hold, or a file is too large. Nothing is copied
        then.
        When git cannot sign; then all is copied.
    """
    try:
        git.head(root)
        changed = git.changed(root)
    except git.GitError as error:
        raise git.GitError(
            f"keep: {error}; nothing is kept that cannot be verified against its commit"
        ) from None
    if changed:
        raise StudyError(f"keep: {changed[0]} has changes that are not committed")
    if Path.cwd().resolve() != root.resolve():
        raise StudyError(f"keep: records name files from {root} on; run it in that folder")
    source = root / "results" / run
    if source == root / "results/reference":
        raise StudyError("keep: 'reference' is what is kept already; name the run that made it")
    wanted = [
        path
        for folder in (source / paper / part for part in ("figures", "metrics", "scorecard"))
        for path in chain.results_below(folder)
        if path.suffix in KEPT and path.parent == folder
    ]
    if not wanted:
        raise StudyError(f"keep: no results of {paper} below {source}")
    wanted = sorted({*wanted, *_read_by_figures(wanted, source / paper, root)})
    relative = [path.relative_to(root) for path in wanted]
    for path in relative:
        record = chain.read_record(path)
        if record["job"].get("rehearsal"):
            raise StudyError(f"keep: {path} is of a rehearsal, which says nothing of the paper")
        if record["synthetic"]:
            raise StudyError(f"keep: {path} comes from synthetic data")
        if record["run"]["git"]["dirty"] not in ("yes", "no"):
            raise StudyError(
                f"keep: {path} was made where git could not tell the commit, and its record names "
                "none; run again in a clone that git can read"
            )
        if record["run"]["git"]["dirty"] != "no":
            raise StudyError(
                f"keep: {path} was made from a tree with uncommitted changes; run again"
            )
    # What records say of themselves (of synthetic data, of their commit) counts as far as it follows.
    found = verify(relative, root, below=[(source / paper).relative_to(root)])
    faults = [fault for fault in found if fault.kind in ("fault", "absent")]
    if faults:
        raise StudyError(f"keep: {faults[0]}")
    beside = {
        *map(records.path_of, wanted),
        *(source / paper).rglob(records.LIST.format(digest="*")),
    }
    contents = {
        path.relative_to(source / paper): _content(path) for path in sorted({*wanted, *beside})
    }
    contents |= _archives(source / paper, beside)
    target = root / "results/reference" / paper
    if target.exists():
        shutil.rmtree(target)
    copied = {}
    for place, (suffix, content) in contents.items():
        path = target / place.with_name(place.name + suffix)
        write_bytes(path, content)
        copied[path] = sha256(content)
    names = {path.relative_to(target).as_posix(): digest for path, digest in copied.items()}
    written = [*copied, listed.write(target, names)]
    if sign:
        sign_commit(target, root, f"Reference run of {paper}, kept from the run {run}")
    return written


def _read_by_figures(results: list[Path], folder: Path, root: Path) -> set[Path]:
    """Return what figures among a paper's results were drawn from: a clone alone can draw them again."""
    figures = [path.relative_to(root) for path in results if path.parent.name == "figures"]
    read = {
        root / entry["path"]
        for figure in figures
        for entry in chain.entries(chain.read_record(figure))
    }
    return {path for path in read if path.is_relative_to(folder)}


def _archives(folder: Path, beside: set[Path]) -> dict[Path, tuple[str, bytes]]:
    """Return the records of what stays behind by the archive that holds them, one for each part of a run.

    A network of many seeds has thousands of them, which differ in a few hashes.
    """
    parts: dict[Path, dict[str, bytes]] = {}
    for path in sorted(set(folder.rglob(f"*{records.SUFFIX}")) - beside):
        place = path.relative_to(folder)
        part = Path(*place.parts[: len(place.parts) > 1])
        parts.setdefault(part, {})[place.relative_to(part).as_posix()] = path.read_bytes()
    made = {part / records.ARCHIVE: records.archive(each) for part, each in parts.items()}
    for place, content in made.items():
        if len(content) >= LIMIT_BYTES:
            raise StudyError(f"keep: {place} would be too large for git ({len(content)} bytes)")
    return {place: ("", content) for place, content in made.items()}


def _content(path: Path) -> tuple[str, bytes]:
    """Return a file's content, compressed where git should not hold it whole, and the suffix."""
    content, suffix = path.read_bytes(), ""
    if len(content) >= LIMIT_BYTES:
        content, suffix = packed.pack(content), packed.SUFFIX
    if len(content) >= LIMIT_BYTES:
        raise StudyError(
            f"keep: {path} is too large for git, even compressed ({len(content)} bytes)"
        )
    return suffix, content
