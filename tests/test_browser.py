"""The report in a real browser: no console errors, tables sort and filter, structures and maps are drawn."""

import io
import re
import shutil
import time

import numpy as np
import pytest
from campaign.campaign_tables import build
from matplotlib.image import imread

from foldcp.campaign.report import render
from foldcp.tables import Provenance, read_table, rows_to_table, write_table
from foldcp.tables.statistics_schemas import STATISTICS

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    # WebGL without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 60
"""Seconds for what the page does by itself; WebGL in software is slow on a busy machine."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra: dev)")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no chromium and chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A campaign whose best complex has 140 chains; the second keeps no aligned error."""
    folder = tmp_path_factory.mktemp("campaign")
    render(folder, build(folder, 120, giants=1, structures=4), folder / "report.html")
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module", params=[20, 60], ids=["rows of the page", "rows of data"])
def long_report(request, tmp_path_factory):
    """As many categories as rows in the table of the best; every tenth odds ratio is infinite."""
    folder = tmp_path_factory.mktemp("long")
    config = build(folder, 120, structures=3)
    path, spec = folder / "08_enrichment" / "enrichment.parquet", STATISTICS["enrichment"]
    row = read_table(path, spec).to_pylist()[0]
    rows = [row | {"term": f"T{k:02}", "label": ""} | _odds(k) for k in range(request.param)]
    write_table(path, spec, rows_to_table(spec, rows), Provenance())
    config = config.model_copy(update={"report": config.report.model_copy(update={"top": request.param})})
    render(folder, config, folder / "report.html")
    return (folder / "report.html").as_uri()


def _odds(k):
    if k % 10 == 0:
        return {"odds_ratio": float("inf"), "odds_low": 0.5 + k, "odds_high": float("inf")}
    return {"odds_ratio": 1.0 + k % 7, "odds_low": 0.5, "odds_high": None if k % 10 == 1 else 9.0}


def _open(browser, report, width):
    # The window itself never gets narrower than 500 pixels.
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(report)


def _until(browser, question):
    """Wait until the page answers a question with something true, and return the answer."""
    end = time.monotonic() + WAIT
    while not (answer := browser.execute_script(f"return {question}")):
        assert time.monotonic() < end, question
        time.sleep(0.1)
    return answer


def _look_at(browser, number):
    """Choose one of the best complexes and wait for its structure."""
    browser.execute_script(
        "const which = document.getElementById('which'); which.value = arguments[0];"
        "which.dispatchEvent(new Event('change')); which.scrollIntoView()",
        number,
    )
    name = browser.find_elements("css selector", "#which option")[number].text.split()[0]
    _until(browser, "document.getElementById('details').viewer?.getModel()?.selectedAtoms({}).length")
    return name


def _column(browser, table, number):
    cells = browser.find_elements("css selector", f"#table-{table} tbody tr td:nth-child({number})")
    return [cell.text for cell in cells if cell.is_displayed()]


def _heading(browser, table, label):
    buttons = browser.find_elements("css selector", f"#table-{table} th button")
    button = next(button for button in buttons if button.text == label)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", button)
    return button


def _pixels(browser, element):
    """Return a screenshot of an element, (height, width, 3), 0 to 255."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    return (imread(io.BytesIO(element.screenshot_as_png))[..., :3] * 255).round().astype(int)


def test_it_opens_without_errors_and_asks_for_nothing_else(browser, report):
    browser.get_log("performance")
    _open(browser, report, 1200)
    _look_at(browser, 1)
    assert browser.get_log("browser") == []
    banner = browser.find_element("id", "banner")
    assert banner.is_displayed()
    assert "mean nothing" in banner.text
    drawn = browser.find_elements("css selector", "figure svg")
    assert len(drawn) == 7
    assert all(svg.rect["height"] > 100 for svg in drawn)
    requests = [
        e["message"] for e in browser.get_log("performance") if "Network.requestWillBeSent" in e["message"]
    ]
    assert not [text for text in requests if "http://" in text.lower() or "https://" in text.lower()]


def test_tables_sort_both_ways(browser, report):
    _open(browser, report, 1200)
    number = lambda text: int(text.replace("\N{NARROW NO-BREAK SPACE}", ""))  # noqa: E731
    _heading(browser, "top", "Tokens").click()
    values = [number(text) for text in _column(browser, "top", 5)]
    assert len(values) == 25
    assert values == sorted(values, reverse=True)
    assert values != sorted(values)
    _heading(browser, "top", "Tokens").click()
    assert [number(text) for text in _column(browser, "top", 5)] == sorted(values)
    marked = browser.find_elements("css selector", "#table-top th[aria-sort]")
    assert [th.get_attribute("aria-sort") for th in marked] == ["ascending"]


def test_rows_that_are_only_data_sort_and_filter_too(browser, report):
    _open(browser, report, 1200)
    assert len(browser.find_elements("css selector", "#table-all tbody tr")) == 50
    ids = set(_column(browser, "all", 1))
    _heading(browser, "all", "ipTM").click()
    lowest_first = _column(browser, "all", 6)
    values = [float(text) for text in lowest_first if text != "–"]
    assert values == sorted(values)
    assert set(_column(browser, "all", 1)) != ids
    box = browser.find_element("css selector", "#table-all input")
    box.send_keys("Too Large")
    assert set(_column(browser, "all", 3)) == {"too large for the plan"}
    assert browser.find_element("css selector", "#table-all .count").text == "10 of 10 rows shown."
    box.clear()
    box.send_keys(" ")
    browser.find_element("css selector", "#table-all .more").click()
    assert len(browser.find_elements("css selector", "#table-all tbody tr")) == 120


def test_a_row_made_from_data_looks_like_one_of_the_page(browser, report):
    _open(browser, report, 1200)
    rows = "Array.from(document.querySelectorAll('#table-all tbody tr'), (row) => row.innerText)"
    with_scripts = browser.execute_script(f"return {rows}")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(report)
        without = browser.find_elements("css selector", "#table-all tbody tr")
        assert [row.text.split() for row in without] == [row.split() for row in with_scripts]
        assert browser.find_element("css selector", "#details .needs-script").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_infinite_odds_ratios_sort_above_all_others_and_show_their_interval(browser, long_report):
    _open(browser, long_report, 1200)
    button = _heading(browser, "categories", "Odds ratio")
    button.click()
    cells = _column(browser, "categories", 7)
    endless = cells[: 2 if len(cells) == 20 else 6]
    assert all(re.fullmatch(r"∞ \(\d+\.50–∞\)", text) for text in endless)
    assert "2.00" in cells and "2.00 (0.50–9.00)" in cells
    values = [float(text.split()[0].replace("∞", "inf")) for text in cells]
    assert values == sorted(values, reverse=True)
    button.click()
    values = [float(text.split()[0].replace("∞", "inf")) for text in _column(browser, "categories", 7)]
    assert values == sorted(values) and values[0] < 2


def test_every_row_of_the_best_leads_to_its_structure(browser, long_report):
    _open(browser, long_report, 1200)
    for more in browser.find_elements("css selector", "#table-top .more"):
        more.click()
    buttons = browser.find_elements("css selector", "#table-top tr button.look")
    names = [text.split()[0] for text in _column(browser, "top", 1)]
    assert len(buttons) == len(names) in (20, 60)
    assert [button.get_attribute("aria-label") for button in buttons] == [f"Look at {name}" for name in names]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", buttons[-1])
    buttons[-1].click()
    _until(browser, f"document.getElementById('which').value === '{len(names) - 1}'")
    options = browser.find_elements("css selector", "#which option")
    assert [option.text.split()[0] for option in options] == names


def test_a_long_table_filters(browser, report):
    _open(browser, report, 1200)
    everything = _column(browser, "rejected", 1)
    browser.find_element("css selector", "#table-rejected input").send_keys("NO SEQUENCE")
    assert set(_column(browser, "rejected", 1)) == {"tokens"}
    assert set(everything) == {"complexes", "tokens", "plan"}


@pytest.mark.parametrize("number", [0, 1])
def test_the_viewer_shows_atoms(browser, report, number):
    _open(browser, report, 1200)
    _look_at(browser, number)
    canvas = browser.find_element("css selector", "#viewer canvas")
    end = time.monotonic() + WAIT
    while (by_chain := _pixels(browser, canvas)).min(axis=-1).min() > 200:
        assert time.monotonic() < end, "nothing is drawn"
        time.sleep(0.5)
    drawn = (by_chain < 200).any(axis=-1)
    assert drawn.mean() > 0.01
    assert len(np.unique(by_chain[drawn] // 16, axis=0)) > 5
    browser.find_element("css selector", "input[value=plddt]").click()
    assert browser.find_element("id", "plddt-legend").is_displayed()
    by_plddt = _pixels(browser, canvas)
    assert (np.abs(by_plddt - by_chain).max(axis=-1) > 40).mean() > 0.005


def test_the_giant_is_a_trace_of_140_chains(browser, report):
    _open(browser, report, 1200)
    _look_at(browser, 0)
    atoms = "document.getElementById('details').viewer.getModel().selectedAtoms({})"
    assert browser.execute_script(f"return new Set({atoms}.map((atom) => atom.chain)).size") == 140
    assert "One atom for each residue" in browser.find_element("id", "structure-text").text
    assert len(browser.find_elements("css selector", "#matrix rect")) == 140 * 140 + 2


def test_chain_pairs_are_a_map_that_keys_read(browser, report):
    from selenium.webdriver.common.keys import Keys

    _open(browser, report, 1200)
    _look_at(browser, 1)
    values = [text.text for text in browser.find_elements("css selector", "#matrix text.value")]
    assert values and all(0 <= float(value) <= 1 for value in values)
    browser.find_element("css selector", "#matrix svg").send_keys(Keys.ARROW_RIGHT)
    said = browser.find_element("id", "matrix-text").text
    assert "from the frames of A (P0): ipTM" in said
    option = browser.find_element("css selector", "#pair-score option[value=ipsae]")
    option.click()
    other = [text.text for text in browser.find_elements("css selector", "#matrix text.value")]
    assert len(other) == len(values) and other != values


def test_the_aligned_error_is_a_picture_with_borders_where_it_was_kept(browser, report):
    _open(browser, report, 1200)
    _look_at(browser, 0)
    assert browser.find_element("id", "error-title").text == "Predicted aligned error"
    picture = browser.find_element("css selector", "#error svg")
    assert len(browser.find_elements("css selector", "#error .border")) == 139
    assert len(np.unique(_pixels(browser, picture).reshape(-1, 3), axis=0)) > 20
    _look_at(browser, 1)
    assert browser.find_element("id", "error-title").text == "Interface map"
    assert "was not kept" in browser.find_element("id", "error-text").text
    assert browser.find_elements("css selector", "#error rect")


def test_a_button_in_the_table_leads_to_the_structure(browser, report):
    _open(browser, report, 1200)
    button = browser.find_elements("css selector", "#table-top button.look")[2]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    _until(browser, "document.getElementById('which').value === '2'")
    _until(browser, "document.getElementById('details').viewer?.getModel()?.selectedAtoms({}).length")
    assert browser.switch_to.active_element.get_attribute("id") == "which"


@pytest.mark.parametrize("width", [400, 700, 1200])
def test_the_page_never_scrolls_sideways(browser, report, width):
    _open(browser, report, width)
    _look_at(browser, 1)
    root = "document.documentElement"
    assert browser.execute_script(f"return {root}.scrollWidth <= {root}.clientWidth")


def test_what_cannot_be_used_on_paper_is_not_printed(browser, report):
    _open(browser, report, 1000)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for selector in ("nav", "input.filter", "button.look", "button.more", ".controls"):
            assert not any(e.is_displayed() for e in browser.find_elements("css selector", selector)), (
                selector
            )
        assert browser.find_element("id", "banner").is_displayed()
        assert browser.find_element("css selector", "#table-top tbody tr:last-child").is_displayed()
        inner = browser.execute_script(
            "return Array.from(document.querySelectorAll('.scroll'), (e) => e.scrollHeight - e.clientHeight)"
        )
        assert max(inner) <= 20, "a table scrolls inside a printed page"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_everything_that_is_used_has_a_name(browser, report):
    _open(browser, report, 1200)
    _look_at(browser, 1)
    nameless = browser.execute_script(
        "return Array.from(document.querySelectorAll('button, select, input, [role=img], [role=region]'))"
        ".filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length"
        " || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert nameless == []
