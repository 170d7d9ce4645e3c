"""A shared show on a phone: from the address in the QR code to its page, and from the tap on its first clip to a decoded frame.

The show is that of the finished example sweep, nine clips and a ballot, shared as people share it. Each round is a browser that
was never there, in turn with the least that can be done: a page with one player of the same clip, served as plainly as uvicorn
does it. All times are of the page's own clock: from the start of its navigation, and from a moment before the touch is sent.
Both are asked over loopback: what a network adds is in neither.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

from rivya_core import Lab, Settings, open_lab
from rivya_core.http_server.listener import Listener
from rivya_core.lab.shows.room.room import Share
from tests.bench import fresh
from tests.bench.figures import Figure, median, percentile
from tests.browser.conftest import CHROMIUM, COMES_MS, FLAGS
from tests.conftest import FAST
from tests.until import until

HERE = "127.0.0.1"
ROUNDS = 12
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
PLAY_FROM_LEFT_PX = 25
PLAY_FROM_BOTTOM_PX = 48
"""Where Chromium's own controls have their play button, in a player of this width."""

BARE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Bare</title>
<video controls preload="none" playsinline muted width="358" height="201" poster="poster.jpg" src="clip.mp4"></video>"""

LOADED = """(() => {
const [paint] = performance.getEntriesByName('first-contentful-paint'), [page] = performance.getEntriesByType('navigation');
return paint && page.loadEventEnd ? [paint.startTime, page.loadEventEnd] : null; })()"""
WATCH = "(video) => { video.requestVideoFrameCallback((shown_ms) => { window.shown_ms = shown_ms; }); }"


class Opening(NamedTuple):
    """One round in milliseconds: navigation to first contentful paint and to the end of loading, tap to the first frame."""

    paint_ms: float
    load_ms: float
    frame_ms: float


def shared(lab: Lab, show_id: str) -> Share:
    """Share a show, and wait for its ballot: making it would take time from the first rounds."""
    lab.shows.room.start(show_id)

    def whole() -> Share | None:
        share = lab.shows.room.current(show_id)
        return share if share is not None and share.ballot_url else None

    share = until(whole, what="the ballot is served")
    assert share is not None
    return share


def bare(clip: Path, poster: Path) -> Listener:
    """Serve a page with one player of a clip."""
    routes = [
        Route("/", lambda _: HTMLResponse(BARE)),
        Route("/clip.mp4", lambda _: FileResponse(clip)),
        Route("/poster.jpg", lambda _: FileResponse(poster)),
    ]
    return Listener(Starlette(routes=routes), "bare-room", host=HERE).start()


def first_clip(chromium: Browser, url: str) -> str:
    """The hash of the clip that stands first on a shared page."""
    page = chromium.new_page()
    page.goto(url)
    key = page.locator("video").first.get_attribute("data-clip")
    page.close()
    return str(key)


def opened(chromium: Browser, url: str) -> Opening:
    """Open a page on a phone that was never there, and press play on its first clip."""
    context = chromium.new_context(**PHONE)
    context.set_default_timeout(COMES_MS)
    page = context.new_page()
    page.goto(url)
    paint_ms, load_ms = until(lambda: page.evaluate(LOADED), what="the page is painted and loaded")
    video = page.locator("video").first
    video.scroll_into_view_if_needed()
    video.evaluate(WATCH)
    page.wait_for_timeout(300)  # what draws itself after loading has done so
    box = video.bounding_box()
    assert box is not None
    place = box["x"] + PLAY_FROM_LEFT_PX, box["y"] + box["height"] - PLAY_FROM_BOTTOM_PX
    pressed_ms = float(
        page.evaluate("performance.now()")
    )  # Chromium tells a page nothing of a touch on its own controls
    page.touchscreen.tap(*place)
    shown_ms = until(lambda: page.evaluate("window.shown_ms"), what="the first frame")
    context.close()
    return Opening(paint_ms, load_ms, shown_ms - pressed_ms)


def in_turn(chromium: Browser, ours: str, least: str) -> tuple[list[Opening], list[Opening]]:
    """Openings of a shared page and of the least one, taking turns."""
    found: tuple[list[Opening], list[Opening]] = ([], [])
    for url in (ours, least):
        opened(chromium, url)  # the first clip of all loads a decoder
    for _ in range(ROUNDS):
        found[1].append(opened(chromium, least))
        found[0].append(opened(chromium, ours))
    return found


def measured(folder: Path) -> tuple[list[Opening], list[Opening]]:
    """Share the example's show from a new folder, and open it in turn with the bare page."""
    show_id = fresh.run("tests.browser.shows:make", folder=str(folder))
    with (
        open_lab(Settings(**{**FAST, "data_dir": folder, "share_address": HERE})) as lab,
        sync_playwright() as playwright,
    ):
        share = shared(lab, show_id)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        key = first_clip(chromium, share.url)
        poster = lab.shows.poster(show_id, key)
        assert poster is not None
        least = bare(lab.shows.clip(show_id, key), poster)
        found = in_turn(chromium, share.url, f"http://{HERE}:{least.port}/")
        chromium.close()
        least.stop()
    return found


def _both(what: str, ours: list[float], least: list[float]) -> list[Figure]:
    beside = f"bare page with one player: p50 {median(least):.0f}, p95 {percentile(least, 0.95):.0f} ms"
    return [
        Figure("room", f"{what}, p50", median(ours), "ms", baseline=beside),
        Figure("room", f"{what}, p95", percentile(ours, 0.95), "ms"),
    ]


def figures() -> list[Figure]:
    """Open a shared show on a phone, again and again."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        ours, least = measured(Path(name))
    parts: list[tuple[str, Callable[[Opening], float]]] = [
        ("a shared show on a phone: address to first paint", lambda one: one.paint_ms),
        ("address to loaded page", lambda one: one.load_ms),
        ("tap on its first clip to the first frame", lambda one: one.frame_ms),
        ("address to first frame, without the person's time", lambda one: one.load_ms + one.frame_ms),
    ]
    return [
        figure for what, of in parts for figure in _both(what, [of(one) for one in ours], [of(one) for one in least])
    ]
