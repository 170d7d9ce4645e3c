"""The lab: what pages, scripts and notebooks call.

Every call is a local database read or write; none waits for Rivya, except ``wait`` and ``check_connection``, which say so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rivya_core.api import GenerationRequest, ModelSpec, packaged_models
from rivya_core.api.errors import LabError, RivyaError, StorageError, WaitTimeoutError
from rivya_core.api.params import invalid
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.reviews import Reviews
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.evaluation.votes.ballots import Ballots
from rivya_core.lab.experiments import reuse
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.experiments.reuse import Existing
from rivya_core.lab.experiments.service import Quote, Sweep, Sweeps
from rivya_core.lab.jobs import condition, submission
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.labels import Labels
from rivya_core.lab.ledger.ledger import NewGeneration, new_intent_id
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.records import (
    BalanceRecord,
    Budget,
    EventRecord,
    GenerationRecord,
    Health,
    MovementRecord,
)
from rivya_core.lab.ledger.states import State
from rivya_core.lab.parts import Parts
from rivya_core.lab.server.contract_check import ContractReport
from rivya_core.lab.server.knowledge import Server
from rivya_core.lab.shows.cassette.cassettes import Cassettes
from rivya_core.lab.shows.shows import Shows
from rivya_core.lab.spending.spending import Spending
from rivya_core.lab.steering import Steering
from rivya_core.mode_words import ModeWord, mode_word
from rivya_core.settings import Mode
from rivya_core.version import VERSION

WAIT_LOOK_S = 0.1
MAX_TAKES = 4


class Lab(Steering):
    """One data folder, open: submit generations, follow them, find them again.

    Obtained from ``rivya_core.open_lab``; usable as a context manager. All methods may be called from any thread.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self.settings = parts, parts.settings
        self.ledger = parts.ledger
        self.history = parts.history
        self.archive = parts.archive
        self.simulator: Any = None if parts.settings.read_only else parts.simulator
        self.sweeps = Sweeps(parts)
        self.reviews = Reviews(parts)
        self.ballots = Ballots(parts)
        self.votes = Votes(parts)
        self.verdicts = Verdicts(parts)
        self.spending = Spending(parts)
        self.server = Server(parts)
        self.labels = Labels(parts)
        self.shows = Shows(parts, self.verdicts, self.votes)
        self.cassettes = Cassettes(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the lab back; the last holder's call stops the jobs. Open rows go on with the next ``open_lab``."""
        self._parts.close()

    @property
    def mode(self) -> Mode:
        """``live`` with a key, ``simulated`` without."""
        return self.settings.mode

    @property
    def mode_word(self) -> ModeWord:
        """What work of this lab is to people: also ``replay``, where a cassette is played."""
        return mode_word(self.mode, self.settings.connection)

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
        """Store one generation and enqueue it, in one transaction, and return at once.

        The same ``intent_id`` and ``take`` given twice return the first row: one intent, one charge.

        Raises:
            BudgetError: a cap or the balance does not allow it; nothing was stored or sent.
            StorageError: the data folder has no room for the clip.
            LabError: the lab was opened read-only, or is closed.
        """
        if isinstance(take, bool) or not isinstance(take, int) or take < 1:
            raise LabError("The take is not usable", f"take must be a whole number from 1, not {take!r}.", field="take")
        intent = intent_id or new_intent_id()
        return self._submit(request, [take], intent, parent_id, source)[0]

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
        if isinstance(takes, bool) or not isinstance(takes, int) or not 1 <= takes <= MAX_TAKES:
            raise LabError("Takes is out of range", f"Takes must be 1 to {MAX_TAKES}, not {takes!r}.", field="takes")
        return self._submit(request, range(1, takes + 1), intent_id, parent_id, source)

    def submit_many(self, requests: Sequence[GenerationRequest], *, source: str = "script") -> list[GenerationRecord]:
        """Store one generation of each request, all or none, in one transaction; see ``submit``."""
        wanted = [
            item
            for request in requests
            for item in self._wanted(request, [1], new_intent_id(), parent_id=None, source=source)
        ]
        return self._store(requests, wanted)

    def _submit(
        self, request: GenerationRequest, takes: Iterable[int], intent_id: str, parent_id: str | None, source: str
    ) -> list[GenerationRecord]:
        return self._store([request], self._wanted(request, takes, intent_id, parent_id, source))

    def _wanted(
        self, request: GenerationRequest, takes: Iterable[int], intent_id: str, parent_id: str | None, source: str
    ) -> list[NewGeneration]:
        expected = self.expected(request)
        return [
            NewGeneration(
                intent_id=intent_id,
                take=take,
                parent_id=parent_id,
                source=source,
                mode=self.mode,
                connection=self.connection,
                request=request,
                expected_credits=expected,
            )
            for take in takes
        ]

    def _store(self, requests: Sequence[GenerationRequest], wanted: Sequence[NewGeneration]) -> list[GenerationRecord]:
        refuse_if_read_only(self.settings)
        submission.check_disk(self.settings, self.archive)
        images = {request.image.sha256: request.image for request in requests if request.image is not None}
        for image in images.values():
            self.ledger.store_image(image, self.archive)
        return submission.submit(self._parts.database, self.settings, self.ledger, self._parts.inbox, wanted)

    def expected(self, request: GenerationRequest) -> int:
        """Credits one take will probably reserve: what the same model and duration reserved last time, else the list price."""
        if not isinstance(request, GenerationRequest):
            raise invalid("request", f"must be a GenerationRequest, not {type(request).__name__}")
        return self.ledger.learned_price(self.connection, request) or request.expected_credits

    def existing(self, asked: GenerationRequest | GenerationRecord | str) -> Existing:
        """What there is of exactly this already, to be said before it is bought once more on purpose.

        ``submit`` always buys; a sweep, its rest and its retry assign first what this finds. ``asked``: a request, a
        generation, or the ``reuse_sha256`` of either.
        """
        if not isinstance(asked, (GenerationRequest, GenerationRecord, str)):
            raise invalid("request", f"must be a GenerationRequest, not {type(asked).__name__}")
        sha256 = asked if isinstance(asked, str) else asked.reuse_sha256
        return self.ledger.remembered.reading(
            ("existing", self.mode, sha256),
            lambda connection: reuse.existing(connection, sha256 or "", self.connection, self.mode),
        )

    # -- following -------------------------------------------------------------------------------------------------

    def events(self, generation_id: str) -> Sequence[EventRecord]:
        """The timeline of a generation, oldest first."""
        return self.ledger.events(generation_id)

    def movements(self, generation_id: str) -> Sequence[MovementRecord]:
        """The credit movements of a generation, oldest first."""
        return self.ledger.movements(generation_id)

    def wait(self, generation_id: str, timeout_s: float = 600.0) -> GenerationRecord:
        """Block until the generation has ended, needs a person (``unconfirmed``) or is not watched, at most ``timeout_s`` seconds.

        Raises:
            WaitTimeoutError: the deadline passed; the generation itself goes on.
            LabError: no such generation, or the lab was closed meanwhile.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            row = self.get(generation_id)
            if row.is_terminal or row.state is State.UNCONFIRMED or row.unwatched_at is not None:
                return row
            self._parts.inbox.refuse_if_closed()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise WaitTimeoutError(
                    "The generation has not ended yet",
                    f"{generation_id} (task {row.task_id or 'not known yet'}) was {row.state} after {timeout_s:g} s.",
                    "It goes on by itself; call wait again.",
                    retryable=True,
                )
            time.sleep(min(WAIT_LOOK_S, left_s))

    def clip(self, generation_id: str) -> Path:
        """The local path of the archived clip. Raises LabError while there is none."""
        row = self.get(generation_id)
        if row.clip_key is None:
            raise LabError("There is no clip yet", f"{generation_id} is {row.state}.", "Wait until it has succeeded.")
        return self._existing(row.clip_key)

    def poster(self, generation_id: str) -> Path | None:
        """The local path of the poster JPEG, or None."""
        row = self.get(generation_id)
        return None if row.poster_key is None else self.archive.path(row.poster_key)

    def image(self, sha256: str) -> Path:
        """The local path of a reference image, by the hash of its bytes."""
        return self._existing(self.ledger.image_key(sha256))

    def _existing(self, key: str) -> Path:
        path = self.archive.path(key)
        if not path.is_file():
            raise StorageError(
                "A file of the archive is gone",
                f"{key} is missing in {self.settings.data_dir}.",
                "Restore the data folder from its backup; for a clip, 'check now' fetches it again while Rivya keeps it.",
                field="archive",
            )
        return path

    # -- experiments -----------------------------------------------------------------------------------------------

    def quote(self, sweep: Sweep) -> Quote:
        """What a sweep would cost and take now, and how much of it is there already; nothing is stored or sent."""
        return self.sweeps.quote(sweep)

    def start(self, sweep: Sweep, *, experiment_id: str | None = None, only_what_fits: bool = False) -> str:
        """Store a sweep and enqueue what is missing, whole or not at all; its id. See ``Sweeps.start``.

        Raises:
            BudgetError: a cap or the balance does not allow it; ``fits`` says how many takes would be allowed.
        """
        return self.sweeps.start(sweep, experiment_id=experiment_id, only_what_fits=only_what_fits)

    def sweep(self, experiment_id: str) -> SweepStatus:
        """States, spent credits and cells of an experiment. Raises LabError for an unknown id."""
        return self.sweeps.status(experiment_id)

    def wait_sweep(self, experiment_id: str, timeout_s: float = 3600.0) -> SweepStatus:
        """Block until all started takes of an experiment have ended. Raises WaitTimeoutError after ``timeout_s`` seconds."""
        return self.sweeps.wait(experiment_id, timeout_s)

    # -- money -----------------------------------------------------------------------------------------------------

    def budget(self) -> Budget:
        """What may still be spent on this connection, by balance and cap."""
        return budgets.look(self.ledger.remembered, self.mode, self.connection, self.settings)

    def balance(self) -> BalanceRecord:
        """The wallet as last told by the server; kept fresh in the background while somebody looks."""
        self._parts.keeper.look()
        return self.ledger.balance(self.connection)

    def refresh_balance(self) -> None:
        """Have the balance read in the background; returns at once."""
        self._parts.keeper.ask_balance()

    def check_connection(self) -> BalanceRecord:
        """Read the balance now, over the network. Raises RivyaError saying what is wrong with key or connection."""
        self._parts.inbox.refuse_if_closed()
        record = self._parts.keeper.read_balance()
        if record.error is not None:
            card = record.error
            raise RivyaError(
                card.title,
                card.detail,
                card.hint,
                code=card.code,
                http_status=card.http_status,
                request_id=card.request_id,
            )
        return record

    def check_contract(self) -> ContractReport:
        """Ask the server four free questions and say in what it differs from the contract shipped here; over the network.

        GET ``/credits``, ``/models``, ``/openapi.json`` and a task id that does not exist: never a POST. What differs is
        remembered until a later check says otherwise. No answer makes this raise.

        Raises:
            LabError: the lab is read-only, or closed.
        """
        return self.server.check_contract()

    def support_bundle(self, generation_id: str | None = None, *, hours: float = 1.0, prompts: bool = False) -> bytes:
        """One ZIP with exchanges, timeline, versions and settings of a generation, or of the last ``hours``, for support.

        It never holds a key, a local path or the query of an address; prompts, image names and Rivya's own words that might
        quote them only with ``prompts``. Raises LabError for an unknown id.
        """
        return self.server.support_bundle(generation_id, hours=hours, prompts=prompts)

    def cap(self) -> int | None:
        """The daily cap set in the lab for this mode, in credits, or None; the environment's may be lower."""
        return self.ledger.get_cap(self.mode)

    def set_cap(self, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove (None) the daily cap of this mode, in credits; the change is logged.

        Raises:
            LabError: the cap is raised or removed without a reason (``field`` is "why"), is no whole number, or the lab is
                read-only.
        """
        refuse_if_read_only(self.settings)
        self.ledger.set_cap(self.mode, credits, why)

    # -- about -----------------------------------------------------------------------------------------------------

    def models(self) -> list[ModelSpec]:
        """The video models of the packaged catalogue."""
        return [spec for spec in packaged_models().values() if spec.category == "video"]

    def changes(self) -> int:
        """A number that grows with every change of the ledger; cheap, for live views."""
        return self.ledger.changes()

    def health(self) -> Health:
        """State of database and engine; ``ok`` is False when one of them is down, or met an error that it has not got over."""
        try:
            self.ledger.ping()
            database = "ok"
        except RivyaError as error:
            database = str(error)
        trouble = trouble_of(self._parts.database).current()
        if database == "ok" and trouble is not None:
            database = str(trouble)
        works, engine = condition.engine_state(self._parts)
        return Health(
            ok=database == "ok" and works,
            version=VERSION,
            mode=self.mode,
            database=database,
            engine=engine,
            copy=self._parts.copier.trouble or "ok",
            detail={
                "data_dir": str(self.settings.data_dir),
                "connection": self.connection,
                "unexpected_errors": [str(one) for one in self._parts.jobs.unexpected.all()],
            },
        )

    def troubles(self) -> list[str]:
        """What a person should know on every page: trouble of the database, a process that holds the folder and is silent."""
        return condition.troubles(self._parts)
