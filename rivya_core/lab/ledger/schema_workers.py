"""Tables of the processes that share a database. Import them from ``schema``, which has all tables. Empty on one machine."""

from __future__ import annotations

import sqlalchemy as sa

from rivya_core.lab.ledger.column_types import UtcMoment
from rivya_core.lab.ledger.schema_metadata import PREFIX, metadata

workers = sa.Table(
    PREFIX + "workers",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),  # host-pid-random, new at each start; the engine's executor id
    sa.Column("role", sa.String(16), nullable=False),  # worker, dashboard
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("since", UtcMoment, nullable=False),  # beats without a gap since then; by the database's clock
    sa.Column("seen_at", UtcMoment, nullable=False),  # last beat, by the database's clock
    sa.Column("at_work", sa.Integer, nullable=False),  # jobs that the process runs
    sa.Column("clock_off_s", sa.Float, nullable=False),  # how far its clock is ahead of the database's
    sa.Column("limits", sa.JSON, nullable=False),  # name of a setting that should agree -> its value here
    sa.Column("connection", sa.Text),  # whose rows it drives
    sa.Column("key_fingerprint", sa.String(16)),  # of the API key that it sends
)

rates = sa.Table(
    PREFIX + "rates",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),  # reads
    sa.Column("next_s", sa.Float, nullable=False),  # when the next one is due: seconds since 1970, the database's clock
)
