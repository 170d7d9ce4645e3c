"""Pages at two widths, light and dark: nothing overflows, axe finds nothing of ours, nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Server, Visitor
from tests.browser.looks import assert_well, each_look

IN_THEIR_CARD = """() => [...document.querySelectorAll("dl.rv-facts")].filter((list) => {
  const card = list.closest('[data-testid="stVerticalBlock"]').getBoundingClientRect();
  const own = list.getBoundingClientRect();
  return own.bottom > card.bottom + 1 || own.right > card.right + 1;
}).length"""


@pytest.mark.parametrize("path", ["/", "/history", "/connection"], ids=["generate", "history", "connection"])
def test_a_page_is_accessible_and_fits(quick: Server, visit: Callable[..., Visitor], path: str) -> None:
    """Axe finds nothing of ours, no sideways scrolling, no list of facts over what follows it, no foreign request, no error."""
    visitor = visit(quick, path=path, calm=True)
    if path == "/connection":
        visitor.page.wait_for_selector("dl.rv-facts >> nth=2")
    for _ in each_look(visitor.page):
        assert_well(visitor)
        assert visitor.page.evaluate(IN_THEIR_CARD) == 0
    assert visitor.page.evaluate("document.fonts.check('15px Inter')"), "the type face comes from our own route"
