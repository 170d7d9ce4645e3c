"""Whether a row may be sent now, decided in the transaction that would send it: its sweep's pause, the creates in flight.

On one machine the admission queue alone counts the creates; workers count them here, since none sees those of another.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rivya_core.lab.ledger.lease import held
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import experiments, generations
from rivya_core.lab.ledger.states import State


class NoSlotError(Exception):
    """Signal that the limit of creates in flight over all workers is reached. The row waits; this is not an error of it."""


def is_paused(connection: sa.Connection, experiment_id: str) -> bool:
    """Return whether an experiment is paused, read inside the caller's transaction."""
    query = sa.select(experiments.c.paused_at).where(experiments.c.id == experiment_id)
    return connection.execute(query).scalar() is not None


def is_held_back(connection: sa.Connection, row: GenerationRecord) -> bool:
    """Return whether a row waits in a paused experiment. A check before the transaction would race with the pause button."""
    return row.state is State.WAITING and row.experiment_id is not None and is_paused(connection, row.experiment_id)


def creates_in_flight(connection: sa.Connection, name: str, *, but: str = "") -> int:
    """Count the POSTs of workers that are in flight on the connection ``name``, without the one of the row ``but``."""
    column = generations.c
    where = [column.connection == name, column.state == State.SUBMITTING.value, column.posting_at.is_not(None)]
    return connection.execute(sa.select(sa.func.count()).where(*where, column.id != but)).scalar_one()


def begin_posting(
    connection: sa.Connection, row: GenerationRecord, slots: int | None, now: datetime
) -> dict[str, datetime]:
    """Return the columns of a row whose POST begins, as one of at most ``slots``; None: nobody counts here, no columns.

    Raises:
        NoSlotError: all are taken.
    """
    if slots is None:
        return {}
    if creates_in_flight(connection, row.connection, but=row.id) >= slots:
        raise NoSlotError
    return {"posting_at": now}


def end_posting() -> dict[str, Any]:
    """Return the columns of a row whose POST is over; none when the calling job holds no lease."""
    return {} if held() is None else {"posting_at": None}
