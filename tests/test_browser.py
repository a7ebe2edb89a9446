from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.browser import find_chromium

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

DESKTOP, PHONE = 1280, 390
PAGE = "data:text/html," + quote(
    """<!doctype html><html lang="en"><title>Report</title>
    <style>nav { display: none } @media (max-width: 600px) { nav { display: block } }</style>
    <nav>Menu</nav><p>Eleven of twelve passed.</p>"""
)


@pytest.mark.parametrize(("width", "shown"), [(DESKTOP, False), (PHONE, True)])
def test_a_page_is_laid_out_for_the_width_of_the_screen(browser: Browser, width: int, shown: bool) -> None:
    with browser.new_page(viewport=ViewportSize(width=width, height=800)) as page:
        page.goto(PAGE)
        assert page.title() == "Report"
        assert page.evaluate("document.documentElement.clientWidth") == width
        assert page.locator("nav").is_visible() is shown


def test_text_takes_room(browser: Browser) -> None:
    """A machine without fonts would pass every test of layout."""
    with browser.new_page() as page:
        page.goto(PAGE)
        assert page.evaluate("document.querySelector('p').offsetHeight") > 0


def test_a_missing_chromium_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="run tests/install-chromium"):
        find_chromium(["no-such-browser"])
