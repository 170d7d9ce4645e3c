"""What the four steps of a generation share: ledger, API clients, clock, limits, backoff.

Built once per process and used on the engine's event loop, except where a docstring says otherwise. All waiting, waking and
backing off of jobs happens here.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from rivya_core.api import AsyncMediaClient, AsyncRivya
from rivya_core.api.contract import ERROR_CODES, Effect
from rivya_core.api.errors import RivyaError
from rivya_core.lab.jobs.admission import AdmissionQueue
from rivya_core.lab.jobs.create_slots import CreateSlots
from rivya_core.lab.jobs.membership import Membership
from rivya_core.lab.jobs.poll_schedule import ReadBudget, SharedReadBudget
from rivya_core.lab.jobs.simulator_proof import is_unproven
from rivya_core.lab.ledger import rates
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.history.history import History, Typical
from rivya_core.lab.ledger.lease import LostRowError, held
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
"""Seconds until the supervisor checks whether a wallet-wide pause can end, by effect."""

STRANGE_PAUSE_S = 5.0
"""The same after an undocumented error code: it may concern one request only."""

BY_PERSON = "person"
"""Effect of a pause that only a person ends."""

ANSWER_S = 3.0
"""Seconds that closing a lab waits for creates in flight; those left without an answer are retried at the next start."""
CLOSE_S = 30.0  # reached only when something hangs; connections still open by then are left open

BACK_OFF_S = 5.0
BACK_OFF_MAX_S = 600.0

NOT_PROVEN = ErrorCard("Nothing is sent", "No simulator has answered where one is said to be.", "", "no", "create")

P = ParamSpec("P")
T = TypeVar("T")


class StepResult(StrEnum):
    """How a step ended; plain text, since the engine stores it."""

    NEXT = "on"  # the next step is due
    ENDED = "ended"  # the row is terminal, or waits for a person
    SKIPPED = "parked"  # the row belongs to another connection


def utc_now() -> datetime:
    """Return the current time, aware UTC."""
    return datetime.now(UTC)


@dataclass
class JobContext:
    """Everything a step needs.

    ``make_api`` and ``make_media`` are called once, on the engine's event loop, since their clients are bound to it.
    ``quick_s``: seconds before which few clips are ready, until there are enough samples. ``draw``: jitter in 0..1.
    ``finish_s``: seconds that closing waits for jobs that send or save, see ``must_finish``.
    """

    settings: Settings
    ledger: Ledger
    history: History
    archive: Archive
    make_api: Callable[[], AsyncRivya]
    make_media: Callable[[], AsyncMediaClient]
    quick_s: float
    now: Callable[[], datetime] = utc_now
    draw: Callable[[], float] = random.random
    finish_s: float = 0.0
    admission: AdmissionQueue = field(init=False)
    unexpected: UnexpectedErrors = field(init=False)
    reads: ReadBudget | SharedReadBudget = field(init=False)
    observer: Observer = field(init=False)
    slots: CreateSlots = field(init=False, default_factory=CreateSlots)
    membership: Membership | None = field(init=False, default=None)
    """This process among those that share the database; None on one machine."""
    loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    typical: dict[tuple[str, Mode, str | None], tuple[float, Typical | None]] = field(init=False, default_factory=dict)
    _api: AsyncRivya | None = field(init=False, default=None)
    _media: AsyncMediaClient | None = field(init=False, default=None)
    _wakes: dict[str, asyncio.Event] = field(init=False, default_factory=dict)
    _at_work: dict[str, asyncio.Task[Any] | None] = field(init=False, default_factory=dict)
    _unfinished: set[str] = field(init=False, default_factory=set)
    _closed: bool = field(init=False, default=False)
    _back_offs: dict[str, tuple[int, float]] = field(init=False, default_factory=dict)
    _read_at_s: dict[str, float] = field(init=False, default_factory=dict)
    _uploading: WeakValueDictionary[str, asyncio.Lock] = field(init=False, default_factory=WeakValueDictionary)

    def __post_init__(self) -> None:
        self.admission = AdmissionQueue(self.settings.max_creates_in_flight, self._stops)
        self.reads = ReadBudget(self.settings.poll_reads_per_s)
        self.unexpected = UnexpectedErrors(self.now)
        self.observer = Observer(self.ledger.database, self.now)

    def join(self, membership: Membership) -> None:
        """Switch to a shared database: rows are claimed under leases, and rate limits hold across all processes."""
        self.membership = membership
        database = self.ledger.database
        self.reads = SharedReadBudget(
            lambda: membership.limits["poll_reads_per_s"],
            lambda count, gap_s: rates.take(database, rates.READS, count, gap_s),
        )

    def _stops(self) -> PauseState:
        """Read the pause state. Raises StorageError once the database was found damaged: a create might not be recorded."""
        trouble_of(self.ledger.database).refuse_if_damaged()
        stops = self.ledger.jobs.stops(self.settings.connection)
        if stops.pause is None and is_unproven(self.ledger, self.settings):
            return replace(stops, pause=Pause(Effect.OFF.value, self.now(), NOT_PROVEN))
        return stops

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
        """Run a ledger call on a worker thread, so that the event loop never waits for the disk or the write lock."""
        return await asyncio.to_thread(call, *args, **kwargs)

    def is_ours(self, row: GenerationRecord) -> bool:
        """True when the row was submitted under the connection of today's settings."""
        return row.connection == self.settings.connection

    def start_work(self, generation_id: str) -> bool:
        """Claim a row for the calling job; False when another job of this process has it, or the lab is closing."""
        self.loop = (
            asyncio.get_running_loop()
        )  # set before _closed is read: ``close`` sets _closed, then reads the loop
        if self._closed or generation_id in self._at_work:
            return False
        self._at_work[generation_id] = asyncio.current_task()
        return True

    def end_work(self, generation_id: str) -> None:
        """Release a claimed row."""
        self._at_work.pop(generation_id, None)
        self._unfinished.discard(generation_id)
        self._wakes.pop(generation_id, None)
        self._read_at_s.pop(generation_id, None)

    @property
    def is_closed(self) -> bool:
        """True once the jobs of this process are being ended."""
        return self._closed

    def refuse_if_lapsed(self, *, to_send: bool = False) -> None:
        """Raise LostRowError when the calling job began in an earlier term of this worker; never on one machine.

        ``to_send``: also when the worker's last heartbeat is so old that others may soon claim the row.
        """
        lease = held()
        if lease is not None and self.membership is not None:
            self.membership.refuse_if_lapsed(lease, to_send=to_send)

    def uploading(self, asset_sha256: str) -> asyncio.Lock:
        """Return the lock that lets one take upload an image for all takes that share it."""
        lock = self._uploading.get(asset_sha256)
        if lock is None:
            lock = self._uploading[asset_sha256] = asyncio.Lock()
        return lock

    async def space_polls(self, generation_id: str) -> None:
        """Throttle polls of a row's task: wait until ``poll_min_s`` after its last read, by whatever step."""
        self.refuse_if_lapsed()
        loop = asyncio.get_running_loop()
        before_s = self._read_at_s.get(generation_id)
        if before_s is not None:
            await asyncio.sleep(max(0.0, before_s + self.settings.poll_min_s - loop.time()))
        self._read_at_s[generation_id] = loop.time()

    def back_off(self, generation_id: str, *, passes: bool = False) -> None:
        """Start or lengthen a row's exponential backoff after an unexpected error, up to ``BACK_OFF_MAX_S``.

        ``passes``: the database was unavailable, which is no fault of the row, so it is retried after ``BACK_OFF_S``.
        """
        if passes:
            self._back_offs[generation_id] = (0, time.monotonic() + BACK_OFF_S)
            return
        count = self._back_offs.get(generation_id, (0, 0.0))[0] + 1
        self._back_offs[generation_id] = (count, time.monotonic() + min(BACK_OFF_S * 2**count, BACK_OFF_MAX_S))

    async def report_unexpected(self, generation_id: str, step: str, error: Exception) -> None:
        """Record an unexpected error on its row and in the health report; the row's state and reservation stay.

        Never raises: if the card cannot be written either, the health report still shows the error.
        """
        self.unexpected.note(generation_id, where_of(step), error, generation_id=generation_id)
        try:
            await self.db(self.ledger.jobs.stumbled, generation_id, step, error)
        except LostRowError:
            return
        except Exception:
            log.exception("the card of a failed step could not be written", extra={"generation_id": generation_id})

    def recovered(self, generation_id: str) -> None:
        """Clear a row's unexpected error and its backoff."""
        self.unexpected.forget(generation_id)
        self._back_offs.pop(generation_id, None)

    def is_backing_off(self, generation_id: str) -> bool:
        """True while a row's backoff lasts."""
        return time.monotonic() < self._back_offs.get(generation_id, (0, 0.0))[1]

    def at_work(self, generation_id: str) -> bool:
        """True while a job of this process drives the row."""
        return generation_id in self._at_work

    def must_finish(self, generation_id: str) -> None:
        """Mark a job as sending or saving: a closing lab lets it run for up to ``finish_s`` before it cancels it.

        Ends at the job's next ``pause_point``.
        """
        self._unfinished.add(generation_id)

    def pause_point(self, generation_id: str) -> None:
        """Mark a safe point to cancel. Raises CancelledError when the lab is being closed: the job is resumed later."""
        self._unfinished.discard(generation_id)
        if self._closed:
            raise asyncio.CancelledError

    def count_at_work(self) -> int:
        """Return how many jobs of this process drive a row."""
        return len(self._at_work)

    async def sleep(self, generation_id: str, seconds: float) -> bool:
        """Sleep; True when woken early by ``wake``. Raises CancelledError when the lab is being closed."""
        self.pause_point(generation_id)
        wake = self._wakes.setdefault(generation_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            self.refuse_if_lapsed()
            return False
        self.refuse_if_lapsed()
        wake.clear()
        return True

    def wake_all(self) -> None:
        """Wake every sleeping job, so that one that has lost its row ends; callable from any thread."""
        for generation_id in list(self._wakes):
            self.wake(generation_id)

    def wake(self, generation_id: str) -> None:
        """Wake a sleeping job and end its backoff; callable from any thread."""
        backoff = self._back_offs.get(generation_id)
        if backoff is not None:
            self._back_offs[generation_id] = (backoff[0], 0.0)
        wake = self._wakes.get(generation_id)
        if wake is not None and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(wake.set)

    async def pause(self, row: GenerationRecord, error: RivyaError, effect: Effect, phase: Phase) -> None:
        """Pause the connection's queue with one error card; the rows behind it stay as they are.

        A pause set by a person is never replaced, since only a person may end it.
        """
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
        self.admission.forget()

    def close(self) -> None:
        """Refuse new jobs, cancel the running ones and close the clients; called from another thread.

        Creates in flight get ``ANSWER_S`` seconds for their answers. Jobs end before their clients are closed: one that went
        on would open connections that nothing closes, or report the closed client as an error.
        """
        self._closed = True
        if self.loop is None or not self.loop.is_running():
            return
        try:
            asyncio.run_coroutine_threadsafe(self.aclose(), self.loop).result(timeout=CLOSE_S)
        except TimeoutError:
            log.warning("jobs and clients did not close in time")

    async def _finish(self) -> None:
        """Cancel the jobs that only wait at once, and those that send or save after ``finish_s``."""
        self.admission.close()
        for generation_id, task in self._at_work.items():
            if task is not None and generation_id not in self._unfinished:
                task.cancel()
        unfinished = [self._at_work.get(generation_id) for generation_id in self._unfinished]
        if tasks := [task for task in unfinished if task is not None]:
            await asyncio.wait(tasks, timeout=self.finish_s)

    async def aclose(self) -> None:
        """Do what ``close`` does, on the event loop of the jobs."""
        self._closed = True
        if self.finish_s:
            await self._finish()
        await self.admission.drain(ANSWER_S)
        at_work = [task for task in self._at_work.values() if task is not None]
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        if self._api is not None:
            await self._api.aclose()
        if self._media is not None:
            await self._media.aclose()


def pause_s(effect: Effect, error: RivyaError) -> float:
    """Seconds after which a paused queue is checked again; never sooner than the server's ``Retry-After``.

    Short for an undocumented error code, since the whole queue may have been paused for nothing.
    """
    strange = effect is Effect.KEY and error.code not in ERROR_CODES
    return max(error.retry_after_s or 0.0, min(STRANGE_PAUSE_S, PAUSE_S[effect]) if strange else PAUSE_S[effect])


def at_rest(row: GenerationRecord) -> bool:
    """True when no step has anything left to do: the row has ended and its price is final."""
    return row.is_terminal and row.settlement != "provisional"


def facts(row: GenerationRecord, **more: Any) -> dict[str, Any]:
    """The ``extra`` of a log line: ids only, never a key, never a prompt."""
    return {"generation_id": row.id, "task_id": row.task_id, **more}
