"""README's moving picture: a question, its sweep, a blind vote, the decision and the show, played in the real pages.

An animated WebP, which GitHub and browsers play like a picture. Nothing is drawn that was not on the screen.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page

from rivya_core import open_lab
from tests.bench import fresh
from tests.browser.conftest import QUICK, Server
from tests.browser.looks import settle
from tests.docs import study
from tests.docs.pictures import SERVER, SIZE, chromium, tab
from tests.until import until

NAME = "question-to-show.webp"
WIDTH_PX = 1200
QUALITY = 70
LARGEST_BYTES = 2_000_000
STILL_MS, SHORT_MS, PLAYED_MS = 1800, 500, 220
VOTES_MAX = 40
SPEED = "1"
"""Slow enough to see clips come in one after another."""

CLIPS = len(study.SHOTS) * len(study.GUIDANCE) * study.TAKES

READY = "[...document.querySelectorAll('video')].every((video) => video.readyState >= 2)"
WARM = """(video) => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0, 8, 8);
  const bytes = pen.getImageData(0, 0, 8, 8).data;
  let warm = 0;
  for (let at = 0; at < bytes.length; at += 4) warm += bytes[at] - bytes[at + 1];
  return warm;
}"""
"""How much more red than green a clip is at this moment."""


@dataclass
class Film:
    """Screenshots with how long each is shown, in milliseconds."""

    frames: list[Image.Image] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)

    def take(self, page: Page, shown_ms: int = STILL_MS) -> None:
        """Add what the page shows now, unless that is what it showed before."""
        whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        picture = whole.resize((WIDTH_PX, WIDTH_PX * SIZE[1] // SIZE[0]), Image.Resampling.LANCZOS)
        if not self.frames or ImageChops.difference(picture, self.frames[-1]).getbbox() is not None:
            self.frames.append(picture)
            self.times_ms.append(shown_ms)

    def play(self, page: Page, frames: int) -> None:
        """Add what the page shows in the next moments."""
        for _ in range(frames):
            self.take(page, PLAYED_MS)
            page.wait_for_timeout(PLAYED_MS)

    def save(self, target: Path) -> Path:
        """Write the picture, which begins anew at its end."""
        first, *rest = self.frames
        first.save(
            target,
            save_all=True,
            append_images=rest,
            duration=self.times_ms,
            loop=0,
            quality=QUALITY,
            method=4,
            allow_mixed=True,
        )
        return target


def prepare(folder: str) -> None:
    """Begin a simulator in which `cfg_scale` has an effect that can be seen."""
    with open_lab(study.settings(Path(folder))) as lab:
        lab.simulator.world.configure(cfg_effect="strong")


def write(folder: Path, docs: Path) -> Path:
    """Play the whole way on a new simulator and write the picture; where it is."""
    fresh.run("tests.docs.moving_picture:prepare", folder=str(folder))
    server = Server(folder, {**SERVER, **QUICK, "RIVYA_SIMULATOR_SPEED": SPEED})
    server.start()
    film = Film()
    try:
        with chromium() as browser, tab(browser) as page:
            sweep_url = ask(film, page, server.url)
            vote(film, page, server.url + "/vote?" + sweep_url.partition("?")[2])
            decide(film, page, sweep_url)
            show(film, page)
    finally:
        server.stop()
    return film.save(docs / NAME)


def leave(page: Page) -> None:
    """Leave a field, and wait until what was typed in it counts."""
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(300)
    settle(page)


def choose(page: Page, name: str, option: str) -> None:
    """Choose in a list by typing."""
    box = page.get_by_role("combobox", name=name, exact=True)
    box.focus()
    box.press_sequentially(option)
    page.get_by_role("option", name=option, exact=True).wait_for()
    page.keyboard.press("Enter")
    leave(page)


def ask(film: Film, page: Page, url: str) -> str:
    """Write the question down, start the sweep, and watch its clips come in; the sweep's address."""
    page.goto(f"{url}/sweep?new=1")
    settle(page)
    page.get_by_label("Name", exact=True).fill(study.NAME)
    page.get_by_label("What do you want to find out?").fill(study.QUESTION)
    page.get_by_label("Prompt", exact=True).fill(study.PROMPT)
    leave(page)
    page.locator(".st-key-sweep_variables").get_by_role("button").first.click()
    shots = page.get_by_label("Values of shot")
    shots.fill("\n".join(f"{shot.label} = {shot.value}" for shot in study.SHOTS))
    leave(page)
    choose(page, "Add another variable", "cfg_scale")
    page.get_by_label("Values of cfg_scale").fill(", ".join(str(value) for value in study.GUIDANCE))
    page.get_by_role("spinbutton", name="Takes per combination").fill(str(study.TAKES))
    leave(page)
    start = page.get_by_role("button", name=re.compile(f"Start · {CLIPS} new"))
    start.wait_for()
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    settle(page)
    film.take(page, 2 * STILL_MS)
    page.get_by_label("Values of cfg_scale").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    film.take(page)
    start.click()
    page.get_by_role("table").wait_for()
    done = page.get_by_text(f"{CLIPS} of {CLIPS} clips")
    while not done.count():
        film.take(page, PLAYED_MS)
        page.wait_for_timeout(SHORT_MS)
    settle(page)
    film.take(page)
    return page.url


def vote(film: Film, page: Page, url: str) -> None:
    """Vote blind for the warmer of two clips until the votes are enough."""
    page.goto(url)
    settle(page)
    page.get_by_label("Your name").first.fill(study.WHO)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start voting").click()
    finish = page.get_by_role("button", name="See the winner")
    for number in range(VOTES_MAX):
        page.locator("[data-vote=left][aria-disabled=false]").wait_for()
        if finish.count():
            break
        until(lambda: page.evaluate(READY), what="both clips are there")
        film.play(page, 6 if number == 0 else 1 + (number < 3))
        prefer_warm(page)
    finish.click()
    page.get_by_role("heading", level=2, name=re.compile("^Winner")).wait_for()
    settle(page)
    page.wait_for_timeout(1000)
    film.take(page)


def prefer_warm(page: Page) -> None:
    """Vote for the warmer clip of a pair, and wait until the next pair is there, or enough votes."""
    left, right = (page.locator("video").nth(side).evaluate(WARM) for side in (0, 1))
    before = page.locator("video").first.get_attribute("src")
    page.keyboard.press("1" if left > right else "2")
    finish = page.get_by_role("button", name="See the winner")
    until(lambda: finish.count() or page.locator("video").first.get_attribute("src") != before, what="the vote counts")


def decide(film: Film, page: Page, url: str) -> None:
    """Write down what was decided and why."""
    page.goto(url)
    settle(page)
    page.get_by_role("tab", name="Verdict").click()
    settle(page)
    page.wait_for_timeout(1500)
    film.take(page)
    page.get_by_role("tab", name="Decision").click()
    settle(page)
    choose(page, "Winner", "shot: Harbour at sunrise · cfg_scale: 1")
    page.get_by_label("Why", exact=True).fill(study.WHY)
    page.get_by_label("Who decides").fill(study.WHO)
    button = page.locator(".st-key-decide").get_by_role("button")
    button.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    film.take(page)
    button.click()
    page.get_by_role("button", name="Make a show").first.wait_for()


def show(film: Film, page: Page) -> None:
    """Make a show, open it, and present it."""
    page.get_by_role("button", name="Make a show").first.click()
    page.locator(".slides li").first.wait_for()
    settle(page)
    page.wait_for_timeout(1000)
    film.take(page)
    with page.expect_popup() as opening:
        page.get_by_role("link", name="Open the show").click()
    shown = opening.value
    shown.locator("video").first.wait_for()
    shown.wait_for_timeout(1000)
    film.take(shown)
    shown.keyboard.press("f")
    for number in range(1, 8):
        shown.locator(f'.stage[data-slide="{number}"]').wait_for()
        shown.wait_for_timeout(700)
        if number in {2, 7}:
            film.play(shown, 8)
        else:
            film.take(shown, STILL_MS if number in {1, 6} else STILL_MS * 2 // 3)
        if number < 7:
            shown.keyboard.press("ArrowRight")
