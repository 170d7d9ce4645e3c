"""This process among those that share a database: its beats, and whether it may still believe that its rows are its own.

A process that was stopped, or cut off from the database, does not know it. So each life has a number, the term, which grows
before a late beat is written: a job that was begun in an earlier term sends nothing any more, whatever its row says.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from rivya_core.lab.jobs.role import Role
from rivya_core.lab.ledger.database import log_error
from rivya_core.lab.ledger.lease import Lease, LostRowError
from rivya_core.lab.ledger.shared_limits import limits_of, smallest
from rivya_core.lab.ledger.workers import EnqueueMany, Workers
from rivya_core.settings import Settings
from rivya_core.version import VERSION

log = logging.getLogger("rivya.membership")

HOST_MAX: Final = 64
FRESH_PART: Final = 2 / 3
"""Part of ``worker_silent_s`` after which a worker without a beat sends nothing more; the rest is for what is under way."""

_BOOTTIME: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime_s() -> float:
    """Return seconds since the start of the machine, those included in which it slept."""
    return time.clock_gettime(_BOOTTIME)


def new_id() -> str:
    """Return the id of a process, never used before: ``<host>-<pid>-<8 hex digits>``."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:HOST_MAX]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


class Membership:
    """One process that shares a database, in a thread of its own so that no other work makes a beat late."""

    def __init__(
        self,
        workers: Workers,
        role: Role,
        settings: Settings,
        *,
        key_fingerprint: str | None = None,
        at_work: Callable[[], int] = lambda: 0,
        clock_s: Callable[[], float] = boottime_s,
    ) -> None:
        self.id = new_id()
        self.workers = workers
        self.role = role
        self.term = 1
        """Number of this life of the process: it grows when nobody knows whether others took it for dead."""
        self.is_first = False
        """Whether this worker does what one alone should do, as of the last beat; see ``is_on_duty``."""
        self.silent: tuple[str, ...] = ()
        """Workers that this one may judge dead, as of the last beat."""
        self._own = limits_of(settings)
        self._connection = settings.connection
        self._key_fingerprint = key_fingerprint
        self.limits: Mapping[str, float] = smallest([self._own])
        """The smallest limits of all processes, as of the last beat."""
        self._beat_s = settings.worker_beat_s
        self._fresh_s = settings.worker_silent_s * FRESH_PART
        self._at_work = at_work
        self._clock_s = clock_s
        self._good_s = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rivya-beat", daemon=True)

    def start(self) -> None:
        """Enter the table of workers and beat from now on."""
        self._enter()
        self._thread.start()

    def stop(self, enqueue_many: EnqueueMany, unclaimed: Mapping[str, int]) -> dict[str, int]:
        """Beat no more and leave the table; what this worker still holds goes back into the queue (``Workers.end``)."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self.term += 1
        return self.workers.end(self.id, enqueue_many, unclaimed)

    @property
    def is_alive(self) -> bool:
        """True while the thread beats."""
        return self._thread.is_alive()

    @property
    def is_fresh(self) -> bool:
        """True when the last beat is so young that nobody can have taken this process for dead."""
        return self._clock_s() - self._good_s < self._fresh_s

    @property
    def is_on_duty(self) -> bool:
        """True for the one worker that reads the balance, looks at pauses, tidies and measures."""
        return self.is_first and self.is_fresh

    def refuse_if_lapsed(self, lease: Lease, *, to_send: bool) -> None:
        """Raise LostRowError when the lease is of an earlier term; ``to_send``, right before a POST: or no longer fresh."""
        if lease.term != self.term or (to_send and not self.is_fresh):
            raise LostRowError(lease.generation_id)

    def claim(self, generation_id: str) -> Lease | None:
        """Claim a row in the present term; see ``Workers.claim``."""
        return self.workers.claim(generation_id, self.id, self.term)

    def beat(self) -> None:
        """Beat once. Raises StorageError when the database does not answer."""
        began_s = self._clock_s()
        if began_s - self._good_s >= self._fresh_s:
            # Before the beat is written, which makes this process look alive: its old jobs must not.
            self.term += 1
        told = self.workers.beat(self.id, at_work=self._at_work(), clock=lambda: datetime.now(UTC))
        if told is None:
            log.warning("this process was taken for dead; its jobs are given up")
            self.term += 1
            self._enter()
            return
        self.is_first, self.silent, self.limits = told.is_first, told.silent, told.limits
        self._good_s = began_s

    def _enter(self) -> None:
        began_s = self._clock_s()
        self.is_first, self.silent = False, ()
        self.workers.begin(
            self.id,
            role=self.role.value,
            host=socket.gethostname(),
            version=VERSION,
            limits=self._own,
            connection_name=self._connection,
            key_fingerprint=self._key_fingerprint,
        )
        self._good_s = began_s

    def _run(self) -> None:
        while not self._stop.wait(self._beat_s):
            try:
                self.beat()
            except Exception as error:  # noqa: BLE001 - the outer edge of the thread
                if not self._stop.is_set():
                    log_error(log, "a beat failed; the next one follows", error)
