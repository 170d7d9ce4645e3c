"""The ledger: single source of truth for what was requested, what it costs, its state and its result.

Inserts generations with their reservations and answers the queries of the housekeeping; the parts it holds do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.lab.ledger.assets import Asset, Assets
from rivya_core.lab.ledger.credits import release_many, reserve, reserve_many
from rivya_core.lab.ledger.database import count_on, trouble_of
from rivya_core.lab.ledger.history.param_columns import param_columns
from rivya_core.lab.ledger.history.search_words import stored_words
from rivya_core.lab.ledger.ids import generation_id, new_intent_id
from rivya_core.lab.ledger.job_writes import JobWrites
from rivya_core.lab.ledger.key_value import KeyValue
from rivya_core.lab.ledger.manual_actions import ManualActions
from rivya_core.lab.ledger.mapping import readable
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import cell_takes, events, experiments, generations
from rivya_core.lab.ledger.states import NEEDS_JOB, State, stored
from rivya_core.lab.ledger.transitions import Transitions, utc_now
from rivya_core.lab.people.acting import acting_address, signed
from rivya_core.local_time import local_day
from rivya_core.settings import Mode

__all__ = ["Asset", "Ledger", "NewGeneration", "OpenRow", "new_intent_id"]

FIRST_RUN: Final = 1


@dataclass(frozen=True)
class NewGeneration:
    """One generation to be stored; its id, which is also its idempotency key, is derived from intent and take."""

    intent_id: str
    take: int
    request: GenerationRequest
    expected_credits: int
    mode: Mode
    connection: str
    parent_id: str | None = None
    experiment_id: str | None = None
    source: str = "script"

    @property
    def id(self) -> str:
        """The generation id. Raises LabError when intent or take is not usable."""
        return generation_id(self.intent_id, self.take)


@dataclass(frozen=True, slots=True)
class OpenRow:
    """The few columns that the housekeeping needs of a row that needs a running job."""

    id: str
    state: State
    runs: int
    created_at: datetime
    worker_id: str | None


class Ledger:
    """All stored data about generations; safe to use from any thread.

    Methods that take a ``sa.Connection`` work inside the caller's transaction (``database.begin_immediate``); all others
    are a transaction of their own. Its parts: ``rows`` (read and move single generations), ``jobs`` (what the four steps
    write), ``actions`` (what people decide), ``assets`` (reference images), ``key_value`` (named values).
    """

    def __init__(
        self,
        database: sa.Engine,
        clock: Callable[[], datetime] = utc_now,
        *,
        key_fingerprint: str | None = None,
    ) -> None:
        self.database = database
        self.rows = Transitions(database, clock, key_fingerprint=key_fingerprint)
        self.jobs = JobWrites(self.rows)
        self.actions = ManualActions(self.rows, self.jobs)
        self.assets = Assets(self.rows)
        self.key_value = KeyValue(self.rows)

    @property
    def clock(self) -> Callable[[], datetime]:
        """The clock of every part of the ledger: returns the current time, aware UTC."""
        return self.rows.clock

    @property
    def key_fingerprint(self) -> str | None:
        """Fingerprint of the API key that new rows and attempts are made under; None without a key."""
        return self.rows.key_fingerprint

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Open a connection for reads."""
        return self.rows.reading()

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Open a connection that holds the write lock until the end of the block."""
        return self.rows.writing()

    def get(self, generation_id: str) -> GenerationRecord:
        """Return the generation as of now. Raises LabError for an unknown id."""
        return self.rows.get(generation_id)

    def changes(self) -> int:
        """Return a version that grows when any process has written to the database since the last call; under 0.1 ms."""
        return self.rows.changes()

    def newest_event(self) -> int:
        """Return the number of the newest event of any generation; it grows with everything that happens to one."""
        with self.reading() as connection:
            return connection.execute(sa.select(sa.func.max(events.c.id))).scalar() or 0

    # -- submitting ------------------------------------------------------------------------------------------------

    def add(self, connection: sa.Connection, new: NewGeneration) -> GenerationRecord:
        """Store a generation with its reservation; if its id exists already, return that row unchanged."""
        existing = self.rows.find(connection, new.id)
        if existing is not None:
            return existing
        trouble_of(self.database).refuse_if_damaged()
        now = self.clock()
        connection.execute(sa.insert(generations).values(**self._new_columns(new, now)))
        row = self.rows.must_find(connection, new.id)
        self.rows.write_event(connection, row.id, "state", {"from": None, "to": row.state.value}, now)
        reserve(connection, row, now)
        return row

    def add_many(self, connection: sa.Connection, new: Sequence[NewGeneration]) -> None:
        """Store generations with new ids, in this order, each with its reservation."""
        if not new:
            return
        trouble_of(self.database).refuse_if_damaged()
        now = self.clock()
        rows = [self._new_columns(item, now) for item in new]
        detail = {"from": None, "to": State.WAITING.value}
        connection.execute(sa.insert(generations), rows)
        connection.execute(
            sa.insert(events),
            [{"generation_id": row["id"], "at": now, "kind": "state", "detail": detail} for row in rows],
        )
        reserve_many(connection, rows, now)

    def _new_columns(self, new: NewGeneration, now: datetime) -> dict[str, Any]:
        request = new.request
        canonical = request.canonical()
        negative_prompt = str(canonical["params"].get("negative_prompt", ""))
        return {
            "id": new.id,
            "intent_id": new.intent_id,
            "take": new.take,
            "parent_id": new.parent_id,
            "experiment_id": new.experiment_id,
            "source": new.source,
            "state": State.WAITING.value,
            "mode": new.mode,
            "connection": new.connection,
            "key_fingerprint": self.key_fingerprint,
            "model": request.model,
            "prompt": request.prompt,
            "negative_prompt": negative_prompt,
            "search_words": stored_words(request.prompt, negative_prompt),
            "request": canonical,
            "request_sha256": request.sha256,
            "reuse_sha256": request.reuse_sha256,
            "asset_sha256": None if request.image is None else request.image.sha256,
            "idempotency_key": new.id,
            "client_request_id": request.client_request_id,
            "expected_credits": new.expected_credits,
            "held_credits": new.expected_credits,
            "settlement": "reserved",
            "cap_day": local_day(now),
            "created_at": now,
            "person": acting_address(),
            "runs": FIRST_RUN,
            **param_columns(canonical["params"]),
        }

    def add_example(self, new: NewGeneration, *, at: datetime, took_s: float, **clip: Any) -> GenerationRecord:
        """Store a finished generation that was never sent: an example of the first start, excluded from every figure.

        ``clip``: the columns ``clip_key`` to ``clip_fps`` and ``poster_key``, and ``seq`` if a number was reserved for it.
        """
        with self.writing() as connection:
            return self.write_example(connection, new, at=at, took_s=took_s, **clip)

    def write_example(
        self, connection: sa.Connection, new: NewGeneration, *, at: datetime, took_s: float, **clip: Any
    ) -> GenerationRecord:
        """Do what ``add_example`` does, inside the caller's transaction."""
        finished_at = at + timedelta(seconds=took_s)
        times = {
            "created_at": at,
            "submitted_at": at,
            "processing_at": at,
            "ready_at": finished_at,
            "finished_at": finished_at,
        }
        figures = {"held_credits": 0, "final_credits": 0, "settlement": "settled"}
        ended = {"state": State.SUCCEEDED.value, "source": "example", "mode": "simulated", "runs": 0}
        existing = self.rows.find(connection, new.id)
        if existing is None:
            columns = self._new_columns(new, at) | times | figures | ended | clip
            connection.execute(sa.insert(generations).values(**columns))
            if "seq" in clip:
                count_on(connection, generations.c.seq)
            self.rows.write_event(connection, new.id, "state", {"from": None, "to": State.SUCCEEDED.value}, finished_at)
        return self.rows.must_find(connection, new.id)

    def cancel_waiting(self, connection: sa.Connection, experiment_id: str) -> int:
        """Cancel all waiting rows of an experiment that were never sent, inside the caller's transaction; return how many.

        Rows that another experiment reuses stay.
        """
        column = generations.c
        shared = sa.select(cell_takes.c.generation_id).where(
            cell_takes.c.experiment_id != experiment_id, cell_takes.c.generation_id.is_not(None)
        )
        where = [column.experiment_id == experiment_id, column.state == State.WAITING.value, column.open_attempts == 0]
        where.append(column.id.not_in(shared))
        rows = connection.execute(sa.select(column.id, column.mode, column.held_credits).where(*where)).all()
        if not rows:
            return 0
        now = self.clock()
        ended = {"state": State.CANCELLED.value, "finished_at": now, "next_action_at": None}
        figures = {"held_credits": 0, "final_credits": 0, "settlement": "released"}
        detail = signed({"from": State.WAITING.value, "to": State.CANCELLED.value})
        connection.execute(sa.update(generations).where(*where).values(**ended, **figures))
        connection.execute(
            sa.insert(events), [{"generation_id": row.id, "at": now, "kind": "state", "detail": detail} for row in rows]
        )
        release_many(connection, rows, now, "cancelled while waiting")
        return len(rows)

    def is_empty(self) -> bool:
        """Return whether no generation was ever stored."""
        with self.reading() as connection:
            return connection.execute(sa.select(generations.c.seq).limit(1)).first() is None

    def by_intent(self, intent_id: str) -> Sequence[GenerationRecord]:
        """Return all takes of an intent, in order."""
        query = sa.select(generations.c.id).where(generations.c.intent_id == intent_id).order_by(generations.c.take)
        with self.reading() as connection:
            return [self.rows.must_find(connection, row.id) for row in connection.execute(query).all()]

    # -- housekeeping ----------------------------------------------------------------------------------------------

    def make_due(self, generation_id: str) -> None:
        """Make a row due, so that the process that runs the jobs wakes its job; works across processes."""
        self.rows.update(generation_id, next_action_at=self.clock())

    def due(self, connection: str, *, worker_id: str | None = None) -> Sequence[str]:
        """Claim the ids of due rows, of those only that a worker holds if one is named; each is returned once, to one caller."""
        where = [generations.c.next_action_at <= self.clock(), generations.c.connection == connection]
        if worker_id is not None:
            where.append(generations.c.worker_id == worker_id)
        query = sa.select(generations.c.id).where(*where).order_by(generations.c.next_action_at).limit(500)
        with self.reading() as opened:
            if opened.execute(query).first() is None:
                return []
        with self.writing() as opened:
            ids = [row.id for row in opened.execute(query)]
            opened.execute(sa.update(generations).where(generations.c.id.in_(ids)).values(next_action_at=None))
            return ids

    def open_rows(self, connection: str | None = None, *, held_by: str | None = None) -> Sequence[OpenRow]:
        """Return the rows that need a running job, oldest first, of one connection or of all; paused ones need none.

        ``held_by``: only those that this worker holds.
        """
        columns = generations.c
        query = sa.select(*_OPEN_ROW).order_by(columns.seq)
        query = query.where(columns.state.in_(sorted(NEEDS_JOB)), not_held_back())
        if held_by is not None:
            query = query.where(columns.worker_id == held_by)
        if connection is not None:
            query = query.where(columns.connection == connection)
        with self.reading() as opened:
            return readable(opened, query, _open_row)

    def provisional_rows(self, connection: str, *, held_by: str | None = None) -> Sequence[OpenRow]:
        """Return succeeded rows of a connection whose final price Rivya has not reported yet, oldest first; see ``open_rows``."""
        columns = generations.c
        query = sa.select(*_OPEN_ROW).order_by(columns.seq)
        where = [columns.state == State.SUCCEEDED.value, columns.settlement == "provisional"]
        if held_by is not None:
            where.append(columns.worker_id == held_by)
        with self.reading() as opened:
            return readable(opened, query.where(*where, columns.connection == connection), _open_row)

    def runs_of(self, generation_ids: Sequence[str]) -> dict[str, int]:
        """Return the run number of each of these generations, by id."""
        query = sa.select(generations.c.id, generations.c.runs).where(generations.c.id.in_(generation_ids))
        with self.reading() as opened:
            return {row.id: row.runs for row in opened.execute(query)}

    def next_run(self, connection: sa.Connection, generation_id: str) -> int:
        """Count one more engine workflow for a row, inside the caller's transaction; return its run number."""
        row = self.rows.must_find(connection, generation_id)
        self.rows.update_row(connection, generation_id, runs=row.runs + 1)
        return row.runs + 1

    def next_runs(self, connection: sa.Connection, experiment_id: str) -> list[tuple[str, int]]:
        """Count one more engine workflow for each waiting row of an experiment; return (id, run) pairs, oldest first."""
        column = generations.c
        where = [column.experiment_id == experiment_id, column.state == State.WAITING.value]
        connection.execute(sa.update(generations).where(*where).values(runs=column.runs + 1))
        rows = connection.execute(sa.select(column.id, column.runs).where(*where).order_by(column.seq))
        return [(row.id, row.runs) for row in rows]

    def smallest_waiting(self, connection: str) -> int:
        """Return the credits of a connection's cheapest row that is not sent yet or may be sent again; 0 when there is none."""
        unsent = [State.WAITING.value, State.SUBMITTING.value]
        where = [generations.c.state.in_(unsent), generations.c.connection == connection, not_held_back()]
        with self.reading() as opened:
            credits_ = opened.execute(sa.select(sa.func.min(generations.c.held_credits)).where(*where)).scalar()
        return credits_ or 0

    def at_stake(self, connection: str) -> int:
        """Return the credits held by rows of a connection that are being sent or run at Rivya."""
        sent_states = [State.SUBMITTING.value, State.RUNNING.value]
        where = [generations.c.state.in_(sent_states), generations.c.connection == connection]
        with self.reading() as opened:
            return opened.execute(sa.select(sa.func.sum(generations.c.held_credits)).where(*where)).scalar() or 0

    def counts(self, connection: str | None = None) -> dict[State, int]:
        """Count the rows in each state, deleted ones included; states without rows are left out."""
        query = sa.select(generations.c.state, sa.func.count()).group_by(generations.c.state)
        if connection is not None:
            query = query.where(generations.c.connection == connection)
        with self.reading() as opened:
            counts: dict[State, int] = {}
            for state, count in opened.execute(query):
                counts[stored(state)] = counts.get(stored(state), 0) + count
            return counts


_OPEN_ROW: Final = tuple(generations.c[field.name] for field in fields(OpenRow))


def _open_row(row: sa.Row[Any]) -> OpenRow:
    return OpenRow(row.id, State(row.state), row.runs, row.created_at, row.worker_id)


def not_held_back() -> sa.ColumnElement[bool]:
    """Match all rows except those waiting while their experiment is paused."""
    paused = sa.select(experiments.c.id).where(experiments.c.paused_at.is_not(None))
    column = generations.c
    return sa.or_(
        column.state != State.WAITING.value, column.experiment_id.is_(None), column.experiment_id.not_in(paused)
    )
