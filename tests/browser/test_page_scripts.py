"""The pages' own scripts, file by file in the browser that runs them: clocks, the ballot's deal, the deck of slides.

Time and clips are the test's (``scripts/clips.js``): nothing here waits for a decoder or depends on how fast the machine is.
"""

from __future__ import annotations

import hmac
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pages._ui import components
from rivya_core.lab.evaluation.votes import vote_lines
from rivya_core.lab.evaluation.votes.vote_lines import OUTCOMES, Plan
from rivya_core.lab.evaluation.votes.votes import WHYS
from rivya_core.lab.shows.ballot import ballot
from rivya_core.lab.shows.page import page

HERE = Path(__file__).parent / "scripts"
FRAME_S = 1 / 24

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open tabs with files as their scripts; an error in one of them fails the test that runs then."""
    context = browser.new_context()

    def opened(*files: Path) -> Page:
        made = context.new_page()
        for file in files:
            made.add_script_tag(path=file)
        return made

    yield opened
    context.close()


def caller(tab: Page) -> Call:
    """Call a function of a tab by its name, with plain values."""
    return lambda name, *values: tab.evaluate(f"(values) => {name}(...values)", values)


# -- the wall's clock ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wall(tab: Callable[..., Page]) -> Call:
    """``sync_clock.js`` with clips of the test."""
    return caller(tab(components.FOLDER / "sync_clock.js", HERE / "clips.js", HERE / "wall.js"))


@pytest.mark.parametrize("rate", [0.25, 1, 2])
@pytest.mark.parametrize(
    "clips",
    [
        pytest.param([{}, {}], id="alike"),
        pytest.param([{"pace": 0.97}, {"pace": 1.03}, {}], id="one slow, one fast"),
        pytest.param([{"lag_s": 0.12}, {}, {"lag_s": 0.03}], id="late starts"),
        pytest.param([{"lag_s": 0.1, "pace": 1.02}, {"pace": 0.98}] * 4, id="eight of both kinds"),
    ],
)
def test_clips_stay_within_a_frame_of_the_clock(wall: Call, clips: list[dict[str, float]], rate: float) -> None:
    """Whatever each does of itself, and without a seek."""
    clips = [{**clip, "duration": 9} for clip in clips]
    found = wall("drift", clips, rate)
    assert found["most_s"] <= FRAME_S
    assert found["mode"] == "running"
    assert found["passed_s"] == pytest.approx(3 * rate, abs=0.3 * rate)
    assert found["seeks"] == [0] * len(clips)


def test_a_clip_a_little_off_is_bent_and_one_far_off_is_moved(wall: Call) -> None:
    """The speed changes by at most two fifths."""
    behind, ahead, lost = (wall("thrownOff", by_s) for by_s in (-0.1, 0.1, -0.6))
    assert 1 < behind["bent"] <= 1.4
    assert 0.6 <= ahead["bent"] < 1
    assert [one["seeks"] for one in (behind, ahead, lost)] == [0, 0, 1]
    assert max(one["off_s"] for one in (behind, ahead, lost)) <= FRAME_S


def test_a_clip_that_the_browser_paused_goes_on_with_the_others(wall: Call) -> None:
    """Browsers pause what they think nobody watches."""
    found = wall("pausedByOthers")
    assert not found["paused"]
    assert found["off_s"] <= FRAME_S


@pytest.mark.parametrize("fps", [8, 23.976, 24, 25, 29.97, 30, 60])
@pytest.mark.parametrize("duration", [0.5, 4.96, 5, 10.01])
def test_the_middle_of_a_frame_shows_that_frame(wall: Call, fps: float, duration: float) -> None:
    """For every frame of a clip."""
    assert wall("wrongFrames", fps, duration) == []


@pytest.mark.parametrize(
    ("frame", "steps", "then", "other_s"),
    [
        (10, [1], 11, 0.479),
        (10, [1, 1, -1], 11, 0.479),
        (10, [-10], 0, 0.021),
        (3, [-5], 0, 0.021),
        (100, [40], 119, 3.983),  # the other one ends before: its last frame
        (119, [-1], 118, 3.983),
    ],
)
def test_a_step_is_a_frame_and_ends_where_clips_end(
    wall: Call, frame: int, steps: list[int], then: int, other_s: float
) -> None:
    """Of the longest clip; the others stand at the same place, or on their last frame."""
    assert wall("stepped", frame, steps) == {"frame": then, "other_s": other_s, "mode": "still"}


@pytest.mark.parametrize(
    ("how", "seconds", "backs", "least_s", "most_s"),
    [
        ({}, 5, 2, 0.5, 1.5),
        ({"start": 0.5, "end": 1.0}, 3, 5, 0.5, 1.0),
        ({"end": 0.5}, 1.7, 3, 0.0, 0.5),
    ],
    ids=["to the end", "between two marks", "to a mark"],
)
def test_a_loop_goes_back_to_its_start(
    wall: Call, how: dict[str, float], seconds: float, backs: int, least_s: float, most_s: float
) -> None:
    """And never leaves its marks."""
    found = wall("ran", seconds, how)
    assert (found["mode"], found["paused"]) == ("running", False)
    assert backs - 1 <= found["backs"] <= backs
    assert least_s - FRAME_S <= found["at_s"] <= most_s + FRAME_S


@pytest.mark.parametrize(("end", "at_s"), [(None, 1.979), (1.0, 0.979)])
def test_without_a_loop_clips_stop_on_the_last_frame(wall: Call, end: float | None, at_s: float) -> None:
    """In its middle, so that no browser shows the one after it."""
    found = wall("ran", 3, {"looping": False, "end": end})
    assert found == {"backs": 0, "mode": "still", "at_s": at_s, "paused": True}


@pytest.mark.parametrize(("short", "seconds", "at_s", "paused"), [("hold", 3.5, 2.0, True), ("loop", 3.5, 1.5, False)])
def test_a_shorter_clip_holds_its_last_frame_or_loops(
    wall: Call, short: str, seconds: float, at_s: float, paused: bool
) -> None:
    """As it was chosen; the clock runs over the longest."""
    found = wall("shortAt", short, seconds)
    assert found["paused"] is paused
    assert found["at_s"] == pytest.approx(found["expected_s"], abs=FRAME_S)
    assert found["at_s"] == pytest.approx(at_s, abs=2 * FRAME_S)


@pytest.mark.parametrize(
    ("marks", "start", "end", "looping"),
    [
        ([("start", 10)], 10, None, True),
        ([("end", 10)], None, 11, True),
        ([("start", 10), ("end", 20)], 10, 21, True),
        ([("start", 10), ("end", 10)], 10, 11, True),
        ([("start", 10), ("end", 5)], None, 6, True),
        ([("end", 10), ("start", 20)], 20, None, True),
        ([("end", 9), ("start", 10)], 10, None, True),
        ([("start", 10), ("end", 9)], None, 10, True),
        ([("end", 119)], None, 120, True),
        ([("start", 10), ("end", 20), ("", 0)], None, None, True),
        ([("", 0)], None, None, False),
    ],
)
def test_marks_hold_at_least_one_frame(
    wall: Call, marks: list[tuple[str, int]], start: int | None, end: int | None, looping: bool
) -> None:
    """A mark that would turn the loop around takes the other one away."""
    assert wall("marked", marks) == {"start": start, "end": end, "looping": looping}


@pytest.mark.parametrize(("rate", "by", "then"), [(1, 1, 1.5), (1, -1, 0.5), (2, 1, 2), (0.1, -1, 0.1), (0.9, 1, 1.5)])
def test_speed_changes_in_steps_for_all_clips(wall: Call, rate: float, by: int, then: float) -> None:
    """And stays within them."""
    assert wall("speeds", rate, by) == [then, then, then]


def test_a_speed_changed_under_way_moves_nothing(wall: Call) -> None:
    """From there on the clock runs as fast as it was told."""
    found = wall("changedUnderWay")
    assert found["jump_s"] == pytest.approx(0, abs=1e-9)
    assert found["passed_s"] == pytest.approx(0.5, abs=0.02)


def test_all_wait_for_a_clip_whose_data_has_not_come(wall: Call) -> None:
    """Not for a moment's lack, but for one that lasts; then they run together again."""
    short, long = wall("starved", 0.15), wall("starved", 0.5)
    assert (short["mode"], short["waits"]) == ("running", False)
    assert (long["mode"], long["waits"]) == ("gathering", True)
    assert (short["later"], long["later"]) == ("running", "running")
    assert max(short["apart_s"], long["apart_s"]) <= FRAME_S


def test_of_places_asked_for_during_a_seek_only_the_last_is_gone_to(wall: Call) -> None:
    """A dragged handle asks for dozens."""
    found = wall("hurried", [1, 2, 3, 4])
    assert found == {"seeks": [1, 4], "plays": 0, "mode": "still", "busy": False, "at_s": 4}


@pytest.mark.parametrize(("at_s", "second_s"), [(1.5, 1.5), (4.0, 1.979)])
def test_a_clip_that_comes_late_takes_its_place(wall: Call, at_s: float, second_s: float) -> None:
    """A shorter one its last frame."""
    assert wall("joined", at_s) == [at_s, second_s]


# -- the slide show's clock ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def show(tab: Callable[..., Page]) -> Call:
    """The show's scripts but the presenter, with clips of the test."""
    files = ["clock.js", "slides.js", "prefetch.js", "deck.js"]
    return caller(tab(*(page.FOLDER / file for file in files), HERE / "clips.js", HERE / "show.js"))


@pytest.mark.parametrize(
    ("behind_s", "lead_s", "rate", "bent", "seeks"),
    [
        (0.0, 1, 1, 1, []),
        (0.1, 1, 1, 1.2, []),
        (-0.1, 1, 1, 0.8, []),
        (0.25, 1, 1, 1.3, []),
        (-0.25, 1, 1, 0.7, []),
        (0.1, 1, 2, 2.4, []),
        (0.31, 1, 1, 1.3, [1]),
        (-0.5, 2, 1, 0.7, [2]),
        (0.2, 3.96, 1, 1, []),  # it is over: its last picture stands
    ],
)
def test_clips_of_a_slide_agree_with_the_longest(
    show: Call, behind_s: float, lead_s: float, rate: float, bent: float, seeks: list[float]
) -> None:
    """Bent by at most three tenths, moved where they are far off, and left alone after their end."""
    assert show("bent", behind_s, lead_s, rate) == {"rate": bent, "seeks": seeks, "afterwards": 1}


@pytest.mark.parametrize(
    ("which", "is_going", "places"), [(1, True, [0, 0, 0]), (0, True, [2, 2, 2]), (1, False, [2, 2, 2])]
)
def test_all_begin_again_when_the_longest_has_ended(show: Call, which: int, is_going: bool, places: list[int]) -> None:
    """Not before, and not where a person has paused."""
    assert show("endedOf", which, is_going) == {"places": places, "paused": [not is_going] * 3}


def test_a_clock_that_was_stopped_moves_nothing(show: Call) -> None:
    """Its clips belong to whoever comes next."""
    assert show("stoppedForGood") == [[1, True, 1, False], [2, True, 1, False]]


def test_one_clip_loops_by_itself(show: Call) -> None:
    """Nothing is watched; it starts and stops all the same."""
    assert show("alone") == {"seen": [True, False, True, False, False, True], "timers": 0, "loop": False}


# -- the deck --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "index", "built"),
    [
        ([0], 0, [0, 1]),
        ([2], 2, [1, 2, 3]),
        ([0, 1, 2], 2, [1, 2, 3]),
        ([99], 4, [3, 4]),
        ([-3], 0, [0, 1]),
        ([4, 0], 0, [0, 1]),
    ],
)
def test_the_slide_and_its_neighbours_are_there_and_no_others(
    show: Call, asked: list[int], index: int, built: list[int]
) -> None:
    """Whatever number is asked for; sixty slides do not stay in memory."""
    found = show("went", 5, asked)
    clamped = [max(0, min(4, one)) for one in asked]
    assert (found["index"], found["data"], found["built"]) == (index, index + 1, built)
    assert (found["requested"], found["shown"], found["on"]) == (clamped, clamped, [f"Slide {index}"])


@pytest.mark.parametrize("asked", [[1, 2, 3], [1, 0, 4], [3, 3, 3], [1, 2, 1]])
def test_of_changes_that_overlap_the_last_one_stays(show: Call, asked: list[int]) -> None:
    """Only its slide is on, and its neighbours are built."""
    found = show("wentAtOnce", 6, asked)
    last = asked[-1]
    near = [one for one in (last - 1, last, last + 1) if one >= 0]
    assert (found["index"], found["shown"], found["on"]) == (last, [last], [f"Slide {last}"])
    assert (found["built"], found["isChanging"]) == (near, False)


def test_slides_are_built_anew_for_a_window_that_was_turned(show: Call) -> None:
    """The same slide stays; a deck that shows nothing builds nothing, and a cleared one holds nothing."""
    found = show("rebuilt")
    assert found["before"] == []
    assert found["after"] == {"built": [2, 3, 4], "same": False, "slide": "4"}
    assert found["cleared"] == [[], None, None]


@pytest.mark.parametrize(
    ("slides", "at", "broken", "asked"),
    [
        ([["a"], ["b"], ["c"], ["d"]], 0, [], "abcd"),
        ([["a"], ["b"], ["c"], ["d"]], 2, [], "cdba"),
        ([["a"], ["b"], ["a", "c"], ["d"]], 1, [], "bacd"),
        ([["a"], ["b"], ["c"]], 0, ["b"], "abc"),
        ([["a"], list("bcdefghijk"), ["l"]], 0, [], "al"),
    ],
    ids=["ahead", "ahead first, then back", "each once", "a broken one is not tried again", "no posters' clips"],
)
def test_the_nearest_clips_are_fetched_first(
    show: Call, slides: list[list[str]], at: int, broken: list[str], asked: str
) -> None:
    """One after another, the slide on screen before the next one, that before the one behind."""
    assert show("fetched", slides, at, broken, len(asked)) == {"asked": list(asked), "kept": len(asked) - len(broken)}


@pytest.mark.parametrize(
    ("count", "columns"), [(0, 1), (1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (9, 3), (10, 4), (60, 8)]
)
def test_clips_of_a_slide_stand_in_a_square(show: Call, count: int, columns: int) -> None:
    """Up to three in one row."""
    assert show("columnsOf", count) == columns


# -- the ballot ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lines(tab: Callable[..., Page]) -> Call:
    """The ballot's deal and line, without its page."""
    return caller(tab(ballot.FOLDER / "hmac.js", ballot.FOLDER / "line.js"))


def _plans(seed: int) -> Iterator[tuple[Plan, dict[str, Any]]]:
    """Ballots of every size, from one match of two clips to many of many."""
    draw = random.Random(seed)
    for number in range(40):
        names = iter(range(10_000))
        matches = tuple(
            tuple(
                (
                    tuple(f"{next(names):x}" for _ in range(draw.randint(1, 4))),
                    tuple(f"{next(names):x}" for _ in range(draw.randint(1, 4))),
                )
                for _ in range(draw.randint(1, 3))
            )
            for _ in range(draw.randint(1, 6))
        )
        plan = Plan(draw.randint(1, 20), matches)
        prompts = [["" for _ in blocks] for blocks in matches]
        told = {**plan.json(), "prompts": prompts, "id": f"b{number}", "key": draw.randbytes(12).hex()}
        yield plan, told


def test_the_page_deals_what_the_core_deals(lines: Call) -> None:
    """The same pairs, sides and order for every voter: votes would be counted for other clips otherwise."""
    for plan, told in _plans(11):
        for voter in ("voter0000001", "abc-_XYZ0123"):
            dealt = [(pair["left"], pair["right"]) for pair in lines("deal", told, voter)]
            assert dealt == vote_lines.deal(plan, told["key"], told["id"], voter)


def test_every_vote_is_one_sign_that_the_core_reads(lines: Call) -> None:
    """Each outcome, ties and skips among them, with every choice of reasons."""
    told = {"id": "b1", "key": "secret"}
    votes = [
        (outcome, [at for at in range(len(WHYS)) if chosen >> at & 1]) for outcome in OUTCOMES for chosen in range(8)
    ]
    marks = [lines("markOf", outcome, whys) for outcome, whys in votes]
    assert len(set(marks)) == len(OUTCOMES) * 2 ** len(WHYS)
    line = lines("lineOf", told, "voter0000001", marks, "Ana")
    read = vote_lines.read(line, "secret", Plan(len(votes), ()))
    assert read.marks == tuple((outcome, tuple(WHYS[at] for at in whys)) for outcome, whys in votes)


@pytest.mark.parametrize("length", [0, 1, 31, 54, 55, 56, 63, 64, 65, 119, 120, 500])
def test_a_seal_is_an_hmac(lines: Call, length: int) -> None:
    """At every length at which the padding changes, with keys up to a block and texts beyond ASCII."""
    draw = random.Random(length)
    for key, signs in [("k", "az09.-_"), (draw.randbytes(16).hex(), "a\u00e9\u4e2d\U0001f600"), ("x" * 64, "z")]:
        text = "".join(draw.choices(signs, k=length))
        found = lines("((key, text) => [...hmac(key, text)])", key, text)
        assert bytes(found) == hmac.digest(key.encode(), text.encode(), "sha256")
        assert lines("seal", key, text) == vote_lines.seal(key, text)


MARKS = {"voter": "voter0000001", "name": "Ana", "stopped": False, "sent": False}


@pytest.mark.parametrize(
    ("stored", "count"),
    [
        pytest.param(MARKS | {"marks": []}, "Pair 1 of 4", id="begun"),
        pytest.param(MARKS | {"marks": [0, 12]}, "Pair 3 of 4", id="half"),
        pytest.param(MARKS | {"marks": [0, 1], "stopped": True}, "2 of 4 pairs are done.", id="stopped"),
        pytest.param(MARKS | {"marks": [0, 1, 2, 63]}, "All 4 pairs are done.", id="done"),
    ],
)
def test_who_comes_back_goes_on_where_they_were(voter: Call, stored: dict[str, Any], count: str) -> None:
    """With their own deal and name."""
    found = voter(json.dumps(stored))
    assert found == {"voter": "voter0000001", "name": "Ana", "count": count, "pairs": found["own"], "own": found["own"]}


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("{", id="cut"),
        pytest.param("null", id="null"),
        pytest.param(json.dumps(MARKS | {"marks": [0, 1, 2, 3, 4]}), id="more votes than pairs"),
        pytest.param(json.dumps(MARKS | {"marks": [64]}), id="no vote"),
        pytest.param(json.dumps(MARKS | {"marks": [1.5]}), id="half a vote"),
        pytest.param(json.dumps(MARKS | {"marks": [], "voter": "short"}), id="no voter"),
        pytest.param(json.dumps(MARKS | {"marks": [], "name": 5}), id="no name"),
    ],
)
def test_what_was_not_kept_by_this_ballot_begins_anew(voter: Call, stored: str) -> None:
    """As somebody else, from the first pair."""
    found = voter(stored)
    assert (found["name"], found["count"]) == ("", "Pair 1 of 4")
    assert found["voter"] not in {"voter0000001", "short"}
    assert found["pairs"] == found["own"]


@pytest.fixture(scope="module")
def voter(tab: Callable[..., Page]) -> Call:
    """Open a ballot whose browser kept some text, and say what it shows."""
    matches = [[[["a1", "a2"], ["b1"]]], [[["a1"], ["c1"]]]]
    told = {
        "id": "b1",
        "key": "secret",
        "pairs": 4,
        "matches": matches,
        "prompts": [["fox"], ["owl"]],
        "mark": "SIMULATED",
    }
    html = b"".join(ballot.page_of(told, [(name, "AAAA") for name in ("a1", "a2", "b1", "c1")])).decode()
    opened = tab()
    opened.route("http://ballot.test/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    opened.goto("http://ballot.test/")

    def visit(stored: str) -> Any:
        opened.evaluate("(stored) => localStorage.setItem('rivya-ballot-b1', stored)", stored)
        opened.reload()
        return opened.evaluate(
            "({ voter: state.voter, name: state.name, count: $('count').textContent, pairs, own: deal(ballot, state.voter) })"
        )

    return visit
