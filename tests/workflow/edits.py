"""Edits of a finished run, as vandals, forgers and plain accidents make them, and what is to be said of each.

An edit changes files of a `World` and returns what `audit verify` is to name: paths by kind ("fault", or a
kind of information). What is harmless returns nothing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from study_copy import GIT

from replicortex.core.files import canonical_json
from replicortex.provenance import chain, listed, packed, records
from replicortex.provenance.contents import _facts

RUN = Path("results/demo")
PAPER = RUN / "learning_rules"
CODE = Path("workflow/papers/learning_rules")
CACHE = Path("results/.hashes.json")
Named = dict[str, str]  # kind by path
Edit = Callable[["World"], Named]
EDITS: dict[str, Edit] = {}


def edit(made: Edit) -> Edit:
    EDITS[made.__name__.replace("_", " ")] = made
    return made


class Taken(Exception):
    """An edit finds nothing that another one of this draw has left alone."""


class World:
    """A finished run below the present folder: what there is to edit, and the way back."""

    def __init__(self, seed: int):
        self.draw = random.Random(seed)
        self.taken: set[Path] = set()
        self.of_the_list = False  # whether an edit is noticed by the run's list alone
        self.ways_back: list[Callable[[], Any]] = []
        self.all = chain.results_below(RUN)
        self.listed = [RUN / name for name in listed.read(RUN) or ()]
        self.manifests = sorted(
            p for p in Path("data/manifests").glob("*@*.json") if records.path_of(p).exists()
        )
        self.read_back = {path: chain.read_record(path) for path in self.all}
        self.lists = {path: records.list_of(records.path_of(path)) for path in self.all}

    @property
    def results(self) -> list[Path]:
        return [path for path in self.all if path not in self.taken]

    def need(self, *paths: Path | None) -> None:
        """Have no other edit of this draw touch what an edit's being noticed rests on."""
        wanted = set(filter(None, paths))
        if wanted & self.taken:
            raise Taken
        self.taken |= wanted

    def read(self, result: Path) -> list[dict[str, Any]]:
        """Return the inputs of a result."""
        return list(chain.entries(self.read_back[result]))

    def readers(self, source: Path) -> list[Path]:
        return [p for p in self.all if any(Path(e["path"]) == source for e in self.read(p))]

    def pick(self, among: Iterable[Path]) -> Path:
        """Return a file that no other edit of this draw touches, and note how it is now."""
        free = sorted(set(among) - self.taken)
        if not free:
            raise Taken
        return self.keep(self.draw.choice(free))

    def keep(self, path: Path) -> Path:
        """Note how a file and its record are, to have them back, and that they are taken."""
        for each in (path, records.path_of(path), packed.path_of(path)):
            self.taken.add(each)
            self.ways_back.append(_way_back(each))
        return path

    def back(self) -> None:
        for way in reversed(self.ways_back):
            way()

    def of(self, *suffixes: str) -> list[Path]:
        return [path for path in self.results if path.suffix in suffixes]

    def figures(self) -> list[Path]:
        return self.of(".png", ".svg", ".pdf")

    def tables(self) -> list[Path]:
        return [path for path in self.of(".csv") if path.parent.name == "metrics"]

    def wanted(self) -> list[Path]:
        """Return what the run's list names."""
        if RUN / listed.NAME in self.taken:
            raise Taken
        self.of_the_list = True
        return self.listed

    def raw(self) -> list[Path]:
        return [
            path
            for path in Path("data").glob("*_fixture/**/*")
            if path.is_file() and not any(part.startswith(".") for part in path.parts)
        ]

    def datasets(self) -> list[Path]:
        return sorted(path for path in Path("data").glob("*_fixture") if path.is_dir())

    def read_by_others(self) -> tuple[Path, Path]:
        """Return a result, and another one that was made from it."""
        pairs = [
            (Path(entry["path"]), path)
            for path in self.results
            for entry in self.read(path)
            if "record" in entry
            and not {Path(entry["path"]), self.lists[path], self.lists[Path(entry["path"])]}
            & self.taken
        ]
        if not pairs:
            raise Taken
        return self.draw.choice(pairs)

    def dataset(self, place: Path, whole: bool = False) -> None:
        """Take a dataset: as a whole where its manifest is edited, since then none of it is checked."""
        name = place.relative_to("data").parts[0]
        name = place.name.partition("@")[0] if name == "manifests" else name
        part, all_of_it = Path(f"part of {name}"), Path(f"all of {name}")
        if all_of_it in self.taken or (whole and part in self.taken):
            raise Taken
        self.taken.add(all_of_it if whole else part)
        if whole:
            self.need(*self.readers(place))


def _way_back(path: Path) -> Callable[[], Any]:
    def clear() -> None:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)

    if path.is_symlink():
        target, real = path.readlink(), path.resolve()
        inner = _way_back(real) if real.exists() else lambda: None

        def link() -> None:
            inner()
            clear()
            path.symlink_to(target)

        return link
    if path.is_file():
        content, facts = path.read_bytes(), path.stat()

        def file() -> None:
            clear()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(facts.st_mode)

        return file
    return (lambda: None) if path.is_dir() else clear


def fault(*paths: Path) -> Named:
    return {path.as_posix(): "fault" for path in paths}


def write(path: Path, content: bytes) -> None:
    """Write behind a link and a write protection, the inode kept."""
    real = path.resolve()
    if real.exists():
        real.chmod(0o644)
        real.parent.chmod(0o755)
    real.write_bytes(content)


def sealed(result: Path, change: Callable[[dict], None], new_id: bool = False) -> None:
    """Change a record and seal it anew, as somebody would who has read how."""
    file = records.path_of(result)
    record, whole = json.loads(file.read_text()), records.read(file)["inputs"]
    record.pop("sha256")
    change(record)
    if new_id:
        inputs = whole if "list" in record["inputs"] else record["inputs"]
        identity = records.Identity(record["job"], inputs)
        record["id"] = identity.of_seed(record["seed"])
    record["sha256"] = records.sha256(canonical_json(record))
    file.write_text(canonical_json(record, indent=1) + "\n")


def entries(result: Path) -> list[dict[str, Any]]:
    """Return the inputs that a record itself holds: none of those in a list beside it."""
    record = read_back(result)
    return [] if "list" in record["inputs"] else list(chain.entries(record))


def read_back(result: Path) -> dict[str, Any]:
    return json.loads(records.path_of(result).read_text())


# The content of one file


@edit
def bits_of_a_result(world):
    path = world.pick(world.results)
    content = bytearray(path.read_bytes())
    content[world.draw.randrange(len(content))] ^= world.draw.randrange(1, 256)
    write(path, bytes(content))
    return fault(path)


@edit
def a_result_cut_short(world):
    path = world.pick(world.results)
    content = path.read_bytes()
    write(path, content[: world.draw.randrange(len(content))])
    return fault(path)


@edit
def bytes_annexed_to_a_result(world):
    path = world.pick(world.results)
    write(path, path.read_bytes() + world.draw.randbytes(world.draw.randrange(1, 50)))
    return fault(path)


@edit
def a_web_page_in_place_of_a_result(world):
    path = world.pick(world.results)
    write(path, b"<!doctype html><title>404</title>")
    return fault(path)


@edit
def a_digit_of_a_table_with_size_times_and_inode_kept(world):
    path = world.pick(
        p for p in world.of(".csv") if any(c in b"0123456789" for c in p.read_bytes())
    )
    content, facts = bytearray(path.read_bytes()), path.stat()
    at = world.draw.choice([k for k, c in enumerate(content) if c in b"0123456789"])
    content[at] = world.draw.choice([c for c in b"0123456789" if c != content[at]])
    write(path, bytes(content))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return fault(path)


@edit
def the_id_inside_a_figure(world):
    path = world.pick(world.figures())
    own = read_back(path)["id"].encode()
    assert own in path.read_bytes()
    write(path, path.read_bytes().replace(own, own[::-1]))
    return fault(path)


@edit
def a_table_with_a_forged_cache(world):
    """The cache says that the table is what its record says; no key sealed it."""
    path = world.pick(world.tables())
    digest = read_back(path)["output"]["sha256"]
    write(path, path.read_bytes() + b"1\n")
    world.keep(CACHE)
    content = canonical_json({f"content {path}": [*_facts(path), digest]}).encode()
    CACHE.write_bytes(records.sha256(content).encode() + b"\n" + content)
    return fault(path)


# Two files


def swapped(one: Path, other: Path) -> None:
    aside = one.with_name(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def two(world, among):
    among = [path for path in among if path not in world.taken]
    one = world.pick(among)
    return one, world.pick(
        p
        for p in among
        if p != one and p.suffix == one.suffix and p.read_bytes() != one.read_bytes()
    )


@edit
def two_results_swapped_without_their_records(world):
    one, other = two(world, world.results)
    swapped(one, other)
    return fault(one, other)


@edit
def two_records_swapped_without_their_results(world):
    one, other = two(world, world.results)
    swapped(records.path_of(one), records.path_of(other))
    return fault(one, other)


def with_records(one, other):
    swapped(one, other)
    swapped(records.path_of(one), records.path_of(other))
    return fault(one, other)


@edit
def two_figures_swapped_with_their_records(world):
    return with_records(*two(world, world.figures()))


@edit
def two_tables_swapped_with_their_records(world):
    return with_records(*two(world, world.of(".csv")))


@edit
def two_models_swapped_with_their_records(world):
    return with_records(*two(world, world.of(".safetensors")))


@edit
def a_figure_and_its_record_in_place_of_another(world):
    one, other = two(world, world.figures())
    shutil.copyfile(one, other)
    shutil.copyfile(records.path_of(one), records.path_of(other))
    return fault(other)


@edit
def a_figure_and_its_record_under_a_new_name(world):
    one = world.pick(world.figures())
    other = world.keep(one.with_name(f"more{one.suffix}"))
    shutil.copyfile(one, other)
    shutil.copyfile(records.path_of(one), records.path_of(other))
    return fault(other)


@edit
def a_file_without_a_record_among_the_results(world):
    path = world.keep(world.draw.choice(world.results).parent / "new.csv")
    path.write_text("a\n1\n")
    return fault(path)


# What is gone


@edit
def a_wanted_result_deleted_its_record_left(world):
    path = world.pick(world.wanted())
    path.unlink()
    return fault(path)


@edit
def a_wanted_result_deleted_with_its_record(world):
    path = world.pick(world.wanted())
    path.unlink()
    records.path_of(path).unlink()
    return fault(path)


@edit
def a_record_deleted(world):
    path = world.pick(world.results)
    records.path_of(path).unlink()
    return fault(path)


@edit
def a_folder_in_place_of_a_result(world):
    path = world.pick(world.results)
    path.unlink()
    path.mkdir()
    return fault(path)


@edit
def a_folder_in_place_of_a_figure_its_record_gone(world):
    path = world.pick(p for p in world.wanted() if p.suffix in (".png", ".svg", ".pdf"))
    path.unlink()
    records.path_of(path).unlink()
    path.mkdir()
    return fault(path)


@edit
def a_dangling_link_in_place_of_a_result(world):
    path = world.pick(world.results)
    path.unlink()
    path.symlink_to("nowhere")
    return fault(path)


@edit
def a_dangling_link_in_place_of_a_figure_its_record_gone(world):
    path = world.pick(p for p in world.wanted() if p.suffix in (".png", ".svg", ".pdf"))
    path.unlink()
    records.path_of(path).unlink()
    path.symlink_to("nowhere")
    return fault(path)


@edit
def a_folder_of_figures_deleted(world):
    folder = PAPER / "figures"
    world.wanted()
    inside = [path for path in world.all if path.parent == folder]
    if any(folder in path.parents for path in world.taken):
        raise Taken
    for path in inside:
        world.keep(path)
    shutil.rmtree(folder)
    return fault(*inside)


@edit
def a_model_dropped(world):
    path = world.pick(world.of(".safetensors"))
    path.unlink()
    return {path.as_posix(): "absent"}


# The record of a result


@edit
def bits_of_a_record(world):
    path = world.pick(world.results)
    file = records.path_of(path)
    content = bytearray(file.read_bytes())
    content[world.draw.randrange(len(content))] ^= world.draw.randrange(1, 256)
    file.write_bytes(content)
    return fault(path)


@edit
def white_space_of_a_record(world):
    path = world.pick(world.results)
    file = records.path_of(path)
    file.write_bytes(file.read_bytes().replace(b"{\n", b"{ \n", 1))
    return fault(path)


@edit
def a_record_emptied(world):
    path = world.pick(world.results)
    records.path_of(path).write_bytes(
        world.draw.choice([b"", b"{}", b"[]", b"null\n", b"\xff\x00"])
    )
    return fault(path)


@edit
def a_sealed_record_that_lacks_a_key(world):
    path = world.pick(world.results)
    key = world.draw.choice(
        ["id", "inputs", "job", "modules", "output", "run", "seed", "synthetic"]
    )
    sealed(path, lambda record: record.pop(key))
    return fault(path)


@edit
def a_sealed_record_of_other_data(world):
    """Synthetic or not, against what it was made from."""
    path = world.pick(world.results)
    sealed(path, lambda record: record.update(synthetic=not record["synthetic"]))
    return fault(path)


@edit
def a_sealed_record_of_other_data_its_inputs_too(world):
    path = world.pick(p for p in world.results if any(e.get("synthetic") for e in entries(p)))
    sources = [Path(entry["path"]) for entry in entries(path)]
    world.need(*sources, *(world.lists.get(source) for source in sources))

    def change(record):
        record["synthetic"] = False
        for entry in chain.entries(record):
            if "synthetic" in entry:
                entry["synthetic"] = False
            if "dataset" in entry:
                entry["dataset"]["synthetic"] = False

    sealed(path, change)
    return fault(path)


@edit
def a_sealed_record_without_commit(world):
    path = world.pick(world.results)
    sealed(path, lambda record: record["run"]["git"].update(commit=""))
    return {path.as_posix(): "absent"}


@edit
def a_sealed_record_of_a_commit_that_is_not_here(world):
    path = world.pick(world.results)
    sealed(path, lambda record: record["run"]["git"].update(commit="1" * 40))
    return {path.as_posix(): "absent"}


@edit
def a_sealed_record_of_a_changed_tree(world):
    path = world.pick(world.results)
    sealed(path, lambda record: record["run"]["git"].update(dirty="yes"))
    return {path.as_posix(): "stale"}


@edit
def a_sealed_record_of_another_size(world):
    path = world.pick(world.results)
    by = world.draw.choice([-1, 1, 1000])
    sealed(path, lambda record: record["output"].update(bytes=record["output"]["bytes"] + by))
    return fault(path)


@edit
def a_sealed_record_of_another_place(world):
    path = world.pick(world.results)
    other = world.draw.choice([p for p in world.results if p != path])
    sealed(path, lambda record: record["output"].update(path=other.as_posix()))
    return fault(path)


@edit
def a_sealed_record_of_another_content(world):
    path = world.pick(world.results)
    sealed(path, lambda record: record["output"].update(sha256="0" * 64))
    return fault(path)


@edit
def a_sealed_record_of_another_argument(world):
    path = world.pick(world.results)
    sealed(path, lambda record: record["job"]["arguments"].update(lr=0.25))
    return fault(path)


@edit
def a_sealed_record_of_a_figure_with_another_argument_and_its_id(world):
    path = world.pick(world.figures())
    sealed(path, lambda record: record["job"]["arguments"].update(lr=0.25), new_id=True)
    return fault(path)


@edit
def a_sealed_record_of_a_step_with_another_argument_and_its_id(world):
    path, reader = world.read_by_others()
    world.keep(path)
    world.need(reader, *{world.lists[path], world.lists[reader]})
    sealed(path, lambda record: record["job"]["arguments"].update(lr=0.25), new_id=True)
    return {path.as_posix(): "stale"}


@edit
def a_sealed_record_of_another_seed(world):
    path = world.pick(world.results)
    sealed(path, lambda record: record.update(seed=(record["seed"] or 0) + 1))
    return fault(path)


@edit
def a_sealed_record_of_other_code_and_its_id(world):
    path = world.pick(world.figures())
    sealed(path, lambda record: record["job"].update(code="0" * 64), new_id=True)
    return fault(path)


@edit
def a_sealed_record_of_another_module(world):
    path = world.pick(world.results)
    name = world.draw.choice(sorted(read_back(path)["modules"]))
    sealed(path, lambda record: record["modules"].update({name: "0" * 64}))
    return fault(path)


@edit
def a_sealed_record_of_another_input_and_its_id(world):
    path = world.pick(p for p in world.results if entries(p))

    def change(record):
        free = [e for e in chain.entries(record) if Path(e["path"]) not in world.taken]
        made = [e for e in free if "record" in e]
        if not made:
            raise Taken
        entry = world.draw.choice(made)
        entry["sha256"] = "0" * 64
        world.need(Path(entry["path"]), world.lists[Path(entry["path"])])

    sealed(path, change, new_id=True)
    return fault(path)


@edit
def a_sealed_record_of_another_dataset(world):
    path = world.pick(p for p in world.results if any("dataset" in e for e in entries(p)))
    world.need(*(Path(entry["path"]) for entry in entries(path)))
    key = world.draw.choice(["commit", "version", "id", "name"])

    def change(record):
        entry = next(e for e in chain.entries(record) if "dataset" in e)
        entry["dataset"][key] = entry["dataset"][key][::-1] + "0"

    sealed(path, change)
    return fault(path)


# The run's list


@edit
def a_name_taken_out_of_the_list(world):
    if world.of_the_list:
        raise Taken
    path = world.pick([RUN / listed.NAME])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    return fault(path)


@edit
def the_list_deleted(world):
    if world.of_the_list:
        raise Taken
    world.pick([RUN / listed.NAME]).unlink()
    return {RUN.as_posix(): "unlisted"}


def list_of_inputs(world):
    path = world.pick(RUN.rglob(".inputs-*.json"))
    world.need(*(result for result, own in world.lists.items() if own == path))
    return path


@edit
def bits_of_a_list_of_inputs(world):
    path = list_of_inputs(world)
    content = bytearray(path.read_bytes())
    content[world.draw.randrange(len(content))] ^= world.draw.randrange(1, 256)
    path.write_bytes(content)
    return fault(path)


@edit
def a_list_of_inputs_deleted(world):
    path = list_of_inputs(world)
    path.unlink()
    return fault(path)


# Data


@edit
def bits_of_raw_data(world):
    path = world.pick(world.raw())
    world.dataset(path)
    same = [p for p in world.raw() if p.resolve() == path.resolve()]  # one object of the annex
    for each in same:
        world.keep(each)
    content = bytearray(path.read_bytes())
    content[world.draw.randrange(len(content))] ^= world.draw.randrange(1, 256)
    write(path, bytes(content))
    return fault(*same)


@edit
def a_file_in_place_of_the_link_to_raw_data(world):
    path = world.pick(world.raw())
    world.dataset(path)
    path.unlink()
    path.write_bytes(b"other")
    return fault(path)


@edit
def a_folder_in_place_of_raw_data(world):
    path = world.pick(world.raw())
    world.dataset(path)
    path.unlink()
    path.mkdir()
    return fault(path)


@edit
def raw_data_dropped(world):
    path = world.pick(world.raw())
    world.dataset(path)
    path.unlink()
    return {path.as_posix(): "absent"}


@edit
def bits_of_a_manifest(world):
    path = world.pick(world.manifests)
    world.dataset(path, whole=True)
    content = bytearray(path.read_bytes())
    content[world.draw.randrange(len(content))] ^= world.draw.randrange(1, 256)
    path.write_bytes(content)
    return fault(path)


@edit
def a_manifest_deleted(world):
    path = world.pick(world.manifests)
    world.dataset(path, whole=True)
    path.unlink()
    return {path.as_posix(): "absent"}


@edit
def a_dataset_moved_to_another_commit(world):
    folder = world.pick(world.datasets())
    world.dataset(folder)
    command = [*GIT, "-C", str(folder), "commit", "--quiet", "--allow-empty", "--message", "x"]
    subprocess.run(command, check=True)
    undo = ["git", "-C", str(folder), "reset", "--quiet", "--soft", "HEAD~1"]
    world.ways_back.append(lambda: subprocess.run(undo, check=True))
    return fault(folder)


@edit
def a_dataset_without_its_repository(world):
    folder = world.pick(world.datasets())
    world.dataset(folder)
    (folder / ".git/HEAD").rename(folder / ".git/HEAD.aside")
    world.ways_back.append(lambda: (folder / ".git/HEAD.aside").rename(folder / ".git/HEAD"))
    return {folder.as_posix(): "absent"}


# The repository


@edit
def bits_of_the_claims(world):
    path = world.pick([CODE / "claims.yaml"])
    content = bytearray(path.read_bytes())
    content[world.draw.randrange(len(content))] ^= 1
    path.write_bytes(content)
    return fault(path)


@edit
def the_claims_changed_and_committed(world):
    path = world.pick([CODE / "claims.yaml"])
    path.write_text(path.read_text() + "\n# More\n")
    command = [*GIT, "commit", "--quiet", "--message", "x", "--", path.as_posix()]
    subprocess.run(command, check=True)
    undo = ["git", "reset", "--quiet", "--soft", "HEAD~1"]
    world.ways_back.append(lambda: subprocess.run(undo, check=True))
    return {path.as_posix(): "stale"}


@edit
def the_claims_deleted(world):
    path = world.pick([CODE / "claims.yaml"])
    path.unlink()
    return fault(path)


def source(world):
    """Return a source with a docstring on which results ran."""
    return world.pick(CODE / name for name in ("figures/change.py", "train.py", "scores.py"))


@edit
def code_changed(world):
    path = source(world)
    path.write_text(path.read_text() + "\nMORE = 1\n")
    return {path.as_posix(): "stale"}


@edit
def code_deleted(world):
    path = source(world)
    path.unlink()
    return {path.as_posix(): "stale"}


@edit
def a_comment_in_the_code(world):
    path = source(world)
    path.write_text(path.read_text() + "\n# More\n")
    return {path.as_posix(): "text"}


# What is harmless


@edit
def times_of_a_result(world):
    path = world.pick(world.results)
    os.utime(path, (1, 1))
    os.utime(records.path_of(path))
    return {}


@edit
def a_result_copied_and_moved_back(world):
    path = world.pick(world.results)
    for each in (path, records.path_of(path)):
        shutil.copyfile(each, each.with_name(".copy"))
        each.with_name(".copy").rename(each)
    return {}


@edit
def a_result_behind_a_link(world):
    path = world.pick(world.results)
    aside = world.keep(Path("elsewhere") / path.name)
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
    path.symlink_to(aside.absolute())
    return {}


@edit
def rights_of_a_result(world):
    path = world.pick(world.results)
    path.chmod(world.draw.choice([0o444, 0o600, 0o755]))
    return {}


@edit
def a_compressed_table(world):
    path = world.pick(world.of(".csv"))
    packed.path_of(path).write_bytes(packed.pack(path.read_bytes()))
    path.unlink()
    return {}


@edit
def files_that_are_no_results(world):
    for path in (PAPER / "figures/.DS_Store", RUN / "report.html", RUN / "audit/index.html"):
        if path not in world.taken:
            world.keep(path)
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
    return {}


@edit
def the_cache_deleted(world):
    if CACHE in world.taken:
        raise Taken
    world.keep(CACHE).unlink(missing_ok=True)
    return {}


@edit
def a_file_of_the_repository_on_which_nothing_ran(world):
    path = world.pick([Path("README.md"), CODE / "README.md"])
    path.write_text("x")
    return {}
