"""How far apart the reads of a running task are. Pure: times in, seconds out.

Rivya asks for a first read 2-3 s after the submit and then one every 5-10 s, slower for long jobs
(docs/api-generation-status). Within that, reads are as far apart as that allows while a clip is unlikely to be ready, and
as close as that allows where it is likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rivya_core.api.contract import POLL_FIRST_S, POLL_THEN_S

QUICK_S: Final = 22.0
"""The time before which few clips are ready, until there is a history that says otherwise."""

JITTER: Final = 0.1
_GROWTH = 1.1
_STEADY_S = 60.0  # until here the gap stays at its densest


@dataclass(frozen=True, slots=True)
class PollPace:
    """Seconds of the poll schedule: the first read, the densest and the widest gap of an ordinary job."""

    first_s: float = sum(POLL_FIRST_S) / 2
    min_s: float = POLL_THEN_S[0]
    max_s: float = POLL_THEN_S[1]

    def gap_s(self, elapsed_s: float, reads: int, jitter: float, *, quick_s: float = QUICK_S) -> float:
        """Seconds until the next read, ``elapsed_s`` after the submission and ``reads`` reads; ``jitter`` is uniform in 0..1."""
        if reads == 0:
            return max(0.0, self.first_s - elapsed_s)
        stretch = 1.0 + JITTER * jitter
        early_s = quick_s - elapsed_s
        if early_s > self.min_s:
            return min(_spread(early_s, self.min_s, self.max_s) * (1.0 + JITTER * jitter / 2), self.max_s)
        gap_s = self.min_s * stretch
        if elapsed_s > _STEADY_S:
            gap_s *= _GROWTH ** ((elapsed_s - _STEADY_S) / self.max_s)
        return min(max(gap_s, self.min_s), self.max_s)


def _spread(early_s: float, min_s: float, max_s: float) -> float:
    """The widest step on the way to the quick clips that leaves none that is too short behind."""
    if early_s <= max_s:
        return early_s
    return max_s if early_s >= max_s + min_s else max(early_s / 2, min_s)
