"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from rivya_core.lab.ledger.states import TERMINAL
from rivya_core.simulator import World
from tests.browser.nginx import trusted
from tests.cores import cores
from tests.ports import own_port
from tests.until import until

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ONE_PROCESS = "--process-per-site"
"""All pages of a site in a context share a process. A site is scheme and host: the servers' ports are one."""

START_S = 240.0
COMES_MS = 180_000
"""What is right comes, late on a busy machine; what is wrong never does. No test says how soon."""

HELD = {"RIVYA_SIMULATOR_SPEED": "0.02", "RIVYA_POLL_FIRST_S": "1", "RIVYA_POLL_MIN_S": "1", "RIVYA_POLL_MAX_S": "2"}
QUICK = {"RIVYA_SIMULATOR_SPEED": "4", "RIVYA_POLL_FIRST_S": "1", "RIVYA_POLL_MIN_S": "1", "RIVYA_POLL_MAX_S": "2"}


WORKERS_A_CORE = 2
"""Half of a browser test is waiting: for a clip, a tick, a page that has come to rest."""

WORKERS_MAX = 8
"""A worker with its Chromium and its servers needs up to two gigabytes."""


def pytest_xdist_auto_num_workers() -> int:
    """Workers of ``-n auto``: each has servers and a Chromium beside it."""
    return min(WORKERS_MAX, WORKERS_A_CORE * cores())


LONGEST_FIRST = (
    *("generate", "origins", "first_visit", "vote", "no_secret", "playback", "wall", "replay", "sweep", "verdict"),
    *("share", "below_a_path", "history", "spend", "sign_in", "shows", "look", "links", "show_page", "frame"),
    *("below_a_path_signed_in", "ballot", "connection", "direction"),
)
"""Files by the CPU time they need, so that no core is idle at the end while another one begins a long one."""


def pytest_configure(config: pytest.Config) -> None:
    """Let ``--dist loadfile`` hand files out as they are ordered here, not by their number of tests."""
    config.option.loadscopereorder = False


def _place(item: pytest.Item) -> int:
    name = item.path.stem.removeprefix("test_")
    return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the browser tests, put long files first, and skip all where there is no browser, but never in CI."""
    if all("tests/browser" in item.path.as_posix() for item in items):
        items.sort(key=_place)
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(900))
            if CHROMIUM is None and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine; install `chromium`"))


class Server:
    """The dashboard as people start it, in a process of its own."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None, root: Path = ROOT) -> None:
        self.data_dir = data_dir
        self.root = root
        self.settings = dict(settings or {})
        self.port = own_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return when /healthz says ok."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RIVYA_")}
        environment |= {"RIVYA_DATA_DIR": str(self.data_dir), **self.settings}
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = (self.data_dir / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)],
            cwd=self.root,
            env=environment,
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    if answer.status == 200 and b'"ok":true' in answer.read():
                        return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"no server: {(self.data_dir / 'server.log').read_text(errors='ignore')[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process, by SIGKILL if asked."""
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers for this test; they are stopped at its end."""
    started: list[Server] = []

    def start(**settings: str) -> Server:
        server = Server(tmp_path / f"data{len(started)}", settings)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the examples of a first start, whose clips are done in seconds.

    All tests of a worker share it, and each leaves clips there: what a test counts it counts from its own beginning.
    """
    running = Server(tmp_path_factory.mktemp("quick"), QUICK)
    running.start()
    yield running
    running.stop()


def world_of(server: Server) -> World:
    """The world of this server's simulator; opened at the server's own speed, as another one would become the speed of both."""
    speed = float(server.settings.get("RIVYA_SIMULATOR_SPEED", "1"))
    return World(server.data_dir / "simulator" / "world.sqlite3", speed=speed)


def tasks_of(server: Server) -> int:
    """How many tasks the simulator of this server has."""
    world = world_of(server)
    try:
        return len(world.tasks())
    finally:
        world.close()


def pass_an_hour(server: Server) -> None:
    """Move the clock of this server's simulator to where all that it was given has ended."""
    world = world_of(server)
    try:
        world.advance(3600)
    finally:
        world.close()


@dataclass(frozen=True)
class Held:
    """A server whose clips are not done before the test says so, and how many tasks it had before the test."""

    server: Server
    before: int

    def let_end(self) -> None:
        """Let all end that runs, once the test's own task is made."""
        until(lambda: tasks_of(self.server) > self.before, what="the task is made")
        pass_an_hour(self.server)


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose clips take minutes, read every second; ``held`` is for tests."""
    running = Server(tmp_path_factory.mktemp("slow"), HELD)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def held(slow: Server) -> Held:
    """The slow server, on which nothing runs that an earlier test has begun."""
    if unfinished(
        slow
    ):  # else the hour would pass under the test's own task, once the simulator looks at its clock again
        pass_an_hour(slow)
    until(lambda: unfinished(slow) == 0, what="nothing runs")
    return Held(slow, tasks_of(slow))


def unfinished(server: Server) -> int:
    """How many generations of this server have not ended."""
    ended = ", ".join(f"'{state.value}'" for state in TERMINAL)
    with closing(sqlite3.connect(server.data_dir / "lab.sqlite3")) as file:
        return int(file.execute(f"SELECT count(*) FROM lab_generations WHERE state NOT IN ({ended})").fetchone()[0])


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a folder with nothing in it, to be looked at only."""
    running = Server(tmp_path_factory.mktemp("bare"), {"RIVYA_FIRST_START_EXAMPLES": "false"})
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all browser tests, closed before any other: Playwright keeps an event loop running in this thread."""
    if CHROMIUM is None:
        pytest.fail("CI has no Chromium")
    expect.set_options(timeout=COMES_MS)
    with sync_playwright() as playwright:
        flags = [*FLAGS, ONE_PROCESS, trusted()]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@dataclass(frozen=True)
class Look:
    """A window size in CSS pixels and a theme, as ``visit`` takes them."""

    width: int
    height: int
    dark: bool


WIDE = Look(1440, 900, dark=False)
PHONE = Look(390, 844, dark=True)


class Visitor:
    """One person's browser, with what it asked for beyond our server and what went wrong in its console."""

    def __init__(
        self, context: BrowserContext, base_url: str, path: str, look: Look = WIDE, *, calm: bool = False
    ) -> None:
        self.context = context
        self.base_url = base_url
        self.look = look
        self.calm = calm
        self.foreign: list[str] = []
        self.errors: list[str] = []
        context.on("request", self._note)
        self.page = self.tab()
        self._forget()
        self._go(self.page, path)

    def _note(self, request: Request) -> None:
        ours = self.base_url, self.base_url.replace("http", "ws"), "data:", "blob:"
        if not request.url.startswith(ours):
            self.foreign.append(request.url)

    def tab(self) -> Page:
        """A new tab without an address, in the size and theme of this browser."""
        page = self.context.new_page()
        page.set_viewport_size({"width": self.look.width, "height": self.look.height})
        page.emulate_media(
            color_scheme="dark" if self.look.dark else "light",
            reduced_motion="reduce" if self.calm else "no-preference",
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def open(self, path: str, script: str = "") -> Page:
        """Open a path in a new tab and wait for its title; ``script`` runs in it before any of the page's own."""
        page = self.tab()
        if script:
            page.add_init_script(script)
        self._go(page, path)
        return page

    def _go(self, page: Page, path: str) -> None:
        page.goto(self.base_url + path)
        page.get_by_role("heading", level=1).wait_for()

    def _forget(self) -> None:
        """Drop what pages of this server stored in this browser for an earlier visitor."""
        storage = {"origin": self.base_url, "storageTypes": "local_storage,indexeddb,cache_storage"}
        self.context.new_cdp_session(self.page).send("Storage.clearDataForOrigin", storage)

    def leave(self) -> None:
        """Close the tabs; what is kept of files stays warm for the next visitor, who drops what pages stored."""
        self.context.remove_listener("request", self._note)
        _resident, *tabs = self.context.pages
        for page in tabs:
            page.close()
        self.context.clear_cookies()
        self.context.clear_permissions()


@pytest.fixture(scope="package")
def warm(browser: Browser) -> list[BrowserContext]:
    """Browser contexts that nobody uses at the moment: they have Streamlit's files, and nothing else of their last visitor."""
    return []


def _new_warm(browser: Browser) -> BrowserContext:
    """A browser context with one empty page of our servers' site that stays.

    The process of a site ends with its last page. Kept alive it has compiled Streamlit's scripts already, which is two fifths of
    what opening a page costs the browser.
    """
    context = browser.new_context()
    resident = context.new_page()
    resident.route("http://127.0.0.1/", lambda route: route.fulfill(content_type="text/html", body=""))
    resident.goto("http://127.0.0.1/")
    return context


@pytest.fixture
def visit(browser: Browser, warm: list[BrowserContext]) -> Iterator[Callable[..., Visitor]]:
    """Open a visitor's browser on a server; each one opened is another person's."""
    visitors: list[Visitor] = []

    def open_browser(
        server: Server,
        look: Look | None = None,
        *,
        width: int = WIDE.width,
        height: int = WIDE.height,
        dark: bool = False,
        calm: bool = False,
        path: str = "/",
    ) -> Visitor:
        context = warm.pop() if warm else _new_warm(browser)
        context.set_default_timeout(COMES_MS)
        visitor = Visitor(context, server.url, path, look or Look(width, height, dark), calm=calm)
        visitors.append(visitor)
        return visitor

    yield open_browser
    for visitor in visitors:
        visitor.leave()
        warm.append(visitor.context)
