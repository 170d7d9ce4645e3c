"""What a page of another program on this machine can do in a visitor's browser: nothing, while the dashboard works."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product

import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect

from tests.browser.conftest import COMES_MS, QUICK, Server, tasks_of
from tests.browser.test_first_visit import type_prompt
from tests.until import until

PAGES = ("/sweep", "/compare", "/vote", "/history", "/shows", "/spend", "/connection", "/")

OPEN_SOCKET = """address => new Promise(done => {
  const socket = new WebSocket(address + '/_stcore/stream', ['streamlit']);
  socket.onopen = () => { done('open'); socket.close(); };
  socket.onerror = () => done('refused');
})"""

ASK = """async ([method, address]) => {
  try {
    const answer = await fetch(address, {method, body: method === 'GET' ? undefined : new Blob(['x'])});
    return `${answer.status} ${await answer.text()}`;
  } catch (error) { return 'not readable'; }
}"""


class _Page(BaseHTTPRequestHandler):
    """An empty page of somebody else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Elsewhere</title><iframe></iframe>")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another program that serves a page on this machine."""
    with _serving() as port:
        yield port


@pytest.fixture(scope="module")
def proxy() -> Iterator[int]:
    """The port of a program whose pages may speak to the dashboard, under the name of localhost."""
    with _serving() as port:
        yield port


@contextmanager
def _serving() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory, proxy: int) -> Iterator[Server]:
    """A server that listens under every address of this machine and allows one other origin."""
    settings = {"STREAMLIT_SERVER_ADDRESS": "::", "RIVYA_ALLOWED_ORIGINS": f"http://localhost:{proxy}"}
    running = Server(tmp_path_factory.mktemp("everywhere"), QUICK | settings)
    running.start()
    yield running
    running.stop()


def test_a_page_of_another_port_reaches_nothing(everywhere: Server, browser: Browser, elsewhere: int) -> None:
    """It opens no WebSocket, writes nothing and reads no answer, under each name of this machine, from a sandbox as well."""
    context = browser.new_context()
    context.set_default_timeout(COMES_MS)
    page = context.new_page()
    for theirs, ours in product(["127.0.0.1", "localhost"], repeat=2):
        page.goto(f"http://{theirs}:{elsewhere}/")
        page.set_content("<iframe sandbox='allow-scripts' srcdoc='<p>A page without an origin</p>'></iframe>")
        sandboxed = page.frames[-1]
        for frame in (page.main_frame, sandboxed):
            assert frame.evaluate(OPEN_SOCKET, f"ws://{ours}:{everywhere.port}") == "refused"
            for method, path in (
                ("PUT", "/_stcore/upload_file/a/b"),
                ("DELETE", "/_stcore/upload_file/a/b"),
                ("POST", "/simulator/api/v1/generations"),
                ("GET", "/_stcore/host-config"),
                ("GET", "/exports/history.json"),
            ):
                assert frame.evaluate(ASK, [method, f"http://{ours}:{everywhere.port}{path}"]) == "not readable"
    context.close()


@pytest.mark.parametrize(("name", "paths"), [("127.0.0.1", PAGES), ("localhost", ["/"]), ("[::1]", ["/"])])
def test_the_dashboard_works_under_every_name_of_this_machine(
    everywhere: Server, browser: Browser, name: str, paths: Sequence[str]
) -> None:
    """Every page draws, a button reaches the server, its own socket opens, and the content policy stops nothing it needs."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if (
            message.type == "error" and "404" not in message.text
        ):  # Streamlit looks for its files below the page's path first
            complaints.append(message.text)

    context = browser.new_context()
    context.set_default_timeout(COMES_MS)
    page = context.new_page()
    page.on("console", note)
    for path in paths:
        page.goto(f"http://{name}:{everywhere.port}{path}")
        page.get_by_role("heading", level=1).wait_for()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    before = tasks_of(everywhere)
    type_prompt(page)  # the last of the paths is Generate's
    page.get_by_role("button", name="Generate").first.click()
    until(lambda: tasks_of(everywhere) == before + 1, what="the task is made")
    assert page.evaluate(OPEN_SOCKET, f"ws://{name}:{everywhere.port}") == "open"
    context.close()
    assert complaints == []


def test_a_proxy_that_rewrites_the_host_needs_its_origin_named(
    everywhere: Server, browser: Browser, proxy: int
) -> None:
    """An allowed origin is one to Streamlit too; its neighbour on another port is not."""
    context = browser.new_context()
    context.set_default_timeout(COMES_MS)
    page = context.new_page()
    page.goto(f"http://localhost:{proxy}/")
    assert page.evaluate(OPEN_SOCKET, f"ws://127.0.0.1:{everywhere.port}") == "open"
    page.goto(f"http://127.0.0.1:{proxy}/")
    assert page.evaluate(OPEN_SOCKET, f"ws://127.0.0.1:{everywhere.port}") == "refused"
    context.close()
