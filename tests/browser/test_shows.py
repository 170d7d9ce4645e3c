"""What a person sees of shows: two presses from a decided sweep to the page on screen, and an editor that works by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import decided
from tests.browser.conftest import Visitor
from tests.browser.decided import Filled
from tests.browser.looks import assert_well, each_look

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A server over the filled folder."""
    with decided.serve(tmp_path_factory.mktemp("shows")) as running:
        yield running


def made(filled: Filled, visit: Visit) -> Visitor:
    """A visitor in the editor of a new show, after one press on the sweep's page."""
    visitor = visit(filled.server, path=f"/sweep?experiment={filled.sweep}")
    visitor.page.get_by_role("button", name="Make a show").first.click()
    expect(visitor.page).to_have_url(re.compile(r"/shows\?show="))
    visitor.page.locator(".slides li").first.wait_for()
    visitor.page.mouse.move(0, 0)  # a hint of Streamlit's opens where the pointer was left
    return visitor


def headings(page: Page) -> list[str]:
    """The headings of the slides, in their order."""
    return page.locator(".slides .heading").all_text_contents()


def test_two_presses_lead_from_a_decided_sweep_to_the_page(filled: Filled, visit: Visit) -> None:
    """Make a show, open the show: its page is on screen, with every clip that it names to be had.

    Editor and list are accessible and fit, wide and on a phone, light and dark; posters are there.
    """
    visitor = made(filled, visit)
    page = visitor.page
    expect(page.locator(".slides img").first).not_to_have_js_property("naturalWidth", 0)
    for _ in each_look(page):
        page.locator(".slides li").first.wait_for()
        assert_well(visitor)
    with page.expect_popup() as opening:
        page.get_by_role("link", name="Open the show").click()
    shown = opening.value
    shown.locator("video").first.wait_for()
    assert re.search(r"/show/s[0-9a-z]{20}$", shown.url)
    source = shown.locator("video").first.get_attribute("src") or ""
    assert shown.request.get(f"{filled.server.url}{source}").ok
    page.get_by_role("button", name="All shows").click()
    page.locator(".st-key-shows_rows a").first.wait_for()
    for _ in each_look(page):
        assert_well(visitor)


def test_slides_move_by_keyboard_and_the_focus_goes_with_them(filled: Filled, visit: Visit) -> None:
    """And the bar takes it back."""
    page = made(filled, visit).page
    before = headings(page)
    down = page.get_by_role("button", name=re.compile("^Move slide 1: .* down$"))
    down.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".slides .heading").nth(1)).to_have_text(before[0])
    expect(page.get_by_role("button", name=re.compile("^Move slide 2: .* down$"))).to_be_focused()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".slides .heading").first).to_have_text(before[0])
    assert headings(page) == before


def test_a_caption_is_stored_while_it_is_typed_and_nothing_moves(filled: Filled, visit: Visit) -> None:
    """Without leaving the field; the list beside it follows, and the focus stays in the field."""
    page = made(filled, visit).page
    first = page.locator(".slides li").first
    top = "e => e.getBoundingClientRect().top"
    place = first.evaluate(top)
    box = page.get_by_role("textbox", name="Caption")
    box.press_sequentially("What you ")
    expect(page.locator(".slides .caption").first).to_have_text("What you")
    box.press_sequentially("see")
    expect(page.locator(".slides .caption").first).to_have_text("What you see")
    expect(box).to_be_focused()
    expect(box).to_have_value("What you see")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_enabled()
    assert first.evaluate(top) == place
    undo.click()
    expect(box).to_have_value("")
    expect(page.get_by_role("button", name="Redo")).to_be_focused()
