"""What the audit's pages show is text, whatever it holds; captions are reStructuredText."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from jinja2 import UndefinedError
from synthetic_run import CALL, made, many_jobs

from replicortex.core.codehash import source_hashes
from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json
from replicortex.pages.build import build
from replicortex.pages.captions import caption
from replicortex.pages.rendering import number, page_name, render
from replicortex.pages.view import View
from replicortex.provenance import records

EVIL = """"><evil onx=1>'#&lt;{{ 7 * 7 }}"""  # as a file may be named: without a slash


class Read(HTMLParser):
    """Tags, attributes, links and text of a page, as a browser would take them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.names, self.links, self.values, self.text = set(), set(), [], [], ""
        self.places = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.names |= {name for name, _ in attributes}
        self.links += [value for name, value in attributes if name in ("href", "src")]
        self.places |= {value for name, value in attributes if name == "id"}
        self.values += [value or "" for _, value in attributes]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def pages(root, tmp_path_factory):
    """The pages of a run in which every text that others write is markup."""
    folder = tmp_path_factory.mktemp("evil")
    (folder / "workflow/report").mkdir(parents=True)
    for path in (root / "config", root / "envs", root / "CITATION.cff"):
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
            f"{CALL}.aggregate:aggregate",
            {EVIL: [source]},
            None,
            **{EVIL: EVIL},
        )
        made(
            paper / f"figures/{EVIL}.png",
            b"no picture",
            f"{CALL}.figures.change:draw",
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
        made(claims, claims.read_bytes(), f"{CALL}.aggregate:aggregate", {}, None)
        tried = {"id": EVIL, "over": EVIL, "n": "3", "met_at_boundary": "0.031", "limit": "0.025"}
        rows = [{**tried, "calibrated": EVIL}, {"id": "x", "reason": EVIL}]
        rates = pd.DataFrame(rows).to_csv(index=False).encode()
        made(claims.with_name("calibration.csv"), rates, f"{CALL}.aggregate:aggregate", {}, None)
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
    paper, search = pages[Path("papers/learning_rules.html")], pages[Path("search.html")]
    assert paper.text.count(EVIL) >= 10  # a claim, its finding, filters, the name of a figure
    assert [value for value in paper.values if value == EVIL] == [EVIL] * 3  # class, kind, verdict
    assert f"3 {EVIL}" in paper.text and "3.1 %" in paper.text  # how often a rule errs
    assert f"1: {EVIL}" in paper.text  # and why one was not tried
    assert search.text.count(EVIL) >= 7
    assert f"1 {EVIL}" in pages[Path("index.html")].text  # the count of a verdict
    (figure,) = (read for page, read in pages.items() if page.parts[0] == "figures")
    assert f"Bold {EVIL}" in figure.text and f"{EVIL}.png" in figure.text
    assert f"Bold {EVIL}" in figure.values  # the picture's description
    steps = (read for page, read in pages.items() if page.parts[0] == "steps")
    (step,) = (read for read in steps if EVIL + EVIL in read.text)
    assert step.text.count(EVIL) == 5  # argument and value, input and its file, result


def test_links_to_files_of_any_name_lead_there(pages):
    for page, read in pages.items():
        for link in filter(lambda link: ".html" in link, read.links):
            file, _, place = link.partition("?")[0].partition("#")
            parts = (page.parent / unquote(file)).parts
            found = Path(
                *(p for n, p in enumerate(parts) if ".." not in (p, *parts[n + 1 : n + 2]))
            )
            assert found in pages, f"{page}: {link}"
            assert not place or unquote(place) in pages[found].places, f"{page}: {link}"


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


def test_numbers():
    texts = {"0.0123456": "0.0123", "-2": "−2", "12345678": "1.23e+07", "nan": "nan", "a": "a"}
    texts |= {"[-1.1, -.9] of x-2": "[−1.1, −.9] of x-2"}
    assert {text: number(text) for text in texts} == texts


@pytest.mark.parametrize(
    "key", ["../../x", "a/b", "", ".", "..", ".x", "a\nb", "<b>", "é", "x" * 300]
)
def test_no_page_lies_outside_its_folder(key):
    name = page_name("data", key)
    assert re.fullmatch(r"data/[A-Za-z0-9_@-][\w.@-]*\.html", name, re.ASCII) and len(name) < 120
    assert name != page_name("data", key + "/")  # two keys, two pages


def test_what_may_name_a_page_does():
    names = {page_name("data", key): key for key in ("cifar10@041e07f7ea9b", "a-b_c.d", "f" * 64)}
    assert list(names) == [
        "data/cifar10@041e07f7ea9b.html",
        "data/a-b_c.d.html",
        f"data/{'f' * 20}.html",
    ]


HOSTILE = "../../../out'\"><evil onx=1>javascript:alert(1)"


def test_records_of_a_stranger_write_no_markup_and_no_page_elsewhere(root, tmp_path, monkeypatch):
    """A figure's record, hashed again with hostile text in each field of words."""
    monkeypatch.chdir(tmp_path)
    many_jobs(Path("results/run"), 4)
    file = records.path_of(Path("results/run/learning_rules/figures/change.png"))
    record = json.loads(file.read_text())
    record.pop("sha256")
    record["id"] = record["output"]["sha256"] = record["job"]["code"] = HOSTILE
    record["run"] |= {
        key: HOSTILE for key in ("rule", "cpu", "host", "python", "gpu", "cuda", "ended")
    }
    record["run"]["packages"] = {HOSTILE: HOSTILE}
    record["modules"] |= {"out'\"><evil onx=1>.py": HOSTILE}
    data = dict.fromkeys(("name", "version", "id", "commit"), HOSTILE) | {"synthetic": True}
    record["inputs"][HOSTILE] = [{"path": HOSTILE, "sha256": HOSTILE, "dataset": data}]
    record["sha256"] = records.sha256(canonical_json(record))
    file.write_text(canonical_json(record, indent=1) + "\n")
    before = {path for path in tmp_path.rglob("*") if "pages" not in path.parts}
    build(Path("results/run"), Path("deep/pages"), root)
    written = {path for path in tmp_path.rglob("*")} - before
    assert all(path.is_relative_to(tmp_path / "deep") for path in written)
    pages = {path: Read(path.read_text()) for path in written if path.suffix == ".html"}
    assert any(path.parent.name == "data" for path in pages)
    for path, read in pages.items():
        assert "evil" not in read.tags and "onx" not in read.names, path
        assert not [link for link in read.links if link.startswith("javascript:")], path
    (figure,) = (read for path, read in pages.items() if path.parent.name == "figures")
    assert figure.text.count(HOSTILE) >= 2  # id and sha256


def test_a_record_publishes_no_file_but_modules(tmp_path):
    """Whoever knows a file's hash gets no copy of it by naming it as a module."""
    (tmp_path / "study/workflow").mkdir(parents=True)
    (tmp_path / "mine.py").write_text("secret = 1\n")
    (tmp_path / "study/workflow/own.py").write_text("secret = 1\n")
    (digest,) = source_hashes("own.py", b"secret = 1\n")
    record = {"run": {"git": {"commit": ""}}}
    view = View(Path("results"), tmp_path, tmp_path / "study", None, [], None)
    assert view.source_of(record, "own.py", digest) == b"secret = 1\n"
    for name in ("../../mine.py", (tmp_path / "mine.py").as_posix()):
        assert view.source_of(record, name, digest) is None


def test_hosts_are_left_out_unless_asked_for(root, tmp_path, monkeypatch):
    """Where the processor is not known, a job would be told by its machine's name."""
    monkeypatch.chdir(tmp_path)
    many_jobs(Path("results/run"), 4, host="node-of-mine", cpu="", slurm_job_id="4711")
    for hosts in (False, True):
        build(Path("results/run"), Path(f"pages{hosts}"), root, hosts=hosts)
        text = "".join(path.read_text() for path in Path(f"pages{hosts}").rglob("*.html"))
        assert (("node-of-mine" in text), ("4711" in text)) == (hosts, hosts)


def test_an_address_of_another_kind_is_no_link():
    values = {"title": "x", "up": "../", "trail": (), "keys": [], "keys_left": 0, "known": {}}
    values |= {"entry": {"path": "p", "sha256": "s"}, "installed_by": None, "users": []}
    values["data"] = dict.fromkeys(("version", "id", "commit"), "1") | {"synthetic": False}
    urls = ["https://a.b/c", "javascript:alert(1)", "JAVASCRIPT:https://a.b"]
    read = Read(render("dataset.html", **values, urls=urls))
    assert [link for link in read.links if ":" in link and not link.startswith("data:")] == urls[:1]
    assert all(url in read.text for url in urls)
