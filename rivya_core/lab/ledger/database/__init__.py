"""The database: how it is opened, how a write transaction starts, how its errors are reported. SQLite, or PostgreSQL when shared.

DBOS shares the same SQLAlchemy engine, so nothing here may listen to ``begin`` or change how others use it. Code that reads
and then writes must start with ``begin_immediate``: otherwise the read is not part of the transaction, and two submits both
see the last free credits under a cap. What differs between the two stands in ``sqlite`` and ``postgresql``; ``dialects``
chooses.
"""

from __future__ import annotations

from rivya_core.lab.ledger.database.errors import (
    OneLineFilter,
    damage_error,
    is_damage,
    is_outage,
    log_error,
    storage_errors,
    told,
    trouble_of,
)
from rivya_core.lab.ledger.database.postgresql import open_shared
from rivya_core.lab.ledger.database.sqlite import open_database
from rivya_core.lab.ledger.database.transactions import (
    begin_immediate,
    begin_on_rows,
    count_on,
    reading,
    reading_at_once,
)
from rivya_core.lab.ledger.database.upgrades import migrate, migrate_shared, refuse_other_revision

__all__ = [
    "OneLineFilter",
    "begin_immediate",
    "begin_on_rows",
    "count_on",
    "damage_error",
    "is_damage",
    "is_outage",
    "log_error",
    "migrate",
    "migrate_shared",
    "open_database",
    "open_shared",
    "reading",
    "reading_at_once",
    "refuse_other_revision",
    "storage_errors",
    "told",
    "trouble_of",
]
