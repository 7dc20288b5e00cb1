"""The study as a static site: its text, scorecards, the audit's galleries and lineages, the library.

It needs no server and loads nothing from elsewhere. `make site`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.pages.build import ASSETS, build
from replicortex.pages.folder import fresh
from replicortex.pages.markdown import html, place_of
from replicortex.pages.rendering import TEMPLATES, page_name, render
from replicortex.provenance.records import SUFFIX
from replicortex.report.sources import KEPT, Source, inside, sources
from replicortex.report.texts import STUDY
from replicortex.verdicts.drawing import draw_scorecard

PARTS = (
    ("index.html", "Study"),
    ("scorecards.html", "Scorecards"),
    ("audit/index.html", "Galleries and lineage"),
    ("library/index.html", "Library"),
    ("readme.html", "How to run it"),
)
SHOWN_BYTES = 400_000  # of a file of the repository that has a page of its own


@dataclass
class Site:
    """A site in the making in the folder `target`.

    `root` is the repository; `texts` and `parts` (of the study) are what has a page of its own.
    """

    target: Path
    root: Path
    papers: Mapping[str, Source]
    parts: dict[str, str] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note the texts that have pages, and the jobs of every kept result."""
        self.texts = {STUDY: "index.html", Path("README.md"): "readme.html"}
        self.texts |= {
            Path("workflow/papers", name, "README.md"): f"papers/{name}.html"
            for name in self.papers
        }
        self.makers = {
            place: step.key
            for source in self.papers.values()
            for step in source.steps
            for place in step.outputs
        }

    def text(self, source: Path) -> None:
        """Write the page of a text."""
        self._html(source, self.texts[source], (self.root / source).read_text())

    def study(self) -> None:
        """Write the study: its beginning as the first page, and each part after it as one of its own."""
        title, first, *parts = _sections((self.root / STUDY).read_text())
        names = [part.partition("\n")[0].strip() for part in parts]
        self.parts = {place_of(name): f"study/{place_of(name)}.html" for name in names}
        listed = "\n".join(f"- [{name}](#{place_of(name)})" for name in names)
        self._html(STUDY, "index.html", f"{title}## {first}\n## All pages\n\n{listed}\n")
        for page, part in zip(self.parts.values(), parts, strict=True):
            # What was a part is a page, and its parts are a step higher.
            self._html(STUDY, page, re.sub(r"(?m)^#(#+ )", r"\1", f"## {part}"))

    def _html(self, source: Path, page: str, text: str) -> None:
        """Write a text, or a part of it, as a page."""
        up = "../" * page.count("/")

        def link(target: str) -> str:
            return self._link(target, source.parent, up)

        def image(target: str) -> str:
            return up + quote(self._picture(self._inside(source.parent, target)))

        title, content = html(text, link, image)
        self._page(page, title, content)

    def _page(self, page: str, title: str, content: Markup) -> None:
        up = "../" * page.count("/")
        trail = () if page == "index.html" else ((f"{up}index.html", "Study"),)
        made = render("site.html", title=title, up=up, trail=trail, parts=PARTS, content=content)
        path = self.target / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made)

    def _inside(self, folder: Path, target: str) -> Path:
        """Return the file that a text in a folder names, from the root on."""
        return Path(os.path.normpath(folder / target))

    def _link(self, target: str, folder: Path, up: str) -> str:
        """Return where a link of a text leads on the site."""
        if target.removeprefix("#") in self.parts:
            return up + self.parts[target.removeprefix("#")]
        if not target or target.startswith("#") or re.match(r"[a-z]+:", target):
            return target
        name, _, place = target.partition("#")
        found = self._inside(folder, name)
        page = self._page_of(found)
        return up + quote(page) + (f"#{place}" if place and found in self.texts else "")

    def _page_of(self, place: Path) -> str:
        """Return the page of a file or folder of the repository; write it where it has none yet.

        Raises
        ------
        StudyError
            There is no such file.
        """
        if place in self.texts:
            return self.texts[place]
        if place == KEPT:
            return "audit/index.html"
        if place.is_relative_to(KEPT) and (page := self._audited(place)):
            return page
        if place.parent == Path("docs") and place.suffix == ".md":
            return f"library/{place.stem}.html"
        if place.parts[:2] == ("docs", "tutorials") and place.suffix == ".md":
            return f"library/tutorials/{place.stem}.html"
        if not (self.root / place).exists():
            raise StudyError(f"site: a text links to {place}, which is not there")
        return self._shown(place)

    def _audited(self, place: Path) -> str | None:
        """Return the audit's page of a kept result, or of its record; None where it has none."""
        result = place.with_name(place.name.removesuffix(SUFFIX))
        figure = "-".join((*result.parts[-3:-1], result.stem))
        if result.suffix == ".png" and (self.target / f"audit/figures/{figure}.html").exists():
            return f"audit/figures/{figure}.html"
        key = self.makers.get(result)
        return f"audit/{page_name('steps', key)}" if key else None

    def _picture(self, place: Path) -> str:
        """Return where a picture lies on the site; copy it where the audit has not."""
        copied = f"audit/files/{'/'.join(place.parts[-3:])}"
        if place.is_relative_to(KEPT) and (self.target / copied).exists():
            return copied
        return self._copied(place)

    def _copied(self, place: Path) -> str:
        target = self.target / "files" / place
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.root / place, target)
        return f"files/{place.as_posix()}"

    def _shown(self, place: Path) -> str:
        """Write a page that shows a file of the repository, or the names in a folder."""
        if place.suffix in (".png", ".csv"):
            return self._copied(place)
        page = f"files/{place.as_posix()}.html"
        if not (self.target / page).exists():
            there = self.root / place
            if there.is_dir():
                names = sorted(each.name for each in there.iterdir() if each.name[0] not in "._")
                shown = "\n".join(names)
            else:
                shown = there.read_bytes()[:SHOWN_BYTES].decode(errors="replace")
            block = Markup(
                '<div class="source" tabindex="0" role="group" aria-label="File"><pre>{}</pre></div>'
            )
            self._page(page, place.as_posix(), block.format(shown))
        return page

    def scorecards(self) -> None:
        """Draw the scorecards of the kept tables by the claims of today, and write their page."""
        parts = [
            Markup(
                "<p>The kept tables, judged by the claims of today. Each finding has a leading claim and "
                "a control.</p>"
            )
        ]
        for name, source in self.papers.items():
            place = f"scorecards/{name}.png"
            write(self.target / place, draw_scorecard(source.judged, source.about.short))
            parts.append(
                Markup(
                    '<h2 id="{name}">{title}</h2>\n'
                    '<p><a href="papers/{name}.html">Decisions and results</a>, '
                    '<a href="audit/papers/{name}.html">all claims, figures and jobs</a></p>\n'
                    '<img class="wide" loading="lazy" src="{place}" alt="Scorecard: {title}">'
                ).format(name=name, title=source.about.title, place=place)
            )
        self._page("scorecards.html", "Scorecards", Markup("\n").join(parts))


def _sections(text: str) -> list[str]:
    """Return what stands before the first part of a text, and each of its parts without the mark."""
    return re.split(r"(?m)^## ", text)


def site(target: Path, root: Path, audit: Path | None = None, library: Path | None = None) -> Path:
    """Write the site; return its first page.

    Parameters
    ----------
    target
        Its folder. A site that was there is replaced; a folder of anything else is left alone.
    root
        The repository.
    audit, library
        Pages of the kept runs and of the library that were made before; made anew unless named.

    Raises
    ------
    StudyError
        No run is kept, a text links to nothing, or the folder holds something else.
    """
    with fresh(target, "site") as folder:
        made = Site(folder, root, sources(root))
        if audit is None:
            with inside(root):
                build(KEPT, (folder / "audit").resolve(), root)
        else:
            shutil.copytree(audit, folder / "audit")
        if library is None:
            _library(root, folder / "library")
        else:
            shutil.copytree(library, folder / "library")
        for name in ASSETS:
            (folder / name).write_text((TEMPLATES / name).read_text())
        made.study()
        for text in made.texts:
            if text != STUDY:
                made.text(text)
        made.scorecards()
    return target / "index.html"


def _library(root: Path, target: Path) -> None:
    """Build the pages of the library, without copies of sources, which the audit has at their commits.

    Raises
    ------
    StudyError
        Sphinx found a fault.
    """
    extensions = "myst_parser,sphinx.ext.autodoc,sphinx.ext.napoleon"
    options = [f"extensions={extensions}", "html_copy_source=0", "html_show_sourcelink=0"]
    words = [
        "--quiet",
        "--fail-on-warning",
        "--keep-going",
        "--doctree-dir",
        str(target.parent / ".doctrees"),
    ]
    words += [word for option in options for word in ("-D", option)]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(root / "docs"), str(target)],
        capture_output=True,
        text=True,
    )
    shutil.rmtree(target.parent / ".doctrees", ignore_errors=True)
    if done.returncode:
        raise StudyError(f"site: the library's pages cannot be built: {done.stderr.strip()[-400:]}")
