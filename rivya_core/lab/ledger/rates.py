"""A rate that all workers keep together: whoever wants to act takes the next moments, by the database's clock."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.database_clock import database_now
from rivya_core.lab.ledger.schema import rates

READS: Final = "reads"


def take(database: sa.Engine, name: str, count: int, gap_s: float) -> float:
    """Take the next ``count`` moments, ``gap_s`` apart; return the seconds until the first of them."""
    with begin_immediate(database) as connection:
        if connection.dialect.name == "postgresql":
            # Lost in a crash of the server, a moment is given out twice; a read more does no harm.
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        now_s = database_now(connection).timestamp()
        known_s = connection.execute(sa.select(rates.c.next_s).where(rates.c.name == name)).scalar()
        first_s = now_s if known_s is None else max(known_s, now_s)
        taken = {"next_s": first_s + count * gap_s}
        if known_s is None:
            connection.execute(sa.insert(rates).values(name=name, **taken))
        else:
            connection.execute(sa.update(rates).where(rates.c.name == name).values(taken))
    return first_s - now_s
