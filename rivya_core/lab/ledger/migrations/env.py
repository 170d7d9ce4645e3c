"""What Alembic runs for each command; the connection is handed in, already inside a transaction."""

from __future__ import annotations

from alembic import context

from rivya_core.lab.ledger.migrations import OPTIONS

context.configure(connection=context.config.attributes["connection"], **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
