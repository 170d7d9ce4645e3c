"""A distributed rate limiter (virtual scheduling): each caller reserves the next time slots, by the database's clock."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.database import begin_immediate, begin_on_rows
from rivya_core.lab.ledger.database_clock import database_now
from rivya_core.lab.ledger.schema import rates

READS: Final = "reads"

_NEXT: Final = sa.select(rates.c.next_s).where(rates.c.name == sa.bindparam("name")).with_for_update()

_NOW_S: Final = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
_TAKE: Final = (
    sa.update(rates)
    .where(rates.c.name == sa.bindparam("of"))
    .values(next_s=sa.func.greatest(rates.c.next_s, _NOW_S) + sa.bindparam("span_s", type_=sa.Float))
    .returning(
        rates.c.next_s - sa.bindparam("span_s", type_=sa.Float) - _NOW_S,
        # No fsync: a slot lost in a crash of the server is handed out twice, and one poll too many does no harm.
        sa.func.set_config("synchronous_commit", "off", sa.true()),
    )
)
"""One statement and one round trip, since it runs for every poll."""


def take(database: sa.Engine, name: str, count: int, gap_s: float) -> float:
    """Reserve the next ``count`` time slots, ``gap_s`` apart; return the seconds until the first of them."""
    span_s = count * gap_s
    if database.dialect.name == "postgresql":
        with begin_on_rows(database) as connection:
            row = connection.execute(_TAKE, {"of": name, "span_s": span_s}).first()
        if row is not None:
            return max(0.0, float(row[0]))
    with begin_immediate(database) as connection:
        now_s = database_now(connection).timestamp()
        next_s = connection.execute(_NEXT, {"name": name}).scalar()
        first_s = now_s if next_s is None else max(float(next_s), now_s)
        following = {"next_s": first_s + span_s}
        if next_s is None:
            connection.execute(sa.insert(rates).values(name=name, **following))
        else:
            connection.execute(sa.update(rates).where(rates.c.name == name).values(following))
    return first_s - now_s
