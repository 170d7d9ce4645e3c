"""Read a generation, change its state by compare-and-set, append to its timeline.

Every write of a generation goes through ``move`` or ``update``, so that no state is skipped, no event is missing and no ended
row keeps an open reservation. No other module may set the columns in ``NOT_FREE``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.credits import CreditMove, Release, book
from rivya_core.lab.ledger.database import begin_immediate, reading
from rivya_core.lab.ledger.ids import searchable
from rivya_core.lab.ledger.mapping import (
    EVERY_COLUMN,
    UNREADABLE,
    to_columns,
    to_event,
    to_movement,
    to_record,
    unreadable,
)
from rivya_core.lab.ledger.query_cache import remembered_of
from rivya_core.lab.ledger.records import EventRecord, GenerationRecord, MovementRecord
from rivya_core.lab.ledger.schema import events, generations, movements
from rivya_core.lab.ledger.states import LEGAL, TERMINAL, State
from rivya_core.lab.ledger.unexpected_errors import is_unexpected
from rivya_core.lab.people.acting import signed

# Statements are built once: SQLAlchemy caches their compiled form by structure, and these run several times per job.
_BY_ID: Final = sa.select(*EVERY_COLUMN).where(generations.c.id == sa.bindparam("id"))
_SET_IN_STATE: Final = sa.update(generations).where(
    generations.c.seq == sa.bindparam("row_seq"), generations.c.state == sa.bindparam("row_state")
)
_SET_BY_ID: Final = sa.update(generations).where(generations.c.id == sa.bindparam("row_id"))
_NEW_EVENT: Final = sa.insert(events)
_EVENTS: Final = sa.select(events).where(events.c.generation_id == sa.bindparam("id")).order_by(events.c.id)
_MOVEMENTS: Final = sa.select(movements).where(movements.c.generation_id == sa.bindparam("id")).order_by(movements.c.id)

NOT_FREE: Final = frozenset(
    {
        "seq",
        "id",
        "state",
        "mode",
        "held_credits",
        "reserved_credits",
        "final_credits",
        "settlement",
        "finished_at",
        "worker_id",
        "fence",
    }
)
"""Columns that only ``move``, the credit movements (``credits.book``), the submission and ``Workers`` may set."""


def utc_now() -> datetime:
    """The current time, timezone-aware UTC."""
    return datetime.now(UTC)


class Transitions:
    """Read generations and change their states; safe to use from any thread.

    Methods that take a ``sa.Connection`` work inside the caller's transaction; all others open one of their own.
    """

    def __init__(
        self,
        database: sa.Engine,
        clock: Callable[[], datetime] = utc_now,
        *,
        key_fingerprint: str | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.key_fingerprint = key_fingerprint
        self.remembered = remembered_of(database)

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Open a connection for reads; every statement sees the newest commit."""
        return reading(self.database)

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Open a transaction that holds the write lock until the end of the block (``database.begin_immediate``)."""
        return begin_immediate(self.database)

    def changes(self) -> int:
        """Return a number that grows when any process has written to the database since the last call; under 0.1 ms."""
        return self.remembered.changes()

    def ping(self) -> None:
        """Read from the database once. Raises StorageError when that fails."""
        with self.reading() as connection:
            connection.execute(sa.select(sa.func.max(generations.c.seq))).scalar()

    # -- reading ---------------------------------------------------------------------------------------------------

    def find(self, connection: sa.Connection, generation_id: str) -> GenerationRecord | None:
        """Return the generation, read inside the caller's transaction, or None. Raises StorageError for a damaged row."""
        try:
            row = connection.execute(_BY_ID, {"id": searchable(generation_id)}).first()
            return None if row is None else to_record(row)
        except UNREADABLE as error:
            raise unreadable(connection.engine, generation_id) from error

    def get(self, generation_id: str) -> GenerationRecord:
        """Return the generation as of now. Raises LabError for an unknown id."""
        with self.reading() as connection:
            return self.must_find(connection, generation_id)

    def must_find(self, connection: sa.Connection, generation_id: str) -> GenerationRecord:
        """Return the generation, read inside the caller's transaction. Raises LabError for an unknown id."""
        row = self.find(connection, generation_id)
        if row is None:
            raise LabError(
                "There is no such generation",
                f"The id {generation_id!r} is not in this data folder.",
                "Look it up in History.",
                field="id",
            )
        return row

    def events(self, generation_id: str) -> Sequence[EventRecord]:
        """Return the timeline of a generation, oldest first."""
        with self.reading() as connection:
            return [to_event(row) for row in connection.execute(_EVENTS, {"id": searchable(generation_id)})]

    def movements(self, generation_id: str) -> Sequence[MovementRecord]:
        """Return the credit movements of a generation, oldest first."""
        with self.reading() as connection:
            return [to_movement(row) for row in connection.execute(_MOVEMENTS, {"id": searchable(generation_id)})]

    # -- writing ---------------------------------------------------------------------------------------------------

    def move(
        self,
        generation_id: str,
        from_states: Collection[State],
        to_state: State,
        *,
        note: Mapping[str, Any] | None = None,
        credits: CreditMove | None = None,  # noqa: A002 - Rivya's word
        **columns: Any,
    ) -> bool:
        """Change a row's state from one of ``from_states`` to ``to_state``; False when it is in another state by now.

        ``note`` is added to the event; ``columns`` are set in the same transaction, ``error`` as an ``ErrorCard``. A row that
        ends as failed or cancelled with an untouched reservation is released unless ``credits`` says otherwise.

        Raises:
            LabError: unknown id.
            ValueError: the transition is not in ``states.LEGAL``, or a column is in ``NOT_FREE``; a bug in the caller.
        """
        with self.writing() as connection:
            row = self.must_find(connection, generation_id)
            return self.move_row(connection, row, from_states, to_state, note=note, credits=credits, **columns)

    def move_row(
        self,
        connection: sa.Connection,
        row: GenerationRecord,
        from_states: Collection[State],
        to_state: State,
        *,
        note: Mapping[str, Any] | None = None,
        credits: CreditMove | None = None,  # noqa: A002 - Rivya's word
        **columns: Any,
    ) -> bool:
        """Do what ``move`` does with a row that was read inside the caller's transaction."""
        # Checked for every state that was passed, not just the present one: a bug shows in tests, not in a rare race.
        illegal = [state for state in from_states if to_state not in LEGAL[state]]
        if illegal:
            raise ValueError(f"no generation may go from {illegal} to {to_state}")
        if row.state not in from_states:
            return False
        now = self.clock()
        if is_unexpected(row.error):
            columns.setdefault("error", None)  # the row made progress, so the unexpected error is over
        if row.unwatched_at is not None:
            columns.setdefault("unwatched_at", None)  # and a row that makes progress is watched again
        values = self._checked(columns) | {"state": to_state.value}
        if to_state in TERMINAL:
            values["finished_at"] = now
        # Compare-and-set on the state. SQLite's write lock already excludes a lost update; the WHERE clause keeps the rule
        # true on a database without such a lock.
        changed = connection.execute(_SET_IN_STATE, {"row_seq": row.seq, "row_state": row.state.value, **values})
        if changed.rowcount != 1:
            return False
        self.write_event(
            connection, row.id, "state", {"from": row.state.value, "to": to_state.value, **(note or {})}, now
        )
        # Without this, the reservation of a failed row would count against the cap for the rest of the day.
        if credits is None and to_state in {State.FAILED, State.CANCELLED} and row.settlement == "reserved":
            credits = Release(to_state.value)  # noqa: A001 - Rivya's word
        if credits is not None:
            book(connection, row, credits, now)
        return True

    def update(self, generation_id: str, *, event: tuple[str, Mapping[str, Any]] | None = None, **columns: Any) -> None:
        """Set columns of a row that are neither state nor credits; ``event`` (kind, detail) is appended to its timeline.

        Raises:
            LabError: unknown id.
            ValueError: a column is in ``NOT_FREE``; a bug in the caller.
        """
        with self.writing() as connection:
            self.update_row(connection, generation_id, event=event, **columns)

    def update_row(
        self,
        connection: sa.Connection,
        generation_id: str,
        *,
        event: tuple[str, Mapping[str, Any]] | None = None,
        **columns: Any,
    ) -> None:
        """Do what ``update`` does, inside the caller's transaction."""
        if columns:
            changed = connection.execute(_SET_BY_ID, {"row_id": generation_id, **self._checked(columns)})
            if changed.rowcount != 1:
                self.must_find(connection, generation_id)
        if event is not None:
            self.write_event(connection, generation_id, event[0], event[1], self.clock())

    def _checked(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        wrong = NOT_FREE & columns.keys()
        if wrong:
            raise ValueError(f"{sorted(wrong)} are set by moves and credit movements only")
        return to_columns(columns)

    def write_event(
        self, connection: sa.Connection, generation_id: str, kind: str, detail: Mapping[str, Any], now: datetime
    ) -> None:
        """Append an event to the timeline of a generation, inside the caller's transaction; with the person whose act it is."""
        event = {"generation_id": generation_id, "at": now, "kind": kind, "detail": signed(detail)}
        connection.execute(_NEW_EVENT, event)
