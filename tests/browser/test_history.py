"""History in a browser: a click opens what was clicked, a copied script works, an old link says why there is nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pages._ui.history.style import NARROW_PX
from pages._ui.history.table import HEADER_PX, ROW_PX
from rivya_core.simulator import World
from tests.browser.clips import make_clips
from tests.browser.conftest import Server, Visitor
from tests.browser.looks import assert_well, each_look, settle
from tests.copied import run_twice

Visit = Callable[..., Visitor]

BOX_PX, PROMPT_PX = 16, 200
"""How far from the table's left edge its boxes and its prompts are."""


class Filled(Server):
    """A server whose folder holds clips of these ids, newest first."""

    ids: list[str]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A server with six clips."""
    server = Filled(tmp_path_factory.mktemp("history") / "data", {"RIVYA_SIMULATOR_SPEED": "20"})
    server.ids = make_clips(server.data_dir, [{"prompt": f"Number {number}"} for number in range(6)])[::-1]
    server.start()
    yield server
    server.stop()


def click(page: Page, row: int, x_px: int) -> None:
    """Click into a row of the table, counted from 0; it is painted, so there is nothing to find by name."""
    page.locator(".st-key-history_table .dvn-scroller").click(
        position={"x": x_px, "y": HEADER_PX + ROW_PX * row + ROW_PX / 2}
    )


def is_open(page: Page, generation_id: str | None) -> None:
    """The address and the panel are those of a generation; None: the address names none."""
    if generation_id is None:
        expect(page).to_have_url(re.compile(r"/history$"))
        return
    expect(page).to_have_url(re.compile(f"[?&]id={generation_id}$"))
    shows(page, generation_id)


def shows(page: Page, generation_id: str) -> None:
    """The panel shows this clip, and no other is left from before."""
    expect(page.locator(f'video[src="/clips/{generation_id}.mp4"]')).to_have_count(1)
    expect(page.locator("video")).to_have_count(1)


def test_the_first_click_opens_the_row_that_was_clicked(filled: Filled, visit: Visit) -> None:
    """With no generation in the address the newest is ticked already; a cell that is clicked wins over it."""
    page = visit(filled, path="/history").page
    settle(page)
    for row in (4, 1, 3):
        click(page, row, PROMPT_PX)
        is_open(page, filled.ids[row])


def test_unticking_a_row_goes_back_to_no_choice(filled: Filled, visit: Visit) -> None:
    """Not to the row whose cell was clicked before."""
    page = visit(filled, path="/history").page
    settle(page)
    click(page, 4, PROMPT_PX)
    is_open(page, filled.ids[4])
    settle(page)
    click(page, 2, BOX_PX)
    is_open(page, filled.ids[2])
    settle(page)
    click(page, 2, BOX_PX)
    is_open(page, None)
    settle(page)
    is_open(page, None)
    shows(page, filled.ids[0])


def test_the_arrow_keys_walk_through_the_rows(filled: Filled, visit: Visit) -> None:
    """The cell keeps the focus while the row beside it opens."""
    page = visit(filled, path="/history").page
    settle(page)
    click(page, 1, PROMPT_PX)
    is_open(page, filled.ids[1])
    for row in (2, 3):
        settle(page)
        page.keyboard.press("ArrowDown")
        is_open(page, filled.ids[row])


@pytest.mark.soak
def test_a_copied_script_runs_as_it_stands(filled: Filled, visit: Visit, tmp_path: Path) -> None:
    """Copied cURL and Python reach this dashboard's simulator with the key beside them; run twice, each makes one task."""
    page = visit(filled, path=f"/history?id={filled.ids[0]}").page
    page.get_by_role("button", name="Copy as").click()
    export = page.get_by_test_id("stCode").filter(has_text="export RIVYA_API_KEY=")
    expect(export).to_be_visible()
    key = (export.text_content() or "").strip().removeprefix("export RIVYA_API_KEY=")
    scripts = {
        program: page.get_by_test_id("stCode").filter(has_text=words).locator("code").first.text_content() or ""
        for program, words in (("sh", "curl -sS"), (sys.executable, "import GenerationRequest"))
    }
    before = _tasks(filled)
    run_twice(scripts, tmp_path, key)
    assert _tasks(filled) == before + len(scripts)
    assert (tmp_path / "clip.mp4").is_file()


def _tasks(server: Server) -> int:
    world = World(server.data_dir / "simulator" / "world.sqlite3")
    try:
        return len(world.tasks())
    finally:
        world.close()


@pytest.mark.parametrize("width", [NARROW_PX, 800])
def test_a_window_too_narrow_for_the_table_has_a_list(filled: Filled, visit: Visit, width: int) -> None:
    """No chip is cut: the rows are a list as wide as the window, and the open one takes its place."""
    page = visit(filled, path="/history", width=width).page
    settle(page)
    expect(page.locator("canvas").first).to_be_hidden()
    row = page.locator(".rv-rows button").nth(2)
    expect(row.locator(".rv-chip").first).to_be_in_viewport(ratio=1)
    row.click()
    is_open(page, filled.ids[2])
    page.get_by_role("button", name="All generations").click()
    expect(row).to_be_visible()


def test_a_link_to_nothing_has_a_way_back(filled: Filled, visit: Visit) -> None:
    """At every width one button leads to the list."""
    visitor = visit(filled, path="/history?id=gone")
    for _ in each_look(visitor.page):
        assert_well(visitor)
    visitor.page.get_by_role("button", name="All generations").click()
    expect(visitor.page.get_by_text("No such generation")).to_be_hidden()
    is_open(visitor.page, None)


def test_an_old_link_to_generate_says_that_the_server_is_read_only(
    start_server: Callable[..., Server], visit: Visit
) -> None:
    """Not that there is no such page; the navigation does not offer it."""
    server = start_server(RIVYA_READ_ONLY="1")
    page = visit(server, path="/generate").page
    expect(page.get_by_text("This server is read-only")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_be_hidden()
    expect(page.get_by_role("link", name="Generate", exact=True)).to_be_hidden()
    page.get_by_role("link", name="All generations").click()
    expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()


@pytest.mark.parametrize("read_only", ["0", "1"])
def test_every_page_has_its_name_for_an_address(
    read_only: str, start_server: Callable[..., Server], visit: Visit
) -> None:
    """Also the first one, which has "/" besides: a permanent link opens the same on a read-only server."""
    server = start_server(RIVYA_READ_ONLY=read_only)
    first = "Generate" if read_only == "0" else "History"
    page = visit(server, path=f"/{first.lower()}?id=gone").page
    expect(page.get_by_role("heading", level=1, name=first)).to_be_visible()
    expect(page.get_by_text("SIMULATED · nothing real is spent")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_be_hidden()
    assert page.url.endswith(f"/{first.lower()}?id=gone") or first == "Generate"
    expect(page.get_by_role("link", name=first, exact=True)).to_have_count(1)
