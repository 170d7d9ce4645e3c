"""The looks every state of a page is seen in, and what must hold in each: axe finds nothing of ours, and nothing overflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, WIDE, Look, Visitor

STREAMLITS_OWN = {
    "presentation-role-conflict": "the drop zone of st.file_uploader",
}
"""axe rules that Streamlit 1.67 itself breaks, with the element; any other finding is ours."""


def each_look(page: Page) -> Iterator[Look]:
    """Bring an open page into both sizes and both themes in two steps: contrast is the theme's, overflow the size's."""
    for look in (WIDE, PHONE):
        page.set_viewport_size({"width": look.width, "height": look.height})
        page.emulate_media(color_scheme="dark" if look.dark else "light")
        settle(page)
        yield look


RESTS = Path(__file__).with_name("rests.js").read_text(encoding="utf-8")
QUIET_MS = 250
MOST_MS = 800
"""How long nothing may change in a page that has come to rest; and how long one is waited for that never does."""


LONG_QUIET_MS = 1_500
LONG_MS = 15_000
"""The same for a page that may still be changing its theme, on a machine that has little time for it."""


def settle(page: Page, quiet_ms: float = QUIET_MS, most_ms: float = MOST_MS) -> None:
    """Wait until the script has run and what draws itself afterwards has come to rest; what never does gets a moment."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.evaluate(RESTS, [quiet_ms, most_ms])


def broken(page: Page) -> dict[str, str]:
    """What axe finds of ours: rule and first element. What is only found while the page changes its colours is none."""
    found = _broken(page)
    if found:
        page.evaluate(RESTS, [LONG_QUIET_MS, LONG_MS])  # not every page is one of Streamlit's
        found = _broken(page)
    return found


def _broken(page: Page) -> dict[str, str]:
    found = Axe().run(page).response["violations"]
    return {rule["id"]: rule["nodes"][0]["html"][:300] for rule in found if rule["id"] not in STREAMLITS_OWN}


def fits(page: Page) -> bool:
    """True when the page scrolls downwards only."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def assert_well(visitor: Visitor) -> None:
    """The page is accessible, fits, asked nobody else and raised nothing."""
    page = visitor.page
    found = broken(page)
    assert found == {}, found
    assert fits(page)
    assert page.get_by_test_id("stException").count() == 0
    assert (visitor.foreign, visitor.errors) == ([], [])
