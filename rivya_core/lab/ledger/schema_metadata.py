"""The table prefix and the MetaData of all tables of the ledger, with a naming convention for keys and indexes."""

from __future__ import annotations

import sqlalchemy as sa

PREFIX = "lab_"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
