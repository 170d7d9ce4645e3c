"""The review wall as people use it: one clock, nothing restarts, all by keyboard, on a phone, in the dark."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.clips import make_clips
from tests.browser.conftest import Server, Visitor
from tests.browser.looks import broken
from tests.until import until

Visit = Callable[..., Visitor]

FOX = "A red fox crossing a frozen lake at dawn, soft back light"
DUSK = "A red fox crossing a frozen lake at dusk, hard rim light"
FRAME_S = 1 / 24
PLAYED_S = 30
REQUESTS: list[dict[str, Any]] = [
    *({"prompt": FOX, "params": {"duration": "5", "cfg_scale": scale}} for scale in (0.0, 0.3, 0.5, 0.7, 1.0)),
    {"prompt": DUSK, "params": {"duration": "5", "cfg_scale": 0.5}},
    {"prompt": FOX, "params": {"duration": "5", "aspect_ratio": "9:16"}},
    {"prompt": FOX, "params": {"duration": "5", "aspect_ratio": "1:1"}},
    {"prompt": FOX, "params": {"duration": "5", "aspect_ratio": "16:9"}},
    {"prompt": FOX, "params": {"duration": "10"}},
]
LONG = 9

PLACES = "videos => videos.map(v => [v.currentTime, v.paused || v.ended, v.seeking])"
TIMED_PLACES = """videos => [performance.now() / 1000,
    videos.map(v => [v.currentTime, v.paused || v.ended, v.seeking])]"""
MARK = """videos => { window.kept = videos; window.emptied = 0;
    videos.forEach(v => v.addEventListener('emptied', () => window.emptied++)); }"""
SAME = "videos => videos.every((v, i) => v === window.kept[i]) && window.emptied === 0"


STAND = """async (videos) => {
  for (let frame = 0; frame < 4; frame += 1) {
    await new Promise((next) => requestAnimationFrame(next));
    if (videos.some((one) => one.seeking)) return false;
  }
  return true;
}"""
"""No clip seeks in four frames that follow each other: what a press asks for begins in the next one."""


class Served:
    """A server with clips, and the ids of those."""

    def __init__(self, server: Server, ids: list[str]) -> None:
        self.server = server
        self.ids = ids

    def wall(self, *numbers: int) -> str:
        """The address of a wall of some clips."""
        return "/compare?ids=" + ",".join(self.ids[number] for number in numbers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all: nine clips of 5 s, landscape, portrait and square, and one of 10 s."""
    folder = tmp_path_factory.mktemp("wall")
    ids = make_clips(folder, REQUESTS)
    server = Server(folder)
    server.start()
    yield Served(server, ids)
    server.stop()


def opened(visit: Visit, served: Served, *numbers: int, **how: Any) -> Page:
    """A wall whose clips are loaded and, unless motion is reduced, playing."""
    page = visit(served.server, path=served.wall(*numbers), **how).page
    videos = page.locator(".wall video")
    expect(videos).to_have_count(len(numbers))
    page.wait_for_function(
        """count => { const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot)
            .find(r => r && r.querySelector('.wall'));
            return root && [...root.querySelectorAll('video')].filter(v => v.readyState >= 2).length === count; }""",
        arg=len(numbers),
    )
    return page


def places(page: Page) -> list[float]:
    """Where the clips stand."""
    return [place for place, _, _ in page.locator(".wall video").evaluate_all(PLACES)]


def stopped(page: Page) -> list[float]:
    """Pause, and say where all clips stand."""
    expect(page.get_by_role("button", name="Pause (Space)")).to_be_visible()
    page.locator(".wall").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play (Space)")).to_be_visible()
    settle(page)
    return places(page)


def settle(page: Page) -> None:
    """Wait until no clip is seeking."""
    until(lambda: page.locator(".wall video").evaluate_all(STAND), what="no clip is seeking")


def frame_number(page: Page) -> int:
    """The frame that the transport names."""
    found = re.search(r"frame (\d+)", page.locator(".wall .time").inner_text())
    assert found
    return int(found[1])


@pytest.mark.alone
def test_nine_clips_stay_within_a_frame_for_30_s_while_everything_around_them_changes(
    served: Served, visit: Visit
) -> None:
    """Drift is at most a frame, and stars and live ticks neither restart a clip nor make it jump."""
    page = opened(visit, served, *range(9))
    expect(page.get_by_role("button", name="Pause (Space)")).to_be_visible()
    page.wait_for_timeout(1000)
    page.locator(".wall video").evaluate_all(MARK)
    page.locator(".wall").focus()
    drifts: list[float] = []
    jumps: list[float] = []
    before: tuple[float, float] | None = None
    wrapped, began = 0, time.monotonic()
    while time.monotonic() - began < PLAYED_S:
        number = len(drifts) % 9 + 1
        page.keyboard.press(str(number))
        page.keyboard.press(f"Shift+Digit{len(drifts) % 5 + 1}")
        page.wait_for_timeout(950)
        now, found = page.locator(".wall video").evaluate_all(TIMED_PLACES)
        moving = [place for place, paused, seeking in found if not paused and not seeking]
        if len(moving) < 9:
            before = None  # the loop's seam: all are being brought to the start
            wrapped += 1
            continue
        drifts.append(max(moving) - min(moving))
        if before and moving[0] > before[1]:
            jumps.append((moving[0] - before[1]) - (now - before[0]))
        elif before:
            wrapped += 1
        before = (now, moving[0])
    print(
        f"{len(drifts)} samples: drift {max(drifts) * 1000:.1f} ms, ahead {max(jumps) * 1000:.1f} ms, behind {-min(jumps) * 1000:.1f} ms, {wrapped} loops"
    )
    assert len(drifts) >= 20
    assert max(drifts) <= FRAME_S
    assert max(jumps) <= 0.3  # between two looks the clips went on by the time that passed, or all waited together
    assert 3 <= wrapped <= 7  # and went back only where 5 s end
    assert page.locator(".wall video").evaluate_all(SAME)
    expect(page.locator(".card .star[aria-checked='true']")).to_have_count(9)
    assert len({round(place, 3) for place in stopped(page)}) == 1


def test_what_another_person_writes_arrives_by_itself_and_stops_nothing(served: Served, visit: Visit) -> None:
    """The page looks every two seconds; the clips go on with the same elements."""
    page = opened(visit, served, 0, LONG)
    other = opened(visit, served, 0, 5, calm=True)
    expect(page.get_by_role("button", name="Pause (Space)")).to_be_visible()
    until(lambda: min(places(page)) > 0, what="both play")
    page.locator(".wall video").evaluate_all(MARK)
    for number in range(2):
        other.locator(".wall").focus()
        other.keyboard.press("n")
        other.keyboard.type(f"Seen by another, {number}")
        other.keyboard.press("Enter")
        expect(page.locator(".note .text", has_text=f"another, {number}")).to_be_visible()
        assert not page.locator(".wall video").nth(1).evaluate("v => v.paused")
    assert page.locator(".wall video").evaluate_all(SAME)


def test_clips_of_other_lengths_hold_their_last_frame_or_loop(served: Served, visit: Visit) -> None:
    """The clock runs over the longest clip; what is shorter waits, or loops by choice."""
    page = opened(visit, served, 0, LONG, calm=True)
    page.locator(".wall").focus()
    page.keyboard.press("End")
    settle(page)
    short, long = places(page)
    assert short == pytest.approx(5 - FRAME_S / 2, abs=0.03)
    assert long == pytest.approx(10 - FRAME_S / 2, abs=0.03)
    page.get_by_role("button", name="Short clips wait").click()
    settle(page)
    short, long = places(page)
    assert short == pytest.approx(long - 5, abs=0.05)


def test_everything_goes_by_keyboard(served: Served, visit: Visit) -> None:
    """Step, second, speed, loop range, choose, mute, wipe, help; nothing while somebody types."""
    page = opened(visit, served, 0, 4, 5, calm=True)
    expect(page.get_by_role("button", name="Play (Space)")).to_be_visible()
    assert set(places(page)) == {0.0}  # who asks for less motion gets none
    for key, frame in [("ArrowRight", 2), (".", 3), (",", 2), ("Shift+ArrowRight", 26), ("End", 120), ("Home", 1)]:
        page.keyboard.press(key)  # the wall listens on the bare page too
        settle(page)
        assert frame_number(page) == frame, key
    page.keyboard.press("Shift+ArrowRight")
    settle(page)
    page.keyboard.press("i")
    page.keyboard.press("Shift+ArrowRight")
    settle(page)
    page.keyboard.press("o")
    page.keyboard.press("l")
    expect(page.get_by_role("button", name=re.compile("Speed 1.5"))).to_be_visible()
    page.keyboard.press("Space")
    seen = [places(page)[0]]

    def went_back_twice() -> bool:
        seen.append(places(page)[0])
        return sum(now < before - 0.3 for before, now in pairwise(seen)) >= 2

    until(went_back_twice, what="the second between the marks plays over and over")
    assert min(seen) >= 1 - FRAME_S
    assert max(seen) < 4  # how exactly it ends at its mark, tests of the clock say; a busy browser may be late
    page.keyboard.press("Space")
    for key in "kkjx":
        page.keyboard.press(key)
    expect(page.get_by_role("button", name=re.compile("Speed 0.5"))).to_be_visible()
    expect(page.get_by_role("button", name="Whole")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Clip 2")).to_be_visible()
    page.keyboard.press("m")
    muted = "all => all.map(v => v.muted)"
    until(lambda: page.locator(".wall video").evaluate_all(muted) == [True, False, True], what="clip 2 is heard")
    page.keyboard.press("w")
    divider = page.get_by_role("slider", name="Divider of the wipe")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    page.keyboard.press("]")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    divider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "48")
    drag(page, divider, 0.25)
    expect(divider).to_have_attribute("aria-valuenow", re.compile("^2[3-7]$"))
    page.keyboard.press("w")
    expect(divider).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    assert broken(page) == {}
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()


def drag(page: Page, divider: Locator, share: float) -> None:
    """Drag the divider to a share of the picture's width."""
    picture = page.locator(".card.left .frame").bounding_box()
    handle = divider.bounding_box()
    assert picture
    assert handle
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + 60)
    page.mouse.down()
    page.mouse.move(picture["x"] + picture["width"] * share, picture["y"] + 60, steps=4)
    page.mouse.up()


def test_notes_stay_at_their_frame_and_come_back_after_undo(served: Served, visit: Visit) -> None:
    """Written at a frame, found as a marker, edited, deleted, brought back; letters typed stay letters."""
    page = opened(visit, served, 2, 3, calm=True)
    page.keyboard.press("2")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
        settle(page)
    assert frame_number(page) == 73
    page.keyboard.press("n")
    page.keyboard.type("the crest r c jumps")  # R and C would run again and clear caches
    page.keyboard.press("Enter")
    note = page.locator(".note")
    expect(note).to_have_count(1)
    expect(note).to_contain_text("the crest r c jumps")
    expect(note).to_contain_text("Clip 2")
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("Home")
    settle(page)
    page.locator(".marker").click()
    settle(page)
    assert frame_number(page) == 73
    page.get_by_role("button", name=re.compile("Edit the note")).click()
    page.locator(".editor textarea").fill("the crest melts")
    page.get_by_role("button", name="Save note").click()
    expect(note).to_contain_text("the crest melts")
    page.get_by_role("button", name=re.compile("Delete the note")).click()
    expect(note).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(note).to_contain_text("the crest melts")
    page.reload()
    expect(page.locator(".note")).to_contain_text("the crest melts")


def test_stars_keep_their_authors_apart(served: Served, visit: Visit) -> None:
    """Stars that nobody gave are outlines. A name given once stays in this browser; others' stars stand beside mine."""
    page = opened(visit, served, 6, 7, calm=True)
    page.mouse.move(0, 0)
    row = page.get_by_role("radiogroup", name="Look, clip 1")
    fills = "row => [...row.querySelectorAll('svg')].map(one => getComputedStyle(one).fill)"
    assert row.evaluate(fills) == ["none"] * 5
    row.get_by_role("radio", name="2 stars").click()
    page.mouse.move(0, 0)
    expect(row.locator(".lit")).to_have_count(2)
    assert [fill == "none" for fill in row.evaluate(fills)] == [False, False, True, True, True]
    motion = page.get_by_role("radiogroup", name="Motion, clip 1")
    motion.get_by_role("radio", name="2 stars").click()
    expect(motion.get_by_role("radio", name="2 stars")).to_have_attribute("aria-checked", "true")
    page.get_by_label("Your name").fill("Mia")
    page.keyboard.press("Tab")
    expect(motion.locator("[aria-checked='true']")).to_have_count(0)
    motion.get_by_role("radio", name="1 star").focus()
    page.keyboard.press("4")
    expect(motion.get_by_role("radio", name="4 stars")).to_have_attribute("aria-checked", "true")
    page.reload()
    motion = page.get_by_role("radiogroup", name="Motion, clip 1")
    expect(motion.get_by_role("radio", name="4 stars")).to_have_attribute("aria-checked", "true")
    expect(page.locator(".criterion", has_text="Motion").locator(".others")).to_have_text("no name 2")


def test_what_differs_is_marked_word_by_word(served: Served, visit: Visit) -> None:
    """The baseline can be changed; words that came and went are marked, and nothing is read as markup."""
    page = opened(visit, served, 2, 5, calm=True)
    assert page.locator(".differences ins").all_inner_texts() == ["dusk", "hard rim"]
    assert page.locator(".differences del").all_inner_texts() == ["dawn", "soft back"]
    page.keyboard.press("2")
    page.keyboard.press("b")
    expect(page.locator(".differences ins").first).to_have_text("dawn")
    assert "base=" in page.url
    link = page.get_by_role("link", name="Open in History")
    expect(link).to_have_attribute("href", f"/history?id={served.ids[5]}")
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(DUSK)


def test_the_baseline_is_in_sight_on_a_phone_and_more_columns_are_told(served: Served, visit: Visit) -> None:
    """The table of differences begins at its first clip; where clips do not fit, a sentence and a shade say so."""
    page = opened(visit, served, *range(9), width=390, height=844)
    table = page.get_by_role("region", name="What differs, clip by clip")
    table.scroll_into_view_if_needed()
    assert table.evaluate("one => [one.scrollLeft, one.scrollWidth > one.clientWidth]") == [0, True]
    expect(page.get_by_text("9 clips. Scroll sideways for more.")).to_be_visible()
    expect(page.locator(".shade")).to_have_class(re.compile("more-right"))
    table.evaluate("one => { one.scrollLeft = one.scrollWidth; }")
    expect(page.locator(".shade")).not_to_have_class(re.compile("more-right"))
    box = page.get_by_role("button", name="Change clips").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390


def test_a_phone_swipes_from_clip_to_clip(served: Served, visit: Visit) -> None:
    """390 pixels: one clip at a time, the next in reach; what is in the middle is chosen."""
    page = opened(visit, served, 0, 5, 6, width=390, height=844, dark=True)
    expect(page.get_by_role("button", name="Pause (Space)")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".stage").evaluate("stage => stage.scrollBy(stage.clientWidth, 0)")
    expect(page.get_by_role("heading", name="Clip 2")).to_be_visible()
    page.get_by_role("button", name="Clip 3", exact=True).click()
    expect(page.get_by_role("heading", name="Clip 3")).to_be_visible()

    def is_centred() -> bool:
        box = page.locator(".card").nth(2).bounding_box()
        return box is not None and 0 <= box["x"] + box["width"] / 2 - 195 + 40 <= 80

    until(is_centred, what="the chosen clip is in the middle")
    assert broken(page) == {}


def test_posters_are_chosen_and_compared(served: Served, visit: Visit) -> None:
    """Nothing in the address: two to nine posters make a wall, and the way back keeps them."""
    visitor = visit(served.server, path="/compare")
    page = visitor.page
    go = page.get_by_role("button", name=re.compile("^Compare"))
    expect(page.locator(".poster")).to_have_count(len(REQUESTS))
    expect(go).to_be_disabled()
    assert broken(page) == {}
    for number in range(len(REQUESTS)):
        page.locator(".poster").nth(number).click()
    expect(page.locator(".tray .count")).to_have_text("9 at most: take one out first.")
    page.locator(".chosen button").first.click()
    go.click()
    expect(page.locator(".wall video")).to_have_count(8)
    page.get_by_role("button", name="Change clips").click()
    expect(page.locator(".tray .count")).to_have_text("8 of at most 9")
    assert visitor.errors == []
    assert visitor.foreign == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_wall_is_accessible_standing_playing_and_wiping(served: Served, visit: Visit, *, dark: bool) -> None:
    """Axe finds nothing, whatever the wall does; nothing comes from elsewhere."""
    visitor = visit(served.server, path=served.wall(0, 5, 6, LONG), dark=dark)
    page = visitor.page
    expect(page.get_by_role("button", name="Pause (Space)")).to_be_visible()
    assert broken(page) == {}
    stopped(page)
    page.keyboard.press("n")
    page.keyboard.type("Stands out")
    assert broken(page) == {}
    page.keyboard.press("Enter")
    page.keyboard.press("w")
    expect(page.locator(".note", has_text="Stands out").first).to_be_visible()
    assert broken(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert visitor.errors == []
    assert visitor.foreign == []


def test_an_address_that_cannot_be_shown_says_why(served: Served, visit: Visit) -> None:
    """Unknown and doubled ids are named; what can be shown is shown."""
    both = f"{served.ids[0]},nobody,{served.ids[1]},{served.ids[0]}"
    page = visit(served.server, path=f"/compare?ids={both}").page
    expect(page.get_by_text("nobody is not in this data folder")).to_be_visible()
    expect(page.get_by_text("A clip named twice is shown once.")).to_be_visible()
    expect(page.locator(".wall video")).to_have_count(2)
    assert json.dumps(both) not in page.content()
