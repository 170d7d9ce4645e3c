"""What a listener promises: it is ready when started, and nothing listens, hangs or is left open once it was told to end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from rivya_core.http_server.listener import Listener
from tests.until import HANGS_S, until

HERE = "127.0.0.1"
PIECE = b"x" * 65536
TICKS_S = 0.3
"""Longer than a listener waits between two questions whether it is over."""


class Slow:
    """An application that sends without an end, or, asked for ``/thread``, sits in a thread until the test lets it go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer."""
        from anyio import to_thread  # noqa: PLC0415

        if scope["path"] == "/thread":
            await to_thread.run_sync(self._sit)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99999999999")]})
        while True:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.begun.set()
            await asyncio.sleep(0)  # after the end of a connection nothing makes it wait

    def _sit(self) -> None:
        self.begun.set()
        self.go_on.wait(HANGS_S)


@pytest.fixture
def app() -> Iterator[Slow]:
    """The application; whoever sits in it is let go at the end."""
    made = Slow()
    yield made
    made.go_on.set()


def asked(listener: Listener, path: str, app: Slow) -> socket.socket:
    """A connection with a request under way."""
    wire = socket.create_connection((HERE, listener.port), timeout=HANGS_S)
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {HERE}\r\n\r\n".encode())
    assert app.begun.wait(HANGS_S)
    return wire


def refuses(port: int) -> bool:
    """Tell whether nothing takes a connection."""
    with socket.socket() as wire:
        return wire.connect_ex((HERE, port)) != 0


def is_closed(wire: socket.socket) -> bool:
    """Read to the end; a connection that was left open has none."""
    with wire:
        try:
            while wire.recv(65536):
                pass
        except ConnectionResetError:
            return True
    return True


@pytest.mark.parametrize("end", [Listener.close, lambda one: one.stop(at_once=True)], ids=["close", "stop"])
def test_no_connection_is_left_open(app: Slow, end: Callable[[Listener], None]) -> None:
    """Neither of an answer that is under way, nor of one that waits for a request, nor of one that was just made."""
    listener = Listener(app, "test").start()
    wires = [asked(listener, "/", app)]
    wires += [socket.create_connection((HERE, listener.port), timeout=HANGS_S) for _ in range(20)]
    end(listener)
    assert all(is_closed(wire) for wire in wires)
    until(lambda: not listener.is_running, what="the listener has ended")


def test_a_connection_made_at_the_last_moment_is_closed(app: Slow) -> None:
    """It is accepted in the turn of the loop that ends the listener, and known to the server only in the next."""
    wires: list[socket.socket] = []
    asked_before = threading.Event()

    def connect() -> None:
        time.sleep(TICKS_S)  # the next question is due together with the connection
        wires.append(socket.create_connection((HERE, listener.port), timeout=HANGS_S))

    def is_over() -> bool:
        if not asked_before.is_set():
            asyncio.get_running_loop().call_soon(connect)
            asked_before.set()
        return bool(wires)

    listener = Listener(app, "test", is_over=is_over).start()
    until(lambda: not listener.is_running, what="the listener has ended")
    assert is_closed(wires[0])


def test_close_waits_for_nobody(app: Slow) -> None:
    """Nothing listens when it returns, though a thread still works for a request; the end comes by itself."""
    listener = Listener(app, "test").start()
    with asked(listener, "/thread", app):
        listener.close()
        assert refuses(listener.port)
        assert listener.is_running
        app.go_on.set()
        until(lambda: not listener.is_running, what="the listener has ended")


def test_what_is_under_way_is_cut(app: Slow) -> None:
    """The other side sees the end, not a pause."""
    listener = Listener(app, "test").start()
    with httpx.stream("GET", f"http://{HERE}:{listener.port}/", timeout=HANGS_S) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        listener.close()
        with pytest.raises(httpx.TransportError):
            for _ in pieces:
                pass


def test_it_closes_by_itself_when_it_is_over(app: Slow) -> None:
    """And can be told to end again, or before it began."""
    over = threading.Event()
    listener = Listener(app, "test", is_over=over.is_set)
    listener.close()
    listener.start()
    assert not refuses(listener.port)
    over.set()
    until(lambda: refuses(listener.port), what="nothing listens")
    listener.close()
    listener.stop()
    assert not listener.is_running
