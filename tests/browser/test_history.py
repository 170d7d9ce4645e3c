"""History in a browser: a click opens what was clicked, a copied script works, an old link says why there is nothing."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from pages._ui.history.style import NARROW_PX
from tests.browser.clips import make_clips
from tests.browser.conftest import Server, Visitor, tasks_of
from tests.browser.looks import assert_well, each_look, settle
from tests.copied import run_twice

Visit = Callable[..., Visitor]


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


def opens(page: Page, number: int) -> Locator:
    """What opens a row, by the number of its prompt."""
    return page.get_by_role("button", name=re.compile(rf"Open: Number {number},"))


def box(page: Page, number: int) -> Locator:
    """The box before a row; its name tells the row from all others."""
    name = re.compile(rf"Select: Number {number}, \d+ \w{{3}}, \d\d:\d\d, succeeded")
    return page.get_by_role("checkbox", name=name)


def selected(page: Page, count: int) -> None:
    """The bar counts what is ticked."""
    expect(page.get_by_role("group", name="Selected clips").get_by_role("status")).to_have_text(f"{count} selected")


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


def test_a_click_opens_the_row_that_was_clicked_and_arrow_keys_go_on(filled: Filled, visit: Visit) -> None:
    """Anywhere on it, but a tick opens nothing; by key the row keeps the focus while what it shows opens beside it."""
    page = visit(filled, path="/history", calm=True).page
    for row in (4, 1, 3):
        opens(page, 5 - row).click()
        is_open(page, filled.ids[row])
    box(page, 0).click()
    page.get_by_role("row", name=re.compile("Number 5")).get_by_text("Succeeded").click()
    is_open(page, filled.ids[0])
    opens(page, 4).click()
    is_open(page, filled.ids[1])
    for row in (2, 3):
        page.keyboard.press("ArrowDown")
        is_open(page, filled.ids[row])
        expect(opens(page, 5 - row)).to_be_focused()


def test_rows_are_ticked_by_mouse_and_keyboard(filled: Filled, visit: Visit) -> None:
    """Shift ticks a range, the arrows with it too; what is ticked outlives another page and a reload, and can be dropped."""
    page = visit(filled, path="/history").page
    box(page, 5).click()
    box(page, 2).click(modifiers=["Shift"])
    selected(page, 4)
    box(page, 4).click()
    selected(page, 3)
    box(page, 2).focus()
    page.keyboard.press("Shift+ArrowDown")
    selected(page, 4)
    page.get_by_role("searchbox", name="Search prompts").or_(page.get_by_label("Search prompts")).first.fill("Number 0")
    expect(box(page, 5)).to_have_count(0)
    selected(page, 4)
    page.reload()
    selected(page, 4)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("Tick clips to compare")).to_be_visible()


def test_what_is_ticked_can_be_labelled_saved_and_compared(filled: Filled, visit: Visit) -> None:
    """One bar for all of it; the ZIP holds what was ticked."""
    page = visit(filled, path="/history").page
    bar = page.get_by_role("group", name="Selected clips")
    compare = bar.get_by_role("button", name="Compare")
    box(page, 1).click()
    expect(compare).to_be_disabled()
    box(page, 3).click()
    bar.get_by_role("button", name="Label").click()
    page.get_by_label("Label for the selected clips").fill("hero")
    page.keyboard.press("Enter")
    for number in (1, 3):
        expect(page.get_by_role("row", name=re.compile(f"Number {number}"))).to_contain_text("hero")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download ZIP").click()
    names = zipfile.ZipFile(download.value.path()).namelist()
    assert (len(names), download.value.suggested_filename.endswith(".zip")) == (4, True)
    compare.click()
    expect(page).to_have_url(re.compile(rf"/compare\?ids={filled.ids[4]}%2C{filled.ids[2]}$"))


def test_posters_play_under_the_pointer(filled: Filled, visit: Visit) -> None:
    """In the gallery, one at a time, and with the keyboard as well."""
    visitor = visit(filled, path=f"/history?view=gallery&id={filled.ids[5]}")
    page = visitor.page
    for number in (4, 2):
        page.get_by_role("row", name=re.compile(f"Number {number}")).hover()
        video = page.locator(f'.poster video[src="/clips/{filled.ids[5 - number]}.mp4"]')
        expect(video).to_have_count(1)
        expect(page.locator(".poster video")).to_have_count(1)
        page.wait_for_function("video => !video.paused && video.muted && video.loop", arg=video.element_handle())
    page.mouse.move(0, 0)
    expect(page.locator(".poster video")).to_have_count(0)
    opens(page, 4).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f'.poster video[src="/clips/{filled.ids[2]}.mp4"]')).to_have_count(1)
    for _ in each_look(page):
        assert_well(visitor)


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
    before = tasks_of(filled)
    run_twice(scripts, tmp_path, key)
    assert tasks_of(filled) == before + len(scripts)
    assert (tmp_path / "clip.mp4").is_file()


def test_a_window_too_narrow_for_the_table_has_a_list(filled: Filled, visit: Visit) -> None:
    """No chip is cut: the rows are a list as wide as the window, and the open one takes its place."""
    page = visit(filled, path="/history", width=NARROW_PX, calm=True).page
    for width in (NARROW_PX, 800):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        row = opens(page, 3)
        expect(page.get_by_role("row", name=re.compile("Number 3")).locator(".chip").first).to_be_in_viewport(ratio=1)
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


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on which nothing can be spent."""
    server = Server(tmp_path_factory.mktemp("read_only"), {"RIVYA_READ_ONLY": "1"})
    server.start()
    yield server
    server.stop()


def test_an_old_link_to_generate_says_that_the_server_is_read_only(read_only: Server, visit: Visit) -> None:
    """Not that there is no such page; the navigation does not offer it."""
    page = visit(read_only, path="/generate").page
    expect(page.get_by_text("This server is read-only")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_be_hidden()
    expect(page.get_by_role("link", name="Generate", exact=True)).to_be_hidden()
    page.get_by_role("link", name="All generations").click()
    expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()


@pytest.mark.parametrize(("first", "on"), [("Generate", "filled"), ("History", "read_only")])
def test_every_page_has_its_name_for_an_address(
    first: str, on: str, request: pytest.FixtureRequest, visit: Visit
) -> None:
    """Also the first one, which has "/" besides: a permanent link opens the same on a read-only server."""
    page = visit(request.getfixturevalue(on), path=f"/{first.lower()}?id=gone", calm=True).page
    expect(page.get_by_role("heading", level=1, name=first)).to_be_visible()
    expect(page.get_by_text("SIMULATED · nothing real is spent")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_be_hidden()
    assert page.url.endswith(f"/{first.lower()}?id=gone") or first == "Generate"
    expect(page.get_by_role("link", name=first, exact=True)).to_have_count(1)
