"""Right-to-left prompts in a browser: each text starts on its own side, and the page stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Server, Visitor
from tests.browser.looks import settle

Visit = Callable[..., Visitor]
PROMPT = "دراجة حمراء في الثلج."


def direction(element: Locator) -> list[str]:
    """How the browser lays a text out."""
    found: list[str] = element.evaluate(
        "e => { const s = getComputedStyle(e); return [s.unicodeBidi, s.textAlign, getComputedStyle(document.body).direction] }"
    )
    return found


@pytest.mark.parametrize("label", ["Prompt", "Negative prompt"])
def test_what_is_typed_takes_its_own_direction(quick: Server, visit: Visit, label: str) -> None:
    """Both boxes; the page around them is not turned."""
    page = visit(quick).page
    settle(page)
    box = page.get_by_label(label, exact=True)
    box.fill(PROMPT)
    assert direction(box) == ["plaintext", "start", "ltr"]


def test_what_is_shown_takes_its_own_direction(quick: Server, visit: Visit) -> None:
    """The prompt beside its clip."""
    page = visit(quick).page
    settle(page)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.keyboard.press("Control+Enter")
    shown = page.locator('[data-testid="stText"]').get_by_text(PROMPT).first
    expect(shown).to_be_visible(timeout=120_000)
    assert direction(shown) == ["plaintext", "start", "ltr"]
