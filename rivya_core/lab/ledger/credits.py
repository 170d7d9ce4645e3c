"""The credit movements of a generation: reserve, adjust, settle, release. Nothing else may change a row's credits.

Invariant: ``held_credits`` of a row is the sum of its movements, and what it counts against caps and balance today. Every
function works inside the caller's transaction, on a row that was read in that transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import experiments, generations, movements

_SET_FIGURES: Final = sa.update(generations).where(generations.c.seq == sa.bindparam("row_seq"))
_NEW_MOVEMENT: Final = sa.insert(movements)


@dataclass(frozen=True, slots=True)
class Adjust:
    """Correct a reservation to ``reserved_credits`` of Rivya's answer."""

    credits: int
    reason: str = "reserved_credits of the answer"


@dataclass(frozen=True, slots=True)
class Settle:
    """Book the price: final, or provisional while Rivya has not reported it."""

    credits: int
    provisional: bool = False
    reason: str = "final_credits of the task"


@dataclass(frozen=True, slots=True)
class Release:
    """Release the whole reservation."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Reserve again after an early release: the task went on after all."""

    reason: str


CreditMove = Adjust | Settle | Release | Hold


def reserve(connection: sa.Connection, row: GenerationRecord, now: datetime) -> None:
    """Write the first movement of a new row, which was inserted with its ``held_credits``."""
    _write(connection, row, "reserve", row.held_credits, now, "submitted")


def reserve_many(connection: sa.Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Write the first movements of new rows, given as column mappings, in one statement."""
    values = [
        {
            "generation_id": row["id"],
            "at": now,
            "mode": row["mode"],
            "kind": "reserve",
            "credits": row["held_credits"],
            "provisional": False,
            "reason": "submitted",
        }
        for row in rows
    ]
    connection.execute(sa.insert(movements), values)


def release_many(connection: sa.Connection, rows: Sequence[Any], now: datetime, reason: str) -> None:
    """Write the release movements of reserved rows (id, mode, held_credits) whose own columns are already updated."""
    values = [
        {
            "generation_id": row.id,
            "at": now,
            "mode": row.mode,
            "kind": "release",
            "credits": -row.held_credits,
            "provisional": False,
            "reason": reason,
        }
        for row in rows
    ]
    connection.execute(sa.insert(movements), values)


def book(connection: sa.Connection, row: GenerationRecord, move: CreditMove, now: datetime) -> bool:
    """Write one movement and update the credit columns of the row; False when it changes nothing, so a repeat is harmless.

    A released row stays released unless it is held again. A finally settled row changes only by another final figure of
    Rivya's.
    """
    # After a release only a Hold counts: a late Adjust or Settle must not bring back credits that were given back.
    if isinstance(move, Hold) or row.settlement == "released":
        return isinstance(move, Hold) and _hold(connection, row, move, now)
    match move:
        case Adjust():
            return _adjust(connection, row, move, now)
        case Settle():
            return _settle(connection, row, move, now)
        case Release():
            return _release(connection, row, move, now)


def _adjust(connection: sa.Connection, row: GenerationRecord, move: Adjust, now: datetime) -> bool:
    # Once a price is booked, even a provisional one, it outranks any reservation.
    if row.settlement != "reserved" or row.reserved_credits == move.credits:
        return False
    _figures(connection, row, reserved_credits=move.credits, held_credits=move.credits)
    if move.credits != row.held_credits:
        _write(connection, row, "adjust", move.credits - row.held_credits, now, move.reason)
    return True


def _settle(connection: sa.Connection, row: GenerationRecord, move: Settle, now: datetime) -> bool:
    if row.settlement == "settled" and (move.provisional or move.credits == row.held_credits):
        return False
    if row.settlement == "provisional" and move.provisional and move.credits == row.held_credits:
        return False
    _figures(
        connection,
        row,
        held_credits=move.credits,
        final_credits=None if move.provisional else move.credits,
        settlement="provisional" if move.provisional else "settled",
    )
    # Movements hold differences, so that their sum is always what the row holds.
    difference = move.credits - row.held_credits
    _write(connection, row, "settle", difference, now, move.reason, provisional=move.provisional)
    return True


def _release(connection: sa.Connection, row: GenerationRecord, move: Release, now: datetime) -> bool:
    if row.settlement == "settled":  # Rivya's final price outranks any reason to release
        return False
    _figures(connection, row, held_credits=0, final_credits=0, settlement="released")
    _write(connection, row, "release", -row.held_credits, now, move.reason)
    return True


def _hold(connection: sa.Connection, row: GenerationRecord, move: Hold, now: datetime) -> bool:
    if row.settlement != "released":
        return False
    # What Rivya reserved is known better than what was expected, and may be unknown if no answer named it.
    held_credits = row.expected_credits if row.reserved_credits is None else row.reserved_credits
    _figures(connection, row, held_credits=held_credits, final_credits=None, settlement="reserved")
    _write(connection, row, "reserve", held_credits, now, move.reason)
    return True


def _figures(connection: sa.Connection, row: GenerationRecord, **columns: int | str | None) -> None:
    connection.execute(_SET_FIGURES, {"row_seq": row.seq, **columns})


def _write(
    connection: sa.Connection,
    row: GenerationRecord,
    kind: str,
    credits: int,  # noqa: A002 - Rivya's word
    now: datetime,
    reason: str,
    *,
    provisional: bool = False,
) -> None:
    movement = {
        "generation_id": row.id,
        "at": now,
        "mode": row.mode,
        "kind": kind,
        "credits": credits,
        "provisional": provisional,
        "reason": reason,
    }
    connection.execute(_NEW_MOVEMENT, movement)


def mark_simulated(connection: sa.Connection, row: GenerationRecord) -> None:
    """Mark a row, its movements and its experiment as simulated because a simulator answered; irreversible.

    Judged by the answer, not by the settings, so that simulated work never counts as live.
    """
    connection.execute(sa.update(generations).where(generations.c.seq == row.seq).values(mode="simulated"))
    connection.execute(sa.update(movements).where(movements.c.generation_id == row.id).values(mode="simulated"))
    if row.experiment_id is not None:
        connection.execute(sa.update(experiments).where(experiments.c.id == row.experiment_id).values(mode="simulated"))
