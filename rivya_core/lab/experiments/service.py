"""The public service for sweeps: quote, start, follow, pause, retry.

Every method that spends is one transaction under the write lock: look up existing clips, check caps and balance, store
experiment, rows and queue entries, or nothing. The purchase itself is in ``purchase``, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import BudgetError, LabError, WaitTimeoutError
from rivya_core.api.params import invalid
from rivya_core.lab.experiments import parameter_notes, quote, repository, reuse
from rivya_core.lab.experiments.axes import Labelled
from rivya_core.lab.experiments.purchase import Purchaser
from rivya_core.lab.experiments.quote import Quote, RepairQuote
from rivya_core.lab.experiments.records import CellRecord, ExperimentRecord, SweepStatus
from rivya_core.lab.experiments.reuse import Prices
from rivya_core.lab.experiments.spec import images_of, to_sweep
from rivya_core.lab.experiments.sweep import MAX_CELLS, MAX_TAKES, Sweep
from rivya_core.lab.experiments.sweep_actions import SweepActions
from rivya_core.lab.jobs import submission
from rivya_core.lab.jobs.submission import EnqueueMany
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.database import begin_immediate, reading, reading_at_once
from rivya_core.lab.ledger.history.history import History, Typical
from rivya_core.lab.ledger.ids import INTENT, new_intent_id
from rivya_core.lab.ledger.key_value import read_note
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Mode, Settings

__all__ = ["MAX_CELLS", "MAX_TAKES", "Labelled", "Quote", "Sweep", "Sweeps", "new_experiment_id"]

WAIT_LOOK_S: Final = 0.1
EXPERIMENT_ID_MAX: Final = 32  # generation ids contain it and must fit into a header


def new_experiment_id() -> str:
    """Create the id of an experiment: "x" and 20 digits that sort by time."""
    return "x" + new_intent_id()[1:]


class Sweeps:
    """Start and follow experiments; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        history: History,
        archive: Archive,
        enqueue_many: EnqueueMany,
        stops_changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._history = history
        self._archive = archive
        self._buyer = Purchaser(settings=settings, ledger=ledger, archive=archive, enqueue_many=enqueue_many)
        self._actions = SweepActions(
            settings=settings, ledger=ledger, enqueue_many=enqueue_many, stops_changed=stops_changed
        )

    # -- before money moves ----------------------------------------------------------------------------------------

    def quote(self, sweep: Sweep) -> Quote:
        """Quote what a sweep would cost now and how long it would take; reads the database only, stores and sends nothing."""
        _check_sweep(sweep)
        name, mode = self._settings.connection, self._settings.mode
        with reading_at_once(self._ledger.database) as connection:
            _check_parent(connection, sweep)
            prices = Prices(connection, name)
            priced = [(cell.cell, cell.reuse_sha256, prices.of(cell.request)) for cell in sweep.cells]
            planned = reuse.plan(connection, reuse.places(priced, sweep.takes), name, mode)
            budget = budgets.read(connection, mode, name, self._settings)
            own = reuse.modes_of(connection, name, mode)[0]
            warnings = parameter_notes.warnings(sweep, own, lambda note: read_note(connection, note))
        costs = planned.prices
        fits = quote.how_many_fit(budget, costs, sweep.cap_credits, 0)
        return Quote(
            cells=len(sweep.cells),
            takes=sweep.takes,
            reused=len(planned.reused),
            new=len(costs),
            credits=planned.credits,
            minutes=quote.minutes(
                [sweep.cells[place.cell].request for place in planned.missing],
                self._settings.max_creates_in_flight,
                lambda model, length: self._typical(model, own, length),
            ),
            available_credits=budget.available_credits,
            fits=fits,
            fits_credits=sum(costs[:fits]),
            shortage=_shortage(budget, costs, sweep.cap_credits),
            warnings=warnings,
        )

    def _typical(self, model: str, mode: Mode, length: str | None) -> Typical | None:
        return self._history.typical_s(model, mode, length)

    # -- starting --------------------------------------------------------------------------------------------------

    def start(self, sweep: Sweep, *, experiment_id: str | None = None, only_what_fits: bool = False) -> str:
        """Store a sweep and enqueue what is missing in one transaction; return the experiment's id at once.

        Deduplicated by ``experiment_id``: a repeat returns the first experiment. ``only_what_fits``: start the takes that
        caps and balance allow, in order, and keep the others planned for ``start_rest``.

        Raises:
            BudgetError: not all takes are allowed; nothing was stored or sent. ``fits`` says how many would be.
            StorageError: the data folder has no room. LabError: read-only, or the id is not usable.
            InvalidRequestError: this is no sweep, or its ``parent_id`` is no experiment of this data folder.
        """
        _check_sweep(sweep)
        refuse_if_read_only(self._settings)
        submission.check_disk(self._settings, self._archive)
        id_ = experiment_id or new_experiment_id()
        if not isinstance(id_, str) or not INTENT.fullmatch(id_) or len(id_) > EXPERIMENT_ID_MAX:
            rule = f"experiment_id must be 1 to {EXPERIMENT_ID_MAX} letters, digits, '-' or '_'."
            raise LabError(
                "The sweep's id is not usable", rule, "Leave it out to have one made.", field="experiment_id"
            )
        for image in images_of(sweep):
            self._ledger.assets.store(image, self._archive)
        with begin_immediate(self._ledger.database) as connection:
            if repository.find(connection, id_) is None:
                _check_parent(connection, sweep)
                self._buyer.start(connection, id_, sweep, only_what_fits=only_what_fits)
        return id_

    def start_rest(
        self, experiment_id: str, *, only_what_fits: bool = False, expected_credits: int | None = None
    ) -> int:
        """Start the planned takes; return how many were bought. Clips made elsewhere meanwhile are reused.

        ``expected_credits``: the price confirmed on screen.

        Raises:
            BudgetError: not all is allowed, or it costs more than confirmed; nothing was started. ``fits`` says how many takes
                would be allowed.
        """
        return self._complete(
            experiment_id, repository.IS_PLANNED, only_what_fits=only_what_fits, expected_credits=expected_credits
        )

    def retry_failed(self, experiment_id: str, *, expected_credits: int | None = None) -> int:
        """Retry every take that failed, was cancelled or has a damaged clip; return how many were bought.

        Clips made elsewhere meanwhile are reused; each of the other takes is a new generation. ``expected_credits``: the
        price confirmed on screen.

        Raises:
            BudgetError: not all is allowed, or it costs more than confirmed; nothing was started.
        """
        return self._complete(experiment_id, reuse.is_lost(), only_what_fits=False, expected_credits=expected_credits)

    def repair(self, experiment_id: str, *, only_what_fits: bool = False, expected_credits: int | None = None) -> int:
        """Do what ``start_rest`` and ``retry_failed`` do, for all takes without a clip; return how many were bought.

        Raises:
            BudgetError: not all is allowed, or it costs more than confirmed; nothing was started.
        """
        return self._complete(
            experiment_id, repository.is_missing(), only_what_fits=only_what_fits, expected_credits=expected_credits
        )

    def repair_quote(self, experiment_id: str) -> RepairQuote:
        """Quote what ``repair`` would cost now; reads the database only."""
        with reading_at_once(self._ledger.database) as connection:
            return self._buyer.repair_quote(connection, self._ours(connection, experiment_id))

    def _complete(
        self,
        experiment_id: str,
        which: sa.ColumnElement[bool],
        *,
        only_what_fits: bool,
        expected_credits: int | None,
    ) -> int:
        refuse_if_read_only(self._settings)
        submission.check_disk(self._settings, self._archive)
        with begin_immediate(self._ledger.database) as connection:
            return self._buyer.complete(
                connection,
                self._ours(connection, experiment_id),
                which,
                only_what_fits=only_what_fits,
                expected_credits=expected_credits,
            )

    # -- following -------------------------------------------------------------------------------------------------

    def status(self, experiment_id: str) -> SweepStatus:
        """Return the status of an experiment with all its cells. Raises LabError for an unknown id."""
        with reading_at_once(self._ledger.database) as connection:
            record = repository.must_find(connection, experiment_id)
            return repository.status(connection, record, self._mode, repository.read_cells(connection, experiment_id))

    def brief(self, experiment_id: str) -> SweepStatus:
        """Return the status of an experiment without its cells: cheap, for live views."""
        with reading_at_once(self._ledger.database) as connection:
            return repository.status(connection, repository.must_find(connection, experiment_id), self._mode)

    def page(
        self,
        experiment_id: str,
        where: Mapping[str, str] | None = None,
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[CellRecord, ...]:
        """Return the cells of one tab (axis name to label), in grid order; reads nothing else."""
        with reading(self._ledger.database) as connection:
            chosen = repository.numbers(repository.must_find(connection, experiment_id), where or {})
            return repository.read_cells(
                connection, experiment_id, chosen[offset : None if limit is None else offset + limit]
            )

    def failures(self, experiment_id: str) -> Mapping[str, Mapping[str, int]]:
        """Count the failed takes of each value: axis name, then label of the value; values without failures are left out."""
        with reading(self._ledger.database) as connection:
            return repository.failures(connection, experiment_id)

    def get(self, experiment_id: str) -> ExperimentRecord:
        """Return one experiment without its cells. Raises LabError for an unknown id."""
        with reading(self._ledger.database) as connection:
            return repository.must_find(connection, experiment_id)

    def list(
        self,
        mode: Mode | None = None,
        limit: int = 50,
        offset: int = 0,
        *,
        hidden: bool = False,
        label: str | None = None,
    ) -> Sequence[ExperimentRecord]:
        """Return experiments that are not deleted, newest first.

        ``hidden``: only hidden ones, instead of the others. ``label``: only those that carry it.
        """
        with reading(self._ledger.database) as connection:
            return repository.listed(connection, mode, limit, offset, hidden=hidden, label=label)

    def sweep_of(self, experiment_id: str) -> Sweep:
        """Return the sweep of an experiment as it was started, to be changed and started again as a new one."""
        record = self.get(experiment_id)
        return to_sweep(record, lambda sha256: self._ledger.assets.load(sha256, self._archive))

    def wait(self, experiment_id: str, timeout_s: float = 3600.0) -> SweepStatus:
        """Block until every started take has ended, needs a person or is unwatched, at most ``timeout_s`` seconds.

        Raises:
            WaitTimeoutError: the deadline passed; the sweep itself goes on.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            if self.brief(experiment_id).open_takes == 0:
                return self.status(experiment_id)
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise WaitTimeoutError(
                    "The sweep has not ended yet",
                    f"{experiment_id}: {_counted(self.brief(experiment_id).states)} after {timeout_s:g} s.",
                    "It goes on by itself; call wait_sweep again.",
                    retryable=True,
                )
            time.sleep(min(WAIT_LOOK_S, left_s))

    # -- shared ----------------------------------------------------------------------------------------------------

    def _ours(self, connection: sa.Connection, experiment_id: str) -> ExperimentRecord:
        record = repository.must_find(connection, experiment_id)
        if record.connection != self._settings.connection:
            raise LabError(
                "This sweep belongs to another connection",
                f"It was started under {record.connection}; this lab talks to {self._settings.connection}.",
                "Start it anew here, or open the lab with its connection.",
                field="connection",
            )
        return record

    # -- what people do to sweeps that exist -----------------------------------------------------------------------

    def pause(self, experiment_id: str) -> None:
        """Pause an experiment until ``resume``: nothing more is sent, tasks already sent go on."""
        self._actions.pause(experiment_id)

    def resume(self, experiment_id: str) -> int:
        """Resume a paused experiment; return how many takes wait to be sent. Raises LabError in a read-only lab."""
        return self._actions.resume(experiment_id)

    def cancel_waiting(self, experiment_id: str) -> int:
        """Cancel the waiting takes that were never sent, in one transaction; return how many. They are not charged."""
        return self._actions.cancel_waiting(experiment_id)

    def drop_planned(self, experiment_id: str) -> int:
        """Drop the planned takes; return how many."""
        return self._actions.drop_planned(experiment_id)

    def set_cap(self, experiment_id: str, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove the experiment's cap in credits. Raises LabError when raising it without a reason."""
        self._actions.set_cap(experiment_id, credits, why)

    def decide(self, experiment_id: str, decision: Mapping[str, Any] | None) -> None:
        """Store a decision, or (None) reopen the question."""
        self._actions.decide(experiment_id, decision)

    def rename(self, experiment_id: str, name: str) -> str:
        """Rename a sweep; return its old name. Raises InvalidRequestError (``field`` "name"), LabError."""
        return self._actions.rename(experiment_id, name)

    def hide(self, experiment_id: str) -> bool:
        """Hide a sweep from the list; running takes go on. False when it was already hidden."""
        return self._actions.hide(experiment_id)

    def show(self, experiment_id: str) -> bool:
        """Show a hidden sweep in the list again. False when it was not hidden."""
        return self._actions.show(experiment_id)

    def delete(self, experiment_id: str) -> None:
        """Delete an ended experiment from the lists. Raises LabError while some of its takes have not ended."""
        self._actions.delete(experiment_id)

    def undelete(self, experiment_id: str) -> None:
        """Restore a deleted experiment."""
        self._actions.undelete(experiment_id)

    def _now(self) -> datetime:
        return self._ledger.clock()

    @property
    def _mode(self) -> Mode:
        return self._settings.mode


def _check_sweep(sweep: Sweep) -> None:
    if not isinstance(sweep, Sweep):
        raise invalid("sweep", "must be a Sweep", "Make one with Sweep(name, question, base, axes)")


def _check_parent(connection: sa.Connection, sweep: Sweep) -> None:
    if sweep.parent_id is not None and repository.find(connection, sweep.parent_id) is None:
        raise invalid("parent_id", "is no sweep of this data folder", "Leave it out, or look it up in the list")


def _shortage(budget: Any, costs: Sequence[int], cap_credits: int | None) -> str:
    try:
        quote.check(budget, costs, cap_credits, 0)
    except BudgetError as error:
        return error.detail
    return ""


def _counted(states: Mapping[State, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items()) or "no take"
