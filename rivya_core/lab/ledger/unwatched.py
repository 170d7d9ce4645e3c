"""Unwatched tasks, which a person has stopped waiting for: when their reservation may be released.

A task stuck in an unknown status never reports its price. Whether credits were taken is then inferred from the balance: one
reading from before the request and one from after the person stopped watching, with the same key and the same credits, and
no other row in between that may have taken or returned anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.mapping import EVERY_COLUMN, readable, to_record
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import balances, generations
from rivya_core.lab.ledger.states import State
from rivya_core.local_time import local

CAN_STOP: Final = frozenset({State.RUNNING, State.UNSAVED})
"""States that may last for ever: a task whose end is not known, and a clip that cannot be had."""


@dataclass(frozen=True, slots=True)
class Untaken:
    """Evidence that nothing was charged: two balance readings around the request."""

    credits: int
    before: datetime
    after: datetime

    def __str__(self) -> str:
        before, after = local(self.before), local(self.after)
        return (
            f"the balance was {self.credits:,} credits before it was sent ({before:%Y-%m-%d %H:%M:%S}) and afterwards "
            f"({after:%Y-%m-%d %H:%M:%S}), and nothing else ran between"
        )


def under_way() -> sa.ColumnElement[bool]:
    """Return the condition for rows that are still watched; for queries that already select open states."""
    return generations.c.unwatched_at.is_(None)


def is_overdue(row: GenerationRecord, now: datetime, overdue_after_s: float) -> bool:
    """Return whether a task takes unusually long, so that a person may stop watching it."""
    return row.task_id is not None and row.elapsed_s(now) >= overdue_after_s


def check_overdue(row: GenerationRecord, now: datetime, overdue_after_s: float) -> None:
    """Check that a person may stop watching a row because it takes unusually long.

    Raises:
        LabError: it has not, or there is nothing to watch.
    """
    if row.state not in CAN_STOP:
        raise LabError(
            "There is nothing to stop watching",
            f"{row.id} is {row.state}; only a running generation, or a clip that cannot be fetched, can be left unwatched.",
            field="state",
        )
    if not is_overdue(row, now, overdue_after_s):
        raise LabError(
            "It is too early to stop watching this generation",
            f"It was accepted {_span(row.elapsed_s(now))} ago and is overdue after {_span(overdue_after_s)}.",
            "Wait for it, or press Check now.",
            field="state",
        )


def _span(seconds: float) -> str:
    rest = timedelta(seconds=round(seconds))
    return f"{rest.seconds // 60 + rest.days * 1440} min" if rest >= timedelta(minutes=1) else f"{rest.seconds} s"


def to_release(connection: sa.Connection, name: str) -> list[GenerationRecord]:
    """Return the unwatched rows of a connection whose reservation still counts; damaged rows are skipped."""
    column = generations.c
    where = [column.connection == name, column.state == State.RUNNING.value, column.unwatched_at.is_not(None)]
    query = sa.select(*EVERY_COLUMN).where(*where, column.settlement == "reserved")
    return readable(connection, query, to_record)


def untaken(connection: sa.Connection, row: GenerationRecord) -> Untaken | None:
    """Return the readings that show that a row was not charged, or None while there are none.

    The first reading was logged while no row was open, so that this row cannot have been sent before it was answered.
    """
    if row.first_attempt_at is None or row.unwatched_at is None:
        return None
    before = _read(connection, row, balances.c.asked_at < row.first_attempt_at)
    after = _read(connection, row, balances.c.asked_at >= row.unwatched_at)
    if before is None or after is None or before.open_credits:
        return None
    same = ("credits", "booked_credits", "key_fingerprint", "mode")
    if any(getattr(before, name) != getattr(after, name) for name in same) or _others(connection, row, before, after):
        return None
    return Untaken(before.credits, before.asked_at, after.asked_at)


def _read(connection: sa.Connection, row: GenerationRecord, when: sa.ColumnElement[bool]) -> Any:
    newest = balances.c.asked_at.desc()
    ours = [balances.c.connection == row.connection, when]
    return connection.execute(sa.select(balances).where(*ours).order_by(newest, balances.c.id.desc()).limit(1)).first()


def _others(connection: sa.Connection, row: GenerationRecord, before: Any, after: Any) -> bool:
    """True when another row was sent between two readings, unless it is unwatched, too.

    Several unwatched rows are cleared together: an unchanged balance means that none of them was charged.
    """
    column = generations.c
    unwatched = sa.and_(column.state == State.RUNNING.value, column.unwatched_at.is_not(None))
    sent_between = [column.first_attempt_at >= before.asked_at, column.first_attempt_at <= after.asked_at]
    others = [column.connection == row.connection, column.id != row.id, sa.not_(unwatched)]
    return connection.execute(sa.select(column.id).where(*others, *sent_between).limit(1)).first() is not None
