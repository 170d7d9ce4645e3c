"""Workers that were given up, kept for a day: the table of workers forgets them at once, and people want to know what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import DamagedValueError
from rivya_core.lab.ledger.key_value import read_note, write_note

NOTE: Final = "given_up_workers"
KEPT_FOR: Final = timedelta(days=1)
KEPT_MAX: Final = 50
ROWS_MAX: Final = 500
"""Generations that are followed of one worker; how many it held is always told."""


@dataclass(frozen=True, slots=True)
class Left:
    """A worker that is given up. ``rows``: ids of the generations that it held."""

    id: str
    host: str
    seen_at: datetime
    rows: Sequence[str]


@dataclass(frozen=True, slots=True)
class GivenUpWorker:
    """A worker that was given up. Moments are the database's.

    ``at``: when another worker gave it up. ``seen_at``: its last beat. ``rows_held``: generations that it held then.
    ``rows``: ids of those, at most ``ROWS_MAX``. ``held_by``: worker -> how many of them it holds now. ``waiting``: how many no
    worker has begun again yet. ``ended``: how many need no worker any more.
    """

    id: str
    host: str
    at: datetime
    seen_at: datetime
    rows_held: int
    rows: Sequence[str]
    held_by: Mapping[str, int]
    waiting: int = 0
    ended: int = 0

    @property
    def pid(self) -> str:
        """Number of its process, which stands in the middle of the id."""
        parts = self.id.rsplit("-", 2)
        return parts[1] if len(parts) == 3 else ""  # noqa: PLR2004 - host, number, random digits

    def as_dict(self) -> dict[str, Any]:
        """JSON-safe values."""
        return {
            "id": self.id,
            "host": self.host,
            "pid": self.pid,
            "given_up": self.at.isoformat(),
            "last_beat": self.seen_at.isoformat(),
            "rows_held": self.rows_held,
            "rows_now": {"held_by": dict(self.held_by), "waiting": self.waiting, "ended": self.ended},
        }


def note(connection: sa.Connection, left: Sequence[Left], now: datetime) -> None:
    """Add workers, inside the caller's transaction that takes their generations away."""
    if not left:
        return
    added = [
        GivenUpWorker(one.id, one.host, now, one.seen_at, len(one.rows), one.rows[:ROWS_MAX], held_by={})
        for one in left
    ]
    kept = [*_recent(connection, now), *added][-KEPT_MAX:]
    write_note(connection, NOTE, [_stored(one) for one in kept], now)


def read(connection: sa.Connection, now: datetime) -> list[GivenUpWorker]:
    """Return the workers of the last day, the newest first; what became of their generations is not looked up."""
    return _recent(connection, now)[::-1]


def _recent(connection: sa.Connection, now: datetime) -> list[GivenUpWorker]:
    """Return the workers of the last day, the oldest first.

    What cannot be read is left out: it is only shown, and must not keep a dead worker's generations from being taken over.
    """
    try:
        stored = read_note(connection, NOTE)
    except DamagedValueError:
        return []
    found = [_read_one(one) for one in stored] if isinstance(stored, list) else []
    return [one for one in found if one is not None and now - one.at < KEPT_FOR]


def _stored(one: GivenUpWorker) -> dict[str, Any]:
    return {
        "id": one.id,
        "host": one.host,
        "at": one.at.isoformat(),
        "seen_at": one.seen_at.isoformat(),
        "rows_held": one.rows_held,
        "rows": list(one.rows),
    }


def _read_one(stored: object) -> GivenUpWorker | None:
    """Read what ``_stored`` made; None when it cannot be read."""
    match stored:
        case {
            "id": str(id_),
            "host": str(host),
            "at": str(at),
            "seen_at": str(seen_at),
            "rows_held": int(rows_held),
            "rows": list(rows),
        } if all(isinstance(row, str) for row in rows):
            try:
                return GivenUpWorker(id_, host, _moment(at), _moment(seen_at), rows_held, rows, held_by={})
            except ValueError:
                return None
    return None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
