"""The pages of a job and of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replicortex.pages.rendering import page_name
from replicortex.pages.view import PICTURED, View
from replicortex.pages.words import leaves, value_text, version_of
from replicortex.provenance import chain
from replicortex.provenance.differences import apart
from replicortex.provenance.steps import Input, Step

LISTED, SOURCES = 200, 20  # files and addresses of a dataset


def step_page(view: View, step: Step) -> None:
    """Write the page of a job: function, parameters, inputs, results, source, machine, time."""
    record, run = step.record, step.record["run"]
    view.page(
        page_name("steps", step.key),
        "step.html",
        view.title(step),
        ("../jobs.html", "jobs"),
        step=step,
        record=record,
        run=run,
        hosts=view.hosts,
        environment=record["job"].get("environment"),
        **_parameters(view, step),
        inputs=[
            {"input": name, "sha256": each.entry["sha256"], **_input(view, each)}
            for name, part in sorted(step.inputs.items())
            for each in part
        ],
        outputs=[_output(view, place, made) for place, made in step.outputs.items()],
        users=[view.row(view.run[key]) for key in view.run if key in view.readers[step.key]],
        modules=list(_modules(view, step)),
        packages=sorted(run.get("packages", {}).items()),
    )


def _parameters(view: View, step: Step) -> dict[str, Any]:
    """Return a job's arguments beside those that the scale would give it now."""
    mine = step.record["job"]["arguments"]
    paths = [record["output"]["path"] for record in step.outputs.values()]
    default = next((view.defaults[path] for path in paths if path in view.defaults), None)
    own, known = dict(leaves(mine)), dict(leaves(default or {}))
    return {
        "default_column": f"Default at {view.scale}, now" if view.scale else "Default",
        "default_known": default is not None,
        "parameters": [
            {
                "name": name,
                "value": value_text(value),
                "default": "–" if known.get(name) is None else value_text(known[name]),
                "differs": default is not None and known.get(name) != value,
            }
            for name, value in own.items()
        ],
        "new_since": []
        if default is None
        else [key for key, _, _ in apart(mine, default) if key not in own],
    }


def _input(view: View, each: Input) -> dict[str, str | None]:
    if "dataset" in each.entry:
        data = each.entry["dataset"]
        name = f"dataset {data['name']} {version_of(data)}"
        return {"name": name, "page": f"../{view.data_page(each)}"}
    page = f"../{page_name('steps', each.step)}" if each.step else None
    return {"name": each.entry["path"], "page": page}


def _output(view: View, place: Path, record: dict[str, Any]) -> dict[str, Any]:
    here = place in view.present
    pictured = here and place.suffix == ".png" and place.parts[-2] in PICTURED
    return {
        "name": place.as_posix(),
        "page": f"../{page_name('figures', view.slug(place))}" if pictured else None,
        "here": here,
        **record["output"],
    }


def _modules(view: View, step: Step) -> Iterator[dict[str, Any]]:
    """Yield the modules that a job ran on, its function's own first, empty ones left out."""
    record = step.record
    own = f"{step.call.partition(':')[0].replace('.', '/')}.py"
    for name, digest in sorted(record["modules"].items(), key=lambda each: each[0] != own):
        content = view.source_of(record, name, digest)
        if content != b"":
            commit = record["run"]["git"]["commit"]
            page = None if content is None else view.source_page(name, content, commit)
            yield {"name": name, "hash": digest, "own": name == own, "page": page}


def dataset_page(view: View, name: str, entry: dict[str, Any], place: Path) -> None:
    """Write the page of a dataset: version, commit, licence, where from, annex keys."""
    known = chain.dataset_facts(entry, place, view.declared)
    keys = list(known.get("keys", {}).items())
    maker = view.maker.get(place)
    readers = [
        step
        for step in view.run.values()
        if any(each.place == place for part in step.inputs.values() for each in part)
    ]
    view.page(
        page_name("data", name),
        "dataset.html",
        f"Dataset {entry['dataset']['name']}",
        data=entry["dataset"],
        entry=entry,
        known=known,
        urls=known.get("urls", [])[:SOURCES],
        keys=keys[:LISTED],
        keys_left=max(len(keys) - LISTED, 0),
        installed_by=maker and view.row(maker),
        users=[view.row(step) for step in readers],
    )
