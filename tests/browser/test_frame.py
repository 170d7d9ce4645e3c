"""What is around every page: the navigation of a phone, and where Back leads."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Server, Visitor
from tests.browser.looks import assert_well, settle
from tests.until import until

Visit = Callable[..., Visitor]
NAVIGATION = ".st-key-phone_nav"
FIRST_CONTENT = ".st-key-request_form"
HEADER_PX = 90


def scrolled(page: Page) -> int:
    """How far the page is scrolled."""
    return int(page.locator('[data-testid="stMain"]').evaluate("e => e.scrollTop"))


def test_a_phone_shows_all_pages_in_one_row_and_little_header(quick: Server, visit: Visit) -> None:
    """Each page is one press away, the open one is marked, and the work begins after 90 pixels."""
    visitor = visit(quick, PHONE, calm=True)
    page = visitor.page
    settle(page)
    links = page.locator(f"{NAVIGATION} a")
    expect(links).to_have_count(8)
    boxes = [box for link in links.all() if (box := link.bounding_box()) is not None]
    assert len({round(box["y"]) for box in boxes}) == 1
    assert max(box["x"] + box["width"] for box in boxes) <= PHONE.width
    form = page.locator(FIRST_CONTENT).bounding_box()
    assert form is not None
    assert form["y"] <= HEADER_PX
    assert_well(visitor)
    page.get_by_role("link", name="History").click()
    expect(page).to_have_url(f"{quick.url}/history")


def test_a_wide_window_keeps_the_bar(quick: Server, visit: Visit) -> None:
    """The row of a phone takes no room beside it; in a busy browser, which has no style for it yet, no more than a line."""
    page = visit(quick, calm=True).page
    settle(page)
    expect(page.locator(NAVIGATION)).to_be_hidden()
    expect(page.get_by_role("navigation", name="App pages")).to_be_visible()
    # in one go, since a rerun of the page brings the style back
    height_px, overflow = page.evaluate(
        """() => {
          for (const style of document.querySelectorAll('style')) {
            if (style.textContent.includes('st-key-phone_nav')) style.remove();
          }
          const row = document.querySelector('.st-key-phone_nav');
          return [row.getBoundingClientRect().height, getComputedStyle(row).overflowY];
        }"""
    )
    assert 0 < height_px <= 1
    assert overflow != "visible"


def test_one_back_returns_to_where_one_was(quick: Server, visit: Visit) -> None:
    """From the wall to the posters with what was chosen, and from there to the page and the place one came from."""
    page = visit(quick, height=600, calm=True).page
    settle(page)
    page.locator('[data-testid="stMain"]').evaluate("e => { e.scrollTop = 300 }")
    page.locator('[class*="st-key-link_button"] a').click()
    posters = page.locator(".st-key-wall_picker .poster")
    expect(posters.nth(1)).to_be_visible()
    posters.nth(1).click()
    page.locator("button.go").click()
    expect(page.locator(".arena")).to_be_visible()
    page.go_back()
    expect(posters.nth(1)).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page.locator(FIRST_CONTENT)).to_be_visible()
    until(lambda: scrolled(page) == 300, what="the page is scrolled to where it was")
