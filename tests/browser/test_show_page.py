"""The page of a show in a real browser: as a report, without scripts, on paper, and as slides that outlive their server."""

from __future__ import annotations

import base64
import io
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

from rivya_core.lab.shows import export
from rivya_core.lab.shows.export import Material
from tests.bench import fresh
from tests.browser.conftest import COMES_MS, PHONE, QUICK, WIDE, Server
from tests.browser.looks import broken, fits
from tests.lab.shows.showing import show_data, write_folder
from tests.until import until

CHANGES = 20
ALL_PLAY = "(all) => all.every((video) => video.readyState >= 2 && video.currentTime > 0)"
PLAYS = "(video) => video.readyState >= 2 && video.currentTime > 0 && !video.paused"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with the show of the decided example, and the show's address."""
    folder = tmp_path_factory.mktemp("shown")
    show_id = fresh.run("tests.browser.shows:make", folder=str(folder))
    server = Server(folder, QUICK)
    server.start()
    yield server, f"{server.url}/show/{show_id}"
    server.stop()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page on the disk, with its clips beside it."""
    return write_folder(tmp_path_factory.mktemp("saved"), show_data()).as_uri()


def material(folder: Path) -> Material:
    """The show with its clips and posters, in a folder of its own."""
    data = show_data()
    write_folder(folder / "given", data)
    keys = list(data["clips"])
    clips = {key: folder / "given" / "clips" / f"{key}.mp4" for key in keys}
    return Material(data, clips, {key: folder / "given" / "posters" / f"{key}.jpg" for key in keys})


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser of its own, which must raise nothing and ask nobody else."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_tab(url: str, **how: object) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **how)  # type: ignore[arg-type]
        context.set_default_timeout(COMES_MS)
        contexts.append(context)
        page = context.new_page()
        ours = url.split("/show/", maxsplit=1)[0]
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((ours, "file:", "blob:", "data:")) else wrong.append(asked.url),
        )
        page.goto(url)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert wrong == []


def at(page: Page) -> int:
    """The slide that is on the screen; 0 when none is."""
    return int(page.evaluate("+(document.querySelector('.stage')?.dataset.slide || 0)"))


def arrive(page: Page, slide: int) -> None:
    """Wait until a slide is on the screen."""
    until(lambda: at(page) == slide, what=f"slide {slide}")


def press(page: Page, key: str, slide: int) -> None:
    """Press a key and wait for the slide it leads to."""
    page.keyboard.press(key)
    arrive(page, slide)


def test_the_report_is_accessible_and_fits_in_both_looks(served: tuple[Server, str], tab: Callable[..., Page]) -> None:
    """Nothing for axe, no sideways scrolling, no request but to its own server; the slides as well."""
    for path in ("", "?slide=2"):
        page = tab(served[1] + path)
        page.get_by_role("heading", level=1).wait_for(state="attached")
        for look in (WIDE, PHONE):
            page.set_viewport_size({"width": look.width, "height": look.height})
            page.emulate_media(color_scheme="dark" if look.dark else "light")
            if path:
                arrive(page, 2)
            assert broken(page) == {}
            assert fits(page)


def test_clips_play_without_scripts(served: tuple[Server, str], tab: Callable[..., Page]) -> None:
    """A mail program's viewer runs none: the players are plain, and there is no button that does nothing."""
    page = tab(served[1], java_script_enabled=False)
    player = page.locator("video").first
    assert not page.get_by_role("button", name="Present").is_visible()
    player.focus()
    player.press("Space")
    until(lambda: player.evaluate(PLAYS), what="the clip plays")


def test_keys_lead_through_the_slides(saved: str, tab: Callable[..., Page]) -> None:
    """Those of a keyboard, of a clicker, and numbers; from the disk as well as from a server."""
    page = tab(saved)
    page.keyboard.press("f")
    arrive(page, 1)
    until(lambda: page.evaluate("document.fullscreenElement?.className.includes('stage')"), what="full screen")
    for key, slide in (
        ("ArrowRight", 2),
        ("PageDown", 3),
        ("PageUp", 2),
        ("End", 7),
        ("Home", 1),
        ("5", 5),
        ("Enter", 6),
    ):
        press(page, key, slide)
    assert page.url.endswith("?slide=6")
    playing = page.locator(".slide.on video")
    until(lambda: playing.evaluate(PLAYS), what="the slide's clip plays")
    assert page.locator(".slide:not(.on) video").evaluate_all("(all) => all.every((one) => one.paused)")
    page.keyboard.press("Space")
    until(lambda: playing.evaluate("(video) => video.paused"), what="it is paused")
    for key in (".", "b"):
        page.keyboard.press(key)
        assert page.locator(".black").is_visible()
        page.keyboard.press(key)
        assert not page.locator(".black").is_visible()
    page.keyboard.press("i")
    assert "A red fox crosses" in page.locator(".panel").inner_text()
    page.keyboard.press("Escape")
    arrive(page, 0)
    assert "slide=" not in page.url
    until(lambda: page.evaluate("document.activeElement.id === 'present'"), what="the button has the focus again")


def test_a_link_opens_its_slide_and_a_refused_full_screen_is_a_layer(saved: str, tab: Callable[..., Page]) -> None:
    """As on an iPhone, which has full screen for videos only; a swipe leads on."""
    page = tab(f"{saved}?slide=3", has_touch=True)
    arrive(page, 3)
    page.evaluate("() => { Element.prototype.requestFullscreen = () => Promise.reject(new TypeError('refused')); }")
    page.keyboard.press("f")
    arrive(page, 3)
    box = page.locator(".stage").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1440, 900)
    swipe = """(stage, [from, to]) => { for (const [type, x] of [['pointerdown', from], ['pointerup', to]])
        stage.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: 400, pointerType: 'touch', bubbles: true })); }"""
    page.locator(".stage").evaluate(swipe, [900, 500])
    arrive(page, 4)
    page.locator(".stage").evaluate(swipe, [500, 900])
    arrive(page, 3)


def test_a_held_key_does_not_queue(saved: str, tab: Callable[..., Page]) -> None:
    """A change under way swallows what a held key repeats, so that letting go is the end of it."""
    page = tab(f"{saved}?slide=1")
    arrive(page, 1)
    page.evaluate(
        """() => { const press = (repeat) => document.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageDown', repeat }));
        press(false); for (let i = 0; i < 30; i += 1) press(true); }"""
    )
    arrive(page, 2)
    press(page, "PageDown", 3)


def test_who_asked_for_less_motion_starts_clips_by_hand(saved: str, tab: Callable[..., Page]) -> None:
    """The first picture is there; space plays."""
    page = tab(f"{saved}?slide=6", reduced_motion="reduce")
    arrive(page, 6)
    playing = page.locator(".slide.on video")
    assert playing.evaluate("(video) => video.paused")
    page.keyboard.press("Space")
    until(lambda: playing.evaluate(PLAYS), what="the clip plays")


def test_the_slides_go_on_when_the_server_dies(served: tuple[Server, str], tab: Callable[..., Page]) -> None:
    """Once the clips were fetched neither server nor network is needed, to the last slide and back to the first."""
    server, url = served
    page = tab(f"{url}?slide=1")
    arrive(page, 1)
    slides = int(page.evaluate("JSON.parse(document.getElementById('show').textContent).slides.length"))
    shown = "[...new Set(JSON.parse(document.getElementById('show').textContent).slides.flatMap((one) => one.clips))]"
    wanted = int(page.evaluate(f"{shown}.length"))
    until(lambda: int(page.locator(".stage").get_attribute("data-kept") or 0) == wanted, what="all clips are here")
    server.stop(signal.SIGKILL)
    try:
        for slide in range(2, slides + 1):
            press(page, "PageDown", slide)
            until(lambda: page.locator(".slide.on video").evaluate_all(ALL_PLAY), what="its clips play")
        press(page, "Home", 1)
    finally:
        server.start()  # for the other tests


def test_paper_shows_one_picture_a_clip_and_no_controls(saved: str, tab: Callable[..., Page]) -> None:
    """Nine clips, nine posters; what a player paints over them is not printed."""
    page = tab(saved)
    until(lambda: page.evaluate("[...document.images].every((one) => one.complete)"), what="pictures are loaded")
    page.evaluate(
        "addEventListener('beforeprint', () => { window.left = document.querySelectorAll('video[controls]').length; })"
    )
    printed = page.pdf()
    pictures = re.findall(rb"/Subtype\s*/Image", printed)
    assert len(pictures) == len(show_data()["clips"])
    assert page.evaluate("window.left") == 0
    assert page.locator("video[controls]").count() == 9


@pytest.mark.alone
def test_no_frame_is_dark_between_two_slides(saved: str, tab: Callable[..., Page]) -> None:
    """Every frame that the browser composed while slides changed has a picture in its centre."""
    page = tab(f"{saved}?slide=2")
    arrive(page, 2)
    frames: list[bytes] = []
    cast = page.context.new_cdp_session(page)

    def keep(event: dict[str, object]) -> None:
        frames.append(base64.b64decode(str(event["data"])))
        cast.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    cast.on("Page.screencastFrame", keep)
    until(lambda: page.locator(".slide.on video").first.evaluate(PLAYS), what="the first clip plays")
    cast.send("Page.startScreencast", {"format": "jpeg", "quality": 60, "maxWidth": 480, "everyNthFrame": 1})
    for change in range(CHANGES):
        press(page, "ArrowRight" if change % 2 == 0 else "ArrowLeft", 3 if change % 2 == 0 else 2)
    cast.send("Page.stopScreencast")
    assert len(frames) >= CHANGES
    dark = [number for number, frame in enumerate(frames) if brightness(frame) < 12]
    assert dark == []


def brightness(frame: bytes) -> float:
    """The brightest pixel's level, 0..255, of the middle of the left half, where each of the two slides has a picture."""
    picture = Image.open(io.BytesIO(frame)).convert("L")
    width, height = picture.size
    middle = picture.crop((int(width * 0.12), int(height * 0.4), int(width * 0.4), int(height * 0.6)))
    low_high = middle.getextrema()
    assert isinstance(low_high[1], int | float)
    return float(low_high[1])


def test_a_folder_opens_from_the_disk_with_one_request(tab: Callable[..., Page], tmp_path: Path) -> None:
    """Nothing but the page is read before a clip is played; a clip that is not there asks to unpack first."""
    folder = export.write_folder(material(tmp_path), tmp_path / "show")
    page, asked = tab("about:blank"), list[str]()
    page.on("request", lambda one: asked.append(one.url) if not one.url.startswith("data:") else None)
    page.goto((folder / export.PAGE).as_uri())
    page.locator("img").first.wait_for()
    assert asked == [(folder / export.PAGE).as_uri()]
    players = page.locator("video")
    players.first.evaluate("(video) => video.play()")
    until(lambda: players.first.evaluate(PLAYS), what="the clip plays")
    shutil.rmtree(folder / export.CLIPS)
    assert not page.get_by_text("unpack it first and keep").first.is_visible()
    players.last.evaluate("(video) => { video.play().catch(() => null); }")
    page.get_by_text("unpack it first and keep").last.wait_for()


def test_one_file_plays_alone_and_shows_its_slides(tab: Callable[..., Page], tmp_path: Path) -> None:
    """Its clips are inside it, as a report and as slides."""
    given = material(tmp_path)
    written = export.write_file(export.one_file(given, are_originals=True), tmp_path / "show.html", 0)
    for clip in given.clips.values():
        clip.unlink()
    page = tab(written.as_uri())
    page.locator("video").first.evaluate("(video) => video.play()")
    until(lambda: page.locator("video").first.evaluate(PLAYS), what="the clip plays")
    page.keyboard.press("f")
    arrive(page, 1)
    press(page, "2", 2)
    playing = page.locator(".slide.on video").first
    until(lambda: playing.evaluate(PLAYS), what="the slide's clip plays")
