"""Blind votes as people cast them: nothing that names a clip reaches the browser, keys do all, it fits and can be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, WebSocket, expect

from rivya_core.services import close_all, open_lab
from rivya_core.settings import Settings
from tests.browser.conftest import Server, Visitor
from tests.browser.looks import assert_well, each_look, settle
from tests.conftest import FAST
from tests.lab.evaluation.study import WORDS, make_study
from tests.lab.evaluation.test_ballots import prefer
from tests.until import until

LABELS = ["obsidian gate", "verdigris tower", "0.8125"]
SENTINELS = [*WORDS.split(), "obsidian", "verdigris", "0.8125", "kling", "cfg_scale", "aspect_ratio"]
"""Words of the experiment's name, question and id, of prompts, negative prompts, labels, generation ids and file names."""

ALL_HTML = """() => {
  const read = (root) => [root.innerHTML, ...[...root.querySelectorAll('*')].filter((one) => one.shadowRoot)
    .map((one) => read(one.shadowRoot))].join('\\n');
  return read(document.documentElement) + document.title + JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage });
}"""


class Ears:
    """Everything a browser hears and says: frames, requests, headers, console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard: list[tuple[str, str]] = []
        self.media: list[str] = []
        page.on("websocket", self._socket)
        page.on("request", self._request)
        page.on("console", lambda message: self.heard.append(("console", message.text)))

    def _socket(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self._note("frame in", data))
        socket.on("framesent", lambda data: self._note("frame out", data))

    def _note(self, kind: str, data: str | bytes) -> None:
        self.heard.append((kind, data if isinstance(data, str) else data.decode("utf-8", "replace")))

    def _request(self, request: Request) -> None:
        self.heard.append(("request", f"{request.url} {request.headers}"))
        if request.resource_type == "media":
            self.media.append(request.url)

    def leaks(self, hidden: list[str]) -> list[tuple[str, str]]:
        """What was heard, in the page or outside, that must not be."""
        heard = [*self.heard, ("page", self.page.evaluate(ALL_HTML)), ("address", self.page.url)]
        return [(kind, word) for kind, text in heard for word in hidden if word.lower() in text.lower()]


@dataclass(frozen=True)
class Study:
    """An experiment of three cells, and the round of Ana that is open in it; or a decided one and its ended round."""

    experiment_id: str
    round_id: str


STUDIES = 11
"""One for each test that asks for one: they vote."""


def studies(data_dir: Path) -> tuple[Study, Study, list[Study]]:
    """Store a decided study, one that lacks a vote for the second of two, and those with an open round."""
    lab = open_lab(Settings(**{**FAST, "data_dir": data_dir}))
    decided = make_study(lab, ["calm sea", "rough sea"], clips=1, planned=2, experiment_id="xdecided")
    ended = Study(decided, lab.ballots.start(decided, "Ben"))
    prefer(lab, ended.round_id, [1, 0], 9)
    lab.ballots.end(ended.round_id)
    ids = [make_study(lab, LABELS, clips=2, experiment_id=f"xheliotrope{number}") for number in range(STUDIES)]
    fresh = [Study(experiment_id, lab.ballots.start(experiment_id, "Ana")) for experiment_id in ids]
    close = make_study(lab, ["calm sea", "rough sea"], experiment_id="xnearly")
    nearly = Study(close, lab.ballots.start(close, "Ana"))
    prefer(lab, nearly.round_id, [1, 0], 7)
    close_all()
    return ended, nearly, fresh


class Served:
    """A server over the studies, the decided one, the one that nearly is, and those nobody voted in yet."""

    def __init__(self, server: Server, ended: Study, nearly: Study, fresh: list[Study]) -> None:
        self.server = server
        self.ended = ended
        self.nearly = nearly
        self.fresh = iter(fresh)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of votes."""
    data_dir = tmp_path_factory.mktemp("votes")
    with ThreadPoolExecutor(1) as aside:  # Playwright's event loop runs in this thread
        ended, nearly, fresh = aside.submit(studies, data_dir).result()
    server = Server(data_dir)
    server.start()
    yield Served(server, ended, nearly, fresh)
    server.stop()


@pytest.fixture
def study(served: Served) -> Study:
    """A study of this test's own."""
    return next(served.fresh)


PRESS_TWICE = """(ballot, key) => {
  for (let press = 0; press < 2; press += 1) ballot.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
}"""
"""Faster than any answer: a second key that comes with the next pair is a vote on that."""


def ready(page: Page) -> None:
    """Wait until both clips are there and votes are taken."""
    page.locator("[data-vote=left][aria-disabled=false]").wait_for()


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has these words has the focus, wherever the focus was when the page was last drawn."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.innerText || ''"):
            return
    raise AssertionError(f"Tab does not lead to {words}")


def votes(page: Page, number: int) -> None:
    """Wait until so many votes are told, and the next pair is there."""
    expect(page.locator(".count")).to_contain_text(re.compile(rf"^{number} of at most \d+ votes"))
    ready(page)


def test_nothing_that_names_a_clip_reaches_a_voter(served: Served, study: Study, visit: Callable[..., Visitor]) -> None:
    """A whole round by its address: page, component data, every frame, request, header and console line."""
    server = served.server
    visitor = visit(server, path="/connection")
    page = visitor.context.new_page()
    ears = Ears(page)
    page.goto(f"{server.url}/vote?round={study.round_id}")
    ready(page)
    for number, key in enumerate("12TXSU1AB0", start=1):
        before = page.locator("video").first.get_attribute("src")
        page.keyboard.press(key)
        expect(page.locator("video").first).not_to_have_attribute("src", before or "")
        ready(page)
        assert ears.leaks(SENTINELS) == [], number
    assert len(ears.media) >= 20
    assert all(re.fullmatch(rf"{server.url}/ballots/[0-9a-f]{{24}}\.mp4", url) for url in ears.media)
    assert len({kind for kind, _ in ears.heard} & {"frame in", "frame out", "request"}) == 3
    page.get_by_role("button", name="End the round").click()
    page.get_by_role("heading", level=2, name=re.compile("decided")).wait_for()
    assert {word for _, word in ears.leaks(SENTINELS)} >= {"heliotrope", "obsidian", "verdigris", "0.8125"}, (
        "the ears are deaf"
    )


def test_nothing_comes_after_the_start_either(served: Served, study: Study, visit: Callable[..., Visitor]) -> None:
    """The choice names the experiment; from the first pair on nothing does, in either direction."""
    page = visit(served.server, path="/connection").context.new_page()
    ears = Ears(page)
    page.goto(f"{served.server.url}/vote?experiment={study.experiment_id}")
    page.get_by_label("Your name").fill("Zoe")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start voting").click()
    ready(page)
    ears.heard.clear()
    for number, key in enumerate("1020", start=1):
        page.keyboard.press(key)
        votes(page, number)
    assert ears.leaks(SENTINELS) == []


def test_a_whole_round_by_keyboard(served: Served, study: Study, visit: Callable[..., Visitor]) -> None:
    """From the name to the ranking without a mouse; a key pressed twice is one vote; R and C stay with the ballot."""
    page = visit(served.server, path=f"/vote?experiment={study.experiment_id}").page
    page.get_by_label("Your name").focus()
    page.keyboard.type("Kim")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your name")).to_have_value("Kim")
    settle(page)
    tab_to(page, "Start voting")
    page.keyboard.press("Enter")
    ready(page)
    expect(page.locator("[data-why]")).to_have_count(3)  # none that asks for the prompt, which is hidden
    page.keyboard.press("5")
    expect(page.locator("[data-why=motion]")).to_have_attribute("aria-pressed", "true")
    page.locator(".ballot").evaluate(PRESS_TWICE, "ArrowLeft")
    votes(page, 1)
    expect(page.locator("[data-why=motion]")).to_have_attribute("aria-pressed", "false")
    for number, key in enumerate(("ArrowRight", "t", "x"), start=2):
        page.keyboard.press(key)
        votes(page, number)
    page.keyboard.press("u")
    votes(page, 3)
    for key in ("r", "c", "q", "9"):
        page.keyboard.press(key)
    settle(page)
    assert page.get_by_role("dialog").count() == 0
    votes(page, 3)
    tab_to(page, "End the round")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=2, name="Not decided yet after 3 votes. None was eliminated.").wait_for()
    expect(page.get_by_role("table")).to_contain_text("obsidian gate")
    expect(page.get_by_role("table")).to_contain_text("motion (1)")


def test_the_rest_of_a_vote_is_one_key(served: Served, visit: Callable[..., Visitor]) -> None:
    """At the stop the way to the winner is the primary button; E takes it, and the winning clip plays, muted, over and over."""
    page = visit(served.server, path=f"/vote?round={served.nearly.round_id}").page
    ready(page)
    finish = page.get_by_role("button", name="See the winner")
    expect(finish).to_have_count(0)
    page.keyboard.press("e")  # means nothing before the stop
    left, right = (page.locator("video").nth(side).evaluate("(video) => video.duration") for side in (0, 1))
    page.keyboard.press("1" if left > right else "2")  # the second one's clip is longer
    votes(page, 8)
    finish.wait_for()
    expect(page.locator("[data-vote=left] kbd")).to_have_text("1")
    colors = "(button) => getComputedStyle(button).backgroundColor"
    assert finish.evaluate(colors) != page.locator("[data-vote=left]").evaluate(colors)
    page.locator(".ballot").focus()
    page.keyboard.press("e")
    page.get_by_role("heading", level=2, name="Winner: rough sea, after 8 votes").wait_for()
    winning = page.get_by_role("group", name="Winning clip").locator("video")
    until(lambda: winning.evaluate("(video) => !video.paused && video.currentTime > 0"), what="the winning clip plays")
    assert winning.evaluate("(video) => [video.muted, video.loop]") == [True, True]


def test_the_name_is_asked_once_for_a_browser(served: Served, study: Study, visit: Callable[..., Visitor]) -> None:
    """A new tab of the same browser knows it, without it in any address; another browser does not; it can be changed."""
    visitor = visit(served.server, path=f"/vote?experiment={study.experiment_id}")
    page = visitor.page
    page.get_by_label("Your name").fill("Noor")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your name")).to_have_value("Noor")
    page.get_by_role("button", name="Start voting").click()
    ready(page)
    assert "Noor" not in page.url
    again = visitor.context.new_page()
    again.goto(f"{served.server.url}/vote?experiment={study.experiment_id}")
    expect(again.get_by_label("Your name")).to_have_value("Noor")
    again.get_by_label("Your name").fill("Sam")
    again.keyboard.press("Enter")
    expect(again.get_by_label("Your name")).to_have_value("Sam")
    other = visit(served.server, path=f"/vote?experiment={study.experiment_id}").page
    other.get_by_role("button", name="Start voting").wait_for()
    expect(other.get_by_label("Your name")).to_have_value("")


def test_whose_round_was_ended_is_told_before_any_name(
    served: Served, study: Study, visit: Callable[..., Visitor]
) -> None:
    """Somebody else ends it where rounds begin: the next vote is not counted, and names wait until they are asked for."""
    page = visit(served.server, path=f"/vote?round={study.round_id}").page
    ready(page)
    page.keyboard.press("1")
    votes(page, 1)
    other = visit(served.server, path=f"/vote?experiment={study.experiment_id}").page
    other.get_by_text("A round of Ana is open since").wait_for()
    other.get_by_role("button", name="End this round").click()
    other.get_by_role("button", name="End it now").click()
    expect(other.get_by_text("A round of Ana is open since")).to_have_count(0)
    page.keyboard.press("1")
    page.get_by_text("This round was ended").wait_for()
    assert "obsidian" not in page.evaluate(ALL_HTML)
    page.get_by_role("button", name="Show the names", exact=True).click()
    page.get_by_role("heading", level=2, name="Not decided yet after 1 vote. None was eliminated.").wait_for()


def test_both_clips_play_on_one_clock(served: Served, study: Study, visit: Callable[..., Visitor]) -> None:
    """They start by themselves, together; P stops both on the same frame."""
    page = visit(served.server, path=f"/vote?round={study.round_id}").page
    ready(page)
    places = """() => { const read = (root) => [...root.querySelectorAll('video'),
      ...[...root.querySelectorAll('*')].filter((one) => one.shadowRoot).flatMap((one) => read(one.shadowRoot))];
      return read(document).map((video) => [video.currentTime, video.paused]); }"""
    expect(page.locator(".play")).to_contain_text("Pause")
    until(lambda: all(place > 0 for place, _ in page.evaluate(places)), what="both play")
    page.keyboard.press("p")
    expect(page.locator(".play")).to_contain_text("Play")

    def stands_together() -> bool:
        (left, left_paused), (right, right_paused) = page.evaluate(places)
        return bool(left_paused and right_paused and abs(left - right) <= 1 / 24)

    until(stands_together, what="both stand at the same frame")
    before = page.evaluate(places)[0][0]
    page.keyboard.press(".")
    until(lambda: page.evaluate(places)[0][0] > before, what="a step ahead")
    assert page.evaluate(places)[0][0] - before < 0.1


def test_on_a_phone_clips_and_votes_fit_one_screen(served: Served, study: Study, visit: Callable[..., Visitor]) -> None:
    """Stacked, without sideways scrolling, the five votes below the clips without a scroll, and a tap votes."""
    page = visit(served.server, width=390, height=844, path=f"/vote?round={study.round_id}").page
    ready(page)
    first, second = (page.locator("video").nth(number).bounding_box() for number in (0, 1))
    assert first is not None
    assert second is not None
    assert second["y"] >= first["y"] + first["height"]
    for vote in ("left", "right", "tie", "bad", "skip"):
        box = page.locator(f"[data-vote={vote}]").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, vote
        assert box["height"] >= 40
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-vote=right]").click()
    votes(page, 1)


@pytest.mark.parametrize("state", ["choice", "ballot", "ranking", "stale link"])
def test_every_state_is_accessible_and_fits(
    served: Served, study: Study, visit: Callable[..., Visitor], state: str
) -> None:
    """Axe finds nothing, nothing overflows, nothing foreign, no error."""
    rounds = {"choice": "", "ballot": study.round_id, "ranking": served.ended.round_id, "stale link": "nothing"}
    visitor = visit(served.server, path=f"/vote?round={rounds[state]}" if rounds[state] else "/vote")
    for _ in each_look(visitor.page):
        assert_well(visitor)


def test_the_empty_page_is_accessible(bare: Server, visit: Callable[..., Visitor]) -> None:
    """With the way to something to vote on."""
    visitor = visit(bare, path="/vote")
    visitor.page.get_by_text("Nothing to vote on yet").wait_for()
    for _ in each_look(visitor.page):
        assert_well(visitor)
