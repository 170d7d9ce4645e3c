"""How rows become records and records become columns: the only place that knows both forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.records import Clip, ErrorCard, EventRecord, GenerationRecord, MovementRecord
from rivya_core.lab.schema import generations
from rivya_core.lab.states import State

_FIELDS: Final = tuple(field.name for field in fields(GenerationRecord))
_STATE: Final = _FIELDS.index("state")
_ERROR: Final = _FIELDS.index("error")

EVERY_COLUMN: Final = tuple(generations.c[name] for name in _FIELDS)
"""The columns of a generation in the order of the record's fields."""


def to_record(row: sa.Row[Any]) -> GenerationRecord:
    """Build the record of a row that was selected with ``EVERY_COLUMN``."""
    values = list(row)
    values[_STATE] = State(values[_STATE])
    values[_ERROR] = to_card(values[_ERROR])
    return GenerationRecord(*values)


def to_event(row: sa.Row[Any]) -> EventRecord:
    """Build the record of a line of the timeline."""
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
    """Read a stored error card; what a newer version added is left out."""
    if not value:
        return None
    return ErrorCard(**{name: item for name, item in value.items() if name in _CARD_FIELDS})


def card_json(card: ErrorCard | None) -> dict[str, Any] | None:
    """Write an error card for storage."""
    return None if card is None else asdict(card)


def to_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn values as callers have them (cards, states) into what the columns hold."""
    columns = {name: value.value if isinstance(value, State) else value for name, value in values.items()}
    if "error" in columns:
        card = columns["error"]
        columns["error"] = card_json(card) if isinstance(card, ErrorCard) else sa.null()
    return columns


def clip_columns(clip: Clip) -> dict[str, Any]:
    """The columns that say where the clip is and what it measures."""
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
