"""The facade that pages, scripts and notebooks call. It only delegates; rules belong into the services behind it.

Every call is a local database read or write; only those that say so (``wait``, ``check_connection`` ...) wait for Rivya.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from rivya_core.api import GenerationRequest, ModelSpec, packaged_models
from rivya_core.api.errors import LabError
from rivya_core.api.params import invalid
from rivya_core.lab.evaluation.measure_worker import MeasureWorker
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.reviews import Reviews
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.evaluation.votes.ballots import Ballots
from rivya_core.lab.examples import example_sweep
from rivya_core.lab.experiments import reuse
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.experiments.reuse import Existing
from rivya_core.lab.experiments.service import Quote, Sweep, Sweeps
from rivya_core.lab.jobs.condition import Condition
from rivya_core.lab.jobs.context import JobContext
from rivya_core.lab.jobs.engine import Engine, JobQueue
from rivya_core.lab.jobs.generation_actions import GenerationActions
from rivya_core.lab.jobs.submission import Submissions
from rivya_core.lab.jobs.supervisor import Supervisor
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.labels import Labels
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.records import (
    BalanceRecord,
    Budget,
    EventRecord,
    GenerationRecord,
    Health,
    MovementRecord,
    Pause,
)
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.people.acting import ActingLab, acted, acting_person, own
from rivya_core.lab.people.person import Person
from rivya_core.lab.server.contract_check import ContractReport
from rivya_core.lab.server.knowledge import Server
from rivya_core.lab.shows.cassette.cassettes import Cassettes
from rivya_core.lab.shows.shows import Shows
from rivya_core.lab.spending.spending import Spending
from rivya_core.mode_words import ModeWord, mode_word
from rivya_core.settings import Mode, Settings


@dataclass(frozen=True, kw_only=True, eq=False)
class Lab:
    """One data folder, open: submit generations, follow them, find them again.

    Obtained from ``rivya_core.open_lab``; usable as a context manager. All methods may be called from any thread.
    """

    settings: Settings
    ledger: Ledger
    history: History
    archive: Archive
    simulator: Any
    sweeps: Sweeps
    reviews: Reviews
    ballots: Ballots
    votes: Votes
    verdicts: Verdicts
    spending: Spending
    server: Server
    labels: Labels
    shows: Shows
    cassettes: Cassettes
    _submissions: Submissions
    _actions: GenerationActions
    _condition: Condition
    _queue: JobQueue
    _supervisor: Supervisor
    _jobs: JobContext
    _measure_worker: MeasureWorker
    _engine: Engine
    _close: Callable[[], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lab; the last holder's call stops the jobs. Open rows are resumed by the next ``open_lab``."""
        self._close()

    @property
    def mode(self) -> Mode:
        """``live`` with a key, ``simulated`` without."""
        return self.settings.mode

    @property
    def connection(self) -> str:
        """Name of the connection that new generations are submitted under."""
        return self.settings.connection

    @property
    def mode_word(self) -> ModeWord:
        """The mode as shown to people: also ``replay``, while a cassette is played."""
        return mode_word(self.mode, self.settings.connection)

    # -- people ----------------------------------------------------------------------------------------------------

    def acting_as(self, person: Person | None) -> Lab:
        """This lab as somebody who signed in may use it; ``None`` is nobody, who may do nothing. See ``people.acting``."""
        return cast("Lab", ActingLab(self, self.settings, person))

    @property
    def person(self) -> Person | None:
        """Who uses this lab, once ``acting_as`` was called; None without sign-in."""
        return None

    def may(self, act: str) -> bool:  # noqa: ARG002 - the answer of a lab without sign-in
        """Tell whether its user's role allows an act, such as ``"Lab.submit"``; without sign-in everything is allowed."""
        return True

    # -- submitting ------------------------------------------------------------------------------------------------

    def submit(
        self,
        request: GenerationRequest,
        *,
        intent_id: str | None = None,
        take: int = 1,
        parent_id: str | None = None,
        source: str = "script",
    ) -> GenerationRecord:
        """Store one generation and enqueue it in one transaction; return at once.

        Submits are deduplicated by ``intent_id`` and ``take``: a repeat returns the first row.

        Raises:
            BudgetError: a cap or the balance does not allow it; nothing was stored or sent.
            StorageError: the data folder has no room for the clip.
            LabError: the lab was opened read-only, or is closed.
        """
        return self._submissions.submit(request, intent_id=intent_id, take=take, parent_id=parent_id, source=source)

    def submit_takes(
        self,
        request: GenerationRequest,
        takes: int,
        *,
        intent_id: str,
        parent_id: str | None = None,
        source: str = "page",
    ) -> list[GenerationRecord]:
        """Store takes 1 to ``takes`` (at most 4) of one request, all or none; see ``submit``."""
        return self._submissions.submit_takes(request, takes, intent_id=intent_id, parent_id=parent_id, source=source)

    def submit_many(self, requests: Sequence[GenerationRequest], *, source: str = "script") -> list[GenerationRecord]:
        """Store one generation of each request, all or none, in one transaction; see ``submit``."""
        return self._submissions.submit_many(requests, source=source)

    def expected(self, request: GenerationRequest) -> int:
        """Estimate the credits one take will reserve: the last reservation of the same model and settings, else the list price."""
        return self._submissions.expected(request)

    def existing(self, asked: GenerationRequest | GenerationRecord | str) -> Existing:
        """Return the existing generations of exactly this request, to be shown before one more is bought on purpose.

        ``submit`` always buys; starting, extending and retrying a sweep first reuse what this finds. ``asked``: a request, a
        generation, or the ``reuse_sha256`` of either.
        """
        if not isinstance(asked, (GenerationRequest, GenerationRecord, str)):
            raise invalid("request", f"must be a GenerationRequest, not {type(asked).__name__}")
        sha256 = asked if isinstance(asked, str) else asked.reuse_sha256
        return self.ledger.rows.remembered.reading(
            ("existing", self.mode, sha256),
            lambda connection: reuse.existing(connection, sha256 or "", self.connection, self.mode),
        )

    # -- following -------------------------------------------------------------------------------------------------

    def get(self, generation_id: str) -> GenerationRecord:
        """The generation as the ledger knows it now. Raises LabError for an unknown id."""
        return self.ledger.get(generation_id)

    def events(self, generation_id: str) -> Sequence[EventRecord]:
        """The timeline of a generation, oldest first."""
        return self.ledger.rows.events(generation_id)

    def movements(self, generation_id: str) -> Sequence[MovementRecord]:
        """The credit movements of a generation, oldest first."""
        return self.ledger.rows.movements(generation_id)

    def wait(self, generation_id: str, timeout_s: float = 600.0) -> GenerationRecord:
        """Block until the generation has ended, needs a person (``unconfirmed``) or is unwatched, at most ``timeout_s`` seconds.

        Raises WaitTimeoutError: the deadline passed; the generation itself goes on. LabError: none such, or the lab was closed.
        """
        return self._actions.wait(generation_id, timeout_s)

    def clip(self, generation_id: str) -> Path:
        """The local path of the archived clip. Raises LabError while there is none."""
        row = self.get(generation_id)
        if row.clip_key is None:
            raise LabError("There is no clip yet", f"{generation_id} is {row.state}.", "Wait until it has succeeded.")
        return self.archive.local(row.clip_key)

    def poster(self, generation_id: str) -> Path | None:
        """The local path of the poster JPEG, or None."""
        row = self.get(generation_id)
        return None if row.poster_key is None else self.archive.find_local(row.poster_key)

    def image(self, sha256: str) -> Path:
        """The local path of a reference image, by the hash of its bytes."""
        return self.archive.local(self.ledger.assets.key(sha256))

    # -- what people do to generations that exist ------------------------------------------------------------------

    def cancel(self, generation_id: str) -> bool:
        """Cancel a generation while it waits; False when it may have been sent already. A cancelled one is not charged."""
        return self.ledger.actions.cancel(generation_id)

    def check_now(self, generation_id: str) -> None:
        """Poll the task, or download the clip, now instead of on schedule. A lost file is downloaded again."""
        self._actions.check_now(generation_id)

    def ask_again(self, generation_id: str) -> None:
        """Send an unconfirmed generation again, with its original idempotency key and body."""
        self._actions.ask_again(generation_id)

    def adopt(self, generation_id: str, task_id: str) -> None:
        """Tie an unconfirmed generation to a task that the person found at Rivya."""
        self._actions.adopt(generation_id, task_id)

    def stop_watching(self, generation_id: str) -> None:
        """Stop waiting for an overdue generation, see ``GenerationActions.stop_watching``. Raises LabError: it is not overdue."""
        self._actions.stop_watching(generation_id)

    def watch_again(self, generation_id: str) -> None:
        """Undo ``stop_watching`` and poll the task now."""
        self._actions.watch_again(generation_id)

    def close_unconfirmed(self, generation_id: str) -> None:
        """End an unconfirmed generation as not charged, on the person's judgement; its reservation is released."""
        self.ledger.actions.close_unconfirmed(generation_id)

    def pause(self) -> Pause | None:
        """Return why this connection's queue is paused, or None."""
        return self.ledger.key_value.pause(self.connection)

    def resume(self) -> None:
        """Resume the queue; if the reason persists, it pauses again with a new error card."""
        self._actions.resume()

    def pause_queue(self) -> None:
        """Pause the queue until ``resume``: nothing new is sent, tasks already sent go on."""
        self._actions.pause_queue()

    def star(self, generation_id: str, starred: bool) -> None:
        """Set or clear the star."""
        self.ledger.rows.update(generation_id, event=acted({"starred": "yes" if starred else "no"}), starred=starred)

    def star_all(self, generation_ids: Sequence[str], starred: bool) -> int:
        """Set or clear the star of some generations in one transaction; return how many changed."""
        return self.ledger.actions.set_starred(generation_ids, starred)

    def set_simulated_credits(self, credits: int) -> None:  # noqa: A002 - Rivya's word
        """Set the balance of the built-in simulator; Spend does not report it as a charge or a top-up made elsewhere."""
        refuse_if_read_only(self.settings)
        world = self.simulator.world
        before = world.balance()
        world.configure(credits=credits)
        self.ledger.key_value.note_own_change(self.connection, credits - before)

    def dismiss(self, generation_id: str) -> None:
        """Dismiss a failure card; the row stays in History."""
        self.ledger.rows.update(generation_id, event=acted({"dismissed": "yes"}), dismissed_at=self._jobs.now())

    def delete(self, generation_ids: Sequence[str]) -> int:
        """Hide ended generations from History; return how many. Files stay, so that ``undelete`` restores everything."""
        return self.ledger.actions.set_deleted(generation_ids, self._jobs.now())

    def undelete(self, generation_ids: Sequence[str]) -> int:
        """Restore deleted generations; return how many."""
        count = self.ledger.actions.set_deleted(generation_ids, None)
        example_sweep.bring_back(self.ledger, generation_ids)
        return count

    def remove_examples(self) -> list[str]:
        """Delete the examples of the first start, clips and sweep; return the clips' ids for ``undelete``, which restores both."""
        ids = self.history.examples()
        example_sweep.remove(self.ledger)
        self.delete(ids)
        return ids

    def draft(self) -> Mapping[str, Any] | None:
        """Return the draft of the Generate form: of the person who asks; without sign-in one for all."""
        draft: Mapping[str, Any] | None = self.ledger.key_value.get(own("draft", acting_person()))
        return draft

    def save_draft(self, draft: Mapping[str, Any], *, sweep: bool = False) -> None:
        """Save the draft of the Generate form, or of Sweep's; the last writer wins."""
        self.ledger.key_value.set(own("sweep draft" if sweep else "draft", acting_person()), dict(draft))

    def change_draft(self, change: Callable[[Mapping[str, Any] | None], Mapping[str, Any]]) -> None:
        """Replace the draft by what ``change`` makes of it, in one transaction: of two tabs the second sees the first."""
        self.ledger.key_value.change(own("draft", acting_person()), lambda kept: dict(change(kept)))

    # -- experiments -----------------------------------------------------------------------------------------------

    def quote(self, sweep: Sweep) -> Quote:
        """Quote what a sweep would cost now, and how much of it exists already; nothing is stored or sent."""
        return self.sweeps.quote(sweep)

    def start(self, sweep: Sweep, *, experiment_id: str | None = None, only_what_fits: bool = False) -> str:
        """Store a sweep and enqueue what is missing, all or nothing; return its id. See ``Sweeps.start``.

        Raises BudgetError: a cap or the balance does not allow it; ``fits`` says how many takes would be allowed.
        """
        return self.sweeps.start(sweep, experiment_id=experiment_id, only_what_fits=only_what_fits)

    def sweep(self, experiment_id: str) -> SweepStatus:
        """Return states, spent credits and cells of an experiment. Raises LabError for an unknown id."""
        return self.sweeps.status(experiment_id)

    def wait_sweep(self, experiment_id: str, timeout_s: float = 3600.0) -> SweepStatus:
        """Block until all started takes of an experiment have ended. Raises WaitTimeoutError after ``timeout_s`` seconds."""
        return self.sweeps.wait(experiment_id, timeout_s)

    # -- money -----------------------------------------------------------------------------------------------------

    def budget(self) -> Budget:
        """Return what may still be spent on this connection, by balance and cap. Cached, for screens."""
        return budgets.look(self.ledger.rows.remembered, self.mode, self.connection, self.settings)

    def balance(self) -> BalanceRecord:
        """Return the last known balance; it is kept fresh in the background while pages ask for it."""
        self._supervisor.look()
        return self.ledger.key_value.balance(self.connection)

    def refresh_balance(self) -> None:
        """Request a balance read in the background; returns at once."""
        self._supervisor.ask_balance()

    def check_connection(self) -> BalanceRecord:
        """Read the balance now, over the network. Raises RivyaError when the key or the connection does not work."""
        self._queue.refuse_if_closed()
        return self._supervisor.must_read_balance()

    def check_contract(self) -> ContractReport:
        """Compare the server with the packaged contract by four free GETs, over the network; see ``Server.check_contract``."""
        return self.server.check_contract()

    def support_bundle(self, generation_id: str | None = None, *, hours: float = 1.0, prompts: bool = False) -> bytes:
        """One ZIP with exchanges, timeline, versions and settings of a generation, or the last ``hours``, for support.

        It never contains a key, a local path or a query string; prompts, image names and messages of Rivya's that might quote
        them only with ``prompts``. Raises LabError for an unknown id.
        """
        return self.server.support_bundle(generation_id, hours=hours, prompts=prompts)

    def cap(self) -> int | None:
        """Return the daily cap set in the lab for this mode, in credits, or None; the environment's may be lower."""
        return self.ledger.key_value.get_cap(self.mode)

    def set_cap(self, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove (None) the daily cap of this mode, in credits; the change is logged.

        Raises LabError: it is raised or removed without a reason (``field`` is "why"), or no whole number; or read-only.
        """
        refuse_if_read_only(self.settings)
        self.ledger.key_value.set_cap(self.mode, credits, why)

    # -- about -----------------------------------------------------------------------------------------------------

    def models(self) -> list[ModelSpec]:
        """The video models of the packaged catalogue."""
        return [spec for spec in packaged_models().values() if spec.category == "video"]

    def changes(self) -> int:
        """Return a number that grows with every change of the ledger; cheap, for live views."""
        return self.ledger.changes()

    def health(self) -> Health:
        """Return the health of database and engine; ``ok`` is False when one is down or has not recovered from an error."""
        return self._condition.health()

    def troubles(self) -> list[str]:
        """Return what every page must show: see ``Condition.troubles``."""
        return self._condition.troubles()
