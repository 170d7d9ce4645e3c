"""The simulator as a server on this machine: in a thread of this process, ready in a few hundredths of a second."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from rivya_core.simulator.app import create_app
from rivya_core.simulator.clips import ClipMaker
from rivya_core.simulator.tape import Tape
from rivya_core.simulator.world import World

_log = logging.getLogger(__name__)
_START_S = 10.0
_STOP_S = 5.0


class SimulatorServer:
    """Serve one world on the loopback interface.

    world_path, speed, credits, seed, tape: see ``World``. port 0 takes a free one. Nothing is opened before :meth:`start`.
    Usable as a context manager.
    """

    def __init__(
        self,
        world_path: str | Path,
        *,
        speed: float = 1.0,
        credits: int = 4800,  # noqa: A002 - the word of the whole product
        seed: int = 0,
        port: int = 0,
        tape: Tape | None = None,
    ) -> None:
        self.world = World(world_path, seed=seed, credits=credits, speed=speed, tape=tape)
        self.clips = ClipMaker(self.world)
        self.app = create_app(self.world, self.clips, control=True)
        self._port = port
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """The address of the server, without a trailing slash; known once it was started."""
        if self._socket is None:
            raise RuntimeError("the simulator was not started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_key(self) -> str:
        """A key of the world with every scope."""
        return self.world.api_key

    def start(self) -> Self:
        """Start serving and return when requests are answered.

        Raises:
            OSError: the port is taken.
        """
        if self._thread is not None:
            return self
        self._socket = _listen(self._port)
        self._port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="rivya-simulator", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(_START_S):
            raise RuntimeError("the simulator did not start")
        return self

    def stop(self) -> None:
        """Stop serving, close every socket and the world's file; requests in flight are cut after a second."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                self._server.force_exit = True
                self._thread.join(_STOP_S)
            self._thread = self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.clips.close()
        self.world.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        if self._server is not None and self._socket is not None:
            self._server.run(sockets=[self._socket])


class _Server(uvicorn.Server):
    """uvicorn's server, telling when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY only if named
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener
