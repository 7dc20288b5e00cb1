"""The static site: complete, linked, self-contained, readable on a phone."""

import re
from urllib.parse import unquote

import pytest
from test_page import Links, browser, faults_of, opened  # noqa: F401

from replicortex.core.errors import StudyError
from replicortex.pages.markdown import html
from replicortex.pages.site import PARTS, site

LIBRARY = ("index", "verdicts", "networks", "tutorials/match_two_networks")
LIBRARY += ("tutorials/encode_voxels", "tutorials/where_a_figure_came_from")
MOST_BYTES = 40_000_000


def library(folder):
    """Pages under the names of the library's, without its minutes."""
    for name in LIBRARY:
        page = folder / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            "<!doctype html><html lang=en><title>Library</title><h1>Library</h1></html>"
        )
    return folder


@pytest.fixture(scope="module")
def made(root, kept, tmp_path_factory):
    """The site around the kept runs' audit."""
    folder = tmp_path_factory.mktemp("site")
    return site(folder / "s", root, audit=kept, library=library(folder / "library")).parent


def check_links(folder, ours):
    """Every link of some pages leads to a place of the site; nothing is loaded from elsewhere."""
    parsed = {}
    for page in ours:
        found = Links(page.read_text())
        for target in found.links:
            if re.match("https?:|data:", target):
                assert f'src="{target}"' not in page.read_text(), f"{page} loads {target}"
                continue
            file, _, name = unquote(target.partition("?")[0]).partition("#")
            place = (page.parent / file).resolve() if file else page.resolve()
            assert place.is_file(), f"{page.relative_to(folder)} links to {target}"
            assert place.is_relative_to(folder.resolve())
            if name and place.suffix == ".html":
                if place not in parsed:
                    parsed[place] = Links(place.read_text()).names
                assert name in parsed[place], f"{page.relative_to(folder)} links to {target}"


def own(folder):
    """Pages of the site itself."""
    parts = {"audit", "library"}
    return [
        p for p in sorted(folder.rglob("*.html")) if p.relative_to(folder).parts[0] not in parts
    ]


def test_every_link_leads_somewhere_on_the_site(made):
    assert len(own(made)) > 15
    check_links(made, own(made))


def test_every_page_is_reached_from_the_first_and_every_part_is_there(made):
    seen, waiting = set(), [made.resolve() / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in seen or not page.is_relative_to(made.resolve()):
            continue
        seen.add(page)
        for target in Links(page.read_text()).links:
            file = unquote(re.split("[?#]", target)[0])
            if file.endswith(".html") and not re.match("https?:", file):
                waiting.append((page.parent / file).resolve())
    assert {page.resolve() for page in own(made)} <= seen
    assert {(made / part).resolve() for part, _ in PARTS} <= seen
    assert any(page.parent.name == "steps" for page in seen)


def test_the_study_is_whole(root, made):
    """Each number of the text stands on one of its pages."""
    text = (root / "STUDY.md").read_text()
    pages = [made / "index.html", *(made / "study").glob("*.html")]
    shown = " ".join(re.sub(r"<[^>]+>", " ", page.read_text()) for page in pages)
    numbers = set(re.findall(r"[−\d][\d.]* \[[−\d][^\]]*\]", text))
    assert len(numbers) > 50
    assert [each for each in sorted(numbers) if each not in shown] == []
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert len(pages) == len(headings)


def test_a_number_leads_to_its_job_and_on_to_the_commit_of_its_data(made):
    page = made / "study/learning-rules-and-early-visual-cortex.html"
    link = next(each for each in Links(page.read_text()).links if "/audit/steps/" in each)
    step = (page.parent / link).resolve()
    seen, waiting = set(), [step]
    while waiting:
        one = waiting.pop()
        seen.add(one)
        for target in Links(one.read_text()).links:
            if re.match(r"(\.\./)?(steps|data)/|\w+\.html", target):
                place = (one.parent / unquote(target.partition("#")[0])).resolve()
                if place not in seen and place.parent.name in ("steps", "data"):
                    waiting.append(place)
    assert any(each.parent.name == "data" for each in seen)


def test_it_fits(made):
    sizes = [path.stat().st_size for path in made.rglob("*") if path.is_file()]
    assert sum(sizes) < MOST_BYTES


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
def test_no_page_has_a_fault_or_is_too_wide(browser, made, width):  # noqa: F811
    pages = [made / "index.html", made / "scorecards.html", made / "readme.html"]
    pages += (
        sorted((made / "study").glob("*.html"))[:3] + sorted((made / "papers").glob("*.html"))[:2]
    )
    assert [fault for page in pages for fault in faults_of(browser, page, width)] == []


WHOLE = "return [...document.images].every(i => i.complete && i.naturalWidth > 0)"


def test_no_request_leaves_it(browser, made):  # noqa: F811
    from selenium.webdriver.support.ui import WebDriverWait

    for page in (
        made / "index.html",
        made / "scorecards.html",
        *sorted((made / "study").glob("*.html")),
    ):
        opened(browser, page, 1280)
        browser.execute_script(
            "document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })"
        )
        loaded = browser.execute_script(
            "return performance.getEntriesByType('resource').map(each => each.name)"
        )
        assert [each for each in loaded if not each.startswith("file://")] == [], page
        WebDriverWait(browser, 20).until(lambda b: b.execute_script(WHOLE))


def test_a_phone_reads_tables_as_cards(browser, made):  # noqa: F811
    opened(browser, made / "index.html", 390)
    hidden = browser.execute_script(
        "return document.querySelector('table.cards td').getBoundingClientRect().width"
    )
    assert 250 < hidden <= 390  # a cell takes the line


def test_a_folder_of_something_else_is_left_alone(root, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StudyError, match="holds something else"):
        site(tmp_path, root, audit=tmp_path, library=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_markdown_has_places_cards_and_no_raw_html():
    table = "| x | y |\n| --- | --- |\n| 1 | [l](t.md) |\n"
    code = "```mermaid\nflowchart\n```\n\n```\nmake\n```\n"
    text = f"<!-- no -->\n# A `b`\n\n## Two\n\n## Two\n\n{table}\n<b>raw</b>\n\n{code}"
    title, made = html(text, lambda target: f"to/{target}", str)
    assert title == "A b" and "no -->" not in made
    assert '<h2 id="two">' in made and '<h2 id="two-1">' in made
    assert '<td data-label="y"><a href="to/t.md">l</a></td>' in made
    assert '<pre tabindex="0"><code>make' in made and "flowchart" not in made
    assert "&lt;b&gt;" in made and '<th scope="col">x</th>' in made


@pytest.mark.slow
def test_the_whole_site_with_its_library(root, tmp_path):
    first = site(tmp_path / "s", root)
    folder = first.parent
    check_links(folder, [*own(folder), *sorted((folder / "library").rglob("*.html"))])
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert sum(sizes) < MOST_BYTES
    assert list((folder / "library/_sources").rglob("*.*")) == []
    for page in (folder / "library").rglob("*.html"):
        assert not re.search(r'<(?:script|img|link)[^>]+(?:src|href)="https?:', page.read_text()), (
            page
        )
