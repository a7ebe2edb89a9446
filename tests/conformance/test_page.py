"""The page in a real browser, as wide as a desktop and as a phone, light and dark."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from conformance.reports import html
from tests.conformance.reported import report

DESKTOP, PHONE = 1280, 390
WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE])
Open = Callable[..., Page]

# Of each element with text of its own: the colour of the text against the first background behind it that is not
# transparent, as WCAG 2.2 (1.4.3) measures contrast.
CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => channels(colour).slice(0, 3).map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll("*")].filter((one) => hasText(one) && one.checkVisibility()).map((one) => {
    const [dark, light] = [getComputedStyle(one).color, behind(one)].map(luminance).sort((a, b) => a - b);
    return [one.className || one.tagName, (light + 0.05) / (dark + 0.05)];
  });
}"""

# A script and a handler, put into the page as if escaping had failed; it ends when the handler has had its turn.
INTRUDERS = """() => new Promise((done) => {
  document.body.append(Object.assign(document.createElement("script"), {text: "document.title = 'taken'"}));
  document.body.insertAdjacentHTML("beforeend", "<img src='x' onerror='document.title = 1'>");
  document.body.lastElementChild.addEventListener("error", done);
})"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.render(report()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One for all tests: to open another takes longer than most of them."""
    with browser.new_page() as page:
        yield page


@pytest.fixture
def open_page(tab: Page, url: str) -> Iterator[Open]:
    """`open_page(width, **media)`: the report. What it asks for beside itself, or complains about, fails the test."""
    asked: list[str] = []
    complaints: list[str] = []
    listeners: dict[Any, Callable[[Any], None]] = {
        "request": lambda request: asked.append(request.url),
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)

    def opened(width: int, **media: Any) -> Page:
        tab.goto("about:blank")
        tab.set_viewport_size(ViewportSize(width=width, height=900))
        tab.emulate_media(**{"media": "screen", "color_scheme": "light", **media})
        tab.goto(url)
        return tab

    yield opened
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert set(asked) == {url}
    assert complaints == []


@WIDTHS
def test_the_page_does_not_scroll_sideways(open_page: Open, width: int) -> None:
    page = open_page(width)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_matrix_scrolls_in_its_own_box_where_it_must(open_page: Open) -> None:
    hidden = "(box => box.scrollWidth - box.clientWidth)(document.querySelector('.scroll'))"
    assert open_page(DESKTOP).evaluate(hidden) == 0
    phone = open_page(PHONE)
    assert phone.evaluate(hidden) > 0
    phone.evaluate("document.querySelector('.scroll').scrollLeft = 400")
    head = phone.locator(".matrix tbody th").first.bounding_box()
    assert head is not None
    assert 0 < head["x"] < 30


@WIDTHS
def test_each_missed_cell_of_the_matrix_leads_to_its_failures(open_page: Open, width: int) -> None:
    page = open_page(width)
    places = [str(link.get_attribute("href")) for link in page.locator(".matrix a").all()]
    assert len(places) == 6 + 17
    for place in ("#failed.entra.update", "#failed.okta.errors", "#blocked.onelogin.groups"):
        page.locator(f'.matrix a[href="{place}"]').click()
        top = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", place[1:])
        assert 0 <= top < 900
        assert page.evaluate("location.hash") == place


def test_a_cell_says_in_words_what_its_colour_says(open_page: Open) -> None:
    page = open_page(DESKTOP)
    cells = {kind: page.locator(f".matrix .{kind}").first.inner_text() for kind in ("works", "flawed", "broken")}
    assert cells == {"works": "✓ 1 pass", "flawed": "! 1 flaw", "broken": "✗ 1 fails"}
    assert page.locator(".matrix .unknown").first.inner_text() == "? 1 blocked"
    assert page.locator(".matrix .not_applicable").first.inner_text() == "- n/a"


@WIDTHS
def test_an_exchange_opens_and_closes(open_page: Open, width: int) -> None:
    page = open_page(width)
    details = page.locator(".failure details").first
    received = details.locator("pre").last
    assert not received.is_visible()
    details.locator("summary").first.click()
    assert received.is_visible()
    assert "HTTP/1.1 200" in received.inner_text()
    details.locator("summary").first.click()
    assert not received.is_visible()


def test_the_steps_that_led_there_open_one_by_one(open_page: Open) -> None:
    page = open_page(PHONE)
    steps = page.locator(".failure .steps").first
    steps.locator("summary").first.click()
    steps.locator("ol summary").first.click()
    assert "POST /v2/Users HTTP/1.1" in steps.locator("ol pre").first.inner_text()
    assert "shown above" in steps.locator("ol li").last.inner_text()


def test_the_filter_leaves_a_connector_and_a_level(open_page: Open) -> None:
    page = open_page(DESKTOP)
    shown = page.locator(".failure:visible")
    assert shown.count() == 5
    page.locator("#filter select").select_option("okta")
    assert shown.count() == 2
    assert page.locator("#filter output").inner_text() == "2 of 5 shown"
    page.locator("#filter select").select_option("")
    page.get_by_label("must").uncheck()
    assert [one.get_attribute("data-level") for one in shown.all()] == ["should", "should", "may"]
    assert not page.locator('[id="failed.entra"]').is_visible()


def test_a_link_to_what_is_filtered_away_brings_it_back(open_page: Open) -> None:
    page = open_page(DESKTOP)
    page.locator("#filter select").select_option("okta")
    page.locator('.matrix a[href="#failed.entra.update"]').click()
    page.locator('[id="failed.entra.update"]').wait_for(state="visible")
    assert page.locator("#filter select").input_value() == ""


def test_without_script_all_can_be_read(browser: Browser, url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url)
        assert page.locator(".failure:visible").count() == 5
        assert not page.locator("#filter").is_visible()
        page.locator(".failure summary").first.click()
        assert page.locator(".failure pre").first.is_visible()


def test_no_script_of_an_answer_runs(open_page: Open) -> None:
    page = open_page(DESKTOP)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.title() == "SCIM conformance of http://scim.example/v2"


def test_script_that_got_into_the_page_would_not_run(browser: Browser, url: str) -> None:
    """The page's policy stands behind the escaping."""
    with browser.new_page() as page:
        page.goto(url)
        page.evaluate(INTRUDERS)
        assert page.title() == "SCIM conformance of http://scim.example/v2"


@WIDTHS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(open_page: Open, width: int, scheme: Literal["light", "dark"]) -> None:
    page = open_page(width, color_scheme=scheme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 300
    assert [(name, ratio) for name, ratio in contrasts if ratio < 4.5] == []


def test_dark_mode_is_dark(open_page: Open) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    assert open_page(DESKTOP, color_scheme="light").evaluate(background) == "rgb(252, 252, 250)"
    assert open_page(DESKTOP, color_scheme="dark").evaluate(background) == "rgb(20, 23, 26)"


def test_printing_keeps_the_whole_matrix_and_drops_the_filter(open_page: Open) -> None:
    page = open_page(PHONE * 2, media="print", color_scheme="dark")
    assert not page.locator("#filter").is_visible()
    assert page.locator(".matrix").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert [(name, ratio) for name, ratio in page.evaluate(CONTRASTS) if ratio < 4.5] == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE * 2
