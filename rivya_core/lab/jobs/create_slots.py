"""A distributed semaphore: the limit of creates in flight over all workers. Taken in ``begin_attempt``, waited for here.

On one machine the admission queue is the limit, and there is no wait here. Between workers the order is that of arrival;
within each of them the admission queue keeps ledger order, and only its first caller competes for a slot.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.sending import NoSlotError, creates_in_flight

if TYPE_CHECKING:
    from rivya_core.lab.jobs.context import JobContext

LOOK_EVERY_S: Final = 0.1


class CreateSlots:
    """Begin attempts while fewer creates are in flight than the smallest limit; used on one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._freed = asyncio.Event()

    async def begin(
        self, context: JobContext, row: GenerationRecord, body: bytes, body_sha256: str
    ) -> GenerationRecord | None:
        """Call ``JobWrites.begin_attempt`` once a slot is free; None as there, and when the queue was paused meanwhile."""
        if context.membership is None:
            return await context.db(context.ledger.jobs.begin_attempt, row.id, body, body_sha256)
        async with self._lock:
            may_be_free = True
            while not await self._is_stopped(context, row.id):
                slots = int(context.membership.limits["max_creates_in_flight"])
                context.refuse_if_lapsed(to_send=True)
                if may_be_free:
                    with suppress(NoSlotError):
                        return await context.db(
                            context.ledger.jobs.begin_attempt, row.id, body, body_sha256, slots=slots
                        )
                self._freed.clear()  # before the wait, never after it: a slot freed in between must end the wait
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._freed.wait()
                may_be_free = await context.db(in_flight, context, row) < slots
        return None

    def free(self) -> None:
        """Notify the waiting caller that a create of this process has ended."""
        self._freed.set()

    async def _is_stopped(self, context: JobContext, generation_id: str) -> bool:
        if context.is_closed:
            context.pause_point(generation_id)
        return (await context.admission.stops()).pause is not None


def in_flight(context: JobContext, row: GenerationRecord) -> int:
    """Count the creates of other rows in flight, without the write lock. Blocking."""
    with context.ledger.reading() as connection:
        return creates_in_flight(connection, row.connection, but=row.id)
