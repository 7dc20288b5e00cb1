"""What the audit's pages show is text, whatever it holds; captions are reStructuredText."""

import csv
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from jinja2 import UndefinedError
from synthetic_run import CALL, made

from replicortex.core.errors import StudyError
from replicortex.pages.build import build
from replicortex.pages.captions import caption
from replicortex.pages.rendering import look, number, render

EVIL = """"><evil onx=1>'#&lt;{{ 7 * 7 }}"""  # as a file may be named: without a slash


class Read(HTMLParser):
    """Tags, attributes, links and text of a page, as a browser would take them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.names, self.links, self.values, self.text = set(), set(), [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.names |= {name for name, _ in attributes}
        self.links += [value for name, value in attributes if name in ("href", "src")]
        self.values += [value or "" for _, value in attributes]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def pages(root, tmp_path_factory):
    """The pages of a run in which every text that others write is markup."""
    folder = tmp_path_factory.mktemp("evil")
    (folder / "workflow/report").mkdir(parents=True)
    for path in (root / "config", root / "CITATION.cff"):
        (folder / path.name).symlink_to(path)
    for path in (root / "workflow").iterdir():
        if path.name != "report":
            (folder / "workflow" / path.name).symlink_to(path)
    (folder / f"workflow/report/{EVIL}.rst").write_text(f"**Bold** {EVIL}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        paper = Path("results/evil/learning_rules")
        source = Path(f"{EVIL}.csv")
        source.write_text("a\n1\n")
        table = made(
            paper / f"metrics/{EVIL}.csv",
            b"a\n1\n",
            f"{CALL}.statistics:statistics",
            {EVIL: [source]},
            None,
            **{EVIL: EVIL},
        )
        made(
            paper / f"figures/{EVIL}.png",
            b"no picture",
            f"{CALL}.figures:figures",
            {"curves": [table]},
            None,
        )
        names = ("kind", "says", "where", "unit", "published", "ours", "lower", "upper")
        names += ("paper", "verdict", "reason", "table")
        claims = paper / "scorecard/claims.csv"
        claims.parent.mkdir()
        with claims.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerow(dict.fromkeys(names, EVIL))
        made(claims, claims.read_bytes(), f"{CALL}.statistics:statistics", {}, None)
        build(Path("results/evil"), Path("pages"), folder)
    return {
        path.relative_to(folder / "pages"): Read(path.read_text())
        for path in (folder / "pages").rglob("*.html")
    }


def test_no_text_becomes_markup(pages):
    assert len(pages) > 6
    for page, read in pages.items():
        assert "evil" not in read.tags and "onx" not in read.names, page


def test_every_text_is_shown_as_it_is(pages):
    index = pages[Path("index.html")]
    assert index.text.count(EVIL) >= 10  # a claim, filters, the name of a figure
    rows = [value for value in index.values if value == EVIL]
    assert len(rows) == 4  # paper, verdict and kind of the claim; its class
    (figure,) = (read for page, read in pages.items() if page.parts[0] == "figures")
    assert f"Bold {EVIL}" in figure.text and f"{EVIL}.png" in figure.text
    assert f"Bold {EVIL}" in figure.values  # the picture's description
    steps = (read for page, read in pages.items() if page.parts[0] == "steps")
    (step,) = (read for read in steps if EVIL + EVIL in read.text)
    assert step.text.count(EVIL) == 5  # argument and value, input and its file, result


def test_links_to_files_of_any_name_lead_there(pages):
    for page, read in pages.items():
        for link in filter(lambda link: ".html" in link, read.links):
            assert "#" not in link
            parts = (page.parent / unquote(link)).parts
            found = Path(
                *(p for n, p in enumerate(parts) if ".." not in (p, *parts[n + 1 : n + 2]))
            )
            assert found in pages, f"{page}: {link}"


def test_a_name_that_a_template_is_not_given_is_an_error():
    with pytest.raises(UndefinedError, match="'code' is undefined"):
        render("source.html", title="x", up="", trail=(), held=True, commit="abc")


def test_a_caption_is_read_as_restructuredtext(tmp_path):
    file = tmp_path / "a.rst"
    file.write_text(
        "**Bold.** *Soft* and ``r < 1``,\nstill the first.\n\n- one\n- two\n\n`X <http://x.y>`_\n"
    )
    html = caption(file)
    assert "<strong>Bold.</strong> <em>Soft</em>" in html and "r &lt; 1" in html
    assert html.count("<li>") == 2 and 'href="http://x.y"' in html
    assert html.striptags().startswith("Bold. Soft and r < 1, still the first. one two X")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Well.\n\nAn **open end.\n", "3: .*strong start-string without end-string"),
        (".. raw:: html\n\n   <b>x</b>\n", '1: .*"raw" directive disabled'),
        (".. include:: other.rst\n", '1: .*"include" directive disabled'),
    ],
    ids=["malformed", "raw", "include"],
)
def test_what_is_no_caption_is_one_sentence(tmp_path, capfd, text, said):
    file = tmp_path / "a.rst"
    file.write_text(text)
    with pytest.raises(StudyError, match=f"a.rst:{said}"):
        caption(file)
    assert capfd.readouterr() == ("", "")


def test_every_caption_of_the_report_is_well_formed(root):
    files = sorted((root / "workflow").glob("**/report/*.rst"))
    assert files
    for file in files:
        assert caption(file).striptags()


def test_numbers_and_looks():
    shown = {"0.0123456": "0.0123", "-2": "−2", "12345678": "1.23e+07", "nan": "nan", "a": "a"}
    assert {text: number(text) for text in shown} == shown
    looks = {
        "not replicated": "bad",
        "replicated": "good",
        "holds (two sites)": "good",
        "?": "none",
    }
    assert {verdict: look(verdict) for verdict in looks} == looks
