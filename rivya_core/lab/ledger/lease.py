"""Leases with fencing tokens: a worker's job may write to its row only while its claim holds. On one machine there are none.

A worker that was stopped (SIGSTOP, sleep) or cut off is declared dead and its rows are reassigned; if it then resumes, it
must not write to them. So a job carries its lease in a context variable, and ``database.begin_immediate`` checks the fencing
token in every transaction of that job, under the write lock: no caller can forget it. Actions of people carry no lease.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.schema import generations

_current: ContextVar[Lease | None] = ContextVar("rivya_lease", default=None)

_column: Final = generations.c
_LEASE_HOLDS: Final = (
    sa.select(_column.seq)
    .where(
        _column.id == sa.bindparam("id"),
        _column.worker_id == sa.bindparam("worker_id"),
        _column.fence == sa.bindparam("fence"),
    )
    .with_for_update()  # else, on PostgreSQL, another worker could claim the row between this check and the commit
)


class LostRowError(Exception):
    """Signal that another worker has claimed the row. The job ends silently; not a RivyaError, as nothing is wrong with the row."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim on a generation. ``fence``: the fencing token, which grows with each claim. ``term``: the worker's term then."""

    generation_id: str
    worker_id: str
    fence: int
    term: int = 0


def held() -> Lease | None:
    """Return the calling job's lease, or None outside of jobs. Threads started with ``asyncio.to_thread`` inherit it."""
    return _current.get()


@contextmanager
def holding(lease: Lease | None) -> Iterator[None]:
    """Set the calling job's lease for the duration of the block; None: no lease."""
    token = _current.set(lease)
    try:
        yield
    finally:
        _current.reset(token)


def refuse_if_fenced(connection: sa.Connection) -> None:
    """Raise LostRowError when the calling job's lease no longer holds; checked inside its transaction."""
    lease = _current.get()
    if lease is None:
        return
    mine = {"id": lease.generation_id, "worker_id": lease.worker_id, "fence": lease.fence}
    if connection.execute(_LEASE_HOLDS, mine).first() is None:
        raise LostRowError(lease.generation_id)
