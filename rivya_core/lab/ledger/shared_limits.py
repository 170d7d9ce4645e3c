"""Limits across all processes on a shared database: where their settings differ, the smallest value holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.schema import workers
from rivya_core.settings import Settings

CREATES: Final = "max_creates_in_flight"


def limits_of(settings: Settings) -> dict[str, float | None]:
    """Return the limits that a process publishes to the others, by setting; None is no limit."""
    return {
        "daily_cap_credits": settings.daily_cap_credits,
        CREATES: settings.max_creates_in_flight,
        "poll_reads_per_s": settings.poll_reads_per_s,
    }


def smallest(limits: Iterable[Mapping[str, float | None]]) -> dict[str, float]:
    """Return the smallest value of each limit; a limit that no process sets is left out."""
    minima: dict[str, float] = {}
    for one in limits:
        for name, value in one.items():
            if value is not None:
                minima[name] = min(value, minima.get(name, value))
    return minima


def read_limits(connection: sa.Connection) -> dict[str, float]:
    """Return the smallest limits of the processes that share the database, read inside the caller's transaction."""
    return smallest(connection.execute(sa.select(workers.c.limits)).scalars())


def mismatches(limits: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Return the settings on which processes (id -> limits) disagree: name -> process -> its value."""
    names = sorted({name for one in limits.values() for name in one})
    by_name = {name: {id_: one.get(name) for id_, one in limits.items()} for name in names}
    return {name: values for name, values in by_name.items() if len(set(values.values())) > 1}
