"""When a running task is read next. Pure: times in, seconds out.

Rivya asks for a first read 2-3 s after the submit and then one every 5-10 s, slower for long jobs
(docs/api-generation-status). Within that, reads are sparse while a clip is unlikely to be ready and dense where it is
likely: the second read waits for the time that one in ten clips needed so far.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

GROWTH = 1.1
STEADY_S = 60.0  # until here the gap stays at its densest
OVERDUE_GAP_S = 300.0  # after Schedule.overdue_s
STALE_AFTER_S = 86_400.0
STALE_GAP_S = 21_600.0
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Schedule:
    """Read times of one task, all in seconds after its submission.

    first_s: the first read. min_s and max_s: the densest and the widest gap of an ordinary job. quick_s: the time before
    which few clips are ready. overdue_s: from here on the job is "unusually long" and read every five minutes; after a day
    every six hours. Reading never stops.
    """

    first_s: float
    min_s: float
    max_s: float
    quick_s: float
    overdue_s: float

    def next_gap_s(self, elapsed_s: float, reads: int, jitter: float) -> float:
        """Seconds until the next read, after ``reads`` reads so far; ``jitter`` is uniform in 0..1."""
        if reads == 0:
            return max(0.0, self.first_s - elapsed_s)
        if elapsed_s >= STALE_AFTER_S:
            return STALE_GAP_S
        if elapsed_s >= self.overdue_s:
            return OVERDUE_GAP_S
        stretch = 1.0 + JITTER * jitter
        if reads == 1:
            return min(max(self.min_s, self.quick_s - elapsed_s), self.max_s) * stretch
        gap_s = self.min_s * stretch
        if elapsed_s > STEADY_S:
            gap_s *= GROWTH ** ((elapsed_s - STEADY_S) / self.max_s)
        return min(max(gap_s, self.min_s), self.max_s)


class ReadBudget:
    """Process-wide limit of status reads per second: each caller waits for its own slot, in order of arrival."""

    def __init__(self, reads_per_s: float) -> None:
        self._gap_s = 1.0 / reads_per_s
        self._next_s = 0.0

    async def take(self) -> None:
        """Wait until one more read is allowed."""
        now_s = asyncio.get_running_loop().time()
        slot_s = max(now_s, self._next_s)
        self._next_s = slot_s + self._gap_s
        if slot_s > now_s:
            await asyncio.sleep(slot_s - now_s)
