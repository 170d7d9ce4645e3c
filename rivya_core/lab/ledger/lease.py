"""Whose row it is: the lease under which a worker's job may write. On one machine there are no leases, and nothing is asked.

A worker that was stopped, or cut off, is taken for dead and its rows go to others; when it goes on, nothing it does may
reach a row again. So a job carries its lease, and ``database.begin_immediate`` checks it in every transaction of that
job, under the write lock: no call can forget it. What people do carries no lease.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.schema import generations

_held: ContextVar[Lease | None] = ContextVar("rivya_lease", default=None)

_column: Final = generations.c
_STILL_HELD: Final = (
    sa.select(_column.seq)
    .where(
        _column.id == sa.bindparam("id"),
        _column.worker_id == sa.bindparam("worker_id"),
        _column.fence == sa.bindparam("fence"),
    )
    .with_for_update()  # holds the row where there are row locks
)


class LostRowError(Exception):
    """The row has gone to another worker. The job ends without a word: no error of the row, so no RivyaError either."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim on a generation. ``fence``: number of the claim. ``term``: of the worker's own life at that moment."""

    generation_id: str
    worker_id: str
    fence: int
    term: int = 0


def held() -> Lease | None:
    """Return the lease of the calling job; None for everybody else. Threads started with ``asyncio.to_thread`` inherit it."""
    return _held.get()


@contextmanager
def holding(lease: Lease | None) -> Iterator[None]:
    """Let everything that the calling job does inside of the block be done under a lease; None: under none."""
    token = _held.set(lease)
    try:
        yield
    finally:
        _held.reset(token)


def refuse_if_lost(connection: sa.Connection) -> None:
    """Raise LostRowError when the calling job has a lease that no longer holds; read inside its transaction."""
    lease = _held.get()
    if lease is None:
        return
    mine = {"id": lease.generation_id, "worker_id": lease.worker_id, "fence": lease.fence}
    if connection.execute(_STILL_HELD, mine).first() is None:
        raise LostRowError(lease.generation_id)
