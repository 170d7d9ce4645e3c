"""Credits that votes save: takes of eliminated cells that were not paid for yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from rivya_core.lab.ledger.schema import cell_takes, cells, generations
from rivya_core.lab.ledger.states import State


@dataclass(frozen=True, slots=True)
class RedundantTakes:
    """Takes that are no longer needed. ``planned``: cell and take; ``waiting``: generations that were never sent."""

    planned: tuple[tuple[int, int], ...] = ()
    waiting: tuple[str, ...] = ()
    credits: int = 0

    @property
    def takes(self) -> int:
        """How many takes these are."""
        return len(self.planned) + len(self.waiting)


def find(connection: sa.Connection, experiment_id: str, out: Collection[int]) -> RedundantTakes:
    """Find planned and waiting takes of some cells, except waiting ones that another experiment uses as well."""
    column, row = cell_takes.c, generations.c
    shared = cell_takes.alias()
    elsewhere = sa.exists().where(
        shared.c.generation_id == column.generation_id, shared.c.experiment_id != experiment_id
    )
    joined = cell_takes.join(
        cells, sa.and_(cells.c.experiment_id == column.experiment_id, cells.c.cell == column.cell)
    ).outerjoin(generations, row.id == column.generation_id)
    waits = sa.and_(
        row.state == State.WAITING.value, row.attempts == 0, row.experiment_id == experiment_id, sa.not_(elsewhere)
    )
    rows = connection.execute(
        sa.select(column.cell, column.take, row.id, row.held_credits, cells.c.expected_credits)
        .select_from(joined)
        .where(
            column.experiment_id == experiment_id,
            column.cell.in_(sorted(out)),
            sa.or_(column.generation_id.is_(None), waits),
        )
        .order_by(column.cell, column.take)
    ).all()
    return RedundantTakes(
        planned=tuple((one.cell, one.take) for one in rows if one.id is None),
        waiting=tuple(one.id for one in rows if one.id is not None),
        credits=sum(one.expected_credits if one.id is None else one.held_credits for one in rows),
    )


def drop_planned(connection: sa.Connection, experiment_id: str, redundant: RedundantTakes) -> int:
    """Drop the planned takes; return how many."""
    column = cell_takes.c
    return sum(
        connection.execute(
            sa.delete(cell_takes).where(
                column.experiment_id == experiment_id,
                column.cell == cell,
                column.take == take,
                column.generation_id.is_(None),
            )
        ).rowcount
        for cell, take in redundant.planned
    )
