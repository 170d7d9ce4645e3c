"""The simulator as a server on the loopback interface, in a thread of this process."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from rivya_core.http_server.listener import Listener
from rivya_core.simulator.http.routes import create_app
from rivya_core.simulator.state.tape import Tape
from rivya_core.simulator.state.world import World
from rivya_core.simulator.video.clips import ClipMaker


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
        self._listener: Listener | None = None

    @property
    def base_url(self) -> str:
        """The address of the server, without a trailing slash; known once it was started."""
        if self._listener is None:
            raise RuntimeError("the simulator was not started")
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def api_key(self) -> str:
        """A key of the world with every scope."""
        return self.world.api_key

    def start(self) -> Self:
        """Start serving and return when requests are answered.

        Raises:
            OSError: the port is taken.
        """
        if self._listener is None:
            self._listener = Listener(self.app, "rivya-simulator", port=self._port).start()
            self._port = self._listener.port
        return self

    def stop(self) -> None:
        """Stop serving, close every socket and the world's file; requests in flight are cut after a second."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
        self.clips.close()
        self.world.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
