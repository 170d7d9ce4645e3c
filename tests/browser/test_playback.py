"""Clips move by themselves in a real browser: in sight, under the mouse, under the focus; never where motion is unwanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rivya_core.lab.ledger.database import migrate, open_database
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from tests.browser.clips import make_clips
from tests.browser.conftest import PHONE, QUICK, WIDE, Held, Look, Server, Visitor
from tests.browser.looks import assert_well, settle
from tests.browser.test_first_visit import type_prompt
from tests.lab.given import in_state

Visit = Callable[..., Visitor]

PLAYS = "v => !v.paused && v.currentTime > 0 && v.muted && v.loop"
CHOOSE = """button => {
  const found = [];
  (function walk(root) { for (const e of root.querySelectorAll('*')) { if (e.matches('.frame video')) found.push(e);
    if (e.shadowRoot) walk(e.shadowRoot); } })(document.querySelector('.st-key-clip_player'));
  button.click();
  return [button.getAttribute('aria-pressed'), found[0].getAttribute('src')];
}"""
"""Press a poster; what the browser shows in that very turn, before any answer can have come."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with three single clips and, newer, four takes of one press."""
    folder = tmp_path_factory.mktemp("playback")
    make_clips(folder, [*({"prompt": name} for name in ("A lake", "A city", "A sea")), {"prompt": "Foxes", "takes": 4}])
    running = Server(folder, QUICK)
    running.start()
    yield running
    running.stop()


def player(page: Page) -> str:
    """Where the player's clip comes from, once it has one."""
    video = page.locator(".st-key-clip_player video")
    expect(video).to_have_attribute("src", re.compile("^/clips/"))
    return str(video.get_attribute("src"))


def plays(page: Page, selector: str) -> None:
    """Wait until the video there plays muted, in a loop."""
    video = page.locator(selector)
    video.wait_for(state="attached")
    handle = video.element_handle()
    page.wait_for_function(PLAYS, arg=handle)


def test_the_latest_clip_plays_while_it_is_in_sight(served: Server, visit: Visit) -> None:
    """On a phone it stands below the form: still until it is scrolled to, and still again when it has left."""
    page = visit(served, PHONE).page
    settle(page)
    video = page.locator(".st-key-clip_player video")
    assert video.evaluate("v => v.paused")
    video.scroll_into_view_if_needed()
    plays(page, ".st-key-clip_player video")
    page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    page.wait_for_function("v => v.paused", arg=video.element_handle())


def test_a_clip_that_a_person_paused_stays_so(served: Server, visit: Visit) -> None:
    """Scrolling away and back starts nothing again, and neither does a rerun of the page."""
    page = visit(served).page
    plays(page, ".st-key-clip_player video")
    video = page.locator(".st-key-clip_player video")
    video.focus()
    page.keyboard.press("Space")
    page.wait_for_function("v => v.paused", arg=video.element_handle())
    settle(page)
    page.get_by_label("Takes").click()
    page.get_by_role("option", name="2").click()
    page.set_viewport_size({"width": 1440, "height": 200})
    settle(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    settle(page)
    assert video.evaluate("v => v.paused")


def test_nothing_moves_by_itself_where_motion_is_unwanted(served: Server, visit: Visit) -> None:
    """With reduced motion the clip waits for a press, and a poster stays a picture under mouse and focus."""
    page = visit(served, calm=True).page
    settle(page)
    poster = page.locator(".st-key-recent_shelf button").first
    poster.hover()
    poster.focus()
    settle(page)
    assert page.locator(".st-key-clip_player video").evaluate("v => v.paused")
    assert page.locator("video.hover-play").count() == 0


def test_posters_play_under_the_mouse_and_under_the_focus(served: Server, visit: Visit) -> None:
    """One at a time; when the mouse leaves, the picture is back."""
    page = visit(served).page
    settle(page)
    posters = page.locator(".st-key-recent_shelf button")
    posters.nth(1).hover()
    plays(page, ".st-key-recent_shelf li:nth-child(2) video")
    page.get_by_role("heading", level=1).hover()
    expect(page.locator("video.hover-play")).to_have_count(0)
    posters.nth(0).focus()
    page.keyboard.press("Tab")
    plays(page, ".st-key-recent_shelf li:nth-child(2) video")
    posters.nth(2).hover()
    plays(page, ".st-key-recent_shelf li:nth-child(3) video")
    expect(page.locator("video.hover-play")).to_have_count(1)


def test_a_chosen_clip_is_shown_before_the_server_has_answered(served: Server, visit: Visit) -> None:
    """The poster is marked and the player has the clip in the same turn; the page's own words follow and change neither."""
    page = visit(served).page
    settle(page)
    before = player(page)
    pressed, source = page.locator(".st-key-recent_shelf button").nth(2).evaluate(CHOOSE)
    assert pressed == "true"
    assert source != before
    page.locator(".st-key-clip_player video").evaluate("v => { v.dataset.mark = 'same'; }")
    expect(page.get_by_role("button", name="Show the latest")).to_be_visible()
    assert player(page) == source
    assert page.locator(".st-key-clip_player video").get_attribute("data-mark") == "same"
    plays(page, ".st-key-clip_player video")
    page.get_by_role("button", name="Show the latest").click()
    expect(page.get_by_role("heading", name="Latest clip")).to_be_visible()
    assert player(page) == before


def test_the_posters_one_compares_from_play_too(served: Server, visit: Visit) -> None:
    """What is ticked is seen moving first; the header has said that all of it is simulated."""
    page = visit(served, path="/compare").page
    settle(page)
    page.locator(".st-key-wall_picker .poster").nth(1).hover()
    plays(page, ".st-key-wall_picker li:nth-child(2) video")
    expect(page.locator(".st-key-wall_picker .mark:not(:empty)")).to_have_count(0)


def test_a_cancel_is_acknowledged_before_the_server_has_answered(
    start_server: Callable[..., Server], visit: Visit, tmp_path: Path
) -> None:
    """The button says so in the same turn; then the row is gone."""
    path = tmp_path / "data0" / "lab.sqlite3"
    path.parent.mkdir()
    database = open_database(path)
    migrate(database, path)
    in_state(Ledger(database), State.WAITING, connection="https://elsewhere.test")
    database.dispose()
    page = visit(start_server()).page
    settle(page)
    button = page.get_by_role("button", name=re.compile("^Cancel:"))
    assert button.evaluate("b => { b.click(); return [b.disabled, b.textContent]; }") == [True, "Cancelling…"]
    expect(page.get_by_role("heading", name="In progress")).not_to_be_visible()


@pytest.mark.parametrize("look", [WIDE, PHONE], ids=["wide-light", "phone-dark"])
def test_takes_of_one_press_are_one_strip(served: Server, visit: Visit, look: Look) -> None:
    """Four takes are one poster on the shelf and one strip under the player, and one press compares them.

    P8: the header says SIMULATED, the picture has it burned in, nothing repeats it; the scene is said to be a placeholder.
    """
    visitor = visit(served, look)
    page = visitor.page
    settle(page)
    expect(page.get_by_text(re.compile("SIMULATED"))).to_have_count(1)
    expect(page.get_by_text("Placeholder scene: the simulator does not draw your prompt.")).to_have_count(1)
    expect(page.locator(".st-key-take_strip button")).to_have_count(4)
    expect(page.locator(".st-key-recent_shelf button")).to_have_count(4)
    expect(page.locator(".st-key-recent_shelf .takes").first).to_have_text("4 takes")
    assert_well(visitor)
    page.locator(".st-key-take_strip button").nth(2).click()
    expect(page.get_by_text(re.compile("take 3 ·"))).to_be_visible()
    page.get_by_role("link", name="Compare these 4").click()
    expect(page.get_by_role("heading", level=1, name="Compare")).to_be_visible()
    expect(page.locator("video")).to_have_count(4)


@pytest.mark.parametrize("press", ["Generate", pytest.param("Repeat", marks=pytest.mark.soak)])
def test_starting_another_leaves_the_playing_clip_alone(held: Held, visit: Visit, press: str) -> None:
    """Nothing ran before: the progress card comes and goes above the same video element, which goes on playing."""
    page = visit(held.server).page
    expect(page.get_by_role("heading", name="In progress")).not_to_be_visible()
    type_prompt(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("Generate · 160"))).to_be_enabled()
    settle(page)
    video = page.locator("video").first
    video.evaluate("v => { v.dataset.mark = 'same'; }")
    page.wait_for_function("v => !v.paused", arg=video.element_handle())
    video.focus()
    for paused in ("true", "false"):  # who pauses a clip and plays it again is watching it
        page.keyboard.press("Space")
        page.wait_for_function(f"v => v.paused === {paused}", arg=video.element_handle())
    settle(page)
    page.get_by_role("button", name=re.compile(press)).first.click()
    expect(page.get_by_role("heading", name="In progress")).to_be_visible()
    held.let_end()
    expect(page.get_by_role("button", name="Show the latest")).to_be_visible()
    expect(page.get_by_role("heading", name="In progress")).not_to_be_visible()
    assert video.evaluate("v => [v.dataset.mark, v.paused]") == ["same", False]
    page.get_by_role("button", name="Show the latest").click()
    expect(page.get_by_role("heading", name="Latest clip")).to_be_visible()


AWAY = "away => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }"
BACKGROUND = """
window.away = false;
Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
window.told = []; window.asked = 0;
window.Notification = class {
  static permission = 'default';
  static requestPermission() { window.asked += 1; this.permission = 'granted'; return Promise.resolve('granted'); }
  constructor(words) { window.told.push(words); }
};
"""
"""A tab that can be put into the background, and a browser whose notifications are written down."""


def test_what_ended_in_a_background_tab_is_told(held: Held, visit: Visit) -> None:
    """In the tab's title, by a notification that was asked for by a press, and on return; then the title is the page's again."""
    visitor = visit(held.server)
    page = visitor.open("/", BACKGROUND)
    settle(page)
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page).to_have_title("1 running · Generate · Rivya Lab")
    assert page.evaluate("window.asked") == 0
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="Notifications on")).to_be_visible()
    page.evaluate(AWAY, True)
    held.let_end()
    expect(page).to_have_title("1 finished · Generate · Rivya Lab")
    assert page.evaluate("[window.asked, window.told]") == [1, ["1 finished"]]
    page.evaluate(AWAY, False)
    expect(page.get_by_text("1 finished since you left")).to_be_visible()
    expect(page).to_have_title("Generate · Rivya Lab")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("1 finished since you left")).not_to_be_visible()


def test_another_page_tells_what_ended_too(held: Held, visit: Visit) -> None:
    """What was started on Generate is counted in the title of the page one has gone to; nobody who did not ask is notified."""
    visitor = visit(held.server)
    page = visitor.open("/", BACKGROUND)
    settle(page)
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page).to_have_title("1 running · Generate · Rivya Lab")
    page.evaluate(AWAY, True)
    page.get_by_role("link", name="Connection").click()
    expect(page).to_have_title("1 running · Connection · Rivya Lab")
    held.let_end()
    expect(page).to_have_title("1 finished · Connection · Rivya Lab")
    assert page.evaluate("window.told") == []
