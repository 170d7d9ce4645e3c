"""Housekeeping of a process that shares a database: rows without a job, and failover of rows of dead workers.

Each worker recovers the rows that it holds; rows that nobody holds are recovered by the leader (``is_on_duty``).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from rivya_core.lab.jobs.context import JobContext
from rivya_core.lab.jobs.engine import JobQueue
from rivya_core.lab.jobs.membership import Membership
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.ledger.database import log_error
from rivya_core.lab.ledger.ledger import OpenRow
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Workers

log = logging.getLogger("rivya.fleet")

LOST_AFTER: Final = timedelta(seconds=3)  # a younger row is left to its first workflow
IDLE_AFTER_S: Final = 20.0  # a dequeued workflow that has claimed nothing after this long is taken for lost
BATCH_MAX: Final = 500  # rows that are enqueued again in one transaction


class Fleet:
    """Housekeeping of this process as one of several; used by the supervisor's thread."""

    def __init__(self, context: JobContext, queue: JobQueue, role: Role) -> None:
        settings = context.settings
        workers = Workers(context.ledger.database, beat_s=settings.worker_beat_s, silent_s=settings.worker_silent_s)
        self.membership = Membership(
            workers,
            role,
            settings,
            key_fingerprint=context.ledger.key_fingerprint,
            at_work=context.count_at_work,
        )
        self._context = context
        self._queue = queue
        self._term = self.membership.term
        self._provisional_due = True
        self._unclaimed_since: dict[str, tuple[int, float]] = {}
        context.join(self.membership)

    def wake_due(self) -> None:
        """Wake the jobs of this worker's due rows: by schedule, or by a person in any dashboard."""
        for row in self._context.ledger.due(self._context.settings.connection, worker_id=self.membership.id):
            self._context.wake(row)
        if self._term != self.membership.term:
            self._term = self.membership.term
            self._context.wake_all()  # jobs of an earlier term have lost their leases: awake, they end and are requeued

    def reap(self) -> None:
        """Requeue the rows of workers past the heartbeat timeout."""
        silent = self.membership.silent
        if not silent:
            return
        unclaimed = self._queue.dequeued_by(silent)
        requeued = self.membership.workers.reap(self.membership.id, self._queue.enqueue_many, unclaimed)
        if requeued:
            log.warning("%d rows of workers that died go on in others", len(requeued), extra={"workers": list(silent)})
        self._queue.cancel(unclaimed | requeued)

    def recover_lost(self, now_s: float) -> None:
        """Requeue the rows that this worker holds without a job and, as the leader, the unclaimed ones."""
        context, membership = self._context, self.membership
        connection = context.settings.connection
        is_on_duty = membership.is_on_duty
        rows = list(context.ledger.open_rows(connection, held_by=None if is_on_duty else membership.id))
        all_provisional = self._provisional_due and is_on_duty
        rows += context.ledger.provisional_rows(connection, held_by=None if all_provisional else membership.id)
        self._provisional_due = self._provisional_due and not all_provisional
        mine = [row for row in rows if row.worker_id == membership.id]
        self._forget_errors({row.id for row in mine})
        lost = [row.id for row in mine if not context.at_work(row.id) and not context.is_backing_off(row.id)]
        if lost and membership.workers.hand_back(membership.id, lost[:BATCH_MAX], self._queue.enqueue_many):
            log.info("%d rows taken up again", len(lost))
        if is_on_duty:
            self._recover_unheld([row for row in rows if row.worker_id is None], now_s)

    def _recover_unheld(self, rows: list[OpenRow], now_s: float) -> None:
        """Requeue unclaimed rows whose workflow has ended, or was dequeued and never claimed its row."""
        now = self._context.now()
        runs = {row.id: row.runs for row in rows if row.state is State.SUCCEEDED or now - row.created_at > LOST_AFTER}
        waiting = self._queue.unfinished(f"{generation_id}:{run}" for generation_id, run in runs.items())
        since: dict[str, tuple[int, float]] = {}
        lost: dict[str, int] = {}
        for generation_id, run in runs.items():
            is_dequeued = waiting.get(f"{generation_id}:{run}")
            if is_dequeued is None:
                lost[generation_id] = run
            elif is_dequeued:
                first_seen = self._unclaimed_since.get(generation_id, (run, now_s))
                since[generation_id] = first_seen if first_seen[0] == run else (run, now_s)
                if now_s - since[generation_id][1] >= IDLE_AFTER_S:
                    lost[generation_id] = run
        self._unclaimed_since = since
        some = dict(list(lost.items())[:BATCH_MAX])
        if some and self.membership.workers.enqueue_unheld(some, self._queue.enqueue_many):
            log.info("%d rows taken up again", len(some))

    def _forget_errors(self, mine: set[str]) -> None:
        """Clear the unexpected errors of rows that another worker holds by now, or that have ended."""
        for one in self._context.unexpected.all():
            if one.generation_id is not None and one.generation_id not in mine:
                self._context.recovered(one.generation_id)

    def tidy(self) -> None:
        """Cancel workflows of superseded runs."""
        unended = self._queue.unended()
        runs = self._context.ledger.runs_of([generation_id for generation_id, _ in unended])
        old = {generation_id: run for generation_id, run in unended if run < runs.get(generation_id, 0)}
        self._queue.cancel(old)

    def stop(self) -> None:
        """Leave the fleet: requeue at once what this process holds, or dequeued and never claimed."""
        try:
            unclaimed = {} if self.membership.role is Role.DASHBOARD else self._queue.dequeued_by([self.membership.id])
            requeued = self.membership.stop(self._queue.enqueue_many, unclaimed)
            self._queue.cancel(unclaimed | requeued)
        except Exception as error:  # noqa: BLE001 - the outer edge of a process that ends
            log_error(log, "what this process held could not be given back; the others find out", error)
