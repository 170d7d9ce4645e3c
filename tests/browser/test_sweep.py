"""What a person sees of a sweep: the price, the grid that fills in live, a clip that opens and plays, the way to Compare."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.bench import fresh
from tests.browser.conftest import WIDE, Server, Visitor, tasks_of, world_of
from tests.browser.looks import assert_well, broken, each_look, settle
from tests.until import until

StartServer = Callable[..., Server]
Visit = Callable[..., Visitor]

QUICK = {
    "RIVYA_SIMULATOR_SPEED": "4",
    "RIVYA_POLL_FIRST_S": "1",
    "RIVYA_POLL_MIN_S": "1",
    "RIVYA_POLL_MAX_S": "2",
    "RIVYA_FIRST_START_EXAMPLES": "false",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server over the filled folder, and the ids in it."""
    folder = tmp_path_factory.mktemp("sweeps")
    ids: dict[str, str] = fresh.run("tests.browser.sweeps:fill", folder=str(folder))
    server = Server(folder, QUICK)
    server.start()
    yield server, ids
    server.stop()


def assert_well_in_each_look(visitor: Visitor) -> None:
    """Nothing for axe, no sideways scrolling, no foreign request, no error; afterwards the window is as it was."""
    for _ in each_look(visitor.page):
        assert_well(visitor)
    visitor.page.set_viewport_size({"width": WIDE.width, "height": WIDE.height})
    settle(visitor.page)


def clips(page: Page) -> int:
    """How many cells of the grid show a clip."""
    return page.get_by_role("button", name=re.compile("^Open ")).count()


def let_end(server: Server, number: int) -> None:
    """Move the simulator's clock to where so many of ten tasks have ended, once all are made."""
    until(lambda: tasks_of(server) == 10, what="the tasks are made")
    world = world_of(server)
    try:
        ends = sorted(one.done_at for one in world.tasks() if one.done_at is not None)
        world.advance(max(0.0, ends[number - 1] - world.now()))
    finally:
        world.close()


def test_the_grid_fills_in_while_one_looks(start_server: StartServer, visit: Visit) -> None:
    """From the first visit to the last cell: a double click is one experiment, cells appear as their clips end, none is redrawn."""
    server = start_server(**{**QUICK, "RIVYA_SIMULATOR_SPEED": "0.002"})  # an hour for a clip
    visitor = visit(server, path="/sweep")
    page = visitor.page
    assert_well(visitor)
    page.get_by_role("button", name="Use template").click()
    page.get_by_role("button", name=re.compile("Start · 4 new · 640 credits")).wait_for()
    assert_well(visitor)
    scales = page.get_by_label("Values of cfg_scale")
    scales.fill("0, 0.25, 0.5, 0.75, 1")
    scales.blur()
    page.get_by_role("button", name=re.compile("Start · 10 new · 1,600 credits")).dblclick()
    expect(page).to_have_url(re.compile(r"experiment=x"))
    grid = page.get_by_role("table")
    expect(grid).to_be_visible()
    assert_well(visitor)
    settle(page)
    grid.evaluate("table => { table.dataset.same = 'yes'; }")
    let_end(server, 4)
    until(lambda: clips(page) == 4, what="the cells of those that ended have their clips, and no other has")
    let_end(server, 10)
    expect(page.get_by_text("10 of 10 clips")).to_be_visible()
    expect(page.get_by_text(re.compile("Done$")).first).to_be_visible()
    assert grid.evaluate("table => table.dataset.same") == "yes"
    assert tasks_of(server) == 10
    assert_well(visitor)


def test_a_clip_opens_above_the_grid_and_plays(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """The browser alone opens it, also while nothing answers. The dialog shows clip, labels and prompt.

    It plays by itself in a loop; arrows turn takes and combinations; focus comes back; one press gives the settings to
    Generate, and nothing is sent.
    """
    server, ids = filled
    visitor = visit(server, path=f"/sweep?experiment={ids['done']}")
    page = visitor.page
    open_ = page.get_by_role("button", name="Open fox · 0 · 5, take 1")
    open_.wait_for()
    assert open_.evaluate("b => { b.click(); return b.getRootNode().querySelector('dialog').open; }")
    dialog = page.get_by_role("dialog")
    video = dialog.locator("video")
    until(lambda: video.evaluate("v => v.currentTime") > 0.4, what="it plays")
    assert video.evaluate("v => [v.loop, v.muted]") == [True, True]
    expect(dialog.get_by_text("A red fox crossing a frozen lake, handheld", exact=True)).to_be_visible()
    assert broken(page) == {}
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_text("Take 2 of 2")).to_be_visible()
    dialog.get_by_role("button", name="Next combination").click()
    expect(dialog.get_by_text("Combination 2 of 4")).to_be_visible()
    expect(dialog.get_by_role("heading")).to_have_text("fox · 1 · 5")
    expect(dialog.get_by_text("Take 2 of 2")).to_be_visible()
    page.keyboard.press("l")
    assert not video.evaluate("v => v.loop")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Open fox · 1 · 5, take 2")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Generate")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A red fox crossing a frozen lake, handheld")


PLAYING = """grid => [...grid.getRootNode().querySelectorAll('video.playing')].map(v => [v.paused, v.currentTime, v.duration])"""


def test_all_clips_in_sight_play_on_one_clock(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """One press starts them together, another one stops them; take 1 stands first in every combination."""
    server, ids = filled
    page = visit(server, path=f"/sweep?experiment={ids['done']}").page
    page.get_by_role("button", name="Play all").click()
    grid = page.get_by_role("table")

    def together() -> bool:
        playing = grid.evaluate(PLAYING)
        places = [place for _, place, _ in playing]
        return (
            len(playing) > 1 and not any(paused for paused, _, _ in playing) and 0.5 < max(places) < min(places) + 0.5
        )

    until(together, what="they play together")
    names = [
        image.get_attribute("aria-label") or ""
        for image in page.get_by_role("button", name=re.compile("^Open fox · 0")).all()
    ]
    assert [name.rpartition(", ")[2] for name in names] == ["take 1", "take 2"]
    page.get_by_role("button", name="Stop").click()
    assert grid.evaluate(PLAYING) == []


def test_prompt_counter_and_price_follow_while_typing(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """Without leaving the field; and the price in sight covers nothing of what stands beside or below it.

    The form is accessible and fits; so is every state below.
    """
    server, _ = filled
    visitor = visit(server, path="/sweep?new=1")
    page = visitor.page
    assert_well_in_each_look(visitor)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.press_sequentially("A {red|blue} fox")
    expect(page.get_by_text("16 / 5000")).to_be_visible()
    expect(page.get_by_role("button", name="Start · 2 new · 320 credits")).to_be_visible()
    expect(prompt).to_be_focused()
    page.get_by_label("Name", exact=True).fill("Foxes")
    takes = page.get_by_role("spinbutton", name="Takes per combination")
    takes.fill("3")
    expect(page.get_by_role("button", name="Start · 6 new · 960 credits")).to_be_visible()
    cap = page.get_by_role("spinbutton", name="Credit cap")
    cap.click()
    cap.press_sequentially("480")
    expect(page.get_by_role("button", name="Start what fits (3 clips) · 480 credits")).to_be_visible()
    expect(cap).to_be_focused()
    for width in (1440, 1000, 760, 390):
        page.set_viewport_size({"width": width, "height": 700})
        page.mouse.wheel(0, 900)
        boxes = [
            page.locator(f".st-key-{key}").bounding_box()
            for key in ("sweep_start", "sweep_preview", "sweep_base_card", "sweep_axes_card")
        ]
        price, *others = [box for box in boxes if box is not None]
        for box in others:
            apart_x = box["x"] >= price["x"] + price["width"] or price["x"] >= box["x"] + box["width"]
            apart_y = box["y"] >= price["y"] + price["height"] or price["y"] >= box["y"] + box["height"]
            assert apart_x or apart_y, width


@pytest.mark.soak
def test_a_playing_clip_is_left_alone_while_the_sweep_goes_on(start_server: StartServer, visit: Visit) -> None:
    """Ticks, new cells and the end of the sweep neither close the dialog nor restart its clip."""
    server = start_server(**{**QUICK, "RIVYA_SIMULATOR_SPEED": "1"})
    page = visit(server, path="/sweep").page
    page.get_by_role("button", name="Use template").click()
    scales = page.get_by_label("Values of cfg_scale")
    scales.fill("0, 0.25, 0.5, 0.75, 1")
    scales.blur()
    page.get_by_role("button", name=re.compile("Start · 10 new · 1,600 credits")).click()
    page.get_by_role("button", name=re.compile("^Open ")).first.click()
    video = page.get_by_role("dialog").locator("video")
    video.evaluate(
        """v => { window.kept = v; window.emptied = 0; v.addEventListener('emptied', () => window.emptied++);
        v.loop = true; v.muted = true; return v.play(); }"""
    )
    page.get_by_text("10 of 10 clips").wait_for(state="attached")
    page.wait_for_timeout(3000)
    assert video.evaluate("v => [v === window.kept, window.emptied, v.paused]") == [True, 0, False]


def test_two_clips_are_ticked_and_compared(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """One is not enough; two lead to Compare with their ids; a ticked clip stays ticked on another tab of the grid."""
    server, ids = filled
    page = visit(server, path=f"/sweep?experiment={ids['done']}").page
    page.get_by_role("checkbox", name="Select fox · 0 · 5, take 1").check(force=True)
    expect(page.get_by_text("1 selected, one more to compare")).to_be_visible()
    page.get_by_role("checkbox", name="Select fox · 1 · 5, take 1").check(force=True)
    link = page.get_by_role("link", name="Compare selected")
    expect(link).to_have_attribute("href", re.compile(rf"/compare\?ids={ids['done']}-[^,]+,{ids['done']}-[^,]+$"))
    page.get_by_role("radio", name="10").click()
    page.get_by_role("checkbox", name="Select fox · 0 · 10, take 1").wait_for()
    expect(page.get_by_text("2 selected")).to_be_visible()
    link.click()
    expect(page).to_have_url(re.compile(rf"/compare\?ids={ids['done']}"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")


def test_the_grid_is_worked_by_keyboard(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """Arrows move between cells, full stop turns the take, S makes a favorite, X selects, Enter opens."""
    server, ids = filled
    page = visit(server, path=f"/sweep?experiment={ids['done']}").page
    page.get_by_role("button", name="Open fox · 0 · 5, take 1").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press(".")
    expect(page.get_by_role("button", name="Open fox · 1 · 5, take 2")).to_be_focused()
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Favorite fox · 1 · 5, take 2")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected, one more to compare")).to_be_visible()
    page.get_by_role("button", name="Open fox · 1 · 5, take 2").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_failed_cell_says_whether_it_was_charged(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """The reason and the charge stand in the cell; its card opens; a retry names its price."""
    server, ids = filled
    visitor = visit(server, path=f"/sweep?experiment={ids['failed']}")
    page = visitor.page
    assert_well_in_each_look(visitor)
    expect(page.get_by_text(re.compile("The picture was refused.* Not charged")).first).to_be_visible()
    expect(page.get_by_role("button", name="Repair 2 failed · 320 credits")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Failed: ")).first.click()
    expect(page.get_by_role("dialog").get_by_text("The picture was refused.")).to_be_visible()


def test_three_hundred_cells_load_only_what_is_visible(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """One page of cells is in the document; turning the page brings other rows."""
    server, ids = filled
    visitor = visit(server, path=f"/sweep?experiment={ids['large']}")
    page = visitor.page
    assert_well_in_each_look(visitor)
    grid = page.get_by_role("table")
    expect(grid.get_by_role("rowheader", name="Boat number 0", exact=True)).to_be_visible()
    assert grid.get_by_role("cell").count() <= 60
    page.get_by_role("button", name="Page 2", exact=True).last.click()
    expect(page.get_by_text("6 to 10 of 20 values of Prompt")).to_be_visible()
    expect(grid.get_by_role("rowheader", name="Boat number 5", exact=True)).to_be_visible()


def test_from_a_tab_back_to_the_list_and_into_another_experiment(
    filled: tuple[Server, dict[str, str]], visit: Visit
) -> None:
    """The tab stands in the address and does not follow to the next experiment."""
    server, ids = filled
    visitor = visit(server, path=f"/sweep?experiment={ids['done']}")
    page = visitor.page
    page.get_by_role("tab", name="Decision").click()
    expect(page).to_have_url(re.compile("view=Decision"))
    settle(page)
    page.get_by_role("button", name="All sweeps").click()
    page.get_by_role("link", name=re.compile("Shapes")).wait_for()
    assert_well_in_each_look(visitor)
    page.get_by_role("link", name=re.compile("Shapes")).click()
    expect(page.get_by_role("tab", name="Grid")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile(rf"experiment={ids['failed']}$"))
    assert page.get_by_test_id("stException").count() == 0


def test_on_a_phone_the_row_names_stay_in_sight(filled: tuple[Server, dict[str, str]], visit: Visit) -> None:
    """The grid scrolls sideways within itself, and the names of its rows do not."""
    server, ids = filled
    visitor = visit(server, path=f"/sweep?experiment={ids['done']}")
    page = visitor.page
    for _ in each_look(page):  # a phone's is the last
        assert_well(visitor)
    name = page.get_by_role("rowheader", name="fox", exact=True)
    name.wait_for()
    before = name.bounding_box()
    page.get_by_role("table").evaluate("table => { table.parentElement.scrollLeft = 120; }")
    after = name.bounding_box()
    assert before is not None
    assert after is not None
    assert before["x"] == after["x"]
