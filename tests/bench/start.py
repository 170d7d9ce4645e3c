"""From nothing to a page one can press: the server, a fresh browser, and the switch to another page.

Each is measured in turn with the least a Streamlit app of two pages can be, on this machine, at this moment. The browser is the
system's Chromium; without one only the server is measured.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.dashboard import Dashboard
from tests.bench.figures import Figure, median

BARE = "tests/bench/server/bare_pages.py"
STARTS = 4
VISITS = 4
SWITCHES = 12
COMES_MS = 60_000


class App(NamedTuple):
    """What is pressed and read on one of the two apps. ``button``: of the first page; ``there``, ``back``: names of links."""

    button: str
    there: str
    back: str


OURS = App(r"Generate · 160", "History", "Generate")
LEAST = App("Press first", "Second", "First")


@contextmanager
def _started(script: str, health: str, folder: Path) -> Iterator[tuple[Dashboard, float]]:
    """A server over a folder, and the seconds until it answered."""
    began = time.perf_counter()
    with Dashboard(script, health, RIVYA_DATA_DIR=str(folder)) as server:
        yield server, time.perf_counter() - began


def server_s(folder: Path) -> tuple[list[float], list[float]]:
    """Seconds until the server says that it is up, ours and the least one taking turns; the folder is filled before."""
    with _started("app.py", "/healthz", folder):
        pass
    ours, least = [], []
    for _ in range(STARTS):
        with _started(BARE, "/_stcore/health", folder) as (_, took_s):
            least.append(took_s)
        with _started("app.py", "/healthz", folder) as (_, took_s):
            ours.append(took_s)
    return ours, least


def visit_s(chromium: Browser, port: int, app: App) -> float:
    """Seconds from the address to the button one came for, in a browser that has never been here."""
    context = chromium.new_context()
    context.set_default_timeout(COMES_MS)
    page = context.new_page()
    began = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
    page.get_by_role("button", name=re.compile(app.button)).wait_for()
    took_s = time.perf_counter() - began
    context.close()
    return took_s


def switch_s(page: Page, link: str) -> float:
    """Seconds from the press on a page's link to that page's title."""
    began = time.perf_counter()
    page.get_by_role("link", name=link, exact=True).first.click()
    page.get_by_role("heading", level=1, name=link, exact=True).wait_for()
    return time.perf_counter() - began


def browser_s(chromium: Browser, port: int, bare_port: int) -> tuple[tuple[list[float], list[float]], ...]:
    """Seconds of visits and of switches, each as ours and the least app's, taking turns."""
    visits: tuple[list[float], list[float]] = ([], [])
    for app, at in ((OURS, port), (LEAST, bare_port)):
        visit_s(chromium, at, app)  # the first visit of all compiles
    for _ in range(VISITS):
        visits[1].append(visit_s(chromium, bare_port, LEAST))
        visits[0].append(visit_s(chromium, port, OURS))
    switches: tuple[list[float], list[float]] = ([], [])
    open_pages = [chromium.new_page(), chromium.new_page()]
    for page, at, app in zip(open_pages, (port, bare_port), (OURS, LEAST), strict=True):
        page.set_default_timeout(COMES_MS)
        page.goto(f"http://127.0.0.1:{at}/")
        page.get_by_role("button", name=re.compile(app.button)).wait_for()
        switch_s(page, app.there)
        switch_s(page, app.back)
    for number in range(SWITCHES):
        for page, app, found in zip(open_pages, (OURS, LEAST), switches, strict=True):
            page.wait_for_timeout(500)  # what draws itself after a run has done so
            found.append(switch_s(page, app.back if number % 2 else app.there))
    return visits, switches


def _figure(what: str, ours: list[float], least: list[float], target: float) -> Figure:
    words = f"{median(ours):.2f} s; the least app {median(least):.2f}"
    return Figure("start", what, median(ours) / median(least), "x bare", "at most", target, words)


def figures() -> Iterator[Figure]:
    """Start servers, then visit and switch."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        yield _figure("server up, cold", *server_s(folder), 2)
        chromium_path = shutil.which("chromium") or shutil.which("google-chrome")
        if chromium_path is None:
            return
        with (
            _started(BARE, "/_stcore/health", folder) as (bare, _),
            _started("app.py", "/healthz", folder) as (server, _),
            sync_playwright() as playwright,
        ):
            chromium = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
            visits, switches = browser_s(chromium, server.port, bare.port)
            chromium.close()
    yield _figure("a fresh browser to the button of Generate", *visits, 1.4)
    yield _figure("switch to another page", *switches, 1.3)
