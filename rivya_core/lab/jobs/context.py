"""What the four steps of a generation share: ledger, clients, clock, pace. Built once a process, used on one event loop."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from rivya_core.api import AsyncMediaClient, AsyncRivya
from rivya_core.api.contract import ERROR_CODES, Effect
from rivya_core.api.errors import RivyaError
from rivya_core.lab.jobs.admission import AdmissionQueue
from rivya_core.lab.jobs.poll_schedule import ReadBudget
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.history.history import History, Typical
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.observations.observer import Observer
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord, Pause, PauseState, Phase
from rivya_core.lab.ledger.unexpected_errors import UnexpectedErrors, where_of
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Mode, Settings

log = logging.getLogger("rivya.jobs")

PAUSE_S = {
    Effect.RATE: 5.0,
    Effect.OFF: 30.0,
    Effect.WALLET: 15.0,
    Effect.KEY: 60.0,
}
"""How long a wallet-wide stop lasts before the keeper asks the server again."""

STRANGE_PAUSE_S = 5.0
"""The same after a refusal in words that are not documented: it may concern one request only."""

BY_PERSON = "person"
"""Effect of a pause that only a person ends."""

ANSWER_S = 3.0
"""How long a lab that is closed waits for the answers to its creates; without one they are asked for at the next start."""
CLOSE_S = 30.0  # only what hangs takes so long; connections that are not closed in time stay open

BACK_OFF_S = 5.0
BACK_OFF_MAX_S = 600.0

P = ParamSpec("P")
T = TypeVar("T")


class StepResult(StrEnum):
    """How a step ended; plain text, since the engine stores it."""

    NEXT = "on"  # the next step is due
    ENDED = "ended"  # the row is terminal, or waits for a person
    SKIPPED = "parked"  # the row belongs to another connection


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


@dataclass
class JobContext:
    """Everything a step needs. ``make_api`` and ``make_media`` are called once, on the engine's event loop."""

    settings: Settings
    ledger: Ledger
    history: History
    archive: Archive
    make_api: Callable[[], AsyncRivya]
    make_media: Callable[[], AsyncMediaClient]
    quick_s: float
    now: Callable[[], datetime] = utc_now
    draw: Callable[[], float] = random.random
    gate: AdmissionQueue = field(init=False)
    unexpected: UnexpectedErrors = field(init=False)
    reads: ReadBudget = field(init=False)
    observer: Observer = field(init=False)
    loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    typical: dict[tuple[str, Mode, str | None], tuple[float, Typical | None]] = field(init=False, default_factory=dict)
    _api: AsyncRivya | None = field(init=False, default=None)
    _media: AsyncMediaClient | None = field(init=False, default=None)
    _wakes: dict[str, asyncio.Event] = field(init=False, default_factory=dict)
    _at_work: dict[str, asyncio.Task[Any] | None] = field(init=False, default_factory=dict)
    _closed: bool = field(init=False, default=False)
    _back_offs: dict[str, tuple[int, float]] = field(init=False, default_factory=dict)
    _read_at_s: dict[str, float] = field(init=False, default_factory=dict)
    _uploading: WeakValueDictionary[str, asyncio.Lock] = field(init=False, default_factory=WeakValueDictionary)

    def __post_init__(self) -> None:
        self.gate = AdmissionQueue(self.settings.max_creates_in_flight, self._stops)
        self.reads = ReadBudget(self.settings.poll_reads_per_s)
        self.unexpected = UnexpectedErrors(self.now)
        self.observer = Observer(self.ledger.database, self.now)

    def _stops(self) -> PauseState:
        """What is stopped now; raises StorageError once the database was found damaged: what is sent might be forgotten."""
        trouble_of(self.ledger.database).refuse_if_damaged()
        return self.ledger.jobs.stops(self.settings.connection)

    @property
    def api(self) -> AsyncRivya:
        """The API client of this event loop."""
        if self._api is None:
            self._api = self.make_api()
        return self._api

    @property
    def media(self) -> AsyncMediaClient:
        """The download client of this event loop; it holds no credentials."""
        if self._media is None:
            self._media = self.make_media()
        return self._media

    async def db(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a ledger call on a worker thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    def is_ours(self, row: GenerationRecord) -> bool:
        """True when the row was submitted under the connection of today's settings."""
        return row.connection == self.settings.connection

    def start_work(self, generation_id: str) -> bool:
        """Claim a row for the calling job; False when another job of this process has it, or no more may begin."""
        self.loop = asyncio.get_running_loop()  # before the look at _closed: whoever sets that looks at the loop next
        if self._closed or generation_id in self._at_work:
            return False
        self._at_work[generation_id] = asyncio.current_task()
        return True

    def end_work(self, generation_id: str) -> None:
        """Give a claimed row back."""
        self._at_work.pop(generation_id, None)
        self._wakes.pop(generation_id, None)
        self._read_at_s.pop(generation_id, None)

    def uploading(self, asset_sha256: str) -> asyncio.Lock:
        """The lock that one take of an image holds while it uploads it for all."""
        lock = self._uploading.get(asset_sha256)
        if lock is None:
            lock = self._uploading[asset_sha256] = asyncio.Lock()
        return lock

    async def space_reads(self, generation_id: str) -> None:
        """Wait until a row's task may be read again, whoever asks and whatever for."""
        loop = asyncio.get_running_loop()
        before_s = self._read_at_s.get(generation_id)
        if before_s is not None:
            await asyncio.sleep(max(0.0, before_s + self.settings.poll_min_s - loop.time()))
        self._read_at_s[generation_id] = loop.time()

    def back_off(self, generation_id: str, *, passes: bool = False) -> None:
        """Note an error nobody foresaw, so that the row is taken up again later and later.

        ``passes``: the database could not be used, which is no fault of the row, so it is taken up again soon.
        """
        if passes:
            self._back_offs[generation_id] = (0, time.monotonic() + BACK_OFF_S)
            return
        count = self._back_offs.get(generation_id, (0, 0.0))[0] + 1
        self._back_offs[generation_id] = (count, time.monotonic() + min(BACK_OFF_S * 2**count, BACK_OFF_MAX_S))

    async def tell_unexpected(self, generation_id: str, step: str, error: Exception) -> None:
        """Put an error nobody foresaw onto its row and into the health; neither state nor hold of the row changes.

        Never raises: where the card cannot be written either, the health still says it.
        """
        self.unexpected.note(generation_id, where_of(step), error, generation_id=generation_id)
        try:
            await self.db(self.ledger.jobs.stumbled, generation_id, step, error)
        except Exception:
            log.exception("the card of a failed step could not be written", extra={"generation_id": generation_id})

    def recovered(self, generation_id: str) -> None:
        """Forget what went wrong with a row: it goes on."""
        self.unexpected.forget(generation_id)
        self._back_offs.pop(generation_id, None)

    def is_backing_off(self, generation_id: str) -> bool:
        """True while a row that went wrong is left alone."""
        return time.monotonic() < self._back_offs.get(generation_id, (0, 0.0))[1]

    def at_work(self, generation_id: str) -> bool:
        """True while a job of this process drives the row."""
        return generation_id in self._at_work

    async def sleep(self, generation_id: str, seconds: float) -> bool:
        """Sleep; True when woken early by ``wake``."""
        wake = self._wakes.setdefault(generation_id, asyncio.Event())
        try:
            await asyncio.wait_for(wake.wait(), timeout=seconds)
        except TimeoutError:
            return False
        wake.clear()
        return True

    def wake(self, generation_id: str) -> None:
        """Wake a sleeping job, and end the rest of a row that went wrong; from any thread."""
        known = self._back_offs.get(generation_id)
        if known is not None:
            self._back_offs[generation_id] = (known[0], 0.0)
        wake = self._wakes.get(generation_id)
        if wake is not None and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(wake.set)

    async def pause(self, row: GenerationRecord, error: RivyaError, effect: Effect, phase: Phase) -> None:
        """Stop the connection's queue with one card; the rows behind it stay as they are. A person's pause stays a person's."""
        now = self.now()
        standing = await self.db(self.ledger.key_value.pause, row.connection)
        if standing is not None and standing.effect == BY_PERSON:
            return
        pause = Pause(
            effect=effect.value,
            since=now,
            card=ErrorCard.of(error, phase, charged="no"),
            retry_at=now + timedelta(seconds=pause_s(effect, error)),
            key_fingerprint=row.key_fingerprint,
        )
        await self.db(self.ledger.key_value.set_pause, row.connection, pause)
        self.gate.forget()

    def close(self) -> None:
        """Let no more job begin, end those at work, and close the clients; from another thread.

        A create that is on its way gets a few seconds for its answer. The jobs end before their clients: one that went on
        would open connections which nobody closes, or take a closed one for a fault.
        """
        self._closed = True
        if self.loop is None or not self.loop.is_running():
            return
        try:
            asyncio.run_coroutine_threadsafe(self.aclose(), self.loop).result(timeout=CLOSE_S)
        except TimeoutError:
            log.warning("jobs and clients did not close in time")

    async def aclose(self) -> None:
        """The same on the event loop of the jobs."""
        self._closed = True
        await self.gate.drain(ANSWER_S)
        at_work = [task for task in self._at_work.values() if task is not None]
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        if self._api is not None:
            await self._api.aclose()
        if self._media is not None:
            await self._media.aclose()


def pause_s(effect: Effect, error: RivyaError) -> float:
    """Seconds after which a paused queue is tried again by itself; soon when nobody knows whether it had to be paused."""
    strange = effect is Effect.KEY and error.code not in ERROR_CODES
    return max(error.retry_after_s or 0.0, min(STRANGE_PAUSE_S, PAUSE_S[effect]) if strange else PAUSE_S[effect])


def at_rest(row: GenerationRecord) -> bool:
    """True when no step has anything left to do: the row has ended, and its price is no guess."""
    return row.is_terminal and row.settlement != "provisional"


def facts(row: GenerationRecord, **more: Any) -> dict[str, Any]:
    """The ``extra`` of a log line: ids only, never a key, never a prompt."""
    return {"generation_id": row.id, "task_id": row.task_id, **more}
