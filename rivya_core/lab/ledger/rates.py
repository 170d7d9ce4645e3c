"""A rate that all workers keep together: whoever wants to act takes the next moments, by the database's clock."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.database import begin_immediate, begin_on_rows
from rivya_core.lab.ledger.database_clock import database_now
from rivya_core.lab.ledger.schema import rates

READS: Final = "reads"

_NEXT: Final = sa.select(rates.c.next_s).where(rates.c.name == sa.bindparam("name")).with_for_update()


def take(database: sa.Engine, name: str, count: int, gap_s: float) -> float:
    """Take the next ``count`` moments, ``gap_s`` apart; return the seconds until the first of them."""
    with begin_on_rows(database) as connection:
        if connection.dialect.name == "postgresql":
            # Lost in a crash of the server, a moment is given out twice; a read more does no harm.
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        known_s = connection.execute(_NEXT, {"name": name}).scalar()
        if known_s is not None:
            now_s = database_now(connection).timestamp()  # once the row is ours
            first_s = max(float(known_s), now_s)
            taken = {"next_s": first_s + count * gap_s}
            connection.execute(sa.update(rates).where(rates.c.name == name).values(taken))
            return first_s - now_s
    _begin(database, name)
    return take(database, name, count, gap_s)


def _begin(database: sa.Engine, name: str) -> None:
    with begin_immediate(database) as connection:
        if connection.execute(_NEXT, {"name": name}).scalar() is None:
            connection.execute(sa.insert(rates).values(name=name, next_s=0.0))
