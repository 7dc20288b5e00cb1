"""What the root Snakefile calls: open the study, say what it is, check and complete its rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from replicortex.core import config as configuration
from replicortex.core import git, places, rules
from replicortex.core.errors import StudyError
from replicortex.core.papers import claim_aliases
from replicortex.core.scales import SCALES
from replicortex.core.yaml_text import read_yaml_file
from replicortex.verdicts import claim_names, model, reading

# Set by who plans a study whose licensed data need not be there yet.
PLAN_ALONE = "REPLICORTEX_PLAN_ALONE"


@dataclass(frozen=True)
class OpenStudy(configuration.Study):
    """A study with the places that the workflow needs."""

    root: Path

    def opening(self) -> str:
        """Return what a run says first: its headline, papers left out, what bars keeping it."""
        lines = [self.headline(), *(f"Replicortex: left out: {one}" for one in self.left_out)]
        if why := os.environ.get("REPLICORTEX_NO_COMMIT"):
            lines.append(f"Replicortex: {why}; until then {git.NO_COMMIT}")
        elif os.environ.get("REPLICORTEX_DIRTY") == "yes":
            lines.append(
                "Replicortex: files differ from the last commit, or are not in it (`git status` lists "
                "them); results of this run say so and cannot be kept"
            )
        return "\n".join(lines)

    def manifests(self) -> dict[str, Any]:
        """Return the configuration of the datasets' rules: names and their manifests."""
        names = {n: configuration.manifest_name(n, entry) for n, entry in self.datasets.items()}
        return {"manifests": names}

    def claims(self) -> dict[str, Any]:
        """Return the configuration of the scorecard: by paper, its claims and what they need."""
        return self._judged

    @cached_property
    def _judged(self) -> dict[str, Any]:
        return {paper: self._claims(paper) for paper in self.papers}

    def _claims(self, paper: str) -> dict[str, Any]:
        """Return what the job of verdicts is told of a paper, whose claims are checked on the way."""
        file = f"{self.papers[paper]['folder']}/claims.yaml"
        claims = reading.load(Path(file))
        aliases = claim_aliases(self.about[paper], paper, self.papers[paper])
        absent = self._check_claims(paper, claims, file, aliases)
        return {
            "file": file,
            "tables": sorted(model.tables(claims)),
            "aliases": aliases,
            "title": self.about[paper].short,
            "order": self.about[paper].order,
            "facts": model.facts_of(claims, self._judged_as(paper)),
            "absent": absent,
            "synthetic": self._synthetic(paper),
            "rehearsal": self.rehearsal,
        }

    def _judged_as(self, paper: str) -> Mapping[str, Any]:
        """Return the numbers on which `needs` and `data` look: those of full in a rehearsal."""
        if not self.rehearsal:
            return self.papers[paper]
        changes = self.settings.papers.get(paper, {})
        return configuration.paper_numbers(paper, "full", changes, self.root)

    def _check_claims(
        self, paper: str, claims: list[model.Claim], file: str, aliases: dict[str, Any]
    ) -> dict[str, list[str]]:
        """Check that all that a paper's claims name exists; return what this scale does not have."""

        def names(scale: str, changes: Mapping[str, Any]) -> dict[str, list[Any]]:
            return configuration.checked_numbers(paper, scale, changes, self.root).names()

        def of_all_scales() -> dict[str, list[Any]]:
            found: dict[str, list[Any]] = {}
            for scale in SCALES:
                for column, values in names(scale, {}).items():
                    found.setdefault(column, []).extend(values)
            return found

        scale = self.settings.scale
        return claim_names.check_names(
            claims,
            file,
            Path(file).with_name("tables.yaml"),
            names(scale, self.settings.papers.get(paper, {})),
            of_all_scales,
            aliases,
            self.papers[paper],
        )

    def _synthetic(self, paper: str) -> bool:
        return any(self.datasets[n].kind == "fixture" for n in self.papers[paper]["datasets"])


def check_files(overlays: Iterable[Path] = ()) -> None:
    """Look at the files of settings before the engine reads them; on a fault say it and exit.

    The engine keeps the last of two equal keys, and tells no line.

    Raises
    ------
    SystemExit
        With status 1 and one sentence.
    """
    own = Path("config/config.yaml")
    try:
        for path in (*([own] if own.exists() else []), *overlays):
            if path.suffix in (".yaml", ".yml"):
                read_yaml_file(path)
    except StudyError as error:
        raise SystemExit(f"Error: {error}") from None


def load_study(config: Mapping[str, Any], root: Path, main: bool) -> OpenStudy:
    """Return the checked study; on a fault say it in one sentence and exit.

    Parameters
    ----------
    config
        The engine's merged configuration.
    root
        The repository.
    main
        Whether this is the process that a user started, and not one of its jobs.

    Raises
    ------
    SystemExit
        With status 1, before anything was planned.
    """
    try:
        study = configuration.check(config, root, placed=not os.environ.get(PLAN_ALONE))
        opened = OpenStudy(**vars(study), root=root)
        opened.claims()
        _places(study)
    except StudyError as error:
        raise SystemExit(f"Error: {error}") from None
    settings = study.settings
    rules.export(
        {
            "data": settings.data,
            "declared": str(root / "config/datasets.yaml"),
            "state": f"results/{study.run}/.state",
            "save_every": str(settings.save_every),
            "user_data": json.dumps(settings.user_data),
            **({"mirror": str(study.mirror)} if study.mirror else {}),
            **git.facts(root),
        },
        main,
    )
    return opened


def _places(study: configuration.Study) -> None:
    """Check the folders that jobs will write; `data` only where a dataset is still to be installed."""
    places.check_folder(Path("logs"), "or run in another folder")
    data = Path(study.settings.data)
    names = (configuration.manifest_name(n, entry) for n, entry in study.datasets.items())
    if not all((data / "manifests" / name).exists() for name in names):
        places.check_data(data)


def announce(text: str, main: bool) -> None:
    """Print a line once, not in every job."""
    if main:
        print(text, file=sys.stderr, flush=True)


def complete_rules(all_rules: Iterable[Any], study: OpenStudy) -> None:
    """Complete and check all jobs; on a fault say it in one sentence and exit."""
    all_rules = list(all_rules)
    _label(all_rules)
    versions = {name: entry.version for name, entry in study.datasets.items()}
    try:
        rules.complete_rules(all_rules, versions, study.settings.threads, study.rehearsal)
    except StudyError as error:
        raise SystemExit(f"Error: {error}") from None


def _label(all_rules: Iterable[Any]) -> None:
    """Have the engine's report show record and verdicts beside each file."""
    from replicortex.provenance.labels import labels

    for rule in all_rules:
        for item in rule.output:
            flag = getattr(item, "flags", {}).get("report")
            if flag is not None and flag.labels is None:
                labelled = partial(_labels, labels, str(item))
                item.flags["report"] = flag._replace(labels=labelled)


def _labels(labels: Callable[[Path], dict[str, str]], path: str, wildcards: Any) -> dict[str, str]:
    from snakemake.io import apply_wildcards

    return labels(Path(apply_wildcards(path, wildcards)))


def require_gpu(study: OpenStudy, local: bool) -> None:
    """Exit before any job when a GPU is asked for on this machine and there is none."""
    if local and study.settings.device == "cuda" and not gpu_present():
        raise SystemExit(
            "Error: config/config.yaml: device: cuda was asked for, but this machine has no NVIDIA "
            "GPU; use device: cpu, or run on a cluster with --profile slurm"
        )


def gpu_present() -> bool:
    """Whether the NVIDIA driver lists a GPU (asked without importing torch)."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return "GPU" in listed.stdout
