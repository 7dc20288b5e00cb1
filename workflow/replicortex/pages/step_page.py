"""The pages of a job and of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from replicortex.pages.html import document, facts, link, page_name, table
from replicortex.pages.view import (
    NOT_KNOWN,
    SHOWN,
    View,
    leaves,
    synthetic_notice,
    value_text,
    version_of,
)
from replicortex.provenance import chain
from replicortex.provenance.differences import apart
from replicortex.provenance.steps import Input, Step

LISTED = 200  # files of a dataset


def step_page(view: View, step: Step) -> None:
    """Write the page of a job: function, parameters, inputs, results, source, machine, time."""
    record, run = step.record, step.record["run"]
    module = step.call.partition(":")[0]
    git = run["git"]
    gpu = {"GPU": escape(f"{run['gpu']}, CUDA {run['cuda']}")} if run.get("gpu") else {}
    slurm = {"Slurm job": escape(run["slurm_job_id"])} if "slurm_job_id" in run else {}
    ended = {"Ended": escape(run["ended"])} if "ended" in run else {}
    seeds = {"Seeds": ", ".join(map(str, step.seeds))} if step.seeds else {}
    commit = escape(git["commit"] or NOT_KNOWN)
    if git["dirty"] == "yes":
        commit += ", from a tree with changes that it does not hold"
    body = [
        synthetic_notice(record["synthetic"]),
        facts(
            {
                "Function": f"<code>{escape(step.call)}</code>",
                **seeds,
                "Commit": f"<code>{commit}</code>",
                "Code": f"<code>{escape(str(record['job']['code'] or 'does not count'))}</code>",
                "Environment": escape(_environment(record)),
                "Machine": escape(f"{run['host']}: {run['cpu']}"),
                **gpu,
                **slurm,
                **ended,
                "Took": escape(f"{run['wall_seconds']} s, {run['peak_memory_mb']} MB at most"),
            }
        ),
        "<h2>Parameters</h2>",
        _parameters(view, step),
        "<h2>Made from</h2>",
        _inputs(view, step),
        "<h2>Made</h2>",
        _outputs(view, step),
        _used_by(view, step),
        "<h2>Source</h2>",
        _modules(view, record, module),
        _packages(view, run),
    ]
    trail = [("../index.html", view.source.as_posix()), ("../jobs.html", "jobs")]
    view.save(
        page_name("steps", step.key),
        document(view.title(step), "".join(body), trail, depth=1),
    )


def _parameters(view: View, step: Step) -> str:
    mine = step.record["job"]["arguments"]
    if not mine:
        return "<p>None.</p>"
    paths = [record["output"]["path"] for record in step.outputs.values()]
    default = next((view.defaults[path] for path in paths if path in view.defaults), None)
    rows = []
    for key, value in leaves(mine):
        now = dict(leaves(default)).get(key) if default is not None else None
        shown = escape(value_text(now)) if default is not None and now is not None else "–"
        differs = default is not None and now != value
        rows.append(
            (
                f"<code>{escape(key)}</code>",
                escape(value_text(value)),
                shown + (" <strong>differs</strong>" if differs else ""),
            )
        )
    head = f"Default at {view.scale}, now" if view.scale else "Default"
    note = "" if default is not None else "<p>The scale's default is not known here.</p>"
    extra = [key for key, _, _ in apart(mine, default)] if default is not None else []
    gone = [key for key in extra if key not in dict(leaves(mine))]
    said = f"<p>New since: {escape(', '.join(gone))}.</p>" if gone else ""
    return table(("Parameter", "Value", head), rows) + note + said


def _inputs(view: View, step: Step) -> str:
    rows = []
    for name, part in sorted(step.inputs.items()):
        for each in part:
            rows.append(
                (
                    escape(name),
                    _input(view, each),
                    f"<code>{each.entry['sha256'][:16]}</code>",
                )
            )
    return table(("Input", "File", "sha256"), rows) if rows else "<p>No files.</p>"


def _input(view: View, each: Input) -> str:
    if "dataset" in each.entry:
        data = each.entry["dataset"]
        return link(view.data_link(each, "../"), f"dataset {data['name']} {version_of(data)}")
    if each.step:
        return link(page_name("", each.step), each.entry["path"])
    return f"<code>{escape(each.entry['path'])}</code>"


def _outputs(view: View, step: Step) -> str:
    rows = []
    for place, record in step.outputs.items():
        shown = f"<code>{escape(place.as_posix())}</code>"
        if place.suffix == ".png" and place.parts[-2] in SHOWN and place in view.present:
            shown = link(page_name("../figures", view.slug(place)), place.as_posix())
        here = "here" if place in view.present else "not here, only its record"
        size = f"{record['output']['bytes']:,}"
        rows.append((shown, size, f"<code>{record['output']['sha256'][:16]}</code>", here))
    return table(("File", "Bytes", "sha256", "Kept"), rows)


def _used_by(view: View, step: Step) -> str:
    users = [view.run[key] for key in view.run if key in view.readers[step.key]]
    if not users:
        return ""
    items = "".join(f"<li>{link(page_name('', user.key), view.title(user))}</li>" for user in users)
    return f"<h2>Used by</h2><ul>{items}</ul>"


def _modules(view: View, record: dict[str, Any], module: str) -> str:
    own = f"{module.replace('.', '/')}.py"
    rows = []
    for name, digest in sorted(record["modules"].items(), key=lambda each: each[0] != own):
        content = view.source_of(record, name, digest)
        if content is None:
            shown = f"<code>workflow/{escape(name)}</code> (its text is not at hand)"
        elif not content:
            continue  # an empty __init__
        else:
            page = view.source_page(name, content, record["run"]["git"]["commit"])
            shown = link(f"../{page}", f"workflow/{name}")
        rows.append(
            (
                shown,
                f"<code>{digest[:16]}</code>",
                "the function's own" if name == own else "imported",
            )
        )
    return table(("Module", "Code hash", "Role"), rows)


def _packages(view: View, run: Mapping[str, Any]) -> str:
    rows = [(escape(n), escape(v)) for n, v in sorted(run.get("packages", {}).items())]
    if not rows:
        return ""
    head = f"<summary>{len(rows)} packages that the job loaded, Python {escape(run['python'])}</summary>"
    return f"<h2>Packages</h2><details>{head}{table(('Package', 'Version'), rows)}</details>"


def dataset_page(view: View, name: str, entry: dict[str, Any], place: Path) -> None:
    """Write the page of a dataset: version, commit, licence, where from, annex keys."""
    data = entry["dataset"]
    told = chain.dataset_facts(entry, place, view.declared)
    body = [
        synthetic_notice(data["synthetic"]),
        facts(
            {
                "Title": escape(told.get("title", NOT_KNOWN)),
                "Version": escape(data["version"]),
                "DataLad id": f"<code>{escape(data['id'])}</code>",
                "Commit": f"<code>{escape(data['commit'])}</code>",
                "Manifest": f"<code>{escape(entry['path'])}</code>",
                "Manifest's sha256": f"<code>{entry['sha256']}</code>",
                "Licence": escape(told.get("licence", NOT_KNOWN)),
                "From": "<br>".join(link(url, url) for url in told.get("urls", [])[:20])
                or "made here",
            }
        ),
    ]
    keys = told.get("keys", {})
    if keys:
        rows = [(f"<code>{escape(n)}</code>", f"<code>{escape(k)}</code>") for n, k in keys.items()]
        body.append(f"<h2>Files</h2>{table(('File', 'Annex key'), rows[:LISTED])}")
        if len(rows) > LISTED:
            body.append(f"<p>And {len(rows) - LISTED} more.</p>")
    else:
        body.append("<p>The dataset is not installed here: its files are not listed.</p>")
    step = view.maker.get(place)
    if step:
        body.append(
            f"<p>Installed by {link(page_name('../steps', step.key), view.title(step))}.</p>"
        )
    users = [
        s for s in view.run.values() if any(e.place == place for p in s.inputs.values() for e in p)
    ]
    items = "".join(f"<li>{link(page_name('../steps', s.key), view.title(s))}</li>" for s in users)
    body.append(f"<h2>Used by</h2><ul>{items}</ul>")
    trail = [("../index.html", view.source.as_posix())]
    title = f"Dataset {data['name']}"
    view.save(page_name("data", name), document(title, "".join(body), trail, depth=1))


def _environment(record: dict[str, Any]) -> str:
    told = record["job"].get("environment") or {}
    python = f"Python {record['run']['python']}"
    if not told:
        return python
    return f"envs/{told['file']}.yaml ({told['hash'][:16]}), {python}"
