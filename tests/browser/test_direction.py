"""Right-to-left prompts in a browser: each text starts on its own side, and the page stays as it is."""

from __future__ import annotations

from collections.abc import Callable

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


def test_a_text_takes_its_own_direction_typed_and_shown(quick: Server, visit: Visit) -> None:
    """Both boxes, and the prompt beside its clip; the page around them is not turned."""
    page = visit(quick, calm=True).page
    settle(page)
    for label in ("Negative prompt", "Prompt"):
        box = page.get_by_label(label, exact=True)
        box.fill(PROMPT)
        assert direction(box) == ["plaintext", "start", "ltr"]
    page.get_by_label("Negative prompt", exact=True).fill("")
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    shown = page.locator('[data-testid="stText"]').get_by_text(PROMPT).first
    expect(shown).to_be_visible()
    assert direction(shown) == ["plaintext", "start", "ltr"]
