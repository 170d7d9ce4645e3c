"""The database's clock, the common time of all processes that share it."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa


def database_now(connection: sa.Connection) -> datetime:
    """Return the database's current time (aware UTC), not the start of the transaction; in milliseconds on SQLite."""
    if connection.dialect.name == "sqlite":
        text = connection.exec_driver_sql("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')").scalar_one()
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)
