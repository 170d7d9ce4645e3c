"""The housekeeping of a process, in two threads: lock, lost workflows and due rows; balance and paused queues.

They are two because a read of the balance may wait for a slow server and the jobs must not wait for it. It asks the server only for the balance, with a client of its own; everything that can cost runs in the engine's steps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from filelock import FileLock, Timeout

from rivya_core.api import Rivya
from rivya_core.api.contract import ERROR_CODES, Balance, Effect
from rivya_core.api.errors import RivyaError
from rivya_core.lab.jobs.context import BY_PERSON, PAUSE_S, JobContext
from rivya_core.lab.jobs.engine import Engine, JobQueue
from rivya_core.lab.jobs.heartbeat import Heartbeat, Silence
from rivya_core.lab.jobs.submission import enqueue_again
from rivya_core.lab.ledger.database import log_error, told
from rivya_core.lab.ledger.records import BalanceRecord, ErrorCard, Pause
from rivya_core.lab.ledger.states import State

log = logging.getLogger("rivya.supervisor")

TICK_S = 0.5
LOCK_EVERY_S = 2.0
SWEEP_EVERY_S = 5.0
TIDY_EVERY_S = 3600.0
KEPT_FOR = timedelta(days=7)  # the engine's own notes of ended workflows
LOST_AFTER_S = 3.0  # a row this young may not have reached the engine yet
IDLE_AFTER_S = 20.0  # a workflow that was taken out of the queue runs within moments, or not at all
MOVED_S = 10.0  # the ledger moved, so the wallet may have
HOUSEKEEPING = {
    "_keep_jobs": "while lost and due generations were looked for",
    "_keep_wallet": "while the balance was looked after",
}
REST_AFTER_S = 30.0  # nothing was open and nobody looked for so long: the queue is looked at seldom
WATCHED_FOR_S = 300.0  # the balance is kept fresh this long after somebody looked


class Supervisor:
    """Keep house in a daemon thread; one a lab."""

    def __init__(
        self, context: JobContext, engine: Engine, inbox: JobQueue, lock: FileLock, make_client: Callable[[], Rivya]
    ) -> None:
        self._heart = Heartbeat(context.settings.data_dir.expanduser())
        self._context = context
        self._engine = engine
        self._inbox = inbox
        self._lock = lock
        self._make_client = make_client
        self._client: Rivya | None = None
        self._stop = threading.Event()
        self._client_made = threading.Lock()
        self._balance_asked = threading.Event()
        self._looked_at_s = self._busy_at_s = time.monotonic()
        self._next_lock_s = self._next_sweep_s = self._next_tidy_s = 0.0
        self._read_at_s = float("-inf")
        self._changes = -1
        self._settle_due = False
        self._idle_since_s: dict[str, float] = {}
        self.trouble = ""
        """Why this process holds the executor role and cannot use it, or empty."""
        self._jobs_thread = threading.Thread(
            target=self._run, args=(self._keep_jobs,), name="rivya.supervisor", daemon=True
        )
        self._wallet_thread = threading.Thread(
            target=self._run, args=(self._keep_wallet,), name="rivya-wallet", daemon=True
        )

    def start(self) -> None:
        """Try for the executor role at once, then keep house in the background."""
        self._take_over()
        self._jobs_thread.start()
        self._wallet_thread.start()

    def stop(self) -> None:
        """End the thread and give the executor role up."""
        self._stop.set()
        self._balance_asked.set()
        if self._jobs_thread.is_alive():
            self._jobs_thread.join(timeout=10)
        if self._engine.is_running:
            self._heart.end()
        self._engine.stop()
        with suppress(OSError):
            self._lock.release()
        if self._wallet_thread.is_alive():
            self._wallet_thread.join(timeout=2)  # it may be waiting for the server; closing its client ends that
        if self._client is not None:
            self._client.close()

    @property
    def is_alive(self) -> bool:
        """True while both threads run."""
        return self._jobs_thread.is_alive() and self._wallet_thread.is_alive()

    def silence(self) -> Silence | None:
        """The process that holds the folder's jobs and gives no sign of life, or None."""
        return None if self._engine.is_running else self._heart.silence()

    def look(self) -> None:
        """Note that somebody looks at the balance, so that it is worth keeping fresh."""
        self._looked_at_s = time.monotonic()

    def ask_balance(self) -> None:
        """Have the balance read soon."""
        self._balance_asked.set()

    def _run(self, keep: Callable[[float], None]) -> None:
        while not self._stop.is_set():
            try:
                keep(time.monotonic())
            except Exception as error:  # noqa: BLE001 - the outer edge of the thread
                if self._stop.is_set():
                    return
                if not log_error(log, "housekeeping failed; it goes on", error):
                    self._context.unexpected.note(keep.__name__, HOUSEKEEPING[keep.__name__], error)
            else:
                self._context.unexpected.forget(keep.__name__)
            self._stop.wait(TICK_S)

    def _keep_jobs(self, now_s: float) -> None:
        if self._engine.is_running:
            self._heart.beat()
        else:
            self._heart.watch()
        if not self._engine.is_running and now_s >= self._next_lock_s:
            self._next_lock_s = now_s + LOCK_EVERY_S
            self._take_over()
        if self._engine.is_running:
            self._context.observer.flush_if_due(now_s)
            self._wake_due()
            if now_s >= self._next_sweep_s:
                self._next_sweep_s = now_s + SWEEP_EVERY_S
                self.recover_lost()
            if now_s >= self._next_tidy_s:
                self._next_tidy_s = now_s + TIDY_EVERY_S
                self._inbox.forget_ended(self._context.now() - KEPT_FOR)
            self._engine.rest(is_idle=now_s - max(self._busy_at_s, self._looked_at_s) > REST_AFTER_S)

    def _keep_wallet(self, now_s: float) -> None:
        if self._engine.is_running:
            self._look_at_pause()
        if self._balance_asked.is_set() or self._balance_is_due(now_s):
            self._balance_asked.clear()
            self._read_at_s = now_s
            self.read_balance()
            if not self._stop.is_set():
                self._changes = self._context.ledger.changes()

    def _balance_is_due(self, now_s: float) -> bool:
        """Due a moment after the ledger moved, and now and then while somebody looks."""
        if not self._engine.is_running:
            return False
        age_s = now_s - self._read_at_s
        refresh_s = self._context.settings.balance_refresh_s
        moved = self._context.ledger.changes() != self._changes
        if moved and age_s >= min(MOVED_S, refresh_s):
            return True
        return age_s >= refresh_s and now_s - self._looked_at_s < WATCHED_FOR_S

    def _take_over(self) -> None:
        """Run the jobs from now on unless another process does; a read-only lab never does, since jobs spend."""
        if self._context.settings.read_only:
            return
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self.trouble = ""
            return
        try:
            self._context.archive.remove_parts()  # of downloads that a crash cut; nobody else writes now
            self._engine.start()
        except BaseException as error:
            self._lock.release()
            self.trouble = f"cannot start: {type(error).__name__}"
            raise
        self.trouble = ""
        self._heart.begin()
        self._settle_due = True
        log.info("this process runs the jobs of the data folder")

    def _wake_due(self) -> None:
        for row in self._context.ledger.due(self._context.settings.connection):
            self._context.wake(row)

    def recover_lost(self) -> None:
        """Give every open row without a workflow a new one; once after a take-over also those not settled for good."""
        context = self._context
        now = context.now()
        troubled = {one.generation_id for one in context.unexpected.all() if one.generation_id is not None}
        open_rows = list(context.ledger.open_rows(context.settings.connection))
        if open_rows:
            self._busy_at_s = time.monotonic()
        if self._settle_due or troubled:
            self._settle_due = False
            open_rows += context.ledger.provisional_rows(context.settings.connection)
        for ended in troubled - {row.id for row in open_rows}:
            context.recovered(ended)  # by a person: no step will say so
        rows = [
            row
            for row in open_rows
            if not context.at_work(row.id)
            and not context.is_backing_off(row.id)
            and (row.state is State.SUCCEEDED or now - row.created_at > timedelta(seconds=LOST_AFTER_S))
        ]
        alive = self._alive([f"{row.id}:{row.runs}" for row in rows])
        for row in rows:
            if f"{row.id}:{row.runs}" in alive:
                continue
            try:
                run = enqueue_again(context.ledger.database, context.ledger, self._inbox, row.id)
            except RivyaError as error:
                if told(error) is not None:
                    raise
                context.back_off(row.id)  # this row cannot be read; the others go on
                log.error("%s", error, extra={"generation_id": row.id})  # noqa: TRY400 - its sentence says all
                continue
            log.info("job taken up again", extra={"generation_id": row.id, "run": run})

    def _alive(self, workflow_ids: list[str]) -> set[str]:
        """Those that will still run: queued, or taken out of the queue so lately that their job may not have begun.

        To take one up too early is harmless: of two jobs of a row the second ends at once.
        """
        now_s = time.monotonic()
        unfinished = self._inbox.unfinished(workflow_ids)
        self._idle_since_s = {
            id_: self._idle_since_s.get(id_, now_s) for id_, is_taken in unfinished.items() if is_taken
        }
        return {id_ for id_ in unfinished if now_s - self._idle_since_s.get(id_, now_s) < IDLE_AFTER_S}

    def read_balance(self) -> BalanceRecord:
        """Read the wallet now and remember it; on an error the last known figure stays, with the reason beside it."""
        context = self._context
        connection = context.settings.connection
        asked_at = context.now()
        answer: Balance | None = None
        card: ErrorCard | None = None
        try:
            with self._client_made:
                if self._stop.is_set():
                    return BalanceRecord(credits=None, asked_at=None)
                if self._client is None:
                    self._client = self._make_client()
            answer = self._client.credits()
        except RivyaError as error:
            card = ErrorCard.of(error, "poll", charged="no")
        if self._stop.is_set():  # the lab was closed while the server was asked, and its database with it
            return BalanceRecord(credits=None, asked_at=None, error=card)
        if answer is None:
            record = replace(context.ledger.key_value.balance(connection), error=card, tried_at=asked_at)
        else:
            record = BalanceRecord(
                credits=answer.current_credits, asked_at=asked_at, simulated=answer.simulated, tried_at=asked_at
            )
        context.ledger.key_value.set_balance(connection, record)
        if answer is not None and not context.settings.read_only:  # a hold is given back by those who may spend
            context.ledger.actions.release_untaken(connection)
        return record

    def must_read_balance(self) -> BalanceRecord:
        """Read the balance now. Raises RivyaError saying what is wrong with key or connection."""
        record = self.read_balance()
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

    def _look_at_pause(self) -> None:
        context = self._context
        pause = context.ledger.key_value.pause(context.settings.connection)
        if pause is None or pause.effect == BY_PERSON:
            return
        key_changed = pause.effect == Effect.KEY.value and pause.key_fingerprint != context.ledger.key_fingerprint
        if key_changed or (pause.retry_at is not None and context.now() >= pause.retry_at):
            self.probe(pause)

    def probe(self, pause: Pause) -> None:
        """End a pause whose reason is gone; otherwise set the time of the next look."""
        context = self._context
        connection = context.settings.connection
        gone = pause.effect == Effect.RATE.value or self._reason_is_gone(pause)
        if self._stop.is_set() or context.ledger.key_value.pause(connection) != pause:
            return  # while the server was asked, somebody put another pause in its place
        later = context.now() + timedelta(seconds=PAUSE_S[Effect(pause.effect)])
        context.ledger.key_value.set_pause(connection, None if gone else replace(pause, retry_at=later))
        context.gate.forget()

    def _reason_is_gone(self, pause: Pause) -> bool:
        """Judge by a read of the wallet, which is also the documented check of a key."""
        record = self.read_balance()
        if record.error is not None:
            return only_a_create_can_tell(pause, record.error)
        needed = self._context.ledger.smallest_waiting(self._context.settings.connection)
        return pause.effect != Effect.WALLET.value or (record.credits or 0) >= needed


def only_a_create_can_tell(pause: Pause, error: ErrorCard) -> bool:
    """True when the server works and will not say how the wallet stands, so that a pause must end for one to be tried.

    A key may lack the scope to read the wallet, or be told so in words that are not documented.
    """
    status = error.http_status
    if status is None or status in {408, 425, 429} or not 400 <= status < 500:  # noqa: PLR2004 - HTTP status
        return False
    if pause.effect == Effect.OFF.value or error.code == "api_scope_denied":
        return True
    return error.code not in ERROR_CODES and status != 401  # noqa: PLR2004 - HTTP status
