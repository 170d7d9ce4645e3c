"""The poll schedule of a running task (``api.pace``, then rarely once overdue), and the rate limits of all polls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass

from rivya_core.api.pace import PollPace

OVERDUE_GAP_S = 300.0  # after Schedule.overdue_s
STALE_AFTER_S = 86_400.0
STALE_GAP_S = 21_600.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Poll times of one task, all in seconds after its submission.

    first_s: the first poll. min_s and max_s: the shortest and the longest interval of an ordinary job. quick_s: the time
    before which few clips are ready. overdue_s: from here on the job counts as unusually long and is polled every five
    minutes, after a day every six hours. Polling never stops: the task is paid for.
    """

    first_s: float
    min_s: float
    max_s: float
    quick_s: float
    overdue_s: float

    def next_gap_s(self, elapsed_s: float, reads: int, jitter: float) -> float:
        """Return the seconds until the next read, after ``reads`` reads so far; ``jitter`` is uniform in 0..1."""
        if reads > 0 and elapsed_s >= STALE_AFTER_S:
            return STALE_GAP_S
        if reads > 0 and elapsed_s >= self.overdue_s:
            return OVERDUE_GAP_S
        pace = PollPace(self.first_s, self.min_s, self.max_s)
        return pace.gap_s(elapsed_s, reads, jitter, quick_s=self.quick_s)


class ReadBudget:
    """Process-wide rate limiter of status polls; callers are served in order of arrival."""

    def __init__(self, reads_per_s: float) -> None:
        self._gap_s = 1.0 / reads_per_s
        self._next_s = 0.0

    async def take(self) -> None:
        """Wait until one more read is allowed."""
        now_s = asyncio.get_running_loop().time()
        # The slot is taken before the first await, so that no two callers get the same one and no lock is needed.
        slot_s = max(now_s, self._next_s)
        self._next_s = slot_s + self._gap_s
        if slot_s > now_s:
            await asyncio.sleep(slot_s - now_s)


class SharedReadBudget:
    """Rate limiter across all workers of a database; reserves time slots in batches, for all callers of this process."""

    def __init__(self, reads_per_s: Callable[[], float], take: Callable[[int, float], float]) -> None:
        """``take``: number of slots and seconds between them -> seconds until the first. Blocking: it queries the database."""
        self._reads_per_s = reads_per_s
        self._take = take
        self._line: list[asyncio.Future[float]] = []
        self._server: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Wait until one more read is allowed. Raises StorageError when the database does not answer."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[float] = loop.create_future()
        self._line.append(turn)
        if self._server is None or self._server.done():
            # In a context of its own: it takes moments for the jobs of many rows, whichever of them called first.
            self._server = loop.create_task(self._serve(), name="rivya-reads", context=Context())
        at_s = await turn
        if at_s > loop.time():
            await asyncio.sleep(at_s - loop.time())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while self._line:
            served, self._line = self._line, []
            gap_s = 1.0 / self._reads_per_s()
            try:
                in_s = await asyncio.to_thread(self._take, len(served), gap_s)
            except Exception as error:  # noqa: BLE001 - each of those who wait gets it
                for turn in served:
                    if not turn.done():
                        turn.set_exception(error)
                continue
            first_s = loop.time() + in_s
            for place, turn in enumerate(served):
                if not turn.done():
                    turn.set_result(first_s + place * gap_s)
