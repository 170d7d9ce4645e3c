"""A priority semaphore for creates: at most N in flight, in ledger order, none while the connection's queue is paused.

Pauses are stored in the ledger, so that every process sees them, and cached for half a second. A single task admits the
waiting callers, so that they are admitted in ledger order whatever order they arrived in.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from rivya_core.lab.ledger.records import PauseState

LOOK_AGAIN_S = 0.5
LINE_UP_S = 0.02  # rows enqueued together arrive in any order; wait for them all before the first is admitted


class AdmissionResult(StrEnum):
    """How a wait for admission ended."""

    GO = "go"  # a slot is held
    LATE = "late"  # the deadline came first
    STOPPED = "stopped"  # its experiment is paused


@dataclass(order=True, slots=True)
class _Waiting:
    order: int
    came: int
    experiment_id: str | None = field(compare=False)
    turn: asyncio.Future[AdmissionResult] = field(compare=False)


def _told(turn: asyncio.Future[AdmissionResult]) -> AdmissionResult | None:
    """The result that a waiting caller was given, or None."""
    given = turn.done() and not turn.cancelled() and turn.exception() is None
    return turn.result() if given else None


class AdmissionQueue:
    """Admit creates; used on one event loop, except for ``forget``."""

    def __init__(self, max_in_flight: int, read_stops: Callable[[], PauseState]) -> None:
        self._size = self._free = max_in_flight
        self._closed = False
        self._read_stops = read_stops
        self._stops = PauseState()
        self._read_at_s = float("-inf")
        self._changes = self._seen = 0
        self._line: list[_Waiting] = []
        self._came = count()
        self._moved = asyncio.Event()
        self._all_back = asyncio.Event()
        self._server: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Invalidate the cached pauses; callable from any thread."""
        self._changes += 1

    def close(self) -> None:
        """Admit nothing any more."""
        self._closed = True

    async def drain(self, within_s: float) -> None:
        """Admit nothing any more and wait for the held slots to be released, at most ``within_s`` seconds."""
        self.close()
        self._all_back.clear()
        if self._free < self._size:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._all_back.wait()

    @asynccontextmanager
    async def slot(
        self, order: int, *, experiment_id: str | None = None, deadline_s: float | None = None
    ) -> AsyncIterator[AdmissionResult]:
        """Wait for admission, smallest ``order`` first; on ``GO`` a slot is held until the end of the block.

        ``experiment_id``: yield ``STOPPED`` when it is paused. ``deadline_s``: yield ``LATE`` at this time of the event loop.
        """
        turn = await self._wait(order, experiment_id, deadline_s)
        try:
            yield turn
        finally:
            if turn is AdmissionResult.GO:
                self._give_back()

    async def _wait(self, order: int, experiment_id: str | None, deadline_s: float | None) -> AdmissionResult:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[AdmissionResult] = loop.create_future()
        heapq.heappush(self._line, _Waiting(order, next(self._came), experiment_id, turn))
        self._moved.set()
        if self._server is None or self._server.done():
            self._server = loop.create_task(self._serve(), name="rivya-admission")
            self._server.add_done_callback(self._served)
        try:
            async with asyncio.timeout_at(deadline_s):
                return await turn
        except TimeoutError:  # raised even when the result was set in the same tick: the slot would leak
            return _told(turn) or AdmissionResult.LATE
        except asyncio.CancelledError:
            if _told(turn) is AdmissionResult.GO:
                self._give_back()
            raise

    def _give_back(self) -> None:
        self._free += 1
        self._moved.set()
        if self._free == self._size:
            self._all_back.set()

    async def _serve(self) -> None:
        await asyncio.sleep(LINE_UP_S)
        while self._line:
            stops = await self.stops()
            self._send_home(stops)
            if self._line and self._free and stops.pause is None and not self._closed:
                self._free -= 1
                heapq.heappop(self._line).turn.set_result(AdmissionResult.GO)
                continue
            self._moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._moved.wait()
            if stops.pause is not None:
                await asyncio.sleep(LOOK_AGAIN_S / 10)  # handle many arrivals during a pause as one batch

    def _served(self, server: asyncio.Task[None]) -> None:
        """Pass the error of a failed admission task to all callers waiting for it; later ones wait for the next task."""
        if server is not self._server:
            return
        error = None if server.cancelled() else server.exception()
        left, self._line = self._line, []
        for waiting in left:
            if waiting.turn.done():
                continue
            if error is None:
                waiting.turn.cancel()
            else:
                waiting.turn.set_exception(error)

    def _send_home(self, stops: PauseState) -> None:
        """Reject callers whose experiment is paused, and drop those that gave up."""
        if stops.experiments:
            for waiting in self._line:
                if waiting.experiment_id in stops.experiments and not waiting.turn.done():
                    waiting.turn.set_result(AdmissionResult.STOPPED)
        if any(waiting.turn.done() for waiting in self._line):
            self._line = [waiting for waiting in self._line if not waiting.turn.done()]
            heapq.heapify(self._line)

    async def stops(self) -> PauseState:
        """Return what is paused, from a cache at most ``LOOK_AGAIN_S`` old and read after the last ``forget``."""
        loop = asyncio.get_running_loop()
        while self._seen != self._changes or loop.time() - self._read_at_s >= LOOK_AGAIN_S:
            changes = self._changes
            self._stops = await asyncio.to_thread(self._read_stops)
            self._read_at_s = loop.time()
            self._seen = changes
        return self._stops
