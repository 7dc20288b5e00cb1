"""The audit's pages in a browser: complete, walkable, readable, and quick with many jobs."""

import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

FIRST_VIEW_S = 2.0


@pytest.fixture(scope="module")
def pages(one_paper):
    """The pages as the workflow's target makes them."""
    one_paper.snakemake("audit", "--cores", "1")
    return one_paper.folder / "results/demo/audit"


class Links(HTMLParser):
    """Links, and what links may point to, of one page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.names, self.images, self.headings = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.names |= {told["id"]} if "id" in told else set()
        if tag in ("a", "link") and "href" in told:
            self.links.append(told["href"])
        if tag in ("img", "script") and "src" in told:
            self.links.append(told["src"])
        if tag == "img":
            self.images.append(told)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def read(folder):
    return {path: Links(path.read_text()) for path in sorted(folder.rglob("*.html"))}


def test_every_link_leads_somewhere_and_none_loads_from_elsewhere(pages):
    told = read(pages)
    assert len(told) > 30
    for page, found in told.items():
        for target in found.links:
            if re.match("https?:", target):
                assert f'src="{target}"' not in page.read_text()
                continue
            if target.startswith("data:"):
                continue
            file, _, name = unquote(target).partition("#")
            place = (page.parent / file).resolve() if file else page
            assert place.is_file(), f"{page} links to {target}"
            assert place.is_relative_to(pages.resolve())
            if name:
                assert name in told[place].names, f"{page} links to {target}"


def test_every_page_can_be_reached_from_the_first(pages):
    told = read(pages)
    seen, waiting = set(), [pages / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in told[page].links:
            file = unquote(target).partition("#")[0]
            if file.endswith(".html") and not re.match("https?:", file):
                waiting.append((page.parent / file).resolve())
    assert seen == set(told)


def test_headings_go_down_one_step_at_a_time(pages):
    for page, found in read(pages).items():
        assert found.headings[0] == 1 and found.headings.count(1) == 1, page
        steps = zip(found.headings, found.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps), page


def test_the_scorecard_says_what_the_table_says(one_paper, pages):
    import pandas as pd

    claims = pd.read_csv(one_paper.folder / "results/demo/scorecard/claims.csv")
    text = (pages / "index.html").read_text()
    rows = re.findall(r'<tr class="(published|control)"', text)
    assert rows.count("published") == (claims["kind"] == "published").sum()
    assert rows.count("control") == (claims["kind"] == "control").sum()
    assert "0 faults" in text and "Synthetic data" in text


def test_a_figure_leads_to_function_source_parameters_data_and_machine(one_paper, pages):
    figure = (pages / "figures/learning_rules-figures-change.html").read_text()
    assert '<a href="#papers.learning_rules.train-train"' in figure
    name = re.search(r'href="\.\./steps/(\w+)\.html">train, bp<', figure)[1]
    step = (pages / f"steps/{name}.html").read_text()
    lr = re.search(r"settings\.lr</code></td>(.*?)</tr>", step)[1]
    assert re.findall(r">([\d.e-]+)<", lr) == ["0.001", "0.001"]
    assert "differs" not in step and "dataset cifar10_fixture" in step
    assert "envs/train.yaml" in step and "MB at most" in step
    source = re.search(
        r'href="\.\./(sources/\w+\.html)">workflow/papers/learning_rules/train\.py', step
    )
    text = re.sub(r"<[^>]+>", "", (pages / source[1]).read_text())
    first = (
        (one_paper.folder / "workflow/papers/learning_rules/train.py").read_text().splitlines()[0]
    )
    assert first.strip('"')[:30] in text.replace("&quot;", '"')


def test_a_changed_default_is_shown_beside_the_value(one_paper, tmp_path):
    """A run with another learning rate, told from the same records under other numbers."""
    numbers = one_paper.folder / "config/papers/learning_rules.yaml"
    before = numbers.read_text()
    numbers.write_text(before.replace("lr: 1.0e-3 ", "lr: 3.0e-3 ", 1))
    try:
        audit = ("python", "-m", "replicortex", "audit", "page", "results/demo")
        one_paper.run(*audit, str(tmp_path / "page"))
    finally:
        numbers.write_text(before)
    shown = [
        page.name
        for page in (tmp_path / "page/steps").glob("*.html")
        if re.search(r"lr</code></td>.*?>0\.003 <strong>differs</strong>", page.read_text())
    ]
    assert shown


def test_a_folder_of_something_else_is_left_alone(one_paper, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    audit = ("python", "-m", "replicortex", "audit", "page", "results/demo", str(tmp_path))
    done = one_paper.run(*audit, check=False)
    assert done.returncode == 1 and "holds something else" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chrome, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chrome or not driver:
        pytest.skip("no chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chrome
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


def one_of_each(pages):
    return [
        pages / "index.html",
        pages / "jobs.html",
        pages / "figures/learning_rules-figures-change.html",
        *sorted((pages / "steps").glob("*.html")),
        *(sorted((pages / part).glob("*.html"))[0] for part in ("sources", "data")),
    ]


@pytest.mark.parametrize("width", [390, 1200])
def test_no_page_has_a_serious_fault_of_accessibility_or_overflows(browser, pages, width):
    from axe_core_python.selenium import Axe

    browser.set_window_size(width, 900)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    for page in one_of_each(pages):
        browser.get(page.as_uri())
        found = Axe().run(browser)
        serious = [
            (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], f"{page}: {serious}"
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, f"{page} is {wide} px wide at {width}"
        said = [each for each in browser.get_log("browser") if each["level"] == "SEVERE"]
        assert said == []


def test_filters_leave_the_rows_that_fit(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    browser.get((pages / "index.html").as_uri())

    def shown():
        rows = browser.find_elements(By.CSS_SELECTOR, "tr[data-paper]")
        return [row for row in rows if row.is_displayed()]

    everything = len(shown())
    Select(browser.find_element(By.NAME, "kind")).select_by_visible_text("control")
    controls = shown()
    assert 0 < len(controls) < everything
    assert {row.get_attribute("data-kind") for row in controls} == {"control"}
    status = browser.find_element(By.ID, "shown").text
    assert status == f"{len(controls)} of {everything} shown"
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    assert len(shown()) == everything


def test_the_lineage_is_walked_by_keyboard_alone(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.get((pages / "figures/learning_rules-figures-change.html").as_uri())
    boxes = browser.find_elements(By.CSS_SELECTOR, ".graph a")
    assert len(boxes) >= 6
    reached = set()
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        now = browser.switch_to.active_element
        if now in boxes:
            reached.add(boxes.index(now))
            if now.get_attribute("class") == "result":
                break
    assert len(reached) == len(boxes)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert "/steps/" in browser.current_url
    assert browser.find_element(By.TAG_NAME, "h1").text == "learning rules draw"
    browser.find_element(By.PARTIAL_LINK_TEXT, "curves.csv").click()
    assert browser.find_element(By.TAG_NAME, "h1").text == "learning rules aggregate"


def test_the_page_prints_without_its_filters(browser, pages):
    browser.get((pages / "index.html").as_uri())
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        style = "return getComputedStyle(document.querySelector('form.filters')).display"
        assert browser.execute_script(style) == "none"
        printed = browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
        assert len(printed) > 10_000
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.slow
def test_first_view_of_two_thousand_jobs_takes_less_than_two_seconds(
    browser, root, tmp_path, monkeypatch
):
    from synthetic_run import many_jobs

    from replicortex.pages.build import build

    monkeypatch.chdir(tmp_path)
    many_jobs(Path("results/many"), 2_000)
    first = build(Path("results/many"), Path("page"), root)
    assert len(list(Path("page/steps").glob("*.html"))) == 2_000
    for page in (first, *Path("page/figures").glob("*.html")):
        start = time.perf_counter()
        browser.get(page.resolve().as_uri())
        took = time.perf_counter() - start
        painted = browser.execute_script(
            "return performance.getEntriesByType('paint').map(e => e.startTime / 1000)"
        )
        assert max([took, *painted]) < FIRST_VIEW_S
