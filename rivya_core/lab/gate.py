"""Who may send a create now: at most N at once, nobody while the connection's queue is paused.

The pause itself is a note in the ledger, so that every process sees it; it is read at most twice a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rivya_core.lab.records import Pause

LOOK_AGAIN_S = 0.5


class Gate:
    """Let creates through one by one, in the order in which they came."""

    def __init__(self, max_in_flight: int, read_pause: Callable[[], Pause | None]) -> None:
        self._slots = asyncio.Semaphore(max_in_flight)
        self._read_pause = read_pause
        self._pause: Pause | None = None
        self._read_at_s = float("-inf")
        self._changes = self._seen = 0
        self._reading = asyncio.Lock()

    async def paused(self) -> Pause | None:
        """The pause in force, as read from the ledger no longer than half a second ago and after the last ``forget``."""
        async with self._reading:
            while self._seen != self._changes or asyncio.get_running_loop().time() - self._read_at_s >= LOOK_AGAIN_S:
                changes = self._changes
                self._pause = await asyncio.to_thread(self._read_pause)
                self._read_at_s = asyncio.get_running_loop().time()
                self._seen = changes
            return self._pause

    def forget(self) -> None:
        """Read the pause afresh next time; from any thread."""
        self._changes += 1

    async def open(self, deadline_s: float | None) -> bool:
        """Wait while the queue is paused; False when ``deadline_s`` (loop time) came first."""
        loop = asyncio.get_running_loop()
        while await self.paused() is not None:
            if deadline_s is not None and loop.time() >= deadline_s:
                return False
            await asyncio.sleep(LOOK_AGAIN_S)
        return True

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the create slots."""
        async with self._slots:
            yield
