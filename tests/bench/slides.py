"""A show's slide changes, in frames that the browser composed: from the key press to the other picture, and frames without one.

Two clips of known brightness, one dim and one bright, tell by the middle of a frame which slide it shows. Beside it stands the
least that can be done: a bare page with two videos that lie over each other, both playing, of which one is hidden.
"""

from __future__ import annotations

import base64
import io
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.bench.figures import Figure, median, percentile
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.lab.evaluation import pictures
from tests.lab.shows.showing import show_data, write_folder
from tests.until import until

CHANGES = 100
DARK = 24.0
BRIGHT = 140.0
BARE = """<!doctype html><style>body{margin:0;background:#000}video{position:fixed;inset:0;width:100%;height:100%}</style>
<video src="NAME0" muted loop autoplay></video><video src="NAME1" muted loop autoplay style="visibility:hidden"></video>
<script>onkeydown = () => { for (const one of document.querySelectorAll('video'))
one.style.visibility = one.style.visibility ? '' : 'hidden'; }</script>"""


@dataclass
class Cast:
    """Frames that the browser composed: when (seconds since 1970) and how bright in the middle."""

    frames: list[tuple[float, float]] = field(default_factory=list)

    def start(self, page: Page) -> None:
        """Take every frame from now on."""
        session = page.context.new_cdp_session(page)

        def keep(event: dict[str, Any]) -> None:
            picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(event["data"]))).convert("L"), dtype=float)
            height, width = picture.shape
            middle = picture[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
            self.frames.append((float(event["metadata"]["timestamp"]), float(middle.mean())))
            session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

        session.on("Page.screencastFrame", keep)
        session.send("Page.startScreencast", {"format": "jpeg", "quality": 50, "maxWidth": 320, "everyNthFrame": 1})

    def change_ms(self, page: Page, key: str, *, to_bright: bool) -> float:
        """Press a key and wait for the first frame of the other picture; milliseconds between."""
        seen, pressed_s = len(self.frames), time.time()
        page.keyboard.press(key)

        def changed() -> float:
            page.evaluate("0")  # lets frames in
            return next(
                (
                    at
                    for at, level in self.frames[seen:]
                    if at >= pressed_s and level > DARK and (level > BRIGHT) == to_bright
                ),
                0.0,
            )

        return (until(changed, what="the other picture") - pressed_s) * 1000


def changes_ms(page: Page) -> tuple[list[float], int]:
    """Go to and fro between two pictures; the milliseconds of each change, and the frames that were dark."""
    cast = Cast()
    cast.start(page)
    until(lambda: page.evaluate("0") == 0 and cast.frames, what="frames")
    times = []
    for change in range(CHANGES):
        forth = change % 2 == 0
        key = "ArrowRight" if forth else "ArrowLeft"
        times.append(cast.change_ms(page, key, to_bright=forth))
        page.wait_for_timeout(150)
    return times, sum(level <= DARK for _, level in cast.frames)


def two_clips(folder: Path) -> dict[str, Any]:
    """Write a show of a dim and a bright clip; its data."""
    data = show_data()
    keys = list(data["clips"])[:2]
    data |= {"grid": None, "votes": None, "decision": None, "findings": []}
    data["clips"] = {key: data["clips"][key] for key in keys}
    data["slides"] = [{"layout": "clip", "heading": "", "caption": "", "clips": [key], "text": []} for key in keys]
    for name, low in ((keys[0], 50), (keys[1], 170)):
        scene = (pictures.scene().astype(int) * 2 // 5 + low - 16).clip(0, 255).astype(np.uint8)
        moved = [np.roll(scene, number, axis=1) for number in range(pictures.FRAMES)]
        pictures.write(folder / "clips" / f"{name}.mp4", moved)
    return data


def figures() -> list[Figure]:
    """Change slides of a page on the disk, then pictures of the bare page."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_folder(folder, show_data())
        data = two_clips(folder)
        shown = write_folder(folder, data, with_files=False)
        bare = folder / "bare.html"
        first, second = (f"clips/{key}.mp4" for key in data["clips"])
        bare.write_text(BARE.replace("NAME0", first).replace("NAME1", second))
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        page.goto(bare.as_uri())
        bare_ms, _ = changes_ms(page)
        page.close()
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{shown.as_uri()}?slide=1")
        until(lambda: page.evaluate("document.querySelector('.stage').dataset.slide") == "1", what="the first slide")
        ours_ms, dark = changes_ms(page)
        chromium.close()
    beside = f"bare page with two videos: p50 {median(bare_ms):.0f}, p95 {percentile(bare_ms, 0.95):.0f} ms"
    what = f"a show's {CHANGES} slide changes: key to picture"
    return [
        Figure("slides", f"{what}, p50", median(ours_ms), "ms", "at most", 100, beside),
        Figure("slides", f"{what}, p95", percentile(ours_ms, 0.95), "ms"),
        Figure("slides", "frames without a picture meanwhile", dark, "", "at most", 0),
    ]
