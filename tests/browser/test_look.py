"""Pages at two widths, light and dark: nothing overflows, axe finds nothing of ours, nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Server, Visitor
from tests.browser.looks import assert_well, each_look


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the examples of a first start."""
    running = Server(tmp_path_factory.mktemp("look"))
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("path", ["/", "/history", "/connection"], ids=["generate", "history", "connection"])
def test_a_page_is_accessible_and_fits(server: Server, visit: Callable[..., Visitor], path: str) -> None:
    """Axe finds nothing of ours, no sideways scrolling, no foreign request, no error."""
    visitor = visit(server, path=path)
    for _ in each_look(visitor.page):
        assert_well(visitor)


def test_the_fonts_come_from_us(server: Server, visit: Callable[..., Visitor]) -> None:
    """The type face is loaded from our own route."""
    page = visit(server).page
    page.wait_for_timeout(1500)
    assert page.evaluate("document.fonts.check('15px Inter')")


def test_facts_stand_inside_their_card_on_a_phone(server: Server, visit: Callable[..., Visitor]) -> None:
    """No list of facts lies over what follows it."""
    page = visit(server, path="/connection").page
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_selector("dl.rv-facts >> nth=2")
    overlapping = page.evaluate(
        """() => [...document.querySelectorAll("dl.rv-facts")].filter((list) => {
          const card = list.closest('[data-testid="stVerticalBlock"]').getBoundingClientRect();
          const own = list.getBoundingClientRect();
          return own.bottom > card.bottom + 1 || own.right > card.right + 1;
        }).length"""
    )
    assert overlapping == 0
