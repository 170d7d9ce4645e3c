"""The database's own clock: the one that all processes which share it agree on."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa


def database_now(connection: sa.Connection) -> datetime:
    """Return the database's present moment, aware, whenever its transaction began; milliseconds on SQLite."""
    if connection.dialect.name == "sqlite":
        told = connection.exec_driver_sql("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')").scalar_one()
        return datetime.fromisoformat(told).replace(tzinfo=UTC)
    moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)
