"""The command line beside Snakemake: `replicortex audit figure F`, and others.

`python -m replicortex` is the same where the script is not installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from replicortex.core import git, places
from replicortex.core.errors import StudyError, nearest
from replicortex.core.scales import SCALES
from replicortex.provenance import commands as commands_of_audit

ROOT = Path(__file__).resolve().parents[2]
# A run's folder need not be the clone: results lie below it, and its own configuration.
OF_A_STUDY = ("Snakefile", "config/config.yaml", "results")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    if not (ROOT / "Snakefile").is_file():
        where = "this replicortex is the library alone, with no clone of the study around it"
        print(f"Error: {where}; clone the study, and use its own `replicortex`", file=sys.stderr)
        return 1
    if not any(Path(name).exists() for name in OF_A_STUDY):
        print("Error: not in a study: run it in the folder with the Snakefile", file=sys.stderr)
        return 1
    if getattr(options, "asks_git", False) and (why := git.trouble(ROOT)):
        print(f"Note: {why}; until then {options.without_git}", file=sys.stderr)
    try:
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except StudyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if said := places.sentence(error):
            print(f"Error: {said}", file=sys.stderr)
            return 1
        raise


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets `run`, the function that does it."""
    as_module = Path(sys.argv[0]).name == "__main__.py"
    prog = "python -m replicortex" if as_module else "replicortex"
    parser = argparse.ArgumentParser(prog=prog, description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="command")

    audit = commands.add_parser("audit", help="where a result comes from, and whether that holds")
    audit.set_defaults(without_git=git.NO_SOURCE)
    parts = audit.add_subparsers(required=True, metavar="what")
    commands_of_audit.add(parts)

    keep = commands.add_parser(
        "promote", aliases=["keep"], help="copy a run to results/reference, for git"
    )
    keep.add_argument("run_name", metavar="run")
    keep.add_argument("paper")
    keep.add_argument("--sign", action="store_true", help="commit it, signed with your git key")
    keep.set_defaults(run=_keep)

    resources = commands.add_parser("resources", help="what jobs needed, and what to ask for")
    resources.add_argument("folder", type=Path, nargs="?", default=Path("results/small"))
    resources.set_defaults(run=_resources)

    price = commands.add_parser("cost", help="hours that trainings would take, before a run")
    price.add_argument("papers", nargs="*", metavar="paper", help="all unless named")
    price.add_argument("--scale", default="full", choices=SCALES)
    price.add_argument("--benchmarks", type=Path, default=ROOT / "benchmarks")
    price.set_defaults(run=_cost)

    ready = commands.add_parser("preflight", help="all that a run needs and does not have")
    ready.add_argument(
        "papers", nargs="*", metavar="paper", help="as config.yaml says unless named"
    )
    ready.add_argument("--scale", default="full", choices=SCALES)
    ready.add_argument("--device", choices=["cpu", "cuda"], help="as config.yaml says unless named")
    ready.add_argument("--conda", action="store_true", help="jobs run with --sdm conda")
    ready.add_argument(
        "--profile", type=Path, default=ROOT / "profiles/slurm", help="of the cluster"
    )
    ready.add_argument("--json", action="store_true", help="the answer as JSON")
    ready.set_defaults(run=_preflight)

    summary = commands.add_parser("summary", help="where a finished run's results lie")
    summary.add_argument("--scale", default="demo", help="the run: its scale unless it has a name")
    summary.set_defaults(run=_summary, asks_git=True, without_git=git.NO_COMMIT)

    judge = commands.add_parser(
        "judge", help="judge tables that are there by today's claims, into a folder of yours"
    )
    judge.add_argument("papers", nargs="*", metavar="paper", help="all unless named")
    judge.add_argument("--run", default="reference", dest="run_name", help="kept tables by default")
    judge.add_argument("--scale", default="small", choices=SCALES)
    judge.add_argument("--out", type=Path, required=True, help="where scorecards are written")
    judge.set_defaults(run=_judge)

    new = commands.add_parser("new-paper", help="write the skeleton of a paper, which runs at demo")
    new.add_argument("name", help="of its folder: small letters, digits and _")
    new.add_argument("--title", default="", help="in full; the name in words unless given")
    new.set_defaults(run=_new_paper)

    schemas = commands.add_parser("schemas", help="write the schemas that editors use")
    schemas.add_argument("--check", action="store_true", help="only compare; exit 1 if stale")
    schemas.set_defaults(run=_schemas)

    readme = commands.add_parser(
        "readme", help="write the tables of README.md and of profiles/README.md"
    )
    readme.set_defaults(run=_readme)

    study = commands.add_parser(
        "study-text", help="write STUDY.md and results in READMEs from the kept runs"
    )
    study.add_argument("--check", action="store_true", help="only compare; exit 1 if stale")
    study.set_defaults(run=_study_text)

    pages = commands.add_parser("site", help="write the study as a static site")
    pages.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs/site")
    pages.set_defaults(run=_site, asks_git=True, without_git=git.NO_SOURCE)

    envs = commands.add_parser("environments", help="write envs/ from pyproject.toml and the lock")
    envs.set_defaults(run=_environments)

    rules = commands.add_parser("graph", help="draw the graph of rules into README.md")
    rules.set_defaults(run=_graph)
    return parser


def _keep(options: argparse.Namespace) -> None:
    from replicortex.tools.promote import keep

    run, paper = _name("keep: run", options.run_name), _name("keep: paper", options.paper)
    copied = keep(run, paper, ROOT, options.sign)
    print(f"{len(copied)} files kept in results/reference/{options.paper}")


def _resources(options: argparse.Namespace) -> None:
    from replicortex.tools.resources import needed

    print(needed(options.folder).to_string(index=False))


def _cost(options: argparse.Namespace) -> None:
    """Print the hours that the trainings of some papers would take.

    Raises
    ------
    StudyError
        When a paper is unknown, or a benchmark is absent.
    """
    from replicortex.core import config
    from replicortex.core.yaml_text import read_yaml_file
    from replicortex.tools.costs import as_text, cost

    settings = read_yaml_file(ROOT / "config/config.yaml", "config/config.yaml")
    known = config.paper_names(ROOT)
    workloads = {}
    for paper in options.papers or known:
        if paper not in known:
            raise StudyError(f"cost: unknown paper '{paper}'{nearest(paper, known)}")
        changes = (settings.get("papers") or {}).get(paper, {})
        workloads[paper] = config.checked_numbers(paper, options.scale, changes, ROOT).workload()
    print(as_text(cost(workloads, options.benchmarks)))


def _preflight(options: argparse.Namespace) -> int:
    """Print what a run needs and does not have; return 1 if anything is missing."""
    from replicortex.core.files import canonical_json
    from replicortex.tools.preflight import as_json, as_text, preflight, study_of

    study = study_of(options.scale, options.papers, options.device, ROOT)
    found = preflight(study, ROOT, conda=options.conda, profile=options.profile)
    print(canonical_json(as_json(found), indent=1) if options.json else as_text(found))
    return 1 if found.missing else 0


def _judge(options: argparse.Namespace) -> None:
    """Judge a run's tables anew, and print verdicts and what needs a new run.

    Raises
    ------
    StudyError
        When a paper is unknown, or its tables are not there.
    """
    from replicortex.core import config
    from replicortex.core.study import OpenStudy
    from replicortex.core.yaml_text import read_yaml_file
    from replicortex.tools.rejudge import rejudge
    from replicortex.verdicts.tones import counted

    settings = read_yaml_file(ROOT / "config/config.yaml", "config/config.yaml")
    study = config.check({**settings, "scale": options.scale, "run": options.papers or "all"}, ROOT)
    scorecards = OpenStudy(**vars(study), root=ROOT).claims()
    for paper, facts in scorecards.items():
        metrics = Path("results", options.run_name, paper, "metrics")
        claims, calibration = rejudge(paper, metrics, options.out / paper, facts)
        print(f"{paper}: {options.out / paper / 'scorecard.png'}")
        for word, count in counted(claims["verdict"]).items():
            print(f"  {count:4d} {word}")
        for _, row in calibration[calibration["calibrated"] == "no"].iterrows():
            rate = f"met in {row['met_at_boundary']:.1%} of tables at its boundary"
            print(f"       {row['id']}: {rate}, {row['limit']:.1%} at most")


def _summary(options: argparse.Namespace) -> None:
    """Print where the report, the scorecard, the audit and the figures of a run lie.

    Raises
    ------
    StudyError
        When there is nothing of that run.
    """
    results = Path("results")
    run = results / _name("--scale", options.scale)
    places = [
        (what, path)
        for what, path in (
            ("Report", run / "report.html"),
            ("Scorecard", run / "scorecard/overview.png"),
            ("Audit", run / "audit/index.html"),
            *(("Figures", folder) for folder in sorted(run.glob("*/figures"))),
        )
        if path.exists()
    ]
    if not places:
        folders = {path.name for path in results.glob("*") if path.is_dir()}
        runs = folders - {"reference", options.scale}
        guess = nearest(options.scale, runs) or "; run `make` first"
        raise StudyError(f"summary: no results below {run}{guess}")
    for what, path in places:
        print(f"{what}: {path}")


def _name(option: str, name: str) -> str:
    from replicortex.core.schema import plain_name

    try:
        return plain_name(name)
    except ValueError as error:
        raise StudyError(f"{option}: {error}") from None


def _new_paper(options: argparse.Namespace) -> None:
    from replicortex.tools.new_paper import new_paper

    print("\n".join(new_paper(options.name, ROOT, options.title)))
    print(f"Now: snakemake --cores 2 --config run={options.name}; then make each file yours.")


def _schemas(options: argparse.Namespace) -> int:
    from replicortex.tools.schemas import stale, write

    if options.check:
        for path in stale(ROOT):
            print(f"{path} is stale; run `make schemas`")
        return 1 if stale(ROOT) else 0
    write(ROOT)
    return 0


def _readme(_: argparse.Namespace) -> None:
    """Write the generated tables of README.md, benchmarks/README.md and profiles/README.md."""
    from replicortex.tools import papers_table, requests_table, speed_table
    from replicortex.tools.generated import write

    speed = speed_table.PART
    made = {papers_table.PART: papers_table.table(ROOT), speed: speed_table.table(ROOT, True)}
    write(ROOT / "README.md", made)
    made = {speed: speed_table.table(ROOT, False), speed_table.WAITS: speed_table.waits(ROOT)}
    write(ROOT / "benchmarks/README.md", made)
    asked = requests_table.requests(requests_table.planned(ROOT), ROOT)
    made = {requests_table.REQUESTS: asked, requests_table.DISK: requests_table.disk(ROOT)}
    write(ROOT / requests_table.FILE, made)


def _study_text(options: argparse.Namespace) -> int:
    """Write the texts that the kept runs fill, or compare them; return 1 where one is stale."""
    from replicortex.report.texts import stale, write

    if options.check:
        found = stale(ROOT)
        for path in found:
            print(f"{path} is stale; run `make study-text`")
        return 1 if found else 0
    for path in write(ROOT):
        print(path)
    return 0


def _site(options: argparse.Namespace) -> None:
    from replicortex.pages.site import site

    print(site(options.folder, ROOT))


def _environments(_: argparse.Namespace) -> None:
    from replicortex.tools.environments import write

    write(ROOT)


def _graph(options: argparse.Namespace) -> None:
    from replicortex.tools.generated import write
    from replicortex.tools.graph import PART, graph

    write(ROOT / "README.md", {PART: graph(ROOT)})


if __name__ == "__main__":
    sys.exit(main())
