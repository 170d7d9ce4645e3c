"""The poll intervals of a running task. Pure: times in, seconds out.

Rivya asks for a first read 2-3 s after the submission and then one every 5-10 s, slower for long jobs
(docs/api-generation-status). Within these limits reads are sparse while a clip is unlikely to be ready, and dense when it is likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rivya_core.api.contract import POLL_FIRST_S, POLL_THEN_S

QUICK_S: Final = 22.0
"""Time before which few clips are ready; used until there is a history to compute it from."""

JITTER: Final = 0.1
_GROWTH = 1.1
_STEADY_S = 60.0  # up to this age of a task the shortest gap is used


@dataclass(frozen=True, slots=True)
class PollPace:
    """The poll schedule in seconds: time of the first read, shortest and longest gap."""

    first_s: float = sum(POLL_FIRST_S) / 2
    min_s: float = POLL_THEN_S[0]
    max_s: float = POLL_THEN_S[1]

    def gap_s(self, elapsed_s: float, reads: int, jitter: float, *, quick_s: float = QUICK_S) -> float:
        """Return the seconds until the next read.

        elapsed_s: since the submission. reads: so far. jitter: uniform in 0..1. quick_s: before this age few clips are ready.
        """
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
    """Return the longest gap such that the rest, up to the time when clips may be ready, is not shorter than ``min_s``."""
    if early_s <= max_s:
        return early_s
    return max_s if early_s >= max_s + min_s else max(early_s / 2, min_s)
