"""Sphinx: pages of the library from its docstrings, and the tutorials."""

from pathlib import Path

HERE = Path(__file__).parent
LIBRARY = HERE.parent / "workflow/replicortex"

project = "Replicortex"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "Replicortex"
exclude_patterns = ["html", "site", ".*"]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # shapes and units stand in the docstrings
napoleon_google_docstring = False
napoleon_use_rtype = False
ROOMS = {
    "analysis": "Measures: RDMs, encoding models, optimal transport, Moran's I, statistics",
    "models": "Networks",
    "training": "Training: loops, optimisers, views, states to resume from",
    "data": "Readers of datasets, and their installation",
    "plotting": "How figures look",
    "verdicts": "From tables to verdicts on claims",
    "provenance": "Records, lineage and their verification",
}


def _pages() -> None:
    """Write a page for each room of the library, and one for each of its modules."""
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    index = ["# Library", "", "```{toctree}", ":maxdepth: 2", ""]
    for room, title in ROOMS.items():
        names = sorted(path.stem for path in (LIBRARY / room).glob("[!_]*.py"))
        lines = [f"# {room}", "", f"{title}.", "", "```{toctree}", ":maxdepth: 1", ""]
        lines += [f"{room}.{name}" for name in names]
        (folder / f"{room}.md").write_text("\n".join([*lines, "```", ""]))
        index.append(room)
        for name in names:
            module = f"replicortex.{room}.{name}"
            page = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"
            (folder / f"{room}.{name}.md").write_text(page)
    (folder / "index.md").write_text("\n".join([*index, "```", ""]))


_pages()


def _plain(app, what, name, obj, options, lines):
    """Docstrings write |w| for a size; reStructuredText would look for a substitution."""
    lines[:] = [line.replace("|", r"\|") for line in lines]


def setup(app):
    """Hook into Sphinx, before its own reading of docstrings."""
    app.connect("autodoc-process-docstring", _plain, priority=400)
