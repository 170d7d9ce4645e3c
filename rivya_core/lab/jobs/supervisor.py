"""Background housekeeping of a process, in two threads: who runs the jobs, lost workflows and due rows; balance and pauses.

Two threads, because reading the balance may block on a slow server and job recovery must not wait for it. The supervisor
asks the server for nothing but the balance, with a client of its own; everything that can be charged runs in the engine's
steps. At most one process per data folder runs jobs, guarded by an OS file lock; the others retry the lock and take over.
On a shared database the workers run the jobs, and one of them reads the balance and looks at pauses (``fleet``).
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
from rivya_core.lab.jobs.fleet import Fleet
from rivya_core.lab.jobs.heartbeat import Heartbeat, Silence
from rivya_core.lab.jobs.membership import Membership
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.jobs.submission import enqueue_again
from rivya_core.lab.ledger.database import log_error, told
from rivya_core.lab.ledger.records import BalanceRecord, ErrorCard, Pause
from rivya_core.lab.ledger.states import State

log = logging.getLogger("rivya.supervisor")

TICK_S = 0.5
LOCK_EVERY_S = 2.0
SWEEP_EVERY_S = 5.0
TIDY_EVERY_S = 3600.0
KEPT_FOR = timedelta(days=7)  # retention of the engine's records of ended workflows
LOST_AFTER_S = 3.0  # a younger row is left to its first workflow
IDLE_AFTER_S = 20.0  # a dequeued workflow that has not started after this long is taken for lost
MOVED_S = 10.0  # least age of the balance before it is read again because the ledger changed
HOUSEKEEPING = {
    "_keep_jobs": "while lost and due generations were looked for",
    "_keep_wallet": "while the balance was looked after",
}
REST_AFTER_S = 30.0  # idle time (no open rows, no page views) after which the queue is polled slowly
WATCHED_FOR_S = 300.0  # the balance is kept fresh for this long after a page last showed it


class Supervisor:
    """Run the housekeeping in two daemon threads; one supervisor per lab."""

    def __init__(
        self,
        context: JobContext,
        engine: Engine,
        queue: JobQueue,
        lock: FileLock,
        make_client: Callable[[], Rivya],
        role: Role = Role.EMBEDDED,
    ) -> None:
        self.role = role
        self._fleet = None if role is Role.EMBEDDED else Fleet(context, queue, role)
        self._tick_s = min(TICK_S, context.settings.worker_beat_s) if self._fleet else TICK_S
        self._heart = Heartbeat(context.settings.data_dir.expanduser())
        self._context = context
        self._engine = engine
        self._queue = queue
        self._lock = lock
        self._make_client = make_client
        self._client: Rivya | None = None
        self._stop = threading.Event()
        self._client_lock = threading.Lock()
        self._read_now = threading.Event()
        self._looked_at_s = self._busy_at_s = time.monotonic()
        self._next_lock_s = self._next_sweep_s = self._next_tidy_s = 0.0
        self._read_at_s = float("-inf")
        self._changes = -1
        self._settle_due = False
        self._idle_since_s: dict[str, float] = {}
        self.trouble = ""
        """Why this process holds the executor role and cannot use it, or empty."""
        self._jobs_thread = threading.Thread(
            target=self._run, args=(self._keep_jobs,), name="rivya-supervisor", daemon=True
        )
        self._wallet_thread = threading.Thread(
            target=self._run, args=(self._keep_wallet,), name="rivya-wallet", daemon=True
        )

    def start(self) -> None:
        """Try to become the executor at once, or join the others that share the database; then start the background threads."""
        if self._fleet is None:
            self._take_over()
        else:
            self._join(self._fleet)
        self._jobs_thread.start()
        self._wallet_thread.start()

    def stop(self) -> None:
        """Stop both threads, stop the engine and release the executor lock, in that order.

        A worker first finishes what is being sent or saved, and gives the rest back to the others (``context.FINISH_S``).
        """
        self._stop.set()
        self._read_now.set()
        if self._jobs_thread.is_alive():
            self._jobs_thread.join(timeout=10)
        if self._fleet is None and self._engine.is_running:
            self._heart.end()
        self._engine.stop()  # before the lock is released: another process takes over within seconds and runs the same rows
        if self._fleet is not None:
            self._fleet.stop()
        with suppress(OSError):
            self._lock.release()
        if self._wallet_thread.is_alive():
            self._wallet_thread.join(timeout=2)  # it may be blocked on the server; closing its client below ends that
        if self._client is not None:
            self._client.close()

    @property
    def is_alive(self) -> bool:
        """True while both threads run."""
        threads = self._jobs_thread.is_alive() and self._wallet_thread.is_alive()
        return threads and (self._fleet is None or self._fleet.membership.is_alive)

    @property
    def membership(self) -> Membership | None:
        """This process among those that share the database; None on one machine."""
        return None if self._fleet is None else self._fleet.membership

    @property
    def is_on_duty(self) -> bool:
        """True in the one process that reads the balance, ends pauses, tidies and measures."""
        return self._engine.is_running and (self._fleet is None or self._fleet.membership.is_on_duty)

    def silence(self) -> Silence | None:
        """The process that holds the executor lock and shows no heartbeat, or None."""
        return None if self._fleet is not None or self._engine.is_running else self._heart.silence()

    def look(self) -> None:
        """Note that a page shows the balance, so that it is kept fresh for ``WATCHED_FOR_S``."""
        self._looked_at_s = time.monotonic()

    def ask_balance(self) -> None:
        """Request a balance read at the next tick; does not block."""
        self._read_now.set()

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
            self._stop.wait(self._tick_s)

    def _keep_jobs(self, now_s: float) -> None:
        if self._fleet is not None:
            if self._engine.is_running:
                self._keep_fleet(self._fleet, now_s)
            return
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
                self._queue.forget_ended(self._context.now() - KEPT_FOR)
            self._engine.rest(is_idle=now_s - max(self._busy_at_s, self._looked_at_s) > REST_AFTER_S)

    def _keep_fleet(self, fleet: Fleet, now_s: float) -> None:
        self._context.observer.flush_if_due(now_s)
        fleet.wake_due()
        fleet.reap()
        if now_s >= self._next_sweep_s:
            self._next_sweep_s = now_s + SWEEP_EVERY_S
            fleet.recover_lost(now_s)
        if now_s >= self._next_tidy_s and self.is_on_duty:
            self._next_tidy_s = now_s + TIDY_EVERY_S
            fleet.tidy()
            self._queue.forget_ended(self._context.now() - KEPT_FOR)

    def _join(self, fleet: Fleet) -> None:
        fleet.membership.start()
        if self.role is Role.WORKER:
            self._context.archive.remove_parts()
            self._engine.start()
            log.info("this process runs jobs of the database", extra={"worker": fleet.membership.id})

    def _keep_wallet(self, now_s: float) -> None:
        if self.is_on_duty:
            self._look_at_pause()
        if self._read_now.is_set() or self._balance_is_due(now_s):
            self._read_now.clear()
            self._read_at_s = now_s
            self.read_balance()
            if not self._stop.is_set():
                self._changes = self._moves()

    def _moves(self) -> int:
        """Return a version of the generations; on a shared database one that does not change with every heartbeat."""
        return self._context.ledger.changes() if self._fleet is None else self._context.ledger.newest_event()

    def _balance_is_due(self, now_s: float) -> bool:
        """True ``MOVED_S`` after the ledger changed, and every ``balance_refresh_s`` while a page shows the balance."""
        refresh_s = self._context.settings.balance_refresh_s
        if self.role is Role.DASHBOARD:
            return now_s - self._looked_at_s < WATCHED_FOR_S and self._is_balance_older_than(refresh_s)
        if not self.is_on_duty:
            return False
        age_s = now_s - self._read_at_s
        moved = self._moves() != self._changes
        if moved and age_s >= min(MOVED_S, refresh_s):
            return True
        return age_s >= refresh_s and now_s - self._looked_at_s < WATCHED_FOR_S

    def _is_balance_older_than(self, seconds: float) -> bool:
        """Whether no process has requested the balance for so long; each records its requests in the ledger."""
        tried_at = self._context.ledger.key_value.balance(self._context.settings.connection).tried_at
        return tried_at is None or (self._context.now() - tried_at).total_seconds() >= seconds

    def _take_over(self) -> None:
        """Acquire the executor lock and start the engine, unless another process holds it; a read-only lab never does."""
        if self._context.settings.read_only:
            return
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self.trouble = ""
            return
        try:
            self._context.archive.remove_parts()  # left by a crash during a download; safe under the lock: no other writer
            self._engine.start()
        except BaseException as error:
            self._lock.release()  # so that a process that can start the engine takes over
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
        """Enqueue a new workflow for every open row that has none; after a takeover, also for provisionally settled rows.

        Covers whatever the engine's own recovery does not: a workflow that ended on an unexpected error, an engine database
        that was lost or reset, a row that was reopened. Enqueuing too often is harmless (see ``_alive``), too seldom is not.
        """
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
            context.recovered(ended)  # a person ended the row, so no step will clear its error
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
                run = enqueue_again(context.ledger.database, context.ledger, self._queue, row.id)
            except RivyaError as error:
                if told(error) is not None:
                    raise
                context.back_off(row.id)  # this row alone is damaged; go on with the others
                log.error("%s", error, extra={"generation_id": row.id})  # noqa: TRY400 - its sentence says all
                continue
            log.info("job taken up again", extra={"generation_id": row.id, "run": run})

    def _alive(self, workflow_ids: list[str]) -> set[str]:
        """Return the workflows that will still run: queued, or dequeued so recently that their job may not have started.

        A false negative is harmless: of two jobs of one row the second ends at once (``JobContext.start_work``).
        """
        now_s = time.monotonic()
        unfinished = self._queue.unfinished(workflow_ids)
        self._idle_since_s = {
            id_: self._idle_since_s.get(id_, now_s) for id_, is_dequeued in unfinished.items() if is_dequeued
        }
        return {id_ for id_ in unfinished if now_s - self._idle_since_s.get(id_, now_s) < IDLE_AFTER_S}

    def read_balance(self) -> BalanceRecord:
        """Read the balance now and store it; on an error the last known figure stays, together with the error. Blocks."""
        context = self._context
        connection = context.settings.connection
        # Taken before the request: whatever is sent from here on may be missing in the answer, so the budget adds it.
        asked_at = context.now()
        answer: Balance | None = None
        card: ErrorCard | None = None
        try:
            with self._client_lock:
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
        if answer is not None and not context.settings.read_only:  # releasing a reservation makes room to spend
            context.ledger.actions.release_untaken(connection)
        return record

    def must_read_balance(self) -> BalanceRecord:
        """Read the balance now. Raises RivyaError when the key or the connection does not work."""
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
        """End a pause whose reason is gone; otherwise schedule the next check."""
        context = self._context
        connection = context.settings.connection
        is_over = pause.effect == Effect.RATE.value or self._is_over(pause)
        if self._stop.is_set() or context.ledger.key_value.pause(connection) != pause:
            return  # compare-and-set: the pause was replaced or ended while the server was asked
        later = context.now() + timedelta(seconds=PAUSE_S[Effect(pause.effect)])
        context.ledger.key_value.set_pause(connection, None if is_over else replace(pause, retry_at=later))
        context.admission.forget()

    def _is_over(self, pause: Pause) -> bool:
        """Check by reading the balance, which is also the documented way to verify a key."""
        record = self.read_balance()
        if record.error is not None:
            return only_a_create_can_tell(pause, record.error)
        needed = self._context.ledger.smallest_waiting(self._context.settings.connection)
        return pause.effect != Effect.WALLET.value or (record.credits or 0) >= needed


def only_a_create_can_tell(pause: Pause, error: ErrorCard) -> bool:
    """True when the server works but will not tell the balance, so that only a new create can show whether the pause is over.

    A key may lack the scope to read the balance, and the server may say so with an undocumented code.
    """
    status = error.http_status
    if status is None or status in {408, 425, 429} or not 400 <= status < 500:  # noqa: PLR2004 - HTTP status
        return False
    if pause.effect == Effect.OFF.value or error.code == "api_scope_denied":
        return True
    return error.code not in ERROR_CODES and status != 401  # noqa: PLR2004 - HTTP status
