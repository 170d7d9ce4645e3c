"""What is promised of connections from a network: never more than so many, and nobody shuts others out by waiting."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from rivya_core.http_server import bounded_http
from rivya_core.http_server.listener import Listener
from tests.until import HANGS_S, until

HERE = "127.0.0.1"
MOST = 4
PIECE = b"x" * 1_000_000


class App:
    """Answers "here"; ``/endless`` sends until nobody reads on, ``/held`` waits until the test lets it go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        from anyio import to_thread  # noqa: PLC0415

        self.begun.release()
        if scope["path"] == "/held":
            await to_thread.run_sync(self.go_on.wait, HANGS_S)
        if scope["path"] != "/endless":
            await PlainTextResponse("here")(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.go_on.is_set():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            await asyncio.sleep(0)  # once nobody is there, sending does not wait


@pytest.fixture
def app() -> Iterator[App]:
    """The application; whoever waits in it is let go at the end."""
    made = App()
    yield made
    made.go_on.set()


@pytest.fixture
def listener(app: App) -> Iterator[Listener]:
    """A listener of a few connections, which may wait as long as a test lasts."""
    made = Listener(app, "test", connections_max=MOST, keep_alive_s=int(HANGS_S)).start()
    yield made
    made.stop(at_once=True)


def joined(listener: Listener, sent: str = "") -> socket.socket:
    """A connection to the listener on which something was sent."""
    wire = socket.create_connection((HERE, listener.port), timeout=HANGS_S)
    wire.sendall(sent.encode())
    return wire


def wants(path: str) -> str:
    """A request."""
    return f"GET {path} HTTP/1.1\r\nHost: {HERE}\r\n\r\n"


def is_cut(wire: socket.socket) -> bool:
    """Wait for the end of a connection."""
    try:
        while wire.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def still_open(wires: list[socket.socket]) -> list[socket.socket]:
    """Those that the other side has not ended."""
    ended, _, _ = select.select(wires, [], [], 0)
    return [wire for wire in wires if wire not in ended]


@pytest.mark.parametrize("sent", ["", "GET / HTTP/1.1\r\nHo"], ids=["nothing", "half a request"])
def test_whoever_only_waits_gives_way(listener: Listener, sent: str) -> None:
    """The one that waited longest first; who comes after ten times as many as fit is answered."""
    waiting = [joined(listener, sent) for _ in range(10 * MOST)]
    with httpx.Client(timeout=HANGS_S) as phone:
        assert phone.get(f"http://{HERE}:{listener.port}/").text == "here"
        assert all(is_cut(wire) for wire in waiting[: 9 * MOST])
    for wire in waiting:
        wire.close()


def test_a_browser_that_keeps_its_connections_does_not_shut_others_out(listener: Listener, app: App) -> None:
    """Each phone leaves a connection open after its answer."""
    phones = [httpx.Client(timeout=HANGS_S) for _ in range(3 * MOST)]
    for phone in phones:
        assert phone.get(f"http://{HERE}:{listener.port}/").text == "here"
    for phone in phones:
        phone.close()


def test_what_is_under_way_is_not_cut_for_others(listener: Listener, app: App) -> None:
    """Where all are at work, whoever comes then is turned away, and nobody else."""
    busy = [joined(listener, wants("/held")) for _ in range(MOST)]
    for _ in busy:
        assert app.begun.acquire(timeout=HANGS_S)
    with joined(listener) as late:
        assert is_cut(late)
    app.go_on.set()
    for wire in busy:
        assert wire.recv(65536).startswith(b"HTTP/1.1 200")
        wire.close()


def test_an_answer_that_nobody_reads_gives_way(listener: Listener, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that went out of the room holds no place."""
    gone = [joined(listener, wants("/endless")) for _ in range(MOST)]
    for _ in gone:
        assert app.begun.acquire(timeout=HANGS_S)
    monkeypatch.setattr(bounded_http, "STALLED_S", 0.0)

    def is_answered() -> bool:
        try:
            return httpx.get(f"http://{HERE}:{listener.port}/", timeout=HANGS_S).text == "here"
        except httpx.TransportError:
            return False

    until(is_answered, what="a stalled answer gives way")
    for wire in gone:
        wire.close()


@pytest.mark.parametrize("sent", ["", "GET / HT", f"{wants('/')}GET / HT"], ids=["nothing", "a part", "one and a part"])
def test_a_connection_without_a_request_is_closed(app: App, sent: str) -> None:
    """Whatever came of one; nobody else has to come for that."""
    listener = Listener(app, "test", connections_max=MOST, keep_alive_s=1).start()
    try:
        with joined(listener, sent) as wire:
            assert is_cut(wire)
    finally:
        listener.stop(at_once=True)


def test_what_strangers_send_is_not_written_down(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    """Else whoever is in the network fills the log."""
    with caplog.at_level(logging.DEBUG, "uvicorn.error"), joined(listener, "\x16\x03\x01 rubbish\r\n\r\n") as wire:
        assert b"400" in wire.recv(65536)
    assert caplog.records == []


def test_a_crowd_does_not_use_up_the_files_of_the_process(listener: Listener) -> None:
    """However many come, only so many stay."""
    crowd = [joined(listener) for _ in range(50 * MOST)]
    until(lambda: len(still_open(crowd)) == MOST, what="the others were closed")
    for wire in crowd:
        wire.close()
