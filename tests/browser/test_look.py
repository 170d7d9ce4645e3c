"""Every page at two widths, light and dark: nothing overflows, axe finds nothing of ours, nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Server, Visitor

STREAMLITS_OWN = {
    "presentation-role-conflict": "the drop zone of st.file_uploader",
}
"""axe rules that Streamlit 1.67 itself breaks, with the element; any other finding is ours."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the examples of a first start."""
    running = Server(tmp_path_factory.mktemp("look"))
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])
@pytest.mark.parametrize("path", ["/", "/history", "/connection"], ids=["generate", "history", "connection"])
def test_a_page_is_accessible_and_fits(
    server: Server, visit: Callable[..., Visitor], path: str, size: tuple[int, int], *, dark: bool
) -> None:
    """Axe finds nothing of ours, no sideways scrolling, no foreign request, no error."""
    visitor = visit(server, width=size[0], height=size[1], dark=dark, path=path)
    page = visitor.page
    page.wait_for_timeout(2500)
    found = Axe().run(page).response["violations"]
    assert {rule["id"]: rule["nodes"][0]["html"][:200] for rule in found if rule["id"] not in STREAMLITS_OWN} == {}
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert visitor.foreign == []
    assert visitor.errors == []
    assert page.get_by_test_id("stException").count() == 0


def test_the_fonts_come_from_us(server: Server, visit: Callable[..., Visitor]) -> None:
    """The type face is loaded from our own route."""
    page = visit(server).page
    page.wait_for_timeout(1500)
    assert page.evaluate("document.fonts.check('15px Inter')")
