"""The report in a real browser: no console errors, a banner, tables sort and filter, nothing runs over."""

import shutil

import pytest
from campaign.campaign_tables import build

from foldcp.campaign.report import render

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    render(folder, build(folder, 60), folder / "report.html")
    return (folder / "report.html").as_uri()


def _open(browser, url, width):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(url)


def _column(browser, section, column):
    script = "return [...document.querySelectorAll(arguments[0])].map(cell => cell.innerText)"
    return browser.execute_script(script, f"{section} tbody tr:not([hidden]) td:nth-child({column})")


def _heading(browser, section, text):
    (found,) = [e for e in browser.find_elements("css selector", f"{section} th button") if e.text == text]
    return found


def test_no_console_errors_and_a_visible_banner(browser, report):
    _open(browser, report, 1200)
    assert browser.get_log("browser") == []
    banner = browser.find_element("id", "banner")
    assert banner.is_displayed()
    assert "mean nothing" in banner.text
    drawn = browser.find_elements("css selector", "figure svg")
    assert len(drawn) == 4
    assert all(svg.rect["height"] > 100 for svg in drawn)


def test_tables_sort_both_ways(browser, report):
    _open(browser, report, 1200)
    tokens = _heading(browser, "#top", "Tokens")
    tokens.click()
    values = [int(text.replace("\N{NARROW NO-BREAK SPACE}", "")) for text in _column(browser, "#top", 5)]
    assert len(values) == 25
    assert values == sorted(values, reverse=True)
    assert values != sorted(values)
    tokens.click()
    reverse = [int(text.replace("\N{NARROW NO-BREAK SPACE}", "")) for text in _column(browser, "#top", 5)]
    assert reverse == sorted(values)
    marked = browser.find_elements("css selector", "#top th[aria-sort]")
    assert [th.get_attribute("aria-sort") for th in marked] == ["ascending"]


def test_a_long_table_filters(browser, report):
    _open(browser, report, 1200)
    everything = _column(browser, "#rejected", 1)
    browser.find_element("css selector", "#rejected input").send_keys("NO SEQUENCE")
    assert set(_column(browser, "#rejected", 1)) == {"tokens"}
    assert set(everything) == {"complexes", "tokens", "plan"}


@pytest.mark.parametrize("width", [400, 700, 1200])
def test_the_page_never_scrolls_sideways(browser, report, width):
    _open(browser, report, width)
    root = "document.documentElement"
    assert browser.execute_script(f"return {root}.scrollWidth <= {root}.clientWidth")
