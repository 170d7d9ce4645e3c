"""Actions of people on existing experiments: pause, cancel, drop, cap, decide, rename, hide, delete. None of them spends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.experiments import repository
from rivya_core.lab.experiments.sweep import check_name
from rivya_core.lab.jobs.submission import EnqueueMany
from rivya_core.lab.ledger import cap_log
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only, refuse_writes
from rivya_core.lab.ledger.schema import cell_takes
from rivya_core.lab.ledger.states import TERMINAL
from rivya_core.lab.people.acting import acting_address
from rivya_core.settings import Settings


class SweepActions:
    """The actions of ``Sweeps`` on existing experiments; safe to use from any thread."""

    def __init__(
        self, *, settings: Settings, ledger: Ledger, enqueue_many: EnqueueMany, stops_changed: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._enqueue_many = enqueue_many
        self._stops_changed = stops_changed

    def _now(self) -> datetime:
        return self._ledger.clock()

    def pause(self, experiment_id: str) -> None:
        """Pause an experiment until ``resume``: nothing more is sent, tasks already sent go on."""
        with begin_immediate(self._ledger.database) as connection:
            if repository.must_find(connection, experiment_id).paused_at is None:
                repository.update(connection, experiment_id, paused_at=self._now(), paused_by=acting_address())
        self._stops_changed()

    def resume(self, experiment_id: str) -> int:
        """Resume a paused experiment; return how many takes wait to be sent. Raises LabError in a read-only lab."""
        refuse_if_read_only(self._settings)
        with begin_immediate(self._ledger.database) as connection:
            if repository.must_find(connection, experiment_id).paused_at is None:
                return 0
            repository.update(connection, experiment_id, paused_at=None, paused_by=acting_address())
            runs = self._ledger.next_runs(connection, experiment_id)
            self._enqueue_many(connection, runs)
        self._stops_changed()
        return len(runs)

    def cancel_waiting(self, experiment_id: str) -> int:
        """Cancel the waiting takes that were never sent, in one transaction; return how many. They are not charged."""
        with begin_immediate(self._ledger.database) as connection:
            repository.must_find(connection, experiment_id)
            if acting_address() is not None:
                repository.update(connection, experiment_id, changed_by=acting_address())
            return self._ledger.cancel_waiting(connection, experiment_id)

    def drop_planned(self, experiment_id: str) -> int:
        """Drop the planned takes; return how many. Started takes are not touched."""
        column = cell_takes.c
        with begin_immediate(self._ledger.database) as connection:
            repository.must_find(connection, experiment_id)
            if acting_address() is not None:
                repository.update(connection, experiment_id, changed_by=acting_address())
            planned = sa.delete(cell_takes).where(column.experiment_id == experiment_id, column.generation_id.is_(None))
            return connection.execute(planned).rowcount

    def set_cap(self, experiment_id: str, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove the experiment's cap; raising or removing one needs a reason, and every change is logged.

        Raises:
            LabError: the reason is missing, the cap is no whole number of credits, or the lab is read-only.
        """
        refuse_if_read_only(self._settings)
        with begin_immediate(self._ledger.database) as connection:
            before = repository.must_find(connection, experiment_id).cap_credits
            cap_log.log_change(connection, cap_log.of_experiment(experiment_id), before, credits, why, self._now())
            repository.update(connection, experiment_id, cap_credits=credits)

    def decide(self, experiment_id: str, decision: Mapping[str, Any] | None) -> None:
        """Store a decision, or (None) reopen the question."""
        with begin_immediate(self._ledger.database) as connection:
            repository.must_find(connection, experiment_id)
            kept = sa.null() if decision is None else dict(decision)
            decided_at = None if decision is None else self._now()
            repository.update(
                connection, experiment_id, decision=kept, decided_at=decided_at, decided_by=acting_address()
            )

    def rename(self, experiment_id: str, name: str) -> str:
        """Rename a sweep; return its old name, for an undo.

        Raises:
            InvalidRequestError: the name is empty or too long; ``field`` is "name". LabError: read-only, or an unknown id.
        """
        refuse_writes(self._ledger.database)
        wanted = check_name(name)
        with begin_immediate(self._ledger.database) as connection:
            before = repository.must_find(connection, experiment_id).name
            repository.update(connection, experiment_id, name=wanted, changed_by=acting_address())
        return before

    def hide(self, experiment_id: str) -> bool:
        """Hide a sweep from the list; running takes go on. False when it was already hidden."""
        return self._set_hidden(experiment_id, self._now())

    def show(self, experiment_id: str) -> bool:
        """Show a hidden sweep in the list again. False when it was not hidden."""
        return self._set_hidden(experiment_id, None)

    def _set_hidden(self, experiment_id: str, moment: datetime | None) -> bool:
        with begin_immediate(self._ledger.database) as connection:
            if (repository.must_find(connection, experiment_id).hidden_at is None) == (moment is None):
                return False
            repository.update(connection, experiment_id, hidden_at=moment, changed_by=acting_address())
        return True

    def delete(self, experiment_id: str) -> None:
        """Delete an ended experiment from the lists; its clips and its spending stay.

        Raises:
            LabError: some of its takes have not ended.
        """
        with begin_immediate(self._ledger.database) as connection:
            record = repository.must_find(connection, experiment_id)
            status = repository.status(connection, record, record.mode)
            if not status.is_done:
                open_ = sum(count for state, count in status.states.items() if state not in TERMINAL) - status.unwatched
                raise LabError(
                    "This sweep has not ended",
                    f"{open_} of its takes wait, run or need a decision.",
                    "Cancel the queued takes, and let the rest end.",
                    field="state",
                )
            repository.update(connection, experiment_id, deleted_at=self._now(), changed_by=acting_address())

    def undelete(self, experiment_id: str) -> None:
        """Restore a deleted experiment."""
        with begin_immediate(self._ledger.database) as connection:
            repository.must_find(connection, experiment_id)
            repository.update(connection, experiment_id, deleted_at=None, changed_by=acting_address())
