"""When a running task is read next: at the pace of ``api.pace``, and seldom once it is unusually long. Pure: times in, seconds out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rivya_core.api.pace import PollPace

OVERDUE_GAP_S = 300.0  # after Schedule.overdue_s
STALE_AFTER_S = 86_400.0
STALE_GAP_S = 21_600.0


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
        if reads > 0 and elapsed_s >= STALE_AFTER_S:
            return STALE_GAP_S
        if reads > 0 and elapsed_s >= self.overdue_s:
            return OVERDUE_GAP_S
        pace = PollPace(self.first_s, self.min_s, self.max_s)
        return pace.gap_s(elapsed_s, reads, jitter, quick_s=self.quick_s)


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
