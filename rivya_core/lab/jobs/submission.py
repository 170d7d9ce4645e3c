"""The one transaction that takes a wish in: caps and balance, ledger rows and their place in the engine's queue.

Either all takes are stored and enqueued or none is; nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from rivya_core.api.errors import StorageError
from rivya_core.lab.jobs.engine import JobQueue
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Settings


def submit(
    database: sa.Engine, settings: Settings, ledger: Ledger, inbox: JobQueue, wanted: Sequence[NewGeneration]
) -> list[GenerationRecord]:
    """Store and enqueue what is not known yet; the rows of all that is wanted, in its order.

    Raises:
        BudgetError: a cap or the balance does not allow it.
    """
    with begin_immediate(database) as connection:
        known = [ledger.find(connection, item.id) for item in wanted]
        new = [item for item, row in zip(wanted, known, strict=True) if row is None]
        if new:
            budget = budgets.read(connection, new[0].mode, new[0].connection, settings)
            budgets.check(budget, sum(item.expected_credits for item in new))
        return [row or _take_in(connection, ledger, inbox, item) for item, row in zip(wanted, known, strict=True)]


def _take_in(connection: sa.Connection, ledger: Ledger, inbox: JobQueue, item: NewGeneration) -> GenerationRecord:
    row = ledger.add(connection, item)
    inbox.enqueue(connection, row.id, row.runs)
    return row


def enqueue_again(database: sa.Engine, ledger: Ledger, inbox: JobQueue, generation_id: str) -> int:
    """Give a row one more workflow; its number."""
    with begin_immediate(database) as connection:
        run = ledger.next_run(connection, generation_id)
        inbox.enqueue(connection, generation_id, run)
    return run


def check_disk(settings: Settings, archive: Archive) -> None:
    """Raise StorageError when a paid clip might find no room."""
    free = archive.free_bytes()
    if free < settings.min_free_disk_bytes:
        raise StorageError(
            "The disk is nearly full",
            f"{free / 1e6:,.0f} MB are free in {settings.data_dir}, "
            f"{settings.min_free_disk_bytes / 1e6:,.0f} MB are needed so that a paid clip can be kept.",
            "Free some space, or set RIVYA_MIN_FREE_DISK_BYTES lower. Nothing was sent.",
            field="disk",
        )
