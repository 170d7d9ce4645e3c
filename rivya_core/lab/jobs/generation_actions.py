"""User actions on existing generations that also wake or enqueue jobs: check now, ask again, adopt, pause, resume.

The ledger's side of them is ``ledger.manual_actions``.
"""

from __future__ import annotations

import time

from rivya_core.api.errors import StorageError, WaitTimeoutError
from rivya_core.lab.jobs import submission
from rivya_core.lab.jobs.context import BY_PERSON, JobContext
from rivya_core.lab.jobs.engine import JobQueue
from rivya_core.lab.jobs.supervisor import Supervisor
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord, Pause
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.people.acting import acting_address
from rivya_core.settings import Settings

WAIT_LOOK_S = 0.1


class GenerationActions:
    """Actions of ``Lab`` on generations whose jobs must react; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        archive: Archive,
        queue: JobQueue,
        jobs: JobContext,
        supervisor: Supervisor,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._queue = queue
        self._jobs = jobs
        self._supervisor = supervisor

    def check_now(self, generation_id: str) -> None:
        """Poll the task, or download the clip, now instead of on schedule. A lost file is downloaded again."""
        row = self._ledger.get(generation_id)
        if row.state is State.SUCCEEDED and row.clip_key and not self._archive.exists(row.clip_key):
            self._ledger.actions.lost_clip(generation_id)
        self._ledger.make_due(generation_id)
        self._jobs.wake(generation_id)

    def ask_again(self, generation_id: str) -> None:
        """Send an unconfirmed generation again, with its original idempotency key and body."""
        refuse_if_read_only(self._settings)
        self._ledger.actions.reopen(generation_id)
        self._enqueue_again(generation_id)

    def adopt(self, generation_id: str, task_id: str) -> None:
        """Tie an unconfirmed generation to a task that the person found at Rivya."""
        self._ledger.actions.adopt(generation_id, task_id.strip())
        self._enqueue_again(generation_id)

    def stop_watching(self, generation_id: str) -> None:
        """Stop waiting for an overdue generation: it is polled every six hours, and its clip is still archived if it comes.

        Its reservation counts until two readings of the balance show that nothing was charged.

        Raises:
            LabError: it is not overdue (``Settings.overdue_after_s``), there is nothing to watch, or the lab is read-only.
        """
        refuse_if_read_only(self._settings)
        self._ledger.actions.stop_watching(generation_id, self._settings.overdue_after_s)
        self._ledger.make_due(generation_id)
        self._jobs.wake(generation_id)
        self._supervisor.ask_balance()

    def watch_again(self, generation_id: str) -> None:
        """Undo ``stop_watching`` and poll the task now."""
        refuse_if_read_only(self._settings)
        self._ledger.actions.watch_again(generation_id)
        self._ledger.make_due(generation_id)
        self._jobs.wake(generation_id)

    def _enqueue_again(self, generation_id: str) -> None:
        submission.enqueue_again(self._ledger.database, self._ledger, self._queue, generation_id)

    def resume(self) -> None:
        """Resume the queue; if the reason persists, it pauses again with a new error card."""
        refuse_if_read_only(self._settings)
        self._ledger.key_value.set_pause(self._settings.connection, None)
        self._jobs.admission.forget()

    def pause_queue(self) -> None:
        """Pause the queue until ``resume``: nothing new is sent, tasks already sent go on."""
        card = ErrorCard(
            "The queue is paused", "Somebody paused it here.", "Resume it to send queued generations.", "no", "submit"
        )
        self._ledger.key_value.set_pause(
            self._settings.connection,
            Pause(effect=BY_PERSON, since=self._jobs.now(), card=card, person=acting_address()),
        )
        self._jobs.admission.forget()

    def wait(self, generation_id: str, timeout_s: float) -> GenerationRecord:
        """Block until a generation has ended or needs a person; see ``Lab.wait``. Raises WaitTimeoutError, LabError, StorageError."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                row = self._ledger.get(generation_id)
            except StorageError as error:
                if not error.retryable or time.monotonic() >= deadline_s:
                    raise
                time.sleep(WAIT_LOOK_S)  # a database that is away for a while is no answer
                continue
            if row.is_terminal or row.state is State.UNCONFIRMED or row.unwatched_at is not None:
                return row
            self._queue.refuse_if_closed()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise WaitTimeoutError(
                    "The generation has not ended yet",
                    f"{generation_id} (task {row.task_id or 'not known yet'}) was {row.state} after {timeout_s:g} s.",
                    "It goes on by itself; call wait again.",
                    retryable=True,
                )
            time.sleep(min(WAIT_LOOK_S, left_s))
