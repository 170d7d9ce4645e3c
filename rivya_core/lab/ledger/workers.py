"""The processes that share a database: who is alive, who drives which row, and what is left by one that died.

All moments are the database's, so that no machine's clock decides. Nobody is dead until ``reap`` has removed it: only a
worker whose own beats had no gap for as long as that may judge, since after an outage of the database everybody was silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger import given_up
from rivya_core.lab.ledger.database import begin_immediate, begin_on_rows, reading
from rivya_core.lab.ledger.database_clock import database_now
from rivya_core.lab.ledger.given_up import GivenUpWorker, Left
from rivya_core.lab.ledger.lease import Lease
from rivya_core.lab.ledger.ledger import not_held_back
from rivya_core.lab.ledger.schema import generations, workers
from rivya_core.lab.ledger.shared_limits import smallest
from rivya_core.lab.ledger.states import NEEDS_JOB, State

GAP_BEATS: Final = 3
"""After so many beats without one, a worker's life counts anew; where it may be silent for long, after half of that time."""

WORKER: Final = "worker"

EnqueueMany = Callable[[sa.Connection, Iterable[tuple[str, int]]], None]
"""Enqueue generations, given as (id, run), inside the caller's transaction."""

_row = generations.c
_worker = workers.c


def needs_job() -> sa.ColumnElement[bool]:
    """Match the rows that some job has to go on with: open ones, and those whose price Rivya has not reported yet."""
    provisional = sa.and_(_row.state == State.SUCCEEDED.value, _row.settlement == "provisional")
    return sa.or_(_row.state.in_(sorted(NEEDS_JOB)), provisional)


_CLAIM: Final = (
    sa.update(generations)
    .where(
        _row.id == sa.bindparam("row_id"),
        sa.or_(
            _row.worker_id.is_(None),
            _row.worker_id == sa.bindparam("me"),
            _row.worker_id.not_in(sa.select(_worker.id)),
        ),
        needs_job(),
    )
    .values(worker_id=sa.bindparam("me"), fence=_row.fence + 1, posting_at=None)
    .returning(_row.fence)
)


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A process that shares the database, as of its last beat.

    ``silent_s``: since then. ``clock_off_s``: how far its clock is ahead of the database's. ``rows_held``: rows it drives.
    ``limits``: name of a setting that should agree in all processes -> its value there; None is no limit. ``connection``: whose
    rows it drives; ``key_fingerprint``: which API key it sends. Both are None in a process of an older version.
    """

    id: str
    role: str
    host: str
    version: str
    since: datetime
    seen_at: datetime
    silent_s: float
    at_work: int
    clock_off_s: float
    limits: Mapping[str, float | None]
    connection: str | None
    key_fingerprint: str | None
    rows_held: int


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker learns from its beat.

    ``now``: the database's clock. ``is_first``: of the workers of its connection it is the one that does what one
    alone should do.
    ``silent``: those it may judge dead. ``limits``: the smallest of all processes.
    """

    now: datetime
    is_first: bool
    silent: tuple[str, ...]
    limits: Mapping[str, float]


class Workers:
    """The table of workers and their claims; safe to use from any thread."""

    def __init__(
        self,
        database: sa.Engine,
        *,
        beat_s: float,
        silent_s: float,
        clock: Callable[[sa.Connection], datetime] = database_now,
    ) -> None:
        self._database = database
        self._gap = timedelta(seconds=max(GAP_BEATS * beat_s, silent_s / 2))
        self._silent = timedelta(seconds=silent_s)
        self._clock = clock

    # -- being alive -----------------------------------------------------------------------------------------------

    def begin(
        self,
        worker_id: str,
        *,
        role: str,
        host: str,
        version: str,
        limits: Mapping[str, float | None] | None = None,
        connection_name: str | None = None,
        key_fingerprint: str | None = None,
    ) -> None:
        """Enter a process that was not there, or was taken for dead. ``connection_name``: whose rows it drives, with which key."""
        with begin_immediate(self._database, even_read_only=True) as connection:
            now = self._clock(connection)
            who = {"id": worker_id, "role": role, "host": host, "version": version, "connection": connection_name}
            who["key_fingerprint"] = key_fingerprint
            fresh = {"since": now, "seen_at": now, "at_work": 0, "clock_off_s": 0.0}
            connection.execute(sa.insert(workers).values(**who, **fresh, limits=dict(limits or {})))

    def beat(self, worker_id: str, *, at_work: int = 0, clock: Callable[[], datetime] | None = None) -> Beat | None:
        """Say that a process is alive; None when it was taken for dead meanwhile. ``clock``: its own, to be compared."""
        with begin_on_rows(self._database, even_read_only=True) as connection:
            now = self._clock(connection)
            known = connection.execute(sa.select(workers)).all()
            mine = next((one for one in known if one.id == worker_id), None)
            if mine is None:
                return None
            since = now if now - mine.seen_at > self._gap else mine.since
            off_s = mine.clock_off_s if clock is None else (clock() - now).total_seconds()
            told = {"since": since, "seen_at": now, "at_work": at_work, "clock_off_s": off_s}
            changed = connection.execute(sa.update(workers).where(_worker.id == worker_id).values(told))
            if changed.rowcount == 0:  # removed this very moment
                return None
        alive = [one for one in known if one.id == worker_id or now - one.seen_at < self._silent]
        before_me = [
            one
            for one in alive
            if one.role == WORKER and one.id != worker_id and one.connection == mine.connection
            if (one.since, one.id) < (since, worker_id)
        ]
        return Beat(
            now=now,
            is_first=mine.role == WORKER and not before_me,
            silent=tuple(one.id for one in known if one not in alive) if now - since >= self._silent else (),
            limits=smallest([one.limits for one in alive]),
        )

    def all(self) -> Sequence[WorkerRecord]:
        """Return every process that was not taken for dead, workers first, the longest alive first."""
        held = sa.select(_row.worker_id, sa.func.count()).where(_row.worker_id.is_not(None), needs_job())
        with reading(self._database) as connection:
            now = self._clock(connection)
            rows_held = {str(key): int(count) for key, count in connection.execute(held.group_by(_row.worker_id))}
            known = connection.execute(
                sa.select(workers).order_by(_worker.role.desc(), _worker.since, _worker.id)
            ).all()
        return [
            WorkerRecord(
                **one._mapping,  # noqa: SLF001 - SQLAlchemy's public name
                silent_s=max(0.0, (now - one.seen_at).total_seconds()),
                rows_held=rows_held.get(one.id, 0),
            )
            for one in known
        ]

    def given_up(self) -> list[GivenUpWorker]:
        """Return the workers that others gave up in the last day, the newest first, with what became of their generations."""
        with reading(self._database) as connection:
            found = given_up.read(connection, self._clock(connection))
            ids = {id_ for one in found for id_ in one.rows}
            query = sa.select(_row.id, _row.worker_id, needs_job().label("is_open")).where(_row.id.in_(ids))
            now = {row.id: row for row in connection.execute(query)} if ids else {}
        return [
            replace(
                one,
                held_by=Counter(
                    now[id_].worker_id for id_ in one.rows if id_ in now and now[id_].worker_id is not None
                ),
                waiting=sum(now[id_].worker_id is None and now[id_].is_open for id_ in one.rows if id_ in now),
                ended=sum(id_ not in now or not (now[id_].worker_id or now[id_].is_open) for id_ in one.rows),
            )
            for one in found
        ]

    # -- driving rows ----------------------------------------------------------------------------------------------

    def claim(self, generation_id: str, worker_id: str, term: int = 0) -> Lease | None:
        """Make a row a worker's own; None when it needs no job, or another worker that was not taken for dead has it."""
        with begin_on_rows(self._database) as connection:
            fence = connection.execute(_CLAIM, {"row_id": generation_id, "me": worker_id}).scalar()
        return None if fence is None else Lease(generation_id, worker_id, fence, term)

    def release(self, lease: Lease) -> None:
        """Give up a row whose job has ended; nothing happens when it has gone to another worker."""
        mine = (_row.id == lease.generation_id, _row.worker_id == lease.worker_id, _row.fence == lease.fence)
        with begin_on_rows(self._database) as connection:
            connection.execute(sa.update(generations).where(*mine).values(worker_id=None, posting_at=None))

    def hand_back(self, worker_id: str, generation_ids: Collection[str], enqueue_many: EnqueueMany) -> int:
        """Put rows that a worker holds without a job back into the queue, for anybody; return how many."""
        with begin_immediate(self._database) as connection:
            where = [_row.worker_id == worker_id, _row.id.in_(generation_ids)]
            return len(_queue_again(connection, where, enqueue_many))

    def enqueue_unheld(self, runs: Mapping[str, int], enqueue_many: EnqueueMany) -> int:
        """Enqueue the rows, id -> run, that nobody holds and nobody has enqueued since; return how many."""
        with begin_immediate(self._database) as connection:
            return len(_queue_again(connection, _unheld(runs), enqueue_many))

    def reap(self, judge: str, enqueue_many: EnqueueMany, unclaimed: Mapping[str, int]) -> dict[str, int]:
        """Remove the workers that are silent, and put what they held back into the queue; return those rows, id -> old run.

        ``unclaimed``: id -> run of rows that they took out of the queue and may not have claimed. Everything is decided
        again in this transaction: of several judges one works, the others find nothing.
        """
        with begin_immediate(self._database) as connection:
            now = self._clock(connection)
            known = connection.execute(sa.select(workers)).all()
            me = next((one for one in known if one.id == judge), None)
            if me is None or now - me.seen_at > self._gap or now - me.since < self._silent:
                return {}
            dead = [one for one in known if now - one.seen_at >= self._silent]
            given_up.note(connection, [_left(connection, one) for one in dead if one.role == WORKER], now)
            return _bury(connection, [one.id for one in dead], enqueue_many, unclaimed)

    def end(self, worker_id: str, enqueue_many: EnqueueMany, unclaimed: Mapping[str, int]) -> dict[str, int]:
        """Take a process off the list; what it holds goes back into the queue, so that others go on at once; see ``reap``."""
        with begin_immediate(self._database, even_read_only=True) as connection:
            return _bury(connection, [worker_id], enqueue_many, unclaimed)


def _unheld(runs: Mapping[str, int]) -> list[sa.ColumnElement[bool]]:
    return [_row.worker_id.is_(None), sa.tuple_(_row.id, _row.runs).in_(list(runs.items()))]


def _left(connection: sa.Connection, dead: sa.Row[Any]) -> Left:
    held = sa.select(_row.id).where(_row.worker_id == dead.id, needs_job()).order_by(_row.seq)
    return Left(dead.id, dead.host, dead.seen_at, connection.execute(held).scalars().all())


def _bury(
    connection: sa.Connection, dead: Sequence[str], enqueue_many: EnqueueMany, unclaimed: Mapping[str, int]
) -> dict[str, int]:
    if not dead:
        return {}
    connection.execute(sa.delete(workers).where(_worker.id.in_(dead)))
    theirs = _row.worker_id.in_(dead)
    found = _queue_again(connection, [theirs], enqueue_many)
    connection.execute(sa.update(generations).where(theirs).values(worker_id=None, posting_at=None))
    if unclaimed:
        found |= _queue_again(connection, _unheld(unclaimed), enqueue_many)
    return found


def _queue_again(
    connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], enqueue_many: EnqueueMany
) -> dict[str, int]:
    """Free the matching rows that need a job and enqueue one more workflow of each; return them, id -> run until now."""
    query = sa.select(_row.id, _row.runs).where(*where, needs_job(), not_held_back()).order_by(_row.seq)
    found = {row.id: row.runs for row in connection.execute(query)}
    if found:
        freed = sa.update(generations).where(_row.id.in_(list(found)))
        connection.execute(freed.values(worker_id=None, posting_at=None, runs=_row.runs + 1))
        enqueue_many(connection, [(id_, run + 1) for id_, run in found.items()])
    return found


def refuse_while_at_work(connection: sa.Connection, silent_s: float) -> None:
    """Check that no process uses the tables that are to be changed; those silent for ``silent_s`` no longer do.

    Raises:
        StorageError: some do.
    """
    if not sa.inspect(connection).has_table(workers.name):
        return
    since = database_now(connection) - timedelta(seconds=silent_s)
    found = connection.execute(sa.select(_worker.role, _worker.host).where(_worker.seen_at > since)).all()
    if found:
        raise StorageError(
            "The database is in use",
            f"{len(found)} processes are at work on it: {', '.join(sorted(f'{role} on {host}' for role, host in found))}.",
            f"Stop all workers and dashboards, wait {silent_s:g} seconds, take a dump, then try again.",
            field="database",
        )
