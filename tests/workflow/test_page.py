"""The audit's pages in a browser: complete, walkable, readable, and quick with many jobs."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest


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
        given = dict(attributes)
        self.names |= {given["id"]} if "id" in given else set()
        if tag in ("a", "link") and "href" in given:
            self.links.append(given["href"])
        if tag in ("img", "script") and "src" in given:
            self.links.append(given["src"])
        if tag == "img":
            self.images.append(given)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def read(folder):
    return {path: Links(path.read_text()) for path in sorted(folder.rglob("*.html"))}


def test_every_link_leads_somewhere_and_none_loads_from_elsewhere(pages):
    parsed = read(pages)
    assert len(parsed) > 30
    for page, found in parsed.items():
        for target in found.links:
            if re.match("https?:", target):
                assert f'src="{target}"' not in page.read_text()
                continue
            if target.startswith("data:"):
                continue
            file, _, name = unquote(target.partition("?")[0]).partition("#")
            place = (page.parent / file).resolve() if file else page
            assert place.is_file(), f"{page} links to {target}"
            assert place.is_relative_to(pages.resolve())
            if name:
                assert name in parsed[place].names, f"{page} links to {target}"


def test_every_page_can_be_reached_from_the_first(pages):
    parsed = read(pages)
    seen, waiting = set(), [pages / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in parsed[page].links:
            file = unquote(re.split("[?#]", target)[0])
            if file.endswith(".html") and not re.match("https?:", file):
                waiting.append((page.parent / file).resolve())
    assert seen == set(parsed)


def test_headings_go_down_one_step_at_a_time(pages):
    for page, found in read(pages).items():
        assert found.headings[0] == 1 and found.headings.count(1) == 1, page
        steps = zip(found.headings, found.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps), page


def test_the_claims_say_what_the_table_says(one_paper, pages):
    import pandas as pd

    claims = pd.read_csv(one_paper.folder / "results/demo/scorecard/claims.csv")
    for page in ("papers/learning_rules.html", "search.html"):
        text = (pages / page).read_text()
        kinds = re.findall(r'data-item (?:data-paper="\w+" )?data-kind="(\w+)"', text)
        for kind in ("published", "control"):
            assert kinds.count(kind) == (claims["kind"] == kind).sum(), page
    index = (pages / "index.html").read_text()
    counts = [int(n) for n in re.findall(r"<b>(\d+)</b>", index)]
    assert sum(counts) == len(claims)
    assert "0 faults" in index and "Synthetic data" in index


def test_the_pages_are_the_same_when_made_again(one_paper, pages, tmp_path):
    one_paper.run(
        "python", "-m", "replicortex", "audit", "page", "results/demo", str(tmp_path / "p")
    )
    for page in pages.rglob("*"):
        if page.is_file():
            assert page.read_bytes() == (tmp_path / "p" / page.relative_to(pages)).read_bytes(), (
                page
            )


def test_a_figure_leads_to_function_source_parameters_data_and_machine(one_paper, pages):
    figure = (pages / "figures/learning_rules-figures-change.html").read_text()
    assert '<a href="#papers.learning_rules.trainings.fa-train"' in figure
    name = re.search(r'href="\.\./steps/(\w+)\.html">train, bp<', figure)[1]
    step = (pages / f"steps/{name}.html").read_text()
    lr = re.search(r"settings\.lr</code></td>(.*?)</tr>", step)[1]
    assert re.findall(r">([\d.e-]+)<", lr) == ["0.001", "0.001"]
    assert "differs" not in step and "dataset cifar10_fixture" in step
    assert "envs/networks.yaml" in step and "MB at most" in step
    source = re.search(
        r'href="\.\./(sources/\w+\.html)">workflow/papers/learning_rules/trainings/bp\.py', step
    )
    text = re.sub(r"<[^>]+>", "", (pages / source[1]).read_text())
    first = (
        (one_paper.folder / "workflow/papers/learning_rules/trainings/bp.py")
        .read_text()
        .splitlines()[0]
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
    listed = [
        page.name
        for page in (tmp_path / "page/steps").glob("*.html")
        if re.search(r"lr</code></td>.*?>0\.003 <strong>differs</strong>", page.read_text())
    ]
    assert listed


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
        *(pages / f"{name}.html" for name in ("index", "search", "checks", "jobs")),
        *sorted((pages / "papers").glob("*.html")),
        pages / "figures/learning_rules-figures-change.html",
        *sorted((pages / "steps").glob("*.html"))[:12],
        *(sorted((pages / part).glob("*.html"))[0] for part in ("sources", "data")),
    ]


def opened(browser, page, width, query=""):
    """Open a page, as a phone does where it is narrow; return its height."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.get(page.resolve().as_uri() + query)
    return browser.execute_script("return document.documentElement.scrollHeight")


def faults_of(browser, page, width):
    """What the accessibility checker finds, what is too wide, what the browser complains of."""
    from axe_core_python.selenium import Axe

    opened(browser, page, width)
    # What is folded is checked as well.
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true })")
    found = [
        (page.name, each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in Axe().run(browser)["violations"]
    ]
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    said = [each["message"] for each in browser.get_log("browser") if each["level"] == "SEVERE"]
    return found + ([(page.name, f"{wide} px wide at {width}")] if wide > width else []) + said


@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.slow)])
def test_no_page_has_a_fault_of_accessibility_or_overflows(browser, pages, width):
    assert [fault for page in one_of_each(pages) for fault in faults_of(browser, page, width)] == []


def visible(browser):
    """Claims and figures that no filter hides, in open folds or not."""
    from selenium.webdriver.common.by import By

    return browser.find_elements(By.CSS_SELECTOR, "[data-item]:not([hidden])")


def test_filters_and_words_leave_the_claims_that_fit(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    opened(browser, pages / "papers/learning_rules.html", 1280)
    everything = len(visible(browser))
    Select(browser.find_element(By.NAME, "kind")).select_by_visible_text("control")
    controls = visible(browser)
    assert 0 < len(controls) < everything
    assert {item.get_attribute("data-kind") for item in controls} == {"control"}
    status = browser.find_element(By.ID, "shown").text
    assert status == f"{len(controls)} of {everything} shown"
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    WebDriverWait(browser, 10).until(lambda _: len(visible(browser)) == everything)
    browser.find_element(By.NAME, "q").send_keys("PREDICTIVE early")
    found = [item.get_attribute("textContent").lower() for item in visible(browser)]
    assert 0 < len(found) < everything
    assert all("predictive" in text and "early" in text for text in found)
    # Groups without any are gone, folds with some are open.
    for part in browser.find_elements(By.CSS_SELECTOR, "[data-group], [data-group] details"):
        inside = part.find_elements(By.CSS_SELECTOR, "[data-item]:not([hidden])")
        assert bool(inside) == part.is_displayed()
        assert all(item.is_displayed() for item in inside)


def test_the_first_page_searches_claims_and_figures_by_keyboard(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    opened(browser, pages / "index.html", 1280)
    browser.find_element(By.ID, "q").send_keys("resolution", Keys.ENTER)
    WebDriverWait(browser, 10).until(lambda _: "/search.html?q=resolution" in browser.current_url)
    found = visible(browser)
    assert {item.get_attribute("data-kind") for item in found} >= {"figure"}
    assert all("resolution" in item.text.lower() for item in found)
    found[-1].find_element(By.TAG_NAME, "a").click()
    assert "/figures/learning_rules-figures-resolution.html" in browser.current_url


def test_without_scripts_all_claims_and_figures_are_plain_lists(browser, pages):
    from selenium.webdriver.common.by import By

    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        for page in ("search.html", "papers/learning_rules.html"):
            opened(browser, pages / page, 1280, "?q=resolution")
            assert not browser.find_element(By.CSS_SELECTOR, "form.filters").is_displayed()
            assert len(visible(browser)) == len(re.findall("data-item", (pages / page).read_text()))
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_link_to_a_folded_claim_unfolds_it(browser, pages):
    from selenium.webdriver.common.by import By

    text = (pages / "papers/learning_rules.html").read_text()
    name = re.search(r'<li id="(claim-\w+)"', text)[1]
    browser.get((pages / "papers/learning_rules.html").as_uri() + f"#{name}")
    assert browser.find_element(By.ID, name).is_displayed()


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
    assert browser.find_element(By.TAG_NAME, "h1").text == "learning rules draw 0"
    browser.find_element(By.PARTIAL_LINK_TEXT, "curves.csv").click()
    assert browser.find_element(By.TAG_NAME, "h1").text == "learning rules aggregate"


def test_the_pages_print_without_their_forms(browser, pages):
    for page in ("index", "search", "papers/learning_rules"):
        browser.get((pages / f"{page}.html").as_uri())
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            style = "return getComputedStyle(document.querySelector('form')).display"
            assert browser.execute_script(style) == "none"
            folded = (
                "return [...document.querySelectorAll('details li')].every("
                "each => each.checkVisibility({contentVisibilityAuto: true}))"
            )
            assert browser.execute_script(folded)  # paper opens no fold
            printed = browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
            assert len(printed) > 10_000
        finally:
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_phone_pans_the_lineage_at_its_full_size(browser, pages):
    opened(browser, pages / "figures/learning_rules-figures-change.html", 390)
    frame, drawn, tallest = browser.execute_script(
        "const f = document.querySelector('.graph'), s = f.querySelector('svg');"
        "f.scrollLeft = 10000;"
        "return [f.clientWidth, s.getBoundingClientRect().width, f.scrollLeft]"
    )
    assert drawn > 2 * frame and abs(tallest - (drawn - frame)) < 2  # to its end, and not shrunk


# What the pages of the five kept runs may take. They were 38,913 px high and 109,847 on a phone.
HIGHEST = {"index.html": {1280: 1_600, 390: 3_200}, "jobs.html": {1280: 2_400, 390: 3_000}}
HIGHEST |= {"checks.html": {1280: 1_600, 390: 2_400}}
PAGE_BYTES, ALL_BYTES, THUMBNAIL_BYTES = 1_000_000, 25_000_000, 60_000


def test_pages_of_kept_runs_are_small(kept):
    sizes = {path.relative_to(kept).as_posix(): path.stat().st_size for path in kept.rglob("*.*")}
    assert {name: size for name, size in sizes.items() if size > PAGE_BYTES} == {}
    assert sum(sizes.values()) < ALL_BYTES
    thumbnails = {name: size for name, size in sizes.items() if name.startswith("thumbnails/")}
    assert len(thumbnails) > 40 and max(thumbnails.values()) < THUMBNAIL_BYTES
    for page in [kept / "index.html", *(kept / "papers").glob("*.html")]:  # with all they load
        pictures = [each["src"] for each in Links(page.read_text()).images]
        assert all("thumbnails/" in each for each in pictures)
        loaded = sum((page.parent / unquote(each)).stat().st_size for each in pictures)
        assert page.stat().st_size + loaded < PAGE_BYTES, page
    text = "".join(page.read_text() for page in kept.rglob("*.html"))
    assert "Slurm job" not in text  # nor the machines' names, which a test of records looks for


@pytest.mark.parametrize("width", [1280, 390])
def test_the_first_page_of_five_papers_fits_two_screens(browser, kept, width):
    for page, highest in HIGHEST.items():
        assert opened(browser, kept / page, width) <= highest[width], page
    cards = "return document.querySelectorAll('.papers > li').length"
    opened(browser, kept / "index.html", width)
    assert browser.execute_script(cards) == len(list((kept / "papers").glob("*.html"))) >= 5


def test_a_verdict_finds_claims_on_the_papers_data_and_on_other(browser, kept):
    from replicortex.verdicts import words as verdicts

    text = (kept / "search.html").read_text()
    for paper in (page.stem for page in (kept / "papers").glob("*.html")):
        both = rf'data-paper="{paper}" data-kind="\w+" data-verdict="{verdicts.REPLICATED}"'
        opened(browser, kept / "search.html", 1280, f"?verdict={verdicts.REPLICATED}&paper={paper}")
        found = [item.text for item in visible(browser)]
        assert 0 < len(found) == len(re.findall(both, text)), paper
        assert all(each.startswith(verdicts.REPLICATED) for each in found)
        if paper == "mt_maps":  # all of its claims are judged on other data
            assert all(
                each.startswith(verdicts.REPLICATED + verdicts.ON_OTHER_DATA) for each in found
            )


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_of_the_kept_runs_has_a_fault_of_accessibility(browser, kept, width):
    parts = ("papers", "figures", "data")
    pages = [kept / f"{name}.html" for name in ("index", "search", "checks", "jobs")]
    pages += [page for part in parts for page in sorted((kept / part).glob("*.html"))]
    pages += [
        page for part in ("steps", "sources") for page in sorted((kept / part).glob("*"))[::40]
    ]
    assert [fault for page in pages for fault in faults_of(browser, page, width)] == []


@pytest.mark.slow
def test_pages_of_two_thousand_jobs_stay_small(root, tmp_path, monkeypatch):
    """What decides when a browser shows them: bytes to read, elements to lay out."""
    from synthetic_run import many_jobs

    from replicortex.pages.build import build

    monkeypatch.chdir(tmp_path)
    many_jobs(Path("results/many"), 2_000)
    first = build(Path("results/many"), Path("page"), root)
    assert len(list(Path("page/steps").glob("*.html"))) == 2_000
    for page in (first, *Path("page/figures").glob("*.html")):
        text = page.read_text()
        assert len(text) < 500_000 and len(re.findall("<[a-z]", text)) < 20_000, page
