"""The audit of a run as static pages: one folder that needs no server and can be published.

`index.html` has a card for each paper; a paper's page its claims by finding, its gallery and its jobs;
`search.html` all claims and figures; `checks.html` what a verification found. Each figure has its lineage
as a graph, each job its function and source at its commit, its parameters beside the scale's defaults,
its inputs, environment, machine and time.
"""

from __future__ import annotations

from pathlib import Path

from replicortex.core.errors import StudyError
from replicortex.pages.figure_page import figure_page
from replicortex.pages.folder import MARK, fresh
from replicortex.pages.index_page import checks_page, index_page
from replicortex.pages.jobs_page import jobs_page
from replicortex.pages.paper_page import paper_page
from replicortex.pages.rendering import TEMPLATES, code_style
from replicortex.pages.search_page import search_page
from replicortex.pages.step_page import dataset_page, step_page
from replicortex.pages.view import View
from replicortex.provenance import chain
from replicortex.provenance.contents import Hashes
from replicortex.provenance.history import History

ASSETS = (MARK, "filter.js")


def build(
    source: Path, target: Path, root: Path, hashes: Hashes | None = None, *, hosts: bool = False
) -> Path:
    """Write the pages of a run, or of one paper of it; return the first page.

    Parameters
    ----------
    source
        Folder of results, such as results/demo, results/reference or one paper below it.
    target
        Folder to write. Pages that were there are replaced; a folder of anything else is left alone.
    root
        The repository.
    hashes
        Where hashes come from when the run is verified.
    hosts
        Whether pages name machines and the cluster's numbers of jobs, which records always do.

    Raises
    ------
    StudyError
        When there are no results, or the folder is no page of an audit.
    """
    results = chain.results_below(source, absent=True) if source.is_dir() else []
    if not results:
        raise StudyError(f"audit page: there are no results below {source}; run the study first")
    with fresh(target, "audit page") as folder, History(root) as history:
        _write(View(source, folder, root, history, results, hashes or Hashes(), hosts))
    return target / "index.html"


def _write(view: View) -> None:
    """Write all pages, the index last."""
    for name in ASSETS:
        view.save(name, (TEMPLATES / name).read_text())
    view.save("code.css", code_style())
    for step in view.run.values():
        step_page(view, step)
    for place in view.figures:
        figure_page(view, place)
    for paper in view.papers.values():
        paper_page(view, paper)
    for name, (entry, place) in view.datasets.items():
        dataset_page(view, name, entry, place)
    search_page(view)
    checks_page(view)
    jobs_page(view)
    index_page(view)
