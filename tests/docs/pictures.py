"""README's pictures: real pages over a study that was made on the simulator, in Chromium."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from rivya_core import GenerationRequest, open_lab
from rivya_core.lab.ledger.ids import new_intent_id
from tests.bench import fresh
from tests.browser.conftest import CHROMIUM, COMES_MS, FLAGS, Server
from tests.browser.looks import settle
from tests.docs import example_show, study
from tests.until import until

SIZE = (1440, 900)
COLORS = 256
UNDER_THE_PAGES_PX = 110
LARGEST_BYTES = 250_000

SHOT = "A coastal road at golden hour seen from a convertible, gulls overhead, gentle camera sway"
TYPED = "A paper boat on a rain-lit street, macro lens, reflections of neon signs"
SERVER = {"RIVYA_FIRST_START_EXAMPLES": "false", "RIVYA_SIMULATOR_SPEED": "8"}

DRAWN = """[...document.images].every((image) => image.complete && image.naturalWidth)
  && !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')"""
"""All pictures are there, and nothing of an earlier run is left; asked again and again, as a page's policy lets no one wait in it."""


def fill(folder: str) -> dict[str, Any]:
    """Make what the pictures show: the study with its show, and four takes of another shot; their ids."""
    with open_lab(study.settings(Path(folder))) as lab:
        sweep_id = study.make(lab)
        show_id = example_show.make(lab, sweep_id)
        asked = GenerationRequest(prompt=SHOT, params={"duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5})
        takes = [lab.wait(row.id).id for row in lab.submit_takes(asked, 4, intent_id=new_intent_id(lab.ledger.clock()))]
        clips = [cell.clip for cell in lab.sweep(sweep_id).cells if cell.clip]
    return {"sweep": sweep_id, "show": show_id, "takes": takes, "clips": clips}


@dataclass(frozen=True)
class Picture:
    """One picture: its name in `docs/`, its address, and what is done there before it is taken."""

    name: str
    path: str
    dark: bool = False
    before: Callable[[Page], None] | None = None


def pictures(made: dict[str, Any]) -> list[Picture]:
    """All pictures of README."""
    sweep, winner = f"/sweep?experiment={made['sweep']}", made["clips"][-1]
    return [
        Picture("generate-light", "/", before=_type_prompt),
        Picture("generate-dark", "/", dark=True, before=_type_prompt),
        Picture("sweep-light", sweep),
        Picture("compare-light", f"/compare?ids={','.join(made['clips'][3:])}"),
        Picture("vote-light", f"/vote?experiment={made['sweep']}", before=_show_votes),
        Picture("verdict-light", sweep, before=lambda page: page.get_by_role("tab", name="Verdict").click()),
        Picture("shows-light", f"/shows?show={made['show']}", before=_second_slide),
        Picture("present", f"/show/{made['show']}?slide=2"),
        Picture("history-light", f"/history?id={winner}"),
        Picture("spend-light", "/spend"),
        Picture("connection-light", "/connection"),
    ]


def _type_prompt(page: Page) -> None:
    page.get_by_label("Prompt", exact=True).fill(TYPED)
    page.evaluate("document.activeElement.blur()")


def _show_votes(page: Page) -> None:
    page.get_by_role("button", name="Show what the votes say").click()
    winner = page.get_by_role("heading", level=2, name=re.compile("^Winner"))
    winner.evaluate("(heading) => heading.scrollIntoView()")
    page.mouse.move(SIZE[0] / 2, SIZE[1] / 2)
    page.mouse.wheel(0, -UNDER_THE_PAGES_PX)


def _second_slide(page: Page) -> None:
    page.locator(".slides .heading").nth(1).click()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, *, dark: bool = False) -> Iterator[Page]:
    """A window in the size of the pictures."""
    context = browser.new_context(
        viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="dark" if dark else "light"
    )
    context.set_default_timeout(COMES_MS)
    yield context.new_page()
    context.close()


def take(page: Page, url: str, picture: Picture) -> Image.Image:
    """Open the address, do what belongs before, and take the picture once posters and clips are drawn."""
    page.goto(url + picture.path)
    page.get_by_role("heading", level=1).wait_for(state="attached")
    is_ours = picture.path.startswith("/show/")
    if not is_ours:
        settle(page)
    if picture.before is not None:
        picture.before(page)
        settle(page)
    until(lambda: page.evaluate(DRAWN), what="the page is drawn")
    page.wait_for_timeout(2500)  # for what moves: a clip has begun, a chart has drawn itself
    return Image.open(io.BytesIO(page.screenshot()))


def save(image: Image.Image, target: Path) -> None:
    """Write a small PNG: 256 colours of its own are enough for a page, dithered where that stays small."""
    for dither in (Image.Dither.FLOYDSTEINBERG, Image.Dither.NONE):
        palette = image.convert("RGB").quantize(COLORS)
        image.convert("RGB").quantize(COLORS, palette=palette, dither=dither).save(target, optimize=True)
        if target.stat().st_size <= LARGEST_BYTES:
            return


def write(folder: Path, docs: Path) -> list[Path]:
    """Make everything anew and write the pictures; where they are."""
    made: dict[str, Any] = fresh.run("tests.docs.pictures:fill", folder=str(folder))
    server = Server(folder, SERVER)
    server.start()
    written = []
    try:
        with chromium() as browser:
            for picture in pictures(made):
                with tab(browser, dark=picture.dark) as page:
                    image = take(page, server.url, picture)
                target = docs / f"{picture.name}.png"
                save(image, target)
                written.append(target)
    finally:
        server.stop()
    return written
