"""Heartbeats of this process, and self-fencing: whether it may still assume that the rows it claimed are its own.

A process that was stopped (SIGSTOP, sleep) or cut off from the database cannot tell. So it counts terms: the term grows
before a late heartbeat is written, and a job of an earlier term sends nothing any more, whatever its row says.
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
"""Part of ``worker_silent_s`` after which a worker without a heartbeat stops sending; the rest covers requests in flight."""

_BOOTTIME: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime_s() -> float:
    """Return seconds since boot, time asleep included: a monotonic clock that does not stop with a suspended machine."""
    return time.clock_gettime(_BOOTTIME)


def new_id() -> str:
    """Create a unique process id: ``<host>-<pid>-<8 hex digits>``."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:HOST_MAX]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


class Membership:
    """One process that shares a database; heartbeats run in a thread of their own, so that no other work delays them."""

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
        """Grows whenever others may have declared this process dead; leases of earlier terms are void."""
        self.is_first = False
        """Whether this worker is the leader, as of the last heartbeat; see ``is_on_duty``."""
        self.silent: tuple[str, ...] = ()
        """Workers past the timeout, which this one may reap, as of the last heartbeat."""
        self._own = limits_of(settings)
        self._connection = settings.connection
        self._key_fingerprint = key_fingerprint
        self.limits: Mapping[str, float] = smallest([self._own])
        """The smallest limits of all processes, as of the last heartbeat."""
        self._beat_s = settings.worker_beat_s
        self._fresh_s = settings.worker_silent_s * FRESH_PART
        self._at_work = at_work
        self._clock_s = clock_s
        self._last_beat_s = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rivya-beat", daemon=True)

    def start(self) -> None:
        """Register the process and start the heartbeats."""
        self._enter()
        self._thread.start()

    def stop(self, enqueue_many: EnqueueMany, unclaimed: Mapping[str, int]) -> dict[str, int]:
        """Stop the heartbeats and deregister; what this worker still holds is requeued (``Workers.end``)."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self.term += 1
        return self.workers.end(self.id, enqueue_many, unclaimed)

    @property
    def is_alive(self) -> bool:
        """Whether the heartbeat thread runs."""
        return self._thread.is_alive()

    @property
    def is_fresh(self) -> bool:
        """Whether the last heartbeat is so recent that nobody can have declared this process dead."""
        return self._clock_s() - self._last_beat_s < self._fresh_s

    @property
    def is_on_duty(self) -> bool:
        """Whether this worker is the leader: the one that reads the balance, ends pauses, tidies and measures."""
        return self.is_first and self.is_fresh

    def refuse_if_lapsed(self, lease: Lease, *, to_send: bool) -> None:
        """Raise LostRowError when the lease is of an earlier term or, with ``to_send`` (right before a POST), not fresh."""
        if lease.term != self.term or (to_send and not self.is_fresh):
            raise LostRowError(lease.generation_id)

    def claim(self, generation_id: str) -> Lease | None:
        """Claim a row in the current term; see ``Workers.claim``."""
        return self.workers.claim(generation_id, self.id, self.term)

    def beat(self) -> None:
        """Write one heartbeat. Raises StorageError when the database does not answer."""
        began_s = self._clock_s()
        if began_s - self._last_beat_s >= self._fresh_s:
            # Before the heartbeat is written: once it makes this process look alive, its old jobs must already be void.
            self.term += 1
        result = self.workers.beat(self.id, at_work=self._at_work(), clock=lambda: datetime.now(UTC))
        if result is None:
            log.warning("this process was taken for dead; its jobs are given up")
            self.term += 1
            self._enter()
            return
        self.is_first, self.silent, self.limits = result.is_first, result.silent, result.limits
        self._last_beat_s = began_s

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
        self._last_beat_s = began_s

    def _run(self) -> None:
        while not self._stop.wait(self._beat_s):
            try:
                self.beat()
            except Exception as error:  # noqa: BLE001 - the outer edge of the thread
                if not self._stop.is_set():
                    log_error(log, "a beat failed; the next one follows", error)
