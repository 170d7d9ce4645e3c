"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.cores import cores

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
START_S = 240.0
COMES_MS = 180_000
"""What is right comes, late on a busy machine; what is wrong never does. No test says how soon."""

QUICK = {"RIVYA_SIMULATOR_SPEED": "4", "RIVYA_POLL_FIRST_S": "1", "RIVYA_POLL_MIN_S": "1", "RIVYA_POLL_MAX_S": "2"}


def pytest_xdist_auto_num_workers() -> int:
    """One worker a core: each has a server and a Chromium beside it."""
    return cores()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the browser tests, and skip them where there is no browser, but never in CI."""
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(900))
            if CHROMIUM is None and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine; install `chromium`"))


class Server:
    """The dashboard as people start it, in a process of its own."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.settings = dict(settings or {})
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
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
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
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


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the examples of a first start, whose clips are done in seconds; one for a module's tests."""
    running = Server(tmp_path_factory.mktemp("quick"), QUICK)
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
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass(frozen=True)
class Look:
    """A window size in CSS pixels and a theme, as ``visit`` takes them."""

    width: int
    height: int
    dark: bool


class Visitor:
    """One person's browser, with what it asked for beyond our server and what went wrong in its console."""

    def __init__(self, context: BrowserContext, base_url: str, path: str) -> None:
        self.context = context
        self.base_url = base_url
        self.foreign: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self._note(request.url))
        self.page = self.open(path)

    def _note(self, url: str) -> None:
        if not url.startswith((self.base_url, self.base_url.replace("http", "ws"), "data:", "blob:")):
            self.foreign.append(url)

    def open(self, path: str) -> Page:
        """Open a path in a new tab and wait for its title."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.base_url + path)
        page.get_by_role("heading", level=1).wait_for()
        return page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open a visitor's browser on a server."""
    contexts: list[BrowserContext] = []

    def open_browser(
        server: Server,
        look: Look | None = None,
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        calm: bool = False,
        path: str = "/",
    ) -> Visitor:
        if look is not None:
            width, height, dark = look.width, look.height, look.dark
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if calm else "no-preference",
        )
        context.set_default_timeout(COMES_MS)
        contexts.append(context)
        return Visitor(context, server.url, path)

    yield open_browser
    for context in contexts:
        context.close()
