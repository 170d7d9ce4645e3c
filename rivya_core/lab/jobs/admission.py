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
    arrival: int
    experiment_id: str | None = field(compare=False)
    turn: asyncio.Future[AdmissionResult] = field(compare=False)


def _result_of(turn: asyncio.Future[AdmissionResult]) -> AdmissionResult | None:
    """Return the result that a waiting caller was given, or None."""
    has_result = turn.done() and not turn.cancelled() and turn.exception() is None
    return turn.result() if has_result else None


class AdmissionQueue:
    """Admit creates; used on one event loop, except for ``forget``."""

    def __init__(self, max_in_flight: int, read_stops: Callable[[], PauseState]) -> None:
        self._size = self._free = max_in_flight
        self._closed = False
        self._read_stops = read_stops
        self._stops = PauseState()
        self._read_at_s = float("-inf")
        self._version = self._read_version = 0
        self._heap: list[_Waiting] = []
        self._arrivals = count()
        self._changed = asyncio.Event()
        self._is_drained = asyncio.Event()
        self._server: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Invalidate the cached pause state; callable from any thread."""
        self._version += 1

    def close(self) -> None:
        """Stop admitting."""
        self._closed = True

    async def drain(self, within_s: float) -> None:
        """Stop admitting and wait for the held slots to be released, at most ``within_s`` seconds."""
        self.close()
        self._is_drained.clear()
        if self._free < self._size:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._is_drained.wait()

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
                self._release()

    async def _wait(self, order: int, experiment_id: str | None, deadline_s: float | None) -> AdmissionResult:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[AdmissionResult] = loop.create_future()
        heapq.heappush(self._heap, _Waiting(order, next(self._arrivals), experiment_id, turn))
        self._changed.set()
        if self._server is None or self._server.done():
            self._server = loop.create_task(self._serve(), name="rivya-admission")
            self._server.add_done_callback(self._server_ended)
        try:
            async with asyncio.timeout_at(deadline_s):
                return await turn
        except TimeoutError:  # raised even when the result was set in the same tick: the slot would leak
            return _result_of(turn) or AdmissionResult.LATE
        except asyncio.CancelledError:
            if _result_of(turn) is AdmissionResult.GO:
                self._release()
            raise

    def _release(self) -> None:
        self._free += 1
        self._changed.set()
        if self._free == self._size:
            self._is_drained.set()

    async def _serve(self) -> None:
        # Let callers that start together queue up first: admitted one by one they would go in order of arrival.
        await asyncio.sleep(LINE_UP_S)
        while self._heap:
            stops = await self.stops()
            self._reject(stops)
            if self._heap and self._free and stops.pause is None and not self._closed:
                self._free -= 1
                heapq.heappop(self._heap).turn.set_result(AdmissionResult.GO)
                continue
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._changed.wait()
            if stops.pause is not None:
                await asyncio.sleep(LOOK_AGAIN_S / 10)  # handle many arrivals during a pause as one batch

    def _server_ended(self, server: asyncio.Task[None]) -> None:
        """Propagate the error of a failed admission task to all callers that wait for it; later ones start a new task."""
        if server is not self._server:  # the callback runs late: a newer task serves the heap already
            return
        error = None if server.cancelled() else server.exception()
        callers, self._heap = self._heap, []
        for waiting in callers:
            if waiting.turn.done():
                continue
            if error is None:
                waiting.turn.cancel()
            else:
                waiting.turn.set_exception(error)

    def _reject(self, stops: PauseState) -> None:
        """Reject callers whose experiment is paused, and drop those that timed out or were cancelled."""
        if stops.experiments:
            for waiting in self._heap:
                if waiting.experiment_id in stops.experiments and not waiting.turn.done():
                    waiting.turn.set_result(AdmissionResult.STOPPED)
        if any(waiting.turn.done() for waiting in self._heap):
            self._heap = [waiting for waiting in self._heap if not waiting.turn.done()]
            heapq.heapify(self._heap)

    async def stops(self) -> PauseState:
        """Return what is paused, from a cache at most ``LOOK_AGAIN_S`` old and read after the last ``forget``."""
        loop = asyncio.get_running_loop()
        while self._read_version != self._version or loop.time() - self._read_at_s >= LOOK_AGAIN_S:
            version = self._version
            self._stops = await asyncio.to_thread(self._read_stops)
            self._read_at_s = loop.time()
            self._read_version = version
        return self._stops
