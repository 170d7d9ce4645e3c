"""What a new person sees and does, from the first visit to a finished clip and beyond."""

from __future__ import annotations

import base64
import io
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from rivya_core.simulator import World
from tests.browser.conftest import QUICK, Server, Visitor
from tests.until import until

PROMPT = "A paper boat on a rain-lit street, macro lens"
SLOW = {"RIVYA_SIMULATOR_SPEED": "0.5", "RIVYA_POLL_FIRST_S": "1", "RIVYA_POLL_MIN_S": "1", "RIVYA_POLL_MAX_S": "2"}

StartServer = Callable[..., Server]
Visit = Callable[..., Visitor]


def type_prompt(page: Page, text: str = PROMPT) -> None:
    """Type into the prompt box as a person does: once its shortcut is announced."""
    expect(page.get_by_text("Ctrl+Enter generates")).to_be_attached()
    box = page.get_by_label("Prompt", exact=True)
    box.click()
    box.press_sequentially(text[:10], delay=5)
    box.fill(text)


def tasks_of(server: Server) -> int:
    """How many tasks the simulator of this server has."""
    world = World(server.data_dir / "simulator" / "world.sqlite3")
    try:
        return len(world.tasks())
    finally:
        world.close()


def address_shown(page: Page) -> str:
    """The address of the clip that the page begins with."""
    video = page.locator("video").first
    expect(video).to_have_attribute("src", re.compile("mp4"))
    return video.get_attribute("src") or ""


def wait_for_clip(page: Page, before: str) -> None:
    """Wait until a finished clip has taken the place of the one at an address."""
    another = re.compile(rf"/clips/(?!{re.escape(before.rpartition('/')[2])})g")
    expect(page.locator("video").first).to_have_attribute("src", another)


def playing(page: Page) -> tuple[float, str]:
    """Position and address of the first video."""
    found = page.locator("video").first.evaluate("v => [v.currentTime, v.currentSrc || v.src]")
    return float(found[0]), str(found[1])


def test_from_the_first_visit_to_a_clip_that_plays(start_server: StartServer, visit: Visit) -> None:
    """An example greets; a prompt typed and Generate clicked at once gives one task and a clip that plays."""
    server = start_server(**QUICK)
    visitor = visit(server)
    page = visitor.page
    expect(page.locator("video").first).to_be_visible()
    expect(page.get_by_text("SIMULATED").first).to_be_visible()
    type_prompt(page)
    page.get_by_role("button", name=re.compile("Generate · 160")).click()
    expect(page.locator("video").first).to_have_attribute("src", re.compile(r"/clips/g"))
    assert tasks_of(server) == 1
    page.locator("video").first.evaluate("v => { v.muted = true; return v.play(); }")
    page.wait_for_timeout(1500)
    assert playing(page)[0] > 0.5
    assert page.get_by_test_id("stException").count() == 0
    assert visitor.foreign == []
    assert visitor.errors == []


def test_two_clicks_200_ms_apart_make_one_task(quick: Server, visit: Visit) -> None:
    """A double click is one wish."""
    before = tasks_of(quick)
    page = visit(quick).page
    shown = address_shown(page)
    type_prompt(page)
    page.keyboard.press("Tab")
    button = page.get_by_role("button", name=re.compile("Generate · 160"))
    expect(button).to_be_enabled()
    button.dblclick(delay=100)
    wait_for_clip(page, shown)
    assert tasks_of(quick) == before + 1


def test_reload_restart_and_a_second_tab_mid_run(start_server: StartServer, visit: Visit) -> None:
    """The draft and the job survive a reload, kill -9 with a restart, and show in a second tab."""
    server = start_server(**SLOW)
    visitor = visit(server)
    page = visitor.page
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("In progress").first).to_be_visible()
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.get_by_text("In progress").first).to_be_visible()
    second = visitor.open("/")
    expect(second.get_by_text("In progress").first).to_be_visible()
    server.stop(signal.SIGKILL)
    server.start()
    page.goto(server.url)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.locator("video").first).to_have_attribute("src", re.compile(r"/clips/g"))
    assert tasks_of(server) == 1
    page.goto(f"{server.url}/history")
    expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()


def test_ten_live_ticks_do_not_restart_the_player(start_server: StartServer, visit: Visit) -> None:
    """A clip that plays goes on playing while the page follows a running job."""
    server = start_server(RIVYA_SIMULATOR_SPEED="0.2", RIVYA_POLL_FIRST_S="1", RIVYA_POLL_MIN_S="1")
    page = visit(server).page
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("In progress").first).to_be_visible()
    video = page.locator("video").first
    video.evaluate("v => { v.muted = true; v.loop = true; v.dataset.mark = 'same'; window.restarts = 0;"
                   " v.addEventListener('emptied', () => window.restarts++); return v.play(); }")  # fmt: skip
    page.wait_for_timeout(21_000)
    assert video.evaluate("v => v.dataset.mark") == "same"
    assert page.evaluate("window.restarts") == 0
    assert video.evaluate("v => !v.paused")


def test_the_keyboard_alone_is_enough(quick: Server, visit: Visit) -> None:
    """Tab reaches the prompt, Ctrl+Enter sends what was just typed."""
    before = tasks_of(quick)
    page = visit(quick).page
    shown = address_shown(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.get_by_label("Prompt", exact=True).evaluate("box => box === document.activeElement"):
            break
    expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
    page.keyboard.type(PROMPT)
    page.keyboard.press("Control+Enter")
    wait_for_clip(page, shown)
    assert tasks_of(quick) == before + 1


def test_an_image_is_dropped_and_sent(quick: Server, visit: Visit) -> None:
    """A photo dropped on the uploader is shown with its size and becomes the first frame's source."""
    before = tasks_of(quick)
    page = visit(quick).page
    shown = address_shown(page)
    picture = io.BytesIO()
    Image.new("RGB", (1200, 800), (200, 80, 40)).save(picture, "JPEG")
    data = base64.b64encode(picture.getvalue()).decode()
    transfer = page.evaluate_handle(
        """data => { const t = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        t.items.add(new File([bytes], 'photo.jpg', {type: 'image/jpeg'})); return t; }""",
        data,
    )
    zone = page.get_by_test_id("stFileUploaderDropzone")
    zone.dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_text(re.compile("1200.?\u00d7.?800")).first).to_be_visible()
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    wait_for_clip(page, shown)
    assert tasks_of(quick) == before + 1
    world = World(quick.data_dir / "simulator" / "world.sqlite3")
    try:
        assert len(world.requests("upload")) == 1
    finally:
        world.close()


def test_a_page_saved_mid_run_leaves_the_job_alone(start_server: StartServer, visit: Visit, tmp_path: Path) -> None:
    """Editing a page while a job runs reloads the page, not the engine: the job finishes."""
    page_file = Path(__file__).resolve().parents[2] / "pages" / "generate.py"
    server = start_server(**SLOW)
    page = visit(server).page
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("In progress").first).to_be_visible()
    page_file.touch()
    expect(page.locator("video").first).to_have_attribute("src", re.compile(r"/clips/g"))
    type_prompt(page, "And another one after the save")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(2000)
    expect(page.get_by_text("And another one after the save").first).to_be_visible()
    assert tasks_of(server) == 2


@pytest.mark.parametrize("path", ["/history", "/connection"])
def test_each_page_opens_alone_on_a_cold_server(start_server: StartServer, visit: Visit, path: str) -> None:
    """A direct link is the first thing a new server is asked for."""
    server = start_server(**QUICK)
    visitor = visit(server, path=path)
    expect(visitor.page.get_by_text("SIMULATED").first).to_be_visible()
    assert visitor.page.get_by_test_id("stException").count() == 0
    assert visitor.errors == []
    assert visitor.foreign == []


def test_a_first_start_shows_a_finished_study_on_every_page(quick: Server, visit: Visit) -> None:
    """Sweep, Verdict, Decision, Vote and Compare hold it instead of empty cards; Spend knows nothing of it."""
    world = quick.data_dir / "lab.sqlite3"

    def decided() -> bool:
        with closing(sqlite3.connect(world)) as file:
            found = file.execute("SELECT decided_at FROM lab_experiments WHERE id = 'xexample'").fetchone()
        return bool(found) and found[0] is not None

    until(decided, what="the example is finished")
    page = visit(quick, path="/sweep").page
    expect(page.get_by_text("Example: how much guidance").first).to_be_visible()
    page.goto(f"{quick.url}/sweep?experiment=xexample&view=Verdict")
    expect(page.get_by_text("cfg_scale 0 moves more than 1; clearly beyond take-to-take variation.")).to_be_visible()
    expect(page.locator("[class*='st-key-verdict_0'] video")).to_have_count(2)
    page.goto(f"{quick.url}/sweep?experiment=xexample&view=Decision")
    expect(page.get_by_text("Winning clip")).to_be_visible()
    page.goto(f"{quick.url}/vote")
    expect(page.get_by_text("How does cfg_scale change the way the shot moves?")).to_be_visible()
    page.goto(f"{quick.url}/compare")
    expect(page.get_by_text("A red fox crosses a frozen lake").first).to_be_visible()
    page.goto(f"{quick.url}/spend")
    expect(page.get_by_role("heading", level=1)).to_have_text("Spend")
    expect(page.get_by_text("Example: how much guidance")).to_have_count(0)
