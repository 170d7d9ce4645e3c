"""Tables of balance readings and of cap changes. Import them from ``schema``, which has all tables."""

from __future__ import annotations

import sqlalchemy as sa

from rivya_core.lab.ledger.column_types import LARGE_INTEGER, UtcMoment, WholeNumber
from rivya_core.lab.ledger.schema_metadata import PREFIX, metadata

balances = sa.Table(
    PREFIX + "balances",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("asked_at", UtcMoment, nullable=False),
    sa.Column("credits", WholeNumber, nullable=False),
    sa.Column("booked_credits", WholeNumber, nullable=False),  # what our rows had taken from this wallet by then
    sa.Column("open_credits", WholeNumber, nullable=False),  # what may or may not have been taken by then
    sa.Column("key_fingerprint", sa.String(16)),  # another key may belong to another wallet
    sa.Index("ix_lab_balances_connection", "connection", "asked_at"),
)

cap_changes = sa.Table(
    PREFIX + "cap_changes",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("at", UtcMoment, nullable=False),
    sa.Column("cap", sa.String(80), nullable=False),  # daily:<mode>, experiment:<id>, person:<mode>:<address>
    sa.Column("before_credits", WholeNumber),
    sa.Column("after_credits", WholeNumber),
    sa.Column("why", sa.Text, nullable=False, default=""),
    sa.Column("person", sa.String(64)),  # the address of who changed it; null without sign-in
    sa.Index("ix_lab_cap_changes_at", "at"),
)
