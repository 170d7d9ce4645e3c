"""Convert rows to records and values to columns: the only place that knows both forms."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger.records import ErrorCard, EventRecord, GenerationRecord, MovementRecord
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.states import State, stored
from rivya_core.lab.media.archive import Clip

log = logging.getLogger("rivya.database")

_FIELDS: Final = tuple(field.name for field in fields(GenerationRecord))
_STATE: Final = _FIELDS.index("state")
_REQUEST: Final = _FIELDS.index("request")
_NEEDED: Final = tuple(place for place, name in enumerate(_FIELDS) if not generations.c[name].nullable)
_ERROR: Final = _FIELDS.index("error")

EVERY_COLUMN: Final = tuple(generations.c[name] for name in _FIELDS)
"""The columns of a generation in the order of the record's fields."""


def to_record(row: sa.Row[Any]) -> GenerationRecord:
    """Build the record of a row that was selected with ``EVERY_COLUMN``.

    Raises:
        ValueError: a value is missing, or not of its kind: the row is damaged.
    """
    values = list(row)
    if None in [values[place] for place in _NEEDED] or not isinstance(values[_REQUEST], dict):
        raise ValueError("a value is missing")
    values[_STATE] = stored(values[_STATE])
    values[_ERROR] = to_card(values[_ERROR])
    return GenerationRecord(*values)


UNREADABLE: Final = (ValueError, TypeError, AttributeError)
"""The exceptions that converting a damaged row may raise."""

_T = TypeVar("_T")
_damaged: WeakKeyDictionary[sa.Engine, dict[str, None]] = WeakKeyDictionary()


def readable(connection: sa.Connection, query: sa.Select[Any], make: Callable[[sa.Row[Any]], _T]) -> list[_T]:
    """Convert the rows of a query; damaged rows are left out and recorded (``damaged_rows``)."""
    try:
        return [make(row) for row in connection.execute(query)]
    except UNREADABLE:
        keys = connection.execute(query.with_only_columns(generations.c.seq, generations.c.id)).all()
    records = []
    for seq, generation_id in keys:
        try:
            records += [make(row) for row in connection.execute(query.where(generations.c.seq == seq))]
        except UNREADABLE:
            unreadable(connection.engine, generation_id or f"number {seq}")
    return records


def unreadable(engine: sa.Engine, generation_id: str) -> StorageError:
    """Build the error of a generation whose row is damaged; record it, and log it once."""
    error = StorageError(
        "A generation cannot be read",
        f"The row of {generation_id} in the database is damaged. Nothing is sent for it.",
        "The others go on. Look for its task in Rivya's own history before you start it again.",
        field="row",
    )
    named = _damaged.setdefault(engine, {})
    if generation_id not in named:
        named[generation_id] = None
        log.error("%s", error)
    return error


def name_unknown_states(connection: sa.Connection) -> None:
    """Record the generations with an unknown state: they are shown as unconfirmed, and no job touches them."""
    column = generations.c
    unknown = sa.select(column.id).where(column.state.not_in([state.value for state in State]))
    for generation_id in connection.execute(unknown).scalars():
        unreadable(connection.engine, str(generation_id))


def damaged_rows(engine: sa.Engine) -> tuple[str, ...]:
    """Return the ids of generations whose rows were found damaged since the database was opened."""
    return tuple(_damaged.get(engine, {}))


def to_event(row: sa.Row[Any]) -> EventRecord:
    """Build the record of a timeline event."""
    return EventRecord(at=row.at, kind=row.kind, detail=row.detail)


def to_movement(row: sa.Row[Any]) -> MovementRecord:
    """Build the record of a credit movement."""
    return MovementRecord(
        generation_id=row.generation_id,
        at=row.at,
        mode=row.mode,
        kind=row.kind,
        credits=row.credits,
        provisional=row.provisional,
        reason=row.reason,
    )


_CARD_FIELDS: Final = frozenset(field.name for field in fields(ErrorCard))


def to_card(value: Mapping[str, Any] | None) -> ErrorCard | None:
    """Read a stored error card, ignoring fields that a newer version added."""
    if not value:
        return None
    return ErrorCard(**{name: item for name, item in value.items() if name in _CARD_FIELDS})


def card_json(card: ErrorCard | None) -> dict[str, Any] | None:
    """Write an error card for storage."""
    return None if card is None else asdict(card)


def to_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values as callers have them (cards, states) to column values."""
    columns = {name: value.value if isinstance(value, State) else value for name, value in values.items()}
    if "error" in columns:
        card = columns["error"]
        columns["error"] = card_json(card) if isinstance(card, ErrorCard) else sa.null()
    return columns


def clip_columns(clip: Clip) -> dict[str, Any]:
    """Return the columns that describe the archived clip."""
    return {
        "clip_key": clip.clip_key,
        "poster_key": clip.poster_key,
        "clip_sha256": clip.sha256,
        "clip_bytes": clip.size_bytes,
        "clip_width_px": clip.width_px,
        "clip_height_px": clip.height_px,
        "clip_duration_s": clip.duration_s,
        "clip_fps": clip.fps,
        "clip_check": clip.check,
        "clip_fault": clip.fault,
    }


def moment_json(moment: datetime | None) -> str | None:
    """Write a moment for a JSON column."""
    return None if moment is None else moment.isoformat()


def moment_of(value: object) -> datetime | None:
    """Read a moment from a JSON column."""
    return datetime.fromisoformat(value) if isinstance(value, str) else None
