"""P4 in the browser: whatever a live dashboard shows, sends, answers or keeps there, no part of the key is in it."""

from __future__ import annotations

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect

from tests.browser.conftest import COMES_MS, WIDE, Server, Visitor
from tests.flow.outside import Outside
from tests.flow.test_no_secret import KEY, SECRET, codings, opened, places_with_secret

WORD = "heliotrope"
PROMPT = f"A {WORD} paper boat on a rain-lit street, macro lens"
PARTS = {coded for part in (SECRET[:12], SECRET[-12:]) for coded in codings(part.encode())}
"""Both ends of the key, so that a key cut short is found too. They are letters and digits: URL-encoded they stay the same."""

ECHO: dict[str, Any] = {"message": f"The key {KEY} is odd.", "code": "odd"}
REFUSAL = {**ECHO, "status": 400, "code": "validation_failed"}
QUICK = {
    "RIVYA_POLL_FIRST_S": "0.1",
    "RIVYA_POLL_MIN_S": "0.1",
    "RIVYA_POLL_MAX_S": "0.3",
    "RIVYA_FIRST_START_EXAMPLES": "false",
    "STREAMLIT_LOGGER_LEVEL": "debug",
}

EVERYTHING = """() => {
  const read = (root) => [root.innerHTML, ...[...root.querySelectorAll('*')].flatMap((one) =>
    [one.value, one.shadowRoot ? read(one.shadowRoot) : ''])].filter((one) => typeof one === 'string').join('\\n');
  return [document.documentElement.outerHTML, read(document), document.title, location.href, document.cookie,
    JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })].join('\\n');
}"""


def holds(data: bytes, needles: set[bytes], depth: int = 3) -> bool:
    """Search bytes, and what they are when decoded, for any of the needles."""
    if any(needle in data for needle in needles):
        return True
    return depth > 0 and any(holds(inner, needles, depth - 1) for inner in opened(data))


class Recorder:
    """All that one browser hears, says and keeps; the HTTP part is there once its context is closed."""

    def __init__(self, context: BrowserContext, folder: Path) -> None:
        self.context = context
        self.folder = folder
        self.noted: dict[str, list[bytes]] = defaultdict(list)
        context.on("page", self._page)
        context.on("console", lambda message: self._note("console", message.text))

    def _page(self, page: Page) -> None:
        page.on("websocket", self._socket)

    def _socket(self, socket: WebSocket) -> None:
        self._note("handshake", socket.url)
        socket.on("framereceived", lambda data: self._note("frame in", data))
        socket.on("framesent", lambda data: self._note("frame out", data))

    def _note(self, place: str, data: str | bytes) -> None:
        self.noted[place].append(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)

    def look(self, page: Page, shows: str) -> None:
        """Keep what a page holds once it shows some words: markup with shadow roots and attributes, fields, storage."""
        page.get_by_text(shows).filter(visible=True).first.wait_for()
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        assert page.get_by_test_id("stException").count() == 0
        for frame in page.frames:
            self._note(f"page: {shows}", frame.evaluate(EVERYTHING))
        self._note("storage", json.dumps(self.context.storage_state(indexed_db=True)))

    def close(self) -> None:
        """End the browser's session; every HTTP exchange, bodies included, is in the folder then."""
        self.context.close()
        for path in self.folder.rglob("*"):
            self._note(f"exchanges{path.suffix}", path.read_bytes())

    def places(self, needles: set[bytes]) -> set[str]:
        """Where one of the needles is."""
        return {place for place, noted in self.noted.items() if any(holds(data, needles) for data in noted)}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    """A quick simulator in a process of its own that knows the key."""
    with Outside(tmp_path / "world.sqlite3") as simulator:
        simulator.add_key(KEY)
        yield simulator


@pytest.fixture
def recorder(browser: Browser, tmp_path: Path) -> Iterator[Recorder]:
    """A browser of which everything is kept."""
    context = browser.new_context(
        viewport={"width": WIDE.width, "height": WIDE.height},
        color_scheme="light",
        record_har_path=tmp_path / "heard" / "all.har",
        record_har_content="attach",
    )
    context.set_default_timeout(COMES_MS)
    yield Recorder(context, tmp_path / "heard")
    context.close()


def photo() -> bytes:
    """A small PNG."""
    picture = io.BytesIO()
    Image.new("RGB", (320, 320), (200, 80, 40)).save(picture, "PNG")
    return picture.getvalue()


def go(page: Page, name: str) -> None:
    """Follow the navigation to a page."""
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", level=1, name=name, exact=True).wait_for()


def fetch(page: Page, path: str) -> str:
    """Ask for what a link leads to, as the browser does; the answer."""
    return str(page.evaluate("path => fetch(path).then((answer) => answer.text())", path))


def each_tab(recorder: Recorder, page: Page, tabs: dict[str, str]) -> None:
    """Open tabs one after the other and look at each once it shows its words."""
    for name, shows in tabs.items():
        page.get_by_role("tab", name=name, exact=True).click()
        recorder.look(page, shows)


def refuse_a_job(recorder: Recorder, page: Page, outside: Outside) -> None:
    """Generate: a photo and a prompt, and a server that refuses them and tells the key."""
    outside.add_fault("error", route="create", **REFUSAL)
    recorder.look(page, "No clip yet")
    page.locator("input[type=file]").set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": photo()})
    page.get_by_text("Image to video").wait_for()
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Repeat · 160 credits").wait_for()
    recorder.look(page, "is odd")


def repeat_it(recorder: Recorder, page: Page, outside: Outside) -> None:
    """History: the refused job with every tab, then once more, troubled at each step but with a clip at the end."""
    tabs = {"Settings": "Started by", "Timeline": "Stored here", "Billing": "Idempotency key"}
    each_tab(recorder, page, {**tabs, "API log": "is odd"})
    for route in ("create", "media"):
        outside.add_fault("error", route=route, **ECHO, status=500)
    page.get_by_role("button", name="Repeat · 160 credits").click()
    page.get_by_text("it is the newest row now").wait_for()
    page.reload()
    page.locator("video").first.wait_for()
    each_tab(recorder, page, {**tabs, "API log": "Authorization: Bearer"})
    page.get_by_role("button", name="Copy as").click()
    each_tab(recorder, page, {"cURL": "curl", "Python": "from rivya_core", "JSON": '"prompt"'})
    page.keyboard.press("Escape")
    for words, shows in ((WORD, "1 to 2 of 2"), ("nobody wrote this", "Nothing matches")):
        page.get_by_label("Search prompts").fill(words)
        recorder.look(page, shows)


def run_a_sweep(recorder: Recorder, page: Page) -> str:
    """Sweep: form, price, grid, a clip, verdict and decision; the id of the experiment."""
    recorder.look(page, "Find out what really makes the difference")
    page.get_by_role("button", name="Use template").click()
    page.get_by_role("button", name="Start · 4 new · 640 credits").click()
    recorder.look(page, "This spends 640 credits")
    page.get_by_role("button", name="Spend 640 credits").click()
    recorder.look(page, "4 of 4 clips")
    page.get_by_role("button", name=re.compile("^Open ")).first.click()
    page.get_by_role("dialog").locator("video").wait_for()
    recorder.look(page, "A red fox crossing a frozen lake")
    page.keyboard.press("Escape")
    each_tab(recorder, page, {"Verdict": "cfg_scale", "Decision": "Who decides"})
    found = re.search(r"experiment=([^&]+)", page.url)
    assert found
    return found[1]


def judge(recorder: Recorder, page: Page, root: str, experiment_id: str) -> None:
    """Compare and Vote: the posters, two clips on the wall; a round begun, voted in and ended."""
    history = json.loads(fetch(page, "/exports/history.json"))
    ids = [row["id"] for row in history if row["state"] == "succeeded"]
    go(page, "Compare")
    recorder.look(page, WORD)
    page.goto(f"{root}/compare?ids={ids[0]},{ids[-1]}")
    expect(page.locator(".wall video")).to_have_count(2)
    recorder.look(page, WORD)
    page.goto(f"{root}/vote?experiment={experiment_id}")
    page.get_by_label("Your name").fill("Ana")
    page.keyboard.press("Enter")
    recorder.look(page, "Two clips play side by side")
    page.get_by_role("button", name="Start voting").click()
    page.locator("[data-vote=left][aria-disabled=false]").wait_for()
    page.keyboard.press("1")
    recorder.look(page, "1 of at most")
    page.get_by_role("button", name="End the round").click()
    recorder.look(page, "Not decided yet after 1 vote")


def check_the_connection(recorder: Recorder, page: Page, outside: Outside) -> None:
    """Connection: as it works, with no more of the key than its start, and when the check is answered with the key."""
    recorder.look(page, "rvya_sk_se…")
    outside.add_fault("error", route="credits", times=None, **REFUSAL)
    page.get_by_role("button", name="Check now").click()
    recorder.look(page, "The last check failed")


def test_no_part_of_the_key_reaches_a_browser(
    start_server: Callable[..., Server], outside: Outside, recorder: Recorder
) -> None:
    """Every page around an image job that fails once, at a server that tells the key in its errors, with all that lies behind.

    That is markup, frames, answers, storage and console; the server's files and what reached the media host come on top.
    """
    server = start_server(**QUICK, RIVYA_API_KEY=KEY, RIVYA_BASE_URL=outside.base_url)
    visitor = Visitor(recorder.context, server.url, "/")
    page = visitor.page
    refuse_a_job(recorder, page, outside)
    go(page, "History")
    repeat_it(recorder, page, outside)
    go(page, "Generate")
    recorder.look(page, "Latest clip")
    go(page, "Sweep")
    experiment_id = run_a_sweep(recorder, page)
    judge(recorder, page, server.url, experiment_id)
    go(page, "Spend")
    page.get_by_role("radio", name="simulated").click()
    recorder.look(page, "Spent in the last 30 days")
    for path in (f"/exports/history.csv?q={WORD}", "/exports/spend.csv?mode=simulated", "/healthz"):
        fetch(page, path)
    go(page, "Connection")
    page.evaluate("word => { console.info(word); localStorage.word = word; }", WORD)
    check_the_connection(recorder, page, outside)
    assert [fault for fault in outside.faults() if not fault.fired] == []
    recorder.close()
    assert (visitor.foreign, visitor.errors) == ([], [])
    heard = recorder.places(codings(WORD.encode()))
    assert heard >= {"frame in", "frame out", "exchanges.har", "exchanges.json", "exchanges.csv", "console", "storage"}
    assert heard >= {"page: is odd", "page: 1 to 2 of 2", "page: curl", f"page: {WORD}"}
    assert recorder.places(PARTS) == set()
    server.stop()
    assert places_with_secret(server.data_dir) == []
    fetched = outside.requests("media")
    assert len(fetched) >= 6
    assert {one.key_in for one in fetched} == {()}
