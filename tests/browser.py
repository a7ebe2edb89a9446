"""A real browser for tests of pages: the machine's own Chromium, steered by playwright.

A missing Chromium is an error, never a skipped test: a page that nobody has looked at is not known to work.
While the browser runs, playwright keeps an event loop running in the thread, so that no test of the same
session can call `asyncio.run` there.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# The same programs as in tests/install-chromium.
PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = (
    "--no-sandbox",  # root and containers have none; the pages are the tests' own
    "--disable-gpu",
    "--no-first-run",
    # Nothing is asked of hosts that no test named.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium(programs: Iterable[str] = PROGRAMS) -> Path:
    """The first of the programs that is on this machine."""
    for program in programs:
        if found := shutil.which(program):
            return Path(found)
    raise RuntimeError("Neither Chromium nor Google Chrome was found; run tests/install-chromium")


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A headless browser with an empty profile, gone when the block is left."""
    program = find_chromium()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=FLAGS, headless=True) as browser,
    ):
        yield browser
