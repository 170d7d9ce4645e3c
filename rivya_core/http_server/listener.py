"""One ASGI app on one socket, served in a thread of this process, ready in a few hundredths of a second.

The simulator and what is shared in a network stand on it; the dashboard itself is served by Streamlit.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

from rivya_core.http_server.bounded_http import BoundedHttp

START_S: Final = 10.0
CLOSE_S: Final = 1.0
STOP_S: Final = 5.0

_WAITING: Final = 512
_WAITING_STRANGERS: Final = 64
"""Connections that wait to be taken; asyncio takes as many at once, before anything can count them."""


def _never() -> bool:
    return False


class Listener:
    """Serve ``app`` on one IPv4 address; nothing is opened before :meth:`start`.

    port 0 takes a free one. ``is_over`` is asked ten times a second: once it is true, the listener closes by itself. With
    ``connections_max`` no more connections than that are held, see ``BoundedHttp``: for whoever listens to strangers.
    """

    def __init__(
        self,
        app: ASGIApp,
        name: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        keep_alive_s: int = 120,
        connections_max: int | None = None,
        is_over: Callable[[], bool] = _never,
    ) -> None:
        self._name = name
        self._address = (host, port)
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="h11" if connections_max is None else BoundedHttp,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=connections_max,
                backlog=_WAITING if connections_max is None else _WAITING_STRANGERS,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=1,
            ),
            is_over,
        )
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port; a free one is known once the listener was started."""
        return self._address[1]

    @property
    def is_running(self) -> bool:
        """True from the start until nothing listens any more."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Self:
        """Start serving and return when requests are answered; once only.

        Raises:
            OSError: the port is taken, or the address is not of this machine.
        """
        listening = _listen(self._address)
        self._address = listening.getsockname()
        self._thread = threading.Thread(target=self._run, args=(listening,), name=self._name, daemon=True)
        self._thread.start()
        if not self._server.ready.wait(START_S):
            self.stop(at_once=True)
            raise RuntimeError(f"{self._name} did not start")
        return self

    def close(self) -> None:
        """Stop listening and cut what is under way; the end of requests that still work in a thread is not waited for.

        Nothing listens when this returns, a tenth of a second later as a rule; it waits for that no longer than a second.
        """
        if self._thread is not None:
            self._server.force_exit = self._server.should_exit = True
            self._server.closed.wait(CLOSE_S)

    def stop(self, *, at_once: bool = False) -> None:
        """Stop serving and wait for the end of it; requests in flight are cut after a second, or ``at_once``."""
        if self._thread is None:
            return
        self._server.force_exit = at_once
        self._server.should_exit = True
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(STOP_S)

    def _run(self, listening: socket.socket) -> None:
        with listening:
            self._server.run(sockets=[listening])
        self._server.closed.set()


class _Server(uvicorn.Server):
    """uvicorn's server, telling when it is ready and when nothing listens, and asking whether it is over."""

    def __init__(self, config: uvicorn.Config, is_over: Callable[[], bool]) -> None:
        super().__init__(config)
        self.ready, self.closed = threading.Event(), threading.Event()
        self._is_over = is_over

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self.closed.set()
        if self.force_exit:
            await self._cut()
        await super().shutdown(sockets)
        await self._cut()

    async def _cut(self) -> None:
        """Close the connections that are left: uvicorn leaves those of requests in flight to the garbage collector."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the loop closes their sockets now

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._is_over()


def _listen(address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY only if named
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_WAITING)
    except OSError:
        listener.close()
        raise
    return listener
