"""The processes that share a database, as people and /healthz are told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rivya_core.lab.ledger.shared_limits import mismatches
from rivya_core.lab.ledger.workers import WORKER, WorkerRecord

CLOCK_OFF_MAX_S: Final = 5.0
"""A clock that is further off than this is named: times on screen and days of caps would be wrong."""

NO_WORKER: Final = "no worker runs, so what was submitted waits"
NOT_KNOWN: Final = "not known while the database does not answer"


@dataclass(frozen=True, slots=True)
class Processes:
    """Who shares the database now, workers first. ``silent_s``: without a beat for so long a process counts as gone."""

    known: Sequence[WorkerRecord]
    silent_s: float

    @property
    def alive(self) -> list[WorkerRecord]:
        """Those that were heard of lately."""
        return [one for one in self.known if one.silent_s < self.silent_s]

    @property
    def workers(self) -> list[WorkerRecord]:
        """Those of them that run jobs."""
        return [one for one in self.alive if one.role == WORKER]

    @property
    def differences(self) -> dict[str, dict[str, float | None]]:
        """Settings that should agree and do not: name -> process -> its value, None is no limit."""
        return mismatches({one.id: one.limits for one in self.alive})

    @property
    def words(self) -> str:
        """Who runs the jobs, as an engine's state."""
        count = len(self.workers)
        return NO_WORKER if not count else f"run by {count} {'worker' if count == 1 else 'workers'}"

    def as_dicts(self) -> list[dict[str, Any]]:
        """Every process that was not taken for dead, as JSON-safe values; moments are the database's."""
        return [
            {
                "id": one.id,
                "role": one.role,
                "host": one.host,
                "version": one.version,
                "last_beat": one.seen_at.isoformat(),
                "silent_s": round(one.silent_s, 1),
                "clock_off_s": round(one.clock_off_s, 2),
                "rows_held": one.rows_held,
            }
            for one in self.known
        ]
