"""What a new person sees and does, from the first visit to a finished clip and beyond."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.browser.conftest import HELD, QUICK, ROOT, Held, Server, Visitor, pass_an_hour, tasks_of
from tests.until import until

PROMPT = "A paper boat on a rain-lit street, macro lens"
StartServer = Callable[..., Server]
Visit = Callable[..., Visitor]


def type_prompt(page: Page, text: str = PROMPT) -> None:
    """Type into the prompt box as a person does: once its shortcut is announced."""
    expect(page.get_by_text("Ctrl+Enter generates")).to_be_attached()
    box = page.get_by_label("Prompt", exact=True)
    box.click()
    box.press_sequentially(text[:10], delay=5)
    box.fill(text)


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
    expect(page.get_by_text("0 / 5000")).to_be_visible()  # before anything is typed
    type_prompt(page)
    page.get_by_role("button", name=re.compile("Generate · 160")).click()
    expect(page.locator("video").first).to_have_attribute("src", re.compile(r"/clips/g"))
    assert tasks_of(server) == 1
    page.locator("video").first.evaluate("v => { v.muted = true; return v.play(); }")
    until(lambda: playing(page)[0] > 0.5, what="it plays")
    assert page.get_by_test_id("stException").count() == 0
    assert visitor.foreign == []
    assert visitor.errors == []


def test_a_page_opens_alone_on_a_cold_server(start_server: StartServer, visit: Visit) -> None:
    """A direct link to a page within is the first thing a new server is asked for."""
    visitor = visit(start_server(**QUICK), path="/history")
    expect(visitor.page.get_by_role("heading", level=1, name="History")).to_be_visible()
    expect(visitor.page.get_by_text("SIMULATED").first).to_be_visible()
    assert visitor.page.get_by_test_id("stException").count() == 0
    assert (visitor.errors, visitor.foreign) == ([], [])


def test_two_clicks_200_ms_apart_make_one_task(quick: Server, visit: Visit) -> None:
    """The browser sends the second click of a double click nowhere, so it is none however late a busy server would hear of it."""
    before = tasks_of(quick)
    page = visit(quick, calm=True).page
    shown = address_shown(page)
    type_prompt(page)
    page.keyboard.press("Tab")
    button = page.get_by_role("button", name=re.compile("Generate · 160"))
    expect(button).to_be_enabled()
    button.evaluate("b => { window.arrived = 0; b.addEventListener('click', () => { window.arrived += 1; }); }")
    button.dblclick(delay=100)
    assert page.evaluate("window.arrived") == 1
    wait_for_clip(page, shown)
    expect(page.get_by_role("heading", name="In progress")).not_to_be_visible()
    assert tasks_of(quick) == before + 1


def test_reload_restart_and_a_second_tab_mid_run(start_server: StartServer, visit: Visit) -> None:
    """The draft and the job survive a reload, kill -9 with a restart, and show in a second tab."""
    server = start_server(**HELD)
    visitor = visit(server, calm=True)
    page = visitor.page
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("In progress").first).to_be_visible()
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.get_by_text("In progress").first).to_be_visible()
    second = visitor.open("/")
    expect(second.get_by_text("In progress").first).to_be_visible()
    until(lambda: tasks_of(server) == 1, what="the task is made")
    server.stop(signal.SIGKILL)
    server.start()
    pass_an_hour(server)
    page.goto(server.url)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.locator("video").first).to_have_attribute("src", re.compile(r"/clips/g"))
    assert tasks_of(server) == 1
    page.goto(f"{server.url}/history")
    expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()


def test_ten_live_ticks_do_not_restart_the_player(held: Held, visit: Visit) -> None:
    """A clip that plays goes on playing while the page follows a running job."""
    page = visit(held.server).page
    ticks: list[bool] = []

    def note(frame: str | bytes) -> None:
        if isinstance(frame, bytes) and BackMsg.FromString(frame).rerun_script.is_auto_rerun:
            ticks.append(True)

    page.on("websocket", lambda socket: socket.on("framesent", note))
    page.reload()
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("In progress").first).to_be_visible()
    video = page.locator("video").first
    video.evaluate("v => { v.muted = true; v.loop = true; v.dataset.mark = 'same'; window.restarts = 0;"
                   " v.addEventListener('emptied', () => window.restarts++); return v.play(); }")  # fmt: skip
    ticks.clear()
    until(lambda: page.evaluate("0") == 0 and len(ticks) > 10, what="ten ticks and what the last one draws")
    assert video.evaluate("v => v.dataset.mark") == "same"
    assert page.evaluate("window.restarts") == 0
    assert video.evaluate("v => !v.paused")


def test_the_keyboard_alone_is_enough(quick: Server, visit: Visit) -> None:
    """Tab reaches the prompt, Ctrl+Enter sends what was just typed."""
    before = tasks_of(quick)
    page = visit(quick, calm=True).page
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


def copied(folder: Path) -> Path:
    """The dashboard's files in another folder, where a test may change them."""
    for name in ("pages", "rivya_core", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    return folder


def test_a_page_saved_mid_run_leaves_the_job_alone(visit: Visit, tmp_path: Path) -> None:
    """Editing a page while a job runs reloads the page, not the engine: the job finishes."""
    server = Server(tmp_path / "data", HELD, root=copied(tmp_path / "copy"))
    server.start()
    try:
        page = visit(server, calm=True).page
        type_prompt(page)
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("In progress").first).to_be_visible()
        edited = server.root / "pages" / "generate.py"
        text = edited.read_text(encoding="utf-8")
        edited.write_text(text.replace("Describe the shot.", "Edited while a job runs."), encoding="utf-8")
        page.reload()
        expect(page.get_by_text("Edited while a job runs.")).to_be_attached()
        until(lambda: tasks_of(server) == 1, what="the task is made")
        pass_an_hour(server)
        expect(page.locator("video").first).to_have_attribute("src", re.compile(r"/clips/g"))
        type_prompt(page, "And another one after the save")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("And another one after the save").first).to_be_visible()
        until(lambda: tasks_of(server) == 2, what="the next one goes the same way")
    finally:
        server.stop()


def test_a_first_start_shows_a_finished_study_on_every_page(quick: Server, visit: Visit) -> None:
    """Sweep, Verdict, Decision, Vote and Compare hold it instead of empty cards; Spend knows nothing of it."""
    world = quick.data_dir / "lab.sqlite3"

    def decided() -> bool:
        with closing(sqlite3.connect(world)) as file:
            found = file.execute("SELECT decided_at FROM lab_experiments WHERE id = 'xexample'").fetchone()
        return bool(found) and found[0] is not None

    until(decided, what="the example is finished")
    page = visit(quick, path="/sweep", calm=True).page
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
