"""What leaves a page and comes back to it: a copied link, a downloaded clip with its settings that is dropped on Generate."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Server, Visitor
from tests.browser.looks import assert_well, settle

Visit = Callable[..., Visitor]

EXAMPLE = "/history?id=example-aurora-1"
PROMPT = "Northern lights over a still mountain lake"
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"


def drop_on_title(page: Page, data: bytes) -> None:
    """Drop a clip far from any uploader, once the page takes files: as in a browser, no drop without a dragover that was taken."""
    transfer = page.evaluate_handle(
        """data => { const t = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        t.items.add(new File([bytes], 'clip.mp4', {type: 'video/mp4'})); return t; }""",
        base64.b64encode(data).decode(),
    )
    page.wait_for_function(
        """dataTransfer => !document.querySelector('h1').dispatchEvent(
            new DragEvent('dragover', {bubbles: true, cancelable: true, dataTransfer}))""",
        arg=transfer,
    )
    page.get_by_role("heading", level=1).dispatch_event("drop", {"dataTransfer": transfer})


def test_a_clip_that_was_downloaded_with_its_settings_fills_the_form_wherever_it_is_dropped(
    quick: Server, visit: Visit
) -> None:
    """The whole way: saved in History, dropped beside everything on Generate; nothing is sent."""
    visitor = visit(quick, path=EXAMPLE, calm=True)
    visitor.page.get_by_role("button", name="Download").click()
    link = visitor.page.get_by_role("link", name="With its settings")
    with visitor.page.expect_download() as saved:
        link.click()
    assert re.fullmatch(r"SIMULATED-.*-with-settings\.mp4", saved.value.suggested_filename)
    data = saved.value.path().read_bytes()
    page = visitor.open("/")
    settle(page)
    drop_on_title(page, data)
    expect(page.get_by_text("Settings of a simulated clip loaded.")).to_be_visible()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(re.compile(PROMPT))
    assert (visitor.foreign, visitor.errors) == ([], [])


@pytest.mark.parametrize("path", ["/", EXAMPLE])
def test_a_link_is_copied_with_one_press_of_a_key(quick: Server, visit: Visit, path: str) -> None:
    """The whole address, and it says that it was."""
    visitor = visit(quick, path=path, calm=True)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = visitor.page.get_by_role("button", name="Copy link")
    button.focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("status").filter(has_text="Link copied")).to_be_attached()
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{quick.url}/history?id=")
    visitor.page.goto(copied)
    expect(visitor.page.get_by_role("heading", name=re.compile("^Made "))).to_be_visible()


def test_a_refused_clipboard_shows_the_address_to_copy_by_hand(quick: Server, visit: Visit) -> None:
    """On a phone in the dark; Escape puts it away."""
    visitor = visit(quick, PHONE, path=EXAMPLE, calm=True)
    visitor.page.add_init_script(NO_CLIPBOARD)
    visitor.page.reload()
    visitor.page.get_by_role("button", name="Copy link").click()
    box = visitor.page.get_by_label("The browser does not allow copying")
    expect(box).to_have_value(quick.url + EXAMPLE)
    expect(box).to_be_focused()
    assert_well(visitor)
    visitor.page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    assert visitor.errors == []
